import ComplexModule
import Testing

@testable import BlockKrylov

/// Numbers of the notes and properties that any correct block GMRES has.
struct BlockGMRESTests {
  private func iterate<S: Scalar>(
    _ a: CSRMatrix<S>, _ b: BlockVector<S>, _ steps: Int, restart: Int = 400
  ) throws -> SolveResult<S> {
    try BlockGMRES(tolerance: .relative(0), restart: restart, maximumIterations: steps).solve(a, b)
  }

  private func residualNorms<S: Scalar>(_ a: CSRMatrix<S>, _ result: SolveResult<S>, _ b: BlockVector<S>) -> [Double] {
    zip(Reference.relativeResiduals(a, result.solution, b), b.columnNorms()).map { $0 * $1 }
  }

  // MARK: Regression numbers

  /// A applied to all directions in every step, as the numbers are meant.
  private func fullWidth(restart: Int) -> some BlockMethod {
    BlockGMRES(tolerance: .relative(1e-8), restart: restart).with { $0.inexactBreakdowns = false }
  }

  /// Full block GMRES on Morgan's bidiagonal matrix 0.1, 1, 2, …: the median of five right-hand sides, since one varies by about 3.
  @Test(arguments: [(1, 201), (2, 142), (4, 103), (8, 74)])
  func iterationsOnBidiagonal(m: Int, expected: Int) throws {
    let a = try Gallery.Problem(.bidiagonal, size: 1000).matrix(Double.self)
    let counts = try (1...9).map { seed in
      var random = SplitMix(UInt64(seed))
      let result = try fullWidth(restart: 300).solve(a, random.normalBlock(1000, m))
      #expect(result.report.allConverged)
      return result.report.iterations
    }
    #expect(counts.contains { abs($0 - expected) <= 3 }, "\(counts)")
  }

  @Test(arguments: [(1, 84), (2, 78), (4, 69), (8, 54)])
  func iterationsOnConvection(m: Int, expected: Int) throws {
    var random = SplitMix(2)
    let a = try Reference.convection(32, 20)
    let result = try fullWidth(restart: 200).solve(a, random.normalBlock(1024, m))
    #expect(result.report.allConverged)
    #expect(abs(result.report.iterations - expected) <= 3, "\(result.report.iterations)")
  }

  // MARK: Properties

  /// Optimality: in every step each column's residual is the least over the block Krylov space.
  @Test func residualsAreLeastOverTheKrylovSpace() throws {
    var random = SplitMix(31)
    let a = try random.sparse(36, 36, perRow: 5, diagonal: 4, Double.self)
    let b = random.block(36, 3, Double.self)
    let columns = b.columnArrays
    for j in 0..<3 {
      let least = Reference.leastResiduals(a, start: columns, target: columns[j], steps: 8)
      let alone = Reference.leastResiduals(a, start: [columns[j]], target: columns[j], steps: 8)
      for k in 1...8 {
        let norm = residualNorms(a, try iterate(a, b, k), b)[j]
        #expect(abs(norm - least[k - 1]) <= 1e-9 * Reference.norm(columns[j]))
        #expect(norm <= alone[k - 1] * (1 + 1e-8) + 1e-12)
      }
    }
  }

  @Test func complexResidualsAreLeastToo() throws {
    typealias C = Complex<Double>
    var random = SplitMix(32)
    let a = try random.sparse(30, 30, perRow: 4, diagonal: 5, C.self)
    let b = random.block(30, 2, C.self)
    for j in 0..<2 {
      let least = Reference.leastResiduals(a, start: b.columnArrays, target: b.column(j), steps: 6)
      for k in [1, 3, 6] { #expect(abs(residualNorms(a, try iterate(a, b, k), b)[j] - least[k - 1]) <= 1e-9) }
    }
    #expect(try BlockGMRES().solve(a, b).report.allConverged)
  }

  @Test func residualsNeverGrowAndEstimatesAreTrue() throws {
    var random = SplitMix(33)
    let a = try Reference.convection(12, 30)
    let b = random.block(144, 4, Double.self)
    let report = try BlockGMRES(tolerance: .relative(1e-10), restart: 200).solve(a, b).report
    #expect(report.allConverged)
    for column in report.columns {
      for (x, y) in zip(column.history, column.history.dropFirst()) { #expect(y <= x * (1 + 1e-12)) }
      #expect(abs(column.estimatedResidual - column.trueResidual) <= 1e-10 * column.rightHandSideNorm)
      #expect(column.history.count == report.iterations + 1)
    }
  }

  @Test func mixingColumnsMixesIterates() throws {
    var random = SplitMix(34)
    let a = try Reference.convection(10, 10)
    let b = random.block(100, 2, Double.self)
    let mixed = BlockVector<Double>(rows: 100, columns: 2) { b[$0, 0] * ($1 == 0 ? 2 : 1) + b[$0, 1] * ($1 == 0 ? 1 : -3) }
    let x = try iterate(a, b, 12).solution
    let y = try iterate(a, mixed, 12).solution
    for i in 0..<100 {
      #expect(abs(y[i, 0] - (2 * x[i, 0] + x[i, 1])) <= 1e-9)
      #expect(abs(y[i, 1] - (x[i, 0] - 3 * x[i, 1])) <= 1e-9)
    }
  }

  @Test(arguments: [1, 4, 9])
  func terminatesAfterDimensionOverWidth(p: Int) throws {
    var random = SplitMix(35)
    let a = try random.sparse(45, 45, perRow: 4, diagonal: 6, Double.self)
    let result = try BlockGMRES(tolerance: .relative(1e-10)).solve(a, random.block(45, p, Double.self))
    #expect(result.report.allConverged && result.report.iterations <= (45 + p - 1) / p)
  }

  @Test func dependentDuplicateAndManyColumns() throws {
    var random = SplitMix(36)
    let a = try Reference.convection(9, 15)
    var b = random.block(81, 6, Double.self)
    b[columns: 1..<2] = b[columns: 0..<1]
    for i in 0..<81 { b[i, 4] = b[i, 2] + b[i, 3] }
    for i in 0..<81 { b[i, 5] = 0 }
    let result = try BlockGMRES().solve(a, b)
    #expect(result.report.allConverged)
    #expect(result.report.columns[5].status == .zeroRightHandSide)
    #expect(result.report.events.contains { $0.kind == .deflated })
    #expect(Reference.distance(result.solution[columns: 0..<1], result.solution[columns: 1..<2]) <= 1e-12)
    let wide = random.block(81, 100, Double.self)
    let all = try BlockGMRES().with { $0.maximumBlockWidth = 200 }.solve(a, wide)
    #expect(all.report.allConverged && all.report.iterations <= 2)
  }

  @Test func threeIdenticalColumnsConverge() throws {
    let a = try Reference.convection(20, 25)
    let ones = BlockVector<Double>(rows: 400, columns: 3) { _, _ in 1 }
    let result = try BlockGMRES(restart: 30).solve(a, ones)
    #expect(result.report.allConverged)
    #expect(Reference.relativeResiduals(a, result.solution, ones).allSatisfy { $0 <= 1.0000001e-8 })
  }

  @Test func restartAtLeastTheBasisIsFull() throws {
    var random = SplitMix(37)
    let a = try Reference.convection(10, 10)
    let b = random.block(100, 3, Double.self)
    let full = try BlockGMRES(restart: 500).solve(a, b)
    let exact = try BlockGMRES(restart: full.report.iterations).solve(a, b)
    #expect(full.report.iterations == exact.report.iterations)
    #expect(full.solution == exact.solution)
    let restarted = try BlockGMRES(restart: 8).solve(a, b)
    #expect(restarted.report.allConverged && restarted.report.iterations > full.report.iterations)
    #expect(restarted.report.events.contains { $0.kind == .restarted })
  }

  // MARK: Preconditioning

  @Test func flexibleWithAFixedPreconditionerIsRight() throws {
    var random = SplitMix(38)
    let a = try Reference.convection(12, 20)
    let b = random.block(144, 3, Double.self)
    let right = try BlockGMRES(side: .right).preconditioned(by: .ilu0).solve(a, b)
    let flexible = try BlockGMRES(side: .flexible).preconditioned(by: .ilu0).solve(a, b)
    let left = try BlockGMRES(side: .left).preconditioned(by: .ilu0).solve(a, b)
    #expect(right.report.allConverged && flexible.report.allConverged && left.report.allConverged)
    #expect(right.report.iterations == flexible.report.iterations)
    #expect(Reference.distance(right.solution, flexible.solution) <= 1e-9)
    for x in [right, flexible, left] {
      #expect(Reference.relativeResiduals(a, x.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
    }
  }

  @Test(arguments: PreconditionerSide.allCases)
  func exactPreconditionerTakesOneStep(side: PreconditionerSide) throws {
    var random = SplitMix(39)
    let a = try Reference.convection(6, 10)
    let dense = a.dense
    let exact = TestPreconditioner(rows: 36) { r, z in z.copy(from: Reference.solve(dense, r)) }
    let result = try BlockGMRES(tolerance: .relative(1e-10), side: side).prepare(a, preconditioner: exact)
      .solve(random.block(36, 4, Double.self))
    #expect(result.report.allConverged && result.report.iterations == 1)
  }

  @Test func aVaryingPreconditionerMakesItFlexible() throws {
    var random = SplitMix(40)
    let a = try Reference.poisson(10, Double.self)
    let diagonal = a.diagonal
    let varying = TestPreconditioner(rows: 100, varies: true) { r, z in
      // A few steps of Jacobi's iteration whose number depends on the data: nonlinear.
      z.scaleRows(of: r, by: diagonal.map { 1 / $0 })
      for _ in 0..<(r[0, 0] > 0 ? 1 : 3) {
        var t = r
        try? a.residual(of: z, r, into: &t)
        t.scaleRows(by: diagonal.map { 1 / $0 })
        z.combine(1, t, 1)
      }
    }
    let result = try BlockGMRES().prepare(a, preconditioner: varying).solve(random.block(100, 3, Double.self))
    #expect(result.report.allConverged && result.report.method == "fgmres")
    #expect(throws: BlockKrylovError.self) { try BlockGMRES(side: .left).prepare(a, preconditioner: varying) }
    #expect(throws: BlockKrylovError.self) { try BlockCG().prepare(a, preconditioner: varying) }
    // One that is not linear and does not say so is found out.
    let silent = TestPreconditioner(rows: 100) { r, z in
      z.combine(1 / (4 + abs(r[0, 0])), r)
    }
    let found = try BlockGMRES().prepare(a, preconditioner: silent).solve(random.block(100, 3, Double.self))
    #expect(found.report.allConverged && found.report.method == "fgmres")
    #expect(found.report.events.contains { $0.kind == .methodChanged })
  }

  // MARK: Failures

  @Test func singularMatrixIsNeverCalledSolved() throws {
    var random = SplitMix(41)
    let a = CSRMatrix<Double>(diagonal: (0..<30).map { $0 < 3 ? 0 : Double($0) })
    let result = try BlockGMRES().solve(a, random.block(30, 2, Double.self))
    for column in result.report.columns {
      #expect(!column.status.isConverged)
      #expect(column.status == .singular(reciprocalCondition: nil) || column.status.name == "stagnated")
    }
    #expect(result.solution.columnMaxima().allSatisfy { $0.isFinite })
    // A consistent singular system is solved.
    let consistent = BlockVector<Double>(rows: 30, columns: 2) { i, j in i < 3 ? 0 : Double(i + j) }
    #expect(try BlockGMRES().solve(a, consistent).report.allConverged)
  }

  @Test func skewAndIndefiniteMatricesAreSolved() throws {
    var random = SplitMix(42)
    var t = try TripletBuilder<Double>(rows: 40, columns: 40)
    for i in 0..<39 {
      try t.add(1 + Double(i) / 40, row: i, column: i + 1)
      try t.add(-1 - Double(i) / 40, row: i + 1, column: i)
    }
    #expect(try BlockGMRES().solve(t.csr(), random.block(40, 3, Double.self)).report.allConverged)
  }

  @Test func nanFromOperatorAndPreconditionerAreTold() throws {
    var random = SplitMix(43)
    let a = try Reference.convection(8, 10)
    let b = random.block(64, 3, Double.self)
    for side in PreconditionerSide.allCases {
      let poison = TestPreconditioner(rows: 64) { r, z in
        z.copy(from: r)
        if r[0, 0] != b[0, 0] { z[5, 0] = .nan }
      }
      let bad = try BlockGMRES(side: side).prepare(a, preconditioner: poison).solve(b)
      #expect(bad.report.columns.allSatisfy { $0.status == .nonFinite(.preconditioner) })
      #expect(bad.solution.columnMaxima().allSatisfy { $0.isFinite })
    }
    let broken = MatrixFreeOperator<Double>(size: 64) { x, y in
      try a.apply(to: x, into: &y)
      y[3, 0] = .nan
    }
    let worse = try BlockGMRES().solve(broken, b)
    #expect(worse.report.columns.allSatisfy { $0.status == .nonFinite(.operator) })
  }

  @Test func hopelessRestartsEndAsStagnation() throws {
    // A cyclic shift: GMRES(k) makes no progress at all for k < n.
    var t = try TripletBuilder<Double>(rows: 20, columns: 20)
    for i in 0..<20 { try t.add(1, row: (i + 1) % 20, column: i) }
    let b = BlockVector<Double>(rows: 20, columns: 1) { i, _ in i == 0 ? 1 : 0 }
    let result = try BlockGMRES(restart: 5).solve(t.csr(), b)
    #expect(result.report.columns[0].status == .stagnated(.noProgress))
    #expect(try BlockGMRES(restart: 20).solve(t.csr(), b).report.allConverged)
  }
}
