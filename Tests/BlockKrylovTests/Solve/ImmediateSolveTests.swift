import ComplexModule
import Testing

@testable import BlockKrylov

/// The short way of a direct solve gives what the long way gives, and leaves the rest to it.
struct ImmediateSolveTests {
  private func dense<S: Scalar>(_ n: Int, _ random: inout SplitMix, _ type: S.Type) -> DenseOperator<S> {
    DenseOperator(
      DenseMatrix<S>(rows: n, columns: n) { i, j in
        let value: S = random.scalar()
        return i == j ? value + S(double: 4) : value
      })
  }

  private func short<S: Scalar>(
    _ solver: PreparedSolver<S>, _ b: BlockVector<S>, _ x: inout BlockVector<S>
  ) throws -> SolveReport? {
    try solver.options.onItsThreads { try solver.solveAtOnce(b, into: &x) }
  }

  private func long<S: Scalar>(_ solver: PreparedSolver<S>, _ b: BlockVector<S>) throws -> SolveResult<S> {
    try solver.options.onItsThreads { try solver.solveColumns(b, from: nil, observer: nil) }
  }

  private func expectSame(_ short: SolveReport, _ long: SolveReport) {
    // In words, where NaN equals NaN.
    #expect(String(describing: short.columns) == String(describing: long.columns))
    #expect(short.events == long.events && short.explanation == long.explanation)
    #expect(short.method == long.method && short.preconditioner == long.preconditioner)
    #expect(short.operatorApplications == long.operatorApplications && short.columnsApplied == long.columnsApplied)
    #expect(short.iterations == long.iterations && short.blockWidth == long.blockWidth && short.threads == long.threads)
    // The long way keeps the blocks of a refinement for the next one, and counts a copy of B where columns stay out.
    #expect(short.bytesPlanned == long.bytesPlanned && short.bytesUsed <= long.bytesUsed)
    #expect(short.setupSeconds == long.setupSeconds && short.solveSeconds > 0)
  }

  private func bothWays<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(81)
    var count = 0
    for (n, m) in [(1, 1), (3, 2), (20, 20), (70, 65), (130, 5)] {
      for method in [DenseLU(), AutomaticSolver(), DenseLU().with { $0.recordsHistory = false }] as [any BlockMethod] {
        let prepared = try method.prepare(dense(n, &random, type))
        let b = random.block(n, m, type)
        var x = BlockVector<S>(rows: n, columns: m)
        let long = try self.long(prepared, b)
        guard let short = try self.short(prepared, b, &x) else {
          #expect(long.report.events.contains { $0.kind == .refined }, "\(n) × \(m)")
          continue
        }
        count += 1
        #expect(x == long.solution)
        expectSame(short, long.report)
        let result = try prepared.solve(b)
        #expect(result.solution == x && result.report.columns == short.columns)
      }
    }
    #expect(count >= 9, "of 15 solves, most need no refinement")
  }

  @Test func theShortWayGivesTheSameBitsAndReports() throws {
    try bothWays(Double.self)
    try bothWays(Float.self)
    try bothWays(Complex<Double>.self)
    try bothWays(Complex<Float>.self)
  }

  /// Columns of any kind: the status is that of the long way, whichever way was taken.
  @Test func everyStatusIsThatOfTheLongWay() throws {
    var random = SplitMix(82)
    let a = dense(20, &random, Double.self)
    let clean = random.block(20, 3, Double.self)
    func column(_ scale: Double, _ special: Double? = nil) -> BlockVector<Double> {
      var b = clean
      for i in 0..<20 { b[i, 1] *= scale }
      if let special { b[3, 1] = special }
      return b
    }
    let scales = [1, 0, 1e250, 1e-250, 0x1p-1030, 1e40, 1e-40]
    let cases = scales.map { column($0) } + [column(1, .nan), column(1, .infinity)]
    for tolerance in [Tolerance.default, .relative(0), .absolute(1e3), .perColumn(relative: [1e-2, 1e-18, 1e-8])] {
      let prepared = try DenseLU(tolerance: tolerance).prepare(a)
      for b in cases {
        let result = try prepared.solve(b)
        let long = try self.long(prepared, b)
        #expect(result.solution == long.solution)
        expectSame(result.report, long.report)
      }
    }
    let singular = try DenseLU().prepare(DenseOperator<Double>(rows: [[1, 2], [1, 2]]))
    var x = BlockVector<Double>(rows: 2, columns: 1)
    #expect(try short(singular, BlockVector(column: [1, 3]), &x) == nil)
    #expect(try singular.solve(BlockVector(column: [1, 3])).report.columns[0].status == .singular(reciprocalCondition: 0))
  }

  /// A matrix on which the factors alone are not sound is refined.
  @Test func unsoundColumnsAreRefined() throws {
    // Wilkinson's matrix, on which partial pivoting loses 2ⁿ⁻¹.
    let n = 40
    let a = DenseOperator(
      DenseMatrix<Double>(rows: n, columns: n) { i, j in
        if i == j || j == n - 1 { return 1 }
        return i > j ? -1 : 0
      })
    var random = SplitMix(83)
    let b = random.block(n, 3, Double.self)
    let prepared = try DenseLU().prepare(a)
    var x = BlockVector<Double>(rows: n, columns: 3)
    #expect(try short(prepared, b, &x) == nil)
    let report = try prepared.solve(b).report
    #expect(report.allConverged && report.events.contains { $0.kind == .refined })
    #expect(report.columns.allSatisfy { ($0.backwardError ?? 1) <= 8 * Double.unitRoundoff })
  }

  @Test func solvesIntoABlockThatIsThere() throws {
    var random = SplitMix(84)
    let a = try Reference.poisson(12, Double.self)
    for method in [DenseLU(), BlockCG(), AutomaticSolver()] as [any BlockMethod] {
      let prepared = try method.prepare(a)
      let b = random.block(144, 4, Double.self)
      let result = try prepared.solve(b)
      var x = random.block(144, 4, Double.self)
      let copy = x
      let report = try prepared.solve(b, into: &x)
      #expect(x == result.solution && report.columns == result.report.columns && copy != x)
      let again = try prepared.solve(b, into: &x, startingFromX: true)
      #expect(again.columns.allSatisfy { $0.status == .convergedAtStart } && x == result.solution)
      #expect(throws: BlockKrylovError.self) { try prepared.solve(b[columns: 0..<3], into: &x) }
      #expect(x == result.solution)
    }
  }

  @Test func newValuesAreSolvedAtOnceToo() throws {
    var random = SplitMix(85)
    let (first, second) = (dense(20, &random, Double.self), dense(20, &random, Double.self))
    let b = random.block(20, 2, Double.self)
    for method in [DenseLU(), AutomaticSolver()] as [any BlockMethod] {
      let prepared = try method.prepare(first)
      try prepared.update(second)
      var x = BlockVector<Double>(rows: 20, columns: 2)
      #expect(try self.short(prepared, b, &x)?.allConverged == true)
      #expect((Reference.relativeResiduals(CSRMatrix(dense: second.matrix), x, b).max() ?? 1) < 1e-13)
    }
  }
}
