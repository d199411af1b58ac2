/// Sums over all rows when a block's rows are spread over processes; the identity when one process holds them all.
///
/// This is the one seam for reductions: every inner product of blocks and every column norm passes through `sum`, so that blocks
/// spread over MPI ranks need their own operator, preconditioner and reduction, and no method changes.
public protocol Reduction<Element>: Sendable {
  /// The scalar type of the blocks.
  associatedtype Element: Scalar
  /// Replaces local partial sums by the sums over all processes.
  func sum(_ values: inout [Element], count: Int)
  /// Replaces local maxima by the maxima over all processes.
  func maximum(_ values: inout [Double], count: Int)
}

/// All rows are here.
public struct LocalReduction<Element: Scalar>: Reduction {
  /// The reduction of one process.
  public init() {}
  /// Nothing to add.
  public func sum(_ values: inout [Element], count: Int) {}
  /// Nothing to compare.
  public func maximum(_ values: inout [Double], count: Int) {}
}

/// Inner products and updates of blocks, with the scratch memory that they need: what a method sees of the loops over n.
///
/// Rows are cut into at most 64 fixed pieces whose partial sums are added in order. The cut depends on n alone, so the sums have
/// the same bits for any number of threads.
final class BlockSpace<Element: Scalar> {
  private let reduction: any Reduction<Element>
  /// Partial sums of every piece, and behind them as much again for a panel's own sum.
  private var partials: AlignedStorage<Element>
  private(set) var sums: [Element]
  /// Ones, a factor for each column.
  private(set) var ones: [Element] = []
  /// Small matrices row-major, as the kernels take them; operations that need several at once use several slots.
  private var coefficients: [AlignedStorage<Element>]

  static var maximumPieces: Int { 64 }

  /// Room for inner products of p × q numbers, `blocks` of them at once.
  init(p: Int, q: Int, blocks: Int = 1, rows: Int, reduction: any Reduction<Element> = LocalReduction<Element>()) {
    self.reduction = reduction
    let count = max(p * q * blocks, 1)
    partials = AlignedStorage(count: 2 * Self.pieces(rows).count * count)
    sums = [Element](repeating: 0, count: count)
    coefficients = (0..<3).map { _ in AlignedStorage(count: max(p * q, 1)) }
  }

  var byteCount: Int {
    partials.byteCount + coefficients.reduce(0) { $0 + $1.byteCount } + sums.count * MemoryLayout<Element>.stride
  }

  /// The scratch memory for inner products of p × q numbers over so many rows, in bytes.
  static func bytes(p: Int, q: Int, rows: Int) -> Int { (2 * pieces(rows).count + 4) * p * q * MemoryLayout<Element>.stride }

  static func pieces(_ rows: Int) -> (count: Int, size: Int) {
    let size = max(256, ((rows + maximumPieces - 1) / maximumPieces + 7) / 8 * 8)
    return (max(1, (rows + size - 1) / size), size)
  }

  private func reserve(_ count: Int, pieces: Int) {
    if partials.count < 2 * count * pieces { partials = AlignedStorage(count: 2 * count * pieces) }
    if sums.count < count { sums = [Element](repeating: 0, count: count) }
  }

  /// G = YᴴX.
  ///
  /// - Complexity: 2npq flops (8npq complex), one read of X and Y, no allocation.
  func inner(_ y: BlockVector<Element>, _ x: BlockVector<Element>, into g: inout DenseMatrix<Element>) {
    precondition(y.rows == x.rows)
    let (p, q) = (y.columns, x.columns)
    g.reshape(rows: p, columns: q)
    unsafe sumPieces(rows: x.rows, count: p * q, bytesPerRow: (p + q) * MemoryLayout<Element>.stride) { range, partial in
      unsafe Kernels<Element>.inner(
        range.count, p, y.base + range.lowerBound * y.stride, y.stride, q, x.base + range.lowerBound * x.stride, x.stride, partial
      )
    }
    g.fill(rowMajor: sums, from: 0)
  }

  /// H = [V₀ V₁ …]ᴴ W over the first `count` blocks of the basis: one pass over W and over each basis block.
  func inner(
    basis: [BlockVector<Element>], count: Int, _ w: BlockVector<Element>, into h: inout DenseMatrix<Element>
  ) {
    let q = w.columns
    var total = 0
    for k in 0..<count { total += basis[k].columns }
    h.reshape(rows: total, columns: q)
    unsafe sumPieces(rows: w.rows, count: total * q, bytesPerRow: (total + q) * MemoryLayout<Element>.stride) { range, partial in
      var target = unsafe partial
      for k in 0..<count {
        let (v, ld, p) = unsafe (basis[k].base, basis[k].stride, basis[k].columns)
        unsafe Kernels<Element>.inner(
          range.count, p, v + range.lowerBound * ld, ld, q, w.base + range.lowerBound * w.stride, w.stride, target)
        unsafe target += p * q
      }
    }
    h.fill(rowMajor: sums, from: 0)
  }

  /// ‖column‖₂ of each column of X; entries must be far from the ends of the number range (`ColumnScaling`).
  func columnNorms(_ x: BlockVector<Element>, into norms: inout [Double]) {
    let m = x.columns
    // The real sums travel as scalars, so that there is one kind of reduction.
    unsafe sumPieces(rows: x.rows, count: m, bytesPerRow: m * MemoryLayout<Element>.stride) { range, partial in
      unsafe withUnsafeTemporaryAllocation(of: Element.Magnitude.self, capacity: max(m, 1)) { scratch in
        guard let scratch = scratch.baseAddress else { return }
        unsafe Kernels<Element>.columnSquares(range.count, m, x.base + range.lowerBound * x.stride, x.stride, scratch)
        for j in 0..<m { unsafe partial[j] = Element(scratch[j]) }
      }
    }
    for j in 0..<m { norms[j] = Double(sums[j].realPart).squareRoot() }
  }

  /// max |entry| of each column of X; NaN when a column holds a NaN.
  func columnMaxima(_ x: BlockVector<Element>, into maxima: inout [Double]) {
    x.columnMaxima(into: &maxima)
    reduction.maximum(&maxima, count: x.columns)
  }

  /// Y = Z + X·C, or Y = X·C without Z. Y may be Z itself (`update`).
  func multiply(
    _ x: BlockVector<Element>, _ c: DenseMatrix<Element>, plus z: BlockVector<Element>? = nil, into y: inout BlockVector<Element>
  ) {
    precondition(x.columns == c.rows && y.columns == c.columns && x.rows == y.rows)
    let (p, q) = (c.rows, c.columns)
    let packed = unsafe pack(c)
    let (source, ldx, target, ldy) = unsafe (x.base, x.stride, y.mutableBase(), y.stride)
    let (addend, ldz) = unsafe (z?.base, z?.stride ?? 0)
    Parallel.rows(y.rows, bytesPerRow: (p + 2 * q) * MemoryLayout<Element>.stride) { range in
      let i = range.lowerBound
      let row = unsafe addend.map { unsafe $0 + i * ldz }
      unsafe Kernels<Element>.update(range.count, p, source + i * ldx, ldx, q, packed, plus: row, ldz, target + i * ldy, ldy)
    }
  }

  /// Y += X·C.
  func update(_ y: inout BlockVector<Element>, plus x: BlockVector<Element>, times c: DenseMatrix<Element>) {
    precondition(x.columns == c.rows && y.columns == c.columns && x.rows == y.rows)
    let (p, q) = (c.rows, c.columns)
    let packed = unsafe pack(c)
    let (source, ldx, target, ldy) = unsafe (x.base, x.stride, y.mutableBase(), y.stride)
    Parallel.rows(y.rows, bytesPerRow: (p + 2 * q) * MemoryLayout<Element>.stride) { range in
      let (i, row) = unsafe (range.lowerBound, target + range.lowerBound * ldy)
      unsafe Kernels<Element>.update(range.count, p, source + i * ldx, ldx, q, packed, plus: UnsafePointer(row), ldy, row, ldy)
    }
  }

  /// Y += sign·[V₀ V₁ …]·C over the first `count` blocks of the basis: one pass over Y, panel by panel.
  func update(
    _ y: inout BlockVector<Element>, plus basis: [BlockVector<Element>], count: Int, times c: DenseMatrix<Element>,
    sign: Element = 1
  ) {
    precondition(y.columns == c.columns)
    let q = c.columns
    let packed = unsafe pack(c, scale: sign)
    let (target, ldy) = unsafe (y.mutableBase(), y.stride)
    // A panel of Y stays in the first-level cache while all basis blocks pass.
    let panel = max(32, 16384 / max(q * MemoryLayout<Element>.stride, 1))
    Parallel.rows(y.rows, bytesPerRow: (c.rows + 2 * q) * MemoryLayout<Element>.stride) { range in
      var begin = range.lowerBound
      while begin < range.upperBound {
        let height = min(panel, range.upperBound - begin)
        let row = unsafe target + begin * ldy
        var block = unsafe packed
        for k in 0..<count {
          let (v, ld, p) = unsafe (basis[k].base, basis[k].stride, basis[k].columns)
          unsafe Kernels<Element>.update(height, p, v + begin * ld, ld, q, block, plus: UnsafePointer(row), ldy, row, ldy)
          unsafe block += p * q
        }
        begin += height
      }
    }
  }

  /// P = Z + P·C in place, C square.
  func recur(_ p: inout BlockVector<Element>, plus z: BlockVector<Element>?, times c: DenseMatrix<Element>) {
    precondition(c.rows == c.columns && p.columns == c.rows)
    let m = c.rows
    if m > Kernels<Element>.largestInPlaceUpdate {
      let old = p
      return multiply(old, c, plus: z, into: &p)
    }
    let packed = unsafe pack(c)
    let (target, ld) = unsafe (p.mutableBase(), p.stride)
    let (addend, ldz) = unsafe (z?.base, z?.stride ?? 0)
    Parallel.rows(p.rows, bytesPerRow: 3 * m * MemoryLayout<Element>.stride) { range in
      let (i, row) = unsafe (range.lowerBound, target + range.lowerBound * ld)
      let z = unsafe addend.map { unsafe $0 + i * ldz }
      unsafe Kernels<Element>.update(range.count, m, UnsafePointer(row), ld, m, packed, plus: z, ldz, row, ld)
    }
  }

  /// At least so many `ones`.
  func reserveOnes(_ count: Int) {
    if ones.count < count { ones = [Element](repeating: 1, count: count) }
  }

  /// `scale`·C row-major.
  @discardableResult
  func pack(_ c: DenseMatrix<Element>, scale: Element? = nil, slot: Int = 0) -> UnsafePointer<Element> {
    let (p, q) = (c.rows, c.columns)
    if coefficients[slot].count < p * q { coefficients[slot] = AlignedStorage(count: p * q) }
    let target = unsafe coefficients[slot].base
    unsafe c.withPointer { source in
      guard p > 0, q > 0 else { return }
      unsafe Kernels<Element>.fromColumnMajor(p, q, source, p, target, q)
      if let scale, scale != 1 { unsafe Kernels<Element>.combine(1, p * q, scale, target, p * q, nil, target, p * q) }
    }
    return unsafe UnsafePointer(target)
  }

  /// As `sumPieces`, each piece cut into panels that stay in cache from one operation of `body` to the next. `body` leaves the sums of
  /// a panel where it is told.
  func sumPanels(
    rows: Int, count: Int, bytesPerRow: Int, _ body: (Range<Int>, UnsafeMutablePointer<Element>) -> Void
  ) {
    let own = unsafe reservePanels(rows: rows, count: count)
    unsafe sumPieces(rows: rows, count: count, bytesPerRow: bytesPerRow) { range, partial in
      unsafe panels(of: range, rows: rows, count: count, bytesPerRow: bytesPerRow, partial, own, body)
    }
  }

  /// Room for the sums of the pieces, and behind it for those of a panel of each piece, which is returned.
  private func reservePanels(rows: Int, count: Int) -> UnsafeMutablePointer<Element> {
    let pieces = Self.pieces(rows).count
    reserve(count, pieces: pieces)
    return unsafe partials.base + pieces * count
  }

  /// Adds up the sums of the panels of one piece.
  private func panels(
    of piece: Range<Int>, rows: Int, count: Int, bytesPerRow: Int, _ partial: UnsafeMutablePointer<Element>,
    _ own: UnsafeMutablePointer<Element>, _ body: (Range<Int>, UnsafeMutablePointer<Element>) -> Void
  ) {
    let panel = Self.panel(bytesPerRow: bytesPerRow)
    let sum = unsafe own + piece.lowerBound / Self.pieces(rows).size * count
    var begin = piece.lowerBound
    while begin < piece.upperBound {
      let end = min(begin + panel, piece.upperBound)
      if begin == piece.lowerBound {
        unsafe body(begin..<end, partial)
      } else {
        unsafe body(begin..<end, sum)
        unsafe Kernels<Element>.combine(1, count, 1, sum, count, 1, partial, count)
      }
      begin = end
    }
  }

  /// As `sumPanels`, for sums over rows of a product that are formed as soon as `write` has written what they read.
  func sumPanels(
    _ schedule: RowSchedule, count: Int, bytesPerRow: Int, after write: (Range<Int>) -> Void,
    _ body: (Range<Int>, UnsafeMutablePointer<Element>) -> Void
  ) {
    let rows = schedule.rows
    let own = unsafe reservePanels(rows: rows, count: count)
    let partial = unsafe partials.base
    schedule.run(bytes: rows * bytesPerRow, write: write) { piece, range in
      unsafe panels(of: range, rows: rows, count: count, bytesPerRow: bytesPerRow, partial + piece * count, own, body)
    }
    addPieces(rows: rows, count: count)
  }

  /// Rows whose operands fit a quarter of a second-level cache.
  static func panel(bytesPerRow: Int) -> Int { max(64, (1 << 18) / max(bytesPerRow, 1) / 8 * 8) }

  /// Runs `body` on each piece of the rows and leaves the sum of the partial results in `sums`.
  func sumPieces(
    rows: Int, count: Int, bytesPerRow: Int, _ body: (Range<Int>, UnsafeMutablePointer<Element>) -> Void
  ) {
    let (pieces, size) = Self.pieces(rows)
    reserve(count, pieces: pieces)
    let partial = unsafe partials.base
    Parallel.parts(pieces, bytes: rows * bytesPerRow) { piece in
      unsafe body(piece * size..<min(rows, (piece + 1) * size), partial + piece * count)
    }
    addPieces(rows: rows, count: count)
  }

  /// The sums of the pieces, added in order, are left in `sums`.
  private func addPieces(rows: Int, count: Int) {
    let (pieces, partial) = unsafe (Self.pieces(rows).count, partials.base)
    // Adds piece after piece: scaling by one keeps the loop in a kernel, where it is not generic.
    for piece in 1..<max(pieces, 1) {
      unsafe Kernels<Element>.combine(1, count, 1, partial + piece * count, count, 1, partial, count)
    }
    unsafe sums.withUnsafeMutableBufferPointer { sums in
      guard let sums = sums.baseAddress else { return }
      unsafe Kernels<Element>.combine(1, count, 1, partial, count, nil, sums, count)
    }
    reduction.sum(&sums, count: count)
  }
}
