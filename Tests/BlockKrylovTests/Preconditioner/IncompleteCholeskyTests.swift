import ComplexModule
import Testing

@testable import BlockKrylov

@Suite struct IncompleteCholeskyTests {
  private func productMatchesOnPattern<S: Scalar>(_ type: S.Type) throws {
    let a = try Model.laplacian(7, phase: 0.7, S.self)
    let m = try IncompleteCholesky(a)
    #expect(m.events.isEmpty && m.shift == 0 && m.isPositiveDefinite)
    let product = m.factors.dense
    for i in 0..<a.rows {
      for k in a.rowStart[i]..<a.rowStart[i + 1] {
        #expect(Double((product[i, Int(a.columnIndex[k])] - a.values[k]).modulus) < S.slack)
      }
    }
  }

  @Test func productEqualsAOnItsPattern() throws {
    try productMatchesOnPattern(Double.self)
    try productMatchesOnPattern(Float.self)
    try productMatchesOnPattern(Complex<Double>.self)
    try productMatchesOnPattern(Complex<Float>.self)
  }

  private func exactWithoutFill<S: Scalar>(_ type: S.Type) throws {
    let couple = S(real: -1.0, imaginary: 0.5)
    let a = try Model.tridiagonal(40, couple, S(double: 3), couple.conjugate)
    let d = (0..<40).map { S.Magnitude(sign: .plus, exponent: .init($0 % 7 - 3), significand: 1.25) }
    let scaled = a.scaled(rows: d, columns: d)
    var random = SplitMix(5)
    for columns in [1, 3, 8, 17, 33] {
      let x = random.block(40, columns, S.self)
      let m = try IncompleteCholesky(scaled)
      let z = try m.applied(to: Reference.product(scaled, x))
      #expect(Reference.distance(z, x) < 10 * S.slack)
      #expect(try adjointDefect(m, columns: columns) < S.slack)
    }
  }

  @Test func tridiagonalMatricesAreFactoredExactly() throws {
    try exactWithoutFill(Double.self)
    try exactWithoutFill(Float.self)
    try exactWithoutFill(Complex<Double>.self)
    try exactWithoutFill(Complex<Float>.self)
  }

  /// Kershaw's positive definite matrix, whose IC(0) meets a negative pivot.
  @Test func kershawsMatrixIsShifted() throws {
    let a = Model.matrix([[3, -2, 0, 2], [-2, 3, -2, 0], [0, -2, 3, -2], [2, 0, -2, 3]], Double.self)
    let m = try IncompleteCholesky(a)
    let shift = try #require(m.shift)
    #expect(shift > 0)
    #expect(!m.events.isEmpty && m.events.allSatisfy { $0.kind == .shifted })
    // A shift is just large enough, or twice that.
    #expect(m.events.count == 1 || shift == 1e-3 * Double(1 << (m.events.count - 1)))
    let product = m.factors.dense
    for i in 0..<4 { #expect(abs(product[i, i] - 3 * (1 + shift)) < 1e-14) }
    #expect(try m.applied(to: BlockVector(rows: 4, columns: 2) { _, _ in 1 }).columnMaxima().allSatisfy { $0.isFinite })
  }

  @Test func indefiniteMatrixStaysFiniteAndDefinite() throws {
    let a = Model.matrix([[1, 5, 0], [5, 1, 5], [0, 5, 1]], Complex<Float>.self)
    let m = try IncompleteCholesky(a)
    #expect(m.events.contains { $0.kind == .shifted })
    let inverse = try m.applied(to: .identity(rows: 3))
    for i in 0..<3 { #expect(inverse[i, i].realPart > 0 && inverse[i, i].isFinite) }
  }

  @Test func hopelessMatrixFallsBackToJacobi() throws {
    let a = Model.matrix([[1, 1e5], [1e5, 4]], Double.self)
    let m = try IncompleteCholesky(a)
    #expect(m.shift == nil)
    #expect(m.events.count { $0.kind == .shifted } == 20)
    #expect(m.events.last?.kind == .fallback)
    #expect(try m.applied(to: .identity(rows: 2)).rowArrays == [[1, 0], [0, 0.25]])
  }

  @Test func diagonalMustBePositive() {
    for diagonal in [0, -1] as [Double] {
      #expect(throws: BlockKrylovError.self) { try IncompleteCholesky(Model.matrix([[1, 0], [0, diagonal]], Double.self)) }
    }
    #expect(throws: BlockKrylovError.self) { try IncompleteCholesky(CSRMatrix(diagonal: [Complex<Double>(1, 1)])) }
  }
}
