internal import ComplexModule

/// Block conjugate gradients for hermitian positive definite A: all columns share one Krylov space.
///
/// The recurrence is BCGrQ (A. A. Dubrulle, “Retooling the method of block conjugate gradients”, ETNA 12, 2001; with preconditioner as
/// DR-BCG in P. Tichý, G. Meurant and D. Šimonová, arXiv 2502.16998, 2025). It inverts no RᴴR, so columns that converge, repeat or
/// depend on each other do not break it. There Q is orthonormal in every iteration. Here it stays as it is while its columns are well
/// conditioned, which N = QᴴM⁻¹Q tells, so that most iterations are spared that pass; with R = Q·C and N = I at first:
///
/// ```
/// [Q, C] = orth(B − A·X);  P = Z = M⁻¹Q
/// W = A·P;  Σ = PᴴW;  α = Σ⁻¹N
/// X += P·αC
/// Q ← Q − W·α;  Z = M⁻¹Q;  N₊ = QᴴZ
/// where N₊ has a condition of more than a few:  [Q, S] = orth(Q);  C ← S·C;  β = N⁻¹Sᴴ;  N ← I
/// else:  β = N⁻¹N₊;  N ← N₊
/// P ← Z + P·β
/// ```
/// ‖r_j‖² = c_jᴴ(QᴴQ)c_j costs no further pass over the rows, and c_jᴴNΣ⁻¹Nc_j is what an iteration takes off the squared A-norm of the
/// error (G. Meurant and P. Tichý, arXiv 2502.14979): summed over some iterations it bounds the error before them from below.
///
/// Where X is kept in higher precision than the recurrence (``MixedPrecision``), the residual is replaced by the true one as it falls, and the
/// directions go on (“reliable updates”: M. A. Clark et al., Comput. Phys. Commun. 181, 2010; for blocks and
/// the Q here): with [Q̂, Ĉ] = orth(R) and Ẑ = M⁻¹Q̂ the next directions are P̂ = Ẑ + P·βN⁻¹QᴴẐ.
///
/// - All columns stay in the block until the last one is done, unless few remain and a narrower block is cheaper for them
///   (``SolverOptions/narrowsBlocks``).
/// - Complexity per iteration with p columns: one product with A, one application of M⁻¹, about 8·n·p² flops (N and Σ are hermitian), no
///   allocation.
///   Memory: 4 blocks of n·p besides B and X (5 with a preconditioner).
public struct BlockCG: BlockMethod {
  /// `cg`.
  public var name: String { "cg" }
  /// It does.
  public var estimatesEnergyErrors: Bool { true }
  /// The options; `side` and `restart` have no meaning here.
  public var options = SolverOptions()

  /// Block CG with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  public init(
    tolerance: Tolerance = .default, maximumIterations: Int? = nil, timeLimit: Duration? = nil, threads: Int? = nil
  ) {
    options = SolverOptions(
      tolerance: tolerance, maximumIterations: maximumIterations, timeLimit: timeLimit, threads: threads)
  }

  /// Checks that CG can work on A and builds the preconditioner.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for a matrix that is not hermitian or a preconditioner that is not positive definite.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    let m = try definitePreconditioner(preconditioner, forHermitian: a)
    return BlockCGEngine(EngineCore(name, options, m, rows: a.rows))
  }
}

/// Block CG bound to one A.
final class BlockCGEngine<Element: Scalar>: KrylovEngine {
  let core: EngineCore<Element>
  /// Into how many pieces each first residual is split; 1 but for enlarged CG.
  private let enlargement: Int
  private var kept = KeptWorkspace<Workspace>()

  init(_ core: EngineCore<Element>, enlargement: Int = 1) {
    self.core = core
    self.enlargement = enlargement
  }

  var recurrenceBytesUsed: Int { kept.byteCount }
  var renewsResiduals: Bool { enlargement == 1 }

  /// The pieces for so many columns, so that the block is no wider than other blocks may be.
  private func pieces(columns: Int) -> Int { max(1, min(enlargement, options.maximumBlockWidth / max(columns, 1), rows)) }

  var copiesSolution: Bool { false }

  func recurrenceBytes(columns: Int) -> Int {
    let p = columns * pieces(columns: columns)
    return blockBytes(m == nil ? 3 : 4, columns: p) + blockBytes(1, columns: columns)
      + BlockSpace<Element>.bytes(p: p, q: p, rows: rows)
  }

  func update(_ a: any LinearOperator<Element>) throws {
    try updatePreconditioner(for: a)
    kept.kept?.forgetSchedule()
  }

  func solve(_ whole: BlockProblem<Element>) throws {
    try whole.solveInRounds(keepsBest: false, iterate)
  }

  /// Runs the recurrence until every column's estimate meets its bound and the true residuals confirm it, or nothing more can be
  /// done. Columns that are confirmed get their status; for the others the result is why the iteration ended, `nil` for drift.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private func iterate(_ problem: BlockProblem<Element>) throws -> ColumnStatus? {
    let p = problem.width
    let monitor = problem.monitor
    let work = workspace(columns: p)
    var targets = (0..<p).map { problem.target(column: $0) }

    if let failure = try start(problem, work) { return try verify(problem, work, failure) }
    var patience = 1
    while true {
      if let stop = monitor.limitReached() { return try verify(problem, work, stop.status) }
      if work.rank == 0 { return try verify(problem, work, nil) }
      let failure = try step(problem, work)
      if let failure { return try verify(problem, work, failure) }
      let stop = monitor.finishIteration()
      try problem.checkpoint { work.finishSolution(&$0) }
      var done = true
      for j in 0..<p where !problem.isDone(column: j, estimate: work.residuals[j], target: targets[j]) { done = false }
      if !done, stop == nil {
        if work.isRenewalDue(problem, targets: targets) {
          let estimates = work.residuals
          let failure = try renew(problem, work)
          let hasDrifted = problem.open.contains {
            problem.mayGoOn(column: $0) && work.renewed[$0] > 2 * max(estimates[$0], targets[$0])
          }
          if failure != nil || hasDrifted { return try verify(problem, work, failure) }
        }
        guard options.narrowsBlocks, enlargement == 1,
          isWorthNarrowing(problem, residuals: work.residuals, targets: targets)
        else { continue }
        problem.isNarrowed = true
        return try verify(problem, work, nil)
      }
      let outcome = try verify(problem, work, stop?.status)
      if stop != nil || problem.open.isEmpty || patience == 0 { return outcome }
      // A narrow miss: the same space can do better, and going on is cheaper than starting again.
      let missed = problem.open.contains { problem.trueResiduals[$0] > 4 * problem.thresholds[$0] }
      if missed { return outcome }
      for j in problem.open { targets[j] = max(targets[j] / 8, Element.unitRoundoff / 8 * problem.norms[j]) }
      patience -= 1
    }
  }

  /// Q, Z, P and C from the residual of the current X.
  private func start(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> ColumnStatus? {
    try work.restoreWidth(work.width)
    if problem.hasGuess {
      try problem.residual(of: problem.x, problem.b, into: &work.r)
    } else {
      work.r.copy(from: problem.b)
    }
    problem.beginEnergies(work.r, work.space)
    return try begin(problem, work, goesOn: false)
  }

  /// Replaces the residual by the true one, which double precision tells; the directions go on where all are still there.
  private func renew(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> ColumnStatus? {
    work.finishSolution(problem)
    try problem.renew()
    guard work.rank == problem.width, work.setAside() else { return try start(problem, work) }
    work.r.copy(from: problem.b)
    // A column that may not go on stays in the recurrence for the others' sake, with the residual that it would have.
    let limited = (0..<problem.width).filter { !problem.mayGoOn(column: $0) }
    if !limited.isEmpty { work.keepResiduals(limited) }
    return try begin(problem, work, goesOn: true)
  }

  /// Q, Z and C from the residual R, and P = Z, or the directions that were set aside.
  private func begin(_ problem: BlockProblem<Element>, _ work: Workspace, goesOn: Bool) throws -> ColumnStatus? {
    let (p, pieces) = (work.width, work.width / problem.width)
    work.space.columnNorms(work.r, into: &work.residuals)
    guard work.residuals.allSatisfy({ $0.isFinite }) else { return .nonFinite(.operator) }
    work.renewed = work.residuals
    work.iterationsSinceRenewal = 0
    for j in 0..<problem.width { work.columnScales[j] = Element.Magnitude(1 / max(work.residuals[j], .leastNormalMagnitude)) }
    work.r.scaleColumns(by: work.columnScales)
    if pieces == 1 { work.q.copy(from: work.r) } else { work.space.split(work.r, into: &work.q, pieces: pieces) }
    // Pieces of a residual need not be in the range of a singular A, though it is itself.
    if pieces > 1 { nullSpace(of: problem.a)?.removeLeft(from: &work.q) }
    if let failure = try precondition(problem, work) { return failure }
    let noise = 100 * Double(p) * Element.unitRoundoff
    if let failure = work.orthonormalize(noise: 0) { return failure }
    var rank = work.rank
    if pieces == 1 { work.c.copy(from: work.orthonormalizer.s) } else { work.sumPieces(pieces) }
    if rank < p {
      if pieces == 1, options.dependentColumns == .replaced, rank < rows {
        problem.monitor.record(
          .enriched, "\(p - rank) directions of the first residual depend on the others; random directions took their place")
        if let failure = try enrich(problem, work, rank: rank, noise: noise) { return failure }
        rank = work.rank
      } else {
        problem.monitor.record(.deflated, "\(p - rank) directions of the first residual depend on the others and were dropped")
      }
    }
    for j in 0..<problem.width { for i in 0..<rank { work.c[i, j] *= Element(double: work.residuals[j]) } }
    if goesOn, rank == p {
      work.resume()
      return nil
    }
    work.begin()
    if work.p.columns != rank {
      work.p = work.p[columns: 0..<rank]
      work.w = work.w[columns: 0..<rank]
    }
    work.p.copy(from: work.z ?? work.q)
    return nil
  }

  /// Fills the block up with random directions, as if so many more right-hand sides were there with nothing of them to solve.
  private func enrich(
    _ problem: BlockProblem<Element>, _ work: Workspace, rank: Int, noise: Double
  ) throws -> ColumnStatus? {
    let projection = nullSpace(of: problem.a)
    let width = max(rank, min(work.width, rows - (projection?.dimension ?? 0)))
    var full = BlockVector<Element>(rows: rows, columns: width)
    full.fillRandom(seed: 0x5EED)
    projection?.removeRight(from: &full)
    full[columns: 0..<rank] = work.q
    let norms = full.columnNorms()
    var factors = [Element.Magnitude](repeating: 1, count: width)
    for j in rank..<width { factors[j] = Element.Magnitude(1 / norms[j]) }
    full.scaleColumns(by: factors)
    try work.restoreWidth(width)
    work.q.copy(from: full)
    if let failure = try precondition(problem, work) { return failure }
    let old = work.c
    if let failure = work.orthonormalize(noise: noise) { return failure }
    // R = Q_old·C_old, and Q_old is the first columns of what was orthonormalised.
    let s = work.orthonormalizer.s
    let first = DenseMatrix<Element>(rows: s.rows, columns: rank) { s[$0, $1] }
    work.c = first * old
    return nil
  }

  /// Z = M⁻¹Q.
  private func precondition(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> ColumnStatus? {
    guard let m else { return nil }
    problem.monitor.countPreconditioner()
    try work.applyPreconditioner(m)
    return nil
  }

  /// One iteration. X changes only when everything that it needs is finite: in the next iteration's pass over P, or in `verify`.
  private func step(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> ColumnStatus? {
    try work.product(problem)
    guard work.sigma.isFinite else { return .nonFinite(.operator) }
    if let failure = work.factorSigma() { return failure }

    work.solveSigma()
    work.recordEnergies()
    for j in 0..<problem.width where !problem.mayGoOn(column: j) { work.freeze(column: j) }
    problem.noteEnergies { problem.mayGoOn(column: $0) ? work.lastEnergy(column: $0) : nil }
    work.deferSolution()
    problem.hasGuess = true
    work.space.update(&work.q, minus: work.w, times: work.alpha, gram: &work.gram)
    if let failure = try precondition(problem, work) { return failure }

    // What is left of a column below rounding of the two terms of its update is noise.
    let before = work.rank
    if let failure = work.renewDirections(noise: 4 * Element.unitRoundoff) { return failure }
    work.estimateResiduals()
    for j in 0..<problem.width {
      guard work.residuals[j].isFinite else { return .nonFinite(.preconditioner) }
      guard problem.mayGoOn(column: j) else { continue }
      problem.note(column: j, estimate: work.residuals[j])
    }
    if work.rank < before {
      problem.monitor.record(.deflated, "\(before - work.rank) directions of the block became dependent and were dropped")
    }
    work.advanceDirections(problem)
    return nil
  }

  /// Recomputes B − A·X: columns that meet their bound are converged. The others keep the reason given, if there is one; where the
  /// reason is a breakdown that could also be drift, it stands.
  private func verify(
    _ problem: BlockProblem<Element>, _ work: Workspace, _ reason: ColumnStatus?
  ) throws -> ColumnStatus? {
    work.finishSolution(problem)
    try problem.renew()
    try problem.verify(into: &work.r, work.space, norms: &work.trueNorms)
    work.finishEnergies(into: problem)
    return reason
  }

  private func workspace(columns: Int) -> Workspace {
    kept.workspace(columns: columns) {
      Workspace(rows: rows, columns: columns, width: columns * pieces(columns: columns), preconditioned: m != nil)
    }
  }
}
