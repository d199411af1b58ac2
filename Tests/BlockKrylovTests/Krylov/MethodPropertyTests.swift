import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

/// What every method of a kind must have, whatever its recurrence: one test for each property, over all methods that it concerns. The
/// tests of each method hold what is its own besides.
struct MethodPropertyTests {
  /// A method, and what it promises.
  struct Subject: CustomTestStringConvertible {
    enum Minimises { case residual, energy, nothing }
    let name: String
    let method: any BlockMethod
    /// Only hermitian positive definite A.
    var definite = false
    /// Only hermitian A.
    var hermitian = false
    /// All columns share one space.
    var shares = false
    var minimises = Minimises.nothing
    /// Products with A in an iteration.
    var products = 1
    /// Whether it takes preconditioners.
    var takesPreconditioner = true
    var testDescription: String { name }

    /// A matrix of this method's class, about side² rows.
    func matrix(_ side: Int) throws -> CSRMatrix<Double> {
      if definite { return try Reference.poisson(side) }
      if hermitian { return try Reference.poisson(side, Double.self).mapValues { $0 == 4 ? 2.7 : $0 } }
      return try Reference.convection(side, 12)
    }
  }

  static let subjects: [Subject] = [
    Subject(name: "cg", method: BlockCG(), definite: true, shares: true, minimises: .energy),
    Subject(name: "bf-cg", method: BreakdownFreeBlockCG(), definite: true, shares: true, minimises: .energy),
    Subject(name: "ecg", method: EnlargedCG(enlargement: 3), definite: true, shares: true, minimises: .energy),
    Subject(name: "pseudo-cg", method: PseudoBlockCG(), definite: true, minimises: .energy),
    Subject(name: "minres", method: BlockMINRES(), hermitian: true, shares: true, minimises: .residual),
    Subject(name: "gmres", method: BlockGMRES(restart: 100), shares: true, minimises: .residual),
    Subject(name: "fgmres", method: BlockGMRES(restart: 100, side: .flexible), shares: true, minimises: .residual),
    Subject(name: "gcrodr", method: BlockGCRODR(restart: 100), shares: true, minimises: .residual),
    Subject(name: "pseudo-gmres", method: PseudoBlockGMRES(restart: 100), minimises: .residual),
    Subject(name: "bicgstab", method: BlockBiCGStab(), shares: true, products: 2),
    Subject(name: "pseudo-bicgstab", method: PseudoBlockBiCGStab(), products: 2),
    Subject(name: "idr", method: PseudoBlockIDR()),
    Subject(name: "lsqr", method: LSQR(), minimises: .residual, products: 2, takesPreconditioner: false),
    Subject(name: "lsmr", method: LSMR(), products: 2, takesPreconditioner: false),
  ]
  static let sharing = subjects.filter(\.shares)
  static let minimising = subjects.filter { $0.minimises != .nothing }
  static let optimal = sharing.filter { $0.minimises != .nothing }

  /// X after so many iterations, whatever the residual.
  private func iterate<S: Scalar>(
    _ subject: Subject, _ a: CSRMatrix<S>, _ b: BlockVector<S>, _ steps: Int
  ) throws -> BlockVector<S> {
    try subject.method.with { ($0.tolerance, $0.maximumIterations) = (.relative(0), steps) }.solve(a, b).solution
  }

  /// What the method makes small, for each column: the norm of the residual, or of the error in the norm of A.
  private func measure(_ subject: Subject, _ a: CSRMatrix<Double>, _ exact: BlockVector<Double>, _ x: BlockVector<Double>)
    -> [Double]
  {
    (0..<x.columns).map { j in
      let e = zip(exact.column(j), x.column(j)).map { $0 - $1 }
      let r = Reference.product(a, e)
      return subject.minimises == .energy ? max(Reference.dot(e, r), 0).squareRoot() : Reference.norm(r)
    }
  }

  /// A system with a known solution.
  private func system(_ subject: Subject, _ side: Int, _ m: Int, _ seed: UInt64) throws -> (
    a: CSRMatrix<Double>, b: BlockVector<Double>, exact: BlockVector<Double>
  ) {
    var random = SplitMix(seed)
    let a = try subject.matrix(side)
    let exact = random.block(a.rows, m, Double.self)
    return (a, Reference.product(a, exact), exact)
  }

  private func difference(_ x: [Double], _ y: [Double]) -> Double {
    Reference.norm(zip(x, y).map { $0 - $1 }) / Reference.norm(y)
  }

  // MARK: One column (property 1)

  /// One column goes through the iterates of the textbook: conjugate gradients, least residuals, BiCGStab, or CG on the normal equations.
  @Test(arguments: subjects.filter { !["ecg", "idr", "lsqr", "lsmr"].contains($0.name) })
  func oneColumnIsTheScalarMethod(subject: Subject) throws {
    let (a, b, _) = try system(subject, 11, 1, 930)
    let column = b.column(0)
    switch (subject.minimises, subject.products) {
    case (.energy, _):
      for (k, reference) in Reference.conjugateGradients(a, column, steps: 20).enumerated() {
        #expect(difference(try iterate(subject, a, b, k + 1).column(0), reference) <= 1e-10, "step \(k + 1)")
      }
    case (.residual, _):
      for (k, least) in Reference.leastResiduals(a, start: [column], target: column, steps: 20).enumerated() {
        let r = try a.residual(b, of: iterate(subject, a, b, k + 1)).columnNorms()[0]
        #expect(abs(r - least) <= 1e-10 * Reference.norm(column), "step \(k + 1)")
      }
    default:
      // Its iterates are sensitive to rounding.
      for (k, reference) in Reference.biCGStab(a, column, steps: 8).enumerated() {
        #expect(difference(try iterate(subject, a, b, k + 1).column(0), reference) <= 1e-8, "step \(k + 1)")
      }
    }
  }

  // MARK: Optimality (properties 2, 3 and 5)

  /// In as many block steps a column is at least as far as alone, and further columns never take it back.
  @Test(arguments: optimal)
  func moreColumnsNeverHurt(subject: Subject) throws {
    let (a, b, exact) = try system(subject, 11, 6, 931)
    let start = measure(subject, a, exact, BlockVector(rows: a.rows, columns: 6))
    for steps in [1, 3, 6, 10] {
      let together = measure(subject, a, exact, try iterate(subject, a, b, steps))
      let pair = measure(subject, a, exact[columns: 0..<2], try iterate(subject, a, b[columns: 0..<2], steps))
      for j in 0..<2 { #expect(together[j] <= pair[j] * (1 + 1e-8) + 1e-12 * start[j], "\(steps) steps, column \(j)") }
      for j in [0, 5] {
        let own = exact[columns: j..<(j + 1)]
        let alone = measure(subject, a, own, try iterate(subject, a, b[columns: j..<(j + 1)], steps))[0]
        #expect(together[j] <= alone * (1 + 1e-8) + 1e-12 * start[j], "\(steps) steps, column \(j)")
      }
    }
  }

  @Test(arguments: minimising)
  func whatIsMinimisedNeverGrows(subject: Subject) throws {
    let (a, b, exact) = try system(subject, 9, 3, 932)
    var last = measure(subject, a, exact, BlockVector(rows: a.rows, columns: 3))
    let start = last
    for steps in 1...18 {
      let now = measure(subject, a, exact, try iterate(subject, a, b, steps))
      for j in 0..<3 { #expect(now[j] <= last[j] * (1 + 1e-10) + 1e-13 * start[j], "step \(steps), column \(j)") }
      last = now
    }
  }

  // MARK: Changes of the columns (property 4)

  /// X(B·M) = X(B)·M for methods whose columns share a space.
  @Test(arguments: sharing.filter { $0.name != "ecg" })
  func mixingColumnsMixesIterates(subject: Subject) throws {
    let (a, b, _) = try system(subject, 10, 4, 933)
    let mixing = DenseMatrix<Double>(rows: 4, columns: 4) { i, j in i == j ? 2 : Double((3 * i + 5 * j) % 4) / 4 - 0.4 }
    func mixed(_ x: BlockVector<Double>) -> BlockVector<Double> {
      BlockVector(rows: x.rows, columns: 4) { i, j in (0..<4).reduce(0) { $0 + x[i, $1] * mixing[$1, j] } }
    }
    for steps in [2, 5] {
      let (x, y) = (mixed(try iterate(subject, a, b, steps)), try iterate(subject, a, mixed(b), steps))
      for j in 0..<4 { #expect(difference(y.column(j), x.column(j)) <= 1e-8, "\(steps) steps, column \(j)") }
    }
  }

  /// The order of the columns and their scales mean nothing.
  @Test(arguments: subjects)
  func permutedAndScaledColumns(subject: Subject) throws {
    let (a, b, _) = try system(subject, 10, 4, 934)
    let order = [2, 0, 3, 1]
    let permuted = BlockVector<Double>(rows: a.rows, columns: 4) { b[$0, order[$1]] }
    // Powers of two, so that every rounding is the same.
    let scales = [1, 0x1p-40, 0x1p600, 0x1p-800]
    let scaled = BlockVector<Double>(rows: a.rows, columns: 4) { b[$0, $1] * scales[$1] }
    let x = try iterate(subject, a, b, 6)
    let (y, z) = (try iterate(subject, a, permuted, 6), try iterate(subject, a, scaled, 6))
    for j in 0..<4 {
      #expect(difference(y.column(j), x.column(order[j])) <= 1e-8, "permuted, column \(j)")
      #expect(z.column(j) == x.column(j).map { $0 * scales[j] }, "scaled, column \(j)")
    }
    let plain = try subject.method.solve(a, b).report
    for factor in [1e-12, 3e-5, 7e9] {
      let other = BlockVector<Double>(rows: a.rows, columns: 4) { b[$0, $1] * ($1 == 2 ? factor : 1) }
      let report = try subject.method.solve(a, other).report
      #expect(report.allConverged && abs(report.iterations - plain.iterations) <= 1 + plain.iterations / 10)
    }
  }

  // MARK: Termination (property 6)

  /// Few eigenvalues take few steps.
  @Test(arguments: subjects)
  func fewEigenvaluesTakeFewSteps(subject: Subject) throws {
    var random = SplitMix(935)
    let values = subject.definite ? [1.0, 4, 9] : [1.0, -4, 9]
    let a = CSRMatrix<Double>(diagonal: (0..<90).map { values[$0 % 3] })
    let report = try subject.method.with { $0.tolerance = .relative(1e-10) }.solve(a, random.block(90, 4, Double.self)).report
    // IDR(4) takes n/s further products; least squares see the squares of the eigenvalues.
    let most = subject.name == "idr" ? 5 : 3
    #expect(report.allConverged && report.iterations <= most, "\(report)")
  }

  /// The common space of p columns fills Rⁿ after n/p steps.
  @Test(arguments: optimal)
  func theSpaceIsFullAfterDimensionOverWidth(subject: Subject) throws {
    for p in [2, 4, 7] {
      let (a, b, _) = try system(subject, 7, p, 936)
      let report = try subject.method.with { ($0.tolerance, $0.inexactBreakdowns) = (.relative(1e-9), false) }.solve(a, b).report
      let slack = subject.minimises == .energy || subject.hermitian ? 3 : 0
      #expect(report.allConverged && report.iterations <= (49 + p - 1) / p + slack, "width \(p): \(report)")
    }
  }

  // MARK: What is reported (property 8)

  private func checkReport<S: Scalar>(
    _ subject: Subject, _ a: CSRMatrix<S>, _ b: BlockVector<S>, _ tolerance: Double, _ choice: PreconditionerChoice,
    _ label: String,
    iterations: Int = 300
  ) throws {
    let method = subject.method.preconditioned(by: choice).with {
      ($0.tolerance, $0.maximumIterations) = (.relative(tolerance), iterations)
    }
    guard let prepared = try? method.prepare(a) else { return }
    let result = try prepared.solve(b)
    let residuals = Reference.relativeResiduals(a, result.solution, b)
    let (lengths, norms, size) = (result.solution.columnNorms(), b.columnNorms(), a.infinityNorm ?? 0)
    for column in result.report.columns where column.rightHandSideNorm > 0 {
      let j = column.index
      // Rounding of the check itself.
      let rounding = 20 * Double(a.rows).squareRoot() * S.unitRoundoff * (size * lengths[j] / norms[j] + 1)
      #expect(
        abs(column.trueRelativeResidual - residuals[j]) <= 1e-10 * residuals[j] + rounding,
        "\(label), column \(j): \(column.trueRelativeResidual) is \(residuals[j])")
      if column.status == .converged {
        #expect(residuals[j] <= tolerance * (1 + 1e-9) + rounding, "\(label), column \(j)")
      } else if !column.status.isConverged {
        #expect(column.remedy != nil, "\(label)")
      }
    }
  }

  /// Methods that are no recurrence of their own report in the same way.
  static let reporting =
    subjects + [
      Subject(name: "gmres left", method: BlockGMRES(restart: 20, side: .left)), Subject(name: "dense", method: DenseLU()),
      Subject(name: "auto", method: AutomaticSolver()), Subject(name: "mixed-cg", method: MixedPrecision(BlockCG())),
      Subject(name: "mixed-gmres", method: MixedPrecision(BlockGMRES(restart: 20))),
      Subject(name: "mixed-bicgstab", method: MixedPrecision(BlockBiCGStab())),
    ]

  @Test(arguments: reporting)
  func reportsAreTrueOverTheGallery(subject: Subject) throws {
    for name in ["poisson2d:14", "varcoef2d:12:4", "convdiff3d:6", "neumann2d:9", "bidiagonal:120", "elasticity2d:6"] {
      guard let problem = try? Gallery.Problem(specification: name) else {
        Issue.record("no gallery problem \(name)")
        continue
      }
      let a = try problem.matrix(Double.self)
      let b = try Gallery.rightHandSides(rows: a.rows, columns: 3, seed: 5, Double.self)
      for choice in [PreconditionerChoice.none, .jacobi, .ilu0, .chebyshev(degree: 5), .polynomial(degree: 6)] {
        for tolerance in [1e-4, 1e-10] {
          try checkReport(subject, a, b, tolerance, choice, "\(subject.name) \(choice.name) \(name) \(tolerance)")
        }
      }
    }
  }

  @Test(
    .enabled(
      if: MatrixFolder.path != nil, "no folder of matrices: KRYLOV_MATRICES is not set and ../shared/matrices is not there"),
    arguments: reporting)
  func reportsAreTrueOverRealMatrices(subject: Subject) throws {
    for (name, a) in try RealMatrices.small.get() {
      let b = try Gallery.rightHandSides(rows: a.rows, columns: 2, seed: 5, Double.self)
      try checkReport(
        subject, a, b, 1e-6, subject.takesPreconditioner ? .ilu0 : .jacobi, "\(subject.name) \(name)", iterations: 40)
    }
  }

  // MARK: Other matrices (property 11)

  /// Orthogonal similarity and a factor of A leave the iterations as they are.
  @Test(arguments: subjects)
  func similarAndScaledMatrices(subject: Subject) throws {
    var random = SplitMix(937)
    let n = 40
    let a = DenseMatrix<Double>(rows: n, columns: n) { i, j in
      let diagonal = subject.hermitian ? (i % 4 == 0 ? -2 - Double(i) / 8 : 3 + Double(i) / 8) : 3 + Double(i) / 4
      return i == j ? diagonal : j == i + 1 || (j == i - 1 && (subject.definite || subject.hermitian)) ? 1 : 0
    }
    let q = Reference.orthogonal(n, &random)
    let rotated = q * a * q.adjoint
    // Symmetric to the last bit where it must be.
    let similar =
      subject.definite || subject.hermitian
      ? DenseMatrix<Double>(rows: n, columns: n) { (rotated[$0, $1] + rotated[$1, $0]) / 2 } : rotated
    let b = random.block(n, 3, Double.self)
    let image = BlockVector<Double>(rows: n, columns: 3) { i, j in (0..<n).reduce(0) { $0 + q[i, $1] * b[$1, j] } }
    let first = try subject.method.solve(CSRMatrix(dense: a), b).report
    #expect(first.allConverged)
    #expect(try subject.method.solve(CSRMatrix(dense: a).mapValues { $0 * 1024 }, b).report.iterations == first.iterations)
    // The pieces of enlarged CG and the shadow vectors of IDR are not rotated.
    let slack = ["idr", "ecg"].contains(subject.name) ? max(2, first.iterations / 3) : max(1, first.iterations / 10)
    #expect(abs(try subject.method.solve(CSRMatrix(dense: similar), image).report.iterations - first.iterations) <= slack)
  }

  // MARK: Preconditioners and restarts (properties 13 and 14)

  /// A polynomial of A is a preconditioner for all methods: fewer iterations, to the same solution.
  @Test(arguments: subjects.filter(\.takesPreconditioner))
  func polynomialsSpareIterations(subject: Subject) throws {
    let (a, b, exact) = try system(subject, 24, 2, 942)
    // MINRES takes definite preconditioners only, and polynomials of an indefinite A are none.
    if subject.hermitian { return }
    let choice = subject.definite ? PreconditionerChoice.chebyshev(degree: 6) : .polynomial(degree: 8)
    let plain = try subject.method.with { $0.tolerance = .relative(1e-9) }.solve(a, b).report
    let result = try subject.method.preconditioned(by: choice).with { $0.tolerance = .relative(1e-9) }.solve(a, b)
    #expect(result.report.allConverged && result.report.preconditioner == choice.name, "\(result.report)")
    #expect(2 * result.report.iterations < plain.iterations, "\(result.report.iterations) of \(plain.iterations)")
    for j in 0..<2 { #expect(difference(result.solution.column(j), exact.column(j)) <= 1e-6) }
  }

  /// M = A takes one step.
  @Test(arguments: subjects.filter(\.takesPreconditioner))
  func anExactPreconditionerTakesOneStep(subject: Subject) throws {
    // M must be positive definite for MINRES whatever A is.
    let a = subject.hermitian ? try Reference.poisson(6, Double.self) : try subject.matrix(6)
    var random = SplitMix(938)
    let b = random.block(36, 3, Double.self)
    let identity = BlockVector<Double>.identity(rows: 36)
    let inverse = Reference.solve(a.dense, identity)
    let exact = TestPreconditioner(rows: 36, claimsDefinite: subject.definite || subject.hermitian) { r, z in
      for i in 0..<36 {
        for j in 0..<r.columns { z[i, j] = (0..<36).reduce(0) { $0 + inverse[i, $1] * r[$1, j] } }
      }
    }
    let result = try subject.method.prepare(a, preconditioner: exact).solve(b)
    #expect(result.report.allConverged && result.report.iterations <= 1, "\(result.report)")
    #expect(Reference.relativeResiduals(a, result.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
  }

  @Test(arguments: ["gmres", "fgmres", "gcrodr", "pseudo-gmres"])
  func aRestartBeyondTheBasisIsNone(name: String) throws {
    let subject = try #require(Self.subjects.first { $0.name == name })
    let (a, b, _) = try system(subject, 9, 3, 939)
    let free = try subject.method.with { ($0.restart, $0.inexactBreakdowns) = (500, false) }.solve(a, b)
    let tight = try subject.method.with { ($0.restart, $0.inexactBreakdowns) = (free.report.iterations, false) }.solve(a, b)
    #expect(tight.report.iterations == free.report.iterations && tight.solution == free.solution)
    #expect(!tight.report.events.contains { $0.kind == .restarted })
  }

  // MARK: Deflation (property 15)

  /// Whatever is done with dependent or finished directions, the solutions agree to the tolerance.
  @Test(arguments: sharing)
  func deflationChangesNoSolution(subject: Subject) throws {
    var (a, b, _) = try system(subject, 10, 5, 940)
    b[columns: 3..<4] = b[columns: 0..<1]
    for i in 0..<a.rows { b[i, 4] = b[i, 1] - 2 * b[i, 2] }
    var solutions: [BlockVector<Double>] = []
    let tolerance = Tolerance.perColumn(relative: [1e-10, 1e-10, 1e-3, 1e-10, 1e-10])
    for change in [
      { $0.dependentColumns = .replaced }, { $0.dependentColumns = .dropped }, { $0.inexactBreakdowns = false },
      { ($0.deflation, $0.restart) = (0, 8) }, { ($0.deflation, $0.restart) = (12, 8) },
    ] as [(inout SolverOptions) -> Void] {
      let result = try subject.method.with { $0.tolerance = tolerance }.with(change).solve(a, b)
      #expect(result.report.allConverged, "\(result.report)")
      solutions.append(result.solution)
    }
    for x in solutions.dropFirst() {
      for j in [0, 1, 3, 4] { #expect(difference(x.column(j), solutions[0].column(j)) <= 1e-7, "column \(j)") }
    }
    #expect(difference(solutions[0].column(3), solutions[0].column(0)) <= 1e-7)
  }

  // MARK: Least squares are conjugate gradients on the normal equations (property 1)

  @Test func oneColumnOfLSQRIsCGOnTheNormalEquations() throws {
    var random = SplitMix(941)
    let a = try random.sparse(70, 40, perRow: 4, diagonal: 3, Double.self)
    let b = random.block(70, 1, Double.self)
    let normal = CSRMatrix(dense: a.dense.adjoint * a.dense)
    let right = Reference.product(a.adjointMatrix(), b.column(0))
    let iterates = Reference.conjugateGradients(normal, right, steps: 12)
    for (k, reference) in iterates.enumerated() {
      let x = try LSQR(tolerance: .relative(0), maximumIterations: k + 1).solve(a, b).solution.column(0)
      #expect(difference(x, reference) <= 1e-8, "step \(k + 1)")
    }
  }
}

/// Matrices from elsewhere that are small enough for every method, read once.
enum RealMatrices {
  static let small = Result {
    guard let folder = MatrixFolder.path else { return [(String, CSRMatrix<Double>)]() }
    var list: [(String, CSRMatrix<Double>)] = []
    for name in try MatrixFolder.files(in: folder) where !name.contains("_b.mtx") {
      guard name.hasSuffix(".mtx") || name.hasSuffix(".mtx.gz") else { continue }
      let file = try MatrixMarketFile("\(folder)/\(name)", options: .lenient)
      guard file.header.rows == file.header.columns, file.header.rows <= 1300, !file.header.isComplex else { continue }
      list.append((name, try file.matrix(of: Double.self).matrix))
    }
    return list
  }
}
