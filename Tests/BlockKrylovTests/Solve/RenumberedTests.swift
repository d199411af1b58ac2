import ComplexModule
import Testing

@testable import BlockKrylov

/// Unknowns in another order inside, in the caller's outside.
struct RenumberedTests {
  private func shuffled<S: Scalar>(_ a: CSRMatrix<S>) throws -> CSRMatrix<S> {
    var random = SplitMix(921)
    var order = Array(0..<a.rows)
    for k in stride(from: a.rows - 1, to: 0, by: -1) { order.swapAt(k, Int(random.next() % UInt64(k + 1))) }
    return try a.renumbered(by: order)
  }

  private func check<S: Scalar>(_ a: CSRMatrix<S>, _ method: any BlockMethod) throws {
    var random = SplitMix(922)
    let b = random.block(a.rows, 3, S.self)
    let prepared = try Renumbered(method).prepare(a)
    let result = try prepared.solve(b)
    #expect(result.report.allConverged, "\(result.report)")
    for residual in Reference.relativeResiduals(a, result.solution, b) { #expect(residual <= 1.0000001e-8) }
    #expect(result.report.events.contains { $0.detail.hasPrefix("unknowns renumbered: the bandwidth of A is") })
    // From a guess, with new values, and from the solution itself.
    #expect(try prepared.solve(b, from: result.solution).report.iterations <= 1)
    let scaled = a.mapValues { $0 * 2 }
    try prepared.update(scaled)
    let again = try prepared.solve(b, from: result.solution)
    for residual in Reference.relativeResiduals(scaled, again.solution, b) { #expect(residual <= 1.0000001e-8) }
  }

  @Test func everyKindOfMethod() throws {
    let definite = try shuffled(Reference.poisson(20, Double.self))
    let general = try shuffled(Reference.convection(18, 12))
    try check(definite, BlockCG().preconditioned(by: .ic0))
    try check(definite, MixedPrecision(BlockCG()))
    try check(definite, AutomaticSolver())
    try check(general, BlockGMRES().preconditioned(by: .ilu0))
    try check(general, PseudoBlockBiCGStab())
    try check(general, BlockGCRODR())
    try check(general, DenseLU())
    try check(shuffled(Reference.poisson(12, Complex<Double>.self)), BlockCG())
  }

  /// A preconditioner of the caller's sees the caller's numbering.
  @Test func preconditionersOfTheCaller() throws {
    let a = try shuffled(Reference.poisson(15, Double.self))
    var random = SplitMix(923)
    let m = JacobiPreconditioner(diagonal: (0..<a.rows).map { _ in Double.random(in: 1...3, using: &random) })
    let b = random.block(a.rows, 2, Double.self)
    let plain = try BlockCG().prepare(a, preconditioner: m).solve(b).report
    let moved = try Renumbered(BlockCG()).prepare(a, preconditioner: m).solve(b).report
    #expect(plain.allConverged && moved.allConverged && abs(plain.iterations - moved.iterations) <= 1)
  }

  /// IC(0) of a scattered grid is worse than that of the grid.
  @Test func incompleteFactorisationsGain() throws {
    let a = try shuffled(Reference.poisson(40, Double.self))
    var random = SplitMix(924)
    let b = random.block(a.rows, 2, Double.self)
    let method = BlockCG().preconditioned(by: .ic0)
    let (before, after) = try (method.solve(a, b).report, Renumbered(method).solve(a, b).report)
    #expect(before.allConverged && after.allConverged && after.iterations < before.iterations)
  }

  @Test func whatCannotBeRenumberedIsSaid() throws {
    let a = try Reference.poisson(4, Double.self)
    let free = MatrixFreeOperator<Double>(rows: 16, columns: 16) { x, y in y = x }
    #expect(throws: BlockKrylovError.self) { _ = try Renumbered(BlockCG()).prepare(free) }
    #expect(throws: BlockKrylovError.self) { _ = try Renumbered(BlockCG(), order: [0, 1]).prepare(a) }
  }
}
