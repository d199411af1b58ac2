import ArgumentParser
import BlockKrylov
import Foundation

/// `krylov`: block Krylov and direct solves from the command line.
@main
struct Krylov: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "krylov",
    abstract: "Solves sparse linear systems A·X = B with many right-hand sides.",
    discussion: """
      EXAMPLES:
        krylov solve poisson2d:200 --columns 8
        krylov solve stiffness.mtx.gz --rhs loads.mtx --output x.mtx
        krylov solve convdiff3d:30 --method gmres --preconditioner ilu0 --format json
        krylov info stiffness.mtx
        krylov run matrices/ --method cg,gmres --preconditioner none,ilu0 --time-limit 60
        krylov generate elasticity2d:40 --output plate.mtx.gz

      A matrix is a Matrix Market file (.mtx, .mtx.gz) or a problem of the gallery:
      \(galleryList)

      EXIT STATUS:
        0 every column converged    2 some did not    3 unusable input    64 wrong usage    1 a bug
      """,
    version: version,
    subcommands: [Solve.self, Run.self, Info.self, Generate.self])

  /// The problems of the gallery, a line each.
  static var galleryList: String {
    let families = Gallery.Family.allCases
    let width = families.map(\.form.count).max() ?? 0
    return families.map { "  \(Format.padded($0.form, to: width))  \($0.summary)" }.joined(separator: "\n")
  }

  /// Runs the command that the arguments name and ends the process with its status.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error where error is BlockKrylovError || error is CommandFailure {
      let failure = CommandFailure(error)
      Messages.write(failure.description)
      exit(withError: ExitCode(failure.status.rawValue))
    } catch {
      exit(withError: error)
    }
  }
}

extension ExitStatus {
  /// Ends a command with this status; 0 lets it end by itself.
  func end() throws { if self != .solved { throw ExitCode(rawValue) } }
}
