import RealModule
import BlockKrylov

/// Textbook methods for one right-hand side at a time, and dense least squares, as oracles for the block methods.
extension Reference {
  /// The 5-point Laplacian on an N × N grid, assembled entry by entry.
  static func poisson<S: Scalar>(_ n: Int, _ type: S.Type = S.self) throws -> CSRMatrix<S> {
    var t = try TripletBuilder<S>(rows: n * n, columns: n * n)
    for y in 0..<n {
      for x in 0..<n {
        let i = y * n + x
        try t.add(4, row: i, column: i)
        if x > 0 { try t.add(-1, row: i, column: i - 1) }
        if x < n - 1 { try t.add(-1, row: i, column: i + 1) }
        if y > 0 { try t.add(-1, row: i, column: i - n) }
        if y < n - 1 { try t.add(-1, row: i, column: i + n) }
      }
    }
    return try t.csr()
  }

  /// −Δu + c·u_x with central differences on an N × N grid, times h².
  static func convection(_ n: Int, _ c: Double) throws -> CSRMatrix<Double> {
    let shift = c / Double(n + 1) / 2
    var t = try TripletBuilder<Double>(rows: n * n, columns: n * n)
    for y in 0..<n {
      for x in 0..<n {
        let i = y * n + x
        try t.add(4, row: i, column: i)
        if x > 0 { try t.add(-1 - shift, row: i, column: i - 1) }
        if x < n - 1 { try t.add(-1 + shift, row: i, column: i + 1) }
        if y > 0 { try t.add(-1, row: i, column: i - n) }
        if y < n - 1 { try t.add(-1, row: i, column: i + n) }
      }
    }
    return try t.csr()
  }

  static func dot<S: Scalar>(_ x: [S], _ y: [S]) -> S { zip(x, y).reduce(0) { $0 + $1.0.conjugate * $1.1 } }
  static func norm<S: Scalar>(_ x: [S]) -> Double { Double(dot(x, x).realPart).squareRoot() }

  static func product<S: Scalar>(_ a: CSRMatrix<S>, _ x: [S]) -> [S] {
    (0..<a.rows).map { i in
      (a.rowStart[i]..<a.rowStart[i + 1]).reduce(S.zero) { $0 + a.values[$1] * x[Int(a.columnIndex[$1])] }
    }
  }

  /// The first `steps` iterates of conjugate gradients for one right-hand side (Hestenes and Stiefel).
  static func conjugateGradients<S: Scalar>(_ a: CSRMatrix<S>, _ b: [S], steps: Int) -> [[S]] {
    var (x, r) = ([S](repeating: 0, count: b.count), b)
    var p = r
    var rho = dot(r, r)
    var iterates: [[S]] = []
    for _ in 0..<steps {
      let w = product(a, p)
      let alpha = rho / dot(p, w)
      for i in x.indices {
        x[i] += alpha * p[i]
        r[i] -= alpha * w[i]
      }
      let next = dot(r, r)
      for i in p.indices { p[i] = r[i] + next / rho * p[i] }
      rho = next
      iterates.append(x)
    }
    return iterates
  }

  /// The least residual norm of `target` over the block Krylov spaces K_1, K_2, … K_steps of A and the start columns: an explicit
  /// orthonormal basis by modified Gram–Schmidt, twice, and projection of the target onto its image under A.
  static func leastResiduals<S: Scalar>(_ a: CSRMatrix<S>, start: [[S]], target: [S], steps: Int) -> [Double] {
    func orthonormalize(_ vector: [S], against basis: [[S]]) -> [S]? {
      var v = vector
      let before = norm(v)
      for _ in 0..<2 {
        for q in basis {
          let c = dot(q, v)
          for i in v.indices { v[i] -= c * q[i] }
        }
      }
      let after = norm(v)
      guard after > 1e-12 * before else { return nil }
      return v.map { $0 / S(double: after) }
    }
    var basis: [[S]] = []
    var images: [[S]] = []
    var last = start
    var norms: [Double] = []
    for _ in 0..<steps {
      var fresh: [[S]] = []
      for v in last {
        if let q = orthonormalize(v, against: basis) {
          basis.append(q)
          fresh.append(q)
          if let w = orthonormalize(product(a, q), against: images) { images.append(w) }
        }
      }
      last = fresh.map { product(a, $0) }
      var r = target
      for w in images {
        let c = dot(w, r)
        for i in r.indices { r[i] -= c * w[i] }
      }
      norms.append(norm(r))
    }
    return norms
  }

  /// X with A·X = B by Gaussian elimination with partial pivoting.
  static func solve<S: Scalar>(_ a: DenseMatrix<S>, _ b: BlockVector<S>) -> BlockVector<S> {
    let n = a.rows
    var m = (0..<n).map { i in (0..<n).map { a[i, $0] } }
    var x = (0..<n).map { i in (0..<b.columns).map { b[i, $0] } }
    for k in 0..<n {
      let pivot = (k..<n).max { m[$0][k].modulus < m[$1][k].modulus } ?? k
      m.swapAt(k, pivot)
      x.swapAt(k, pivot)
      for i in (k + 1)..<max(n, k + 1) where m[i][k] != 0 {
        let f = m[i][k] / m[k][k]
        for j in k..<n { m[i][j] -= f * m[k][j] }
        for j in 0..<b.columns { x[i][j] -= f * x[k][j] }
      }
    }
    for k in stride(from: n - 1, through: 0, by: -1) {
      for j in 0..<b.columns {
        for i in (k + 1)..<max(n, k + 1) { x[k][j] -= m[k][i] * x[i][j] }
        x[k][j] = x[k][j] / m[k][k]
      }
    }
    return BlockVector(rows: n, columns: b.columns) { x[$0][$1] }
  }

  /// A random matrix with orthonormal columns.
  static func orthogonal(_ n: Int, _ random: inout SplitMix) -> DenseMatrix<Double> {
    var columns: [[Double]] = []
    while columns.count < n {
      var v = (0..<n).map { _ in Double.random(in: -1...1, using: &random) }
      for _ in 0..<2 { for q in columns { let c = dot(q, v); for i in v.indices { v[i] -= c * q[i] } } }
      let length = norm(v)
      columns.append(v.map { $0 / length })
    }
    return DenseMatrix(rows: n, columns: n) { columns[$1][$0] }
  }
}

extension Reference {
  /// The first `steps` iterates of BiCGStab for one right-hand side (van der Vorst), the angle of t and s bounded as by Sleijpen
  /// and van der Vorst.
  static func biCGStab(_ a: CSRMatrix<Double>, _ b: [Double], steps: Int) -> [[Double]] {
    var (x, r) = ([Double](repeating: 0, count: b.count), b)
    let shadow = b
    var p = r
    var rho = dot(shadow, r)
    var iterates: [[Double]] = []
    for _ in 0..<steps {
      let v = product(a, p)
      let alpha = rho / dot(shadow, v)
      let s = zip(r, v).map { $0 - alpha * $1 }
      let t = product(a, s)
      let cosine = dot(t, s) / (norm(t) * norm(s))
      let omega = abs(cosine) < 0.7 ? (cosine < 0 ? -0.7 : 0.7) * norm(s) / norm(t) : dot(t, s) / dot(t, t)
      for i in x.indices {
        x[i] += alpha * p[i] + omega * s[i]
        r[i] = s[i] - omega * t[i]
      }
      let next = dot(shadow, r)
      let beta = next / rho * alpha / omega
      for i in p.indices { p[i] = r[i] + beta * (p[i] - omega * v[i]) }
      rho = next
      iterates.append(x)
    }
    return iterates
  }
}
