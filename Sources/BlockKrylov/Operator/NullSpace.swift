internal import ComplexModule

/// What a solver is told of the null space of a singular A.
///
/// A pure Neumann problem, a graph Laplacian or an unsupported structure has no unique solution, and none at all for a right-hand side
/// that does not fit. Where the null space is known, the part of B outside the range of A is taken off before the solve, preconditioned
/// directions are kept orthogonal to the null space, and so is X: it is the solution of least norm.
///
/// A column whose part outside the range is not negligible has no solution. It ends as ``ColumnStatus/inconsistent`` with the x that
/// leaves the least residual, which is its ``ColumnReport/trueResidual``, and an event (``SolveEvent/Kind/inconsistent``) says how much
/// that is. A programme that wants no more than that takes the status for a success.
public struct NullSpace: Sendable, Equatable {
  enum Kind: Sendable { case automatic, none, constant, detected, basis }
  let kind: Kind
  let right: BlockVector<Complex<Double>>?
  let left: BlockVector<Complex<Double>>?

  private init(_ kind: Kind, right: BlockVector<Complex<Double>>? = nil, left: BlockVector<Complex<Double>>? = nil) {
    (self.kind, self.right, self.left) = (kind, right, left)
  }

  /// As ``detected`` by ``AutomaticSolver``, as ``none`` by the other methods: the default.
  public static let automatic = NullSpace(.automatic)
  /// A is taken to be regular.
  public static let none = NullSpace(.none)
  /// Vectors with equal entries: pure Neumann problems.
  public static let constant = NullSpace(.constant)
  /// What a look at a matrix proves: rows that sum to zero mean that A maps vectors to zero that are constant on each connected part
  /// of its graph. For a matrix that is not hermitian the null vectors of Aᴴ follow where its columns sum to zero too, or where a
  /// diagonal matrix makes A symmetric; for any other matrix they are computed, by block GMRES on Aᴴ. Where that does not come to an
  /// accuracy that says something, a note among the events says so, and columns of B without a solution do not converge, but are not
  /// called inconsistent. Nothing is found of an operator that is no matrix.
  ///
  /// - Complexity: O(nnz), and for a matrix whose left null vectors have to be computed a solve with as many columns.
  public static let detected = NullSpace(.detected)

  /// The columns of a block; they need not be orthonormal, but independent.
  ///
  /// - Parameters:
  ///   - right: n × k with A·N = 0.
  ///   - left: n × k with Aᴴ·L = 0; by default the same for a hermitian A, its conjugate for a symmetric one, and what is detected or
  ///     computed for any other matrix. Where it is not known, as for a nonsymmetric operator that is no matrix, B is taken as it is: a
  ///     column with a part outside the range does not converge, and nothing tells that it cannot.
  public static func basis<S: Scalar>(_ right: BlockVector<S>, left: BlockVector<S>? = nil) -> NullSpace {
    NullSpace(
      .basis, right: right.converted(to: Complex<Double>.self), left: left?.converted(to: Complex<Double>.self))
  }
}

extension NullSpace {
  /// Orthonormal null vectors of an operator, as this says; `nil` where there are none.
  ///
  /// - Parameter looks: whether `automatic` is to look for them.
  /// - Throws: ``BlockKrylovError/invalidOption(_:)`` for vectors that A does not map to zero, or that depend on each other.
  func projection<Element: Scalar>(
    for a: any LinearOperator<Element>, looks: Bool
  ) throws -> NullSpaceProjection<Element>? {
    if kind == .none || (kind == .automatic && !looks) { return nil }
    if kind == .automatic || kind == .detected {
      guard a.rows == a.columns, a.rows > 0, let matrix = a.sparseMatrix else { return nil }
      return try DetectedNullSpace(matrix).map { try NullSpaceProjection(right: $0.right, left: $0.left) }
    }
    guard a.rows == a.columns else {
      throw BlockKrylovError.unsupported(
        "a null space is projected out of square systems only, and A is \(a.rows) × \(a.columns); lsmr needs none")
    }
    let n =
      kind == .constant
      ? BlockVector<Element>(rows: a.rows, columns: 1) { _, _ in 1 }
      : (right ?? BlockVector(rows: 0, columns: 0)).converted(to: Element.self)
    try checkShape(n.rows, equals: a.rows, "A has \(a.rows) rows, the null vectors have \(n.rows)")
    let given = left?.converted(to: Element.self)
    if let given {
      try checkShape(given.rows, equals: a.rows, "A has \(a.rows) rows, the null vectors of its adjoint have \(given.rows)")
    }
    let projection = try NullSpaceProjection(right: n, left: given ?? Self.left(of: a, n))
    try projection.check(a)
    return projection
  }

  /// The null vectors of Aᴴ that follow from those of A.
  private static func left<Element: Scalar>(
    of a: any LinearOperator<Element>, _ right: BlockVector<Element>
  ) throws -> BlockVector<Element>? {
    if a.isHermitian { return right }
    if a.structure.contains(.symmetric) { return right.conjugated }
    guard let matrix = a.sparseMatrix else { return nil }
    let probe = matrix.probe()
    if probe.hermitian { return right }
    if probe.symmetric { return right.conjugated }
    return DetectedNullSpace(matrix)?.left
  }
}

extension BlockVector {
  /// The conjugate of every entry.
  var conjugated: BlockVector { Element.isComplex ? BlockVector(rows: rows, columns: columns) { self[$0, $1].conjugate } : self }
}
