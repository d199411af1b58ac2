public import ArgumentParser
import BlockKrylov
import BlockKrylovDirect

extension PreconditionerSide: ExpressibleByArgument {}
extension ColumnNorm: ExpressibleByArgument {}
extension FillOrdering: ExpressibleByArgument {}
extension FactorPrecision: ExpressibleByArgument {}
extension BasisPrecision: ExpressibleByArgument {}

/// What is said of the null space of a singular A.
enum NullSpaceName: String, CaseIterable, ExpressibleByArgument {
  case auto, none, constant, detected

  var nullSpace: NullSpace {
    switch self {
    case .auto: .automatic
    case .none: .none
    case .constant: .constant
    case .detected: .detected
    }
  }
}

/// The width of the parts of a number.
enum Precision: String, CaseIterable, ExpressibleByArgument {
  case double, single
  /// Single precision in the method, double precision around it.
  case mixed

  /// The relative tolerance where none is given.
  var relativeTolerance: Double { self == .single ? 1e-5 : 1e-8 }
}

/// The options that all methods share.
struct SolverArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Where GMRES applies the preconditioner.", valueName: "side"))
  var side = PreconditionerSide.right

  @Option(help: ArgumentHelp("Block steps of GMRES before it restarts. (default: \(SolverOptions().restart))", valueName: "k"))
  var restart: Int?

  @Option(
    help: ArgumentHelp(
      "Directions that GMRES keeps at a restart. (default: 20, at most a quarter of its basis; 0: none)", valueName: "d"))
  var deflation: Int?

  @Flag(inversion: .prefixedNo, help: "GMRES applies A only to directions that unsolved columns need.")
  var inexactBreakdowns = true

  @Flag(inversion: .prefixedNo, help: "Block CG leaves columns that are done behind where that is cheaper.")
  var narrowBlocks = true

  @Option(
    help: ArgumentHelp("A column is solved when ‖b − Ax‖ ≤ rtol·‖b‖. (default: 1e-8, single precision 1e-5)", valueName: "x"))
  var rtol: Double?

  @Option(help: ArgumentHelp("… or when ‖b − Ax‖ ≤ atol.", valueName: "x"))
  var atol = 0.0

  @Option(
    help: "What tolerances measure: the 2-norm of the residual, its largest entry, or the estimated A-norm of the error (cg).")
  var norm = ColumnNorm.two

  @Option(
    help: ArgumentHelp(
      "A column is solved when the estimated A-norm of its error is at most x times that of the solution. (cg, bf-cg, pseudo-cg, ecg)",
      valueName: "x"))
  var energyTolerance: Double?

  @Option(help: "The null space of a singular A: looked for by auto, none, constant vectors, or detected.")
  var nullSpace = NullSpaceName.auto

  @Option(help: ArgumentHelp("The most block iterations. (default: 10·n + 100)", valueName: "k"))
  var maxIterations: Int?

  @Option(help: ArgumentHelp("The most seconds for a solve. (default: no limit)", valueName: "seconds"))
  var timeLimit: Double?

  @Option(
    help: ArgumentHelp(
      "The most memory for workspace and factors, as 500M, 2G or bytes: shorter cycles and narrower groups of columns keep to it. (default: no limit)",
      valueName: "bytes"), transform: MemorySize.parse)
  var memoryLimit: Int?

  @Option(help: ArgumentHelp("The most threads; the result does not depend on it. (default: all cores)", valueName: "t"))
  var threads: Int?

  @Flag(help: "Bound the forward error of each column, for a few solves more. (direct methods)")
  var errorBounds = false

  @Option(
    help: ArgumentHelp(
      "How sparse factorisations order the unknowns: minimum degree (amd), nested dissection (metis), the least fill of all (best), or what takes "
        + "the least time for few columns (auto).", valueName: "order"))
  var ordering = FillOrdering.automatic

  @Option(help: "How the numbers of sparse factors are kept; single: half the memory and more refinements.")
  var factorPrecision = FactorPrecision.double

  @Option(
    help: "How pseudo-gmres keeps its bases; single: half the memory for a little more time, cycles that gain six digits at most."
  )
  var basisPrecision = BasisPrecision.full

  @Flag(help: "Number the unknowns by reverse Cuthill–McKee, for matrices whose numbering scatters neighbours.")
  var renumber = false

  @Option(help: "The precision of all arithmetic; mixed: a method in single precision, refined in double precision.")
  var precision = Precision.double

  var relativeTolerance: Double { energyTolerance ?? rtol ?? precision.relativeTolerance }

  mutating func validate() throws {
    for (name, value) in [
      ("--rtol", rtol), ("--atol", atol), ("--time-limit", timeLimit), ("--energy-tolerance", energyTolerance),
    ] {
      if let value, !(value >= 0) { throw ValidationError("\(name) is \(value); it must be a number that is not negative") }
    }
    if energyTolerance != nil, rtol != nil || norm != .two {
      throw ValidationError("--energy-tolerance takes the place of --rtol and --norm; give one of them")
    }
    if let timeLimit, timeLimit > 1e9 { throw ValidationError("--time-limit is \(timeLimit) seconds; leave it out for no limit") }
    if let maxIterations, maxIterations < 0 {
      throw ValidationError("--max-iterations is \(maxIterations); it must be at least 0")
    }
    if let deflation, deflation < 0 { throw ValidationError("--deflation is \(deflation); it must be at least 0") }
    for (name, value) in [("--restart", restart), ("--threads", threads)] {
      if let value, value < 1 { throw ValidationError("\(name) is \(value); it must be at least 1") }
    }
  }

  /// The same for the libraries.
  var options: SolverOptions {
    var options = SolverOptions()
    options.tolerance = .either(relative: relativeTolerance, absolute: atol).measured(in: energyTolerance == nil ? norm : .energy)
    options.nullSpace = nullSpace.nullSpace
    options.maximumIterations = maxIterations
    options.timeLimit = timeLimit.map { .seconds($0) }
    options.side = side
    if let restart { options.restart = restart }
    options.deflation = deflation
    options.inexactBreakdowns = inexactBreakdowns
    options.narrowsBlocks = narrowBlocks
    options.threads = threads
    options.memoryLimit = memoryLimit
    options.boundsForwardErrors = errorBounds
    return options
  }
}

/// A number of bytes as people write it.
enum MemorySize {
  /// `500M`, `1.5G`, `65536`; K, M, G and T are powers of 1024.
  static func parse(_ text: String) throws -> Int {
    let units: [Character: Double] = ["k": 0x1p10, "m": 0x1p20, "g": 0x1p30, "t": 0x1p40]
    let unit = text.lowercased().last.flatMap { units[$0] }
    let bytes = (Double(unit == nil ? text : String(text.dropLast())) ?? .nan) * (unit ?? 1)
    guard bytes >= 1, bytes < 0x1p62 else {
      throw ValidationError("'\(text)' is not an amount of memory; write bytes or a number with K, M, G or T, as in 500M")
    }
    return Int(bytes)
  }
}
