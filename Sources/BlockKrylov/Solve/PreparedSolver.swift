/// A method bound to one A: preconditioner or factors, and workspace, made once and used for many right-hand sides.
///
/// ```swift
/// let prepared = try BlockCG(tolerance: .relative(1e-8)).preconditioned(by: .ic0).prepare(A)
/// let result = try prepared.solve(B)
/// print(result.report)
/// ```
/// One `PreparedSolver` serves one thread at a time; make one for each thread that solves.
public final class PreparedSolver<Element: Scalar> {
  private var a: any LinearOperator<Element>
  let engine: any SolveEngine<Element>
  let options: SolverOptions
  /// Seconds that `prepare` took.
  public let setupSeconds: Double

  init(a: any LinearOperator<Element>, engine: any SolveEngine<Element>, options: SolverOptions, setupSeconds: Double) {
    self.a = a
    self.engine = engine
    self.options = options
    self.setupSeconds = setupSeconds
  }

  /// The name of the method.
  public var method: String { engine.methodName }
  /// The name of the preconditioner.
  public var preconditioner: String { engine.preconditionerName }
  /// What was shifted, repaired or replaced in the set-up.
  public var setupEvents: [SolveEvent] { engine.setupEvents }
  /// The memory that a solve of m columns needs besides A, B and X, in bytes.
  public func bytesPlanned(columns: Int) -> Int {
    engine.bytesPlanned(columns: widthBeforeMemory(columns: columns))
  }

  /// The directions that ``BlockGCRODR`` keeps from solve to solve, n × d, in the variables of the preconditioned operator (those of X
  /// without a preconditioner, on the left, or for a flexible method). Save them to ``recycle(_:)`` in another run; `nil` for methods
  /// that keep none, and before the first solve.
  public var recycledSpace: BlockVector<Element>? { engine.recycledSpace }

  /// Gives ``BlockGCRODR`` directions of an earlier run, n × d; they need not be independent. The next solve multiplies them with A.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when they have not the rows of A, ``BlockKrylovError/invalidOption(_:)`` for NaN or
  ///   infinity, ``BlockKrylovError/unsupported(_:)`` for a method that keeps no directions.
  public func recycle(_ block: BlockVector<Element>) throws { try engine.recycle(block) }

  /// The columns of a group, whatever memory it takes.
  private func widthBeforeMemory(columns: Int) -> Int {
    engine.sharesSpace ? engine.preferredWidth(columns: columns, limit: options.maximumBlockWidth) : columns
  }

  /// The widest group of at most `columns` columns whose solve fits the memory limit.
  func width(columns: Int) throws -> Int {
    var width = widthBeforeMemory(columns: columns)
    guard let limit = options.memoryLimit, width > 0 else { return max(width, 1) }
    while width > 1, engine.bytesPlanned(columns: width) > limit { width -= 1 }
    let needed = engine.bytesPlanned(columns: width)
    guard needed <= limit else {
      throw BlockKrylovError.invalidOption(
        "the memory limit is \(limit) bytes and \(engine.methodName) needs \(needed) for a single column; raise memoryLimit, or take a "
          + "method or preconditioner with less memory")
    }
    return width
  }

  /// Why groups are no wider.
  func reason(forWidth width: Int, columns: Int) -> String {
    if width < widthBeforeMemory(columns: columns) { return "memoryLimit" }
    return width < min(options.maximumBlockWidth, columns) ? "by the cost model" : "maximumBlockWidth"
  }

  /// A has new values on the same pattern: preconditioner and factors follow, symbolic work is kept.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when the shape differs, and what the engine throws when the pattern does.
  public func update(_ newA: some LinearOperator<Element>) throws {
    try checkShape(newA.rows, equals: a.rows, "the new A has \(newA.rows) rows, the prepared one \(a.rows); prepare anew")
    try checkShape(
      newA.columns, equals: a.columns, "the new A has \(newA.columns) columns, the prepared one \(a.columns); prepare anew")
    let operational: any LinearOperator<Element> = (newA as? CSCMatrix<Element>)?.csr ?? newA
    try options.onItsThreads { try engine.update(operational) }
    a = operational
  }

  /// Solves A·X = B for all columns of B.
  ///
  /// Iterations allocate no blocks; X, the report and the scaled right-hand sides are allocated once per call.
  ///
  /// - Parameters:
  ///   - b: n × m right-hand sides.
  ///   - guess: n × m initial guess; zero by default. It is not changed.
  ///   - observer: called after each block iteration; may stop the solve.
  /// - Returns: X and a report for every column. Columns that did not converge are a result, not an error.
  /// - Throws: ``BlockKrylovError/shape(_:)`` when sizes do not fit, ``BlockKrylovError/invalidOption(_:)`` for tolerances that do
  ///   not fit m columns and for a memory limit that a single column exceeds, and whatever a user's operator or preconditioner throws.
  public func solve(
    _ b: BlockVector<Element>, from guess: BlockVector<Element>? = nil, observer: SolveObserver? = nil
  ) throws -> SolveResult<Element> {
    try checkShape(b.rows, equals: a.rows, "A has \(a.rows) rows, B has \(b.rows)")
    if let guess {
      try checkShape(guess.rows, equals: a.columns, "A has \(a.columns) columns, the initial guess has \(guess.rows) rows")
      try checkShape(guess.columns, equals: b.columns, "B has \(b.columns) columns, the initial guess has \(guess.columns)")
    }
    try options.tolerance.validate(columns: b.columns)
    return try options.onItsThreads { try solveColumns(b, from: guess, observer: observer) }
  }

  private func solveColumns(
    _ b: BlockVector<Element>, from guess: BlockVector<Element>?, observer: SolveObserver?
  ) throws -> SolveResult<Element> {
    let began = ContinuousClock.now
    let monitor = SolveMonitor(
      columns: b.columns, timeLimit: options.timeLimit, recordsHistory: options.recordsHistory, observer: observer)
    monitor.record(engine.setupEvents)
    var ledger = try ColumnLedger(
      a: a, b: b, guess: guess, tolerance: options.tolerance, columnsMeet: engine.sharesSpace, monitor: monitor)
    let width = try width(columns: ledger.open.count)
    let groups = ledger.groups(maximumWidth: width)
    if groups.count > 1 {
      monitor.record(
        .grouped,
        "\(ledger.open.count) columns are solved in \(groups.count) groups of at most \(width) "
          + "(\(reason(forWidth: width, columns: ledger.open.count)))")
    }
    for group in groups {
      let problem = try ledger.problem(for: group, monitor: monitor)
      if !problem.open.isEmpty { try engine.solve(SolveProblem(problem)) }
      try ledger.finish(problem)
    }
    var report = SolveReport(
      method: engine.methodName, preconditioner: engine.preconditionerName, columns: ledger.reports(monitor))
    report.events = monitor.events
    report.iterations = monitor.iterations
    report.operatorApplications = monitor.operatorApplications
    report.columnsApplied = monitor.columnsApplied
    report.preconditionerApplications = monitor.preconditionerApplications
    report.setupSeconds = setupSeconds
    report.solveSeconds = SolveMonitor.seconds(since: began)
    report.blockWidth = groups.map(\.count).max() ?? 0
    report.bytesPlanned = engine.bytesPlanned(columns: report.blockWidth)
    report.bytesUsed = engine.bytesUsed
    report.threads = Threads.count
    report.explanation = engine.explanation
    return SolveResult(solution: ledger.x, report: report)
  }
}

extension SolverOptions {
  /// Runs `body` with the threads of these options, and BLAS on one.
  func onItsThreads<Result>(_ body: () throws -> Result) rethrows -> Result {
    try Threads.$limit.withValue(threads ?? Threads.limit) { try SerialBLAS.run(body) }
  }
}

/// X and what happened to each of its columns.
public struct SolveResult<Element: Scalar>: Sendable {
  /// The solution: n × m, the last iterate for a column that did not converge.
  public let solution: BlockVector<Element>
  /// What happened.
  public let report: SolveReport

  /// What a caller may insist on.
  public enum Requirement: Sendable {
    /// Every column is converged, converged at the start, or zero.
    case allConverged
    /// Every number of X is finite.
    case finite
  }

  /// X, if it meets the requirement.
  ///
  /// - Throws: ``BlockKrylovError/notConverged(_:)`` that names the first column that does not, and what to do.
  public func solution(requiring requirement: Requirement) throws -> BlockVector<Element> {
    switch requirement {
    case .allConverged:
      guard report.allConverged else { throw BlockKrylovError.notConverged(report.description) }
    case .finite:
      if let bad = solution.columnMaxima().firstIndex(where: { !$0.isFinite }) {
        throw BlockKrylovError.notConverged("column \(bad) of X is not finite: \(report.columns[bad].status.summary)")
      }
    }
    return solution
  }
}

extension BlockMethod {
  /// Builds the preconditioner or the factors and the workspace for A, once for many solves.
  ///
  /// - Parameters:
  ///   - a: a square operator. A ``CSCMatrix`` is converted to compressed rows here.
  ///   - preconditioner: one of your own, in place of `options.preconditioner`.
  /// - Throws: ``BlockKrylovError`` for options without meaning, a matrix that is not square, a preconditioner that needs a matrix
  ///   where there is none, or a factorisation that fails beyond repair.
  public func prepare<Element: Scalar>(
    _ a: some LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)? = nil
  ) throws -> PreparedSolver<Element> {
    try options.validate()
    if let preconditioner {
      try checkShape(preconditioner.rows, equals: a.rows, "the preconditioner has \(preconditioner.rows) rows, A has \(a.rows)")
    }
    let began = ContinuousClock.now
    let operational: any LinearOperator<Element> = (a as? CSCMatrix<Element>)?.csr ?? a
    let engine = try options.onItsThreads { try makeEngine(for: operational, preconditioner: preconditioner) }
    return PreparedSolver(
      a: operational, engine: engine, options: options, setupSeconds: SolveMonitor.seconds(since: began))
  }

  /// Prepares and solves at once.
  ///
  /// - Throws: as `prepare` and ``PreparedSolver/solve(_:from:observer:)``.
  public func solve<Element: Scalar>(
    _ a: some LinearOperator<Element>, _ b: BlockVector<Element>, from guess: BlockVector<Element>? = nil,
    observer: SolveObserver? = nil
  ) throws -> SolveResult<Element> {
    try prepare(a).solve(b, from: guess, observer: observer)
  }
}
