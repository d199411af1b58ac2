/// Orthonormal null vectors N of A and L of Aᴴ, and the projections along them.
final class NullSpaceProjection<Element: Scalar>: @unchecked Sendable {
  let right: BlockVector<Element>
  /// `nil` where it is not known.
  let left: BlockVector<Element>?
  /// Whether L spans the same space as N, as for a hermitian A.
  let isTwoSided: Bool
  /// The largest ‖Aᴴl‖ of the vectors of L, where they are known to some digits only; 0 for exact ones.
  let leftDefect: Double
  // A prepared solver is used by one thread at a time, and its scratch memory with it.
  private let space: BlockSpace<Element>
  private var coefficients: DenseMatrix<Element>

  /// Makes the vectors orthonormal.
  ///
  /// - Throws: ``BlockKrylovError/invalidOption(_:)`` for vectors that are not finite or depend on each other.
  init(right: BlockVector<Element>, left: BlockVector<Element>?, leftDefect: Double = 0) throws {
    self.leftDefect = leftDefect
    let k = right.columns
    guard k > 0 else { throw BlockKrylovError.invalidOption("the basis of the null space has no columns") }
    self.right = try Self.orthonormal(right, "the null vectors")
    self.left = try left.map { try Self.orthonormal($0, "the null vectors of the adjoint") }
    isTwoSided = left == right
    space = BlockSpace(p: k, q: k, rows: right.rows)
    coefficients = DenseMatrix(rows: k, columns: k)
  }

  private static func orthonormal(_ block: BlockVector<Element>, _ name: String) throws -> BlockVector<Element> {
    guard block.columnMaxima().allSatisfy({ $0.isFinite && $0 > 0 }) else {
      throw BlockKrylovError.invalidOption("\(name) have a column that is zero or not finite")
    }
    let scaling = ColumnScaling<Element>(of: block)
    var q = block
    q.scaleColumns(by: scaling.factors)
    var none: BlockVector<Element>?
    let k = block.columns
    let orthonormalizer = Orthonormalizer<Element>(
      columns: k, space: BlockSpace(p: k, q: k, rows: block.rows), goodPivot: 0.3)
    let outcome = orthonormalizer.orthonormalize(&q, &none, noise: [Double](repeating: 0, count: k))
    guard outcome == .rank(k) else {
      throw BlockKrylovError.invalidOption("\(name) depend on each other; give a basis")
    }
    return q
  }

  /// The number of null vectors.
  var dimension: Int { right.columns }

  /// What is projected out, in words.
  var description: String {
    "A is singular: X is kept orthogonal to a null space of dimension \(dimension)"
      + (left == nil
        ? "; the range of A is not known, so that B must be in it"
        : ", and B loses what is outside the range of A"
          + (leftDefect > 0 ? " (by left null vectors to \(leftDefect.brief) of ‖Aᴴl‖)" : ""))
  }

  /// X −= N·NᴴX.
  func removeRight(from x: inout BlockVector<Element>) { remove(right, from: &x) }

  /// B −= L·LᴴB, where L is known.
  func removeLeft(from b: inout BlockVector<Element>) { if let left { remove(left, from: &b) } }

  /// ‖Lᴴb_j‖ of each column: what of it no A·x can be; 0 where L is not known.
  func partsOutsideRange(of b: BlockVector<Element>) -> [Double] {
    var norms = [Double](repeating: 0, count: b.columns)
    guard let left else { return norms }
    space.inner(left, b, into: &coefficients)
    coefficients.columnNorms(into: &norms)
    return norms
  }

  private func remove(_ basis: BlockVector<Element>, from x: inout BlockVector<Element>) {
    space.inner(basis, x, into: &coefficients)
    space.subtract(basis, times: coefficients, from: &x)
  }

  /// Refuses vectors that A, or its adjoint, does not map to zero.
  ///
  /// - Complexity: two products with A on k columns.
  func check(_ a: any LinearOperator<Element>) throws {
    var x = BlockVector<Element>(rows: a.columns, columns: dimension)
    var (y, image) = (x, x)
    x.fillRandom(seed: 0x0A11)
    try a.apply(to: x, into: &y)
    try a.apply(to: right, into: &image)
    let size = zip(y.columnNorms(), x.columnNorms()).map { $0 / $1 }.max() ?? 0
    let bound = 10 * Element.unitRoundoff.squareRoot() * size
    if let (j, norm) = image.columnNorms().enumerated().first(where: { !($0.element <= bound) }) {
      throw BlockKrylovError.invalidOption(
        "null vector \(j) is none of A: ‖A·n‖ is \(norm.brief)·‖n‖, and ‖A·x‖ is \(size.brief)·‖x‖ for a random x; leave nullSpace out, or "
          + "give A's own")
    }
    guard left != nil, size > 0 else { return }
    let part = partsOutsideRange(of: y).max() ?? 0
    if !(part <= bound * (x.columnNorms().max() ?? 0)) {
      throw BlockKrylovError.invalidOption(
        "the null vectors of the adjoint are none: ‖Lᴴ·A·x‖ is \(part.brief) for a random x with ‖A·x‖ = \((y.columnNorms().max() ?? 0).brief)"
      )
    }
  }
}

/// A singular A with what is known of its null space.
protocol SingularSystem<Element> {
  associatedtype Element: Scalar
  var nullSpace: NullSpaceProjection<Element>? { get }
}

/// A singular A whose null space is known: products stay in the range, whatever rounding does.
///
/// The products of a hermitian A are left as they are: its Krylov methods keep to the range by themselves, and the residual that
/// they are started with, and judged by, is projected.
struct SingularOperator<Element: Scalar>: LinearOperator, SingularSystem {
  let base: any LinearOperator<Element>
  let projection: NullSpaceProjection<Element>

  var nullSpace: NullSpaceProjection<Element>? { projection }
  var rows: Int { base.rows }
  var columns: Int { base.columns }
  var structure: Structure { base.structure }
  var sparseMatrix: CSRMatrix<Element>? { base.sparseMatrix }
  var infinityNorm: Double? { base.infinityNorm }
  var storedBytes: Int { base.storedBytes }

  private var projects: Bool { !projection.isTwoSided }

  /// The matrix, where A's products are just its products.
  var plainMatrix: CSRMatrix<Element>? { projects ? nil : base as? CSRMatrix<Element> }

  func apply(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try base.apply(to: x, into: &y)
    if projects { projection.removeLeft(from: &y) }
  }

  func applyAdjoint(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try base.applyAdjoint(to: x, into: &y)
    if projects { projection.removeRight(from: &y) }
  }

  func residual(of x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>) throws {
    try base.residual(of: x, b, into: &r)
    projection.removeLeft(from: &r)
  }
}

extension ScaledOperator: SingularSystem {
  var nullSpace: NullSpaceProjection<Element>? { BlockKrylov.nullSpace(of: base) }
}

/// The null space of A, where it is known.
func nullSpace<Element: Scalar>(of a: any LinearOperator<Element>) -> NullSpaceProjection<Element>? {
  // A cast that names the element type is looked up anew each time, which takes as long as a small solve.
  (a as? any SingularSystem).flatMap { $0.nullSpace(Element.self) }
}

extension SingularSystem {
  fileprivate func nullSpace<Other: Scalar>(_ type: Other.Type) -> NullSpaceProjection<Other>? {
    nullSpace as? NullSpaceProjection<Other>
  }
}
