public import BlockKrylov

/// Direct solution by the sparse factorisation that A's structure suggests, with iterative refinement of each column.
///
/// Cholesky (CHOLMOD) where A is hermitian with a positive diagonal, KLU where a very sparse A can be permuted to block triangular form,
/// LU (UMFPACK) elsewhere and where Cholesky finds that A is not positive definite. The report names the factorisation that was taken and says why. Everything else is as in ``SparseLU``.
///
/// ```swift
/// let result = try AutomaticSolver(direct: SparseDirect()).solve(A, B)
/// ```
public struct SparseDirect: BlockMethod {
  /// `direct`; reports name the factorisation that was made.
  public var name: String { "direct" }
  /// The options.
  public var options = SolverOptions()

  /// A sparse direct solve with the options that are asked for most.
  public init(tolerance: Tolerance = .default, maximumIterations: Int? = nil, timeLimit: Duration? = nil, threads: Int? = nil) {
    options.tolerance = tolerance
    options.maximumIterations = maximumIterations
    options.timeLimit = timeLimit
    options.threads = threads
  }

  /// Looks at A and factors it.
  ///
  /// - Throws: as ``LUFactorization/init(_:memoryLimit:)``. A singular A is a status of the columns, not an error.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    DirectEngine(
      method: name, options: options, factors: try SparseFactors(a, choice: .automatic, memoryLimit: options.memoryLimit))
  }
}
