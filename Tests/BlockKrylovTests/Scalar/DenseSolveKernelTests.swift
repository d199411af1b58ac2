import ComplexModule
import Testing

@testable import BlockKrylov

/// Triangles, moduli, sums and backward errors against loops, on every instruction set of the machine.
struct DenseSolveKernelTests {
  private func onEverySet(_ body: () throws -> Void) rethrows {
    for name in ["x86-64-v4", "x86-64-v3", "baseline"] { _ = try Kernels<Double>.on(instructionSet: name, body) }
  }

  private func triangles<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(91)
    for n in [1, 2, 3, 5, 7, 8, 13, 16, 29, 64] {
      for m in [1, 2, 3, 5, 8, 13, 20, 33] {
        // Column-major, in a larger array whose other triangle must not be read.
        let ld = n + 3
        for upper in [false, true] {
          var t = [S](repeating: S(double: .nan), count: n * ld)
          var inverse = [S](repeating: 0, count: n)
          for k in 0..<n {
            for i in 0..<n where upper ? i < k : i > k { t[i + k * ld] = random.scalar() * S(double: 1 / Double(n)) }
            // Powers of two, imaginary now and then, whose inverses are exact.
            let turned = S.isComplex && k % 3 == 1
            t[k + k * ld] = turned ? S(real: 0.0 as Double, imaginary: 2.0) : S(double: 4)
            inverse[k] = turned ? S(real: 0.0 as Double, imaginary: -0.5) : S(double: 0.25)
          }
          let unit = !upper
          let truth = random.block(n, m, type)
          var x = BlockVector<S>(rows: n, columns: m)
          for i in 0..<n {
            for j in 0..<m {
              var sum: S = truth[i, j]
              if upper { sum = t[i * ld + i] * sum }
              for k in 0..<n where upper ? k > i : k < i { sum += t[i + k * ld] * truth[k, j] }
              x[i, j] = sum
            }
          }
          let (target, stride) = unsafe (x.mutableBase(), x.stride)
          unsafe inverse.withUnsafeBufferPointer { inverse in
            unsafe Kernels<S>.solveTriangle(
              upper: upper, n, t, ld, inverseDiagonal: unit ? nil : inverse.baseAddress, m, target, stride)
          }
          #expect(Reference.distance(x, truth) < 1000 * S.unitRoundoff, "n \(n) m \(m) upper \(upper)")
        }
      }
    }
  }

  @Test func trianglesAreSolved() {
    onEverySet {
      triangles(Double.self)
      triangles(Float.self)
      triangles(Complex<Double>.self)
      triangles(Complex<Float>.self)
    }
  }

  private func qualities<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(92)
    for (n, m) in [(1, 1), (5, 3), (17, 9), (40, 20)] {
      let (r, b) = (random.block(n, m, type), random.block(n, m, type))
      var magnitudes = [S.Magnitude](repeating: 1, count: m)
      for j in 0..<m { magnitudes[j] = S.Magnitude(j + 1) }
      var scaled = [Float](repeating: 0, count: n * m)
      unsafe Kernels<S>.moduli(n, m, r.base, r.stride, times: magnitudes, &scaled, m)
      var (rows, columns) = ([Double](repeating: 0, count: n), [Double](repeating: 0, count: m))
      unsafe Kernels<S>.absoluteSums(n, m, r.base, r.stride, rows: &rows, columns: &columns)
      var z = [Float](repeating: 1e-20, count: n * m)
      for at in 0..<(n * m) where at % 3 != 0 { z[at] = Float(at % 7) / 7 }
      let rowScales = (1...n).map { Double($0) }
      let scales = (2...(m + 1)).map { Double($0) }
      let sums = (3...(n + 2)).map { Double($0) }
      let maxima = (4...(m + 3)).map { Double($0) }
      let factor = 0.05
      var out = [Double](repeating: .nan, count: 3 * m)
      unsafe Kernels<S>.backwardErrors(
        n, m, r.base, r.stride, b.base, b.stride, z, m, rowScales: rowScales, scales: scales, rowSums: sums, maxima: maxima,
        factor: factor, &out)
      for j in 0..<m {
        var (square, first, second, total) = (0.0, 0.0, 0.0, 0.0)
        for i in 0..<n {
          let (residual, right) = (Double(r[i, j].modulus), Double(b[i, j].modulus))
          let (product, bound) = (Double(z[i * m + j]) * rowScales[i] * scales[j], sums[i] * maxima[j])
          square += residual * residual
          total += residual
          if product + right > factor * (bound + right) {
            first = max(first, residual / (product + right))
          } else {
            second = max(second, residual / (product + bound))
          }
          let expected = residual * Double(j + 1)
          #expect(abs(Double(scaled[i * m + j]) - expected) <= 1e-6 * expected)
        }
        let tolerance = 8 * S.unitRoundoff
        #expect(abs(out[j] - square) <= tolerance * square + 1e-15)
        #expect(abs(out[m + j] - first) <= tolerance * first && abs(out[2 * m + j] - second) <= tolerance * second)
        #expect(abs(columns[j] - total) <= tolerance * total)
      }
      for i in 0..<n {
        var total = 0.0
        for j in 0..<m { total += Double(r[i, j].modulus) }
        #expect(abs(rows[i] - total) <= 8 * S.unitRoundoff * total)
      }
    }
  }

  @Test func qualitiesAreMeasured() {
    onEverySet {
      qualities(Double.self)
      qualities(Float.self)
      qualities(Complex<Double>.self)
      qualities(Complex<Float>.self)
    }
  }
}
