/// A preconditioner of your own, known by what it does to whole blocks.
///
/// ```swift
/// let coarse = ClosurePreconditioner<Double>(rows: n, name: "two-grid", isPositiveDefinite: true) { r, z in
///   try smoother.apply(to: r, into: &z)
///   …
/// }
/// ```
/// The closure gets all columns at once and writes every entry of `z`. What is promised here is checked by
/// ``PreconditionerProbe`` before a method relies on it.
public struct ClosurePreconditioner<Element: Scalar>: Preconditioner {
  /// Writes M⁻¹·R into Z, a block of the right shape whose old numbers mean nothing.
  public typealias Action = @Sendable (_ r: BlockVector<Element>, _ z: inout BlockVector<Element>) throws -> Void

  /// The number of rows.
  public let rows: Int
  /// The name for reports.
  public let name: String
  /// What the caller promises: M⁻¹ is hermitian positive definite.
  public let isPositiveDefinite: Bool
  /// What the caller says: M⁻¹ changes from call to call, so that only flexible methods can use it.
  public let isVariable: Bool
  private let action: Action
  private let adjointAction: Action?

  /// A preconditioner of n rows.
  ///
  /// - Parameters:
  ///   - name: for reports; `user` by default.
  ///   - isPositiveDefinite: promise it for CG; not promised by default.
  ///   - isVariable: set it when M⁻¹ is not one fixed linear map, as with an inner iteration; fixed by default.
  ///   - adjoint: writes M⁻ᴴ·R; only methods that use Aᴴ need it. A positive definite one uses `apply` for both.
  ///   - apply: writes M⁻¹·R.
  public init(
    rows: Int, name: String = "user", isPositiveDefinite: Bool = false, isVariable: Bool = false, adjoint: Action? = nil,
    apply: @escaping Action
  ) {
    (self.rows, self.name) = (rows, name)
    (self.isPositiveDefinite, self.isVariable) = (isPositiveDefinite, isVariable)
    action = apply
    adjointAction = adjoint ?? (isPositiveDefinite && !isVariable ? apply : nil)
  }

  /// Calls the closure.
  public func apply(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    try action(r, &z)
  }

  /// Calls the closure for the adjoint.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` when none was given.
  public func applyAdjoint(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    guard let adjointAction else {
      throw BlockKrylovError.unsupported("the preconditioner \(name) was given no adjoint; pass `adjoint:` when creating it")
    }
    try adjointAction(r, &z)
  }
}
