import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

/// Properties of the iterates that any correct block CG and block GMRES have, beside those in the tests of each method.
struct BlockPropertyTests {
  private func iterate<S: Scalar>(
    _ method: any BlockMethod, _ a: CSRMatrix<S>, _ b: BlockVector<S>, _ steps: Int
  ) throws -> BlockVector<S> {
    try method.with {
      $0.tolerance = .relative(0)
      $0.maximumIterations = steps
      $0.restart = 100
    }.solve(a, b).solution
  }

  /// B − A·X after 0, 1, 2, … steps.
  private func residuals<S: Scalar>(
    _ method: any BlockMethod, _ a: CSRMatrix<S>, _ b: BlockVector<S>, _ steps: Int
  ) throws -> [BlockVector<S>] {
    try (0...steps).map { k in k == 0 ? b : try a.residual(b, of: iterate(method, a, b, k)) }
  }

  /// The largest cosine between a column of one block and one of the other.
  private func cosine<S: Scalar>(_ x: BlockVector<S>, _ y: BlockVector<S>) -> Double {
    let (g, u, v) = (Reference.inner(x, y), x.columnNorms(), y.columnNorms())
    var largest = 0.0
    for i in 0..<g.rows { for j in 0..<g.columns { largest = max(largest, Double(g[i, j].modulus) / (u[i] * v[j])) } }
    return largest
  }

  private func hermitian(_ n: Int, _ random: inout SplitMix) throws -> CSRMatrix<Complex<Double>> {
    let a = try random.sparse(n, n, perRow: 3, Complex<Double>.self)
    return a.adding(a.adjointMatrix()).adding(CSRMatrix(diagonal: (0..<n).map { Complex(14 + Double($0 % 7)) }))
  }

  /// The residual of CG is orthogonal to the space, which the residuals before it span.
  @Test func residualsOfCGAreOrthogonalToTheSpace() throws {
    var random = SplitMix(701)
    let r = try residuals(BlockCG(), Reference.poisson(12, Double.self), random.block(144, 3, Double.self), 8)
    for k in 1...8 { for l in 0..<k { #expect(cosine(r[k], r[l]) <= 1e-9, "steps \(k) and \(l)") } }
    let z = try residuals(BlockCG(), hermitian(60, &random), random.block(60, 2, Complex<Double>.self), 5)
    for k in 1...5 { for l in 0..<k { #expect(cosine(z[k], z[l]) <= 1e-9, "complex, steps \(k) and \(l)") } }
  }

  /// The residual of GMRES is orthogonal to A times the space.
  @Test func residualsOfGMRESAreOrthogonalToTheImage() throws {
    var random = SplitMix(702)
    let a = try random.sparse(80, 80, perRow: 4, diagonal: 6, Complex<Double>.self)
    let r = try residuals(BlockGMRES(), a, random.block(80, 3, Complex<Double>.self), 6)
    for k in 1...6 { for l in 0..<k { #expect(cosine(r[k], Reference.product(a, r[l])) <= 1e-9, "steps \(k) and \(l)") } }
  }

  @Test func oneColumnIsGMRES() throws {
    var random = SplitMix(703)
    let a = try Reference.convection(9, 15)
    let b = random.block(81, 1, Double.self)
    let least = Reference.leastResiduals(a, start: [b.column(0)], target: b.column(0), steps: 20)
    for (k, r) in try residuals(BlockGMRES(), a, b, 20).enumerated().dropFirst() {
      #expect(abs(r.columnNorms()[0] - least[k - 1]) <= 1e-10 * Reference.norm(b.column(0)))
    }
  }

  @Test func permutedAndScaledColumnsChangeNothingInGMRES() throws {
    var random = SplitMix(704)
    let a = try Reference.convection(10, 12)
    let b = random.block(100, 4, Double.self)
    let order = [2, 0, 3, 1]
    let (x, permuted) = try (
      iterate(BlockGMRES(), a, b, 12), iterate(BlockGMRES(), a, BlockVector(rows: 100, columns: 4) { b[$0, order[$1]] }, 12)
    )
    for j in 0..<4 {
      let difference = Reference.norm(zip(permuted.column(j), x.column(order[j])).map { $0 - $1 })
      #expect(difference <= 1e-9 * Reference.norm(x.column(order[j])))
    }
    for factor in [1e-300, 1e-12, 3e5, 1e200] {
      let scaled = BlockVector<Double>(rows: 100, columns: 4) { b[$0, $1] * ($1 == 1 ? factor : 1) }
      let (first, second) = (try BlockGMRES().solve(a, b).report, try BlockGMRES().solve(a, scaled).report)
      #expect(second.allConverged && first.iterations == second.iterations)
      for j in 0..<4 {
        for (u, v) in zip(first.columns[j].history, second.columns[j].history) { #expect(abs(u - v) <= 1e-9 * u + 1e-12) }
      }
    }
  }

  @Test func addingColumnsNeverWorsensGMRES() throws {
    var random = SplitMix(705)
    let a = try Reference.convection(10, 12)
    let b = random.block(100, 6, Double.self)
    for k in [2, 5, 9] {
      let few = try a.residual(b[columns: 0..<2], of: iterate(BlockGMRES(), a, b[columns: 0..<2], k)).columnNorms()
      let many = try a.residual(b, of: iterate(BlockGMRES(), a, b, k)).columnNorms()
      for j in 0..<2 { #expect(many[j] <= few[j] * (1 + 1e-8) + 1e-12) }
    }
  }

  @Test func fewEigenvaluesTakeGMRESFewSteps() throws {
    var random = SplitMix(706)
    let a = CSRMatrix<Double>(diagonal: (0..<90).map { [1.0, -4, 9][$0 % 3] })
    let result = try BlockGMRES(tolerance: .relative(1e-10)).solve(a, random.block(90, 4, Double.self))
    #expect(result.report.allConverged && result.report.iterations <= 3)
  }

  @Test func similarAndScaledMatricesTakeGMRESTheSameSteps() throws {
    var random = SplitMix(707)
    let n = 40
    let a = DenseMatrix<Double>(rows: n, columns: n) { i, j in
      i == j ? 2 + Double(i) / 4 : j == i + 1 ? 1 : j == i - 2 ? -0.5 : 0
    }
    let q = Reference.orthogonal(n, &random)
    let similar = q * a * q.adjoint
    let b = random.block(n, 3, Double.self)
    let rotated = BlockVector<Double>(rows: n, columns: 3) { i, j in (0..<n).reduce(0) { $0 + q[i, $1] * b[$1, j] } }
    let first = try BlockGMRES().solve(CSRMatrix(dense: a), b).report.iterations
    #expect(abs(try BlockGMRES().solve(CSRMatrix(dense: similar), rotated).report.iterations - first) <= 1)
    #expect(try BlockGMRES().solve(CSRMatrix(dense: a).mapValues { $0 * 1024 }, b).report.iterations == first)
  }
}
