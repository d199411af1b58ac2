/// What a ledger does about the null space of a singular A, where it is known.
extension ColumnLedger {
  /// B loses what is outside the range of A, X what is in its null space. A column that loses more than half of its bound, and more than
  /// rounding, has no solution: it is solved for the rest of it. The others must make up for what they lose.
  func removeNullSpace(_ problem: BlockProblem<Element>) {
    guard let nullSpace else { return }
    let lost = nullSpace.partsOutsideRange(of: problem.b)
    for k in 0..<problem.width {
      let bound = problem.tests[k].norm == .energy ? 1e-8 * problem.norms[k] : problem.bounds[k] ?? problem.thresholds[k]
      problem.lost[k] = lost[k]
      problem.isInconsistent[k] = lost[k] > max(bound / 2, 100 * Element.unitRoundoff * problem.norms[k])
      if problem.isInconsistent[k] {
        problem.monitor.record(
          .inconsistent, column: problem.columns[k],
          "\((lost[k] / problem.norms[k]).brief)·‖b‖ of b is outside the range of A and remains, whatever x is")
      } else if problem.tests[k].norm == .two {
        problem.thresholds[k] -= min(lost[k], bound / 2)
      }
    }
    nullSpace.removeLeft(from: &problem.b)
    if problem.hasGuess { nullSpace.removeRight(from: &problem.x) }
  }

  /// X is made orthogonal to the null space, and judged anew.
  func removeNullSpaceOfSolution(_ problem: BlockProblem<Element>) throws {
    guard let nullSpace else { return }
    nullSpace.removeRight(from: &problem.x)
    var r = BlockVector<Element>(rows: problem.b.rows, columns: problem.width)
    try problem.residual(of: problem.x, problem.b, into: &r)
    for (k, residual) in r.columnNorms().enumerated() {
      problem.trueResiduals[k] = residual
      // The last bits differ, and no more.
      let isWorse = problem.tests[k].norm == .two && residual > problem.thresholds[k] * 1.001
      if isWorse, problem.status[k] == .converged { problem.finish(column: k, .stagnated(.attainableAccuracy)) }
    }
  }

  /// What B lost is part of the residuals; a column that lost too much has its least-squares solution and no other.
  func addPartsOutsideRange(_ problem: BlockProblem<Element>) {
    guard let nullSpace else { return }
    let sizes = nullSpace.leftDefect > 0 ? problem.x.columnNorms() : []
    func whole(_ residual: Double, _ k: Int) -> Double { (residual * residual + problem.lost[k] * problem.lost[k]).squareRoot() }
    for k in 0..<problem.width {
      problem.estimated[k] = whole(problem.estimated[k], k)
      problem.trueResiduals[k] = whole(problem.trueResiduals[k], k)
      guard problem.isInconsistent[k], problem.status[k]?.isConverged == true else { continue }
      // |lᴴ·A·x| ≤ ‖Aᴴl‖·‖x‖ is what left null vectors of few digits cannot tell from a part outside the range.
      let isProven = sizes.isEmpty || problem.lost[k] > 2 * nullSpace.leftDefect * sizes[k]
      problem.status[k] = isProven ? .inconsistent : .stagnated(.attainableAccuracy)
    }
  }
}
