internal import ComplexModule
internal import RealModule

/// A few Arnoldi steps of one random vector: what polynomial preconditioners learn of the spectrum of an operator.
struct SmallArnoldi<S: Scalar> {
  /// H, (k + 1) × k, in double precision; its last row is zero when the Krylov space is invariant.
  let hessenberg: DenseMatrix<Complex<Double>>

  /// - Parameters:
  ///   - steps: at most this many; less when the space becomes invariant.
  ///   - apply: the operator on one column.
  /// - Throws: ``BlockKrylovError/factorization(_:)`` when a product is not finite.
  /// - Complexity: `steps` products, 4·n·steps² flops, n·(steps + 1) numbers.
  init(
    rows: Int, steps: Int, name: String, apply: (BlockVector<S>, inout BlockVector<S>) throws -> Void
  ) throws {
    let steps = min(steps, rows)
    let space = BlockSpace<S>(p: 1, q: 1, blocks: steps + 1, rows: rows)
    var norms = [0.0]
    var v = BlockVector<S>(rows: rows, columns: 1)
    v.fillRandom(seed: 2021)
    space.columnNorms(v, into: &norms)
    v.scale(by: S(double: 1 / max(norms[0], .leastNormalMagnitude)))
    var (basis, count) = ([v], 0)
    var columns: [[S]] = []
    var (h, second) = (DenseMatrix<S>(rows: 0, columns: 0), DenseMatrix<S>(rows: 0, columns: 0))
    while count < steps {
      var w = BlockVector<S>(rows: rows, columns: 1)
      try apply(basis[count], &w)
      space.columnNorms(w, into: &norms)
      let size = norms[0]
      guard size.isFinite else {
        throw BlockKrylovError.factorization("\(name): a product with A is not finite; its entries are too large or not numbers")
      }
      count += 1
      space.inner(basis: basis, count: count, w, into: &h)
      space.update(&w, plus: basis, count: count, times: h, sign: -1)
      space.columnNorms(w, into: &norms)
      // Where much was cancelled a second time is needed, and is enough.
      let cancelled = norms[0] < 0.1 * size
      if cancelled {
        space.inner(basis: basis, count: count, w, into: &second)
        space.update(&w, plus: basis, count: count, times: second, sign: -1)
        space.columnNorms(w, into: &norms)
      }
      let isInvariant = norms[0] <= 100 * S.unitRoundoff * size
      columns.append(
        (0..<count).map { cancelled ? h[$0, 0] + second[$0, 0] : h[$0, 0] } + [isInvariant ? 0 : S(double: norms[0])])
      if isInvariant { break }
      w.scale(by: S(double: 1 / norms[0]))
      basis.append(w)
    }
    hessenberg = DenseMatrix(rows: count + 1, columns: count) { i, j in
      i < columns[j].count ? Complex(Double(columns[j][i].realPart), Double(columns[j][i].imaginaryPart)) : 0
    }
  }

  /// The least and the largest Ritz value of a hermitian operator, and how far the largest may be from an eigenvalue.
  func hermitianBounds() -> (least: Double, largest: Double, uncertainty: Double)? {
    let k = hessenberg.columns
    guard k > 0 else { return nil }
    var t = DenseMatrix<Double>(rows: k, columns: k) { i, j in
      (hessenberg[min(i, j), max(i, j)].real + hessenberg[max(i, j), min(i, j)].real) / 2
    }
    let dense = DenseWorkspace<Double>(rows: k, columns: k)
    guard dense.eigen(&t) else { return nil }
    return (dense.eigenvalues[0], dense.eigenvalues[k - 1], abs(hessenberg[k, k - 1].real * t[k - 1, k - 1]))
  }

  /// 1/θ of the harmonic Ritz values θ, conjugate pairs of real operators next to each other and exactly conjugate; `nil` when LAPACK does
  /// not converge or the space is singular.
  ///
  /// From H = Q·R follows that they are the eigenvalues of Q₁ᴴ·R⁻¹, with Q₁ the square part of Q: no inverse of the square part of H,
  /// which may be singular. An infinite θ, of a singular A, comes out as 0.
  func harmonicReciprocals() -> [Complex<Double>]? {
    S.isComplex
      ? reciprocals(hessenberg)
      : reciprocals(DenseMatrix<Double>(rows: hessenberg.rows, columns: hessenberg.columns) { hessenberg[$0, $1].real })
  }

  private func reciprocals<T: Scalar>(_ h: DenseMatrix<T>) -> [Complex<Double>]? where T.Magnitude == Double {
    let k = h.columns
    guard k > 0 else { return nil }
    let dense = DenseWorkspace<T>(rows: k + 1, columns: k + 1)
    var (qr, tau) = (h, DenseMatrix<T>(rows: 0, columns: 0))
    dense.qr(&qr, rows: 0..<(k + 1), tau: &tau)
    let r = DenseMatrix<T>(rows: k, columns: k) { $0 <= $1 ? qr[$0, $1] : 0 }
    let largest = (0..<k).reduce(0.0) { max($0, r[$1, $1].modulus) }
    for i in 0..<k where !(r[i, i].modulus > 1e-14 * largest) { return nil }
    var turned = DenseMatrix<T>(rows: k + 1, columns: k) { $0 == $1 ? 1 : 0 }
    dense.applyQ(qr, rows: 0..<(k + 1), tau: tau, adjoint: true, to: &turned)
    var a = DenseMatrix<T>(rows: k, columns: k) { turned[$0, $1] }
    a.solveTriangular(.right, r)
    guard a.isFinite, let pairs = dense.eigenvalues(&a) else { return nil }
    return pairs.map { Complex($0.re, $0.im) }
  }
}

extension DenseWorkspace {
  /// The eigenvalues of a square matrix, which is destroyed; those of real matrices in exactly conjugate pairs, next to each other. `nil` when
  /// LAPACK did not converge.
  func eigenvalues(_ a: inout DenseMatrix<Element>) -> [(re: Double, im: Double)]? {
    let n = a.rows
    var (parts, vectors) = ([Element.Magnitude](repeating: 0, count: 2 * n), DenseMatrix<Element>(rows: n, columns: n))
    let worked = unsafe withScratch { work, count, realWork in
      unsafe parts.withUnsafeMutableBufferPointer { w in
        guard let pw = w.baseAddress else { return true }
        return unsafe a.withMutablePointer { pa in
          unsafe vectors.withMutablePointer { pv in
            unsafe LAPACK<Element>.schur(n, pa, n, pw, pv, n, work: work, count, realWork: realWork) == 0
          }
        }
      }
    }
    guard worked else { return nil }
    return (0..<n).map { i in
      Element.isComplex
        ? (Double(parts[2 * i]), Double(parts[2 * i + 1])) : (Double(parts[i]), Double(parts[n + i]))
    }
  }
}
