/// What an observer sees after each block iteration.
public struct SolveProgress: Sendable {
  /// The method at work.
  public let method: String
  /// Block iterations so far.
  public let iteration: Int
  /// Seconds since the solve began.
  public let seconds: Double
  /// The estimated ‖r_j‖/‖b_j‖ of every column of B; columns that were set aside stay at their last value.
  public let relativeResiduals: [Double]
  /// How many columns meet their tolerance by the estimate.
  public let columnsDone: Int
}

/// What an observer asks for.
public enum ObserverDecision: Sendable {
  /// Go on.
  case `continue`
  /// Stop; unfinished columns become ``ColumnStatus/cancelled`` and X keeps the last iterate.
  case stop
}

/// Called after each block iteration from the thread that solves.
public typealias SolveObserver = (SolveProgress) -> ObserverDecision
