import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

/// Single precision inside, double precision around it.
struct MixedPrecisionTests {
  /// The attained accuracy, from a residual recomputed entry by entry.
  private func attains<S: Scalar>(
    _ bound: Double, _ method: any BlockMethod, _ a: CSRMatrix<S>, _ b: BlockVector<S>, staysSingle: Bool = true
  ) throws {
    let result = try MixedPrecision(method.with { $0.tolerance = .relative(bound) }).solve(a, b)
    #expect(result.report.allConverged, "\(method.name): \(result.report)")
    for residual in Reference.relativeResiduals(a, result.solution, b) { #expect(residual <= 1.0001 * bound, "\(method.name)") }
    #expect(result.report.method.hasPrefix("mixed-"))
    #expect(result.report.events.contains { $0.kind == .refined })
    if staysSingle { #expect(!result.report.events.contains { $0.kind == .methodChanged }, "\(method.name)") }
  }

  @Test func positiveDefinite() throws {
    var random = SplitMix(901)
    let a = try Reference.poisson(24, Double.self)
    let b = random.block(a.rows, 5, Double.self)
    for method in [BlockCG(), PseudoBlockCG(), EnlargedCG(), BlockMINRES()] as [any BlockMethod] {
      for choice in [PreconditionerChoice.none, .jacobi, .ic0] { try attains(1e-12, method.preconditioned(by: choice), a, b) }
    }
  }

  /// One correction, and at most so many times the iterations of double precision throughout.
  private func renews<S: Scalar>(
    _ method: any BlockMethod, _ a: CSRMatrix<S>, columns: Int, iterations factor: Double, and more: Double,
    _ random: inout SplitMix
  ) throws {
    let b = random.block(a.rows, columns, S.self)
    let method = method.with { $0.tolerance = .relative(1e-11) }
    let double = try method.solve(a, b).report
    let mixed = try MixedPrecision(method).solve(a, b)
    #expect(double.allConverged && mixed.report.allConverged)
    #expect(Reference.relativeResiduals(a, mixed.solution, b).allSatisfy { $0 <= 1.0001e-11 })
    #expect(mixed.report.events.filter { $0.kind == .refined }.count == 1, "\(mixed.report.events)")
    #expect(Double(mixed.report.iterations) <= factor * Double(double.iterations) + more, "\(double.iterations)")
  }

  /// Block CG takes in residuals of double precision and keeps its directions.
  @Test func residualsAreRenewed() throws {
    var random = SplitMix(911)
    for choice in [PreconditionerChoice.none, .ic0] {
      func check<S: Scalar>(_ a: CSRMatrix<S>, columns: Int) throws {
        try renews(BlockCG().preconditioned(by: choice), a, columns: columns, iterations: 1.25, and: 2, &random)
      }
      try check(Reference.poisson(40, Double.self), columns: 1)
      try check(Reference.poisson(40, Double.self), columns: 4)
      try check(Reference.poisson(30, Complex<Double>.self), columns: 3)
      try check(Gallery.Problem(.poisson3d, size: 14).matrix(Double.self), columns: 6)
    }
  }

  /// So does pseudo-block BiCGStab, whose iterations differ more from one rounding to another.
  @Test func residualsOfBiCGStabAreRenewed() throws {
    var random = SplitMix(914)
    for choice in [PreconditionerChoice.none, .ilu0] {
      func check<S: Scalar>(_ a: CSRMatrix<S>, columns: Int) throws {
        try renews(PseudoBlockBiCGStab().preconditioned(by: choice), a, columns: columns, iterations: 1.4, and: 4, &random)
      }
      try check(Gallery.Problem(.convdiff3d, size: 14).matrix(Double.self), columns: 1)
      try check(Gallery.Problem(.convdiff3d, size: 12).matrix(Double.self), columns: 5)
      try check(Gallery.Problem(.convdiff3d, size: 10).matrix(Complex<Double>.self), columns: 3)
    }
  }

  /// The automatic choice solves −A·X = −B for a negative definite A, whose residuals have the other sign.
  @Test func negativeDefiniteMatrices() throws {
    var random = SplitMix(913)
    let a = try Reference.poisson(30, Double.self).mapValues { -$0 }
    let b = random.block(a.rows, 3, Double.self)
    let result = try MixedPrecision(AutomaticSolver(tolerance: .relative(1e-11))).solve(a, b)
    #expect(result.report.allConverged && !result.report.events.contains { $0.kind == .methodChanged }, "\(result.report)")
    #expect(Reference.relativeResiduals(a, result.solution, b).allSatisfy { $0 <= 1.0001e-11 })
  }

  /// Columns that converge early, leave or begin solved do not disturb the renewal for the others.
  @Test func renewedColumnsLeave() throws {
    var random = SplitMix(912)
    let a = try Reference.poisson(30, Double.self)
    var b = random.block(a.rows, 5, Double.self)
    b[columns: 3..<4] = b[columns: 0..<1]
    for i in 0..<a.rows { b[i, 1] *= 1e90 }
    let guess = try BlockCG(tolerance: .relative(1e-12)).solve(a, b).solution
    var x0 = BlockVector<Double>(rows: a.rows, columns: 5)
    x0[columns: 2..<3] = guess[columns: 2..<3]
    for inner in [BlockCG(), PseudoBlockBiCGStab()] as [any BlockMethod] {
      let method = MixedPrecision(inner.with { $0.tolerance = .perColumn(relative: [1e-3, 1e-12, 1e-8, 1e-11, 1e-6]) })
      let result = try method.solve(a, b, from: x0)
      #expect(result.report.allConverged, "\(result.report)")
      for (residual, bound) in zip(Reference.relativeResiduals(a, result.solution, b), [1e-3, 1e-12, 1e-8, 1e-11, 1e-6]) {
        #expect(residual <= 1.0001 * bound)
      }
    }
  }

  @Test func nonsymmetric() throws {
    var random = SplitMix(902)
    let a = try Reference.convection(22, 30)
    let b = random.block(a.rows, 4, Double.self)
    for method in [
      BlockGMRES(restart: 40), BlockGMRES(restart: 40, side: .flexible), BlockGCRODR(restart: 30), BlockBiCGStab(),
      PseudoBlockGMRES(restart: 60), PseudoBlockBiCGStab(), PseudoBlockIDR(),
    ] as [any BlockMethod] {
      for choice in [PreconditionerChoice.jacobi, .ilu0] { try attains(1e-12, method.preconditioned(by: choice), a, b) }
    }
  }

  @Test func indefinite() throws {
    var random = SplitMix(903)
    let n = 400
    var builder = try TripletBuilder<Double>(rows: n, columns: n)
    for i in 0..<n {
      try builder.add(i % 3 == 0 ? -4 : 5, row: i, column: i)
      if i > 0 {
        try builder.add(1, row: i, column: i - 1)
        try builder.add(1, row: i - 1, column: i)
      }
    }
    let a = try builder.csr()
    let b = random.block(n, 6, Double.self)
    for method in [BlockMINRES(), BlockGMRES()] as [any BlockMethod] { try attains(1e-12, method, a, b) }
  }

  @Test func complex() throws {
    var random = SplitMix(904)
    let a = try random.sparse(300, 300, perRow: 4, diagonal: 7, Complex<Double>.self)
    let b = random.block(300, 3, Complex<Double>.self)
    for method in [BlockGMRES(), BlockBiCGStab(), PseudoBlockIDR()] as [any BlockMethod] {
      try attains(1e-12, method.preconditioned(by: .ilu0), a, b)
    }
    let hermitian = a.adding(a.adjointMatrix())
    try attains(1e-12, BlockMINRES(), hermitian, b)
    try attains(1e-12, BlockGMRES(), hermitian, b)
  }

  /// Dense factors of single precision, refined.
  @Test func denseFactors() throws {
    var random = SplitMix(905)
    let a = try random.sparse(120, 120, perRow: 6, diagonal: 5, Double.self)
    try attains(1e-13, DenseLU(), a, random.block(120, 4, Double.self))
  }

  /// Columns leave as they converge: a hard tolerance for one column does not cost the others a correction.
  @Test func columnsLeave() throws {
    var random = SplitMix(906)
    let a = try Reference.poisson(20, Double.self)
    let b = random.block(400, 4, Double.self)
    let method = MixedPrecision(PseudoBlockCG(tolerance: .perColumn(relative: [1e-3, 1e-13, 1e-4, 1e-3])))
    let report = try method.solve(a, b).report
    #expect(report.allConverged)
    let corrections = report.events.filter { $0.kind == .refined }
    #expect(corrections.first?.detail.contains(": 4 columns") == true && corrections.last?.detail.contains(": 1 columns") == true)
    #expect(report.columns[0].iterations < report.columns[1].iterations && report.columns[1].iterations <= report.iterations)
  }

  /// A condition beyond single precision is noticed, named and left to double precision.
  @Test func illConditionedMatricesGoOnInDoublePrecision() throws {
    var random = SplitMix(907)
    let n = 60
    let q = Reference.orthogonal(n, &random)
    func matrix(_ condition: Double) -> CSRMatrix<Double> {
      let d = DenseMatrix<Double>(rows: n, columns: n) { i, j in
        i == j ? Double.pow(condition, -Double(i) / Double(n - 1)) : 0
      }
      let full = q * d * q.adjoint
      return CSRMatrix(dense: DenseMatrix(rows: n, columns: n) { i, j in (full[i, j] + full[j, i]) / 2 })
    }
    let b = random.block(n, 3, Double.self)
    for method in [BlockCG(maximumIterations: 5000), BlockGMRES(restart: 80), DenseLU()] as [any BlockMethod] {
      let hard = try MixedPrecision(method.with { $0.tolerance = .relative(1e-6) }).solve(matrix(1e9), b)
      #expect(hard.report.allConverged, "\(method.name): \(hard.report)")
      #expect(
        hard.report.events.contains { $0.kind == .methodChanged && $0.detail.contains("double precision") }, "\(method.name)")
      #expect(Reference.relativeResiduals(matrix(1e9), hard.solution, b).allSatisfy { $0 <= 1.0001e-6 })
    }
    let easy = try MixedPrecision(BlockCG(tolerance: .relative(1e-12))).solve(matrix(1e3), b).report
    #expect(easy.allConverged && !easy.events.contains { $0.kind == .methodChanged })
  }

  /// Limits and the observer hold for all corrections together, and the history is that of ‖r_j‖/‖b_j‖.
  @Test func limitsAndHistories() throws {
    var random = SplitMix(908)
    let a = try Reference.poisson(30, Double.self)
    let b = random.block(900, 3, Double.self)
    let method = MixedPrecision(BlockCG(tolerance: .relative(1e-12)))
    let free = try method.solve(a, b).report
    for limit in [0, 1, 10, free.iterations / 2] {
      let report = try method.with { $0.maximumIterations = limit }.solve(a, b).report
      #expect(report.iterations == limit && report.columns.contains { $0.status == .maximumIterations })
      #expect(report.columns.allSatisfy { $0.trueRelativeResidual <= 1 })
    }
    var seen = 0
    let stopped = try method.solve(a, b) { progress in
      seen += 1
      return seen == 30 ? .stop : .continue
    }
    #expect(stopped.report.columns.allSatisfy { $0.status == .cancelled } && seen == 30)
    let late = try method.with { $0.timeLimit = .zero }.solve(a, b).report
    #expect(late.columns.allSatisfy { $0.status == .timeLimit } && late.iterations == 0)
    for column in free.columns {
      #expect(column.history.count == free.iterations + 1 && column.history[0] == 1)
      // The end of every correction is below 1e-4 of its beginning: the history falls over all of them.
      #expect(try #require(column.history.last) <= 2e-12 && column.history.allSatisfy { $0 <= 30 })
      #expect(column.iterations <= free.iterations)
    }
  }

  @Test func operatorsThatAreNoMatrices() throws {
    var random = SplitMix(909)
    let a = try Reference.poisson(12, Double.self)
    let single = a.converted(to: Float.self)
    let free = MatrixFreeOperator<Double>(size: 144, structure: [.symmetric, .positiveDefinite]) {
      try a.apply(to: $0, into: &$1)
    }
    let twin = MatrixFreeOperator<Float>(size: 144, structure: [.symmetric, .positiveDefinite]) {
      try single.apply(to: $0, into: &$1)
    }
    #expect {
      try MixedPrecision(BlockCG()).prepare(free)
    } throws: {
      guard case .unsupported(let text) = $0 as? BlockKrylovError else { return false }
      return text.contains("singlePrecisionOperator") && text.contains("Float")
    }
    let b = random.block(144, 3, Double.self)
    let result = try MixedPrecision(BlockCG(tolerance: .relative(1e-12)), singlePrecisionOperator: twin).solve(free, b)
    #expect(result.report.allConverged && Reference.relativeResiduals(a, result.solution, b).allSatisfy { $0 <= 1.0001e-12 })
    #expect(throws: BlockKrylovError.self) { try MixedPrecision(BlockCG(), singlePrecisionOperator: free).prepare(free) }
    #expect(throws: BlockKrylovError.self) { try MixedPrecision(BlockCG()).prepare(single) }
    let prepared = try MixedPrecision(BlockCG(), singlePrecisionOperator: twin).prepare(free)
    #expect(throws: BlockKrylovError.self) { try prepared.update(free) }
  }

  /// Entries and columns at the ends of the range, which single precision does not have.
  @Test(arguments: [1e-200, 1e-60, 1e60, 1e200])
  func matricesBeyondTheRangeOfSinglePrecision(size: Double) throws {
    var random = SplitMix(910)
    let a = try Reference.poisson(10, Double.self).mapValues { $0 * size }
    let b = BlockVector<Double>(rows: 100, columns: 3) { _, j in random.scalar(Double.self) * [1, 1e-90, 1e90][j] }
    let result = try MixedPrecision(BlockCG(tolerance: .relative(1e-11)).preconditioned(by: .ic0)).solve(a, b).report
    #expect(result.allConverged, "\(result)")
    #expect(result.events.contains { $0.kind == .refined } && !result.events.contains { $0.kind == .methodChanged })
  }

  @Test func updatesPreconditionersOfTheCallerAndRecycling() throws {
    var random = SplitMix(911)
    let a = try Reference.convection(14, 20)
    let b = random.block(196, 3, Double.self)
    let prepared = try MixedPrecision(BlockGMRES(tolerance: .relative(1e-11)).preconditioned(by: .ilu0)).prepare(a)
    #expect(try prepared.solve(b).report.allConverged)
    let other = a.mapValues { 3 * $0 }
    try prepared.update(other)
    let again = try prepared.solve(b)
    #expect(again.report.allConverged && Reference.relativeResiduals(other, again.solution, b).allSatisfy { $0 <= 1.0001e-11 })
    let own = TestPreconditioner(rows: 196, claimsDefinite: false) { r, z in z.combine(0.25, r) }
    let result = try MixedPrecision(BlockGMRES(tolerance: .relative(1e-11))).prepare(a, preconditioner: own).solve(b).report
    #expect(result.allConverged && result.preconditioner == own.name)
    let recycling = try MixedPrecision(BlockGCRODR(tolerance: .relative(1e-10), restart: 20)).prepare(a)
    #expect(recycling.recycledSpace == nil)
    let first = try recycling.solve(b).report.iterations
    let space = try #require(recycling.recycledSpace)
    let second = try MixedPrecision(BlockGCRODR(tolerance: .relative(1e-10), restart: 20)).prepare(a)
    try second.recycle(space)
    #expect(try second.solve(b).report.iterations < first)
  }
}
