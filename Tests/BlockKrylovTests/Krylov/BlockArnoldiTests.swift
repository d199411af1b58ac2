import ComplexModule
import Testing

@testable import BlockKrylov

struct BlockArnoldiTests {
  /// 𝒱ᴴ𝒱 = I and A·𝒱_k = 𝒱_{k+1}·H̄_k, also where a direction is lost on the way. With a head, which the start must be orthogonal to,
  /// it is the first block of 𝒱_{k+1}.
  private func check<S: Scalar>(
    _ a: CSRMatrix<S>, _ start: BlockVector<S>, head: BlockVector<S>? = nil, steps: Int
  ) throws {
    let arnoldi = BlockArnoldi<S>(rows: a.rows, width: start.columns, steps: steps)
    arnoldi.makeNext(columns: start.columns)
    arnoldi.writeNext { $0.copy(from: start) }
    arnoldi.placeHead(head)
    let heads = head == nil ? 0 : 1
    guard case .grown = arnoldi.begin() else { return #expect(Bool(false)) }
    var columns: [(h: DenseMatrix<S>, below: DenseMatrix<S>)] = []
    for k in 0..<steps {
      let v = arnoldi.basis[heads + k]
      if v.columns == 0 { break }
      arnoldi.makeNext(columns: v.columns)
      try arnoldi.writeNext { try a.apply(to: v, into: &$0) }
      guard case .grown = arnoldi.grow() else { return #expect(Bool(false)) }
      columns.append((arnoldi.h, arnoldi.below))
    }
    let all = arnoldi.basis.prefix(arnoldi.count)
    let basis = try BlockVector(columns: all.flatMap(\.columnArrays))
    let gram = Reference.inner(basis, basis)
    for i in 0..<gram.rows { for j in 0..<gram.columns { #expect(Double((gram[i, j] - (i == j ? 1 : 0)).modulus) <= 1e-13) } }
    for (k, (h, below)) in columns.enumerated() {
      let image = Reference.product(a, arnoldi.basis[heads + k])
      let rebuilt = BlockVector<S>(rows: a.rows, columns: image.columns) { i, j in
        var sum: S = 0
        for l in 0..<h.rows { sum += basis[i, l] * h[l, j] }
        for l in 0..<below.rows { sum += basis[i, h.rows + l] * below[l, j] }
        return sum
      }
      #expect(Reference.distance(image, rebuilt) <= 1e-12)
    }
  }

  @Test func basisIsOrthonormalAndRelationHolds() throws {
    var random = SplitMix(51)
    let a = try random.sparse(200, 200, perRow: 5, diagonal: 3, Double.self)
    try check(a, random.block(200, 4, Double.self), steps: 12)
    let c = try random.sparse(120, 120, perRow: 4, diagonal: 2, Complex<Double>.self)
    try check(c, random.block(120, 3, Complex<Double>.self), steps: 9)
  }

  @Test func illConditionedStartsStayOrthonormal() throws {
    var random = SplitMix(52)
    let a = try Reference.poisson(15, Double.self)
    for closeness in [1e-2, 1e-6, 1e-9, 1e-12] {
      var b = random.block(225, 3, Double.self)
      for i in 0..<225 { b[i, 1] = b[i, 0] + closeness * b[i, 1] }
      try check(a, b, steps: 10)
    }
  }

  /// The residual falls by many digits within the cycle, and with it goes the orthogonality of a basis that is projected only once.
  @Test func longCyclesStayOrthonormal() throws {
    var random = SplitMix(55)
    let n = 300
    var builder = try TripletBuilder<Double>(rows: n, columns: n)
    for i in 0..<n {
      try builder.add(i == 0 ? 1e-3 : Double(i) / Double(n), row: i, column: i)
      if i + 1 < n { try builder.add(1 / Double(n), row: i, column: i + 1) }
    }
    let a = try builder.csr()
    try check(a, random.block(n, 1, Double.self), steps: 140)
    try check(a, random.block(n, 2, Double.self), steps: 70)
  }

  /// The directions that a restart keeps stand in front of the basis.
  @Test func headsTakePartInTheRelation() throws {
    var random = SplitMix(56)
    let a = try random.sparse(160, 160, perRow: 5, diagonal: 2, Double.self)
    let q = Reference.orthogonal(160, &random)
    let head = BlockVector<Double>(rows: 160, columns: 6) { q[$0, $1] }
    let start = BlockVector<Double>(rows: 160, columns: 3) { q[$0, 6 + $1] + 0.5 * q[$0, 9] }
    try check(a, start, head: head, steps: 12)
  }

  @Test func invariantSpacesEndTheBasis() throws {
    var random = SplitMix(53)
    let a = CSRMatrix<Double>(diagonal: (0..<60).map { Double($0 % 4 + 1) })
    try check(a, random.block(60, 3, Double.self), steps: 8)
  }
}

struct OrthonormalizerTests {
  /// Q_old = Q·S and QᴴQ = I for blocks of any condition; exact dependence lowers the rank.
  @Test(arguments: [0, 1e-3, 1e-7, 1e-10, 1e-12, 1e-15])
  func factorisation(closeness: Double) throws {
    var random = SplitMix(54)
    var q = random.block(300, 5, Double.self)
    for i in 0..<300 {
      q[i, 2] = q[i, 0] + closeness * q[i, 2]
      q[i, 4] *= 1e-40
    }
    let old = q
    let space = BlockSpace<Double>(p: 5, q: 5, rows: 300)
    let orthonormalizer = Orthonormalizer<Double>(columns: 5, space: space)
    var none: BlockVector<Double>?
    let outcome = orthonormalizer.orthonormalize(&q, &none, noise: [Double](repeating: 0, count: 5))
    #expect(outcome == .rank(closeness < 1e-13 ? 4 : 5))
    let gram = Reference.inner(q, q)
    for i in 0..<q.columns { for j in 0..<q.columns { #expect(abs(gram[i, j] - (i == j ? 1 : 0)) <= 1e-11) } }
    let s = orthonormalizer.s
    for i in 0..<300 {
      for j in 0..<5 {
        let value = (0..<q.columns).reduce(0) { $0 + q[i, $1] * s[$1, j] }
        #expect(abs(value - old[i, j]) <= (j == 4 ? 1e-52 : 1e-12))
      }
    }
  }
}
