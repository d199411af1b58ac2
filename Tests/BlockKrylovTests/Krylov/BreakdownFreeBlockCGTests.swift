import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

/// Properties of BF-BCG: those of any correct block CG, and what it does where directions depend on each other.
struct BreakdownFreeBlockCGTests {
  private func iterate<S: Scalar>(_ a: CSRMatrix<S>, _ b: BlockVector<S>, _ steps: Int) throws -> BlockVector<S> {
    try BreakdownFreeBlockCG(tolerance: .relative(0), maximumIterations: steps).solve(a, b).solution
  }

  private func energyNorm(_ a: CSRMatrix<Double>, _ e: [Double]) -> Double {
    Reference.dot(e, Reference.product(a, e)).squareRoot()
  }

  /// The cases of the comparison of block CG variants: 32² Poisson, 8 columns, 1e-10.
  @Test(arguments: [("random", 59), ("dependent", 68), ("nearly duplicate", 67), ("eigenvector", 91)])
  func iterationsOfTheNotes(kind: String, most: Int) throws {
    var random = SplitMix(5)
    let a = try Reference.poisson(32, Double.self)
    var b = random.normalBlock(1024, 8)
    if kind == "dependent" {
      b[columns: 1..<2] = b[columns: 0..<1]
      for i in 0..<1024 { b[i, 3] = b[i, 2] - 2 * b[i, 4] }
    }
    for i in 0..<1024 {
      if kind == "nearly duplicate" { b[i, 1] = b[i, 0] + 1e-9 * b[i, 5] }
      if kind == "eigenvector" {
        b[i, 0] = Double.sin(.pi * Double(i % 32 + 1) / 33) * Double.sin(.pi * Double(i / 32 + 1) / 33)
      }
    }
    let result = try BreakdownFreeBlockCG(tolerance: .relative(1e-10)).solve(a, b)
    #expect(result.report.allConverged)
    #expect(Reference.relativeResiduals(a, result.solution, b).allSatisfy { $0 <= 1.000001e-10 })
    #expect((56...(most + 10)).contains(result.report.iterations), "\(result.report.iterations) iterations")
    if kind == "dependent" { #expect(result.report.events.contains { $0.kind == .deflated }) }
  }

  @Test func iteratesAreThoseOfBlockCG() throws {
    var random = SplitMix(821)
    let a = try Reference.poisson(12, Double.self)
    let b = random.block(144, 3, Double.self)
    for k in [1, 3, 8, 15] {
      let other = try BlockCG(tolerance: .relative(0), maximumIterations: k).solve(a, b).solution
      #expect(Reference.distance(try iterate(a, b, k), other) <= 1e-9 * other.columnMaxima()[0])
    }
    let one = b[columns: 0..<1]
    let reference = Reference.conjugateGradients(a, one.column(0), steps: 20)
    for k in [1, 5, 20] {
      let x = try iterate(a, one, k).column(0)
      #expect(Reference.norm(zip(x, reference[k - 1]).map { $0 - $1 }) <= 1e-10 * Reference.norm(reference[k - 1]))
    }
  }

  @Test func errorInEnergyNormFallsAndBeatsSingleColumns() throws {
    var random = SplitMix(822)
    let a = try Reference.poisson(10, Double.self)
    let exact = random.block(100, 4, Double.self)
    let b = Reference.product(a, exact)
    var last = [Double](repeating: .infinity, count: 4)
    let solo = (0..<4).map { Reference.conjugateGradients(a, b.column($0), steps: 12) }
    for k in 1...12 {
      let x = try iterate(a, b, k)
      for j in 0..<4 {
        let error = energyNorm(a, zip(x.column(j), exact.column(j)).map { $0 - $1 })
        let alone = energyNorm(a, zip(solo[j][k - 1], exact.column(j)).map { $0 - $1 })
        #expect(error <= last[j] * (1 + 1e-12) && error <= alone * (1 + 1e-8) + 1e-12)
        last[j] = error
      }
    }
  }

  @Test(arguments: [1, 3, 7, 20])
  func terminatesAfterDimensionOverWidth(p: Int) throws {
    var random = SplitMix(823)
    let a = CSRMatrix<Double>(diagonal: (0..<40).map { 1 + 30 * Double($0) / 39 })
    let result = try BreakdownFreeBlockCG(tolerance: .relative(1e-9)).solve(a, random.block(40, p, Double.self))
    #expect(result.report.allConverged && result.report.iterations <= (40 + p - 1) / p + 2)
  }

  @Test func identicalColumnsMoreColumnsThanRowsAndOtherScalars() throws {
    var random = SplitMix(824)
    let a = try Reference.poisson(20, Double.self)
    let ones = BlockVector<Double>(rows: 400, columns: 3) { _, _ in 1 }
    let result = try BreakdownFreeBlockCG().preconditioned(by: .ic0).solve(a, ones)
    #expect(result.report.allConverged && result.report.columnsApplied < 2 * result.report.operatorApplications)
    let small = try Reference.poisson(3, Double.self)
    let wide = random.block(9, 20, Double.self)
    let solved = try BreakdownFreeBlockCG().solve(small, wide)
    #expect(solved.report.allConverged && Reference.distance(solved.solution, Reference.solve(small.dense, wide)) <= 1e-6)
    #expect(
      try BreakdownFreeBlockCG().solve(Reference.poisson(16, Float.self), random.block(256, 5, Float.self)).report.allConverged)
    let complex = try Reference.poisson(16, Complex<Float>.self)
    #expect(try BreakdownFreeBlockCG().solve(complex, random.block(256, 5, Complex<Float>.self)).report.allConverged)
  }

  @Test func failuresAreNamed() throws {
    var random = SplitMix(825)
    let indefinite = CSRMatrix<Double>(diagonal: (0..<30).map { $0 % 2 == 0 ? 1.0 : -1 - Double($0) })
    let result = try BreakdownFreeBlockCG().solve(indefinite, random.block(30, 3, Double.self))
    #expect(result.report.columns.allSatisfy { $0.status == .indefiniteOperator && $0.trueRelativeResidual <= 1 })
    let a = try Reference.poisson(8, Double.self)
    let m = TestPreconditioner(rows: 64, claimsDefinite: true) { r, z in
      z.scaleRows(of: r, by: (0..<64).map { $0 % 2 == 0 ? 1 : -1 })
    }
    let worse = try BreakdownFreeBlockCG().prepare(a, preconditioner: m).solve(random.block(64, 2, Double.self))
    #expect(worse.report.columns.allSatisfy { $0.status == .indefinitePreconditioner })
    #expect(throws: BlockKrylovError.self) { try BreakdownFreeBlockCG().prepare(Reference.convection(6, 20)) }
  }

  /// A block that was narrowed takes its columns back in the same memory.
  @Test func blocksWidenAgain() throws {
    var block = BlockVector<Double>(rows: 5, columns: 6) { Double(10 * $0 + $1) }
    let whole = block
    block = block[columns: 0..<2]
    #expect(block == whole[columns: 0..<2])
    block.widen(to: 5)
    #expect(block == whole[columns: 0..<5])
    block[0, 0] = 7
    #expect(whole[0, 0] == 0 && block[0, 0] == 7 && block[4, 1] == 41)
  }
}
