import ComplexModule
import Testing

@testable import BlockKrylov

/// A pseudo-block method does for each column what it does for one alone.
struct PseudoBlockTests {
  enum Method: String, CaseIterable {
    case cg, gmres, restartedGMRES, bicgstab, idr
    func method(_ choice: PreconditionerChoice) -> any BlockMethod {
      switch self {
      case .cg: PseudoBlockCG().preconditioned(by: choice == .ilu0 ? .ic0 : choice)
      case .gmres: PseudoBlockGMRES().preconditioned(by: choice)
      case .restartedGMRES: PseudoBlockGMRES(restart: 6).preconditioned(by: choice)
      case .bicgstab: PseudoBlockBiCGStab().preconditioned(by: choice)
      case .idr: PseudoBlockIDR().preconditioned(by: choice)
      }
    }
    func matrix<S: Scalar>(_ n: Int, _ type: S.Type) throws -> CSRMatrix<S> {
      if self == .cg { return try Reference.poisson(n, S.self) }
      let a = try Reference.convection(n, 15)
      return CSRMatrix(
        uncheckedRows: a.rows, columns: a.columns, rowStart: a.rowStart, columnIndex: a.columnIndex,
        values: a.values.enumerated().map { S(real: $0.element, imaginary: S.isComplex ? 0.05 * Double($0.offset % 3) : 0) })
    }
  }

  private func check<S: Scalar>(_ kind: Method, _ choice: PreconditionerChoice, _ type: S.Type) throws {
    var random = SplitMix(131)
    let a = try kind.matrix(11, S.self)
    var b = random.block(a.rows, 6, S.self)
    // Columns that need different numbers of iterations, a duplicate, and a tiny one.
    for i in 0..<a.rows {
      b[i, 1] = b[i, 0]
      b[i, 2] *= S(double: 1e-9)
      b[i, 3] = i == 5 ? 1 : 0
    }
    let solver = kind.method(choice)
    let prepared = try solver.prepare(a)
    let together = try prepared.solve(b)
    #expect(together.report.allConverged)
    for j in 0..<6 {
      let alone = try prepared.solve(b[columns: j..<(j + 1)])
      #expect(alone.report.columns[0].iterations == together.report.columns[j].iterations, "column \(j)")
      let x = alone.solution.column(0)
      let error = Reference.norm(zip(x, together.solution.column(j)).map { $0 - $1 })
      #expect(error <= 1e-11 * Reference.norm(x), "column \(j)")
    }
  }

  @Test(arguments: Method.allCases, [PreconditionerChoice.none, .ilu0])
  func everyColumnAsIfAlone(kind: Method, choice: PreconditionerChoice) throws {
    try check(kind, choice, Double.self)
    try check(kind, choice, Complex<Double>.self)
  }

  /// A column that is done leaves the block: the others go on without it.
  @Test(arguments: Method.allCases)
  func columnsLeaveTheBlock(kind: Method) throws {
    var random = SplitMix(134)
    let a = try kind.matrix(16, Double.self)
    let b = random.block(256, 4, Double.self)
    let report = try kind.method(.none).with { $0.tolerance = .perColumn(relative: [1e-1, 1e-2, 1e-8, 1e-1]) }.prepare(a).solve(b)
      .report
    #expect(report.allConverged && report.columnsApplied < 3 * report.operatorApplications)
  }

  @Test func oneColumnIsConjugateGradients() throws {
    var random = SplitMix(132)
    let a = try Reference.poisson(12, Double.self)
    let b = random.block(144, 3, Double.self)
    for k in [1, 5, 15] {
      let x = try PseudoBlockCG(tolerance: .relative(0), maximumIterations: k).solve(a, b).solution
      for j in 0..<3 {
        let reference = Reference.conjugateGradients(a, b.column(j), steps: k)[k - 1]
        #expect(Reference.norm(zip(x.column(j), reference).map { $0 - $1 }) <= 1e-10 * Reference.norm(reference))
      }
    }
  }

  /// IDR(s) ends after n + n/s products in exact arithmetic; with s = 1 it needs what BiCGStab does.
  @Test func productsOfIDR() throws {
    var random = SplitMix(135)
    let a = try Reference.convection(6, 5)
    let b = random.block(36, 2, Double.self)
    for s in [1, 2, 4, 8] {
      let result = try PseudoBlockIDR(shadowVectors: s).solve(a, b)
      #expect(result.report.allConverged && result.report.iterations <= 36 + 36 / s + s + 1, "s = \(s)")
      #expect(Reference.relativeResiduals(a, result.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
    }
    #expect(throws: BlockKrylovError.self) { try PseudoBlockIDR(shadowVectors: 0).prepare(a) }
  }

  @Test func residualsOfGMRESAreTheLeast() throws {
    var random = SplitMix(133)
    let a = try Reference.convection(7, 10)
    let b = random.block(49, 2, Double.self)
    for j in 0..<2 {
      let least = Reference.leastResiduals(a, start: [b.column(j)], target: b.column(j), steps: 12)
      for k in [1, 4, 12] {
        let report = try PseudoBlockGMRES(tolerance: .relative(0), maximumIterations: k).solve(a, b).report
        #expect(abs(report.columns[j].trueResidual - least[k - 1]) <= 1e-9 * Reference.norm(b.column(j)))
      }
    }
  }

  /// What is wrong with one column's Krylov space ends that column alone.
  @Test func failuresStayInTheirColumn() throws {
    // Positive on the even rows, negative on the odd ones; a column that lives on even rows never sees the others.
    let eigenvalues = (0..<40).map { (i: Int) -> Double in i % 2 == 0 ? 1 + Double(i) : -1 - Double(i) }
    let a = CSRMatrix<Double>(diagonal: eigenvalues)
    let b = BlockVector<Double>(rows: 40, columns: 3) { i, j in j == 1 ? 1 : (i % 2 == 0 ? Double(i % 5 + 1 + j) : 0) }
    let report = try PseudoBlockCG().solve(a, b).report
    #expect(report.columns.map(\.status) == [.converged, .indefiniteOperator, .converged])
    let poisoned = MatrixFreeOperator<Double>(size: 40, structure: [.symmetric, .positiveDefinite]) { x, y in
      for i in 0..<40 { for j in 0..<x.columns { y[i, j] = x[i, j] * (x[1, j] == 0 ? 1 + Double(i) : .nan) } }
    }
    for method in [PseudoBlockCG(), PseudoBlockGMRES(), PseudoBlockBiCGStab(), PseudoBlockIDR()] as [any BlockMethod] {
      let result = try method.prepare(poisoned).solve(b)
      #expect(result.report.columns.map(\.status) == [.converged, .nonFinite(.operator), .converged], "\(method.name)")
      #expect(result.solution.columnMaxima().allSatisfy { $0.isFinite })
    }
  }
}
