import ComplexModule
import Testing

@testable import BlockKrylov

@Suite struct BackwardErrorTests {
  /// ‖r‖₂ and ω of each column by the definition, in double precision, entry by entry.
  private func definition<S: Scalar>(
    _ a: CSRMatrix<S>, _ x: BlockVector<S>, _ b: BlockVector<S>, _ r: BlockVector<S>
  ) -> [(residual: Double, omega: Double)] {
    (0..<x.columns).map { j in
      let most = x.columnMaxima()[j]
      var (square, first, second) = (0.0, 0.0, 0.0)
      for i in 0..<a.rows {
        var (size, rowSum) = (0.0, 0.0)
        for k in a.rowStart[i]..<a.rowStart[i + 1] {
          rowSum += Double(a.values[k].modulus)
          size += Double(a.values[k].modulus) * Double(x[Int(a.columnIndex[k]), j].modulus)
        }
        let (residual, right) = (Double(r[i, j].modulus), Double(b[i, j].modulus))
        square += residual * residual
        if residual == 0 { continue }
        if size + right > 1000 * Double(a.rows) * 2 * S.unitRoundoff * (rowSum * most + right) {
          first = max(first, residual / (size + right))
        } else {
          second = max(second, residual / (size + rowSum * most))
        }
      }
      return (square.squareRoot(), first + second)
    }
  }

  private func check<S: Scalar>(_ a: CSRMatrix<S>, _ x: BlockVector<S>, _ b: BlockVector<S>) throws {
    let tolerance = 1000 * S.unitRoundoff
    var r = BlockVector<S>(rows: a.rows, columns: x.columns)
    let found = a.residualAndBackwardErrors(of: x, maxima: x.columnMaxima(), b, rowSums: rowSums(a), into: &r)
    #expect(try Reference.distance(r, a.residual(b, of: x)) <= tolerance)
    for (j, wanted) in definition(a, x, b, r).enumerated() {
      #expect(abs(found.residuals[j] - wanted.residual) <= tolerance * wanted.residual)
      #expect(found.omega[j] == wanted.omega || abs(found.omega[j] - wanted.omega) <= tolerance * wanted.omega, "column \(j)")
    }
  }

  @Test(arguments: ScalarTypes.all) func errorsAreThoseOfTheDefinition(type: any Scalar.Type) throws {
    func checks<S: Scalar>(_ type: S.Type) throws {
      var random = SplitMix(51)
      for (n, m) in [(1, 1), (40, 3), (300, 17), (2100, 9), (70, 33)] {
        let a = try random.sparse(n, n, perRow: 3, diagonal: 1, emptyRows: true, type)
        // Residuals on all scales; in some equations nothing but rounding stands in the divisor of ω₁.
        var x = random.block(n, m, type)
        var b = Reference.product(a, x)
        for i in 0..<n {
          for j in 0..<m {
            if i % 3 == 0 { b[i, j] += random.scalar() * S(double: j % 2 == 0 ? 1e-3 : 1e-6) }
            if i % 7 == 1 { (x[i, j], b[i, j]) = (0, 0) }
          }
        }
        try check(a, x, b)
        try check(a, x, Reference.product(a, x))
      }
    }
    try checks(type)
  }

  /// An equation that is 0 = b_i is violated by all of b_i.
  @Test func anImpossibleEquationHasAnErrorOfOne() throws {
    let a = try CSRMatrix<Double>(rows: 2, columns: 2, rowStart: [0, 1, 1], columnIndex: [0], values: [2])
    let x = try BlockVector<Double>(rows: [[1, 1], [0, 0]])
    let b = try BlockVector<Double>(rows: [[2, 2], [0, 1]])
    var r = BlockVector<Double>(rows: 2, columns: 2)
    let found = a.residualAndBackwardErrors(of: x, maxima: x.columnMaxima(), b, rowSums: rowSums(a), into: &r)
    #expect(found.omega[0] == 0 && found.residuals == [0, 1])
    #expect(found.omega[1] == 1, "|b| itself is the divisor")
    #expect(r.rowArrays == [[0, 0], [0, 1]])
  }

  @Test func numbersThatAreNotFiniteAreFound() throws {
    var random = SplitMix(52)
    let a = try random.sparse(50, 50, diagonal: 2, Double.self)
    var x = random.block(50, 4, Double.self)
    (x[7, 1], x[8, 2]) = (.nan, .infinity)
    let b = random.block(50, 4, Double.self)
    var r = BlockVector<Double>(rows: 50, columns: 4)
    let found = a.residualAndBackwardErrors(of: x, maxima: x.columnMaxima(), b, rowSums: rowSums(a), into: &r)
    for j in [1, 2] { #expect(!found.residuals[j].isFinite) }
    for j in [0, 3] { #expect(found.residuals[j].isFinite && found.omega[j].isFinite) }
  }

  @Test func bitsDoNotDependOnThreads() throws {
    var random = SplitMix(53)
    let a = try random.sparse(9000, 9000, diagonal: 2, Double.self)
    let (x, b) = (random.block(9000, 20, Double.self), random.block(9000, 20, Double.self))
    func found(_ threads: Int) -> ([Double], [Double]) {
      Threads.$limit.withValue(threads) {
        var r = BlockVector<Double>(rows: 9000, columns: 20)
        return a.residualAndBackwardErrors(of: x, maxima: x.columnMaxima(), b, rowSums: rowSums(a), into: &r)
      }
    }
    #expect(found(1) == found(2) && found(1) == found(3))
  }
}
