/// What the methods check and build alike.
extension BlockMethod {
  func requireSquare<Element: Scalar>(_ a: any LinearOperator<Element>) throws {
    guard a.rows == a.columns else {
      throw BlockKrylovError.shape(
        "\(name) needs a square operator and A is \(a.rows) × \(a.columns)")
    }
  }

  /// The preconditioner of the options, from A's matrix.
  func buildPreconditioner<Element: Scalar>(
    _ choice: PreconditionerChoice, for a: any LinearOperator<Element>
  ) throws -> (any Preconditioner<Element>)? {
    if choice == .none { return nil }
    guard let matrix = a.sparseMatrix else {
      if choice == .automatic { return nil }
      throw BlockKrylovError.unsupported(
        "the preconditioner \(choice.name) is built from a sparse matrix and this operator has none; pass one of your own to prepare"
      )
    }
    return try choice.build(for: matrix)
  }
}

/// The preconditioner for new values of A.
func updatedPreconditioner<Element: Scalar>(
  _ m: (any Preconditioner<Element>)?, for a: any LinearOperator<Element>
) throws -> (any Preconditioner<Element>)? {
  guard let m else { return nil }
  guard let matrix = a.sparseMatrix else {
    throw BlockKrylovError.unsupported("the preconditioner \(m.name) needs a sparse matrix to follow new values of A")
  }
  return try m.updated(for: matrix)
}

/// Tells drift of the recurrence from the attainable accuracy: a restart on the true residual that gains less than a factor of two
/// brings nothing, and neither do more than three.
struct DriftControl {
  private var best: [Double]
  private var restarts: [Int]

  init(columns: Int) {
    best = [Double](repeating: .infinity, count: columns)
    restarts = [Int](repeating: 0, count: columns)
  }

  /// Whether another restart of this column is pointless.
  mutating func isStuck(column j: Int, residual: Double) -> Bool {
    let gained = residual <= best[j] / 2
    best[j] = min(best[j], residual)
    restarts[j] += 1
    return !gained || restarts[j] > 3
  }
}

extension ColumnStatus {
  /// Whether a restart on the true residual may cure it.
  var mayBeDrift: Bool {
    if case .breakdown = self { true } else { false }
  }
}
