import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

/// Q_old = Q·S with orthonormal Q, for blocks that make it hard.
struct RankRevealingTests {
  /// Orthonormalises and checks both equations; the bound on Q·S is relative to each column's length. Q comes from products with
  /// inverted Cholesky factors, so Q·S is off by u times their condition.
  private func check<S: Scalar>(
    _ block: BlockVector<S>, rank: Int, noise: Double = 0, goodPivot: Double = 1e-2, condition: Double = 1e3, _ what: String
  ) {
    let m = block.columns
    var (q, none): (BlockVector<S>, BlockVector<S>?) = (block, nil)
    let orthonormalizer = Orthonormalizer<S>(
      columns: m, space: BlockSpace(p: m, q: m, rows: block.rows), goodPivot: goodPivot)
    let outcome = orthonormalizer.orthonormalize(&q, &none, noise: [Double](repeating: noise, count: m))
    #expect(outcome == .rank(rank), "\(what)")
    guard outcome == .rank(rank) else { return }
    #expect(q.columns == rank)
    let gram = Reference.inner(q, q)
    let loss = 100 * Double(m + 10) * S.unitRoundoff / (goodPivot * goodPivot)
    for i in 0..<rank {
      for j in 0..<rank { #expect(Double((gram[i, j] - (i == j ? 1 : 0)).modulus) <= loss, "\(what)") }
    }
    let (s, lengths) = (orthonormalizer.s, block.columnNorms())
    #expect(s.rows == rank && s.columns == m)
    for j in 0..<m {
      let bound = max(condition * Double(m + 1) * S.unitRoundoff * lengths[j], 2 * noise)
      for i in 0..<block.rows {
        let value = (0..<rank).reduce(S.zero) { $0 + q[i, $1] * s[$1, j] }
        #expect(Double((value - block[i, j]).modulus) <= bound, "\(what) column \(j)")
      }
    }
  }

  @Test(arguments: ScalarTypes.all)
  func ranks(type: any Scalar.Type) { checkRanks(type) }

  private func checkRanks<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(321)
    let full = random.block(120, 6, S.self)
    check(full, rank: 6, "full rank \(S.self)")
    check(full, rank: 6, goodPivot: 0.3, "a basis \(S.self)")
    check(full[columns: 0..<0], rank: 0, "no columns")
    check(BlockVector<S>(rows: 120, columns: 3), rank: 0, "zeros")
    check(BlockVector<S>(rows: 0, columns: 2), rank: 0, "no rows")
    var b = full
    for i in 0..<120 {
      b[i, 1] = b[i, 0]
      b[i, 3] = 0
      b[i, 5] = 2 * b[i, 2] - b[i, 4]
    }
    check(b, rank: 3, "duplicate, zero and dependent columns \(S.self)")
    check(random.block(4, 9, S.self), rank: 4, "more columns than rows \(S.self)")
    check(BlockVector<S>(rows: 50, columns: 5) { _, _ in 1 }, rank: 1, "equal columns \(S.self)")
  }

  /// Lengths as far apart as their squares can be told from 0 and infinity: what columns are scaled to before.
  @Test func lengthsFarApart() {
    var random = SplitMix(322)
    for scales: [Double] in [[1e-150, 1, 1e150], [1e-150, 1e-140, 1e-145], [1e150, 1e140, 1e-150]] {
      var b = random.block(80, 3, Double.self)
      b.scaleColumns(by: scales)
      check(b, rank: 3, "\(scales)")
      for i in 0..<80 { b[i, 1] = b[i, 0] * (scales[1] / scales[0]) }
      check(b, rank: 2, "\(scales), dependent")
    }
  }

  /// Hilbert's matrix: numerically dependent in every way at once. Whatever rank is found, the equations hold for it.
  @Test(arguments: [3, 6, 10, 14, 20])
  func hilbertColumns(m: Int) {
    let b = BlockVector<Double>(rows: 60, columns: m) { 1 / Double($0 + $1 + 1) }
    var (q, none): (BlockVector<Double>, BlockVector<Double>?) = (b, nil)
    let orthonormalizer = Orthonormalizer<Double>(columns: m, space: BlockSpace(p: m, q: m, rows: 60))
    guard case .rank(let rank) = orthonormalizer.orthonormalize(&q, &none, noise: [Double](repeating: 0, count: m)) else {
      Issue.record("Hilbert columns are finite and definite")
      return
    }
    // The singular values fall below rounding after about 12; directions made of rounding may still be kept.
    #expect(m <= 6 ? rank == m : rank >= 7 && rank <= m, "\(rank)")
    // Cholesky is trusted down to pivots of 100·√u.
    check(b, rank: rank, condition: 0.01 / Double.ulpOfOne.squareRoot(), "Hilbert \(m)")
  }

  @Test func noiseIsNoDirection() {
    var random = SplitMix(323)
    var b = random.block(90, 4, Double.self)
    for i in 0..<90 { b[i, 2] *= 1e-15 }
    check(b, rank: 4, "a short column is a direction")
    check(b, rank: 3, noise: 1e-12, "below the noise it is none")
  }

  @Test func nonFiniteBlocksAndIndefinitePreconditionersAreTold() {
    var random = SplitMix(324)
    for poison in [Double.nan, .infinity] {
      var (q, none): (BlockVector<Double>, BlockVector<Double>?) = (random.block(30, 3, Double.self), nil)
      q[7, 1] = poison
      let orthonormalizer = Orthonormalizer<Double>(columns: 3, space: BlockSpace(p: 3, q: 3, rows: 30))
      #expect(orthonormalizer.orthonormalize(&q, &none, noise: [0, 0, 0]) == .nonFinite)
    }
    var q = random.block(30, 3, Double.self)
    var z: BlockVector<Double>? = q
    z?.scaleRows(by: (0..<30).map { $0 % 3 == 0 ? 1 : -2 })
    let orthonormalizer = Orthonormalizer<Double>(columns: 3, space: BlockSpace(p: 3, q: 3, rows: 30))
    #expect(orthonormalizer.orthonormalize(&q, &z, noise: [0, 0, 0]) == .indefinite)
  }

  /// With a preconditioner QᴴM⁻¹Q = I, Z = M⁻¹Q goes along, and `squares` is QᴴQ.
  @Test(arguments: [1.0, 1e-6, 0])
  func orthonormalInThePreconditionedProduct(closeness: Double) throws {
    var random = SplitMix(325)
    let old = BlockVector<Double>(rows: 70, columns: 4) { _, _ in random.scalar() }
    var q = old
    for i in 0..<70 { q[i, 3] = q[i, 1] + closeness * q[i, 3] }
    let start = q
    let inverse = (0..<70).map { 1 + Double($0 % 9) }
    var z: BlockVector<Double>? = q
    z?.scaleRows(by: inverse)
    let orthonormalizer = Orthonormalizer<Double>(columns: 4, space: BlockSpace(p: 4, q: 4, rows: 70))
    let rank = closeness == 0 ? 3 : 4
    #expect(orthonormalizer.orthonormalize(&q, &z, noise: [0, 0, 0, 0]) == .rank(rank))
    let image = try #require(z)
    var expected = q
    expected.scaleRows(by: inverse)
    #expect(Reference.distance(image, expected) <= 1e-9)
    let (gram, squares) = (Reference.inner(q, image), Reference.inner(q, q))
    for i in 0..<rank {
      for j in 0..<rank {
        #expect(abs(gram[i, j] - (i == j ? 1 : 0)) <= 1e-9)
        #expect(abs(orthonormalizer.squares[i, j] - squares[i, j]) <= 1e-9)
      }
    }
    for i in 0..<70 {
      for j in 0..<4 {
        #expect(abs((0..<rank).reduce(0) { $0 + q[i, $1] * orthonormalizer.s[$1, j] } - start[i, j]) <= 1e-10)
      }
    }
  }

  /// The smallest pivot with unit diagonal is the sine of the angle that the last of two columns makes with the first.
  @Test func measureOfIndependence() {
    var random = SplitMix(327)
    var q = random.block(300, 2, Double.self)
    let orthonormalizer = Orthonormalizer<Double>(columns: 2, space: BlockSpace(p: 2, q: 2, rows: 300))
    var none: BlockVector<Double>?
    _ = orthonormalizer.orthonormalize(&q, &none, noise: [0, 0])
    for (sine, length) in [(0.9, 1.0), (0.1, 1e-3), (1e-5, 30.0)] {
      let block = BlockVector<Double>(rows: 300, columns: 2) { i, j in
        j == 0 ? 2 * q[i, 0] : length * (sine * q[i, 1] + (1 - sine * sine).squareRoot() * q[i, 0])
      }
      let gram = Reference.inner(block, block)
      let pivot = orthonormalizer.measure(gram: gram, longerThan: [0, length / 2])
      #expect(abs(pivot - sine) <= 1e-10 / sine)
      #expect(abs(orthonormalizer.lengths[1] - length) <= 1e-12 * length)
      let s = orthonormalizer.s
      for i in 0..<2 {
        for j in 0..<2 {
          let product = (0..<2).reduce(0) { $0 + s[$1, i] * s[$1, j] }
          #expect(abs(product - gram[i, j]) <= 1e-13 * (gram[i, i] * gram[j, j]).squareRoot())
        }
      }
      #expect(orthonormalizer.measure(gram: gram, longerThan: [0, 2 * length]) == 0)
    }
  }

  /// The short way by one Cholesky factorisation gives the same as the long one, or declines.
  @Test func factorisationOfAGramMatrix() {
    var random = SplitMix(326)
    let q = random.block(200, 5, Complex<Double>.self)
    let space = BlockSpace<Complex<Double>>(p: 5, q: 5, rows: 200)
    let orthonormalizer = Orthonormalizer<Complex<Double>>(columns: 5, space: space)
    #expect(orthonormalizer.factor(gram: Reference.inner(q, q), squares: nil, noise: 0))
    var transformed = q
    space.recur(&transformed, plus: nil, times: orthonormalizer.transformation)
    let gram = Reference.inner(transformed, transformed)
    for i in 0..<5 { for j in 0..<5 { #expect((gram[i, j] - (i == j ? 1 : 0)).length <= 1e-13) } }
    for i in 0..<200 {
      for j in 0..<5 {
        let value = (0..<5).reduce(Complex<Double>.zero) { $0 + transformed[i, $1] * orthonormalizer.s[$1, j] }
        #expect((value - q[i, j]).length <= 1e-13)
      }
    }
    var dependent = q
    for i in 0..<200 { dependent[i, 4] = q[i, 0] + Complex(1e-4) * q[i, 4] }
    #expect(!orthonormalizer.factor(gram: Reference.inner(dependent, dependent), squares: nil, noise: 0))
    #expect(!orthonormalizer.factor(gram: Reference.inner(q, q), squares: nil, noise: 1e3))
    var poisoned = Reference.inner(q, q)
    poisoned[1, 2] = Complex(.nan, 0)
    #expect(!orthonormalizer.factor(gram: poisoned, squares: nil, noise: 0))
  }
}
