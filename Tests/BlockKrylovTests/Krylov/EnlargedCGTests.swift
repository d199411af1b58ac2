import ComplexModule
import Testing

@testable import BlockKrylov

struct EnlargedCGTests {
  /// With one piece it is block CG, bit for bit.
  @Test func onePieceIsBlockCG() throws {
    var random = SplitMix(171)
    let a = try Reference.poisson(12, Double.self)
    let b = random.block(144, 3, Double.self)
    let (one, block) = (try EnlargedCG(enlargement: 1).solve(a, b), try BlockCG().solve(a, b))
    #expect(one.solution == block.solution && one.report.method == "ecg")
  }

  /// The iterate is the best of the space that the pieces generate: the A-norm of its error is that of block CG for the sum of them.
  @Test(arguments: [2, 5])
  func iteratesAreTheSumsOfThoseOfThePieces(pieces: Int) throws {
    var random = SplitMix(172)
    let a = try Reference.poisson(9, Double.self)
    let b = random.block(81, 1, Double.self)
    let split = BlockVector<Double>(rows: 81, columns: pieces) { i, d in
      81 * d / pieces <= i && i < 81 * (d + 1) / pieces ? b[i, 0] : 0
    }
    for k in [1, 3, 6] {
      let x = try EnlargedCG(enlargement: pieces, tolerance: .relative(0), maximumIterations: k).solve(a, b).solution.column(0)
      let parts = try BlockCG(tolerance: .relative(0), maximumIterations: k).solve(a, split).solution
      let sum = (0..<81).map { i in (0..<pieces).reduce(0) { $0 + parts[i, $1] } }
      #expect(Reference.norm(zip(x, sum).map { $0 - $1 }) <= 1e-9 * Reference.norm(x))
    }
  }

  @Test func needsFewerIterationsThanCG() throws {
    var random = SplitMix(173)
    let a = try Reference.poisson(32, Double.self)
    let b = random.block(1024, 1, Double.self)
    let plain = try BlockCG().solve(a, b).report
    var last = plain.iterations
    for pieces in [4, 16] {
      let result = try EnlargedCG(enlargement: pieces).solve(a, b)
      #expect(result.report.allConverged && result.report.iterations < last)
      #expect(Reference.relativeResiduals(a, result.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
      last = result.report.iterations
    }
    #expect(Double(last) <= 0.7 * Double(plain.iterations))
  }

  /// Several columns, more pieces than the block may be wide or than there are rows, complex numbers.
  @Test func limitsOfTheWidth() throws {
    var random = SplitMix(174)
    let a = try Reference.poisson(10, Complex<Double>.self)
    let b = random.block(100, 3, Complex<Double>.self)
    for pieces in [3, 40, 1000] {
      let result = try EnlargedCG(enlargement: pieces).preconditioned(by: .ic0).solve(a, b)
      #expect(result.report.allConverged)
      #expect(Reference.relativeResiduals(a, result.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
    }
    let small = try EnlargedCG(enlargement: 8).solve(Reference.poisson(2, Double.self), random.block(4, 1, Double.self))
    #expect(small.report.allConverged)
    #expect(throws: BlockKrylovError.self) { try EnlargedCG(enlargement: 0).prepare(Reference.poisson(3, Double.self)) }
  }
}
