internal import CKernels

/// The kernels of `CKernels` for the scalar type `S`, on raw pointers: this file and `LAPACK.swift` are the only callers of C.
///
/// Nothing is checked here. Rows are split over threads by the callers in `Block` and `Matrix`.
enum Kernels<S: Scalar> {
  typealias Pointer = UnsafePointer<S>
  typealias MutablePointer = UnsafeMutablePointer<S>
  typealias RealPointer = UnsafePointer<S.Magnitude>
  typealias MutableRealPointer = UnsafeMutablePointer<S.Magnitude>

  /// Where the operands of a sparse product are. The result has the same bits for each.
  struct Traffic {
    /// In cache.
    static var cached: Traffic { Traffic(flags: 0) }
    /// In memory: they are asked for ahead of their use.
    static var prefetching: Traffic { Traffic(flags: Int32(BK_PREFETCH)) }
    /// In memory, and the result is not wanted soon: it is stored past the caches, which need not fetch its lines first.
    static var streaming: Traffic { Traffic(flags: Int32(BK_PREFETCH | BK_STREAM)) }

    let flags: Int32
  }

  @inline(__always)
  static func spmm(
    _ rows: Range<Int>, _ start: UnsafePointer<Int>, _ index: UnsafePointer<Int32>, _ value: Pointer,
    _ m: Int, _ x: Pointer, _ ldx: Int, residualOf b: Pointer?, _ ldb: Int, _ y: MutablePointer, _ ldy: Int,
    _ traffic: Traffic
  ) {
    unsafe start.withMemoryRebound(to: Int64.self, capacity: 1) { start in
      unsafe bk_spmm(
        S.kernelType, Int64(rows.lowerBound), Int64(rows.upperBound), start, index, value, Int64(m), x, Int64(ldx), b,
        Int64(ldb), y, Int64(ldy), traffic.flags)
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
  static func residualAndError(
    _ rows: Range<Int>, _ start: UnsafePointer<Int>, _ index: UnsafePointer<Int32>, _ value: Pointer,
    rowSums: UnsafePointer<Double>, factor: Double, _ m: Int, _ x: Pointer, _ ldx: Int, maxima: RealPointer, _ b: Pointer,
    _ ldb: Int, _ r: MutablePointer, _ ldr: Int, _ out: MutableRealPointer
  ) {
    unsafe start.withMemoryRebound(to: Int64.self, capacity: 1) { start in
      unsafe bk_residual_and_error(
        S.kernelType, Int64(rows.lowerBound), Int64(rows.upperBound), start, index, value, rowSums, factor, Int64(m), x,
        Int64(ldx), maxima, b, Int64(ldb), r, Int64(ldr), out)
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

  /// The factors of a polynomial step, row-major blocks and where A or A·X is; see `bk_polynomial_step`.
  @safe struct PolynomialStep {
    var matrix: (start: UnsafePointer<Int>, index: UnsafePointer<Int32>, value: Pointer)?
    var inverseDiagonal: Pointer?
    var (alpha, beta, gamma): (S?, S?, S) = (nil, nil, 1)
    var x: (base: Pointer, stride: Int)?
    var b: (base: Pointer, stride: Int)?
    var product: (base: Pointer, stride: Int)?
    var traffic = Traffic.cached
  }

  @inline(__always)
  static func polynomialStep(_ rows: Range<Int>, _ m: Int, _ step: PolynomialStep, _ y: MutablePointer, _ ldy: Int) {
    func run(_ start: UnsafePointer<Int64>?) {
      unsafe withUnsafePointer(to: step.alpha ?? 0) { alpha in
        unsafe withUnsafePointer(to: step.beta ?? 0) { beta in
          unsafe withUnsafePointer(to: step.gamma) { gamma in
            unsafe bk_polynomial_step(
              S.kernelType, Int64(rows.lowerBound), Int64(rows.upperBound), start, step.matrix?.index, step.matrix?.value,
              step.inverseDiagonal, Int64(m), step.alpha == nil ? nil : alpha, step.x?.base, Int64(step.x?.stride ?? 0),
              step.beta == nil ? nil : beta, gamma, step.b?.base, Int64(step.b?.stride ?? 0), step.product?.base,
              Int64(step.product?.stride ?? 0), y, Int64(ldy), step.traffic.flags)
          }
        }
      }
    }
    guard let matrix = unsafe step.matrix else { return run(nil) }
    unsafe matrix.start.withMemoryRebound(to: Int64.self, capacity: 1) { unsafe run($0) }
  }

  @inline(__always)
  static func convert(_ rows: Int, _ m: Int, _ x: Pointer, _ ldx: Int, _ y: UnsafeMutableRawPointer, _ ldy: Int) {
    unsafe bk_convert_precision(S.kernelType, Int64(rows), Int64(m), x, Int64(ldx), y, Int64(ldy))
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

  @inline(__always)
  static func basisInner(
    _ rows: Range<Int>, _ count: Int, _ v: UnsafePointer<UnsafeRawPointer?>, _ ldv: Int, _ p: Int, _ q: Int, _ x: Pointer,
    _ ldx: Int, _ g: MutablePointer
  ) {
    unsafe bk_basis_inner(
      S.kernelType, Int64(rows.lowerBound), Int64(rows.upperBound), Int64(count), v, Int64(ldv), Int64(p), Int64(q), x,
      Int64(ldx), g)
  }

  @inline(__always)
  static func basisUpdate(
    _ rows: Range<Int>, _ count: Int, _ v: UnsafePointer<UnsafeRawPointer?>, _ ldv: Int, _ p: Int, _ q: Int, _ c: Pointer,
    _ y: MutablePointer, _ ldy: Int
  ) {
    unsafe bk_basis_update(
      S.kernelType, Int64(rows.lowerBound), Int64(rows.upperBound), Int64(count), v, Int64(ldv), Int64(p), Int64(q), c, y,
      Int64(ldy))
  }

  @inline(__always)
  static func basisCombineColumns(
    _ rows: Range<Int>, _ count: Int, _ v: UnsafePointer<UnsafeRawPointer?>, _ ldv: Int, _ m: Int, _ s: Pointer,
    _ y: MutablePointer, _ ldy: Int
  ) {
    unsafe bk_basis_combine_columns(
      S.kernelType, Int64(rows.lowerBound), Int64(rows.upperBound), Int64(count), v, Int64(ldv), Int64(m), s, y, Int64(ldy))
  }

  @inline(__always)
  static func basisColumnDots(
    _ rows: Range<Int>, _ count: Int, _ v: UnsafePointer<UnsafeRawPointer?>, _ ldv: Int, _ m: Int, _ x: Pointer, _ ldx: Int,
    _ g: MutablePointer
  ) {
    unsafe bk_basis_column_dots(
      S.kernelType, Int64(rows.lowerBound), Int64(rows.upperBound), Int64(count), v, Int64(ldv), Int64(m), x, Int64(ldx), g)
  }

  static var largestInPlaceUpdate: Int { Int(BK_MAXIMUM_IN_PLACE) }

  /// X = T⁻¹·X, T column-major.
  @inline(__always)
  static func solveTriangle(
    upper: Bool, _ n: Int, _ t: Pointer, _ ldt: Int, inverseDiagonal: Pointer?, _ m: Int, _ x: MutablePointer, _ ldx: Int
  ) {
    unsafe bk_triangle(S.kernelType, upper ? 1 : 0, Int64(n), t, Int64(ldt), inverseDiagonal, Int64(m), x, Int64(ldx))
  }

  @inline(__always)
  static func moduli(
    _ rows: Int, _ m: Int, _ x: Pointer, _ ldx: Int, times s: RealPointer, _ y: UnsafeMutablePointer<Float>, _ ldy: Int
  ) {
    unsafe bk_moduli(S.kernelType, Int64(rows), Int64(m), x, Int64(ldx), s, y, Int64(ldy))
  }

  @inline(__always)
  static func absoluteSums(
    _ rows: Int, _ m: Int, _ x: Pointer, _ ldx: Int, rows rowSums: UnsafeMutablePointer<Double>,
    columns columnSums: UnsafeMutablePointer<Double>
  ) {
    unsafe bk_absolute_sums(S.kernelType, Int64(rows), Int64(m), x, Int64(ldx), rowSums, columnSums)
  }

  @inline(__always)
  static func backwardErrors(
    _ rows: Int, _ m: Int, _ r: Pointer, _ ldr: Int, _ b: Pointer, _ ldb: Int, _ z: UnsafePointer<Float>, _ ldz: Int,
    rowScales: UnsafePointer<Double>, scales: UnsafePointer<Double>, rowSums: UnsafePointer<Double>,
    maxima: UnsafePointer<Double>, factor: Double, _ out: UnsafeMutablePointer<Double>
  ) {
    unsafe bk_backward_errors(
      S.kernelType, Int64(rows), Int64(m), r, Int64(ldr), b, Int64(ldb), z, Int64(ldz), rowScales, scales, rowSums, maxima,
      factor, out)
  }

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
  static func columnMoments(
    _ rows: Int, _ m: Int, _ x: Pointer, _ y: Pointer, _ z: Pointer?, _ ld: Int, _ out: MutablePointer
  ) {
    unsafe bk_column_moments(S.kernelType, Int64(rows), Int64(m), x, y, z, Int64(ld), out)
  }

  @inline(__always)
  static func stabilizedStep(
    _ rows: Int, _ m: Int, _ s: Pointer, _ mp: Pointer, _ ms: Pointer, _ v: Pointer, _ t: Pointer, _ ld: Int,
    _ x: MutablePointer, _ ldx: Int, _ r: MutablePointer, _ p: MutablePointer
  ) {
    unsafe bk_stabilized_step(S.kernelType, Int64(rows), Int64(m), s, mp, ms, v, t, Int64(ld), x, Int64(ldx), r, p)
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
    _ rows: Int, _ columns: UnsafeBufferPointer<Int>, _ x: Pointer, _ ldx: Int, _ y: MutablePointer, _ ldy: Int,
    streaming: Bool = false
  ) {
    guard let base = columns.baseAddress else { return }
    unsafe base.withMemoryRebound(to: Int64.self, capacity: columns.count) { column in
      unsafe bk_scatter_columns(
        S.kernelType, Int64(rows), Int64(columns.count), column, x, Int64(ldx), y, Int64(ldy), streaming ? BK_STREAM : 0)
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

  /// Y = X, where Y has the same kind of numbers with parts of the other width.
  @inline(__always)
  static func convertPrecision<Other: Scalar>(
    _ rows: Int, _ m: Int, _ x: Pointer, _ ldx: Int, _ y: UnsafeMutablePointer<Other>, _ ldy: Int
  ) {
    unsafe bk_convert_precision(S.kernelType, Int64(rows), Int64(m), x, Int64(ldx), y, Int64(ldy))
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

/// The processor that the calling thread runs on, −1 where that is not known.
func currentProcessor() -> Int32 { bk_processor() }

/// Moves the calling thread `offset` processors on from another, among those that it may use; afterwards it may go anywhere.
func moveThread(from processor: Int32, by offset: Int) { bk_move_thread(processor, Int32(truncatingIfNeeded: offset)) }
