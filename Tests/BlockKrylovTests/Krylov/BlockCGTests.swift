import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

/// Numbers of numerics notes and properties that any correct block CG has.
struct BlockCGTests {
  /// k iterations of block CG, whatever the residual.
  private func iterate<S: Scalar>(
    _ a: CSRMatrix<S>, _ b: BlockVector<S>, _ steps: Int, _ change: (inout SolverOptions) -> Void = { _ in }
  ) throws -> SolveResult<S> {
    try BlockCG(tolerance: .relative(0), maximumIterations: steps).with(change).solve(a, b)
  }

  private func energyNorm(_ a: CSRMatrix<Double>, _ e: [Double]) -> Double {
    Reference.dot(e, Reference.product(a, e)).squareRoot()
  }

  // MARK: Regression numbers

  @Test(arguments: [(1, 115), (2, 105), (4, 81), (8, 59)])
  func iterationsOnPoisson(m: Int, expected: Int) throws {
    var random = SplitMix(3)
    let b = random.normalBlock(1024, m)
    let result = try BlockCG(tolerance: .relative(1e-10)).solve(Reference.poisson(32), b)
    #expect(result.report.allConverged)
    #expect(abs(result.report.iterations - expected) <= 3)
  }

  /// The five cases of the comparison of block CG variants: 32² Poisson, 8 columns, 1e-10 (Strakoš: 4 columns, 1e-9).
  enum Case: String, CaseIterable { case random, dependent, nearlyDuplicate, eigenvector, strakos }

  @Test(
    arguments: [
      (Case.random, DependentColumns.replaced, 59), (.random, .dropped, 59), (.dependent, .replaced, 59),
      (.dependent, .dropped, 67),
      (.nearlyDuplicate, .replaced, 61), (.eigenvector, .replaced, 62), (.eigenvector, .dropped, 62), (.strakos, .replaced, 54),
    ])
  func variantsOfTheNotes(kind: Case, dependent: DependentColumns, expected: Int) throws {
    var random = SplitMix(5)
    var a = try Reference.poisson(32, Double.self)
    var b = random.normalBlock(1024, 8)
    var tolerance = 1e-10
    switch kind {
    case .random: break
    case .dependent:
      b[columns: 1..<2] = b[columns: 0..<1]
      for i in 0..<1024 { b[i, 3] = b[i, 2] - 2 * b[i, 4] }
    case .nearlyDuplicate:
      for i in 0..<1024 { b[i, 1] = b[i, 0] + 1e-9 * b[i, 5] }
    case .eigenvector:
      for i in 0..<1024 {
        let (x, y) = (Double(i % 32 + 1), Double(i / 32 + 1))
        b[i, 0] = Double.sin(.pi * x / 33) * Double.sin(.pi * y / 33)
      }
    case .strakos:
      // λ_i = λ_1 + (i−1)/(n−1)·(λ_n−λ_1)·ρ^(n−i), condition 1e5.
      let (n, first, last, rho) = (100, 1e-3, 100.0, 0.8)
      let spectrum = (1...n).map { i in
        first + Double(i - 1) / Double(n - 1) * (last - first) * Double.pow(rho, n - i)
      }
      a = CSRMatrix(diagonal: spectrum)
      b = random.normalBlock(n, 4)
      tolerance = 1e-9
    }
    let result = try BlockCG(tolerance: .relative(tolerance)).with { $0.dependentColumns = dependent }.solve(a, b)
    #expect(result.report.allConverged)
    for residual in Reference.relativeResiduals(a, result.solution, b) { #expect(residual <= tolerance * 1.000001) }
    #expect(abs(result.report.iterations - expected) <= 3, "\(result.report.iterations) iterations")
  }

  // MARK: Properties

  @Test func oneColumnIsConjugateGradients() throws {
    var random = SplitMix(11)
    let a = try Reference.poisson(12, Double.self)
    let b = random.block(144, 1, Double.self)
    let reference = Reference.conjugateGradients(a, b.column(0), steps: 20)
    for k in [1, 2, 5, 10, 20] {
      let x = try iterate(a, b, k).solution.column(0)
      let error = Reference.norm(zip(x, reference[k - 1]).map { $0 - $1 })
      #expect(error <= 1e-10 * Reference.norm(reference[k - 1]))
    }
  }

  @Test func oneComplexColumnIsConjugateGradients() throws {
    typealias C = Complex<Double>
    var random = SplitMix(12)
    // Hermitian, diagonally dominant, with complex entries off the diagonal.
    var t = try TripletBuilder<C>(rows: 60, columns: 60)
    for i in 0..<60 {
      try t.add(C(5 + Double(i) / 10), row: i, column: i)
      if i + 3 < 60 {
        let z: C = random.scalar()
        try t.add(z, row: i, column: i + 3)
        try t.add(z.conjugate, row: i + 3, column: i)
      }
    }
    let a = try t.csr()
    let b = random.block(60, 1, C.self)
    let reference = Reference.conjugateGradients(a, b.column(0), steps: 8)
    let x = try iterate(a, b, 8).solution.column(0)
    #expect(Reference.norm(zip(x, reference[7]).map { $0 - $1 }) <= 1e-10 * Reference.norm(reference[7]))
    let solved = try BlockCG().solve(a, random.block(60, 5, C.self))
    #expect(solved.report.allConverged)
  }

  @Test func errorInEnergyNormFallsAndBeatsSingleColumns() throws {
    var random = SplitMix(13)
    let a = try Reference.poisson(10, Double.self)
    let exact = random.block(100, 4, Double.self)
    let b = Reference.product(a, exact)
    var last = [Double](repeating: .infinity, count: 4)
    let solo = (0..<4).map { Reference.conjugateGradients(a, b.column($0), steps: 12) }
    for k in 1...12 {
      let x = try iterate(a, b, k).solution
      for j in 0..<4 {
        let error = energyNorm(a, zip(x.column(j), exact.column(j)).map { $0 - $1 })
        let alone = energyNorm(a, zip(solo[j][k - 1], exact.column(j)).map { $0 - $1 })
        #expect(error <= last[j] * (1 + 1e-12))
        #expect(error <= alone * (1 + 1e-8) + 1e-12)
        last[j] = error
      }
    }
  }

  /// The energies c_jᴴΣ⁻¹c_j are what the iterations take off the squared A-norm of the error.
  @Test func energiesAddUp() throws {
    var random = SplitMix(14)
    let a = try Reference.poisson(9, Double.self)
    let exact = random.block(81, 3, Double.self)
    let b = Reference.product(a, exact)
    for k in 1...5 {
      let result = try iterate(a, b, k)
      for j in 0..<3 {
        let before = energyNorm(a, exact.column(j))
        let after = energyNorm(a, zip(result.solution.column(j), exact.column(j)).map { $0 - $1 })
        let estimate = try #require(result.report.columns[j].energyErrorEstimate)
        #expect(abs(estimate * estimate - (before * before - after * after)) <= 1e-10 * before * before)
      }
    }
    // Further on the last energies bound the error before them from below.
    let early = try iterate(a, b, 10).solution
    let late = try iterate(a, b, 15)
    for j in 0..<3 {
      let error = energyNorm(a, zip(early.column(j), exact.column(j)).map { $0 - $1 })
      let estimate = try #require(late.report.columns[j].energyErrorEstimate)
      #expect(estimate <= error * (1 + 1e-10))
      #expect(estimate >= 0.3 * error)
    }
  }

  @Test func mixingColumnsMixesIterates() throws {
    var random = SplitMix(15)
    let a = try Reference.poisson(11, Double.self)
    let b = random.block(121, 3, Double.self)
    let mix = DenseMatrix<Double>(rows: 3, columns: 3) { [[2, 1, 0], [0.5, -1, 3], [1, 1, 1]][$0][$1] }
    func mixed(_ x: BlockVector<Double>) -> BlockVector<Double> {
      BlockVector(rows: x.rows, columns: 3) { i, j in (0..<3).reduce(0) { $0 + x[i, $1] * mix[$1, j] } }
    }
    let direct = try iterate(a, mixed(b), 10).solution
    let after = mixed(try iterate(a, b, 10).solution)
    #expect(Reference.distance(direct, after) <= 1e-9)
  }

  @Test func permutingColumnsPermutesResults() throws {
    var random = SplitMix(16)
    let a = try Reference.poisson(12, Double.self)
    let b = random.block(144, 4, Double.self)
    let order = [2, 0, 3, 1]
    let permuted = BlockVector<Double>(rows: 144, columns: 4) { b[$0, order[$1]] }
    let x = try BlockCG().solve(a, b).solution
    let y = try BlockCG().solve(a, permuted).solution
    for j in 0..<4 {
      let difference = Reference.norm(zip(y.column(j), x.column(order[j])).map { $0 - $1 })
      #expect(difference <= 1e-6 * Reference.norm(x.column(order[j])))
    }
  }

  @Test(arguments: [1e-300, 1e-12, 3e5, 1e200])
  func scalingAColumnLeavesItsHistory(factor: Double) throws {
    var random = SplitMix(17)
    let a = try Reference.poisson(12, Double.self)
    let b = random.block(144, 3, Double.self)
    let scaled = BlockVector<Double>(rows: 144, columns: 3) { b[$0, $1] * ($1 == 1 ? factor : 1) }
    let (first, second) = (try BlockCG().solve(a, b).report, try BlockCG().solve(a, scaled).report)
    #expect(second.allConverged && first.iterations == second.iterations)
    for j in 0..<3 {
      for (x, y) in zip(first.columns[j].history, second.columns[j].history) { #expect(abs(x - y) <= 1e-6 * x + 1e-12) }
    }
  }

  @Test func addingColumnsNeverWorsensTheOthers() throws {
    var random = SplitMix(18)
    let a = try Reference.poisson(10, Double.self)
    let exact = random.block(100, 6, Double.self)
    let b = Reference.product(a, exact)
    for k in [3, 6, 9] {
      let few = try iterate(a, b[columns: 0..<2], k).solution
      let many = try iterate(a, b, k).solution
      for j in 0..<2 {
        let alone = energyNorm(a, zip(few.column(j), exact.column(j)).map { $0 - $1 })
        let together = energyNorm(a, zip(many.column(j), exact.column(j)).map { $0 - $1 })
        #expect(together <= alone * (1 + 1e-8) + 1e-12)
      }
    }
  }

  @Test(arguments: [1, 3, 7, 20])
  func terminatesAfterDimensionOverWidth(p: Int) throws {
    var random = SplitMix(19)
    let q = Reference.orthogonal(40, &random)
    let eigenvalues = (0..<40).map { 1 + 30 * Double($0) / 39 }
    let a = CSRMatrix(
      dense: DenseMatrix(rows: 40, columns: 40) { i, j in
        let (low, high) = (min(i, j), max(i, j))
        return (0..<40).reduce(0) { $0 + q[low, $1] * eigenvalues[$1] * q[high, $1] }
      })
    let result = try BlockCG(tolerance: .relative(1e-9)).solve(a, random.block(40, p, Double.self))
    #expect(result.report.allConverged)
    #expect(result.report.iterations <= (40 + p - 1) / p + 1)
  }

  @Test func fewEigenvaluesTakeFewSteps() throws {
    var random = SplitMix(20)
    let a = CSRMatrix<Double>(diagonal: (0..<90).map { [1.0, 4, 9][$0 % 3] })
    let result = try BlockCG(tolerance: .relative(1e-10)).solve(a, random.block(90, 4, Double.self))
    #expect(result.report.allConverged && result.report.iterations <= 3)
  }

  @Test func similarAndScaledMatricesTakeTheSameSteps() throws {
    var random = SplitMix(21)
    let eigenvalues = (0..<50).map { 1 + Double($0 * $0) }
    let diagonal = CSRMatrix<Double>(diagonal: eigenvalues)
    let q = Reference.orthogonal(50, &random)
    let similar = CSRMatrix(
      dense: DenseMatrix(rows: 50, columns: 50) { i, j in
        (0..<50).reduce(0) { $0 + q[min(i, j), $1] * eigenvalues[$1] * q[max(i, j), $1] }
      })
    let b = random.block(50, 3, Double.self)
    let rotated = BlockVector<Double>(rows: 50, columns: 3) { i, j in (0..<50).reduce(0) { $0 + q[i, $1] * b[$1, j] } }
    let first = try BlockCG().solve(diagonal, b).report.iterations
    #expect(abs(try BlockCG().solve(similar, rotated).report.iterations - first) <= 1)
    #expect(try BlockCG().solve(diagonal.mapValues { $0 * 1024 }, b).report.iterations == first)
  }

  @Test func droppingAndReplacingAgree() throws {
    var random = SplitMix(22)
    let a = try Reference.poisson(16, Double.self)
    var b = random.block(256, 6, Double.self)
    b[columns: 4..<5] = b[columns: 0..<1]
    let replaced = try BlockCG().with { $0.dependentColumns = .replaced }.solve(a, b)
    let dropped = try BlockCG().with { $0.dependentColumns = .dropped }.solve(a, b)
    #expect(replaced.report.allConverged && dropped.report.allConverged)
    #expect(replaced.report.events.contains { $0.kind == .enriched })
    #expect(dropped.report.events.contains { $0.kind == .deflated })
    #expect(Reference.distance(replaced.solution, dropped.solution) <= 1e-6)
  }

  @Test func threeIdenticalColumnsConverge() throws {
    let a = try Reference.poisson(20, Double.self)
    let ones = BlockVector<Double>(rows: 400, columns: 3) { _, _ in 1 }
    for dependent in DependentColumns.allCases {
      let result = try BlockCG().with { $0.dependentColumns = dependent }.solve(a, ones)
      #expect(result.report.allConverged)
      #expect(Reference.relativeResiduals(a, result.solution, ones).allSatisfy { $0 <= 1.0000001e-8 })
    }
  }

  @Test func moreColumnsThanRows() throws {
    var random = SplitMix(23)
    let a = try Reference.poisson(3, Double.self)
    let b = random.block(9, 20, Double.self)
    let result = try BlockCG().solve(a, b)
    #expect(result.report.allConverged)
    #expect(Reference.distance(result.solution, Reference.solve(a.dense, b)) <= 1e-6)
  }

  @Test func singlePrecisionAndComplexSinglePrecision() throws {
    var random = SplitMix(24)
    let real = try BlockCG().solve(Reference.poisson(16, Float.self), random.block(256, 5, Float.self))
    #expect(real.report.allConverged)
    let complex = try BlockCG().solve(
      Reference.poisson(16, Complex<Float>.self), random.block(256, 5, Complex<Float>.self))
    #expect(complex.report.allConverged)
  }

  // MARK: Narrower blocks

  /// Few columns that are left go on without the others where that is cheaper: fewer columns are multiplied, and all of them solved.
  @Test func fewColumnsGoOnAlone() throws {
    var random = SplitMix(28)
    let a = try Reference.poisson(48, Double.self)
    let b = random.normalBlock(a.rows, 8)
    func solve(_ loose: Int, _ bound: Double, narrows: Bool) throws -> SolveReport {
      let bounds = (0..<8).map { $0 < loose ? bound : 1e-9 }
      let result = try BlockCG(tolerance: .perColumn(relative: bounds)).with { $0.narrowsBlocks = narrows }.solve(a, b)
      #expect(result.report.allConverged)
      for (j, residual) in Reference.relativeResiduals(a, result.solution, b).enumerated() {
        #expect(residual <= bounds[j] * 1.000001)
      }
      return result.report
    }
    let (narrow, wide) = (try solve(7, 1e-2, narrows: true), try solve(7, 1e-2, narrows: false))
    #expect(narrow.columnsApplied < wide.columnsApplied, "\(narrow.columnsApplied) and \(wide.columnsApplied)")
    #expect(narrow.events.filter { $0.kind == .deflated }.count == 1 && wide.events.isEmpty)
    // The columns that were left behind end with the estimates that they had then.
    #expect(narrow.columns[0].iterations == wide.columns[0].iterations)
    // Half of a block stays together.
    let half = try solve(4, 1e-3, narrows: true)
    let kept = try solve(4, 1e-3, narrows: false)
    #expect(half.events.isEmpty && half.iterations == kept.iterations && half.columnsApplied == kept.columnsApplied)
  }

  // MARK: Failures

  @Test func indefiniteMatrixIsNamed() throws {
    var random = SplitMix(25)
    let a = CSRMatrix<Double>(diagonal: (0..<30).map { $0 % 2 == 0 ? 1.0 : -1 - Double($0) })
    let result = try BlockCG().solve(a, random.block(30, 3, Double.self))
    #expect(result.report.columns.allSatisfy { $0.status == .indefiniteOperator && $0.trueRelativeResidual <= 1 })
    #expect(result.solution.columnMaxima().allSatisfy { $0.isFinite })
  }

  @Test func indefinitePreconditionerIsNamed() throws {
    var random = SplitMix(26)
    let a = try Reference.poisson(8, Double.self)
    let m = TestPreconditioner(rows: 64, claimsDefinite: true) { r, z in
      z.scaleRows(of: r, by: (0..<64).map { $0 % 2 == 0 ? 1 : -1 })
    }
    let result = try BlockCG().prepare(a, preconditioner: m).solve(random.block(64, 2, Double.self))
    #expect(result.report.columns.allSatisfy { $0.status == .indefinitePreconditioner })
  }

  @Test func nanFromOperatorAndPreconditionerAreTold() throws {
    var random = SplitMix(27)
    let a = try Reference.poisson(8, Double.self)
    let b = random.block(64, 3, Double.self)
    let poison = TestPreconditioner(rows: 64, claimsDefinite: true) { r, z in
      z.copy(from: r)
      z[5, 0] = .nan
    }
    let bad = try BlockCG().prepare(a, preconditioner: poison).solve(b)
    #expect(bad.report.columns.allSatisfy { $0.status == .nonFinite(.preconditioner) })
    let broken = MatrixFreeOperator<Double>(size: 64, structure: [.symmetric, .positiveDefinite]) { x, y in
      try a.apply(to: x, into: &y)
      y[3, 0] = .infinity
    }
    let worse = try BlockCG().solve(broken, b)
    #expect(worse.report.columns.allSatisfy { $0.status == .nonFinite(.operator) })
    #expect(worse.solution.columnMaxima().allSatisfy { $0.isFinite })
  }

  @Test func unsymmetricMatrixIsRefused() throws {
    let a = try Reference.convection(6, 20)
    #expect(throws: BlockKrylovError.self) { try BlockCG().prepare(a) }
  }
}

/// A preconditioner from a closure, for tests of the methods alone.
struct TestPreconditioner: Preconditioner {
  typealias Element = Double
  let rows: Int
  var claimsDefinite = false
  var varies = false
  let action: @Sendable (BlockVector<Double>, inout BlockVector<Double>) -> Void
  var name: String { "test" }
  var isPositiveDefinite: Bool { claimsDefinite }
  var isVariable: Bool { varies }
  func apply(to r: BlockVector<Double>, into z: inout BlockVector<Double>) throws { action(r, &z) }
}
