import ArgumentParser
import BlockKrylov

/// How many columns are generated, and which.
struct GeneratedColumns: ParsableArguments {
  @Option(name: .shortAndLong, help: ArgumentHelp("The number of right-hand sides to generate. (default: 1)", valueName: "m"))
  var columns: Int?

  @Option(help: ArgumentHelp("The seed of generated right-hand sides. (default: \(Gallery.defaultSeed))", valueName: "s"))
  var seed: UInt64?

  var count: Int { columns ?? 1 }
  var seedOrDefault: UInt64 { seed ?? Gallery.defaultSeed }

  mutating func validate() throws {
    if let columns, columns < 1 { throw ValidationError("--columns is \(columns); it must be at least 1") }
  }
}

/// The right-hand sides of `solve`.
struct RightHandSideOptions: ParsableArguments {
  @Option(
    name: [.customShort("b"), .long],
    help: ArgumentHelp(
      "A Matrix Market file with one or more columns, or 'ones'; generated columns where it is left out.", valueName: "file|ones"),
    completion: .file(extensions: ["mtx", "gz"]))
  var rhs: String?

  @OptionGroup var generated: GeneratedColumns

  @Flag(help: "Generate a solution X and solve for B = A·X, so that the error is known too.")
  var exactSolution = false

  @Option(
    help: ArgumentHelp("A Matrix Market file with an initial guess for each column.", valueName: "file"),
    completion: .file(extensions: ["mtx", "gz"]))
  var initialGuess: String?

  /// The file with B, if there is one.
  var file: String? { rhs == "ones" ? nil : rhs }

  mutating func validate() throws {
    if rhs != nil, exactSolution { throw ValidationError("--exact-solution generates B itself; leave out --rhs") }
    if rhs != nil, generated.seed != nil { throw ValidationError("--seed concerns generated columns; leave out --rhs or --seed") }
    if file != nil, generated.columns != nil {
      throw ValidationError("a file given by --rhs has its own number of columns; leave out --columns")
    }
  }
}
