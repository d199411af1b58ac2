/// What happened to one column of A·X = B.
public struct ColumnReport: Sendable, Equatable {
  /// The column, from 0.
  public let index: Int
  /// How it ended.
  public internal(set) var status: ColumnStatus
  /// The block iterations after which its residual met the tolerance, or all that were made.
  public internal(set) var iterations: Int
  /// ‖b‖₂.
  public internal(set) var rightHandSideNorm: Double
  /// The bound that ``measure`` had to meet.
  public internal(set) var threshold: Double
  /// What the tolerance of the column is about.
  public internal(set) var norm: ColumnNorm
  /// What was compared with ``threshold``: ‖b − Ax‖₂ or its largest entry for the X that is returned, or the estimated A-norm of its error.
  /// NaN when unknown.
  public internal(set) var measure: Double
  /// ‖r‖₂ as the method's recurrence has it; equals `trueResidual` for a direct solve. NaN when never formed.
  public internal(set) var estimatedResidual: Double
  /// ‖b − Ax‖₂ for the X that is returned, recomputed from it. NaN when it is not finite.
  public internal(set) var trueResidual: Double
  /// A lower bound for the A-norm of the error some iterations before the end (block CG); `nil` elsewhere.
  public internal(set) var energyErrorEstimate: Double?
  /// The componentwise backward error of Arioli, Demmel and Duff (direct solves); `nil` elsewhere.
  public internal(set) var backwardError: Double?
  /// ‖Aᴴr − damping²·x‖ / (‖A‖·‖r̄‖), which least squares make small where ‖r‖ cannot be, with a lower bound of ‖A‖ (LSQR, LSMR); `nil`
  /// elsewhere.
  public internal(set) var normalResidual: Double?
  /// A bound of ‖x − x̂‖_∞ / ‖x̂‖_∞ (direct solves with ``SolverOptions/boundsForwardErrors``); `nil` elsewhere.
  public internal(set) var forwardErrorBound: Double?
  /// The estimated relative residual at the start and after each iteration, where recording was asked for.
  public var history: [Double] { residualHistory.values }
  var residualHistory: ResidualHistory

  /// `estimatedResidual` / ‖b‖; 0 for a zero column.
  public var estimatedRelativeResidual: Double { relative(estimatedResidual) }
  /// `trueResidual` / ‖b‖; 0 for a zero column.
  public var trueRelativeResidual: Double { relative(trueResidual) }
  /// What to do when it did not converge.
  public var remedy: String? { status.remedy }

  private func relative(_ residual: Double) -> Double {
    rightHandSideNorm == 0 ? (residual == 0 ? 0 : .infinity) : residual / rightHandSideNorm
  }

  /// A report by its parts, for solvers of your own.
  public init(
    index: Int, status: ColumnStatus, iterations: Int = 0, rightHandSideNorm: Double, threshold: Double,
    norm: ColumnNorm = .two, measure: Double = .nan, estimatedResidual: Double = .nan, trueResidual: Double = .nan,
    energyErrorEstimate: Double? = nil, backwardError: Double? = nil, normalResidual: Double? = nil,
    forwardErrorBound: Double? = nil, history: [Double] = []
  ) {
    self.init(
      index: index, status: status, iterations: iterations, rightHandSideNorm: rightHandSideNorm, threshold: threshold,
      estimatedResidual: estimatedResidual, trueResidual: trueResidual, backwardError: backwardError,
      residualHistory: ResidualHistory(record: history, width: 1, column: 0))
    (self.norm, self.measure) = (norm, measure)
    self.energyErrorEstimate = energyErrorEstimate
    self.normalResidual = normalResidual
    self.forwardErrorBound = forwardErrorBound
  }

  /// A report of a column measured in the 2-norm.
  init(
    index: Int, status: ColumnStatus, iterations: Int = 0, rightHandSideNorm: Double, threshold: Double,
    estimatedResidual: Double, trueResidual: Double, backwardError: Double?, residualHistory: ResidualHistory
  ) {
    self.index = index
    self.status = status
    self.iterations = iterations
    self.rightHandSideNorm = rightHandSideNorm
    self.threshold = threshold
    (norm, measure) = (.two, trueResidual)
    self.estimatedResidual = estimatedResidual
    self.trueResidual = trueResidual
    self.backwardError = backwardError
    self.residualHistory = residualHistory
  }
}

/// What happened to A·X = B as a whole and to each column.
public struct SolveReport: Sendable, Equatable {
  /// The method that gave X, as in `--method`: `cg`, `gmres`, `lu`, `dense`.
  public internal(set) var method: String
  /// The preconditioner, as in `--preconditioner`.
  public internal(set) var preconditioner: String
  /// One per column of B, in order.
  public internal(set) var columns: [ColumnReport]
  /// Every deflation, fallback, shift, restart and refinement, in order.
  public internal(set) var events: [SolveEvent] = []
  /// Block iterations of all stages.
  public internal(set) var iterations = 0
  /// Products A·(block).
  public internal(set) var operatorApplications = 0
  /// Columns that A was applied to, added over the products.
  public internal(set) var columnsApplied = 0
  /// Applications of the preconditioner to a block.
  public internal(set) var preconditionerApplications = 0
  /// Seconds for preconditioner or factorisation and workspace.
  public internal(set) var setupSeconds = 0.0
  /// Seconds from B in memory to the verified X.
  public internal(set) var solveSeconds = 0.0
  /// The memory that the prepared solver planned (workspace, preconditioner or factors), in bytes.
  public internal(set) var bytesPlanned = 0
  /// The memory that it held at the end of the solve, in bytes.
  public internal(set) var bytesUsed = 0
  /// The most threads that the kernels could use.
  public internal(set) var threads = 1
  /// The number of columns that shared one Krylov space.
  public internal(set) var blockWidth = 0
  /// Why this method and this preconditioner: the automatic choice in words; empty when the caller chose.
  public internal(set) var explanation: [String] = []

  /// Whether every column is solved to its tolerance.
  public var allConverged: Bool { columns.allSatisfy { $0.status.isConverged } }

  /// The columns that are not solved.
  public var unconverged: [ColumnReport] { columns.filter { !$0.status.isConverged } }

  /// A report by its parts, for solvers of your own.
  public init(method: String, preconditioner: String, columns: [ColumnReport]) {
    self.method = method
    self.preconditioner = preconditioner
    self.columns = columns
    blockWidth = columns.count
  }
}

extension SolveReport: CustomStringConvertible {
  /// One line: how many columns converged, and the first that did not.
  public var description: String {
    let done = columns.count - unconverged.count
    var text = "\(method): \(done) of \(columns.count) columns converged in \(iterations) iterations"
    if let bad = unconverged.first {
      text += "; column \(bad.index): \(bad.status.summary)"
      if let remedy = bad.remedy { text += " (\(remedy))" }
    }
    return text
  }
}
