internal import ComplexModule
internal import RealModule

/// P·D·A = L·U of a dense matrix with rows scaled by D, A itself and |A|. A reference, so that it is cheap to hand around.
final class DenseFactorization<Element: Scalar>: Sendable {
  let rowSums: [Double]
  let zeroPivots: Int
  /// 1 / (‖D·A‖₁·‖(D·A)⁻¹‖₁); 0 when a pivot is zero.
  let rcond: Double
  private let matrix: DenseMatrix<Element>
  private let lu: DenseMatrix<Element>
  private let pivots: [Int32]
  /// The row of D·B that each row of P·D·B is.
  private let order: [Int]
  /// 1/u_ii.
  private let inverseDiagonal: [Element]
  /// What the rows of A were multiplied by before they were factored; empty when by nothing.
  private let scales: [Element]
  /// |A| with each row scaled by a power of two to a sum below 1, column-major. In single precision: of a backward error nobody needs
  /// more digits.
  private let moduli: [Float]
  /// What a row of `moduli` is to be multiplied by for |A|.
  private let moduliScales: [Double]

  /// Triangles of up to so many rows are solved by substitution in one kernel; larger ones by such blocks and products.
  private static var blockSize: Int { 64 }
  /// Columns that are worked on at once, so that what a column needs stays in the cache. Panels are cut by m alone, and threads share
  /// them out: the result does not depend on their number.
  private static var panelWidth: Int { 128 }

  var rows: Int { matrix.rows }
  /// What `rcond` is, in words.
  var conditionMeasure: String { rows <= Self.blockSize ? "in the 1-norm" : "1-norm estimate" }

  // MARK: Factorisation

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  init(_ a: any LinearOperator<Element>) throws {
    matrix = try Self.entries(of: a)
    let n = matrix.rows
    var columnSums = [Double](repeating: 0, count: n)
    var rowSums = columnSums
    unsafe matrix.withPointer { unsafe takeSums(n, $0, n, &columnSums, &rowSums) }
    guard rowSums.allSatisfy({ $0.isFinite }) else {
      throw BlockKrylovError.invalidMatrix("a row of A is not finite, or its sum overflows; remove NaN and infinity, or scale A")
    }
    self.rowSums = rowSums
    (moduli, moduliScales) = Self.moduli(of: matrix, rowSums)
    var lu = matrix
    scales = Self.scaleRows(of: &lu, rowSums, columnSums: &columnSums)
    var pivots = [Int32](repeating: 0, count: n)
    let firstZero = unsafe lu.withMutablePointer { a in
      unsafe pivots.withUnsafeMutableBufferPointer { pivots in
        unsafe pivots.baseAddress.map { unsafe LAPACK.lu(n, n, a, n, $0) } ?? 0
      }
    }
    zeroPivots = firstZero == 0 ? 0 : (0..<n).reduce(0) { $0 + (lu[$1, $1] == 0 ? 1 : 0) }
    var order = [Int](repeating: 0, count: n)
    var inverseDiagonal = [Element](repeating: 0, count: n)
    for i in 0..<n {
      order[i] = i
      inverseDiagonal[i] = 1 / lu[i, i]
    }
    for i in 0..<n { order.swapAt(i, Int(pivots[i]) - 1) }
    (self.lu, self.pivots, self.order, self.inverseDiagonal) = (lu, pivots, order, inverseDiagonal)
    rcond = zeroPivots > 0 ? 0 : Self.reciprocalCondition(lu, inverseDiagonal, norm: columnSums.max() ?? 0)
  }

  private static func entries(of a: any LinearOperator<Element>) throws -> DenseMatrix<Element> {
    try checkShape(a.rows, equals: a.columns, "A is \(a.rows) × \(a.columns); LU needs a square matrix")
    guard let matrix = a.denseMatrix ?? a.sparseMatrix?.dense else {
      throw BlockKrylovError.unsupported(
        "dense LU needs the entries of A and this operator has none; use block GMRES or block CG")
    }
    return matrix
  }

  /// |A| with scaled rows, and what undoes the scaling.
  private static func moduli(of matrix: DenseMatrix<Element>, _ rowSums: [Double]) -> (moduli: [Float], scales: [Double]) {
    let n = matrix.rows
    var factors = [Element.Magnitude](repeating: 1, count: n)
    var scales = [Double](repeating: 1, count: n)
    // Any power far from the ends of the range: it only has to bring sums into that of single precision.
    let limit = -Int(Element.Magnitude.leastNormalMagnitude.exponent) - 1
    for i in 0..<n {
      let exponent = rowSums[i] > 0 ? min(max(Int(rowSums[i].exponent) + 1, -limit), limit) : 0
      factors[i] = Element.Magnitude(sign: .plus, exponent: .init(-exponent), significand: 1)
      scales[i] = Double(sign: .plus, exponent: exponent, significand: 1)
    }
    let moduli = unsafe [Float](unsafeUninitializedCapacity: n * n) { target, count in
      count = n * n
      guard let target = target.baseAddress else { return }
      // Column-major, a row of A is a column to the kernel.
      unsafe matrix.withPointer { unsafe Kernels<Element>.moduli(n, n, $0, n, times: factors, target, n) }
    }
    return (moduli, scales)
  }

  /// Rows whose sums differ much are brought to the same magnitude by powers of two, which round nothing: pivots and the condition then
  /// do not depend on the units of the equations.
  ///
  /// - Returns: the powers; none where nothing was to do.
  private static func scaleRows(
    of lu: inout DenseMatrix<Element>, _ rowSums: [Double], columnSums: inout [Double]
  ) -> [Element] {
    var (low, high) = (Double.infinity, 0.0)
    for sum in rowSums where sum > 0 { (low, high) = (min(low, sum), max(high, sum)) }
    guard high > 16 * low else { return [] }
    let n = lu.rows
    let factors = rowSums.map {
      $0 > 0 ? Element.Magnitude(sign: .plus, exponent: .init(-Int($0.exponent)), significand: 1) : 1
    }
    var sums = [Double](repeating: 0, count: n)
    unsafe lu.withMutablePointer {
      unsafe Kernels<Element>.scaleColumns(n, n, factors, $0, n, $0, n)
      unsafe takeSums(n, $0, n, &columnSums, &sums)
    }
    return factors.map { Element($0) }
  }

  /// With the inverse itself where that costs less than an estimate.
  private static func reciprocalCondition(_ lu: DenseMatrix<Element>, _ inverseDiagonal: [Element], norm: Double) -> Double {
    let n = lu.rows
    guard n > 0, n <= blockSize else {
      return unsafe lu.withPointer { unsafe Double(LAPACK.reciprocalCondition(n, $0, n, norm: Element.Magnitude(norm))) }
    }
    var inverse = BlockVector<Element>(rows: n, columns: n)
    let (target, ld) = unsafe (inverse.mutableBase(), inverse.stride)
    for i in 0..<n { unsafe target[i * ld + i] = 1 }
    unsafe solveTriangles(lu, inverseDiagonal, n, target, ld)
    var (columnSums, sums) = ([Double](repeating: 0, count: n), [Double](repeating: 0, count: n))
    unsafe takeSums(n, target, ld, &sums, &columnSums)
    var inverseNorm = 0.0
    for sum in columnSums where !(sum <= inverseNorm) { inverseNorm = sum }
    return inverseNorm.isFinite ? 1 / (norm * inverseNorm) : 0
  }

  // MARK: Solution

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  func solve(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) {
    let (target, ld, source, ldb) = unsafe (x.mutableBase(), x.stride, b.base, b.stride)
    inPanels(b.columns) { unsafe solve($0.count, source + $0.lowerBound, ldb, target + $0.lowerBound, ld) }
  }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  func solveAndAssess(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) -> SolutionQuality {
    let (target, ld, source, ldb) = unsafe (x.mutableBase(), x.stride, b.base, b.stride)
    var quality = SolutionQuality(columns: b.columns)
    unsafe quality.withPointers { quality in
      inPanels(b.columns) { columns in
        let (x, b, m) = unsafe (target + columns.lowerBound, source + columns.lowerBound, columns.count)
        unsafe solve(m, b, ldb, x, ld)
        unsafe withUnsafeTemporaryAllocation(of: Element.self, capacity: rows * m) { r in
          guard let r = r.baseAddress else { return }
          unsafe assess(m, x, ld, b, ldb, residual: r, m, columns.lowerBound, into: quality)
        }
      }
    }
    return quality.markingNonFinite()
  }

  /// Y = A⁻¹·B, or X + A⁻¹·R for the residual R of X; R becomes that of Y.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  func correct(
    _ r: inout BlockVector<Element>, of x: BlockVector<Element>?, _ b: BlockVector<Element>, into y: inout BlockVector<Element>
  ) -> SolutionQuality {
    let (target, ld, right, ldb) = unsafe (y.mutableBase(), y.stride, b.base, b.stride)
    let (residual, ldr, n) = unsafe (r.mutableBase(), r.stride, rows)
    var quality = SolutionQuality(columns: b.columns)
    unsafe quality.withPointers { quality in
      inPanels(b.columns) { columns in
        let (j, m) = (columns.lowerBound, columns.count)
        if let x {
          unsafe solve(m, residual + j, ldr, target + j, ld)
          unsafe Kernels<Element>.combine(n, m, 1, x.base + j, x.stride, 1, target + j, ld)
        } else {
          unsafe solve(m, right + j, ldb, target + j, ld)
        }
        unsafe assess(m, target + j, ld, right + j, ldb, residual: residual + j, ldr, j, into: quality)
      }
    }
    return quality.markingNonFinite()
  }

  /// Runs `body` on panels of m columns.
  private func inPanels(_ m: Int, _ body: (Range<Int>) -> Void) {
    let (n, width) = (rows, Self.panelWidth)
    guard n > 0, m > 0 else { return }
    if m <= width { return body(0..<m) }
    // A flop here takes a few times less than a byte from memory.
    Parallel.parts((m + width - 1) / width, bytes: n * n / 64 * m * MemoryLayout<Element>.stride) { k in
      body(k * width..<min(m, (k + 1) * width))
    }
  }

  /// X = A⁻¹·B on m columns.
  private func solve(
    _ m: Int, _ b: UnsafePointer<Element>, _ ldb: Int, _ x: UnsafeMutablePointer<Element>, _ ldx: Int
  ) {
    let n = rows
    unsafe order.withUnsafeBufferPointer { order in
      guard let order = order.baseAddress else { return }
      if scales.isEmpty {
        unsafe Kernels<Element>.gatherRows(n, m, order, b, ldb, x, ldx)
      } else {
        unsafe withUnsafeTemporaryAllocation(of: Element.self, capacity: n * m) { scaled in
          guard let scaled = scaled.baseAddress else { return }
          unsafe Kernels<Element>.scaleRows(n, m, scales, b, ldb, scaled, m)
          unsafe Kernels<Element>.gatherRows(n, m, order, scaled, m, x, ldx)
        }
      }
    }
    unsafe Self.solveTriangles(lu, inverseDiagonal, m, x, ldx)
  }

  /// X = U⁻¹·L⁻¹·X on m columns: substitution in blocks on the diagonal, and products with what is beside them. A row-major block is the
  /// column-major transpose, so that Xᵀ −= Yᵀ·Tᵀ.
  private static func solveTriangles(
    _ lu: DenseMatrix<Element>, _ inverseDiagonal: [Element], _ m: Int, _ x: UnsafeMutablePointer<Element>, _ ldx: Int
  ) {
    let (n, size) = (lu.rows, blockSize)
    unsafe lu.withPointer { a in
      for i in stride(from: 0, to: n, by: size) {
        let (count, target) = unsafe (min(size, n - i), x + i * ldx)
        if i > 0 { unsafe LAPACK.gemm(.none, .transpose, m, count, i, -1, x, ldx, a + i, n, 1, target, ldx) }
        unsafe Kernels<Element>.solveTriangle(
          upper: false, count, a + i * (n + 1), n, inverseDiagonal: nil, m, target, ldx)
      }
      unsafe inverseDiagonal.withUnsafeBufferPointer { inverse in
        guard let inverse = inverse.baseAddress else { return }
        for i in stride(from: (n - 1) / size * size, through: 0, by: -size) {
          let (count, target) = unsafe (min(size, n - i), x + i * ldx)
          let next = i + count
          if next < n {
            unsafe LAPACK.gemm(
              .none, .transpose, m, count, n - next, -1, x + next * ldx, ldx, a + i + next * n, n, 1, target, ldx)
          }
          unsafe Kernels<Element>.solveTriangle(
            upper: true, count, a + i * (n + 1), n, inverseDiagonal: inverse + i, m, target, ldx)
        }
      }
    }
  }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  func solveAdjoint(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) {
    let (n, m, target, ld) = unsafe (rows, b.columns, x.mutableBase(), x.stride)
    guard n > 0, m > 0 else { return }
    unsafe withUnsafeTemporaryAllocation(of: Element.self, capacity: n * m) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      unsafe Kernels<Element>.toColumnMajor(n, m, b.base, b.stride, scratch, n)
      unsafe lu.withPointer { a in
        unsafe pivots.withUnsafeBufferPointer { pivots in
          guard let pivots = pivots.baseAddress else { return }
          unsafe LAPACK.solveLU(.adjoint, n, m, a, n, pivots, scratch, n)
        }
      }
      unsafe Kernels<Element>.fromColumnMajor(n, m, scratch, n, target, ld)
      // (S·A)⁻ᴴ = S⁻¹·A⁻ᴴ, S real.
      if !scales.isEmpty { unsafe Kernels<Element>.scaleRows(n, m, scales, target, ld, target, ld) }
    }
  }

  // MARK: Quality

  /// The residual and the backward error of m columns, the quality's from `first` on.
  private func assess(
    _ m: Int, _ x: UnsafePointer<Element>, _ ldx: Int, _ b: UnsafePointer<Element>, _ ldb: Int,
    residual r: UnsafeMutablePointer<Element>, _ ldr: Int, _ first: Int, into quality: SolutionQuality.Pointers
  ) {
    let (n, maxima) = unsafe (rows, quality.maxima + first)
    // For each column the three numbers of the kernel and the scale of |X|.
    unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: 4 * m) { sums in
      guard let sums = sums.baseAddress else { return }
      unsafe subtractProduct(m, x, ldx, from: b, ldb, into: r, ldr)
      unsafe takeMagnitude(m, x, ldx, maxima: maxima, scales: sums + 3 * m) { z in
        unsafe Kernels<Element>.backwardErrors(
          n, m, r, ldr, b, ldb, z, m, rowScales: moduliScales, scales: sums + 3 * m, rowSums: rowSums, maxima: maxima,
          factor: 1000 * Double(n) * 2 * Element.unitRoundoff, sums)
      }
      for j in 0..<m {
        unsafe quality.residuals[first + j] = sums[j].squareRoot()
        unsafe quality.omega[first + j] = sums[m + j] + sums[2 * m + j]
      }
    }
  }

  /// R = B − A·X.
  private func subtractProduct(
    _ m: Int, _ x: UnsafePointer<Element>, _ ldx: Int, from b: UnsafePointer<Element>, _ ldb: Int,
    into r: UnsafeMutablePointer<Element>, _ ldr: Int
  ) {
    let n = rows
    unsafe Kernels<Element>.combine(n, m, 1, b, ldb, nil, r, ldr)
    unsafe matrix.withPointer { unsafe LAPACK.gemm(.none, .transpose, m, n, n, -1, x, ldx, $0, n, 1, r, ldr) }
  }

  /// max |x_j| of each column, and Z with |A|·|X| = diag(`moduliScales`)·Z·diag(`scales`), for the duration of `body`.
  private func takeMagnitude(
    _ m: Int, _ x: UnsafePointer<Element>, _ ldx: Int, maxima: UnsafeMutablePointer<Double>,
    scales: UnsafeMutablePointer<Double>, _ body: (UnsafePointer<Float>) -> Void
  ) {
    let (n, limit) = (rows, -Int(Element.Magnitude.leastNormalMagnitude.exponent) - 1)
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * n * m) { scratch in
      unsafe withUnsafeTemporaryAllocation(of: Element.Magnitude.self, capacity: m) { factors in
        guard let scratch = scratch.baseAddress, let factors = factors.baseAddress else { return }
        unsafe Kernels<Element>.columnMaxima(n, m, x, ldx, factors)
        for j in 0..<m {
          let maximum = unsafe factors[j]
          let exponent = maximum > 0 && maximum.isFinite ? min(max(Int(maximum.exponent) + 1, -limit), limit) : 0
          unsafe maxima[j] = Double(maximum)
          unsafe scales[j] = Double(sign: .plus, exponent: exponent, significand: 1)
          unsafe factors[j] = Element.Magnitude(sign: .plus, exponent: .init(-exponent), significand: 1)
        }
        unsafe Kernels<Element>.moduli(n, m, x, ldx, times: factors, scratch, m)
        let z = unsafe scratch + n * m
        unsafe moduli.withUnsafeBufferPointer { a in
          guard let a = a.baseAddress else { return }
          unsafe LAPACK<Float>.gemm(.none, .transpose, m, n, n, 1, scratch, m, a, n, 0, z, m)
        }
        unsafe body(z)
      }
    }
  }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  func residualAndMagnitude(
    of x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>,
    _ z: inout BlockVector<Element.Magnitude>
  ) {
    let n = rows
    let (source, ldx, right, ldb) = unsafe (x.base, x.stride, b.base, b.stride)
    let (residual, ldr, target, ldz) = unsafe (r.mutableBase(), r.stride, z.mutableBase(), z.stride)
    inPanels(x.columns) { columns in
      let (j, m) = (columns.lowerBound, columns.count)
      unsafe subtractProduct(m, source + j, ldx, from: right + j, ldb, into: residual + j, ldr)
      unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * m) { scales in
        guard let scales = scales.baseAddress else { return }
        unsafe takeMagnitude(m, source + j, ldx, maxima: scales + m, scales: scales) { z in
          for i in 0..<n {
            for k in 0..<m {
              unsafe target[i * ldz + j + k] = Element.Magnitude(Double(z[i * m + k]) * moduliScales[i] * scales[k])
            }
          }
        }
      }
    }
  }
}

/// Σ|a_ij| over the rows and over the columns of the n × n matrix at `a`, whose rows are `ld` apart.
private func takeSums<Element: Scalar>(
  _ n: Int, _ a: UnsafePointer<Element>, _ ld: Int, _ rowSums: inout [Double], _ columnSums: inout [Double]
) {
  unsafe rowSums.withUnsafeMutableBufferPointer { rowSums in
    unsafe columnSums.withUnsafeMutableBufferPointer { columnSums in
      guard let rowSums = rowSums.baseAddress, let columnSums = columnSums.baseAddress else { return }
      unsafe Kernels<Element>.absoluteSums(n, n, a, ld, rows: rowSums, columns: columnSums)
    }
  }
}
