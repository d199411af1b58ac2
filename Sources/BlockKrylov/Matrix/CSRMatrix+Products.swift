/// Products of compressed rows with blocks: the callers of the sparse kernels.
extension CSRMatrix {
  /// Y = A·X, or B − A·X.
  func multiply(_ x: BlockVector<Element>, residualOf b: BlockVector<Element>?, into y: inout BlockVector<Element>) {
    precondition(x.rows == columns && y.rows == rows && x.columns == y.columns)
    let (m, source, ldx, target, ldy) = unsafe (x.columns, x.base, x.stride, y.mutableBase(), y.stride)
    let (addend, ldb) = unsafe (b?.base, b?.stride ?? 0)
    let parts = Parallel.threads(forBytes: nonzeros * (m + 1) * MemoryLayout<Element>.stride)
    let traffic = traffic(columns: m, resultIsRead: false)
    unsafe rowStart.withUnsafeBufferPointer { start in
      unsafe columnIndex.withUnsafeBufferPointer { index in
        unsafe values.withUnsafeBufferPointer { value in
          guard let start = start.baseAddress else { return }
          // A matrix without entries has arrays without addresses; the kernel then reads neither.
          let index = unsafe index.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
          let value = unsafe value.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
          WorkerPool.shared.run(parts) { part in
            let range = rowRange(part, of: parts)
            unsafe Kernels<Element>.spmm(
              range, start, index, value, m, source, ldx, residualOf: addend, ldb, target, ldy, traffic)
          }
        }
      }
    }
  }

  /// Where a product with m columns finds its operands: in cache if matrix and blocks take no more than three fifths of the last one,
  /// which is shared with whatever else runs.
  private func traffic(columns m: Int, resultIsRead: Bool) -> Kernels<Element>.Traffic {
    let size = MemoryLayout<Element>.stride
    let bytes = nonzeros * (size + 4) + 8 * rows + (rows + columns) * m * size
    if bytes <= lastLevelCache / 5 * 3 { return .cached }
    return resultIsRead || bytes <= lastLevelCache ? .prefetching : .streaming
  }

  /// A step of a polynomial in this matrix, in one pass; `fill` sets everything of it but the matrix and the inverse diagonal.
  func polynomialStep(
    inverseDiagonal: [Element]?, into y: inout BlockVector<Element>, _ fill: (inout Kernels<Element>.PolynomialStep) -> Void
  ) {
    let (m, target, ldy) = unsafe (y.columns, y.mutableBase(), y.stride)
    let parts = Parallel.threads(forBytes: nonzeros * (m + 1) * MemoryLayout<Element>.stride)
    var step = Kernels<Element>.PolynomialStep()
    fill(&step)
    step.traffic = traffic(columns: m, resultIsRead: true)
    let filled = step
    func split(_ diagonal: UnsafePointer<Element>?) {
      unsafe rowStart.withUnsafeBufferPointer { start in
        unsafe columnIndex.withUnsafeBufferPointer { index in
          unsafe values.withUnsafeBufferPointer { value in
            guard let start = start.baseAddress else { return }
            var step = filled
            unsafe step.inverseDiagonal = diagonal
            unsafe step.matrix = unsafe (
              start, index.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped,
              value.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
            )
            let complete = step
            WorkerPool.shared.run(parts) { part in
              unsafe Kernels<Element>.polynomialStep(rowRange(part, of: parts), m, complete, target, ldy)
            }
          }
        }
      }
    }
    guard let inverseDiagonal else { return split(nil) }
    unsafe inverseDiagonal.withUnsafeBufferPointer { unsafe split($0.baseAddress) }
  }

  /// Calls `body` with a function that writes rows of A·X, for operations that use them while they are in cache.
  ///
  /// - Parameter x: the rows of X, which may be written while `body` runs.
  func withRowProducts(
    of x: UnsafePointer<Element>, _ ldx: Int, into y: inout BlockVector<Element>,
    _ body: (_ y: UnsafePointer<Element>, _ form: (Range<Int>) -> Void) -> Void
  ) {
    let (m, target, ldy) = unsafe (y.columns, y.mutableBase(), y.stride)
    let traffic = traffic(columns: m, resultIsRead: true)
    unsafe rowStart.withUnsafeBufferPointer { start in
      unsafe columnIndex.withUnsafeBufferPointer { index in
        unsafe values.withUnsafeBufferPointer { value in
          guard let start = start.baseAddress else { return }
          let index = unsafe index.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
          let value = unsafe value.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
          unsafe body(UnsafePointer(target)) { range in
            unsafe Kernels<Element>.spmm(range, start, index, value, m, x, ldx, residualOf: nil, 0, target, ldy, traffic)
          }
        }
      }
    }
  }

  /// When pieces of `size` rows of a product with this square matrix can be formed, while the other factor is being written.
  func rowSchedule(size: Int) -> RowSchedule {
    RowSchedule(rows: rows, size: size) { piece in
      var (first, last) = (Int32.max, Int32(0))
      for i in piece where rowStart[i] < rowStart[i + 1] {
        first = min(first, columnIndex[rowStart[i]])
        last = max(last, columnIndex[rowStart[i + 1] - 1])
      }
      return first <= last ? Int(first)...Int(last) : piece.lowerBound...piece.lowerBound
    }
  }

  /// The part-th of `parts` ranges of rows with nearly equal numbers of entries (plus a bit for each row).
  func rowRange(_ part: Int, of parts: Int) -> Range<Int> {
    if parts == 1 { return 0..<rows }
    func boundary(_ k: Int) -> Int {
      let target = (nonzeros + 2 * rows) * k / parts
      var (low, high) = (0, rows)
      while low < high {
        let middle = (low + high) / 2
        if rowStart[middle] + 2 * middle < target { low = middle + 1 } else { high = middle }
      }
      return low
    }
    return boundary(part)..<(part == parts - 1 ? rows : boundary(part + 1))
  }

  /// R = B − A·X and Z = |A|·|X| in one pass, for componentwise backward errors.
  package func residualAndMagnitude(
    of x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>,
    _ z: inout BlockVector<Element.Magnitude>
  ) {
    let (m, source, ldx, target, ldr) = unsafe (x.columns, x.base, x.stride, r.mutableBase(), r.stride)
    let (pb, ldb, pz, ldz) = unsafe (b.base, b.stride, z.mutableBase(), z.stride)
    let parts = Parallel.threads(forBytes: nonzeros * (m + 1) * MemoryLayout<Element>.stride)
    unsafe rowStart.withUnsafeBufferPointer { start in
      unsafe columnIndex.withUnsafeBufferPointer { index in
        unsafe values.withUnsafeBufferPointer { value in
          guard let start = start.baseAddress else { return }
          let index = unsafe index.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
          let value = unsafe value.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
          WorkerPool.shared.run(parts) { part in
            let range = rowRange(part, of: parts)
            unsafe Kernels<Element>.residualAndMagnitude(
              range, start, index, value, m, source, ldx, pb, ldb, target, ldr, pz, ldz)
          }
        }
      }
    }
  }
}

/// Y = op(A)ᵀ·X for a matrix whose major index runs over the rows of X; shared by CSR's adjoint and CSC's product.
func scatterProduct<Element: Scalar>(
  major: Int, start: [Int], index: [Int32], value: [Element], conjugate: Bool, _ x: BlockVector<Element>,
  into y: inout BlockVector<Element>
) {
  precondition(x.rows == major && x.columns == y.columns)
  y.setZero()
  let (m, source, ldx, target, ldy) = unsafe (x.columns, x.base, x.stride, y.mutableBase(), y.stride)
  let parts = min(Parallel.threads(forBytes: value.count * (m + 1) * MemoryLayout<Element>.stride), max(m, 1))
  unsafe start.withUnsafeBufferPointer { start in
    unsafe index.withUnsafeBufferPointer { index in
      unsafe value.withUnsafeBufferPointer { value in
        guard let start = start.baseAddress, let index = index.baseAddress, let value = value.baseAddress
        else { return }
        WorkerPool.shared.run(parts) { part in
          let columns = (m * part / parts)..<(m * (part + 1) / parts)
          unsafe Kernels<Element>.scatter(
            0..<major, start, index, value, conjugate: conjugate, columns.count, source + columns.lowerBound, ldx,
            target + columns.lowerBound, ldy)
        }
      }
    }
  }
}
