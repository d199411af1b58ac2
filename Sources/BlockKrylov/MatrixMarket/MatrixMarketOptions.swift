/// How closely a Matrix Market file must follow the format.
public struct MatrixMarketOptions: Hashable, Sendable {
  /// Whether deviations with one obvious meaning are accepted.
  public let isLenient: Bool

  /// The format as it is defined; any deviation is an error that names file and line. The default, because a file that is not what
  /// it says it is has often been damaged elsewhere as well.
  public static let strict = MatrixMarketOptions(isLenient: false)

  /// Accepts deviations that have one obvious meaning, each with a ``MatrixMarketWarning``:
  /// - a banner that is missing, misspelt, incomplete, or preceded by blank lines or a byte order mark: what it leaves out is taken
  ///   to be `coordinate` or `array` by the size line, `real`, and `general` (refused when all entries lie in one triangle, since
  ///   the file may then mean a symmetric matrix);
  /// - an array's size line with one number (a column) or with the number of entries as a third, and an array under the banner
  ///   of a coordinate file;
  /// - entries above the diagonal of a symmetric matrix, if none lie below it;
  /// - explicit zeros on the diagonal of a skew-symmetric matrix (left out), and a hermitian matrix without imaginary parts;
  /// - an entry that is given more than once (its values are added);
  /// - decimal numbers in an integer file, and Fortran's exponents `1.0D+05` and `1.0-105`.
  public static let lenient = MatrixMarketOptions(isLenient: true)
}

/// Something in a Matrix Market file that its reader should know of but that did not prevent reading it.
public struct MatrixMarketWarning: Equatable, Sendable, CustomStringConvertible {
  /// The line where it was first met, from 1.
  public let line: Int
  /// How often it was met.
  public internal(set) var count: Int
  /// What was met and what it was taken for.
  public let message: String

  /// One line of text.
  public var description: String { "line \(line): \(message)" + (count > 1 ? " (\(count) times)" : "") }
}

/// Gathers warnings, each kind once.
struct WarningLog {
  private(set) var warnings: [MatrixMarketWarning] = []
  private var position: [String: Int] = [:]

  mutating func add(_ message: String, line: Int) {
    if let known = position[message] {
      warnings[known].count += 1
    } else {
      position[message] = warnings.count
      warnings.append(MatrixMarketWarning(line: line, count: 1, message: message))
    }
  }
}
