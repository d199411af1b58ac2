/// Which preconditioner `prepare` builds from the matrix; a preconditioner of your own is passed to `prepare` itself.
public enum PreconditionerChoice: Sendable, Equatable {
  /// None.
  case none
  /// By structure: ``ic0`` for a hermitian matrix with a positive diagonal, ``ilu0`` for any other; none where there is no matrix.
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
    }
  }

  /// The choice of a name: `auto`, `none`, `jacobi`, `ssor[:ω]`, `ilu0`, `ilutp[:fill[:dropTolerance]]` or `ic0`.
  ///
  /// - Throws: ``BlockKrylovError/invalidOption(_:)`` for another name or an option that is not a number in its range.
  public init(name: String) throws {
    let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    switch (parts[0], parts.count) {
    case ("auto", 1): self = .automatic
    case ("none", 1): self = .none
    case ("jacobi", 1): self = .jacobi
    case ("ilu0", 1): self = .ilu0
    case ("ic0", 1): self = .ic0
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
        "there is no preconditioner \(name); choose auto, none, jacobi, ssor[:ω], ilu0, ilutp[:fill[:tolerance]] or ic0")
    }
  }

  /// Builds the preconditioner of a matrix; `nil` for ``none``.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a matrix that is not square; ``BlockKrylovError/unsupported(_:)`` when ``ic0`` or
  ///   ``ssor(relaxation:)`` is chosen for a matrix that is not hermitian with a positive diagonal; what the preconditioners throw.
  public func build<S: Scalar>(for matrix: CSRMatrix<S>) throws -> (any Preconditioner<S>)? {
    guard self != .none else { return nil }
    try matrix.checkSquare(for: name)
    switch self {
    case .none: return nil
    case .automatic:
      let positive = matrix.isHermitianByValue && matrix.hasPositiveDiagonal(matrix.diagonal)
      return try (positive ? PreconditionerChoice.ic0 : .ilu0).build(for: matrix)
    case .jacobi: return try JacobiPreconditioner(matrix)
    case .ilu0: return try IncompleteLU(matrix)
    case .ilutp(let fill, let dropTolerance):
      return try IncompleteLUThresholdPivoting(matrix, fill: fill, dropTolerance: dropTolerance)
    case .ssor(let relaxation):
      return try SSORPreconditioner(checkedHermitian(matrix), relaxation: relaxation)
    case .ic0:
      return try IncompleteCholesky(checkedHermitian(matrix))
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
