/// When a column counts as solved: ‖b_j − A·x_j‖₂ ≤ max(relative·‖b_j‖₂, absolute), or the same in another norm (``ColumnNorm``).
///
/// Relative means relative to the right-hand side, never to the first residual: a good initial guess makes a solve shorter, not harder.
public struct Tolerance: Sendable, Equatable {
  /// Factors of ‖b_j‖: one for all columns, or one per column; `nil` is the default of the scalar type.
  let relative: [Double]?
  /// Absolute bounds: one for all columns, or one per column.
  let absolute: [Double]
  /// What is measured: one norm for all columns, or one per column.
  var norms: [ColumnNorm] = [.two]

  /// 1e-8 relative for double precision, 1e-5 for single: what an unpreconditioned solve of a fairly conditioned problem attains.
  public static let `default` = Tolerance(relative: nil, absolute: [0])

  /// ‖r_j‖ ≤ factor·‖b_j‖.
  public static func relative(_ factor: Double) -> Tolerance { Tolerance(relative: [factor], absolute: [0]) }

  /// ‖r_j‖ ≤ bound.
  public static func absolute(_ bound: Double) -> Tolerance { Tolerance(relative: [0], absolute: [bound]) }

  /// ‖r_j‖ ≤ max(relative·‖b_j‖, absolute).
  public static func either(relative: Double, absolute: Double) -> Tolerance {
    Tolerance(relative: [relative], absolute: [absolute])
  }

  /// Bounds of its own for each column.
  public static func perColumn(relative: [Double], absolute: [Double]? = nil) -> Tolerance {
    Tolerance(relative: relative, absolute: absolute ?? [0])
  }

  /// ‖x* − x_j‖_A ≤ factor·‖x*‖_A, by an estimate; for conjugate gradients alone (``ColumnNorm/energy``).
  public static func energyNorm(relative factor: Double) -> Tolerance { Tolerance.relative(factor).measured(in: .energy) }

  /// The same bounds for another norm.
  public func measured(in norm: ColumnNorm) -> Tolerance { measured(in: [norm]) }

  /// The same bounds with a norm for each column.
  public func measured(in norms: [ColumnNorm]) -> Tolerance {
    var copy = self
    copy.norms = norms
    return copy
  }

  /// Whether it has no lists with a number for each column.
  var isOneForAllColumns: Bool { relative?.count ?? 1 == 1 && absolute.count == 1 && norms.count == 1 }

  /// Whether no column asks for another norm.
  var isInTwoNorm: Bool { norms.allSatisfy { $0 == .two } }

  /// The norm of column j.
  func norm(column j: Int) -> ColumnNorm { norms.count == 1 ? norms[0] : norms[j] }

  /// Refuses negative and NaN bounds, and lists that do not fit m columns.
  func validate(columns: Int? = nil) throws {
    func check(_ list: [Double], _ name: String) throws {
      if let bad = list.first(where: { !($0 >= 0) }) {
        throw BlockKrylovError.invalidOption("the \(name) tolerance \(bad) is not a number ≥ 0")
      }
      if let columns, list.count > 1, list.count != columns {
        throw BlockKrylovError.invalidOption(
          "\(list.count) \(name) tolerances for \(columns) right-hand sides; give one for all or one per column")
      }
    }
    if let relative { try check(relative, "relative") }
    try check(absolute, "absolute")
    if let columns, norms.count > 1, norms.count != columns {
      throw BlockKrylovError.invalidOption(
        "\(norms.count) norms for \(columns) right-hand sides; give one for all or one per column")
    }
    if norms.isEmpty {
      throw BlockKrylovError.invalidOption("the list of norms is empty; give one for all columns or one per column")
    }
    if relative?.isEmpty == true || absolute.isEmpty {
      throw BlockKrylovError.invalidOption("a list of tolerances is empty; give one for all columns or one per column")
    }
  }

  /// The relative tolerance of column j.
  func relative<S: Scalar>(column j: Int, for type: S.Type) -> Double {
    guard let relative else { return S.scalarKind.isSinglePrecision ? 1e-5 : 1e-8 }
    return relative.count == 1 ? relative[0] : relative[j]
  }

  /// The absolute tolerance of column j.
  func absolute(column j: Int) -> Double { absolute.count == 1 ? absolute[0] : absolute[j] }

  /// The bound on ‖r_j‖ for a right-hand side of this norm.
  func threshold<S: Scalar>(column j: Int, norm: Double, for type: S.Type) -> Double {
    let factor = relative(column: j, for: type)
    // A norm may overflow, and 0·∞ is no bound.
    return factor == 0 ? absolute(column: j) : max(factor * norm, absolute(column: j))
  }
}
