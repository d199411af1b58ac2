import ComplexModule
import Testing

@testable import BlockKrylov

/// Columns that come one block after the other.
struct ColumnStreamTests {
  private struct Failure: Error {}

  @Test(arguments: [1, 3, 4, 7, 20])
  func streamsGiveWhatBlocksGive(width: Int) throws {
    var random = SplitMix(841)
    let a = try Reference.poisson(12, Double.self)
    let b = random.block(144, 13, Double.self)
    let prepared = try BlockCG().preconditioned(by: .ic0).prepare(a)
    var seen: [Range<Int>] = []
    var x = BlockVector<Double>(rows: 144, columns: 13)
    var taken = 0
    let report = try prepared.solve(
      stream: { most in
        #expect(most >= 1 && most <= width)
        let range = taken..<min(taken + most, 13)
        taken = range.upperBound
        return range.isEmpty ? nil : b[columns: range]
      }, width: width
    ) { columns, outcome in
      seen.append(columns)
      let result = try outcome.get()
      #expect(result.report.columns.count == columns.count && result.report.blockWidth <= width)
      x[columns: columns] = result.solution
    }
    #expect(seen.flatMap(Array.init) == Array(0..<13) && seen.dropLast().allSatisfy { $0.count == width })
    #expect(report.columns == 13 && report.solved == 13 && report.allConverged && report.blocks == seen.count)
    #expect(report.statuses == ["converged": 13] && report.iterations > 0 && report.columnsApplied >= 13)
    #expect(Reference.relativeResiduals(a, x, b).allSatisfy { $0 <= 1.0000001e-8 })
    // The columns of a block are solved as they would be by themselves.
    let first = try prepared.solve(b[columns: seen[0]]).solution
    #expect(first == x[columns: seen[0]])
  }

  /// Blocks of any widths are put together and taken apart.
  @Test func sequencesOfBlocks() throws {
    var random = SplitMix(842)
    let a = try Reference.poisson(8, Double.self)
    let blocks = [1, 0, 2, 9, 1, 1, 0].map { random.block(64, $0, Double.self) }
    var (widths, count) = ([Int](), 0)
    let report = try BlockCG().prepare(a).solve(stream: blocks, width: 4) { columns, outcome in
      #expect(columns.lowerBound == count)
      count = columns.upperBound
      widths.append(columns.count)
      let result = try outcome.get()
      #expect(result.report.allConverged)
    }
    #expect(report.columns == 14 && widths.allSatisfy { $0 <= 4 } && widths.reduce(0, +) == 14)
    let empty = try BlockCG().prepare(a).solve(stream: [BlockVector<Double>](), width: 4) { _, _ in
      Issue.record("nothing to deliver")
    }
    #expect(empty.columns == 0 && empty.allConverged && empty.blocks == 0)
  }

  /// Columns that are added while the stream runs are solved too.
  @Test func queuesGrowWhileTheyAreSolved() throws {
    var random = SplitMix(843)
    let a = try Reference.poisson(8, Double.self)
    let queue = ColumnQueue<Double>()
    queue.append(random.block(64, 5, Double.self))
    #expect(queue.count == 5)
    var rounds = 0
    let report = try BlockCG().prepare(a).solve(stream: queue.next, width: 2) { columns, outcome in
      let result = try outcome.get()
      #expect(result.report.allConverged)
      rounds += 1
      if rounds <= 3 { queue.append(random.block(64, 3, Double.self)) }
    }
    #expect(report.columns == 14 && report.allConverged && queue.count == 0 && queue.next(3) == nil)
  }

  /// A block that cannot be solved, and columns that cannot, do not stop the stream.
  @Test func badBlocksAndColumns() throws {
    var random = SplitMix(844)
    let a = try Reference.poisson(8, Double.self)
    var poisoned = random.block(64, 2, Double.self)
    poisoned[3, 1] = .nan
    let blocks = [random.block(64, 2, Double.self), random.block(63, 3, Double.self), poisoned, random.block(64, 1, Double.self)]
    var failed: [Range<Int>] = []
    let report = try BlockCG().prepare(a).solve(stream: blocks, width: 2) { columns, outcome in
      if case .failure(let error) = outcome {
        #expect(error is BlockKrylovError)
        failed.append(columns)
      }
    }
    #expect(failed == [2..<4, 4..<5] && report.columns == 8 && report.unsolved == [2, 3, 4, 6] && report.solved == 4)
    #expect(report.statuses == ["converged": 4, "failed": 3, "nonFinite": 1])
    #expect(report.description.contains("3 failed") && report.description.contains("1 nonFinite"))
    #expect(throws: Failure.self) {
      try BlockCG().prepare(a).solve(stream: { _ in throw Failure() }, width: 2) { _, _ in }
    }
    #expect(throws: Failure.self) { try BlockCG().prepare(a).solve(stream: blocks, width: 2) { _, _ in throw Failure() } }
  }

  @Test func observersStopTheStream() throws {
    var random = SplitMix(845)
    let a = try Reference.poisson(12, Double.self)
    let b = random.block(144, 12, Double.self)
    var delivered = 0
    let report = try BlockCG().prepare(a).solve(
      stream: [b], width: 3, observer: { _ in delivered == 2 ? .stop : .continue }, deliver: { _, _ in delivered += 1 })
    #expect(report.isCancelled && report.columns == 9 && report.unsolved == [6, 7, 8])
  }

  @Test func optionsThatNeedAListAreRefused() throws {
    let a = try Reference.poisson(4, Double.self)
    let b = [BlockVector<Double>(rows: 16, columns: 2) { i, j in Double(i + j) }]
    for method in [
      BlockCG(tolerance: .perColumn(relative: [1e-3, 1e-4])), BlockCG(tolerance: .relative(1e-3).measured(in: [.two, .maximum])),
      BlockCG().with { $0.maximumIterationsPerColumn = [3, 4] },
    ] {
      #expect(throws: BlockKrylovError.self) { try method.prepare(a).solve(stream: b, width: 2) { _, _ in } }
    }
    #expect(throws: BlockKrylovError.self) { try BlockCG().prepare(a).solve(stream: b, width: 0) { _, _ in } }
  }

  /// The memory is that of a block: the workspace does not grow with the number of columns.
  @Test func workspaceIsThatOfABlock() throws {
    var random = SplitMix(846)
    let a = try Reference.poisson(12, Double.self)
    let prepared = try BlockCG().prepare(a)
    var used: [Int] = []
    _ = try prepared.solve(stream: (0..<6).map { _ in random.block(144, 4, Double.self) }, width: 4) { _, outcome in
      used.append(try outcome.get().report.bytesUsed)
    }
    #expect(used.count == 6 && used.allSatisfy { $0 == used[0] })
  }
}
