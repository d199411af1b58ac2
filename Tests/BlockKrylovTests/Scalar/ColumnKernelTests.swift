import ComplexModule
import Testing

@testable import BlockKrylov

/// The kernels that pass over one block, and those that move entries.
struct ColumnKernelTests {
  private func forEachCase<S: Scalar>(_ seed: UInt64, _ type: S.Type, _ body: (Strided<S>, String, inout SplitMix) -> Void) {
    var random = SplitMix(seed)
    for n in KernelCases.heights {
      for m in KernelCases.widths {
        let x = Strided<S>(n, m, stride: m + (n + m) % 4, &random)
        KernelCases.onEachInstructionSet { level in body(x, "\(S.self) \(level) n=\(n) m=\(m)", &random) }
      }
    }
  }

  @Test(arguments: ScalarTypes.all)
  func squaresAndMaxima(type: any Scalar.Type) { checkReductions(type) }

  private func checkReductions<S: Scalar>(_ type: S.Type) {
    forEachCase(121, type) { x, what, _ in
      let (n, m) = (x.rows, x.columns)
      var squares = WideSums(1, m)
      var maxima = [S.Magnitude](repeating: 0, count: m)
      let w = Wide(x)
      for i in 0..<n {
        for j in 0..<m {
          let (re, im) = (w.re[i * m + j], w.im[i * m + j])
          squares.add(0, j, (re, 0), (re, 0))
          if S.isComplex { squares.add(0, j, (im, 0), (im, 0)) }
          maxima[j] = max(maxima[j], S.Magnitude(max(abs(re), abs(im))))
        }
      }
      var (s, most) = (Strided<S.Magnitude>(resultOf: 1, m), Strided<S.Magnitude>(resultOf: 1, m))
      unsafe x.read { x0 in
        unsafe s.write { unsafe Kernels<S>.columnSquares(n, m, x0, x.stride, $0) }
        unsafe most.write { unsafe Kernels<S>.columnMaxima(n, m, x0, x.stride, $0) }
      }
      squares.expect(s, "squares \(what)")
      #expect((0..<m).allSatisfy { most[0, $0] == maxima[$0] } && most.gapsAreUntouched, "maxima \(what)")
    }
  }

  /// A NaN is never outvoted, an infinity only by a NaN, wherever in the block they stand.
  @Test(arguments: ScalarTypes.all)
  func maximaShowNonFiniteNumbers(type: any Scalar.Type) { checkNonFinite(type) }

  private func checkNonFinite<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(122)
    KernelCases.onEachInstructionSet { level in
      for m in [1, 3, 8, 33] {
        for row in [0, 4, 16] {
          var x = Strided<S>(17, m, &random)
          x[row, m - 1] = S(real: 1, imaginary: Double.nan) + S(real: S.isComplex ? 0 : Double.nan, imaginary: 0)
          x[(row + 1) % 17, m - 1] = S(real: -Double.infinity, imaginary: 0)
          if m > 1 { x[row, 0] = S(real: -Double.infinity, imaginary: 0) }
          var most = Strided<S.Magnitude>(resultOf: 1, m)
          unsafe x.read { x0 in unsafe most.write { unsafe Kernels<S>.columnMaxima(17, m, x0, m, $0) } }
          #expect(most[0, m - 1].isNaN, "\(S.self) \(level)")
          if m > 1 { #expect(most[0, 0] == .infinity, "\(S.self) \(level)") }
          if m > 2 { #expect(most[0, 1] < 1, "\(S.self) \(level)") }
        }
      }
    }
  }

  @Test(arguments: ScalarTypes.all)
  func scaling(type: any Scalar.Type) { checkScaling(type) }

  private func checkScaling<S: Scalar>(_ type: S.Type) {
    forEachCase(123, type) { x, what, random in
      let (n, m) = (x.rows, x.columns)
      let factors = (0..<m).map { _ in random.scalar(S.Magnitude.self) }
      let diagonal = (0..<n).map { _ in random.scalar(S.self) }
      let (w, wf, wd) = (Wide(x), Wide(factors), Wide(diagonal))
      var (byColumns, byRows) = (WideSums(n, m), WideSums(n, m))
      for i in 0..<n {
        for j in 0..<m {
          let entry = (w.re[i * m + j], w.im[i * m + j])
          byColumns.add(i, j, entry, (wf.re[j], 0))
          byRows.add(i, j, entry, (wd.re[i], wd.im[i]))
        }
      }
      for inPlace in [false, true] {
        var (c, r) =
          inPlace
          ? (Strided(overwriting: x), Strided(overwriting: x))
          : (Strided<S>(resultOf: n, m, stride: m + 2), Strided<S>(resultOf: n, m, stride: m + 2))
        unsafe x.read { x0 in
          unsafe factors.withUnsafeBufferPointer { f in
            unsafe c.write {
              unsafe Kernels<S>.scaleColumns(
                n, m, f.baseAddress.unsafelyUnwrapped, inPlace ? UnsafePointer($0) : x0, x.stride, $0, inPlace ? x.stride : m + 2)
            }
          }
          unsafe diagonal.withUnsafeBufferPointer { d in
            unsafe r.write {
              unsafe Kernels<S>.scaleRows(
                n, m, d.baseAddress.unsafelyUnwrapped, inPlace ? UnsafePointer($0) : x0, x.stride, $0, inPlace ? x.stride : m + 2)
            }
          }
        }
        byColumns.expect(c, "X·diag \(what) in place \(inPlace)")
        byRows.expect(r, "diag·X \(what) in place \(inPlace)")
      }
    }
  }

  @Test(arguments: ScalarTypes.all)
  func linearCombination(type: any Scalar.Type) { checkCombination(type) }

  private func checkCombination<S: Scalar>(_ type: S.Type) {
    forEachCase(124, type) { x, what, random in
      let (n, m) = (x.rows, x.columns)
      let y = Strided<S>(n, m, stride: m + 1, &random)
      let (alpha, beta) = (random.scalar(S.self), random.scalar(S.self))
      let (w, wy, scalars) = (Wide(x), Wide(y), Wide([alpha, beta]))
      var (alone, both) = (WideSums(n, m), WideSums(n, m))
      for i in 0..<n {
        for j in 0..<m {
          let k = i * m + j
          alone.add(i, j, (w.re[k], w.im[k]), (scalars.re[0], scalars.im[0]))
          both.add(i, j, (w.re[k], w.im[k]), (scalars.re[0], scalars.im[0]))
          both.add(i, j, (wy.re[k], wy.im[k]), (scalars.re[1], scalars.im[1]))
        }
      }
      // Without beta the old numbers, NaN here, are not read.
      var (fresh, sum) = (Strided<S>(resultOf: n, m, stride: m + 1), Strided(overwriting: y))
      unsafe x.read { x0 in
        unsafe fresh.write { unsafe Kernels<S>.combine(n, m, alpha, x0, x.stride, nil, $0, m + 1) }
        unsafe sum.write { unsafe Kernels<S>.combine(n, m, alpha, x0, x.stride, beta, $0, m + 1) }
      }
      alone.expect(fresh, "αX \(what)")
      both.expect(sum, "αX + βY \(what)")
      var own = Strided(overwriting: x)
      unsafe own.write { unsafe Kernels<S>.combine(n, m, alpha, UnsafePointer($0), x.stride, nil, $0, x.stride) }
      alone.expect(own, "X = αX \(what)")
    }
  }

  /// All inner products of a pass, for blocks with and without gaps between rows.
  @Test(arguments: ScalarTypes.all)
  func moments(type: any Scalar.Type) { checkMoments(type) }

  private func checkMoments<S: Scalar>(_ type: S.Type) {
    forEachCase(126, type) { x, what, random in
      let (n, m, ld) = (x.rows, x.columns, x.stride)
      let (y, z) = (Strided<S>(n, m, stride: ld, &random), Strided<S>(n, m, stride: ld, &random))
      let (wx, wy, wz) = (Wide(x), Wide(y), Wide(z))
      func sums(_ pairs: [(left: Wide, right: Wide)]) -> WideSums {
        var sums = WideSums(pairs.count, m)
        for (k, pair) in pairs.enumerated() {
          for i in 0..<(n * m) {
            sums.add(k, i % m, (pair.left.re[i], -pair.left.im[i]), (pair.right.re[i], pair.right.im[i]))
          }
        }
        return sums
      }
      let (two, five) = (sums([(wy, wx), (wx, wx)]), sums([(wx, wy), (wx, wx), (wy, wy), (wz, wx), (wz, wy)]))
      var (few, all) = (Strided<S>(resultOf: 2, m), Strided<S>(resultOf: 5, m))
      unsafe x.read { x0 in
        unsafe y.read { y0 in
          unsafe z.read { z0 in
            unsafe few.write { unsafe Kernels<S>.columnMoments(n, m, x0, y0, nil, ld, $0) }
            unsafe all.write { unsafe Kernels<S>.columnMoments(n, m, x0, y0, z0, ld, $0) }
          }
        }
      }
      two.expect(few, "two products \(what)")
      five.expect(all, "five products \(what)")
    }
  }

  /// X, R and P of BiCGStab, with images of P and S of their own and without.
  @Test(arguments: ScalarTypes.all)
  func stabilizedStep(type: any Scalar.Type) { checkStabilizedStep(type) }

  private func checkStabilizedStep<S: Scalar>(_ type: S.Type) {
    forEachCase(127, type) { x, what, random in
      // Single columns without gaps are taken as rows of many.
      let (n, m, ld) = (x.rows, x.columns, x.stride == x.columns ? x.columns : x.stride + 1)
      func block() -> Strided<S> { Strided<S>(n, m, stride: ld, &random) }
      let (r, p, v, t, mp, ms) = (block(), block(), block(), block(), block(), block())
      var factors = (0..<(5 * m)).map { _ in random.scalar(S.self) }
      for j in 0..<m { (factors[2 * m + j], factors[4 * m + j]) = (-factors[m + j], -factors[3 * m + j] * factors[m + j]) }
      let f = Wide(factors)
      func factor(_ k: Int, _ j: Int) -> (Double, Double) { (f.re[k * m + j], f.im[k * m + j]) }
      for isPreconditioned in [false, true] {
        let (wx, wr, wp, wv, wt) = (Wide(x), Wide(r), Wide(p), Wide(v), Wide(t))
        let (wmp, wms) = isPreconditioned ? (Wide(mp), Wide(ms)) : (wp, wr)
        var (newX, newR, newP) = (WideSums(n, m), WideSums(n, m), WideSums(n, m))
        for k in 0..<(n * m) {
          let (i, j) = (k / m, k % m)
          newX.add(i, j, (wx.re[k], wx.im[k]), (1, 0))
          newX.add(i, j, (wmp.re[k], wmp.im[k]), factor(0, j))
          newX.add(i, j, (wms.re[k], wms.im[k]), factor(1, j))
          newR.add(i, j, (wr.re[k], wr.im[k]), (1, 0))
          newR.add(i, j, (wt.re[k], wt.im[k]), factor(2, j))
          newP.add(i, j, (wr.re[k], wr.im[k]), (1, 0))
          newP.add(i, j, (wt.re[k], wt.im[k]), factor(2, j))
          newP.add(i, j, (wp.re[k], wp.im[k]), factor(3, j))
          newP.add(i, j, (wv.re[k], wv.im[k]), factor(4, j))
        }
        var (xs, rs, ps) = (Strided(overwriting: x), Strided(overwriting: r), Strided(overwriting: p))
        unsafe factors.withUnsafeBufferPointer { s in
          unsafe v.read { v0 in
            unsafe t.read { t0 in
              unsafe mp.read { mp0 in
                unsafe ms.read { ms0 in
                  unsafe xs.write { x0 in
                    unsafe rs.write { r0 in
                      unsafe ps.write { p0 in
                        unsafe Kernels<S>.stabilizedStep(
                          n, m, s.baseAddress.unsafelyUnwrapped, isPreconditioned ? mp0 : UnsafePointer(p0),
                          isPreconditioned ? ms0 : UnsafePointer(r0), v0, t0, ld, x0, x.stride, r0, p0)
                      }
                    }
                  }
                }
              }
            }
          }
        }
        newX.expect(xs, "X \(what)")
        newR.expect(rs, "R \(what)")
        newP.expect(ps, "P \(what)")
      }
    }
  }

  /// Moving entries is exact.
  @Test(arguments: ScalarTypes.all)
  func gathersScattersAndTranspositions(type: any Scalar.Type) { checkMoves(type) }

  private func checkMoves<S: Scalar>(_ type: S.Type) {
    forEachCase(125, type) { x, what, random in
      let (n, m) = (x.rows, x.columns)
      let (columns, rows) = ((0..<m).shuffled(using: &random), (0..<n).shuffled(using: &random))
      let few = Array(columns.prefix((m + 1) / 2))
      func result(_ width: Int) -> Strided<S> { Strided(resultOf: n, width, stride: width + 3) }
      var (gathered, scattered, rowsGathered, rowsScattered) = (result(few.count), result(m), result(m), result(m))
      var (major, back) = (Strided<S>(resultOf: m, n, stride: n + 2), result(m))
      unsafe x.read { x0 in
        unsafe few.withUnsafeBufferPointer { list in
          unsafe gathered.write { unsafe Kernels<S>.gatherColumns(n, list, x0, x.stride, $0, few.count + 3) }
        }
        unsafe columns.withUnsafeBufferPointer { list in
          unsafe scattered.write { unsafe Kernels<S>.scatterColumns(n, list, x0, x.stride, $0, m + 3) }
        }
        unsafe rows.withUnsafeBufferPointer { list in
          guard let list = list.baseAddress else { return }
          unsafe rowsGathered.write { unsafe Kernels<S>.gatherRows(n, m, list, x0, x.stride, $0, m + 3) }
          unsafe rowsScattered.write { unsafe Kernels<S>.scatterRows(n, m, list, x0, x.stride, $0, m + 3) }
        }
        unsafe major.write { unsafe Kernels<S>.toColumnMajor(n, m, x0, x.stride, $0, n + 2) }
      }
      unsafe major.read { c in unsafe back.write { unsafe Kernels<S>.fromColumnMajor(n, m, c, n + 2, $0, m + 3) } }
      var right = true
      for i in 0..<n {
        for (k, j) in few.enumerated() where gathered[i, k] != x[i, j] { right = false }
        for (k, j) in columns.enumerated() where scattered[i, j] != x[i, k] { right = false }
        for j in 0..<m {
          if rowsGathered[i, j] != x[rows[i], j] || rowsScattered[rows[i], j] != x[i, j] { right = false }
          if major[j, i] != x[i, j] || back[i, j] != x[i, j] { right = false }
        }
      }
      #expect(right, "\(what)")
      for block in [gathered, scattered, rowsGathered, rowsScattered, major, back] {
        #expect(block.gapsAreUntouched, "\(what)")
      }
    }
  }
}
