import BlockKrylov
import ComplexModule
import Testing

@testable import BlockKrylovDirect

/// Diagonal blocks of orders 1 … 7 with entries above them, rows and columns shuffled.
func blockTriangular<S: Scalar>(_ blocks: Int, seed: UInt64, _ type: S.Type) throws -> CSRMatrix<S> {
  var random = SplitMix(seed)
  let sizes = (0..<blocks).map { $0 % 7 + 1 }
  let n = sizes.reduce(0, +)
  let (rows, columns) = (Array(0..<n).shuffled(using: &random), Array(0..<n).shuffled(using: &random))
  var builder = try TripletBuilder<S>(rows: n, columns: n)
  var start = 0
  for size in sizes {
    for i in start..<(start + size) {
      for j in start..<(start + size) { try builder.add(random.scalar(), row: rows[i], column: columns[j]) }
      try builder.add(S(double: Double(3 + 10 * (i % 3))), row: rows[i], column: columns[i])
      for _ in 0..<2 where start + size < n {
        try builder.add(random.scalar(), row: rows[i], column: columns[Int.random(in: (start + size)..<n, using: &random)])
      }
    }
    start += size
  }
  return try builder.csr()
}

@Suite struct KLUTests {
  private func solvesAllSystems<S: Scalar>(_ type: S.Type, tolerance: Double) throws {
    let a = try blockTriangular(60, seed: 1, type)
    let klu = try KLUFactorization(a)
    #expect(klu.statistics.strategy.hasPrefix("60 diagonal blocks"))
    var random = SplitMix(51)
    for m in [1, 2, 7, 33, 70] {
      let b = random.block(a.rows, m, type)
      var x = BlockVector<S>(rows: a.rows, columns: m)
      for system in LUFactorization<S>.System.allCases {
        klu.solve(b, into: &x, system)
        let matrix = system == .plain ? a : (system == .transpose ? a.transposed() : a.adjointMatrix())
        #expect(Reference.distance(Reference.product(matrix, x), b) < tolerance)
      }
    }
  }

  @Test func solvesPlainTransposedAndAdjointSystems() throws {
    try solvesAllSystems(Double.self, tolerance: 1e-11)
    try solvesAllSystems(Complex<Double>.self, tolerance: 1e-11)
    try solvesAllSystems(Float.self, tolerance: 1e-3)
    try solvesAllSystems(Complex<Float>.self, tolerance: 1e-3)
  }

  @Test func oneBlockAsWell() throws {
    var random = SplitMix(52)
    let a = try random.sparse(200, 200, perRow: 5, diagonal: 4, Double.self)
    let b = random.block(200, 9, Double.self)
    let report = try SparseKLU().solve(a, b).report
    #expect(report.method == "klu" && report.allConverged)
    #expect(report.columns.allSatisfy { ($0.backwardError ?? 1) <= 4 * Double.unitRoundoff })
  }

  @Test func newValuesAndNewPatterns() throws {
    let a = try blockTriangular(40, seed: 2, Double.self)
    let prepared = try SparseKLU().prepare(a)
    var random = SplitMix(53)
    let b = random.block(a.rows, 3, Double.self)
    var changed = a
    try changed.updateValues(a.values.map { 2 * $0 + 0.001 })
    try prepared.update(changed)
    #expect((Reference.relativeResiduals(changed, try prepared.solve(b).solution, b).max() ?? 1) < 1e-12)
    let other = try random.sparse(a.rows, a.rows, perRow: 4, diagonal: 5, Double.self)
    try prepared.update(other)
    #expect((Reference.relativeResiduals(other, try prepared.solve(b).solution, b).max() ?? 1) < 1e-12)
  }

  @Test func theAutomaticChoiceKnowsBlockTriangularMatrices() throws {
    let a = try blockTriangular(200, seed: 3, Double.self)
    var random = SplitMix(54)
    let report = try SparseDirect().solve(a, random.block(a.rows, 2, Double.self)).report
    #expect(report.method == "klu" && report.allConverged)
    #expect(report.explanation.contains { $0.contains("200 blocks") })
  }

  @Test func singularMatricesAreSaidToBe() throws {
    let report = try SparseKLU().solve(CSRMatrix<Double>(diagonal: [2, 0, 4]), BlockVector(column: [1, 1, 1])).report
    guard case .singular = report.columns[0].status else {
      Issue.record("status is \(report.columns[0].status)")
      return
    }
    #expect(report.events.contains { $0.detail.contains("unknowns 1") })
    let empty = try KLUFactorization(CSRMatrix<Double>(diagonal: []))
    #expect(empty.statistics.order == 0)
  }
}
