/// Which preconditioner `prepare` builds from the matrix; a preconditioner of your own is passed to `prepare` itself.
public indirect enum PreconditionerChoice: Sendable, Equatable {
  /// None.
  case none
  /// By structure: for a hermitian matrix with a positive diagonal ``smoothedAggregation(degree:unknownsPerNode:)`` where it is like that of a
  /// scalar elliptic equation on a large grid, else ``ic0``; ``ilu0`` for any other matrix; none where there is no matrix.
  case automatic
  /// The inverse diagonal.
  case jacobi
  /// Symmetric successive over-relaxation with 0 < ω < 2.
  case ssor(relaxation: Double = 1)
  /// Incomplete LU without fill, for general matrices.
  case ilu0
  /// Incomplete LU with at most `fill` entries in each row of L and of U, with a drop tolerance and column pivoting, for
  /// general matrices on which ``ilu0`` is too weak.
  case ilutp(fill: Int = 20, dropTolerance: Double = 1e-3)
  /// Incomplete Cholesky without fill, for hermitian positive definite matrices.
  case ic0
  /// A Chebyshev polynomial in A, for hermitian positive definite operators, matrix-free ones included: `degree` products with A take the
  /// place of as much dense work of block CG.
  case chebyshev(degree: Int = 10)
  /// Algebraic multigrid, ``SmoothedAggregation``, for hermitian positive definite matrices of elliptic problems: iterations hardly grow with
  /// their size. `unknownsPerNode` is the number of unknowns that belong together, 2 or 3 in elasticity.
  case smoothedAggregation(degree: Int = 2, unknownsPerNode: Int = 1)
  /// The polynomial in A that GMRES would find, for general operators, matrix-free ones included: `degree` products with A take the place
  /// of as much orthogonalisation.
  case polynomial(degree: Int = 20)
  /// Another one built and applied in single precision, ``SinglePrecisionPreconditioner``; in a method of single precision that one itself.
  case singlePrecision(PreconditionerChoice)

  /// The name, as in `--preconditioner`; options that are not the defaults follow it after colons.
  public var name: String {
    switch self {
    case .none: "none"
    case .automatic: "auto"
    case .jacobi: "jacobi"
    case .ssor(let relaxation): relaxation == 1 ? "ssor" : "ssor:\(relaxation)"
    case .ilu0: "ilu0"
    case .ilutp(let fill, let dropTolerance): self == .ilutp() ? "ilutp" : "ilutp:\(fill):\(dropTolerance)"
    case .ic0: "ic0"
    case .chebyshev(let degree): self == .chebyshev() ? "chebyshev" : "chebyshev:\(degree)"
    case .smoothedAggregation(let degree, let unknowns):
      self == .smoothedAggregation() ? "amg" : unknowns == 1 ? "amg:\(degree)" : "amg:\(degree):\(unknowns)"
    case .polynomial(let degree): self == .polynomial() ? "polynomial" : "polynomial:\(degree)"
    case .singlePrecision(let inner): "single-\(inner.name)"
    }
  }

  /// The choice of a name: `auto`, `none`, `jacobi`, `ssor[:ω]`, `ilu0`, `ilutp[:fill[:dropTolerance]]`, `ic0`, `amg[:degree[:unknowns]]`,
  /// `chebyshev[:degree]` or `polynomial[:degree]`, or `single-` and one of these.
  ///
  /// - Throws: ``BlockKrylovError/invalidOption(_:)`` for another name or an option that is not a number in its range.
  public init(name: String) throws {
    if name.hasPrefix("single-") {
      let inner = try PreconditionerChoice(name: String(name.dropFirst("single-".count)))
      guard inner != .none else {
        throw BlockKrylovError.invalidOption(
          "preconditioner \(name): none has no precision; write none, or single-ic0 and the like")
      }
      self = .singlePrecision(inner)
      return
    }
    let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    switch (parts[0], parts.count) {
    case ("auto", 1): self = .automatic
    case ("none", 1): self = .none
    case ("jacobi", 1): self = .jacobi
    case ("ilu0", 1): self = .ilu0
    case ("ic0", 1): self = .ic0
    case ("chebyshev", 1): self = .chebyshev()
    case ("chebyshev", 2): self = .chebyshev(degree: try Self.degree(parts[1], in: 1...1000, of: name))
    case ("amg", 1): self = .smoothedAggregation()
    case ("amg", 2), ("amg", 3):
      guard let degree = Int(parts[1]), (1...100).contains(degree), let unknowns = parts.count == 3 ? Int(parts[2]) : 1,
        (1...64).contains(unknowns)
      else {
        throw BlockKrylovError.invalidOption(
          "preconditioner \(name): it takes the degree of the smoother, 1 … 100, and the unknowns of a node, 1 … 64, as in amg:2:3"
        )
      }
      self = .smoothedAggregation(degree: degree, unknownsPerNode: unknowns)
    case ("polynomial", 1): self = .polynomial()
    case ("polynomial", 2): self = .polynomial(degree: try Self.degree(parts[1], in: 1...200, of: name))
    case ("ssor", 1): self = .ssor()
    case ("ssor", 2):
      guard let relaxation = Double(parts[1]), relaxation > 0, relaxation < 2 else {
        throw BlockKrylovError.invalidOption(
          "preconditioner \(name): the relaxation must be a number between 0 and 2, as in ssor:1.2")
      }
      self = .ssor(relaxation: relaxation)
    case ("ilutp", 1): self = .ilutp()
    case ("ilutp", 2), ("ilutp", 3):
      let tolerance = parts.count == 3 ? Double(parts[2]) : 1e-3
      guard let fill = Int(parts[1]), fill > 0, let tolerance, tolerance >= 0, tolerance < 1 else {
        throw BlockKrylovError.invalidOption(
          "preconditioner \(name): it needs a positive number of entries in a row and a drop tolerance of at least 0 and below 1, "
            + "as in ilutp:20:0.001")
      }
      self = .ilutp(fill: fill, dropTolerance: tolerance)
    default:
      throw BlockKrylovError.invalidOption(
        "there is no preconditioner \(name); choose auto, none, jacobi, ssor[:ω], ilu0, ilutp[:fill[:tolerance]], ic0, "
          + "amg[:degree[:unknowns]], chebyshev[:degree] or polynomial[:degree], or single- and one of these")
    }
  }

  /// The products with A that take as long as an application, for comparisons of cost; measured on second-order problems.
  var productsPerApplication: Double {
    switch self {
    case .none: 0
    case .jacobi: 0.3
    // Two sparse triangular sweeps read as much in all as a product, but rows wait for each other.
    case .automatic, .ssor, .ilu0, .ilutp, .ic0: 2.5
    case .chebyshev(let degree), .polynomial(let degree): 1.2 * Double(degree)
    case .smoothedAggregation(let degree, _): 5.5 * Double(degree)
    case .singlePrecision(let inner): 0.6 * inner.productsPerApplication
    }
  }

  private static func degree(_ text: String, in range: ClosedRange<Int>, of name: String) throws -> Int {
    guard let degree = Int(text), range.contains(degree) else {
      throw BlockKrylovError.invalidOption(
        "preconditioner \(name): the degree must be in \(range.lowerBound) … \(range.upperBound), as in polynomial:20")
    }
    return degree
  }

  /// Builds the preconditioner of a matrix; `nil` for ``none``.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a matrix that is not square; ``BlockKrylovError/unsupported(_:)`` when ``ic0``,
  ///   ``ssor(relaxation:)``, ``chebyshev(degree:)`` or ``smoothedAggregation(degree:unknownsPerNode:)`` is chosen for a matrix that is not hermitian with a positive diagonal; what the preconditioners throw.
  public func build<S: Scalar>(for matrix: CSRMatrix<S>) throws -> (any Preconditioner<S>)? {
    guard self != .none else { return nil }
    try matrix.checkSquare(for: name)
    switch self {
    case .none: return nil
    case .automatic:
      guard matrix.isHermitianByValue, matrix.hasPositiveDiagonal(matrix.diagonal) else { return try IncompleteLU(matrix) }
      // Of a matrix that proves indefinite there is no multigrid; a shifted IC(0) there is.
      if MultigridProbe.isSuited(matrix), let multigrid = try? SmoothedAggregation(matrix) { return multigrid }
      return try IncompleteCholesky(matrix)
    case .jacobi: return try JacobiPreconditioner(matrix)
    case .ilu0: return try IncompleteLU(matrix)
    case .ilutp(let fill, let dropTolerance):
      return try IncompleteLUThresholdPivoting(matrix, fill: fill, dropTolerance: dropTolerance)
    case .ssor(let relaxation):
      return try SSORPreconditioner(checkedHermitian(matrix), relaxation: relaxation)
    case .ic0:
      return try IncompleteCholesky(checkedHermitian(matrix))
    case .chebyshev(let degree): return try ChebyshevPreconditioner(checkedHermitian(matrix), degree: degree)
    case .polynomial(let degree): return try PolynomialPreconditioner(matrix, degree: degree)
    case .smoothedAggregation(let degree, let unknowns):
      return try SmoothedAggregation(checkedHermitian(matrix), unknownsPerNode: unknowns, degree: degree)
    case .singlePrecision(let inner):
      if S.scalarKind.isSinglePrecision { return try inner.build(for: matrix) }
      return try inner.build(for: try matrix.inSinglePrecision()).map { SinglePrecisionPreconditioner<S>($0) }
    }
  }

  /// Builds the preconditioner of an operator without a matrix; `nil` for ``none`` and ``automatic``.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for those that are made from the entries of a matrix, and for ``chebyshev(degree:)`` when
  ///   the operator is not tagged hermitian; what the preconditioners throw.
  public func build<S: Scalar>(forOperator a: any LinearOperator<S>) throws -> (any Preconditioner<S>)? {
    switch self {
    case .none, .automatic: return nil
    case .polynomial(let degree): return try PolynomialPreconditioner(operator: a, degree: degree)
    case .chebyshev(let degree):
      guard a.isHermitian else {
        throw BlockKrylovError.unsupported(
          "chebyshev needs a hermitian operator and this one is not tagged so; tag it, or take polynomial")
      }
      return try ChebyshevPreconditioner(operator: a, degree: degree)
    case .singlePrecision(let inner):
      if S.scalarKind.isSinglePrecision { return try inner.build(forOperator: a) }
      throw BlockKrylovError.unsupported(
        "the preconditioner \(name) is built from a sparse matrix and this operator has none; take \(inner.name)")
    case .jacobi, .ssor, .ilu0, .ilutp, .ic0, .smoothedAggregation:
      throw BlockKrylovError.unsupported(
        "the preconditioner \(name) is built from a sparse matrix and this operator has none; take polynomial or chebyshev, or pass one "
          + "of your own to prepare")
    }
  }

  /// The matrix, tagged with what was found out.
  private func checkedHermitian<S: Scalar>(_ matrix: CSRMatrix<S>) throws -> CSRMatrix<S> {
    guard matrix.isHermitianByValue else {
      throw BlockKrylovError.unsupported(
        "\(name) needs a \(S.isComplex ? "hermitian" : "symmetric") matrix, and this one is not; take ilu0 instead")
    }
    guard matrix.hasPositiveDiagonal(matrix.diagonal) else {
      throw BlockKrylovError.unsupported(
        "\(name) needs a positive real diagonal, and this matrix has other entries on it; take ilu0 instead, or solve -A X = -B "
          + "if A is negative definite"
      )
    }
    return matrix.tagged(matrix.structure.union(.hermitian))
  }
}
