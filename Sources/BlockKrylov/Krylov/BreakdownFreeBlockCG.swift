/// Breakdown-free block conjugate gradients, BF-BCG, for hermitian positive definite A: block CG as O'Leary wrote it, with search
/// directions that are made independent in every iteration.
///
/// H. Ji and Y. Li, “A breakdown-free block conjugate gradient method”, BIT Numer. Math. 57, 2017. Where residuals depend on each other, or
/// come to, the block of directions is narrower than that of the residuals; nothing is inverted that may be singular:
///
/// ```
/// Z = M⁻¹R;  P = orth(Z)
/// Q = A·P;  Σ = PᴴQ
/// α = Σ⁻¹PᴴR;  X += P·α;  R −= Q·α
/// Z = M⁻¹R;  β = −Σ⁻¹QᴴZ;  P = orth(Z + P·β)
/// ```
/// It is here for comparison: ``BlockCG`` replaces a dependent direction by a random one that enriches the space, needs one pass less over
/// the rows, and has the residual norms without forming them. Take this one where you want the method of the paper, or no random
/// directions and fewer columns per product (`dependentColumns` has no meaning here).
///
/// - Complexity per iteration with p columns: one product with A, one application of M⁻¹, about 12·n·p² flops, no allocation.
///   Memory: 4 blocks of n·p besides B and X.
public struct BreakdownFreeBlockCG: BlockMethod {
  /// `bf-cg`.
  public var name: String { "bf-cg" }
  /// It does.
  public var estimatesEnergyErrors: Bool { true }
  /// The options; `side`, `restart` and `dependentColumns` have no meaning here.
  public var options = SolverOptions()

  /// BF-BCG with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
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
    return BreakdownFreeCGEngine(EngineCore(name, options, m, rows: a.rows))
  }
}

/// BF-BCG bound to one A.
final class BreakdownFreeCGEngine<Element: Scalar>: KrylovEngine {
  let core: EngineCore<Element>
  private var kept = KeptWorkspace<Workspace>()

  init(_ core: EngineCore<Element>) { self.core = core }

  var recurrenceBytesUsed: Int { kept.byteCount }

  var copiesSolution: Bool { false }

  func recurrenceBytes(columns: Int) -> Int {
    blockBytes(4, columns: columns) + BlockSpace<Element>.bytes(p: columns, q: columns, rows: rows)
  }

  func solve(_ whole: BlockProblem<Element>) throws {
    try whole.solveInRounds(keepsBest: false, iterate)
  }

  /// Runs the recurrence until every column's estimate meets its bound and the true residuals confirm it, or nothing more can be
  /// done. Columns that are confirmed get their status; for the others the result is why the iteration ended, `nil` for drift.
  private func iterate(_ problem: BlockProblem<Element>) throws -> ColumnStatus? {
    let monitor = problem.monitor
    let work = workspace(columns: problem.width)
    func end(_ reason: ColumnStatus?) throws -> ColumnStatus? {
      try problem.verify(into: &work.r, work.space, norms: &work.residuals)
      return reason
    }
    if let failure = try start(problem, work) { return try end(failure) }
    while true {
      if let stop = monitor.limitReached() { return try end(stop.status) }
      if work.rank == 0 { return try end(nil) }
      if let failure = try step(problem, work) { return try end(failure) }
      let stop = monitor.finishIteration()
      let done = (0..<problem.width).allSatisfy { problem.isDone(column: $0, estimate: work.residuals[$0]) }
      if done || stop != nil { return try end(stop?.status) }
      if let failure = try advance(problem, work) { return try end(failure) }
    }
  }

  /// R, Z and P from the current X.
  private func start(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> ColumnStatus? {
    if problem.hasGuess {
      try problem.residual(of: problem.x, problem.b, into: &work.r)
    } else {
      work.r.copy(from: problem.b)
    }
    work.space.columnNorms(work.r, into: &work.residuals)
    guard work.residuals.allSatisfy({ $0.isFinite }) else { return .nonFinite(.operator) }
    problem.beginEnergies(work.r, work.space)
    if let failure = try precondition(problem, work) { return failure }
    return orthonormalize(problem, work, before: problem.width)
  }

  /// Q = A·P and a step along P. X changes only when everything that it needs is finite.
  private func step(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> ColumnStatus? {
    try work.product(problem)
    guard work.sigma.isFinite else { return .nonFinite(.operator) }
    if let failure = work.factorSigma() { return failure }
    work.solveForStep()
    guard work.alpha.isFinite else { return .nonFinite(.operator) }
    problem.noteEnergies { problem.mayGoOn(column: $0) ? work.energies[$0] : nil }
    work.takeStep(problem)
    problem.hasGuess = true
    for j in 0..<problem.width {
      guard work.residuals[j].isFinite else { return .nonFinite(.operator) }
      if problem.mayGoOn(column: j) { problem.note(column: j, estimate: work.residuals[j]) }
    }
    return nil
  }

  /// The next P.
  private func advance(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> ColumnStatus? {
    if let failure = try precondition(problem, work) { return failure }
    work.conjugate()
    return orthonormalize(problem, work, before: work.rank)
  }

  /// Z = M⁻¹R.
  private func precondition(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> ColumnStatus? {
    work.widen()
    if let m {
      problem.monitor.countPreconditioner()
      try m.apply(to: work.r, into: &work.z)
    } else {
      work.z.copy(from: work.r)
    }
    return work.measureDirections(preconditioned: m != nil)
  }

  private func orthonormalize(_ problem: BlockProblem<Element>, _ work: Workspace, before: Int) -> ColumnStatus? {
    if let failure = work.orthonormalize() { return failure }
    if work.rank < before, work.rank > 0 {
      problem.monitor.record(.deflated, "\(before - work.rank) of \(before) directions depend on the others and were dropped")
    } else if work.rank > before {
      problem.monitor.record(.enriched, "the residuals span \(work.rank) directions again")
    }
    return nil
  }

  private func workspace(columns: Int) -> Workspace {
    kept.workspace(columns: columns) { Workspace(rows: rows, columns: columns) }
  }
}

extension BreakdownFreeCGEngine {
  /// The blocks and small matrices of BF-BCG, allocated once for a block width.
  final class Workspace: RecurrenceWorkspace {
    let columns: Int
    let space: BlockSpace<Element>
    private let orthonormalizer: Orthonormalizer<Element>
    private let dense: DenseWorkspace<Element>

    /// The residual, M⁻¹ of it and then the next directions, the directions, and A times them.
    var r: BlockVector<Element>
    var z: BlockVector<Element>
    private var p: BlockVector<Element>
    private var q: BlockVector<Element>
    private var none: BlockVector<Element>?

    /// PᴴAP, then its Cholesky factor.
    private(set) var sigma: DenseMatrix<Element>
    private(set) var alpha: DenseMatrix<Element>
    private var beta: DenseMatrix<Element>
    private var small: DenseMatrix<Element>

    var residuals: [Double]
    /// What a step takes off the squared A-norm of each error.
    private(set) var energies: [Double]
    private var noise: [Double]
    private var dots: [Element]

    init(rows: Int, columns: Int) {
      self.columns = columns
      space = BlockSpace(p: columns, q: columns, rows: rows)
      // A direction of length δ beside others of length 1 is conjugate to the directions before up to u/δ only.
      orthonormalizer = Orthonormalizer(columns: columns, space: space, dependence: Element.unitRoundoff.squareRoot())
      dense = DenseWorkspace(rows: columns, columns: columns)
      let block = { BlockVector<Element>(rows: rows, columns: columns) }
      (r, z, p, q) = (block(), block(), block(), block())
      let square = DenseMatrix<Element>(rows: columns, columns: columns)
      (sigma, alpha, beta, small) = (square, square, square, square)
      residuals = [Double](repeating: 0, count: columns)
      (energies, noise) = (residuals, residuals)
      dots = [Element](repeating: 0, count: columns)
    }

    /// The directions in the block now.
    var rank: Int { p.columns }

    var byteCount: Int { 4 * r.byteCount + space.byteCount }

    /// A block for Z that an earlier deflation has narrowed is wide again.
    func widen() { z.widen(to: columns) }

    /// Below which length a direction is what rounding leaves of it.
    func measureDirections(preconditioned: Bool) -> ColumnStatus? {
      space.columnNorms(z, into: &noise)
      guard noise.allSatisfy({ $0.isFinite }) else { return .nonFinite(preconditioned ? .preconditioner : .operator) }
      if preconditioned {
        space.columnDots(r, z, into: &dots)
        for j in 0..<columns where dots[j].realPart < 0 { return .indefinitePreconditioner }
      }
      for j in 0..<columns { noise[j] *= 4 * Element.unitRoundoff }
      return nil
    }

    /// P = orth(Z); the memory of the old P is that of the next Z.
    func orthonormalize() -> ColumnStatus? {
      guard case .rank = orthonormalizer.orthonormalize(&z, &none, noise: noise) else {
        return .breakdown("the search directions have overflowed")
      }
      swap(&p, &z)
      return nil
    }

    /// Q = A·P and Σ = PᴴQ.
    func product(_ problem: BlockProblem<Element>) throws {
      q.widen(to: p.columns)
      try problem.apply(p, into: &q)
      space.inner(p, q, into: &sigma)
    }

    func factorSigma() -> ColumnStatus? { dense.factorDefinite(&sigma, scratch: &small) }

    /// α = Σ⁻¹PᴴR; half way, its columns' squared lengths are the energies.
    func solveForStep() {
      space.inner(p, r, into: &alpha)
      alpha.solveTriangular(.left, sigma, .upper, .adjoint)
      alpha.columnNorms(into: &energies)
      for j in 0..<columns { energies[j] *= energies[j] }
      alpha.solveTriangular(.left, sigma)
    }

    /// R −= Q·α, and X += P·α for the columns that go on.
    func takeStep(_ problem: BlockProblem<Element>) {
      small.copy(from: alpha)
      for j in 0..<columns { for i in 0..<small.rows { small[i, j] = -small[i, j] } }
      space.update(&r, plus: q, times: small)
      space.columnNorms(r, into: &residuals)
      alpha.zeroColumns((0..<columns).filter { !problem.mayGoOn(column: $0) })
      space.update(&problem.x, plus: p, times: alpha)
    }

    /// Z += P·β with β = −Σ⁻¹QᴴZ, which makes it conjugate to P.
    func conjugate() {
      space.inner(q, z, into: &beta)
      beta.solveTriangular(.left, sigma, .upper, .adjoint)
      beta.solveTriangular(.left, sigma)
      for j in 0..<columns { for i in 0..<beta.rows { beta[i, j] = -beta[i, j] } }
      space.update(&z, plus: p, times: beta)
    }
  }
}

extension DenseWorkspace {
  /// Σ = RᴴR in place of a projected operator Σ, or why it has no such factor. A matrix that fails is looked at with its diagonal scaled
  /// to 1, so that the sizes of directions do not matter.
  func factorDefinite(_ sigma: inout DenseMatrix<Element>, scratch: inout DenseMatrix<Element>) -> ColumnStatus? {
    sigma.makeHermitian()
    scratch.copy(from: sigma)
    if cholesky(&sigma) { return nil }
    let n = scratch.rows
    let singular = ColumnStatus.breakdown(
      "PᴴAP is singular to working precision: A is singular, or too ill-conditioned for CG in this precision")
    var lengths = [Double](repeating: 1, count: n)
    for j in 0..<n {
      let d = Double(scratch[j, j].realPart)
      if d <= 0 { return d < 0 ? .indefiniteOperator : singular }
      lengths[j] = d.squareRoot()
    }
    scratch.scaleToUnitDiagonal(lengths)
    guard eigen(&scratch) else { return .nonFinite(.operator) }
    return Double(eigenvalues[0]) < -100 * Double(n) * Element.unitRoundoff ? .indefiniteOperator : singular
  }
}
