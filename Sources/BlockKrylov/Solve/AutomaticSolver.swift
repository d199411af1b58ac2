/// Chooses method and preconditioner by the structure of A, and moves on when the choice proves wrong.
///
/// | A | tried in this order |
/// |---|---|
/// | rectangular | LSMR |
/// | dense, or sparse of at most ``smallSize`` rows | direct |
/// | hermitian with a positive diagonal | block CG with multigrid (elliptic, large) or IC(0), block MINRES with IC(0) if A is indefinite, block GMRES with ILU(0), direct |
/// | hermitian with a negative diagonal | the same for −A |
/// | hermitian with another diagonal | block MINRES with the moduli of the diagonal, block GMRES with ILU(0), direct |
/// | any other matrix | pseudo-block BiCGStab with ILU(0), block GMRES with ILU(0), direct |
/// | matrix-free | block CG where A is tagged hermitian positive definite, block MINRES where it is tagged hermitian, block GMRES |
///
/// A column moves on to the next method when it met an indefinite operator or preconditioner, broke down, stagnated, or reached the
/// iterations that a method is given. While a method iterates its convergence is extrapolated: when a direct solve takes less
/// time than the iterations still to come, by a cost model of bytes and operations, it takes over (and keeps the next solves with the
/// same A; what earlier solves took counts too, so that many solves end with a factorisation); BiCGStab is left for GMRES when it converges
/// too slowly. Block CG and BiCGStab run in ``MixedPrecision`` where A does not fit a core's own cache. The same model says how many columns share a space, at most
/// ``SolverOptions/maximumBlockWidth``. No clock is read for it, so that the same problem is always solved in the same way.
/// Every move is an event in the report, and the choice is explained in ``SolveReport/explanation``. Direct solves are dense LU by
/// LAPACK for up to ``denseLimit`` rows; give a sparse one as `direct` (`SparseDirect` of the product `BlockKrylovDirect`), which is
/// taken where its factors fit into the memory limit, or without one into the machine's memory.
public struct AutomaticSolver: BlockMethod {
  /// `auto`.
  public var name: String { "auto" }
  /// The options. A preconditioner other than ``PreconditionerChoice/automatic`` is used in place of IC(0) and ILU(0).
  public var options = SolverOptions()
  /// The direct method that takes over; dense LU where there is none.
  public var direct: (any BlockMethod)?

  /// Up to this many rows a direct solve is faster than the choice of anything else.
  public static let smallSize = 500
  /// The most rows for which a dense factorisation takes the place of a sparse one.
  public static let denseLimit = 2000

  /// The automatic choice with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  public init(
    tolerance: Tolerance = .default, direct: (any BlockMethod)? = nil, maximumIterations: Int? = nil, timeLimit: Duration? = nil,
    threads: Int? = nil
  ) {
    self.direct = direct
    options.preconditioner = .automatic
    options.tolerance = tolerance
    options.maximumIterations = maximumIterations
    options.timeLimit = timeLimit
    options.threads = threads
  }

  /// Looks at A and prepares the first method.
  ///
  /// - Throws: ``BlockKrylovError/invalidMatrix(_:)`` for a square matrix with a row or column of zeros: no method can solve with it.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    try AutomaticEngine(
      plan: AutomaticPlanner.plan(for: a, preconditioner: preconditioner, self), options: options, a: a,
      preconditioner: preconditioner)
  }

  /// What would be tried for A and why, without preparing any of it.
  ///
  /// - Throws: ``BlockKrylovError/invalidMatrix(_:)`` for a square matrix with a row or column of zeros.
  public func explanation<Element: Scalar>(for a: some LinearOperator<Element>) throws -> [String] {
    var operational: any LinearOperator<Element> = a
    if let projection = try options.nullSpace.projection(for: operational, looks: true) {
      operational = SingularOperator(base: operational, projection: projection)
    }
    return try AutomaticPlanner<Element>.plan(for: operational, preconditioner: nil, self).reasons
  }
}

/// Solves A·X = B by the method and preconditioner that A's structure suggests: ``AutomaticSolver`` in one call.
///
/// - Throws: ``BlockKrylovError`` for sizes that do not fit and for a matrix with a row or column of zeros. Columns that do not
///   converge are a result, see ``SolveResult/solution(requiring:)``.
public func solve<Element: Scalar>(
  _ a: some LinearOperator<Element>, _ b: BlockVector<Element>, tolerance: Tolerance = .default
) throws -> SolveResult<Element> {
  try AutomaticSolver(tolerance: tolerance).solve(a, b)
}
