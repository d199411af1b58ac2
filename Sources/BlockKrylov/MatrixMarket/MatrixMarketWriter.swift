internal import ComplexModule

extension CSRMatrix {
  /// Writes the matrix as a coordinate Matrix Market file, compressed when the name ends in `.gz`.
  ///
  /// Each number is written with the fewest digits that read back as the same number of the same type. The file is there completely
  /// or not at all; one that is there already is replaced at the end.
  ///
  /// - Parameters:
  ///   - symmetry: which entries to store. `nil`, the default, stores one triangle when ``structure`` promises a symmetry and the
  ///     entries have it exactly (a promise may hold up to rounding only), otherwise all entries.
  ///   - comments: lines for the head of the file.
  /// - Throws: ``BlockKrylovError/invalidMatrix(_:)`` when the matrix does not have the given `symmetry` exactly,
  ///   ``BlockKrylovError/file(path:line:_:)`` when the file cannot be written.
  public func write(
    matrixMarket path: String, symmetry: MatrixMarketHeader.Symmetry? = nil, comments: [String] = []
  ) throws {
    var stored = MatrixMarketHeader.Symmetry.general
    if let symmetry {
      guard has(symmetry) else {
        throw BlockKrylovError.invalidMatrix(
          "the matrix is not exactly \(symmetry.rawValue) (or stores entries on its diagonal that such a file cannot hold); "
            + "write it as general")
      }
      stored = symmetry == .hermitian && !Element.isComplex ? .symmetric : symmetry
    } else if let promised = promisedSymmetry, has(promised) {
      stored = promised
    }
    let lower = stored == .general ? nil : lowerTriangle
    let writer = try TextWriter(path: path)
    try writer.writeHead(.coordinate, Element.self, stored, comments)
    try writer.write("\(rows) \(columns) \((lower ?? self).nonzeros)\n")
    try (lower ?? self).writeEntries(writer)
    try writer.finish()
  }

  private var promisedSymmetry: MatrixMarketHeader.Symmetry? {
    if structure.contains(.symmetric) || (structure.contains(.hermitian) && !Element.isComplex) { return .symmetric }
    if structure.contains(.hermitian) { return .hermitian }
    return structure.contains(.skewSymmetric) ? .skewSymmetric : nil
  }

  /// Whether a file with one triangle would hold the same matrix: mirror images of all entries are stored and exact.
  private func has(_ symmetry: MatrixMarketHeader.Symmetry) -> Bool {
    if symmetry == .general { return true }
    guard rows == columns else { return false }
    let mirror = transposed()
    guard mirror.rowStart == rowStart, mirror.columnIndex == columnIndex else { return false }
    if symmetry == .skewSymmetric, (0..<rows).contains(where: { position(row: $0, column: $0) != nil }) { return false }
    return zip(values, mirror.values).allSatisfy { $0 == symmetry.mirrorImage($1) }
  }

  private var lowerTriangle: CSRMatrix {
    var (start, index, value) = ([0], [Int32](), [Element]())
    for i in 0..<rows {
      for k in rowStart[i]..<rowStart[i + 1] where columnIndex[k] <= i {
        index.append(columnIndex[k])
        value.append(values[k])
      }
      start.append(value.count)
    }
    return CSRMatrix(uncheckedRows: rows, columns: columns, rowStart: start, columnIndex: index, values: value)
  }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private func writeEntries(_ writer: TextWriter) throws {
    for i in 0..<rows {
      let row = "\(i + 1) "
      for k in rowStart[i]..<rowStart[i + 1] {
        try writer.write(row)
        try writer.write((columnIndex[k] + 1).description)
        writer.write(0x20)
        try writer.write(values[k])
      }
    }
  }
}

extension BlockVector {
  /// Writes the block as an array Matrix Market file, compressed when the name ends in `.gz`.
  ///
  /// Each number is written with the fewest digits that read back as the same number of the same type. The file is there completely
  /// or not at all; one that is there already is replaced at the end.
  ///
  /// - Parameter comments: lines for the head of the file.
  /// - Throws: ``BlockKrylovError/invalidMatrix(_:)`` for a number that is not finite, which the format cannot hold, and
  ///   ``BlockKrylovError/file(path:line:_:)`` when the file cannot be written.
  public func write(matrixMarket path: String, comments: [String] = []) throws {
    try checkFiniteForFile(firstColumn: 0)
    let writer = try TextWriter(path: path)
    try writer.writeHead(.array, Element.self, .general, comments)
    try writer.write("\(rows) \(columns)\n")
    try writeEntries(writer)
    try writer.finish()
  }

  func checkFiniteForFile(firstColumn: Int) throws {
    for j in 0..<columns {
      for i in 0..<rows where !self[i, j].isFinite {
        throw BlockKrylovError.invalidMatrix(
          "row \(i) of column \(firstColumn + j) is \(self[i, j]) (both from 0), which a Matrix Market file cannot hold; leave the column "
            + "out")
      }
    }
  }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  func writeEntries(_ writer: TextWriter) throws {
    for j in 0..<columns { for i in 0..<rows { try writer.write(self[i, j]) } }
  }
}

extension TextWriter {
  func writeHead<Element: Scalar>(
    _ format: MatrixMarketHeader.Format, _ type: Element.Type, _ symmetry: MatrixMarketHeader.Symmetry, _ comments: [String]
  ) throws {
    let field: MatrixMarketHeader.Field = Element.isComplex ? .complex : .real
    try write("%%MatrixMarket matrix \(format.rawValue) \(field.rawValue) \(symmetry.rawValue)\n")
    for comment in comments {
      for line in comment.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) { try write("%\(line)\n") }
    }
  }

  /// A value and the end of its line.
  @inline(__always) fileprivate func write<Element: Scalar>(_ value: Element) throws {
    try write(Self.digits(value.realPart))
    if Element.isComplex {
      write(0x20)
      try write(Self.digits(value.imaginaryPart))
    }
    write(0x0A)
  }

  /// The fewest digits that read back as the same number.
  @inline(__always) private static func digits<Part: RealScalar>(_ part: Part) -> String {
    Part.scalarKind.isSinglePrecision ? Float(part).description : Double(part).description
  }
}
