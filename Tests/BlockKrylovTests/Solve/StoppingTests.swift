import Foundation
import Testing

@testable import BlockKrylov

/// Whatever ends a solve early, X is what the method has at that point, and the report says what it is worth.
struct StoppingTests {
  private func system() throws -> (CSRMatrix<Double>, BlockVector<Double>) {
    var random = SplitMix(971)
    let a = try Reference.poisson(48, Double.self)
    return (a, random.block(a.rows, 3, Double.self))
  }

  static let cases =
    CheckpointTests.cases + [
      CheckpointTests.Case(name: "mixed-cg", method: MixedPrecision(BlockCG())),
      CheckpointTests.Case(name: "auto", method: AutomaticSolver().preconditioned(by: .jacobi)),
    ]

  private func check(
    _ stopped: SolveResult<Double>, _ status: ColumnStatus, _ method: any BlockMethod, _ a: CSRMatrix<Double>,
    _ b: BlockVector<Double>
  ) throws {
    let report = stopped.report
    #expect(report.columns.allSatisfy { $0.status == status && $0.iterations == report.iterations && $0.remedy != nil })
    for (column, residual) in zip(report.columns, Reference.relativeResiduals(a, stopped.solution, b)) {
      #expect(abs(column.trueRelativeResidual - residual) <= 1e-10 * residual)
    }
    // The iterate of that iteration, also from the middle of a cycle, and not an earlier one.
    let limited = try method.with { $0.maximumIterations = report.iterations }.solve(a, b)
    #expect(limited.solution == stopped.solution && limited.report.iterations == report.iterations)
    // Only an iterate that is worse than the guess is taken back.
    for (column, length) in zip(report.columns, stopped.solution.columnNorms()) where report.iterations > 0 {
      #expect(length > 0 || column.trueRelativeResidual == 1)
    }
  }

  @Test(arguments: cases)
  func cancelledSolvesKeepTheIterate(item: CheckpointTests.Case) throws {
    let (a, b) = try system()
    for iteration in [1, 7, 15] {
      let stopped = try item.method.prepare(a).solve(b) { $0.iteration == iteration ? .stop : .continue }
      #expect(stopped.report.iterations == iteration)
      try check(stopped, .cancelled, item.method, a, b)
    }
  }

  @Test(arguments: cases)
  func timeLimitsKeepTheIterate(item: CheckpointTests.Case) throws {
    let (a, b) = try system()
    // The observer is so slow that the limit comes after few iterations, whatever the machine.
    let slow = item.method.with { $0.timeLimit = .milliseconds(40) }
    let stopped = try slow.prepare(a).solve(b) { _ in
      Thread.sleep(forTimeInterval: 0.015)
      return .continue
    }
    #expect(stopped.report.iterations <= 3)
    try check(stopped, .timeLimit, item.method, a, b)
  }

  /// Groups that were finished keep what they have; those that have not begun keep the guess.
  @Test func groupsBeforeAndAfter() throws {
    let (a, _) = try system()
    var random = SplitMix(972)
    let b = random.block(a.rows, 6, Double.self)
    let guess = BlockVector<Double>(rows: a.rows, columns: 6) { _, _ in 0.25 }
    let method = BlockCG().with { $0.maximumBlockWidth = 2 }
    let whole = try method.solve(a, b, from: guess)
    // The columns of a group need not converge in the same iteration.
    let first = try #require(whole.report.columns.prefix(2).map(\.iterations).max())
    let stopped = try method.prepare(a).solve(b, from: guess) { $0.iteration == first + 5 ? .stop : .continue }
    #expect(stopped.solution[columns: 0..<2] == whole.solution[columns: 0..<2])
    #expect(stopped.report.columns.map(\.status) == [.converged, .converged] + [ColumnStatus](repeating: .cancelled, count: 4))
    #expect(stopped.solution[columns: 4..<6] == guess[columns: 4..<6])
    #expect(stopped.solution[columns: 2..<4] != guess[columns: 2..<4])
    #expect(stopped.report.columns.map(\.iterations) == whole.report.columns.prefix(2).map(\.iterations) + [5, 5, 0, 0])
  }
}
