public import BlockKrylov

/// The factors A·E = Q·R of a sparse matrix of any shape, for least squares and for matrices that lack rank.
///
/// ```swift
/// let qr = try SparseQR(A)                       // m × n, m ≥ n or m < n
/// let fit = try qr.leastSquares(B)               // min ‖B − A·X‖ for every column
/// print(fit.residualNorms, qr.rank, qr.nullity)
/// let N = try qr.nullSpace()                     // A·N = 0, NᴴN = I
/// ```
/// Made by SuiteSparseQR (T. A. Davis, “Algorithm 915”, ACM Trans. Math. Softw. 38, 2011): multifrontal Householder reflections, which find
/// the numerical rank by Heath's method. All columns of B are reflected and solved at once. `Float` and `Complex<Float>` matrices are
/// factored in double precision.
///
/// > Important: SuiteSparseQR is under the GNU General Public License, version 2 or later; see ``LUFactorization``.
public struct SparseQR<Element: Scalar>: Sendable {
  let matrix: CSRMatrix<Element>
  // Nil for a matrix without rows or columns.
  private let factors: SPQR?

  /// Factors a matrix.
  ///
  /// - Parameter rankTolerance: a column whose part that is independent of the columns before has at most this 2-norm counts as
  ///   dependent; 20·(m + n)·2u·(largest 2-norm of a column) by default.
  /// - Throws: `BlockKrylovError.unsupported` when the entries of A are not known, `BlockKrylovError.invalidOption` for a tolerance
  ///   that is negative or NaN, `BlockKrylovError.factorization` when memory runs out.
  public init(_ a: some LinearOperator<Element>, rankTolerance: Double? = nil) throws {
    guard let matrix = a.sparseMatrix else {
      throw BlockKrylovError.unsupported("sparse QR needs the entries of A and this operator has none")
    }
    if let rankTolerance, !(rankTolerance >= 0) {
      throw BlockKrylovError.invalidOption("the rank tolerance is \(rankTolerance); it must be at least 0")
    }
    self.matrix = matrix
    guard matrix.rows > 0, matrix.columns > 0 else {
      factors = nil
      return
    }
    factors = try SPQR(UMFPACK.Columns(matrix), rows: matrix.rows, tolerance: rankTolerance)
  }

  /// The rows m of A.
  public var rows: Int { matrix.rows }
  /// The columns n of A.
  public var columns: Int { matrix.columns }
  /// The numerical rank of A.
  public var rank: Int { factors?.rank ?? 0 }
  /// The dimension n − rank of the null space: 0 when the solution is unique.
  public var nullity: Int { columns - rank }
  /// The floating-point operations of the factorisation.
  public var flops: Double { factors?.flops ?? 0 }
  /// The memory of the factors, in bytes.
  public var storedBytes: Int { factors?.storedBytes ?? 0 }

  /// Solutions of least squares problems.
  public struct LeastSquares: Sendable {
    /// X, n × k. When A lacks rank it is a basic solution: as many numbers of a column as ``SparseQR/nullity`` are zero.
    public let solution: BlockVector<Element>
    /// ‖b_j − A·x_j‖₂ of each column, recomputed from X.
    public let residualNorms: [Double]
    /// ‖Aᴴ·(b_j − A·x_j)‖_∞ of each column, which is 0 at a minimum but for rounding.
    public let gradients: [Double]
  }

  /// The minimisers of ‖b_j − A·x_j‖₂ for all columns, refined once.
  ///
  /// - Throws: `BlockKrylovError.shape` when B does not have m rows, `BlockKrylovError.factorization` when memory runs out.
  /// - Complexity: 2 applications of Qᴴ and of R⁻¹ to k columns.
  public func leastSquares(_ b: BlockVector<Element>) throws -> LeastSquares {
    let fit = try fit(b)
    return LeastSquares(
      solution: fit.x, residualNorms: fit.residual.columnNorms(), gradients: fit.gradient.columnMaxima())
  }

  /// X, B − A·X and Aᴴ·(B − A·X).
  func fit(
    _ b: BlockVector<Element>
  ) throws -> (x: BlockVector<Element>, residual: BlockVector<Element>, gradient: BlockVector<Element>) {
    try checkShape(b.rows, equals: rows, "A has \(rows) rows, B has \(b.rows)")
    var x = try solve(b)
    // One step of refinement with the same factors, kept for the columns whose gradient it makes smaller.
    var r = try matrix.residual(b, of: x)
    var gradient = try matrix.adjointApplied(to: r)
    var refined = try solve(r)
    refined.combine(1, x, 1)
    let refinedResidual = try matrix.residual(b, of: refined)
    let refinedGradient = try matrix.adjointApplied(to: refinedResidual)
    let (sizes, refinedSizes) = (gradient.columnMaxima(), refinedGradient.columnMaxima())
    for j in sizes.indices where refinedSizes[j] < sizes[j] {
      x[columns: j..<(j + 1)] = refined[columns: j..<(j + 1)]
      r[columns: j..<(j + 1)] = refinedResidual[columns: j..<(j + 1)]
      gradient[columns: j..<(j + 1)] = refinedGradient[columns: j..<(j + 1)]
    }
    return (x, r, gradient)
  }

  /// An orthonormal basis N of the numerical null space, the x with A·x = 0 but for the rank tolerance: n rows, ``nullity`` columns.
  ///
  /// Of Aᴴ·E = Q·R the columns of Q behind the rank are orthogonal to all rows of A. Where the rank is not clear Heath's method may find another
  /// one for Aᴴ than for A; there are then as many columns as Aᴴ says.
  ///
  /// - Throws: `BlockKrylovError.factorization` when memory runs out.
  /// - Complexity: a factorisation of Aᴴ, and a product of its Q with as many columns as the result has.
  public func nullSpace() throws -> BlockVector<Element> {
    guard let factors else { return .identity(rows: columns) }
    let adjoint = try SPQR(UMFPACK.Columns(matrix.adjointMatrix()), rows: columns, tolerance: factors.tolerance)
    let (count, parts) = (columns - adjoint.rank, Element.isComplex ? 2 : 1)
    guard count > 0 else { return BlockVector(rows: columns, columns: 0) }
    var units = [Double](repeating: 0, count: columns * count * parts)
    for k in 0..<count { units[(k * columns + adjoint.rank + k) * parts] = 1 }
    guard let basis = adjoint.rotated(units, columns: count) else {
      throw BlockKrylovError.factorization("SuiteSparseQR could not form a basis of \(count) columns; use more memory")
    }
    return try BlockVector(columnMajor: Parts.numbers(basis), rows: columns, columns: count)
  }

  private func solve(_ b: BlockVector<Element>) throws -> BlockVector<Element> {
    guard let factors, b.columns > 0 else { return BlockVector(rows: columns, columns: b.columns) }
    guard let x = factors.leastSquares(Parts.doubles(b.columnMajor), columns: b.columns) else {
      throw BlockKrylovError.factorization(
        "SuiteSparseQR could not solve for \(b.columns) columns; use more memory or fewer columns")
    }
    return try BlockVector(columnMajor: Parts.numbers(x), rows: columns, columns: b.columns)
  }
}
