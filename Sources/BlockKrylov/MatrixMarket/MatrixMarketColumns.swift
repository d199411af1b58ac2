/// The columns of a Matrix Market file, some at a time.
public final class MatrixMarketColumns<Element: Scalar> {
  enum Source {
    case file(EntryReader)
    case memory(BlockVector<Element>, [MatrixMarketWarning])
  }

  /// The number of rows.
  public let rows: Int
  /// The number of columns of the whole file.
  public let columns: Int
  /// How many columns have been read.
  public private(set) var position = 0
  private var source: Source

  init(rows: Int, columns: Int, _ source: Source) {
    (self.rows, self.columns, self.source) = (rows, columns, source)
  }

  /// What deviations were met so far.
  public var warnings: [MatrixMarketWarning] {
    switch source {
    case .file(let reader): reader.warnings.warnings
    case .memory(_, let warnings): warnings
    }
  }

  /// The next columns, at most so many; `nil` when all have been read.
  ///
  /// - Throws: ``BlockKrylovError/file(path:line:_:)`` for entries that are not as they must be.
  public func next(_ most: Int) throws -> BlockVector<Element>? {
    let count = min(most, columns - position)
    guard count > 0 else { return nil }
    let block: BlockVector<Element>
    switch source {
    case .file(var reader):
      let entries = try reader.columns(count, Element.self)
      source = .file(reader)
      block = try BlockVector(columnMajor: entries, rows: rows, columns: count)
    case .memory(let whole, _): block = whole[columns: position..<(position + count)]
    }
    position += count
    return block
  }
}

/// Writes an array Matrix Market file some columns at a time. The file is there when the last one has been written.
public final class MatrixMarketColumnWriter<Element: Scalar> {
  private let path: String
  private let rows: Int
  private let columns: Int
  private var position = 0
  private let writer: TextWriter

  /// A file for so many columns, compressed when its name ends in `.gz`.
  ///
  /// - Throws: ``BlockKrylovError/file(path:line:_:)`` when no file can be made there.
  public init(_ path: String, rows: Int, columns: Int, comments: [String] = []) throws {
    (self.path, self.rows, self.columns) = (path, rows, columns)
    writer = try TextWriter(path: path)
    try writer.writeHead(.array, Element.self, .general, comments)
    try writer.write("\(rows) \(columns)\n")
  }

  /// Adds columns.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` for another number of rows or more columns than were announced,
  ///   ``BlockKrylovError/invalidMatrix(_:)`` for a number that is not finite, ``BlockKrylovError/file(path:line:_:)`` when it cannot be
  ///   written.
  public func append(_ block: BlockVector<Element>) throws {
    try checkShape(block.rows, equals: rows, "the file has \(rows) rows, the columns have \(block.rows)")
    guard position + block.columns <= columns else {
      throw BlockKrylovError.shape("the file was made for \(columns) columns and gets \(position + block.columns)")
    }
    try block.checkFiniteForFile(firstColumn: position)
    try block.writeEntries(writer)
    position += block.columns
  }

  /// Ends the file.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when columns are missing; no file is left then.
  public func finish() throws {
    try checkShape(position, equals: columns, "the file was made for \(columns) columns and has \(position)")
    try writer.finish()
  }
}
