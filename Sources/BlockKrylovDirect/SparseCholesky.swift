public import BlockKrylov

/// Direct solution by sparse Cholesky factors (CHOLMOD) with iterative refinement of each column: half the memory and less than half
/// the work of LU, for hermitian positive definite matrices.
///
/// ```swift
/// let prepared = try SparseCholesky().prepare(A)
/// let result = try prepared.solve(B)
/// ```
/// Refinement, backward errors, statuses and options are those of ``SparseLU``. Where A proves not to be positive definite, every
/// column ends with the status `indefiniteOperator` and keeps its initial guess; ``SparseDirect`` takes LU then. Symmetric quasi-definite
/// matrices are factored as L·D·Lᴴ when ``isQuasiDefinite`` is set.
///
/// > Important: CHOLMOD's supernodal module is under the GNU General Public License, version 2 or later; see ``LUFactorization``.
public struct SparseCholesky: FactoringMethod {
  /// `cholesky`.
  public var name: String { "cholesky" }
  /// The options.
  public var options = SolverOptions()
  /// The order in which unknowns are eliminated; automatic by default.
  public var ordering = FillOrdering.automatic
  /// The precision in which the factors are kept; double by default.
  public var factorPrecision = FactorPrecision.double
  /// Whether A is quasi-definite rather than positive definite; see ``CholeskyFactorization/Form/quasiDefinite``.
  public var isQuasiDefinite = false

  /// Sparse Cholesky with the options that are asked for most.
  public init(
    tolerance: Tolerance = .default, isQuasiDefinite: Bool = false, maximumIterations: Int? = nil, timeLimit: Duration? = nil,
    threads: Int? = nil
  ) {
    self.isQuasiDefinite = isQuasiDefinite
    options.tolerance = tolerance
    options.maximumIterations = maximumIterations
    options.timeLimit = timeLimit
    options.threads = threads
  }

  /// Factors A.
  ///
  /// - Throws: as ``CholeskyFactorization/init(_:form:memoryLimit:ordering:precision:)``, but a matrix that is not positive definite is a status of the columns, not an
  ///   error.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    DirectEngine(
      method: name, options: options,
      factors: try SparseFactors(a, choice: .cholesky(quasiDefinite: isQuasiDefinite), factorOptions))
  }
}
