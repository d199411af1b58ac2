import Testing

@testable import BlockKrylov

struct MemoryLimitTests {
  private func hard(_ m: Int) throws -> (CSRMatrix<Double>, BlockVector<Double>) {
    var random = SplitMix(91)
    return (try Reference.convection(70, 30), random.block(4900, m, Double.self))
  }

  /// What a full workspace holds is what was planned, within a tenth.
  @Test(arguments: PreconditionerSide.allCases, [1, 3, 8])
  func planIsWhatIsUsed(side: PreconditionerSide, m: Int) throws {
    let (a, b) = try hard(m)
    for (deflation, choice) in [(0, PreconditionerChoice.none), (0, .jacobi), (12, .jacobi)] {
      let solver = try BlockGMRES(tolerance: .relative(1e-12), restart: 25, side: side, maximumIterations: 60)
        .with {
          $0.deflation = deflation
          $0.inexactBreakdowns = false
        }.preconditioned(by: choice).prepare(a)
      let report = try solver.solve(b).report
      #expect(report.iterations == 60)
      #expect(report.bytesPlanned == solver.bytesPlanned(columns: m))
      let ratio = Double(report.bytesUsed) / Double(report.bytesPlanned)
      #expect(ratio >= 0.9 && ratio <= 1.1, "\(side) \(m) \(deflation): \(ratio)")
    }
  }

  /// Narrow blocks, whose padding differs, and cycles of changing widths do not exceed the plan.
  @Test(arguments: PreconditionerSide.allCases, [3, 6, 8])
  func narrowBlocksKeepToThePlan(side: PreconditionerSide, m: Int) throws {
    let (a, b) = try hard(m)
    let tolerance = Tolerance.perColumn(relative: (0..<m).map { $0 < m / 2 ? 1e-1 : 1e-8 })
    let report = try BlockGMRES(tolerance: tolerance, restart: 15, side: side).preconditioned(by: .jacobi).solve(a, b).report
    #expect(report.allConverged && report.events.contains { $0.detail.contains("held back") })
    #expect(report.events.contains { $0.kind == .restarted })
    #expect(Double(report.bytesUsed) <= 1.05 * Double(report.bytesPlanned), "\(report.bytesUsed) \(report.bytesPlanned)")
  }

  @Test func shorterCyclesKeepToTheLimit() throws {
    let (a, b) = try hard(4)
    let solver = BlockGMRES(restart: 50).preconditioned(by: .ilu0)
    let free = try solver.solve(a, b).report
    let limit = free.bytesPlanned / 2
    let capped = try solver.with { $0.memoryLimit = limit }.solve(a, b)
    #expect(capped.report.allConverged && capped.report.blockWidth == 4)
    #expect(capped.report.bytesPlanned <= limit && capped.report.bytesUsed <= limit)
    #expect(capped.report.bytesPlanned > limit * 8 / 10)
    #expect(capped.report.events.contains { $0.detail.contains("memory limit") })
    #expect(Reference.relativeResiduals(a, capped.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
  }

  @Test func narrowerGroupsFollowAndThenARefusal() throws {
    let (a, b) = try hard(8)
    let one = try BlockGMRES(restart: 10).prepare(a)
    let limit = one.bytesPlanned(columns: 3)
    let grouped = try BlockGMRES(restart: 10).with { $0.memoryLimit = limit }.solve(a, b).report
    #expect(grouped.allConverged && grouped.blockWidth <= 3 && grouped.bytesUsed <= limit)
    #expect(grouped.events.contains { $0.kind == .grouped && $0.detail.contains("memoryLimit") })
    let cg = try BlockCG().prepare(try Reference.poisson(30, Double.self))
    let narrow = BlockCG().with { $0.memoryLimit = cg.bytesPlanned(columns: 2) }
    var random = SplitMix(92)
    let report = try narrow.solve(Reference.poisson(30, Double.self), random.block(900, 5, Double.self)).report
    #expect(report.allConverged && report.blockWidth <= 2)
    #expect {
      try BlockGMRES().with { $0.memoryLimit = 1000 }.solve(a, b)
    } throws: {
      guard case .invalidOption(let text) = $0 as? BlockKrylovError else { return false }
      return text.contains("1000 bytes") && text.contains("needs")
    }
    #expect(throws: BlockKrylovError.self) { try BlockGMRES().with { $0.memoryLimit = 0 }.prepare(a) }
  }
}
