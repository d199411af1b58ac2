internal import ComplexModule

/// Direct solution by dense LU factors with partial pivoting (LAPACK's getrf), with iterative refinement of the columns that need it.
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
  /// Whether every column is refined until its componentwise backward error is at the level of rounding, 2u. By default only those are
  /// whose error is above what LU with partial pivoting should attain, √n·u, or whose residual is above its bound: a refinement costs as
  /// much as the solution with its residual.
  public var refinesToRounding = false

  /// Dense LU with the options that are asked for most.
  public init(tolerance: Tolerance = .default, maximumIterations: Int? = nil, timeLimit: Duration? = nil, threads: Int? = nil) {
    options.tolerance = tolerance
    options.maximumIterations = maximumIterations
    options.timeLimit = timeLimit
    options.threads = threads
  }

  /// The same method with every column refined to the level of rounding.
  public func refinedToRounding() -> DenseLU {
    var copy = self
    copy.refinesToRounding = true
    return copy
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
    DirectEngine(method: name, options: options, factors: try DenseFactors(a, refinesToRounding: refinesToRounding))
  }
}
