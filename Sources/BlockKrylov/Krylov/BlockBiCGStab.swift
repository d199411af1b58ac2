/// Block BiCGStab for general A: short recurrences, so that memory does not grow with the iterations.
///
/// Bl-BiCGStab (A. El Guennouni, K. Jbilou and H. Sadok, ETNA 16, 2003) with the residual block kept as R = Q·C, Q orthonormal
/// (S. Rashedi, G. Ebadi, S. Birk and A. Frommer, “On short recurrence Krylov type methods for linear systems with many right-hand
/// sides”, J. Comput. Appl. Math. 300, 2016): columns that converge or depend on each other do not break it. The search directions P are
/// kept orthonormal too, which only their span enters. Preconditioned on the right, with the shadow block R̂:
///
/// ```
/// [Q, C] = orth(B − A·X);  P = R̂ = Q
/// W = A·M⁻¹P;  α = (R̂ᴴW)⁻¹R̂ᴴQ;  S = Q − W·α
/// T = A·M⁻¹S;  ω = ⟨T, S⟩/⟨T, T⟩, with |cos ∠(T, S)| taken as at least 0.7
/// X += M⁻¹(P·α + ω·S)·C
/// β = −(R̂ᴴW)⁻¹R̂ᴴT;  P = orth(S − ω·T + (P − ω·W)·β)
/// [Q, C₁] = orth(S − ω·T);  C = C₁·C
/// ```
/// The bound of the angle keeps ω from vanishing where A is nearly skew (G. L. G. Sleijpen and H. A. van der Vorst, Numer. Algorithms
/// 10, 1995). ‖r_j‖ = ‖c_j‖ costs nothing; it drifts from the true residual further than in other methods, and rounds that begin from
/// the true residual make up for it. A singular R̂ᴴW is a breakdown: the iteration begins again with a random shadow block, and when
/// this brings nothing for some times the column ends with ``ColumnStatus/breakdown(_:)``.
///
/// - Complexity per iteration with p columns: two products with A, two applications of M⁻¹, about 24·n·p² flops, no allocation.
///   Memory: 5 blocks of n·p besides B and X (7 with a preconditioner).
public struct BlockBiCGStab: BlockMethod {
  /// `bicgstab`.
  public var name: String { "bicgstab" }
  /// The options; `side`, `restart` and `dependentColumns` have no meaning here, dependent directions are always dropped.
  public var options = SolverOptions()

  /// Block BiCGStab with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  public init(
    tolerance: Tolerance = .default, maximumIterations: Int? = nil, timeLimit: Duration? = nil, threads: Int? = nil
  ) {
    options = SolverOptions(
      tolerance: tolerance, maximumIterations: maximumIterations, timeLimit: timeLimit, threads: threads)
  }

  /// Checks A and builds the preconditioner.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for a preconditioner that varies.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    let m = try fixedPreconditioner(preconditioner, forSquare: a)
    return BlockBiCGStabEngine(EngineCore(name, options, m, rows: a.rows))
  }
}

/// Block BiCGStab bound to one A.
final class BlockBiCGStabEngine<Element: Scalar>: KrylovEngine {
  let core: EngineCore<Element>
  private var kept = KeptWorkspace<Workspace>()

  init(_ core: EngineCore<Element>) { self.core = core }

  var recurrenceBytesUsed: Int { kept.byteCount }

  func recurrenceBytes(columns: Int) -> Int {
    blockBytes(m == nil ? 5 : 7, columns: columns) + BlockSpace<Element>.bytes(p: columns, q: columns, rows: rows)
  }

  func solve(_ whole: BlockProblem<Element>) throws {
    var round: UInt64 = 0
    func solveInRounds() throws {
      var brokeDown = false
      try whole.solveInRounds(patience: 3) { part in
        round += 1
        let failure = try iterate(part, shadowSeed: brokeDown ? round : nil)
        brokeDown = failure?.mayBeDrift ?? false
        return failure
      }
    }
    try solveInRounds()
    // What broke down as a block, where its steps exhaust the space, need not do so column by column.
    let broken = whole.status.indices.filter { if case .breakdown = whole.status[$0] { true } else { false } }
    guard broken.count > 0, whole.width > 1 else { return }
    whole.monitor.record(.breakdown, "\(broken.count) columns that broke down together go on one at a time")
    for j in broken where whole.trueResiduals[j].isFinite {
      whole.status[j] = nil
      whole.startResiduals[j] = min(whole.startResiduals[j], whole.trueResiduals[j])
      try solveInRounds()
    }
  }

  /// Runs the recurrence until every column's estimate meets its bound and the true residuals confirm it, or nothing more can be
  /// done. Columns that are confirmed get their status; for the others the result is why the iteration ended, `nil` for drift.
  ///
  /// - Parameter seed: of a random shadow block; the first residual serves where there is none.
  private func iterate(_ problem: BlockProblem<Element>, shadowSeed seed: UInt64?) throws -> ColumnStatus? {
    let monitor = problem.monitor
    let work = workspace(columns: problem.width)
    func end(_ reason: ColumnStatus?) throws -> ColumnStatus? {
      work.widenScratch()
      try problem.verify(into: &work.t, work.space, norms: &work.trueNorms)
      return reason
    }
    if let failure = try start(problem, work, seed) { return try end(failure) }
    while true {
      if let stop = monitor.limitReached() { return try end(stop.status) }
      if work.rank == 0 { return try end(nil) }
      let failure = try step(problem, work)
      if let failure { return try end(failure) }
      let stop = monitor.finishIteration()
      try problem.checkpoint { _ in }
      let done = (0..<problem.width).allSatisfy { problem.isDone(column: $0, estimate: work.residuals[$0]) }
      if done || stop != nil { return try end(stop?.status) }
    }
  }

  /// Q, C, P and R̂ from the residual of the current X.
  private func start(_ problem: BlockProblem<Element>, _ work: Workspace, _ seed: UInt64?) throws -> ColumnStatus? {
    let p = problem.width
    work.restoreWidth(p)
    if problem.hasGuess {
      try problem.residual(of: problem.x, problem.b, into: &work.q)
    } else {
      work.q.copy(from: problem.b)
    }
    work.space.columnNorms(work.q, into: &work.residuals)
    guard work.residuals.allSatisfy({ $0.isFinite }) else { return .nonFinite(.operator) }
    if let failure = work.begin(shadowSeed: seed) { return failure }
    if work.rank < p {
      problem.monitor.record(
        .deflated, "\(p - work.rank) directions of the first residual depend on the others and were dropped")
    }
    return nil
  }

  /// One iteration. X changes only when everything that it needs is finite.
  private func step(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> ColumnStatus? {
    let width = work.rank
    if let m {
      problem.monitor.countPreconditioner()
      try work.precondition(.directions, m)
    }
    try work.applyOperator(problem, .directions)
    if let failure = work.bicgHalf() { return failure }
    if let m {
      problem.monitor.countPreconditioner()
      try work.precondition(.residuals, m)
    }
    try work.applyOperator(problem, .residuals)
    if let failure = work.stabilize() { return failure }
    work.updateSolution(of: problem)
    problem.hasGuess = true
    let failure = work.advance() ?? work.divergence()
    for j in 0..<problem.width where problem.mayGoOn(column: j) { problem.note(column: j, estimate: work.residuals[j]) }
    if work.rank < width, work.rank > 0 {
      problem.monitor.record(.deflated, "\(width - work.rank) directions of the residual became dependent and were dropped")
    }
    return failure
  }

  private func workspace(columns: Int) -> Workspace {
    kept.workspace(columns: columns) { Workspace(rows: rows, columns: columns, preconditioned: m != nil) }
  }
}
