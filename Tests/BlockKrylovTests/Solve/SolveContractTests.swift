import ComplexModule
import Synchronization
import Testing

@testable import BlockKrylov

/// What prepare, solve and the report promise for every method.
struct SolveContractTests {
  enum Method: String, CaseIterable, CustomTestStringConvertible {
    case cg, cgJacobi, cgIC0, gmres, gmresILU0, dense, auto
    case minres, minresIC0, bicgstab, bicgstabILU0, pseudoCG, pseudoCGIC0, pseudoGMRES, pseudoGMRESILU0, pseudoBiCGStab, lsqr,
      lsmr, idr, idrILU0, ecg, ecgIC0, bfCG, bfCGIC0
    var testDescription: String { rawValue }
    var method: any BlockMethod {
      switch self {
      case .cg: BlockCG()
      case .cgJacobi: BlockCG().preconditioned(by: .jacobi)
      case .cgIC0: BlockCG().preconditioned(by: .ic0)
      case .gmres: BlockGMRES()
      case .gmresILU0: BlockGMRES().preconditioned(by: .ilu0)
      case .dense: DenseLU()
      case .auto: AutomaticSolver()
      case .minres: BlockMINRES()
      case .minresIC0: BlockMINRES().preconditioned(by: .ic0)
      case .bicgstab: BlockBiCGStab()
      case .bicgstabILU0: BlockBiCGStab().preconditioned(by: .ilu0)
      case .pseudoCG: PseudoBlockCG()
      case .pseudoCGIC0: PseudoBlockCG().preconditioned(by: .ic0)
      case .pseudoGMRES: PseudoBlockGMRES()
      case .pseudoGMRESILU0: PseudoBlockGMRES().preconditioned(by: .ilu0)
      case .pseudoBiCGStab: PseudoBlockBiCGStab()
      case .idr: PseudoBlockIDR()
      case .idrILU0: PseudoBlockIDR().preconditioned(by: .ilu0)
      case .ecg: EnlargedCG()
      case .ecgIC0: EnlargedCG().preconditioned(by: .ic0)
      case .bfCG: BreakdownFreeBlockCG()
      case .bfCGIC0: BreakdownFreeBlockCG().preconditioned(by: .ic0)
      case .lsqr: LSQR()
      case .lsmr: LSMR()
      }
    }
  }

  // MARK: Column isolation

  /// Zero, duplicate, solved, huge, tiny and NaN columns end as they must, and the good ones as if they were alone.
  @Test(arguments: Method.allCases)
  func difficultColumnsDoNotDisturbTheOthers(kind: Method) throws {
    var random = SplitMix(61)
    let a = try Reference.poisson(14, Double.self)
    let n = a.rows
    var b = random.block(n, 9, Double.self)
    let guess = BlockVector<Double>(rows: n, columns: 9) { _, j in j == 3 ? 0.25 : 0 }
    let solved = Reference.product(a, guess)
    for i in 0..<n {
      b[i, 1] = 0
      b[i, 2] = b[i, 0]
      b[i, 3] = solved[i, 3]
      b[i, 4] *= 1e250
      b[i, 5] *= 1e-250
      if i == 7 { b[i, 6] = .nan }
      if i == 9 { b[i, 7] = -.infinity }
    }
    let result = try kind.method.prepare(a).solve(b, from: guess)
    let status = result.report.columns.map(\.status)
    #expect(status[1] == .zeroRightHandSide && status[3] == .convergedAtStart)
    #expect(status[6] == .nonFinite(.rightHandSide) && status[7] == .nonFinite(.rightHandSide))
    for j in [0, 2, 4, 5, 8] { #expect(status[j] == .converged, "column \(j): \(status[j])") }
    #expect(result.solution.columnMaxima().allSatisfy { $0.isFinite })
    let scales = [1, 1, 1, 1, 1e250, 1e-250, 1, 1, 1]
    for j in [0, 2, 4, 5, 8] {
      let scaled = BlockVector<Double>(rows: n, columns: 1) { i, _ in b[i, j] / scales[j] }
      let x = BlockVector<Double>(rows: n, columns: 1) { i, _ in result.solution[i, j] / scales[j] }
      #expect(Reference.relativeResiduals(a, x, scaled)[0] <= 1.0000001e-8)
    }
    #expect(result.solution.column(1).allSatisfy { $0 == 0 })
    #expect(result.solution.column(3) == guess.column(3))
  }

  /// The good columns of a block with a NaN column are bitwise those of the block without it.
  @Test(arguments: Method.allCases)
  func aNaNColumnChangesNoBitOfTheOthers(kind: Method) throws {
    var random = SplitMix(62)
    let a = try Reference.poisson(12, Double.self)
    var b = random.block(144, 4, Double.self)
    let clean = try kind.method.prepare(a).solve(b[columns: 0..<3])
    b[5, 3] = .nan
    let dirty = try kind.method.prepare(a).solve(b)
    #expect(dirty.solution[columns: 0..<3] == clean.solution)
  }

  // MARK: Tolerances

  @Test(arguments: Method.allCases)
  func convergedMeansVerified(kind: Method) throws {
    var random = SplitMix(63)
    let a = try Reference.poisson(20, Double.self)
    for tolerance in [1e-2, 1e-6, 1e-10] {
      let b = random.block(400, 5, Double.self)
      let result = try kind.method.with { $0.tolerance = .relative(tolerance) }.prepare(a).solve(b)
      let residuals = Reference.relativeResiduals(a, result.solution, b)
      for (column, residual) in zip(result.report.columns, residuals) {
        #expect(column.status == .converged && residual <= tolerance * (1 + 1e-9))
        #expect(abs(column.trueRelativeResidual - residual) <= 1e-3 * residual + 1e-15)
      }
    }
  }

  @Test(arguments: [Method.cg, .bfCG, .gmres, .minres, .bicgstab, .pseudoCG, .pseudoGMRES, .pseudoBiCGStab])
  func tolerancesPerColumn(kind: Method) throws {
    var random = SplitMix(64)
    let a = try Reference.poisson(16, Double.self)
    let b = random.block(256, 3, Double.self)
    let bounds = [1e-2, 1e-5, 1e-9]
    let result = try kind.method.with { $0.tolerance = .perColumn(relative: bounds) }.prepare(a).solve(b)
    for (j, residual) in Reference.relativeResiduals(a, result.solution, b).enumerated() { #expect(residual <= bounds[j]) }
    let iterations = result.report.columns.map(\.iterations)
    #expect(iterations[0] < iterations[1] && iterations[1] < iterations[2])
    let absolute = try kind.method.with { $0.tolerance = .absolute(1e-3) }.prepare(a).solve(b)
    #expect(absolute.report.columns.allSatisfy { $0.trueResidual <= 1e-3 && $0.threshold == 1e-3 })
    #expect(throws: BlockKrylovError.self) {
      try kind.method.with { $0.tolerance = .perColumn(relative: [1e-3, 1e-3]) }.prepare(a).solve(b)
    }
    for bad in [-1, Double.nan] {
      #expect(throws: BlockKrylovError.self) { try kind.method.with { $0.tolerance = .relative(bad) }.prepare(a) }
    }
  }

  /// Tolerance 0 cannot be met: the best that arithmetic allows is reached and named.
  @Test(arguments: Method.allCases.filter { $0 != .auto })
  func toleranceZeroEndsAtAttainableAccuracy(kind: Method) throws {
    var random = SplitMix(65)
    let a = try Reference.poisson(12, Double.self)
    let b = random.block(144, 3, Double.self)
    let result = try kind.method.with { $0.tolerance = .relative(0) }.prepare(a).solve(b)
    for (j, residual) in Reference.relativeResiduals(a, result.solution, b).enumerated() {
      #expect(residual <= 1e-13)
      #expect(result.report.columns[j].status == .stagnated(.attainableAccuracy), "\(result.report.columns[j].status)")
      #expect(result.report.columns[j].remedy != nil)
    }
  }

  // MARK: Initial guesses

  @Test(arguments: Method.allCases)
  func guesses(kind: Method) throws {
    var random = SplitMix(66)
    let a = try Reference.poisson(12, Double.self)
    let exact = random.block(144, 3, Double.self)
    let b = Reference.product(a, exact)
    let prepared = try kind.method.prepare(a)
    let started = try prepared.solve(b, from: exact)
    #expect(started.report.columns.allSatisfy { $0.status == .convergedAtStart } && started.solution == exact)
    let near = BlockVector<Double>(rows: 144, columns: 3) { exact[$0, $1] + 1e-6 * (($0 + $1) % 2 == 0 ? 1 : -1) }
    let cold = try prepared.solve(b)
    let warm = try prepared.solve(b, from: near)
    #expect(cold.report.allConverged && warm.report.allConverged)
    #expect(warm.report.iterations <= cold.report.iterations)
    var poisoned = near
    poisoned[0, 1] = .nan
    let mixed = try prepared.solve(b, from: poisoned)
    #expect(mixed.report.columns[1].status == .nonFinite(.initialGuess))
    #expect(mixed.report.columns[0].status.isConverged && mixed.report.columns[2].status.isConverged)
    #expect(throws: BlockKrylovError.self) { try prepared.solve(b, from: near[columns: 0..<2]) }
  }

  // MARK: Sizes

  @Test(arguments: Method.allCases)
  func degenerateSizes(kind: Method) throws {
    let none = try kind.method.prepare(CSRMatrix<Double>(diagonal: [])).solve(BlockVector(rows: 0, columns: 3))
    #expect(none.report.columns.allSatisfy { $0.status == .zeroRightHandSide } && none.solution.rows == 0)
    let a = try Reference.poisson(4, Double.self)
    let empty = try kind.method.prepare(a).solve(BlockVector(rows: 16, columns: 0))
    #expect(empty.report.columns.isEmpty && empty.report.allConverged && empty.solution.columns == 0)
    let one = CSRMatrix<Double>(diagonal: [4])
    let single = try kind.method.prepare(one).solve(BlockVector(rows: [[8, 0, -4]]))
    #expect(Reference.distance(single.solution, try BlockVector(rows: [[2, 0, -1]])) <= 1e-15 && single.report.allConverged)
    #expect(throws: BlockKrylovError.self) { try kind.method.prepare(a).solve(BlockVector(rows: 15, columns: 1)) }
    let wide = CSRMatrix(dense: DenseMatrix<Double>(rows: 2, columns: 3) { _, _ in 1 })
    // Least squares, and the automatic choice among other methods, take any shape.
    if ![.lsqr, .lsmr, .auto].contains(kind) { #expect(throws: BlockKrylovError.self) { try kind.method.prepare(wide) } }
  }

  @Test(arguments: [Method.cg, .bfCG, .gmres, .minres, .bicgstab, .pseudoCG, .pseudoGMRES, .pseudoBiCGStab])
  func wideBlocksAreSolvedInGroups(kind: Method) throws {
    var random = SplitMix(67)
    let a = try Reference.poisson(12, Double.self)
    let b = random.block(144, 11, Double.self)
    let result = try kind.method.with { $0.maximumBlockWidth = 4 }.prepare(a).solve(b)
    #expect(result.report.allConverged && result.report.blockWidth == 4)
    #expect(result.report.events.contains { $0.kind == .grouped })
    #expect(Reference.relativeResiduals(a, result.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
    #expect(result.report.columns.allSatisfy { $0.iterations < result.report.iterations })
  }

  // MARK: Limits

  @Test(arguments: [Method.cg, .bfCG, .gmres, .minres, .bicgstab, .pseudoCG, .pseudoGMRES, .pseudoBiCGStab])
  func limits(kind: Method) throws {
    var random = SplitMix(68)
    let a = try Reference.poisson(20, Double.self)
    let b = random.block(400, 3, Double.self)
    for limit in [0, 1, 7] {
      let result = try kind.method.with { $0.maximumIterations = limit }.prepare(a).solve(b)
      #expect(result.report.iterations == limit)
      #expect(result.report.columns.allSatisfy { $0.status == .maximumIterations && $0.iterations == limit })
      #expect(result.report.columns.allSatisfy { limit == 0 ? $0.trueRelativeResidual == 1 : $0.trueRelativeResidual < 2 })
      #expect(throws: BlockKrylovError.self) { try result.solution(requiring: .allConverged) }
      #expect(try result.solution(requiring: .finite).rows == 400)
    }
    let late = try kind.method.with { $0.timeLimit = .zero }.prepare(a).solve(b)
    #expect(late.report.columns.allSatisfy { $0.status == .timeLimit })
    var seen = 0
    let stopped = try kind.method.prepare(a).solve(b) { progress in
      seen += 1
      #expect(progress.iteration == seen && progress.relativeResiduals.count == 3)
      return seen == 5 ? .stop : .continue
    }
    #expect(seen == 5 && stopped.report.columns.allSatisfy { $0.status == .cancelled })
    #expect(stopped.report.columns.allSatisfy { $0.trueRelativeResidual < 2 })
  }

  /// More iterations never make the energy error, or GMRES's residual, worse; X is kept between calls.
  @Test func aSolveCanGoOnFromItsIterate() throws {
    var random = SplitMix(69)
    let a = try Reference.poisson(16, Double.self)
    let b = random.block(256, 2, Double.self)
    let first = try BlockCG(maximumIterations: 10).solve(a, b)
    let second = try BlockCG().solve(a, b, from: first.solution)
    #expect(second.report.allConverged)
  }

  // MARK: Determinism and reuse

  @Test(arguments: [
    Method.cg, .cgIC0, .gmres, .dense, .minres, .bicgstab, .pseudoCG, .pseudoGMRES, .pseudoBiCGStab, .idr, .ecg, .bfCG, .lsqr,
    .lsmr,
  ])
  func sameBitsForAnyNumberOfThreads(kind: Method) throws {
    var random = SplitMix(70)
    // Large enough that the kernels really use threads.
    let a = try Reference.poisson(kind == .dense ? 20 : 90, Double.self)
    let b = random.block(a.rows, 16, Double.self)
    let solutions = try [1, 2, 3].map { threads in
      try kind.method.with { ($0.threads, $0.maximumIterations) = (threads, 20) }.prepare(a).solve(b).solution
    }
    for x in solutions.dropFirst() { #expect(x == solutions[0]) }
  }

  @Test(arguments: Method.allCases)
  func aPreparedSolverCanBeUsedAgain(kind: Method) throws {
    var random = SplitMix(71)
    let a = try Reference.poisson(12, Double.self)
    let b = random.block(144, 4, Double.self)
    let prepared = try kind.method.prepare(a)
    let first = try prepared.solve(b)
    _ = try prepared.solve(random.block(144, 7, Double.self))
    #expect(try prepared.solve(b).solution == first.solution)
    // New values on the same pattern.
    var doubled = a
    try doubled.updateValues(a.values.map { 2 * $0 })
    try prepared.update(doubled)
    let half = try prepared.solve(b)
    #expect(half.report.allConverged)
    #expect(Reference.relativeResiduals(doubled, half.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
    #expect(throws: BlockKrylovError.self) { try prepared.update(Reference.poisson(11, Double.self)) }
  }

  @Test func compressedColumnsWorkLikeRows() throws {
    var random = SplitMix(72)
    let a = try Reference.convection(12, 20)
    let b = random.block(144, 3, Double.self)
    let rows = try BlockGMRES().preconditioned(by: .ilu0).solve(a, b)
    let columns = try BlockGMRES().preconditioned(by: .ilu0).solve(CSCMatrix(a), b)
    #expect(rows.solution == columns.solution)
  }

  @Test func optionsWithoutMeaningAreRefused() throws {
    let a = try Reference.poisson(4, Double.self)
    #expect(throws: BlockKrylovError.self) { try BlockGMRES(restart: 0).prepare(a) }
    #expect(throws: BlockKrylovError.self) { try BlockCG(maximumIterations: -1).prepare(a) }
    #expect(throws: BlockKrylovError.self) { try BlockCG(threads: 0).prepare(a) }
    #expect(throws: BlockKrylovError.self) { try BlockCG().with { $0.maximumBlockWidth = 0 }.prepare(a) }
    let free = MatrixFreeOperator<Double>(size: 16) { x, y in y.copy(from: x) }
    #expect(throws: BlockKrylovError.self) { try BlockGMRES().preconditioned(by: .ilu0).prepare(free) }
  }

  @Test func reportsCountWork() throws {
    var random = SplitMix(73)
    let a = try Reference.poisson(16, Double.self)
    let calls = Mutex((applies: 0, columns: 0))
    let counted = MatrixFreeOperator<Double>(size: 256, structure: [.symmetric, .positiveDefinite]) { x, y in
      calls.withLock {
        $0.applies += 1
        $0.columns += x.columns
      }
      try a.apply(to: x, into: &y)
    }
    for method in [BlockCG(), BlockGMRES()] as [any BlockMethod] {
      calls.withLock { $0 = (0, 0) }
      let report = try method.prepare(counted).solve(random.block(256, 4, Double.self)).report
      let seen = calls.withLock { $0 }
      #expect(report.operatorApplications == seen.applies && report.columnsApplied == seen.columns)
      #expect(report.operatorApplications <= report.iterations + 3, "the operator is applied to whole blocks")
      #expect(report.blockWidth == 4 && report.solveSeconds > 0 && report.bytesPlanned > 0 && report.bytesUsed > 0)
    }
  }
}
