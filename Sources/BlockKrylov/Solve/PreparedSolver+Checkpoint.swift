extension PreparedSolver {
  /// Goes on with a solve from its checkpoint: from its X, with its counts and histories, and the directions that the method keeps.
  ///
  /// B − A·X is recomputed before anything is said of a column, as in every solve: what had converged is confirmed, the others iterate
  /// from where they were. A Krylov space is not saved, so that a method begins a new one, as after a restart. The limits of the
  /// options hold for this run alone; the counts in the report are those of all runs.
  ///
  /// - Parameters:
  ///   - b: the same right-hand sides.
  ///   - saved: a solve of the same system, not necessarily by the same method.
  ///   - checkpoint: where to leave further checkpoints; usually the same file.
  ///   - observer: called after each block iteration; its counts are those of this run.
  /// - Throws: ``BlockKrylovError/checkpoint(path:_:)`` for the checkpoint of another system, and as
  ///   ``solve(_:from:checkpoint:observer:)``.
  public func solve(
    _ b: BlockVector<Element>, resuming saved: SavedSolve<Element>, checkpoint: Checkpoint? = nil, observer: SolveObserver? = nil
  ) throws -> SolveResult<Element> {
    try saved.requireShape(rows: a.rows, columns: a.columns, rightHandSides: b.columns)
    return try solve(b, from: saved.solution, resuming: saved, checkpoint: checkpoint, observer: observer)
  }

  /// Writes ``recycledSpace`` to a file, whole or not at all, with a checksum.
  ///
  /// - Returns: false when there are no directions yet, or the method keeps none; then no file is written.
  /// - Throws: ``BlockKrylovError/file(path:line:_:)`` when it cannot be written.
  @discardableResult
  public func saveRecycledSpace(to path: String) throws -> Bool {
    guard let space = recycledSpace else { return false }
    try SavedDirections.write(space, to: path)
    return true
  }

  /// Reads directions that ``saveRecycledSpace(to:)`` wrote, and gives them to the method; they may come from another matrix.
  ///
  /// - Throws: ``BlockKrylovError/file(path:line:_:)`` when the file cannot be read, ``BlockKrylovError/checkpoint(path:_:)`` when it is
  ///   damaged or something else, and as ``recycle(_:)``.
  public func loadRecycledSpace(from path: String) throws { try recycle(SavedDirections.read(Element.self, from: path)) }
}

/// Writes the checkpoints of one solve.
final class CheckpointWriter<Element: Scalar> {
  private let checkpoint: Checkpoint
  private let fingerprint: SystemFingerprint
  private let engine: any SolveEngine<Element>
  private let monitor: SolveMonitor
  /// What earlier runs did.
  private let before: SavedSolve<Element>?
  private(set) var written = 0
  private var hasFailed = false

  /// - Throws: ``BlockKrylovError/file(path:line:_:)`` when no file can be made there.
  init(
    _ checkpoint: Checkpoint, fingerprint: SystemFingerprint, engine: any SolveEngine<Element>, monitor: SolveMonitor,
    before: SavedSolve<Element>?
  ) throws {
    (self.checkpoint, self.fingerprint, self.engine) = (checkpoint, fingerprint, engine)
    (self.monitor, self.before) = (monitor, before)
    try BinaryFile.requireWritable(checkpoint.path)
    monitor.saveEvery(checkpoint.interval)
  }

  /// Writes X and the block iterations of each column in this run. What goes wrong is an event, once.
  func save(_ x: BlockVector<Element>, iterations: [Int], isFinished: Bool) {
    let columns = (0..<x.columns).map { j in
      let earlier = before?.columns[j]
      return SavedSolve<Element>.Column(
        iterations: iterations[j] + (earlier?.iterations ?? 0), relativeResidual: monitor.relativeResiduals[j],
        history: SavedSolve<Element>.joined(earlier?.history ?? [], monitor.history(column: j)))
    }
    let state = SavedSolve<Element>(
      method: engine.methodName, preconditioner: engine.preconditionerName, solution: x, columns: columns,
      counts: (
        monitor.iterations + (before?.iterations ?? 0), monitor.operatorApplications + (before?.operatorApplications ?? 0),
        monitor.columnsApplied + (before?.columnsApplied ?? 0),
        monitor.preconditionerApplications + (before?.preconditionerApplications ?? 0)
      ), seconds: monitor.seconds + (before?.seconds ?? 0), isFinished: isFinished, recycledSpace: engine.recycledSpace,
      fingerprint: fingerprint, path: checkpoint.path)
    do {
      try state.write()
      written += 1
    } catch {
      if !hasFailed { monitor.record(.note, "a checkpoint could not be written: \(error)") }
      hasFailed = true
    }
    monitor.wasSaved()
  }
}

extension SavedSolve {
  /// The history of two runs; the second begins where the first ended.
  static func joined(_ first: [Double], _ second: [Double]) -> [Double] { first.isEmpty ? second : first + second.dropFirst() }

  /// Throws unless the system has the shape of the one that was saved.
  func requireShape(rows: Int, columns: Int, rightHandSides: Int) throws {
    if let difference = fingerprint.difference(fromRows: rows, columns: columns, rightHandSides: rightHandSides) {
      throw BlockKrylovError.checkpoint(path: path, .otherSystem(difference))
    }
  }

  /// Throws unless the system is the one that was saved.
  func require(_ other: SystemFingerprint) throws {
    if let difference = fingerprint.difference(from: other, unitRoundoff: Element.unitRoundoff) {
      throw BlockKrylovError.checkpoint(path: path, .otherSystem(difference))
    }
  }

  /// The report of a run that went on from here, with the counts of all runs.
  func carriedOn(in report: inout SolveReport) {
    report.iterations += iterations
    report.operatorApplications += operatorApplications
    report.columnsApplied += columnsApplied
    report.preconditionerApplications += preconditionerApplications
    report.solveSeconds += seconds
    for j in report.columns.indices {
      report.columns[j].iterations += columns[j].iterations
      report.columns[j].residualHistory = ResidualHistory(
        record: Self.joined(columns[j].history, report.columns[j].history), width: 1, column: 0)
      // The guess that solves the column is what the earlier runs computed.
      if report.columns[j].status == .convergedAtStart, columns[j].iterations > 0 { report.columns[j].status = .converged }
    }
  }
}
