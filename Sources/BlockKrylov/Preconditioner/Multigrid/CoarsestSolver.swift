internal import RealModule

/// A⁻¹ of the coarsest matrix of a multigrid hierarchy, as a dense matrix; a pseudoinverse where A is singular.
struct CoarsestSolver<S: Scalar>: Sendable {
  private let inverse: DenseOperator<S>
  /// The dimension of the null space that was left out.
  let nullity: Int

  /// The most rows for which a dense inverse is worth having: an application then takes less than a product with a fine matrix.
  static var mostRows: Int { 320 }

  /// - Returns: `nil` when the matrix has a negative eigenvalue that rounding cannot explain, or LAPACK does not converge.
  /// - Complexity: n³ flops; about ten times as many for a singular matrix.
  init?(_ a: CSRMatrix<S>) {
    let n = a.rows
    var factor = a.dense
    let dense = DenseWorkspace<S>(rows: max(n, 1), columns: max(n, 1))
    // The diagonal before and after: what is left of it says how close to singular the matrix is.
    let diagonal = (0..<n).map { factor[$0, $0].realPart }
    if dense.cholesky(&factor), Self.isSafe(factor, diagonal) {
      var root = DenseMatrix<S>.identity(n)
      root.solveTriangular(.left, factor)
      var product = DenseMatrix<S>(rows: 0, columns: 0)
      product.multiply(root, root, .none, .adjoint)
      (inverse, nullity) = (DenseOperator(product), 0)
      return
    }
    var vectors = a.dense
    guard dense.eigen(&vectors) else { return nil }
    let values = dense.eigenvalues.prefix(n)
    let largest = Double(values.last ?? 0)
    let least = 100 * Double(n) * S.unitRoundoff * largest
    guard n > 0, largest > 0, Double(values[0]) >= -least else { return nil }
    var scaled = vectors
    var dropped = 0
    for j in 0..<n {
      let isNull = Double(values[j]) <= least
      if isNull { dropped += 1 }
      let factor: S = isNull ? 0 : S(double: 1 / Double(values[j]))
      for i in 0..<n { scaled[i, j] *= factor }
    }
    var product = DenseMatrix<S>(rows: 0, columns: 0)
    product.multiply(scaled, vectors, .none, .adjoint)
    (inverse, nullity) = (DenseOperator(product), dropped)
  }

  private static func isSafe(_ factor: DenseMatrix<S>, _ diagonal: [S.Magnitude]) -> Bool {
    for i in diagonal.indices {
      let left = factor[i, i].realPart
      if !(Double(left * left) > 1e3 * Double(diagonal.count) * S.unitRoundoff * Double(diagonal[i])) { return false }
    }
    return true
  }

  var storedBytes: Int { inverse.storedBytes }

  func apply(to r: BlockVector<S>, into z: inout BlockVector<S>) throws { try inverse.apply(to: r, into: &z) }
}
