public import BlockKrylov

/// The factors P·(R⁻¹·A)·Q = L·U of a sparse square matrix, made once and used for many right-hand sides.
///
/// ```swift
/// var lu = try LUFactorization(A)
/// let X = try lu.solve(B)                  // A·X = B
/// let Y = try lu.solve(B, .transpose)      // Aᵀ·Y = B
/// try lu.update(values)                    // the same pattern: the symbolic analysis is kept
/// ```
/// Made by UMFPACK (T. A. Davis, “Algorithm 832”, ACM Trans. Math. Softw. 30, 2004) with its default strategy and row scaling, ordered by AMD,
/// COLAMD or METIS (``FillOrdering``); its factors are then rearranged, dense where neighbouring columns have nearly the same structure, and solve all columns of
/// a panel at once. `Float` and `Complex<Float>` matrices are factored in double precision and solutions rounded. These solves are plain
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
  private var pattern: UMFPACK.Pattern?
  private(set) var factors: UMFPACK.Factors?
  private var options: FactorOptions
  /// For the next factors.
  var precision: FactorPrecision {
    get { options.precision }
    set { options.precision = newValue }
  }

  /// Analyses and factors a matrix. A singular matrix is factored too; see ``FactorStatistics/zeroPivots``.
  ///
  /// - Throws: `BlockKrylovError.shape` when A is not square, `BlockKrylovError.unsupported` when its entries are not
  ///   known, `BlockKrylovError.factorization` when memory runs out or the estimate is above `memoryLimit` (in bytes; none by default).
  /// - Complexity: depends on the fill; see ``statistics`` and, beforehand, ``estimate(for:ordering:)``.
  public init(
    _ a: some LinearOperator<Element>, memoryLimit: Int? = nil, ordering: FillOrdering = .automatic,
    precision: FactorPrecision = .double
  ) throws {
    try self.init(a, FactorOptions(memoryLimit: memoryLimit, ordering: ordering, precision: precision))
  }

  init(_ a: some LinearOperator<Element>, _ options: FactorOptions) throws {
    matrix = try Self.squareMatrix(a)
    self.options = options
    try analyse()
  }

  private static func squareMatrix(_ a: some LinearOperator<Element>) throws -> CSRMatrix<Element> {
    try checkShape(
      a.rows, equals: a.columns, "A is \(a.rows) × \(a.columns); LU needs a square matrix")
    guard let matrix = a.sparseMatrix else {
      throw BlockKrylovError.unsupported(
        "sparse LU needs the entries of A and this operator has none; use block GMRES or block CG")
    }
    return matrix
  }

  private mutating func analyse() throws {
    guard matrix.rows > 0 else { return }
    let columns = UMFPACK.Columns(matrix)
    let symbolic = try UMFPACK.Symbolic(columns, options.ordering)
    try Self.estimate(symbolic, of: matrix).require(within: options.memoryLimit, name: "sparse LU")
    factors = try UMFPACK.Factors(columns, symbolic, options.precision)
    self.symbolic = symbolic
    pattern = columns.pattern
  }

  /// What a factorisation would take at most, by the symbolic analysis alone: entries of L and U, operations and ``FactorStatistics/peakBytes``
  /// are upper bounds, which may be far above what is then needed when pivoting changes little.
  ///
  /// - Throws: as ``init(_:memoryLimit:ordering:precision:)``.
  public static func estimate(
    for a: some LinearOperator<Element>, ordering: FillOrdering = .automatic
  ) throws -> FactorStatistics {
    let matrix = try squareMatrix(a)
    guard matrix.rows > 0 else { return FactorStatistics(order: 0, nonzeros: 0) }
    return estimate(try UMFPACK.Symbolic(UMFPACK.Columns(matrix), ordering), of: matrix)
  }

  private static func estimate(_ symbolic: UMFPACK.Symbolic, of matrix: CSRMatrix<Element>) -> FactorStatistics {
    var result = FactorStatistics(order: matrix.rows, nonzeros: matrix.nonzeros)
    result.lowerNonzeros = Int(symbolic.lowerNonzerosBound)
    result.upperNonzeros = Int(symbolic.upperNonzerosBound)
    result.flops = symbolic.flopsBound
    result.storedBytes =
      (result.lowerNonzeros + result.upperNonzeros) * (Element.isComplex ? 20 : 12) + 8 * (matrix.rows + matrix.nonzeros)
    // While UMFPACK's object is read, its factors are there by rows as well.
    let copies = (result.lowerNonzeros + result.upperNonzeros) * (Element.isComplex ? 28 : 20)
    result.peakBytes = max(Int(symbolic.peakBytesBound), result.storedBytes + copies)
    result.strategy = symbolic.strategyName
    result.ordering = symbolic.orderingName
    return result
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
    _ = try refactor(new)
  }

  /// Factors of another matrix; the symbolic analysis is kept when it has the same pattern, and made anew otherwise.
  ///
  /// - Returns: whether the analysis was kept.
  /// - Throws: as ``init(_:memoryLimit:ordering:precision:)``; the old factors then stay.
  @discardableResult
  public mutating func update(_ a: CSRMatrix<Element>) throws -> Bool {
    try refactor(a)
  }

  mutating func refactor(_ new: CSRMatrix<Element>) throws -> Bool {
    guard new.hasSamePattern(as: matrix) else {
      self = try LUFactorization(new, options)
      return false
    }
    if let symbolic, let pattern {
      factors = try UMFPACK.Factors(UMFPACK.Columns(new, pattern), symbolic, options.precision, earlier: factors)
    }
    matrix = new
    return true
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
    try solveAll(b, system)
  }

  func requireNonsingular() throws {
    let zeros = factors?.zeroPivots ?? 0
    guard zeros == 0 else {
      throw BlockKrylovError.factorization(
        "A is singular: \(zeros) of \(order) pivots are zero; check for zero rows, dependent equations or missing boundary conditions"
      )
    }
  }

  func triangularSolve(_ system: System) -> TriangularSolve? { factors?.solve(system) }

  /// Sizes, work and choices of the factorisation.
  public var statistics: FactorStatistics {
    var result = FactorStatistics(order: order, nonzeros: matrix.nonzeros)
    guard let symbolic, let factors else { return result }
    result.lowerNonzeros = factors.lowerNonzeros
    result.upperNonzeros = factors.upperNonzeros
    result.flops = factors.flops
    result.storedBytes = factors.storedBytes + (pattern?.byteCount ?? 0)
    result.peakBytes = factors.peakBytes
    result.zeroPivots = factors.zeroPivots
    result.pivotRatio = factors.pivotRatio
    result.strategy = symbolic.strategyName
    result.ordering = symbolic.orderingName
    result.note(pivots: factors.pivotModuli, rows: factors.rowOrder, columns: factors.columnOrder)
    return result
  }
}
