internal import ComplexModule

/// Direct solution by dense LU factors with partial pivoting (LAPACK's getrf) and iterative refinement of each column.
///
/// For a ``DenseOperator`` and for matrices of moderate order: the factors take n² numbers and 2n³/3 flops whatever the sparsity.
/// Of the options it uses `tolerance`, `maximumIterations` (the most refinements; 10 by default), `timeLimit` and
/// `threads`; preconditioners and the options of Krylov methods mean nothing here, and an initial guess is returned only for a
/// column that cannot be solved. Every solved column carries its componentwise backward error.
public struct DenseLU: BlockMethod {
  /// `dense`.
  public var name: String { "dense" }
  /// The options.
  public var options = SolverOptions()

  /// Dense LU with the options that are asked for most.
  public init(tolerance: Tolerance = .default, maximumIterations: Int? = nil, timeLimit: Duration? = nil, threads: Int? = nil) {
    options.tolerance = tolerance
    options.maximumIterations = maximumIterations
    options.timeLimit = timeLimit
    options.threads = threads
  }

  /// Factors A.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when A is not square, ``BlockKrylovError/unsupported(_:)`` when its entries are not
  ///   known, ``BlockKrylovError/invalidMatrix(_:)`` when one is not finite. A singular A is a status of the columns, not an error.
  /// - Complexity: 2n³/3 flops.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    DirectEngine(method: name, options: options, factors: try DenseFactors(a))
  }
}

/// P·D·A = L·U of a dense matrix with rows scaled by D, A itself and |A|.
private struct DenseFactors<Element: Scalar>: DirectFactors {
  private(set) var rowSums: [Double] = []
  private(set) var zeroPivots = 0
  private(set) var events: [SolveEvent] = []
  private var matrix: DenseMatrix<Element>
  private var lu: DenseMatrix<Element>
  private var moduli: DenseMatrix<Element.Magnitude>
  private var pivots: [Int32]
  /// What the rows of A were multiplied by before they were factored; empty when by nothing.
  private var scales: [Element] = []
  /// ‖A‖₁ with its rows scaled.
  private var oneNorm: Element.Magnitude = 0

  init(_ a: any LinearOperator<Element>) throws {
    matrix = try Self.entries(of: a)
    lu = matrix
    moduli = DenseMatrix(rows: matrix.rows, columns: matrix.rows)
    pivots = [Int32](repeating: 0, count: matrix.rows)
    try factor()
  }

  var rows: Int { matrix.rows }
  var storedBytes: Int {
    rows * rows * (2 * MemoryLayout<Element>.stride + MemoryLayout<Element.Magnitude>.stride) + 12 * rows
  }

  mutating func update(_ a: any LinearOperator<Element>) throws {
    matrix = try Self.entries(of: a)
    try factor()
  }

  private static func entries(of a: any LinearOperator<Element>) throws -> DenseMatrix<Element> {
    try checkShape(
      a.rows, equals: a.columns, "A is \(a.rows) × \(a.columns); LU needs a square matrix")
    guard let matrix = a.denseMatrix ?? a.sparseMatrix?.dense else {
      throw BlockKrylovError.unsupported(
        "dense LU needs the entries of A and this operator has none; use block GMRES or block CG")
    }
    return matrix
  }

  private mutating func factor() throws {
    let n = rows
    rowSums = [Double](repeating: 0, count: n)
    unsafe matrix.withPointer { a in
      unsafe moduli.withMutablePointer { z in
        unsafe rowSums.withUnsafeMutableBufferPointer { sums in unsafe takeModuli(n, a, into: z, rowSums: sums) }
      }
    }
    guard rowSums.allSatisfy({ $0.isFinite }) else {
      throw BlockKrylovError.invalidMatrix("a row of A is not finite, or its sum overflows; remove NaN and infinity, or scale A")
    }
    scaleRows()
    let firstZero = unsafe lu.withMutablePointer { a in
      unsafe pivots.withUnsafeMutableBufferPointer { pivots in
        unsafe pivots.baseAddress.map { unsafe LAPACK.lu(n, n, a, n, $0) } ?? 0
      }
    }
    zeroPivots = firstZero == 0 ? 0 : (0..<n).reduce(0) { $0 + (lu[$1, $1] == 0 ? 1 : 0) }
    events = [singularityEvent(rcond: reciprocalCondition(), measure: "1-norm estimate")].compactMap { $0 }
  }

  /// Copies A into `lu`. Rows whose sums differ much are brought to the same magnitude by powers of two, which round nothing: pivots
  /// and the condition then do not depend on the units of the equations.
  private mutating func scaleRows() {
    let n = rows
    let sums = rowSums.lazy.filter { $0 > 0 }
    if let (low, high) = sums.min().flatMap({ low in sums.max().map { (low, $0) } }), high > 16 * low {
      let factors = rowSums.map {
        $0 > 0 ? Element.Magnitude(sign: .plus, exponent: .init(-Int($0.exponent)), significand: 1) : 1
      }
      scales = factors.map { Element($0) }
      // Column-major, a row of A is a column to the kernel.
      unsafe matrix.withPointer { a in
        unsafe lu.withMutablePointer { unsafe Kernels<Element>.scaleColumns(n, n, factors, a, n, $0, n) }
      }
      oneNorm = unsafe moduli.withPointer { unsafe largestColumnSum(n, $0, factors) }
    } else {
      scales = []
      unsafe matrix.withPointer { a in
        unsafe lu.withMutablePointer { unsafe Kernels<Element>.combine(n, n, 1, a, n, nil, $0, n) }
      }
      oneNorm = unsafe moduli.withPointer { unsafe largestColumnSum(n, $0, nil) }
    }
  }

  func reciprocalCondition() -> Double {
    guard zeroPivots == 0 else { return 0 }
    return unsafe lu.withPointer { Double(unsafe LAPACK.reciprocalCondition(rows, $0, rows, norm: oneNorm)) }
  }

  var longestRow: Int { rows }

  func solveAdjoint(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws {
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

  func solve(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws {
    let (n, m, target, ld) = unsafe (rows, b.columns, x.mutableBase(), x.stride)
    guard n > 0, m > 0 else { return }
    unsafe withUnsafeTemporaryAllocation(of: Element.self, capacity: n * m) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      if scales.isEmpty {
        unsafe Kernels<Element>.toColumnMajor(n, m, b.base, b.stride, scratch, n)
      } else {
        unsafe Kernels<Element>.scaleRows(n, m, scales, b.base, b.stride, target, ld)
        unsafe Kernels<Element>.toColumnMajor(n, m, target, ld, scratch, n)
      }
      unsafe lu.withPointer { a in
        unsafe pivots.withUnsafeBufferPointer { pivots in
          guard let pivots = pivots.baseAddress else { return }
          unsafe LAPACK.solveLU(.none, n, m, a, n, pivots, scratch, n)
        }
      }
      unsafe Kernels<Element>.fromColumnMajor(n, m, scratch, n, target, ld)
    }
  }

  /// Two products by gemm; a row-major block is the column-major transpose, so that Rᵀ = Bᵀ − Xᵀ·Aᵀ.
  func residualAndMagnitude(
    of x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>,
    _ z: inout BlockVector<Element.Magnitude>
  ) {
    let (n, m) = (rows, x.columns)
    r.copy(from: b)
    unsafe matrix.withPointer { a in
      unsafe LAPACK.gemm(.none, .transpose, m, n, n, -1, x.base, x.stride, a, n, 1, r.mutableBase(), r.stride)
    }
    let ldz = z.stride
    unsafe withUnsafeTemporaryAllocation(of: Element.Magnitude.self, capacity: max(n * ldz, 1)) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      unsafe takeModuli(n, m, x.base, x.stride, into: scratch, ldz)
      unsafe moduli.withPointer { a in
        unsafe LAPACK.gemm(.none, .transpose, m, n, n, 1, scratch, ldz, a, n, 0, z.mutableBase(), ldz)
      }
    }
  }
}

/// Z = |X|, row-major.
@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
private func takeModuli<Element: Scalar>(
  _ rows: Int, _ columns: Int, _ x: UnsafePointer<Element>, _ ldx: Int, into z: UnsafeMutablePointer<Element.Magnitude>,
  _ ldz: Int
) {
  for i in 0..<rows { for j in 0..<columns { unsafe z[i * ldz + j] = x[i * ldx + j].modulus } }
}

/// |A| and its row sums, column-major.
@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
private func takeModuli<Element: Scalar>(
  _ n: Int, _ a: UnsafePointer<Element>, into z: UnsafeMutablePointer<Element.Magnitude>,
  rowSums: UnsafeMutableBufferPointer<Double>
) {
  for j in 0..<n {
    for i in 0..<n {
      let modulus = unsafe a[i + j * n].modulus
      unsafe z[i + j * n] = modulus
      unsafe rowSums[i] += Double(modulus)
    }
  }
}

/// The largest sum of a column of the nonnegative matrix Z with scaled rows.
@specialized(where Real == Double)
@specialized(where Real == Float)
private func largestColumnSum<Real: RealScalar>(_ n: Int, _ z: UnsafePointer<Real>, _ scales: [Real]?) -> Real {
  var largest: Real = 0
  for j in 0..<n {
    var sum: Real = 0
    if let scales {
      for i in 0..<n { unsafe sum += z[i + j * n] * scales[i] }
    } else {
      for i in 0..<n { unsafe sum += z[i + j * n] }
    }
    largest = max(largest, sum)
  }
  return largest
}
