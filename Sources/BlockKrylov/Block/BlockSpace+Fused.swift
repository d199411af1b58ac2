/// Operations on blocks that follow each other, in one pass over the rows: panel by panel, so that what one leaves in cache the next
/// finds there. Block CG makes three passes per iteration and moves about 13 words per row and column.
extension BlockSpace {
  /// G = YᴴX while the rows of X are being written by `write`.
  ///
  /// - Parameter write: writes the rows given of the block whose first element is `x`.
  func inner(
    _ y: BlockVector<Element>, _ x: UnsafePointer<Element>, stride ldx: Int, columns q: Int, into g: inout DenseMatrix<Element>,
    extraBytesPerRow: Int, writing write: (Range<Int>) -> Void
  ) {
    let p = y.columns
    g.reshape(rows: p, columns: q)
    let bytes = (p + q) * MemoryLayout<Element>.stride + extraBytesPerRow
    unsafe sumPanels(rows: y.rows, count: p * q, bytesPerRow: bytes) { range, sum in
      let i = range.lowerBound
      write(range)
      unsafe Kernels<Element>.inner(range.count, p, y.base + i * y.stride, y.stride, q, x + i * ldx, ldx, sum)
    }
    g.fill(rowMajor: sums, from: 0)
  }

  /// G = QᴴZ and N = QᴴQ.
  func inner(
    _ q: BlockVector<Element>, _ z: BlockVector<Element>, into g: inout DenseMatrix<Element>,
    squares n: inout DenseMatrix<Element>
  ) {
    let p = q.columns
    g.reshape(rows: p, columns: p)
    n.reshape(rows: p, columns: p)
    unsafe sumPanels(rows: q.rows, count: 2 * p * p, bytesPerRow: 2 * p * MemoryLayout<Element>.stride) { range, sum in
      let (i, rows) = (range.lowerBound, unsafe q.base + range.lowerBound * q.stride)
      unsafe Kernels<Element>.inner(range.count, p, rows, q.stride, p, z.base + i * z.stride, z.stride, sum)
      unsafe Kernels<Element>.inner(range.count, p, rows, q.stride, p, rows, q.stride, sum + p * p)
    }
    g.fill(rowMajor: sums, from: 0)
    n.fill(rowMajor: sums, from: p * p)
  }

  /// X += P·Y and Q += W·T, and G = QᴴQ of the new Q.
  func update(
    _ x: inout BlockVector<Element>, plus p: BlockVector<Element>, times y: DenseMatrix<Element>,
    and q: inout BlockVector<Element>, plus w: BlockVector<Element>, times t: DenseMatrix<Element>,
    gram g: inout DenseMatrix<Element>
  ) {
    let (r, m) = (p.columns, x.columns)
    g.reshape(rows: r, columns: r)
    let (packedY, packedT) = unsafe pack(y, and: t)
    let (px, ldx, pq, ldq) = unsafe (x.mutableBase(), x.stride, q.mutableBase(), q.stride)
    let bytes = (3 * r + m) * MemoryLayout<Element>.stride
    unsafe sumPanels(rows: x.rows, count: r * r, bytesPerRow: bytes) { range, sum in
      let (i, count) = (range.lowerBound, range.count)
      let (rowX, rowQ) = unsafe (px + i * ldx, pq + i * ldq)
      unsafe Kernels<Element>.update(
        count, r, p.base + i * p.stride, p.stride, m, packedY, plus: UnsafePointer(rowX), ldx, rowX, ldx)
      unsafe Kernels<Element>.update(
        count, r, w.base + i * w.stride, w.stride, r, packedT, plus: UnsafePointer(rowQ), ldq, rowQ, ldq)
      unsafe Kernels<Element>.inner(count, r, UnsafePointer(rowQ), ldq, r, UnsafePointer(rowQ), ldq, sum)
    }
    g.fill(rowMajor: sums, from: 0)
  }

  /// Q ← Q·T (and Z ← Z·T), then P ← Z + P·C, or Q + P·C without Z.
  func advance(
    _ q: inout BlockVector<Element>, _ z: inout BlockVector<Element>?, times t: DenseMatrix<Element>,
    then p: inout BlockVector<Element>, times c: DenseMatrix<Element>
  ) {
    let r = t.rows
    guard r <= Kernels<Element>.largestInPlaceUpdate else {
      recur(&q, plus: nil, times: t)
      recurOptional(&z, times: t)
      return recur(&p, plus: z ?? q, times: c)
    }
    let (packedT, packedC) = unsafe pack(t, and: c)
    let (pq, ldq, pp, ldp) = unsafe (q.mutableBase(), q.stride, p.mutableBase(), p.stride)
    var block = z.take()
    let (pz, ldz) = unsafe (block?.mutableBase(), block?.stride ?? 0)
    let bytesPerRow = (block == nil ? 2 : 3) * r * MemoryLayout<Element>.stride
    let panel = Self.panel(bytesPerRow: bytesPerRow)
    Parallel.rows(q.rows, bytesPerRow: 2 * bytesPerRow) { range in
      var i = range.lowerBound
      while i < range.upperBound {
        let count = min(panel, range.upperBound - i)
        let (rowQ, rowP) = unsafe (pq + i * ldq, pp + i * ldp)
        unsafe Kernels<Element>.update(count, r, UnsafePointer(rowQ), ldq, r, packedT, plus: nil, 0, rowQ, ldq)
        if let pz = unsafe pz {
          let rowZ = unsafe pz + i * ldz
          unsafe Kernels<Element>.update(count, r, UnsafePointer(rowZ), ldz, r, packedT, plus: nil, 0, rowZ, ldz)
          unsafe Kernels<Element>.update(
            count, r, UnsafePointer(rowP), ldp, r, packedC, plus: UnsafePointer(rowZ), ldz, rowP, ldp)
        } else {
          unsafe Kernels<Element>.update(
            count, r, UnsafePointer(rowP), ldp, r, packedC, plus: UnsafePointer(rowQ), ldq, rowP, ldp)
        }
        i += count
      }
    }
    z = block
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
    pack(c, scale: -1)
    let packed = unsafe packedCoefficients
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
    let (packed, packedY) = unsafe pack(c, and: y)
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
