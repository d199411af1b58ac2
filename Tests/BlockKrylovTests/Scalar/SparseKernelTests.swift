import ComplexModule
import Testing

@testable import BlockKrylov

/// What all kernel tests vary.
enum KernelCases {
  static let widths = 1...33
  static let heights = [0, 1, 2, 3, 5, 17, 67]
  static let instructionSets = ["x86-64-v4", "x86-64-v3", "baseline"]

  /// Runs `body` on every instruction set that this machine has, on this thread alone: others keep to the best one.
  static func onEachInstructionSet(_ body: (String) -> Void) {
    var count = 0
    for name in instructionSets
    where Threads.$limit.withValue(1, operation: { Kernels<Double>.on(instructionSet: name, { body(name) }) }) != nil {
      count += 1
    }
    #expect(count >= 1)
  }
}

@Test func instructionSetsCanBeRestrictedAndReturn() {
  let best = Kernels<Double>.instructionSet
  #expect(KernelCases.instructionSets.contains(best))
  KernelCases.onEachInstructionSet { #expect(Kernels<Float>.instructionSet == $0) }
  #expect(Kernels<Double>.on(instructionSet: "mmix", {}) == nil)
  #expect(Kernels<Double>.instructionSet == best)
}

/// The sparse kernels against entry-by-entry sums, for every width, ragged heights, empty rows, strides and instruction sets.
struct SparseKernelTests {
  private func pointers<S: Scalar>(
    _ a: RandomRows<S>, _ body: (UnsafePointer<Int>, UnsafePointer<Int32>, UnsafePointer<S>) -> Void
  ) {
    unsafe a.start.withUnsafeBufferPointer { start in
      unsafe a.index.withUnsafeBufferPointer { index in
        unsafe a.value.withUnsafeBufferPointer { value in
          unsafe body(
            start.baseAddress.unsafelyUnwrapped, index.baseAddress.unsafelyUnwrapped, value.baseAddress.unsafelyUnwrapped)
        }
      }
    }
  }

  /// sign·A·X over the rows given, plus B.
  private func product<S: Scalar>(
    _ a: RandomRows<S>, _ x: Strided<S>, rows: Range<Int>, plus b: Strided<S>?, sign: Double
  ) -> WideSums {
    var sums = WideSums(a.rows, x.columns)
    let (v, w) = (a.wideValues, Wide(x))
    if let b {
      let wb = Wide(b)
      for k in wb.re.indices { sums.add(k / x.columns, k % x.columns, (wb.re[k], wb.im[k]), (1, 0)) }
    }
    for i in rows {
      for k in a.start[i]..<a.start[i + 1] {
        for j in 0..<x.columns {
          let t = Int(a.index[k]) * x.columns + j
          sums.add(i, j, (v.re[k], v.im[k]), (w.re[t], w.im[t]), sign: sign)
        }
      }
    }
    return sums
  }

  @Test(arguments: ScalarTypes.all)
  func product(type: any Scalar.Type) { checkProduct(type) }

  private func checkProduct<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(101)
    for n in KernelCases.heights {
      for m in KernelCases.widths {
        let inner = max(1, n - 3)
        let a = RandomRows<S>(n, inner, .general, &random)
        let x = Strided<S>(inner, m, stride: m + m % 4, &random)
        let b = Strided<S>(n, m, stride: m + 3, &random)
        let (plain, residual) = (
          product(a, x, rows: 0..<n, plus: nil, sign: 1), product(a, x, rows: 0..<n, plus: b, sign: -1)
        )
        KernelCases.onEachInstructionSet { level in
          for (stride, traffic) in [
            (m, Kernels<S>.Traffic.cached), (m + 5, .cached), (m, .prefetching), (m, .streaming), (m + 3, .streaming),
          ] {
            var (y, r) = (Strided<S>(resultOf: n, m, stride: stride), Strided<S>(resultOf: n, m, stride: stride))
            var inPlace = Strided(overwriting: b)
            unsafe pointers(a) { start, index, value in
              unsafe x.read { x0 in
                unsafe b.read { b0 in
                  // In two ranges of rows, as two threads would.
                  for rows in [0..<(n / 2), (n / 2)..<n] {
                    unsafe y.write {
                      unsafe Kernels<S>.spmm(rows, start, index, value, m, x0, x.stride, residualOf: nil, 0, $0, stride, traffic)
                    }
                    unsafe r.write {
                      unsafe Kernels<S>.spmm(
                        rows, start, index, value, m, x0, x.stride, residualOf: b0, b.stride, $0, stride, traffic)
                    }
                    unsafe inPlace.write {
                      unsafe Kernels<S>.spmm(
                        rows, start, index, value, m, x0, x.stride, residualOf: UnsafePointer($0), b.stride, $0, b.stride, traffic
                      )
                    }
                  }
                }
              }
            }
            plain.expect(y, "A·X \(S.self) \(level) n=\(n) m=\(m)")
            residual.expect(r, "B − A·X \(S.self) \(level) n=\(n) m=\(m)")
            residual.expect(inPlace, "B − A·X in place of B \(S.self) \(level) n=\(n) m=\(m)")
          }
        }
      }
    }
  }

  /// Rows whose columns are those of the row above plus one are multiplied with a column eight at a time: the bits are those of one row
  /// after the other, which a column with gaps between its numbers takes.
  @Test(arguments: ScalarTypes.all)
  func consecutiveRows(type: any Scalar.Type) { checkConsecutiveRows(type) }

  private func checkConsecutiveRows<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(104)
    for n in [7, 8, 9, 40, 131, 300] {
      for count in [1, 2, 3, 5, 7, 8, 9, 16, 17, 23] {
        let diagonals = (0..<count).map { _ in Int.random(in: -min(n - 1, 20)...min(n - 1, 20), using: &random) }
        for odd in [0, 3] {
          let a = RandomRows<S>(diagonals: diagonals, rows: n, odd: odd, &random)
          let (x, b) = (Strided<S>(n, 1, &random), Strided<S>(n, 1, &random))
          var spread = Strided<S>(n, 1, stride: 2, &random)
          for i in 0..<n { spread[i, 0] = x[i, 0] }
          let (plain, residual) = (
            product(a, x, rows: 0..<n, plus: nil, sign: 1), product(a, x, rows: 0..<n, plus: b, sign: -1)
          )
          KernelCases.onEachInstructionSet { level in
            let what = "\(S.self) \(level) n=\(n), \(count) diagonals, \(odd) odd rows"
            for traffic in [Kernels<S>.Traffic.cached, .prefetching, .streaming] {
              var (y, r, slow) = (Strided<S>(resultOf: n, 1), Strided<S>(resultOf: n, 1), Strided<S>(resultOf: n, 1, stride: 2))
              unsafe pointers(a) { start, index, value in
                for rows in [0..<(n / 3), (n / 3)..<n] {
                  unsafe x.read { x0 in
                    unsafe b.read { b0 in
                      unsafe y.write {
                        unsafe Kernels<S>.spmm(rows, start, index, value, 1, x0, 1, residualOf: nil, 0, $0, 1, traffic)
                      }
                      unsafe r.write {
                        unsafe Kernels<S>.spmm(rows, start, index, value, 1, x0, 1, residualOf: b0, 1, $0, 1, traffic)
                      }
                    }
                  }
                  unsafe spread.read { x0 in
                    unsafe slow.write {
                      unsafe Kernels<S>.spmm(rows, start, index, value, 1, x0, 2, residualOf: nil, 0, $0, 2, traffic)
                    }
                  }
                }
              }
              #expect((0..<n).allSatisfy { y[$0, 0] == slow[$0, 0] }, "\(what)")
              plain.expect(y, "A·x \(what)")
              residual.expect(r, "b − A·x \(what)")
            }
          }
        }
      }
    }
  }

  /// Y = α·X + β·Y + γ·D·(B − A·X), with each term left out in turn, for rows of any kind and for consecutive ones.
  @Test(arguments: ScalarTypes.all)
  func polynomialStep(type: any Scalar.Type) { checkPolynomialStep(type) }

  private func checkPolynomialStep<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(105)
    for (n, m) in [(1, 1), (5, 3), (40, 1), (67, 1), (67, 2), (67, 5), (40, 8), (67, 17), (131, 1)] {
      for isBanded in [false, true] {
        let a =
          isBanded
          ? RandomRows<S>(diagonals: [-9, -1, 0, 1, 2, 7], rows: n, odd: 2, &random) : RandomRows<S>(n, n, .general, &random)
        func block() -> Strided<S> { Strided<S>(n, m, &random) }
        let (x, b, y) = (block(), block(), block())
        let d = (0..<n).map { _ in random.scalar(S.self) }
        let scalars = (0..<3).map { _ in random.scalar(S.self) }
        let (wx, wy, wd, ws) = (Wide(x), Wide(y), Wide(d), Wide(scalars))
        for terms in 0..<16 {
          let (hasAlpha, hasBeta, hasB, hasD) = (terms & 1 != 0, terms & 2 != 0, terms & 4 != 0, terms & 8 != 0)
          let residual = product(a, x, rows: 0..<n, plus: hasB ? b : nil, sign: -1)
          var sums = WideSums(n, m)
          for k in 0..<(n * m) {
            let (i, j) = (k / m, k % m)
            let gamma = (ws.re[2], ws.im[2])
            let scale = hasD ? (gamma.0 * wd.re[i] - gamma.1 * wd.im[i], gamma.0 * wd.im[i] + gamma.1 * wd.re[i]) : gamma
            if hasAlpha { sums.add(i, j, (wx.re[k], wx.im[k]), (ws.re[0], ws.im[0])) }
            if hasBeta { sums.add(i, j, (wy.re[k], wy.im[k]), (ws.re[1], ws.im[1])) }
            sums.add(i, j, (residual.value.re[k], residual.value.im[k]), scale)
            // What the terms of the residual are, its rounding is in proportion to.
            sums.size[k] += residual.size[k] * (scale.0 * scale.0 + scale.1 * scale.1).squareRoot()
            sums.terms[k] += residual.terms[k] + 2
          }
          KernelCases.onEachInstructionSet { level in
            // Without β the old numbers are not read.
            var result = hasBeta ? Strided(overwriting: y) : Strided<S>(resultOf: n, m)
            unsafe pointers(a) { start, index, value in
              unsafe x.read { x0 in
                unsafe b.read { b0 in
                  unsafe d.withUnsafeBufferPointer { d in
                    var step = Kernels<S>.PolynomialStep()
                    unsafe step.matrix = (start, index, value)
                    unsafe step.x = (x0, m)
                    if hasB { unsafe step.b = (b0, m) }
                    if hasD { unsafe step.inverseDiagonal = d.baseAddress }
                    (step.alpha, step.beta, step.gamma) = (
                      hasAlpha ? scalars[0] : nil, hasBeta ? scalars[1] : nil, scalars[2]
                    )
                    unsafe result.write {
                      for rows in [0..<(n / 2), (n / 2)..<n] { unsafe Kernels<S>.polynomialStep(rows, m, step, $0, m) }
                    }
                  }
                }
              }
            }
            sums.expect(result, "\(S.self) \(level) n=\(n) m=\(m) terms \(terms), banded \(isBanded)")
          }
        }
      }
    }
  }

  /// Wherever operands are taken from and results are stored, the numbers are the same; blocks with aligned rows, as streaming takes them.
  @Test(arguments: ScalarTypes.all)
  func traffic(type: any Scalar.Type) { checkTraffic(type) }

  private func checkTraffic<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(103)
    for (n, m) in [(1, 8), (70, 1), (70, 8), (70, 16), (131, 24), (131, 32), (67, 40), (65, 64), (40, 7)] {
      let a = RandomRows<S>(n, n, .general, &random)
      let x = random.block(n, m, S.self)
      let b = random.block(n, m, S.self)
      KernelCases.onEachInstructionSet { level in
        var results: [BlockVector<S>] = []
        for traffic in [Kernels<S>.Traffic.cached, .prefetching, .streaming] {
          for residual in [false, true] {
            var y = BlockVector<S>(rows: n, columns: m)
            let (target, stride) = unsafe (y.mutableBase(), y.stride)
            unsafe pointers(a) { start, index, value in
              unsafe Kernels<S>.spmm(
                0..<n, start, index, value, m, x.base, x.stride, residualOf: residual ? b.base : nil, b.stride, target, stride,
                traffic)
            }
            results.append(y)
          }
        }
        for k in 2..<results.count { #expect(results[k] == results[k % 2], "\(S.self) \(level) n=\(n) m=\(m)") }
      }
    }
  }

  @Test(arguments: ScalarTypes.all)
  func residualAndMagnitude(type: any Scalar.Type) { checkMagnitude(type) }

  private func checkMagnitude<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(102)
    for n in KernelCases.heights {
      for m in KernelCases.widths {
        let inner = max(1, n - 3)
        let a = RandomRows<S>(n, inner, .general, &random)
        let (x, b) = (Strided<S>(inner, m, stride: m + 1, &random), Strided<S>(n, m, stride: m + 2, &random))
        let residual = product(a, x, rows: 0..<n, plus: b, sign: -1)
        var sizes = WideSums(n, m)
        for i in 0..<n {
          for k in a.start[i]..<a.start[i + 1] {
            for j in 0..<m {
              sizes.add(i, j, (Double(a.value[k].modulus), 0), (Double(x[Int(a.index[k]), j].modulus), 0))
              // Each modulus of a complex number is itself rounded a few times.
              if S.isComplex { sizes.terms[i * m + j] += 4 }
            }
          }
        }
        KernelCases.onEachInstructionSet { level in
          var r = Strided<S>(resultOf: n, m, stride: m + 3)
          var z = Strided<S.Magnitude>(resultOf: n, m, stride: m + 4)
          unsafe pointers(a) { start, index, value in
            unsafe x.read { x0 in
              unsafe b.read { b0 in
                unsafe r.write { r0 in
                  unsafe z.write { z0 in
                    unsafe Kernels<S>.residualAndMagnitude(
                      0..<n, start, index, value, m, x0, x.stride, b0, b.stride, r0, m + 3, z0, m + 4)
                  }
                }
              }
            }
          }
          residual.expect(r, "B − A·X \(S.self) \(level) n=\(n) m=\(m)")
          sizes.expect(z, "|A|·|X| \(S.self) \(level) n=\(n) m=\(m)")
        }
      }
    }
  }

  /// Moduli near the ends of the number range are neither lost nor infinite.
  @Test func magnitudesOfExtremeComplexNumbers() {
    typealias C = Complex<Double>
    for (entry, expected) in [(C(3e200, 4e200), 5e200), (C(3e-200, -4e-200), 5e-200), (C(0, 0), 0), (C(0, -7), 7)] {
      KernelCases.onEachInstructionSet { level in
        for m in 1...5 {
          let x = [C](repeating: entry, count: m)
          var (r, z) = ([C](repeating: 0, count: m), [Double](repeating: -1, count: m))
          unsafe Kernels<C>.residualAndMagnitude(0..<1, [0, 1], [0], [C(1)], m, x, m, x, m, &r, m, &z, m)
          for value in z { #expect(abs(value - expected) <= 1e-15 * expected, "\(level)") }
        }
      }
    }
  }

  @Test(arguments: ScalarTypes.all)
  func scatteredProduct(type: any Scalar.Type) { checkScatter(type) }

  private func checkScatter<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(103)
    for n in KernelCases.heights {
      for m in KernelCases.widths {
        let outer = max(1, n - 2)
        let a = RandomRows<S>(n, outer, .general, &random)
        let x = Strided<S>(n, m, stride: m + 2, &random)
        let y0 = Strided<S>(outer, m, stride: m + 1, &random)
        let (v, w, wy) = (a.wideValues, Wide(x), Wide(y0))
        for conjugate in [false, true] {
          var sums = WideSums(outer, m)
          for k in wy.re.indices { sums.add(k / m, k % m, (wy.re[k], wy.im[k]), (1, 0)) }
          for i in 0..<n {
            for k in a.start[i]..<a.start[i + 1] {
              for j in 0..<m {
                sums.add(
                  Int(a.index[k]), j, (v.re[k], conjugate ? -v.im[k] : v.im[k]), (w.re[i * m + j], w.im[i * m + j]))
              }
            }
          }
          KernelCases.onEachInstructionSet { level in
            var y = Strided(overwriting: y0)
            unsafe pointers(a) { start, index, value in
              unsafe x.read { x0 in
                unsafe y.write {
                  unsafe Kernels<S>.scatter(
                    0..<n, start, index, value, conjugate: conjugate, m, x0, x.stride, $0, y0.stride)
                }
              }
            }
            sums.expect(y, "scatter \(S.self) \(level) n=\(n) m=\(m) conjugate \(conjugate)")
          }
        }
      }
    }
  }

  @Test(arguments: ScalarTypes.all)
  func triangularSweeps(type: any Scalar.Type) { checkSweeps(type) }

  /// The residual of each row of D⁻¹Y + T·Y = B: a sweep is backward stable row by row, whatever the condition of T.
  private func checkSweeps<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(104)
    for n in KernelCases.heights {
      for m in KernelCases.widths {
        for (descending, hasDiagonal) in [(false, m % 2 == 0), (true, m % 2 == 1)] {
          let t = RandomRows<S>(n, n, descending ? .upper : .lower, &random)
          let b = Strided<S>(n, m, stride: m + 1, &random)
          let d = (0..<n).map { _ in random.scalar(S.self) + 2 }
          KernelCases.onEachInstructionSet { level in
            var (y, inPlace) = (Strided<S>(resultOf: n, m, stride: m + 2), Strided(overwriting: b))
            unsafe pointers(t) { start, index, value in
              unsafe d.withUnsafeBufferPointer { d in
                let inverse = hasDiagonal ? d.baseAddress : nil
                unsafe b.read { b0 in
                  unsafe y.write {
                    unsafe Kernels<S>.sweep(
                      descending: descending, 0..<n, start, index, value, inverse, m, b0, b.stride, $0, m + 2)
                  }
                }
                unsafe inPlace.write {
                  unsafe Kernels<S>.sweep(
                    descending: descending, 0..<n, start, index, value, inverse, m, UnsafePointer($0), b.stride, $0, b.stride)
                }
              }
            }
            // With the Y that came out on the right, each row must be what its formula gives.
            var sums = product(t, y, rows: 0..<n, plus: b, sign: -1)
            if hasDiagonal {
              let w = Wide(d)
              for i in 0..<n {
                for j in 0..<m {
                  let k = i * m + j
                  let (re, im) = (sums.value.re[k], sums.value.im[k])
                  (sums.value.re[k], sums.value.im[k]) = (re * w.re[i] - im * w.im[i], re * w.im[i] + im * w.re[i])
                  sums.size[k] *= (w.re[i] * w.re[i] + w.im[i] * w.im[i]).squareRoot()
                  sums.terms[k] += 2
                }
              }
            }
            sums.expect(y, "sweep \(S.self) \(level) n=\(n) m=\(m) descending \(descending) diagonal \(hasDiagonal)")
            var same = inPlace.gapsAreUntouched
            for i in 0..<n { for j in 0..<m where inPlace[i, j] != y[i, j] { same = false } }
            #expect(same, "sweep in place \(S.self) \(level) n=\(n) m=\(m)")
          }
        }
      }
    }
  }
}
