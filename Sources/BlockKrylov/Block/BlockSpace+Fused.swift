/// Operations on blocks that follow each other, in one pass over the rows: panel by panel, so that what one leaves in cache the next
/// finds there. Block CG makes two passes per iteration and moves about 11 words per row and column.
extension BlockSpace {
  /// G = PᴴW, which is hermitian, while W = A·P is formed, each piece as soon as `write` has written the rows of P that it reads.
  ///
  /// - Parameters:
  ///   - form: writes rows of W.
  ///   - write: writes rows of P.
  func inner(
    _ p: UnsafePointer<Element>, _ ldp: Int, _ w: UnsafePointer<Element>, _ ldw: Int, columns r: Int,
    into g: inout DenseMatrix<Element>, extraBytesPerRow: Int, _ schedule: RowSchedule, forming form: (Range<Int>) -> Void,
    after write: (Range<Int>) -> Void
  ) {
    g.reshape(rows: r, columns: r)
    let bytes = 2 * r * MemoryLayout<Element>.stride + extraBytesPerRow
    unsafe sumPanels(schedule, count: r * r, bytesPerRow: bytes, after: write) { range, sum in
      let i = range.lowerBound
      form(range)
      unsafe Kernels<Element>.hermitianInner(range.count, r, p + i * ldp, ldp, w + i * ldw, ldw, sum)
    }
    g.fill(upperRowMajor: sums, from: 0)
  }

  /// G = YᴴX where that is hermitian: half the work of `inner`.
  func hermitianInner(_ y: BlockVector<Element>, _ x: BlockVector<Element>, into g: inout DenseMatrix<Element>) {
    precondition(y.rows == x.rows && y.columns == x.columns)
    let p = x.columns
    g.reshape(rows: p, columns: p)
    unsafe sumPieces(rows: x.rows, count: p * p, bytesPerRow: 2 * p * MemoryLayout<Element>.stride) { range, partial in
      let i = range.lowerBound
      unsafe Kernels<Element>.hermitianInner(
        range.count, p, y.base + i * y.stride, y.stride, x.base + i * x.stride, x.stride, partial)
    }
    g.fill(upperRowMajor: sums, from: 0)
  }

  /// G = QᴴZ and N = QᴴQ, both hermitian.
  func inner(
    _ q: BlockVector<Element>, _ z: BlockVector<Element>, into g: inout DenseMatrix<Element>,
    squares n: inout DenseMatrix<Element>
  ) {
    let p = q.columns
    g.reshape(rows: p, columns: p)
    n.reshape(rows: p, columns: p)
    unsafe sumPanels(rows: q.rows, count: 2 * p * p, bytesPerRow: 2 * p * MemoryLayout<Element>.stride) { range, sum in
      let (i, rows) = (range.lowerBound, unsafe q.base + range.lowerBound * q.stride)
      unsafe Kernels<Element>.hermitianInner(range.count, p, rows, q.stride, z.base + i * z.stride, z.stride, sum)
      unsafe Kernels<Element>.hermitianInner(range.count, p, rows, q.stride, rows, q.stride, sum + p * p)
    }
    g.fill(upperRowMajor: sums, from: 0)
    n.fill(upperRowMajor: sums, from: p * p)
  }

  /// Q −= W·T, and G = QᴴQ of the new Q.
  func update(
    _ q: inout BlockVector<Element>, minus w: BlockVector<Element>, times t: DenseMatrix<Element>,
    gram g: inout DenseMatrix<Element>
  ) {
    let r = q.columns
    g.reshape(rows: r, columns: r)
    let packed = unsafe pack(t, scale: -1)
    let (base, ld) = unsafe (q.mutableBase(), q.stride)
    unsafe sumPanels(rows: q.rows, count: r * r, bytesPerRow: 2 * r * MemoryLayout<Element>.stride) { range, sum in
      let (i, count) = (range.lowerBound, range.count)
      let row = unsafe base + i * ld
      unsafe Kernels<Element>.update(
        count, r, w.base + i * w.stride, w.stride, r, packed, plus: UnsafePointer(row), ld, row, ld)
      unsafe Kernels<Element>.hermitianInner(count, r, UnsafePointer(row), ld, UnsafePointer(row), ld, sum)
    }
    g.fill(upperRowMajor: sums, from: 0)
  }

  /// Calls `body` with a function that does to a range of rows what is there of X += P·Y, Q ← Q·T, Z ← Z·T and P ← Z + P·C, where Q
  /// stands for Z if there is none; and with the memory of P.
  func withAdvance(
    _ x: inout BlockVector<Element>, plus y: DenseMatrix<Element>?, _ q: inout BlockVector<Element>,
    _ z: inout BlockVector<Element>?, times t: DenseMatrix<Element>?, _ p: inout BlockVector<Element>,
    times c: DenseMatrix<Element>?, _ body: (_ advance: (Range<Int>) -> Void, _ p: UnsafePointer<Element>) throws -> Void
  ) rethrows {
    let (m, r) = (x.columns, p.columns)
    let packedY = unsafe y.map { unsafe pack($0, slot: 0) }
    let packedT = unsafe t.map { unsafe pack($0, slot: 1) }
    let packedC = unsafe c.map { unsafe pack($0, slot: 2) }
    let (px, ldx) = unsafe (packedY == nil ? nil : x.mutableBase(), x.stride)
    let (pq, ldq) = unsafe (packedT == nil ? nil : q.mutableBase(), q.stride)
    let (pp, ldp) = unsafe (p.mutableBase(), p.stride)
    var block = z.take()
    defer { z = block }
    let (pz, ldz) = unsafe (packedT == nil ? nil : block?.mutableBase(), block?.stride ?? 0)
    let (addend, ldAddend) = unsafe (block?.base ?? q.base, block == nil ? ldq : ldz)
    let panel = Self.panel(bytesPerRow: (m + (block == nil ? 2 : 3) * r) * MemoryLayout<Element>.stride)

    func advance(_ rows: Range<Int>) {
      var i = rows.lowerBound
      while i < rows.upperBound {
        let count = min(panel, rows.upperBound - i)
        let rowP = unsafe pp + i * ldp
        if let px = unsafe px, let packedY = unsafe packedY {
          let row = unsafe px + i * ldx
          unsafe Kernels<Element>.update(count, r, UnsafePointer(rowP), ldp, m, packedY, plus: UnsafePointer(row), ldx, row, ldx)
        }
        if let packedT = unsafe packedT {
          if let pq = unsafe pq {
            let row = unsafe pq + i * ldq
            unsafe Kernels<Element>.update(count, r, UnsafePointer(row), ldq, r, packedT, plus: nil, 0, row, ldq)
          }
          if let pz = unsafe pz {
            let row = unsafe pz + i * ldz
            unsafe Kernels<Element>.update(count, r, UnsafePointer(row), ldz, r, packedT, plus: nil, 0, row, ldz)
          }
        }
        if let packedC = unsafe packedC {
          unsafe Kernels<Element>.update(
            count, r, UnsafePointer(rowP), ldp, r, packedC, plus: addend + i * ldAddend, ldAddend, rowP, ldp)
        }
        i += count
      }
    }
    try unsafe body(advance, UnsafePointer(pp))
  }
}

/// What block MINRES and block BiCGStab do to several blocks at once.
extension BlockSpace {
  /// W −= [U V]·C, then G = ZᴴW of the new W. V may have no columns in C.
  func update(
    _ w: inout BlockVector<Element>, minus u: BlockVector<Element>, _ v: BlockVector<Element>, times c: DenseMatrix<Element>,
    thenInner z: BlockVector<Element>, into g: inout DenseMatrix<Element>
  ) {
    let (p, q, rest) = (u.columns, w.columns, c.rows - u.columns)
    precondition(c.columns == q && rest <= v.columns)
    g.reshape(rows: z.columns, columns: q)
    let packed = unsafe pack(c, scale: -1)
    let (base, ld) = unsafe (w.mutableBase(), w.stride)
    let bytes = (p + rest + q + z.columns) * MemoryLayout<Element>.stride
    unsafe sumPanels(rows: w.rows, count: z.columns * q, bytesPerRow: bytes) { range, sum in
      let (i, count) = (range.lowerBound, range.count)
      let row = unsafe base + i * ld
      unsafe Kernels<Element>.update(count, p, u.base + i * u.stride, u.stride, q, packed, plus: UnsafePointer(row), ld, row, ld)
      if rest > 0 {
        unsafe Kernels<Element>.update(
          count, rest, v.base + i * v.stride, v.stride, q, packed + p * q, plus: UnsafePointer(row), ld, row, ld)
      }
      unsafe Kernels<Element>.inner(count, z.columns, z.base + i * z.stride, z.stride, q, UnsafePointer(row), ld, sum)
    }
    g.fill(rowMajor: sums, from: 0)
  }

  /// W −= V·C.
  func subtract(_ v: BlockVector<Element>, times c: DenseMatrix<Element>, from w: inout BlockVector<Element>) {
    update(&w, plus: [v], count: 1, times: c, sign: -1)
  }

  /// P ← P·C₀ + U·C₁ + V·C₂ with C₀, C₁, C₂ one below the other in `c`, C₀ square, then X += P·Y.
  func recur(
    _ p: inout BlockVector<Element>, plus u: BlockVector<Element>, _ v: BlockVector<Element>, times c: DenseMatrix<Element>,
    thenUpdate x: inout BlockVector<Element>, times y: DenseMatrix<Element>
  ) {
    let (r, ru, rv, m) = (p.columns, u.columns, v.columns, x.columns)
    precondition(c.columns == r && c.rows == r + ru + rv && y.rows == r && y.columns == m)
    let source = r <= Kernels<Element>.largestInPlaceUpdate ? nil : p
    let (packed, packedY) = unsafe (pack(c, slot: 0), pack(y, slot: 1))
    let (base, ld, px, ldx) = unsafe (p.mutableBase(), p.stride, x.mutableBase(), x.stride)
    let (old, ldo) = unsafe (source.map { unsafe $0.base } ?? UnsafePointer(base), source?.stride ?? ld)
    let bytesPerRow = (r + ru + rv + m) * MemoryLayout<Element>.stride
    let panel = Self.panel(bytesPerRow: bytesPerRow)
    Parallel.rows(p.rows, bytesPerRow: bytesPerRow) { range in
      var i = range.lowerBound
      while i < range.upperBound {
        let count = min(panel, range.upperBound - i)
        let (row, rowX) = unsafe (base + i * ld, px + i * ldx)
        unsafe Kernels<Element>.update(count, r, old + i * ldo, ldo, r, packed, plus: nil, 0, row, ld)
        unsafe Kernels<Element>.update(
          count, ru, u.base + i * u.stride, u.stride, r, packed + r * r, plus: UnsafePointer(row), ld, row, ld)
        unsafe Kernels<Element>.update(
          count, rv, v.base + i * v.stride, v.stride, r, packed + (r + ru) * r, plus: UnsafePointer(row), ld, row, ld)
        unsafe Kernels<Element>.update(
          count, r, UnsafePointer(row), ld, m, packedY, plus: UnsafePointer(rowX), ldx, rowX, ldx)
        i += count
      }
    }
  }
}

extension BlockSpace {
  /// Column j·pieces + d of Q holds the rows of piece d of column j of R, and zeros elsewhere: the pieces are contiguous and nearly equal.
  func split(_ r: BlockVector<Element>, into q: inout BlockVector<Element>, pieces: Int) {
    precondition(q.columns == r.columns * pieces && q.rows == r.rows)
    q.setZero()
    let (target, ld) = unsafe (q.mutableBase(), q.stride)
    for d in 0..<pieces {
      let (low, high) = (r.rows * d / pieces, r.rows * (d + 1) / pieces)
      for j in 0..<r.columns {
        unsafe Kernels<Element>.combine(
          high - low, 1, 1, r.base + low * r.stride + j, r.stride, nil, target + low * ld + j * pieces + d, ld)
      }
    }
  }
}
