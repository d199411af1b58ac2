internal import ComplexModule

/// A Chebyshev polynomial in A, M⁻¹ = p(D⁻¹A)·D⁻¹ with D = diag(A): for hermitian positive definite operators, matrix-free ones included.
///
/// Of all polynomials of its degree, 1 − z·p(z) is the one that is least on an interval [β/ratio, β] with β above the largest
/// eigenvalue of D^{-½}AD^{-½}; below the interval it stays between 0 and 1, so that M⁻¹ is hermitian positive definite. β is the smaller of
/// ‖D⁻¹A‖_∞ and 1.1 times the largest of 15 steps of Lanczos, at least the latter plus its residual. (Saad, Iterative Methods for Sparse
/// Linear Systems, section 12.3; three-term recurrence by G. H. Golub and R. S. Varga, Numer. Math. 3, 1961.)
///
/// An application is `degree` products with A and nothing else: no inner product, no triangular solve. Block CG then needs fewer iterations
/// by nearly that factor, and so less of its dense work of 10·n·p² flops, which for wide blocks costs more than the products.
public struct ChebyshevPreconditioner<Element: Scalar>: Preconditioner {
  /// The degree of p, the products with A of one application.
  public let degree: Int
  /// The upper end of the interval over its lower end.
  public let ratio: Double
  /// β, the upper end of the interval.
  public let largestEigenvalue: Double
  private let operation: PolynomialOperator<Element>
  private let scratch = ScratchBlocks<Element>()

  private static var lanczosSteps: Int { 15 }

  /// The preconditioner of a hermitian matrix with a positive diagonal.
  ///
  /// - Parameters:
  ///   - degree: of p; 10 by default.
  ///   - ratio: the upper end of the interval over its lower end, above 1; by default degree², at least 30: a polynomial of this degree is
  ///     then well below 1 on the whole interval.
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` when a diagonal entry is not real and positive, or when Lanczos meets a negative
  ///   eigenvalue; ``BlockKrylovError/shape(_:)`` for a matrix that is not square; ``BlockKrylovError/invalidOption(_:)`` for a degree
  ///   not in 1 … 1000 or a ratio not above 1.
  /// - Complexity: 15 products with one column; stores D⁻¹ and, while it is in use, a block.
  public init(_ matrix: CSRMatrix<Element>, degree: Int = 10, ratio: Double? = nil) throws {
    try matrix.checkSquare(for: "chebyshev")
    let diagonal = matrix.diagonal
    guard matrix.hasPositiveDiagonal(diagonal) else {
      throw BlockKrylovError.unsupported(
        "chebyshev needs a positive real diagonal, and this matrix has other entries on it; take polynomial")
    }
    let inverse = JacobiPreconditioner(diagonal: diagonal).inverseDiagonal
    try self.init(matrix, inverse, bound: matrix.largestRowSum(scaledBy: inverse), degree: degree, ratio: ratio)
  }

  /// The preconditioner of a hermitian positive definite operator that is known by what it does.
  ///
  /// - Parameters:
  ///   - diagonal: the diagonal of A, if you know it; all entries must be positive.
  ///   - degree: as for a matrix.
  ///   - ratio: as for a matrix.
  /// - Throws: as for a matrix.
  public init(operator a: some LinearOperator<Element>, diagonal: [Element]? = nil, degree: Int = 10, ratio: Double? = nil) throws
  {
    guard a.rows == a.columns else {
      throw BlockKrylovError.shape("the preconditioner chebyshev needs a square operator; this one is \(a.rows) × \(a.columns)")
    }
    let inverse = try usableInverse(of: diagonal, rows: a.rows, name: "chebyshev")
    if let inverse, !JacobiPreconditioner(diagonal: inverse).isPositiveDefinite {
      throw BlockKrylovError.unsupported(
        "chebyshev needs a positive real diagonal, and this one has other entries; take polynomial")
    }
    try self.init(a, inverse, bound: inverse == nil ? a.infinityNorm : nil, degree: degree, ratio: ratio)
  }

  private init(
    _ a: any LinearOperator<Element>, _ inverse: [Element]?, bound: Double?, degree: Int, ratio: Double?
  ) throws {
    let ratio = ratio ?? max(30, Double(degree * degree))
    guard (1...1000).contains(degree), ratio > 1, ratio.isFinite else {
      throw BlockKrylovError.invalidOption(
        "chebyshev of degree \(degree) for an interval of ratio \(ratio); the first must be in 1 … 1000, the second above 1")
    }
    (self.degree, self.ratio) = (degree, ratio)
    operation = PolynomialOperator(a, inverseDiagonal: inverse)
    largestEigenvalue = try Self.upperBound(a, inverse, bound: bound, steps: Self.lanczosSteps, name: "chebyshev")
  }

  /// A bound of the eigenvalues of D^{-½}AD^{-½} from above, by some steps of Lanczos for the preconditioner `name`.
  static func upperBound(
    _ a: any LinearOperator<Element>, _ inverse: [Element]?, bound: Double?, steps: Int, name: String
  ) throws -> Double {
    guard a.rows > 0 else { return 1 }
    let roots = inverse.map { squareRoots($0) }
    var scaled = BlockVector<Element>(rows: a.rows, columns: 1)
    let arnoldi = try SmallArnoldi<Element>(rows: a.rows, steps: steps, name: name) { v, w in
      guard let roots else { return try a.apply(to: v, into: &w) }
      scaled.scaleRows(of: v, by: roots)
      try a.apply(to: scaled, into: &w)
      w.scaleRows(by: roots)
    }
    guard let ritz = arnoldi.hermitianBounds(), ritz.largest > 0, ritz.least > -1e3 * Element.unitRoundoff * ritz.largest else {
      throw BlockKrylovError.unsupported(
        "\(name) needs a positive definite operator, and Lanczos met a negative eigenvalue of this one; take ilu0 or polynomial")
    }
    let estimate = max(1.1 * ritz.largest, ritz.largest + ritz.uncertainty)
    return min(estimate, bound ?? .infinity)
  }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private static func squareRoots(_ entries: [Element]) -> [Element] {
    var roots = entries
    for i in roots.indices { roots[i] = Element(entries[i].realPart.squareRoot()) }
    return roots
  }

  /// `chebyshev`, with the degree behind a colon unless it is the default.
  public var name: String { PreconditionerChoice.chebyshev(degree: degree).name }
  /// The number of rows.
  public var rows: Int { operation.rows }
  /// Always.
  public var isPositiveDefinite: Bool { true }
  /// D⁻¹ and the blocks of the last application, in bytes.
  public var storedBytes: Int { operation.storedBytes + scratch.byteCount }
  /// D⁻¹, and the block besides Z that an application takes (a second one for an operator that is no matrix), in bytes.
  public func bytesPlanned(columns: Int) -> Int {
    operation.bytesPlanned(columns: columns) + scratch.bytesPlanned(rows: rows, columns: columns)
  }

  /// Z = p(D⁻¹A)·D⁻¹·R by the three-term recurrence, one pass for each degree.
  ///
  /// With θ and δ the middle and half the length of the interval, x₁ = D⁻¹r/θ and
  /// x_{k+1} = x_k + ρ_k·ρ_{k−1}·(x_k − x_{k−1}) + (2ρ_k/δ)·D⁻¹·(r − A·x_k), ρ₀ = δ/θ, ρ_k = 1/(2θ/δ − ρ_{k−1}).
  public func apply(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    try scratch.withBlock(rows: rows, columns: z.columns) { other in
      // The blocks take turns; the last of `degree` turns must be Z's.
      if degree % 2 == 0 { try recurrence(r, &z, &other) } else { try recurrence(r, &other, &z) }
    }
  }

  private func recurrence(
    _ r: BlockVector<Element>, _ even: inout BlockVector<Element>, _ odd: inout BlockVector<Element>
  ) throws {
    let (least, largest) = (largestEigenvalue / ratio, largestEigenvalue)
    let (theta, delta) = ((largest + least) / 2, (largest - least) / 2)
    operation.begin(Element(double: 1 / theta), r, into: &even, adjoint: false)
    var rho = delta / theta
    for k in 1...degree {
      let next = 1 / (2 * theta / delta - rho)
      let product = next * rho
      let (alpha, gamma) = (Element(double: 1 + product), Element(double: 2 * next / delta))
      let beta: Element? = k == 1 ? nil : Element(double: -product)
      if k % 2 == 1 {
        try operation.step(alpha, even, beta: beta, gamma: gamma, r, into: &odd, adjoint: false)
      } else {
        try operation.step(alpha, odd, beta: beta, gamma: gamma, r, into: &even, adjoint: false)
      }
      rho = next
    }
  }

  /// The same as `apply`: M is hermitian.
  public func applyAdjoint(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws { try apply(to: r, into: &z) }

  /// The preconditioner of the new matrix with the same degree and ratio.
  public func updated(for matrix: CSRMatrix<Element>) throws -> ChebyshevPreconditioner {
    try checkUpdate(matrix)
    return try ChebyshevPreconditioner(matrix, degree: degree, ratio: ratio)
  }
}

extension CSRMatrix {
  /// ‖diag(d)·A‖_∞.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  func largestRowSum(scaledBy d: [Element]) -> Double {
    var largest = 0.0
    for i in 0..<rows {
      var sum = 0.0
      for k in rowStart[i]..<rowStart[i + 1] { sum += Double(values[k].modulus) }
      largest = max(largest, sum * Double(d[i].modulus))
    }
    return largest
  }
}
