internal import ComplexModule

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
/// In ``MixedPrecision`` r becomes the residual that double precision tells each time it has fallen far enough, in the middle of the recurrence.
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
    return PseudoBlockBiCGStabEngine(EngineCore(name, options, m, rows: a.rows))
  }
}

/// Pseudo-block BiCGStab bound to one A.
final class PseudoBlockBiCGStabEngine<Element: Scalar>: KrylovEngine {
  let core: EngineCore<Element>

  init(_ core: EngineCore<Element>) { self.core = core }

  func recurrenceBytes(columns: Int) -> Int {
    blockBytes(m == nil ? 6 : 8, columns: columns) + BlockSpace<Element>.bytes(p: columns, q: 5, rows: rows)
  }

  var renewsResiduals: Bool { true }

  func solve(_ whole: BlockProblem<Element>) throws {
    // What is kept in double precision cannot be taken back here.
    try whole.solveInRounds(keepsBest: whole.renewal == nil, iterate)
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
    try state.begin()
    let stopped = try state.iterate(m)
    try problem.renew()
    var r = problem.residualBlock(in: state.releaseScratch())
    try problem.verify(into: &r, state.space, norms: &norms)
    return stopped
  }
}
