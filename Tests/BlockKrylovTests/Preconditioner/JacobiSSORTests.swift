import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

@Suite struct JacobiTests {
  private func invertsTheDiagonal<S: Scalar>(_ type: S.Type) throws {
    let diagonal = [S(double: 2), S(real: -4.0, imaginary: 3.0), S(double: 0.5)]
    let m = JacobiPreconditioner(diagonal: diagonal)
    #expect(!m.isPositiveDefinite && m.events.isEmpty)
    var random = SplitMix(2)
    for columns in [1, 3, 8, 17, 33] {
      let x = random.block(3, columns, S.self)
      let z = try m.applied(to: BlockVector(rows: 3, columns: columns) { diagonal[$0] * x[$0, $1] })
      #expect(Reference.distance(z, x) < 10 * S.unitRoundoff)
      #expect(try adjointDefect(m, columns: columns) < 10 * S.unitRoundoff)
    }
  }

  @Test func allScalars() throws {
    try invertsTheDiagonal(Double.self)
    try invertsTheDiagonal(Float.self)
    try invertsTheDiagonal(Complex<Double>.self)
    try invertsTheDiagonal(Complex<Float>.self)
  }

  @Test func zerosBecomeOnes() throws {
    let m = try JacobiPreconditioner(Model.matrix([[0, 1, 0], [1, 4, 0], [0, 0, 0]], Double.self))
    #expect(m.events.map(\.kind) == [.repaired])
    #expect(m.events[0].detail.contains("2 diagonal entries") && m.events[0].detail.contains("row 0"))
    #expect(try m.applied(to: BlockVector(column: [3, 4, 5])).column(0) == [3, 1, 5])
    #expect(JacobiPreconditioner(diagonal: [Double.leastNonzeroMagnitude, .nan, .infinity]).events.count == 1)
  }

  @Test func definiteForPositiveRealDiagonalsOnly() {
    #expect(JacobiPreconditioner(diagonal: [1.0, 2]).isPositiveDefinite)
    #expect(!JacobiPreconditioner(diagonal: [1.0, -2]).isPositiveDefinite)
    #expect(JacobiPreconditioner(diagonal: [Complex<Double>(1, 0)]).isPositiveDefinite)
    #expect(!JacobiPreconditioner(diagonal: [Complex<Double>(1, 1e-9)]).isPositiveDefinite)
  }

  @Test func updateFollowsTheValues() throws {
    let m = try JacobiPreconditioner(CSRMatrix(diagonal: [1.0, 2])).updated(for: CSRMatrix(diagonal: [4.0, 8]))
    #expect(try m.applied(to: BlockVector(column: [1, 1])).column(0) == [0.25, 0.125])
    #expect(throws: BlockKrylovError.self) { try m.updated(for: CSRMatrix(diagonal: [1])) }
  }
}

@Suite struct SSORTests {
  /// M = ω/(2−ω)·(D/ω+L)·D⁻¹·(D/ω+U), dense.
  private func matchesTheFormula<S: Scalar>(_ type: S.Type, _ relaxation: Double, hermitian: Bool) throws {
    let a = try Model.laplacian(4, convection: hermitian ? 0 : 0.5, phase: 0.4, S.self)
    let (n, dense) = (a.rows, a.dense)
    let m = try SSORPreconditioner(a, relaxation: relaxation)
    #expect(m.isPositiveDefinite == hermitian)
    let omega = S(double: relaxation)
    func triangle(_ keep: (Int, Int) -> Bool) -> DenseMatrix<S> {
      DenseMatrix(rows: n, columns: n) { $0 == $1 ? dense[$0, $0] / omega : keep($0, $1) ? dense[$0, $1] : 0 }
    }
    let inverseDiagonal = DenseMatrix<S>(rows: n, columns: n) { $0 == $1 ? 1 / dense[$0, $0] : 0 }
    let product = triangle { $0 > $1 } * inverseDiagonal * triangle { $0 < $1 }
    let factor = S(double: relaxation / (2 - relaxation))
    var random = SplitMix(6)
    for columns in [1, 3, 8, 17, 33] {
      let x = random.block(n, columns, S.self)
      let r = BlockVector<S>(rows: n, columns: columns) { i, j in
        var sum: S = 0
        for k in 0..<n { sum += product[i, k] * x[k, j] }
        return factor * sum
      }
      #expect(Reference.distance(try m.applied(to: r), x) < S.slack)
      #expect(try adjointDefect(m, columns: columns) < S.slack)
    }
    #expect(try PreconditionerProbe.failure(of: m, requiringPositiveDefinite: hermitian) == nil)
  }

  @Test(arguments: [0.5, 1, 1.7]) func equalsItsFormula(relaxation: Double) throws {
    for hermitian in [true, false] {
      try matchesTheFormula(Double.self, relaxation, hermitian: hermitian)
      try matchesTheFormula(Float.self, relaxation, hermitian: hermitian)
      try matchesTheFormula(Complex<Double>.self, relaxation, hermitian: hermitian)
      try matchesTheFormula(Complex<Float>.self, relaxation, hermitian: hermitian)
    }
  }

  @Test func misuse() throws {
    let a = try Model.laplacian(3, Double.self)
    for relaxation in [0, 2, -1, .nan] {
      #expect(throws: BlockKrylovError.self) { try SSORPreconditioner(a, relaxation: relaxation) }
    }
    #expect(throws: BlockKrylovError.self) { try SSORPreconditioner(Model.matrix([[0, 1], [1, 0]], Double.self)) }
    #expect(!(try SSORPreconditioner(Model.matrix([[-1, 0], [0, 1]], Double.self)).isPositiveDefinite))
  }
}
