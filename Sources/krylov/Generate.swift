import ArgumentParser
import BlockKrylov
import Foundation

/// `krylov generate`: a gallery problem as a Matrix Market file.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a problem of the gallery as a Matrix Market file.",
    discussion: """
      EXAMPLES:
        krylov generate --list
        krylov generate poisson2d:100 --output poisson.mtx.gz
        krylov generate convdiff3d:9 --output a.mtx --rhs-output a_b.mtx -c 8

      The problems:
      \(Krylov.galleryForms)
      """)

  @Argument(help: "A gallery name such as poisson2d:100.", completion: .list(Gallery.Family.allCases.map(\.rawValue)))
  var name: String?

  @Flag(help: "List the problems of the gallery.")
  var list = false

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The file to write; stdout where it is left out.", valueName: "file.mtx[.gz]"),
    completion: .file(extensions: ["mtx", "gz"]))
  var output: String?

  @Option(
    help: ArgumentHelp("Also write generated right-hand sides to this file.", valueName: "file.mtx[.gz]"),
    completion: .file(extensions: ["mtx", "gz"]))
  var rhsOutput: String?

  @OptionGroup(title: "Right-hand sides") var generated: GeneratedColumns

  mutating func validate() throws {
    if list == (name != nil) { throw ValidationError("give either the name of a problem or --list") }
    if rhsOutput == nil, generated.columns != nil || generated.seed != nil {
      throw ValidationError("--columns and --seed concern the right-hand sides; add --rhs-output")
    }
  }

  func run() throws {
    guard let name else {
      Destination.write(Self.descriptions)
      return
    }
    let problem = try Gallery.Problem(specification: name)
    try Job(command: self, problem: problem).run(complex: problem.isComplex, precision: .double)
  }

  /// The problems of the gallery, a line each.
  private static var descriptions: [String] {
    let families = Gallery.Family.allCases
    let width = families.map(\.form.count).max() ?? 0
    return families.map { Format.padded($0.form, to: width) + "  " + $0.summary }
  }

  private struct Job: ScalarJob {
    var command: Generate
    var problem: Gallery.Problem

    func run<S: Scalar>(_ type: S.Type) throws {
      let a = try problem.matrix(S.self)
      let origin = [
        "\(problem.specification), a problem of the gallery of krylov \(Krylov.version)",
        "\(problem.family.form): \(problem.family.summary)",
      ]
      try Destination.matrixMarket(to: command.output) { try a.write(matrixMarket: $0, comments: origin) }
      guard let path = command.rhsOutput else { return }
      let (columns, seed) = (command.generated.count, command.generated.seedOrDefault)
      let b = try Gallery.rightHandSides(rows: a.rows, columns: columns, seed: seed, S.self)
      try b.write(
        matrixMarket: path,
        comments: [
          "right-hand sides for \(problem.specification): B[i][j] = 2 unit(splitmix64(\(seed) + i \(columns) + j)) - 1, krylov \(Krylov.version)"
        ])
    }
  }
}
