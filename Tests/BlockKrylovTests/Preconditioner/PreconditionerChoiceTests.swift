import ComplexModule
import Testing

@testable import BlockKrylov

@Suite struct PreconditionerChoiceTests {
  @Test func namesAreReadBack() throws {
    let choices: [PreconditionerChoice] = [
      .none, .jacobi, .ssor(), .ssor(relaxation: 1.3), .ilu0, .ilutp(), .ilutp(fill: 7, dropTolerance: 0.02), .ic0,
      .chebyshev(), .chebyshev(degree: 3), .polynomial(), .polynomial(degree: 9),
      .smoothedAggregation(), .smoothedAggregation(degree: 1), .smoothedAggregation(unknownsPerNode: 3),
      .singlePrecision(.ic0), .singlePrecision(.smoothedAggregation(degree: 4)),
    ]
    for choice in choices { #expect(try PreconditionerChoice(name: choice.name) == choice) }
    #expect(try PreconditionerChoice(name: "ilutp:9") == .ilutp(fill: 9))
    #expect(PreconditionerChoice.ssor(relaxation: 1).name == "ssor")
  }

  @Test(arguments: [
    "", "ilu", "none:1", "ssor:", "ssor:2", "ssor:x", "ssor:1:1", "ilutp:0", "ilutp:3:1", "ilutp:3:nan",
    "ilutp:3:0.1:4", ":", "chebyshev:0", "chebyshev:2:3", "polynomial:x", "polynomial:201",
    "amg:", "amg:0", "amg:2:0", "amg:2:65", "amg:2:3:4", "single", "single-none", "single-x",
  ])
  func otherNamesAreRefused(name: String) {
    #expect(throws: BlockKrylovError.self) { try PreconditionerChoice(name: name) }
  }

  @Test func buildsWhatItNames() throws {
    let a = try Model.laplacian(4, phase: 0.3, Complex<Double>.self)
    #expect(try PreconditionerChoice.none.build(for: a) == nil)
    for choice in [
      .jacobi, .ssor(), .ilu0, .ilutp(), .ic0, .chebyshev(), .polynomial(), .smoothedAggregation(), .singlePrecision(.ic0),
    ]
      as [PreconditionerChoice]
    {
      let m = try #require(try choice.build(for: a))
      #expect(m.name == choice.name && m.rows == 16)
      #expect(m.isPositiveDefinite == ![.ilu0, .ilutp(), .polynomial()].contains(choice))
      #expect(try PreconditionerProbe.failure(of: m, requiringPositiveDefinite: m.isPositiveDefinite) == nil)
      #expect(m.storedBytes > 0)
    }
  }

  @Test func unfitMatricesAreRefusedWithAdvice() throws {
    let unsymmetric = try Model.laplacian(3, convection: 0.5, Double.self)
    let negative = Model.matrix([[-1, 0], [0, 2]], Double.self)
    let wide = Model.matrix([[1, 0, 1]], Double.self)
    for choice in [.ssor(), .ic0, .smoothedAggregation()] as [PreconditionerChoice] {
      for a in [unsymmetric, negative] {
        let error = #expect(throws: BlockKrylovError.self) { try choice.build(for: a) }
        #expect(error?.description.contains("take ilu0") == true)
      }
    }
    for choice in [.jacobi, .ssor(), .ilu0, .ilutp(), .ic0, .smoothedAggregation(), .singlePrecision(.jacobi)]
      as [PreconditionerChoice]
    {
      #expect(throws: BlockKrylovError.self) { try choice.build(for: wide) }
    }
    // Complex symmetric is not hermitian.
    let symmetric = CSRMatrix(dense: DenseMatrix<Complex<Double>>(rows: 2, columns: 2) { $0 == $1 ? 2 : Complex(0, 1) })
    #expect(throws: BlockKrylovError.self) { try PreconditionerChoice.ic0.build(for: symmetric) }
  }
}

@Suite struct ClosureAndProbeTests {
  private func closure(
    _ name: String = "user", definite: Bool = false, variable: Bool = false,
    _ body: @escaping @Sendable (BlockVector<Double>, inout BlockVector<Double>) throws -> Void
  ) -> ClosurePreconditioner<Double> {
    ClosurePreconditioner(rows: 5, name: name, isPositiveDefinite: definite, isVariable: variable, apply: body)
  }

  @Test func closureIsCalled() throws {
    let m = closure("twice", definite: true) { r, z in
      for i in 0..<r.rows { for j in 0..<r.columns { z[i, j] = 2 * r[i, j] } }
    }
    #expect(m.name == "twice" && m.rows == 5 && m.isPositiveDefinite && !m.isVariable)
    let r = BlockVector<Double>(rows: 5, columns: 3) { Double($0 + $1) }
    #expect(try m.applied(to: r) == BlockVector(rows: 5, columns: 3) { 2 * Double($0 + $1) })
    #expect(try m.appliedAdjoint(to: r) == m.applied(to: r))
    #expect(throws: BlockKrylovError.self) { try m.applied(to: BlockVector(rows: 4, columns: 1)) }
    #expect(throws: BlockKrylovError.self) { try closure { $1 = $0 }.appliedAdjoint(to: r) }
    #expect(throws: BlockKrylovError.self) { try m.updated(for: CSRMatrix(diagonal: [1, 1, 1, 1, 1])) }
  }

  @Test func probeNamesTheFailingProperty() throws {
    let good = closure { r, z in z.scaleRows(of: r, by: [1, 2, 3, 4, 5]) }
    #expect(try PreconditionerProbe.failure(of: good, requiringPositiveDefinite: true) == nil)

    let infinite = closure { r, z in z.scaleRows(of: r, by: [1, 2, .infinity, 4, 5]) }
    #expect(try PreconditionerProbe.failure(of: infinite) == .notFinite)

    let cubic: @Sendable (BlockVector<Double>, inout BlockVector<Double>) -> Void = { r, z in
      for i in 0..<5 { for j in 0..<r.columns { z[i, j] = r[i, j] + 1e-3 * r[i, j] * r[i, j] * r[i, j] } }
    }
    guard case .notLinear(let deviation)? = try PreconditionerProbe.failure(of: closure { cubic($0, &$1) }) else {
      Issue.record("a cubic map passes as linear")
      return
    }
    #expect(deviation > 1e-8 && deviation < 1e-1)
    #expect(try PreconditionerProbe.failure(of: closure(variable: true) { cubic($0, &$1) }) == nil)

    let shifted = closure { r, z in for i in 0..<5 { for j in 0..<r.columns { z[i, j] = r[i, j] + 0.1 * r[(i + 1) % 5, j] } } }
    #expect(try PreconditionerProbe.failure(of: shifted) == nil)
    guard case .notHermitian? = try PreconditionerProbe.failure(of: shifted, requiringPositiveDefinite: true) else {
      Issue.record("an unsymmetric map passes as hermitian")
      return
    }

    let negative = closure { r, z in z.scaleRows(of: r, by: [-1, -2, -3, -4, -5]) }
    guard
      case .notPositiveDefinite(let quotient)? = try PreconditionerProbe.failure(of: negative, requiringPositiveDefinite: true)
    else {
      Issue.record("a negative definite map passes")
      return
    }
    #expect(quotient < 0)
    // The zero map is linear and hermitian, but not positive.
    let zero = closure { _, z in z.setZero() }
    #expect(try PreconditionerProbe.failure(of: zero, requiringPositiveDefinite: true) != nil)
  }

  private func builtOnesPass<S: Scalar>(_ type: S.Type) throws {
    let a = try Model.laplacian(20, phase: 0.3, S.self)
    #expect(try PreconditionerProbe.failure(of: IncompleteCholesky(a), requiringPositiveDefinite: true) == nil)
    #expect(try PreconditionerProbe.failure(of: SSORPreconditioner(a, relaxation: 1.5), requiringPositiveDefinite: true) == nil)
    #expect(try PreconditionerProbe.failure(of: JacobiPreconditioner(a), requiringPositiveDefinite: true) == nil)
    #expect(try PreconditionerProbe.failure(of: IncompleteLU(a)) == nil)
  }

  @Test func builtPreconditionersPassInEveryPrecision() throws {
    try builtOnesPass(Double.self)
    try builtOnesPass(Float.self)
    try builtOnesPass(Complex<Double>.self)
    try builtOnesPass(Complex<Float>.self)
  }
}
