internal import ComplexModule

/// A method bound to one A: preconditioner or factors, and workspace, made once and used for many right-hand sides.
///
/// ```swift
/// let prepared = try BlockCG(tolerance: .relative(1e-8)).preconditioned(by: .ic0).prepare(A)
/// let result = try prepared.solve(B)
/// print(result.report)
/// ```
/// One `PreparedSolver` serves one thread at a time; make one for each thread that solves.
public final class PreparedSolver<Element: Scalar> {
  private(set) var a: any LinearOperator<Element>
  /// Whether the range of A is known not to be all: B is projected then.
  private var projectsB: Bool
  let engine: any SolveEngine<Element>
  private let automatic: AutomaticEngine<Element>?
  private let direct: ImmediateEngine<Element>?
  let options: SolverOptions
  private let looksForNullSpace: Bool
  /// Seconds that `prepare` took.
  public let setupSeconds: Double

  init(
    a: any LinearOperator<Element>, engine: any SolveEngine<Element>, options: SolverOptions, looksForNullSpace: Bool = false,
    setupSeconds: Double
  ) {
    self.a = a
    projectsB = nullSpace(of: a)?.left != nil
    self.looksForNullSpace = looksForNullSpace
    self.engine = engine
    automatic = engine as? AutomaticEngine<Element>
    direct = engine as? ImmediateEngine<Element>
    self.options = options
    self.setupSeconds = setupSeconds
  }

  /// The engine that may solve at once: a direct one, or the one that an automatic choice began with.
  var immediate: ImmediateEngine<Element>? { automatic?.immediate ?? direct }
  var streamOptions: SolverOptions { options }

  /// The name of the method.
  public var method: String { engine.methodName }
  /// The name of the preconditioner.
  public var preconditioner: String { engine.preconditionerName }
  /// What was shifted, repaired or replaced in the set-up.
  public var setupEvents: [SolveEvent] { engine.setupEvents }
  /// The memory that a solve of m columns needs besides A, B and X, in bytes: factors, workspace, and the columns of X that are worked
  /// on. Columns of B that are zero, or so large or small that they have to be scaled, make a copy of B necessary, which the plan for
  /// that B knows (``plan(for:)``).
  public func bytesPlanned(columns: Int) -> Int {
    let width = widthBeforeMemory(columns: columns)
    return bytes(width: width, GroupCopies(x: width < columns, b: width < columns))
  }

  /// The memory that a group of so many columns needs.
  func bytes(width: Int, _ copies: GroupCopies) -> Int {
    engine.bytesPlanned(columns: width) + bytesOfColumns(width: width, copies)
  }

  func bytesOfColumns(width: Int, _ copies: GroupCopies) -> Int {
    BlockProblem<Element>.bytes(
      rows: a.rows, columns: a.columns, width: width, copiesX: engine.copiesSolution,
      copies: GroupCopies(x: copies.x, b: copies.b || projectsB))
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
  ///
  /// - Parameter copies: what a group of so many columns holds of its own.
  func width(columns: Int, copies: (Int) -> GroupCopies) throws -> Int {
    var width = widthBeforeMemory(columns: columns)
    guard let limit = options.memoryLimit, width > 0 else { return max(width, 1) }
    func needs(_ width: Int) -> Int { bytes(width: width, copies(width)) }
    while width > 1, needs(width) > limit { width -= 1 }
    let needed = needs(width)
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
    if width == min(options.maximumBlockWidth, columns) { return "maximumBlockWidth" }
    return automatic == nil ? "so that their bases stay in the cache" : "by the cost model"
  }

  /// A has new values on the same pattern: preconditioner and factors follow, symbolic work is kept.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when the shape differs, and what the engine throws when the pattern does.
  public func update(_ newA: some LinearOperator<Element>) throws {
    try checkShape(newA.rows, equals: a.rows, "the new A has \(newA.rows) rows, the prepared one \(a.rows); prepare anew")
    try checkShape(
      newA.columns, equals: a.columns, "the new A has \(newA.columns) columns, the prepared one \(a.columns); prepare anew")
    var operational: any LinearOperator<Element> = (newA as? CSCMatrix<Element>)?.csr ?? newA
    if nullSpace(of: a) != nil {
      guard let projection = try options.nullSpace.projection(for: operational, looks: looksForNullSpace) else {
        throw BlockKrylovError.unsupported("A was singular and no null space is found of the new one; prepare anew")
      }
      operational = SingularOperator(
        base: operational, projection: try LeftNullVectors.completed(projection, for: operational))
    }
    try options.onItsThreads { try engine.update(operational) }
    a = operational
    projectsB = nullSpace(of: a)?.left != nil
  }

  /// Solves A·X = B for all columns of B.
  ///
  /// Iterations allocate no blocks; X, the report and the scaled right-hand sides are allocated once per call.
  ///
  /// - Parameters:
  ///   - b: n × m right-hand sides.
  ///   - guess: n × m initial guess; zero by default. It is not changed.
  ///   - checkpoint: a file that holds the state of the solve at any time, to go on from (``solve(_:resuming:checkpoint:observer:)``);
  ///     none by default.
  ///   - observer: called after each block iteration; may stop the solve.
  /// - Returns: X and a report for every column. Columns that did not converge are a result, not an error.
  /// - Throws: ``BlockKrylovError/shape(_:)`` when sizes do not fit, ``BlockKrylovError/invalidOption(_:)`` for tolerances that do
  ///   not fit m columns and for a memory limit that a single column exceeds, and whatever a user's operator or preconditioner throws.
  public func solve(
    _ b: BlockVector<Element>, from guess: BlockVector<Element>? = nil, checkpoint: Checkpoint? = nil,
    observer: SolveObserver? = nil
  ) throws -> SolveResult<Element> {
    try solve(b, from: guess, resuming: nil, checkpoint: checkpoint, observer: observer)
  }

  /// A solve that may go on from an earlier one, and may leave checkpoints.
  func solve(
    _ b: BlockVector<Element>, from guess: BlockVector<Element>?, resuming saved: SavedSolve<Element>?, checkpoint: Checkpoint?,
    observer: SolveObserver?
  ) throws -> SolveResult<Element> {
    try checkShapes(b, guess)
    if guess == nil, checkpoint == nil, immediate?.solvesAtOnce == true {
      var x = BlockVector<Element>(rows: a.columns, columns: b.columns)
      if let report = try solveAtOnceOnItsThreads(b, into: &x) { return SolveResult(solution: x, report: report) }
    }
    return try options.onItsThreads {
      try solveColumns(b, from: guess, resuming: saved, checkpoint: checkpoint, observer: observer)
    }
  }

  /// The short way; of what is too small for threads nobody has to be told.
  private func solveAtOnceOnItsThreads(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws -> SolveReport? {
    guard SerialBLAS.isNeeded(order: a.rows, columns: b.columns) else { return try solveAtOnce(b, into: &x) }
    return try options.onItsThreads { try solveAtOnce(b, into: &x) }
  }

  /// Solves A·X = B for all columns of B into a block that is there: for time steps and other loops of many solves.
  ///
  /// - Parameters:
  ///   - b: n × m right-hand sides.
  ///   - x: n × m; the solution. A direct solve of plain columns writes into its memory.
  ///   - startingFromX: whether X holds the initial guess; its numbers mean nothing otherwise.
  ///   - observer: called after each block iteration; may stop the solve.
  /// - Returns: a report for every column.
  /// - Throws: as ``solve(_:from:observer:)``; X keeps its numbers when shapes do not fit.
  public func solve(
    _ b: BlockVector<Element>, into x: inout BlockVector<Element>, startingFromX: Bool = false, observer: SolveObserver? = nil
  ) throws -> SolveReport {
    try checkShapes(b, x)
    if !startingFromX, let report = try solveAtOnceOnItsThreads(b, into: &x) { return report }
    return try options.onItsThreads {
      let result = try solveColumns(b, from: startingFromX ? x : nil, observer: observer)
      x = result.solution
      return result.report
    }
  }

  private func checkShapes(_ b: BlockVector<Element>, _ x: BlockVector<Element>?) throws {
    try checkShape(b.rows, equals: a.rows, "A has \(a.rows) rows, B has \(b.rows)")
    if let x {
      try checkShape(x.rows, equals: a.columns, "A has \(a.columns) columns, the initial guess has \(x.rows) rows")
      try checkShape(x.columns, equals: b.columns, "B has \(b.columns) columns, the initial guess has \(x.columns)")
    }
    try options.validate(columns: b.columns)
  }

  /// Solves with books for every column: scales them, sets aside those that need no iteration, solves the others in groups.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  func solveColumns(
    _ b: BlockVector<Element>, from guess: BlockVector<Element>?, resuming saved: SavedSolve<Element>? = nil,
    checkpoint: Checkpoint? = nil, observer: SolveObserver?
  ) throws -> SolveResult<Element> {
    let began = ContinuousClock.now
    let monitor = SolveMonitor(
      columns: b.columns, timeLimit: options.timeLimit, recordsHistory: options.recordsHistory, observer: observer)
    monitor.record(engine.setupEvents)
    if let projection = nullSpace(of: a) { monitor.record(.projected, projection.description) }
    let writer = try prepareCheckpoints(b, saved, checkpoint, monitor)
    var ledger = try ColumnLedger(
      a: a, b: b, guess: guess, tolerance: options.tolerance,
      limits: options.maximumIterationsPerColumn ?? [], columnsMeet: engine.sharesSpace, monitor: monitor)
    let width = try width(columns: ledger.open.count) { ledger.copies(width: $0) }
    let groups = ledger.groups(maximumWidth: width)
    if groups.count > 1 {
      monitor.record(
        .grouped,
        "\(ledger.open.count) columns are solved in \(groups.count) groups of at most \(width) "
          + "(\(reason(forWidth: width, columns: ledger.open.count)))")
    }
    for group in groups {
      let problem = try ledger.problem(for: group, monitor: monitor)
      if let writer {
        problem.save = { [ledger, unowned problem] x, counts in
          let (whole, iterations) = ledger.current(problem, x, counts)
          writer.save(whole, iterations: iterations, isFinished: false)
        }
      }
      if !problem.open.isEmpty { try engine.solveInTheirNorms(problem) }
      problem.save = nil
      try ledger.finish(problem)
    }
    let columns = ledger.reports(monitor)
    if let writer {
      writer.save(
        ledger.x, iterations: columns.map(\.iterations), isFinished: monitor.stopped == nil)
      monitor.record(.note, "\(writer.written) checkpoints were written to \(checkpoint?.path ?? "")")
    }
    var report = SolveReport(
      method: engine.methodName, preconditioner: engine.preconditionerName, columns: columns)
    report.events = monitor.events
    report.iterations = monitor.iterations
    report.operatorApplications = monitor.operatorApplications
    report.columnsApplied = monitor.columnsApplied
    report.preconditionerApplications = monitor.preconditionerApplications
    report.setupSeconds = setupSeconds
    report.solveSeconds = SolveMonitor.seconds(since: began)
    report.blockWidth = groups.map(\.count).max() ?? 0
    let copies = ledger.copies(width: report.blockWidth)
    report.bytesPlanned = bytes(width: report.blockWidth, copies)
    report.bytesUsed = engine.bytesUsed + bytesOfColumns(width: report.blockWidth, copies)
    report.threads = Threads.count
    report.explanation = engine.explanation
    saved?.carriedOn(in: &report)
    return SolveResult(solution: ledger.x, report: report)
  }
}

extension PreparedSolver {
  /// Compares the system with the saved one, takes its directions over, and opens the next checkpoint.
  private func prepareCheckpoints(
    _ b: BlockVector<Element>, _ saved: SavedSolve<Element>?, _ checkpoint: Checkpoint?, _ monitor: SolveMonitor
  ) throws -> CheckpointWriter<Element>? {
    guard saved != nil || checkpoint != nil else { return nil }
    let fingerprint = try SystemFingerprint(a, b)
    if let saved {
      try saved.require(fingerprint)
      if let space = saved.recycledSpace, engine.recycledSpace == nil {
        // Another method goes on from X without them.
        do { try engine.recycle(space) } catch BlockKrylovError.unsupported {}
      }
      monitor.record(
        .note,
        "resumed after \(saved.iterations) iterations by \(saved.method) with \(saved.preconditioner); a new Krylov space begins")
    }
    return try checkpoint.map {
      try CheckpointWriter($0, fingerprint: fingerprint, engine: engine, monitor: monitor, before: saved)
    }
  }
}

extension SolverOptions {
  /// Runs `body` with the threads of these options, and BLAS on one.
  ///
  /// - Parameter serialBLAS: whether BLAS has to be told.
  func onItsThreads<Result>(serialBLAS: Bool = true, _ body: () throws -> Result) rethrows -> Result {
    func run() throws -> Result { try serialBLAS ? SerialBLAS.run(body) : body() }
    guard let threads else { return try run() }
    return try Threads.$limit.withValue(threads) { try run() }
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
    if options.tolerance.norms.contains(.energy), !estimatesEnergyErrors {
      throw BlockKrylovError.unsupported(
        "\(name) has no estimate of the A-norm of the error; measure its tolerance in another norm, or take cg, bf-cg, pseudo-cg or ecg"
      )
    }
    if let preconditioner {
      try checkShape(preconditioner.rows, equals: a.rows, "the preconditioner has \(preconditioner.rows) rows, A has \(a.rows)")
    }
    let began = ContinuousClock.now
    var operational: any LinearOperator<Element> = (a as? CSCMatrix<Element>)?.csr ?? a
    let looks = self is AutomaticSolver
    let isSmall = self is DenseLU && !SerialBLAS.isNeeded(order: a.rows, columns: 1)
    let engine: any SolveEngine<Element> = try options.onItsThreads(serialBLAS: !isSmall) {
      if let projection = try options.nullSpace.projection(for: operational, looks: looks) {
        operational = SingularOperator(
          base: operational, projection: try LeftNullVectors.completed(projection, for: operational))
      }
      return try makeEngine(for: operational, preconditioner: preconditioner?.projected(for: operational))
    }
    if nullSpace(of: operational) != nil, !engine.sharesSpace {
      throw BlockKrylovError.unsupported(
        "\(engine.methodName) factors A, which is singular; leave nullSpace out, or take cg, minres, gmres or lsmr")
    }
    return PreparedSolver(
      a: operational, engine: engine, options: options, looksForNullSpace: looks,
      setupSeconds: SolveMonitor.seconds(since: began))
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
