import BlockKrylov
import ComplexModule
import Testing

@testable import BlockKrylovDirect

@Suite struct FactorPrecisionTests {
  private func reachesRounding<S: Scalar>(_ method: some FactoringMethod, _ a: CSRMatrix<S>) throws {
    var random = SplitMix(43)
    let b = random.block(a.rows, 5, S.self)
    var single = method
    single.factorPrecision = .single
    let prepared = try single.prepare(a)
    let report = try prepared.solve(b).report
    #expect(report.allConverged && report.iterations >= 1)
    for column in report.columns { #expect((column.backwardError ?? 1) <= 4 * S.unitRoundoff) }
    #expect(report.events.contains { $0.kind == .note && $0.detail.contains("single precision") })
    #expect(!report.events.contains { $0.kind == .methodChanged })
  }

  /// Factors in single precision take half the memory, and refinement still ends at the rounding of double precision.
  @Test func refinementReachesDoublePrecision() throws {
    func check<S: Scalar>(_ type: S.Type) throws {
      var random = SplitMix(44)
      let general = try random.sparse(800, 800, perRow: 4, diagonal: 6, type)
      try reachesRounding(SparseLU(), general)
      try reachesRounding(SparseKLU(), general)
      try reachesRounding(SparseCholesky(), try hermitian(500, diagonal: { _ in 20 }, seed: 45, type))
      let quasi = try hermitian(500, diagonal: { $0 < 300 ? 20 : -20 }, seed: 45, type)
      try reachesRounding(SparseCholesky(isQuasiDefinite: true), quasi)
      let (single, double) = (try LUFactorization(general, precision: .single), try LUFactorization(general))
      #expect(single.statistics.storedBytes < double.statistics.storedBytes * 3 / 4)
      let b = random.block(800, 3, type)
      for system in LUFactorization<S>.System.allCases {
        let distance = Reference.distance(try single.solve(b, system), try double.solve(b, system))
        #expect(distance > 1e-12 && distance < 1e-3, "numbers are rounded, and not more than that: \(distance)")
      }
    }
    try check(Double.self)
    try check(Complex<Double>.self)
  }

  /// With a condition of 10¹⁰ each correction by rounded factors is worthless.
  @Test func inaccurateColumnsMakeTheFactorsAnew() throws {
    var random = SplitMix(46)
    let n = 60
    // A rank-one matrix of size 10¹⁰ hides one of size 1.
    let (u, v) = (random.block(n, 1, Double.self), random.block(n, 1, Double.self))
    let small = random.block(n, n, Double.self)
    let a = CSRMatrix(dense: DenseMatrix<Double>(rows: n, columns: n) { 1e10 * u[$0, 0] * v[$1, 0] + small[$0, $1] })
    let b = Reference.product(a, random.block(n, 4, Double.self))
    var method = SparseLU()
    method.factorPrecision = .single
    let prepared = try method.prepare(a)
    let report = try prepared.solve(b).report
    #expect(report.allConverged)
    #expect(report.columns.allSatisfy { ($0.backwardError ?? 1) <= 4 * Double.unitRoundoff })
    #expect(report.events.contains { $0.kind == .methodChanged && $0.detail.contains("double precision from now on") })
    // They stay: the next solve needs no other ones.
    let again = try prepared.solve(b).report
    #expect(again.allConverged && !again.events.contains { $0.kind == .methodChanged })
    // New values are tried in single precision again.
    try prepared.update(CSRMatrix(dense: DenseMatrix<Double>(rows: n, columns: n) { small[$0, $1] + ($0 == $1 ? 20 : 0) }))
    #expect(try prepared.solve(b).report.events.contains { $0.detail == "the factors are kept in single precision" })
  }

  @Test func numbersBeyondSinglePrecisionStayInDouble() throws {
    let within = try CholeskyFactorization(CSRMatrix<Double>(diagonal: [1e-60, 1, 2]), precision: .single)
    #expect(within.factors?.lower.isSingle == true, "10³⁰ is a number of single precision")
    for pivot in [1e-90, 1e90] {
      let beyond = try CholeskyFactorization(CSRMatrix<Double>(diagonal: [pivot, 1, 2]), precision: .single)
      #expect(beyond.factors?.lower.isSingle == false)
      let x = try beyond.solve(BlockVector(column: [pivot, 1, 2])).column(0)
      #expect(x.allSatisfy { abs($0 - 1) < 1e-15 })
    }
    var method = SparseLU()
    method.factorPrecision = .single
    let report = try method.solve(
      CSRMatrix<Double>(rows: 2, columns: 2, rowStart: [0, 2, 3], columnIndex: [0, 1, 1], values: [1, 1e80, 1]),
      BlockVector(column: [1, 0])
    ).report
    #expect(report.allConverged)
  }

  private func entries(_ ordering: FillOrdering, _ a: CSRMatrix<Double>, definite: Bool) throws -> Int {
    let b = BlockVector<Double>(rows: a.rows, columns: 2) { i, j in Double((i + j) % 5) - 2 }
    let statistics: FactorStatistics
    let x: BlockVector<Double>
    if definite {
      let factors = try CholeskyFactorization(a, ordering: ordering)
      (statistics, x) = (factors.statistics, try factors.solve(b))
    } else {
      let factors = try LUFactorization(a, ordering: ordering)
      (statistics, x) = (factors.statistics, try factors.solve(b))
    }
    #expect((Reference.relativeResiduals(a, x, b).max() ?? 1) < 1e-12)
    if ordering == .minimumDegree { #expect(statistics.ordering == "AMD") }
    return statistics.lowerNonzeros
  }

  @Test(arguments: [false, true]) func ordersOfElimination(definite: Bool) throws {
    let a = try Gallery.Problem(specification: definite ? "poisson2d:50" : "convdiff2d:50").matrix(Double.self)
    let counts = try Dictionary(uniqueKeysWithValues: FillOrdering.allCases.map { ($0, try entries($0, a, definite: definite)) })
    let least = try #require(counts.values.min())
    // The bounds that LU compares before pivoting are not exact.
    #expect(try #require(counts[.best]) <= (definite ? least : least * 11 / 10))
    #expect(try #require(counts[.automatic]) <= 2 * least)
  }
}
