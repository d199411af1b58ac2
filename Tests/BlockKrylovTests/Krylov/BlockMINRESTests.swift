import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

/// Properties that any correct block MINRES has.
struct BlockMINRESTests {
  private func iterate<S: Scalar>(
    _ a: CSRMatrix<S>, _ b: BlockVector<S>, _ steps: Int, _ change: (inout SolverOptions) -> Void = { _ in }
  ) throws -> SolveResult<S> {
    try BlockMINRES(tolerance: .relative(0), maximumIterations: steps).with(change).solve(a, b)
  }

  /// The Laplacian less a multiple of the identity: about an eighth of the eigenvalues are negative.
  private func indefinite<S: Scalar>(_ n: Int, _ shift: Double = 1.3, _ type: S.Type = S.self) throws -> CSRMatrix<S> {
    try Reference.poisson(n, S.self).mapValues { $0 == 4 ? S(double: 4 - shift) : $0 }
  }

  /// Hermitian with complex entries off the diagonal and a diagonal of both signs.
  private func hermitian(_ n: Int, _ random: inout SplitMix) throws -> CSRMatrix<Complex<Double>> {
    var t = try TripletBuilder<Complex<Double>>(rows: n, columns: n)
    for i in 0..<n {
      try t.add(Complex(i % 3 == 0 ? -4 : 5 + Double(i) / 10), row: i, column: i)
      if i + 3 < n {
        let z: Complex<Double> = random.scalar()
        try t.add(z, row: i, column: i + 3)
        try t.add(z.conjugate, row: i + 3, column: i)
      }
    }
    return try t.csr()
  }

  /// The residual of every column is the smallest over the explicit block Krylov space.
  @Test(arguments: [1, 2, 5])
  func residualsAreTheLeast(m: Int) throws {
    var random = SplitMix(101)
    let a = try indefinite(7, 1.3, Double.self)
    let b = random.block(49, m, Double.self)
    let steps = 45 / m
    let least = Reference.leastResiduals(a, start: b.columnArrays, target: b.column(m - 1), steps: min(steps, 12))
    for k in [1, 2, 3, 5, 8] where k <= least.count {
      let report = try iterate(a, b, k).report
      let size = Reference.norm(b.column(m - 1))
      #expect(abs(report.columns[m - 1].trueResidual - least[k - 1]) <= 1e-9 * size)
      #expect(abs(report.columns[m - 1].estimatedResidual - least[k - 1]) <= 1e-9 * size)
    }
  }

  @Test func complexResidualsAreTheLeast() throws {
    var random = SplitMix(102)
    let a = try hermitian(40, &random)
    let b = random.block(40, 3, Complex<Double>.self)
    let least = Reference.leastResiduals(a, start: b.columnArrays, target: b.column(0), steps: 8)
    for k in [1, 3, 6, 8] {
      #expect(abs(try iterate(a, b, k).report.columns[0].trueResidual - least[k - 1]) <= 1e-9 * Reference.norm(b.column(0)))
    }
    let solved = try BlockMINRES().solve(a, b)
    #expect(solved.report.allConverged)
    #expect(Reference.relativeResiduals(a, solved.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
  }

  @Test func historiesNeverRiseAndMoreColumnsNeverHurt() throws {
    var random = SplitMix(103)
    let a = try indefinite(12, 1.3, Double.self)
    let b = random.block(144, 6, Double.self)
    let many = try BlockMINRES().solve(a, b).report
    let few = try BlockMINRES().solve(a, b[columns: 0..<2]).report
    #expect(many.allConverged && few.allConverged)
    for column in many.columns {
      for (before, after) in zip(column.history, column.history.dropFirst()) { #expect(after <= before * (1 + 1e-10)) }
    }
    for j in 0..<2 {
      for (together, alone) in zip(many.columns[j].history, few.columns[j].history) {
        #expect(together <= alone * (1 + 1e-6) + 1e-9)
      }
    }
  }

  @Test(arguments: [1, 4, 7])
  func terminatesAfterDimensionOverWidth(p: Int) throws {
    var random = SplitMix(104)
    let eigenvalues = (0..<40).map { (i: Int) -> Double in (i % 2 == 0 ? 1 : -1) * (1 + 5 * Double(i) / 39) }
    let a = CSRMatrix<Double>(diagonal: eigenvalues)
    let result = try BlockMINRES(tolerance: .relative(1e-9)).solve(a, random.block(40, p, Double.self))
    #expect(result.report.allConverged && result.report.iterations <= (40 + p - 1) / p + 2)
  }

  @Test func dependentColumnsAndMoreColumnsThanRows() throws {
    var random = SplitMix(105)
    let a = try indefinite(10, 1.3, Double.self)
    var b = random.block(100, 7, Double.self)
    b[columns: 1..<2] = b[columns: 0..<1]
    for i in 0..<100 {
      b[i, 3] = b[i, 2] - 2 * b[i, 4]
      b[i, 5] = b[i, 4] + 1e-9 * b[i, 6]
    }
    for choice in [PreconditionerChoice.none, .jacobi] {
      let result = try BlockMINRES().preconditioned(by: choice).solve(a, b)
      #expect(result.report.allConverged && result.report.events.contains { $0.kind == .deflated })
      #expect(Reference.relativeResiduals(a, result.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
    }
    let small = try indefinite(3, 1.3, Double.self)
    let wide = random.block(9, 20, Double.self)
    let result = try BlockMINRES().solve(small, wide)
    #expect(result.report.allConverged && Reference.distance(result.solution, Reference.solve(small.dense, wide)) <= 1e-6)
  }

  /// A preconditioner changes the norm, not what converged means; the wrong sign on the diagonal does no harm.
  @Test func preconditioners() throws {
    var random = SplitMix(106)
    let a = try indefinite(16, 1.3, Double.self)
    let scales = (0..<256).map { Double.pow(10, Double($0 % 5) - 2) }
    var t = try TripletBuilder<Double>(rows: 256, columns: 256)
    for i in 0..<256 {
      for k in a.rowStart[i]..<a.rowStart[i + 1] {
        let j = Int(a.columnIndex[k])
        try t.add(scales[i] * a.values[k] * scales[j] * (i == j && i % 7 == 0 ? -1 : 1), row: i, column: j)
      }
    }
    let scaled = try t.csr()
    let b = random.block(256, 4, Double.self)
    let result = try BlockMINRES().preconditioned(by: .jacobi).solve(scaled, b)
    #expect(result.report.allConverged && result.report.preconditioner == "jacobi")
    #expect(Reference.relativeResiduals(scaled, result.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
    let prepared = try BlockMINRES().preconditioned(by: .jacobi).prepare(scaled)
    try prepared.update(scaled.mapValues { -2 * $0 })
    #expect(try prepared.solve(b).report.allConverged, "moduli of new values too")
    let positive = try BlockMINRES().preconditioned(by: .ic0).solve(a, b)
    let plain = try BlockMINRES().solve(a, b)
    #expect(positive.report.allConverged && plain.report.allConverged)
    #expect(throws: BlockKrylovError.self) { try BlockMINRES().preconditioned(by: .ilu0).prepare(a) }
    #expect(throws: BlockKrylovError.self) { try BlockMINRES().prepare(Reference.convection(6, 20)) }
  }

  @Test func indefinitePreconditionerIsNamed() throws {
    var random = SplitMix(107)
    let a = try indefinite(8, 1.3, Double.self)
    let m = TestPreconditioner(rows: 64, claimsDefinite: true) { r, z in
      z.scaleRows(of: r, by: (0..<64).map { $0 % 2 == 0 ? 1 : -1 })
    }
    let result = try BlockMINRES().prepare(a, preconditioner: m).solve(random.block(64, 2, Double.self))
    #expect(result.report.columns.allSatisfy { $0.status == .indefinitePreconditioner })
  }

  /// Singular A: what is consistent is solved; what is not is named, with the residual of the least-squares solution.
  @Test func singularMatrices() throws {
    var random = SplitMix(108)
    let eigenvalues = (0..<60).map { (i: Int) -> Double in i < 3 ? 0 : (i % 2 == 0 ? 1 : -1) * (1 + Double(i)) }
    let a = CSRMatrix<Double>(diagonal: eigenvalues)
    let b = BlockVector<Double>(rows: 60, columns: 4) { i, j in i < 3 && j != 2 ? 0 : random.scalar() }
    #expect(try BlockMINRES().solve(a, b[columns: 0..<2]).report.allConverged)
    let column = try BlockMINRES().solve(a, b[columns: 2..<3]).report.columns[0]
    #expect(!column.status.isConverged && column.remedy != nil && column.trueRelativeResidual <= 1)
    let neumann = try Gallery.Problem(.neumann2d, size: 12).matrix(Double.self)
    let exact = random.block(144, 3, Double.self)
    #expect(try BlockMINRES().solve(neumann, Reference.product(neumann, exact)).report.allConverged)
    let inconsistent = try BlockMINRES().solve(neumann, random.block(144, 3, Double.self)).report
    for column in inconsistent.columns {
      #expect(!column.status.isConverged && column.remedy != nil && column.trueRelativeResidual <= 1)
    }
  }

  @Test func singlePrecision() throws {
    var random = SplitMix(109)
    #expect(try BlockMINRES().solve(indefinite(12, 1.3, Float.self), random.block(144, 5, Float.self)).report.allConverged)
    let complex = try BlockMINRES().solve(
      indefinite(12, 1.3, Complex<Float>.self), random.block(144, 5, Complex<Float>.self))
    #expect(complex.report.allConverged)
  }
}
