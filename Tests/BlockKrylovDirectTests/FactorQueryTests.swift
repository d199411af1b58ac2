import BlockKrylov
import ComplexModule
import RealModule
import Testing

@testable import BlockKrylovDirect

@Suite struct FactorQueryTests {
  /// The determinant by expansion along the first row.
  private func determinant<S: Scalar>(_ a: [[S]]) -> S {
    guard let first = a.first else { return 1 }
    var sum: S = 0
    for j in first.indices {
      let minor = a.dropFirst().map { row in row.indices.filter { $0 != j }.map { row[$0] } }
      let term = first[j] * determinant(minor)
      if j % 2 == 0 { sum += term } else { sum -= term }
    }
    return sum
  }

  private func checksDeterminants<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(71)
    for n in 1...6 {
      for _ in 0..<4 {
        let a = try random.sparse(n, n, perRow: n, diagonal: 1, type)
        let truth: S = determinant((0..<n).map { i in (0..<n).map { a[i, $0] } })
        let found = try LUFactorization(a).logDeterminant
        guard truth.modulus > 1e-3 else { continue }
        #expect(abs(found.logModulus - Double.log(Double(truth.modulus))) < 1e-11)
        #expect(Double((found.phase - truth * S(1 / truth.modulus)).modulus) < 1e-11)
      }
    }
  }

  @Test func determinantsWithTheirPhase() throws {
    try checksDeterminants(Double.self)
    try checksDeterminants(Complex<Double>.self)
    #expect(try LUFactorization(CSRMatrix<Double>(diagonal: [1, 0])).logDeterminant.phase == 0)
    // 10⁻⁴⁰⁰ and 10⁴⁰⁰ are no doubles.
    let large = try LUFactorization(CSRMatrix<Double>(diagonal: [Double](repeating: 1e10, count: 40))).logDeterminant
    #expect(abs(large.logModulus - 400 * Double.log(10)) < 1e-9 && large.phase == 1)
    let hermitianMatrix = try hermitian(40, diagonal: { $0 < 33 ? 20 : -20 }, seed: 2, Complex<Double>.self)
    let (lu, ldl) = (
      try LUFactorization(hermitianMatrix).logDeterminant,
      try CholeskyFactorization(hermitianMatrix, form: .quasiDefinite).logDeterminant
    )
    #expect(abs(lu.logModulus - ldl.logModulus) < 1e-10 && ldl.phase == -1 && (lu.phase + 1).modulus < 1e-10)
  }

  private func checksSelectedRows<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(72)
    let a = try random.sparse(150, 150, perRow: 3, diagonal: 4, type)
    let lu = try LUFactorization(a)
    let b = CSCMatrix(try random.sparse(150, 37, perRow: 1, type))
    let dense = try lu.solve(BlockVector(rows: 150, columns: 37) { i, j in b.csr[i, j] })
    let rows = [149, 3, 3, 77]
    let some = try lu.solve(b, rows: rows)
    for (i, row) in rows.enumerated() {
      for j in 0..<37 { #expect(Double((some[i, j] - dense[row, j]).modulus) < 1e-13) }
    }
    #expect(try Reference.distance(lu.solve(b), dense) < 1e-13)
    #expect(try lu.solve(b, rows: []).rows == 0)
    #expect(throws: BlockKrylovError.self) { try lu.solve(b, rows: [150]) }
    let definite = try hermitian(150, perRow: 2, diagonal: { _ in 20 }, seed: 14, type)
    let cholesky = try CholeskyFactorization(definite)
    try compares(b, rows, try cholesky.solve(b, rows: rows), try cholesky.solve(b.csrBlock))
    try compares(b, Array(0..<150), try cholesky.solve(b), try cholesky.solve(b.csrBlock))
    #expect(throws: BlockKrylovError.self) { try cholesky.solve(b, rows: [-1]) }
    let indefinite = try hermitian(150, perRow: 2, diagonal: { $0 < 100 ? 20 : -20 }, seed: 14, type)
    let ldl = try CholeskyFactorization(indefinite, form: .quasiDefinite)
    try compares(b, rows, try ldl.solve(b, rows: rows), try ldl.solve(b.csrBlock))
    // One block, and many.
    for matrix in [a, try blockTriangular(40, seed: 5, type)] {
      let klu = try KLUFactorization(matrix)
      let b = CSCMatrix(try random.sparse(matrix.rows, 37, perRow: 1, type))
      let rows = [matrix.rows - 1, 3, 3, 77]
      try compares(b, rows, try klu.solve(b, rows: rows), try klu.solve(b.csrBlock))
      for row in [0, 20, matrix.rows - 1] { try compares(b, [row], try klu.solve(b, rows: [row]), try klu.solve(b.csrBlock)) }
      #expect(throws: BlockKrylovError.self) { try klu.solve(b, rows: [matrix.rows]) }
      let inverse = try klu.solve(.identity(rows: matrix.rows))
      for (i, entry) in try klu.inverseDiagonal().enumerated() { #expect(Double((entry - inverse[i, i]).modulus) < 1e-11) }
    }
  }

  /// Some rows of X against X.
  private func compares<S: Scalar>(
    _ b: CSCMatrix<S>, _ rows: [Int], _ some: BlockVector<S>, _ whole: BlockVector<S>
  ) throws {
    try #require(some.rows == rows.count && some.columns == b.columns)
    for (i, row) in rows.enumerated() {
      for j in 0..<b.columns { #expect(Double((some[i, j] - whole[row, j]).modulus) < 1e-12) }
    }
  }

  @Test func sparseRightHandSidesAndSelectedRows() throws {
    try checksSelectedRows(Double.self)
    try checksSelectedRows(Complex<Double>.self)
  }

  @Test func diagonalsOfInverses() throws {
    func check<S: Scalar>(_ type: S.Type) throws {
      var random = SplitMix(73)
      let a = try random.sparse(70, 70, perRow: 3, diagonal: 4, type)
      let lu = try LUFactorization(a)
      let inverse = try lu.solve(.identity(rows: 70))
      for (i, entry) in try lu.inverseDiagonal().enumerated() { #expect(Double((entry - inverse[i, i]).modulus) < 1e-13) }
      let definite = try hermitian(70, diagonal: { _ in 20 }, seed: 4, type)
      let cholesky = try CholeskyFactorization(definite)
      let other = try cholesky.solve(.identity(rows: 70))
      for (i, entry) in try cholesky.inverseDiagonal().enumerated() { #expect(Double((entry - other[i, i]).modulus) < 1e-13) }
    }
    try check(Double.self)
    try check(Complex<Double>.self)
  }
}

extension CSCMatrix {
  /// The same with all zeros.
  fileprivate var csrBlock: BlockVector<Element> {
    let csr = csr
    return BlockVector(rows: rows, columns: columns) { i, j in csr[i, j] }
  }
}

@Suite struct DerivativeTests {
  /// ℓ = Re Σ conj(w)·x, whose gradient with respect to X is W.
  private func loss<S: Scalar>(_ w: BlockVector<S>, _ x: BlockVector<S>) -> Double {
    var sum = 0.0
    for i in 0..<x.rows { for j in 0..<x.columns { sum += Double((w[i, j].conjugate * x[i, j]).realPart) } }
    return sum
  }

  private func checks<S: Scalar>(_ method: some BlockMethod, _ a: CSRMatrix<S>) throws {
    var random = SplitMix(74)
    let n = a.rows
    let (b, w) = (random.block(n, 3, S.self), random.block(n, 3, S.self))
    let x = try method.solve(a, b).solution
    let gradient = try method.pullback(of: x, gradient: w, through: a)
    #expect(gradient.report?.allConverged == true)
    // Random directions in A's values and in B; central differences.
    for _ in 0..<3 {
      let (da, db): ([S], BlockVector<S>) = (a.values.map { _ in random.scalar() }, random.block(n, 3, S.self))
      let h = 1e-6
      func moved(_ t: Double) throws -> BlockVector<S> {
        var (c, d) = (a, b)
        try c.updateValues(zip(a.values, da).map { $0 + S(double: t) * $1 })
        for i in 0..<n { for j in 0..<3 { d[i, j] += S(double: t) * db[i, j] } }
        return try method.solve(c, d).solution
      }
      let (up, down) = (try moved(h), try moved(-h))
      let difference = (loss(w, up) - loss(w, down)) / (2 * h)
      var product = loss(gradient.b, db)
      for (g, d) in zip(gradient.values, da) { product += Double((g.conjugate * d).realPart) }
      #expect(abs(difference - product) < 1e-6 * max(1, abs(product)))
      var tangent = a
      try tangent.updateValues(da)
      let forward = try method.prepare(a).pushforward(of: x, a: tangent, b: db).solution
      for i in 0..<n {
        for j in 0..<3 {
          let slope = (up[i, j] - down[i, j]) * S(double: 1 / (2 * h))
          #expect(Double((slope - forward[i, j]).modulus) < 1e-6)
        }
      }
      #expect(abs(loss(w, forward) - product) < 1e-9 * max(1, abs(product)), "one is the adjoint of the other")
    }
  }

  @Test func gradientsAreThoseOfFiniteDifferences() throws {
    var random = SplitMix(75)
    let real = try random.sparse(40, 40, perRow: 3, diagonal: 6, Double.self)
    let complex = try random.sparse(40, 40, perRow: 3, diagonal: 8, Complex<Double>.self)
    try checks(SparseLU(), real)
    try checks(SparseLU(), complex)
    try checks(SparseKLU(), complex)
    try checks(BlockGMRES(tolerance: .relative(1e-13)), real)
    try checks(BlockGMRES(tolerance: .relative(1e-13)), complex)
  }

  @Test func factorsPullBackAsMethodsDo() throws {
    var random = SplitMix(76)
    let a = try random.sparse(30, 30, perRow: 3, diagonal: 6, Complex<Double>.self)
    let (b, w) = (random.block(30, 2, Complex<Double>.self), random.block(30, 2, Complex<Double>.self))
    let lu = try LUFactorization(a)
    let x = try lu.solve(b)
    let (bare, refined) = (try lu.pullback(of: x, gradient: w), try SparseLU().pullback(of: x, gradient: w, through: a))
    #expect(Reference.distance(bare.b, refined.b) < 1e-12 && bare.report == nil)
    for (g, h) in zip(bare.values, refined.values) { #expect((g - h).modulus < 1e-12) }
    #expect(throws: BlockKrylovError.self) { try lu.pullback(of: x, gradient: random.block(30, 3, Complex<Double>.self)) }
    #expect(throws: BlockKrylovError.self) { try lu.pullback(of: x, gradient: random.block(29, 2, Complex<Double>.self)) }
  }
}
