/// Enlarged conjugate gradients: block CG for one right-hand side, or few, on a space that is made larger by splitting.
///
/// The first residual of each column is split into as many pieces as ``enlargement`` says, one for each of as many contiguous ranges
/// of rows, and the pieces span the first block; x is sought in the space that they all generate (L. Grigori, S. Moufawad and F. Nataf,
/// “Enlarged Krylov subspace conjugate gradient methods for reducing communication”, SIAM J. Matrix Anal. Appl. 37, 2016). Fewer and
/// wider iterations: the matrix is read less often, and an iteration has the products with A, M⁻¹ and the dense work of a block. It
/// pays where A or M⁻¹ is expensive to read, or where iterations are; the recurrence and all that is said of it are ``BlockCG``'s.
///
/// - Complexity per iteration with t pieces and p columns: as block CG with t·p columns.
public struct EnlargedCG: BlockMethod {
  /// `ecg`.
  public var name: String { "ecg" }
  /// It does.
  public var estimatesEnergyErrors: Bool { true }
  /// The options; `side`, `restart` and `dependentColumns` have no meaning here. All pieces of all columns together make a block of
  /// at most `maximumBlockWidth`.
  public var options = SolverOptions()
  /// Into how many pieces each column is split; 8 by default, a row of which is a cache line.
  public var enlargement: Int

  /// Enlarged CG with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  public init(
    enlargement: Int = 8, tolerance: Tolerance = .default, maximumIterations: Int? = nil, timeLimit: Duration? = nil,
    threads: Int? = nil
  ) {
    self.enlargement = enlargement
    options = SolverOptions(
      tolerance: tolerance, maximumIterations: maximumIterations, timeLimit: timeLimit, threads: threads)
  }

  /// Checks that CG can work on A and builds the preconditioner.
  ///
  /// - Throws: as ``BlockCG/makeEngine(for:preconditioner:)``; ``BlockKrylovError/invalidOption(_:)`` for fewer than one piece.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    guard enlargement >= 1 else {
      throw BlockKrylovError.invalidOption("the enlargement is \(enlargement); it must be at least 1")
    }
    let m = try definitePreconditioner(preconditioner, forHermitian: a)
    return BlockCGEngine(EngineCore(name, options, m, rows: a.rows), enlargement: enlargement)
  }
}
