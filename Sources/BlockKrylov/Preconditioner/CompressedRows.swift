/// Compressed rows that are filled one row after the other: a triangular factor in the making.
struct CompressedRows<S: Scalar> {
  private(set) var start: [Int]
  private(set) var index: [Int32] = []
  private(set) var value: [S] = []

  init(rows: Int, capacity: Int) {
    start = [0]
    start.reserveCapacity(rows + 1)
    index.reserveCapacity(capacity)
    value.reserveCapacity(capacity)
  }

  /// Rows without entries.
  init(emptyRows rows: Int) { start = [Int](repeating: 0, count: rows + 1) }

  @inline(__always)
  mutating func append(_ entry: S, column: Int32) {
    index.append(column)
    value.append(entry)
  }

  @inline(__always)
  mutating func endRow() { start.append(index.count) }

  /// Each entry changed, with its row and column.
  @inline(__always)
  mutating func scale(_ factor: (_ row: Int, _ column: Int) -> S.Magnitude) {
    for i in 0..<(start.count - 1) {
      for k in start[i]..<start[i + 1] { value[k] *= S(factor(i, Int(index[k]))) }
    }
  }

  /// The columns renumbered, and each row sorted by them.
  @inline(__always)
  mutating func renumber(_ position: [Int32]) {
    var row: [(column: Int32, entry: S)] = []
    for i in 0..<(start.count - 1) {
      row.removeAll(keepingCapacity: true)
      for k in start[i]..<start[i + 1] { row.append((position[Int(index[k])], value[k])) }
      row.sort { $0.column < $1.column }
      for (offset, pair) in row.enumerated() { (index[start[i] + offset], value[start[i] + offset]) = (pair.column, pair.entry) }
    }
  }

  func factor(inverseDiagonal: [S]?, descending: Bool) -> TriangularFactor<S> {
    TriangularFactor(
      rowStart: start, columnIndex: index, values: value, inverseDiagonal: inverseDiagonal, descending: descending)
  }
}
