import Testing

@testable import BlockKrylov

struct SolveMonitorTests {
  private func monitor(
    _ columns: Int = 2, timeLimit: Duration? = nil, history: Bool = true, observer: SolveObserver? = nil
  ) -> SolveMonitor {
    SolveMonitor(columns: columns, timeLimit: timeLimit, recordsHistory: history, observer: observer)
  }

  @Test func iterationsAreLimitedPerStage() {
    let monitor = monitor()
    monitor.begin(method: "a", iterationLimit: 2)
    #expect(monitor.finishIteration() == nil)
    #expect(monitor.finishIteration() == .maximumIterations && monitor.stopped == nil)
    // The next stage has iterations of its own; a limit of none stops at once.
    monitor.begin(method: "b", iterationLimit: 1)
    #expect(monitor.limitReached() == nil)
    #expect(monitor.finishIteration() == .maximumIterations && monitor.iterations == 3)
    monitor.begin(method: "c", iterationLimit: 0)
    #expect(monitor.limitReached() == .maximumIterations)
    for limit in [Int.max, .max - 1] {
      monitor.begin(method: "d", iterationLimit: limit)
      #expect(monitor.finishIteration() == nil)
    }
  }

  @Test func timeLimitStopsAllStages() {
    let monitor = monitor(timeLimit: .zero)
    #expect(monitor.limitReached() == .timeLimit && monitor.stopped == .timeLimit)
    monitor.begin(method: "b", iterationLimit: 5)
    #expect(monitor.limitReached() == .timeLimit)
    #expect(self.monitor(timeLimit: .seconds(3600)).limitReached() == nil)
  }

  @Test func observersSeeEveryIterationAndMayStop() {
    var seen: [SolveProgress] = []
    let monitor = monitor(3) {
      seen.append($0)
      return seen.count == 2 ? .stop : .continue
    }
    monitor.begin(method: "first", iterationLimit: 10)
    monitor.note(column: 0, relativeResidual: 0.5, done: false)
    monitor.note(column: 2, relativeResidual: 1e-9, done: true)
    #expect(monitor.finishIteration() == nil)
    monitor.note(column: 0, relativeResidual: 0.25, done: false)
    #expect(monitor.finishIteration() == .cancelled)
    monitor.begin(method: "second", iterationLimit: 10)
    #expect(monitor.limitReached() == .cancelled, "a cancelled solve starts no other stage")
    #expect(seen.map(\.method) == ["first", "first"] && seen.map(\.iteration) == [1, 2])
    #expect(seen[0].relativeResiduals[0] == 0.5 && seen[1].relativeResiduals[0] == 0.25 && seen[1].relativeResiduals[1].isNaN)
    #expect(seen.allSatisfy { $0.columnsDone == 1 && $0.seconds >= 0 })
  }

  @Test func historyBeginsWhereAColumnTakesPart() {
    let monitor = monitor(2)
    monitor.begin(method: "m", iterationLimit: 1000)
    monitor.note(column: 0, relativeResidual: 1, done: false)
    monitor.start()
    for k in 1...400 {
      monitor.note(column: 0, relativeResidual: 1 / Double(k + 1), done: false)
      if k >= 3 { monitor.note(column: 1, relativeResidual: Double(k), done: false) }
      _ = monitor.finishIteration()
    }
    #expect(monitor.history(column: 0) == (0...400).map { 1 / Double($0 + 1) })
    #expect(monitor.history(column: 1) == (3...400).map(Double.init))
    let silent = self.monitor(2, history: false)
    silent.note(column: 0, relativeResidual: 1, done: false)
    silent.start()
    _ = silent.finishIteration()
    #expect(silent.history(column: 0).isEmpty)
  }

  @Test func countsAndEvents() {
    let monitor = monitor()
    monitor.countOperator(columns: 4)
    monitor.countOperator(columns: 3)
    monitor.countPreconditioner()
    #expect(monitor.operatorApplications == 2 && monitor.columnsApplied == 7 && monitor.preconditionerApplications == 1)
    monitor.record([SolveEvent(kind: .shifted, detail: "set-up")])
    _ = monitor.finishIteration()
    monitor.record(.deflated, column: 1, "one gone")
    #expect(monitor.events.map(\.iteration) == [0, 1] && monitor.events.map(\.column) == [nil, 1])
    #expect(monitor.events[1] == SolveEvent(iteration: 1, kind: .deflated, column: 1, detail: "one gone"))
  }
}
