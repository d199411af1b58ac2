import BlockKrylov
import CAllocationCounter
import Testing

@testable import BlockKrylovDirect

/// What this thread holds, by the allocator's own count.
@Suite struct FactorMemoryTests {
  private func staysFlat(_ method: some BlockMethod, _ a: CSRMatrix<Double>, cycles: Int = 1000) throws {
    guard allocation_counter_works() != 0 else { return }
    let prepared = try method.with { $0.threads = 1 }.prepare(a)
    let b = BlockVector<Double>(rows: a.rows, columns: 2) { i, j in Double(i % (j + 3)) - 1 }
    let first = try prepared.solve(b).solution
    func run(_ range: ClosedRange<Int>) throws -> Int {
      for k in range {
        var new = a
        try new.updateValues(a.values.map { Double(k) * $0 })
        try prepared.update(new)
        let result = try prepared.solve(b)
        #expect(result.report.allConverged)
        if k % 100 == 0 {
          for i in 0..<a.rows { #expect(abs(result.solution[i, 1] * Double(k) - first[i, 1]) < 1e-12) }
        }
      }
      return Int(allocated_live())
    }
    let before = try run(1...10)
    let after = try run(11...cycles)
    // One matrix that was not given back each time would be megabytes.
    #expect(after - before < 64 << 10, "\(after - before) bytes more after \(cycles) cycles")
  }

  @Test func refactorisationsOfLUHoldMemoryFlat() throws {
    try staysFlat(SparseLU(), try Gallery.Problem(specification: "convdiff2d:8:5").matrix(Double.self))
  }

  @Test func refactorisationsOfCholeskyHoldMemoryFlat() throws {
    try staysFlat(SparseCholesky(), try Gallery.Problem(specification: "poisson2d:8").matrix(Double.self))
  }

  @Test func refactorisationsOfKLUHoldMemoryFlat() throws {
    try staysFlat(SparseKLU(), try Gallery.Problem(specification: "convdiff2d:8:5").matrix(Double.self))
  }

  @Test func refactorisationsOfQRHoldMemoryFlat() throws {
    try staysFlat(SparseLeastSquares(), try Gallery.Problem(specification: "convdiff2d:8:5").matrix(Double.self), cycles: 300)
  }
}
