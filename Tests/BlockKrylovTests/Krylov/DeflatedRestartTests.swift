import ComplexModule
import Synchronization
import Testing

@testable import BlockKrylov

/// Counts calls.
private final class Calls: Sendable {
  let number = Atomic(0)
}

struct DeflatedRestartTests {
  /// An engine that keeps its directions, so that they can be looked at.
  private func engine<S: Scalar>(_ options: SolverOptions, rows: Int, _ type: S.Type) -> BlockGMRESEngine<S> {
    BlockGMRESEngine<S>(EngineCore("gcrodr", options, nil, rows: rows), events: [], recycles: true)
  }

  /// A·U = C and CᴴC = I after several cycles, also where blocks were narrowed on the way.
  private func check<S: Scalar>(_ type: S.Type, accuracy: Double) throws {
    var random = SplitMix(61)
    let a = try random.sparse(150, 150, perRow: 4, diagonal: 3, S.self)
    var b = random.block(150, 4, S.self)
    for i in 0..<150 { b[i, 3] = b[i, 2] + S(double: 1e-5) * b[i, 3] }
    var options = SolverOptions()
    options.tolerance = .perColumn(relative: [1e-2, 1e-3, accuracy, accuracy])
    (options.restart, options.deflation) = (5, 7)
    let engine = engine(options, rows: 150, S.self)
    let report = try PreparedSolver(a: a, engine: engine, options: options, setupSeconds: 0).solve(b).report
    #expect(report.allConverged && report.events.contains { $0.kind == .restarted })
    let space = try #require(engine.deflation)
    let (u, c) = (try #require(space.vectors), try #require(space.images))
    #expect((1...7).contains(c.columns))
    let gram = Reference.inner(c, c)
    for i in 0..<c.columns {
      for j in 0..<c.columns { #expect(Double((gram[i, j] - (i == j ? 1 : 0)).modulus) <= 200 * S.unitRoundoff) }
    }
    let largest = u.columnMaxima().max() ?? 0
    #expect(Reference.distance(Reference.product(a, u), c) <= 1e4 * S.unitRoundoff * max(largest, 1))
  }

  @Test func keptDirectionsHaveOrthonormalImages() throws {
    try check(Double.self, accuracy: 1e-10)
    try check(Complex<Double>.self, accuracy: 1e-10)
    try check(Float.self, accuracy: 1e-4)
    try check(Complex<Float>.self, accuracy: 1e-4)
  }

  /// The directions turn into the eigenvectors of the smallest eigenvalues.
  @Test func smallEigenvaluesAreFound() throws {
    var random = SplitMix(62)
    let a = CSRMatrix<Double>(diagonal: (0..<300).map { (i: Int) -> Double in i < 3 ? 0.01 * Double(i + 1) : Double(i) })
    var options = SolverOptions()
    (options.restart, options.deflation, options.tolerance) = (12, 6, .relative(1e-9))
    let engine: BlockGMRESEngine<Double> = engine(options, rows: 300, Double.self)
    let report = try PreparedSolver(a: a, engine: engine, options: options, setupSeconds: 0)
      .solve(random.block(300, 2, Double.self)).report
    #expect(report.allConverged)
    // C spans the same invariant subspace as U.
    let c = try #require(engine.deflation?.images)
    for k in 0..<3 {
      let part = (0..<c.columns).map { c[k, $0] * c[k, $0] }.reduce(0, +)
      #expect(part >= 1 - 1e-6)
    }
  }

  @Test func conjugatePairsStayTogether() throws {
    // Eigenvalues 3, 2 ± i, 1/2 ± i/4 and small ones.
    var random = SplitMix(63)
    let q = Reference.orthogonal(9, &random)
    var d = DenseMatrix<Double>(rows: 9, columns: 9)
    d[0, 0] = 3
    (d[1, 1], d[1, 2], d[2, 1], d[2, 2]) = (2, 1, -1, 2)
    (d[3, 3], d[3, 4], d[4, 3], d[4, 4]) = (0.5, 0.25, -0.25, 0.5)
    for i in 5..<9 { d[i, i] = 0.01 * Double(i) }
    for i in 0..<8 { d[i, i + 1] += i % 2 == 0 ? 0.3 : 0 }
    let a = q * d * q.adjoint
    let dense = DenseWorkspace<Double>(rows: 9, columns: 9)
    for (wanted, expected) in [(1, 1), (2, 1), (3, 3), (4, 3), (5, 5), (9, 9), (12, 9)] {
      var (t, y) = (a, a)
      #expect(dense.dominantSubspace(&t, wanted: wanted, vectors: &y) == expected)
      let basis = DenseMatrix<Double>(rows: 9, columns: expected) { y[$0, $1] }
      let image = a * basis
      let inside = basis * (basis.adjoint * image)
      for i in 0..<9 { for j in 0..<expected { #expect(abs(image[i, j] - inside[i, j]) <= 1e-12) } }
    }
    // A pair alone at the top is taken whole where one is asked for.
    var (rotation, y) = (DenseMatrix<Double>(rows: 2, columns: 2) { $0 == $1 ? 1 : Double($1 - $0) }, d)
    #expect(DenseWorkspace<Double>(rows: 2, columns: 2).dominantSubspace(&rotation, wanted: 1, vectors: &y) == 2)
  }

  @Test func complexSubspacesAreInvariant() throws {
    typealias C = Complex<Double>
    var random = SplitMix(64)
    let a = DenseMatrix<C>(rows: 8, columns: 8) { _, _ in random.scalar() }
    var (t, y) = (a, a)
    #expect(DenseWorkspace<C>(rows: 8, columns: 8).dominantSubspace(&t, wanted: 3, vectors: &y) == 3)
    let basis = DenseMatrix<C>(rows: 8, columns: 3) { y[$0, $1] }
    let image = a * basis
    let inside = basis * (basis.adjoint * image)
    for i in 0..<8 { for j in 0..<3 { #expect((image[i, j] - inside[i, j]).modulus <= 1e-12) } }
  }

  @Test func deflationSavesIterationsAndAgrees() throws {
    var random = SplitMix(65)
    let a = try Gallery.Problem(.bidiagonal, size: 1000).matrix(Double.self)
    let b = random.normalBlock(1000, 2)
    let solver = BlockGMRES(tolerance: .relative(1e-9), restart: 30)
    let (deflated, plain) = (try solver.solve(a, b), try solver.with { $0.deflation = 0 }.solve(a, b))
    #expect(deflated.report.allConverged)
    #expect(deflated.report.events.contains { $0.detail.contains("15 directions kept") })
    #expect(3 * deflated.report.columnsApplied < plain.report.columnsApplied)
    let full = try solver.with { $0.restart = 400 }.solve(a, b)
    #expect(Reference.distance(deflated.solution, full.solution) <= 1e-6)
    #expect(deflated.report.columnsApplied < 2 * full.report.columnsApplied)
  }

  @Test(arguments: PreconditionerSide.allCases)
  func everySideDeflates(side: PreconditionerSide) throws {
    var random = SplitMix(66)
    let a = try Reference.convection(30, 10)
    let b = random.block(900, 3, Double.self)
    let solver = BlockGMRES(restart: 6, side: side).preconditioned(by: .jacobi)
    let (deflated, plain) = (try solver.solve(a, b), try solver.with { $0.deflation = 0 }.solve(a, b))
    #expect(deflated.report.allConverged && plain.report.allConverged)
    #expect(deflated.report.columnsApplied < plain.report.columnsApplied)
    #expect(Reference.relativeResiduals(a, deflated.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
    for column in deflated.report.columns where side != .left {
      #expect(abs(column.estimatedResidual - column.trueResidual) <= 1e-10 * column.rightHandSideNorm)
    }
  }

  /// A preconditioner that changes from step to step: U, M⁻¹U and C belong together all the same.
  @Test func flexibleDeflation() throws {
    var random = SplitMix(67)
    let a = try Reference.convection(30, 10)
    let b = random.block(900, 3, Double.self)
    let varying = TestPreconditioner(rows: 900, varies: true) { r, z in z.combine(1 / (3 + r[0, 0] * r[0, 0]), r) }
    let solver = BlockGMRES(restart: 6)
    let deflated = try solver.prepare(a, preconditioner: varying).solve(b).report
    let plain = try solver.with { $0.deflation = 0 }.prepare(a, preconditioner: varying).solve(b).report
    #expect(deflated.method == "fgmres" && deflated.allConverged && deflated.columnsApplied < plain.columnsApplied)
    #expect(!deflated.events.contains { $0.kind == .residualReplaced })
  }

  /// C that does not belong to U shows in the residual, and is computed again.
  @Test func driftIsNoticed() throws {
    var random = SplitMix(68)
    let a = try Reference.convection(20, 10)
    // An operator that changes behind the solver's back after 40 products.
    let calls = Calls()
    let liar = MatrixFreeOperator<Double>(size: 400) { x, y in
      try a.apply(to: x, into: &y)
      if calls.number.add(1, ordering: .relaxed).newValue > 40 {
        for i in 0..<400 { for j in 0..<x.columns { y[i, j] += 0.3 * x[i, j] } }
      }
    }
    let report = try BlockGMRES(restart: 15).solve(liar, random.block(400, 2, Double.self)).report
    #expect(report.allConverged)
    #expect(report.events.contains { $0.kind == .residualReplaced && $0.detail.contains("computed again") })
  }
}
