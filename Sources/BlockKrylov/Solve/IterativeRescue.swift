/// The factors of A as a preconditioner: what is left to do when they are too inaccurate for refinement.
private struct FactorPreconditioner<Factors: DirectFactors>: Preconditioner {
  typealias Element = Factors.Element
  let factors: Factors
  let name: String
  var rows: Int { factors.rows }

  func apply(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws { try factors.solve(r, into: &z) }
}

extension DirectEngine {
  /// Refinement may end with a backward error far above rounding: factors without pivoting, or of a matrix at the edge of
  /// singularity, are too inaccurate for it. Block GMRES with the same factors as preconditioner finds what a few directions lack.
  ///
  /// A column whose backward error is at the level of rounding is left alone, however large its residual: b − A·x cannot be less than the
  /// rounding of x itself makes it, and no method can do better in this precision.
  ///
  /// - Returns: the columns that were solved.
  func rescue(_ problem: BlockProblem<Element>, columns: [Int], by factors: Factors) throws -> [Int] {
    let hopeless = 1000 * Element.unitRoundoff
    let list = columns.filter { !((problem.backwardErrors[$0] ?? .infinity) <= hopeless) }
    guard !list.isEmpty, problem.monitor.stopped == nil else { return [] }
    problem.monitor.record(
      .methodChanged,
      "refinement left \(list.count) columns with a backward error above \(hopeless.brief): block GMRES with the factors as preconditioner takes over"
    )
    let before = problem.x
    let (status, residuals) = (problem.status, problem.trueResiduals)
    for j in 0..<problem.width {
      problem.status[j] = list.contains(j) ? nil : (problem.status[j] ?? .maximumIterations)
      guard list.contains(j) else { continue }
      // An iterate that is worse than nothing is no guess.
      if !(problem.trueResiduals[j] < problem.norms[j]) {
        problem.x[columns: j..<(j + 1)] = BlockVector(rows: problem.x.rows, columns: 1)
      }
      problem.trueResiduals[j] = .nan
    }
    problem.hasGuess = true
    let part = problem.openPart()
    let name = "\(methodName) factors"
    let method = BlockGMRES(restart: 30, maximumIterations: 60)
    try method.makeEngine(for: problem.a, preconditioner: FactorPreconditioner(factors: factors, name: name))
      .solve(SolveProblem(part))
    var r = part.b
    try part.residual(of: part.x, part.b, into: &r)
    part.trueResiduals = r.columnNorms()
    problem.absorb(part, at: list)
    var solved: [Int] = []
    for j in 0..<problem.width {
      if list.contains(j) {
        if problem.trueResiduals[j] <= problem.thresholds[j] {
          solved.append(j)
          continue
        }
        if !(problem.trueResiduals[j] < residuals[j]) {
          problem.x[columns: j..<(j + 1)] = before[columns: j..<(j + 1)]
          problem.trueResiduals[j] = residuals[j]
        }
      }
      problem.status[j] = status[j]
    }
    return solved
  }
}
