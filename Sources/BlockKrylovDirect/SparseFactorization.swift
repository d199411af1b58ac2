internal import BlockKrylov

/// A sparse factorisation of a square matrix, whichever it is.
protocol SparseFactorization<Element>: Sendable {
  associatedtype Element: Scalar

  /// As in `--method`.
  var methodName: String { get }
  /// A.
  var matrix: CSRMatrix<Element> { get }
  var statistics: FactorStatistics { get }
  /// Why there are no factors, in words and as a status; `nil` when there are.
  var failure: (detail: String, status: ColumnStatus)? { get }
  /// How systems with A, Aᵀ or Aᴴ are solved; `nil` for order 0 and where there are no factors.
  func triangularSolve(_ system: LUFactorization<Element>.System) -> TriangularSolve?
  /// Throws when a pivot is zero.
  func requireNonsingular() throws
  /// The precision in which the next factors are kept.
  var precision: FactorPrecision { get set }
  /// Factors of another matrix; true when the symbolic analysis was kept.
  mutating func refactor(_ a: CSRMatrix<Element>) throws -> Bool
}

extension SparseFactorization {
  /// X = op(A)⁻¹·B, without checks: NaN and infinity come out where a pivot is zero.
  func solve(
    _ b: BlockVector<Element>, into x: inout BlockVector<Element>, _ system: LUFactorization<Element>.System = .plain
  ) {
    triangularSolve(system)?.solve(b, into: &x)
  }
}

extension LUFactorization: SparseFactorization {
  var methodName: String { "lu" }
  var failure: (detail: String, status: ColumnStatus)? { nil }
}

extension CholeskyFactorization: SparseFactorization {
  var methodName: String { form == .positiveDefinite ? "cholesky" : "ldl" }
  var failure: (detail: String, status: ColumnStatus)? {
    failedRow.map { row in
      ("A is not positive definite: a leading minor that ends with row \(row) is not positive", .indefiniteOperator)
    }
  }
}

// MARK: - What the public factorisations have in common

extension SparseFactorization {
  /// What `solve(_:rows:)` of the factorisations does.
  func solveSelected(_ b: CSCMatrix<Element>, rows: [Int]?) throws -> BlockVector<Element> {
    let order = matrix.rows
    try checkShape(b.rows, equals: order, "A has \(order) rows, B has \(b.rows)")
    let wanted = rows ?? Array(0..<order)
    if let bad = wanted.first(where: { !(0..<order).contains($0) }) {
      throw BlockKrylovError.shape("row \(bad) of X is wanted, which has rows 0 ..< \(order)")
    }
    try requireNonsingular()
    var x = BlockVector<Element>(rows: wanted.count, columns: b.columns)
    triangularSolve(.plain)?.solve(b, rows: wanted, into: &x)
    return x
  }

  /// What `inverseDiagonal()` of the factorisations does.
  func selectedInverse() throws -> [Element] {
    try requireNonsingular()
    return triangularSolve(.plain)?.inverseDiagonal(Element.self) ?? []
  }

  /// What `solve(_:_:)` of the factorisations does.
  func solveAll(_ b: BlockVector<Element>, _ system: LUFactorization<Element>.System) throws -> BlockVector<Element> {
    try checkShape(b.rows, equals: matrix.rows, "A has \(matrix.rows) rows, B has \(b.rows)")
    try requireNonsingular()
    var x = BlockVector<Element>(rows: matrix.rows, columns: b.columns)
    solve(b, into: &x, system)
    return x
  }

  /// What `pullback(of:gradient:)` of the factorisations does.
  func pulledBack(_ x: BlockVector<Element>, _ gradient: BlockVector<Element>) throws -> SolvePullback<Element> {
    try checkDerivativeShapes(matrix, x, gradient)
    return SolvePullback(adjointSolution: try solveAll(gradient, .adjoint), x: x, a: matrix, report: nil)
  }
}
