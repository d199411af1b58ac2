/// Whether multigrid pays for a matrix, by a look at its entries and its graph; what the automatic choice goes by.
enum MultigridProbe {
  /// The least number of rows: smaller matrices are solved by anything.
  private static var leastRows: Int { 2000 }
  /// Rows that must be nearly diagonally dominant, and how nearly: constant vectors are nearly null there.
  private static var dominantShare: Double { 0.9 }
  private static var dominance: Double { 1.1 }
  /// How much of the couplings may be of the sign of the diagonal.
  private static var positiveShare: Double { 0.1 }
  /// The levels of a breadth-first search from end to end from which on CG with IC(0) takes some seventy iterations: measured, 0.42 (three
  /// dimensions) to 0.45 (two) times as many as levels for constant coefficients, more for others. From there on multigrid pays, whose set-up is
  /// about as long as a hundred products: in the first solve of a block, or in the second one of a column.
  private static var leastLevels: Int { 150 }

  /// For a hermitian matrix with a positive diagonal: whether it is like that of a scalar elliptic equation, and on a grid so long that CG
  /// with an incomplete factorisation takes long.
  ///
  /// - Complexity: a pass over the entries and two over the pattern.
  static func isSuited<S: Scalar>(_ a: CSRMatrix<S>) -> Bool {
    !S.isComplex && a.rows >= leastRows && isElliptic(a) && isLong(a)
  }

  @specialized(where S == Double)
  @specialized(where S == Float)
  private static func isElliptic<S: Scalar>(_ a: CSRMatrix<S>) -> Bool {
    var (dominant, positive, all) = (0, 0.0, 0.0)
    for i in 0..<a.rows {
      var (diagonal, others) = (0.0, 0.0)
      for k in a.rowStart[i]..<a.rowStart[i + 1] {
        let value = Double(a.values[k].realPart)
        if Int(a.columnIndex[k]) == i {
          diagonal = value
        } else {
          others += abs(value)
          positive += max(value, 0)
        }
      }
      all += others
      if others <= dominance * diagonal { dominant += 1 }
    }
    return Double(dominant) >= dominantShare * Double(a.rows) && positive <= positiveShare * all
  }

  /// Whether a search from an end of the graph's largest part has many levels.
  private static func isLong<S: Scalar>(_ a: CSRMatrix<S>) -> Bool {
    // The largest part has a node among a few that are spread over the rows, as a rule.
    for attempt in 1...8 {
      let first = search(a, from: a.rows * attempt / 9)
      guard 2 * first.reached >= a.rows else { continue }
      return max(first.levels, search(a, from: first.last).levels) >= leastLevels
    }
    return false
  }

  /// The number of levels, a node of the last one, and how many nodes were reached.
  private static func search<S: Scalar>(_ a: CSRMatrix<S>, from root: Int) -> (levels: Int, last: Int, reached: Int) {
    var (seen, queue) = ([Bool](repeating: false, count: a.rows), [Int32(truncatingIfNeeded: root)])
    queue.reserveCapacity(a.rows)
    seen[root] = true
    var (levels, position) = (0, 0)
    while position < queue.count {
      let end = queue.count
      levels += 1
      while position < end {
        let node = Int(queue[position])
        position += 1
        for k in a.rowStart[node]..<a.rowStart[node + 1] where !seen[Int(a.columnIndex[k])] {
          seen[Int(a.columnIndex[k])] = true
          queue.append(a.columnIndex[k])
        }
      }
    }
    return (levels, Int(queue[queue.count - 1]), queue.count)
  }
}
