import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

/// The difference schemes against Kronecker sums of one-dimensional matrices, all dense.
@Suite struct GalleryDifferenceSchemes {
  typealias Dense = DenseMatrix<Double>

  /// Tridiagonal Toeplitz.
  func tridiagonal(_ n: Int, _ below: Double, _ diagonal: Double, _ above: Double) -> Dense {
    Dense(rows: n, columns: n) { $0 == $1 ? diagonal : $0 == $1 + 1 ? below : $1 == $0 + 1 ? above : 0 }
  }
  /// A ⊗ B: B's index runs fastest.
  func kronecker(_ a: Dense, _ b: Dense) -> Dense {
    Dense(rows: a.rows * b.rows, columns: a.columns * b.columns) {
      a[$0 / b.rows, $1 / b.columns] * b[$0 % b.rows, $1 % b.columns]
    }
  }
  func sum(_ a: Dense, _ b: Dense) -> Dense { Dense(rows: a.rows, columns: a.columns) { a[$0, $1] + b[$0, $1] } }
  /// I ⊗ X + Y ⊗ I, and the same with Z.
  func kroneckerSum(_ x: Dense, _ y: Dense, _ z: Dense? = nil) -> Dense {
    let plane = sum(kronecker(.identity(y.rows), x), kronecker(y, .identity(x.rows)))
    guard let z else { return plane }
    return sum(kronecker(.identity(z.rows), plane), kronecker(z, .identity(plane.rows)))
  }
  func distance<S: Scalar>(_ a: DenseMatrix<S>, _ b: DenseMatrix<S>) -> Double {
    guard a.rows == b.rows, a.columns == b.columns else { return .infinity }
    var largest = 0.0
    for i in 0..<a.rows { for j in 0..<a.columns { largest = max(largest, Double((a[i, j] - b[i, j]).modulus)) } }
    return largest
  }
  func matrix(_ specification: String) throws -> Dense {
    try Gallery.Problem(specification: specification).matrix(Double.self).dense
  }

  @Test(arguments: [1, 2, 5]) func constantCoefficients(_ n: Int) throws {
    let h = 1 / Double(n + 1)
    let second = tridiagonal(n, -1, 2, -1)
    #expect(try matrix("poisson2d:\(n)") == kroneckerSum(second, second))
    #expect(try matrix("poisson3d:\(n)") == kroneckerSum(second, second, second))
    #expect(distance(try matrix("anisotropic2d:\(n):0.25"), kroneckerSum(second, tridiagonal(n, -0.25, 0.5, -0.25))) < 1e-15)
    let centred = tridiagonal(n, -1 - 10 * h, 2, -1 + 10 * h)
    #expect(distance(try matrix("convdiff2d:\(n)"), kroneckerSum(centred, second)) < 1e-14)
    let shifted = tridiagonal(n, -1, 2 - 150 * h * h, -1)
    #expect(distance(try matrix("indefinite2d:\(n)"), kroneckerSum(shifted, second)) < 1e-13)
    func upwind(_ v: Double) -> Dense { tridiagonal(n, -1 - v * h, 2 + v * h, -1) }
    #expect(distance(try matrix("convdiff3d:\(n)"), kroneckerSum(upwind(50), upwind(25), upwind(12.5))) < 1e-13)
    #expect(distance(try matrix("convdiff3d:\(n):8"), kroneckerSum(upwind(8), upwind(4), upwind(2))) < 1e-13)
  }

  @Test(arguments: [1, 2, 5]) func neumann(_ n: Int) throws {
    var path = tridiagonal(n, -1, 2, -1)
    path[0, 0] -= 1
    path[n - 1, n - 1] -= 1
    #expect(try matrix("neumann2d:\(n)") == kroneckerSum(path, path))
    #expect(try matrix("neumann3d:\(n)") == kroneckerSum(path, path, path))
    let a = try Gallery.Problem(specification: "neumann3d:\(n)").matrix(Double.self)
    #expect(try a.applied(to: Gallery.ones(rows: a.rows, columns: 2)) == BlockVector(rows: a.rows, columns: 2))
  }

  /// Differences across the faces, Gᵀ·diag(w)·G, with the boundary faces of full conductivity.
  @Test(arguments: [("varcoef2d", 2, 4, 4.0), ("varcoef2d", 2, 5, 1.5), ("varcoef3d", 3, 3, 4.0)])
  func jumpingCoefficients(_ name: String, _ dimension: Int, _ n: Int, _ decades: Double) throws {
    let a = try matrix("\(name):\(n):\(decades)")
    let points = a.rows
    let k = (0..<points).map { i in
      var hash = SplitMix(7919 + UInt64(i))
      return Double.exp(decades * Double.log(10) * (Double(hash.next() >> 11) / 0x1p53))
    }
    var expected = Dense(rows: points, columns: points)
    var step = 1
    for _ in 0..<dimension {
      for i in 0..<points {
        let place = i / step % n
        if place == 0 || place == n - 1 { expected[i, i] += n == 1 ? 2 * k[i] : k[i] }
        guard place < n - 1 else { continue }
        let (j, w) = (i + step, 2 / (1 / k[i] + 1 / k[i + step]))
        expected[i, i] += w
        expected[j, j] += w
        expected[i, j] -= w
        expected[j, i] -= w
      }
      step *= n
    }
    for i in 0..<points {
      for j in 0..<points { #expect(abs(a[i, j] - expected[i, j]) <= 1e-13 * abs(expected[i, i])) }
    }
  }

  @Test(arguments: [1, 2, 6]) func helmholtz(_ n: Int) throws {
    let a = try Gallery.Problem(specification: "helmholtz2d:\(n):3.5").matrix(Complex<Double>.self).dense
    let kappa = 3.5 / Double(n + 1)
    let eliminated = 1 / Complex<Double>(1, -kappa)
    let expected = DenseMatrix<Complex<Double>>(rows: n * n, columns: n * n) { i, j in
      let (dx, dy) = (abs(i % n - j % n), abs(i / n - j / n))
      if dx + dy == 1 { return -1 }
      if dx + dy > 0 { return 0 }
      let sides = [i % n == 0, i % n == n - 1, i / n == 0, i / n == n - 1].filter { $0 }.count
      return Complex(4 - kappa * kappa) - Complex(Double(sides)) * eliminated
    }
    #expect(distance(a, expected) < 1e-14)
    let problem = try Gallery.Problem(specification: "helmholtz2d:19")
    #expect(abs((problem.parameter ?? 0) / 20 - 2 * Double.pi / 10) < 1e-15)  // k·h: 10 spacings a wavelength
  }

  @Test func bidiagonalAndStrakos() throws {
    #expect(try matrix("bidiagonal:4").rowArrays == [[0.1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 2, 1], [0, 0, 0, 3]])
    #expect(try matrix("bidiagonal:1").rowArrays == [[0.1]])
    let a = try Gallery.Problem(specification: "strakos:24:1000").matrix(Double.self)
    #expect(a.nonzeros == 24)
    for i in 1...24 {
      var lambda = Double(i - 1) / 23 * 999
      for _ in i..<24 { lambda *= 0.8 }
      #expect(abs(a.diagonal[i - 1] - (1 + lambda)) < 1e-11)
    }
    #expect(a.diagonal.first == 1 && a.diagonal.last == 1000)
    #expect(try matrix("strakos:1").rowArrays == [[1]])
  }

  /// Lapack's Cholesky and eigenvalues decide what the tags promise.
  @Test(arguments: Gallery.Family.allCases) func definiteness(_ family: Gallery.Family) throws {
    // indefinite2d needs a grid on which the discrete eigenvalues are near the continuous ones.
    let problem = try Gallery.Problem(family, size: family.dimension == 3 ? 4 : family == .indefinite2d ? 14 : 6)
    guard !problem.isComplex, problem.structure(Double.self).contains(.hermitian) else { return }
    let values = try eigenvalues(problem.matrix(Double.self).dense)
    let scale = values.last ?? 0
    switch family {
    case .indefinite2d: #expect(values.filter { $0 < 0 }.count == 8)
    case .neumann2d, .neumann3d: #expect(abs(values[0]) < 1e-14 * scale && values[1] > 1e-3)
    default:
      #expect(problem.structure(Double.self).contains(.positiveDefinite))
      var dense = try problem.matrix(Double.self).dense
      let n = dense.rows
      #expect(unsafe dense.withMutablePointer { unsafe LAPACK<Double>.cholesky(.lower, n, $0, n) } == 0)
      #expect(values[0] > 0)
    }
  }

  func eigenvalues(_ matrix: Dense) throws -> [Double] {
    var a = matrix
    let n = a.rows
    var values = [Double](repeating: 0, count: n)
    var work = [Double](repeating: 0, count: LAPACK<Double>.workspaceCount(n, n))
    var realWork = [Double](repeating: 0, count: LAPACK<Double>.realWorkspaceCount(n))
    let count = work.count
    let info = unsafe a.withMutablePointer { a in
      unsafe LAPACK<Double>.eigen(n, a, n, &values, work: &work, count, realWork: &realWork)
    }
    #expect(info == 0)
    return values
  }
}

extension DenseMatrix {
  fileprivate var rowArrays: [[Element]] { (0..<rows).map { i in (0..<columns).map { self[i, $0] } } }
}
