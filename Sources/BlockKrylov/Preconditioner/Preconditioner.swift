/// An approximation of A⁻¹ that acts on all columns of a block at once.
public protocol Preconditioner<Element>: Sendable {
  /// The scalar type.
  associatedtype Element: Scalar

  /// The name for reports, as in `--preconditioner`.
  var name: String { get }
  /// The number of rows.
  var rows: Int { get }
  /// Whether M⁻¹ is meant to be hermitian positive definite, as CG needs.
  var isPositiveDefinite: Bool { get }
  /// Whether M⁻¹ changes from call to call (an inner iteration, say); then only flexible methods can use it.
  var isVariable: Bool { get }
  /// What had to be shifted, repaired or replaced while it was built.
  var events: [SolveEvent] { get }
  /// The memory of its factors, in bytes.
  var storedBytes: Int { get }

  /// Z = M⁻¹·R for all columns. Z has the right shape; its old numbers mean nothing.
  func apply(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws

  /// Z = M⁻ᴴ·R. The default throws.
  func applyAdjoint(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws

  /// The same kind of preconditioner for a matrix with other values on the same pattern. The default throws.
  func updated(for matrix: CSRMatrix<Element>) throws -> Self
}

extension Preconditioner {
  /// Not by default.
  public var isPositiveDefinite: Bool { false }
  /// Not by default.
  public var isVariable: Bool { false }
  /// None by default.
  public var events: [SolveEvent] { [] }
  /// 0 by default.
  public var storedBytes: Int { 0 }

  /// Throws ``BlockKrylovError/unsupported(_:)``.
  public func applyAdjoint(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    throw BlockKrylovError.unsupported("the preconditioner \(name) does not know its adjoint")
  }

  /// Throws ``BlockKrylovError/unsupported(_:)``.
  public func updated(for matrix: CSRMatrix<Element>) throws -> Self {
    throw BlockKrylovError.unsupported("the preconditioner \(name) cannot follow new values of A; prepare again")
  }
}

/// Which preconditioner `prepare` builds from the matrix; a preconditioner of your own is passed to `prepare` itself.
public enum PreconditionerChoice: Sendable, Equatable {
  /// None.
  case none
  /// The inverse diagonal.
  case jacobi
  /// Symmetric successive over-relaxation with 0 < ω < 2.
  case ssor(relaxation: Double = 1)
  /// Incomplete LU without fill, for general matrices.
  case ilu0
  /// Incomplete Cholesky without fill, for hermitian positive definite matrices.
  case ic0

  /// The name, as in `--preconditioner`.
  public var name: String {
    switch self {
    case .none: "none"
    case .jacobi: "jacobi"
    case .ssor: "ssor"
    case .ilu0: "ilu0"
    case .ic0: "ic0"
    }
  }
}

extension PreconditionerChoice {
  /// Builds it.
  public func build<S: Scalar>(for matrix: CSRMatrix<S>) throws -> (any Preconditioner<S>)? { nil }
}
