import Testing

@testable import BlockKrylov

struct AutomaticSolverTests {
  private func solve(_ a: CSRMatrix<Double>, columns: Int = 3) throws -> SolveReport {
    var random = SplitMix(81)
    let b = random.block(a.rows, columns, Double.self)
    let result = try BlockKrylov.solve(a, b)
    for (column, residual) in zip(result.report.columns, Reference.relativeResiduals(a, result.solution, b))
    where column.status.isConverged { #expect(residual <= 1.0000001e-8) }
    #expect(!result.report.explanation.isEmpty)
    return result.report
  }

  @Test func positiveDefiniteTakesCG() throws {
    let report = try solve(Reference.poisson(30, Double.self))
    #expect(report.method == "cg" && report.preconditioner == "ic0" && report.allConverged)
  }

  @Test func negativeDefiniteTakesCGOnMinusA() throws {
    let report = try solve(Reference.poisson(30, Double.self).mapValues { -$0 })
    #expect(report.method == "cg" && report.allConverged)
  }

  @Test func generalTakesGMRES() throws {
    let report = try solve(Reference.convection(30, 20))
    #expect(report.method == "gmres" && report.preconditioner == "ilu0" && report.allConverged)
  }

  @Test func smallTakesADirectSolve() throws {
    #expect(try solve(Reference.convection(10, 20)).method == "dense")
  }

  /// Symmetric with a positive diagonal, yet indefinite: CG finds out and another method takes over, as an event.
  @Test func indefiniteMovesOn() throws {
    let a = try Reference.poisson(30, Double.self)
    let shifted = CSRMatrix(
      uncheckedRows: 900, columns: 900, rowStart: a.rowStart, columnIndex: a.columnIndex,
      values: a.values.map { $0 == 4 ? 3.2 : $0 })
    let report = try solve(shifted)
    #expect(report.allConverged && report.method == "minres" && report.preconditioner == "ic0")
    #expect(report.events.contains { $0.kind == .methodChanged })
  }

  /// Symmetric with a diagonal of both signs.
  @Test func indefiniteTakesMINRES() throws {
    let a = try Reference.poisson(30, Double.self)
    let mixed = CSRMatrix(
      uncheckedRows: 900, columns: 900, rowStart: a.rowStart, columnIndex: a.columnIndex,
      values: a.values.enumerated().map { $0.element == 4 ? ($0.offset % 3 == 0 ? -5 : 6) : $0.element })
    let report = try solve(mixed)
    #expect(report.method == "minres" && report.preconditioner == "jacobi" && report.allConverged)
  }

  @Test func zeroRowsAreRefused() throws {
    var t = try TripletBuilder<Double>(rows: 3, columns: 3)
    try t.add(1, row: 0, column: 0)
    try t.add(1, row: 2, column: 1)
    let a = try t.csr()
    let error = #expect(throws: BlockKrylovError.self) { try BlockKrylov.solve(a, BlockVector(rows: 3, columns: 1)) }
    #expect(error?.description.contains("1 rows without a nonzero entry (1, counted from 0)") == true)
  }

  @Test func denseAndMatrixFree() throws {
    var random = SplitMix(82)
    let a = try Reference.poisson(8, Double.self)
    let b = random.block(64, 2, Double.self)
    #expect(try BlockKrylov.solve(DenseOperator(a.dense), b).report.method == "dense")
    let free = MatrixFreeOperator<Double>(size: 64) { x, y in try a.apply(to: x, into: &y) }
    #expect(try BlockKrylov.solve(free, b).report.method == "gmres")
    let tagged = MatrixFreeOperator<Double>(size: 64, structure: [.symmetric, .positiveDefinite]) { x, y in
      try a.apply(to: x, into: &y)
    }
    #expect(try BlockKrylov.solve(tagged, b).report.method == "cg")
    let symmetric = MatrixFreeOperator<Double>(size: 64, structure: .symmetric) { x, y in try a.apply(to: x, into: &y) }
    #expect(try BlockKrylov.solve(symmetric, b).report.method == "minres")
  }

  /// A method of the plan fails for good: what is left is named, and no column is called solved.
  @Test func singularInconsistentSystems() throws {
    let a = try Gallery.Problem(.neumann2d, size: 30).matrix(Double.self)
    let report = try solve(a)
    #expect(report.columns.allSatisfy { !$0.status.isConverged && $0.remedy != nil })
  }
}
