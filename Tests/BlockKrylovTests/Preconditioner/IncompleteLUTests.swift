import ComplexModule
import Testing

@testable import BlockKrylov

@Suite struct IncompleteLUTests {
  private func productMatchesOnPattern<S: Scalar>(_ type: S.Type) throws {
    let a = try Model.laplacian(7, convection: 0.4, phase: 0.3, S.self)
    let m = try IncompleteLU(a)
    #expect(m.events.isEmpty)
    let product = m.factors.dense
    for i in 0..<a.rows {
      for k in a.rowStart[i]..<a.rowStart[i + 1] {
        #expect(Double((product[i, Int(a.columnIndex[k])] - a.values[k]).modulus) < S.slack)
      }
    }
    #expect(m.factors.lower.values.count + m.factors.upper.values.count + a.rows == a.nonzeros)
  }

  @Test func productEqualsAOnItsPattern() throws {
    try productMatchesOnPattern(Double.self)
    try productMatchesOnPattern(Float.self)
    try productMatchesOnPattern(Complex<Double>.self)
    try productMatchesOnPattern(Complex<Float>.self)
  }

  private func exactWithoutFill<S: Scalar>(_ type: S.Type) throws {
    let a = try Model.tridiagonal(40, S(real: -1.0, imaginary: 0.5), S(real: 3.0, imaginary: 0.2), S(real: 1.0, imaginary: -0.3))
    var random = SplitMix(5)
    for columns in [1, 3, 8, 17, 33] {
      let x = random.block(40, columns, S.self)
      let z = try IncompleteLU(a).applied(to: Reference.product(a, x))
      #expect(Reference.distance(z, x) < S.slack)
      #expect(try adjointDefect(IncompleteLU(a), columns: columns) < S.slack)
    }
  }

  @Test func tridiagonalMatricesAreFactoredExactly() throws {
    try exactWithoutFill(Double.self)
    try exactWithoutFill(Float.self)
    try exactWithoutFill(Complex<Double>.self)
    try exactWithoutFill(Complex<Float>.self)
  }

  @Test func badScalingChangesNothing() throws {
    let a = try Model.tridiagonal(30, -1.0, 2.5, 0.5)
    var random = SplitMix(8)
    let r = (0..<30).map { _ in Double.random(in: -90...90, using: &random) }.map { Double.exp2($0.rounded()) }
    let c = (0..<30).map { _ in Double.random(in: -90...90, using: &random) }.map { Double.exp2($0.rounded()) }
    let m = try IncompleteLU(a.scaled(rows: r, columns: c))
    #expect(m.events.isEmpty)
    let x = random.block(30, 3, Double.self)
    let b = Reference.product(a, x)
    let z = try m.applied(to: BlockVector(rows: 30, columns: 3) { b[$0, $1] * r[$0] })
    #expect(Reference.distance(BlockVector(rows: 30, columns: 3) { z[$0, $1] * c[$0] }, x) < 1e-13)
  }

  @Test func zeroDiagonalIsPermuted() throws {
    for rows in [[[0, 1], [1, 0]], [[0, 2, 0], [0, 1e-9, 3], [5, 0, 0]]] as [[[Double]]] {
      let a = Model.matrix(rows, Double.self)
      let m = try IncompleteLU(a)
      #expect(m.events.map(\.kind) == [.repaired])
      let identity = BlockVector<Double>.identity(rows: a.rows)
      #expect(Reference.distance(Reference.product(a, try m.applied(to: identity)), identity) < 1e-14)
      #expect(try adjointDefect(m, columns: 3) < 1e-14)
    }
  }

  /// The shuffled rows of a tridiagonal matrix are found again, so that no fill is missed.
  @Test func shuffledRowsAreRestored() throws {
    var random = SplitMix(12)
    let tridiagonal = try Model.tridiagonal(50, -1, 4, Complex<Double>(-1, 0.5))
    let a = tridiagonal.permuted(rowOrder: (0..<50).shuffled(using: &random), columnOrder: Array(0..<50))
    let m = try IncompleteLU(a)
    #expect(m.events.map(\.kind) == [.repaired])
    for columns in [1, 17] {
      let x = random.block(50, columns, Complex<Double>.self)
      #expect(Reference.distance(try m.applied(to: Reference.product(a, x)), x) < 1e-13)
      #expect(try adjointDefect(m, columns: columns) < 1e-13)
    }
  }

  @Test func singularMatricesGiveFiniteFactors() throws {
    let cases: [[[Double]]] = [
      [[0]], [[0, 0], [0, 0]], [[1, 1], [1, 1]], [[1, 2, 3], [0, 0, 0], [4, 5, 6]], [[0, 1, 0], [0, 2, 0], [0, 3, 1]],
      [[1e-300, 1], [1, 1e300]], [[.leastNonzeroMagnitude, 0], [0, 1]],
    ]
    for rows in cases {
      let m = try IncompleteLU(Model.matrix(rows, Double.self))
      #expect(!m.events.isEmpty)
      let z = try m.applied(to: BlockVector(rows: rows.count, columns: 2) { _, _ in 1 })
      #expect(z.columnMaxima().allSatisfy { $0.isFinite }, "\(rows)")
    }
  }

  /// Elimination meets a pivot that cancels; no diagonal entry of A is weak.
  @Test func cancelledPivotIsRaised() throws {
    let a = Model.matrix([[1, 1, 0], [1, 1, 1], [0, 1, 1]], Double.self)
    let m = try IncompleteLU(a)
    #expect(m.events.contains { $0.kind == .repaired && $0.detail.contains("pivots") })
    let z = try m.applied(to: BlockVector(rows: 3, columns: 1) { _, _ in 1 })
    #expect(z.columnMaxima()[0].isFinite)
  }

  /// ILU(0) of strong convection with a zero reaction grows like rʲ: refused, and shifted until it does not.
  @Test func unstableFactorsAreShifted() throws {
    let a = try Model.tridiagonal(200, 6.0, 1.0, 2.0)
    let m = try IncompleteLU(a)
    #expect(m.events.contains { $0.kind == .shifted || $0.kind == .fallback })
    var random = SplitMix(1)
    let z = try m.applied(to: random.block(200, 3, Double.self))
    #expect(z.columnMaxima().allSatisfy { $0.isFinite && $0 < 1e10 })
  }

  @Test func updateFollowsTheValues() throws {
    let a = try Model.laplacian(6, convection: 0.3, Double.self)
    let b = try Model.laplacian(6, shift: 1, convection: -0.2, Double.self)
    var random = SplitMix(4)
    let r = random.block(36, 3, Double.self)
    #expect(try IncompleteLU(a).updated(for: b).applied(to: r) == IncompleteLU(b).applied(to: r))
    #expect(throws: BlockKrylovError.self) { try IncompleteLU(a).updated(for: Model.laplacian(5)) }
  }

  @Test func emptyAndRectangular() throws {
    let empty = try CSRMatrix<Double>(rows: 0, columns: 0, rowStart: [0], columnIndex: [], values: [])
    #expect(try IncompleteLU(empty).applied(to: BlockVector(rows: 0, columns: 3)).rows == 0)
    let wide = Model.matrix([[1, 2, 3], [0, 1, 2]], Double.self)
    #expect(throws: BlockKrylovError.self) { try IncompleteLU(wide) }
    let m = try IncompleteLU(Model.laplacian(3, Double.self))
    #expect(throws: BlockKrylovError.self) { try m.applied(to: BlockVector(rows: 8, columns: 1)) }
  }

  private func sameBitsForAnyThreads<S: Scalar>(_ type: S.Type) throws {
    let a = try Model.laplacian(40, convection: 0.4, phase: 0.3, S.self)
    let m = try IncompleteLU(a)
    var random = SplitMix(9)
    for columns in [1, 3, 8, 17, 33, 70, 130] {
      let r = random.block(a.rows, columns, S.self)
      let (one, oneAdjoint) = try Threads.$limit.withValue(1) { (try m.applied(to: r), try m.appliedAdjoint(to: r)) }
      for threads in [2, 5] {
        let (many, manyAdjoint) = try Threads.$limit.withValue(threads) { (try m.applied(to: r), try m.appliedAdjoint(to: r)) }
        #expect(one == many)
        #expect(oneAdjoint == manyAdjoint)
      }
      // Nor does a column's result depend on the columns beside it.
      let alone = try m.applied(to: r[columns: columns - 1..<columns])
      #expect(alone == one[columns: columns - 1..<columns])
    }
  }

  @Test func bitsDoNotDependOnThreadsOrWidth() throws {
    try sameBitsForAnyThreads(Double.self)
    try sameBitsForAnyThreads(Float.self)
    try sameBitsForAnyThreads(Complex<Double>.self)
    try sameBitsForAnyThreads(Complex<Float>.self)
  }
}
