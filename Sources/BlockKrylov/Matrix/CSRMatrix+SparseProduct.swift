internal import ComplexModule
internal import Synchronization

/// Products of two sparse matrices.
extension CSRMatrix {
  /// A·B, entries wherever a sum has a term; row after row with one accumulator for each column (F. G. Gustavson, ACM Trans. Math. Softw. 4,
  /// 1978). Rows are split over threads, which does not change a bit of them.
  ///
  /// - Complexity: the flops, Σ nnz(row k of B) over the entries (i, k) of A, and O(rows + columns) for each thread.
  func multiplied(by b: CSRMatrix) -> CSRMatrix {
    precondition(columns == b.rows)
    let parts = Parallel.threads(forBytes: 4 * nonzeros * (MemoryLayout<Element>.stride + 4))
    let pieces = Mutex([RowProducts<Element>?](repeating: nil, count: parts))
    Parallel.run(parts) { part in
      let piece = RowProducts(rowRange(part, of: parts), self, b)
      pieces.withLock { $0[part] = piece }
    }
    return RowProducts.joined(pieces.withLock { $0 }.compactMap { $0 }, rows: rows, columns: b.columns)
  }
}

/// Some rows of a product of sparse matrices.
private struct RowProducts<S: Scalar>: Sendable {
  private var counts: [Int] = []
  private var index: [Int32] = []
  private var value: [S] = []

  @specialized(where S == Double)
  @specialized(where S == Float)
  @specialized(where S == Complex<Double>)
  @specialized(where S == Complex<Float>)
  init(_ rows: Range<Int>, _ a: CSRMatrix<S>, _ b: CSRMatrix<S>) {
    var terms = 0
    for k in a.rowStart[rows.lowerBound]..<a.rowStart[rows.upperBound] {
      let j = Int(a.columnIndex[k])
      terms += b.rowStart[j + 1] - b.rowStart[j]
    }
    // The sum for each column, and the row that it is of.
    var (sums, rowOf) = ([S](repeating: 0, count: b.columns), [Int32](repeating: -1, count: b.columns))
    var counts: [Int] = []
    counts.reserveCapacity(rows.count)
    // Room for as many entries as terms, of which what is not written takes no memory. Addresses instead of arrays: this loop is most of the
    // time that a multigrid hierarchy takes.
    unsafe index = [Int32](unsafeUninitializedCapacity: terms) { index, written in
      unsafe value = [S](unsafeUninitializedCapacity: terms) { value, valuesWritten in
        unsafe sums.withUnsafeMutableBufferPointer { sums in
          unsafe rowOf.withUnsafeMutableBufferPointer { rowOf in
            unsafe a.withUnsafeArrays { aStart, aIndex, aValue in
              unsafe b.withUnsafeArrays { bStart, bIndex, bValue in
                for i in rows {
                  let (first, mark) = (written, Int32(truncatingIfNeeded: i))
                  for k in unsafe aStart[i]..<aStart[i + 1] {
                    let (factor, j) = unsafe (aValue[k], Int(aIndex[k]))
                    for l in unsafe bStart[j]..<bStart[j + 1] {
                      let column = unsafe Int(bIndex[l])
                      if unsafe rowOf[column] == mark {
                        unsafe sums[column] += factor * bValue[l]
                      } else {
                        unsafe rowOf[column] = mark
                        unsafe sums[column] = factor * bValue[l]
                        unsafe index[written] = bIndex[l]
                        written += 1
                      }
                    }
                  }
                  unsafe sort(&index, first, written)
                  for k in first..<written { unsafe value.initializeElement(at: k, to: sums[Int(index[k])]) }
                  counts.append(written - first)
                }
              }
            }
          }
        }
        valuesWritten = written
      }
    }
    self.counts = counts
  }

  static func joined(_ pieces: [RowProducts], rows: Int, columns: Int) -> CSRMatrix<S> {
    var start = [0]
    start.reserveCapacity(rows + 1)
    for piece in pieces { for count in piece.counts { start.append(start[start.count - 1] + count) } }
    var (index, value) = ([Int32](), [S]())
    index.reserveCapacity(start[rows])
    value.reserveCapacity(start[rows])
    for piece in pieces {
      index += piece.index
      value += piece.value
    }
    return CSRMatrix(uncheckedRows: rows, columns: columns, rowStart: start, columnIndex: index, values: value)
  }
}

extension CSRMatrix {
  /// Calls `body` with the starts, the column indices and the values.
  @inline(__always)
  fileprivate func withUnsafeArrays(
    _ body: (UnsafeBufferPointer<Int>, UnsafeBufferPointer<Int32>, UnsafeBufferPointer<Element>) -> Void
  ) {
    unsafe rowStart.withUnsafeBufferPointer { start in
      unsafe columnIndex.withUnsafeBufferPointer { index in
        unsafe values.withUnsafeBufferPointer { value in unsafe body(start, index, value) }
      }
    }
  }
}

/// Sorts a row of column indices: short ones, which are nearly in order, by insertion.
@inline(__always)
private func sort(_ index: inout UnsafeMutableBufferPointer<Int32>, _ first: Int, _ end: Int) {
  guard end - first <= 32 else { return unsafe index[first..<end].sort() }
  for k in (first + 1)..<max(end, first + 1) {
    let column = unsafe index[k]
    var l = k
    while l > first, unsafe index[l - 1] > column {
      unsafe index[l] = index[l - 1]
      l -= 1
    }
    unsafe index[l] = column
  }
}
