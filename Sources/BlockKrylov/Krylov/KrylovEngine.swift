/// The engine of a Krylov method: a recurrence, and what all of them have in common (`core`).
///
/// An engine says what memory its recurrence takes and runs it on the columns that it is given; names, preconditioner and the books of
/// memory are the same for all and stand here.
protocol KrylovEngine<Element>: SolveEngine {
  /// What it has in common with the others.
  var core: EngineCore<Element> { get }
  /// The memory of the recurrence with so many columns, in bytes, besides the preconditioner's and that of B and X.
  func recurrenceBytes(columns: Int) -> Int
  /// The most of it that was held so far.
  var recurrenceBytesUsed: Int { get }
  /// Runs the recurrence until no column is open.
  func solve(_ whole: BlockProblem<Element>) throws
}

/// What the engines of Krylov methods have besides their recurrences.
final class EngineCore<Element: Scalar> {
  /// The name of the method for the report.
  let methodName: String
  let options: SolverOptions
  /// The order of A.
  let rows: Int
  /// M⁻¹; none is the identity.
  fileprivate(set) var m: (any Preconditioner<Element>)?
  /// The memory of the largest recurrence so far: one for fewer columns may have taken its place.
  private(set) var peakBytes = 0

  init(_ methodName: String, _ options: SolverOptions, _ m: (any Preconditioner<Element>)?, rows: Int) {
    (self.methodName, self.options, self.m, self.rows) = (methodName, options, m, rows)
  }

  /// The recurrence holds so many bytes now.
  func note(bytes: Int) { peakBytes = max(peakBytes, bytes) }
}

extension KrylovEngine {
  var options: SolverOptions { core.options }
  var m: (any Preconditioner<Element>)? { core.m }
  var rows: Int { core.rows }
  var methodName: String { core.methodName }
  var preconditionerName: String { core.m?.name ?? "none" }
  var setupEvents: [SolveEvent] { core.m?.events ?? [] }
  var recurrenceBytesUsed: Int { core.peakBytes }
  var bytesUsed: Int { recurrenceBytesUsed + (core.m?.storedBytes ?? 0) }

  func bytesPlanned(columns: Int) -> Int {
    recurrenceBytes(columns: columns) + (core.m?.bytesPlanned(columns: columns) ?? 0)
  }

  /// The memory of so many blocks of n × p, in bytes.
  func blockBytes(_ blocks: Int, columns: Int) -> Int {
    blocks * rows * BlockVector<Element>.paddedWidth(columns) * MemoryLayout<Element>.stride
  }

  func update(_ a: any LinearOperator<Element>) throws { try updatePreconditioner(for: a) }

  /// The preconditioner follows new values of A.
  func updatePreconditioner(for a: any LinearOperator<Element>) throws {
    guard let m = core.m else { return }
    guard let matrix = a.sparseMatrix else {
      throw BlockKrylovError.unsupported("the preconditioner \(m.name) needs a sparse matrix to follow new values of A")
    }
    core.m = try m.updated(for: matrix)
  }

  func solve(_ problem: SolveProblem<Element>) throws {
    let whole = problem.block
    whole.monitor.begin(method: methodName, iterationLimit: options.maximumIterations ?? 10 * max(rows, whole.x.rows) + 100)
    try solve(whole)
  }
}

/// The blocks and small matrices of a recurrence, allocated once for a block width.
protocol RecurrenceWorkspace: AnyObject {
  /// The columns that it is for.
  var columns: Int { get }
  /// The memory that it holds, in bytes.
  var byteCount: Int { get }
}

/// The workspace of the last solve, which serves the next one of the same width.
struct KeptWorkspace<Workspace: RecurrenceWorkspace> {
  private(set) var kept: Workspace?
  private var peakBytes = 0

  /// The most memory so far.
  var byteCount: Int { max(peakBytes, kept?.byteCount ?? 0) }

  /// The workspace for so many columns.
  ///
  /// - Parameter fits: whether the one that is there will do, where more than its width matters.
  mutating func workspace(
    columns: Int, fits: (Workspace) -> Bool = { _ in true }, _ make: () -> Workspace
  ) -> Workspace {
    if let kept, kept.columns == columns, fits(kept) { return kept }
    peakBytes = byteCount
    // The old one goes first, so that the two are not there together.
    kept = nil
    let fresh = make()
    kept = fresh
    return fresh
  }
}

/// The state of a method whose columns have recurrences of their own and share the products with A and M⁻¹ only. Arrays and blocks have
/// one column for each of `active`.
protocol IndependentColumns: AnyObject {
  associatedtype Element: Scalar
  var problem: BlockProblem<Element> { get }
  /// Which column of the problem each is.
  var active: [Int] { get }
  /// Columns that are done or failed leave the block.
  func retire()
  /// One step of every active column. X changes only where everything that it needs is finite.
  func step(_ m: (any Preconditioner<Element>)?) throws
  /// X of the active columns goes where it belongs among all columns.
  func leaveSolution(in all: inout BlockVector<Element>)
  /// X of the active columns goes to the problem.
  func leaveSolution()
}

extension IndependentColumns {
  /// X of the active columns goes to the problem.
  func leaveSolution() {
    leaveSolution(in: &problem.x)
    problem.hasGuess = true
  }

  /// Iterates until every column has left the block, and leaves X with the problem; the limit that ended it before, if one did.
  func iterate(_ m: (any Preconditioner<Element>)?) throws -> ColumnStatus? {
    defer { leaveSolution() }
    while true {
      retire()
      if active.isEmpty { return nil }
      if let stop = problem.monitor.limitReached() { return stop.status }
      try step(m)
      let stop = problem.monitor.finishIteration()
      try problem.checkpoint { leaveSolution(in: &$0) }
      if let stop { return stop.status }
    }
  }
}
