internal import ComplexModule

/// A polynomial in A that GMRES would have found, M⁻¹ = p(D⁻¹A)·D⁻¹: for any square operator, matrix-free ones included.
///
/// A short Arnoldi run on one random vector gives harmonic Ritz values θ, and with them the residual polynomial of GMRES,
/// 1 − z·p(z) = Π(1 − z/θ). It is applied root after root, z ← z + (r − A·z)/θ, in Leja's order; conjugate roots of real operators are
/// taken together in real arithmetic, and outlying roots are repeated where rounding would spoil the result (J. A. Loe and R. B. Morgan,
/// “Toward efficient polynomial preconditioning for GMRES”, Numer. Linear Algebra Appl. 29, 2022).
///
/// An application is `products` products with A and nothing else: no inner product, no triangular solve. The outer method then needs
/// fewer iterations by about that factor, and so fewer inner products and updates of n·p² flops, which cost a block more than products do.
/// D is the diagonal where all of it is usable, since rows of different scale would spread the spectrum; else the identity. It is never
/// claimed to be positive definite: take ``ChebyshevPreconditioner`` for CG.
public struct PolynomialPreconditioner<Element: Scalar>: Preconditioner {
  /// The degree of p that was asked for.
  public let degree: Int
  /// A repetition of roots is a note; an operator of which nothing could be learnt is a fallback to D⁻¹.
  public let events: [SolveEvent]
  private let operation: PolynomialOperator<Element>
  private let roots: PolynomialRoots
  private let scratch = ScratchBlocks<Element>()
  private let takesDiagonal: Bool

  /// The products with A of one application: the degree, and one for each repeated root.
  public var products: Int { max(roots.count - 1, 0) }

  /// The preconditioner of a matrix.
  ///
  /// - Parameter degree: of p, the products with A in each application; 20 by default. More lowers the outer iterations further but
  ///   not the sum of products, and high degrees of far from normal matrices lose digits.
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a matrix that is not square, ``BlockKrylovError/invalidOption(_:)`` for a degree
  ///   below 1 or above 200.
  /// - Complexity: degree + 1 products with one column and 4·n·degree² flops; stores D⁻¹ and, while it is in use, a block.
  public init(_ matrix: CSRMatrix<Element>, degree: Int = 20) throws {
    try matrix.checkSquare(for: "polynomial")
    let jacobi = try JacobiPreconditioner(matrix)
    try self.init(operator: matrix, inverseDiagonal: jacobi.events.isEmpty ? jacobi.inverseDiagonal : nil, degree: degree)
  }

  /// The preconditioner of an operator that is known by what it does.
  ///
  /// - Parameters:
  ///   - diagonal: the diagonal of A, if you know it; it must have no zero.
  ///   - degree: as for a matrix.
  /// - Throws: as for a matrix, and ``BlockKrylovError/invalidOption(_:)`` for a diagonal that has not n usable entries.
  public init(operator a: some LinearOperator<Element>, diagonal: [Element]? = nil, degree: Int = 20) throws {
    try self.init(operator: a, inverseDiagonal: usableInverse(of: diagonal, rows: a.rows, name: "polynomial"), degree: degree)
  }

  private init(operator a: some LinearOperator<Element>, inverseDiagonal: [Element]?, degree: Int) throws {
    guard a.rows == a.columns else {
      throw BlockKrylovError.shape("the preconditioner polynomial needs a square operator; this one is \(a.rows) × \(a.columns)")
    }
    guard (1...200).contains(degree) else {
      throw BlockKrylovError.invalidOption("polynomial of degree \(degree); it must be in 1 … 200")
    }
    self.degree = degree
    takesDiagonal = inverseDiagonal != nil
    let preconditioned = PolynomialOperator(a, inverseDiagonal: inverseDiagonal)
    operation = preconditioned
    let arnoldi = try SmallArnoldi<Element>(rows: a.rows, steps: degree + 1, name: "polynomial") { v, w in
      // −(0 − D⁻¹A·v)
      try preconditioned.step(nil, v, gamma: -1, nil, into: &w, adjoint: false)
    }
    let roots = arnoldi.harmonicReciprocals().map {
      PolynomialRoots(
        reciprocals: $0, inPairs: !Element.isComplex, digits: Element.scalarKind.isSinglePrecision ? 7 : 16)
    }
    if let roots, !roots.roots.isEmpty {
      self.roots = roots
      events =
        roots.repeated == 0
        ? []
        : [SolveEvent(kind: .note, detail: "polynomial: \(roots.repeated) of \(roots.count) roots are repetitions for stability")]
    } else {
      self.roots = PolynomialRoots(reciprocals: [1], inPairs: !Element.isComplex)
      let detail =
        "polynomial: A maps a random vector to a space in which it is singular; \(takesDiagonal ? "the inverse diagonal" : "nothing") is used instead"
      events = a.rows == 0 ? [] : [SolveEvent(kind: .fallback, detail: detail)]
    }
  }

  /// `polynomial`, with the degree behind a colon unless it is the default.
  public var name: String { PreconditionerChoice.polynomial(degree: degree).name }
  /// The number of rows.
  public var rows: Int { operation.rows }
  /// D⁻¹ and the blocks of the last application, in bytes.
  public var storedBytes: Int { operation.storedBytes + scratch.byteCount }
  /// D⁻¹, and the block besides Z that an application takes (a second one for an operator that is no matrix), in bytes.
  public func bytesPlanned(columns: Int) -> Int {
    operation.bytesPlanned(columns: columns) + scratch.bytesPlanned(rows: rows, columns: columns)
  }

  /// Z = p(D⁻¹A)·D⁻¹·R.
  public func apply(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    try evaluate(r, into: &z, adjoint: false)
  }

  /// Z = p̄(D⁻ᴴAᴴ)·D⁻ᴴ·R; A must know its adjoint.
  public func applyAdjoint(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    try evaluate(r, into: &z, adjoint: true)
  }

  private func evaluate(_ r: BlockVector<Element>, into z: inout BlockVector<Element>, adjoint: Bool) throws {
    try scratch.withBlock(rows: rows, columns: z.columns) { other in
      // The last step must end in Z.
      let moves = roots.roots.dropFirst().count { !$0.isPair }
      if moves % 2 == 0 { try evaluate(r, &z, &other, adjoint) } else { try evaluate(r, &other, &z, adjoint) }
    }
  }

  /// Root after root, beginning in the first block. Steps of single roots go from block to block, steps of pairs stay where they are.
  private func evaluate(
    _ r: BlockVector<Element>, _ first: inout BlockVector<Element>, _ second: inout BlockVector<Element>, _ adjoint: Bool
  ) throws {
    var inFirst = true
    for (k, root) in roots.roots.enumerated() {
      if inFirst {
        try take(root, isFirst: k == 0, r, &first, &second, adjoint)
      } else {
        try take(root, isFirst: k == 0, r, &second, &first, adjoint)
      }
      if k > 0, !root.isPair { inFirst.toggle() }
    }
  }

  /// other = z + (r − A·z)/θ for a root; for a pair, with s = r − A·z and u = 1/θ, z = z + 2·Re(u)·s − |u|²·A·s. The first root finds z = 0 and
  /// stays.
  private func take(
    _ root: PolynomialRoots.Root, isFirst: Bool, _ r: BlockVector<Element>, _ z: inout BlockVector<Element>,
    _ other: inout BlockVector<Element>, _ adjoint: Bool
  ) throws {
    let u = root.reciprocal
    let (single, twice) = (Element(real: u.real, imaginary: adjoint ? -u.imaginary : u.imaginary), Element(double: 2 * u.real))
    let square = Element(double: u.lengthSquared)
    switch (root.isPair, isFirst) {
    case (false, true): operation.begin(single, r, into: &z, adjoint: adjoint)
    case (false, false): try operation.step(1, z, gamma: single, r, into: &other, adjoint: adjoint)
    case (true, true):
      operation.begin(1, r, into: &other, adjoint: adjoint)
      try operation.step(twice, other, gamma: square, nil, into: &z, adjoint: adjoint)
    case (true, false):
      try operation.step(nil, z, gamma: 1, r, into: &other, adjoint: adjoint)
      try operation.step(twice, other, beta: 1, gamma: square, nil, into: &z, adjoint: adjoint)
    }
  }

  /// The preconditioner of the new matrix with the same degree.
  public func updated(for matrix: CSRMatrix<Element>) throws -> PolynomialPreconditioner {
    try checkUpdate(matrix)
    return try PolynomialPreconditioner(matrix, degree: degree)
  }
}

/// 1/d of each entry of a diagonal that the caller gives.
func usableInverse<S: Scalar>(of diagonal: [S]?, rows: Int, name: String) throws -> [S]? {
  guard let diagonal else { return nil }
  let jacobi = JacobiPreconditioner(diagonal: diagonal)
  guard diagonal.count == rows, jacobi.events.isEmpty else {
    throw BlockKrylovError.invalidOption(
      "\(name): the diagonal has \(diagonal.count) entries, \(jacobi.events.isEmpty ? "and" : "some of them zero, and") A has \(rows) rows; "
        + "give n entries that are not zero, or none")
  }
  return jacobi.inverseDiagonal
}
