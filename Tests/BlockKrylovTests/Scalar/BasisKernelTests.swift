import ComplexModule
import Testing

@testable import BlockKrylov

/// Operations with bases of many blocks against entry-by-entry sums.
struct BasisKernelTests {
  /// Widths of the basis blocks and of the other block. Rows of 4 and 8 numbers are a vector or half of one in some types, with padding or
  /// without, and blocks of more columns meet them in parts.
  private static let shapes = [
    (1, 1), (3, 3), (4, 4), (8, 8), (8, 5), (5, 8), (7, 7), (2, 4), (1, 7), (9, 8), (20, 7), (24, 3), (16, 16), (20, 33),
  ]

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
    for (n, shapes) in [(1, Self.shapes), (15, Self.shapes), (78, Self.shapes), (1100, [(8, 8), (7, 6), (20, 4)])] {
      for (p, q) in shapes {
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
    for n in [1, 15, 78, 1100] {
      for m in [1, 2, 3, 4, 8, 16, 17] {
        let basis = (0..<5).map { _ in random.block(n, m, S.self) }
        let w = random.block(n, m, S.self)
        let s: [S] = (0..<(5 * m)).map { _ in random.scalar() }
        KernelCases.onEachInstructionSet { level in
          let space = BlockSpace<S>(p: m, q: 1, rows: n)
          var (d, squares, y) = ([S](repeating: 0, count: 5 * m), [Double](repeating: 0, count: m), w)
          space.projectColumns(&y, from: StoredBasis(basis), count: 5, times: s, squares: &squares, remainder: &d, looks: true)
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

  /// A basis of single precision is what its blocks were rounded to, bit for bit in every operation but the order of sums.
  private func checkSinglePrecision<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(174)
    for (n, m) in [(1, 1), (78, 3), (1100, 1), (9000, 2), (2500, 8), (700, 17)] {
      var stored = StoredBasis<S>(.single, capacity: 8)
      #expect(stored.isNarrow != S.scalarKind.isSinglePrecision)
      var blocks: [BlockVector<S>] = []
      for k in 0..<7 {
        stored.prepare(k, rows: n, columns: m)
        stored.wide[stored.slot(k)] = random.block(n, m, S.self)
        stored.settle(k)
        blocks.append(stored[k])
        var rounded = BlockVector<S.SinglePrecision>(rows: n, columns: m)
        rounded.copy(rounding: blocks[k])
        var again = BlockVector<S>(rows: n, columns: m)
        again.copy(rounding: rounded)
        #expect(again == blocks[k])
      }
      let full = StoredBasis(blocks)
      let w = random.block(n, m, S.self)
      let s: [S] = (0..<(7 * m)).map { _ in random.scalar() }
      KernelCases.onEachInstructionSet { level in
        let space = BlockSpace<S>(p: m, q: 1, rows: n)
        var (d, e) = ([S](repeating: 0, count: 7 * m), [S](repeating: 0, count: 7 * m))
        space.columnDots(basis: stored, count: 7, w, into: &d)
        space.columnDots(basis: full, count: 7, w, into: &e)
        for k in d.indices { #expect(Double((d[k] - e[k]).modulus) <= tolerance(n, S.self) * 4, "\(level) \(S.self) \(n) \(m)") }
        for looks in [false, true] {
          var (y, z) = (w, w)
          var (squares, others) = ([Double](repeating: 0, count: m), [Double](repeating: 0, count: m))
          space.projectColumns(&y, from: stored, count: 6, times: s, squares: &squares, remainder: &d, looks: looks)
          space.projectColumns(&z, from: full, count: 6, times: s, squares: &others, remainder: &e, looks: looks)
          #expect(Reference.distance(y, z) <= 1e-14 || S.scalarKind.isSinglePrecision, "\(level) \(S.self) \(n) \(m)")
          for j in 0..<m { #expect(abs(squares[j] - others[j]) <= tolerance(n, S.self) * others[j]) }
          if looks { for k in 0..<(6 * m) { #expect(Double((d[k] - e[k]).modulus) <= tolerance(n, S.self) * 8) } }
        }
      }
      // Fewer columns of all blocks.
      stored.keepColumns([m - 1], ofFirst: 7)
      let space = BlockSpace<S>(p: 1, q: 1, rows: n)
      var one = BlockVector<S>(rows: n, columns: 1)
      one.setZero()
      var sum = one
      space.updateColumns(&one, plus: stored, count: 3, times: [1, 2, 3])
      for k in 0..<3 { sum.combine(S(double: Double(k + 1)), blocks[k].picking([m - 1]), 1) }
      #expect(Reference.distance(one, sum) < 1e-6 && stored[6] == blocks[6].picking([m - 1]))
    }
  }

  @Test(arguments: ScalarTypes.all)
  func singlePrecision(type: any Scalar.Type) { checkSinglePrecision(type) }

  /// A row's result does not depend on how the rows are split.
  private func checkSplit<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(173)
    for p in [1, 4, 5, 7, 8, 20] {
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

  /// What rows hold behind their last column counts for nothing, and what lies there in the block that is written stays.
  private func checkPadding<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(174)
    let n = 37
    let spoilt = S(double: .nan)
    for (p, q) in [(7, 7), (5, 6), (3, 3), (7, 3)] {
      let basis = (0..<5).map { _ in random.block(n, p, S.self) }
      let dirty = try basis.map { clean in
        // Rows of p numbers and those of the next power of two take the same memory.
        var block = try #require(BlockVector<S>(rows: n, columns: p + 1) { _, _ in spoilt }.recycled(columns: p))
        block.copy(from: clean)
        return block
      }
      let w = random.block(n, q, S.self)
      let c: [S] = (0..<(5 * p * q)).map { _ in random.scalar() }
      KernelCases.onEachInstructionSet { level in
        let space = BlockSpace<S>(p: p, q: q, rows: n)
        var (h, g) = (DenseMatrix<S>(rows: 0, columns: 0), DenseMatrix<S>(rows: 0, columns: 0))
        space.inner(basis: basis, count: 5, w, into: &h)
        space.inner(basis: dirty, count: 5, w, into: &g)
        #expect(h == g, "\(level) \(S.self) \(p) \(q)")
        func updated(by blocks: [BlockVector<S>], beside: S) -> BlockVector<S> {
          // W is columns 1 ... q of a wider block, the first of which and those behind must stay.
          var whole = BlockVector<S>(rows: n, columns: 8) { i, j in (1...q).contains(j) ? w[i, j - 1] : beside }
          let (base, stride) = unsafe (whole.mutableBase(), whole.stride)
          let list = BasisBlocks<S>()
          list.take(blocks, count: 5)
          unsafe c.withUnsafeBufferPointer { c in
            guard let c = c.baseAddress else { return }
            unsafe list.update(0..<n, q, c, base + 1, stride)
          }
          return whole
        }
        let (first, second) = (updated(by: basis, beside: 3), updated(by: dirty, beside: 4))
        for i in 0..<n {
          for j in 0..<8 {
            let isPart = (1...q).contains(j)
            #expect(isPart ? first[i, j] == second[i, j] : first[i, j] == 3 && second[i, j] == 4, "\(level) \(S.self) \(p) \(q)")
          }
        }
      }
    }
  }

  @Test(arguments: ScalarTypes.all)
  func padding(type: any Scalar.Type) throws { try checkPadding(type) }
}
