import ArgumentParser
import BlockKrylov
import Foundation

/// `krylov solve`: one system.
struct Solve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Solves A·X = B and reports on every column.",
    discussion: """
      EXAMPLES:
        krylov solve poisson2d:200 --columns 8
        krylov solve A.mtx --rhs B.mtx --method gmres --output X.mtx
        krylov solve convdiff3d:30 --columns 4 --exact-solution --rtol 1e-10
        krylov solve A.mtx --columns 16 --repeat 5 --format json
        krylov solve A.mtx --rhs B.mtx --output X.mtx --columns-at-a-time 32
        krylov solve A.mtx --columns 64 --explain

      Right-hand sides are read from a file, are all ones, or are generated: pseudo-random numbers in [−1, 1), the same everywhere. \
      A column counts as solved only when B − A·X, computed again at the end, meets its tolerance.

      Ctrl-C stops a solve and keeps what it has; a second Ctrl-C ends the command.
      """)

  @Argument(help: "A Matrix Market file or a gallery name such as poisson2d:100.", completion: .file(extensions: ["mtx", "gz"]))
  var matrix: String

  @OptionGroup(title: "Method") var choice: MethodOptions

  @OptionGroup(title: "Right-hand sides") var rightHandSides: RightHandSideOptions

  @OptionGroup(title: "Solver") var solver: SolverArguments

  @OptionGroup(title: "Output") var output: OutputOptions

  @OptionGroup(title: "Results") var results: ResultOptions

  @OptionGroup(title: "Long solves") var longSolves: CheckpointOptions

  @OptionGroup(title: "Files") var files: FileOptions

  /// What a solve leaves in case it is ended from outside.
  struct CheckpointOptions: ParsableArguments {
    @Option(
      help: ArgumentHelp("Keep the state of the solve in this file, which is whole at any time.", valueName: "file"),
      completion: .file())
    var checkpoint: String?

    @Option(help: ArgumentHelp("The seconds between two checkpoints. (default: 60)", valueName: "seconds"))
    var checkpointInterval: Double?

    @Flag(help: "Go on from the checkpoint.")
    var resume = false

    mutating func validate() throws {
      if checkpoint == nil, resume || checkpointInterval != nil {
        throw ValidationError("--resume and --checkpoint-interval need --checkpoint with the name of the file")
      }
      if let checkpointInterval, !(checkpointInterval >= 0 && checkpointInterval <= 1e9) {
        throw ValidationError(
          "--checkpoint-interval is \(checkpointInterval); it must be a number of seconds that is not negative")
      }
    }

    var place: Checkpoint? { checkpoint.map { Checkpoint(path: $0, every: .seconds(checkpointInterval ?? 60)) } }
  }

  mutating func validate() throws {
    if longSolves.checkpoint != nil, results.repeats != nil {
      throw ValidationError("--repeat solves from scratch; leave out --checkpoint")
    }
    if longSolves.resume, rightHandSides.initialGuess != nil {
      throw ValidationError("--resume goes on from the X of the checkpoint; leave out --initial-guess")
    }
    if results.columnsAtATime != nil {
      if rightHandSides.exactSolution || rightHandSides.initialGuess != nil {
        throw ValidationError("--columns-at-a-time does not go with --exact-solution and --initial-guess")
      }
      if longSolves.checkpoint != nil {
        throw ValidationError("--columns-at-a-time delivers X as it goes; leave out --checkpoint")
      }
    }
  }

  /// One method and one preconditioner.
  struct MethodOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "The method.")
    var method = MethodName.auto

    @Option(
      name: .shortAndLong,
      help: ArgumentHelp(
        "The preconditioner: \(PreconditionerChoice.namesInWords). (default: auto)", valueName: "name"),
      completion: .list(PreconditionerChoice.names), transform: PreconditionerChoice.parse)
    var preconditioner = PreconditionerChoice.automatic
  }

  /// What a single solve can leave behind.
  struct ResultOptions: ParsableArguments {
    @Option(
      name: .customLong("repeat"),
      help: ArgumentHelp("Solve this often from scratch after one solve that is not timed.", valueName: "r"))
    var repeats: Int?

    @Option(
      help: ArgumentHelp(
        "Read or generate B, solve and write X so many columns at a time, for more than there is memory for. Each block is reported when it "
          + "is done: a line, or a JSON object.", valueName: "p"))
    var columnsAtATime: Int?

    @Flag(help: "Say before the solve what will be done and why, and what it takes.")
    var explain = false

    @Flag(help: "Show every column, however many there are.")
    var allColumns = false

    @Option(
      name: .shortAndLong, help: ArgumentHelp("Write X to this Matrix Market file.", valueName: "file.mtx"),
      completion: .file(extensions: ["mtx", "gz"]))
    var output: String?

    @Option(
      help: ArgumentHelp("Write each column's residual after every iteration to this file.", valueName: "file.csv"),
      completion: .file(extensions: ["csv"]))
    var history: String?

    mutating func validate() throws {
      if let columnsAtATime, columnsAtATime < 1 {
        throw ValidationError("--columns-at-a-time is \(columnsAtATime); it must be at least 1")
      }
      if columnsAtATime != nil, repeats != nil || history != nil {
        throw ValidationError("--columns-at-a-time does not go with --repeat and --history")
      }
      if let repeats, repeats < 1 { throw ValidationError("--repeat is \(repeats); it must be at least 1") }
    }
  }

  func run() throws {
    let (lenient, quiet) = (files.lenient, output.quiet)
    let source = try MatrixSource(matrix, lenient: lenient, quiet: quiet)
    let rhs = try rightHandSides.source(lenient: lenient, quiet: quiet)
    let guess = try rightHandSides.initialGuess.map { try MatrixMarketInput($0, lenient: lenient, quiet: quiet) }
    let isComplex = source.isComplex || rhs.isComplex || guess?.header.isComplex ?? false
    let job = Job(command: self, source: source, rightHandSides: rhs, guess: guess)
    try job.run(complex: isComplex, precision: solver.precision).end()
  }

  private struct Job: ScalarJob {
    var command: Solve
    var source: MatrixSource
    var rightHandSides: RightHandSideSource
    var guess: MatrixMarketInput?

    func run<S: Scalar>(_ type: S.Type) throws -> ExitStatus {
      let progress = ProgressLine(quiet: command.output.quiet)
      defer { progress.erase() }
      if let width = command.results.columnsAtATime { return try stream(type, width, progress) }
      let system = try load(type, progress)
      var options = command.solver.options
      options.preconditioner = command.choice.preconditioner
      options.recordsHistory = command.results.history != nil
      let solving = Solving(
        method: command.choice.method.method(options, command.solver), rtol: command.solver.relativeTolerance,
        atol: command.solver.atol, repeats: command.results.repeats, checkpoint: command.longSolves.place,
        resumes: command.longSolves.resume, progress: progress,
        announce: command.announcement(of: system.matrix))
      let (record, x) = try solve(solving, system)
      try command.write(record, x)
      return record.exitStatus
    }

    private func stream<S: Scalar>(_ type: S.Type, _ width: Int, _ progress: ProgressLine) throws -> ExitStatus {
      let began = ContinuousClock.now
      progress.show("reading \(source.name)")
      let a = try source.matrix(of: S.self)
      let seconds = (ContinuousClock.now - began).inSeconds
      var options = command.solver.options
      options.preconditioner = command.choice.preconditioner
      options.recordsHistory = false
      let streaming = Streaming(
        method: command.choice.method.method(options, command.solver), width: width,
        rtol: command.solver.relativeTolerance,
        atol: command.solver.atol, format: command.output.format, progress: progress)
      do {
        return try streaming.run(
          MatrixSummary(a, name: source.name), a, rightHandSides, output: command.results.output, readSeconds: seconds)
      } catch {
        throw CommandFailure(error, context: source.name)
      }
    }

    private func solve<S: Scalar>(_ solving: Solving, _ system: LinearSystem<S>) throws -> (SolveRecord, BlockVector<S>) {
      do {
        return try solving.run(system)
      } catch {
        throw CommandFailure(error, context: system.matrix.name)
      }
    }

    private func load<S: Scalar>(_ type: S.Type, _ progress: ProgressLine) throws -> LinearSystem<S> {
      let began = ContinuousClock.now
      progress.show("reading \(source.name)")
      let a = try source.matrix(of: S.self)
      let (b, exact) = try rightHandSides.blocks(for: a)
      if let guess, (guess.header.rows, guess.header.columns) != (a.columns, b.columns) {
        throw CommandFailure(
          .badInput,
          "\(guess.path): has \(guess.header.rows) × \(guess.header.columns) numbers; an initial guess needs \(a.columns) × \(b.columns)"
        )
      }
      let x = try guess?.block(of: S.self)
      let seconds = (ContinuousClock.now - began).inSeconds
      return LinearSystem(
        matrix: MatrixSummary(a, name: source.name), a: a, b: b, guess: x, exact: exact, readSeconds: seconds)
    }
  }

  /// What is done with the plan, where it is asked for: people read it before the solve, JSON has it among the results.
  private func announcement(of matrix: MatrixSummary) -> ((SolvePlan) -> Void)? {
    guard results.explain else { return nil }
    guard output.format == .text else { return { _ in } }
    return { plan in
      let text = PlanText(
        plan: plan, matrix: matrix, style: Style(descriptor: STDOUT_FILENO), terminalWidth: Terminal.width(STDOUT_FILENO))
      Destination.write(text.lines + [""])
    }
  }

  private func write<S: Scalar>(_ record: SolveRecord, _ x: BlockVector<S>) throws {
    switch output.format {
    case .json: Destination.write([record.json.indented])
    case .csv: Destination.write([SolveRecord.csvHeading] + record.csvLines)
    case .text:
      let text = SolveText(
        record: record, style: Style(descriptor: STDOUT_FILENO), terminalWidth: Terminal.width(STDOUT_FILENO),
        showsAllColumns: results.allColumns, hasPlan: results.explain)
      Destination.write(text.lines)
    }
    if let file = results.output {
      try x.write(matrixMarket: file, comments: ["X of A X = B for \(record.matrix.name), by krylov \(Krylov.version)"])
    }
    if let history = results.history { try Destination.write(record.historyLines, to: history) }
  }
}
