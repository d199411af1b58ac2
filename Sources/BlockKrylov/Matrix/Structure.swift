/// What is known of an operator, so that methods may rely on it.
///
/// Tags are promises by whoever sets them; matrices can be probed (``CSRMatrix/probe()``). Methods check what they can while they
/// run: an operator that is tagged positive definite and is not ends with ``ColumnStatus/indefiniteOperator``, never with a wrong answer.
public struct Structure: OptionSet, Sendable, Hashable {
  /// One bit per property.
  public let rawValue: UInt32
  /// A set from its bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// A = Aᵀ.
  public static let symmetric = Structure(rawValue: 1)
  /// A = Aᴴ; for real entries the same as symmetric.
  public static let hermitian = Structure(rawValue: 2)
  /// xᴴAx > 0 for x ≠ 0.
  public static let positiveDefinite = Structure(rawValue: 4)
  /// xᴴAx < 0 for x ≠ 0.
  public static let negativeDefinite = Structure(rawValue: 8)
  /// No entries above the diagonal.
  public static let lowerTriangular = Structure(rawValue: 16)
  /// No entries below the diagonal.
  public static let upperTriangular = Structure(rawValue: 32)
  /// A = −Aᵀ.
  public static let skewSymmetric = Structure(rawValue: 64)

  /// No entries off the diagonal.
  public static let diagonal: Structure = [.lowerTriangular, .upperTriangular]

  /// Whether A = Aᴴ is promised for entries of this type.
  public func isHermitian<S: Scalar>(_ type: S.Type) -> Bool {
    contains(.hermitian) || (!S.isComplex && contains(.symmetric))
  }
}
