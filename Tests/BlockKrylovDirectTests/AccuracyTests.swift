import BlockKrylov
import ComplexModule
import Testing

@testable import BlockKrylovDirect

@Suite struct AccuracyTests {
  /// Relative errors in the maximum norm of the solution of A·X = A·X₀ for a known X₀; the bound covers the rounding of A·X₀ as well.
  private func errorsAndBounds<S: Scalar>(_ a: CSRMatrix<S>, by method: some BlockMethod) throws -> [(
    error: Double, bound: Double
  )] {
    var random = SplitMix(41)
    let truth = random.block(a.rows, 6, S.self)
    let b = Reference.product(a, truth)
    let result = try method.with { $0.boundsForwardErrors = true }.solve(a, b)
    return try (0..<6).map { j in
      let x = result.solution.column(j)
      let size = x.reduce(0) { max($0, Double($1.modulus)) }
      let error = zip(x, truth.column(j)).reduce(0) { max($0, Double(($1.0 - $1.1).modulus)) }
      return (error / size, try #require(result.report.columns[j].forwardErrorBound))
    }
  }

  /// A matrix with rows on scales up to 10³ and no dominant diagonal.
  private func graded<S: Scalar>(_ n: Int, seed: UInt64, _ type: S.Type) throws -> CSRMatrix<S> {
    var random = SplitMix(seed)
    var builder = try TripletBuilder<S>(rows: n, columns: n)
    for i in 0..<n {
      let scale = Double(1 << (i % 11))
      for _ in 0..<5 {
        let value = Double(Int.random(in: -9...9, using: &random)) * scale
        try builder.add(S(real: value, imaginary: S.isComplex ? scale : 0), row: i, column: Int.random(in: 0..<n, using: &random))
      }
      try builder.add(S(double: scale), row: i, column: i)
    }
    return try builder.csr()
  }

  @Test func forwardBoundsHoldAndAreClose() throws {
    func check<S: Scalar>(_ type: S.Type, within factor: Double) throws {
      var ratios: [Double] = []
      func judge(_ a: CSRMatrix<S>, by method: some BlockMethod) throws {
        for (error, bound) in try errorsAndBounds(a, by: method) {
          #expect(error <= bound, "error \(error), bound \(bound)")
          ratios.append(bound / max(error, S.unitRoundoff))
        }
      }
      for seed in 1...5 as ClosedRange<UInt64> {
        var random = SplitMix(seed)
        let a = try graded(60, seed: seed, type)
        try judge(a, by: SparseLU())
        try judge(a, by: DenseLU())
        try judge(random.sparse(80, 80, perRow: 4, diagonal: 1, type), by: SparseLU())
      }
      for name in ["convdiff2d:9:5", "poisson2d:12", "anisotropic2d:8:0.01"] {
        guard let problem = try? Gallery.Problem(specification: name) else { continue }
        try judge(problem.matrix(type), by: SparseLU())
      }
      let median = ratios.sorted()[ratios.count / 2]
      #expect(median < factor, "median ratio \(median)")
    }
    try check(Double.self, within: 100)
    try check(Complex<Double>.self, within: 100)
    // Solutions come of double precision and are better than the residuals in single precision can tell.
    try check(Float.self, within: 1000)
  }

  @Test func choleskyBoundsToo() throws {
    let a = try hermitian(80, diagonal: { 20 + Double($0) }, seed: 3, Double.self)
    for (error, bound) in try errorsAndBounds(a, by: SparseCholesky()) { #expect(error <= bound && bound < 1e-11) }
  }

  @Test func boundsAreOnlyThereWhenAskedFor() throws {
    let a = CSRMatrix<Double>(diagonal: [1, 2, 4])
    let b = BlockVector<Double>(column: [1, 1, 1])
    #expect(try SparseLU().solve(a, b).report.columns[0].forwardErrorBound == nil)
    #expect(try SparseLU().with { $0.boundsForwardErrors = true }.solve(a, b).report.columns[0].forwardErrorBound != nil)
  }

  @Test func offendingEquationsAreNamed() throws {
    // Unknown 7 is nowhere, and column 3 is the sum of columns 0 and 2.
    var random = SplitMix(42)
    let dense = DenseMatrix<Double>(rows: 12, columns: 12) { i, j in i == j ? 9 : Double.random(in: -1...1, using: &random) }
    let deficient = DenseMatrix<Double>(rows: 12, columns: 12) { i, j in
      j == 7 ? 0 : (j == 3 ? dense[i, 0] + dense[i, 2] : dense[i, j])
    }
    let lu = try LUFactorization(CSRMatrix(dense: deficient))
    #expect(lu.statistics.weakPivots == 2)
    #expect(lu.statistics.weakColumns.contains(7))
    #expect(lu.statistics.weakRows.count == 2 && lu.statistics.weakColumns.count == 2)
    let report = try SparseLU().solve(CSRMatrix(dense: deficient), BlockVector(column: [Double](repeating: 1, count: 12))).report
    #expect(report.events.contains { $0.kind == .note && $0.detail.contains("unknowns") && $0.detail.contains("7") })
    guard case .singular = report.columns[0].status else {
      Issue.record("status is \(report.columns[0].status)")
      return
    }
    #expect(try LUFactorization(CSRMatrix(dense: dense)).statistics.weakPivots == 0)
  }

  /// L·D·Lᴴ without pivoting of a matrix with tiny leading pivots is too inaccurate for refinement; GMRES on the same factors is not.
  @Test func gmresRescuesWhatRefinementCannot() throws {
    let n = 60
    var rescued = 0
    for seed in 1...4 as ClosedRange<UInt64> {
      let a = try hermitian(n, perRow: 3, diagonal: { $0 % 10 == 0 ? 1e-18 : ($0 % 2 == 0 ? 3 : -3) }, seed: seed, Double.self)
      var random = SplitMix(seed)
      let b = random.block(n, 3, Double.self)
      let report = try SparseCholesky(tolerance: .relative(1e-10), isQuasiDefinite: true).solve(a, b).report
      if report.events.contains(where: { $0.kind == .methodChanged && $0.detail.contains("GMRES") }) {
        rescued += 1
        #expect(report.allConverged, "\(report)")
      }
    }
    #expect(rescued > 0)
  }

  @Test func estimatesBoundWhatIsNeeded() throws {
    let a = try Gallery.Problem(specification: "convdiff2d:20:20").matrix(Double.self)
    let (estimate, actual) = (try LUFactorization.estimate(for: a), try LUFactorization(a).statistics)
    #expect(estimate.lowerNonzeros >= actual.lowerNonzeros && estimate.upperNonzeros >= actual.upperNonzeros)
    #expect(estimate.flops >= actual.flops && estimate.peakBytes >= actual.storedBytes)
    let definite = try Gallery.Problem(specification: "poisson2d:20").matrix(Double.self)
    let (before, after) = (try CholeskyFactorization.estimate(for: definite), try CholeskyFactorization(definite).statistics)
    #expect(before.lowerNonzeros == after.lowerNonzeros && before.flops == after.flops)
  }

  @Test func aMemoryLimitRefusesWithTheNumberNeeded() throws {
    let a = try Gallery.Problem(specification: "poisson2d:30").matrix(Double.self)
    for method in [SparseLU(), SparseCholesky(), SparseDirect()] as [any BlockMethod] {
      let limited = method.with { $0.memoryLimit = 10_000 }
      let error = #expect(throws: BlockKrylovError.self) { try limited.prepare(a) }
      #expect(error?.description.contains("limit") == true)
      #expect(throws: Never.self) { try method.with { $0.memoryLimit = 100_000_000 }.prepare(a) }
    }
    // The automatic choice does without: A has few enough rows for a direct solve to come first.
    let small = try Gallery.Problem(specification: "poisson2d:22").matrix(Double.self)
    let needed = try CholeskyFactorization.estimate(for: small).peakBytes
    let report = try AutomaticSolver(direct: SparseDirect()).with { $0.memoryLimit = needed - 1 }
      .solve(small, BlockVector(rows: small.rows, columns: 1) { _, _ in 1 }).report
    #expect(report.allConverged && report.method == "cg")
    #expect(report.events.contains { $0.kind == .methodChanged && $0.detail.contains("limit") })
    #expect(throws: BlockKrylovError.self) { try SparseLU().with { $0.memoryLimit = -1 }.prepare(a) }
  }
}
