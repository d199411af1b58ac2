import ComplexModule
import Testing

@testable import BlockKrylov

@Suite struct SinglePrecisionBasisTests {
  /// Half the memory, the same X: every cycle goes on from the residual of double precision.
  @Test func attainsDoublePrecision() throws {
    var random = SplitMix(66)
    let a = try Gallery.Problem(.convdiff2d, size: 40).matrix(Double.self)
    let b = random.block(a.rows, 5, Double.self)
    for tolerance in [1e-6, 1e-12] {
      for choice in [PreconditionerChoice.none, .ilu0] {
        let method = PseudoBlockGMRES(tolerance: .relative(tolerance), restart: 30)
        let full = try method.preconditioned(by: choice).solve(a, b)
        let single = try method.storingBasis(in: .single).preconditioned(by: choice).solve(a, b)
        #expect(full.report.allConverged && single.report.allConverged)
        #expect(Reference.relativeResiduals(a, single.solution, b).allSatisfy { $0 <= tolerance * 1.0001 })
        #expect(single.report.iterations <= full.report.iterations * 5 / 4 + 30, "\(choice.name) \(tolerance)")
        #expect(Double(single.report.bytesUsed) < 0.8 * Double(full.report.bytesUsed))
      }
    }
    let complex = try Model.laplacian(20, convection: 0.4, phase: 0.3, Complex<Double>.self)
    let c = random.block(complex.rows, 3, Complex<Double>.self)
    let method = PseudoBlockGMRES(tolerance: .relative(1e-12), restart: 25).storingBasis(in: .single)
    let result = try method.solve(complex, c)
    #expect(result.report.allConverged && Reference.relativeResiduals(complex, result.solution, c).allSatisfy { $0 < 1.1e-12 })
  }

  /// The same bits for any number of threads; in single precision throughout there is nothing to round.
  @Test func threadsDoNotMatter() throws {
    let a = try Gallery.Problem(.convdiff2d, size: 50).matrix(Double.self)
    var random = SplitMix(67)
    let b = random.block(a.rows, 4, Double.self)
    let method = PseudoBlockGMRES(restart: 20).storingBasis(in: .single)
    let one = try method.with { $0.threads = 1 }.solve(a, b)
    let three = try method.with { $0.threads = 3 }.solve(a, b)
    #expect(one.solution == three.solution && one.report.allConverged)
    let (narrow, c) = (a.converted(to: Float.self), b.converted(to: Float.self))
    let loose = PseudoBlockGMRES(tolerance: .relative(1e-4), restart: 20)
    #expect(try loose.storingBasis(in: .single).solve(narrow, c).solution == loose.solve(narrow, c).solution)
  }
}
