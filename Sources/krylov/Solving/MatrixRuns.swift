import BlockKrylov

/// All runs of `krylov run` with one matrix. Nothing is thrown: whatever happens becomes an entry.
struct MatrixRuns {
  /// A method with a preconditioner.
  struct Pair {
    var method: MethodName
    var preconditioner: PreconditionerChoice
  }

  var command: Run
  var path: String
  var runs: [Pair]
  var progress: ProgressLine
  var emit: (RunEntry) -> Void

  private var name: String { MatrixFile.name(path) }

  func run() {
    do {
      progress.show("reading")
      let source = try MatrixSource(path, lenient: command.files.lenient, quiet: command.output.quiet)
      if let skipped = skipped(source) {
        emit(RunEntry(name: name, outcome: skipped))
      } else {
        var fitting = self
        if let header = source.header, header.rows != header.columns { fitting.runs.removeAll { !$0.method.isLeastSquares } }
        let job = Job(of: fitting, source: source, rightHandSides: try rightHandSides(for: source))
        try job.run(complex: source.isComplex || job.rightHandSides.isComplex, precision: command.solver.precision)
      }
    } catch {
      emit(RunEntry(name: name, outcome: .unreadable(CommandFailure(error, context: path))))
    }
  }

  /// Rectangular matrices are for least-squares methods.
  private func skipped(_ source: MatrixSource) -> RunEntry.Outcome? {
    guard let header = source.header, header.rows != header.columns else { return nil }
    let isBlock = ["_b", "_C"].contains { source.name.hasSuffix($0) }
    if !isBlock, runs.contains(where: { $0.method.isLeastSquares }) { return nil }
    return .skipped(isBlock ? .block : .notSquare, shape: "\(header.rows) × \(header.columns)")
  }

  private func rightHandSides(for source: MatrixSource) throws -> RightHandSideSource {
    let options = command.rightHandSides
    let columns = options.generated.count
    switch options.rhs {
    case .ones: return .ones(columns: columns)
    case .auto:
      if source.header != nil, let file = MatrixFile.rightHandSides(of: path) {
        return .file(try MatrixMarketInput(file, lenient: command.files.lenient, quiet: command.output.quiet))
      }
    case .generated: break
    }
    return .generated(columns: columns, seed: options.generated.seedOrDefault)
  }

  /// The runs in the scalar type of the matrix.
  private struct Job: ScalarJob {
    var of: MatrixRuns
    var source: MatrixSource
    var rightHandSides: RightHandSideSource

    func run<S: Scalar>(_ type: S.Type) throws {
      let began = ContinuousClock.now
      let a = try source.matrix(of: S.self)
      let (b, _) = try rightHandSides.blocks(for: a)
      let seconds = (ContinuousClock.now - began).inSeconds
      let system = LinearSystem(matrix: MatrixSummary(a, name: source.name), a: a, b: b, readSeconds: seconds)
      for pair in of.runs {
        of.emit(RunEntry(name: source.name, outcome: outcome(pair, system)))
        if Interrupt.wasRequested { return }
      }
    }

    private func outcome<S: Scalar>(_ pair: Pair, _ system: LinearSystem<S>) -> RunEntry.Outcome {
      let arguments = of.command.solver
      var options = arguments.options
      options.preconditioner = pair.preconditioner
      options.recordsHistory = false
      let solving = Solving(
        method: pair.method.method(options, arguments), rtol: arguments.relativeTolerance, atol: arguments.atol,
        progress: of.progress)
      do {
        return .solved(try solving.run(system).record)
      } catch {
        return .refused(
          system.matrix, method: pair.method.rawValue, preconditioner: pair.preconditioner.name, CommandFailure(error))
      }
    }
  }
}

/// What came of one run, or of one file.
struct RunEntry {
  enum Outcome {
    /// A solve took place; whether its columns converged is in the record.
    case solved(SolveRecord)
    /// The method or the preconditioner cannot work with this matrix.
    case refused(MatrixSummary, method: String, preconditioner: String, CommandFailure)
    /// The file, or its right-hand sides, cannot be read.
    case unreadable(CommandFailure)
    /// Not a system of this kind.
    case skipped(Reason, shape: String)
  }

  /// Why a file is no system to solve.
  enum Reason: String, CaseIterable {
    /// Right-hand sides (`NAME_b`) or an output matrix (`NAME_C`).
    case block = "a block that belongs to a matrix"
    case notSquare = "not square"
  }

  var name: String
  var outcome: Outcome

  var status: ExitStatus {
    switch outcome {
    case .solved(let record): record.exitStatus
    // The input is good; it is this combination that solves nothing.
    case .refused(_, _, _, let failure): failure.status == .badInput ? .unconverged : failure.status
    case .unreadable(let failure): failure.status
    case .skipped: .solved
    }
  }
}
