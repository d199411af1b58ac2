import ComplexModule
import Testing

@testable import BlockKrylov

struct BlockProductTests {
  @Test(arguments: ScalarTypes.all)
  func productsAreThoseOfTheirDefinition(type: any Scalar.Type) throws { try check(type) }

  private func check<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(311)
    for (n, p, q) in [(1, 1, 1), (7, 2, 3), (600, 5, 8), (40_000, 3, 1), (257, 16, 16), (0, 2, 2)] {
      let (y, x) = (random.block(n, p, S.self), random.block(n, q, S.self))
      let g = try y.inner(x)
      #expect(g.rows == p && g.columns == q)
      let bound = 4 * Double(n + 1) * S.unitRoundoff
      for a in 0..<p {
        for b in 0..<q {
          var sum = S(0)
          for i in 0..<n { sum += y[i, a].conjugate * x[i, b] }
          #expect(Double((g[a, b] - sum).modulus) <= bound)
        }
      }
      let c = DenseMatrix<S>(rows: p, columns: q) { S(double: Double($0 - 2 * $1) / 8) }
      var z = x
      try z.add(y, times: c)
      for i in 0..<min(n, 50) {
        for b in 0..<q {
          var sum = x[i, b]
          for a in 0..<p { sum += y[i, a] * c[a, b] }
          #expect(Double((z[i, b] - sum).modulus) <= 64 * S.unitRoundoff * Double(p + 1) * 4)
        }
      }
    }
  }

  @Test func shapesThatDoNotFitAreNamed() throws {
    let y = BlockVector<Double>(rows: 4, columns: 2)
    #expect(throws: BlockKrylovError.shape("this block has 4 rows and the other 3; the inner product needs the same")) {
      _ = try y.inner(BlockVector(rows: 3, columns: 2))
    }
    var z = y
    #expect(throws: BlockKrylovError.shape("a block of 4 × 2 cannot take the product of 4 × 2 and 3 × 2")) {
      try z.add(y, times: DenseMatrix(rows: 3, columns: 2))
    }
  }
}
