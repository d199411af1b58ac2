import ArgumentParser
import BlockKrylov
import Foundation

/// `krylov info`: what a look at a matrix says.
struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says what a matrix is like.",
    discussion: """
      EXAMPLES:
        krylov info stiffness.mtx.gz
        krylov info helmholtz2d:50 --format json
      """)

  /// The forms that make sense here.
  enum Form: String, CaseIterable, ExpressibleByArgument {
    case text, json
  }

  @Argument(help: "A Matrix Market file or a gallery name.", completion: .file(extensions: ["mtx", "gz"]))
  var matrix: String

  @Option(help: "The form of the result on stdout.")
  var format = Form.text

  @Flag(name: .shortAndLong, help: "No warnings on stderr.")
  var quiet = false

  @OptionGroup(title: "Files") var files: FileOptions

  func run() throws {
    let source = try MatrixSource(matrix, lenient: files.lenient, quiet: quiet)
    let portrait = try Job(source: source).run(complex: source.isComplex, precision: .double)
    switch format {
    case .text:
      Destination.write(portrait.lines(style: Style(descriptor: STDOUT_FILENO), width: Terminal.width(STDOUT_FILENO)))
    case .json: Destination.write([portrait.json.indented])
    }
  }

  private struct Job: ScalarJob {
    var source: MatrixSource

    /// What `--method auto` would try and why, or why it can do nothing.
    private static func automaticChoice<S: Scalar>(for a: CSRMatrix<S>) -> [String] {
      do {
        return try MethodName.automatic.explanation(for: a)
      } catch {
        return ["none: \(error)"]
      }
    }

    func run<S: Scalar>(_ type: S.Type) throws -> MatrixPortrait {
      let a = try source.matrix(of: S.self)
      return MatrixPortrait(
        summary: MatrixSummary(a, name: source.name), probe: a.probe(), header: source.header, problem: source.problem,
        storedBytes: a.storedBytes, automaticChoice: Self.automaticChoice(for: a))
    }
  }
}
