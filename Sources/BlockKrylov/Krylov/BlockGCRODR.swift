/// Block GCRO-DR: block GMRES with deflated restarting that keeps its directions from one solve to the next, for sequences
/// A_i·X_i = B_i whose matrices or right-hand sides change slowly.
///
/// ```swift
/// let solver = try BlockGCRODR(tolerance: .relative(1e-8), kept: 30).preconditioned(by: .ilu0).prepare(A)
/// for step in steps {
///   try solver.update(step.A)        // the directions survive; their images are computed again
///   let result = try solver.solve(step.B)
/// }
/// ```
/// Kept are the harmonic Ritz vectors of the eigenvalues next to zero (M. L. Parks, E. de Sturler, G. Mackey, D. D. Johnson and S. Maiti,
/// “Recycling Krylov subspaces for sequences of linear systems”, SIAM J. Sci. Comput. 28, 2006), and the last solution: a solve without
/// an initial guess begins with the combination of the last solution's columns that leaves the least residuals (P. F. Fischer,
/// “Projection techniques for iterative solution of Ax = b with successive right-hand sides”, Comput. Methods Appl. Mech. Eng. 163,
/// 1998). ``PreparedSolver/recycledSpace`` and ``PreparedSolver/recycle(_:)`` carry the directions to another run.
///
/// - Complexity: as ``BlockGMRES``; besides, a solve begins with one product with A for the columns of the last solution, and after
///   an update of A one for the kept directions. Memory: 2 blocks more.
public struct BlockGCRODR: BlockMethod {
  /// `gcrodr`.
  public var name: String { "gcrodr" }
  /// The options; those of block GMRES.
  public var options = SolverOptions()

  /// Block GCRO-DR with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  ///
  /// - Parameter kept: directions kept between cycles and solves; ``SolverOptions/deflation``.
  public init(
    tolerance: Tolerance = .default, restart: Int = 50, kept: Int? = nil, side: PreconditionerSide = .right,
    maximumIterations: Int? = nil, timeLimit: Duration? = nil, threads: Int? = nil
  ) {
    options = SolverOptions(
      tolerance: tolerance, maximumIterations: maximumIterations, timeLimit: timeLimit, threads: threads)
    options.restart = restart
    options.deflation = kept
    options.side = side
  }

  /// Checks A and builds the preconditioner. One that varies makes the method flexible.
  ///
  /// - Throws: as ``BlockGMRES/makeEngine(for:preconditioner:)``.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    try makeGMRESEngine(for: a, preconditioner: preconditioner, recycles: true)
  }
}

extension BlockGMRESEngine {
  /// X = the combination of the columns of the last solution that leaves the least residuals, where there is no guess.
  func guessFromLastSolution(_ problem: BlockProblem<Element>) throws {
    guard recycles, !problem.hasGuess, let last = lastSolution, last.rows == problem.x.rows else { return }
    let p = last.columns
    var images = BlockVector<Element>(rows: last.rows, columns: p)
    try problem.apply(last, into: &images)
    let space = BlockSpace<Element>(p: p, q: max(p, problem.width), rows: last.rows)
    var gram = DenseMatrix<Element>(rows: p, columns: p)
    var products = DenseMatrix<Element>(rows: p, columns: problem.width)
    space.inner(images, images, into: &gram)
    space.inner(images, problem.b, into: &products)
    guard gram.isFinite, products.isFinite else { return }
    var lengths = [Double](repeating: 1, count: p)
    for j in 0..<p where gram[j, j].realPart > 0 { lengths[j] = Double(gram[j, j].realPart).squareRoot() }
    gram.scaleToUnitDiagonal(lengths)
    let dense = DenseWorkspace<Element>(rows: p, columns: p)
    guard dense.eigen(&gram) else { return }
    for i in 0..<p { for j in 0..<problem.width { products[i, j] *= Element(double: 1 / lengths[i]) } }
    var rotated = gram.adjoint * products
    // Half of the digits of the Gram matrix's small eigenvalues are rounding.
    let cutoff = Double(p) * Element.unitRoundoff.squareRoot() * Double(dense.eigenvalues[p - 1])
    for i in 0..<p {
      let eigenvalue = Double(dense.eigenvalues[i])
      for j in 0..<problem.width { rotated[i, j] *= Element(double: eigenvalue > cutoff ? 1 / eigenvalue : 0) }
    }
    var coefficients = gram * rotated
    for i in 0..<p { for j in 0..<problem.width { coefficients[i, j] *= Element(double: 1 / lengths[i]) } }
    space.multiply(last, coefficients, into: &problem.x)
    problem.hasGuess = true
  }

  /// U, where the method keeps it from solve to solve: M⁻¹·U for a flexible one.
  var recycledSpace: BlockVector<Element>? {
    guard recycles, let deflation, deflation.columns > 0 else { return nil }
    return deflation.corrections ?? deflation.vectors
  }

  /// Puts other directions in place of U.
  func recycle(_ block: BlockVector<Element>) throws {
    guard recycles else {
      throw BlockKrylovError.unsupported("the method \(methodName) keeps no directions between solves; use BlockGCRODR")
    }
    try checkShape(block.rows, equals: rows, "A has \(rows) rows, the directions have \(block.rows)")
    guard block.columnMaxima().allSatisfy({ $0.isFinite }) else {
      throw BlockKrylovError.invalidOption("the directions to recycle hold NaN or infinity")
    }
    let capacity = max(options.deflation ?? 20, block.columns)
    let space = DeflationSpace<Element>(capacity: capacity, isFlexible: options.side == .flexible)
    space.replace(vectors: block)
    deflation = space
    isStale = true
  }
}
