internal import BlockKrylov
internal import CDirectKernels

/// A triangular factor with dense supernodes, solved on panels of columns; this file is the only caller of the kernels' sweeps.
///
/// One object serves T, Tᵀ and Tᴴ: ascending sweeps subtract from the rows below, descending ones gather from them.
@safe final class SupernodalTriangle: @unchecked Sendable {
  // Unchecked: nothing changes after `init`.
  let order: Int
  let isComplex: Bool
  let supernodes: Supernodes
  private let memory: ZeroedMemory
  private var values: UnsafeMutablePointer<Double> { unsafe memory.base.assumingMemoryBound(to: Double.self) }

  /// The diagonal as the kernels want it.
  enum Diagonal {
    /// Ones, whatever is stored.
    case unit
    /// As stored; zeros become infinite.
    case stored
  }

  /// The factor T by columns; `diagonal` says whether T's diagonal is 1, `joins` whether columns may share a supernode.
  init(_ matrix: LowerColumns, diagonal: Diagonal, joins: Bool = true) {
    (order, isComplex, supernodes) = (matrix.order, matrix.isComplex, Supernodes(matrix, joins: joins))
    memory = Self.zeros(supernodes.storedNumbers * matrix.parts)
    let values = unsafe memory.base.assumingMemoryBound(to: Double.self)
    let (parts, nodes) = (matrix.parts, supernodes)
    var place = [Int](repeating: 0, count: order)
    for s in 0..<nodes.count {
      let (low, high) = (Int(nodes.first[s]), Int(nodes.first[s + 1]))
      let (width, base) = (high - low, nodes.valueStart[s])
      for j in low..<high { place[j] = j - low }
      for (offset, k) in (nodes.listStart[s]..<nodes.listStart[s + 1]).enumerated() { place[Int(nodes.list[k])] = width + offset }
      for j in low..<high {
        let column = j - low
        let (re, im) = diagonal == .unit ? (1, 0) : Self.inverse(of: matrix, at: j)
        let target = (base + column * width + column) * parts
        unsafe values[target] = re
        if parts == 2 { unsafe values[target + 1] = im }
        for k in matrix.start[j]..<matrix.start[j + 1] {
          let target = (base + place[Int(matrix.row[k])] * width + column) * parts
          for p in 0..<parts { unsafe values[target + p] = matrix.value[k * parts + p] }
        }
      }
    }
  }

  /// A factor whose supernodes are known; `number` gives the parts of the number at (row of the supernode, column of the supernode).
  init(
    order: Int, isComplex: Bool, supernodes: Supernodes,
    fill: (_ supernode: Int, _ width: Int, _ rows: Int, _ target: UnsafeMutablePointer<Double>) -> Void
  ) {
    (self.order, self.isComplex, self.supernodes) = (order, isComplex, supernodes)
    let parts = isComplex ? 2 : 1
    memory = Self.zeros(supernodes.storedNumbers * parts)
    for s in 0..<supernodes.count {
      let width = Int(supernodes.first[s + 1] - supernodes.first[s])
      unsafe fill(
        s, width, supernodes.listStart[s + 1] - supernodes.listStart[s], values + supernodes.valueStart[s] * parts)
    }
  }

  deinit { memory.free() }

  private static func zeros(_ count: Int) -> ZeroedMemory {
    let memory = ZeroedMemory(byteCount: max(count, 1) * MemoryLayout<Double>.stride)
    unsafe _ = memory.base.bindMemory(to: Double.self, capacity: max(count, 1))
    return memory
  }

  /// 1 / T_jj; infinite for 0, so that what is divided by it is infinite or NaN.
  private static func inverse(of matrix: LowerColumns, at j: Int) -> (Double, Double) {
    guard matrix.isComplex else { return (1 / matrix.diagonal[j], 0) }
    let (re, im) = (matrix.diagonal[2 * j], matrix.diagonal[2 * j + 1])
    let size = max(abs(re), abs(im))
    guard size > 0 else { return (.infinity, .nan) }
    let (a, b) = (re / size, im / size)
    let square = a * a + b * b
    return (a / square / size, -b / square / size)
  }

  /// The doubles in one number.
  var parts: Int { isComplex ? 2 : 1 }

  /// The numbers where `supernodes` says.
  func withValues<Result>(_ body: (UnsafePointer<Double>) -> Result) -> Result { unsafe body(values) }

  /// Numbers and indices, in bytes.
  var storedBytes: Int {
    supernodes.storedNumbers * (isComplex ? 16 : 8) + supernodes.list.count * 4 + supernodes.first.count * 20
  }

  /// Y = T⁻¹·Y, or conj(T)⁻¹·Y, for a panel of `width` doubles in a row; of some supernodes only where they are given.
  func forward(_ panel: UnsafeMutablePointer<Double>, width: Int, conjugate: Bool, nodes: Range<Int>? = nil) {
    let nodes = nodes ?? 0..<supernodes.count
    unsafe withTriangle {
      unsafe bkd_forward(
        isComplex ? 1 : 0, $0, Int64(nodes.lowerBound), Int64(nodes.upperBound), conjugate ? 1 : 0, panel, Int64(width))
    }
  }

  /// Y = T⁻ᵀ·Y, or T⁻ᴴ·Y.
  func backward(_ panel: UnsafeMutablePointer<Double>, width: Int, conjugate: Bool, nodes: Range<Int>? = nil) {
    let nodes = nodes ?? 0..<supernodes.count
    unsafe withTriangle {
      unsafe bkd_backward(
        isComplex ? 1 : 0, $0, Int64(nodes.lowerBound), Int64(nodes.upperBound), conjugate ? 1 : 0, panel, Int64(width))
    }
  }

  private func withTriangle(_ body: (UnsafePointer<bkd_triangle>) -> Void) {
    unsafe supernodes.first.withUnsafeBufferPointer { first in
      unsafe supernodes.listStart.withUnsafeBufferPointer { listStart in
        unsafe supernodes.valueStart.withUnsafeBufferPointer { valueStart in
          unsafe supernodes.list.withUnsafeBufferPointer { list in
            guard let first = first.baseAddress, let listStart = listStart.baseAddress, let valueStart = valueStart.baseAddress
            else { return }
            unsafe listStart.withMemoryRebound(to: Int64.self, capacity: 1) { listStart in
              unsafe valueStart.withMemoryRebound(to: Int64.self, capacity: 1) { valueStart in
                // A diagonal factor has an empty list, which the kernels then do not read.
                let list = unsafe list.baseAddress ?? first
                unsafe withUnsafePointer(
                  to: bkd_triangle(first: first, list_start: listStart, value_start: valueStart, list: list, value: values)
                ) { unsafe body($0) }
              }
            }
          }
        }
      }
    }
  }
}
