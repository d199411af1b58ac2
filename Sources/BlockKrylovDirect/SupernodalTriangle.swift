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
  /// How threads share a sweep; `nil` where they do not.
  let subtrees: Subtrees?
  /// For the panels of solves that begin with this triangle.
  let panels = PanelMemory()
  /// Whether the numbers are kept in single precision.
  let isSingle: Bool
  private let memory: ZeroedMemory

  /// The diagonal as the kernels want it.
  enum Diagonal {
    /// Ones, whatever is stored.
    case unit
    /// As stored; zeros become infinite.
    case stored
  }

  /// The factor T by columns; `diagonal` says whether T's diagonal is 1, `joins` whether columns may share a supernode, `shares`
  /// whether threads are to share sweeps over it.
  init(
    _ matrix: LowerColumns, diagonal: Diagonal, joins: Bool = true, shares: Bool = true, leastWork: Double = Subtrees.leastWork
  ) {
    (order, isComplex, supernodes) = (matrix.order, matrix.isComplex, Supernodes(matrix, joins: joins))
    isSingle = false
    subtrees = shares ? Subtrees(supernodes, leastWork: leastWork) : nil
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
        let (re, im) = diagonal == .unit ? (1, 0) : Self.inverse(of: matrix.diagonal, at: j, isComplex: isComplex)
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

  /// The factor T by rows.
  convenience init(_ matrix: LowerRows, diagonal: Diagonal) {
    let (start, row) = matrix.columns
    let supernodes = Supernodes(order: matrix.order, start: start, row: row)
    self.init(empty: supernodes, Subtrees(supernodes), order: matrix.order, isComplex: matrix.isComplex)
    _ = fill(matrix, diagonal)
  }

  /// The factor T by rows with the supernodes of another one; `nil` where T has an entry that they have no place for.
  convenience init?(_ matrix: LowerRows, diagonal: Diagonal, like other: SupernodalTriangle) {
    guard other.order == matrix.order, other.isComplex == matrix.isComplex else { return nil }
    self.init(empty: other.supernodes, other.subtrees, order: matrix.order, isComplex: matrix.isComplex)
    if !fill(matrix, diagonal) { return nil }
  }

  private init(empty supernodes: Supernodes, _ subtrees: Subtrees?, order: Int, isComplex: Bool) {
    (self.order, self.isComplex, self.supernodes, self.subtrees) = (order, isComplex, supernodes, subtrees)
    isSingle = false
    memory = Self.zeros(supernodes.storedNumbers * (isComplex ? 2 : 1))
  }

  /// Puts the entries in their places in one pass; says whether there are places for all of them.
  private func fill(_ matrix: LowerRows, _ diagonal: Diagonal) -> Bool {
    let values = unsafe memory.base.assumingMemoryBound(to: Double.self)
    let (nodes, parts, pivots) = (supernodes, parts, diagonal == .unit ? [] : matrix.diagonal)
    var nodeOf = [Int32](repeating: 0, count: order)
    for s in 0..<nodes.count {
      for j in nodes.first[s]..<nodes.first[s + 1] { nodeOf[Int(j)] = Int32(truncatingIfNeeded: s) }
    }
    // How far the list of each supernode has come: rows ascend.
    var next = nodes.listStart
    let (column, value) = unsafe (matrix.column, matrix.value)
    for i in 0..<order {
      let (row, last) = (Int32(truncatingIfNeeded: i), matrix.start[i + 1])
      var k = matrix.start[i]
      while k < last {
        let j = unsafe column[k]
        if j == i {
          k += 1
          continue
        }
        let s = Int(nodeOf[j])
        let (low, high) = (Int(nodes.first[s]), Int(nodes.first[s + 1]))
        var place = i - low
        if i >= high {
          let end = nodes.listStart[s + 1]
          var at = next[s]
          while at < end, nodes.list[at] < row { at += 1 }
          next[s] = at
          guard at < end, nodes.list[at] == row else { return false }
          place = high - low + at - nodes.listStart[s]
        }
        // As a rule entries of the same supernode follow each other.
        let target = unsafe values + (nodes.valueStart[s] + place * (high - low) - low) * parts
        while k < last, case let j = unsafe column[k], j >= low, j < high, j != i {
          if parts == 1 {
            unsafe target[j] = value[k]
          } else {
            unsafe (target[2 * j], target[2 * j + 1]) = (value[2 * k], value[2 * k + 1])
          }
          k += 1
        }
      }
    }
    for s in 0..<nodes.count {
      let low = Int(nodes.first[s])
      let width = Int(nodes.first[s + 1]) - low
      for c in 0..<width {
        let (re, im) = diagonal == .unit ? (1, 0) : Self.inverse(of: pivots, at: low + c, isComplex: isComplex)
        let target = (nodes.valueStart[s] + c * (width + 1)) * parts
        unsafe values[target] = re
        if parts == 2 { unsafe values[target + 1] = im }
      }
    }
    return true
  }

  /// A factor whose supernodes are known; `number` gives the parts of the number at (row of the supernode, column of the supernode).
  init(
    order: Int, isComplex: Bool, supernodes: Supernodes,
    fill: (_ supernode: Int, _ width: Int, _ rows: Int, _ target: UnsafeMutablePointer<Double>) -> Void
  ) {
    (self.order, self.isComplex, self.supernodes) = (order, isComplex, supernodes)
    isSingle = false
    subtrees = Subtrees(supernodes)
    let parts = isComplex ? 2 : 1
    memory = Self.zeros(supernodes.storedNumbers * parts)
    let values = unsafe memory.base.assumingMemoryBound(to: Double.self)
    for s in 0..<supernodes.count {
      let width = Int(supernodes.first[s + 1] - supernodes.first[s])
      unsafe fill(
        s, width, supernodes.listStart[s + 1] - supernodes.listStart[s], values + supernodes.valueStart[s] * parts)
    }
  }

  /// The same numbers rounded to single precision; `nil` where one is too large for it. What is too small becomes 0, but for pivots: the
  /// inverse of one that is too large makes `nil` as well.
  init?(rounding triangle: SupernodalTriangle) {
    (order, isComplex, supernodes, subtrees) = (triangle.order, triangle.isComplex, triangle.supernodes, triangle.subtrees)
    isSingle = true
    let count = triangle.supernodes.storedNumbers * triangle.parts
    memory = ZeroedMemory(byteCount: max(count, 1) * MemoryLayout<Float>.stride)
    let target = unsafe memory.base.bindMemory(to: Float.self, capacity: max(count, 1))
    var fits = true
    unsafe triangle.withValues { source in
      for k in 0..<count {
        let (wide, rounded) = unsafe (source[k], Float(source[k]))
        unsafe target[k] = rounded
        // Infinite is the inverse of a pivot of 0, which is found elsewhere.
        fits = fits && (rounded.isFinite || !wide.isFinite)
      }
      for s in 0..<supernodes.count {
        let width = Int(supernodes.first[s + 1] - supernodes.first[s])
        for c in 0..<width {
          let place = (supernodes.valueStart[s] + c * (width + 1)) * triangle.parts
          fits =
            unsafe fits
            && (abs(target[place]) >= .leastNormalMagnitude || isComplex && abs(target[place + 1]) >= .leastNormalMagnitude)
        }
      }
    }
    // `deinit` frees the memory.
    if !fits { return nil }
  }

  deinit { memory.free() }

  private static func zeros(_ count: Int) -> ZeroedMemory {
    let memory = ZeroedMemory(byteCount: max(count, 1) * MemoryLayout<Double>.stride)
    unsafe _ = memory.base.bindMemory(to: Double.self, capacity: max(count, 1))
    return memory
  }

  /// 1 / T_jj; infinite for 0, so that what is divided by it is infinite or NaN.
  private static func inverse(of diagonal: [Double], at j: Int, isComplex: Bool) -> (Double, Double) {
    guard isComplex else { return (1 / diagonal[j], 0) }
    let (re, im) = (diagonal[2 * j], diagonal[2 * j + 1])
    let size = max(abs(re), abs(im))
    guard size > 0 else { return (.infinity, .nan) }
    let (a, b) = (re / size, im / size)
    let square = a * a + b * b
    return (a / square / size, -b / square / size)
  }

  /// The doubles in one number.
  var parts: Int { isComplex ? 2 : 1 }

  /// The numbers of a triangle in whatever precision it keeps them.
  func withStored<Result>(_ body: (UnsafeRawPointer) -> Result) -> Result { unsafe body(memory.base) }

  /// The numbers of a triangle in double precision, where `supernodes` says.
  func withValues<Result>(_ body: (UnsafePointer<Double>) -> Result) -> Result {
    unsafe body(memory.base.assumingMemoryBound(to: Double.self))
  }

  /// Numbers and indices, in bytes.
  var storedBytes: Int {
    supernodes.storedNumbers * parts * (isSingle ? 4 : 8) + supernodes.list.count * 4 + supernodes.first.count * 20
      + (subtrees?.storedBytes ?? 0)
  }

  /// The rows of a panel: those of T, and behind them what the bins of an ascending sweep contribute to rows that they do not own.
  var panelRows: Int { order + (subtrees?.spill.count ?? 0) }
  /// The bins of supernodes that do not meet.
  var bins: Int { subtrees?.count ?? 0 }

  /// Y = T⁻¹·Y, or conj(T)⁻¹·Y, for a panel of `width` doubles in a row; of some supernodes only where they are given.
  func forward(_ panel: UnsafeMutablePointer<Double>, width: Int, conjugate: Bool, nodes: Range<Int>? = nil) {
    unsafe run(bkd_forward, supernodes.list, nil, nodes ?? 0..<supernodes.count, conjugate, panel, width, width)
  }

  /// Y = T⁻ᵀ·Y, or T⁻ᴴ·Y.
  func backward(_ panel: UnsafeMutablePointer<Double>, width: Int, conjugate: Bool, nodes: Range<Int>? = nil) {
    unsafe run(bkd_backward, supernodes.list, nil, nodes ?? 0..<supernodes.count, conjugate, panel, width, width)
  }

  /// The part of Y = T⁻¹·Y that is a bin's own. Different bins may run at once; ``forwardAbove(_:width:columns:conjugate:)`` comes after all.
  func forward(bin: Int, _ panel: UnsafeMutablePointer<Double>, width: Int, conjugate: Bool) {
    guard let subtrees else { return }
    let spilled = subtrees.spilled(bin)
    unsafe (panel + (order + spilled.lowerBound) * width).update(repeating: 0, count: spilled.count * width)
    unsafe run(bkd_forward, subtrees.list, subtrees.order, subtrees.bin(bin), conjugate, panel, width, width)
  }

  /// The rest of Y = T⁻¹·Y for some columns of the panel, all where there are no bins.
  func forwardAbove(_ panel: UnsafeMutablePointer<Double>, width: Int, columns: Range<Int>, conjugate: Bool) {
    let own = unsafe panel + columns.lowerBound
    guard let subtrees else {
      return unsafe run(bkd_forward, supernodes.list, nil, 0..<supernodes.count, conjugate, own, width, columns.count)
    }
    for bin in 0..<subtrees.count {
      let spilled = subtrees.spilled(bin)
      unsafe subtrees.spill.withUnsafeBufferPointer { spill in
        guard let spill = spill.baseAddress else { return }
        unsafe bkd_join(
          Int64(spilled.count), spill + spilled.lowerBound, own + (order + spilled.lowerBound) * width, own, Int64(width),
          Int64(columns.count))
      }
    }
    unsafe run(bkd_forward, supernodes.list, subtrees.order, subtrees.above, conjugate, own, width, columns.count)
  }

  /// The first part of Y = T⁻ᵀ·Y for some columns of the panel, all of it where there are no bins.
  func backwardAbove(_ panel: UnsafeMutablePointer<Double>, width: Int, columns: Range<Int>, conjugate: Bool) {
    let own = unsafe panel + columns.lowerBound
    unsafe run(
      bkd_backward, supernodes.list, subtrees?.order, subtrees?.above ?? 0..<supernodes.count, conjugate, own, width,
      columns.count)
  }

  /// The part of Y = T⁻ᵀ·Y that is a bin's own, after the supernodes above. Different bins may run at once.
  func backward(bin: Int, _ panel: UnsafeMutablePointer<Double>, width: Int, conjugate: Bool) {
    guard let subtrees else { return }
    unsafe run(bkd_backward, supernodes.list, subtrees.order, subtrees.bin(bin), conjugate, panel, width, width)
  }

  private typealias Kernel = (
    Int32, UnsafePointer<bkd_triangle>?, UnsafePointer<Int32>?, Int64, Int64, Int32, UnsafeMutablePointer<Double>?, Int64, Int64
  ) -> Void

  private func run(
    _ kernel: Kernel, _ list: [Int32], _ order: [Int32]?, _ nodes: Range<Int>, _ conjugate: Bool,
    _ panel: UnsafeMutablePointer<Double>, _ width: Int, _ columns: Int
  ) {
    unsafe supernodes.first.withUnsafeBufferPointer { first in
      unsafe supernodes.listStart.withUnsafeBufferPointer { listStart in
        unsafe supernodes.valueStart.withUnsafeBufferPointer { valueStart in
          unsafe list.withUnsafeBufferPointer { list in
            unsafe (order ?? []).withUnsafeBufferPointer { places in
              guard let first = first.baseAddress, let listStart = listStart.baseAddress, let valueStart = valueStart.baseAddress
              else { return }
              unsafe listStart.withMemoryRebound(to: Int64.self, capacity: 1) { listStart in
                unsafe valueStart.withMemoryRebound(to: Int64.self, capacity: 1) { valueStart in
                  // A diagonal factor has an empty list, which the kernels then do not read.
                  let list = unsafe list.baseAddress ?? first
                  unsafe withUnsafePointer(
                    to: bkd_triangle(
                      first: first, list_start: listStart, value_start: valueStart, list: list, value: memory.base,
                      single: isSingle ? 1 : 0)
                  ) {
                    unsafe kernel(
                      isComplex ? 1 : 0, $0, order == nil ? nil : places.baseAddress, Int64(nodes.lowerBound),
                      Int64(nodes.upperBound), conjugate ? 1 : 0, panel, Int64(width), Int64(columns))
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}
