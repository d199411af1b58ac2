import ArgumentParser
import BlockKrylov
import Foundation

/// `krylov run`: many matrices, methods and preconditioners.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Solves with every matrix of a folder or list, by several methods and preconditioners.",
    discussion: """
      EXAMPLES:
        krylov run matrices/ --method cg,gmres --preconditioner none,ilu0
        krylov run poisson2d:50 convdiff3d:20 a.mtx --columns 8 --format json
        krylov run matrices/ --rhs auto --time-limit 60

      NAME_b.mtx next to NAME.mtx holds right-hand sides; --rhs auto takes them where they are. Matrices that are not square are \
      skipped with a note. An error with one matrix does not stop the others. JSON is one object a line, an object for each run.
      """)

  /// Some methods and some preconditioners.
  struct MethodOptions: ParsableArguments {
    @Option(
      name: .shortAndLong,
      help: ArgumentHelp("Methods: \(MethodName.names.joined(separator: ", ")). (default: auto)", valueName: "a,b"),
      completion: .list(MethodName.names), transform: CommaSeparated.methods)
    var method = CommaSeparated([MethodName.auto])

    @Option(
      name: .shortAndLong,
      help: ArgumentHelp(
        "Preconditioners: \(PreconditionerChoice.namesInWords). (default: auto)", valueName: "p,q"),
      completion: .list(PreconditionerChoice.names), transform: CommaSeparated.preconditioners)
    var preconditioner = CommaSeparated([PreconditionerChoice.automatic])

    /// Direct methods take no preconditioner, so they come once.
    var pairs: [MatrixRuns.Pair] {
      method.values.flatMap { method in
        (method.isDirect ? [.none] : preconditioner.values).map { MatrixRuns.Pair(method: method, preconditioner: $0) }
      }
    }
  }

  /// Where the right-hand sides of each matrix come from.
  struct RightHandSideOptions: ParsableArguments {
    enum Origin: String, CaseIterable, ExpressibleByArgument {
      case generated, ones, auto
    }

    @Option(
      name: [.customShort("b"), .long],
      help: "Generated columns, all ones, or NAME_b.mtx where there is one and generated columns elsewhere.")
    var rhs = Origin.generated

    @OptionGroup var generated: GeneratedColumns
  }

  @Argument(
    help: "Folders, Matrix Market files or gallery names.", completion: .file(extensions: ["mtx", "gz"]))
  var paths: [String]

  @OptionGroup(title: "Methods") var choice: MethodOptions

  @OptionGroup(title: "Right-hand sides") var rightHandSides: RightHandSideOptions

  @OptionGroup(title: "Solver") var solver: SolverArguments

  @OptionGroup(title: "Output") var output: OutputOptions

  @OptionGroup(title: "Files") var files: FileOptions

  func run() throws {
    let inputs = try paths.flatMap(MatrixFile.expand)
    guard !inputs.isEmpty else {
      throw CommandFailure(.badInput, "\(paths.joined(separator: ", ")): no file ends in .mtx or .mtx.gz")
    }
    let runs = choice.pairs
    var printer = RunPrinter(
      format: output.format, names: inputs.map(MatrixFile.name), methods: runs.map(\.method.rawValue),
      style: Style(descriptor: STDOUT_FILENO), terminalWidth: Terminal.width(STDOUT_FILENO))
    printer.begin()
    let progress = ProgressLine(quiet: output.quiet)
    for (k, input) in inputs.enumerated() {
      progress.prefix = "\(k + 1)/\(inputs.count) \(MatrixFile.name(input))  "
      MatrixRuns(command: self, path: input, runs: runs, progress: progress) { entry in
        progress.erase()
        printer.add(entry)
      }.run()
      if Interrupt.wasRequested { break }
    }
    printer.end()
    try printer.status.end()
  }
}
