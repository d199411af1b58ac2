import BlockKrylov
import ComplexModule
import Testing

@testable import BlockKrylovDirect

/// The 5-point Laplacian of a k × k grid; without boundary conditions its rows sum to zero.
private func laplacian(_ k: Int, neumann: Bool) throws -> CSRMatrix<Double> {
  var builder = try TripletBuilder<Double>(rows: k * k, columns: k * k)
  for i in 0..<k {
    for j in 0..<k {
      let row = i * k + j
      var neighbours = 0
      for (p, q) in [(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)] where (0..<k).contains(p) && (0..<k).contains(q) {
        try builder.add(-1, row: row, column: p * k + q)
        neighbours += 1
      }
      try builder.add(neumann ? Double(neighbours) : 4, row: row, column: row)
    }
  }
  return try builder.csr()
}

@Suite struct SparseLUTests {
  private func solves<S: Scalar>(_ type: S.Type, bound: Double) throws {
    var random = SplitMix(21)
    let a = try random.sparse(300, 300, perRow: 5, diagonal: 4, type)
    let prepared = try SparseLU().prepare(a)
    for m in [1, 2, 7, 33, 100] {
      let b = random.block(300, m, type)
      let result = try prepared.solve(b)
      #expect(result.report.method == "lu" && result.report.allConverged)
      for column in result.report.columns { #expect((column.backwardError ?? 1) <= 4 * S.unitRoundoff) }
      #expect((Reference.relativeResiduals(a, result.solution, b).max() ?? 1) < bound)
    }
  }

  @Test func solvesAllScalarTypesToRounding() throws {
    try solves(Double.self, bound: 1e-14)
    try solves(Complex<Double>.self, bound: 1e-14)
    try solves(Float.self, bound: 1e-5)
    try solves(Complex<Float>.self, bound: 1e-5)
  }

  @Test func refinementIsReported() throws {
    var random = SplitMix(22)
    let a = try random.sparse(300, 300, perRow: 5, diagonal: 1, Double.self)
    let b = random.block(300, 4, Double.self)
    let report = try SparseLU().solve(a, b).report
    let refined = report.events.filter { $0.kind == .refined }
    #expect(refined.count == report.iterations && !refined.isEmpty)
    let unrefined = try SparseLU(maximumIterations: 0).solve(a, b).report
    #expect(unrefined.allConverged && unrefined.iterations == 0)
    #expect(zip(report.columns, unrefined.columns).allSatisfy { ($0.backwardError ?? 1) <= ($1.backwardError ?? 0) })
  }

  @Test func bitsDoNotDependOnThreads() throws {
    var random = SplitMix(23)
    let a = try random.sparse(3000, 3000, perRow: 5, diagonal: 4, Double.self)
    let b = random.block(3000, 19, Double.self)
    let one = try SparseLU(threads: 1).solve(a, b)
    let two = try SparseLU(threads: 2).solve(a, b)
    #expect(one.solution == two.solution)
    #expect(one.report.columns == two.report.columns)
  }

  @Test func valueUpdatesKeepTheAnalysis() throws {
    var random = SplitMix(24)
    let a = try random.sparse(120, 120, diagonal: 4, Double.self)
    let prepared = try SparseLU().prepare(a)
    let b = random.block(120, 3, Double.self)
    var changed = a
    try changed.updateValues(a.values.map { 3 * $0 + 0.01 })
    try prepared.update(changed)
    #expect((Reference.relativeResiduals(changed, try prepared.solve(b).solution, b).max() ?? 1) < 1e-13)
    #expect(prepared.setupEvents.isEmpty)
    let other = try random.sparse(120, 120, perRow: 6, diagonal: 4, Double.self)
    try prepared.update(other)
    #expect((Reference.relativeResiduals(other, try prepared.solve(b).solution, b).max() ?? 1) < 1e-13)
    #expect(prepared.setupEvents.map(\.kind) == [.note])
    #expect(throws: BlockKrylovError.self) { try prepared.update(CSRMatrix<Double>(diagonal: [1])) }
  }

  @Test func rowsScaledOverThreeHundredDecades() throws {
    var random = SplitMix(25)
    let good = try random.sparse(200, 200, perRow: 5, diagonal: 4, Double.self)
    var builder = try TripletBuilder<Double>(rows: 200, columns: 200)
    let scale = (0..<200).map { i in i % 3 == 0 ? 1e150 : (i % 3 == 1 ? 1e-150 : 1) }
    for i in 0..<200 {
      for k in good.rowStart[i]..<good.rowStart[i + 1] {
        try builder.add(scale[i] * good.values[k], row: i, column: Int(good.columnIndex[k]))
      }
    }
    let a = try builder.csr()
    let truth = random.block(200, 5, Double.self)
    let result = try SparseLU().solve(a, Reference.product(a, truth))
    #expect(result.report.allConverged)
    #expect(result.report.columns.allSatisfy { ($0.backwardError ?? 1) <= 4 * Double.unitRoundoff })
    // Row scaling does not change the solution, and the backward error is by component: x is as good as for the good matrix.
    #expect(Reference.distance(result.solution, truth) < 1e-12)
  }

  @Test func zeroAndNaNColumnsStandBesideGoodOnes() throws {
    var random = SplitMix(26)
    let a = try random.sparse(90, 90, diagonal: 4, Double.self)
    let clean = random.block(90, 5, Double.self)
    var b = clean
    for i in 0..<90 { b[i, 1] = 0 }
    b[17, 3] = .nan
    let result = try SparseLU().solve(a, b)
    let alone = try SparseLU().solve(a, clean).solution
    #expect(result.report.columns[1].status == .zeroRightHandSide)
    #expect(result.report.columns[3].status == .nonFinite(.rightHandSide))
    for j in [0, 2, 4] {
      #expect(result.report.columns[j].status == .converged)
      #expect(result.solution.column(j) == alone.column(j))
    }
    #expect(result.solution.column(3).allSatisfy { $0 == 0 })
  }

  @Test func zeroRowIsSingular() throws {
    let a = CSRMatrix<Double>(diagonal: [2, 0, 4])
    let guess = BlockVector<Double>(rows: 3, columns: 2) { _, _ in 1 }
    let result = try SparseLU().prepare(a).solve(BlockVector(rows: [[1, 2], [1, 0], [1, 4]]), from: guess)
    for column in result.report.columns where !column.status.isConverged {
      #expect(column.status == .singular(reciprocalCondition: 0))
      #expect(column.trueResidual.isFinite)
    }
    #expect(result.report.columns[0].status == .singular(reciprocalCondition: 0))
    #expect(result.solution.column(0) == [1, 1, 1], "a column that cannot be solved keeps the guess")
    #expect(result.report.events.contains { $0.kind == .note && $0.detail.contains("1 of 3 pivots") })
  }

  @Test func duplicateRowsAreSingular() throws {
    let a = try CSRMatrix<Double>(
      rows: 3, columns: 3, rowStart: [0, 3, 6, 9], columnIndex: [0, 1, 2, 0, 1, 2, 0, 1, 2], values: [1, 2, 3, 1, 2, 3, 4, 5, 7])
    let result = try SparseLU().solve(a, BlockVector(column: [1, 2, 3]))
    guard case .singular = result.report.columns[0].status else {
      Issue.record("status is \(result.report.columns[0].status)")
      return
    }
    #expect(result.solution.column(0).allSatisfy { $0.isFinite })
  }

  @Test func neumannLaplacian() throws {
    let a = try laplacian(12, neumann: true)
    var random = SplitMix(27)
    let consistent = Reference.product(a, random.block(144, 1, Double.self))
    var b = BlockVector<Double>(rows: 144, columns: 2) { i, j in j == 0 ? consistent[i, 0] : 1 }
    b[3, 1] = 2
    let result = try SparseLU().solve(a, b)
    guard case .singular(let rcond) = result.report.columns[1].status else {
      Issue.record("the inconsistent column has status \(result.report.columns[1].status)")
      return
    }
    #expect((rcond ?? 1) < 1e-14)
    #expect(result.report.events.contains { $0.kind == .note && $0.detail.contains("singular") })
    #expect(result.solution.columnMaxima().allSatisfy { $0.isFinite })
    #expect(result.report.columns[0].status == .converged, "a consistent system is solved though A is singular")
    #expect(Reference.relativeResiduals(a, result.solution, b)[0] < 1e-8)
  }

  @Test func unattainableToleranceStagnates() throws {
    let a = try laplacian(10, neumann: false)
    var random = SplitMix(28)
    let result = try SparseLU(tolerance: .relative(1e-30)).solve(a, random.block(100, 2, Double.self))
    #expect(result.report.columns.allSatisfy { $0.status == .stagnated(.attainableAccuracy) })
    #expect(result.report.columns.allSatisfy { $0.trueRelativeResidual < 1e-14 })
  }

  @Test func overflowingSolutionIsNotLeftInX() throws {
    let a = CSRMatrix<Float>(diagonal: [1e-30, 1])
    let result = try SparseLU().solve(a, BlockVector<Float>(rows: [[1e30, 1], [1, 0]]))
    #expect(result.solution.columnMaxima().allSatisfy { $0.isFinite })
    #expect(!result.report.columns[0].status.isConverged)
  }

  @Test func observerMayStopRefinement() throws {
    var random = SplitMix(29)
    let a = try random.sparse(300, 300, perRow: 5, diagonal: 1, Double.self)
    let b = random.block(300, 4, Double.self)
    var calls = 0
    let result = try SparseLU().prepare(a).solve(b) { progress in
      calls += 1
      #expect(progress.method == "lu")
      return .stop
    }
    #expect(calls == 1 && result.report.iterations == 1)
    #expect(result.report.allConverged, "the tolerance is met though refinement was cut short")
  }

  @Test func emptyShapes() throws {
    let empty = try SparseLU().solve(CSRMatrix<Double>(diagonal: []), BlockVector(rows: 0, columns: 2))
    #expect(empty.report.allConverged)
    let one = try SparseLU().solve(CSRMatrix<Double>(diagonal: [4]), BlockVector(column: [2]))
    #expect(one.solution.rowArrays == [[0.5]])
    let none = try SparseLU().solve(CSRMatrix<Double>(diagonal: [4, 5]), BlockVector(rows: 2, columns: 0))
    #expect(none.report.columns.isEmpty)
  }

  @Test func misuseThrows() throws {
    var random = SplitMix(30)
    let rectangular = try random.sparse(4, 5, Double.self)
    #expect(throws: BlockKrylovError.self) { try SparseLU().prepare(rectangular) }
    #expect(throws: BlockKrylovError.self) { try SparseLU().prepare(MatrixFreeOperator<Double>(size: 4) { x, y in y = x }) }
  }

  @Test func otherOperatorsWithEntries() throws {
    var random = SplitMix(31)
    let a = try random.sparse(40, 40, diagonal: 4, Double.self)
    let b = random.block(40, 2, Double.self)
    let expected = try SparseLU().solve(a, b).solution
    #expect(try SparseLU().solve(CSCMatrix(a), b).solution == expected)
    #expect(Reference.distance(try SparseLU().solve(DenseOperator(a.dense), b).solution, expected) < 1e-13)
  }

  /// Many columns of a small system are solved in panels, with the bits of fewer columns at once: where none is refined, and where all
  /// are.
  @Test(arguments: [FactorPrecision.double, .single]) func panelsDoNotChangeColumns(precision: FactorPrecision) throws {
    let a = try laplacian(66, neumann: false)
    var random = SplitMix(77)
    let b = random.block(a.rows, 300, Double.self)
    var method = SparseLU()
    method.factorPrecision = precision
    let prepared = try method.prepare(a)
    let result = try prepared.solve(b)
    #expect(result.report.columns.allSatisfy { $0.status.isConverged })
    #expect(result.report.operatorApplications > (precision == .double ? 2 : 3))
    for range in [0..<40, 140..<180, 260..<300] {
      let part = try prepared.solve(b[columns: range])
      #expect(part.report.operatorApplications <= 4)
      #expect(part.solution == result.solution[columns: range])
      for (k, j) in range.enumerated() {
        #expect(part.report.columns[k].iterations == result.report.columns[j].iterations)
        #expect(part.report.columns[k].backwardError == result.report.columns[j].backwardError)
        #expect(part.report.columns[k].trueResidual == result.report.columns[j].trueResidual)
      }
    }
  }
}
