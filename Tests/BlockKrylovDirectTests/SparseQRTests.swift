import BlockKrylov
import ComplexModule
import Testing

@testable import BlockKrylovDirect

@Suite struct SparseQRTests {
  private func fits<S: Scalar>(_ type: S.Type, tolerance: Double) throws {
    var random = SplitMix(61)
    for (m, n) in [(90, 40), (40, 40), (30, 50)] {
      let a = try random.sparse(m, n, perRow: 4, diagonal: 3, type)
      let qr = try SparseQR(a)
      let b = random.block(m, 7, type)
      let fit = try qr.leastSquares(b)
      let r = try a.residual(b, of: fit.solution)
      // At a minimum the residual is orthogonal to the columns of A; where A has full row rank it is zero.
      #expect(try (a.adjointApplied(to: r).columnMaxima().max() ?? 1) < tolerance)
      #expect((fit.gradients.max() ?? 1) < tolerance)
      for (norm, other) in zip(fit.residualNorms, r.columnNorms()) { #expect(abs(norm - other) <= tolerance) }
      if m < n { #expect((fit.residualNorms.max() ?? 1) < tolerance) }
    }
  }

  @Test func residualsAreOrthogonalToTheColumns() throws {
    try fits(Double.self, tolerance: 1e-12)
    try fits(Complex<Double>.self, tolerance: 1e-12)
    try fits(Float.self, tolerance: 1e-3)
    try fits(Complex<Float>.self, tolerance: 1e-3)
  }

  @Test func perturbedSolutionsAreWorse() throws {
    var random = SplitMix(62)
    let a = try random.sparse(50, 20, perRow: 3, diagonal: 2, Double.self)
    let b = random.block(50, 1, Double.self)
    let fit = try SparseQR(a).leastSquares(b)
    for _ in 0..<20 {
      var other = fit.solution
      for i in 0..<20 { other[i, 0] += 1e-3 * random.scalar(Double.self) }
      #expect(try a.residual(b, of: other).columnNorms()[0] > fit.residualNorms[0])
    }
  }

  @Test func rankAndNullSpaceOfDeficientMatrices() throws {
    // Columns 4 and 9 are combinations of others, column 12 is zero.
    var random = SplitMix(63)
    let free = DenseMatrix<Double>(rows: 40, columns: 15) { _, _ in Double.random(in: -1...1, using: &random) }
    let dense = DenseMatrix<Double>(rows: 40, columns: 15) { i, j in
      switch j {
      case 4: free[i, 0] + 2 * free[i, 1]
      case 9: free[i, 2] - free[i, 3]
      case 12: 0
      default: free[i, j]
      }
    }
    let a = CSRMatrix(dense: dense)
    let qr = try SparseQR(a)
    #expect(qr.rank == 12 && qr.nullity == 3)
    let b = random.block(40, 3, Double.self)
    let fit = try qr.leastSquares(b)
    #expect(fit.solution.columnMaxima().allSatisfy { $0.isFinite })
    #expect(try (a.adjointApplied(to: a.residual(b, of: fit.solution)).columnMaxima().max() ?? 1) < 1e-12)
    #expect(fit.solution.column(0).count { $0 == 0 } >= 3, "a basic solution")
    // A generous tolerance finds fewer independent columns.
    #expect(try SparseQR(a, rankTolerance: 1e3).rank < 12)
  }

  @Test func anInconsistentSingularSystemHasALeastSquaresSolution() throws {
    let qr = try SparseQR(CSRMatrix<Double>(diagonal: [2, 0, 4]))
    let fit = try qr.leastSquares(BlockVector(column: [2, 3, 4]))
    #expect(qr.rank == 2 && fit.solution.column(0) == [1, 0, 1] && fit.residualNorms == [3])
  }

  @Test func misuseAndEmptyShapes() throws {
    let qr = try SparseQR(CSRMatrix<Double>(diagonal: [1, 2]))
    #expect(throws: BlockKrylovError.self) { try qr.leastSquares(BlockVector(rows: 3, columns: 1)) }
    #expect(throws: BlockKrylovError.self) { try SparseQR(CSRMatrix<Double>(diagonal: [1]), rankTolerance: .nan) }
    #expect(throws: BlockKrylovError.self) { try SparseQR(MatrixFreeOperator<Double>(size: 4) { x, y in y = x }) }
    #expect(try qr.leastSquares(BlockVector(rows: 2, columns: 0)).solution.columns == 0)
    let empty = try SparseQR(CSRMatrix<Double>(diagonal: []))
    #expect(empty.rank == 0 && empty.nullity == 0)
  }

  private func checksNullSpaces<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(87)
    // Columns 20 ..< 26 are combinations of the others; more rows than columns, and fewer.
    for rows in [40, 15] {
      let some = try random.sparse(rows, 20, perRow: 5, diagonal: 3, type).dense
      let mix = try random.sparse(20, 6, perRow: 2, type).dense
      let a = CSRMatrix(
        dense: DenseMatrix<S>(rows: rows, columns: 26) { i, j in
          j < 20 ? some[i, j] : (0..<20).reduce(0) { $0 + some[i, $1] * mix[$1, j - 20] }
        })
      let qr = try SparseQR(a)
      let basis = try qr.nullSpace()
      #expect(qr.rank == min(rows, 20) && basis.rows == 26 && basis.columns == qr.nullity)
      #expect(Reference.product(a, basis).columnMaxima().allSatisfy { $0 < 1e-12 })
      let gram = Reference.inner(basis, basis)
      for i in 0..<gram.rows {
        for j in 0..<gram.columns { #expect(Double((gram[i, j] - (i == j ? 1 : 0)).modulus) < 1e-13) }
      }
    }
    #expect(try SparseQR(CSRMatrix<S>(diagonal: [1, 2, 3])).nullSpace().columns == 0)
    #expect(try SparseQR(CSRMatrix<S>(diagonal: [])).nullSpace().columns == 0)
  }

  @Test func nullSpacesAreOrthonormalAndComplete() throws {
    try checksNullSpaces(Double.self)
    try checksNullSpaces(Complex<Double>.self)
  }

  @Test func theNullSpaceOfAGraphIsConstantOnItsParts() throws {
    // Two paths: the Laplacian has a zero eigenvalue for each.
    var builder = try TripletBuilder<Double>(rows: 30, columns: 30)
    for i in 0..<29 where i != 11 {
      for (r, c, v) in [(i, i, 1.0), (i + 1, i + 1, 1), (i, i + 1, -1), (i + 1, i, -1)] { try builder.add(v, row: r, column: c) }
    }
    let basis = try SparseQR(builder.csr()).nullSpace()
    try #require(basis.columns == 2)
    for j in 0..<2 {
      for i in 0..<29 where i != 11 { #expect(abs(basis[i, j] - basis[i + 1, j]) < 1e-13) }
    }
  }

  private func solvesAsAMethod<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(88)
    let a = try random.sparse(60, 25, perRow: 4, diagonal: 3, type)
    let truth = random.block(25, 2, type)
    var b = random.block(60, 5, type)
    let consistent = Reference.product(a, truth)
    for i in 0..<60 { for j in 0..<2 { b[i, j] = consistent[i, j] } }
    for method in [SparseLeastSquares() as any BlockMethod, SparseDirect()] {
      let result = try method.solve(a, b)
      #expect(result.report.method == "qr" && result.report.allConverged)
      #expect(result.report.columns.map(\.status) == [.converged, .converged, .leastSquares, .leastSquares, .leastSquares])
      #expect(Reference.distance(result.solution[columns: 0..<2], truth) < 1e-11)
      // The normal equations hold where the system has no solution.
      let r = try a.residual(b, of: result.solution)
      #expect(try a.adjointApplied(to: r).columnMaxima().allSatisfy { $0 < 1e-11 })
    }
    #expect(try SparseDirect().solve(a, b).report.explanation.contains { $0.contains("sparse QR") })
  }

  @Test func leastSquaresAsAMethod() throws {
    try solvesAsAMethod(Double.self)
    try solvesAsAMethod(Complex<Double>.self)
  }

  @Test func aSingularSystemGetsABasicSolutionAndANote() throws {
    let a = CSRMatrix<Double>(diagonal: [2, 0, 4])
    let prepared = try SparseLeastSquares().prepare(a)
    let result = try prepared.solve(BlockVector(rows: [[2, 2], [0, 3], [4, 4]]))
    #expect(result.report.columns.map(\.status) == [.converged, .leastSquares])
    #expect(result.solution.rowArrays == [[1, 1], [0, 0], [1, 1]])
    #expect(result.report.events.contains { $0.detail.contains("rank 2") })
    try prepared.update(CSRMatrix<Double>(diagonal: [2, 1, 4]))
    #expect(try prepared.solve(BlockVector(column: [2, 3, 4])).solution.column(0) == [1, 3, 1])
  }
}
