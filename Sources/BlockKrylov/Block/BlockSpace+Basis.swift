/// Operations with a basis of many blocks, 𝒱 = [V₀ V₁ …], which no cache holds: each of them reads it once.
extension BlockSpace {
  /// H = 𝒱ᴴW over the first `count` blocks of the basis.
  func inner(
    basis: [BlockVector<Element>], count: Int, _ w: BlockVector<Element>, into h: inout DenseMatrix<Element>
  ) {
    let q = w.columns
    var total = 0
    for k in 0..<count { total += basis[k].columns }
    h.reshape(rows: total, columns: q)
    blocks.take(basis, count: count)
    unsafe sumPieces(rows: w.rows, count: total * q, bytesPerRow: (total + q) * MemoryLayout<Element>.stride) { range, partial in
      unsafe blocks.inner(range, q, w.base, w.stride, into: partial)
    }
    h.fill(rowMajor: sums, from: 0)
  }

  /// H = 𝒱ᴴW, and the length of each of its columns.
  func inner(
    basis: [BlockVector<Element>], count: Int, _ w: BlockVector<Element>, into h: inout DenseMatrix<Element>,
    lengths: inout [Double]
  ) {
    inner(basis: basis, count: count, w, into: &h)
    lengthsOfSums(rows: h.rows, columns: h.columns, into: &lengths)
  }

  /// Y += sign·𝒱·C over the first `count` blocks of the basis.
  func update(
    _ y: inout BlockVector<Element>, plus basis: [BlockVector<Element>], count: Int, times c: DenseMatrix<Element>,
    sign: Element = 1
  ) {
    precondition(y.columns == c.columns)
    let q = c.columns
    let packed = unsafe pack(c, scale: sign)
    let (target, ldy) = unsafe (y.mutableBase(), y.stride)
    let panel = Self.innerPanel(bytesPerRow: q * MemoryLayout<Element>.stride)
    blocks.take(basis, count: count)
    Parallel.rows(y.rows, bytesPerRow: (c.rows + 2 * q) * MemoryLayout<Element>.stride) { range in
      Self.forPanels(of: range, panel) { unsafe blocks.update($0, q, packed, target, ldy) }
    }
  }

  /// W −= 𝒱·C and G = WᴴW; with `looks` also D = 𝒱ᴴW of the new W, from rows of 𝒱 that are in cache for the update.
  func project(
    _ w: inout BlockVector<Element>, from basis: [BlockVector<Element>], count: Int, times c: DenseMatrix<Element>,
    gram g: inout DenseMatrix<Element>, remainder d: inout DenseMatrix<Element>, looks: Bool
  ) {
    let (q, total) = (w.columns, c.rows)
    precondition(c.columns == q)
    let packed = unsafe pack(c, scale: -1)
    let (base, ld) = unsafe (w.mutableBase(), w.stride)
    let bytesPerRow = (total + q) * MemoryLayout<Element>.stride
    let panel = looks ? Self.basisPanel(bytesPerRow: bytesPerRow) : Self.innerPanel(bytesPerRow: q * MemoryLayout<Element>.stride)
    blocks.take(basis, count: count)
    unsafe sumPanels(
      rows: w.rows, count: q * q + (looks ? total * q : 0), bytesPerRow: bytesPerRow, panel: panel
    ) { range, sum in
      let row = unsafe UnsafePointer(base + range.lowerBound * ld)
      unsafe blocks.update(range, q, packed, base, ld)
      unsafe Kernels<Element>.inner(range.count, q, row, ld, q, row, ld, sum)
      if looks { unsafe blocks.inner(range, q, UnsafePointer(base), ld, into: sum + q * q) }
    }
    g.reshape(rows: q, columns: q)
    g.fill(rowMajor: sums, from: 0)
    if !looks { return }
    d.reshape(rows: total, columns: q)
    d.fill(rowMajor: sums, from: q * q)
  }

  /// The length of each column of the row-major matrix that `sums` begins with.
  private func lengthsOfSums(rows: Int, columns: Int, into lengths: inout [Double]) {
    unsafe withUnsafeTemporaryAllocation(of: Element.Magnitude.self, capacity: max(columns, 1)) { squares in
      unsafe sums.withUnsafeBufferPointer { sums in
        guard let squares = squares.baseAddress, let sums = sums.baseAddress else { return }
        unsafe Kernels<Element>.columnSquares(rows, columns, sums, columns, squares)
        for j in 0..<columns { unsafe lengths[j] = Double(squares[j]).squareRoot() }
      }
    }
  }

  private static func forPanels(of range: Range<Int>, _ panel: Int, _ body: (Range<Int>) -> Void) {
    var begin = range.lowerBound
    while begin < range.upperBound {
      let end = min(begin + panel, range.upperBound)
      body(begin..<end)
      begin = end
    }
  }

  /// Rows of the whole basis that fit half of a second-level cache.
  private static func basisPanel(bytesPerRow: Int) -> Int { max(64, (1 << 19) / max(bytesPerRow, 1) / 8 * 8) }

  /// The same for blocks of which several pass at a time, in strips long enough for the hardware to find its pace.
  private static func columnPanel(of basis: StoredBasis<Element>, columns m: Int) -> Int {
    if basis.isNarrow { return BasisBlocks<Element>.narrowRows(columns: m) }
    return max(64, (1 << 15) / max(m * MemoryLayout<Element>.stride, 1) / 8 * 8)
  }

  /// Rows of one block that stay in a first-level cache while all others pass.
  private static func innerPanel(bytesPerRow: Int) -> Int { max(64, (1 << 15) / max(bytesPerRow, 1) / 8 * 8) }
}

/// The same where the columns of the blocks have nothing to do with each other.
extension BlockSpace {
  /// h[k·m + j] = (column j of V_k)ᴴw_j over the first `count` blocks of the basis.
  func columnDots(basis: StoredBasis<Element>, count: Int, _ w: BlockVector<Element>, into h: inout [Element]) {
    let m = w.columns
    let bytes = (count + 1) * m * MemoryLayout<Element>.stride
    blocks.take(basis, count: count)
    unsafe sumPanels(
      rows: w.rows, count: count * m, bytesPerRow: bytes, panel: Self.columnPanel(of: basis, columns: m)
    ) { range, sum in
      unsafe blocks.columnDots(range, w.base, w.stride, into: sum)
    }
    for k in 0..<(count * m) { h[k] = sums[k] }
  }

  /// W += V₀·diag(h₀) + V₁·diag(h₁) + …, with the factors as `columnDots(basis:)` leaves them.
  func updateColumns(
    _ w: inout BlockVector<Element>, plus basis: StoredBasis<Element>, count: Int, times h: [Element]
  ) {
    let m = w.columns
    let (base, ld) = unsafe (w.mutableBase(), w.stride)
    blocks.take(basis, count: count)
    unsafe h.withUnsafeBufferPointer { h in
      guard let h = h.baseAddress else { return }
      Parallel.rows(w.rows, bytesPerRow: (count + 2) * m * MemoryLayout<Element>.stride) { range in
        unsafe blocks.combineColumns(range, h, base, ld)
      }
    }
  }

  /// The same with blocks in full.
  func updateColumns(_ w: inout BlockVector<Element>, plus blocks: [BlockVector<Element>], count: Int, times h: [Element]) {
    updateColumns(&w, plus: StoredBasis(blocks), count: count, times: h)
  }

  /// W += V₀·diag(h₀) + V₁·diag(h₁) + … and squares_j = ‖w_j‖²; with `looks` also d_k·m+j = (column j of V_k)ᴴw_j of the new W.
  func projectColumns(
    _ w: inout BlockVector<Element>, from basis: StoredBasis<Element>, count: Int, times h: [Element],
    squares: inout [Double], remainder d: inout [Element], looks: Bool
  ) {
    let m = w.columns
    let (base, ld) = unsafe (w.mutableBase(), w.stride)
    let bytesPerRow = (count + 1) * m * MemoryLayout<Element>.stride
    let panel =
      looks && !basis.isNarrow ? Self.basisPanel(bytesPerRow: bytesPerRow) : Self.columnPanel(of: basis, columns: m)
    blocks.take(basis, count: count)
    unsafe h.withUnsafeBufferPointer { h in
      guard let h = h.baseAddress else { return }
      unsafe sumPanels(
        rows: w.rows, count: m + (looks ? count * m : 0), bytesPerRow: bytesPerRow, panel: panel
      ) { range, sum in
        let row = unsafe UnsafePointer(base + range.lowerBound * ld)
        unsafe blocks.combineColumns(range, h, base, ld)
        unsafe Kernels<Element>.columnDots(range.count, m, row, ld, row, ld, sum)
        if looks { unsafe blocks.columnDots(range, UnsafePointer(base), ld, into: sum + m) }
      }
    }
    for j in 0..<m { squares[j] = Double(sums[j].realPart) }
    if looks { for k in 0..<(count * m) { d[k] = sums[m + k] } }
  }
}
