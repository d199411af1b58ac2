import ComplexModule
import Testing

@testable import BlockKrylov

/// Operations with a factor for each column, against loops.
struct ColumnOperationsTests {
  private func check<S: Scalar>(_ type: S.Type, _ tolerance: Double) {
    var random = SplitMix(141)
    for m in [1, 2, 3, 5, 8, 9, 16, 17, 33] {
      for n in [0, 1, 7, 300] {
        let space = BlockSpace<S>(p: m, q: 1, rows: n)
        let (x, y) = (random.block(n, m, S.self), random.block(n, m, S.self))
        let (a, b): ([S], [S]) = ((0..<m).map { _ in random.scalar() }, (0..<m).map { _ in random.scalar() })
        var dots = [S](repeating: 7, count: m)
        space.columnDots(x, y, into: &dots)
        for j in 0..<m {
          let sum = (0..<n).reduce(S.zero) { $0 + x[$1, j].conjugate * y[$1, j] }
          #expect(Double((dots[j] - sum).modulus) <= tolerance * Double(n + 1), "\(S.self) dots \(n) × \(m)")
        }
        var combined = y
        combined.combineColumns(a, x, b)
        var written = BlockVector<S>(rows: n, columns: m) { _, _ in S(double: .nan) }
        written.combineColumns(a, x)
        for i in 0..<n {
          for j in 0..<m {
            #expect(Double((combined[i, j] - (a[j] * x[i, j] + b[j] * y[i, j])).modulus) <= tolerance)
            #expect(Double((written[i, j] - a[j] * x[i, j]).modulus) <= tolerance)
          }
        }
      }
    }
  }

  @Test func agreeWithLoops() {
    check(Double.self, 1e-14)
    check(Complex<Double>.self, 1e-14)
    check(Float.self, 1e-5)
    check(Complex<Float>.self, 1e-5)
  }

  /// A column's sum does not depend on where in the block it stands.
  @Test func aColumnAloneHasTheSameBits() {
    var random = SplitMix(142)
    let (x, y) = (random.block(1000, 13, Double.self), random.block(1000, 13, Double.self))
    let space = BlockSpace<Double>(p: 13, q: 1, rows: 1000)
    var (all, one) = ([Double](repeating: 0, count: 13), [0.0])
    space.columnDots(x, y, into: &all)
    for j in 0..<13 {
      space.columnDots(x[columns: j..<(j + 1)], y[columns: j..<(j + 1)], into: &one)
      #expect(one[0] == all[j])
    }
  }
}
