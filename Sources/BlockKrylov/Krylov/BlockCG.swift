/// Block conjugate gradients for hermitian positive definite A: all columns share one Krylov space.
///
/// The recurrence is BCGrQ (A. A. Dubrulle, “Retooling the method of block conjugate gradients”, ETNA 12, 2001; with preconditioner as
/// DR-BCG in P. Tichý, G. Meurant and D. Šimonová, arXiv 2502.16998, 2025). It inverts no RᴴR, so columns that converge, repeat or
/// depend on each other do not break it. In the notation there, with QᴴM⁻¹Q = I and R = Q·C:
///
/// ```
/// [Q, C] = orth(B − A·X);  P = Z = M⁻¹Q
/// W = A·P;  Σ = PᴴW
/// X += P·Σ⁻¹C
/// [Q, S] = orth(Q − W·Σ⁻¹);  Z = M⁻¹Q;  C = S·C
/// P = Z + P·Sᴴ
/// ```
/// ‖r_j‖² = c_jᴴ(QᴴQ)c_j costs no further pass over the rows, and c_jᴴΣ⁻¹c_j is what an iteration takes off the squared A-norm of the
/// error (G. Meurant and P. Tichý, arXiv 2502.14979): summed over some iterations it bounds the error before them from below.
///
/// - Complexity per iteration with p columns: one product with A, one application of M⁻¹, about 10·n·p² flops, no allocation.
///   Memory: 4 blocks of n·p besides B and X (5 with a preconditioner).
public struct BlockCG: BlockMethod {
  /// `cg`.
  public var name: String { "cg" }
  /// The options; `side` and `restart` have no meaning here.
  public var options = SolverOptions()

  /// Block CG with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  public init(
    tolerance: Tolerance = .default, maximumIterations: Int? = nil, timeLimit: Duration? = nil, threads: Int? = nil
  ) {
    options.tolerance = tolerance
    options.maximumIterations = maximumIterations
    options.timeLimit = timeLimit
    options.threads = threads
  }

  /// Checks that CG can work on A and builds the preconditioner.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for a matrix that is not hermitian or a preconditioner that is not positive definite.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    try requireSquare(a)
    try requireHermitian(a)
    let m = try preconditioner ?? buildPreconditioner(options.preconditioner, for: a)
    if let m {
      if m.isVariable {
        throw BlockKrylovError.unsupported(
          "the preconditioner \(m.name) changes from call to call and CG needs a fixed one; use block GMRES with side: flexible")
      }
      if !m.isPositiveDefinite {
        throw BlockKrylovError.unsupported(
          "CG needs a hermitian positive definite preconditioner and \(m.name) is not; use ic0, jacobi or ssor, or block GMRES")
      }
    }
    return BlockCGEngine(options: options, preconditioner: m, rows: a.rows)
  }

  /// A matrix must be hermitian by value, up to rounding; other operators are taken at their word.
  private func requireHermitian<Element: Scalar>(_ a: any LinearOperator<Element>) throws {
    guard !a.isHermitian, let matrix = a.sparseMatrix else { return }
    let probe = matrix.probe()
    if probe.asymmetry > 1e3 * Element.unitRoundoff {
      throw BlockKrylovError.unsupported(
        "CG needs a hermitian matrix and this one is not (max |a_ij − conj a_ji| is \(probe.asymmetry.brief) of the largest entry); "
          + "use block GMRES")
    }
  }
}

/// Block CG bound to one A.
final class BlockCGEngine<Element: Scalar>: SolveEngine {
  private let options: SolverOptions
  private var m: (any Preconditioner<Element>)?
  private let rows: Int
  private var workspace: Workspace?
  /// The memory of the largest workspace so far: one for fewer columns may have taken its place.
  private var peakBytes = 0

  init(options: SolverOptions, preconditioner: (any Preconditioner<Element>)?, rows: Int) {
    self.options = options
    self.rows = rows
    m = preconditioner
  }

  var methodName: String { "cg" }
  var preconditionerName: String { m?.name ?? "none" }
  var setupEvents: [SolveEvent] { m?.events ?? [] }
  var bytesUsed: Int { max(peakBytes, workspace?.byteCount ?? 0) + (m?.storedBytes ?? 0) }

  func bytesPlanned(columns: Int) -> Int {
    let width = BlockVector<Element>.paddedWidth(columns) * MemoryLayout<Element>.stride
    return rows * width * (m == nil ? 4 : 5) + BlockSpace<Element>.bytes(p: columns, q: columns, rows: rows)
      + (m?.storedBytes ?? 0)
  }

  func update(_ a: any LinearOperator<Element>) throws {
    m = try updatedPreconditioner(m, for: a)
    workspace?.forgetSchedule()
  }

  func solve(_ problem: SolveProblem<Element>) throws {
    let whole = problem.block
    whole.monitor.begin(method: methodName, iterationLimit: options.maximumIterations ?? 10 * rows + 100)
    // Each round iterates on the columns that are still open and ends with a look at their true residuals.
    var drift = DriftControl(columns: whole.width)
    while true {
      let list = whole.open
      if list.isEmpty { return }
      let part = whole.openPart()
      let failure = try iterate(part, reserve: drift)
      whole.absorb(part, at: list)
      for (k, j) in list.enumerated() where whole.status[j] == nil {
        if let failure, !failure.mayBeDrift {
          whole.finish(column: j, failure)
        } else if let failure, drift.isStuck(column: j, residual: part.trueResiduals[k]) {
          whole.finish(column: j, failure)
        } else if failure == nil, drift.isStuck(column: j, residual: part.trueResiduals[k]) {
          whole.finish(column: j, .stagnated(.attainableAccuracy))
        }
      }
      if !whole.open.isEmpty {
        whole.monitor.record(
          .residualReplaced, "restart on the true residual: the recurrence had drifted from it in \(whole.open.count) columns")
      }
    }
  }

  /// Runs the recurrence until every column's estimate meets its bound and the true residuals confirm it, or nothing more can be
  /// done. Columns that are confirmed get their status; for the others the result is why the iteration ended, `nil` for drift.
  private func iterate(_ problem: BlockProblem<Element>, reserve drift: DriftControl) throws -> ColumnStatus? {
    let p = problem.width
    let monitor = problem.monitor
    let work = workspace(columns: p)
    var targets = (0..<p).map { max(problem.thresholds[$0], Element.unitRoundoff / 8 * problem.norms[$0]) }

    if let failure = try start(problem, work) { return try verify(problem, work, failure) }
    var patience = 1
    while true {
      if let stop = monitor.limitReached() { return try verify(problem, work, stop.status) }
      if work.rank == 0 { return try verify(problem, work, nil) }
      let failure = try step(problem, work)
      if let failure { return try verify(problem, work, failure) }
      var done = true
      for j in 0..<p where !(work.residuals[j] <= targets[j]) { done = false }
      let stop = monitor.finishIteration()
      guard done || stop != nil else { continue }
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
    let p = problem.width
    try work.restoreWidth(p)
    if problem.hasGuess {
      try problem.residual(of: problem.x, problem.b, into: &work.q)
    } else {
      work.q.copy(from: problem.b)
    }
    work.space.columnNorms(work.q, into: &work.residuals)
    guard work.residuals.allSatisfy({ $0.isFinite }) else { return .nonFinite(.operator) }
    for j in 0..<p { work.columnScales[j] = Element.Magnitude(1 / max(work.residuals[j], .leastNormalMagnitude)) }
    work.q.scaleColumns(by: work.columnScales)
    if let failure = try precondition(problem, work) { return failure }
    let noise = 100 * Double(p) * Element.unitRoundoff
    if let failure = work.orthonormalize(noise: 0) { return failure }
    var rank = work.rank
    work.c.copy(from: work.orthonormalizer.s)
    if rank < p {
      if options.dependentColumns == .replaced, rank < rows {
        problem.monitor.record(
          .enriched, "\(p - rank) directions of the first residual depend on the others; random directions took their place")
        if let failure = try enrich(problem, work, rank: rank, to: min(p, rows), noise: noise) { return failure }
        rank = work.rank
      } else {
        problem.monitor.record(.deflated, "\(p - rank) directions of the first residual depend on the others and were dropped")
      }
    }
    for j in 0..<p { for i in 0..<rank { work.c[i, j] *= Element(double: work.residuals[j]) } }
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
    _ problem: BlockProblem<Element>, _ work: Workspace, rank: Int, to width: Int, noise: Double
  ) throws -> ColumnStatus? {
    var full = BlockVector<Element>(rows: rows, columns: width)
    full.fillRandom(seed: 0x5EED)
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
    work.sigma.makeHermitian()
    if let failure = work.factorSigma() { return failure }

    work.solveSigma()
    work.recordEnergies()
    work.deferSolution()
    problem.hasGuess = true
    work.space.update(&work.q, plus: work.w, times: work.minusInverse, gram: &work.gram)
    if let failure = try precondition(problem, work) { return failure }

    // Q had unit columns, so what is left of a column below rounding of the two terms of its update is noise.
    let noise = 4 * Element.unitRoundoff
    let easy = work.factorGram(noise: noise)
    if !easy, let failure = work.orthonormalize(noise: noise) { return failure }
    let s = work.orthonormalizer.s
    work.multiplyC(by: s)
    work.estimateResiduals()
    for j in 0..<problem.width {
      guard work.residuals[j].isFinite else { return .nonFinite(.preconditioner) }
      problem.note(column: j, estimate: work.residuals[j])
    }
    if s.rows < s.columns {
      problem.monitor.record(.deflated, "\(s.columns - s.rows) directions of the block became dependent and were dropped")
    }
    work.advanceDirections(problem, orthonormal: !easy)
    return nil
  }

  /// Recomputes B − A·X: columns that meet their bound are converged. The others keep the reason given, if there is one; where the
  /// reason is a breakdown that could also be drift, it stands.
  private func verify(
    _ problem: BlockProblem<Element>, _ work: Workspace, _ reason: ColumnStatus?
  ) throws -> ColumnStatus? {
    work.finishSolution(problem)
    try problem.residual(of: problem.x, problem.b, into: &work.r)
    work.space.columnNorms(work.r, into: &work.trueNorms)
    work.finishEnergies(into: problem)
    for j in problem.status.indices {
      problem.trueResiduals[j] = work.trueNorms[j]
      if problem.trueResiduals[j] <= problem.thresholds[j] {
        problem.finish(column: j, .converged)
      } else if problem.status[j] == .converged {
        problem.status[j] = nil
      }
    }
    return reason
  }

  private func workspace(columns: Int) -> Workspace {
    if let workspace, workspace.columns == columns { return workspace }
    let fresh = Workspace(rows: rows, columns: columns, preconditioned: m != nil)
    peakBytes = max(peakBytes, workspace?.byteCount ?? 0)
    workspace = fresh
    return fresh
  }
}
