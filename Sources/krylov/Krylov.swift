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
        krylov solve convdiff3d:30 --method gmres --preconditioner ilu0
        krylov info stiffness.mtx
        krylov run matrices/ --method cg,gmres --preconditioner none,ilu0
        krylov generate elasticity2d:40 --output plate.mtx.gz

      A matrix is a Matrix Market file (.mtx, .mtx.gz) or a problem of the gallery:
      \(galleryForms)

      EXIT STATUS:
        0   every column converged
        2   some columns did not
        3   input that cannot be used: a file, a size or a value
        64  wrong usage
        1   a bug
      """,
    version: version,
    subcommands: [Solve.self, Run.self, Info.self, Generate.self])

  /// How the problems of the gallery are written, in lines that help texts do not break.
  static var galleryForms: String {
    Format.wrap(Gallery.Family.allCases.map(\.form).joined(separator: " "), first: "  ", width: 78).joined(separator: "\n")
      + "\n'krylov generate --list' says what they are."
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
