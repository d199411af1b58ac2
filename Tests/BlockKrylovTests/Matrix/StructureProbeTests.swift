import ComplexModule
import Testing

@testable import BlockKrylov

/// What the probe says, against the same question asked of the dense matrix.
struct StructureProbeTests {
  private typealias C = Complex<Double>

  private func compare<S: Scalar>(_ a: CSRMatrix<S>, _ what: String) {
    let (d, n, m) = (a.dense, a.rows, a.columns)
    let probe = a.probe()
    func every(_ test: (Int, Int) -> Bool) -> Bool { (0..<n).allSatisfy { i in (0..<m).allSatisfy { test(i, $0) } } }
    let square = n == m
    #expect(probe.rows == n && probe.columns == m && probe.nonzeros == a.nonzeros)
    #expect(probe.symmetric == (square && every { d[$0, $1] == d[$1, $0] }), "\(what)")
    #expect(probe.hermitian == (square && every { d[$0, $1] == d[$1, $0].conjugate }), "\(what)")
    #expect(probe.skewSymmetric == (square && a.nonzeros > 0 && every { d[$0, $1] == -d[$1, $0] }), "\(what)")
    #expect(
      probe.patternSymmetric
        == (square && every { (a.position(row: $0, column: $1) == nil) == (a.position(row: $1, column: $0) == nil) }), "\(what)")
    let zeroRows = (0..<n).filter { i in (0..<m).allSatisfy { d[i, $0] == 0 } }
    let zeroColumns = (0..<m).filter { j in (0..<n).allSatisfy { d[$0, j] == 0 } }
    #expect(probe.zeroRowCount == zeroRows.count && probe.zeroRows == Array(zeroRows.prefix(8)), "\(what)")
    #expect(probe.zeroColumnCount == zeroColumns.count && probe.zeroColumns == Array(zeroColumns.prefix(8)), "\(what)")
    var (lower, upper, dominant) = (0, 0, 0)
    var sizes: [Double] = []
    for i in 0..<n {
      for j in 0..<m where d[i, j] != 0 {
        (lower, upper) = (max(lower, i - j), max(upper, j - i))
        sizes.append(Double(d[i, j].modulus))
      }
      let others = (0..<m).filter { $0 != i }.reduce(0) { $0 + Double(d[i, $1].modulus) }
      if !zeroRows.contains(i), i < m ? Double(d[i, i].modulus) >= others : others == 0 { dominant += 1 }
    }
    #expect(probe.lowerBandwidth == lower && probe.upperBandwidth == upper && probe.dominantRows == dominant, "\(what)")
    #expect(probe.largestEntry == sizes.max() ?? 0 && probe.smallestEntry == sizes.min() ?? 0, "\(what)")
    #expect(probe.longestRow == (0..<n).map { a.rowStart[$0 + 1] - a.rowStart[$0] }.max() ?? 0, "\(what)")
    #expect(probe.storedZeros == a.values.filter { $0 == 0 }.count, "\(what)")
    let diagonal = (0..<min(n, m)).map { d[$0, $0] }
    #expect(probe.positiveDiagonal == diagonal.filter { $0.imaginaryPart == 0 && $0.realPart > 0 }.count, "\(what)")
    #expect(probe.negativeDiagonal == diagonal.filter { $0.imaginaryPart == 0 && $0.realPart < 0 }.count, "\(what)")
    #expect(probe.zeroDiagonal == diagonal.filter { $0 == 0 }.count, "\(what)")
    #expect(probe.isDiagonallyDominant == (square && dominant == n), "\(what)")
    #expect(probe.looksPositiveDefinite == (square && n > 0 && probe.hermitian && probe.positiveDiagonal == n), "\(what)")
    let tags = probe.structure
    #expect(tags.contains(.lowerTriangular) == every { $0 >= $1 || d[$0, $1] == 0 }, "\(what)")
    #expect(tags.contains(.upperTriangular) == every { $0 <= $1 || d[$0, $1] == 0 }, "\(what)")
    #expect(tags.contains(.symmetric) == probe.symmetric && tags.contains(.hermitian) == probe.hermitian, "\(what)")
    #expect(!tags.contains(.positiveDefinite) && !tags.contains(.negativeDefinite), "\(what)")
  }

  @Test(arguments: ScalarTypes.all)
  func againstTheDenseMatrix(type: any Scalar.Type) throws { try check(type) }

  private func check<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(421)
    for (n, m) in [(0, 0), (0, 2), (2, 0), (1, 1), (12, 12), (12, 7), (7, 12)] {
      compare(try random.sparse(n, m, perRow: 2, emptyRows: true, S.self), "random \(n) × \(m)")
      compare(try random.sparse(n, m, perRow: 3, diagonal: 8, S.self), "dominant \(n) × \(m)")
    }
    let a = try random.sparse(9, 9, perRow: 2, diagonal: 5, S.self)
    let symmetric = a.adding(a.transposed())
    compare(symmetric, "symmetric")
    compare(a.adding(a.adjointMatrix()), "hermitian")
    compare(a.adding(a.transposed().mapValues { -$0 }), "skew-symmetric")
    compare(CSRMatrix<S>(diagonal: [1, -2, 0, 3]), "diagonal")
    var t = try TripletBuilder<S>(rows: 5, columns: 5)
    for i in 0..<5 { for j in 0...i { try t.add(S(double: Double(i + j + 1)), row: i, column: j) } }
    compare(try t.csr(), "lower triangle")
    compare(try t.csr().transposed(), "upper triangle")
    compare(CSRMatrix<S>(diagonal: [0, 0]), "stored zeros")
  }

  @Test func hermitianIsNotSymmetric() throws {
    var t = try TripletBuilder<C>(rows: 2, columns: 2)
    for (i, j, value) in [(0, 0, C(2, 0)), (0, 1, C(1, 1)), (1, 0, C(1, -1)), (1, 1, C(3, 0))] {
      try t.add(value, row: i, column: j)
    }
    let hermitian = try t.csr().probe()
    #expect(hermitian.hermitian && !hermitian.symmetric && hermitian.looksPositiveDefinite && hermitian.asymmetry == 0)
    let symmetric = try t.csr().mapValues { C($0.real, abs($0.imaginary)) }.probe()
    #expect(symmetric.symmetric && !symmetric.hermitian && !symmetric.looksPositiveDefinite)
    #expect(abs(symmetric.asymmetry - 2.0 / 3) <= 1e-15)
    #expect(try t.csr().mapValues { -$0 }.probe().looksNegativeDefinite)
  }

  @Test func asymmetryOfRoundingIsSeenAsSuch() throws {
    let a = try Reference.poisson(5, Double.self)
    var values = a.values
    values[1] *= 1 + 4e-16
    var spoilt = a
    try spoilt.updateValues(values)
    let probe = spoilt.probe()
    #expect(!probe.symmetric && probe.patternSymmetric && probe.asymmetry > 0 && probe.asymmetry < 1e-15)
    #expect(a.probe().isDiagonallyDominant && a.probe().lowerBandwidth == 5)
  }
}
