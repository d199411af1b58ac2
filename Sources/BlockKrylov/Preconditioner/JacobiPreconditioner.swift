internal import ComplexModule
internal import RealModule

/// The inverse diagonal, M = diag(A): the cheapest preconditioner, worth taking whenever rows differ in scale.
///
/// A diagonal entry that is zero, or whose inverse overflows, counts as 1; this is reported as a `.repaired` event.
public struct JacobiPreconditioner<Element: Scalar>: Preconditioner {
  /// 1 / a_ii.
  let inverseDiagonal: [Element]
  /// Its conjugate; the same memory when all entries are real.
  private let conjugateInverse: [Element]
  /// Whether all diagonal entries are real and positive.
  public let isPositiveDefinite: Bool
  /// At most one event, which says how many entries were replaced.
  public let events: [SolveEvent]
  /// Whether the entries are moduli, so that M is positive definite whatever A is.
  private var takesModuli = false

  /// The preconditioner of a matrix.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a matrix that is not square.
  /// - Complexity: O(n log(nnz/n)).
  public init(_ matrix: CSRMatrix<Element>) throws {
    try matrix.checkSquare(for: "jacobi")
    self.init(diagonal: matrix.diagonal)
  }

  /// M = diag(|a_ii|), hermitian positive definite whatever A is, as MINRES needs. A diagonal entry that is zero gives way to the
  /// largest modulus in its row.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a matrix that is not square.
  public init(moduliOf matrix: CSRMatrix<Element>) throws {
    try matrix.checkSquare(for: "jacobi")
    self.init(diagonal: Self.moduli(matrix))
    takesModuli = true
  }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private static func moduli(_ matrix: CSRMatrix<Element>) -> [Element] {
    var diagonal = matrix.diagonal
    for i in diagonal.indices {
      var size = diagonal[i].modulus
      if size == 0 {
        for k in matrix.rowStart[i]..<matrix.rowStart[i + 1] { size = max(size, matrix.values[k].modulus) }
      }
      diagonal[i] = Element(size)
    }
    return diagonal
  }

  /// The preconditioner of an operator of which only the diagonal is known.
  public init(diagonal: [Element]) {
    (inverseDiagonal, isPositiveDefinite, events) = Self.invert(diagonal)
    conjugateInverse = Element.isComplex && !isPositiveDefinite ? inverseDiagonal.map { $0.conjugate } : inverseDiagonal
  }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private static func invert(_ diagonal: [Element]) -> ([Element], Bool, [SolveEvent]) {
    var inverse = diagonal
    var (positive, replaced, first) = (true, 0, 0)
    for i in inverse.indices {
      inverse[i] = diagonal[i] == 0 ? 0 : 1 / diagonal[i]
      if inverse[i] == 0 || !inverse[i].isFinite {
        if replaced == 0 { first = i }
        replaced += 1
        inverse[i] = 1
      } else if !(diagonal[i].realPart > 0) || diagonal[i].imaginaryPart != 0 {
        positive = false
      }
    }
    if replaced == 0 { return (inverse, positive, []) }
    let detail = "jacobi: \(replaced) diagonal entries without a usable inverse were taken as 1, the first in row \(first)"
    return (inverse, positive, [SolveEvent(kind: .repaired, detail: detail)])
  }

  /// `jacobi`.
  public var name: String { "jacobi" }
  /// The number of rows.
  public var rows: Int { inverseDiagonal.count }
  /// The inverse diagonal, in bytes.
  public var storedBytes: Int { rows * MemoryLayout<Element>.stride }

  /// Z = diag(A)⁻¹·R, one pass.
  public func apply(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    z.scaleRows(of: r, by: inverseDiagonal)
  }

  /// Z = diag(A)⁻ᴴ·R, one pass.
  public func applyAdjoint(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    z.scaleRows(of: r, by: conjugateInverse)
  }

  /// The preconditioner of the new matrix.
  public func updated(for matrix: CSRMatrix<Element>) throws -> JacobiPreconditioner {
    try checkUpdate(matrix)
    return try takesModuli ? JacobiPreconditioner(moduliOf: matrix) : JacobiPreconditioner(matrix)
  }
}
