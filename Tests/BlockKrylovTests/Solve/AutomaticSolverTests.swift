import ComplexModule
import Testing

@testable import BlockKrylov

/// Dense LU that claims to be cheap, and fails to factor if told so.
private struct CheapDirect: FactorizationEstimating {
  var name: String { "cheap" }
  var options = SolverOptions()
  var fails = false
  var flops = 1.0

  init(fails: Bool = false, flops: Double = 1) { (self.fails, self.flops) = (fails, flops) }

  func estimatedWork<Element: Scalar>(for a: CSRMatrix<Element>) throws -> FactorizationWork? {
    FactorizationWork(method: name, flops: flops, entries: 1, peakBytes: 1)
  }

  func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    if fails { throw BlockKrylovError.factorization("it was told to fail") }
    return try DenseLU().with { $0 = options }.makeEngine(for: a, preconditioner: nil)
  }
}

struct AutomaticSolverTests {
  private func solve(_ a: CSRMatrix<Double>, columns: Int = 3) throws -> SolveReport {
    var random = SplitMix(81)
    let b = random.block(a.rows, columns, Double.self)
    let result = try BlockKrylov.solve(a, b)
    for (column, residual) in zip(result.report.columns, Reference.relativeResiduals(a, result.solution, b))
    where column.status.isConverged { #expect(residual <= 1.0000001e-8) }
    #expect(!result.report.explanation.isEmpty)
    return result.report
  }

  @Test func positiveDefiniteTakesCG() throws {
    let report = try solve(Reference.poisson(30, Double.self))
    #expect(report.method == "cg" && report.preconditioner == "ic0" && report.allConverged)
  }

  @Test func negativeDefiniteTakesCGOnMinusA() throws {
    let report = try solve(Reference.poisson(30, Double.self).mapValues { -$0 })
    #expect(report.method == "cg" && report.allConverged)
  }

  @Test func generalTakesBiCGStab() throws {
    let report = try solve(Reference.convection(30, 20))
    #expect(report.method == "pseudo-bicgstab" && report.preconditioner == "ilu0" && report.allConverged)
  }

  /// On the left or flexible there is no BiCGStab; GMRES takes its place.
  @Test func sideTakesGMRES() throws {
    var random = SplitMix(83)
    let a = try Reference.convection(30, 20)
    for side in [PreconditionerSide.left, .flexible] {
      let report = try AutomaticSolver().with { $0.side = side }.solve(a, random.block(900, 2, Double.self)).report
      #expect(report.method == (side == .left ? "gmres" : "fgmres") && report.allConverged)
    }
  }

  /// Where BiCGStab gets nowhere GMRES goes on from its best iterates, or the direct solve after it.
  @Test func trialsThatFailMoveOn() throws {
    let a = try Gallery.Problem(.helmholtz2d, size: 30).matrix(Complex<Double>.self)
    var random = SplitMix(84)
    let report = try AutomaticSolver().preconditioned(by: .none).solve(a, random.block(a.rows, 3, Complex<Double>.self)).report
    #expect(report.events.contains { $0.kind == .methodChanged && $0.detail.hasPrefix("pseudo-bicgstab") })
  }

  /// A dense factorisation of 1600 rows is dearer than the iterations; for the same pattern as a sparse direct method would factor
  /// it, it is not.
  @Test func cheapDirectSolvesTakeOver() throws {
    let a = try Gallery.Problem(.varcoef2d, size: 40).matrix(Double.self)
    var random = SplitMix(85)
    let b = random.block(1600, 60, Double.self)
    let plain = AutomaticSolver().preconditioned(by: .none)
    #expect(try plain.solve(a, b).report.method == "cg")
    var cheap = plain
    cheap.direct = CheapDirect()
    let prepared = try cheap.prepare(a)
    let first = try prepared.solve(b)
    #expect(first.report.method == "dense" && first.report.allConverged)
    let event = try #require(first.report.events.first { $0.kind == .methodChanged })
    #expect(event.detail.contains("more iterations are forecast") && event.detail.contains("for cheap"))
    // What has proved to be the quicker way is the way of the next solve, from the start.
    let second = try prepared.solve(b)
    #expect(second.report.method == "dense" && second.report.iterations <= 2 && second.solution == first.solution)
  }

  /// A factorisation that is dearer than one solve by iterations is worth it for many.
  @Test func manySolvesAreWorthAFactorisation() throws {
    let a = try Gallery.Problem(.poisson2d, size: 40).matrix(Double.self)
    var random = SplitMix(88)
    let b = random.block(1600, 4, Double.self)
    var solver = AutomaticSolver().preconditioned(by: .none)
    solver.direct = CheapDirect(flops: 1e8)
    let prepared = try solver.prepare(a)
    var methods: [String] = []
    for _ in 0..<40 where methods.last != "dense" {
      let report = try prepared.solve(b).report
      #expect(report.allConverged)
      methods.append(report.method)
      if report.method == "dense" {
        #expect(report.events.contains { $0.kind == .methodChanged && $0.detail.contains("in earlier solves") })
      }
    }
    #expect(methods.first == "cg" && methods.last == "dense" && methods.count > 2)
    // New values of A have to be factored anew, so nothing is known of their worth.
    let changed = try solver.prepare(a)
    for k in 0..<methods.count {
      try changed.update(a.mapValues { $0 * Double(k + 2) })
      #expect(try changed.solve(b).report.method == "cg")
    }
  }

  /// Where A does not fit a core's cache its iterations are in single precision, and what the caller gets is as accurate.
  @Test func largeMatricesTakeSinglePrecision() throws {
    var random = SplitMix(89)
    for (problem, size, method) in [(Gallery.Family.poisson3d, 34, "mixed-cg"), (.convdiff3d, 32, "mixed-pseudo-bicgstab")] {
      let a = try Gallery.Problem(problem, size: size).matrix(Double.self)
      let b = random.block(a.rows, 2, Double.self)
      let report = try solve(a, columns: 2)
      #expect(report.method == method && report.allConverged)
      #expect(report.explanation.contains { $0.contains("single precision") })
      // A limit of memory leaves no room for a second A.
      let limited = try AutomaticSolver().with { $0.memoryLimit = 1 << 28 }.solve(a, b).report
      #expect("mixed-" + limited.method == method && limited.allConverged)
      let single = try AutomaticSolver().with { $0.tolerance = .relative(1e-4) }.prepare(a.converted(to: Float.self))
      #expect("mixed-" + single.method == method)
    }
  }

  /// A direct method that cannot be prepared after all leaves the solve where it was.
  @Test func failingDirectSolvesGiveBack() throws {
    let a = try Gallery.Problem(.poisson2d, size: 40).matrix(Double.self)
    var random = SplitMix(86)
    let b = random.block(1600, 60, Double.self)
    var solver = AutomaticSolver().preconditioned(by: .none)
    solver.direct = CheapDirect(fails: true)
    let result = try solver.solve(a, b)
    #expect(result.report.method == "cg" && result.report.allConverged)
    #expect(result.report.events.contains { $0.kind == .methodChanged && $0.detail.contains("could not be prepared") })
    #expect(Reference.relativeResiduals(a, result.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
  }

  /// Groups are as wide as costs least, a column alone included.
  @Test func wideBlocksAreSolvedInGroups() throws {
    let a = try Gallery.Problem(.poisson2d, size: 60).matrix(Double.self)
    var random = SplitMix(87)
    let report = try AutomaticSolver().preconditioned(by: .none).solve(a, random.block(3600, 60, Double.self)).report
    #expect(report.allConverged && report.blockWidth < 60 && report.blockWidth > 4)
    #expect(report.events.contains { $0.kind == .grouped && $0.detail.contains("cost model") })
  }

  @Test func smallTakesADirectSolve() throws {
    #expect(try solve(Reference.convection(10, 20)).method == "dense")
  }

  /// Symmetric with a positive diagonal, yet indefinite: CG finds out and another method takes over, as an event.
  @Test func indefiniteMovesOn() throws {
    let a = try Reference.poisson(30, Double.self)
    let shifted = CSRMatrix(
      uncheckedRows: 900, columns: 900, rowStart: a.rowStart, columnIndex: a.columnIndex,
      values: a.values.map { $0 == 4 ? 3.2 : $0 })
    let report = try solve(shifted)
    #expect(report.allConverged && report.method == "minres" && report.preconditioner == "ic0")
    #expect(report.events.contains { $0.kind == .methodChanged })
  }

  /// Symmetric with a diagonal of both signs.
  @Test func indefiniteTakesMINRES() throws {
    let a = try Reference.poisson(30, Double.self)
    let mixed = CSRMatrix(
      uncheckedRows: 900, columns: 900, rowStart: a.rowStart, columnIndex: a.columnIndex,
      values: a.values.enumerated().map { $0.element == 4 ? ($0.offset % 3 == 0 ? -5 : 6) : $0.element })
    let report = try solve(mixed)
    #expect(report.method == "minres" && report.preconditioner == "jacobi" && report.allConverged)
  }

  @Test func zeroRowsAreRefused() throws {
    var t = try TripletBuilder<Double>(rows: 3, columns: 3)
    try t.add(1, row: 0, column: 0)
    try t.add(1, row: 2, column: 1)
    let a = try t.csr()
    let error = #expect(throws: BlockKrylovError.self) { try BlockKrylov.solve(a, BlockVector(rows: 3, columns: 1)) }
    #expect(error?.description.contains("1 rows without a nonzero entry (1, counted from 0)") == true)
  }

  @Test func denseAndMatrixFree() throws {
    var random = SplitMix(82)
    let a = try Reference.poisson(8, Double.self)
    let b = random.block(64, 2, Double.self)
    #expect(try BlockKrylov.solve(DenseOperator(a.dense), b).report.method == "dense")
    let free = MatrixFreeOperator<Double>(size: 64) { x, y in try a.apply(to: x, into: &y) }
    #expect(try BlockKrylov.solve(free, b).report.method == "gmres")
    let tagged = MatrixFreeOperator<Double>(size: 64, structure: [.symmetric, .positiveDefinite]) { x, y in
      try a.apply(to: x, into: &y)
    }
    #expect(try BlockKrylov.solve(tagged, b).report.method == "cg")
    let symmetric = MatrixFreeOperator<Double>(size: 64, structure: .symmetric) { x, y in try a.apply(to: x, into: &y) }
    #expect(try BlockKrylov.solve(symmetric, b).report.method == "minres")
  }

  /// A method of the plan fails for good: what is left is named, and no column is called solved.
  @Test func singularInconsistentSystems() throws {
    let a = try Gallery.Problem(.neumann2d, size: 30).matrix(Double.self)
    let report = try solve(a)
    #expect(report.columns.allSatisfy { !$0.status.isConverged && $0.remedy != nil })
  }
}
