import ComplexModule
import Synchronization
import Testing

@testable import BlockKrylov

@Suite struct SweepScheduleTests {
  typealias Triangle = SweepSchedule.Triangle

  /// The strict lower (or upper) triangle of a grid's stencil.
  private func grid(_ n: Int, upper: Bool) throws -> Triangle {
    let a = try Model.laplacian(n, Double.self)
    var rows = CompressedRows<Double>(rows: a.rows, capacity: a.nonzeros)
    for i in 0..<a.rows {
      for k in a.rowStart[i]..<a.rowStart[i + 1] where upper ? a.columnIndex[k] > i : a.columnIndex[k] < i {
        rows.append(a.values[k], column: a.columnIndex[k])
      }
      rows.endRow()
    }
    return Triangle(rowStart: rows.start, columnIndex: rows.index, descending: upper)
  }

  private func random(_ n: Int, upper: Bool, _ random: inout SplitMix) -> Triangle {
    var (start, index) = ([0], [Int32]())
    for i in 0..<n {
      let allowed = upper ? Array((i + 1)..<max(n, i + 1)) : Array(0..<i)
      let chosen = Set((0..<Int.random(in: 0...4, using: &random)).compactMap { _ in allowed.randomElement(using: &random) })
      index += chosen.sorted().map { Int32($0) }
      start.append(index.count)
    }
    return Triangle(rowStart: start, columnIndex: index, descending: upper)
  }

  /// Every row is swept once, after all rows that it reads, whatever the cuts and the number of threads.
  private func check(_ t: Triangle, size: Int, threads: Int) {
    let cuts = t.cuts(size: size)
    #expect(cuts.first == 0 && cuts.last == Int32(t.rows))
    #expect(zip(cuts, cuts.dropFirst()).allSatisfy { $0 < $1 })
    let schedule = SweepSchedule(t, cuts: cuts, levels: t.levels(cuts: cuts), threads: threads)
    let done = Mutex([Bool](repeating: false, count: t.rows))
    let faults = Mutex(0)
    let ran = schedule.run { rows in
      for step in 0..<rows.count {
        let i = t.descending ? rows.upperBound - 1 - step : rows.lowerBound + step
        let late = done.withLock { done in
          let unread = t.columnIndex[t.rowStart[i]..<t.rowStart[i + 1]].contains { !done[Int($0)] }
          let twice = done[i]
          done[i] = true
          return unread || twice
        }
        if late { faults.withLock { $0 += 1 } }
      }
    }
    // Another test may have the threads.
    guard ran else { return }
    #expect(faults.withLock { $0 } == 0)
    #expect(done.withLock { !$0.contains(false) })
  }

  @Test(arguments: [false, true]) func everyRowFollowsWhatItReads(upper: Bool) throws {
    var state = SplitMix(31)
    for threads in [2, 3, 5] {
      for size in [1, 7, 32] {
        check(try grid(13, upper: upper), size: size, threads: threads)
        for n in [1, 2, 40, 300] { check(random(n, upper: upper, &state), size: size, threads: threads) }
      }
    }
  }

  /// The lines of a grid are cut alike, so that pieces of different lines are independent along diagonals.
  @Test func aGridIsWorthThreadsAndAChainIsNot() throws {
    for upper in [false, true] {
      let t = try grid(300, upper: upper)
      #expect(t.cuts(size: 32).count == 300 * 9 + 1)
      #expect(SweepSchedule(rowStart: t.rowStart, columnIndex: t.columnIndex, descending: upper, threads: 2) != nil)
    }
    let chain = Triangle(
      rowStart: Array(0...999).map { max($0 - 1, 0) } + [999], columnIndex: (0..<999).map { Int32($0) }, descending: false)
    #expect(SweepSchedule(rowStart: chain.rowStart, columnIndex: chain.columnIndex, descending: false, threads: 2) == nil)
    #expect(SweepSchedule(rowStart: [0], columnIndex: [], descending: false, threads: 2) == nil)
  }

  private func sameBits<S: Scalar>(_ type: S.Type) throws {
    let a = try Model.laplacian(150, convection: 0.3, phase: 0.2, S.self)
    let m = try IncompleteLU(a)
    var random = SplitMix(7)
    for columns in [1, 8, 17] {
      let r = random.block(a.rows, columns, S.self)
      let one = try Threads.$limit.withValue(1) { try m.applied(to: r) }
      for threads in [2, 3] {
        #expect(try Threads.$limit.withValue(threads) { try m.applied(to: r) } == one)
      }
    }
  }

  @Test func bitsDoNotDependOnThreads() throws {
    try sameBits(Double.self)
    try sameBits(Float.self)
    try sameBits(Complex<Double>.self)
    try sameBits(Complex<Float>.self)
  }
}
