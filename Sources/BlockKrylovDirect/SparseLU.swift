public import BlockKrylov

/// Direct solution by sparse LU factors (UMFPACK) with iterative refinement of each column.
///
/// ```swift
/// let prepared = try SparseLU().prepare(A)     // factors once
/// let result = try prepared.solve(B)           // any number of columns, any number of times
/// try prepared.update(newA)                    // the same pattern: only the numeric work is repeated
/// ```
/// Every column is refined until its componentwise backward error ω is at the level of rounding (Arioli, Demmel and Duff 1989), and
/// reports ω; *converged* is said only where the recomputed b − A·x meets the tolerance. Where it does not, the status says that A is
/// singular (a zero pivot, or min|u_ii|/max|u_ii| < n·u), or that the attainable accuracy is reached.
///
/// Of the options it uses `tolerance`, `maximumIterations` (the most refinements; 10 by default), `timeLimit` and
/// `threads`; preconditioners and the options of Krylov methods mean nothing here, and an initial guess is returned only for a
/// column that cannot be solved. Single precision matrices are factored in double precision; their residuals are formed in single
/// precision, and X is rounded to it.
///
/// > Important: UMFPACK is under the GNU General Public License, version 2 or later; see ``LUFactorization``.
public struct SparseLU: FactoringMethod {
  /// `lu`.
  public var name: String { "lu" }
  /// The options.
  public var options = SolverOptions()
  /// The order in which unknowns are eliminated; automatic by default.
  public var ordering = FillOrdering.automatic
  /// The precision in which the factors are kept; double by default.
  public var factorPrecision = FactorPrecision.double

  /// Sparse LU with the options that are asked for most.
  public init(tolerance: Tolerance = .default, maximumIterations: Int? = nil, timeLimit: Duration? = nil, threads: Int? = nil) {
    options.tolerance = tolerance
    options.maximumIterations = maximumIterations
    options.timeLimit = timeLimit
    options.threads = threads
  }

  /// Factors A.
  ///
  /// - Throws: as ``LUFactorization/init(_:memoryLimit:ordering:precision:)``. A singular A is a status of the columns, not an error.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    DirectEngine(
      method: name, options: options, factors: try SparseFactors(a, choice: .lu, factorOptions))
  }
}
