internal import CKernels

/// The kernels of `CKernels` for the scalar type `S`, on raw pointers: this file and `LAPACK.swift` are the only callers of C.
///
/// Nothing is checked here. Rows are split over threads by the callers in `Block` and `Matrix`.
enum Kernels<S: Scalar> {
  typealias Pointer = UnsafePointer<S>
  typealias MutablePointer = UnsafeMutablePointer<S>
  typealias RealPointer = UnsafePointer<S.Magnitude>
  typealias MutableRealPointer = UnsafeMutablePointer<S.Magnitude>

  @inline(__always)
  static func spmm(
    _ rows: Range<Int>, _ start: UnsafePointer<Int>, _ index: UnsafePointer<Int32>, _ value: Pointer,
    _ m: Int, _ x: Pointer, _ ldx: Int, residualOf b: Pointer?, _ ldb: Int, _ y: MutablePointer, _ ldy: Int
  ) {
    unsafe start.withMemoryRebound(to: Int64.self, capacity: 1) { start in
      unsafe bk_spmm(
        S.kernelType, Int64(rows.lowerBound), Int64(rows.upperBound), start, index, value, Int64(m), x, Int64(ldx), b,
        Int64(ldb), y, Int64(ldy))
    }
  }

  @inline(__always)
  static func scatter(
    _ rows: Range<Int>, _ start: UnsafePointer<Int>, _ index: UnsafePointer<Int32>, _ value: Pointer, conjugate: Bool,
    _ m: Int, _ x: Pointer, _ ldx: Int, _ y: MutablePointer, _ ldy: Int
  ) {
    unsafe start.withMemoryRebound(to: Int64.self, capacity: 1) { start in
      unsafe bk_spmm_scatter(
        S.kernelType, Int64(rows.lowerBound), Int64(rows.upperBound), start, index, value, conjugate ? 1 : 0, Int64(m), x,
        Int64(ldx), y, Int64(ldy))
    }
  }

  @inline(__always)
  static func residualAndMagnitude(
    _ rows: Range<Int>, _ start: UnsafePointer<Int>, _ index: UnsafePointer<Int32>, _ value: Pointer,
    _ m: Int, _ x: Pointer, _ ldx: Int, _ b: Pointer, _ ldb: Int, _ r: MutablePointer, _ ldr: Int, _ z: MutableRealPointer,
    _ ldz: Int
  ) {
    unsafe start.withMemoryRebound(to: Int64.self, capacity: 1) { start in
      unsafe bk_residual_and_magnitude(
        S.kernelType, Int64(rows.lowerBound), Int64(rows.upperBound), start, index, value, Int64(m), x, Int64(ldx), b,
        Int64(ldb), r, Int64(ldr), z, Int64(ldz))
    }
  }

  @inline(__always)
  static func sweep(
    descending: Bool, _ rows: Range<Int>, _ start: UnsafePointer<Int>, _ index: UnsafePointer<Int32>, _ value: Pointer,
    _ inverseDiagonal: Pointer?, _ m: Int, _ b: Pointer, _ ldb: Int, _ y: MutablePointer, _ ldy: Int
  ) {
    unsafe start.withMemoryRebound(to: Int64.self, capacity: 1) { start in
      unsafe bk_sweep(
        S.kernelType, descending ? 1 : 0, Int64(rows.lowerBound), Int64(rows.upperBound), start, index, value,
        inverseDiagonal, Int64(m), b, Int64(ldb), y, Int64(ldy))
    }
  }

  @inline(__always)
  static func inner(
    _ rows: Int, _ p: Int, _ y: Pointer, _ ldy: Int, _ q: Int, _ x: Pointer, _ ldx: Int, _ g: MutablePointer
  ) {
    unsafe bk_inner(S.kernelType, Int64(rows), Int64(p), y, Int64(ldy), Int64(q), x, Int64(ldx), g)
  }

  @inline(__always)
  static func hermitianInner(_ rows: Int, _ p: Int, _ y: Pointer, _ ldy: Int, _ x: Pointer, _ ldx: Int, _ g: MutablePointer) {
    unsafe bk_hermitian_inner(S.kernelType, Int64(rows), Int64(p), y, Int64(ldy), x, Int64(ldx), g)
  }

  @inline(__always)
  static func mirror(_ n: Int, _ g: MutablePointer) { unsafe bk_mirror(S.kernelType, Int64(n), g) }

  @inline(__always)
  static func update(
    _ rows: Int, _ p: Int, _ x: Pointer, _ ldx: Int, _ q: Int, _ c: Pointer, plus z: Pointer?, _ ldz: Int,
    _ y: MutablePointer, _ ldy: Int
  ) {
    unsafe bk_update(S.kernelType, Int64(rows), Int64(p), x, Int64(ldx), Int64(q), c, z, Int64(ldz), y, Int64(ldy))
  }

  static var largestInPlaceUpdate: Int { Int(BK_MAXIMUM_IN_PLACE) }

  @inline(__always)
  static func columnSquares(_ rows: Int, _ m: Int, _ x: Pointer, _ ldx: Int, _ out: MutableRealPointer) {
    unsafe bk_column_squares(S.kernelType, Int64(rows), Int64(m), x, Int64(ldx), out)
  }

  @inline(__always)
  static func columnDots(
    _ rows: Int, _ m: Int, _ x: Pointer, _ ldx: Int, _ y: Pointer, _ ldy: Int, _ out: MutablePointer
  ) {
    unsafe bk_column_dots(S.kernelType, Int64(rows), Int64(m), x, Int64(ldx), y, Int64(ldy), out)
  }

  @inline(__always)
  static func combineColumns(
    _ rows: Int, _ m: Int, _ alpha: Pointer, _ x: Pointer, _ ldx: Int, _ beta: Pointer?, _ y: MutablePointer, _ ldy: Int
  ) {
    unsafe bk_combine_columns(S.kernelType, Int64(rows), Int64(m), alpha, x, Int64(ldx), beta, y, Int64(ldy))
  }

  @inline(__always)
  static func columnMaxima(_ rows: Int, _ m: Int, _ x: Pointer, _ ldx: Int, _ out: MutableRealPointer) {
    unsafe bk_column_maxima(S.kernelType, Int64(rows), Int64(m), x, Int64(ldx), out)
  }

  @inline(__always)
  static func scaleColumns(
    _ rows: Int, _ m: Int, _ s: RealPointer, _ x: Pointer, _ ldx: Int, _ y: MutablePointer, _ ldy: Int
  ) {
    unsafe bk_scale_columns(S.kernelType, Int64(rows), Int64(m), s, x, Int64(ldx), y, Int64(ldy))
  }

  @inline(__always)
  static func scaleRows(
    _ rows: Int, _ m: Int, _ d: Pointer, _ x: Pointer, _ ldx: Int, _ y: MutablePointer, _ ldy: Int
  ) {
    unsafe bk_scale_rows(S.kernelType, Int64(rows), Int64(m), d, x, Int64(ldx), y, Int64(ldy))
  }

  @inline(__always)
  static func combine(
    _ rows: Int, _ m: Int, _ alpha: S, _ x: Pointer, _ ldx: Int, _ beta: S?, _ y: MutablePointer, _ ldy: Int
  ) {
    unsafe withUnsafePointer(to: alpha) { alpha in
      if let beta {
        unsafe withUnsafePointer(to: beta) { beta in
          unsafe bk_combine(S.kernelType, Int64(rows), Int64(m), alpha, x, Int64(ldx), beta, y, Int64(ldy))
        }
      } else {
        unsafe bk_combine(S.kernelType, Int64(rows), Int64(m), alpha, x, Int64(ldx), nil, y, Int64(ldy))
      }
    }
  }

  @inline(__always)
  static func gatherColumns(
    _ rows: Int, _ columns: UnsafeBufferPointer<Int>, _ x: Pointer, _ ldx: Int, _ y: MutablePointer, _ ldy: Int
  ) {
    guard let base = columns.baseAddress else { return }
    unsafe base.withMemoryRebound(to: Int64.self, capacity: columns.count) { column in
      unsafe bk_gather_columns(S.kernelType, Int64(rows), Int64(columns.count), column, x, Int64(ldx), y, Int64(ldy))
    }
  }

  @inline(__always)
  static func scatterColumns(
    _ rows: Int, _ columns: UnsafeBufferPointer<Int>, _ x: Pointer, _ ldx: Int, _ y: MutablePointer, _ ldy: Int
  ) {
    guard let base = columns.baseAddress else { return }
    unsafe base.withMemoryRebound(to: Int64.self, capacity: columns.count) { column in
      unsafe bk_scatter_columns(S.kernelType, Int64(rows), Int64(columns.count), column, x, Int64(ldx), y, Int64(ldy))
    }
  }

  @inline(__always)
  static func gatherRows(
    _ rows: Int, _ m: Int, _ row: UnsafePointer<Int>, _ x: Pointer, _ ldx: Int, _ y: MutablePointer, _ ldy: Int
  ) {
    unsafe row.withMemoryRebound(to: Int64.self, capacity: rows) { row in
      unsafe bk_gather_rows(S.kernelType, Int64(rows), Int64(m), row, x, Int64(ldx), y, Int64(ldy))
    }
  }

  @inline(__always)
  static func scatterRows(
    _ rows: Int, _ m: Int, _ row: UnsafePointer<Int>, _ x: Pointer, _ ldx: Int, _ y: MutablePointer, _ ldy: Int
  ) {
    unsafe row.withMemoryRebound(to: Int64.self, capacity: rows) { row in
      unsafe bk_scatter_rows(S.kernelType, Int64(rows), Int64(m), row, x, Int64(ldx), y, Int64(ldy))
    }
  }

  @inline(__always)
  static func fromColumnMajor(_ rows: Int, _ m: Int, _ c: Pointer, _ ldc: Int, _ y: MutablePointer, _ ldy: Int) {
    unsafe bk_from_column_major(S.kernelType, Int64(rows), Int64(m), c, Int64(ldc), y, Int64(ldy))
  }

  @inline(__always)
  static func toColumnMajor(_ rows: Int, _ m: Int, _ x: Pointer, _ ldx: Int, _ c: MutablePointer, _ ldc: Int) {
    unsafe bk_to_column_major(S.kernelType, Int64(rows), Int64(m), x, Int64(ldx), c, Int64(ldc))
  }

  /// The instruction set that the kernels chose on this machine.
  static var instructionSet: String { unsafe String(cString: bk_instruction_set()) }

  /// Runs `body` with the calling thread's kernels on another instruction set, for tests; `nil` where the machine lacks it.
  static func on<Result>(instructionSet name: String, _ body: () throws -> Result) rethrows -> Result? {
    guard unsafe bk_restrict_instruction_set(name) != 0 else { return nil }
    defer { _ = bk_restrict_instruction_set(nil) }
    return try body()
  }
}

/// Tells the processor that this thread spins, so that it leaves the core's other thread the time.
@inline(__always)
func spinPause() { bk_pause() }
