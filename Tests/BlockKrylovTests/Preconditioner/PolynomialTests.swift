import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

@Suite struct PolynomialRootsTests {
  typealias Root = PolynomialRoots.Root

  @Test func orderIsLejas() {
    let values: [Complex<Double>] = [1, 2, 4, Complex(3, 1), Complex(3, -1), Complex(0.5, 2), Complex(0.5, -2)]
    let roots = PolynomialRoots(reciprocals: values.map { 1 / $0 }, inPairs: true)
    #expect(roots.count == 7 && roots.repeated == 0)
    #expect(roots.roots[0].value == 4)
    var taken: [Complex<Double>] = []
    func product(_ z: Complex<Double>) -> Double { taken.reduce(1) { $0 * (z - $1).length } }
    for (k, root) in roots.roots.enumerated() {
      if k > 0 {
        let best = roots.roots[k...].map { product($0.value) }.max() ?? 0
        #expect(product(root.value) >= best * (1 - 1e-12))
      }
      taken.append(root.value)
      if root.isPair { taken.append(root.value.conjugate) }
    }
  }

  /// An outlier far from a cluster: rounding of the cluster's factors at it is taken away by a second factor.
  @Test func outliersAreRepeated() {
    let cluster = (0..<12).map { Complex<Double>(1 + 0.05 * Double($0), 0) }
    let roots = PolynomialRoots(reciprocals: (cluster + [Complex(1e4, 0)]).map { 1 / $0 }, inPairs: true)
    #expect(roots.repeated > 0 && roots.count == 13 + roots.repeated)
    #expect(roots.roots.count { ($0.value - Complex(1e4, 0)).length < 1 } == 1 + roots.repeated)
    #expect(PolynomialRoots(reciprocals: cluster.map { 1 / $0 }, inPairs: true).repeated == 0)
  }

  @Test func infiniteRootsAreLeftOut() {
    #expect(PolynomialRoots(reciprocals: [0, 1], inPairs: true).roots == [Root(value: 1, isPair: false)])
    #expect(PolynomialRoots(reciprocals: [0], inPairs: false).roots.isEmpty)
  }
}

@Suite struct PolynomialPreconditionerTests {
  /// p(A) by its definition: with the residual polynomial as a product over the roots, z·p(z) = 1 − Π(1 − z/θ), column by column.
  private func residualIsTheProduct<S: Scalar>(_ type: S.Type, convection: Double) throws {
    let a = try Model.laplacian(6, shift: 0.5, convection: convection, phase: 0.3, S.self)
    var random = SplitMix(17)
    for degree in [1, 2, 5, 8] {
      let m = try PolynomialPreconditioner(a, degree: degree)
      #expect(m.events.isEmpty && m.products == degree && m.name == "polynomial:\(degree)")
      let arnoldi = try SmallArnoldi<S>(rows: a.rows, steps: degree + 1, name: "test") { v, w in
        try a.apply(to: v, into: &w)
        w.scaleRows(by: a.diagonal.map { 1 / $0 })
      }
      let roots = try #require(arnoldi.harmonicReciprocals())
      #expect(roots.count == degree + 1)
      for columns in [1, 3, 17] {
        let r = random.block(a.rows, columns, S.self)
        // Π(1 − D⁻¹A/θ)·D⁻¹r in complex arithmetic, root after root.
        var w = BlockVector<Complex<Double>>(rows: a.rows, columns: columns) { i, j in
          let value = r[i, j] / a.diagonal[i]
          return Complex(Double(value.realPart), Double(value.imaginaryPart))
        }
        let wide = a.converted(to: Complex<Double>.self)
        for u in roots {
          let product = Reference.product(wide, w)
          w = BlockVector(rows: a.rows, columns: columns) { w[$0, $1] - u * product[$0, $1] / wide.diagonal[$0] }
        }
        let z = try m.applied(to: r)
        let az = Reference.product(a, z)
        for i in 0..<a.rows {
          for j in 0..<columns {
            let residual = (r[i, j] - az[i, j]) / a.diagonal[i]
            let difference = Complex(Double(residual.realPart), Double(residual.imaginaryPart)) - w[i, j]
            #expect(difference.length < 10 * S.slack)
          }
        }
        #expect(try adjointDefect(m, columns: columns) < 10 * S.slack)
      }
      #expect(try PreconditionerProbe.failure(of: m) == nil)
    }
  }

  @Test(arguments: [0, 0.6]) func residualPolynomialHasTheRoots(convection: Double) throws {
    try residualIsTheProduct(Double.self, convection: convection)
    try residualIsTheProduct(Float.self, convection: convection)
    try residualIsTheProduct(Complex<Double>.self, convection: convection)
    try residualIsTheProduct(Complex<Float>.self, convection: convection)
  }

  /// Of all polynomials of its degree the one of GMRES leaves the least residual of its starting vector; here by dense least squares.
  @Test func rootsAreThoseOfGMRES() throws {
    let a = try Model.laplacian(5, convection: 0.7, Double.self)
    let steps = 6
    let arnoldi = try SmallArnoldi<Double>(rows: a.rows, steps: steps, name: "test") { try a.apply(to: $0, into: &$1) }
    let roots = try #require(arnoldi.harmonicReciprocals())
    // π(H) e₁ for GMRES: the least residual's polynomial is orthogonal to A·K, so π(A)b must be orthogonal to A·K.
    var v = BlockVector<Double>(rows: a.rows, columns: 1)
    v.fillRandom(seed: 2021)
    var w = v.converted(to: Complex<Double>.self)
    let wide = a.converted(to: Complex<Double>.self)
    for u in roots {
      let product = Reference.product(wide, w)
      w = BlockVector(rows: a.rows, columns: 1) { i, _ in w[i, 0] - u * product[i, 0] }
    }
    var power = Reference.product(a, v)
    for _ in 0..<steps {
      let dot = (0..<a.rows).reduce(Complex<Double>(0)) { $0 + Complex(power[$1, 0]) * w[$1, 0] }
      #expect(dot.length < 1e-10 * power.columnNorms()[0] * w.columnNorms()[0])
      power = Reference.product(a, power)
    }
  }

  @Test func matrixFreeEqualsMatrix() throws {
    let a = try Model.laplacian(8, convection: 0.4, Double.self)
    let free = MatrixFreeOperator<Double>(rows: a.rows, columns: a.rows) { try a.apply(to: $0, into: &$1) }
    var random = SplitMix(3)
    let r = random.block(a.rows, 5, Double.self)
    let z = try PolynomialPreconditioner(a, degree: 7).applied(to: r)
    #expect(
      Reference.distance(try PolynomialPreconditioner(operator: free, diagonal: a.diagonal, degree: 7).applied(to: r), z) < 1e-12)
    // A constant diagonal changes nothing.
    #expect(Reference.distance(try PolynomialPreconditioner(operator: free, degree: 7).applied(to: r), z) < 1e-10)
    #expect(throws: BlockKrylovError.self) { try PolynomialPreconditioner(operator: free, degree: 7).appliedAdjoint(to: r) }

    let result = try BlockGMRES().preconditioned(by: .polynomial(degree: 7)).solve(free, r)
    #expect(result.report.allConverged && result.report.preconditioner == "polynomial:7")
  }

  @Test func singularAndTinyOperators() throws {
    let nilpotent = Model.matrix([[0, 1], [0, 0]], Double.self)
    let m = try PolynomialPreconditioner(nilpotent, degree: 3)
    #expect(try m.applied(to: .identity(rows: 2)).columnMaxima().allSatisfy { $0.isFinite })
    let zero = try PolynomialPreconditioner(
      CSRMatrix<Double>(rows: 3, columns: 3, rowStart: [0, 0, 0, 0], columnIndex: [], values: []))
    #expect(zero.events.map(\.kind) == [.fallback])
    #expect(try zero.applied(to: .identity(rows: 3)) == .identity(rows: 3))
    // n = 1 is solved exactly, and n = 0 is nothing.
    let one = try PolynomialPreconditioner(Model.matrix([[4]], Double.self))
    #expect(abs(try one.applied(to: .identity(rows: 1))[0, 0] - 0.25) < 1e-15)
    let empty = try CSRMatrix<Double>(rows: 0, columns: 0, rowStart: [0], columnIndex: [], values: [])
    #expect(try PolynomialPreconditioner(empty).applied(to: BlockVector(rows: 0, columns: 2)).rows == 0)
  }

  @Test func misuse() throws {
    let a = try Model.laplacian(3, Double.self)
    for degree in [0, -1, 201] { #expect(throws: BlockKrylovError.self) { try PolynomialPreconditioner(a, degree: degree) } }
    #expect(throws: BlockKrylovError.self) { try PolynomialPreconditioner(Model.matrix([[1, 0, 1]], Double.self)) }
    #expect(throws: BlockKrylovError.self) { try PolynomialPreconditioner(operator: a, diagonal: [1]) }
    #expect(throws: BlockKrylovError.self) {
      try PolynomialPreconditioner(operator: a, diagonal: [Double](repeating: 0, count: 9))
    }
  }

  private func sameBits<S: Scalar>(_ type: S.Type) throws {
    let a = try Model.laplacian(70, convection: 0.4, phase: 0.3, S.self)
    let m = try PolynomialPreconditioner(a, degree: 5)
    var random = SplitMix(9)
    for columns in [1, 8, 33] {
      let r = random.block(a.rows, columns, S.self)
      let one = try Threads.$limit.withValue(1) { try m.applied(to: r) }
      #expect(try Threads.$limit.withValue(3) { try m.applied(to: r) } == one)
    }
  }

  @Test func bitsDoNotDependOnThreads() throws {
    try sameBits(Double.self)
    try sameBits(Complex<Float>.self)
  }
}

@Suite struct ChebyshevTests {
  /// The eigenvectors of a diagonal matrix show p itself: 1 − λp(λ) = T((β+α−2λ)/(β−α)) / T((β+α)/(β−α)).
  private func isChebyshevs<S: Scalar>(_ type: S.Type) throws {
    let eigenvalues = (1...40).map { 0.05 * Double($0) }
    let a = MatrixFreeOperator<S>(rows: 40, columns: 40, structure: [.hermitian, .positiveDefinite]) { x, y in
      for i in 0..<40 { for j in 0..<x.columns { y[i, j] = S(double: eigenvalues[i]) * x[i, j] } }
    }
    for (degree, ratio) in [(1, 5.0), (2, 30), (9, 30), (10, 100)] {
      let m = try ChebyshevPreconditioner(operator: a, degree: degree, ratio: ratio)
      let (beta, alpha) = (m.largestEigenvalue, m.largestEigenvalue / ratio)
      #expect(beta >= 2 && beta < 2.4)
      let z = try m.applied(to: BlockVector<S>(rows: 40, columns: 3) { _, _ in 1 })
      // T of any argument by its recurrence.
      func chebyshev(_ x: Double) -> Double {
        var (last, now) = (1.0, x)
        for _ in 0..<degree { (last, now) = (now, 2 * x * now - last) }
        return now
      }
      for i in 0..<40 {
        let wanted = chebyshev((beta + alpha - 2 * eigenvalues[i]) / (beta - alpha)) / chebyshev((beta + alpha) / (beta - alpha))
        for j in 0..<3 { #expect(abs(1 - eigenvalues[i] * Double(z[i, j].realPart) - wanted) < S.slack) }
      }
    }
  }

  @Test func polynomialIsChebyshevs() throws {
    try isChebyshevs(Double.self)
    try isChebyshevs(Float.self)
    try isChebyshevs(Complex<Double>.self)
    try isChebyshevs(Complex<Float>.self)
  }

  private func isDefinite<S: Scalar>(_ type: S.Type) throws {
    let base = try Model.laplacian(12, phase: 0.5, S.self)
    let d = (0..<144).map { S.Magnitude(sign: .plus, exponent: .init($0 % 5 - 2), significand: 1.25) }
    for a in [base, base.scaled(rows: d, columns: d)] {
      for degree in [1, 4, 10] {
        let m = try ChebyshevPreconditioner(a, degree: degree)
        #expect(m.isPositiveDefinite && m.events.isEmpty)
        #expect(try PreconditionerProbe.failure(of: m, requiringPositiveDefinite: true) == nil)
        #expect(try adjointDefect(m, columns: 3) < 100 * S.slack)
        // The scaling by D takes out the scaling of the matrix; the bound holds.
        #expect(m.largestEigenvalue > 1.5 && m.largestEigenvalue < 2.2)
      }
    }
  }

  @Test func everyOneIsPositiveDefinite() throws {
    try isDefinite(Double.self)
    try isDefinite(Float.self)
    try isDefinite(Complex<Double>.self)
    try isDefinite(Complex<Float>.self)
  }

  @Test func matrixFreeEqualsMatrix() throws {
    // Large enough that five columns do not fill the space in a few iterations, whatever M is.
    let a = try Model.laplacian(30, Double.self)
    let free = MatrixFreeOperator<Double>(rows: a.rows, columns: a.rows, structure: [.hermitian, .positiveDefinite]) {
      try a.apply(to: $0, into: &$1)
    }
    var random = SplitMix(3)
    let r = random.block(a.rows, 5, Double.self)
    let m = try ChebyshevPreconditioner(operator: free, diagonal: a.diagonal, degree: 7)
    let result = try BlockCG().prepare(free, preconditioner: m).solve(r)
    #expect(result.report.allConverged)
    let plain = try BlockCG().preconditioned(by: .chebyshev(degree: 7)).solve(free, r)
    #expect(plain.report.allConverged && plain.report.preconditioner == "chebyshev:7")
    let unpreconditioned = try BlockCG().solve(free, r)
    #expect(3 * plain.report.iterations < unpreconditioned.report.iterations)
  }

  @Test func unfitOperatorsAreRefused() throws {
    let indefinite = try Model.laplacian(6, shift: -3.9, Double.self)
    #expect(throws: BlockKrylovError.self) { try ChebyshevPreconditioner(indefinite) }
    #expect(throws: BlockKrylovError.self) { try ChebyshevPreconditioner(Model.matrix([[-1, 0], [0, 1]], Double.self)) }
    let a = try Model.laplacian(3, Double.self)
    for degree in [0, 1001] { #expect(throws: BlockKrylovError.self) { try ChebyshevPreconditioner(a, degree: degree) } }
    for ratio in [1, 0, -3, .nan, .infinity] {
      #expect(throws: BlockKrylovError.self) { try ChebyshevPreconditioner(a, ratio: ratio) }
    }
    let free = MatrixFreeOperator<Double>(rows: 9, columns: 9) { try a.apply(to: $0, into: &$1) }
    #expect(throws: BlockKrylovError.self) { try PreconditionerChoice.chebyshev().build(forOperator: free) }
    #expect(throws: BlockKrylovError.self) { try PreconditionerChoice.ilu0.build(forOperator: free) }
    #expect(try PreconditionerChoice.automatic.build(forOperator: free) == nil)
  }

  @Test func updateFollowsTheValues() throws {
    let (a, b) = (try Model.laplacian(6, Double.self), try Model.laplacian(6, shift: 1, Double.self))
    var random = SplitMix(4)
    let r = random.block(36, 3, Double.self)
    let m = try ChebyshevPreconditioner(a, degree: 6)
    #expect(try m.updated(for: b).applied(to: r) == ChebyshevPreconditioner(b, degree: 6).applied(to: r))
    let p = try PolynomialPreconditioner(a, degree: 6)
    #expect(try p.updated(for: b).applied(to: r) == PolynomialPreconditioner(b, degree: 6).applied(to: r))
  }
}
