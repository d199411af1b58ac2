import ComplexModule
import Testing

@testable import BlockKrylov

/// Each routine by the equation that it solves.
struct LAPACKTests {
  private func random<S: Scalar>(_ m: Int, _ n: Int, _ type: S.Type, _ random: inout SplitMix) -> DenseMatrix<S> {
    DenseMatrix(rows: m, columns: n) { _, _ in random.scalar() }
  }

  private func distance<S: Scalar>(_ a: DenseMatrix<S>, _ b: DenseMatrix<S>) -> Double {
    guard a.rows == b.rows, a.columns == b.columns else { return .infinity }
    var difference = a
    for i in 0..<a.rows { for j in 0..<a.columns { difference[i, j] -= b[i, j] } }
    return difference.frobeniusNorm
  }

  /// A·B by the definition.
  private func product<S: Scalar>(_ a: DenseMatrix<S>, _ b: DenseMatrix<S>) -> DenseMatrix<S> {
    DenseMatrix(rows: a.rows, columns: b.columns) { i, j in
      (0..<a.columns).reduce(S.zero) { $0 + a[i, $1] * b[$1, j] }
    }
  }

  @Test(arguments: ScalarTypes.all)
  func routines(type: any Scalar.Type) { check(type) }

  private func check<S: Scalar>(_ type: S.Type) {
    var numbers = SplitMix(131)
    for n in [1, 2, 5, 23] {
      let tolerance = 200 * Double(n) * S.unitRoundoff
      let (a, b) = (random(n, n, type, &numbers), random(n, n + 1, type, &numbers))
      let adjoint = DenseMatrix<S>(rows: n, columns: n) { a[$1, $0].conjugate }
      #expect(a.adjoint == adjoint)

      var c = random(n, n + 1, type, &numbers)
      let before = c
      c.multiply(a, b, .adjoint, beta: -1)
      var expected = product(adjoint, b)
      for i in 0..<n { for j in 0...n { expected[i, j] -= before[i, j] } }
      #expect(distance(c, expected) <= tolerance * expected.frobeniusNorm, "gemm \(S.self)")

      // Cholesky, and both triangular solves with its factor.
      var hermitian = product(adjoint, a)
      for i in 0..<n { hermitian[i, i] += 1 }
      let dense = DenseWorkspace<S>(rows: n + 1, columns: n + 1)
      var r = hermitian
      #expect(dense.cholesky(&r))
      #expect(distance(product(r.adjoint, r), hermitian) <= tolerance * hermitian.frobeniusNorm, "potrf \(S.self)")
      var x = b
      x.solveTriangular(.left, r, .upper, .adjoint)
      x.solveTriangular(.left, r)
      #expect(distance(product(hermitian, x), b) <= tolerance * (1 + hermitian.frobeniusNorm) * x.frobeniusNorm, "trsm \(S.self)")
      var indefinite = hermitian
      indefinite[n - 1, n - 1] = -1
      #expect(!dense.cholesky(&indefinite))

      // Eigenvalues in ascending order: H·V = V·Λ, VᴴV = I.
      var v = hermitian
      #expect(dense.eigen(&v))
      let scaled = DenseMatrix<S>(rows: n, columns: n) { v[$0, $1] * S(dense.eigenvalues[$1]) }
      #expect(distance(product(hermitian, v), scaled) <= tolerance * hermitian.frobeniusNorm, "heev \(S.self)")
      #expect(distance(product(v.adjoint, v), .identity(n)) <= tolerance, "heev \(S.self)")
      #expect((1..<max(n, 1)).allSatisfy { dense.eigenvalues[$0 - 1] <= dense.eigenvalues[$0] })

      // QR on all rows, then Q·(R; 0).
      let tall = random(n + 1, n, type, &numbers)
      var (factors, tau) = (tall, DenseMatrix<S>(rows: 1, columns: 1))
      dense.qr(&factors, rows: 0..<(n + 1), tau: &tau)
      var rebuilt = DenseMatrix<S>(rows: n + 1, columns: n) { $0 <= $1 ? factors[$0, $1] : 0 }
      dense.applyQ(factors, rows: 0..<(n + 1), tau: tau, adjoint: false, to: &rebuilt)
      #expect(distance(rebuilt, tall) <= tolerance * tall.frobeniusNorm, "geqrf \(S.self)")
      var projected = tall
      dense.applyQ(factors, rows: 0..<(n + 1), tau: tau, adjoint: true, to: &projected)
      let upper = DenseMatrix<S>(rows: n + 1, columns: n) { $0 <= $1 ? factors[$0, $1] : 0 }
      #expect(distance(projected, upper) <= tolerance * tall.frobeniusNorm, "QᴴA = R \(S.self)")

      // Singular values in descending order.
      var (destroyed, u, vt) = (tall, DenseMatrix<S>(rows: 1, columns: 1), DenseMatrix<S>(rows: 1, columns: 1))
      #expect(dense.svd(&destroyed, u: &u, vt: &vt))
      let us = DenseMatrix<S>(rows: n + 1, columns: n) { u[$0, $1] * S(dense.eigenvalues[$1]) }
      #expect(distance(product(us, vt), tall) <= tolerance * tall.frobeniusNorm, "gesvd \(S.self)")
      #expect((1..<max(n, 1)).allSatisfy { dense.eigenvalues[$0 - 1] >= dense.eigenvalues[$0] })

      // LU with all three right-hand sides.
      var (lu, pivots) = (a, [Int32](repeating: 0, count: n))
      let info = unsafe lu.withMutablePointer { unsafe LAPACK<S>.lu(n, n, $0, n, &pivots) }
      #expect(info == 0)
      let plain = DenseMatrix<S>(rows: n, columns: n) { a[$1, $0] }
      for (operation, matrix) in [(LAPACK<S>.Operation.none, a), (.transpose, plain), (.adjoint, adjoint)] {
        var y = b
        unsafe y.withMutablePointer { y in
          unsafe lu.withPointer { unsafe LAPACK<S>.solveLU(operation, n, n + 1, $0, n, pivots, y, n) }
        }
        #expect(distance(product(matrix, y), b) <= tolerance * a.frobeniusNorm * y.frobeniusNorm, "getrs \(S.self)")
      }
      // The estimate of the condition is never above the truth and seldom far below.
      let norm = (0..<n).map { j in (0..<n).reduce(0) { $0 + Double(a[$1, j].modulus) } }.max() ?? 0
      var inverse = DenseMatrix<S>.identity(n)
      unsafe inverse.withMutablePointer { y in
        unsafe lu.withPointer { unsafe LAPACK<S>.solveLU(.none, n, n, $0, n, pivots, y, n) }
      }
      let inverseNorm = (0..<n).map { j in (0..<n).reduce(0) { $0 + Double(inverse[$1, j].modulus) } }.max() ?? 0
      let rcond = unsafe lu.withPointer { unsafe Double(LAPACK<S>.reciprocalCondition(n, $0, n, norm: S.Magnitude(norm))) }
      let exact = 1 / (norm * inverseNorm)
      #expect(rcond >= exact * 0.99 && rcond <= 10 * exact, "gecon \(S.self): \(rcond) for \(exact)")
    }
  }

  @Test func singularMatricesShowTheirZeroPivot() {
    var a = DenseMatrix<Double>(rows: 3, columns: 3) { i, j in [[1, 2, 3], [2, 4, 6], [0, 0, 1]][i][j] }
    var pivots = [Int32](repeating: 0, count: 3)
    #expect(unsafe a.withMutablePointer { unsafe LAPACK<Double>.lu(3, 3, $0, 3, &pivots) } == 2)
  }
}
