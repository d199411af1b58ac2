/// Operations in which the columns of blocks have nothing to do with each other: what the pseudo-block methods are made of. Factors
/// are arrays with a number for each column.
extension BlockSpace {
  /// d_j = y_jᴴx_j for each column.
  func columnDots(_ y: BlockVector<Element>, _ x: BlockVector<Element>, into dots: inout [Element]) {
    precondition(y.rows == x.rows && y.columns == x.columns)
    let m = x.columns
    unsafe sumPanels(rows: x.rows, count: m, bytesPerRow: 2 * m * MemoryLayout<Element>.stride) { range, sum in
      let i = range.lowerBound
      unsafe Kernels<Element>.columnDots(
        range.count, m, y.base + i * y.stride, y.stride, x.base + i * x.stride, x.stride, sum)
    }
    for j in 0..<m { dots[j] = sums[j] }
  }

  /// X += P·diag(a) and R += W·diag(b), then d_j = r_jᴴr_j: one pass.
  func updateColumns(
    _ x: inout BlockVector<Element>, plus p: BlockVector<Element>, times a: [Element], and r: inout BlockVector<Element>,
    plus w: BlockVector<Element>, times b: [Element], squares dots: inout [Element]
  ) {
    let m = x.columns
    precondition(p.columns == m && r.columns == m && w.columns == m)
    reserveOnes(m)
    let (px, ldx, pr, ldr) = unsafe (x.mutableBase(), x.stride, r.mutableBase(), r.stride)
    unsafe withFactors(a, b, ones) { a, b, ones in
      unsafe sumPanels(rows: x.rows, count: m, bytesPerRow: 4 * m * MemoryLayout<Element>.stride) { range, sum in
        let (i, count) = (range.lowerBound, range.count)
        let row = unsafe pr + i * ldr
        unsafe Kernels<Element>.combineColumns(count, m, a, p.base + i * p.stride, p.stride, ones, px + i * ldx, ldx)
        unsafe Kernels<Element>.combineColumns(count, m, b, w.base + i * w.stride, w.stride, ones, row, ldr)
        unsafe Kernels<Element>.columnDots(count, m, UnsafePointer(row), ldr, UnsafePointer(row), ldr, sum)
      }
    }
    for j in 0..<m { dots[j] = sums[j] }
  }

  /// R += W·diag(b), then squares_j = r_jᴴr_j and dots_j = y_jᴴr_j: one pass.
  func updateColumns(
    _ r: inout BlockVector<Element>, plus w: BlockVector<Element>, times b: [Element], squares: inout [Element],
    dotsWith y: BlockVector<Element>, into dots: inout [Element]
  ) {
    let m = r.columns
    precondition(w.columns == m && y.columns == m)
    reserveOnes(m)
    let (base, ld) = unsafe (r.mutableBase(), r.stride)
    unsafe withFactors(b, b, ones) { b, _, ones in
      unsafe sumPanels(rows: r.rows, count: 2 * m, bytesPerRow: 3 * m * MemoryLayout<Element>.stride) { range, sum in
        let (i, count) = (range.lowerBound, range.count)
        let row = unsafe base + i * ld
        unsafe Kernels<Element>.combineColumns(count, m, b, w.base + i * w.stride, w.stride, ones, row, ld)
        unsafe Kernels<Element>.columnDots(count, m, UnsafePointer(row), ld, UnsafePointer(row), ld, sum)
        unsafe Kernels<Element>.columnDots(count, m, y.base + i * y.stride, y.stride, UnsafePointer(row), ld, sum + m)
      }
    }
    for j in 0..<m { (squares[j], dots[j]) = (sums[j], sums[m + j]) }
  }

  func withFactors(
    _ a: [Element], _ b: [Element], _ c: [Element],
    _ body: (UnsafePointer<Element>, UnsafePointer<Element>, UnsafePointer<Element>) -> Void
  ) {
    unsafe a.withUnsafeBufferPointer { a in
      unsafe b.withUnsafeBufferPointer { b in
        unsafe c.withUnsafeBufferPointer { c in
          guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
          unsafe body(a, b, c)
        }
      }
    }
  }
}

extension BlockVector {
  /// self = X·diag(alpha) + self·diag(beta); without `beta` the old numbers are not read.
  mutating func combineColumns(_ alpha: [Element], _ x: BlockVector, _ beta: [Element]? = nil) {
    precondition(x.rows == rows && x.columns == columns && alpha.count >= columns && (beta?.count ?? columns) >= columns)
    let (target, source, ld, ldx, m) = unsafe (mutableBase(), x.base, stride, x.stride, columns)
    unsafe alpha.withUnsafeBufferPointer { alpha in
      unsafe (beta ?? []).withUnsafeBufferPointer { beta in
        guard let alpha = alpha.baseAddress else { return }
        let beta = beta.count > 0 ? beta.baseAddress : nil
        Parallel.rows(rows, bytesPerRow: 3 * m * MemoryLayout<Element>.stride) { range in
          unsafe Kernels<Element>.combineColumns(
            range.count, m, alpha, source + range.lowerBound * ldx, ldx, beta, target + range.lowerBound * ld, ld)
        }
      }
    }
  }

  /// Only these columns remain, in memory of their own.
  mutating func keepColumns(_ positions: [Int]) {
    var kept = BlockVector(rows: rows, columns: positions.count)
    kept.gatherColumns(positions, of: self)
    self = kept
  }
}

extension Array {
  /// Only the elements at these positions remain.
  mutating func keep(_ positions: [Int]) { self = positions.map { self[$0] } }
}
