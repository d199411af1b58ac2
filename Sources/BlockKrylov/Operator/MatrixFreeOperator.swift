/// An operator known by what it does to whole blocks.
///
/// ```swift
/// let shift = MatrixFreeOperator<Double>(size: n, structure: [.symmetric, .positiveDefinite]) { x, y in
///   try laplacian.apply(to: x, into: &y)
///   …
/// }
/// ```
/// The closure gets all columns at once; ``BlockVector/withUnsafeElements(_:)`` reaches the memory without overhead. It may be called
/// from the thread that solves only.
public struct MatrixFreeOperator<Element: Scalar>: LinearOperator {
  /// Writes A·X into Y, a block of the right shape.
  public typealias Action = @Sendable (_ x: BlockVector<Element>, _ y: inout BlockVector<Element>) throws -> Void

  /// The number of rows.
  public let rows: Int
  /// The number of columns.
  public let columns: Int
  /// What the caller promises of A.
  public let structure: Structure
  private let action: Action
  private let adjointAction: Action?

  /// An operator of rows × columns.
  ///
  /// - Parameters:
  ///   - structure: what you promise of A; nothing by default.
  ///   - adjoint: writes Aᴴ·X; not needed by CG and GMRES. A hermitian operator uses `apply` for both.
  ///   - apply: writes A·X.
  public init(
    rows: Int, columns: Int, structure: Structure = [], adjoint: Action? = nil, apply: @escaping Action
  ) {
    self.rows = rows
    self.columns = columns
    self.structure = structure
    action = apply
    adjointAction = adjoint ?? (structure.isHermitian(Element.self) ? apply : nil)
  }

  /// A square operator.
  public init(size: Int, structure: Structure = [], adjoint: Action? = nil, apply: @escaping Action) {
    self.init(rows: size, columns: size, structure: structure, adjoint: adjoint, apply: apply)
  }

  /// Calls the closure.
  public func apply(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws { try action(x, &y) }

  /// Calls the closure for the adjoint.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` when none was given.
  public func applyAdjoint(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    guard let adjointAction else {
      throw BlockKrylovError.unsupported("this matrix-free operator was given no adjoint; pass `adjoint:` when creating it")
    }
    try adjointAction(x, &y)
  }
}
