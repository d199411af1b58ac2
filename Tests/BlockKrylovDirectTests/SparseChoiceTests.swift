import BlockKrylov
import Testing

@testable import BlockKrylovDirect

/// What `SparseDirect` takes, and what it says of it.
@Suite struct SparseChoiceTests {
  private func choice(_ a: CSRMatrix<Double>, says words: String) throws -> String {
    let prepared = try SparseDirect().prepare(a)
    var random = SplitMix(91)
    let b = random.block(a.rows, 3, Double.self)
    let report = try prepared.solve(b).report
    #expect(report.allConverged)
    #expect(report.explanation.contains { $0.contains(words) }, "\(report.explanation)")
    return prepared.method
  }

  /// A ladder of resistors with a few long wires and controlled sources, the nodes numbered at random: irreducible, with little fill.
  private func circuit(_ n: Int) throws -> CSRMatrix<Double> {
    var random = SplitMix(92)
    let order = Array(0..<n).shuffled(using: &random)
    var builder = try TripletBuilder<Double>(rows: n, columns: n)
    func resistor(_ i: Int, _ j: Int, _ conductance: Double) throws {
      let (p, q) = (order[i], order[j])
      for (r, c, v) in [(p, p, conductance), (q, q, conductance), (p, q, -conductance), (q, p, -conductance)] {
        try builder.add(v, row: r, column: c)
      }
    }
    for i in 0..<n { try builder.add(0.01, row: order[i], column: order[i]) }
    for i in 0..<(n - 1) { try resistor(i, i + 1, Double.random(in: 0.1...10, using: &random)) }
    for i in stride(from: 0, to: n - 40, by: 7) { try resistor(i, i + Int.random(in: 2...30, using: &random), 1) }
    for i in stride(from: 0, to: n - 10, by: 10) { try builder.add(0.3, row: order[i], column: order[i + 4]) }
    return try builder.csr()
  }

  @Test func circuitsAreForKLU() throws {
    let a = try circuit(3000)
    #expect(try choice(a, says: "sparse as circuits are") == "klu")
    let work = try #require(try SparseDirect().estimatedWork(for: a))
    #expect(work.method == "klu" && work.entries < 20 * Double(a.rows))
  }

  @Test func meshesAreForLU() throws {
    #expect(try choice(Gallery.Problem(specification: "convdiff2d:60").matrix(), says: "sparse LU") == "lu")
    #expect(try choice(Gallery.Problem(specification: "convdiff3d:10").matrix(), says: "sparse LU") == "lu")
  }

  @Test func definiteMatricesAreForCholesky() throws {
    let a: CSRMatrix<Double> = try Gallery.Problem(specification: "poisson2d:20").matrix()
    #expect(try choice(a, says: "sparse Cholesky") == "cholesky")
    var negative = a
    try negative.updateValues(a.values.map { -$0 })
    #expect(try choice(negative, says: "−A is positive definite") == "ldl")
  }

  @Test func quasiDefiniteMatricesAreForLDL() throws {
    #expect(
      try choice(hermitian(200, diagonal: { $0 % 3 == 0 ? -20 : 20 }, seed: 93, Double.self), says: "quasi-definite") == "ldl")
    // The blocks of both signs are not definite.
    let indefinite = try hermitian(200, perRow: 6, diagonal: { $0 % 3 == 0 ? -0.1 : 0.1 }, seed: 93, Double.self)
    #expect(try choice(indefinite, says: "neither definite nor quasi-definite") == "lu")
    // A saddle point matrix has zeros on its diagonal.
    let saddle = try hermitian(200, perRow: 3, diagonal: { $0 < 150 ? 20 : 0 }, seed: 94, Double.self)
    #expect(try choice(saddle, says: "neither definite nor quasi-definite") == "lu")
  }

  @Test func newValuesAreJudgedAnew() throws {
    let prepared = try SparseDirect().prepare(try hermitian(100, diagonal: { $0 < 50 ? -20 : 20 }, seed: 95, Double.self))
    #expect(prepared.method == "ldl")
    try prepared.update(try hermitian(100, diagonal: { _ in 20 }, seed: 95, Double.self))
    #expect(prepared.method == "cholesky")
  }
}
