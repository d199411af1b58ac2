/// Keeps the books of a solve: scales the columns, sets aside those that need no iteration, groups the others into problems, and
/// collects X and the reports.
struct ColumnLedger<Element: Scalar> {
  private let a: any LinearOperator<Element>
  private let b: BlockVector<Element>
  private let guess: BlockVector<Element>?
  private let scaling: ColumnScaling<Element>
  private let tolerance: Tolerance
  /// The most iterations of each column; empty for no limits.
  private let limits: [Int]
  let nullSpace: NullSpaceProjection<Element>?
  /// ‖b_j‖ of the scaled columns, which cannot overflow.
  private let scaledNorms: [Double]
  // Nil while it is zero: the block of a problem with all columns takes its place, and is the only one.
  private var solution: BlockVector<Element>?
  private var entries: [ColumnReport]
  private(set) var open: [Int] = []
  /// Columns that a problem has finished.
  private var finished: Set<Int> = []

  /// Looks at every column of B and of the guess: a zero or non-finite column never enters the iteration.
  ///
  /// - Parameter columnsMeet: whether the method forms products of columns, so that they must not be of very different magnitude.
  init(
    a: any LinearOperator<Element>, b: BlockVector<Element>, guess: BlockVector<Element>?, tolerance: Tolerance,
    limits: [Int] = [], columnsMeet: Bool = true, monitor: SolveMonitor
  ) throws {
    self.a = a
    self.b = b
    self.guess = guess
    scaling = ColumnScaling(of: b, columnsMeet: columnsMeet)
    scaledNorms = b.columnNorms(scaling)
    self.tolerance = tolerance
    self.limits = limits
    nullSpace = BlockKrylov.nullSpace(of: a)
    let guessMaxima = guess?.columnMaxima()
    entries = []
    for j in 0..<b.columns {
      let norm = scaledNorms[j] * Double(scaling.inverses[j])
      let measure = tolerance.norm(column: j) == .maximum ? scaling.maxima[j] : norm
      var entry = ColumnReport(
        index: j, status: .maximumIterations, rightHandSideNorm: norm,
        threshold: tolerance.threshold(column: j, norm: measure, for: Element.self), norm: tolerance.norm(column: j))
      let guessIsFinite = guessMaxima.map { $0[j].isFinite } ?? true
      if !scaling.maxima[j].isFinite {
        entry.status = .nonFinite(.rightHandSide)
      } else if !guessIsFinite {
        entry.status = .nonFinite(.initialGuess)
      } else if scaling.maxima[j] == 0 {
        entry.status = .zeroRightHandSide
        (entry.estimatedResidual, entry.trueResidual, entry.measure) = (0, 0, 0)
        monitor.note(column: j, relativeResidual: 0, done: true)
      } else {
        open.append(j)
      }
      if open.last != j {
        monitor.exclude(column: j)
        monitor.record(.setAside, column: j, entry.status.summary)
      }
      entries.append(entry)
    }
  }

  /// X of the columns that are finished, 0 elsewhere.
  var x: BlockVector<Element> { solution ?? BlockVector(rows: a.columns, columns: b.columns) }

  /// What a problem of so many columns holds of its own.
  func copies(width: Int) -> GroupCopies {
    let isPart = width < b.columns
    return GroupCopies(x: isPart, b: isPart || nullSpace?.left != nil || open.contains { scaling.factors[$0] != 1 })
  }

  /// The open columns in groups of nearly equal width.
  func groups(maximumWidth: Int) -> [[Int]] {
    guard !open.isEmpty else { return [] }
    let count = (open.count - 1) / maximumWidth + 1
    return (0..<count).map { k in Array(open[(open.count * k / count)..<(open.count * (k + 1) / count)]) }
  }

  /// The scaled problem of some columns. Columns whose guess already solves them are finished here.
  func problem(for group: [Int], monitor: SolveMonitor) throws -> BlockProblem<Element> {
    let factors = group.map { scaling.factors[$0] }
    var partX = BlockVector<Element>(rows: a.columns, columns: group.count)
    var partB = b.picking(group)
    if factors.contains(where: { $0 != 1 }) { partB.scaleColumns(by: factors) }
    if let guess {
      partX.gatherColumns(group, of: guess)
      partX.scaleColumns(by: factors)
    }
    let scales = factors.map { Double($0) }
    let tests = group.enumerated().map { k, j in
      ColumnTest(
        norm: tolerance.norm(column: j), relative: tolerance.relative(column: j, for: Element.self),
        absolute: tolerance.absolute(column: j) * scales[k], limit: limits.isEmpty ? .max : limits[j])
    }
    let problem = BlockProblem(
      a: a, b: partB, x: partX, hasGuess: guess != nil, columns: group,
      norms: group.map { scaledNorms[$0] },
      thresholds: group.enumerated().map { k, j in
        tests[k].residualBound(norm: scaledNorms[j], maximum: scaling.maxima[j] * scales[k], rows: b.rows)
      }, tests: tests, scales: scales, monitor: monitor)
    for (k, j) in group.enumerated() where tests[k].norm == .maximum {
      problem.bounds[k] = tests[k].bound(scaling.maxima[j] * scales[k])
    }
    removeNullSpace(problem)
    try judgeGuess(problem)
    monitor.start()
    return problem
  }

  /// Finishes the columns whose residual at the start meets the bound, or is not finite.
  private func judgeGuess(_ problem: BlockProblem<Element>) throws {
    var residuals = nullSpace == nil ? problem.norms : problem.b.columnNorms()
    var solved = residuals.indices.map { residuals[$0] <= problem.thresholds[$0] }
    if problem.hasGuess || problem.tests.contains(where: { $0.norm == .maximum }) {
      var r = problem.b
      if problem.hasGuess { try problem.residual(of: problem.x, problem.b, into: &r) }
      if problem.hasGuess { residuals = r.columnNorms() }
      let maxima = r.columnMaxima()
      solved = residuals.indices.map {
        problem.tests[$0].norm == .maximum
          ? maxima[$0] <= problem.bounds[$0] ?? 0 : residuals[$0] <= problem.thresholds[$0]
      }
    }
    problem.startResiduals = residuals
    for j in 0..<problem.width {
      problem.estimated[j] = residuals[j]
      problem.monitor.note(
        column: problem.columns[j], relativeResidual: residuals[j] / problem.norms[j], done: solved[j])
      if solved[j] {
        problem.trueResiduals[j] = residuals[j]
        problem.finish(column: j, .convergedAtStart)
        problem.monitor.record(.setAside, column: problem.columns[j], ColumnStatus.convergedAtStart.summary)
      } else if !residuals[j].isFinite {
        problem.finish(column: j, .nonFinite(.operator))
        problem.monitor.record(.setAside, column: problem.columns[j], "the residual of the initial guess is not finite")
      } else if problem.tests[j].limit <= 0 {
        problem.trueResiduals[j] = residuals[j]
        problem.finish(column: j, .maximumIterations)
        problem.monitor.record(.setAside, column: problem.columns[j], "the column may make no iteration")
      }
    }
  }

  /// Takes over the results of a problem, undoing the scaling, and recomputes residuals that the engine left unknown.
  mutating func finish(_ problem: BlockProblem<Element>) throws {
    let inverses = problem.columns.map { scaling.inverses[$0] }
    if problem.trueResiduals.contains(where: { $0.isNaN }) {
      var r = BlockVector<Element>(rows: b.rows, columns: problem.width)
      try problem.residual(of: problem.x, problem.b, into: &r)
      let residuals = r.columnNorms()
      for j in 0..<problem.width where problem.trueResiduals[j].isNaN { problem.trueResiduals[j] = residuals[j] }
    }
    try removeNullSpaceOfSolution(problem)
    restoreGuesses(problem)
    var maxima = nullSpace == nil ? problem.maxima ?? problem.x.columnMaxima() : problem.x.columnMaxima()
    try judgeSubnormals(problem, inverses, maxima: maxima)
    try problem.measureMaxima()
    addPartsOutsideRange(problem)
    if inverses.contains(where: { $0 != 1 }) {
      problem.x.scaleColumns(by: inverses)
      maxima = problem.x.columnMaxima()
    }
    // What is finite for the scaled column may overflow for the column itself; X is then 0.
    for (k, maximum) in maxima.enumerated() where !maximum.isFinite {
      problem.x[columns: k..<(k + 1)] = BlockVector(rows: a.columns, columns: 1)
      problem.finish(column: k, .nonFinite(.overflow))
      (problem.estimated[k], problem.trueResiduals[k]) = (problem.norms[k], problem.norms[k])
      (problem.backwardErrors[k], problem.measures[k]) = (nil, nil)
    }
    if problem.width == b.columns {
      solution = problem.x
    } else {
      var whole = x
      solution = nil
      whole.scatterColumns(problem.columns, from: problem.x)
      solution = whole
    }
    finished.formUnion(problem.columns)
    for (k, j) in problem.columns.enumerated() {
      let back = 1 / problem.scales[k]
      entries[j].status = problem.status[k] ?? .maximumIterations
      entries[j].iterations = problem.iterations[k]
      entries[j].estimatedResidual = problem.estimated[k] * back
      entries[j].trueResidual = problem.trueResiduals[k] * back
      if let bound = problem.bounds[k] { entries[j].threshold = bound * back }
      if problem.tests[k].norm == .two { problem.measures[k] = problem.trueResiduals[k] }
      entries[j].measure = problem.measures[k].map { $0 * back } ?? .nan
      entries[j].energyErrorEstimate = problem.energyErrors[k].map { $0 * back }
      entries[j].backwardError = problem.backwardErrors[k]
      entries[j].normalResidual = problem.normalResiduals[k]
      entries[j].forwardErrorBound = problem.status[k]?.isConverged == true ? problem.forwardErrors[k] : nil
    }
  }

  /// X and the block iterations of all columns while a problem is at work, from those of its scaled columns.
  func current(
    _ problem: BlockProblem<Element>, _ partX: BlockVector<Element>, _ counts: [Int]
  ) -> (x: BlockVector<Element>, iterations: [Int]) {
    var (whole, part, iterations) = (x, partX, entries.map(\.iterations))
    if let guess { for j in open where !finished.contains(j) { whole[columns: j..<(j + 1)] = guess[columns: j..<(j + 1)] } }
    part.scaleColumns(by: problem.columns.map { scaling.inverses[$0] })
    let maxima = part.columnMaxima()
    for (k, j) in problem.columns.enumerated() {
      if maxima[k].isFinite { whole[columns: j..<(j + 1)] = part[columns: k..<(k + 1)] }
      iterations[j] = counts[k]
    }
    return (whole, iterations)
  }

  /// A column of X that comes down among the subnormal numbers loses digits: it is rounded here as it will be, and judged anew.
  private func judgeSubnormals(_ problem: BlockProblem<Element>, _ inverses: [Element.Magnitude], maxima: [Double]) throws {
    // Above this the rounding of subnormal entries is nothing against the largest one.
    let safe = Double(Element.Magnitude.leastNormalMagnitude) / Element.unitRoundoff
    var lossy: [Int] = []
    for (k, maximum) in maxima.enumerated() where maximum > 0 && maximum * Double(inverses[k]) < safe {
      let column = problem.x[columns: k..<(k + 1)]
      var rounded = column
      rounded.scaleColumns(by: [inverses[k]])
      rounded.scaleColumns(by: [scaling.factors[problem.columns[k]]])
      if rounded == column { continue }
      problem.x[columns: k..<(k + 1)] = rounded
      lossy.append(k)
    }
    if lossy.isEmpty { return }
    var r = BlockVector<Element>(rows: b.rows, columns: problem.width)
    try problem.residual(of: problem.x, problem.b, into: &r)
    let residuals = r.columnNorms()
    for k in lossy {
      problem.trueResiduals[k] = residuals[k]
      guard problem.status[k]?.isConverged == true, !(residuals[k] <= problem.thresholds[k]) else { continue }
      problem.finish(column: k, .stagnated(.attainableAccuracy))
      problem.monitor.record(
        .note, column: problem.columns[k], "X lies among the subnormal numbers, whose few digits leave a larger residual; scale B"
      )
    }
  }

  /// A method that failed or stagnated may leave a column further from its solution than it began: such a column gets its initial guess
  /// back.
  private func restoreGuesses(_ problem: BlockProblem<Element>) {
    for k in 0..<problem.width where !(problem.trueResiduals[k] <= problem.startResiduals[k]) {
      switch problem.status[k] {
      // Its error may be smaller all the same.
      case .stagnated where problem.tests[k].norm == .energy: continue
      case .stagnated: break
      default: if problem.status[k]?.isFailure != true { continue }
      }
      let j = problem.columns[k]
      var column = guess?[columns: j..<(j + 1)] ?? BlockVector(rows: a.columns, columns: 1)
      column.scaleColumns(by: [scaling.factors[j]])
      problem.x[columns: k..<(k + 1)] = column
      problem.trueResiduals[k] = problem.startResiduals[k]
      (problem.energyErrors[k], problem.backwardErrors[k], problem.normalResiduals[k]) = (nil, nil, nil)
      problem.measures[k] = nil
      problem.monitor.record(
        .note, column: j, "the iterate had a larger residual than the initial guess, which is returned in its place")
    }
  }

  /// The reports of all columns, with their histories.
  func reports(_ monitor: SolveMonitor) -> [ColumnReport] {
    let record = monitor.record
    return entries.map { entry in
      var entry = entry
      entry.residualHistory = ResidualHistory(record: record, width: entries.count, column: entry.index)
      return entry
    }
  }
}
