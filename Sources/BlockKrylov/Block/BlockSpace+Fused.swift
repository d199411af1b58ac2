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
