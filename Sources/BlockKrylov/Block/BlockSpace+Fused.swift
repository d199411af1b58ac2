/// Operations on blocks that follow each other, in one pass over the rows: panel by panel, so that what one leaves in cache the next
/// finds there. Block CG makes two passes per iteration and moves about 11 words per row and column.
extension BlockSpace {
  /// G = PᴴW while W = A·P is formed, each piece as soon as `write` has written the rows of P that it reads.
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
      unsafe Kernels<Element>.inner(range.count, r, p + i * ldp, ldp, r, w + i * ldw, ldw, sum)
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

  /// Q += W·T, and G = QᴴQ of the new Q.
  func update(
    _ q: inout BlockVector<Element>, plus w: BlockVector<Element>, times t: DenseMatrix<Element>,
    gram g: inout DenseMatrix<Element>
  ) {
    let r = q.columns
    g.reshape(rows: r, columns: r)
    let packed = unsafe pack(t)
    let (base, ld) = unsafe (q.mutableBase(), q.stride)
    unsafe sumPanels(rows: q.rows, count: r * r, bytesPerRow: 2 * r * MemoryLayout<Element>.stride) { range, sum in
      let (i, count) = (range.lowerBound, range.count)
      let row = unsafe base + i * ld
      unsafe Kernels<Element>.update(
        count, r, w.base + i * w.stride, w.stride, r, packed, plus: UnsafePointer(row), ld, row, ld)
      unsafe Kernels<Element>.inner(count, r, UnsafePointer(row), ld, r, UnsafePointer(row), ld, sum)
    }
    g.fill(rowMajor: sums, from: 0)
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
