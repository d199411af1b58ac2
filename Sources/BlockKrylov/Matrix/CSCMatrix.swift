/// A sparse matrix in compressed columns: the form of SuiteSparse, MATLAB, Julia and Apple's Accelerate.
///
/// Column j holds the entries `columnStart[j] ..< columnStart[j+1]` of `rowIndex` and `values`, rows ascending, each at most once.
/// Its product scatters and its adjoint product gathers. Methods that apply A many times convert to ``CSRMatrix`` once, in `prepare`.
public struct CSCMatrix<Element: Scalar>: Sendable {
  /// The number of rows.
  public let rows: Int
  /// The number of columns.
  public let columns: Int
  /// Where each column begins, columns + 1 numbers.
  public let columnStart: [Int]
  /// The row of each entry.
  public let rowIndex: [Int32]
  /// The value of each entry.
  public private(set) var values: [Element]
  /// What is promised of the matrix.
  public private(set) var structure: Structure = []

  /// A matrix from its arrays, rows in any order within a column.
  ///
  /// - Throws: as ``CSRMatrix/init(rows:columns:rowStart:columnIndex:values:structure:)``.
  public init(
    rows: Int, columns: Int, columnStart: [Int], rowIndex: [Int32], values: [Element], structure: Structure = []
  ) throws {
    try CSRMatrix<Element>.checkSize(rows: rows, columns: columns)
    try CSRMatrix<Element>.checkCompressed(
      major: columns, minor: rows, start: columnStart, index: rowIndex, count: values.count, names: ("column", "row"))
    var index = rowIndex
    var value = values
    try sortCompressed(start: columnStart, index: &index, value: &value, names: ("column", "row"))
    if let k = firstNonFinite(value) {
      let column = (columnStart.firstIndex { $0 > k } ?? columns) - 1
      throw BlockKrylovError.invalidMatrix(
        "entry (\(index[k]), \(column)) is \(value[k]); all entries of a matrix must be finite (indices count from 0)")
    }
    self.rows = rows
    self.columns = columns
    self.columnStart = columnStart
    self.rowIndex = index
    self.values = value
    self.structure = structure
  }

  /// The same matrix, from compressed rows.
  public init(_ matrix: CSRMatrix<Element>) {
    rows = matrix.rows
    columns = matrix.columns
    (columnStart, rowIndex, values) = transposeCompressed(
      major: matrix.rows, minor: matrix.columns, start: matrix.rowStart, index: matrix.columnIndex, value: matrix.values)
    structure = matrix.structure
  }

  /// The same matrix in compressed rows.
  public var csr: CSRMatrix<Element> {
    let (start, index, value) = transposeCompressed(
      major: columns, minor: rows, start: columnStart, index: rowIndex, value: values)
    return CSRMatrix(
      uncheckedRows: rows, columns: columns, rowStart: start, columnIndex: index, values: value, structure: structure)
  }

  /// The number of stored entries.
  public var nonzeros: Int { values.count }
  /// Values, indices and starts, in bytes.
  public var storedBytes: Int { values.count * (MemoryLayout<Element>.stride + 4) + columnStart.count * 8 }

  /// The same matrix with these promises.
  public func tagged(_ structure: Structure) -> CSCMatrix {
    var copy = self
    copy.structure = structure
    return copy
  }

  /// Aᵀ.
  public func transposed() -> CSCMatrix {
    CSCMatrix(CSRMatrix(uncheckedRows: columns, columns: rows, rowStart: columnStart, columnIndex: rowIndex, values: values))
  }

  /// The same pattern with new values, in the order of ``values``.
  ///
  /// - Throws: ``BlockKrylovError/invalidMatrix(_:)`` when their number differs or one is not finite.
  public mutating func updateValues(_ newValues: [Element]) throws {
    guard newValues.count == values.count else {
      throw BlockKrylovError.invalidMatrix(
        "\(newValues.count) values for a pattern of \(values.count) entries; a value update keeps the pattern")
    }
    guard firstNonFinite(newValues) == nil else {
      throw BlockKrylovError.invalidMatrix("a new value is not finite; all entries of a matrix must be finite")
    }
    values = newValues
  }
}
