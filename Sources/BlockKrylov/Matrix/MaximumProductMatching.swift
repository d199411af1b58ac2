internal import ComplexModule
internal import RealModule

/// The permutation of rows for which the product of the diagonal entries' moduli is largest, with a scaling that makes these
/// entries 1 in modulus and all others at most 1.
///
/// Duff and Koster's problem (SIAM J. Matrix Anal. Appl. 22 (2001) 973–996; MC64, job 5): a bipartite matching of least cost,
/// cost_ij = log max_k |a_ik| − log |a_ij|, by shortest augmenting paths (Dijkstra's algorithm on reduced costs), one per row that a
/// cheap first assignment leaves free. The dual variables give the scaling.
public struct MaximumProductMatching: Sendable {
  /// The row of the matrix that comes at each place: a permutation such that column j's partner is row `rowOrder[j]`. Columns without a
  /// partner get the rows without one.
  public let rowOrder: [Int]
  /// The number of matched pairs: the largest rank that any values on this pattern of nonzeros can have.
  public let structuralRank: Int
  /// Rows without a partner, ascending; empty unless the matrix is structurally singular.
  public let unmatchedRows: [Int]
  /// Columns without a partner, ascending.
  public let unmatchedColumns: [Int]
  /// r in |r_i·a_ij·c_j| ≤ 1, with equality for the pairs; by the matrix's own row numbers.
  public let rowScaling: [Double]
  /// c in |r_i·a_ij·c_j| ≤ 1.
  public let columnScaling: [Double]

  /// The matching of a square matrix. Stored zeros count as missing.
  ///
  /// For a structurally singular matrix as many pairs as possible are formed, but their product need not be the largest.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a matrix that is not square.
  /// - Complexity: O(n·nnz·log n) in the worst case, in practice a small multiple of nnz.
  public init<S: Scalar>(of matrix: CSRMatrix<S>) throws {
    guard matrix.rows == matrix.columns else {
      throw BlockKrylovError.shape("a matching needs a square matrix; this one is \(matrix.rows) × \(matrix.columns)")
    }
    self.init(squareMatrix: matrix)
  }

  init<S: Scalar>(squareMatrix matrix: CSRMatrix<S>) {
    let n = matrix.rows
    let logarithms = matrix.logarithmsOfModuli()
    var search = AugmentingPaths(start: matrix.rowStart, index: matrix.columnIndex, logarithms: logarithms)
    search.run()
    let freeRows = (0..<n).filter { search.columnOf[$0] < 0 }
    let freeColumns = (0..<n).filter { search.rowOf[$0] < 0 }
    var order = search.rowOf.map { Int($0) }
    for (row, column) in zip(freeRows, freeColumns) { order[column] = row }
    (rowOrder, unmatchedRows, unmatchedColumns, structuralRank) = (order, freeRows, freeColumns, n - freeRows.count)
    // Both sets of duals are fixed up to a common shift: it is chosen so that neither scaling runs far from 1.
    let (low, high) = (search.columnDual.min() ?? 0, search.columnDual.max() ?? 0)
    let middle = (low + high) / 2
    func exponential(_ value: Double) -> Double { Double.exp(max(-690, min(690, value))) }
    rowScaling = (0..<n).map { exponential(search.rowDual[$0] - search.rowLargest[$0] + middle) }
    columnScaling = search.columnDual.map { exponential($0 - middle) }
  }
}

/// Least-cost matching of rows to columns by shortest augmenting paths.
///
/// Invariant: cost_ij − u_i − v_j ≥ 0 for all entries, with equality for matched pairs.
private struct AugmentingPaths {
  private let start: [Int]
  private let index: [Int32]
  /// cost_ij; infinite for a stored zero.
  private var cost: [Double]
  /// log of the largest modulus in each row, 0 for a row of zeros.
  private(set) var rowLargest: [Double]
  /// u.
  private(set) var rowDual: [Double]
  /// v.
  private(set) var columnDual: [Double]
  /// The column of each row, −1 for none.
  private(set) var columnOf: [Int32]
  /// The row of each column, −1 for none.
  private(set) var rowOf: [Int32]

  /// Of the search under way: distances of columns from its first row, the row before each column, and which are final.
  private var distance: [Double]
  private var previousRow: [Int32]
  private var isFinal: [Bool]
  /// Columns from which no free column can be reached, now or later.
  private var isDead: [Bool]
  private var queue = BinaryHeap<Reached>()

  init(start: [Int], index: [Int32], logarithms: [Double]) {
    let n = start.count - 1
    (self.start, self.index, cost) = (start, index, logarithms)
    rowLargest = [Double](repeating: 0, count: n)
    for i in 0..<n {
      var largest = -Double.infinity
      for k in start[i]..<start[i + 1] { largest = max(largest, logarithms[k]) }
      if largest > -.infinity { rowLargest[i] = largest }
      for k in start[i]..<start[i + 1] { cost[k] = rowLargest[i] - logarithms[k] }
    }
    (rowDual, columnDual) = ([Double](repeating: 0, count: n), [Double](repeating: .infinity, count: n))
    (columnOf, rowOf) = ([Int32](repeating: -1, count: n), [Int32](repeating: -1, count: n))
    (distance, previousRow) = ([Double](repeating: .infinity, count: n), rowOf)
    (isFinal, isDead) = ([Bool](repeating: false, count: n), [Bool](repeating: false, count: n))
  }

  mutating func run() {
    startDuals()
    matchTightEntries()
    for i in columnOf.indices where columnOf[i] < 0 { augment(from: i) }
    settleDeadPart()
  }

  @inline(__always)
  private func reducedCost(_ k: Int, row: Int) -> Double {
    // Rounding may leave a matched or tight entry slightly below zero.
    max(0, (cost[k] - columnDual[Int(index[k])]) - rowDual[row])
  }

  /// v_j = min_i cost_ij, then u_i = min_j (cost_ij − v_j).
  private mutating func startDuals() {
    for k in index.indices { columnDual[Int(index[k])] = min(columnDual[Int(index[k])], cost[k]) }
    for j in columnDual.indices where columnDual[j] == .infinity { columnDual[j] = 0 }
    for i in rowDual.indices {
      var least = Double.infinity
      for k in start[i]..<start[i + 1] { least = min(least, cost[k] - columnDual[Int(index[k])]) }
      rowDual[i] = least.isFinite ? least : 0
    }
  }

  /// Matches along entries of reduced cost 0: the diagonal first, which keeps an order that is good already, then free columns,
  /// then free columns of a row that gives its own up.
  private mutating func matchTightEntries() {
    for i in columnOf.indices {
      for k in start[i]..<start[i + 1] where Int(index[k]) == i && reducedCost(k, row: i) == 0 { match(i, i) }
    }
    for i in columnOf.indices where columnOf[i] < 0 {
      if let j = freeTightColumn(of: i) { match(i, j) }
    }
    for i in columnOf.indices where columnOf[i] < 0 {
      for k in start[i]..<start[i + 1] where reducedCost(k, row: i) == 0 {
        let j = Int(index[k])
        let other = Int(rowOf[j])
        if let free = freeTightColumn(of: other) {
          match(other, free)
          match(i, j)
          break
        }
      }
    }
  }

  private func freeTightColumn(of row: Int) -> Int? {
    for k in start[row]..<start[row + 1] where rowOf[Int(index[k])] < 0 && reducedCost(k, row: row) == 0 { return Int(index[k]) }
    return nil
  }

  private mutating func match(_ row: Int, _ column: Int) {
    columnOf[row] = Int32(truncatingIfNeeded: column)
    rowOf[column] = Int32(truncatingIfNeeded: row)
  }

  /// Finds the shortest path from a free row to a free column and matches along it.
  private mutating func augment(from first: Int) {
    var (row, reached) = (first, 0.0)
    var (shortest, end) = (Double.infinity, -1)
    var touched: [Int] = []
    var final: [Int] = []
    while true {
      for k in start[row]..<start[row + 1] {
        let j = Int(index[k])
        if isFinal[j] || isDead[j] { continue }
        let length = reached + reducedCost(k, row: row)
        guard length < shortest, length < distance[j] else { continue }
        if distance[j] == .infinity { touched.append(j) }
        distance[j] = length
        previousRow[j] = Int32(truncatingIfNeeded: row)
        if rowOf[j] < 0 { (shortest, end) = (length, j) } else { queue.insert(Reached(distance: length, column: j)) }
      }
      var next: Reached?
      while let entry = queue.removeFirst() {
        if !isFinal[entry.column] {
          next = entry
          break
        }
      }
      guard let next, next.distance < shortest else { break }
      isFinal[next.column] = true
      final.append(next.column)
      (row, reached) = (Int(rowOf[next.column]), next.distance)
    }
    queue.removeAll()
    if end >= 0 {
      rowDual[first] += shortest
      for j in final {
        columnDual[j] -= shortest - distance[j]
        rowDual[Int(rowOf[j])] += shortest - distance[j]
      }
      var column = end
      while true {
        let row = Int(previousRow[column])
        let freed = Int(columnOf[row])
        match(row, column)
        if row == first { break }
        column = freed
      }
    } else {
      for j in final { isDead[j] = true }
    }
    for j in final { isFinal[j] = false }
    for j in touched { distance[j] = .infinity }
  }

  /// Searches pass dead columns by, so that their duals may violate the invariant for rows outside the dead part. Rows of the dead part
  /// have entries in dead columns only: a common shift of its duals restores it.
  private mutating func settleDeadPart() {
    guard columnOf.contains(-1) else { return }
    let isDeadRow = columnOf.map { $0 < 0 || isDead[Int($0)] }
    var violation = 0.0
    for i in columnOf.indices where !isDeadRow[i] {
      for k in start[i]..<start[i + 1] where isDead[Int(index[k])] {
        violation = max(violation, rowDual[i] + columnDual[Int(index[k])] - cost[k])
      }
    }
    for i in columnOf.indices where isDeadRow[i] { rowDual[i] += violation }
    for j in rowOf.indices where isDead[j] { columnDual[j] -= violation }
  }
}

/// A column and its distance from the first row of a search.
private struct Reached: Comparable {
  let distance: Double
  let column: Int
  static func < (a: Reached, b: Reached) -> Bool { a.distance < b.distance }
}

extension CSRMatrix {
  /// log |a_ij| of each stored entry, −∞ for a stored zero.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  fileprivate func logarithmsOfModuli() -> [Double] { values.map { Double.log(Double($0.modulus)) } }
}
