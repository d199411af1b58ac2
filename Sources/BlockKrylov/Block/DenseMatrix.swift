/// A small dense matrix, column-major: Gram matrices, projected operators, coefficients. p × p with p the block width.
///
/// Its memory is reserved once for the largest shape that it takes, so that changing the shape within it allocates nothing.
public struct DenseMatrix<Element: Scalar>: Sendable {
  /// The number of rows.
  public private(set) var rows: Int
  /// The number of columns.
  public private(set) var columns: Int
  private(set) var values: [Element]

  /// A matrix of zeros.
  public init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
    values = Self.storage(rows, columns)
  }

  /// Memory with a spare column: OpenBLAS's complex gemv reads one beyond the last where the number of columns is no multiple of four,
  /// which ends the program when the matrix ends with a page.
  private static func storage(_ rows: Int, _ columns: Int) -> [Element] {
    [Element](repeating: 0, count: rows * columns == 0 ? 0 : rows * (columns + 1))
  }

  /// A matrix from a function of row and column.
  public init(rows: Int, columns: Int, _ entry: (_ row: Int, _ column: Int) throws -> Element) rethrows {
    self.init(rows: rows, columns: columns)
    for j in 0..<columns { for i in 0..<rows { values[i + j * rows] = try entry(i, j) } }
  }

  /// The identity.
  public static func identity(_ n: Int) -> DenseMatrix { DenseMatrix(rows: n, columns: n) { $0 == $1 ? 1 : 0 } }

  /// One entry.
  public subscript(row: Int, column: Int) -> Element {
    get { values[row + column * rows] }
    set { values[row + column * rows] = newValue }
  }

  /// Takes another shape; the entries become unspecified. Allocates only when the matrix has never been so large.
  mutating func reshape(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
    if values.count < rows * columns { values = Self.storage(rows, columns) }
  }

  /// Takes another shape and becomes zero.
  mutating func reset(rows: Int, columns: Int) {
    reshape(rows: rows, columns: columns)
    for i in 0..<(rows * columns) { values[i] = 0 }
  }

  /// The numbers that there is memory for.
  var reserved: Int { values.count }

  /// Some columns become zero.
  mutating func zeroColumns(_ list: [Int]) {
    for j in list { for i in 0..<rows { values[i + j * rows] = 0 } }
  }

  mutating func copy(from other: DenseMatrix) {
    reshape(rows: other.rows, columns: other.columns)
    for i in 0..<(rows * columns) { values[i] = other.values[i] }
  }

  /// Takes its entries from a row-major array, beginning at `start`.
  mutating func fill(rowMajor source: [Element], from start: Int) {
    let (p, q) = (rows, columns)
    guard p > 0, q > 0 else { return }
    unsafe withMutablePointer { target in
      unsafe source.withUnsafeBufferPointer { source in
        guard let source = source.baseAddress else { return }
        unsafe Kernels<Element>.toColumnMajor(p, q, source + start, q, target, p)
      }
    }
  }

  /// As `fill(rowMajor:from:)`, of a hermitian matrix whose entries below the diagonal are not there.
  mutating func fill(upperRowMajor source: [Element], from start: Int) {
    fill(rowMajor: source, from: start)
    let n = rows
    unsafe withMutablePointer { unsafe Kernels<Element>.mirror(n, $0) }
  }

  /// self = Aᴴ.
  mutating func copyAdjoint(of a: DenseMatrix) {
    reshape(rows: a.columns, columns: a.rows)
    for j in 0..<columns { for i in 0..<rows { self[i, j] = a[j, i].conjugate } }
  }

  func withPointer<R>(_ body: (UnsafePointer<Element>) -> R) -> R {
    unsafe values.withUnsafeBufferPointer { unsafe body($0.baseAddress ?? Self.nowhere) }
  }

  mutating func withMutablePointer<R>(_ body: (UnsafeMutablePointer<Element>) -> R) -> R {
    unsafe values.withUnsafeMutableBufferPointer { unsafe body($0.baseAddress ?? Self.nowhereMutable) }
  }

  // An empty array has no address; LAPACK is then called with zero sizes and never looks.
  private static var nowhere: UnsafePointer<Element> { unsafe UnsafePointer(nowhereMutable) }
  private static var nowhereMutable: UnsafeMutablePointer<Element> {
    unsafe UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped.assumingMemoryBound(to: Element.self)
  }
}

extension DenseMatrix: Equatable {
  /// Whether shape and every number agree.
  public static func == (a: DenseMatrix, b: DenseMatrix) -> Bool {
    a.rows == b.rows && a.columns == b.columns
      && a.values.prefix(a.rows * a.columns).elementsEqual(b.values.prefix(b.rows * b.columns))
  }
}

extension DenseMatrix {
  /// self = alpha·op(A)·op(B) + beta·self; self has the right shape when `beta` is not 0.
  mutating func multiply(
    _ a: DenseMatrix, _ b: DenseMatrix, _ opA: LAPACK<Element>.Operation = .none, _ opB: LAPACK<Element>.Operation = .none,
    alpha: Element = 1, beta: Element = 0
  ) {
    let (m, k) = opA == .none ? (a.rows, a.columns) : (a.columns, a.rows)
    let n = opB == .none ? b.columns : b.rows
    if beta == 0 { reshape(rows: m, columns: n) }
    unsafe withMutablePointer { c in
      unsafe a.withPointer { pa in
        unsafe b.withPointer { pb in
          unsafe LAPACK.gemm(opA, opB, m, n, k, alpha, pa, a.rows, pb, b.rows, beta, c, m)
        }
      }
    }
  }

  /// The product of two small matrices.
  static func * (a: DenseMatrix, b: DenseMatrix) -> DenseMatrix {
    var c = DenseMatrix(rows: a.rows, columns: b.columns)
    c.multiply(a, b)
    return c
  }

  /// The conjugate transpose.
  public var adjoint: DenseMatrix { DenseMatrix(rows: columns, columns: rows) { self[$1, $0].conjugate } }

  /// self = op(T)⁻¹·self or self·op(T)⁻¹ with a triangle of T.
  mutating func solveTriangular(
    _ side: LAPACK<Element>.Side, _ t: DenseMatrix, _ triangle: LAPACK<Element>.Triangle = .upper,
    _ op: LAPACK<Element>.Operation = .none
  ) {
    let (m, n) = (rows, columns)
    unsafe withMutablePointer { b in
      unsafe t.withPointer { a in unsafe LAPACK.solveTriangular(side, triangle, op, m, n, a, t.rows, b, m) }
    }
  }

  /// Some rows of self = T⁻¹·(those rows), T the upper triangle that begins at row `at` of `t`.
  mutating func solveTriangular(rows range: Range<Int>, _ t: DenseMatrix, at row: Int) {
    let (n, ld) = (columns, rows)
    unsafe withMutablePointer { b in
      unsafe t.withPointer { a in
        unsafe LAPACK.solveTriangular(.left, .upper, .none, range.count, n, a + row, t.rows, b + range.lowerBound, ld)
      }
    }
  }

  /// The first `count` rows of self −= (the first `count` rows of A)·(rows `range` of self).
  mutating func subtract(firstRows count: Int, of a: DenseMatrix, timesOwnRows range: Range<Int>) {
    let (n, ld) = (columns, rows)
    unsafe withMutablePointer { b in
      unsafe a.withPointer { a0 in
        unsafe LAPACK.gemm(.none, .none, count, n, range.count, -1, a0, a.rows, b + range.lowerBound, ld, 1, b, ld)
      }
    }
  }

  /// Whether every number is finite.
  var isFinite: Bool {
    // In a kernel, since a generic loop over the entries is slow; in rows of a length for which the scratch memory is on the stack.
    let (count, width) = (rows * columns, 32)
    return unsafe withUnsafeTemporaryAllocation(of: Element.Magnitude.self, capacity: width) { maxima in
      guard let maxima = maxima.baseAddress else { return true }
      return unsafe withPointer { entries in
        func isFinite(from start: Int, _ height: Int, _ width: Int) -> Bool {
          unsafe Kernels<Element>.columnMaxima(height, width, entries + start, width, maxima)
          for i in 0..<width where unsafe !maxima[i].isFinite { return false }
          return true
        }
        return isFinite(from: 0, count / width, width) && isFinite(from: count / width * width, 1, count % width)
      }
    }
  }

  /// √Σ|a_ij|².
  var frobeniusNorm: Double {
    var sum = 0.0
    for i in 0..<(rows * columns) {
      let a = Double(values[i].modulus)
      sum += a * a
    }
    return sum.squareRoot()
  }

  /// ‖column‖₂ over some rows, of each column.
  func columnNorms(rows range: Range<Int>? = nil, into result: inout [Double]) {
    let range = range ?? 0..<rows
    for j in 0..<columns {
      var sum = 0.0
      for i in range {
        let (re, im) = (Double(values[i + j * rows].realPart), Double(values[i + j * rows].imaginaryPart))
        sum += re * re + im * im
      }
      result[j] = sum.squareRoot()
    }
  }
}
