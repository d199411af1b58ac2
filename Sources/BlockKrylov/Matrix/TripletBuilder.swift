/// Collects entries (row, column, value) in any order and makes a matrix of them; entries at the same place are added.
///
/// This is how finite element codes assemble: `add` each contribution, then `csr()`. Sums are formed in the order in which the
/// contributions were added.
public struct TripletBuilder<Element: Scalar>: Sendable {
  /// The number of rows of the matrix.
  public let rows: Int
  /// The number of columns of the matrix.
  public let columns: Int
  private(set) var rowIndex: [Int32] = []
  private(set) var columnIndex: [Int32] = []
  private(set) var values: [Element] = []

  /// An empty matrix of the given shape.
  ///
  /// - Parameter capacity: the number of contributions to reserve memory for.
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a negative size or one beyond 2³¹−1.
  public init(rows: Int, columns: Int, capacity: Int = 0) throws {
    try CSRMatrix<Element>.checkSize(rows: rows, columns: columns)
    self.rows = rows
    self.columns = columns
    reserveCapacity(capacity)
  }

  /// The number of contributions so far.
  public var count: Int { values.count }

  /// Reserves memory for so many contributions.
  public mutating func reserveCapacity(_ capacity: Int) {
    rowIndex.reserveCapacity(capacity)
    columnIndex.reserveCapacity(capacity)
    values.reserveCapacity(capacity)
  }

  /// Adds `value` to the entry at (row, column), both from 0.
  ///
  /// - Throws: ``BlockKrylovError/invalidMatrix(_:)`` for an index outside the matrix. Values are checked by ``csr()``.
  public mutating func add(_ value: Element, row: Int, column: Int) throws {
    guard row >= 0, row < rows, column >= 0, column < columns else {
      throw BlockKrylovError.invalidMatrix(
        "entry (\(row), \(column)) lies outside the \(rows) × \(columns) matrix; indices count from 0")
    }
    append(value, row: row, column: column)
  }

  /// Adds a small dense matrix, such as an element stiffness matrix, at the given rows and columns.
  ///
  /// - Parameter block: row by row, `rows.count × columns.count` numbers.
  public mutating func add(_ block: [[Element]], rows: [Int], columns: [Int]) throws {
    guard block.count == rows.count, block.allSatisfy({ $0.count == columns.count }) else {
      throw BlockKrylovError.shape("the block to add does not have \(rows.count) rows of \(columns.count) numbers")
    }
    for (i, row) in rows.enumerated() {
      for (j, column) in columns.enumerated() { try add(block[i][j], row: row, column: column) }
    }
  }

  /// Adds an entry whose indices are known to be good.
  mutating func append(_ value: Element, row: Int, column: Int) {
    rowIndex.append(Int32(truncatingIfNeeded: row))
    columnIndex.append(Int32(truncatingIfNeeded: column))
    values.append(value)
  }

  /// The matrix in compressed rows, sorted, duplicates added.
  ///
  /// - Throws: ``BlockKrylovError/invalidMatrix(_:)`` when a sum is not finite.
  /// - Complexity: O(count + rows + columns) by two counting sorts.
  public func csr() throws -> CSRMatrix<Element> {
    let matrix = compress()
    try matrix.checkFinite()
    return matrix
  }

  /// The matrix in compressed columns, sorted, duplicates added.
  public func csc() throws -> CSCMatrix<Element> { try CSCMatrix(csr()) }

  /// Sorts by column and then, stably, by row; equal neighbours are then added in the order of their insertion.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  private func compress() -> CSRMatrix<Element> {
    let count = values.count
    var columnStart = [Int](repeating: 0, count: columns + 1)
    for column in columnIndex { columnStart[Int(column) + 1] += 1 }
    for j in 0..<columns { columnStart[j + 1] += columnStart[j] }
    var byColumn = [Int](repeating: 0, count: count)
    for k in 0..<count {
      let column = Int(columnIndex[k])
      byColumn[columnStart[column]] = k
      columnStart[column] += 1
    }
    var rowStart = [Int](repeating: 0, count: rows + 1)
    for row in rowIndex { rowStart[Int(row) + 1] += 1 }
    for i in 0..<rows { rowStart[i + 1] += rowStart[i] }
    var next = rowStart
    var index = [Int32](repeating: 0, count: count)
    var value = [Element](repeating: 0, count: count)
    for k in byColumn {
      let row = Int(rowIndex[k])
      index[next[row]] = columnIndex[k]
      value[next[row]] = values[k]
      next[row] += 1
    }
    // Add neighbours with equal columns.
    var target = 0
    var begin = 0
    for i in 0..<rows {
      let end = rowStart[i + 1]
      let first = target
      for k in begin..<end {
        if target > first, index[target - 1] == index[k] {
          value[target - 1] += value[k]
        } else {
          index[target] = index[k]
          value[target] = value[k]
          target += 1
        }
      }
      begin = end
      rowStart[i + 1] = target
    }
    index.removeLast(count - target)
    value.removeLast(count - target)
    return CSRMatrix(uncheckedRows: rows, columns: columns, rowStart: rowStart, columnIndex: index, values: value)
  }
}
