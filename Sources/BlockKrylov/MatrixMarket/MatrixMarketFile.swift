/// A Matrix Market file of which the header has been read and the entries wait.
///
/// For when the scalar type depends on the file, or the warnings matter; otherwise ``CSRMatrix/init(matrixMarket:options:)`` and
/// ``BlockVector/init(matrixMarket:options:)`` are shorter.
/// ```swift
/// let file = try MatrixMarketFile("A.mtx.gz", options: .lenient)
/// if file.header.isComplex {
///   let (a, warnings) = try file.matrix(of: Complex<Double>.self)
/// } else { … }
/// ```
/// Plain and gzip-compressed files are told apart by their first bytes; pipes work as well. The entries are read at most once, which
/// is why the file is used up by reading. A real file may be read as complex; numbers are rounded correctly to the scalar type,
/// integers beyond 2⁵³ as well (with a warning).
public struct MatrixMarketFile: ~Copyable {
  /// Banner, sizes and comments.
  public let header: MatrixMarketHeader
  private let lines: LineReader
  private let head: HeaderReader.Result
  private let options: MatrixMarketOptions
  private let sizeLine: Int

  /// Opens a file and reads its header.
  ///
  /// - Throws: ``BlockKrylovError/file(path:line:_:)``, as all that reads files.
  public init(_ path: String, options: MatrixMarketOptions = .strict) throws {
    let reader = try LineReader(path: path)
    let result = try HeaderReader.read(reader, options: options)
    (lines, head, header) = (reader, result, result.header)
    sizeLine = lines.line
    self.options = options
  }

  /// What deviations the header has.
  public var warnings: [MatrixMarketWarning] { head.warnings.warnings }

  /// The file as a sparse matrix, its structure tagged as the header promises. The other triangle of a symmetric matrix is added.
  /// Explicit zeros of a coordinate file are kept as entries, those of an array file are not.
  ///
  /// - Throws: ``BlockKrylovError/file(path:line:_:)`` for anything that is not as it must be, and for complex entries when
  ///   `Element` is real.
  /// - Complexity: one pass over the file and a counting sort; rows are sorted besides when the file is ordered neither by rows nor
  ///   by columns. While reading, the entries of the file (16 bytes each for `Double`) are in memory beside the matrix.
  public consuming func matrix<Element: Scalar>(
    of type: Element.Type = Element.self
  ) throws -> (matrix: CSRMatrix<Element>, warnings: [MatrixMarketWarning]) {
    if header.format == .array {
      let structure = header.structure
      let (block, warnings) = try block(of: type)
      return (CSRMatrix(block, structure: structure), warnings)
    }
    var reader = try entryReader(for: type)
    let matrix = try sparse(&reader, type)
    return (matrix, reader.warnings.warnings)
  }

  /// The file as a dense block: right-hand sides, or any matrix that is small enough. Coordinate files are filled up with zeros, the
  /// other triangle of a symmetric matrix is added.
  ///
  /// - Throws: as ``matrix(of:)``.
  public consuming func block<Element: Scalar>(
    of type: Element.Type = Element.self
  ) throws -> (block: BlockVector<Element>, warnings: [MatrixMarketWarning]) {
    var reader = try entryReader(for: type)
    let (rows, columns) = (header.rows, header.columns)
    if header.format == .coordinate {
      try checkMemory(rows, BlockVector<Element>.paddedWidth(columns) * MemoryLayout<Element>.stride)
      let matrix = try sparse(&reader, type)
      var block = BlockVector<Element>(rows: rows, columns: columns)
      matrix.scatter(into: &block)
      return (block, reader.warnings.warnings)
    }
    let entries = try reader.array(type)
    try checkMemory(rows, BlockVector<Element>.paddedWidth(columns) * MemoryLayout<Element>.stride)
    let block =
      header.symmetry == .general
      ? try BlockVector(columnMajor: entries, rows: rows, columns: columns)
      : BlockVector(lowerTriangle: entries, size: rows, symmetry: header.symmetry)
    return (block, reader.warnings.warnings)
  }

  private borrowing func entryReader<Element: Scalar>(for type: Element.Type) throws -> EntryReader {
    guard !header.isComplex || Element.isComplex else {
      throw BlockKrylovError.file(
        path: lines.path, line: 1, "the entries are complex; read them as Complex<Double> (or Complex<Float>), not as \(type)")
    }
    return EntryReader(lines: lines, head: head, options: options, single: Element.scalarKind.isSinglePrecision)
  }

  private borrowing func sparse<Element: Scalar>(
    _ reader: inout EntryReader, _ type: Element.Type
  ) throws -> CSRMatrix<Element> {
    var triplets = try reader.triplets(type)
    if head.symmetryIsAssumed, header.rows == header.columns, triplets.liesInOneTriangle {
      throw BlockKrylovError.file(
        path: lines.path, line: 1,
        "the banner does not say whether the matrix is symmetric, and all entries lie on one side of the diagonal; "
          + "begin the file with '%%MatrixMarket matrix coordinate real symmetric' (or general)")
    }
    // Three arrays as long as the longer side: nothing that the number of entries bounds.
    try checkMemory(max(header.rows, header.columns), 3 * MemoryLayout<Int>.stride)
    let (matrix, duplicates) = triplets.compress()
    if duplicates.count > 0 {
      for _ in 0..<duplicates.count {
        try reader.accept(
          "an entry is given a second time; the values are added", remedy: "add them up in the file", line: duplicates.line)
      }
      try matrix.checkFinite()
    }
    return (header.symmetry == .general ? matrix : matrix.mirrored(header.symmetry)).tagged(header.structure)
  }

  /// Refuses sizes for which this machine has not enough memory: asking for it would end the program.
  private borrowing func checkMemory(_ count: Int, _ bytesEach: Int) throws {
    let (bytes, overflow) = (count + 1).multipliedReportingOverflow(by: bytesEach)
    guard overflow || bytes > installedMemory else { return }
    throw BlockKrylovError.file(
      path: lines.path, line: sizeLine,
      "a size of \(header.rows) × \(header.columns) needs more memory than this machine has (\(installedMemory >> 20) MiB)")
  }
}

extension CSRMatrix {
  /// Reads a sparse matrix from a Matrix Market file (`.mtx`, `.mtx.gz`).
  ///
  /// - Parameter options: how closely the file must follow the format; ``MatrixMarketFile`` also gives the warnings.
  /// - Throws: ``BlockKrylovError/file(path:line:_:)``; see ``MatrixMarketFile/matrix(of:)``.
  public init(matrixMarket path: String, options: MatrixMarketOptions = .strict) throws {
    self = try MatrixMarketFile(path, options: options).matrix(of: Element.self).matrix
  }

  /// The entries of a block that are not zero.
  fileprivate init(_ block: BlockVector<Element>, structure: Structure) {
    var (start, index, value) = ([0], [Int32](), [Element]())
    start.reserveCapacity(block.rows + 1)
    for i in 0..<block.rows {
      for j in 0..<block.columns where block[i, j] != 0 {
        index.append(Int32(truncatingIfNeeded: j))
        value.append(block[i, j])
      }
      start.append(value.count)
    }
    self.init(
      uncheckedRows: block.rows, columns: block.columns, rowStart: start, columnIndex: index, values: value, structure: structure)
  }

  fileprivate func scatter(into block: inout BlockVector<Element>) {
    for i in 0..<rows { for k in rowStart[i]..<rowStart[i + 1] { block[i, Int(columnIndex[k])] = values[k] } }
  }
}

extension BlockVector {
  /// Reads right-hand sides or another dense block from a Matrix Market file (`.mtx`, `.mtx.gz`), array or coordinate.
  ///
  /// - Parameter options: how closely the file must follow the format; ``MatrixMarketFile`` also gives the warnings.
  /// - Throws: ``BlockKrylovError/file(path:line:_:)``; see ``MatrixMarketFile/block(of:)``.
  public init(matrixMarket path: String, options: MatrixMarketOptions = .strict) throws {
    self = try MatrixMarketFile(path, options: options).block(of: Element.self).block
  }

  /// The whole of a symmetric matrix from its lower triangle column by column.
  fileprivate init(lowerTriangle entries: [Element], size: Int, symmetry: MatrixMarketHeader.Symmetry) {
    self.init(rows: size, columns: size)
    var position = 0
    for j in 0..<size {
      let first = symmetry == .skewSymmetric ? j + 1 : j
      for i in first..<max(first, size) {
        self[i, j] = entries[position]
        if i != j { self[j, i] = symmetry.mirrorImage(entries[position]) }
        position += 1
      }
    }
  }
}
