internal import ComplexModule

/// The gradient of a real function ℓ of the solution X of A·X = B with respect to what X depends on.
///
/// For complex numbers a gradient G of ℓ means dℓ = Re Σ conj(g)·dx.
public struct SolvePullback<Element: Scalar>: Sendable {
  /// ∂ℓ/∂B, n × m.
  public let b: BlockVector<Element>
  /// ∂ℓ/∂A for the entries that A stores, in the order of `CSRMatrix.values`.
  public let values: [Element]
  /// What happened in the solve with Aᴴ; `nil` for bare factors.
  public let report: SolveReport?

  /// The gradients from λ = A⁻ᴴ·(∂ℓ/∂X): ∂ℓ/∂B = λ and ∂ℓ/∂A = −λ·Xᴴ on the pattern of A.
  package init(adjointSolution: BlockVector<Element>, x: BlockVector<Element>, a: CSRMatrix<Element>, report: SolveReport?) {
    b = adjointSolution
    self.report = report
    var values = [Element](repeating: 0, count: a.nonzeros)
    unsafe gradient(
      rowStart: a.rowStart, columnIndex: a.columnIndex, columns: x.columns, adjointSolution.base, adjointSolution.stride, x.base,
      x.stride, into: &values)
    self.values = values
  }
}

extension BlockMethod {
  /// Pulls a gradient back through a solve, by any method: one solve with Aᴴ for all columns.
  ///
  /// ```swift
  /// let x = try method.solve(A, B).solution
  /// let gradient = try method.pullback(of: x, gradient: dLoss, through: A)   // gradient.b, gradient.values
  /// ```
  /// - Parameters:
  ///   - x: the solution X of A·X = B.
  ///   - gradient: ∂ℓ/∂X, n × m.
  ///   - a: A.
  /// - Throws: ``BlockKrylovError/shape(_:)`` when shapes do not fit, and as `prepare` and `solve`. Columns that do not converge are in
  ///   the report.
  /// - Complexity: set-up and solve with Aᴴ, and 2·nnz(A)·m flops.
  public func pullback<Element: Scalar>(
    of x: BlockVector<Element>, gradient: BlockVector<Element>, through a: CSRMatrix<Element>
  ) throws -> SolvePullback<Element> {
    try checkDerivativeShapes(a, x, gradient)
    let result = try solve(a.adjointMatrix(), gradient)
    return SolvePullback(adjointSolution: result.solution, x: x, a: a, report: result.report)
  }
}

extension PreparedSolver {
  /// Pushes a change forward through a solve: dX = A⁻¹·(dB − dA·X), with the factors or the preconditioner that are there.
  ///
  /// - Parameters:
  ///   - x: the solution X of A·X = B.
  ///   - values: the change of the entries that A stores, as a matrix; none by default.
  ///   - b: the change of B; none by default.
  /// - Throws: ``BlockKrylovError/shape(_:)`` when shapes do not fit, and as ``solve(_:from:observer:)``.
  public func pushforward(
    of x: BlockVector<Element>, a: CSRMatrix<Element>? = nil, b: BlockVector<Element>? = nil
  ) throws -> SolveResult<Element> {
    var right = b ?? BlockVector(rows: x.rows, columns: x.columns)
    try checkShape(right.rows, equals: x.rows, "X has \(x.rows) rows, the change of B has \(right.rows)")
    try checkShape(right.columns, equals: x.columns, "X has \(x.columns) columns, the change of B has \(right.columns)")
    if let a { right = try a.residual(right, of: x) }
    return try solve(right)
  }
}

package func checkDerivativeShapes<Element: Scalar>(
  _ a: CSRMatrix<Element>, _ x: BlockVector<Element>, _ gradient: BlockVector<Element>
) throws {
  try checkShape(a.rows, equals: a.columns, "A is \(a.rows) × \(a.columns); a solve needs a square matrix")
  try checkShape(x.rows, equals: a.rows, "A has \(a.rows) rows, X has \(x.rows)")
  try checkShape(gradient.rows, equals: a.rows, "A has \(a.rows) rows, the gradient has \(gradient.rows)")
  try checkShape(gradient.columns, equals: x.columns, "X has \(x.columns) columns, the gradient has \(gradient.columns)")
}

/// −λ·Xᴴ at the entries of a pattern.
@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
private func gradient<Element: Scalar>(
  rowStart: [Int], columnIndex: [Int32], columns: Int, _ lambda: UnsafePointer<Element>, _ ldl: Int, _ x: UnsafePointer<Element>,
  _ ldx: Int, into values: inout [Element]
) {
  for i in 0..<(rowStart.count - 1) {
    for k in rowStart[i]..<rowStart[i + 1] {
      let j = Int(columnIndex[k])
      var sum: Element = 0
      for c in 0..<columns { unsafe sum -= lambda[i * ldl + c] * x[j * ldx + c].conjugate }
      values[k] = sum
    }
  }
}
