/// Block minimal residuals for hermitian A that may be indefinite: short recurrences, and the residual of every column is the
/// smallest in the common space.
///
/// Block Lanczos with the inner product of a hermitian positive definite preconditioner M and QR of the projected block tridiagonal
/// matrix (C. C. Paige and M. A. Saunders, SIAM J. Numer. Anal. 12, 1975; for blocks K. M. Soodhalter, “A block MINRES algorithm
/// based on the band Lanczos method”, Numer. Algorithms 69, 2015). In each step, with VᴴM⁻¹V = I:
///
/// ```
/// W = A·Z_k − V_k·A_k − V_{k−1}·B_kᴴ,   A_k = Z_kᴴ·A·Z_k        local re-orthogonalisation against V_k
/// [V_{k+1}, B_{k+1}] = orth(W);  Z_{k+1} = M⁻¹V_{k+1}              rank-revealing
/// column k of R, G from the reflectors of the last two steps       BlockTridiagonal
/// D_k = (Z_k − D_{k−1}·R_{k−1,k} − D_{k−2}·R_{k−2,k})·R_kk⁻¹
/// X += D_k·G_k
/// ```
/// Without preconditioner the norm that is minimised is the 2-norm of the residual, known without another pass over the rows. With
/// one it is ‖r‖_{M⁻¹} = √(rᴴM⁻¹r): the estimates reported are that norm times its ratio to the 2-norm when both were last known,
/// and convergence is said on the recomputed 2-norm only, as everywhere. Directions of the first residual that depend on others, and
/// such that become dependent, are dropped (``SolveEvent/Kind/deflated``).
///
/// - Complexity per iteration with p columns: one product with A, one application of M⁻¹, about 20·n·p² flops, no allocation.
///   Memory: 6 blocks of n·p besides B and X (8 with a preconditioner).
public struct BlockMINRES: BlockMethod {
  /// `minres`.
  public var name: String { "minres" }
  /// The options; `side`, `restart` and `dependentColumns` have no meaning here.
  public var options = SolverOptions()

  /// Block MINRES with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  public init(
    tolerance: Tolerance = .default, maximumIterations: Int? = nil, timeLimit: Duration? = nil, threads: Int? = nil
  ) {
    options = SolverOptions(
      tolerance: tolerance, maximumIterations: maximumIterations, timeLimit: timeLimit, threads: threads)
  }

  /// Checks that A is hermitian and builds the preconditioner. ``PreconditionerChoice/jacobi`` stands for the moduli of the diagonal
  /// here, and so does ``PreconditionerChoice/automatic`` where the diagonal is not positive: M must be positive definite whatever A is.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for a matrix that is not hermitian or a preconditioner that is not positive definite.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    let m = try definitePreconditioner(preconditioner ?? moduliOfDiagonal(of: a), forHermitian: a)
    return BlockMINRESEngine(EngineCore(name, options, m, rows: a.rows))
  }

  /// What stands for Jacobi, where that is what the options ask for.
  private func moduliOfDiagonal<Element: Scalar>(
    of a: any LinearOperator<Element>
  ) throws -> (any Preconditioner<Element>)? {
    guard a.rows == a.columns, let matrix = a.sparseMatrix else { return nil }
    let isWanted =
      options.preconditioner == .jacobi
      || (options.preconditioner == .automatic && !matrix.hasPositiveDiagonal(matrix.diagonal))
    return isWanted ? try JacobiPreconditioner(moduliOf: matrix).projected(for: a) : nil
  }
}

/// Block MINRES bound to one A.
final class BlockMINRESEngine<Element: Scalar>: KrylovEngine {
  let core: EngineCore<Element>
  private var kept = KeptWorkspace<Workspace>()

  init(_ core: EngineCore<Element>) { self.core = core }

  var recurrenceBytesUsed: Int { kept.byteCount }

  func recurrenceBytes(columns: Int) -> Int {
    blockBytes(m == nil ? 6 : 8, columns: columns) + BlockSpace<Element>.bytes(p: 3 * columns, q: columns, rows: rows)
  }

  func solve(_ whole: BlockProblem<Element>) throws {
    kept.kept?.forgetSize()
    try whole.solveInRounds(iterate)
  }

  /// Runs the recurrence until every column's estimate meets its bound and the true residuals confirm it, or nothing more can be
  /// done. Columns that are confirmed get their status; for the others the result is why the iteration ended, `nil` for drift.
  private func iterate(_ problem: BlockProblem<Element>) throws -> ColumnStatus? {
    let p = problem.width
    let monitor = problem.monitor
    let work = workspace(columns: p)
    func end(_ reason: ColumnStatus?) throws -> ColumnStatus? {
      try problem.verify(into: &work.r, work.space, norms: &work.trueNorms)
      return reason
    }
    if let failure = try start(problem, work) { return try end(failure) }
    var last = [Double](repeating: .infinity, count: p)
    while true {
      if let stop = monitor.limitReached() { return try end(stop.status) }
      if work.rank == 0 { return try end(nil) }
      if let failure = try step(problem, work) { return try end(failure) }
      let stop = monitor.finishIteration()
      try problem.checkpoint { _ in }
      let done = (0..<p).allSatisfy { problem.isDone(column: $0, estimate: work.estimate($0)) }
      guard done || stop != nil || work.isOnPlateau(problem) else { continue }
      if let reason = try end(stop?.status) { return reason }
      if problem.open.isEmpty { return nil }
      if !done {
        for j in problem.open where work.estimate(j) > problem.target(column: j) {
          problem.finish(column: j, work.reasonOfPlateau(j))
        }
        return nil
      }
      // The norm that is minimised met its bound and the true residual did not: their ratio has changed, which costs nothing, or the
      // recurrence has drifted, so that going on brings nothing.
      for j in problem.open {
        let residual = work.trueNorms[j]
        let drifted = residual > last[j] / 2 || (m == nil && residual > 4 * problem.thresholds[j])
        if drifted || work.isFrozen[j] || !work.calibrate(column: j, residual: residual) { return nil }
        last[j] = residual
      }
    }
  }

  /// V₁, Z₁ and Λ from the residual of the current X.
  private func start(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> ColumnStatus? {
    let p = problem.width
    work.restoreWidth(p)
    if problem.hasGuess {
      try problem.residual(of: problem.x, problem.b, into: &work.w)
    } else {
      work.w.copy(from: problem.b)
    }
    work.space.columnNorms(work.w, into: &work.trueNorms)
    guard work.trueNorms.allSatisfy({ $0.isFinite }) else { return .nonFinite(.operator) }
    for j in 0..<p { work.columnScales[j] = Element.Magnitude(1 / max(work.trueNorms[j], .leastNormalMagnitude)) }
    work.w.scaleColumns(by: work.columnScales)
    if let failure = try orthonormalize(problem, work, first: true) { return failure }
    if work.w.columns < p {
      problem.monitor.record(
        .deflated, "\(p - work.w.columns) directions of the first residual depend on the others and were dropped")
    }
    work.begin()
    return nil
  }

  /// One iteration. X changes only when everything that it needs is finite.
  private func step(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> ColumnStatus? {
    let width = work.rank
    try work.applyOperator(problem)
    guard work.a.isFinite else { return .nonFinite(.operator) }
    work.subtractLastTwo()
    guard work.a.isFinite else { return .nonFinite(.operator) }
    if let failure = try orthonormalize(problem, work, first: false) { return failure }
    let rank = work.w.columns
    if rank < width, rank > 0 {
      problem.monitor.record(.deflated, "\(width - rank) directions of the Lanczos block became dependent and were dropped")
    }
    work.tridiagonal.append(work.a, below: work.b)
    // Where A·r has vanished X is a least-squares solution, and further steps would divide by rounding: these columns end here, and the
    // others begin again without them.
    let stationary = (0..<problem.width).filter { work.isStationary($0, problem) }
    if !stationary.isEmpty {
      for j in stationary { problem.finish(column: j, .singular(reciprocalCondition: nil)) }
      return .singular(reciprocalCondition: nil)
    }
    for j in 0..<problem.width where !problem.mayGoOn(column: j) { work.freeze(column: j) }
    let singular = work.tridiagonal.isSingular
    guard work.prepareDirections() else { return .nonFinite(.operator) }
    work.advance(&problem.x)
    problem.hasGuess = true
    work.noteEstimates(problem)
    return singular ? .singular(reciprocalCondition: nil) : nil
  }

  /// Zn = M⁻¹W and W = V·B with VᴴM⁻¹V = I.
  private func orthonormalize(
    _ problem: BlockProblem<Element>, _ work: Workspace, first: Bool
  ) throws -> ColumnStatus? {
    if let m {
      problem.monitor.countPreconditioner()
      try work.applyPreconditioner(m)
    }
    return work.orthonormalize(first: first)
  }

  private func workspace(columns: Int) -> Workspace {
    kept.workspace(columns: columns) { Workspace(rows: rows, columns: columns, preconditioned: m != nil) }
  }
}
