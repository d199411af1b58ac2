import ComplexModule
import Testing

@testable import BlockKrylov

/// Block inner products and updates against entry-by-entry sums.
struct DenseKernelTests {
  /// Widths of the other block: one row of a tile, remainders of tiles, and more than a tile.
  private static let otherWidths = [1, 2, 3, 4, 7, 8, 12, 33]

  @Test(arguments: ScalarTypes.all)
  func innerProduct(type: any Scalar.Type) { checkInner(type) }

  private func checkInner<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(111)
    for n in KernelCases.heights + [300] {
      let widths = n == 300 ? [1, 6, 33] : Array(KernelCases.widths)
      for q in widths {
        for p in n == 300 ? [1, 5, 33] : [Self.otherWidths[(q + n) % 8], Self.otherWidths[(q + n + 3) % 8]] {
          let (y, x) = (Strided<S>(n, p, stride: p + q % 3, &random), Strided<S>(n, q, stride: q + p % 3, &random))
          let (wy, wx) = (Wide(y), Wide(x))
          var sums = WideSums(p, q)
          for i in 0..<n {
            for a in 0..<p {
              for b in 0..<q {
                sums.add(a, b, (wy.re[i * p + a], -wy.im[i * p + a]), (wx.re[i * q + b], wx.im[i * q + b]))
              }
            }
          }
          KernelCases.onEachInstructionSet { level in
            var g = Strided<S>(resultOf: p, q)
            unsafe y.read { y0 in
              unsafe x.read { x0 in unsafe g.write { unsafe Kernels<S>.inner(n, p, y0, y.stride, q, x0, x.stride, $0) } }
            }
            sums.expect(g, "YᴴX \(S.self) \(level) n=\(n) p=\(p) q=\(q)")
          }
        }
      }
    }
  }

  /// On and above the diagonal as the whole product, for every width; then made whole.
  @Test(arguments: ScalarTypes.all)
  func hermitianInnerProduct(type: any Scalar.Type) { checkHermitianInner(type) }

  private func checkHermitianInner<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(115)
    for p in KernelCases.widths {
      for n in [0, 3, 67, 300] {
        let (y, x) = (Strided<S>(n, p, stride: p + 2, &random), Strided<S>(n, p, stride: p + 1, &random))
        KernelCases.onEachInstructionSet { level in
          var (g, h) = (Strided<S>(resultOf: p, p), Strided<S>(resultOf: p, p))
          unsafe y.read { y0 in
            unsafe x.read { x0 in
              unsafe g.write { unsafe Kernels<S>.inner(n, p, y0, y.stride, p, x0, x.stride, $0) }
              unsafe h.write { unsafe Kernels<S>.hermitianInner(n, p, y0, y.stride, x0, x.stride, $0) }
            }
          }
          let what: Comment = "\(S.self) \(level) n=\(n) p=\(p)"
          for i in 0..<p {
            for j in i..<p {
              let size = Double((0..<n).reduce(1.0) { $0 + Double(y[$1, i].modulus) * Double(x[$1, j].modulus) })
              #expect(Double((g[i, j] - h[i, j]).modulus) <= 300 * S.unitRoundoff * size, what)
            }
          }
          var whole = DenseMatrix<S>(rows: p, columns: p) { h[$0, $1] }
          unsafe whole.withMutablePointer { unsafe Kernels<S>.mirror(p, $0) }
          for i in 0..<p {
            for j in 0..<p {
              let expected = i == j ? S(h[i, i].realPart) : i < j ? h[i, j] : h[j, i].conjugate
              #expect(whole[i, j] == expected, what)
            }
          }
        }
      }
    }
  }

  @Test(arguments: ScalarTypes.all)
  func update(type: any Scalar.Type) { checkUpdate(type) }

  private func checkUpdate<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(112)
    for n in KernelCases.heights {
      for q in KernelCases.widths {
        for p in [Self.otherWidths[(q + n) % 8], q] {
          let x = Strided<S>(n, p, stride: p + q % 3, &random)
          let (c, z) = (Strided<S>(p, q, &random), Strided<S>(n, q, stride: q + 2, &random))
          let (wx, wc, wz) = (Wide(x), Wide(c), Wide(z))
          var alone = WideSums(n, q)
          for i in 0..<n {
            for k in 0..<p {
              for j in 0..<q {
                alone.add(i, j, (wx.re[i * p + k], wx.im[i * p + k]), (wc.re[k * q + j], wc.im[k * q + j]))
              }
            }
          }
          var plus = alone
          for k in wz.re.indices { plus.add(k / q, k % q, (wz.re[k], wz.im[k]), (1, 0)) }
          KernelCases.onEachInstructionSet { level in
            let what = "\(S.self) \(level) n=\(n) p=\(p) q=\(q)"
            var (y, sum) = (Strided<S>(resultOf: n, q, stride: q + 1), Strided<S>(resultOf: n, q, stride: q + 1))
            var onZ = Strided(overwriting: z)
            unsafe x.read { x0 in
              unsafe c.read { c0 in
                unsafe y.write { unsafe Kernels<S>.update(n, p, x0, x.stride, q, c0, plus: nil, 0, $0, q + 1) }
                unsafe z.read { z0 in
                  unsafe sum.write { unsafe Kernels<S>.update(n, p, x0, x.stride, q, c0, plus: z0, z.stride, $0, q + 1) }
                }
                unsafe onZ.write {
                  unsafe Kernels<S>.update(n, p, x0, x.stride, q, c0, plus: UnsafePointer($0), z.stride, $0, z.stride)
                }
              }
            }
            alone.expect(y, "X·C \(what)")
            plus.expect(sum, "Z + X·C \(what)")
            plus.expect(onZ, "Z += X·C \(what)")
            guard p == q else { return }
            var (onX, onXPlus) = (Strided(overwriting: x), Strided(overwriting: x))
            unsafe c.read { c0 in
              unsafe onX.write {
                unsafe Kernels<S>.update(n, p, UnsafePointer($0), x.stride, q, c0, plus: nil, 0, $0, x.stride)
              }
              unsafe z.read { z0 in
                unsafe onXPlus.write {
                  unsafe Kernels<S>.update(n, p, UnsafePointer($0), x.stride, q, c0, plus: z0, z.stride, $0, x.stride)
                }
              }
            }
            alone.expect(onX, "X = X·C \(what)")
            plus.expect(onXPlus, "X = Z + X·C \(what)")
          }
        }
      }
    }
  }

  /// The widest update in place has its rows copied in strips.
  @Test func widestUpdateInPlace() {
    let m = Kernels<Double>.largestInPlaceUpdate
    var random = SplitMix(113)
    // The columns in reverse: exact, and wrong as soon as a column is overwritten before it is read.
    let x = Strided<Double>(7, m, &random)
    let c = (0..<m * m).map { $0 / m + $0 % m == m - 1 ? 1.0 : 0 }
    KernelCases.onEachInstructionSet { level in
      var y = Strided(overwriting: x)
      unsafe y.write { unsafe Kernels<Double>.update(7, m, UnsafePointer($0), m, m, c, plus: nil, 0, $0, m) }
      var same = y.gapsAreUntouched
      for i in 0..<7 { for j in 0..<m where y[i, j] != x[i, m - 1 - j] { same = false } }
      #expect(same, "\(level)")
    }
  }

  /// A row's bits depend neither on how the rows are cut nor on which other columns are there.
  @Test(arguments: ScalarTypes.all)
  func rowsAndColumnsAreIndependent(type: any Scalar.Type) { checkIndependence(type) }

  private func checkIndependence<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(114)
    let (n, p, q) = (67, 11, 29)
    let (x, c) = (Strided<S>(n, p, &random), Strided<S>(p, q, &random))
    KernelCases.onEachInstructionSet { level in
      var (whole, cut) = (Strided<S>(resultOf: n, q), Strided<S>(resultOf: n, q))
      unsafe x.read { x0 in
        unsafe c.read { c0 in
          unsafe whole.write { unsafe Kernels<S>.update(n, p, x0, p, q, c0, plus: nil, 0, $0, q) }
          unsafe cut.write { y0 in
            for (begin, end) in [(0, 1), (1, 10), (10, 45), (45, 67)] {
              unsafe Kernels<S>.update(end - begin, p, x0 + begin * p, p, q, c0, plus: nil, 0, y0 + begin * q, q)
            }
          }
        }
      }
      #expect(whole.memory == cut.memory, "\(S.self) \(level)")
    }
  }
}
