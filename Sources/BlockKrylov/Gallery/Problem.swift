internal import ComplexModule
internal import RealModule

extension Gallery {
  /// One problem of the gallery: a family, its size and its parameter.
  public struct Problem: Sendable, Hashable {
    /// The kind of problem.
    public let family: Family
    /// N of ``Family``: points or elements per side of a grid, or the order of the matrix.
    public let size: Int
    /// The family's parameter; `nil` for families without one.
    public let parameter: Double?
    /// The order of the matrix.
    public let rows: Int

    /// A problem from its parts.
    ///
    /// - Parameters:
    ///   - size: N, at least 1.
    ///   - parameter: the number after N; `nil` takes the family's default.
    /// - Throws: ``BlockKrylovError/invalidOption(_:)`` for a size below 1 or with more than 2³¹−1 rows, a parameter out of its
    ///   range, and one for a family that takes none.
    public init(_ family: Family, size: Int, parameter: Double? = nil) throws {
      guard size >= 1 else {
        throw BlockKrylovError.invalidOption("\(family.form) needs N ≥ 1, not \(size)")
      }
      guard size <= Int(Int32.max), let rows = family.rows(size: size) else {
        throw BlockKrylovError.invalidOption(
          "\(family.rawValue):\(size) would have more than \(Int32.max) rows; choose a smaller N")
      }
      if let parameter {
        guard let known = family.parameter else {
          throw BlockKrylovError.invalidOption("\(family.rawValue) takes no parameter; write \(family.form)")
        }
        guard known.range.contains(parameter) else {
          let (low, high) = (Gallery.text(known.range.lowerBound), Gallery.text(known.range.upperBound))
          throw BlockKrylovError.invalidOption("\(family.form) needs \(known.name) from \(low) to \(high), not \(parameter)")
        }
      }
      self.family = family
      self.size = size
      self.rows = rows
      self.parameter = parameter ?? family.parameter?.standard(size)
    }

    /// A problem as it is written on the command line: `name:N`, or `name:N:V` with a parameter.
    ///
    /// - Throws: ``BlockKrylovError/invalidOption(_:)`` for an unknown name (the message lists the known ones), another form,
    ///   and what ``init(_:size:parameter:)`` refuses.
    public init(specification: String) throws {
      let parts = specification.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard let family = Family(rawValue: parts[0]) else {
        throw BlockKrylovError.invalidOption(
          "'\(parts[0])' is not in the gallery; it has " + Family.allCases.map(\.form).joined(separator: ", "))
      }
      guard parts.count == 2 || parts.count == 3 else {
        throw BlockKrylovError.invalidOption(
          "'\(specification)' is not of the form \(family.form), such as \(family.rawValue):20")
      }
      guard let size = Int(parts[1]) else {
        throw BlockKrylovError.invalidOption(
          "'\(parts[1])' in '\(specification)' is no whole number that fits; write \(family.form), such as \(family.rawValue):20"
        )
      }
      guard parts.count == 3 else {
        try self.init(family, size: size)
        return
      }
      guard let parameter = Double(parts[2]) else {
        throw BlockKrylovError.invalidOption("'\(parts[2])' in '\(specification)' is not a number; write \(family.form)")
      }
      try self.init(family, size: size, parameter: parameter)
    }

    /// Whether only the complex scalar types can hold the matrix.
    public var isComplex: Bool { family.isComplex }

    /// `name:N`, with the parameter where it is not the default; ``init(specification:)`` reads it back.
    public var specification: String {
      let base = "\(family.rawValue):\(size)"
      guard let parameter, parameter != family.parameter?.standard(size) else { return base }
      return base + ":" + Gallery.text(parameter)
    }
  }

  /// A number without a needless ".0".
  static func text(_ value: Double) -> String {
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}

extension Gallery.Problem: CustomStringConvertible {
  /// The specification.
  public var description: String { specification }
}

extension Gallery.Problem {
  /// The matrix in compressed rows, with the tags of ``structure(_:)``.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for a complex problem and a real type.
  /// - Complexity: O(n) time, n = 10⁶ in a fraction of a second, and memory for the matrix, besides its `Double` form when the
  ///   type is another one.
  public func matrix<S: Scalar>(_ type: S.Type = S.self) throws -> CSRMatrix<S> {
    guard S.isComplex || !isComplex else {
      throw BlockKrylovError.unsupported("\(family.rawValue) has complex entries; use Complex<Double> or Complex<Float>")
    }
    return entries().tagged(structure(S.self))
  }

  /// What is proved of the matrix with entries of this type.
  ///
  /// Symmetry holds for every bit. Positive definiteness is promised where it survives the rounding of the entries: where the
  /// smallest eigenvalue, relative to the diagonal, is known to exceed 16 units of roundoff.
  public func structure<S: Scalar>(_ type: S.Type = S.self) -> Structure {
    let hermitian: Structure = [.symmetric, .hermitian]
    let (h, roundoff) = (1 / Double(size + 1), 16 * S.unitRoundoff)
    /// The tags of a matrix A with a lower bound on the eigenvalues of diag(A)⁻¹A.
    func definite(_ bound: Double) -> Structure { bound > roundoff ? hermitian.union(.positiveDefinite) : hermitian }
    switch family {
    case .poisson2d, .poisson3d: return hermitian.union(.positiveDefinite)  // whole numbers, nothing is rounded
    case .anisotropic2d: return definite(2 * h * h)
    // A ⪰ k_min·(Poisson) and diag(A) ≤ k_max·2d.
    case .varcoef2d, .varcoef3d: return definite(2 * h * h * Double.pow(10, -abs(parameter ?? 0)))
    // The first eigenfrequency of the clamped square gives about h²/40; h²/100 leaves room for ν.
    case .elasticity2d: return definite(h * h / 100)
    case .indefinite2d, .neumann2d, .neumann3d: return hermitian
    case .helmholtz2d: return .symmetric
    case .convdiff2d, .convdiff3d: return []
    case .bidiagonal: return .upperTriangular
    case .strakos: return hermitian.union(.positiveDefinite).union(.diagonal)
    }
  }

  private func entries<S: Scalar>() -> CSRMatrix<S> {
    let (grid, value) = (Gallery.Grid(side: size, dimension: family.dimension), parameter ?? 0)
    let real: CSRMatrix<Double>
    switch family {
    case .poisson2d, .poisson3d: real = grid.poisson()
    case .anisotropic2d: real = grid.anisotropic(value)
    case .varcoef2d, .varcoef3d: real = grid.diffusion(decades: value)
    case .convdiff2d: real = grid.centredConvection(value)
    case .convdiff3d: real = grid.upwindConvection(value)
    case .indefinite2d: real = grid.poisson(shift: value)
    case .neumann2d, .neumann3d: real = grid.neumann()
    case .helmholtz2d: return Gallery.rounded(grid.helmholtz(waveNumber: value))
    case .elasticity2d: real = Gallery.PlaneStress(elements: size, poissonRatio: value).stiffness()
    case .bidiagonal: real = Gallery.bidiagonal(size)
    case .strakos: real = Gallery.strakos(size, condition: value)
    }
    return Gallery.rounded(real)
  }
}

extension Gallery {
  /// The matrix with its entries rounded to another type: `converted(to:)`, compiled for each of them.
  @specialized(where S == Float)
  @specialized(where S == Complex<Float>)
  @specialized(where S == Complex<Double>)
  static func rounded<S: Scalar>(_ matrix: CSRMatrix<Double>) -> CSRMatrix<S> {
    if let same = matrix as? CSRMatrix<S> { return same }
    return CSRMatrix<S>(
      uncheckedRows: matrix.rows, columns: matrix.columns, rowStart: matrix.rowStart, columnIndex: matrix.columnIndex,
      values: matrix.values.map { S(double: $0) })
  }

  /// The same for complex entries; a real type would drop the imaginary parts.
  @specialized(where S == Complex<Float>)
  static func rounded<S: Scalar>(_ matrix: CSRMatrix<Complex<Double>>) -> CSRMatrix<S> {
    if let same = matrix as? CSRMatrix<S> { return same }
    return CSRMatrix<S>(
      uncheckedRows: matrix.rows, columns: matrix.columns, rowStart: matrix.rowStart, columnIndex: matrix.columnIndex,
      values: matrix.values.map { S(real: $0.realPart, imaginary: $0.imaginaryPart) })
  }
}
