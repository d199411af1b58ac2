import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

struct BlockBiCGStabTests {
  /// With one column every scalar is that of BiCGStab, so that the iterates are.
  @Test func oneColumnIsBiCGStab() throws {
    var random = SplitMix(121)
    let a = try Reference.convection(12, 20)
    let b = random.block(144, 1, Double.self)
    let reference = Reference.biCGStab(a, b.column(0), steps: 15)
    for k in [1, 2, 5, 10, 15] {
      for method in [BlockBiCGStab(), PseudoBlockBiCGStab()] as [any BlockMethod] {
        let x = try method.with { ($0.tolerance, $0.maximumIterations) = (.relative(0), k) }.prepare(a).solve(b).solution.column(
          0)
        let error = Reference.norm(zip(x, reference[k - 1]).map { $0 - $1 })
        #expect(error <= 1e-8 * Reference.norm(reference[k - 1]), "\(method.name) after \(k)")
      }
    }
  }

  @Test(arguments: [1, 2, 4, 8])
  func needsFewerIterationsThanOneByOne(m: Int) throws {
    var random = SplitMix(122)
    let a = try Reference.convection(24, 20)
    let b = random.block(576, m, Double.self)
    let block = try BlockBiCGStab().solve(a, b)
    let solo = try PseudoBlockBiCGStab().solve(a, b)
    #expect(block.report.allConverged && solo.report.allConverged)
    #expect(Reference.relativeResiduals(a, block.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
    #expect(block.report.iterations <= solo.report.iterations + 2)
    if m == 8 { #expect(Double(block.report.iterations) <= 0.8 * Double(solo.report.iterations)) }
  }

  @Test func dependentColumnsAndMoreColumnsThanRows() throws {
    var random = SplitMix(123)
    let a = try Reference.convection(12, 20)
    var b = random.block(144, 7, Double.self)
    b[columns: 1..<2] = b[columns: 0..<1]
    for i in 0..<144 {
      b[i, 3] = b[i, 2] - 2 * b[i, 4]
      b[i, 5] = b[i, 4] + 1e-9 * b[i, 6]
    }
    for choice in [PreconditionerChoice.none, .ilu0] {
      let result = try BlockBiCGStab().preconditioned(by: choice).solve(a, b)
      #expect(result.report.allConverged && result.report.events.contains { $0.kind == .deflated })
      #expect(Reference.relativeResiduals(a, result.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
    }
    let small = try Reference.convection(3, 5)
    let wide = random.block(9, 20, Double.self)
    #expect(try BlockBiCGStab().solve(small, wide).report.allConverged)
  }

  /// Columns of very different size and tolerance: C carries the scales.
  @Test func columnsThatConvergeAtDifferentTimes() throws {
    var random = SplitMix(124)
    let a = try Reference.convection(16, 20)
    let b = random.block(256, 4, Double.self)
    let bounds = [1e-1, 1e-4, 1e-7, 1e-10]
    let result = try BlockBiCGStab(tolerance: .perColumn(relative: bounds)).solve(a, b)
    #expect(result.report.allConverged)
    for (residual, bound) in zip(Reference.relativeResiduals(a, result.solution, b), bounds) {
      #expect(residual <= bound * 1.000001)
    }
  }

  /// The first R̂ᴴAP vanishes: a random shadow block takes over, as an event.
  @Test func skewMatricesBeginAgain() throws {
    var t = try TripletBuilder<Double>(rows: 30, columns: 30)
    for i in 0..<30 where i % 2 == 0 {
      try t.add(Double(i + 1), row: i, column: i + 1)
      try t.add(-Double(i + 1), row: i + 1, column: i)
    }
    let a = try t.csr()
    let b = BlockVector<Double>(rows: 30, columns: 1) { i, _ in i < 4 ? 1 : 0 }
    for method in [BlockBiCGStab(), PseudoBlockBiCGStab()] as [any BlockMethod] {
      let result = try method.prepare(a).solve(b)
      #expect(result.report.columns[0].trueRelativeResidual <= 1 && result.solution.columnMaxima()[0].isFinite)
      #expect(result.report.allConverged || result.report.columns[0].remedy != nil)
      #expect(result.report.events.contains { $0.kind == .breakdown || $0.kind == .residualReplaced })
    }
  }

  @Test func complexAndSinglePrecision() throws {
    var random = SplitMix(125)
    typealias C = Complex<Double>
    let helmholtz = try Gallery.Problem(.helmholtz2d, size: 16).matrix(C.self)
    let b = random.block(helmholtz.rows, 4, C.self)
    for method in [BlockBiCGStab(), PseudoBlockBiCGStab(), PseudoBlockGMRES()] as [any BlockMethod] {
      let result = try method.preconditioned(by: .ilu0).prepare(helmholtz).solve(b)
      #expect(result.report.allConverged, "\(method.name)")
      #expect(Reference.relativeResiduals(helmholtz, result.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
      let single = try method.prepare(Reference.poisson(12, Float.self)).solve(random.block(144, 3, Float.self))
      #expect(single.report.allConverged, "\(method.name)")
    }
  }

  @Test func variablePreconditionersAreRefused() throws {
    let m = TestPreconditioner(rows: 16, varies: true) { r, z in z.copy(from: r) }
    let a = try Reference.poisson(4, Double.self)
    for method in [BlockBiCGStab(), PseudoBlockBiCGStab(), PseudoBlockGMRES(), PseudoBlockCG(), BlockMINRES()]
      as [any BlockMethod]
    {
      #expect(throws: BlockKrylovError.self, "\(method.name)") { try method.prepare(a, preconditioner: m) }
    }
  }
}
