import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

@Suite struct MatchingTests {
  /// The most pairs that any permutation reaches, and the largest log of the product of those with that many.
  private func bruteForce(_ size: [[Double]]) -> (rank: Int, logarithm: Double) {
    let n = size.count
    var best = (rank: 0, logarithm: -Double.infinity)
    func place(_ column: Int, _ used: Set<Int>, _ rank: Int, _ logarithm: Double) {
      if column == n {
        if rank > best.rank || (rank == best.rank && logarithm > best.logarithm) { best = (rank, logarithm) }
        return
      }
      place(column + 1, used, rank, logarithm)
      for row in 0..<n where !used.contains(row) && size[row][column] > 0 {
        place(column + 1, used.union([row]), rank + 1, logarithm + Double.log(size[row][column]))
      }
    }
    place(0, [], 0, 0)
    return best
  }

  private func check<S: Scalar>(_ a: CSRMatrix<S>) throws {
    let n = a.rows
    let size = a.dense
    let m = try MaximumProductMatching(of: a)
    #expect(m.rowOrder.sorted() == Array(0..<n))
    let moduli = (0..<n).map { i in (0..<n).map { Double(size[i, $0].modulus) } }
    let best = bruteForce(moduli)
    #expect(m.structuralRank == best.rank)
    #expect(m.unmatchedRows.count == n - best.rank && m.unmatchedColumns.count == n - best.rank)
    let matched = (0..<n).filter { !m.unmatchedColumns.contains($0) }
    if best.rank == n {
      let logarithm = matched.reduce(0) { $0 + Double.log(moduli[m.rowOrder[$1]][$1]) }
      #expect(abs(logarithm - best.logarithm) < 1e-9 * (1 + abs(best.logarithm)))
    }
    func scaled(_ i: Int, _ j: Int) -> Double { m.rowScaling[i] * moduli[i][j] * m.columnScaling[j] }
    let all = (0..<n * n).map { scaled($0 / n, $0 % n) }
    #expect(all.allSatisfy { $0 < 1 + 1e-10 })
    #expect(matched.allSatisfy { abs(scaled(m.rowOrder[$0], $0) - 1) < 1e-10 })
  }

  private func random<S: Scalar>(_ type: S.Type, seed: UInt64) throws {
    var generator = SplitMix(seed)
    for n in 1...6 {
      for density in [0.25, 0.45, 0.8, 1] {
        for _ in 0..<6 {
          let dense = DenseMatrix<S>(rows: n, columns: n) { _, _ in
            guard Double.random(in: 0..<1, using: &generator) < density else { return 0 }
            return generator.scalar(S.self) * S(double: Double.exp2(Double.random(in: -20...20, using: &generator)))
          }
          try check(CSRMatrix(dense: dense))
        }
      }
    }
  }

  @Test func bestOfAllPermutations() throws {
    try random(Double.self, seed: 1)
    try random(Float.self, seed: 2)
    try random(Complex<Double>.self, seed: 3)
    try random(Complex<Float>.self, seed: 4)
  }

  @Test func equalEntriesAndTies() throws {
    var generator = SplitMix(6)
    for n in 1...6 {
      for _ in 0..<20 {
        try check(
          CSRMatrix(dense: DenseMatrix<Double>(rows: n, columns: n) { _, _ in Bool.random(using: &generator) ? 1 : 0 }))
      }
    }
  }

  @Test func goodDiagonalStays() throws {
    let m = try MaximumProductMatching(of: Model.laplacian(9, convection: 0.9, Double.self))
    #expect(m.rowOrder == Array(0..<81))
  }

  @Test func structurallySingular() throws {
    // Stored zeros are missing entries; an empty row and an empty column.
    let stored = try CSRMatrix<Double>(
      rows: 2, columns: 2, rowStart: [0, 2, 4], columnIndex: [0, 1, 0, 1], values: [0, 1, 0, 2])
    let m = try MaximumProductMatching(of: stored)
    #expect(m.structuralRank == 1 && m.unmatchedColumns == [0])
    try check(Model.matrix([[0, 0, 0], [1, 2, 0], [3, 4, 0]], Double.self))
    try check(Model.matrix([[0, 1, 0, 0], [0, 2, 0, 0], [0, 3, 0, 0], [9, 8, 7, 6]], Double.self))
    #expect(throws: BlockKrylovError.self) { try MaximumProductMatching(of: Model.matrix([[1, 2]], Double.self)) }
    let empty = try CSRMatrix<Double>(rows: 0, columns: 0, rowStart: [0], columnIndex: [], values: [])
    #expect(try MaximumProductMatching(of: empty).structuralRank == 0)
  }

  /// A shuffled matrix with a dominant diagonal has one best matching: the shuffle undone.
  @Test func findsAHiddenDiagonal() throws {
    var generator = SplitMix(8)
    let n = 2000
    let a: CSRMatrix<Double> = try generator.sparse(n, n, perRow: 5, diagonal: 20)
    let order = (0..<n).shuffled(using: &generator)
    let m = try MaximumProductMatching(of: a.permuted(rowOrder: order, columnOrder: Array(0..<n)))
    for j in 0..<n { #expect(order[m.rowOrder[j]] == j) }
  }
}
