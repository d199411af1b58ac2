/// A test of what a preconditioner claims, on random vectors: finite, linear, and for CG hermitian and positive definite.
///
/// GMRES runs it on preconditioners that it did not build itself, and becomes flexible for one that is not linear. It can refuse a bad one, not prove a good one.
public enum PreconditionerProbe {
  /// Which property fails, with the size of the failure relative to the vectors involved.
  public enum Failure: Sendable, Equatable {
    /// M⁻¹x has entries that are not finite.
    case notFinite
    /// M⁻¹(ax+y) differs from a·M⁻¹x + M⁻¹y.
    case notLinear(deviation: Double)
    /// xᴴM⁻¹y differs from (yᴴM⁻¹x)*.
    case notHermitian(deviation: Double)
    /// xᴴM⁻¹x, relative to ‖x‖·‖M⁻¹x‖, is not positive.
    case notPositiveDefinite(quotient: Double)
  }

  /// The number of vectors, all columns of one block.
  private static var vectors: Int { 4 }

  /// Applies M⁻¹ to three blocks of four random columns (the same ones in every run).
  ///
  /// A variable M⁻¹ need be neither linear nor hermitian and is not tested for it.
  ///
  /// - Parameter requiringPositiveDefinite: whether to test for hermitian and positive definite, as CG needs.
  /// - Returns: the first property that fails, or `nil`. Rounding is allowed 10⁻⁸ in linearity (10⁻⁴ in single precision)
  ///   and 10⁻¹⁰ in symmetry (10⁻⁵).
  /// - Throws: what the preconditioner throws.
  public static func failure<S: Scalar>(
    of m: some Preconditioner<S>, requiringPositiveDefinite: Bool = false
  ) throws -> Failure? {
    if m.rows == 0 { return nil }
    let single = m.unitRoundoff > 1e-10
    func block() -> BlockVector<S> { BlockVector(rows: m.rows, columns: vectors) }
    var (x, y, mx, my) = (block(), block(), block(), block())
    x.fillRandom(seed: 101)
    y.fillRandom(seed: 202)
    try m.apply(to: x, into: &mx)
    try m.apply(to: y, into: &my)
    let (sizeOfMx, sizeOfMy) = (mx.columnNorms(), my.columnNorms())
    guard (sizeOfMx + sizeOfMy).allSatisfy({ $0.isFinite }) else { return .notFinite }

    if !m.isVariable {
      let factor = S(real: 1.625, imaginary: 0.375)
      var (sum, difference) = (y, block())
      sum.combine(factor, x, 1)
      try m.apply(to: sum, into: &difference)
      difference.combine(-factor, mx, 1)
      difference.combine(-1, my, 1)
      for (j, deviation) in difference.columnNorms().enumerated() {
        let scale = Double(factor.modulus) * sizeOfMx[j] + sizeOfMy[j]
        guard deviation <= (single ? 1e-4 : 1e-8) * scale else { return .notLinear(deviation: deviation / scale) }
      }
    }
    guard requiringPositiveDefinite else { return nil }
    return hermitianFailure(x, mx, y, my, tolerance: m.isVariable ? .infinity : single ? 1e-5 : 1e-10)
  }

  private static func hermitianFailure<S: Scalar>(
    _ x: BlockVector<S>, _ mx: BlockVector<S>, _ y: BlockVector<S>, _ my: BlockVector<S>, tolerance: Double
  ) -> Failure? {
    let space = BlockSpace<S>(p: vectors, q: vectors, rows: x.rows)
    var (xMy, yMx, xMx) = (
      DenseMatrix<S>(rows: 0, columns: 0), DenseMatrix<S>(rows: 0, columns: 0), DenseMatrix<S>(rows: 0, columns: 0)
    )
    space.inner(x, my, into: &xMy)
    space.inner(y, mx, into: &yMx)
    space.inner(x, mx, into: &xMx)
    let (sizeOfX, sizeOfY, sizeOfMx, sizeOfMy) = (x.columnNorms(), y.columnNorms(), mx.columnNorms(), my.columnNorms())
    for a in 0..<vectors {
      for b in 0..<vectors {
        let deviation = Double((xMy[a, b] - yMx[b, a].conjugate).modulus)
        let scale = sizeOfX[a] * sizeOfMy[b] + sizeOfY[b] * sizeOfMx[a]
        guard deviation <= tolerance * scale else { return .notHermitian(deviation: deviation / scale) }
      }
      let quotient = Double(xMx[a, a].realPart) / (sizeOfX[a] * sizeOfMx[a])
      guard quotient > 0 else { return .notPositiveDefinite(quotient: quotient) }
    }
    return nil
  }
}

extension PreconditionerProbe.Failure: CustomStringConvertible {
  /// What fails, in words, and what to do.
  public var description: String {
    switch self {
    case .notFinite: "the preconditioner gives numbers that are not finite"
    case .notLinear(let deviation):
      "the preconditioner is not linear (by \(deviation.brief)); declare it variable and use a flexible method"
    case .notHermitian(let deviation):
      "the preconditioner is not hermitian (by \(deviation.brief)); use block GMRES, or make it hermitian"
    case .notPositiveDefinite(let quotient):
      "the preconditioner is not positive definite (xᴴM⁻¹x/(‖x‖‖M⁻¹x‖) = \(quotient.brief)); use block GMRES, or another preconditioner"
    }
  }
}
