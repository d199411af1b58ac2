import ComplexModule
import Testing

@testable import BlockKrylov

/// Every operation has the same bits for any number of threads.
struct ThreadTests {
  /// What `body` gives with one thread, after a comparison with 2, 3 and 7.
  @discardableResult
  private func sameForAnyThreads<R: Equatable>(
    _ what: String, bytes: Int, _ body: () throws -> R
  ) rethrows -> R {
    let one = try Threads.$limit.withValue(1) { try body() }
    for threads in [2, 3, 7] {
      try Threads.$limit.withValue(threads) {
        // The work is large enough that it would be shared.
        #expect(Parallel.threads(forBytes: bytes) == threads, "\(what)")
        let several = try body()
        #expect(several == one, "\(what) with \(threads) threads")
      }
    }
    return one
  }

  @Test func slicesCoverAllRowsOnce() {
    for count in [0, 1, 7, 8, 9, 63, 64, 1000, 1001] {
      for parts in 1...9 {
        var next = 0
        for part in 0..<parts {
          let range = Parallel.slice(part, of: parts, count: count)
          #expect(range.lowerBound == next && (range.lowerBound % 8 == 0 || range.isEmpty))
          next = range.upperBound
        }
        #expect(next == count)
      }
      let (pieces, size) = BlockSpace<Double>.pieces(count)
      #expect(pieces >= 1 && pieces <= 64 && pieces * size >= count && (pieces - 1) * size <= count)
    }
  }

  @Test func poolRunsEveryPartOnce() {
    for count in [1, 2, 5, 40] {
      var hits = [Int](repeating: 0, count: count)
      unsafe hits.withUnsafeMutableBufferPointer { hits in
        let base = unsafe SendablePointer(base: hits.baseAddress.unsafelyUnwrapped)
        WorkerPool.shared.run(count) { part in unsafe base.base[part] += 1 }
      }
      #expect(hits == [Int](repeating: 1, count: count))
    }
  }

  @safe private struct SendablePointer: @unchecked Sendable { let base: UnsafeMutablePointer<Int> }

  /// What an operation leaves in several places.
  private struct Several<S: Scalar>: Equatable {
    var blocks: [BlockVector<S>]
    var matrices: [DenseMatrix<S>] = []
  }

  @Test(arguments: ScalarTypes.all)
  func sparseProducts(type: any Scalar.Type) throws { try checkProducts(type) }

  private func checkProducts<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(201)
    let a = try random.sparse(9000, 9000, perRow: 6, emptyRows: true, S.self)
    let (x, b) = (random.block(9000, 11, S.self), random.block(9000, 11, S.self))
    let bytes = a.nonzeros * 12 * MemoryLayout<S>.stride
    let y = sameForAnyThreads("A·X", bytes: bytes) {
      var y = BlockVector<S>(rows: 9000, columns: 11)
      a.multiply(x, residualOf: nil, into: &y)
      return y
    }
    // Columns one by one have the bits of the block.
    for j in [0, 5, 10] {
      var column = BlockVector<S>(rows: 9000, columns: 1)
      a.multiply(x[columns: j..<(j + 1)], residualOf: nil, into: &column)
      #expect(column == y[columns: j..<(j + 1)], "one product with 11 columns is 11 products with one")
    }
    sameForAnyThreads("B − A·X", bytes: bytes) {
      var r = b
      a.multiply(x, residualOf: b, into: &r)
      return r
    }
    try sameForAnyThreads("Aᴴ·X", bytes: bytes) { try a.adjointApplied(to: x) }
    sameForAnyThreads("B − A·X, |A|·|X|", bytes: bytes) {
      var (r, z) = (b, BlockVector<S.Magnitude>(rows: 9000, columns: 11))
      a.residualAndMagnitude(of: x, b, into: &r, &z)
      return [r.columnMajor.map(\.realPart), r.columnMajor.map(\.imaginaryPart), z.columnMajor.map(\.realPart)]
    }
  }

  @Test func triangularSweeps() throws {
    var random = SplitMix(202)
    let a = try Reference.poisson(60, Double.self)
    let factors = try IncompleteCholesky(a).factors
    // Wide, since threads share the columns and each wants a few cache lines.
    let b = random.block(3600, 250, Double.self)
    sameForAnyThreads("L⁻¹·B", bytes: factors.lower.values.count * 251 * 8) {
      var y = b
      factors.lower.solve(b, into: &y)
      factors.upper.solve(&y)
      return y
    }
  }

  @Test(arguments: ScalarTypes.all)
  func blockOperations(type: any Scalar.Type) { checkBlocks(type) }

  private func checkBlocks<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(203)
    let m = 16
    let n = 7 * Parallel.grainBytes / (m * MemoryLayout<S>.stride) + 11
    let (x, y, z) = (random.block(n, m, S.self), random.block(n, m, S.self), random.block(n, m, S.self))
    let c = DenseMatrix<S>(rows: m, columns: m) { _, _ in random.scalar() }
    let bytes = n * m * MemoryLayout<S>.stride
    let space = BlockSpace<S>(p: m, q: m, rows: n)
    sameForAnyThreads("YᴴX", bytes: 2 * bytes) {
      var g = c
      space.inner(y, x, into: &g)
      return g
    }
    sameForAnyThreads("[X Y]ᴴZ", bytes: 2 * bytes) {
      var g = c
      space.inner(basis: [x, y], count: 2, z, into: &g)
      return g
    }
    sameForAnyThreads("norms", bytes: bytes) {
      var norms = [Double](repeating: 0, count: m)
      space.columnNorms(x, into: &norms)
      return norms
    }
    sameForAnyThreads("Z + X·C", bytes: 3 * bytes) {
      var result = y
      space.multiply(x, c, plus: z, into: &result)
      return result
    }
    sameForAnyThreads("Y += X·C", bytes: 3 * bytes) {
      var result = y
      space.update(&result, plus: x, times: c)
      return result
    }
    sameForAnyThreads("Z −= [X Y]·C", bytes: 3 * bytes) {
      var result = z
      let tall = DenseMatrix<S>(rows: 2 * m, columns: m) { c[$0 % m, $1] }
      space.update(&result, plus: [x, y], count: 2, times: tall, sign: -1)
      return result
    }
    sameForAnyThreads("X = Z + X·C", bytes: 3 * bytes) {
      var result = x
      space.recur(&result, plus: z, times: c)
      return result
    }
    sameForAnyThreads("αX + βY", bytes: 3 * bytes) {
      var result = y
      result.combine(3, x, -2)
      return result
    }
  }

  @Test(arguments: ScalarTypes.all)
  func fusedOperations(type: any Scalar.Type) throws { try checkFused(type) }

  private func checkFused<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(204)
    let large = 7 * Parallel.grainBytes / (2 * 16 * MemoryLayout<S>.stride) + 11
    for (n, r, m) in [(large, 16, 18), (700, 3, 5), (1, 1, 1), (0, 2, 2)] {
      let many = n > 1000
      let (x, q) = (random.block(n, m, S.self), random.block(n, r, S.self))
      let (p, w, z) = (random.block(n, r, S.self), random.block(n, r, S.self), random.block(n, r, S.self))
      let c = DenseMatrix<S>(rows: r, columns: r) { _, _ in random.scalar() }
      let t = DenseMatrix<S>(rows: r, columns: r) { _, _ in random.scalar() }
      let y = DenseMatrix<S>(rows: r, columns: m) { _, _ in random.scalar() }
      let space = BlockSpace<S>(p: r, q: m, rows: n)
      let bytes = n * r * MemoryLayout<S>.stride
      func compare<R: Equatable>(_ what: String, _ body: () -> R) -> R {
        many ? sameForAnyThreads(what, bytes: 2 * bytes, body) : body()
      }
      /// Sums over n rows whose order differs.
      func expectClose(_ a: DenseMatrix<S>, _ b: DenseMatrix<S>, _ u: BlockVector<S>, _ v: BlockVector<S>, _ what: String) {
        let (lengths, others) = (u.columnNorms(), v.columnNorms())
        for i in 0..<a.rows {
          for j in 0..<a.columns {
            let bound = 4 * Double(n + 2) * S.unitRoundoff * lengths[i] * others[j]
            #expect(Double((a[i, j] - b[i, j]).modulus) <= bound, "\(what) \(S.self) n=\(n)")
          }
        }
      }

      // G = QᴴMQ and N = QᴴQ.
      let mq = BlockVector<S>(rows: n, columns: r) { q[$0, $1] * S(double: Double($0 % 7 + 1)) }
      let grams = compare("QᴴMQ and QᴴQ") {
        var (g, s) = (c, c)
        space.inner(q, mq, into: &g, squares: &s)
        return [g, s]
      }
      var separate = c
      space.inner(q, mq, into: &separate)
      expectClose(grams[0], separate, q, mq, "QᴴMQ")
      space.inner(q, q, into: &separate)
      expectClose(grams[1], separate, q, q, "QᴴQ")

      // Q −= W·T, and the Gram matrix of the new Q.
      let updated = compare("update with Gram matrix") {
        var (newQ, g) = (q, c)
        space.update(&newQ, minus: w, times: t, gram: &g)
        return Several(blocks: [newQ], matrices: [g])
      }
      var updatedQ = q
      space.update(&updatedQ, plus: w, times: DenseMatrix(rows: r, columns: r) { -t[$0, $1] })
      #expect(updated.blocks == [updatedQ], "a fused update has the bits of a separate one, \(S.self) n=\(n)")
      space.inner(updatedQ, updatedQ, into: &separate)
      expectClose(updated.matrices[0], separate, updatedQ, updatedQ, "Gram matrix of the updated Q")

      // X += P·Y, Q ← Q·T, Z ← Z·T, P ← Z + P·C, with and without Z.
      for hasZ in [false, true] {
        let advanced = compare("directions") {
          var (newX, newQ, newZ, newP): (BlockVector<S>, BlockVector<S>, BlockVector<S>?, BlockVector<S>) = (
            x, q, hasZ ? z : nil, p
          )
          unsafe space.withAdvance(&newX, plus: y, &newQ, &newZ, times: t, &newP, times: c) { advance, _ in
            Parallel.rows(n, bytesPerRow: 2 * r * MemoryLayout<S>.stride, advance)
          }
          return Several(blocks: [newX, newQ, newZ, newP].compactMap { $0 })
        }
        var (newX, newQ, newZ, newP): (BlockVector<S>, BlockVector<S>, BlockVector<S>?, BlockVector<S>) = (
          x, q, hasZ ? z : nil, p
        )
        space.update(&newX, plus: p, times: y)
        space.recur(&newQ, plus: nil, times: t)
        space.recurOptional(&newZ, times: t)
        space.recur(&newP, plus: newZ ?? newQ, times: c)
        #expect(advanced.blocks == [newX, newQ, newZ, newP].compactMap { $0 }, "fused directions, \(S.self) n=\(n)")
      }
    }
  }

  /// W = A·P with PᴴW in the same pass, while P = Q + P·C is being written.
  @Test(arguments: ScalarTypes.all)
  func productWithInnerProduct(type: any Scalar.Type) throws { try checkProductWithInner(type) }

  private func checkProductWithInner<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(205)
    let (a, m) = (try Reference.poisson(200, S.self), 6)
    let n = a.rows
    let (p, q) = (random.block(n, m, S.self), random.block(n, m, S.self))
    let c = DenseMatrix<S>(rows: m, columns: m) { _, _ in random.scalar() }
    let space = BlockSpace<S>(p: m, q: m, rows: n)
    let monitor = SolveMonitor(columns: m, timeLimit: nil, recordsHistory: false, observer: nil)
    let bounds = [Double](repeating: 1, count: m)
    let problem = BlockProblem<S>(
      a: a, b: p, x: p, hasGuess: false, columns: Array(0..<m), norms: bounds, thresholds: bounds, scales: bounds,
      monitor: monitor)
    let schedule = try #require(problem.rowSchedule())
    let fused = sameForAnyThreads("A·P with PᴴAP", bytes: 2 * n * m * MemoryLayout<S>.stride) {
      var (x, newQ, none, newP): (BlockVector<S>, BlockVector<S>, BlockVector<S>?, BlockVector<S>) = (p, q, nil, p)
      var (w, g) = (p, DenseMatrix<S>(rows: m, columns: m))
      unsafe space.withAdvance(&x, plus: nil, &newQ, &none, times: nil, &newP, times: c) { advance, base in
        unsafe problem.apply(base, p.stride, into: &w, inner: &g, space, schedule, after: advance)
      }
      return Several(blocks: [newP, w], matrices: [g])
    }
    var (newP, w, g) = (p, p, DenseMatrix<S>(rows: m, columns: m))
    space.recur(&newP, plus: q, times: c)
    a.multiply(newP, residualOf: nil, into: &w)
    #expect(fused.blocks == [newP, w])
    space.inner(newP, w, into: &g)
    let (lengths, others) = (newP.columnNorms(), w.columnNorms())
    for i in 0..<m {
      for j in 0..<m {
        let bound = 4 * Double(n) * S.unitRoundoff * lengths[i] * others[j]
        #expect(Double((fused.matrices[0][i, j] - g[i, j]).modulus) <= bound)
      }
    }
    #expect(monitor.operatorApplications == 4 && monitor.columnsApplied == 4 * m)
  }
}
