import ComplexModule
import Testing

@testable import BlockKrylov

@Suite struct ThresholdPivotingTests {
  /// Without dropping the factorisation is complete: M = A.
  private func completeWithoutDropping<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(31)
    var complete = 0
    for n in [1, 2, 7, 40, 41] {
      let a: CSRMatrix<S> = try random.sparse(n, n, perRow: 4, diagonal: n % 2 == 0 ? 0.3 : 2)
      let m = try IncompleteLUThresholdPivoting(a, fill: n, dropTolerance: 0)
      // A raised pivot changes the matrix.
      if m.events.contains(where: { $0.detail.contains("pivots") }) { continue }
      complete += 1
      let (product, dense) = (m.factors.dense, a.dense)
      for i in 0..<n { for j in 0..<n { #expect(Double((product[i, j] - dense[i, j]).modulus) < 10 * S.slack) } }
      for columns in [1, 3, 8, 17, 33] { #expect(try adjointDefect(m, columns: columns) < S.slack) }
    }
    #expect(complete >= 3)
  }

  @Test func completeFactorisationWhenNothingIsDropped() throws {
    try completeWithoutDropping(Double.self)
    try completeWithoutDropping(Float.self)
    try completeWithoutDropping(Complex<Double>.self)
    try completeWithoutDropping(Complex<Float>.self)
  }

  /// Rows ascend in U although their columns were moved while it was made.
  @Test func columnsAreExchangedForLargerPivots() throws {
    // The matching is content with this diagonal; elimination makes the second pivot −0.02 beside an entry of 1.
    let a = Model.matrix([[1, 1, 1], [1, 0.98, 0], [0.9, 1, 1]], Double.self)
    let m = try IncompleteLUThresholdPivoting(a, fill: 3, dropTolerance: 0)
    #expect(m.events.isEmpty)
    #expect(m.factors.columnOrder != nil)
    let identity = BlockVector<Double>.identity(rows: 3)
    #expect(Reference.distance(Reference.product(a, try m.applied(to: identity)), identity) < 1e-13)
    #expect(try adjointDefect(m, columns: 17) < 1e-13)
    for i in 0..<3 {
      let row = m.factors.upper.columnIndex[m.factors.upper.rowStart[i]..<m.factors.upper.rowStart[i + 1]]
      #expect(row.allSatisfy { $0 > i } && Array(row) == row.sorted())
    }
  }

  @Test func fillIsBounded() throws {
    let a = try Model.laplacian(12, convection: 0.3, Double.self)
    for fill in [1, 3, 6] {
      let m = try IncompleteLUThresholdPivoting(a, fill: fill, dropTolerance: 1e-6)
      for factor in [m.factors.lower, m.factors.upper] {
        for i in 0..<a.rows { #expect(factor.rowStart[i + 1] - factor.rowStart[i] <= fill) }
      }
    }
    // A tighter tolerance approximates better.
    var random = SplitMix(2)
    let x = random.block(a.rows, 3, Double.self)
    let errors = try [1e-1, 1e-2, 1e-4].map {
      Reference.distance(
        try IncompleteLUThresholdPivoting(a, fill: 50, dropTolerance: $0).applied(to: Reference.product(a, x)), x)
    }
    #expect(errors[0] > errors[1] && errors[1] > errors[2] && errors[2] < 1e-2)
  }

  @Test func bitsDoNotDependOnThreads() throws {
    var random = SplitMix(77)
    let a: CSRMatrix<Double> = try random.sparse(1500, 1500, perRow: 6, diagonal: 0.5)
    let m = try IncompleteLUThresholdPivoting(a, fill: 8, dropTolerance: 1e-2)
    for columns in [17, 100] {
      let r = random.block(1500, columns, Double.self)
      let one = try Threads.$limit.withValue(1) { try m.applied(to: r) }
      for threads in [2, 3] { #expect(try Threads.$limit.withValue(threads) { try m.applied(to: r) } == one) }
    }
  }

  @Test func misuseAndSingularMatrices() throws {
    let a = try Model.laplacian(3, Double.self)
    #expect(throws: BlockKrylovError.self) { try IncompleteLUThresholdPivoting(a, fill: 0) }
    #expect(throws: BlockKrylovError.self) { try IncompleteLUThresholdPivoting(a, dropTolerance: 1) }
    #expect(throws: BlockKrylovError.self) { try IncompleteLUThresholdPivoting(a, dropTolerance: .nan) }
    let cases: [[[Double]]] = [
      [[0, 0], [0, 0]], [[1, 1], [1, 1]], [[0, 1, 0], [0, 2, 0], [0, 3, 1]], [[1, 2, 3], [2, 4, 6], [3, 6, 9]],
    ]
    for rows in cases {
      let m = try IncompleteLUThresholdPivoting(Model.matrix(rows, Double.self))
      #expect(!m.events.isEmpty)
      #expect(
        try m.applied(to: BlockVector(rows: rows.count, columns: 2) { _, _ in 1 }).columnMaxima().allSatisfy { $0.isFinite })
    }
  }

  @Test func updateKeepsTheOptions() throws {
    let a = try Model.laplacian(6, convection: 0.3, Double.self)
    let m = try IncompleteLUThresholdPivoting(a, fill: 3, dropTolerance: 0.01).updated(for: a)
    #expect(m.fill == 3 && m.dropTolerance == 0.01)
  }
}
