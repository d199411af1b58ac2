extension DenseWorkspace {
  /// An orthonormal basis of the invariant subspace of the `wanted` eigenvalues of largest modulus, from an ordered Schur form: the
  /// first columns of `vectors`. A conjugate pair of a real matrix is never split: where it would be, one eigenvalue less is taken, or
  /// one more if none were left.
  ///
  /// - Parameter a: square; destroyed.
  /// - Returns: how many columns; `nil` when LAPACK did not converge.
  func dominantSubspace(_ a: inout DenseMatrix<Element>, wanted: Int, vectors: inout DenseMatrix<Element>) -> Int? {
    let n = a.rows
    vectors.reshape(rows: n, columns: n)
    var eigenvalues = [Element.Magnitude](repeating: 0, count: 2 * n)
    let worked = unsafe withScratch { work, count, realWork in
      unsafe eigenvalues.withUnsafeMutableBufferPointer { w in
        guard let pw = w.baseAddress else { return true }
        return unsafe a.withMutablePointer { pa in
          unsafe vectors.withMutablePointer { pv in
            unsafe LAPACK<Element>.schur(n, pa, n, pw, pv, n, work: work, count, realWork: realWork) == 0
          }
        }
      }
    }
    guard worked else { return nil }
    var select = [Int32](repeating: 0, count: n)
    let count = Self.mark(&select, eigenvalues, wanted: min(wanted, n))
    let ordered = unsafe withScratch { work, size, _ in
      unsafe eigenvalues.withUnsafeMutableBufferPointer { w in
        unsafe select.withUnsafeBufferPointer { select in
          guard let pw = w.baseAddress, let ps = select.baseAddress else { return true }
          return unsafe a.withMutablePointer { pa in
            unsafe vectors.withMutablePointer { pv in
              unsafe LAPACK<Element>.reorderSchur(n, ps, pa, n, pv, n, pw, work: work, size) == 0
            }
          }
        }
      }
    }
    return ordered ? count : nil
  }

  /// Marks the eigenvalues of largest modulus, pairs as one.
  private static func mark(_ select: inout [Int32], _ eigenvalues: [Element.Magnitude], wanted: Int) -> Int {
    let n = select.count
    func part(_ i: Int) -> (re: Double, im: Double) {
      Element.isComplex
        ? (Double(eigenvalues[2 * i]), Double(eigenvalues[2 * i + 1])) : (Double(eigenvalues[i]), Double(eigenvalues[n + i]))
    }
    var groups: [(first: Int, count: Int, modulus: Double)] = []
    var i = 0
    while i < n {
      let (re, im) = part(i)
      let size = !Element.isComplex && im != 0 && i + 1 < n ? 2 : 1
      groups.append((i, size, (re * re + im * im).squareRoot()))
      i += size
    }
    var count = 0
    for group in groups.sorted(by: { $0.modulus > $1.modulus }) {
      if count >= wanted || (count + group.count > wanted && count > 0) { break }
      for k in 0..<group.count { select[group.first + k] = 1 }
      count += group.count
    }
    return count
  }
}
