internal import ComplexModule
internal import Synchronization

/// A sparse triangular factor in compressed rows, solved for all columns of a block at once.
///
/// Off-diagonal entries and the inverse diagonal are apart, as the sweep kernel takes them. A lower factor is swept from the first
/// row on (`descending` false), an upper one from the last.
struct TriangularFactor<S: Scalar>: Sendable {
  /// Where each row of the strict triangle begins, rows + 1 numbers.
  let rowStart: [Int]
  /// The column of each entry of the strict triangle.
  let columnIndex: [Int32]
  /// The entries of the strict triangle.
  let values: [S]
  /// 1 / diagonal; `nil` for a unit diagonal.
  let inverseDiagonal: [S]?
  /// Whether the factor is upper triangular.
  let descending: Bool
  /// How threads share its sweeps, made when first needed.
  private let schedules = SweepSchedules()

  init(rowStart: [Int], columnIndex: [Int32], values: [S], inverseDiagonal: [S]?, descending: Bool) {
    // What was appended entry by entry has room to spare, which a factor would hold for good.
    func trimmed<T>(_ array: [T]) -> [T] { array.capacity > array.count + array.count / 16 ? array.map { $0 } : array }
    (self.rowStart, self.columnIndex, self.values) = (trimmed(rowStart), trimmed(columnIndex), trimmed(values))
    (self.inverseDiagonal, self.descending) = (inverseDiagonal, descending)
  }

  var rows: Int { rowStart.count - 1 }

  var storedBytes: Int {
    values.count * (MemoryLayout<S>.stride + 4) + rowStart.count * 8 + (inverseDiagonal?.count ?? 0) * MemoryLayout<S>.stride
      + schedules.byteCount
  }

  /// Y = T⁻¹·B.
  ///
  /// - Complexity: 2·nnz·m flops, no allocation. Threads share pieces of rows where these depend little enough on each other
  ///   (``SweepSchedule``), otherwise the columns of wide blocks. Neither changes the arithmetic of a number, so any split gives the same bits.
  func solve(_ b: BlockVector<S>, into y: inout BlockVector<S>) {
    let target = unsafe y.mutableBase()
    unsafe sweep(b.base, b.stride, target, y.stride, columns: y.columns)
  }

  /// Y = T⁻¹·Y.
  func solve(_ y: inout BlockVector<S>) {
    let target = unsafe y.mutableBase()
    unsafe sweep(target, y.stride, target, y.stride, columns: y.columns)
  }

  /// The least part of a row, in bytes, that is worth a thread of its own, as each thread reads the whole factor: two cache lines.
  private static var leastSharedBytes: Int { 128 }

  private func sweep(_ b: UnsafePointer<S>, _ ldb: Int, _ y: UnsafeMutablePointer<S>, _ ldy: Int, columns m: Int) {
    let groups = (m + 7) / 8
    let bytes = values.count * (m + 1) * MemoryLayout<S>.stride
    let threads = Parallel.threads(forBytes: bytes)
    let mostParts = max(1, m * MemoryLayout<S>.stride / Self.leastSharedBytes)
    let parts = min(threads, mostParts)
    let schedule =
      threads == 1
      ? nil
      : schedules.schedule(threads: threads) {
        SweepSchedule(rowStart: rowStart, columnIndex: columnIndex, descending: descending, threads: threads)
      }
    unsafe rowStart.withUnsafeBufferPointer { start in
      unsafe columnIndex.withUnsafeBufferPointer { index in
        unsafe values.withUnsafeBufferPointer { value in
          unsafe withInverseDiagonal { inverse in
            guard let start = start.baseAddress else { return }
            // A diagonal factor has arrays without addresses; the kernel then reads neither.
            let index = unsafe index.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
            let value = unsafe value.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
            let shared = schedule?.run { rows in
              unsafe Kernels<S>.sweep(descending: descending, rows, start, index, value, inverse, m, b, ldb, y, ldy)
            }
            if shared == true { return }
            WorkerPool.shared.run(parts) { part in
              let (low, high) = (groups * part / parts * 8, min(m, groups * (part + 1) / parts * 8))
              unsafe Kernels<S>.sweep(
                descending: descending, 0..<rows, start, index, value, inverse, high - low, b + low, ldb, y + low, ldy)
            }
          }
        }
      }
    }
  }

  private func withInverseDiagonal(_ body: (UnsafePointer<S>?) -> Void) {
    guard let inverseDiagonal else { return body(nil) }
    unsafe inverseDiagonal.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
  }

  /// Tᴴ, which is swept the other way.
  ///
  /// - Complexity: O(nnz).
  var adjoint: TriangularFactor {
    let (start, index, value) = transposeCompressed(
      major: rows, minor: rows, start: rowStart, index: columnIndex, value: values)
    return TriangularFactor(
      rowStart: start, columnIndex: index, values: S.isComplex ? value.map { $0.conjugate } : value,
      inverseDiagonal: S.isComplex ? inverseDiagonal?.map { $0.conjugate } : inverseDiagonal, descending: !descending)
  }

  /// Whether every number is finite.
  var isFinite: Bool { Self.allFinite(values) && (inverseDiagonal.map(Self.allFinite) ?? true) }

  @specialized(where S == Double)
  @specialized(where S == Float)
  @specialized(where S == Complex<Double>)
  @specialized(where S == Complex<Float>)
  private static func allFinite(_ values: [S]) -> Bool {
    for value in values where !value.isFinite { return false }
    return true
  }
}

/// The schedules of a factor for the numbers of threads that it was swept with. Safe to share.
private final class SweepSchedules: Sendable {
  private let made = Mutex<[Int: SweepSchedule?]>([:])

  var byteCount: Int { made.withLock { $0.values.reduce(0) { $0 + ($1?.byteCount ?? 0) } } }

  func schedule(threads: Int, _ make: () -> SweepSchedule?) -> SweepSchedule? {
    made.withLock { made in
      if let known = made[threads] { return known }
      let new = make()
      made[threads] = .some(new)
      return new
    }
  }
}
