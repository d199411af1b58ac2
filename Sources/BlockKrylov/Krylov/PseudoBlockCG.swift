internal import ComplexModule

/// Conjugate gradients for each column on its own, with the products with A and M⁻¹ made for all columns at once.
///
/// Every column goes through the iterates that it would have alone (M. R. Hestenes and E. Stiefel, 1952); what is gained over a loop
/// over the columns is that A, M and their indices are read once for all of them. Columns that meet their tolerance leave the block.
/// Take it where a common space does not pay: for many columns, since the work besides the products grows with their number and not
/// with its square, or for a preconditioner so good that ``BlockCG`` needs as many iterations. Dependent, duplicate and badly scaled
/// columns are no special cases, and what fails fails for one column only: NaN, or a direction with pᴴAp ≤ 0.
///
/// - Complexity per iteration with p columns: one product with A, one application of M⁻¹, about 10·n·p flops.
///   Memory: 5 blocks of n·p besides B and X (6 with a preconditioner).
public struct PseudoBlockCG: BlockMethod {
  /// `pseudo-cg`.
  public var name: String { "pseudo-cg" }
  /// It does.
  public var estimatesEnergyErrors: Bool { true }
  /// The options; `side`, `restart` and `dependentColumns` have no meaning here.
  public var options = SolverOptions()

  /// Pseudo-block CG with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
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
    return PseudoBlockCGEngine(EngineCore(name, options, m, rows: a.rows))
  }
}

/// Pseudo-block CG bound to one A.
final class PseudoBlockCGEngine<Element: Scalar>: KrylovEngine {
  let core: EngineCore<Element>

  init(_ core: EngineCore<Element>) { self.core = core }

  var copiesSolution: Bool { false }

  func recurrenceBytes(columns: Int) -> Int {
    blockBytes(m == nil ? 4 : 5, columns: columns) + BlockSpace<Element>.bytes(p: columns, q: 1, rows: rows)
  }

  func solve(_ whole: BlockProblem<Element>) throws {
    try whole.solveInRounds(keepsBest: false, iterate)
  }

  /// Iterates until every column's estimate meets its bound or it failed, and verifies. Columns that are confirmed or failed get
  /// their status; for the others the result is the limit that ended the iteration, `nil` for drift.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private func iterate(_ problem: BlockProblem<Element>) throws -> ColumnStatus? {
    let state = State(problem, preconditioned: m != nil)
    var norms = problem.norms
    core.note(bytes: state.byteCount)
    try state.begin(m)
    let stopped = try state.iterate(m)
    var r = problem.residualBlock(in: state.releaseScratch())
    try problem.verify(into: &r, state.space, norms: &norms)
    return stopped
  }

  /// The columns that iterate. Arrays and blocks have one column for each of `active`.
  final class State: IndependentColumns {
    let problem: BlockProblem<Element>
    let space: BlockSpace<Element>
    /// Which column of the problem each is.
    private(set) var active: [Int]
    private var x: BlockVector<Element>
    private var r: BlockVector<Element>
    private var z: BlockVector<Element>?
    private var p: BlockVector<Element>
    private var w: BlockVector<Element>
    private var rho: [Element]
    private var alpha: [Element]
    private var negative: [Element]
    private var dots: [Element]
    private var done: [Bool]

    init(_ problem: BlockProblem<Element>, preconditioned: Bool) {
      self.problem = problem
      let m = problem.width
      space = BlockSpace(p: m, q: 1, rows: problem.x.rows)
      active = Array(0..<m)
      let block = { BlockVector<Element>(rows: problem.x.rows, columns: m) }
      (x, r, p, w) = (problem.x, block(), block(), block())
      z = preconditioned ? block() : nil
      rho = [Element](repeating: 0, count: m)
      (alpha, negative, dots) = (rho, rho, rho)
      done = [Bool](repeating: false, count: m)
    }

    var byteCount: Int { r.byteCount * (z == nil ? 4 : 5) + space.byteCount }

    /// A block that is no longer needed when the iteration is over.
    func releaseScratch() -> BlockVector<Element> {
      let scratch = r
      r = BlockVector(rows: scratch.rows, columns: 0)
      return scratch
    }

    /// R, Z, P and ρ from the current X.
    func begin(_ m: (any Preconditioner<Element>)?) throws {
      if problem.hasGuess {
        try problem.residual(of: x, problem.b, into: &r)
      } else {
        r.copy(from: problem.b)
      }
      space.columnDots(r, r, into: &rho)
      problem.beginEnergies(r, space)
      for j in active where !rho[j].isFinite { fail(j, .nonFinite(.operator)) }
      try precondition(m)
      p.copy(from: z ?? r)
    }

    /// Z = M⁻¹R and ρ = rᴴz; without M ρ = rᴴr is there already.
    private func precondition(_ m: (any Preconditioner<Element>)?) throws {
      guard let m, var target = z.take() else { return }
      defer { z = target }
      problem.monitor.countPreconditioner()
      try m.apply(to: r, into: &target)
      space.columnDots(r, target, into: &rho)
      for k in active.indices where !done[k] {
        if !rho[k].isFinite { fail(k, .nonFinite(.preconditioner)) }
        if rho[k].realPart < 0 { fail(k, .indefinitePreconditioner) }
      }
    }

    private func fail(_ k: Int, _ status: ColumnStatus) {
      if !done[k] { problem.finish(column: active[k], status) }
      done[k] = true
    }

    /// One step of every active column. X changes only where everything that it needs is finite.
    func step(_ m: (any Preconditioner<Element>)?) throws {
      try problem.apply(p, into: &w)
      space.columnDots(p, w, into: &dots)
      for k in active.indices {
        let curvature = dots[k].realPart
        if !dots[k].isFinite {
          fail(k, .nonFinite(.operator))
        } else if curvature < 0 {
          fail(k, .indefiniteOperator)
        } else if curvature == 0 {
          fail(k, .breakdown("pᴴAp = 0: A is singular"))
        }
        alpha[k] = done[k] ? 0 : Element(rho[k].realPart / curvature)
        if !alpha[k].isFinite {
          fail(k, .breakdown("pᴴAp is singular to working precision: A is singular, or too ill-conditioned in this precision"))
          alpha[k] = 0
        }
        negative[k] = -alpha[k]
      }
      let before = rho
      problem.noteEnergies { j in
        active.firstIndex(of: j).flatMap { done[$0] ? nil : Double(alpha[$0].realPart) * Double(rho[$0].realPart) }
      }
      space.updateColumns(&x, plus: p, times: alpha, and: &r, plus: w, times: negative, squares: &dots)
      for k in active.indices where !done[k] {
        let estimate = Double(dots[k].realPart).squareRoot()
        problem.note(column: active[k], estimate: estimate)
        if problem.isDone(column: active[k], estimate: estimate) { done[k] = true }
        if !estimate.isFinite { fail(k, .nonFinite(.operator)) }
      }
      if z == nil { rho = dots } else { try precondition(m) }
      for k in active.indices { dots[k] = done[k] ? 0 : Element(rho[k].realPart / before[k].realPart) }
      space.reserveOnes(active.count)
      p.combineColumns(space.ones, z ?? r, dots)
    }

    /// Columns that are done or failed leave the block.
    func retire() {
      for k in active.indices where !problem.mayGoOn(column: active[k]) { done[k] = true }
      let kept = active.indices.filter { !done[$0] }
      guard kept.count < active.count else { return }
      leaveSolution()
      active.keep(kept)
      rho.keep(kept)
      alpha.keep(kept)
      negative.keep(kept)
      dots.keep(kept)
      done.keep(kept)
      x.keepColumns(kept)
      r.keepColumns(kept)
      p.keepColumns(kept)
      w = BlockVector(rows: w.rows, columns: kept.count)
      if z != nil { z = BlockVector(rows: w.rows, columns: kept.count) }
    }

    /// X of the active columns goes where it belongs among all columns.
    func leaveSolution(in all: inout BlockVector<Element>) { all.scatterColumns(active, from: x) }
  }
}
