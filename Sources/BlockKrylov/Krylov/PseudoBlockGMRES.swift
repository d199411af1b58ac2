internal import ComplexModule

/// GMRES for each column on its own, with the products with A and M⁻¹ made for all columns at once.
///
/// Every column has a Krylov space of its own and goes through the iterates that it would have alone (Y. Saad and M. H. Schultz, SIAM J.
/// Sci. Stat. Comput. 7, 1986): restarted, preconditioned on the right, the basis orthogonalised a second time where it must be. Reading the bases of p columns
/// costs as much as in ``BlockGMRES`` and the arithmetic on them p times less, so it is the faster step; block GMRES needs fewer.
/// Columns that meet their tolerance leave the block when at most half of it remains, and at every restart. Where the bases of all
/// columns do not fit the last-level cache and those of fewer do, columns are solved in groups of so many.
///
/// - Complexity of step k with p columns: one product with A, one application of M⁻¹, 4·n·k·p flops, 8·n·k·p where columns are
///   orthogonalised again.
///   Memory: restart + 3 blocks of n·p besides B and X, allocated as the basis grows; with `basisPrecision` single half of it.
public struct PseudoBlockGMRES: BlockMethod {
  /// `pseudo-gmres`.
  public var name: String { "pseudo-gmres" }
  /// The options; `dependentColumns` has no meaning here, and `side` must be right.
  public var options = SolverOptions()
  /// How the bases are stored; in full by default. In single precision, which halves the memory, a cycle reduces a residual by six digits at most, and the next one goes
  /// on from the residual recomputed in double precision: X is as accurate as ever.
  public var basisPrecision = BasisPrecision.full

  /// Pseudo-block GMRES with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  public init(
    tolerance: Tolerance = .default, restart: Int = 50, maximumIterations: Int? = nil, timeLimit: Duration? = nil,
    threads: Int? = nil
  ) {
    options = SolverOptions(
      tolerance: tolerance, maximumIterations: maximumIterations, timeLimit: timeLimit, threads: threads)
    options.restart = restart
  }

  /// The same method with bases in this precision.
  public func storingBasis(in precision: BasisPrecision) -> PseudoBlockGMRES {
    var copy = self
    copy.basisPrecision = precision
    return copy
  }

  /// Checks A and builds the preconditioner.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for a preconditioner that varies, or for another side than the right.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    guard options.side == .right else {
      throw BlockKrylovError.unsupported(
        "pseudo-block GMRES has its preconditioner on the right; use block GMRES for other sides")
    }
    let m = try fixedPreconditioner(preconditioner, forSquare: a)
    return PseudoBlockGMRESEngine(EngineCore(name, options, m, rows: a.rows), basisPrecision)
  }
}

/// Pseudo-block GMRES bound to one A.
final class PseudoBlockGMRESEngine<Element: Scalar>: KrylovEngine {
  let core: EngineCore<Element>
  private let precision: BasisPrecision
  private var kept = KeptWorkspace<State>()

  init(_ core: EngineCore<Element>, _ precision: BasisPrecision) { (self.core, self.precision) = (core, precision) }

  var recurrenceBytesUsed: Int { kept.byteCount }

  func recurrenceBytes(columns: Int) -> Int {
    let steps = min(options.restart, rows)
    return basisBytes(steps, columns: columns) + blockBytes(1, columns: columns)
      + BlockSpace<Element>.bytes(p: columns * (steps + 1), q: 1, rows: rows)
  }

  /// V₁ … V_{k+1} and the block in the making.
  private func basisBytes(_ steps: Int, columns: Int) -> Int {
    StoredBasis<Element>.bytes(precision, blocks: steps + 2, rows: rows, columns: columns)
  }

  /// As many columns as keep the bases of a cycle, at half its length, in the last-level cache: columns gain nothing from each other but
  /// the reading of A, which is the smaller part of the traffic. All of them where that is so anyway, or not even for one.
  func preferredWidth(columns: Int, limit: Int) -> Int {
    let widest = min(columns, limit)
    let half = min(options.restart, rows) / 2 + 1
    guard widest > 1, basisBytes(half, columns: 1) <= lastLevelCache else { return widest }
    var width = widest
    while width > 1, basisBytes(half, columns: width) > lastLevelCache { width -= 1 }
    return width
  }

  func solve(_ whole: BlockProblem<Element>) throws {
    let monitor = whole.monitor
    var drift = DriftControl(columns: whole.width)
    var best = whole.startResiduals
    var progress = (0..<whole.width).map { _ in ProgressControl(columns: 1) }
    while true {
      let list = whole.open
      if list.isEmpty { return }
      let part = whole.openPart()
      let (stop, exhausted) = try cycle(part)
      // Where A is singular a cycle may end further off than it began.
      whole.takeBack(part, list, best)
      whole.absorb(part, at: list)
      for j in list { best[j] = min(best[j], whole.trueResiduals[j]) }
      for (k, j) in list.enumerated() where whole.status[j] == nil {
        let residual = whole.trueResiduals[j]
        let claimed = whole.estimated[j] <= whole.target(column: j)
        let moved = progress[j].advanced(columns: [0], residuals: [residual])
        if let stop {
          whole.finish(column: j, stop)
        } else if exhausted[k] == .singular, drift.isStuck(column: j, residual: residual) {
          whole.finish(column: j, .singular(reciprocalCondition: nil))
        } else if claimed || exhausted[k] != nil, drift.isStuck(column: j, residual: residual) {
          whole.finish(column: j, .stagnated(.attainableAccuracy))
        } else if !moved {
          whole.finish(column: j, .stagnated(.noProgress))
        }
      }
      if !whole.open.isEmpty { monitor.record(.restarted, "restart on the true residual with \(whole.open.count) columns") }
    }
  }

  /// How a column's space may become invariant.
  enum End { case invariant, singular }

  /// One cycle from the true residuals to the verified X. Says which limit ended it, and which columns' spaces were exhausted.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private func cycle(_ problem: BlockProblem<Element>) throws -> (ColumnStatus?, [End?]) {
    let state = state(for: problem)
    var norms = problem.norms
    try state.begin(problem)
    var stopped: ColumnStatus?
    while !state.active.isEmpty && state.steps < options.restart && !state.isDone {
      if let stop = problem.monitor.limitReached() {
        stopped = stop.status
        break
      }
      try state.step(m)
      let stop = problem.monitor.finishIteration()
      try problem.checkpoint { try state.updateSolution(&$0, state.active.indices.map { $0 }, m) }
      if let stop {
        stopped = stop.status
        break
      }
      try state.retire(m)
    }
    try state.updateSolution(&problem.x, state.active.indices.map { $0 }, m)
    problem.hasGuess = true
    try state.verify(&norms)
    return (stopped, state.ends)
  }

  private func state(for problem: BlockProblem<Element>) -> State {
    kept.workspace(columns: problem.width) {
      State(problem, preconditioned: m != nil, restart: min(options.restart, rows), precision: precision)
    }
  }
}
