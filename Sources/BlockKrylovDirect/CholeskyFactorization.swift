public import BlockKrylov

/// The factors P·A·Pᵀ = L·Lᴴ of a sparse hermitian positive definite matrix, or L·D·Lᴴ of a quasi-definite one, made once and used for
/// many right-hand sides.
///
/// ```swift
/// let cholesky = try CholeskyFactorization(A)
/// let X = try cholesky.solve(B)
/// ```
/// Made by CHOLMOD (Y. Chen, T. A. Davis, W. W. Hager and S. Rajamanickam, “Algorithm 887”, ACM Trans. Math. Softw. 35, 2008), with AMD
/// or, where it gives less fill and is present, METIS; half the memory and less than half the work of LU. Only the lower triangle of A
/// is read, after a look whether A is hermitian. As for ``LUFactorization``, factors are in double precision, solutions are rounded to
/// the type of A, and solves are plain triangular solves; ``SparseCholesky`` adds refinement and a status for each column.
///
/// > Important: CHOLMOD's supernodal module is under the GNU General Public License, version 2 or later; see ``LUFactorization``.
public struct CholeskyFactorization<Element: Scalar>: Sendable {
  /// What is factored.
  public enum Form: Sendable {
    /// L·Lᴴ: A must be positive definite, which the factorisation proves.
    case positiveDefinite
    /// L·D·Lᴴ with a diagonal D of either sign and no pivoting: for symmetric quasi-definite matrices [H Gᴴ; G −K] with positive
    /// definite H and K (R. J. Vanderbei, SIAM J. Optim. 5, 1995). Any other indefinite matrix may have inaccurate factors, which the
    /// backward error of ``SparseCholesky`` shows.
    case quasiDefinite

    var factored: CHOLMOD.Form { self == .positiveDefinite ? .positiveDefinite : .quasiDefinite }
  }

  /// The form of the factors.
  public let form: Form
  private(set) var matrix: CSRMatrix<Element>
  // Nil for a matrix of order 0.
  private var symbolic: CHOLMOD.Symbolic?
  private(set) var factors: CHOLMOD.Factors?
  private var options: FactorOptions
  /// For the next factors.
  var precision: FactorPrecision {
    get { options.precision }
    set { options.precision = newValue }
  }
  /// The row of A at which a matrix was found not to be positive definite.
  private(set) var failedRow: Int?

  /// Analyses and factors a matrix.
  ///
  /// - Throws: `BlockKrylovError.shape` when A is not square, `BlockKrylovError.unsupported` when its entries are not known,
  ///   `BlockKrylovError.invalidMatrix` when it is not hermitian, `BlockKrylovError.factorization` when it is not positive definite
  ///   though `form` says so, memory runs out, or the estimate is above `memoryLimit` (in bytes; none by default).
  /// - Complexity: depends on the fill; see ``statistics`` and, beforehand, ``estimate(for:form:ordering:)``.
  public init(
    _ a: some LinearOperator<Element>, form: Form = .positiveDefinite, memoryLimit: Int? = nil,
    ordering: FillOrdering = .automatic, precision: FactorPrecision = .double
  ) throws {
    let options = FactorOptions(memoryLimit: memoryLimit, ordering: ordering, precision: precision)
    try self.init(whateverComesOf: a, form: form, options)
    try requirePositiveDefinite()
  }

  /// The same without an error for a matrix that is not positive definite.
  init(whateverComesOf a: some LinearOperator<Element>, form: Form, _ options: FactorOptions) throws {
    matrix = try Self.hermitianMatrix(a)
    self.form = form
    self.options = options
    try analyse()
  }

  private static func hermitianMatrix(_ a: some LinearOperator<Element>) throws -> CSRMatrix<Element> {
    try checkShape(a.rows, equals: a.columns, "A is \(a.rows) × \(a.columns); Cholesky needs a square matrix")
    guard let matrix = a.sparseMatrix else {
      throw BlockKrylovError.unsupported(
        "sparse Cholesky needs the entries of A and this operator has none; use block CG")
    }
    let probe = matrix.probe()
    guard matrix.rows == 0 || probe.hermitian else {
      throw BlockKrylovError.invalidMatrix(
        "Cholesky needs a hermitian matrix, and entries differ from their mirror images by up to \(probe.asymmetry.brief) "
          + "of the largest entry; use sparse LU, or symmetrise A if the difference is rounding")
    }
    return matrix
  }

  private func requirePositiveDefinite() throws {
    guard let failedRow else { return }
    throw BlockKrylovError.factorization(
      "A is not positive definite: a leading minor that ends with row \(failedRow) is not positive; use sparse LU")
  }

  private mutating func analyse() throws {
    guard matrix.rows > 0 else { return }
    let triangle = CHOLMOD.Triangle(matrix)
    let symbolic = try CHOLMOD.Symbolic(triangle, form.factored, options.ordering)
    try Self.estimate(symbolic, of: matrix).require(within: options.memoryLimit, name: "sparse Cholesky")
    self.symbolic = symbolic
    take(try CHOLMOD.factor(triangle, symbolic, options.precision))
  }

  private mutating func take(_ outcome: CHOLMOD.Outcome) {
    switch outcome {
    case .factored(let new): (factors, failedRow) = (new, nil)
    case .notPositiveDefinite(let row): (factors, failedRow) = (nil, row)
    }
  }

  /// What a factorisation would take, by the symbolic analysis alone: entries of L and operations are exact,
  /// ``FactorStatistics/peakBytes`` is close.
  ///
  /// - Throws: as ``init(_:form:memoryLimit:ordering:precision:)``.
  public static func estimate(
    for a: some LinearOperator<Element>, form: Form = .positiveDefinite, ordering: FillOrdering = .automatic
  ) throws -> FactorStatistics {
    let matrix = try hermitianMatrix(a)
    guard matrix.rows > 0 else { return FactorStatistics(order: 0, nonzeros: 0) }
    return estimate(try CHOLMOD.Symbolic(CHOLMOD.Triangle(matrix), form.factored, ordering), of: matrix)
  }

  private static func estimate(_ symbolic: CHOLMOD.Symbolic, of matrix: CSRMatrix<Element>) -> FactorStatistics {
    var result = FactorStatistics(order: matrix.rows, nonzeros: matrix.nonzeros)
    result.lowerNonzeros = symbolic.lowerNonzeros
    result.upperNonzeros = symbolic.lowerNonzeros
    result.flops = symbolic.flops
    result.strategy = symbolic.isSupernodal ? "supernodal" : "simplicial"
    result.ordering = symbolic.orderingName
    result.storedBytes = symbolic.lowerNonzeros * (Element.isComplex ? 20 : 12)
    // CHOLMOD's factor and its copy for panels are there at the same time.
    result.peakBytes = symbolic.lowerNonzeros * (Element.isComplex ? 44 : 28) + matrix.storedBytes
    return result
  }

  /// The order n of A.
  public var order: Int { matrix.rows }

  /// Factors of the same pattern with new values, in the order of `CSRMatrix.values`. Copies of the factorisation made before keep the
  /// old factors.
  ///
  /// - Throws: `BlockKrylovError.invalidMatrix` when their number differs, one is not finite, or the new matrix is not hermitian,
  ///   `BlockKrylovError.factorization` when it is not positive definite or memory runs out; the old factors then stay.
  public mutating func update(_ values: [Element]) throws {
    var new = matrix
    try new.updateValues(values)
    try update(new)
  }

  /// Factors of another matrix; the symbolic analysis is kept when it has the same pattern, and made anew otherwise.
  ///
  /// - Returns: whether the analysis was kept.
  /// - Throws: as ``init(_:form:memoryLimit:ordering:precision:)``; the old factors then stay.
  @discardableResult
  public mutating func update(_ a: CSRMatrix<Element>) throws -> Bool {
    var new = self
    let kept = try new.refactor(a)
    try new.requirePositiveDefinite()
    self = new
    return kept
  }

  /// The same without an error for a matrix that is not positive definite.
  mutating func refactor(_ a: CSRMatrix<Element>) throws -> Bool {
    guard let symbolic, a.hasSamePattern(as: matrix) else {
      self = try CholeskyFactorization(whateverComesOf: a, form: form, options)
      return false
    }
    let new = try Self.hermitianMatrix(a)
    take(try CHOLMOD.factor(CHOLMOD.Triangle(new), symbolic, options.precision))
    matrix = new
    return true
  }

  /// The solution of A·X = B, Aᵀ·X = B or Aᴴ·X = B for all columns; for a real matrix these are the same.
  ///
  /// Panels of columns are spread over threads; the result has the same bits for any number of them, and each column has the bits that
  /// it has alone.
  ///
  /// - Throws: `BlockKrylovError.shape` when B does not have n rows, `BlockKrylovError.factorization` when a pivot is zero.
  /// - Complexity: 4·nnz(L)·m flops, one allocation for X and, for each thread, one of 256·n bytes at most.
  public func solve(
    _ b: BlockVector<Element>, _ system: LUFactorization<Element>.System = .plain
  ) throws -> BlockVector<Element> {
    try solveAll(b, system)
  }

  func requireNonsingular() throws {
    let zeros = factors?.zeroPivots ?? 0
    guard zeros == 0 else {
      throw BlockKrylovError.factorization("A is singular: \(zeros) of \(order) pivots are zero; use sparse LU or QR")
    }
  }

  func triangularSolve(_ system: LUFactorization<Element>.System) -> TriangularSolve? {
    factors?.solve(transposed: system == .transpose)
  }

  /// Sizes, work and choices of the factorisation.
  public var statistics: FactorStatistics {
    guard let symbolic else { return FactorStatistics(order: order, nonzeros: matrix.nonzeros) }
    var result = Self.estimate(symbolic, of: matrix)
    guard let factors else { return result }
    result.storedBytes = factors.storedBytes
    result.peakBytes = max(factors.peakBytes, factors.storedBytes)
    result.zeroPivots = factors.zeroPivots
    let (smallest, largest) = (factors.pivots.min() ?? 1, factors.pivots.max() ?? 1)
    result.pivotRatio = largest > 0 ? smallest / largest : 0
    result.note(pivots: factors.pivots, rows: factors.order, columns: factors.order)
    return result
  }

  /// How many eigenvalues of A are negative, by Sylvester's law of inertia: those of D; 0 for a positive definite matrix.
  public var negativeEigenvalues: Int { factors?.negativePivots ?? 0 }

  /// An estimate of 1 / (‖A‖₁·‖A⁻¹‖₁), nearly always within a factor of 2 of the truth and never below it but for rounding; 0 for a
  /// singular matrix, 1 for order 0. See ``LUFactorization/reciprocalConditionEstimate``.
  public var reciprocalConditionEstimate: Double {
    estimatedReciprocalCondition(matrix, zeroPivots: statistics.zeroPivots) { solve($0, into: &$1, $2) }
  }
}
