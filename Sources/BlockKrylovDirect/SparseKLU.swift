public import BlockKrylov

/// Direct solution by KLU: A is permuted to block triangular form and only its diagonal blocks are factored, which suits circuit matrices.
///
/// Refinement, backward errors, statuses and options are those of ``SparseLU``, and blocks of columns are solved in the same way.
/// T. A. Davis and E. Palamadai Natarajan, “Algorithm 907: KLU”, ACM Trans. Math. Softw. 37, 2010.
///
/// KLU itself is under the GNU Lesser General Public License, version 2.1 or later.
public struct SparseKLU: FactoringMethod {
  /// `klu`.
  public var name: String { "klu" }
  /// The options.
  public var options = SolverOptions()
  /// Without effect: the diagonal blocks are ordered by AMD.
  public var ordering = FillOrdering.automatic
  /// The precision in which the factors are kept; double by default.
  public var factorPrecision = FactorPrecision.double

  /// KLU with the options that are asked for most.
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
      method: name, options: options, factors: try SparseFactors(a, choice: .klu, factorOptions))
  }
}
