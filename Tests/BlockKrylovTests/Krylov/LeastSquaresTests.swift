import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

struct LeastSquaresTests {
  private func methods(_ damping: Double = 0) -> [any BlockMethod] { [LSQR(damping: damping), LSMR(damping: damping)] }

  /// The minimiser of ‖B − AX‖² + damping²‖X‖² by Gaussian elimination on the normal equations.
  private func reference<S: Scalar>(_ a: CSRMatrix<S>, _ b: BlockVector<S>, damping: Double) throws -> BlockVector<S> {
    let adjoint = a.adjointMatrix()
    var gram = a.dense.adjoint * a.dense
    for i in 0..<a.columns { gram[i, i] += S(double: damping * damping) }
    return Reference.solve(gram, Reference.product(adjoint, b))
  }

  private func check<S: Scalar>(_ type: S.Type, damping: Double, accuracy: Double) throws {
    var random = SplitMix(151)
    let a = try random.sparse(60, 25, perRow: 3, diagonal: 3, S.self)
    let b = random.block(60, 5, S.self)
    let expected = try reference(a, b, damping: damping)
    for method in methods(damping) {
      for choice in [PreconditionerChoice.none, .jacobi] {
        let tolerance = accuracy * 1e-2
        let result = try method.preconditioned(by: choice).with { $0.tolerance = .relative(tolerance) }.prepare(a).solve(b)
        let name = "\(method.name) \(choice.name) \(S.self)"
        #expect(result.solution.rows == 25 && result.report.columns.allSatisfy { $0.status == .leastSquares }, "\(name)")
        #expect(Reference.distance(result.solution, expected) <= accuracy, "\(name)")
        for (column, remains) in zip(result.report.columns, Reference.relativeResiduals(a, result.solution, b)) {
          #expect(abs(column.trueRelativeResidual - remains) <= 1e-3 * accuracy, "the residual that remains is reported")
          #expect((column.normalResidual ?? 1) <= tolerance)
          #expect(abs(column.estimatedRelativeResidual - remains) <= (damping == 0 ? accuracy : 1))
        }
      }
    }
  }

  @Test(arguments: [0, 0.7])
  func agreesWithNormalEquations(damping: Double) throws {
    try check(Double.self, damping: damping, accuracy: 1e-6)
    try check(Complex<Double>.self, damping: damping, accuracy: 1e-6)
    try check(Float.self, damping: damping, accuracy: 2e-3)
  }

  /// A consistent system converges in the usual sense, also with more columns than rows.
  @Test func consistentSystems() throws {
    var random = SplitMix(152)
    for (rows, columns) in [(50, 20), (20, 50), (30, 30)] {
      let a = try random.sparse(rows, columns, perRow: 4, diagonal: 4, Double.self)
      let b = Reference.product(a, random.block(columns, 4, Double.self))
      for method in methods() {
        let result = try method.prepare(a).solve(b)
        #expect(result.report.columns.allSatisfy { $0.status == .converged }, "\(method.name) \(rows) × \(columns)")
        #expect(Reference.relativeResiduals(a, result.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
      }
    }
  }

  /// What each method minimises never grows.
  @Test func whatIsMinimisedNeverGrows() throws {
    var random = SplitMix(153)
    let a = try random.sparse(80, 30, perRow: 4, diagonal: 1, Double.self)
    let b = random.block(80, 3, Double.self)
    var lastResiduals = [Double](repeating: .infinity, count: 3)
    var lastGradients = lastResiduals
    for k in 1...20 {
      let lsqr = try LSQR(tolerance: .relative(1e-13), maximumIterations: k).solve(a, b).report
      let lsmr = try LSMR(tolerance: .relative(1e-13), maximumIterations: k).solve(a, b)
      let gradients = Reference.product(a.adjointMatrix(), try a.residual(b, of: lsmr.solution)).columnNorms()
      for j in 0..<3 {
        #expect(lsqr.columns[j].trueResidual <= lastResiduals[j] * (1 + 1e-12))
        #expect(gradients[j] <= lastGradients[j] * (1 + 1e-12))
        #expect(abs(lsmr.report.columns[j].estimatedResidual - lsmr.report.columns[j].trueResidual) <= 1e-9)
        (lastResiduals[j], lastGradients[j]) = (lsqr.columns[j].trueResidual, gradients[j])
      }
    }
  }

  /// A guess moves the start, not the solution; a least-squares solution as the guess is recognised.
  @Test func guessesZeroAndNaNColumns() throws {
    var random = SplitMix(154)
    let a = try random.sparse(60, 25, perRow: 3, diagonal: 3, Double.self)
    var b = random.block(60, 4, Double.self)
    let expected = try reference(a, b, damping: 0.5)
    for method in methods(0.5) {
      let solver = try method.with { $0.tolerance = .relative(1e-9) }.prepare(a)
      let guessed = try solver.solve(b, from: random.block(25, 4, Double.self))
      #expect(Reference.distance(guessed.solution, expected) <= 1e-6, "\(method.name)")
      let again = try solver.solve(b, from: guessed.solution)
      #expect(again.report.allConverged && again.report.iterations <= 1)
    }
    let clean = try LSMR().solve(a, b[columns: 0..<2])
    b[3, 2] = .nan
    for i in 0..<60 { b[i, 3] = 0 }
    let result = try LSMR().solve(a, b)
    #expect(result.solution[columns: 0..<2] == clean.solution)
    #expect(
      result.report.columns[2].status == .nonFinite(.rightHandSide) && result.report.columns[3].status == .zeroRightHandSide)
  }

  /// Rank-deficient, with a column and a row of zeros, and right-hand sides orthogonal to the range.
  @Test func degenerateMatrices() throws {
    var t = try TripletBuilder<Double>(rows: 6, columns: 4)
    for (i, j, value) in [(0, 0, 1.0), (1, 1, 2), (2, 0, 3), (3, 1, 1), (4, 0, 1)] { try t.add(value, row: i, column: j) }
    let a = try t.csr()
    let b = BlockVector<Double>(rows: 6, columns: 3) { i, j in
      j == 0 ? Double(i + 1) : j == 1 ? (i == 5 ? 1 : 0) : (i % 2 == 0 ? 1 : 0)
    }
    for method in methods() {
      let result = try method.prepare(a).solve(b)
      #expect(result.report.columns.allSatisfy { $0.status == .leastSquares }, "\(method.name)")
      let gradient = Reference.product(a.adjointMatrix(), try a.residual(b, of: result.solution))
      #expect(gradient.columnMaxima().allSatisfy { $0 <= 1e-7 } && result.solution.column(1).allSatisfy { $0 == 0 })
    }
  }

  @Test func refusalsAndTheAutomaticChoice() throws {
    var random = SplitMix(155)
    let a = try random.sparse(30, 10, perRow: 3, diagonal: 2, Double.self)
    let b = random.block(30, 2, Double.self)
    let result = try BlockKrylov.solve(a, b)
    #expect(result.report.method == "lsmr" && result.report.allConverged && !result.report.explanation.isEmpty)
    #expect(throws: BlockKrylovError.self) { try BlockGMRES().prepare(a) }
    #expect(throws: BlockKrylovError.self) { try LSQR(damping: -1).prepare(a) }
    #expect(throws: BlockKrylovError.self) { try LSQR().preconditioned(by: .ilu0).prepare(a) }
    let oneWay = MatrixFreeOperator<Double>(rows: 30, columns: 10) { x, y in try a.apply(to: x, into: &y) }
    #expect(throws: BlockKrylovError.self) { try LSMR().prepare(oneWay) }
    let bothWays = MatrixFreeOperator<Double>(
      rows: 30, columns: 10, adjoint: { x, y in try a.applyAdjoint(to: x, into: &y) },
      apply: { x, y in try a.apply(to: x, into: &y) })
    #expect(try LSMR().solve(bothWays, b).report.allConverged)
    let limited = try LSQR(tolerance: .relative(1e-12), maximumIterations: 2).solve(a, b).report
    #expect(limited.columns.allSatisfy { $0.status == .maximumIterations && $0.iterations == 2 })
  }
}
