public import ArgumentParser
import BlockKrylov

extension PreconditionerSide: ExpressibleByArgument {}

/// The width of the parts of a number.
enum Precision: String, CaseIterable, ExpressibleByArgument {
  case double, single

  /// The relative tolerance where none is given.
  var relativeTolerance: Double { self == .double ? 1e-8 : 1e-5 }
}

/// The options that all methods share.
struct SolverArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Where GMRES applies the preconditioner.", valueName: "side"))
  var side = PreconditionerSide.right

  @Option(help: ArgumentHelp("Block steps of GMRES before it restarts. (default: \(SolverOptions().restart))", valueName: "k"))
  var restart: Int?

  @Option(
    help: ArgumentHelp("A column is solved when ‖b − Ax‖ ≤ rtol·‖b‖. (default: 1e-8, single precision 1e-5)", valueName: "x"))
  var rtol: Double?

  @Option(help: ArgumentHelp("… or when ‖b − Ax‖ ≤ atol.", valueName: "x"))
  var atol = 0.0

  @Option(help: ArgumentHelp("The most block iterations. (default: 10·n + 100)", valueName: "k"))
  var maxIterations: Int?

  @Option(help: ArgumentHelp("The most seconds for a solve. (default: no limit)", valueName: "seconds"))
  var timeLimit: Double?

  @Option(help: ArgumentHelp("The most threads; the result does not depend on it. (default: all cores)", valueName: "t"))
  var threads: Int?

  @Flag(help: "Bound the forward error of each column, for a few solves more. (direct methods)")
  var errorBounds = false

  @Option(
    help: ArgumentHelp(
      "The most memory for factors; larger ones are refused. (direct methods; default: no limit)", valueName: "MB"))
  var factorMemory: Double?

  @Option(help: "The precision of all arithmetic.")
  var precision = Precision.double

  var relativeTolerance: Double { rtol ?? precision.relativeTolerance }

  mutating func validate() throws {
    for (name, value) in [("--rtol", rtol), ("--atol", atol), ("--time-limit", timeLimit), ("--factor-memory", factorMemory)] {
      if let value, !(value >= 0) { throw ValidationError("\(name) is \(value); it must be a number that is not negative") }
    }
    if let timeLimit, timeLimit > 1e9 { throw ValidationError("--time-limit is \(timeLimit) seconds; leave it out for no limit") }
    if let maxIterations, maxIterations < 0 {
      throw ValidationError("--max-iterations is \(maxIterations); it must be at least 0")
    }
    for (name, value) in [("--restart", restart), ("--threads", threads)] {
      if let value, value < 1 { throw ValidationError("\(name) is \(value); it must be at least 1") }
    }
  }

  /// The same for the libraries.
  var options: SolverOptions {
    var options = SolverOptions()
    options.tolerance = .either(relative: relativeTolerance, absolute: atol)
    options.maximumIterations = maxIterations
    options.timeLimit = timeLimit.map { .seconds($0) }
    options.side = side
    if let restart { options.restart = restart }
    options.threads = threads
    options.boundsForwardErrors = errorBounds
    options.factorMemoryLimit = factorMemory.map { Int(min($0, 1e12) * 1e6) }
    return options
  }
}
