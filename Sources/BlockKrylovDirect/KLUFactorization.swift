public import BlockKrylov

/// The factors P·(R⁻¹·A)·Q = L·U + F of a sparse square matrix that permutations bring to block triangular form: only the diagonal blocks
/// are factored, F is what is above them.
///
/// ```swift
/// var klu = try KLUFactorization(A)
/// let X = try klu.solve(B)
/// try klu.update(values)                   // the same pattern: the symbolic analysis is kept
/// ```
/// Made by KLU (T. A. Davis and E. Palamadai Natarajan, “Algorithm 907: KLU”, ACM Trans. Math. Softw. 37, 2010), for circuits and other matrices
/// whose factors stay sparse. As for ``LUFactorization``, factors are made in double precision, solutions are rounded to the type of A, and solves are
/// plain triangular solves; ``SparseKLU`` adds refinement and a status for each column.
///
/// KLU itself is under the GNU Lesser General Public License, version 2.1 or later.
public struct KLUFactorization<Element: Scalar>: SparseFactorization {
  var methodName: String { "klu" }
  private(set) var matrix: CSRMatrix<Element>
  // Nil for a matrix of order 0.
  private var symbolic: KLU.Symbolic?
  private(set) var factors: KLU.Factors?
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
  /// - Complexity: depends on the fill; see ``statistics`` and, beforehand, ``estimate(for:)``.
  public init(_ a: some LinearOperator<Element>, memoryLimit: Int? = nil, precision: FactorPrecision = .double) throws {
    try self.init(a, FactorOptions(memoryLimit: memoryLimit, precision: precision))
  }

  init(_ a: some LinearOperator<Element>, _ options: FactorOptions) throws {
    matrix = try Self.squareMatrix(a)
    self.options = options
    guard matrix.rows > 0 else { return }
    let columns = UMFPACK.Columns(matrix)
    let symbolic = try KLU.Symbolic(columns)
    try Self.estimate(symbolic, of: matrix).require(within: options.memoryLimit, name: "KLU")
    self.symbolic = symbolic
    factors = try KLU.Factors(columns, symbolic, options.precision)
  }

  private static func squareMatrix(_ a: some LinearOperator<Element>) throws -> CSRMatrix<Element> {
    try checkShape(a.rows, equals: a.columns, "A is \(a.rows) × \(a.columns); KLU needs a square matrix")
    guard let matrix = a.sparseMatrix else {
      throw BlockKrylovError.unsupported("KLU needs the entries of A and this operator has none; use block GMRES or block CG")
    }
    return matrix
  }

  /// The order n of A.
  public var order: Int { matrix.rows }

  var failure: (detail: String, status: ColumnStatus)? { nil }

  func requireNonsingular() throws {
    let zeros = factors?.zeroPivots ?? 0
    guard zeros == 0 else {
      throw BlockKrylovError.factorization(
        "A is singular: \(zeros) of \(order) pivots are zero; check for nodes without a connection and for dependent equations")
    }
  }

  func triangularSolve(_ system: LUFactorization<Element>.System) -> TriangularSolve? { factors?.solve(system) }

  /// The solution of A·X = B, Aᵀ·X = B or Aᴴ·X = B for all columns; see ``LUFactorization/solve(_:_:)``.
  ///
  /// - Throws: `BlockKrylovError.shape` when B does not have n rows, `BlockKrylovError.factorization` when a pivot is zero.
  /// - Complexity: 2·nnz(L + U + F)·m flops.
  public func solve(
    _ b: BlockVector<Element>, _ system: LUFactorization<Element>.System = .plain
  ) throws -> BlockVector<Element> {
    try solveAll(b, system)
  }

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
  /// - Throws: as ``init(_:memoryLimit:precision:)``; the old factors then stay.
  @discardableResult
  public mutating func update(_ a: CSRMatrix<Element>) throws -> Bool { try refactor(a) }

  mutating func refactor(_ a: CSRMatrix<Element>) throws -> Bool {
    guard let symbolic, a.hasSamePattern(as: matrix) else {
      self = try KLUFactorization(a, options)
      return false
    }
    factors = try KLU.Factors(UMFPACK.Columns(a), symbolic, options.precision)
    matrix = a
    return true
  }

  /// What a factorisation would take, by the symbolic analysis alone; pivoting may change it.
  ///
  /// - Throws: as ``init(_:memoryLimit:precision:)``.
  public static func estimate(for a: some LinearOperator<Element>) throws -> FactorStatistics {
    let matrix = try squareMatrix(a)
    guard matrix.rows > 0 else { return FactorStatistics(order: 0, nonzeros: 0) }
    return estimate(try KLU.Symbolic(UMFPACK.Columns(matrix)), of: matrix)
  }

  private static func estimate(_ symbolic: KLU.Symbolic, of matrix: CSRMatrix<Element>) -> FactorStatistics {
    var result = FactorStatistics(order: matrix.rows, nonzeros: matrix.nonzeros)
    result.lowerNonzeros = Int(symbolic.lowerNonzeros)
    result.upperNonzeros = Int(symbolic.upperNonzeros)
    result.flops = symbolic.flops
    result.strategy =
      symbolic.blocks == 1
      ? "1 diagonal block" : "\(symbolic.blocks) diagonal blocks, the largest of order \(symbolic.largestBlock)"
    result.ordering = "AMD"
    result.storedBytes = (result.lowerNonzeros + result.upperNonzeros + matrix.nonzeros) * (Element.isComplex ? 20 : 12)
    result.peakBytes = result.storedBytes + (result.lowerNonzeros + result.upperNonzeros) * (Element.isComplex ? 44 : 28)
    return result
  }

  /// Sizes, work and choices of the factorisation.
  public var statistics: FactorStatistics {
    guard let symbolic, let factors else { return FactorStatistics(order: matrix.rows, nonzeros: matrix.nonzeros) }
    var result = Self.estimate(symbolic, of: matrix)
    result.lowerNonzeros = factors.lowerNonzeros
    result.upperNonzeros = factors.upperNonzeros
    result.flops = factors.flops
    result.storedBytes = factors.storedBytes
    result.peakBytes = max(factors.peakBytes, factors.storedBytes)
    let (smallest, largest) = (factors.pivotModuli.min() ?? 1, factors.pivotModuli.max() ?? 1)
    result.zeroPivots = factors.zeroPivots
    result.pivotRatio = largest > 0 ? smallest / largest : 0
    result.note(pivots: factors.pivotModuli, rows: factors.rowOrder, columns: factors.columnOrder)
    return result
  }

  /// An estimate of 1 / (‖A‖₁·‖A⁻¹‖₁); see ``LUFactorization/reciprocalConditionEstimate``.
  public var reciprocalConditionEstimate: Double {
    estimatedReciprocalCondition(matrix, zeroPivots: factors?.zeroPivots ?? 0) { solve($0, into: &$1, $2) }
  }
}
