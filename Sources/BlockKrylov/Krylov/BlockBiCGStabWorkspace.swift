internal import ComplexModule
internal import RealModule

extension BlockBiCGStabEngine {
  /// The blocks and small matrices of block BiCGStab, allocated once for a block width.
  final class Workspace: RecurrenceWorkspace {
    /// The two blocks that A·M⁻¹ is applied to in an iteration.
    enum Half { case directions, residuals }

    let columns: Int
    private let rows: Int
    private let preconditioned: Bool
    let space: BlockSpace<Element>
    private let orthonormalizer: Orthonormalizer<Element>
    private let dense: DenseWorkspace<Element>

    /// The orthonormal residual block, in the middle of an iteration S.
    var q: BlockVector<Element>
    /// The search directions, and M⁻¹P.
    private var p: BlockVector<Element>
    private var mp: BlockVector<Element>?
    /// M⁻¹S.
    private var ms: BlockVector<Element>?
    private var w: BlockVector<Element>
    var t: BlockVector<Element>
    private var shadow: BlockVector<Element>
    private var none: BlockVector<Element>?

    /// R = Q·C.
    private var c: DenseMatrix<Element>
    private var alpha: DenseMatrix<Element>
    private var beta: DenseMatrix<Element>
    private var inverse: DenseMatrix<Element>
    private var product: DenseMatrix<Element>
    private var u: DenseMatrix<Element>
    private var vt: DenseMatrix<Element>
    private var omega: Element = 0

    var residuals: [Double]
    var trueNorms: [Double]
    /// The residual norms of the first residual.
    private var first: [Double]
    private var noise: [Double]
    private var scales: [Element.Magnitude]
    private var dots: [Element]

    init(rows: Int, columns: Int, preconditioned: Bool) {
      self.rows = rows
      self.columns = columns
      self.preconditioned = preconditioned
      space = BlockSpace(p: columns, q: columns, rows: rows)
      orthonormalizer = Orthonormalizer(columns: columns, space: space)
      dense = DenseWorkspace(rows: columns, columns: columns)
      let block = { BlockVector<Element>(rows: rows, columns: columns) }
      (q, p, w, t, shadow) = (block(), block(), block(), block(), block())
      if preconditioned { (mp, ms) = (block(), block()) }
      let square = DenseMatrix<Element>(rows: columns, columns: columns)
      (c, alpha, beta, inverse, product, u, vt) = (square, square, square, square, square, square, square)
      residuals = [Double](repeating: 0, count: columns)
      (trueNorms, noise, first) = (residuals, residuals, residuals)
      scales = [Element.Magnitude](repeating: 1, count: columns)
      dots = [Element](repeating: 0, count: columns)
    }

    /// The directions of the residual block.
    var rank: Int { q.columns }

    var byteCount: Int { shadow.rows * shadow.stride * MemoryLayout<Element>.stride * (preconditioned ? 7 : 5) + space.byteCount }

    /// Blocks that a deflation has narrowed become wide again.
    func restoreWidth(_ width: Int) {
      let block = { BlockVector<Element>(rows: self.rows, columns: width) }
      if q.columns != width { q = block() }
      if p.columns != width { p = block() }
      if w.columns != width { w = block() }
      if t.columns != width { t = block() }
      if shadow.columns != width { shadow = block() }
      if preconditioned, mp?.columns != width { mp = block() }
      if preconditioned, ms?.columns != width { ms = block() }
    }

    /// T takes a residual of all columns.
    func widenScratch() { fit(&t, columns) }

    /// From the residual in Q, whose norms are in `residuals`.
    func begin(shadowSeed seed: UInt64?) -> ColumnStatus? {
      for j in 0..<columns { scales[j] = Element.Magnitude(1 / max(residuals[j], .leastNormalMagnitude)) }
      for j in 0..<columns { first[j] = residuals[j] }
      q.scaleColumns(by: scales)
      if let failure = orthonormalize(&q, noise: 0) { return failure }
      c.copy(from: orthonormalizer.s)
      for j in 0..<columns { for i in 0..<c.rows { c[i, j] *= Element(double: residuals[j]) } }
      fit(&p, rank)
      fit(&shadow, rank)
      p.copy(from: q)
      shadow.copy(from: q)
      if let seed {
        shadow.fillRandom(seed: seed)
        if let failure = orthonormalize(&shadow, noise: 0) { return failure }
        if shadow.columns < rank { shadow = q }
      }
      return nil
    }

    private func fit(_ block: inout BlockVector<Element>, _ width: Int) {
      if block.columns != width { block = BlockVector(rows: rows, columns: width) }
    }

    func precondition(_ half: Half, _ m: any Preconditioner<Element>) throws {
      guard var target = half == .directions ? mp.take() : ms.take() else { return }
      let source = half == .directions ? p : q
      if target.columns > source.columns { target = target[columns: 0..<source.columns] }
      defer { if half == .directions { mp = target } else { ms = target } }
      try m.apply(to: source, into: &target)
    }

    func applyOperator(_ problem: BlockProblem<Element>, _ half: Half) throws {
      switch half {
      case .directions:
        if w.columns > p.columns { w = w[columns: 0..<p.columns] }
        try problem.apply(mp ?? p, into: &w)
      case .residuals:
        if t.columns > q.columns { t = t[columns: 0..<q.columns] }
        try problem.apply(ms ?? q, into: &t)
      }
    }

    /// α and S.
    func bicgHalf() -> ColumnStatus? {
      space.inner(shadow, w, into: &product)
      guard product.isFinite else { return blame(.directions) }
      guard invertProduct() else {
        return .breakdown("R̂ᴴAP is singular to working precision: the shadow block has become orthogonal to A·P")
      }
      space.inner(shadow, q, into: &product)
      alpha.multiply(inverse, product)
      guard alpha.isFinite else { return .breakdown("α overflows") }
      space.subtract(w, times: alpha, from: &q)
      return nil
    }

    /// (R̂ᴴW)⁻¹ by singular values; false where the smallest is rounding.
    private func invertProduct() -> Bool {
      let n = product.rows
      guard dense.svd(&product, u: &u, vt: &vt) else { return false }
      let largest = Double(dense.eigenvalues[0])
      for i in 0..<n {
        let sigma = Double(dense.eigenvalues[i])
        guard sigma > 10 * Double(n) * Element.unitRoundoff * largest else { return false }
        for j in 0..<n { u[j, i] *= Element(double: 1 / sigma) }
      }
      inverse.multiply(vt, u, .adjoint, .adjoint)
      return true
    }

    /// ω and β.
    func stabilize() -> ColumnStatus? {
      let (ts, tt, ss) = (frobenius(t, q), frobenius(t, t), frobenius(q, q))
      let (sizeT, sizeS) = (Double(tt.modulus).squareRoot(), Double(ss.modulus).squareRoot())
      guard sizeT.isFinite, sizeS.isFinite, ts.isFinite else { return blame(.residuals) }
      omega = 0
      if sizeS > 0 {
        guard sizeT > 0 else { return .breakdown("A·M⁻¹S = 0") }
        omega = ts / tt
        let cosine = Double(ts.modulus) / (sizeT * sizeS)
        if cosine < 0.7 {
          let direction: Element = cosine > 0 ? ts / Element(ts.modulus) : 1
          omega = direction * Element(double: 0.7 * sizeS / sizeT)
        }
      }
      space.inner(shadow, t, into: &product)
      beta.multiply(inverse, product, alpha: -1)
      guard beta.isFinite, omega.isFinite else { return .breakdown("β overflows") }
      return nil
    }

    /// ⟨Y, X⟩ = trace(YᴴX).
    private func frobenius(_ y: BlockVector<Element>, _ x: BlockVector<Element>) -> Element {
      space.columnDots(y, x, into: &dots)
      return dots[0..<x.columns].reduce(0, +)
    }

    /// X += M⁻¹(P·α + ω·S)·C for the columns that go on.
    func updateSolution(of problem: BlockProblem<Element>) {
      product.multiply(alpha, c)
      for j in 0..<columns where !problem.mayGoOn(column: j) { for i in 0..<product.rows { product[i, j] = 0 } }
      space.update(&problem.x, plus: mp ?? p, times: product)
      product.copy(from: c)
      for j in 0..<product.columns {
        let factor = problem.mayGoOn(column: j) ? omega : 0
        for i in 0..<product.rows { product[i, j] *= factor }
      }
      space.update(&problem.x, plus: ms ?? q, times: product)
    }

    /// The next P, Q and C, and the residual norms.
    func advance() -> ColumnStatus? {
      let width = q.columns
      w.combine(1, p, -omega)
      let size = max(1, Double(frobenius(q, q).modulus).squareRoot())
      q.combine(-omega, t, 1)
      if p.columns != width { p = p[columns: 0..<width] }
      space.multiply(w, beta, plus: q, into: &p)
      if let failure = orthonormalize(&q, noise: 4 * Element.unitRoundoff * size) { return failure }
      product.copy(from: c)
      c.multiply(orthonormalizer.s, product)
      c.columnNorms(into: &residuals)
      guard residuals.allSatisfy({ $0.isFinite }) else { return .breakdown("the residual overflows") }
      let directions = p.columns
      if let failure = orthonormalize(&p, noise: 0) { return failure }
      if p.columns < directions, rank > 0 {
        return .breakdown("the search directions have become dependent")
      }
      if shadow.columns > p.columns { shadow = shadow[columns: 0..<p.columns] }
      return nil
    }

    /// A residual that has grown so far loses the digits that the tolerance asks for: beginning again is better.
    func divergence() -> ColumnStatus? {
      for j in 0..<columns where residuals[j] > first[j] / Element.unitRoundoff.squareRoot() {
        return .breakdown("the residual grew beyond all bounds")
      }
      return nil
    }

    private func orthonormalize(_ block: inout BlockVector<Element>, noise level: Double) -> ColumnStatus? {
      for j in noise.indices { noise[j] = level }
      switch orthonormalizer.orthonormalize(&block, &none, noise: noise) {
      case .rank: return nil
      case .indefinite, .nonFinite: return .breakdown("the recurrence has overflowed")
      }
    }

    /// Which of A and M⁻¹ gave NaN or infinity.
    private func blame(_ half: Half) -> ColumnStatus {
      guard let image = half == .directions ? mp : ms else { return .nonFinite(.operator) }
      return image.columnMaxima().allSatisfy { $0.isFinite } ? .nonFinite(.operator) : .nonFinite(.preconditioner)
    }
  }
}
