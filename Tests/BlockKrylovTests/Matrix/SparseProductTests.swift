import ComplexModule
import Testing

@testable import BlockKrylov

@Suite struct SparseProductTests {
  private func matchesDense<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(31)
    for (n, k, m) in [(1, 1, 1), (40, 30, 50), (7, 0, 3), (0, 4, 4), (200, 90, 60)] {
      let a = try random.sparse(n, k, perRow: 5, emptyRows: true, S.self)
      let b = try random.sparse(k, m, perRow: 9, S.self)
      let c = a.multiplied(by: b)
      #expect(c.rows == n && c.columns == m)
      let expected = a.dense * b.dense
      for i in 0..<n {
        let row = c.columnIndex[c.rowStart[i]..<c.rowStart[i + 1]]
        #expect(zip(row, row.dropFirst()).allSatisfy { $0 < $1 }, "columns ascend")
        for j in 0..<m { #expect(Double((c[i, j] - expected[i, j]).modulus) < 10 * S.slack) }
      }
    }
  }

  @Test func equalsTheDenseProduct() throws {
    try matchesDense(Double.self)
    try matchesDense(Float.self)
    try matchesDense(Complex<Double>.self)
    try matchesDense(Complex<Float>.self)
  }

  /// Long rows are sorted in another way than short ones, and rows are split over threads.
  @Test func isTheSameForAnyNumberOfThreads() throws {
    let a = try Gallery.Problem(.poisson3d, size: 14).matrix(Double.self)
    let square = a.multiplied(by: a)
    let one = Threads.$limit.withValue(1) { square.multiplied(by: square) }
    for threads in 2...4 {
      let other = Threads.$limit.withValue(threads) { square.multiplied(by: square) }
      #expect(other.hasSamePattern(as: one) && other.values == one.values)
    }
    #expect((0..<one.rows).contains { one.rowStart[$0 + 1] - one.rowStart[$0] > 32 })
    let x = BlockVector<Double>(rows: a.rows, columns: 2) { i, j in Double((i * 5 + j) % 7) - 3 }
    var expected = x
    for _ in 0..<4 { expected = Reference.product(a, expected) }
    #expect(Reference.distance(Reference.product(one, x), expected) < 1e-13)
  }
}
