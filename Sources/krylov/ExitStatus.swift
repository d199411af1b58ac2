import BlockKrylov

/// How the command ends. Wrong usage is 64, which the argument parser sees to.
enum ExitStatus: Int32, Comparable {
  /// Every column converged.
  case solved = 0
  /// Some columns did not.
  case unconverged = 2
  /// A file, a size or a value that cannot be used.
  case badInput = 3
  /// A bug: also a column that is called converged and is not.
  case bug = 1

  private var severity: Int {
    switch self {
    case .solved: 0
    case .unconverged: 1
    case .badInput: 2
    case .bug: 3
    }
  }

  /// Ordered by severity, so that the maximum of many is what a run ends with.
  static func < (a: ExitStatus, b: ExitStatus) -> Bool { a.severity < b.severity }
}

/// An error with the status that it ends the command with, in one line.
struct CommandFailure: Error, CustomStringConvertible {
  var status: ExitStatus
  var description: String

  init(_ status: ExitStatus, _ description: String) { (self.status, self.description) = (status, description) }

  /// What an error thrown by the libraries means for the command; `context` names the file or matrix that it concerns.
  init(_ error: any Error, context: String? = nil) {
    switch error {
    case let failure as CommandFailure: self = failure
    case let error as BlockKrylovError:
      let namesItself =
        switch error {
        case .file, .checkpoint: true
        default: false
        }
      let status: ExitStatus = if case .notConverged = error { .unconverged } else { .badInput }
      self.init(status, (namesItself ? nil : context).map { "\($0): \(error)" } ?? "\(error)")
    default: self.init(.bug, context.map { "\($0): \(error)" } ?? "\(error)")
    }
    description = description.split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}
