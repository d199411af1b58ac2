import BlockKrylov
import ComplexModule
import Testing

@testable import BlockKrylovDirect

@Suite struct LUFactorizationTests {
  /// max |op(A)·X − B| for X = solve(B).
  private func defect<S: Scalar>(
    _ lu: LUFactorization<S>, _ a: CSRMatrix<S>, _ b: BlockVector<S>, _ system: LUFactorization<S>.System
  ) throws -> Double {
    let x = try lu.solve(b, system)
    let matrix =
      switch system {
      case .plain: a
      case .transpose: a.transposed()
      case .adjoint: a.adjointMatrix()
      }
    return Reference.distance(Reference.product(matrix, x), b)
  }

  private func solvesAllSystems<S: Scalar>(_ type: S.Type, tolerance: Double) throws {
    var random = SplitMix(11)
    let a = try random.sparse(150, 150, perRow: 5, diagonal: 4, type)
    let lu = try LUFactorization(a)
    for m in [1, 2, 7, 33, 100] {
      let b = random.block(150, m, type)
      #expect(try defect(lu, a, b, .plain) < tolerance)
      #expect(try defect(lu, a, b, .transpose) < tolerance)
      #expect(try defect(lu, a, b, .adjoint) < tolerance)
    }
  }

  @Test func solvesPlainTransposedAndAdjointSystems() throws {
    try solvesAllSystems(Double.self, tolerance: 1e-12)
    try solvesAllSystems(Complex<Double>.self, tolerance: 1e-12)
    try solvesAllSystems(Float.self, tolerance: 1e-4)
    try solvesAllSystems(Complex<Float>.self, tolerance: 1e-4)
  }

  @Test func columnsOfAViewAreSolvedInPlace() throws {
    var random = SplitMix(12)
    let a = try random.sparse(60, 60, diagonal: 4, Double.self)
    let wide = random.block(60, 12, Double.self)
    let lu = try LUFactorization(a)
    #expect(try lu.solve(wide[columns: 3..<8]) == lu.solve(wide)[columns: 3..<8])
  }

  /// One thread or several, by panels or along the elimination tree, alone or beside other columns.
  @Test func bitsDoNotDependOnThreads() throws {
    func check<S: Scalar>(_ a: CSRMatrix<S>, sharesTree: Bool) throws {
      var random = SplitMix(13)
      let lu = try LUFactorization(a)
      #expect((lu.factors?.lower.subtrees != nil) == sharesTree)
      let b = random.block(a.rows, 70, S.self)
      let whole = try Threads.$limit.withValue(1) { try lu.solve(b) }
      for threads in [1, 2, 3] {
        try Threads.$limit.withValue(threads) {
          for columns in [0..<1, 1..<6, 3..<19, 0..<40, 0..<70] {
            let part = try lu.solve(b[columns: columns])
            #expect(part == whole[columns: columns], "\(columns) on \(threads) threads")
          }
        }
      }
    }
    var random = SplitMix(13)
    try check(random.sparse(2000, 2000, perRow: 5, diagonal: 4, Double.self), sharesTree: false)
    let grid = try Gallery.Problem(specification: "convdiff2d:100:5")
    try check(grid.matrix(Double.self), sharesTree: true)
    try check(grid.matrix(Complex<Float>.self), sharesTree: true)
  }

  @Test func newValuesOnTheSamePattern() throws {
    var random = SplitMix(14)
    let a = try random.sparse(80, 80, diagonal: 4, Complex<Double>.self)
    var lu = try LUFactorization(a)
    let old = lu
    let b = random.block(80, 3, Complex<Double>.self)
    var changed = a
    try changed.updateValues(a.values.map { $0 * Complex(2, 1) })
    try lu.update(changed.values)
    #expect(try defect(lu, changed, b, .plain) < 1e-12)
    #expect(try defect(old, a, b, .plain) < 1e-12, "a copy keeps its own factors")
    #expect(throws: BlockKrylovError.self) { try lu.update(Array(changed.values.dropLast())) }
    #expect(throws: BlockKrylovError.self) { try lu.update(changed.values.map { _ in Complex(.nan, 0) }) }
    #expect(try defect(lu, changed, b, .plain) < 1e-12, "a refused update changes nothing")
  }

  @Test func anotherPatternIsAnalysedAnew() throws {
    var random = SplitMix(15)
    let (a, other) = (
      try random.sparse(50, 50, diagonal: 4, Double.self), try random.sparse(50, 50, perRow: 6, diagonal: 4, Double.self)
    )
    var lu = try LUFactorization(a)
    #expect(try lu.update(a))
    #expect(try !lu.update(other))
    #expect(try defect(lu, other, random.block(50, 2, Double.self), .plain) < 1e-12)
  }

  @Test func statisticsOfATridiagonalMatrix() throws {
    let n = 100
    var builder = try TripletBuilder<Double>(rows: n, columns: n)
    for i in 0..<n {
      try builder.add(2, row: i, column: i)
      if i > 0 { try builder.add(-1, row: i, column: i - 1) }
      if i < n - 1 { try builder.add(-1, row: i, column: i + 1) }
    }
    let lu = try LUFactorization(try builder.csr())
    let statistics = lu.statistics
    #expect(statistics.order == n && statistics.nonzeros == 3 * n - 2)
    #expect(statistics.lowerNonzeros >= 2 * n - 1 && statistics.upperNonzeros >= 2 * n - 1)
    #expect(statistics.fill >= 1 && statistics.fill < 2)
    #expect(statistics.flops > 0 && statistics.storedBytes > 0 && statistics.peakBytes >= statistics.storedBytes)
    #expect(statistics.zeroPivots == 0 && statistics.pivotRatio > 0)
    #expect(statistics.strategy == "symmetric" && statistics.ordering == "AMD")
  }

  @Test func conditionEstimateIsCloseToTheTruth() throws {
    var random = SplitMix(16)
    for n in [1, 2, 5, 40] {
      let a = try random.sparse(n, n, diagonal: 2, Complex<Double>.self)
      let lu = try LUFactorization(a)
      let inverse = try lu.solve(.identity(rows: n))
      func norm(_ x: BlockVector<Complex<Double>>) -> Double {
        x.columnArrays.map { $0.reduce(0) { $0 + $1.modulus } }.max() ?? 0
      }
      let truth = 1 / (norm(inverse) * norm(try a.applied(to: .identity(rows: n))))
      let estimate = lu.reciprocalConditionEstimate
      #expect(estimate >= truth * (1 - 1e-10) && estimate <= 3 * truth)
    }
  }

  @Test func singularMatrixThrowsOnSolve() throws {
    let a = CSRMatrix<Double>(diagonal: [1, 0, 3])
    let lu = try LUFactorization(a)
    #expect(lu.statistics.zeroPivots == 1)
    #expect(lu.reciprocalConditionEstimate == 0)
    #expect(throws: BlockKrylovError.self) { try lu.solve(.identity(rows: 3)) }
  }

  @Test func emptyShapes() throws {
    let empty = try LUFactorization(CSRMatrix<Double>(diagonal: []))
    #expect(try empty.solve(BlockVector(rows: 0, columns: 3)).columns == 3)
    #expect(empty.reciprocalConditionEstimate == 1)
    let one = try LUFactorization(CSRMatrix<Double>(diagonal: [4]))
    #expect(try one.solve(BlockVector(column: [2])).rowArrays == [[0.5]])
    #expect(try one.solve(BlockVector(rows: 1, columns: 0)).columns == 0)
  }

  @Test func misuseThrows() throws {
    var random = SplitMix(17)
    let rectangular = try random.sparse(4, 5, Double.self)
    #expect(throws: BlockKrylovError.self) { try LUFactorization(rectangular) }
    let matrixFree = MatrixFreeOperator<Double>(size: 4) { x, y in y = x }
    #expect(throws: BlockKrylovError.self) { try LUFactorization(matrixFree) }
    let lu = try LUFactorization(CSRMatrix<Double>(diagonal: [1, 2]))
    #expect(throws: BlockKrylovError.self) { try lu.solve(BlockVector(rows: 3, columns: 1)) }
  }
}
