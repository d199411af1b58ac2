internal import ComplexModule

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
  /// The unit roundoff of its arithmetic, by which deviations from linear and hermitian are judged; that of the scalar type by default.
  var unitRoundoff: Double { get }
  /// What had to be shifted, repaired or replaced while it was built.
  var events: [SolveEvent] { get }
  /// The memory that it holds now, in bytes: its factors, and what an application has left for the next one.
  var storedBytes: Int { get }
  /// The memory that it will hold when it has been applied to so many columns, in bytes; what it holds now by default.
  func bytesPlanned(columns: Int) -> Int

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
  /// That of `Element`.
  public var unitRoundoff: Double { Element.unitRoundoff }
  /// None by default.
  public var events: [SolveEvent] { [] }
  /// 0 by default.
  public var storedBytes: Int { 0 }
  /// `storedBytes`.
  public func bytesPlanned(columns: Int) -> Int { storedBytes }

  /// Throws ``BlockKrylovError/unsupported(_:)``.
  public func applyAdjoint(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    throw BlockKrylovError.unsupported("the preconditioner \(name) does not know its adjoint")
  }

  /// Throws ``BlockKrylovError/unsupported(_:)``.
  public func updated(for matrix: CSRMatrix<Element>) throws -> Self {
    throw BlockKrylovError.unsupported("the preconditioner \(name) cannot follow new values of A; prepare again")
  }
}

extension Preconditioner {
  /// Throws unless R and Z are blocks that an apply can work on.
  func checkShapes(_ r: BlockVector<Element>, _ z: BlockVector<Element>) throws {
    guard r.rows == rows, z.rows == rows, r.columns == z.columns else {
      throw BlockKrylovError.shape(
        "the preconditioner \(name) has \(rows) rows, but R is \(r.rows) × \(r.columns) and Z is \(z.rows) × \(z.columns); "
          + "both must have its rows and the same number of columns")
    }
  }

  /// Throws unless the matrix can have the pattern that the preconditioner was built from.
  func checkUpdate(_ matrix: CSRMatrix<Element>) throws {
    guard matrix.rows == rows, matrix.columns == rows else {
      throw BlockKrylovError.shape(
        "the preconditioner \(name) has \(rows) rows and cannot follow a matrix of \(matrix.rows) × \(matrix.columns); prepare again"
      )
    }
  }
}

extension CSRMatrix {
  /// Throws unless the matrix is square, as every preconditioner needs.
  func checkSquare(for name: String) throws {
    guard rows == columns else {
      throw BlockKrylovError.shape("the preconditioner \(name) needs a square matrix; this one is \(rows) × \(columns)")
    }
  }

  /// Whether all diagonal entries are real and positive.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  func hasPositiveDiagonal(_ diagonal: [Element]) -> Bool {
    for entry in diagonal where !(entry.realPart > 0 && entry.imaginaryPart == 0) { return false }
    return true
  }

  /// Whether A = Aᴴ: promised, or true of all entries.
  var isHermitianByValue: Bool { structure.isHermitian(Element.self) || probe().hermitian }
}
