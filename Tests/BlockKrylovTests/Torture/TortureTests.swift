import ComplexModule
import Testing

@testable import BlockKrylov

/// Every method × preconditioner × scalar over everything that can be wrong with A, B and M: no crash, no hang, no false “converged”,
/// and an outcome that says what happened.
struct TortureTests {
  /// Says what is wrong with a report, if anything.
  private func judge<S: Scalar>(
    _ a: CSRMatrix<S>, _ columns: Torture.Columns<S>, _ result: SolveResult<S>, tolerance: Double, _ name: String
  ) {
    let finite = result.solution.columnMaxima().allSatisfy { $0.isFinite }
    #expect(finite, "\(name): X is finite")
    for column in result.report.columns {
      let j = column.index
      TortureTable.count(String(name.prefix { $0 != ":" }), column.status.name)
      let (relative, normal) = Torture.residuals(a, result.solution, columns.b, column: j, scale: columns.scales[j])
      switch column.status {
      case .converged, .convergedAtStart:
        #expect(relative <= tolerance * 1.001, "\(name), column \(j): false converged, residual \(relative)")
      case .leastSquares: #expect(normal <= tolerance * 1.001, "\(name), column \(j): false least squares, \(normal)")
      case .zeroRightHandSide: #expect(j == 3 && relative == 0, "\(name), column \(j)")
      case .nonFinite(.rightHandSide): #expect(columns.poisoned.contains(j), "\(name), column \(j)")
      default:
        #expect(column.remedy != nil, "\(name), column \(j): \(column.status.name)")
        #expect(!columns.poisoned.contains(j) && j != 3, "\(name), column \(j): \(column.status.name)")
      }
    }
  }

  private func torture<S: Scalar>(_ method: any BlockMethod, _ name: String, _ type: S.Type) throws {
    let tolerance = S.scalarKind.isSinglePrecision ? 1e-3 : 1e-8
    for kind in Torture.Matrix.allCases {
      let a = try kind.matrix(S.self)
      let columns = Torture.Columns(a)
      for choice in Torture.preconditioners {
        let label = "\(name): \(choice.name) \(kind.rawValue) \(S.self)"
        let solver = method.preconditioned(by: choice).with {
          ($0.tolerance, $0.maximumIterations) = (.relative(tolerance), 120)
        }
        let prepared: PreparedSolver<S>
        do {
          prepared = try solver.prepare(a)
        } catch is BlockKrylovError {
          TortureTable.count(name, "refused")
          continue
        }
        let result = try prepared.solve(columns.b, from: columns.guess)
        judge(a, columns, result, tolerance: tolerance, label)
        if kind == .definite {
          let open = result.report.columns.filter { !$0.status.isConverged && !columns.poisoned.contains($0.index) }
          #expect(open.isEmpty, "\(label): \(open.map(\.status))")
        }
        guard choice == .none || choice == .ilu0 else { continue }
        // The columns that are finite, as if the others were not there.
        let list = columns.clean
        var (b, guess) = (BlockVector<S>(rows: a.rows, columns: list.count), BlockVector<S>(rows: a.rows, columns: list.count))
        b.gatherColumns(list, of: columns.b)
        guess.gatherColumns(list, of: columns.guess)
        let alone = try solver.prepare(a).solve(b, from: guess)
        for (k, j) in list.enumerated() {
          #expect(alone.report.columns[k].status == result.report.columns[j].status, "\(label), column \(j)")
          #expect(alone.solution.column(k) == result.solution.column(j), "\(label), column \(j)")
        }
      }
    }
  }

  @Test(arguments: Torture.methods.map(\.name))
  func columnsAndMatrices(name: String) throws {
    let method = try #require(Torture.methods.first { $0.name == name }).method
    try torture(method, name, Double.self)
    try torture(method, name, Complex<Double>.self)
    try torture(method, name, Float.self)
    try torture(method, name, Complex<Float>.self)
    TortureTable.printRow(name)
  }

  @Test(arguments: Torture.methods.map(\.name))
  func limitsToleranceZeroAndWideBlocks(name: String) throws {
    let method = try #require(Torture.methods.first { $0.name == name }).method
    for kind in [Torture.Matrix.definite, .nonsymmetric, .indefinite, .singular] {
      let a = try kind.matrix(Double.self)
      let columns = Torture.Columns(a)
      for limit in [0, 1] {
        let solver = method.with { $0.maximumIterations = limit }
        guard let prepared = try? solver.prepare(a) else { continue }
        let result = try prepared.solve(columns.b)
        judge(a, columns, result, tolerance: 1e-8, "\(name): \(kind.rawValue) limit \(limit)")
        #expect(result.report.iterations <= limit || method is AutomaticSolver || method is DenseLU)
      }
      guard let exact = try? method.with({ ($0.tolerance, $0.maximumIterations) = (.relative(0), 200) }).prepare(a) else {
        continue
      }
      let result = try exact.solve(columns.b)
      for column in result.report.columns where column.trueResidual > 0 {
        #expect(
          !column.status.isConverged && column.remedy != nil, "\(name) \(kind.rawValue): tolerance 0, \(column.status.name)")
      }
    }
    // More columns than rows.
    var random = SplitMix(161)
    let small = try Reference.poisson(3, Double.self)
    let wide = try method.prepare(small).solve(random.block(9, 20, Double.self))
    #expect(wide.report.allConverged, "\(name): \(wide.report)")
  }

  /// Preconditioners that lie: nonlinear, giving NaN, indefinite, zero.
  @Test(arguments: Torture.methods.map(\.name))
  func badPreconditioners(name: String) throws {
    let method = try #require(Torture.methods.first { $0.name == name }).method
    let a = try Torture.Matrix.definite.matrix(Double.self)
    let columns = Torture.Columns(a)
    let bad: [(String, TestPreconditioner)] = [
      (
        "nonlinear",
        TestPreconditioner(rows: 25, claimsDefinite: true) { r, z in
          for i in 0..<25 { for j in 0..<r.columns { z[i, j] = r[i, j] * (1 + 0.5 * abs(r[i, j])) } }
        }
      ),
      (
        "NaN",
        TestPreconditioner(rows: 25, claimsDefinite: true) { r, z in
          z.copy(from: r)
          for j in 0..<r.columns { z[5, j] = .nan }
        }
      ),
      (
        "indefinite",
        TestPreconditioner(rows: 25, claimsDefinite: true) { r, z in
          z.scaleRows(of: r, by: (0..<25).map { $0 % 2 == 0 ? 1 : -1 })
        }
      ),
      ("zero", TestPreconditioner(rows: 25, claimsDefinite: true) { _, z in z.setZero() }),
      ("huge", TestPreconditioner(rows: 25, claimsDefinite: true) { r, z in z.combine(1e200, r) }),
    ]
    for (kind, m) in bad {
      guard let prepared = try? method.with({ $0.maximumIterations = 100 }).prepare(a, preconditioner: m) else { continue }
      let result = try prepared.solve(columns.b, from: columns.guess)
      judge(a, columns, result, tolerance: 1e-8, "\(name): with \(kind) preconditioner")
    }
  }

  /// Operators that lie.
  @Test(arguments: Torture.methods.map(\.name))
  func badOperators(name: String) throws {
    let method = try #require(Torture.methods.first { $0.name == name }).method
    let a = try Torture.Matrix.definite.matrix(Double.self)
    var random = SplitMix(162)
    let b = random.block(25, 3, Double.self)
    typealias Action = MatrixFreeOperator<Double>.Action
    let bad: [(String, Action)] = [
      (
        "NaN",
        { x, y in
          try a.apply(to: x, into: &y); y[0, 0] = .nan
        }
      ),
      (
        "infinite",
        { x, y in
          try a.apply(to: x, into: &y); for j in 0..<x.columns { y[3, j] = .infinity }
        }
      ),
      ("zero", { _, y in y.setZero() }),
      ("nonlinear", { x, y in for i in 0..<25 { for j in 0..<x.columns { y[i, j] = abs(x[i, j]) } } }),
      (
        "negative",
        { x, y in
          y.copy(from: x); y.scale(by: -1)
        }
      ),
    ]
    for (kind, action) in bad {
      let free = MatrixFreeOperator<Double>(size: 25, structure: [.symmetric, .positiveDefinite], apply: action)
      guard let prepared = try? method.with({ $0.maximumIterations = 100 }).prepare(free) else { continue }
      let result = try prepared.solve(b)
      #expect(result.solution.columnMaxima().allSatisfy { $0.isFinite }, "\(name), \(kind) operator")
      for column in result.report.columns where !column.status.isConverged { #expect(column.remedy != nil) }
      if kind == "NaN" { #expect(!result.report.columns[0].status.isConverged, "\(name)") }
      if kind == "infinite" || kind == "zero" {
        let solved = result.report.columns.filter { $0.status == .converged }
        #expect(solved.isEmpty, "\(name), \(kind) operator")
      }
    }
  }
}
