public import BlockKrylov

/// The factors P·(R⁻¹·A)·Q = L·U of a sparse square matrix, made once and used for many right-hand sides.
///
/// ```swift
/// var lu = try LUFactorization(A)
/// let X = try lu.solve(B)                  // A·X = B
/// let Y = try lu.solve(B, .transpose)      // Aᵀ·Y = B
/// try lu.update(values)                    // the same pattern: the symbolic analysis is kept
/// ```
/// Made by UMFPACK (T. A. Davis, “Algorithm 832”, ACM Trans. Math. Softw. 30, 2004) with its default strategy, ordering and row
/// scaling; its factors are then rearranged for whole blocks, dense where neighbouring columns have nearly the same structure, and solve
/// all columns of a panel at once. `Float` and `Complex<Float>` matrices are factored in double precision and solutions rounded. These solves are plain
/// triangular solves; ``SparseLU`` adds refinement, verified residuals and a status for each column.
///
/// > Important: UMFPACK is under the GNU General Public License, version 2 or later, and so is a program that contains it. That is
/// > why direct solvers are a product of their own, `BlockKrylovDirect`: programs that import only `BlockKrylov` do not link it.
public struct LUFactorization<Element: Scalar>: Sendable {
  /// Which system is solved.
  public enum System: Sendable, CaseIterable {
    /// A·X = B.
    case plain
    /// Aᵀ·X = B.
    case transpose
    /// Aᴴ·X = B.
    case adjoint
  }

  private(set) var matrix: CSRMatrix<Element>
  // Nil for a matrix of order 0, which UMFPACK refuses.
  private var symbolic: UMFPACK.Symbolic?
  private var factors: UMFPACK.Factors?

  /// Analyses and factors a matrix. A singular matrix is factored too; see ``LUStatistics/zeroPivots``.
  ///
  /// - Throws: `BlockKrylovError.shape` when A is not square, `BlockKrylovError.unsupported` when its entries are not
  ///   known, `BlockKrylovError.factorization` when memory runs out.
  /// - Complexity: depends on the fill; see ``statistics``.
  public init(_ a: some LinearOperator<Element>) throws {
    try checkShape(
      a.rows, equals: a.columns, "A is \(a.rows) × \(a.columns); LU needs a square matrix")
    guard let matrix = a.sparseMatrix else {
      throw BlockKrylovError.unsupported(
        "sparse LU needs the entries of A and this operator has none; use block GMRES or block CG")
    }
    self.matrix = matrix
    try analyse()
  }

  private mutating func analyse() throws {
    guard matrix.rows > 0 else { return }
    let columns = UMFPACK.Columns(matrix)
    let symbolic = try UMFPACK.Symbolic(columns)
    factors = try UMFPACK.Factors(columns, symbolic)
    self.symbolic = symbolic
  }

  /// The order n of A.
  public var order: Int { matrix.rows }

  /// Factors of the same pattern with new values, in the order of `CSRMatrix.values`. Copies of the factorisation made before keep
  /// the old factors.
  ///
  /// - Throws: `BlockKrylovError.invalidMatrix` when their number differs or one is not finite,
  ///   `BlockKrylovError.factorization` when memory runs out; the old factors then stay.
  public mutating func update(_ values: [Element]) throws {
    var new = matrix
    try new.updateValues(values)
    try refactor(new)
  }

  /// Factors of another matrix; the symbolic analysis is kept when it has the same pattern, and made anew otherwise.
  ///
  /// - Returns: whether the analysis was kept.
  /// - Throws: as ``init(_:)``; the old factors then stay.
  @discardableResult
  public mutating func update(_ a: CSRMatrix<Element>) throws -> Bool {
    if a.hasSamePattern(as: matrix) {
      try refactor(a)
      return true
    }
    self = try LUFactorization(a)
    return false
  }

  private mutating func refactor(_ new: CSRMatrix<Element>) throws {
    if let symbolic { factors = try UMFPACK.Factors(UMFPACK.Columns(new), symbolic) }
    matrix = new
  }

  /// The solution of A·X = B, Aᵀ·X = B or Aᴴ·X = B for all columns.
  ///
  /// Columns are solved in panels of up to 256 bytes a row, which are spread over threads; the result has the same bits for any number
  /// of them, and each column has the bits that it has alone.
  ///
  /// - Throws: `BlockKrylovError.shape` when B does not have n rows, `BlockKrylovError.factorization` when a pivot is
  ///   zero.
  /// - Complexity: 2·nnz(L + U)·m flops, one allocation for X and, for each thread, one of 256·n bytes at most.
  public func solve(_ b: BlockVector<Element>, _ system: System = .plain) throws -> BlockVector<Element> {
    try checkShape(b.rows, equals: order, "A has \(order) rows, B has \(b.rows)")
    let zeros = statistics.zeroPivots
    guard zeros == 0 else {
      throw BlockKrylovError.factorization(
        "A is singular: \(zeros) of \(order) pivots are zero; check for zero rows, dependent equations or missing boundary conditions"
      )
    }
    var x = BlockVector<Element>(rows: order, columns: b.columns)
    solve(b, into: &x, system)
    return x
  }

  /// The same into memory that is there, without checks: NaN and infinity come out where a pivot is zero.
  func solve(_ b: BlockVector<Element>, into x: inout BlockVector<Element>, _ system: System = .plain) {
    factors?.solve(system).solve(b, into: &x)
  }

  /// Sizes, work and choices of the factorisation.
  public var statistics: LUStatistics {
    var result = LUStatistics(order: order, nonzeros: matrix.nonzeros)
    guard let symbolic, let factors else { return result }
    result.lowerNonzeros = factors.lowerNonzeros
    result.upperNonzeros = factors.upperNonzeros
    result.flops = factors.flops
    result.storedBytes = factors.storedBytes
    result.peakBytes = factors.peakBytes
    result.zeroPivots = factors.zeroPivots
    result.pivotRatio = factors.pivotRatio
    result.strategy = symbolic.strategyName
    result.ordering = symbolic.orderingName
    return result
  }
}

/// What a sparse LU factorisation took and how it was made.
public struct LUStatistics: Sendable, Equatable {
  /// The order n of A.
  public var order: Int
  /// The stored entries of A.
  public var nonzeros: Int
  /// The entries of L with its unit diagonal.
  public var lowerNonzeros = 0
  /// The entries of U.
  public var upperNonzeros = 0
  /// The floating-point operations of the numeric factorisation.
  public var flops = 0.0
  /// The memory of the factors, in bytes.
  public var storedBytes = 0
  /// The most memory that the factorisation needed at once, in bytes.
  public var peakBytes = 0
  /// The pivots that are exactly zero; A is singular when there are any.
  public var zeroPivots = 0
  /// min |u_ii| / max |u_ii| for A with its rows scaled to sum 1: cheap, and small for a singular matrix, but a small matrix norm
  /// of the inverse is not proved by a large one. ``LUFactorization/reciprocalConditionEstimate`` says more.
  public var pivotRatio = 1.0
  /// `symmetric` (diagonal pivots preferred) or `unsymmetric`; empty for order 0.
  public var strategy = ""
  /// The fill-reducing ordering: `AMD`, `COLAMD`, `METIS`, …; empty for order 0.
  public var ordering = ""

  /// Of a matrix that has not been factored.
  init(order: Int, nonzeros: Int) {
    self.order = order
    self.nonzeros = nonzeros
  }

  /// Entries of both factors (the diagonal counted once) per entry of A.
  public var fill: Double { nonzeros == 0 ? 1 : Double(lowerNonzeros + upperNonzeros - order) / Double(nonzeros) }
}
