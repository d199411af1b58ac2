import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

/// The A-norm of the error as a stopping test of conjugate gradients, against the exact error.
struct EnergyToleranceTests {
  static let methods: [(String, any BlockMethod)] = [
    ("cg", BlockCG()), ("bf-cg", BreakdownFreeBlockCG()), ("pseudo-cg", PseudoBlockCG()), ("ecg", EnlargedCG()),
  ]

  private func energyNorms<S: Scalar>(_ a: CSRMatrix<S>, _ e: BlockVector<S>) -> [Double] {
    let image = Reference.product(a, e)
    return (0..<e.columns).map { Double(Reference.dot(e.column($0), image.column($0)).realPart).squareRoot() }
  }

  private func difference<S: Scalar>(_ x: BlockVector<S>, _ y: BlockVector<S>) -> BlockVector<S> {
    BlockVector(rows: x.rows, columns: x.columns) { x[$0, $1] - y[$0, $1] }
  }

  private func check<S: Scalar>(
    _ method: any BlockMethod, _ a: CSRMatrix<S>, _ exact: BlockVector<S>, tolerance: Double, guess: BlockVector<S>? = nil,
    _ name: String
  ) throws -> SolveReport {
    let b = Reference.product(a, exact)
    let result = try method.with { $0.tolerance = .energyNorm(relative: tolerance) }.prepare(a).solve(b, from: guess)
    let (errors, sizes) = (energyNorms(a, difference(result.solution, exact)), energyNorms(a, exact))
    for column in result.report.columns {
      let j = column.index
      #expect(column.status == .converged && column.norm == .energy, "\(name): \(column.status)")
      #expect(errors[j] <= tolerance * sizes[j], "\(name), column \(j): error \(errors[j] / sizes[j])")
      // Enlarged CG is done here before an estimate is.
      let isQuick = tolerance < 1e-8 || method.name == "ecg"
      #expect(errors[j] >= 1e-5 * tolerance * sizes[j] || isQuick, "\(name), column \(j): far too many iterations")
      // The bound is relative to the solution, and the estimate is above the error that is returned.
      #expect(abs(column.threshold - tolerance * sizes[j]) <= 1e-3 * tolerance * sizes[j] + tolerance * errors[j])
      let isAbove = column.measure >= errors[j] || errors[j] <= 1e-12 * sizes[j]
      #expect(column.measure <= column.threshold && isAbove, "\(name): \(column.measure), \(errors[j])")
      let residual = Reference.relativeResiduals(a, result.solution, b)[j]
      #expect(abs(column.trueRelativeResidual - residual) <= 1e-10 * residual + 1e-14)
    }
    return result.report
  }

  @Test(arguments: methods.map(\.0), [1e-2, 1e-5, 1e-9])
  func errorsMeetTheTolerance(name: String, tolerance: Double) throws {
    let method = try #require(Self.methods.first { $0.0 == name }).1
    var random = SplitMix(801)
    let poisson = try Reference.poisson(18, Double.self)
    let exact = random.block(324, 3, Double.self)
    let plain = try check(method, poisson, exact, tolerance: tolerance, name)
    let better = try check(method.preconditioned(by: .ic0), poisson, exact, tolerance: tolerance, "\(name) ic0")
    #expect(better.iterations < plain.iterations)
    let near = BlockVector<Double>(rows: 324, columns: 3) { exact[$0, $1] + 1e-1 * (($0 + $1) % 3 == 0 ? 1 : -1) }
    let warm = try check(method, poisson, exact, tolerance: tolerance / 100, guess: near, "\(name) guess")
    let cold = try check(method, poisson, exact, tolerance: tolerance / 100, name)
    #expect(warm.iterations <= cold.iterations + 3)
    let complex = try Reference.poisson(12, Complex<Double>.self)
    _ = try check(method, complex, random.block(144, 2, Complex<Double>.self), tolerance: tolerance, "\(name) complex")
  }

  /// Where convergence comes in steps a fixed delay fails; the adaptive one does not.
  @Test(arguments: [1, 3])
  func slowConvergenceIsNotMistakenForASmallError(m: Int) throws {
    var random = SplitMix(802)
    let variable = try Gallery.Problem(.varcoef2d, size: 20).matrix(Double.self)
    for tolerance in [1e-1, 1e-3, 1e-6] {
      _ = try check(BlockCG(), variable, random.block(400, m, Double.self), tolerance: tolerance, "varcoef2d")
    }
  }

  @Test func whatCannotBeReachedIsNotCalledConverged() throws {
    var random = SplitMix(803)
    let a = try Reference.poisson(12, Double.self)
    let b = random.block(144, 2, Double.self)
    for (name, method) in Self.methods {
      let result = try method.with { $0.tolerance = .energyNorm(relative: 1e-18) }.prepare(a).solve(b)
      #expect(result.report.columns.allSatisfy { $0.status == .stagnated(.attainableAccuracy) }, "\(name): \(result.report)")
      let limited = try method.with { ($0.tolerance, $0.maximumIterations) = (.energyNorm(relative: 1e-8), 5) }.prepare(a).solve(
        b)
      #expect(limited.report.columns.allSatisfy { $0.status == .maximumIterations }, "\(name)")
    }
    let indefinite = CSRMatrix<Double>(diagonal: (0..<30).map { $0 % 2 == 0 ? 1.0 : -1 - Double($0) })
    let wrong = try BlockCG(tolerance: .energyNorm(relative: 1e-6)).solve(indefinite, random.block(30, 2, Double.self))
    #expect(wrong.report.columns.allSatisfy { $0.status == .indefiniteOperator })
  }

  /// Columns are judged each in its own norm.
  @Test func normsOfColumns() throws {
    var random = SplitMix(804)
    let a = try Reference.poisson(16, Double.self)
    let exact = random.block(256, 3, Double.self)
    let b = Reference.product(a, exact)
    let tolerance = Tolerance.perColumn(relative: [1e-3, 1e-6, 1e-9]).measured(in: [.energy, .two, .maximum])
    for method in [BlockCG(tolerance: tolerance), BreakdownFreeBlockCG(tolerance: tolerance)] as [any BlockMethod] {
      let result = try method.prepare(a).solve(b)
      #expect(result.report.allConverged)
      #expect(result.report.columns.map(\.norm) == [.energy, .two, .maximum])
      #expect(result.report.columns.allSatisfy { $0.measure <= $0.threshold })
      #expect(energyNorms(a, difference(result.solution, exact))[0] <= 1e-3 * energyNorms(a, exact)[0])
      #expect(Reference.relativeResiduals(a, result.solution, b)[1] <= 1e-6)
      #expect(try a.residual(b, of: result.solution).columnMaxima()[2] <= 1e-9 * b.columnMaxima()[2])
    }
  }

  @Test func onlyConjugateGradientsHaveTheEstimate() throws {
    let a = try Reference.poisson(4, Double.self)
    for method in [BlockGMRES(), BlockMINRES(), DenseLU(), AutomaticSolver(), LSQR()] as [any BlockMethod] {
      #expect(throws: BlockKrylovError.self) { try method.with { $0.tolerance = .energyNorm(relative: 1e-3) }.prepare(a) }
    }
  }

  /// The estimates from given decreases: nothing is claimed before the sum is certain, and then a little more than the sum.
  @Test func estimatesFromDecreases() {
    let estimates = EnergyErrors(columns: 2)
    estimates.begin([0, 5])
    #expect(estimates.error(column: 0) == .infinity)
    // ‖e_k‖² = 4⁻ᵏ and a plateau of 0.5 with a fall at the end.
    let plateau = [0.5] + [Double](repeating: 1e-9, count: 12) + [0.4, 0.09, 0.009]
    for k in 0..<16 {
      estimates.append({ $0 == 0 ? 0.75 * Double.pow(0.25, k) : plateau[k] }, residual: { _ in Double(100 - k) })
      let error = estimates.error(column: 0)
      if error < .infinity { #expect(error * error >= Double.pow(0.25, k) && error * error <= 64 * Double.pow(0.25, k)) }
      // The plateau looks as if nothing were left; S = ‖e_i‖²/Δ_i from its steps says what a small Δ is worth.
      if (2..<13).contains(k) { #expect(estimates.error(column: 1) * estimates.error(column: 1) >= 0.3) }
    }
    #expect(estimates.residual(column: 0) > 84 && estimates.residual(column: 0) <= 88)
    #expect(abs(estimates.solutionSquare(column: 0) - 1) <= 1e-8)
    #expect(abs(estimates.solutionSquare(column: 1) - 5.999) <= 1e-6)
  }
}
