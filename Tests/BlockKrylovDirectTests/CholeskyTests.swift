import BlockKrylov
import ComplexModule
import Testing

@testable import BlockKrylovDirect

/// A hermitian matrix with random entries off the diagonal; positive definite when `diagonal` outweighs them.
func hermitian<S: Scalar>(_ n: Int, perRow: Int = 4, diagonal: (Int) -> Double, seed: UInt64, _ type: S.Type) throws -> CSRMatrix<
  S
> {
  var random = SplitMix(seed)
  var builder = try TripletBuilder<S>(rows: n, columns: n)
  for i in 0..<n {
    try builder.add(S(double: diagonal(i)), row: i, column: i)
    for _ in 0..<perRow where i > 0 {
      let j = Int.random(in: 0..<i, using: &random)
      let value: S = random.scalar()
      try builder.add(value, row: i, column: j)
      try builder.add(value.conjugate, row: j, column: i)
    }
  }
  return try builder.csr()
}

@Suite struct CholeskyTests {
  private func solvesAllSystems<S: Scalar>(_ type: S.Type, tolerance: Double) throws {
    var random = SplitMix(31)
    // Sparse enough for the simplicial kind, and full enough for supernodes wider than a cache's share.
    for (n, perRow) in [(200, 1), (260, 90)] {
      let a = try hermitian(n, perRow: perRow, diagonal: { _ in Double(4 * perRow + 4) }, seed: 5, type)
      let cholesky = try CholeskyFactorization(a)
      for m in [1, 3, 20, 70] {
        let b = random.block(n, m, type)
        for system in LUFactorization<S>.System.allCases {
          let matrix = system == .transpose ? a.transposed() : a
          #expect(try Reference.distance(Reference.product(matrix, cholesky.solve(b, system)), b) < tolerance)
        }
      }
    }
  }

  @Test func solvesAllScalarTypes() throws {
    try solvesAllSystems(Double.self, tolerance: 1e-12)
    try solvesAllSystems(Complex<Double>.self, tolerance: 1e-12)
    try solvesAllSystems(Float.self, tolerance: 1e-4)
    try solvesAllSystems(Complex<Float>.self, tolerance: 1e-4)
  }

  @Test func bothKindsOfFactorsAreReached() throws {
    let thin = try CholeskyFactorization(hermitian(200, perRow: 1, diagonal: { _ in 8 }, seed: 5, Double.self))
    let full = try CholeskyFactorization(hermitian(260, perRow: 90, diagonal: { _ in 400 }, seed: 5, Double.self))
    #expect(thin.statistics.strategy == "simplicial" && full.statistics.strategy == "supernodal")
    #expect(thin.statistics.fill >= 1 && full.statistics.storedBytes > thin.statistics.storedBytes)
    #expect(full.statistics.flops > 0 && full.statistics.peakBytes >= full.statistics.storedBytes)
  }

  @Test func methodRefinesAndReports() throws {
    let a = try hermitian(300, diagonal: { _ in 20 }, seed: 6, Complex<Double>.self)
    var random = SplitMix(32)
    let b = random.block(300, 9, Complex<Double>.self)
    let report = try SparseCholesky().solve(a, b).report
    #expect(report.method == "cholesky" && report.allConverged)
    for column in report.columns { #expect((column.backwardError ?? 1) <= 4 * Double.unitRoundoff) }
  }

  @Test func newValuesOnTheSamePattern() throws {
    let a = try hermitian(90, diagonal: { _ in 20 }, seed: 7, Double.self)
    var cholesky = try CholeskyFactorization(a)
    let old = cholesky
    var random = SplitMix(33)
    let b = random.block(90, 3, Double.self)
    try cholesky.update(a.values.map { 3 * $0 })
    #expect(try Reference.distance(cholesky.solve(b), CholeskyFactorization(a.mapped { 3 * $0 }).solve(b)) < 1e-14)
    #expect(throws: BlockKrylovError.self) { try cholesky.update(a.values.map { -$0 }) }
    #expect(try Reference.distance(Reference.product(a, old.solve(b)), b) < 1e-12)
    let kept = try Reference.distance(Reference.product(a.mapped { 3 * $0 }, cholesky.solve(b)), b)
    #expect(kept < 1e-12, "a refused update changes nothing")
    #expect(try !cholesky.update(hermitian(90, perRow: 2, diagonal: { _ in 20 }, seed: 8, Double.self)))
  }

  @Test func anIndefiniteMatrixIsFound() throws {
    let a = try hermitian(80, diagonal: { $0 == 40 ? -1 : 20 }, seed: 9, Double.self)
    #expect(throws: BlockKrylovError.self) { try CholeskyFactorization(a) }
    let b = BlockVector<Double>(rows: 80, columns: 2) { _, _ in 1 }
    let guess = BlockVector<Double>(rows: 80, columns: 2) { _, _ in 0.5 }
    let result = try SparseCholesky().prepare(a).solve(b, from: guess)
    #expect(result.report.columns.allSatisfy { $0.status == .indefiniteOperator && $0.remedy != nil })
    #expect(result.solution == guess)
    #expect(result.report.events.contains { $0.kind == .note && $0.detail.contains("not positive definite") })
    // A row with a negative diagonal in an otherwise definite matrix is quasi-definite.
    let direct = try SparseDirect().solve(a, b).report
    #expect(direct.method == "ldl" && direct.allConverged && direct.explanation.contains { $0.contains("quasi-definite") })
  }

  @Test func theDirectMethodTurnsToLUWhereCholeskyFails() throws {
    // A positive diagonal hides a negative eigenvalue.
    let a = try hermitian(80, perRow: 6, diagonal: { _ in 1 }, seed: 10, Double.self)
    var random = SplitMix(34)
    let b = random.block(80, 3, Double.self)
    let prepared = try SparseDirect().prepare(a)
    let report = try prepared.solve(b).report
    #expect(report.method == "lu" && report.allConverged)
    #expect(report.events.contains { $0.kind == .methodChanged && $0.detail.contains("not positive definite") })
    // New values may be positive definite, and back.
    let definite = try hermitian(80, perRow: 6, diagonal: { _ in 60 }, seed: 10, Double.self)
    try prepared.update(definite)
    #expect((Reference.relativeResiduals(definite, try prepared.solve(b).solution, b).max() ?? 1) < 1e-13)
    let chosen = try SparseDirect().prepare(definite)
    #expect(chosen.method == "cholesky")
    try chosen.update(a)
    let solved = try chosen.solve(b).report.allConverged
    #expect(chosen.method == "lu" && solved)
  }

  @Test func theAutomaticChoiceExplainsItself() throws {
    let a = try hermitian(60, diagonal: { _ in 20 }, seed: 11, Double.self)
    var random = SplitMix(35)
    let report = try AutomaticSolver(direct: SparseDirect()).solve(a, random.block(60, 2, Double.self)).report
    #expect(report.method == "cholesky" && report.allConverged)
    #expect(report.explanation.contains { $0.contains("Cholesky") })
  }

  @Test func quasiDefiniteMatricesAndTheirInertia() throws {
    var random = SplitMix(36)
    let n = 120
    for isComplex in [false, true] {
      func check<S: Scalar>(_ type: S.Type) throws {
        let a = try hermitian(n, diagonal: { $0 < 80 ? 30 : -30 }, seed: 12, type)
        let factors = try CholeskyFactorization(a, form: .quasiDefinite)
        #expect(factors.negativeEigenvalues == 40)
        let b = random.block(n, 5, type)
        for system in LUFactorization<S>.System.allCases {
          let matrix = system == .transpose ? a.transposed() : a
          #expect(try Reference.distance(Reference.product(matrix, factors.solve(b, system)), b) < 1e-12)
        }
        let report = try SparseCholesky(isQuasiDefinite: true).solve(a, b).report
        #expect(report.allConverged && report.columns.allSatisfy { ($0.backwardError ?? 1) <= 4 * S.unitRoundoff })
      }
      if isComplex { try check(Complex<Double>.self) } else { try check(Double.self) }
    }
  }

  @Test func conditionEstimateIsThatOfLU() throws {
    let a = try hermitian(70, diagonal: { 10 + Double($0) }, seed: 13, Complex<Double>.self)
    let (cholesky, lu) = (try CholeskyFactorization(a), try LUFactorization(a))
    let ratio = cholesky.reciprocalConditionEstimate / lu.reciprocalConditionEstimate
    #expect(ratio > 0.5 && ratio < 2)
  }

  @Test func misuseThrows() throws {
    var random = SplitMix(37)
    #expect(throws: BlockKrylovError.self) { try CholeskyFactorization(random.sparse(5, 5, diagonal: 4, Double.self)) }
    #expect(throws: BlockKrylovError.self) { try CholeskyFactorization(MatrixFreeOperator<Double>(size: 4) { x, y in y = x }) }
    let one = try CholeskyFactorization(CSRMatrix<Double>(diagonal: [4]))
    #expect(throws: BlockKrylovError.self) { try one.solve(BlockVector(rows: 2, columns: 1)) }
    #expect(try one.solve(BlockVector(column: [2])).rowArrays == [[0.5]])
    let empty = try CholeskyFactorization(CSRMatrix<Double>(diagonal: []))
    #expect(try empty.solve(BlockVector(rows: 0, columns: 3)).columns == 3)
    #expect(empty.reciprocalConditionEstimate == 1)
  }
}

extension CSRMatrix {
  /// The same pattern with each value changed.
  fileprivate func mapped(_ change: (Element) -> Element) throws -> CSRMatrix {
    var copy = self
    try copy.updateValues(values.map(change))
    return copy
  }
}
