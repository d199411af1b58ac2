/// Makes the columns of a block orthonormal, Q_old = Q·S with QᴴM⁻¹Q = I, and finds out how many of them are independent.
///
/// Cholesky QR on the Gram matrix with unit diagonal, repeated when its condition asks for it (T. Fukaya et al., “Shifted CholeskyQR
/// for computing the QR factorization of ill-conditioned matrices”, SIAM J. Sci. Comput. 42, 2020). Where Cholesky is in danger the
/// block is rotated to the eigenvectors of its Gram matrix first: a nearly dependent direction is then a column of its own, whose
/// length the next pass sees to working precision instead of its square root, and rounding noise can be told from a direction.
final class Orthonormalizer<Element: Scalar> {
  enum Outcome: Equatable {
    /// Q is orthonormal and has this many columns.
    case rank(Int)
    /// The Gram matrix has a negative eigenvalue: M⁻¹ is not positive definite.
    case indefinite
    /// NaN or infinity.
    case nonFinite
  }

  /// S, rank × columns.
  private(set) var s: DenseMatrix<Element>
  /// QᴴQ, where M⁻¹ is not the identity.
  private(set) var squares: DenseMatrix<Element>

  private let space: BlockSpace<Element>
  private let dense: DenseWorkspace<Element>
  private var gram: DenseMatrix<Element>
  private var factor: DenseMatrix<Element>
  private var t: DenseMatrix<Element>
  private var product: DenseMatrix<Element>
  /// The lengths of the columns in the last `measure`.
  private(set) var lengths: [Double]
  private var scales: [Double]
  private var floors: [Double]

  /// A second pass follows when the smallest pivot of the unit-diagonal Cholesky factor is below this: one pass leaves a loss of
  /// orthogonality of about u/pivot².
  private let goodPivot: Double
  private let dependence: Double
  /// Below this Cholesky is not trusted with the block.
  private static func safePivot() -> Double { Element.unitRoundoff.squareRoot() * 100 }

  /// - Parameters:
  ///   - goodPivot: 0.01 loses four digits of orthogonality at most, which a recurrence does not notice; a basis wants 0.3.
  ///   - dependence: a direction that is no longer than this, when columns have length 1, depends on the others; never less than rounding.
  init(columns: Int, space: BlockSpace<Element>, goodPivot: Double = 1e-2, dependence: Double = 0) {
    self.space = space
    self.dependence = dependence
    self.goodPivot = goodPivot
    dense = DenseWorkspace(rows: columns, columns: columns)
    let square = DenseMatrix<Element>(rows: columns, columns: columns)
    (s, squares, gram, factor, t, product) = (square, square, square, square, square, square)
    lengths = [Double](repeating: 0, count: columns)
    scales = lengths
    floors = lengths
  }

  /// Orthonormalises Q (with Z = M⁻¹Q carried along; without Z, M⁻¹ is the identity).
  ///
  /// - Parameter noise: columns no longer than this are rounding noise; one number for each.
  func orthonormalize(
    _ q: inout BlockVector<Element>, _ z: inout BlockVector<Element>?, noise: [Double]
  ) -> Outcome {
    var p = q.columns
    s.setIdentity(p)
    for j in 0..<p { floors[j] = noise[j] }
    let tiny = max(100 * Double(p) * Element.unitRoundoff, dependence)
    if let z, z.columns == p { space.inner(q, q, into: &squares) }
    var trusted = true
    for _ in 0..<6 {
      if p == 0 { return .rank(0) }
      if let z { space.inner(q, z, into: &gram) } else { space.inner(q, q, into: &gram) }
      guard gram.isFinite else { return .nonFinite }

      // Lengths; columns that are noise go.
      var kept = 0
      for j in 0..<p {
        let square = Double(gram[j, j].realPart)
        if square < -floors[j] * floors[j] && square < -tiny { return .indefinite }
        lengths[j] = square > 0 ? square.squareRoot() : 0
        if lengths[j] > floors[j] { kept += 1 }
      }
      if kept < p {
        drop(&q, &z, keeping: kept)
        p = kept
        trusted = false
        continue
      }
      gram.scaleToUnitDiagonal(lengths)
      factor.copy(from: gram)
      let worked = dense.cholesky(&factor)
      var pivot = 1.0
      if worked { for j in 0..<p { pivot = min(pivot, Double(factor[j, j].realPart)) } }
      if worked && pivot > Self.safePivot() {
        applyCholesky(&q, &z)
        if pivot > goodPivot {
          if !trusted, let z, z.columns == p { space.inner(q, q, into: &squares) }
          return .rank(p)
        }
      } else {
        factor.copy(from: gram)
        guard dense.eigen(&factor) else { return .nonFinite }
        if Double(dense.eigenvalues[0]) < -1e-3 * Double(p) * Element.unitRoundoff.squareRoot() { return .indefinite }
        rotate(&q, &z, noise: tiny)
        trusted = false
      }
    }
    if let z, z.columns == p { space.inner(q, q, into: &squares) }
    return .rank(p)
  }

  /// The usual case, from the Gram matrix alone: a well conditioned block, for which one Cholesky factorisation is enough. Leaves S
  /// and `transformation` T, with which Q·T is orthonormal; the caller applies T in a pass of its own. False when the block needs
  /// `orthonormalize`.
  ///
  /// - Parameter squares: QᴴQ, where M⁻¹ is not the identity; kept as that of Q·T.
  func factor(gram g: DenseMatrix<Element>, squares n: DenseMatrix<Element>?, noise: Double) -> Bool {
    for j in 0..<g.rows { floors[j] = noise }
    guard measure(gram: g, longerThan: floors) > goodPivot else { return false }
    prepareTransformation(squares: n)
    return true
  }

  /// How independent the columns of a block are: the smallest pivot of the Cholesky factor of its Gram matrix with unit diagonal; 0 when
  /// a column is no longer than its floor, or nothing can be said. Leaves the columns' `lengths`, and in `s` the factor R, G = RᴴR.
  func measure(gram g: DenseMatrix<Element>, longerThan floors: [Double]) -> Double {
    let p = g.rows
    for j in 0..<p {
      let square = Double(g[j, j].realPart)
      guard square > floors[j] * floors[j], square.isFinite else { return 0 }
      lengths[j] = square.squareRoot()
    }
    s.copy(from: g)
    s.scaleToUnitDiagonal(lengths)
    guard s.isFinite, dense.cholesky(&s) else { return 0 }
    var pivot = 1.0
    for j in 0..<p { pivot = min(pivot, Double(s[j, j].realPart)) }
    for j in 0..<p { for i in 0...j { s[i, j] *= Element(double: lengths[j]) } }
    return pivot
  }

  /// T = R⁻¹ of the last `measure`, and from QᴴQ that of Q·T.
  func prepareTransformation(squares n: DenseMatrix<Element>?) {
    t.setIdentity(s.rows)
    t.solveTriangular(.left, s)
    guard let n else { return }
    product.multiply(n, t)
    squares.multiply(t, product, .adjoint)
  }

  /// Whether a block whose `measure` is this can be made orthonormal by `prepareTransformation`.
  func isGood(pivot: Double) -> Bool { pivot > goodPivot }

  /// T of the last `factor` or `prepareTransformation`.
  var transformation: DenseMatrix<Element> { t }

  /// Q ← Q·D⁻¹R⁻¹, S ← R·D·S with G = D·RᴴR·D.
  private func applyCholesky(_ q: inout BlockVector<Element>, _ z: inout BlockVector<Element>?) {
    let p = q.columns
    for j in 0..<p { for i in 0...j { factor[i, j] *= Element(double: lengths[j]) } }
    product.copy(from: s)
    s.multiply(factor, product)
    t.setIdentity(p)
    t.solveTriangular(.left, factor)
    transform(&q, &z)
  }

  /// Q ← Q·D⁻¹U·diag(1/σ), S ← diag(σ)·Uᴴ·D·S with the eigenvectors U of the unit-diagonal Gram matrix. Directions too short to be
  /// measured by it (σ² near rounding) are left unscaled, for the next pass to measure.
  private func rotate(_ q: inout BlockVector<Element>, _ z: inout BlockVector<Element>?, noise: Double) {
    let p = q.columns
    for i in 0..<p {
      let eigenvalue = Double(dense.eigenvalues[i])
      let measured = eigenvalue > 1e4 * Double(p) * Element.unitRoundoff
      scales[i] = measured ? eigenvalue.squareRoot() : 1
      floors[i] = measured ? 0 : noise
    }
    t.reshape(rows: p, columns: p)
    product.reshape(rows: p, columns: p)
    for i in 0..<p {
      for j in 0..<p {
        t[j, i] = factor[j, i] * Element(double: 1 / (lengths[j] * scales[i]))
        product[i, j] = factor[j, i].conjugate * Element(double: lengths[j] * scales[i])
      }
    }
    factor.copy(from: s)
    s.multiply(product, factor)
    transform(&q, &z)
  }

  /// Q ← Q·T, Z ← Z·T, QᴴQ ← Tᴴ·QᴴQ·T.
  private func transform(_ q: inout BlockVector<Element>, _ z: inout BlockVector<Element>?) {
    space.recur(&q, plus: nil, times: t)
    if z != nil {
      space.recurOptional(&z, times: t)
      product.multiply(squares, t)
      squares.multiply(t, product, .adjoint)
    }
  }

  /// Moves the columns that are longer than their floor to the front and cuts the others off.
  private func drop(_ q: inout BlockVector<Element>, _ z: inout BlockVector<Element>?, keeping kept: Int) {
    let p = q.columns
    t.reset(rows: p, columns: p)
    product.copy(from: s)
    s.reshape(rows: kept, columns: product.columns)
    var k = 0
    for j in 0..<p where lengths[j] > floors[j] {
      t[j, k] = 1
      for i in 0..<product.columns { s[k, i] = product[j, i] }
      floors[k] = floors[j]
      k += 1
    }
    space.recur(&q, plus: nil, times: t)
    q = q[columns: 0..<kept]
    if z != nil {
      space.recurOptional(&z, times: t)
      z = z?[columns: 0..<kept]
      space.inner(q, q, into: &squares)
    }
  }
}

extension BlockSpace {
  /// As `recur`, for a block that may not be there.
  func recurOptional(_ p: inout BlockVector<Element>?, times c: DenseMatrix<Element>) {
    guard var block = p.take() else { return }
    recur(&block, plus: nil, times: c)
    p = block
  }
}

extension DenseMatrix {
  /// self = the identity.
  mutating func setIdentity(_ n: Int) {
    reset(rows: n, columns: n)
    for i in 0..<n { self[i, i] = 1 }
  }

  /// self = D⁻¹·(self + selfᴴ)/2·D⁻¹ with D = diag(lengths), the diagonal exactly 1.
  mutating func scaleToUnitDiagonal(_ lengths: [Double]) {
    let n = rows
    for j in 0..<n {
      for i in 0..<j {
        let mean = (self[i, j] + self[j, i].conjugate) * Element(double: 0.5 / (lengths[i] * lengths[j]))
        self[i, j] = mean
        self[j, i] = mean.conjugate
      }
      self[j, j] = 1
    }
  }

  /// self = (self + selfᴴ)/2.
  mutating func makeHermitian() {
    for j in 0..<columns {
      for i in 0..<j {
        let mean = (self[i, j] + self[j, i].conjugate) * Element(double: 0.5)
        self[i, j] = mean
        self[j, i] = mean.conjugate
      }
      self[j, j] = Element(self[j, j].realPart)
    }
  }
}
