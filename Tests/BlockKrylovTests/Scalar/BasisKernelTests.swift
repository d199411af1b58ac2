import ComplexModule
import Testing

@testable import BlockKrylov

/// Operations with bases of many blocks against entry-by-entry sums.
struct BasisKernelTests {
  /// Widths of the basis blocks and of the other block. Rows of 4 and 8 numbers are half a vector in some types.
  private static let shapes = [(1, 1), (3, 3), (4, 4), (8, 8), (8, 5), (5, 8), (16, 16), (20, 33)]

  private func tolerance<S: Scalar>(_ terms: Int, _ type: S.Type) -> Double { 20 * Double(terms + 4) * S.unitRoundoff }

  /// Σ V_k·C_k with C_k one below the other, plus Y.
  private func combination<S: Scalar>(
    _ basis: [BlockVector<S>], _ c: DenseMatrix<S>, plus y: BlockVector<S>
  ) -> BlockVector<S> {
    BlockVector<S>(rows: y.rows, columns: y.columns) { i, j in
      var (sum, row) = (y[i, j], 0)
      for v in basis {
        for l in 0..<v.columns { sum += v[i, l] * c[row + l, j] }
        row += v.columns
      }
      return sum
    }
  }

  private func check<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(171)
    for n in [1, 15, 77] {
      for (p, q) in Self.shapes {
        // A block of another width in front, as the kept directions of a restart.
        let basis = [random.block(n, 3, S.self)] + (0..<4).map { _ in random.block(n, p, S.self) }
        let (w, total) = (random.block(n, q, S.self), 3 + 4 * p)
        let c = DenseMatrix<S>(rows: total, columns: q) { _, _ in random.scalar() }
        let expected = combination(basis, c, plus: w)
        KernelCases.onEachInstructionSet { level in
          let space = BlockSpace<S>(p: p, q: q, rows: n)
          var h = DenseMatrix<S>(rows: 0, columns: 0)
          var lengths = [Double](repeating: 0, count: q)
          space.inner(basis: basis, count: 5, w, into: &h, lengths: &lengths)
          var row = 0
          for v in basis {
            let part = Reference.inner(v, w)
            for a in 0..<v.columns {
              for b in 0..<q {
                #expect(Double((h[row + a, b] - part[a, b]).modulus) <= tolerance(n, S.self), "\(level) \(S.self) \(n) \(p) \(q)")
              }
            }
            row += v.columns
          }
          var norms = lengths
          h.columnNorms(into: &norms)
          for j in 0..<q { #expect(abs(norms[j] - lengths[j]) <= tolerance(total, S.self) * norms[j]) }

          var y = w
          space.update(&y, plus: basis, count: 5, times: c)
          for i in 0..<n {
            for j in 0..<q {
              #expect(Double((y[i, j] - expected[i, j]).modulus) <= tolerance(total, S.self), "\(level) \(S.self) \(n) \(p) \(q)")
            }
          }

          // A projection is an update and two products, whether it looks or not.
          for looks in [false, true] {
            var (z, g, d) = (w, DenseMatrix<S>(rows: 0, columns: 0), DenseMatrix<S>(rows: 0, columns: 0))
            space.project(&z, from: basis, count: 5, times: c, gram: &g, remainder: &d, looks: looks)
            var (minus, gram) = (w, DenseMatrix<S>(rows: 0, columns: 0))
            space.update(&minus, plus: basis, count: 5, times: c, sign: -1)
            #expect(z == minus)
            space.inner(z, z, into: &gram)
            for a in 0..<q { for b in 0..<q { #expect(Double((g[a, b] - gram[a, b]).modulus) <= tolerance(n * total, S.self)) } }
            if looks {
              space.inner(basis: basis, count: 5, z, into: &h)
              for a in 0..<total {
                for b in 0..<q { #expect(Double((d[a, b] - h[a, b]).modulus) <= tolerance(n * total, S.self)) }
              }
            }
          }
        }
      }
    }
  }

  @Test(arguments: ScalarTypes.all)
  func blocks(type: any Scalar.Type) { check(type) }

  private func checkColumns<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(172)
    for n in [1, 15, 77] {
      for m in [1, 3, 4, 8, 17] {
        let basis = (0..<5).map { _ in random.block(n, m, S.self) }
        let w = random.block(n, m, S.self)
        let s: [S] = (0..<(5 * m)).map { _ in random.scalar() }
        KernelCases.onEachInstructionSet { level in
          let space = BlockSpace<S>(p: m, q: 1, rows: n)
          var (d, squares, y) = ([S](repeating: 0, count: 5 * m), [Double](repeating: 0, count: m), w)
          space.projectColumns(&y, from: basis, count: 5, times: s, squares: &squares, remainder: &d, looks: true)
          for j in 0..<m {
            var square = 0.0
            for i in 0..<n {
              var sum = w[i, j]
              for k in 0..<5 { sum += basis[k][i, j] * s[k * m + j] }
              #expect(Double((y[i, j] - sum).modulus) <= tolerance(5, S.self), "\(level) \(S.self) \(n) \(m)")
              square += Double(y[i, j].modulus) * Double(y[i, j].modulus)
            }
            #expect(abs(squares[j] - square) <= tolerance(n, S.self) * square)
            for k in 0..<5 {
              var sum: S = 0
              for i in 0..<n { sum += basis[k][i, j].conjugate * y[i, j] }
              #expect(Double((d[k * m + j] - sum).modulus) <= tolerance(n, S.self) * 4)
            }
          }
        }
      }
    }
  }

  @Test(arguments: ScalarTypes.all)
  func columns(type: any Scalar.Type) { checkColumns(type) }

  /// A row's result does not depend on how the rows are split.
  private func checkSplit<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(173)
    for p in [1, 4, 8, 20] {
      let n = 101
      let basis = (0..<4).map { _ in random.block(n, p, S.self) }
      let w = random.block(n, p, S.self)
      let c: [S] = (0..<(4 * p * p)).map { _ in random.scalar() }
      KernelCases.onEachInstructionSet { level in
        let blocks = BasisBlocks<S>()
        blocks.take(basis, count: 4)
        func updated(_ cuts: [Int]) -> BlockVector<S> {
          var y = w
          let (base, stride) = unsafe (y.mutableBase(), y.stride)
          unsafe c.withUnsafeBufferPointer { c in
            guard let c = c.baseAddress else { return }
            for (begin, end) in zip(cuts, cuts.dropFirst()) { unsafe blocks.update(begin..<end, p, c, base, stride) }
          }
          return y
        }
        let whole = updated([0, n])
        #expect(whole == updated([0, 1, 40, n]), "\(level) \(S.self) \(p)")
        #expect(whole == updated([0, 33, 48, 100, n]), "\(level) \(S.self) \(p)")
      }
    }
  }

  @Test(arguments: ScalarTypes.all)
  func splits(type: any Scalar.Type) { checkSplit(type) }
}
