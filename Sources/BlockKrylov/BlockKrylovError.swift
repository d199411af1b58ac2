/// What the package throws: misuse, input that cannot be used, and failure that the caller asked to be thrown.
///
/// Non-convergence is not an error but a result (``ColumnStatus``) unless a solution is asked for with
/// ``SolveResult/solution(requiring:)``. Each case carries one line that says what is wrong and what to do.
public enum BlockKrylovError: Error, Equatable, Sendable {
  /// Sizes that do not fit together.
  case shape(String)
  /// A matrix that violates its format, or has entries that are not finite.
  case invalidMatrix(String)
  /// An option with a value that has no meaning, or options that contradict each other.
  case invalidOption(String)
  /// A combination that this method cannot do.
  case unsupported(String)
  /// A preconditioner or factorisation that could not be built.
  case factorization(String)
  /// A file that cannot be read; the line counts from 1.
  case file(path: String, line: Int?, String)
  /// A checkpoint that cannot be used.
  case checkpoint(path: String, CheckpointFault)
  /// A solution was required that was not reached.
  case notConverged(String)
}

/// Why a checkpoint, or another file of this package's own, cannot be used.
public enum CheckpointFault: Equatable, Sendable {
  /// The file is something else.
  case notACheckpoint
  /// It was written in another version of the layout.
  case version(Int)
  /// It is cut off, or some of its bytes have changed.
  case damaged(String)
  /// It holds something else, or numbers of another type.
  case otherContent(String)
  /// It belongs to another A or B.
  case otherSystem(String)
}

extension CheckpointFault: CustomStringConvertible {
  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .notACheckpoint: "is no checkpoint of this package"
    case .version(let number): "has version \(number) of the layout, which this version of the package does not read"
    case .damaged(let how): "is damaged: \(how); take an earlier checkpoint, or begin anew"
    case .otherContent(let what): "cannot be used here: \(what)"
    case .otherSystem(let how): "belongs to another system: \(how); begin anew, or pass its solution as an initial guess"
    }
  }
}

extension BlockKrylovError: CustomStringConvertible {
  /// One line: what is wrong, and what to do.
  public var description: String {
    switch self {
    case .shape(let text), .invalidMatrix(let text), .invalidOption(let text), .unsupported(let text),
      .factorization(let text), .notConverged(let text):
      return text
    case .checkpoint(let path, let fault): return "\(path): \(fault)"
    case .file(let path, let line, let text):
      return line.map { "\(path):\($0): \(text)" } ?? "\(path): \(text)"
    }
  }
}
