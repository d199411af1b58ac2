import BlockKrylov
import CRivals

/// UMFPACK as its users call it.
@safe final class LoopedUMFPACK {
  private let n: Int
  private let start: [Int]
  private let row: [Int]
  private let value: [Double]
  private var control = [Double](repeating: 0, count: Int(UMFPACK_CONTROL))
  private var numeric: UnsafeMutableRawPointer?

  init(_ a: CSRMatrix<Double>) {
    let columns = CSCMatrix(a)
    (n, start, row, value) = (a.rows, columns.columnStart, columns.rowIndex.map { Int($0) }, columns.values)
    unsafe umfpack_dl_defaults(&control)
    var symbolic: UnsafeMutableRawPointer?
    unsafe _ = umfpack_dl_symbolic(n, n, start, row, value, &symbolic, control, nil)
    unsafe _ = umfpack_dl_numeric(start, row, value, symbolic, &numeric, control, nil)
    unsafe umfpack_dl_free_symbolic(&symbolic)
  }

  deinit { unsafe umfpack_dl_free_numeric(&numeric) }

  /// The least time of UMFPACK's numeric factorisation alone, in milliseconds.
  static func numericTime(_ a: CSRMatrix<Double>, repetitions: Int) -> Double {
    let looped = LoopedUMFPACK(a)
    var symbolic: UnsafeMutableRawPointer?
    unsafe _ = umfpack_dl_symbolic(looped.n, looped.n, looped.start, looped.row, looped.value, &symbolic, looped.control, nil)
    defer { unsafe umfpack_dl_free_symbolic(&symbolic) }
    return least(of: repetitions) {
      unsafe umfpack_dl_free_numeric(&looped.numeric)
      unsafe _ = umfpack_dl_numeric(looped.start, looped.row, looped.value, symbolic, &looped.numeric, looped.control, nil)
    }
  }

  func solve(_ b: [Double], columns: Int, refining: Bool) {
    control[Int(UMFPACK_IRSTEP)] = refining ? 2 : 0
    var x = [Double](repeating: 0, count: n)
    for j in 0..<columns {
      unsafe b.withUnsafeBufferPointer { b in
        guard let b = b.baseAddress else { return }
        unsafe _ = umfpack_dl_solve(Int(UMFPACK_A), start, row, value, &x, b + j * n, numeric, control, nil)
      }
    }
  }
}

/// CHOLMOD as its users call it; `nil` where A is not positive definite.
@safe final class BlockCHOLMOD {
  private var common = unsafe cholmod_common()
  private var factor: UnsafeMutablePointer<cholmod_factor>?
  private let n: Int

  init?(_ a: CSRMatrix<Double>) {
    n = a.rows
    guard a.probe().looksPositiveDefinite else { return nil }
    unsafe cholmod_l_start(&common)
    // Rows of a symmetric matrix are its columns: the entries up to the diagonal are the upper triangle.
    guard let upper = unsafe cholmod_l_allocate_sparse(n, n, a.nonzeros, 1, 1, 1, Int32(CHOLMOD_REAL), &common) else {
      return nil
    }
    let (start, row) = unsafe (
      upper.pointee.p.assumingMemoryBound(to: Int.self), upper.pointee.i.assumingMemoryBound(to: Int.self)
    )
    let value = unsafe upper.pointee.x.assumingMemoryBound(to: Double.self)
    var count = 0
    for j in 0..<n {
      unsafe start[j] = count
      for k in a.rowStart[j]..<a.rowStart[j + 1] where Int(a.columnIndex[k]) <= j {
        unsafe row[count] = Int(a.columnIndex[k])
        unsafe value[count] = a.values[k]
        count += 1
      }
    }
    unsafe start[n] = count
    unsafe factor = cholmod_l_analyze(upper, &common)
    unsafe _ = cholmod_l_factorize(upper, factor, &common)
    var given: UnsafeMutablePointer<cholmod_sparse>? = unsafe upper
    unsafe _ = cholmod_l_free_sparse(&given, &common)
    guard let minor = unsafe factor?.pointee.minor, minor == n else { return nil }
  }

  func solver(_ b: [Double], columns: Int) -> () -> Void {
    let right = unsafe cholmod_l_allocate_dense(n, columns, n, Int32(CHOLMOD_REAL), &common)
    if let target = unsafe right?.pointee.x.assumingMemoryBound(to: Double.self) {
      for k in 0..<(n * columns) { unsafe target[k] = b[k] }
    }
    var (x, y, e):
      (UnsafeMutablePointer<cholmod_dense>?, UnsafeMutablePointer<cholmod_dense>?, UnsafeMutablePointer<cholmod_dense>?)
    unsafe (x, y, e) = (nil, nil, nil)
    return { [self] in unsafe _ = cholmod_l_solve2(Int32(CHOLMOD_A), factor, right, nil, &x, nil, &y, &e, &common) }
  }
}
