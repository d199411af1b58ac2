import ComplexModule
import Testing

@testable import BlockKrylov

/// Operators and their compositions against dense matrices: what they do, and what they promise.
struct OperatorTests {
  /// op(A)·X by the definition.
  private func product<S: Scalar>(_ a: DenseMatrix<S>, _ x: BlockVector<S>) -> BlockVector<S> {
    BlockVector(rows: a.rows, columns: x.columns) { i, j in (0..<a.columns).reduce(S.zero) { $0 + a[i, $1] * x[$1, j] } }
  }

  /// The operator does what `truth` says, forward, adjoint and as residual, and promises nothing that is not so.
  private func check<S: Scalar>(
    _ a: some LinearOperator<S>, is truth: DenseMatrix<S>, _ what: String, _ random: inout SplitMix, hasAdjoint: Bool = true
  ) throws {
    #expect(a.rows == truth.rows && a.columns == truth.columns, "\(what)")
    let bound = 100 * S.unitRoundoff * (1 + truth.frobeniusNorm)
    for m in [1, 4, 4] {
      let (x, y) = (random.block(a.columns, m, S.self), random.block(a.rows, m, S.self))
      let image = product(truth, x)
      #expect(Reference.distance(try a.applied(to: x), image) <= bound, "\(what)")
      let residual = BlockVector<S>(rows: a.rows, columns: m) { y[$0, $1] - image[$0, $1] }
      #expect(Reference.distance(try a.residual(y, of: x), residual) <= bound, "\(what) residual")
      if hasAdjoint {
        #expect(Reference.distance(try a.adjointApplied(to: y), product(truth.adjoint, y)) <= bound, "\(what) adjoint")
      }
    }
    if let matrix = a.sparseMatrix {
      let dense = matrix.dense
      let difference = DenseMatrix<S>(rows: a.rows, columns: a.columns) { dense[$0, $1] - truth[$0, $1] }
      #expect(difference.frobeniusNorm <= bound, "\(what) as a matrix")
      #expect(matrix.structure == a.structure, "\(what): the matrix promises what the operator does")
    }
    if let norm = a.infinityNorm {
      let largest = (0..<a.rows).map { i in (0..<a.columns).reduce(0) { $0 + Double(truth[i, $1].modulus) } }.max() ?? 0
      #expect(abs(norm - largest) <= bound, "\(what)")
    }
    checkPromises(a.structure, of: truth, bound, what)
  }

  private func checkPromises<S: Scalar>(_ tags: Structure, of a: DenseMatrix<S>, _ bound: Double, _ what: String) {
    func every(_ test: (Int, Int) -> S) -> Bool {
      (0..<a.rows).allSatisfy { i in (0..<a.columns).allSatisfy { Double(test(i, $0).modulus) <= bound } }
    }
    if tags.contains(.symmetric) { #expect(every { a[$0, $1] - a[$1, $0] }, "\(what) is not symmetric") }
    if tags.contains(.hermitian) { #expect(every { a[$0, $1] - a[$1, $0].conjugate }, "\(what) is not hermitian") }
    if tags.contains(.skewSymmetric) { #expect(every { a[$0, $1] + a[$1, $0] }, "\(what) is not skew-symmetric") }
    if tags.contains(.lowerTriangular) { #expect(every { $0 < $1 ? a[$0, $1] : 0 }, "\(what) is not lower triangular") }
    if tags.contains(.upperTriangular) { #expect(every { $0 > $1 ? a[$0, $1] : 0 }, "\(what) is not upper triangular") }
    if !tags.isDisjoint(with: [.positiveDefinite, .negativeDefinite]) {
      var part = a
      part.makeHermitian()
      let workspace = DenseWorkspace<S>(rows: a.rows, columns: a.rows)
      #expect(workspace.eigen(&part))
      let (least, most) = (Double(workspace.eigenvalues[0]), Double(workspace.eigenvalues[a.rows - 1]))
      if tags.contains(.positiveDefinite) { #expect(least > 0, "\(what) is not positive definite") }
      if tags.contains(.negativeDefinite) { #expect(most < 0, "\(what) is not negative definite") }
    }
  }

  /// Matrices of 6 × 6 with the tags that are true of them.
  private func samples<S: Scalar>(_ type: S.Type, _ random: inout SplitMix) -> [(String, DenseMatrix<S>, Structure)] {
    let n = 6
    let any = DenseMatrix<S>(rows: n, columns: n) { _, _ in random.scalar() }
    var hermitian = any
    hermitian.makeHermitian()
    func shifted(_ a: DenseMatrix<S>, _ by: Double) -> DenseMatrix<S> {
      DenseMatrix(rows: n, columns: n) { a[$0, $1] + ($0 == $1 ? S(double: by) : 0) }
    }
    func map(_ entry: (Int, Int) -> S) -> DenseMatrix<S> { DenseMatrix(rows: n, columns: n, entry) }
    let herm: Structure = S.isComplex ? .hermitian : [.hermitian, .symmetric]
    return [
      ("general", any, []),
      ("hermitian", hermitian, herm),
      ("positive definite", shifted(hermitian, 12), herm.union(.positiveDefinite)),
      ("negative definite", shifted(hermitian, -12), herm.union(.negativeDefinite)),
      ("definite without symmetry", shifted(any, 15), .positiveDefinite),
      ("symmetric", map { any[$0, $1] + any[$1, $0] }, .symmetric),
      ("skew-symmetric", map { any[$0, $1] - any[$1, $0] }, .skewSymmetric),
      ("lower", map { $0 >= $1 ? any[$0, $1] : 0 }, .lowerTriangular),
      ("upper", map { $0 <= $1 ? any[$0, $1] : 0 }, .upperTriangular),
      ("diagonal", map { $0 == $1 ? S(double: Double($0 + 1)) : 0 }, [.diagonal, .symmetric, .hermitian, .positiveDefinite]),
    ]
  }

  @Test(arguments: ScalarTypes.all)
  func compositions(type: any Scalar.Type) throws { try checkCompositions(type) }

  private func checkCompositions<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(501)
    let samples = samples(type, &random)
    for (name, a, tags) in samples {
      let (dense, sparse) = (DenseOperator(a, structure: tags), CSRMatrix(dense: a).tagged(tags))
      try check(dense, is: a, "dense \(name)", &random)
      #expect(dense.denseMatrix == a)
      try check(sparse, is: a, "sparse \(name)", &random)
      try check(CSCMatrix(sparse), is: a, "columns \(name)", &random)
      try check(sparse.adjointOperator, is: a.adjoint, "adjoint of \(name)", &random)
      try check(sparse.adjointOperator.adjointOperator, is: a, "adjoint twice of \(name)", &random)
      for factor in [S(real: 2, imaginary: 0), -1, S(real: 0, imaginary: 1), S(real: -1.5, imaginary: 0.5), 0] as [S] {
        let scaled = DenseMatrix<S>(rows: 6, columns: 6) { a[$0, $1] * factor }
        try check(sparse.scaled(by: factor), is: scaled, "\(factor) times \(name)", &random)
      }
      let free = MatrixFreeOperator<S>(
        size: 6, structure: tags, adjoint: { x, y in try sparse.applyAdjoint(to: x, into: &y) }
      ) { x, y in try sparse.apply(to: x, into: &y) }
      try check(free, is: a, "matrix-free \(name)", &random)
      for (other, b, otherTags) in samples {
        let second = CSRMatrix(dense: b).tagged(otherTags)
        let sum = DenseMatrix<S>(rows: 6, columns: 6) { a[$0, $1] + b[$0, $1] }
        try check(dense + second, is: sum, "\(name) + \(other)", &random)
        try check(sparse + second, is: sum, "\(name) + \(other)", &random)
        try check(free * second, is: a * b, "\(name) times \(other)", &random)
      }
    }
  }

  @Test func rectangularOperators() throws {
    var random = SplitMix(502)
    typealias C = Complex<Double>
    let a = DenseMatrix<C>(rows: 4, columns: 7) { _, _ in random.scalar() }
    let b = DenseMatrix<C>(rows: 7, columns: 3) { _, _ in random.scalar() }
    try check(DenseOperator(a), is: a, "dense", &random)
    try check(DenseOperator(a) * CSRMatrix(dense: b), is: a * b, "product", &random)
    try check((DenseOperator(a) * DenseOperator(b)).adjointOperator, is: (a * b).adjoint, "adjoint of a product", &random)
    let rows = try DenseOperator<Double>(rows: [[1, 2, 3], [4, 5, 6]])
    #expect(rows.matrix[1, 2] == 6 && rows.storedBytes == 48 && rows.infinityNorm == 15)
    #expect(throws: BlockKrylovError.shape("row 1 has 1 entries, row 0 has 2; rows must have the same length")) {
      try DenseOperator<Double>(rows: [[1, 2], [3]])
    }
  }

  /// Compositions keep their blocks: a second product of the same width allocates no third.
  @Test func compositionsCanBeUsedFromSeveralTasks() async throws {
    var random = SplitMix(503)
    let a = try random.sparse(50, 50, perRow: 4, Double.self)
    let sum = try a * a + a.scaled(by: 2)
    let x = random.block(50, 3, Double.self)
    let expected = try sum.applied(to: x)
    let right = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 { group.addTask { try (0..<20).allSatisfy { _ in try sum.applied(to: x) == expected } } }
      return try await group.reduce(true) { $0 && $1 }
    }
    #expect(right)
  }

  @Test func adjointsThatAreUnknownAreNamed() throws {
    let x = BlockVector<Double>(rows: 3, columns: 1)
    let free = MatrixFreeOperator<Double>(size: 3) { x, y in y.copy(from: x) }
    #expect(
      throws: BlockKrylovError.unsupported("this matrix-free operator was given no adjoint; pass `adjoint:` when creating it")
    ) { try free.adjointApplied(to: x) }
    let symmetric = MatrixFreeOperator<Double>(size: 3, structure: .symmetric) { x, y in y.copy(from: x) }
    #expect(try symmetric.adjointApplied(to: x) == x)
    struct Plain: LinearOperator {
      var (rows, columns, structure) = (3, 3, Structure())
      func apply(to x: BlockVector<Double>, into y: inout BlockVector<Double>) throws { y.copy(from: x) }
    }
    #expect(
      throws: BlockKrylovError.unsupported("this operator does not know its adjoint; implement applyAdjoint(to:into:)")
    ) { try Plain().adjointApplied(to: x) }
    #expect(Plain().sparseMatrix == nil && Plain().denseMatrix == nil && Plain().infinityNorm == nil && Plain().storedBytes == 0)
  }

  /// Blocks that do not fit are refused by every operator, in every direction.
  @Test func shapesThatDoNotFitThrow() throws {
    func expectShapeError(_ text: String? = nil, _ body: () throws -> Void) {
      do {
        try body()
        Issue.record("no error was thrown")
      } catch BlockKrylovError.shape(let message) {
        if let text { #expect(message == text) }
      } catch { Issue.record("\(error)") }
    }
    let a = try CSRMatrix<Double>(rows: 2, columns: 3, rowStart: [0, 1, 2], columnIndex: [0, 2], values: [1, 2])
    let square = CSRMatrix<Double>(diagonal: [1, 2, 3])
    let operators: [any LinearOperator<Double>] = [
      a, CSCMatrix(a), DenseOperator(a.dense), a.scaled(by: 2), try a + a, try a * square, a.transposed().adjointOperator,
    ]
    func block(_ rows: Int, _ columns: Int) -> BlockVector<Double> { BlockVector(rows: rows, columns: columns) }
    func refuse(_ a: some LinearOperator<Double>) {
      expectShapeError("A has 3 columns, the block has 2 rows") { _ = try a.applied(to: block(2, 1)) }
      expectShapeError("A has 2 rows, the block has 3") { _ = try a.adjointApplied(to: block(3, 1)) }
      expectShapeError("A has 2 rows, B has 3") { _ = try a.residual(block(3, 1), of: block(3, 1)) }
      expectShapeError("B has 2 columns, X has 1") { _ = try a.residual(block(2, 2), of: block(3, 1)) }
      for (x, y) in [((2, 1), (2, 1)), ((3, 1), (3, 1)), ((3, 2), (2, 1))] {
        var target = block(y.0, y.1)
        expectShapeError { try a.apply(to: block(x.0, x.1), into: &target) }
        expectShapeError { try a.residual(of: block(x.0, x.1), block(2, 1), into: &target) }
      }
      var residual = block(2, 1)
      expectShapeError { try a.residual(of: block(3, 1), block(3, 1), into: &residual) }
      for (x, y) in [((3, 1), (3, 1)), ((2, 1), (2, 1)), ((2, 2), (3, 1))] {
        var target = block(y.0, y.1)
        expectShapeError { try a.applyAdjoint(to: block(x.0, x.1), into: &target) }
      }
    }
    for a in operators { refuse(a) }
    expectShapeError("cannot add operators of 2 × 3 and 3 × 3") { _ = try a + square }
    expectShapeError("cannot multiply operators of 3 × 3 and 2 × 3") { _ = try square * a }
  }
}
