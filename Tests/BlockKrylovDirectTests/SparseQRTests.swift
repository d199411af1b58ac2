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
}
