extension SolveEngine {
  /// Solves until every column has its status in the norm of its own test.
  func solveInTheirNorms(_ problem: BlockProblem<Element>) throws {
    try solve(SolveProblem(problem))
    guard problem.tests.contains(where: { $0.norm == .maximum }) else { return }
    // Each round halves the bounds of the columns that it works on, at the least, and ‖r‖₂ bounds the largest entry.
    while try problem.judgeMaxima() {
      let list = problem.open
      let part = problem.openPart(takesX: true)
      part.hasGuess = true
      try solve(SolveProblem(part))
      problem.absorb(part, at: list)
    }
  }
}
