public import BlockKrylov

/// Direct solution by the sparse factorisation that A's structure suggests, with iterative refinement of each column.
///
/// | A | factorisation |
/// | --- | --- |
/// | not square | QR (SuiteSparseQR): least squares, as ``SparseLeastSquares`` |
/// | hermitian with a positive diagonal | Cholesky (CHOLMOD); LU where it finds that A is not positive definite |
/// | hermitian and quasi-definite, or negative definite | L·D·Lᴴ (CHOLMOD), as ``SparseCholesky`` with ``SparseCholesky/isQuasiDefinite`` |
/// | at most 10 entries in a row, and block triangular or with factors as sparse as those of circuits | KLU |
/// | any other | LU (UMFPACK) |
///
/// The report names the factorisation that was taken and says why. Everything else is as in ``SparseLU``.
///
/// ```swift
/// let result = try AutomaticSolver(direct: SparseDirect()).solve(A, B)
/// ```
public struct SparseDirect: FactoringMethod {
  /// `direct`; reports name the factorisation that was made.
  public var name: String { "direct" }
  /// The options.
  public var options = SolverOptions()
  /// The order in which unknowns are eliminated; automatic by default.
  public var ordering = FillOrdering.automatic
  /// The precision in which the factors are kept; double by default.
  public var factorPrecision = FactorPrecision.double

  /// A sparse direct solve with the options that are asked for most.
  public init(tolerance: Tolerance = .default, maximumIterations: Int? = nil, timeLimit: Duration? = nil, threads: Int? = nil) {
    options.tolerance = tolerance
    options.maximumIterations = maximumIterations
    options.timeLimit = timeLimit
    options.threads = threads
  }

  /// Looks at A and factors it.
  ///
  /// - Throws: as ``LUFactorization/init(_:memoryLimit:ordering:precision:)``. A singular A is a status of the columns, not an error.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    if a.rows != a.columns {
      return try QREngine(
        a, rankTolerance: nil, explanation: ["A is \(a.rows) × \(a.columns): least squares by sparse QR"])
    }
    return DirectEngine(
      method: name, options: options, factors: try SparseFactors(a, choice: .automatic, factorOptions))
  }
}
