/// What the methods check and build alike.
extension BlockMethod {
  func requireSquare<Element: Scalar>(_ a: any LinearOperator<Element>) throws {
    guard a.rows == a.columns else {
      throw BlockKrylovError.shape(
        "\(name) needs a square operator and A is \(a.rows) × \(a.columns); use lsqr or lsmr for least squares")
    }
  }

  /// A matrix must be hermitian by value, up to rounding; other operators are taken at their word.
  func requireHermitian<Element: Scalar>(_ a: any LinearOperator<Element>) throws {
    guard !a.isHermitian, let matrix = a.sparseMatrix else { return }
    let probe = matrix.probe()
    if probe.asymmetry > 1e3 * Element.unitRoundoff {
      throw BlockKrylovError.unsupported(
        "\(name) needs a hermitian matrix and this one is not (max |a_ij − conj a_ji| is \(probe.asymmetry.brief) of the largest "
          + "entry); use block GMRES")
    }
  }

  /// Refuses a preconditioner that changes from call to call or does not claim to be positive definite.
  func requireFixedAndDefinite<Element: Scalar>(_ m: any Preconditioner<Element>) throws {
    try requireFixed(m)
    if !m.isPositiveDefinite {
      throw BlockKrylovError.unsupported(
        "\(name) needs a hermitian positive definite preconditioner and \(m.name) is not; use ic0, jacobi, ssor or chebyshev, or block GMRES"
      )
    }
  }

  /// Refuses a preconditioner that changes from call to call.
  func requireFixed<Element: Scalar>(_ m: any Preconditioner<Element>) throws {
    if m.isVariable {
      throw BlockKrylovError.unsupported(
        "the preconditioner \(m.name) changes from call to call and \(name) needs a fixed one; use block GMRES with side: flexible"
      )
    }
  }

  /// M⁻¹ of a method for hermitian A: the caller's, or that of the options.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` unless A is square, ``BlockKrylovError/unsupported(_:)`` for a matrix that is not hermitian
  ///   or a preconditioner that is not fixed and positive definite.
  func definitePreconditioner<Element: Scalar>(
    _ given: (any Preconditioner<Element>)?, forHermitian a: any LinearOperator<Element>
  ) throws -> (any Preconditioner<Element>)? {
    try requireSquare(a)
    try requireHermitian(a)
    let m = try given ?? buildPreconditioner(options.preconditioner, for: a)
    if let m { try requireFixedAndDefinite(m) }
    return m
  }

  /// M⁻¹ of a method for any square A that needs it to be fixed: the caller's, or that of the options.
  func fixedPreconditioner<Element: Scalar>(
    _ given: (any Preconditioner<Element>)?, forSquare a: any LinearOperator<Element>
  ) throws -> (any Preconditioner<Element>)? {
    try requireSquare(a)
    let m = try given ?? buildPreconditioner(options.preconditioner, for: a)
    if let m { try requireFixed(m) }
    return m
  }

  /// The preconditioner of the options, from A's matrix.
  func buildPreconditioner<Element: Scalar>(
    _ choice: PreconditionerChoice, for a: any LinearOperator<Element>
  ) throws -> (any Preconditioner<Element>)? {
    guard let matrix = a.sparseMatrix else { return try choice.build(forOperator: a)?.projected(for: a) }
    return try choice.build(for: matrix)?.projected(for: a)
  }
}

/// Tells drift of the recurrence from the attainable accuracy: a restart on the true residual that gains less than a factor of two
/// brings nothing, and neither do more than three.
struct DriftControl {
  private var best: [Double]
  private var idle: [Int]
  private var restarts: [Int]

  init(columns: Int) {
    best = [Double](repeating: .infinity, count: columns)
    idle = [Int](repeating: 0, count: columns)
    restarts = idle
  }

  /// Whether another restart of this column is pointless.
  ///
  /// - Parameter patience: how many restarts without gain are still worth another one.
  mutating func isStuck(column j: Int, residual: Double, patience: Int = 0) -> Bool {
    idle[j] = residual <= best[j] / 2 ? 0 : idle[j] + 1
    best[j] = min(best[j], residual)
    restarts[j] += 1
    return idle[j] > patience || restarts[j] > 3 + 4 * patience
  }
}

extension BlockProblem {
  /// Runs rounds of a recurrence until no column is open. A round iterates on the columns that are open, gives a status to those
  /// whose true residual meets the bound (or that failed for themselves), and says why it ended with the others: `nil` when its
  /// estimates were met, so that they must have drifted. Where that may be cured the next round begins from the true residual.
  ///
  /// - Parameters:
  ///   - patience: how many rounds that end with a breakdown and bring nothing are worth another one.
  ///   - keepsBest: whether a round that left a column with a larger residual than before is taken back; CG does not, as its residuals
  ///     may grow while the error falls.
  func solveInRounds(
    patience: Int = 0, keepsBest: Bool = true, _ round: (BlockProblem) throws -> ColumnStatus?
  ) throws {
    var drift = DriftControl(columns: width)
    var best = startResiduals
    while true {
      let list = open
      if list.isEmpty { return }
      let part = openPart(takesX: !keepsBest)
      let failure = try round(part)
      if keepsBest { takeBack(part, list, best) }
      absorb(part, at: list)
      let isNarrowed = part.isNarrowed && open.count < list.count
      part.isNarrowed = false
      if isNarrowed {
        monitor.record(
          .deflated, "\(list.count - open.count) of \(list.count) columns are done; the others go on in a narrower block")
        continue
      }
      // Columns that end for themselves may have held up the others, which begin again without them.
      let othersFailed = list.contains { status[$0].map { !$0.isConverged } ?? false }
      for (k, j) in list.enumerated() {
        let residual = part.trueResiduals[k]
        if residual < best[j] { best[j] = residual }
        guard status[j] == nil else { continue }
        if othersFailed, failure?.mayBeDrift ?? true { continue }
        if let failure {
          if !failure.mayBeDrift || drift.isStuck(column: j, residual: residual, patience: patience) {
            finish(column: j, failure)
          }
        } else if drift.isStuck(column: j, residual: residual) {
          finish(column: j, residual.isFinite ? .stagnated(.attainableAccuracy) : .nonFinite(.operator))
        }
      }
      if !open.isEmpty {
        monitor.record(
          .residualReplaced,
          failure.map { "restart on the true residual with \(open.count) columns after: \($0.summary)" }
            ?? "restart on the true residual: the recurrence had drifted from it in \(open.count) columns")
      }
    }
  }

  /// Columns of the part whose residual is larger than before the round get their old X back.
  func takeBack(_ part: BlockProblem, _ list: [Int], _ before: [Double]) {
    for (k, j) in list.enumerated() where part.status[k] == nil && !(part.trueResiduals[k] <= before[j]) {
      part.x[columns: k..<(k + 1)] = x[columns: j..<(j + 1)]
      part.trueResiduals[k] = before[j]
    }
  }

  /// Memory for the residual of all columns, in that of a block which is no longer needed.
  func residualBlock(in scratch: consuming BlockVector<Element>) -> BlockVector<Element> {
    scratch.recycled(columns: width) ?? BlockVector(rows: b.rows, columns: width)
  }

  /// Recomputes B − A·X into R: columns that meet their bound are converged, those that do not any more are open again.
  func verify(into r: inout BlockVector<Element>, _ space: BlockSpace<Element>, norms: inout [Double]) throws {
    if renewal != nil, !hasGuess { r.copy(from: b) } else { try residual(of: x, b, into: &r) }
    space.columnNorms(r, into: &norms)
    let errorsAreSmall = confirmedEnergies(r, space, norms: norms)
    for j in status.indices {
      trueResiduals[j] = norms[j]
      if norms[j] <= thresholds[j] || errorsAreSmall[j] {
        finish(column: j, .converged)
      } else if status[j] == .converged {
        status[j] = nil
      }
    }
    finishLimited()
  }

  /// The least bound for an estimate of column j: below it, it is rounding, unless residuals are renewed.
  func target(column j: Int) -> Double {
    renewal == nil ? max(thresholds[j], Element.unitRoundoff / 8 * norms[j]) : thresholds[j]
  }
}

extension ColumnStatus {
  /// Whether a restart on the true residual may cure it.
  var mayBeDrift: Bool {
    switch self {
    case .breakdown, .singular: true
    default: false
    }
  }
}
