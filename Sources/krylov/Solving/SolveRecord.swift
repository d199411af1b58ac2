import BlockKrylov

/// All that is reported of one solve.
struct SolveRecord {
  var matrix: MatrixSummary
  var report: SolveReport
  var rtol: Double
  var atol: Double
  var readSeconds: Double
  /// The least of the repeats, in seconds.
  var solveSeconds: Double
  /// The median of the repeats, in seconds.
  var solveSecondsMedian: Double
  var repeats: Int
  var peakMemoryBytes: Int?
  /// What was planned, where that was asked for.
  var plan: SolvePlan?
  /// ‖x − x*‖/‖x*‖ of each column, where x* is known.
  var relativeErrors: [Double]?
  /// Columns that the report calls converged and whose recomputed residual, given here, says otherwise.
  var unconfirmed: [Int: Double] = [:]

  var columns: [ColumnReport] { report.columns }

  func isSolved(_ column: ColumnReport) -> Bool { column.status.isConverged && unconfirmed[column.index] == nil }

  var solvedCount: Int { columns.count(where: isSolved) }

  var allSolved: Bool { solvedCount == columns.count }

  /// The name of a column's status, `unconfirmed` for a claim that does not hold.
  func statusName(_ column: ColumnReport) -> String { unconfirmed[column.index] == nil ? column.status.name : "unconfirmed" }

  /// The status in words.
  func statusText(_ column: ColumnReport) -> String {
    unconfirmed[column.index].map { "unconfirmed: the residual is \(Format.scientific($0))" } ?? column.status.summary
  }

  /// Columns from the worst to the best: unsolved ones first, then by residual against its bound, then by iterations.
  var worstFirst: [ColumnReport] {
    /// How far a residual is above its bound; a number that is not one counts as the worst.
    func excess(_ column: ColumnReport) -> Double {
      let ratio = column.trueResidual / column.threshold
      return column.trueResidual == 0 ? 0 : ratio.isNaN ? .infinity : ratio
    }
    return columns.sorted { a, b in
      (isSolved(a) ? 1 : 0, -excess(a), -a.iterations, a.index) < (isSolved(b) ? 1 : 0, -excess(b), -b.iterations, b.index)
    }
  }

  var exitStatus: ExitStatus { !unconfirmed.isEmpty ? .bug : allSolved ? .solved : .unconverged }
}
