/// A linear map on blocks: what a method needs to know of A.
///
/// `apply` works on all columns at once, and the methods call it once per block, never column by column. Conform a type of your own,
/// or use ``MatrixFreeOperator`` with a closure. Operators compose by `+`, `*`, ``LinearOperator/scaled(by:)`` and
/// ``LinearOperator/adjointOperator``.
public protocol LinearOperator<Element>: Sendable {
  /// The scalar type.
  associatedtype Element: Scalar

  /// The number of rows of A, the rows of Y in Y = AX.
  var rows: Int { get }
  /// The number of columns of A, the rows of X in Y = AX.
  var columns: Int { get }
  /// What is promised of A.
  var structure: Structure { get }

  /// Y = A·X for all columns of X. Y has the right shape; its old numbers mean nothing.
  func apply(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws

  /// Y = Aᴴ·X for all columns of X. The default throws: not every operator knows its adjoint.
  func applyAdjoint(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws

  /// R = B − A·X. The default applies and subtracts; a matrix does both in one pass.
  func residual(of x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>) throws

  /// A as a sparse matrix, for preconditioners and factorisations; `nil` where it is known only by what it does.
  var sparseMatrix: CSRMatrix<Element>? { get }

  /// A as a dense matrix where it is one; `nil` otherwise.
  var denseMatrix: DenseMatrix<Element>? { get }

  /// ‖A‖_∞, the largest sum of moduli of a row, where it is known.
  var infinityNorm: Double? { get }

  /// The memory that A's numbers and indices take, in bytes.
  var storedBytes: Int { get }
}

extension LinearOperator {
  /// Throws ``BlockKrylovError/unsupported(_:)``.
  public func applyAdjoint(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    throw BlockKrylovError.unsupported("this operator does not know its adjoint; implement applyAdjoint(to:into:)")
  }

  /// Applies and subtracts.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when the blocks do not fit, and what `apply` throws.
  public func residual(of x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>) throws {
    try checkShapes(of: x, r)
    try checkShape(b.rows, equals: rows, "A has \(rows) rows, B has \(b.rows)")
    try checkShape(b.columns, equals: x.columns, "B has \(b.columns) columns, X has \(x.columns)")
    try apply(to: x, into: &r)
    r.combine(1, b, -1)
  }

  /// None by default.
  public var sparseMatrix: CSRMatrix<Element>? { nil }
  /// None by default.
  public var denseMatrix: DenseMatrix<Element>? { nil }
  /// Unknown by default.
  public var infinityNorm: Double? { nil }
  /// 0 by default.
  public var storedBytes: Int { 0 }

  /// A·X as a new block.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when X does not have as many rows as A has columns.
  public func applied(to x: BlockVector<Element>) throws -> BlockVector<Element> {
    try checkShape(x.rows, equals: columns, "A has \(columns) columns, the block has \(x.rows) rows")
    var y = BlockVector<Element>(rows: rows, columns: x.columns)
    try apply(to: x, into: &y)
    return y
  }

  /// Aᴴ·X as a new block.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when X does not have as many rows as A, or what the operator's adjoint throws.
  public func adjointApplied(to x: BlockVector<Element>) throws -> BlockVector<Element> {
    try checkShape(x.rows, equals: rows, "A has \(rows) rows, the block has \(x.rows)")
    var y = BlockVector<Element>(rows: columns, columns: x.columns)
    try applyAdjoint(to: x, into: &y)
    return y
  }

  /// B − A·X as a new block.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when the shapes do not fit.
  public func residual(_ b: BlockVector<Element>, of x: BlockVector<Element>) throws -> BlockVector<Element> {
    try checkShape(x.rows, equals: columns, "A has \(columns) columns, X has \(x.rows) rows")
    try checkShape(b.rows, equals: rows, "A has \(rows) rows, B has \(b.rows)")
    try checkShape(b.columns, equals: x.columns, "B has \(b.columns) columns, X has \(x.columns)")
    var r = BlockVector<Element>(rows: rows, columns: x.columns)
    try residual(of: x, b, into: &r)
    return r
  }

  /// Refuses blocks that do not fit Y = A·X.
  func checkShapes(of x: BlockVector<Element>, _ y: BlockVector<Element>) throws {
    try checkShape(x.rows, equals: columns, "A has \(columns) columns, X has \(x.rows) rows")
    try checkShape(y.rows, equals: rows, "A has \(rows) rows, the block for A·X has \(y.rows)")
    try checkShape(y.columns, equals: x.columns, "X has \(x.columns) columns, the block for A·X has \(y.columns)")
  }

  /// Refuses blocks that do not fit Y = Aᴴ·X.
  func checkAdjointShapes(of x: BlockVector<Element>, _ y: BlockVector<Element>) throws {
    try checkShape(x.rows, equals: rows, "A has \(rows) rows, X has \(x.rows)")
    try checkShape(y.rows, equals: columns, "A has \(columns) columns, the block for Aᴴ·X has \(y.rows) rows")
    try checkShape(y.columns, equals: x.columns, "X has \(x.columns) columns, the block for Aᴴ·X has \(y.columns)")
  }

  var isHermitian: Bool { structure.isHermitian(Element.self) }
}

package func checkShape(_ value: Int, equals expected: Int, _ message: @autoclosure () -> String) throws {
  guard value == expected else { throw BlockKrylovError.shape(message()) }
}
