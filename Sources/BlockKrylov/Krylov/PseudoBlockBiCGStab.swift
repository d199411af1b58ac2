/// BiCGStab for each column on its own, with the products with A and M⁻¹ made for all columns at once.
///
/// Every column goes through the iterates that it would have alone (H. A. van der Vorst, SIAM J. Sci. Stat. Comput. 13, 1992; with
/// the bound of the angle between A·s and s of G. L. G. Sleijpen and H. A. van der Vorst, 1995), preconditioned on the right. Columns
/// that meet their tolerance leave the block. A column whose recurrence breaks down begins again from its residual with a random
/// shadow vector while the others go on; when this brings nothing for some times it ends with ``ColumnStatus/breakdown(_:)``.
///
/// Without a preconditioner an iteration is two passes over the rows where A is a matrix: each makes the vectors that it multiplies A
/// with just before, and the inner products just after. ‖r‖ and R̂ᴴr follow from those of s and t.
///
/// - Complexity per iteration with p columns: two products with A, two applications of M⁻¹, about 20·n·p flops.
///   Memory: 7 blocks of n·p besides B and X (9 with a preconditioner).
public struct PseudoBlockBiCGStab: BlockMethod {
  /// `pseudo-bicgstab`.
  public var name: String { "pseudo-bicgstab" }
  /// The options; `side`, `restart` and `dependentColumns` have no meaning here.
  public var options = SolverOptions()

  /// Pseudo-block BiCGStab with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  public init(
    tolerance: Tolerance = .default, maximumIterations: Int? = nil, timeLimit: Duration? = nil, threads: Int? = nil
  ) {
    options.tolerance = tolerance
    options.maximumIterations = maximumIterations
    options.timeLimit = timeLimit
    options.threads = threads
  }

  /// Checks A and builds the preconditioner.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for a preconditioner that varies.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    try requireSquare(a)
    let m = try preconditioner ?? buildPreconditioner(options.preconditioner, for: a)
    if let m { try requireFixed(m) }
    return PseudoBlockBiCGStabEngine(options: options, preconditioner: m, rows: a.rows)
  }
}

/// Pseudo-block BiCGStab bound to one A.
final class PseudoBlockBiCGStabEngine<Element: Scalar>: SolveEngine {
  private let options: SolverOptions
  private var m: (any Preconditioner<Element>)?
  private let rows: Int
  private var peakBytes = 0

  init(options: SolverOptions, preconditioner: (any Preconditioner<Element>)?, rows: Int) {
    self.options = options
    self.rows = rows
    m = preconditioner
  }

  var methodName: String { "pseudo-bicgstab" }
  var preconditionerName: String { m?.name ?? "none" }
  var setupEvents: [SolveEvent] { m?.events ?? [] }
  var bytesUsed: Int { peakBytes + (m?.storedBytes ?? 0) }

  func bytesPlanned(columns: Int) -> Int {
    let width = BlockVector<Element>.paddedWidth(columns) * MemoryLayout<Element>.stride
    return rows * width * (m == nil ? 6 : 8) + BlockSpace<Element>.bytes(p: columns, q: 5, rows: rows) + (m?.storedBytes ?? 0)
  }

  func update(_ a: any LinearOperator<Element>) throws { m = try updatedPreconditioner(m, for: a) }

  func solve(_ problem: SolveProblem<Element>) throws {
    let whole = problem.block
    whole.monitor.begin(method: methodName, iterationLimit: options.maximumIterations ?? 10 * rows + 100)
    try whole.solveInRounds(iterate)
  }

  /// Iterates until every column's estimate meets its bound or it failed, and verifies. Columns that are confirmed or failed get
  /// their status; for the others the result is the limit that ended the iteration, `nil` for drift.
  private func iterate(_ problem: BlockProblem<Element>) throws -> ColumnStatus? {
    let state = State(problem, preconditioned: m != nil)
    var norms = problem.norms
    peakBytes = max(peakBytes, state.byteCount)
    try state.begin()
    var stopped: ColumnStatus?
    while true {
      state.retire()
      if state.active.isEmpty { break }
      if let stop = problem.monitor.limitReached() {
        stopped = stop.status
        break
      }
      try state.step(m)
      let stop = problem.monitor.finishIteration()
      try problem.checkpoint { state.leaveSolution(in: &$0) }
      if let stop {
        stopped = stop.status
        break
      }
    }
    state.leaveSolution()
    var r = BlockVector<Element>(rows: rows, columns: problem.width)
    try problem.verify(into: &r, state.space, norms: &norms)
    return stopped
  }
}
