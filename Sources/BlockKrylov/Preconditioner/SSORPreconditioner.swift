internal import ComplexModule
internal import RealModule

/// Symmetric successive over-relaxation, M = ω/(2−ω)·(D/ω+L)·D⁻¹·(D/ω+U) with A = L+D+U.
///
/// For hermitian A with a positive diagonal M is hermitian positive definite, whatever else A is. It needs no factorisation and
/// cannot break down. (Axelsson, BIT 12 (1972) 443–467; Saad, Iterative Methods for Sparse Linear Systems, section 10.2.)
public struct SSORPreconditioner<Element: Scalar>: Preconditioner {
  /// ω.
  public let relaxation: Double
  /// Whether A is hermitian with a positive diagonal.
  public let isPositiveDefinite: Bool
  let factors: IncompleteFactors<Element>

  /// The preconditioner of a matrix.
  ///
  /// - Parameter relaxation: ω in 0 < ω < 2; 1, symmetric Gauss–Seidel, by default, since the best ω is not known without
  ///   eigenvalues and changes little.
  /// - Throws: ``BlockKrylovError/invalidOption(_:)`` for another ω, ``BlockKrylovError/shape(_:)`` for a matrix that is not square,
  ///   ``BlockKrylovError/factorization(_:)`` for a zero on the diagonal.
  /// - Complexity: O(nnz); stores as much as the matrix.
  public init(_ matrix: CSRMatrix<Element>, relaxation: Double = 1) throws {
    guard relaxation > 0, relaxation < 2 else {
      throw BlockKrylovError.invalidOption("ssor with relaxation \(relaxation); it must lie between 0 and 2 (both excluded)")
    }
    try matrix.checkSquare(for: "ssor")
    let diagonal = matrix.diagonal
    if let row = Self.firstWithoutInverse(diagonal) {
      throw BlockKrylovError.factorization(
        "ssor needs a nonzero diagonal, but that of row \(row) is \(diagonal[row]); take ilu0, which permutes rows")
    }
    self.relaxation = relaxation
    factors = Self.split(matrix, diagonal, relaxation)
    isPositiveDefinite = matrix.hasPositiveDiagonal(diagonal) && matrix.isHermitianByValue
  }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private static func firstWithoutInverse(_ diagonal: [Element]) -> Int? {
    for i in diagonal.indices where diagonal[i] == 0 || !(1 / diagonal[i]).isFinite { return i }
    return nil
  }

  /// The factors D/ω+L and the rest of M, whose diagonal is 1/(2−ω) after the division of its rows by those of D·(2−ω)/ω.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private static func split(_ a: CSRMatrix<Element>, _ diagonal: [Element], _ relaxation: Double) -> IncompleteFactors<Element> {
    let n = a.rows
    let (omega, quotient) = (Element(double: relaxation), Element(double: relaxation / (2 - relaxation)))
    var lower = CompressedRows<Element>(rows: n, capacity: a.nonzeros / 2)
    var upper = CompressedRows<Element>(rows: n, capacity: a.nonzeros / 2)
    var inverse = diagonal
    for i in 0..<n {
      let scale = quotient / diagonal[i]
      for k in a.rowStart[i]..<a.rowStart[i + 1] {
        let j = a.columnIndex[k]
        if j < i { lower.append(a.values[k], column: j) } else if j > i { upper.append(scale * a.values[k], column: j) }
      }
      lower.endRow()
      upper.endRow()
      inverse[i] = omega / diagonal[i]
    }
    let last = [Element](repeating: Element(double: 2 - relaxation), count: n)
    return IncompleteFactors(
      lower: lower.factor(inverseDiagonal: inverse, descending: false),
      upper: upper.factor(inverseDiagonal: last, descending: true))
  }

  /// `ssor`, with ω behind a colon unless it is 1.
  public var name: String { PreconditionerChoice.ssor(relaxation: relaxation).name }
  /// The number of rows.
  public var rows: Int { factors.rows }
  /// Both triangles, in bytes.
  public var storedBytes: Int { factors.storedBytes }
  /// The same when it has been applied to so many columns.
  public func bytesPlanned(columns: Int) -> Int { factors.bytesPlanned(columns: columns) }

  /// Z = M⁻¹·R by a forward and a backward sweep.
  public func apply(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    factors.apply(to: r, into: &z)
  }

  /// Z = M⁻ᴴ·R.
  public func applyAdjoint(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    if isPositiveDefinite { factors.apply(to: r, into: &z) } else { factors.applyAdjoint(to: r, into: &z) }
  }

  /// The preconditioner of the new matrix with the same ω.
  public func updated(for matrix: CSRMatrix<Element>) throws -> SSORPreconditioner {
    try checkUpdate(matrix)
    return try SSORPreconditioner(matrix, relaxation: relaxation)
  }
}
