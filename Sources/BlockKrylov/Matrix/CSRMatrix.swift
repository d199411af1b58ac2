internal import ComplexModule

/// A sparse matrix in compressed rows: the form in which products with blocks are fastest.
///
/// Row i holds the entries `rowStart[i] ..< rowStart[i+1]` of `columnIndex` and `values`, columns ascending, each at most once.
/// Column indices are 32 bits wide (half the index traffic), so that a matrix has at most 2³¹−1 rows and columns; the number of
/// entries is not limited so.
public struct CSRMatrix<Element: Scalar>: Sendable {
  /// The number of rows.
  public let rows: Int
  /// The number of columns.
  public let columns: Int
  /// Where each row begins, rows + 1 numbers.
  public let rowStart: [Int]
  /// The column of each entry.
  public let columnIndex: [Int32]
  /// The value of each entry.
  public private(set) var values: [Element]
  /// What is promised of the matrix; ``probe()`` finds out, ``tagged(_:)`` promises.
  public private(set) var structure: Structure = []

  /// A matrix from its arrays, columns in any order within a row.
  ///
  /// - Throws: ``BlockKrylovError/invalidMatrix(_:)`` for lengths that do not fit, starts that descend, indices out of range,
  ///   an entry given twice, or a value that is not finite; ``BlockKrylovError/shape(_:)`` for sizes beyond 2³¹−1.
  public init(
    rows: Int, columns: Int, rowStart: [Int], columnIndex: [Int32], values: [Element], structure: Structure = []
  ) throws {
    try Self.checkSize(rows: rows, columns: columns)
    try Self.checkCompressed(
      major: rows, minor: columns, start: rowStart, index: columnIndex, count: values.count, names: ("row", "column"))
    var index = columnIndex
    var value = values
    try sortCompressed(start: rowStart, index: &index, value: &value, names: ("row", "column"))
    self.init(uncheckedRows: rows, columns: columns, rowStart: rowStart, columnIndex: index, values: value)
    self.structure = structure
    try checkFinite()
  }

  /// The entries of a dense matrix that are not zero.
  public init(dense: DenseMatrix<Element>) {
    var (start, index, value) = ([0], [Int32](), [Element]())
    for i in 0..<dense.rows {
      for j in 0..<dense.columns where dense[i, j] != 0 {
        index.append(Int32(j))
        value.append(dense[i, j])
      }
      start.append(value.count)
    }
    self.init(uncheckedRows: dense.rows, columns: dense.columns, rowStart: start, columnIndex: index, values: value)
  }

  /// The matrix with these numbers on its diagonal.
  public init(diagonal: [Element]) {
    self.init(
      uncheckedRows: diagonal.count, columns: diagonal.count, rowStart: Array(0...diagonal.count),
      columnIndex: diagonal.indices.map { Int32($0) }, values: diagonal)
  }

  /// Arrays that are known to be good.
  init(uncheckedRows rows: Int, columns: Int, rowStart: [Int], columnIndex: [Int32], values: [Element], structure: Structure = [])
  {
    self.rows = rows
    self.columns = columns
    self.rowStart = rowStart
    self.columnIndex = columnIndex
    self.values = values
    self.structure = structure
  }

  /// The number of stored entries.
  public var nonzeros: Int { values.count }
  /// Values, indices and starts, in bytes.
  public var storedBytes: Int { values.count * (MemoryLayout<Element>.stride + 4) + rowStart.count * 8 }
}

// MARK: - Other forms and parts

extension CSRMatrix {
  /// The same matrix with these promises.
  public func tagged(_ structure: Structure) -> CSRMatrix {
    var copy = self
    copy.structure = structure
    return copy
  }

  /// The same pattern with new values, in the order of ``values``.
  ///
  /// - Throws: ``BlockKrylovError/invalidMatrix(_:)`` when their number differs or one is not finite.
  public mutating func updateValues(_ newValues: [Element]) throws {
    guard newValues.count == values.count else {
      throw BlockKrylovError.invalidMatrix(
        "\(newValues.count) values for a pattern of \(values.count) entries; a value update keeps the pattern")
    }
    let old = values
    values = newValues
    do { try checkFinite() } catch {
      values = old
      throw error
    }
  }

  /// The same pattern with each value changed.
  func mapValues(_ change: (Element) -> Element) -> CSRMatrix {
    CSRMatrix(
      uncheckedRows: rows, columns: columns, rowStart: rowStart, columnIndex: columnIndex, values: values.map(change))
  }

  /// diag(r)·A·diag(c), same pattern.
  func scaled(rows r: [Element.Magnitude]?, columns c: [Element.Magnitude]?) -> CSRMatrix {
    var scaled = values
    for i in 0..<rows {
      for k in rowStart[i]..<rowStart[i + 1] {
        if let r { scaled[k] *= Element(r[i]) }
        if let c { scaled[k] *= Element(c[Int(columnIndex[k])]) }
      }
    }
    return CSRMatrix(uncheckedRows: rows, columns: columns, rowStart: rowStart, columnIndex: columnIndex, values: scaled)
  }

  /// Whether both matrices have the same shape and entries at the same places.
  public func hasSamePattern(as other: CSRMatrix) -> Bool {
    rows == other.rows && columns == other.columns && rowStart == other.rowStart && columnIndex == other.columnIndex
  }

  /// Aᵀ.
  ///
  /// - Complexity: O(nnz + columns).
  public func transposed() -> CSRMatrix {
    let (start, index, value) = transposeCompressed(
      major: rows, minor: columns, start: rowStart, index: columnIndex, value: values)
    return CSRMatrix(uncheckedRows: columns, columns: rows, rowStart: start, columnIndex: index, values: value)
  }

  /// Aᴴ.
  public func adjointMatrix() -> CSRMatrix {
    let transpose = transposed()
    return Element.isComplex ? transpose.mapValues { $0.conjugate } : transpose
  }

  /// One entry, 0 where none is stored.
  public subscript(row: Int, column: Int) -> Element {
    position(row: row, column: column).map { values[$0] } ?? 0
  }

  /// Where the entry (row, column) is stored.
  func position(row: Int, column: Int) -> Int? {
    precondition(row >= 0 && row < rows && column >= 0 && column < columns, "index outside the matrix")
    var (low, high) = (rowStart[row], rowStart[row + 1])
    let wanted = Int32(truncatingIfNeeded: column)
    while low < high {
      let middle = (low + high) / 2
      if columnIndex[middle] < wanted { low = middle + 1 } else { high = middle }
    }
    return low < rowStart[row + 1] && columnIndex[low] == wanted ? low : nil
  }

  /// The diagonal, 0 where no entry is stored.
  public var diagonal: [Element] { diagonalEntries() }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private func diagonalEntries() -> [Element] {
    var result = [Element](repeating: 0, count: min(rows, columns))
    for i in result.indices {
      if let k = position(row: i, column: i) { result[i] = values[k] }
    }
    return result
  }

  /// The matrix as a dense one.
  public var dense: DenseMatrix<Element> {
    var result = DenseMatrix<Element>(rows: rows, columns: columns)
    for i in 0..<rows { for k in rowStart[i]..<rowStart[i + 1] { result[i, Int(columnIndex[k])] = values[k] } }
    return result
  }

  /// Ones where A or Aᴴ has an entry; A must be square.
  package var symmetrizedPattern: CSRMatrix {
    let ones = mapValues { _ in 1 }
    return ones.adding(ones.adjointMatrix()).mapValues { _ in 1 }
  }

  /// A + B, entries wherever either has one.
  func adding(_ other: CSRMatrix) -> CSRMatrix {
    var (start, index, value) = ([0], [Int32](), [Element]())
    start.reserveCapacity(rows + 1)
    for i in 0..<rows {
      var (a, b) = (rowStart[i], other.rowStart[i])
      let (endA, endB) = (rowStart[i + 1], other.rowStart[i + 1])
      while a < endA || b < endB {
        let (columnA, columnB) = (a < endA ? columnIndex[a] : .max, b < endB ? other.columnIndex[b] : .max)
        index.append(min(columnA, columnB))
        var sum: Element = 0
        if columnA <= columnB {
          sum += values[a]
          a += 1
        }
        if columnB <= columnA {
          sum += other.values[b]
          b += 1
        }
        value.append(sum)
      }
      start.append(value.count)
    }
    return CSRMatrix(uncheckedRows: rows, columns: columns, rowStart: start, columnIndex: index, values: value)
  }

  /// P·A·Qᵀ: row i of the result is row `rowOrder[i]` of A, column j is column `columnOrder[j]`.
  func permuted(rowOrder: [Int], columnOrder: [Int]) -> CSRMatrix {
    var newColumn = [Int32](repeating: 0, count: columns)
    for (new, old) in columnOrder.enumerated() { newColumn[old] = Int32(truncatingIfNeeded: new) }
    var (start, index, value) = ([0], [Int32](), [Element]())
    start.reserveCapacity(rows + 1)
    index.reserveCapacity(nonzeros)
    value.reserveCapacity(nonzeros)
    for old in rowOrder {
      let entries = (rowStart[old]..<rowStart[old + 1]).sorted {
        newColumn[Int(columnIndex[$0])] < newColumn[Int(columnIndex[$1])]
      }
      for k in entries {
        index.append(newColumn[Int(columnIndex[k])])
        value.append(values[k])
      }
      start.append(value.count)
    }
    return CSRMatrix(uncheckedRows: rows, columns: columns, rowStart: start, columnIndex: index, values: value)
  }

  /// The same matrix with entries of another precision or with complex entries.
  public func converted<Other: Scalar>(to type: Other.Type) -> CSRMatrix<Other> {
    CSRMatrix<Other>(
      uncheckedRows: rows, columns: columns, rowStart: rowStart, columnIndex: columnIndex,
      values: values.map { Other(real: Double($0.realPart), imaginary: Double($0.imaginaryPart)) }, structure: structure)
  }
}
