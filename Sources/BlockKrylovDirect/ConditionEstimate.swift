internal import BlockKrylov

/// 1 / (‖A‖₁·‖A⁻¹‖₁) with ‖A⁻¹‖₁ estimated by solves (N. J. Higham and F. Tisseur, SIAM J. Matrix Anal. Appl. 21, 2000), four columns at a
/// time: nearly always within a factor of 2 of the truth, and never below it but for rounding.
func estimatedReciprocalCondition<Element: Scalar>(
  _ matrix: CSRMatrix<Element>, zeroPivots: Int,
  solve: (BlockVector<Element>, inout BlockVector<Element>, LUFactorization<Element>.System) -> Void
) -> Double {
  guard matrix.rows > 0 else { return 1 }
  guard zeroPivots == 0 else { return 0 }
  var sums = [Double](repeating: 0, count: matrix.rows)
  for k in 0..<matrix.nonzeros { sums[Int(matrix.columnIndex[k])] += Double(matrix.values[k].modulus) }
  let product = (sums.max() ?? 0) * inverseOneNorm(order: matrix.rows, solve: solve)
  return product.isFinite && product > 0 ? min(1 / product, 1) : 0
}

extension LUFactorization {
  /// An estimate of 1 / (‖A‖₁·‖A⁻¹‖₁), nearly always within a factor of 2 of the truth and never below it but for rounding; 0 for a
  /// singular matrix, 1 for order 0.
  ///
  /// Computed when asked for, by the block algorithm of N. J. Higham and F. Tisseur (SIAM J. Matrix Anal. Appl. 21, 2000) with four
  /// columns.
  ///
  /// - Complexity: 2 to 5 solves with A and with Aᴴ, four columns each.
  public var reciprocalConditionEstimate: Double {
    estimatedReciprocalCondition(matrix, zeroPivots: statistics.zeroPivots) { solve($0, into: &$1, $2) }
  }
}

/// A lower bound of ‖A⁻¹‖₁ = max ‖A⁻¹·x‖₁ over ‖x‖₁ = 1: climbs from a few start vectors to unit vectors along the gradient.
private func inverseOneNorm<Element: Scalar>(
  order n: Int, solve: (BlockVector<Element>, inout BlockVector<Element>, LUFactorization<Element>.System) -> Void
) -> Double {
  let t = min(4, n)
  var signs = UInt64(0x9E37_79B9_7F4A_7C15)
  // The first start is constant, the others have signs at random: no structure of A is orthogonal to all.
  var x = BlockVector<Element>(rows: n, columns: t) { i, j in
    signs = signs &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Element(double: (j == 0 || signs >> 63 == 0 ? 1 : -1) / Double(n))
  }
  var (y, z) = (x, x)
  var (estimate, best) = (0.0, -1)
  var units: [Int] = []
  var tried = Set<Int>()
  for _ in 0..<5 {
    solve(x, &y, .plain)
    let norms = (0..<t).map { j in y.column(j).reduce(0) { $0 + Double($1.modulus) } }
    guard let largest = norms.indices.max(by: { norms[$0] < norms[$1] }), norms[largest].isFinite else { return .infinity }
    if norms[largest] <= estimate { break }
    estimate = norms[largest]
    if !units.isEmpty { best = units[largest] }
    let directions = BlockVector<Element>(rows: n, columns: t) { i, j in
      let (value, modulus) = (y[i, j], y[i, j].modulus)
      return modulus > 0 ? Element(real: value.realPart / modulus, imaginary: value.imaginaryPart / modulus) : 1
    }
    solve(directions, &z, .adjoint)
    let gradient = z.rowArrays.map { row in row.reduce(0) { max($0, Double($1.modulus)) } }
    let order = gradient.indices.sorted { gradient[$0] > gradient[$1] }
    if best >= 0, gradient[best] >= gradient[order[0]] { break }
    units = Array(order.lazy.filter { !tried.contains($0) }.prefix(t))
    if units.count < t { break }
    tried.formUnion(units)
    x = BlockVector(rows: n, columns: t) { $0 == units[$1] ? 1 : 0 }
  }
  return estimate
}
