internal import BlockKrylov

extension LUFactorization {
  /// An estimate of 1 / (‖A‖₁·‖A⁻¹‖₁), nearly always within a factor of 2 of the truth and never below it but for rounding; 0 for a
  /// singular matrix, 1 for order 0.
  ///
  /// Computed when asked for, by the block algorithm of N. J. Higham and F. Tisseur (SIAM J. Matrix Anal. Appl. 21, 2000) with four
  /// columns.
  ///
  /// - Complexity: 2 to 5 solves with A and with Aᴴ, four columns each.
  public var reciprocalConditionEstimate: Double {
    guard order > 0 else { return 1 }
    guard statistics.zeroPivots == 0 else { return 0 }
    let product = oneNorm * inverseOneNorm()
    return product.isFinite && product > 0 ? min(1 / product, 1) : 0
  }

  private var oneNorm: Double {
    var sums = [Double](repeating: 0, count: order)
    for k in 0..<matrix.nonzeros { sums[Int(matrix.columnIndex[k])] += Double(matrix.values[k].modulus) }
    return sums.max() ?? 0
  }

  /// A lower bound of ‖A⁻¹‖₁ = max ‖A⁻¹·x‖₁ over ‖x‖₁ = 1: climbs from a few start vectors to unit vectors along the gradient.
  private func inverseOneNorm() -> Double {
    let (n, t) = (order, min(4, order))
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
      solve(x, into: &y)
      let norms = (0..<t).map { j in y.column(j).reduce(0) { $0 + Double($1.modulus) } }
      guard let largest = norms.indices.max(by: { norms[$0] < norms[$1] }), norms[largest].isFinite else { return .infinity }
      if norms[largest] <= estimate { break }
      estimate = norms[largest]
      if !units.isEmpty { best = units[largest] }
      let directions = BlockVector<Element>(rows: n, columns: t) { i, j in
        let (value, modulus) = (y[i, j], y[i, j].modulus)
        return modulus > 0 ? Element(real: value.realPart / modulus, imaginary: value.imaginaryPart / modulus) : 1
      }
      solve(directions, into: &z, .adjoint)
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
}
