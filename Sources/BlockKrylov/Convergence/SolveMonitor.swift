/// Counts, limits, events and history of one solve, shared by all its stages and groups of columns.
package final class SolveMonitor {
  /// Why an iteration must end early.
  package enum StopReason: Sendable {
    case maximumIterations, timeLimit, cancelled
    /// Whoever runs the stages gives this one up.
    case judged

    package var status: ColumnStatus {
      switch self {
      case .maximumIterations, .judged: .maximumIterations
      case .timeLimit: .timeLimit
      case .cancelled: .cancelled
      }
    }
  }

  package private(set) var iterations = 0
  package private(set) var operatorApplications = 0
  package private(set) var columnsApplied = 0
  package private(set) var preconditionerApplications = 0
  package private(set) var events: [SolveEvent] = []
  /// The last estimate of ‖r_j‖/‖b_j‖ for every column of B.
  package private(set) var relativeResiduals: [Double]
  package private(set) var stopped: StopReason?

  /// Asked after each iteration whether the stage under way is given up.
  package var judge: (() -> Bool)?
  private var isJudged = false

  private var method = ""
  private let observer: SolveObserver?
  private let deadline: ContinuousClock.Instant?
  private let began: ContinuousClock.Instant
  private var iterationLimit = Int.max
  private var done: [Bool]
  private var excluded: [Bool]
  private let recordsHistory: Bool
  private var history: [Double] = []
  private var historyRows = 0

  package init(columns: Int, timeLimit: Duration?, recordsHistory: Bool, observer: SolveObserver?) {
    relativeResiduals = [Double](repeating: .nan, count: columns)
    done = [Bool](repeating: false, count: columns)
    excluded = done
    self.recordsHistory = recordsHistory
    self.observer = observer
    let now = ContinuousClock.now
    began = now
    deadline = timeLimit.map { now.advanced(by: $0) }
    if recordsHistory { history.reserveCapacity(256 * max(columns, 1)) }
    events.reserveCapacity(16)
  }

  /// The columns of B that are to be solved and do not meet their tolerance by the estimate.
  package var unfinishedColumns: Int { done.indices.reduce(0) { $0 + (isUnfinished(column: $1) ? 1 : 0) } }

  package func isUnfinished(column: Int) -> Bool { !done[column] && !excluded[column] }

  /// A column never takes part.
  package func exclude(column: Int) { excluded[column] = true }

  package var seconds: Double { Self.seconds(since: began) }

  package static func seconds(since start: ContinuousClock.Instant) -> Double {
    let (whole, atto) = (ContinuousClock.now - start).components
    return Double(whole) + Double(atto) * 1e-18
  }

  /// A stage begins: the name that the observer sees, and how many more iterations it may make.
  package func begin(method: String, iterationLimit limit: Int) {
    self.method = method
    isJudged = false
    iterationLimit = limit >= .max - iterations ? .max : iterations + limit
  }

  /// Something was done on the solver's own account.
  package func record(_ kind: SolveEvent.Kind, column: Int? = nil, _ detail: String) {
    events.append(SolveEvent(iteration: iterations, kind: kind, column: column, detail: detail))
  }

  package func record(_ other: [SolveEvent]) { events.append(contentsOf: other) }

  package func countOperator(columns: Int) {
    operatorApplications += 1
    columnsApplied += columns
  }

  package func countPreconditioner() { preconditionerApplications += 1 }

  /// The estimate of a column that is not part of the iteration (any more).
  package func note(column: Int, relativeResidual: Double, done isDone: Bool) {
    relativeResiduals[column] = relativeResidual
    done[column] = isDone
  }

  /// The state before the first iteration, for the history.
  package func start() { appendHistory() }

  /// One block iteration is over; says whether the iteration must end.
  package func finishIteration() -> StopReason? {
    iterations += 1
    appendHistory()
    if let observer {
      let progress = SolveProgress(
        method: method, iteration: iterations, seconds: seconds, relativeResiduals: relativeResiduals,
        columnsDone: done.reduce(0) { $0 + ($1 ? 1 : 0) })
      if observer(progress) == .stop { stopped = .cancelled }
    }
    if let judge, judge() { isJudged = true }
    return limitReached()
  }

  /// Whether a limit forbids another iteration.
  package func limitReached() -> StopReason? {
    if let stopped { return stopped }
    if let deadline, ContinuousClock.now >= deadline {
      stopped = .timeLimit
    } else if iterations >= iterationLimit {
      return .maximumIterations
    }
    return stopped ?? (isJudged ? .judged : nil)
  }

  private func appendHistory() {
    guard recordsHistory else { return }
    history.append(contentsOf: relativeResiduals)
    historyRows += 1
  }

  /// The recorded estimates of one column, without those from before it took part.
  package func history(column: Int) -> [Double] {
    let width = relativeResiduals.count
    return (0..<historyRows).map { history[$0 * width + column] }.filter { !$0.isNaN }
  }
}
