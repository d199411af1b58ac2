internal import ComplexModule

/// ‖b_j − A·x_j‖₂, ω and max |x_j| of some columns.
package struct SolutionQuality {
  package var residuals: [Double]
  package var omega: [Double]
  package var maxima: [Double]

  package init(residuals: [Double], omega: [Double], maxima: [Double]) {
    (self.residuals, self.omega, self.maxima) = (residuals, omega, maxima)
  }

  init(columns: Int) {
    residuals = [Double](repeating: 0, count: columns)
    (omega, maxima) = (residuals, residuals)
  }

  var worst: Double { omega.max() ?? 0 }

  func picking(_ list: [Int]) -> SolutionQuality {
    SolutionQuality(residuals: list.map { residuals[$0] }, omega: list.map { omega[$0] }, maxima: list.map { maxima[$0] })
  }

  mutating func append(_ other: SolutionQuality) {
    residuals += other.residuals
    omega += other.omega
    maxima += other.maxima
  }

  /// A column with a number that is not finite has no residual.
  func markingNonFinite() -> SolutionQuality {
    var result = self
    for j in maxima.indices where !(maxima[j].isFinite && residuals[j].isFinite && omega[j].isFinite) {
      (result.residuals[j], result.omega[j]) = (.nan, .infinity)
    }
    return result
  }

  /// The three lists, for threads that fill parts of them.
  @unsafe struct Pointers {
    var residuals: UnsafeMutablePointer<Double>
    var omega: UnsafeMutablePointer<Double>
    var maxima: UnsafeMutablePointer<Double>
  }

  mutating func withPointers(_ body: (Pointers) -> Void) {
    unsafe residuals.withUnsafeMutableBufferPointer { residuals in
      unsafe omega.withUnsafeMutableBufferPointer { omega in
        unsafe maxima.withUnsafeMutableBufferPointer { maxima in
          guard let residuals = residuals.baseAddress, let omega = omega.baseAddress, let maxima = maxima.baseAddress else {
            return
          }
          unsafe body(Pointers(residuals: residuals, omega: omega, maxima: maxima))
        }
      }
    }
  }
}

/// ‖r_j‖₂ and ω = ω₁ + ω₂ of each column. Equations where |A||x| + |b| is more than rounding, 1000·n·2u·(‖a_i‖₁‖x‖_∞ + |b_i|), are
/// judged by ω₁ = max |r_i| / (|A||x| + |b|)_i; for the others, where that divisor says nothing, ω₂ = max |r_i| / ((|A||x|)_i +
/// ‖a_i‖₁‖x‖_∞). Columns of B are scaled, so that a residual whose square overflows is as bad as an infinite one.
///
/// Strips of rows are cut by n alone and their sums are added in order: the result has the same bits for any number of threads.
func assess<Element: Scalar>(
  _ r: BlockVector<Element>, _ b: BlockVector<Element>, _ z: BlockVector<Element.Magnitude>, rowSums: [Double], maxima: [Double]
) -> SolutionQuality {
  let (rows, columns, strip) = (r.rows, r.columns, 2048)
  let strips = (rows + strip - 1) / strip
  // For each strip Σ|r|², ω₁ and ω₂ of every column.
  var partial = [Double](repeating: 0, count: strips * 3 * columns)
  unsafe partial.withUnsafeMutableBufferPointer { partial in
    guard let partial = partial.baseAddress else { return }
    Parallel.parts(strips, bytes: rows * columns * 3 * MemoryLayout<Element>.stride) { k in
      unsafe assess(
        k * strip..<min(rows, (k + 1) * strip), columns, factor: 1000 * Double(rows) * 2 * Element.unitRoundoff, r.base, r.stride,
        b.base, b.stride, z.base, z.stride, rowSums: rowSums, maxima: maxima, into: partial + k * 3 * columns)
    }
  }
  var quality = SolutionQuality(
    residuals: [Double](repeating: 0, count: columns), omega: [Double](repeating: 0, count: columns), maxima: maxima)
  for j in 0..<columns {
    var (square, first, second) = (0.0, 0.0, 0.0)
    for k in 0..<strips {
      square += partial[k * 3 * columns + j]
      first = max(first, partial[(k * 3 + 1) * columns + j])
      second = max(second, partial[(k * 3 + 2) * columns + j])
    }
    quality.residuals[j] = square.squareRoot()
    quality.omega[j] = first + second
  }
  return quality
}

@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
private func assess<Element: Scalar>(
  _ rows: Range<Int>, _ columns: Int, factor: Double, _ r: UnsafePointer<Element>, _ ldr: Int, _ b: UnsafePointer<Element>,
  _ ldb: Int, _ z: UnsafePointer<Element.Magnitude>, _ ldz: Int, rowSums: [Double], maxima: [Double],
  into partial: UnsafeMutablePointer<Double>
) {
  let (squares, first, second) = unsafe (partial, partial + columns, partial + 2 * columns)
  for i in rows {
    let rowSum = rowSums[i]
    for j in 0..<columns {
      let residual = unsafe Double(r[i * ldr + j].modulus)
      unsafe squares[j] += residual * residual
      let (right, product) = unsafe (Double(b[i * ldb + j].modulus), Double(z[i * ldz + j]))
      let bound = rowSum * maxima[j]
      let isLarge = product + right > factor * (bound + right)
      // A residual of 0 is no error even where the divisor is 0; NaN is found by the norms.
      let error = residual > 0 ? residual / (product + (isLarge ? right : bound)) : 0
      unsafe first[j] = max(first[j], isLarge ? error : 0)
      unsafe second[j] = max(second[j], isLarge ? 0 : error)
    }
  }
}

/// ‖a_i‖₁ of each row, added in double precision.
@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
package func rowSums<Element: Scalar>(_ a: CSRMatrix<Element>) -> [Double] {
  var sums = [Double](repeating: 0, count: a.rows)
  for i in 0..<a.rows {
    var sum = 0.0
    for k in a.rowStart[i]..<a.rowStart[i + 1] { sum += Double(a.values[k].modulus) }
    sums[i] = sum
  }
  return sums
}
