import Testing

@testable import BlockKrylov

struct BlockGCRODRTests {
  /// −Δu + c·u_x with a coefficient that moves a little from step to step.
  private func matrix(_ step: Int) throws -> CSRMatrix<Double> { try Reference.convection(24, 10 + 0.2 * Double(step)) }

  @Test(arguments: PreconditionerSide.allCases)
  func theSameSystemAgainNeedsNoIteration(side: PreconditionerSide) throws {
    var random = SplitMix(81)
    let b = random.block(576, 3, Double.self)
    let solver = try BlockGCRODR(restart: 12, side: side).preconditioned(by: .jacobi).prepare(matrix(0))
    let first = try solver.solve(b)
    let second = try solver.solve(b)
    #expect(first.report.allConverged && second.report.allConverged)
    #expect(first.report.iterations > 12 && second.report.iterations <= 1)
    // Multiples and sums of the columns likewise.
    let other = BlockVector<Double>(rows: 576, columns: 2) { b[$0, 0] * 3 - b[$0, $1 + 1] }
    #expect(try solver.solve(other).report.iterations <= 1)
  }

  @Test func recycledDirectionsSaveIterations() throws {
    var random = SplitMix(82)
    let recycling = try BlockGCRODR(restart: 15, kept: 12).prepare(matrix(0))
    let plain = try BlockGMRES(restart: 15).prepare(matrix(0))
    var (with, without) = (0, 0)
    for step in 0..<5 {
      let b = random.block(576, 2, Double.self)
      let a = try matrix(step)
      if step > 0 {
        try recycling.update(a)
        try plain.update(a)
      }
      let result = try recycling.solve(b)
      #expect(result.report.allConverged && result.report.method == "gcrodr")
      #expect(Reference.relativeResiduals(a, result.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
      if step > 0 {
        #expect(result.report.events.contains { $0.kind == .residualReplaced && $0.detail.contains("A changed") })
        with += result.report.iterations
        without += try plain.solve(b).report.iterations
      }
    }
    #expect(Double(with) < 0.8 * Double(without), "\(with) \(without)")
  }

  @Test func directionsCanBeCarriedToAnotherRun() throws {
    var random = SplitMix(83)
    let a = try matrix(0)
    let first = try BlockGCRODR(restart: 15, kept: 12).prepare(a)
    #expect(first.recycledSpace == nil)
    _ = try first.solve(random.block(576, 2, Double.self))
    let saved = try #require(first.recycledSpace)
    #expect(saved.rows == 576 && (1...12).contains(saved.columns))
    let b = random.block(576, 2, Double.self)
    let fresh = try BlockGCRODR(restart: 15, kept: 12).prepare(a)
    let loaded = try BlockGCRODR(restart: 15, kept: 12).prepare(a)
    try loaded.recycle(saved)
    let (without, with) = (try fresh.solve(b).report, try loaded.solve(b).report)
    #expect(with.allConverged && with.iterations < without.iterations)
    // Dependent directions are dropped, not a failure.
    let twice = BlockVector<Double>(rows: 576, columns: 2 * saved.columns) { saved[$0, $1 % saved.columns] }
    let careful = try BlockGCRODR(restart: 15, kept: 30).prepare(a)
    try careful.recycle(twice)
    #expect(try careful.solve(b).report.allConverged)
    // Misuse is told.
    #expect(throws: BlockKrylovError.self) { try loaded.recycle(BlockVector(rows: 5, columns: 1)) }
    #expect(throws: BlockKrylovError.self) { try BlockGMRES().prepare(a).recycle(saved) }
    #expect(throws: BlockKrylovError.self) { try BlockCG().prepare(a).recycle(saved) }
    var poisoned = saved
    poisoned[3, 0] = .nan
    #expect(throws: BlockKrylovError.self) { try loaded.recycle(poisoned) }
  }

  @Test func unrelatedDirectionsDoNoHarm() throws {
    var random = SplitMix(84)
    let a = try matrix(0)
    let solver = try BlockGCRODR(restart: 15, kept: 8).prepare(a)
    try solver.recycle(random.block(576, 8, Double.self))
    let b = random.block(576, 2, Double.self)
    #expect(try solver.solve(b).report.allConverged)
    // Another number of columns, a zero column, a guess.
    let wide = try solver.solve(random.block(576, 5, Double.self), from: random.block(576, 5, Double.self))
    #expect(wide.report.allConverged)
    #expect(try solver.solve(BlockVector(rows: 576, columns: 2)).report.allConverged)
    #expect(try solver.solve(b).report.allConverged)
  }
}
