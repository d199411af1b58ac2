internal import ComplexModule

/// Bounds of the forward error by solves with A and Aᴴ, all columns at once.
///
/// |x − x̂| ≤ |A⁻¹|·f with f = |r| + √(k + 1)·u·(|A||x̂| + |b|), k the most entries in a row: f covers what rounding did to the residual and
/// to b, its errors taken as independent (N. J. Higham and T. Mary, SIAM J. Sci. Comput. 41, 2019); the worst case, k + 1, never occurs.
/// ‖|A⁻¹|·f‖_∞ = ‖diag(f)·A⁻ᴴ‖₁ is estimated for each column by N. J. Higham's form of Hager's method (ACM Trans. Math. Softw. 14,
/// 1988), as in LAPACK's refinement: rarely below the truth, usually equal to it.
struct ForwardErrorBound<Factors: DirectFactors> {
  typealias Element = Factors.Element
  private let factors: Factors
  /// f, as numbers of A's type.
  private var weights: BlockVector<Element>

  /// The most steps of the estimator; it usually ends after two.
  private static var mostSteps: Int { 5 }

  /// - Parameters:
  ///   - r: B − A·X̂.
  ///   - z: |A|·|X̂|.
  init(_ factors: Factors, residual r: BlockVector<Element>, magnitude z: BlockVector<Element.Magnitude>, b: BlockVector<Element>)
  {
    self.factors = factors
    weights = BlockVector(rows: r.rows, columns: r.columns)
    let (target, ld) = unsafe (weights.mutableBase(), weights.stride)
    unsafe weigh(
      r.rows, r.columns, r.base, r.stride, z.base, z.stride, b.base, b.stride,
      rounding: Double(factors.longestRow + 1).squareRoot() * Element.unitRoundoff, into: target, ld)
  }

  /// ‖|A⁻¹|·f‖_∞ of every column.
  func norms() throws -> [Double] {
    let (n, m) = (weights.rows, weights.columns)
    guard n > 0, m > 0 else { return [Double](repeating: 0, count: m) }
    var v = BlockVector<Element>(rows: n, columns: m) { _, _ in Element(double: 1 / Double(n)) }
    var (y, q) = (BlockVector<Element>(rows: n, columns: m), BlockVector<Element>(rows: n, columns: m))
    var estimates = [Double](repeating: 0, count: m)
    // The unit vector that v is, once it is one.
    var unit = [Int](repeating: -1, count: m)
    var active = [Bool](repeating: true, count: m)
    for step in 0..<Self.mostSteps {
      try image(of: v, into: &y)
      let sums = y.columnSums()
      for j in 0..<m where active[j] {
        if !(sums[j] > estimates[j]) { active[j] = false }
        estimates[j] = max(estimates[j], sums[j])
      }
      guard step + 1 < Self.mostSteps, active.contains(true) else { break }
      y.takeSigns()
      multiply(&y)
      try factors.solve(y, into: &q)
      let peaks = q.columnPeaks()
      for j in 0..<m where active[j] {
        let (row, modulus) = peaks[j]
        // No unit vector promises more than the present one.
        if unit[j] >= 0, Double(q[unit[j], j].modulus) >= modulus { active[j] = false }
        guard active[j], modulus.isFinite else { continue }
        for i in 0..<n { v[i, j] = i == row ? 1 : 0 }
        unit[j] = row
      }
    }
    // Another vector, for matrices on which the method ends too early.
    let last = BlockVector<Element>(rows: n, columns: m) { i, _ in
      Element(double: (i % 2 == 0 ? 1 : -1) * (1 + Double(i) / Double(max(n - 1, 1))))
    }
    try image(of: last, into: &y)
    let sums = y.columnSums()
    return (0..<m).map { max(estimates[$0], 2 * sums[$0] / (3 * Double(n))) }
  }

  /// diag(f)·A⁻ᴴ·V, f being that of each column.
  private func image(of v: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try factors.solveAdjoint(v, into: &y)
    multiply(&y)
  }

  private func multiply(_ y: inout BlockVector<Element>) {
    let (target, ld) = unsafe (y.mutableBase(), y.stride)
    unsafe multiplyEntries(y.rows, y.columns, weights.base, weights.stride, into: target, ld)
  }
}

extension BlockVector {
  /// Σ|y_ij| over each column.
  fileprivate func columnSums() -> [Double] {
    var result = [Double](repeating: 0, count: columns)
    unsafe addModuli(rows, columns, base, stride, into: &result)
    return result
  }

  /// The largest modulus of each column and its row.
  fileprivate func columnPeaks() -> [(row: Int, modulus: Double)] {
    var result = [(row: Int, modulus: Double)](repeating: (0, 0), count: columns)
    unsafe findPeaks(rows, columns, base, stride, into: &result)
    return result
  }

  /// Every number divided by its modulus; 1 for 0.
  fileprivate mutating func takeSigns() {
    let target = unsafe mutableBase()
    unsafe signs(rows, columns, target, stride)
  }
}

@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
private func weigh<Element: Scalar>(
  _ rows: Int, _ columns: Int, _ r: UnsafePointer<Element>, _ ldr: Int, _ z: UnsafePointer<Element.Magnitude>, _ ldz: Int,
  _ b: UnsafePointer<Element>, _ ldb: Int, rounding: Double, into f: UnsafeMutablePointer<Element>, _ ldf: Int
) {
  let rounding = Element.Magnitude(rounding)
  for i in 0..<rows {
    for j in 0..<columns {
      unsafe f[i * ldf + j] = Element(r[i * ldr + j].modulus + rounding * (z[i * ldz + j] + b[i * ldb + j].modulus))
    }
  }
}

@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
private func multiplyEntries<Element: Scalar>(
  _ rows: Int, _ columns: Int, _ f: UnsafePointer<Element>, _ ldf: Int, into y: UnsafeMutablePointer<Element>, _ ldy: Int
) {
  for i in 0..<rows { for j in 0..<columns { unsafe y[i * ldy + j] *= f[i * ldf + j] } }
}

@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
private func addModuli<Element: Scalar>(
  _ rows: Int, _ columns: Int, _ y: UnsafePointer<Element>, _ ldy: Int, into sums: inout [Double]
) {
  for i in 0..<rows { for j in 0..<columns { sums[j] += unsafe Double(y[i * ldy + j].modulus) } }
}

@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
private func findPeaks<Element: Scalar>(
  _ rows: Int, _ columns: Int, _ y: UnsafePointer<Element>, _ ldy: Int, into peaks: inout [(row: Int, modulus: Double)]
) {
  for i in 0..<rows {
    for j in 0..<columns {
      let modulus = unsafe Double(y[i * ldy + j].modulus)
      if !(modulus <= peaks[j].modulus) { peaks[j] = (i, modulus) }
    }
  }
}

@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
private func signs<Element: Scalar>(_ rows: Int, _ columns: Int, _ y: UnsafeMutablePointer<Element>, _ ldy: Int) {
  for i in 0..<rows {
    for j in 0..<columns {
      let (value, modulus) = unsafe (y[i * ldy + j], y[i * ldy + j].modulus)
      unsafe y[i * ldy + j] =
        modulus > 0 ? Element(real: value.realPart / modulus, imaginary: value.imaginaryPart / modulus) : 1
    }
  }
}
