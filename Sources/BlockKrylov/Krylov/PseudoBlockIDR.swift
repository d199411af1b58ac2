/// IDR(s) for each column on its own, with the products with A and M⁻¹ made for all columns at once: short recurrences for general A.
///
/// The variant with bi-orthogonal intermediate residuals (M. B. van Gijzen and P. Sonneveld, ACM Trans. Math. Softw. 38, 2011),
/// preconditioned on the right, with the bound of the angle for ω of G. L. G. Sleijpen and H. A. van der Vorst. It needs one product
/// an iteration and often as few of them as full GMRES, with 2s + 5 blocks of memory. All columns share the s shadow vectors, so that
/// the inner products with them are those of blocks; everything else is independent for each column, and columns that are done leave
/// the block. A column that breaks down begins again from its true residual with other shadow vectors.
///
/// - Complexity per iteration with p columns: one product with A, one application of M⁻¹, about (8·s + 8)·n·p flops.
///   Memory: 2·s + 4 blocks of n·p besides B and X, and one of n·s.
public struct PseudoBlockIDR: BlockMethod {
  /// `idr`.
  public var name: String { "idr" }
  /// The options; `side`, `restart` and `dependentColumns` have no meaning here.
  public var options = SolverOptions()
  /// s, the number of shadow vectors; 4 by default, beyond which iterations fall little.
  public var shadowVectors: Int

  /// IDR(s) with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  public init(
    shadowVectors: Int = 4, tolerance: Tolerance = .default, maximumIterations: Int? = nil, timeLimit: Duration? = nil,
    threads: Int? = nil
  ) {
    self.shadowVectors = shadowVectors
    options = SolverOptions(
      tolerance: tolerance, maximumIterations: maximumIterations, timeLimit: timeLimit, threads: threads)
  }

  /// Checks A and builds the preconditioner.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for a preconditioner that varies, ``BlockKrylovError/invalidOption(_:)`` for fewer
  ///   than one shadow vector.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    guard shadowVectors >= 1 else {
      throw BlockKrylovError.invalidOption("\(shadowVectors) shadow vectors; there must be at least 1")
    }
    let m = try fixedPreconditioner(preconditioner, forSquare: a)
    return PseudoBlockIDREngine(EngineCore(name, options, m, rows: a.rows), s: max(1, min(shadowVectors, a.rows)))
  }
}

/// IDR(s) bound to one A.
final class PseudoBlockIDREngine<Element: Scalar>: KrylovEngine {
  let core: EngineCore<Element>
  private let s: Int

  init(_ core: EngineCore<Element>, s: Int) {
    self.core = core
    self.s = s
  }

  func recurrenceBytes(columns: Int) -> Int {
    blockBytes(2 * s + 4, columns: columns) + blockBytes(1, columns: s)
      + BlockSpace<Element>.bytes(p: max(columns, s), q: s, rows: rows)
  }

  func solve(_ whole: BlockProblem<Element>) throws {
    var seed: UInt64 = 0x1D2
    try whole.solveInRounds(patience: 3) { part in
      seed += 1
      return try iterate(part, seed)
    }
  }

  /// Iterates until every column's estimate meets its bound or it failed, and verifies. Columns that are confirmed or failed get
  /// their status; for the others the result is the limit that ended the iteration, a breakdown, or `nil` for drift.
  private func iterate(_ problem: BlockProblem<Element>, _ seed: UInt64) throws -> ColumnStatus? {
    let state = State(problem, s: s, seed: seed)
    var norms = problem.norms
    core.note(bytes: state.byteCount)
    try state.begin()
    var stopped: ColumnStatus?
    cycles: while true {
      // s steps that extend the space, then one that enters the next smaller Sonneveld space.
      for k in 0...s {
        if k == 0 { state.retire() } else { state.finishLimited() }
        if state.isDone { break cycles }
        if let stop = problem.monitor.limitReached() {
          stopped = stop.status
          break cycles
        }
        if k < s { try state.extend(k, m) } else { try state.reduce(m) }
        let stop = problem.monitor.finishIteration()
        try problem.checkpoint { state.leaveSolution(in: &$0) }
        if let stop {
          stopped = stop.status
          break cycles
        }
      }
    }
    state.leaveSolution()
    var r = problem.residualBlock(in: state.releaseScratch())
    try problem.verify(into: &r, state.space, norms: &norms)
    return stopped ?? state.breakdown
  }
}
