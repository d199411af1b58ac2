internal import ComplexModule

/// Direct solution by dense LU factors with partial pivoting (LAPACK's getrf) and iterative refinement of each column.
///
/// For a ``DenseOperator`` and for matrices of moderate order: the factors take n² numbers and 2n³/3 flops whatever the sparsity.
/// Of the options it uses `tolerance`, `maximumIterations` (the most refinements; 10 by default), `timeLimit` and
/// `threads`; preconditioners and the options of Krylov methods mean nothing here, and an initial guess is returned only for a
/// column that cannot be solved. Every solved column carries its componentwise backward error.
public struct DenseLU: BlockMethod {
  /// `dense`.
  public var name: String { "dense" }
  /// The options.
  public var options = SolverOptions()

  /// Dense LU with the options that are asked for most.
  public init(tolerance: Tolerance = .default, maximumIterations: Int? = nil, timeLimit: Duration? = nil, threads: Int? = nil) {
    options.tolerance = tolerance
    options.maximumIterations = maximumIterations
    options.timeLimit = timeLimit
    options.threads = threads
  }

  /// Factors A.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when A is not square, ``BlockKrylovError/unsupported(_:)`` when its entries are not
  ///   known, ``BlockKrylovError/invalidMatrix(_:)`` when one is not finite. A singular A is a status of the columns, not an error.
  /// - Complexity: 2n³/3 flops.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    DirectEngine(method: name, options: options, factors: try DenseFactors(a))
  }
}
