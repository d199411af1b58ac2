/// The scratch memory of LAPACK, allocated once, and the factorisations of small matrices that the methods need.
final class DenseWorkspace<Element: Scalar> {
  private var work: [Element]
  private var realWork: [Element.Magnitude]
  private(set) var eigenvalues: [Element.Magnitude]

  /// Room for matrices up to rows × columns.
  init(rows: Int, columns: Int) {
    work = [Element](repeating: 0, count: LAPACK<Element>.workspaceCount(rows, columns))
    realWork = [Element.Magnitude](repeating: 0, count: LAPACK<Element>.realWorkspaceCount(max(rows, columns)))
    eigenvalues = [Element.Magnitude](repeating: 0, count: max(rows, columns))
  }

  /// Calls `body` with the scratch memory: scalars, how many, and reals.
  func withScratch(
    _ body: (UnsafeMutablePointer<Element>, Int, UnsafeMutablePointer<Element.Magnitude>) -> Bool
  ) -> Bool {
    unsafe work.withUnsafeMutableBufferPointer { work in
      unsafe realWork.withUnsafeMutableBufferPointer { realWork in
        guard let pw = work.baseAddress, let pr = realWork.baseAddress else { return true }
        return unsafe body(pw, work.count, pr)
      }
    }
  }

  /// Upper Cholesky factor R of a Hermitian G, G = RᴴR, in place with zeros below; false when a pivot is not positive.
  func cholesky(_ g: inout DenseMatrix<Element>) -> Bool {
    let n = g.rows
    let info = unsafe g.withMutablePointer { unsafe LAPACK<Element>.cholesky(.upper, n, $0, n) }
    for j in 0..<n { for i in (j + 1)..<max(n, j + 1) { g[i, j] = 0 } }
    return info == 0
  }

  /// Eigenvectors in place of the Hermitian matrix, ascending `eigenvalues`; false when LAPACK did not converge.
  func eigen(_ a: inout DenseMatrix<Element>) -> Bool {
    let n = a.rows
    return unsafe work.withUnsafeMutableBufferPointer { work in
      unsafe realWork.withUnsafeMutableBufferPointer { realWork in
        unsafe eigenvalues.withUnsafeMutableBufferPointer { w in
          guard let pw = work.baseAddress, let pr = realWork.baseAddress, let pe = w.baseAddress else { return true }
          return unsafe a.withMutablePointer {
            unsafe LAPACK<Element>.eigen(n, $0, n, pe, work: pw, work.count, realWork: pr) == 0
          }
        }
      }
    }
  }

  /// Householder QR in place of the rows given: R above, reflectors below their diagonal, their factors in `tau`.
  func qr(_ a: inout DenseMatrix<Element>, rows: Range<Int>, tau: inout DenseMatrix<Element>) {
    let (m, n, ld) = (rows.count, a.columns, a.rows)
    tau.reshape(rows: max(min(m, n), 1), columns: 1)
    unsafe work.withUnsafeMutableBufferPointer { work in
      guard let pw = work.baseAddress else { return }
      unsafe a.withMutablePointer { pa in
        unsafe tau.withMutablePointer { pt in unsafe LAPACK<Element>.qr(m, n, pa + rows.lowerBound, ld, pt, work: pw, work.count)
        }
      }
    }
  }

  /// C = Qᴴ·C (or Q·C) on some rows of C, with the reflectors that `qr` left in the same rows of A.
  ///
  /// - Parameter first: where the rows of C begin, if not at those of A.
  func applyQ(
    _ a: DenseMatrix<Element>, rows: Range<Int>, tau: DenseMatrix<Element>, adjoint: Bool, to c: inout DenseMatrix<Element>,
    at first: Int? = nil
  ) {
    let (m, n, k, ld) = (rows.count, c.columns, min(rows.count, a.columns), c.rows)
    unsafe work.withUnsafeMutableBufferPointer { work in
      guard let pw = work.baseAddress else { return }
      unsafe c.withMutablePointer { pc in
        unsafe a.withPointer { pa in
          unsafe tau.withPointer { pt in
            unsafe LAPACK<Element>.applyQ(
              adjoint: adjoint, m, n, k, pa + rows.lowerBound, a.rows, pt, pc + (first ?? rows.lowerBound), ld, work: pw,
              work.count)
          }
        }
      }
    }
  }

  /// C = Q·C with the reflectors that `qr` left in the rows of A from row `first` on; C has as many rows.
  func applyQ(_ a: DenseMatrix<Element>, from first: Int, tau: DenseMatrix<Element>, to c: inout DenseMatrix<Element>) {
    let (m, n) = (c.rows, c.columns)
    unsafe work.withUnsafeMutableBufferPointer { work in
      guard let pw = work.baseAddress else { return }
      unsafe c.withMutablePointer { pc in
        unsafe a.withPointer { pa in
          unsafe tau.withPointer { pt in
            unsafe LAPACK<Element>.applyQ(
              adjoint: false, m, n, min(m, a.columns), pa + first, a.rows, pt, pc, m, work: pw, work.count)
          }
        }
      }
    }
  }

  /// Thin SVD A = U·diag(s)·Vᴴ: `u`, `vt` and `eigenvalues` (the singular values, descending); `a` is destroyed.
  func svd(_ a: inout DenseMatrix<Element>, u: inout DenseMatrix<Element>, vt: inout DenseMatrix<Element>) -> Bool {
    let (m, n) = (a.rows, a.columns)
    let k = min(m, n)
    u.reshape(rows: m, columns: k)
    vt.reshape(rows: k, columns: n)
    return unsafe work.withUnsafeMutableBufferPointer { work in
      unsafe realWork.withUnsafeMutableBufferPointer { realWork in
        unsafe eigenvalues.withUnsafeMutableBufferPointer { w in
          guard let pw = work.baseAddress, let pr = realWork.baseAddress, let ps = w.baseAddress else { return true }
          return unsafe a.withMutablePointer { pa in
            unsafe u.withMutablePointer { pu in
              unsafe vt.withMutablePointer { pv in
                unsafe LAPACK<Element>.svd(m, n, pa, m, ps, pu, m, pv, k, work: pw, work.count, realWork: pr) == 0
              }
            }
          }
        }
      }
    }
  }
}
