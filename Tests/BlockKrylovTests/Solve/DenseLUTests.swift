import ComplexModule
import Testing

@testable import BlockKrylov

@Suite struct DenseLUTests {
  private func solves<S: Scalar>(_ type: S.Type, bound: Double) throws {
    var random = SplitMix(41)
    for n in [1, 2, 20, 65, 150] {
      let a = DenseMatrix<S>(rows: n, columns: n) { i, j in
        let value: S = random.scalar()
        return i == j ? value + S(double: 4) : value
      }
      let prepared = try DenseLU().prepare(DenseOperator(a))
      for m in [1, 2, 33, 100] {
        let b = random.block(n, m, type)
        let result = try prepared.solve(b)
        #expect(result.report.method == "dense" && result.report.allConverged)
        let sound = max(4, Double(n).squareRoot()) * S.unitRoundoff
        for column in result.report.columns { #expect((column.backwardError ?? 1) <= sound) }
        #expect((Reference.relativeResiduals(CSRMatrix(dense: a), result.solution, b).max() ?? 1) < bound)
        let refined = try DenseLU().refinedToRounding().prepare(DenseOperator(a)).solve(b)
        for column in refined.report.columns { #expect((column.backwardError ?? 1) <= 4 * S.unitRoundoff) }
      }
    }
  }

  @Test func solvesAllScalarTypesToRounding() throws {
    try solves(Double.self, bound: 1e-12)
    try solves(Complex<Double>.self, bound: 1e-12)
    try solves(Float.self, bound: 1e-3)
    try solves(Complex<Float>.self, bound: 1e-3)
  }

  @Test func inverseOfAnIntegerMatrixIsExact() throws {
    let a = try DenseOperator<Double>(rows: [[1, 2, 0], [0, 1, 3], [0, 0, 1]])
    let result = try DenseLU().solve(a, .identity(rows: 3))
    #expect(result.solution.rowArrays == [[1, -2, 6], [0, 1, -3], [0, 0, 1]])
    #expect(result.report.columns.allSatisfy { $0.backwardError == 0 })
  }

  @Test func sparseMatricesAreFactoredDense() throws {
    var random = SplitMix(42)
    let a = try random.sparse(70, 70, diagonal: 4, Complex<Double>.self)
    let b = random.block(70, 3, Complex<Double>.self)
    let result = try DenseLU().solve(a, b)
    #expect(result.report.allConverged)
    #expect((Reference.relativeResiduals(a, result.solution, b).max() ?? 1) < 1e-14)
  }

  @Test func bitsDoNotDependOnThreads() throws {
    var random = SplitMix(43)
    let a = DenseMatrix<Double>(rows: 200, columns: 200) { i, j in random.scalar() + (i == j ? 10 : 0) }
    let b = random.block(200, 33, Double.self)
    let one = try DenseLU(threads: 1).solve(DenseOperator(a), b)
    let two = try DenseLU(threads: 2).solve(DenseOperator(a), b)
    #expect(one.solution == two.solution)
  }

  @Test func newValues() throws {
    var random = SplitMix(44)
    let first = DenseMatrix<Double>(rows: 30, columns: 30) { i, j in random.scalar() + (i == j ? 6 : 0) }
    let second = DenseMatrix<Double>(rows: 30, columns: 30) { i, j in random.scalar() + (i == j ? 6 : 0) }
    let b = random.block(30, 4, Double.self)
    let prepared = try DenseLU().prepare(DenseOperator(first))
    try prepared.update(DenseOperator(second))
    #expect((Reference.relativeResiduals(CSRMatrix(dense: second), try prepared.solve(b).solution, b).max() ?? 1) < 1e-13)
  }

  @Test func rowsScaledOverThreeHundredDecades() throws {
    var random = SplitMix(45)
    let a = DenseMatrix<Double>(rows: 30, columns: 30) { i, j in
      (random.scalar() + (i == j ? 6 : 0)) * (i % 3 == 0 ? 1e150 : (i % 3 == 1 ? 1e-150 : 1))
    }
    let truth = random.block(30, 4, Double.self)
    let result = try DenseLU().solve(DenseOperator(a), Reference.product(CSRMatrix(dense: a), truth))
    #expect(result.report.allConverged)
    #expect(result.report.columns.allSatisfy { ($0.backwardError ?? 1) <= 4 * Double.unitRoundoff })
    #expect(Reference.distance(result.solution, truth) < 1e-12)
    #expect(!result.report.events.contains { $0.kind == .note }, "row scaling does not make a matrix singular")
  }

  @Test func zeroAndNaNColumnsStandBesideGoodOnes() throws {
    var random = SplitMix(46)
    let a = DenseOperator(DenseMatrix<Double>(rows: 20, columns: 20) { i, j in random.scalar() + (i == j ? 6 : 0) })
    let clean = random.block(20, 5, Double.self)
    var b = clean
    for i in 0..<20 { b[i, 1] = 0 }
    b[7, 3] = .infinity
    let result = try DenseLU().solve(a, b)
    #expect(
      result.report.columns.map(\.status.name) == ["converged", "zeroRightHandSide", "converged", "nonFinite", "converged"])
    let alone = try DenseLU().solve(a, clean).solution
    for j in [0, 2, 4] { #expect(Reference.distance(result.solution[columns: j..<(j + 1)], alone[columns: j..<(j + 1)]) < 1e-14) }
    #expect(result.solution.columnMaxima().allSatisfy { $0.isFinite })
  }

  @Test func singularMatrices() throws {
    for rows in [[[1.0, 2], [0, 0]], [[1, 2], [1, 2]], [[0, 0], [0, 0]]] {
      let result = try DenseLU().prepare(DenseOperator(rows: rows)).solve(
        BlockVector(column: [1, 3]), from: BlockVector(column: [1, 1]))
      #expect(result.report.columns[0].status == .singular(reciprocalCondition: 0))
      #expect(result.solution.column(0) == [1, 1])
      #expect(result.report.events.contains { $0.kind == .note && $0.detail.contains("of 2 pivots") })
    }
  }

  @Test func nearlySingularButConsistentIsConvergedWithANote() throws {
    let a = try DenseOperator<Double>(rows: [[1, 1], [1, 1 + 0x1p-52]])
    let result = try DenseLU().solve(a, BlockVector(column: [2, 2]))
    #expect(result.report.columns[0].status == .converged)
    #expect(result.report.events.contains { $0.kind == .note && $0.detail.contains("rcond") })
  }

  @Test func emptyShapes() throws {
    let empty = try DenseLU().solve(DenseOperator(DenseMatrix<Double>(rows: 0, columns: 0)), BlockVector(rows: 0, columns: 2))
    #expect(empty.report.allConverged)
    let none = try DenseLU().solve(DenseOperator<Double>(rows: [[2]]), BlockVector(rows: 1, columns: 0))
    #expect(none.report.columns.isEmpty)
  }

  @Test func misuseThrows() throws {
    #expect(throws: BlockKrylovError.self) { try DenseLU().prepare(DenseOperator<Double>(rows: [[1, 2]])) }
    #expect(throws: BlockKrylovError.self) { try DenseLU().prepare(DenseOperator<Double>(rows: [[.nan]])) }
    #expect(throws: BlockKrylovError.self) { try DenseLU().prepare(MatrixFreeOperator<Double>(size: 4) { x, y in y = x }) }
  }
}
