import BlockKrylov
import Testing

@testable import BlockKrylovDirect

/// Direct solves of many columns in panels that fit into a cache do what they do in one block.
@Suite struct PanelTests {
  /// Right-hand sides of solutions whose entries span ten orders of magnitude, which need refinement, where `isGraded` says so.
  private func rightHandSides(_ a: CSRMatrix<Double>, columns: Int, isGraded: (Int) -> Bool) -> BlockVector<Double> {
    var random = SplitMix(71)
    var x = random.block(a.rows, columns, Double.self)
    for j in 0..<columns where isGraded(j) { for i in 0..<a.rows { x[i, j] *= i % 2 == 0 ? 1 : 1e-10 } }
    return Reference.product(a, x)
  }

  /// A cache with room for panels of 16 columns: three blocks of them in half of it, besides the factors.
  private func cache(_ statistics: FactorStatistics) -> Int {
    2 * (statistics.storedBytes + 8 * statistics.order + 3 * 16 * 8 * statistics.order)
  }

  private func agrees(
    _ b: BlockVector<Double>, _ a: CSRMatrix<Double>, by method: some BlockMethod, _ statistics: FactorStatistics,
    panels: Int
  ) throws {
    let together = try method.prepare(a).solve(b)
    let prepared = try method.prepare(a)
    let apart = try CacheSize.$lastLevel.withValue(cache(statistics)) { try [prepared.solve(b), prepared.solve(b)] }
    for result in apart {
      let more = result.report.operatorApplications - together.report.operatorApplications
      #expect(panels == more + 1, "\(more) more operator applications")
      #expect(Reference.distance(result.solution, together.solution) == 0)
      #expect(result.report.iterations == together.report.iterations)
      for (one, other) in zip(result.report.columns, together.report.columns) {
        #expect(one.status == other.status && one.iterations == other.iterations && one.trueResidual == other.trueResidual)
        #expect(one.backwardError == other.backwardError)
        #expect(one.history == other.history)
      }
    }
  }

  @Test func panelsDoWhatOneBlockDoes() throws {
    let a = try Gallery.Problem(specification: "convdiff2d:70:10").matrix(Double.self)
    let statistics = try LUFactorization(a).statistics
    // No column, some of each panel, or all of one need to be refined; where most do, all go on as one block after the first panel.
    let cases: [(isGraded: (Int) -> Bool, panels: Int)] = [
      ({ _ in false }, 5), ({ $0 % 7 == 3 }, 5), ({ $0 >= 32 && $0 < 48 }, 5), ({ $0 % 7 != 3 }, 2),
    ]
    for (isGraded, panels) in cases {
      try agrees(rightHandSides(a, columns: 77, isGraded: isGraded), a, by: SparseLU(), statistics, panels: panels)
    }
  }

  /// Rounded factors make every column need refinement: after the first panel all others go on as one block.
  @Test func panelsGiveUpWhereAllColumnsAreRefined() throws {
    let a = try Gallery.Problem(specification: "poisson2d:70").matrix(Double.self)
    let factors = try CholeskyFactorization(a, precision: .single)
    var single = SparseCholesky()
    single.factorPrecision = .single
    try agrees(rightHandSides(a, columns: 70) { _ in false }, a, by: single, factors.statistics, panels: 2)
  }

  @Test func columnsThatAreSetAsideStayAside() throws {
    let a = try Gallery.Problem(specification: "poisson2d:70").matrix(Double.self)
    var b = rightHandSides(a, columns: 65) { $0 % 5 == 0 }
    for i in 0..<a.rows { b[i, 7] = 0 }
    b[3, 40] = .nan
    let prepared = try SparseLU().prepare(a)
    let together = try prepared.solve(b)
    let apart = try CacheSize.$lastLevel.withValue(cache(LUFactorization(a).statistics)) { try prepared.solve(b) }
    #expect(apart.report.columns.map(\.status) == together.report.columns.map(\.status))
    #expect(apart.report.columns[7].status == .zeroRightHandSide && apart.report.columns[40].status == .nonFinite(.rightHandSide))
    #expect(Reference.distance(apart.solution, together.solution) == 0)
  }

  /// A time limit that is over before the first panel leaves solutions for all columns, refined or not, and says so of those that are not
  /// solved.
  @Test func aLimitBetweenPanelsLosesNoColumn() throws {
    let a = try Gallery.Problem(specification: "convdiff2d:70:10").matrix(Double.self)
    let b = rightHandSides(a, columns: 64) { $0 % 7 == 3 }
    let method = SparseLU().with { ($0.timeLimit, $0.tolerance) = (.nanoseconds(1), .relative(0)) }
    let size = cache(try LUFactorization(a).statistics)
    let result = try CacheSize.$lastLevel.withValue(size) { try method.prepare(a).solve(b) }
    let together = try method.prepare(a).solve(b)
    #expect(result.report.columns.map(\.status) == together.report.columns.map(\.status))
    #expect(result.report.columns.contains { $0.status == .timeLimit })
    #expect(Reference.distance(result.solution, together.solution) == 0)
  }
}
