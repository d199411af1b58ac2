import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

@Suite struct SmoothedAggregationTests {
  private func iterations(_ a: CSRMatrix<Double>, _ m: SmoothedAggregation<Double>, columns: Int = 2) throws -> Int {
    let b: BlockVector<Double> = try Gallery.rightHandSides(rows: a.rows, columns: columns)
    let report = try BlockCG(tolerance: .relative(1e-8)).prepare(a, preconditioner: m).solve(b).report
    #expect(report.allConverged)
    return report.iterations
  }

  /// The V-cycle as it is written in textbooks: dense products, and the smoother in terms of its corrections and residuals.
  private func reference<S: Scalar>(_ m: MultigridHierarchy<S>, _ k: Int, _ b: BlockVector<S>, degree: Int) -> BlockVector<S> {
    guard k < m.levels.count else { return Reference.solve(m.coarsest.dense, b) }
    let level = m.levels[k]
    let inverse = level.matrix.diagonal.map { 1 / $0 }
    func smooth(_ x: inout BlockVector<S>) {
      var r = b
      r.combine(-1, Reference.product(level.matrix, x), 1)
      var z = BlockVector<S>(rows: b.rows, columns: b.columns)
      for k in 1...degree {
        var w = r
        w.scaleRows(by: inverse)
        z.combine(
          S(double: Double(8 * k - 4) / Double(2 * k + 1) / level.largestEigenvalue), w,
          S(double: Double(2 * k - 3) / Double(2 * k + 1)))
        x.combine(1, z, 1)
        r.combine(-1, Reference.product(level.matrix, z), 1)
      }
    }
    var x = BlockVector<S>(rows: b.rows, columns: b.columns)
    smooth(&x)
    var r = b
    r.combine(-1, Reference.product(level.matrix, x), 1)
    let coarse = reference(m, k + 1, Reference.product(level.prolongation.adjointMatrix(), r), degree: degree)
    x.combine(1, Reference.product(level.prolongation, coarse), 1)
    smooth(&x)
    return x
  }

  private func cycleMatchesReference<S: Scalar>(_ type: S.Type, phase: Double) throws {
    let a = try Model.laplacian(36, shift: 0.01, phase: phase, S.self)
    var random = SplitMix(9)
    for degree in [1, 2, 3] {
      let hierarchy = try MultigridHierarchy(
        a, candidates: BlockVector(rows: a.rows, columns: 1) { _, _ in 1 }, unknownsPerNode: 1, strength: 0.08)
      #expect(hierarchy.levels.count >= 1 && hierarchy.coarsest.rows < 320)
      let p = hierarchy.levels[0].prolongation
      let galerkin = p.dense.adjoint * (a.dense * p.dense)
      let next = hierarchy.levels.count > 1 ? hierarchy.levels[1].matrix : hierarchy.coarsest
      #expect(next.rows == galerkin.rows)
      for i in 0..<next.rows { for j in 0..<next.rows { #expect(Double((next[i, j] - galerkin[i, j]).modulus) < 10 * S.slack) } }
      for columns in [1, 3, 8] {
        let b = random.block(a.rows, columns, S.self)
        var z = BlockVector<S>(rows: a.rows, columns: columns) { _, _ in S(double: .nan) }
        try hierarchy.cycle(b, into: &z, level: 0, degree: degree)
        #expect(Reference.distance(z, reference(hierarchy, 0, b, degree: degree)) < 1000 * S.slack)
      }
    }
  }

  @Test func theCycleIsTheTextbooks() throws {
    try cycleMatchesReference(Double.self, phase: 0)
    try cycleMatchesReference(Float.self, phase: 0)
    try cycleMatchesReference(Complex<Double>.self, phase: 0.01)
    try cycleMatchesReference(Complex<Float>.self, phase: 0.01)
  }

  @Test func isHermitianPositiveDefinite() throws {
    let problems: [CSRMatrix<Double>] = [
      try Gallery.Problem(.poisson2d, size: 40).matrix(), try Gallery.Problem(.varcoef2d, size: 40).matrix(),
      try Gallery.Problem(.anisotropic2d, size: 40).matrix(), try Gallery.Problem(.elasticity2d, size: 20).matrix(),
    ]
    for a in problems {
      for degree in 1...3 {
        let m = try SmoothedAggregation(a, degree: degree)
        #expect(m.levelSizes.count > 1 && m.isPositiveDefinite && m.rows == a.rows)
        #expect(try PreconditionerProbe.failure(of: m, requiringPositiveDefinite: true) == nil)
        #expect(try adjointDefect(m, columns: 3) < 1e-12)
      }
    }
    let complex = try SmoothedAggregation(Model.laplacian(40, phase: 0.3, Complex<Double>.self))
    #expect(try PreconditionerProbe.failure(of: complex, requiringPositiveDefinite: true) == nil)
  }

  /// What multigrid is for: iterations hardly grow with the number of unknowns.
  @Test func iterationsHardlyGrow() throws {
    for (family, sizes) in [(Gallery.Family.poisson2d, [40, 80, 160]), (.poisson3d, [12, 20, 32])] {
      let counts = try sizes.map { size in
        let a = try Gallery.Problem(family, size: size).matrix(Double.self)
        let m = try SmoothedAggregation(a)
        #expect(m.operatorComplexity < 2)
        return try iterations(a, m)
      }
      #expect((counts.max() ?? 99) <= 12 && (counts.last ?? 99) - counts[0] <= 3, "\(family): \(counts)")
    }
    // With jumps and strong directions too.
    for specification in ["varcoef2d:80", "anisotropic2d:80"] {
      let a: CSRMatrix<Double> = try Gallery.Problem(specification: specification).matrix()
      let count = try iterations(a, SmoothedAggregation(a))
      #expect(count <= 40, "\(specification): \(count)")
    }
  }

  /// Elasticity wants its rigid-body motions: fewer iterations than with the unknowns of nodes kept together, and these fewer than with none.
  @Test func nearNullVectorsPay() throws {
    let size = 40
    let a = try Gallery.Problem(.elasticity2d, size: size).matrix(Double.self)
    // Columns of nodes from the clamped side on, each from the bottom up, or rows of them: the one of which A strains less.
    func motions(_ byColumns: Bool) throws -> BlockVector<Double> {
      let points = BlockVector<Double>(rows: a.rows / 2, columns: 2) { k, c in
        let (x, y) = byColumns ? (k / (size + 1) + 1, k % (size + 1)) : (k % size + 1, k / size)
        return Double(c == 0 ? x : y)
      }
      return try .rigidBodyMotions(at: points)
    }
    func strain(_ motion: BlockVector<Double>) -> Double { Reference.product(a, motion).columnNorms()[2] }
    let (columns, rows) = (try motions(true), try motions(false))
    let rigid = strain(columns) < strain(rows) ? columns : rows
    let counts = try [
      iterations(a, SmoothedAggregation(a, nearNullSpace: rigid, unknownsPerNode: 2)),
      iterations(a, SmoothedAggregation(a, unknownsPerNode: 2)), iterations(a, SmoothedAggregation(a)),
    ]
    #expect(counts[0] < counts[1] && counts[1] < counts[2] && counts[0] <= 20, "\(counts)")
  }

  /// The coarsest matrix of a Neumann problem is singular as A is; columns in the range of A are solved all the same.
  @Test func singularMatricesAreSolved() throws {
    let a = try Gallery.Problem(.neumann2d, size: 48).matrix(Double.self)
    let m = try SmoothedAggregation(a)
    #expect(m.events.contains { $0.kind == .repaired && $0.detail.contains("singular") }, "\(m.events) \(m.levelSizes)")
    var random = SplitMix(4)
    let b = Reference.product(a, random.block(a.rows, 3, Double.self))
    let result = try BlockCG(tolerance: .relative(1e-8)).prepare(a, preconditioner: m).solve(b)
    #expect(result.report.allConverged && result.report.iterations <= 15)
  }

  @Test func columnsAndThreadsDoNotMatter() throws {
    let a = try Gallery.Problem(.poisson2d, size: 60).matrix(Double.self)
    var random = SplitMix(8)
    let r = random.block(a.rows, 5, Double.self)
    let whole = try Threads.$limit.withValue(1) { try SmoothedAggregation(a).applied(to: r) }
    for threads in [2, 3] {
      let other = try Threads.$limit.withValue(threads) { try SmoothedAggregation(a).applied(to: r) }
      #expect(other == whole)
    }
    let m = try SmoothedAggregation(a)
    for j in 0..<5 {
      #expect(
        Reference.distance(try m.applied(to: BlockVector(column: r.column(j))), BlockVector(column: whole.column(j))) < 1e-13)
    }
  }

  @Test func memoryIsPlanned() throws {
    let a = try Gallery.Problem(.poisson2d, size: 70).matrix(Double.self)
    for columns in [1, 4, 8] {
      let m = try SmoothedAggregation(a)
      let planned = m.bytesPlanned(columns: columns)
      _ = try m.applied(to: BlockVector(rows: a.rows, columns: columns) { Double($0 - $1) })
      #expect(m.storedBytes == planned)
    }
  }

  @Test func newValuesAreFollowed() throws {
    let a = try Gallery.Problem(.poisson2d, size: 40).matrix(Double.self)
    let other = a.mapValues { $0 * 3 }
    let r = BlockVector<Double>(rows: a.rows, columns: 2) { Double($0 % 3 + $1) }
    let updated = try SmoothedAggregation(a, degree: 3).updated(for: other)
    #expect(updated.name == "amg:3")
    #expect(try updated.applied(to: r) == SmoothedAggregation(other, degree: 3).applied(to: r))
    #expect(throws: BlockKrylovError.self) { try updated.updated(for: Model.laplacian(4, Double.self)) }
  }

  /// Matrices that cannot be made coarser: the diagonal, one without couplings that matter, and small ones.
  @Test func whatCannotBeCoarsenedIsSmoothed() throws {
    let diagonal = CSRMatrix<Double>(diagonal: (0..<2000).map { Double($0 + 1) })
    let m = try SmoothedAggregation(diagonal)
    #expect(m.levelSizes == [2000] && m.events.contains { $0.kind == .fallback })
    let b = BlockVector<Double>(rows: 2000, columns: 1) { i, _ in Double(i + 1) }
    #expect(try m.applied(to: b).column(0).allSatisfy { abs($0 - 1) < 0.02 })
    let small = try Model.laplacian(5, Double.self)
    let x = BlockVector<Double>(rows: 25, columns: 2) { Double($0 + $1) }
    #expect(Reference.distance(try SmoothedAggregation(small).applied(to: Reference.product(small, x)), x) < 1e-12)
    let none = try SmoothedAggregation(CSRMatrix<Double>(diagonal: []))
    #expect(try none.applied(to: BlockVector(rows: 0, columns: 2)).rows == 0)
  }

  @Test func misuseIsRefused() throws {
    let a = try Model.laplacian(25, Double.self)
    let indefinite = try Model.laplacian(25, shift: -1, Double.self)
    #expect(throws: BlockKrylovError.self) { try SmoothedAggregation(indefinite) }
    #expect(throws: BlockKrylovError.self) { try SmoothedAggregation(Model.matrix([[1, 2, 3]], Double.self)) }
    #expect(throws: BlockKrylovError.self) { try SmoothedAggregation(CSRMatrix<Double>(diagonal: [1, -1])) }
    #expect(throws: BlockKrylovError.self) { try SmoothedAggregation(a, degree: 0) }
    #expect(throws: BlockKrylovError.self) { try SmoothedAggregation(a, strength: 1) }
    #expect(throws: BlockKrylovError.self) { try SmoothedAggregation(a, unknownsPerNode: 2) }
    #expect(throws: BlockKrylovError.self) { try SmoothedAggregation(a, unknownsPerNode: 0) }
    #expect(throws: BlockKrylovError.self) { try SmoothedAggregation(a, nearNullSpace: BlockVector(rows: 624, columns: 1)) }
    #expect(throws: BlockKrylovError.self) { try SmoothedAggregation(a, nearNullSpace: BlockVector(rows: 625, columns: 0)) }
    #expect(throws: BlockKrylovError.self) {
      try SmoothedAggregation(a, nearNullSpace: BlockVector(rows: 625, columns: 1) { i, _ in i == 9 ? .nan : 1 })
    }
    #expect(throws: BlockKrylovError.self) {
      try SmoothedAggregation(a).applied(to: BlockVector(rows: 624, columns: 1))
    }
  }

  @Test func theAutomaticChoiceTakesItOnLongEllipticProblems() throws {
    func choice(_ specification: String) throws -> String? {
      let a: CSRMatrix<Double> = try Gallery.Problem(specification: specification).matrix()
      return try PreconditionerChoice.automatic.build(for: a)?.name
    }
    #expect(try choice("poisson2d:120") == "amg" && choice("varcoef2d:120") == "amg")
    // Short, small, not elliptic, not hermitian.
    #expect(try choice("poisson3d:16") == "ic0" && choice("poisson2d:30") == "ic0")
    #expect(try choice("elasticity2d:60") == "ic0" && choice("convdiff2d:60") == "ilu0")
    // Elliptic but shifted below zero: the hierarchy finds out, and the choice is another one.
    let a = try Gallery.Problem(.poisson2d, size: 120).matrix(Double.self)
    let scale = a[0, 0] / 4
    let shifted = CSRMatrix(
      uncheckedRows: a.rows, columns: a.rows, rowStart: a.rowStart, columnIndex: a.columnIndex,
      values: a.values.map { $0 > 0 ? $0 - 0.3 * scale : $0 })
    #expect(MultigridProbe.isSuited(shifted))
    #expect(throws: BlockKrylovError.self) { try SmoothedAggregation(shifted) }
    #expect(try PreconditionerChoice.automatic.build(for: shifted)?.name == "ic0")
    let report = try AutomaticSolver().solve(a, Gallery.rightHandSides(rows: a.rows, columns: 2)).report
    #expect(report.allConverged && report.explanation.contains { $0.contains("multigrid") } && report.iterations < 15)
  }
}

@Suite struct SinglePrecisionPreconditionerTests {
  @Test func iterationsStayTheSame() throws {
    let a = try Gallery.Problem(.poisson2d, size: 60).matrix(Double.self)
    let b: BlockVector<Double> = try Gallery.rightHandSides(rows: a.rows, columns: 3)
    for choice in [PreconditionerChoice.ic0, .smoothedAggregation(), .ssor(), .jacobi] {
      for tolerance in [1e-8, 1e-13] {
        let method = BlockCG(tolerance: .relative(tolerance))
        let double = try method.preconditioned(by: choice).solve(a, b).report
        let single = try method.preconditioned(by: .singlePrecision(choice)).solve(a, b).report
        #expect(single.allConverged && single.preconditioner == "single-\(choice.name)")
        #expect(single.iterations <= double.iterations + max(3, double.iterations / 5), "\(choice.name)")
      }
    }
    let general = try Gallery.Problem(.convdiff2d, size: 40).matrix(Double.self)
    let r: BlockVector<Double> = try Gallery.rightHandSides(rows: general.rows, columns: 3)
    let report = try BlockGMRES(tolerance: .relative(1e-10)).preconditioned(by: .singlePrecision(.ilu0)).solve(general, r).report
    #expect(report.allConverged && report.preconditioner == "single-ilu0")
  }

  /// Columns beyond the range of single precision are scaled around it.
  @Test func everyScaleOfColumnsIsKept() throws {
    let a = try Model.laplacian(9, convection: 0.3, Complex<Double>.self)
    let m = try #require(try PreconditionerChoice.singlePrecision(.ilu0).build(for: a))
    let exact = try IncompleteLU(a)
    let scales = [1, 1e-300, 1e300, 1e-40, 1e20, 0]
    let r = BlockVector<Complex<Double>>(rows: 81, columns: 6) { i, j in
      Complex(Double(i % 5) - 2, Double(i % 3)) * Complex(scales[j])
    }
    let (z, expected) = (try m.applied(to: r), try exact.applied(to: r))
    let (adjoint, expectedAdjoint) = (try m.appliedAdjoint(to: r), try exact.appliedAdjoint(to: r))
    for j in 0..<6 {
      let unit = Complex(scales[j] == 0 ? 1 : 1 / scales[j])
      func distance(_ a: BlockVector<Complex<Double>>, _ b: BlockVector<Complex<Double>>) -> Double {
        Reference.distance(BlockVector(column: a.column(j).map { $0 * unit }), BlockVector(column: b.column(j).map { $0 * unit }))
      }
      #expect(distance(z, expected) < 1e-5 && distance(adjoint, expectedAdjoint) < 1e-5)
    }
    let bad = BlockVector<Complex<Double>>(rows: 81, columns: 2) { i, j in i == 3 && j == 0 ? Complex(.nan, 0) : 1 }
    #expect(try m.applied(to: bad).column(1).allSatisfy { $0.isFinite })
  }

  @Test func namesValuesAndLimits() throws {
    let a = try Model.laplacian(6, Double.self)
    #expect(try PreconditionerChoice(name: "single-amg:3") == .singlePrecision(.smoothedAggregation(degree: 3)))
    #expect(throws: BlockKrylovError.self) { try PreconditionerChoice(name: "single-none") }
    #expect(throws: BlockKrylovError.self) { try PreconditionerChoice(name: "single-") }
    let single = try #require(try PreconditionerChoice.singlePrecision(.ic0).build(for: a.converted(to: Float.self)))
    #expect(single.name == "ic0")
    let m = try #require(try PreconditionerChoice.singlePrecision(.ic0).build(for: a))
    let r = BlockVector<Double>(rows: 36, columns: 2) { Double($0 + $1) }
    let updated = try m.updated(for: a.mapValues { $0 * 4 })
    #expect(
      Reference.distance(
        try updated.applied(to: r),
        try BlockVector(rowMajor: m.applied(to: r).rowMajorForTests.map { $0 / 4 }, rows: 36, columns: 2)) < 1e-6)
    #expect(m.bytesPlanned(columns: 2) == m.storedBytes)
    #expect(throws: BlockKrylovError.self) {
      try PreconditionerChoice.singlePrecision(.ic0).build(for: a.mapValues { $0 * 1e39 })
    }
    #expect(throws: BlockKrylovError.self) { try PreconditionerChoice.singlePrecision(.chebyshev()).build(forOperator: a) }
  }
}

extension BlockVector {
  fileprivate var rowMajorForTests: [Element] { (0..<rows).flatMap { i in (0..<columns).map { self[i, $0] } } }
}
