extension BlockMINRESEngine {
  /// The blocks and small matrices of block MINRES, allocated once for a block width.
  final class Workspace: RecurrenceWorkspace {
    let columns: Int
    private let rows: Int
    private let preconditioned: Bool
    let space: BlockSpace<Element>
    let tridiagonal: BlockTridiagonal<Element>
    private let orthonormalizer: Orthonormalizer<Element>

    /// V_{k−1}, V_k and the next block.
    private var old: BlockVector<Element>
    private var v: BlockVector<Element>
    var w: BlockVector<Element>
    /// Z_k = M⁻¹V_k and M⁻¹W; without preconditioner they are V_k and W themselves.
    private var z: BlockVector<Element>?
    private var next: BlockVector<Element>?
    /// D_{k−2} and D_{k−1}.
    private var d2: BlockVector<Element>
    private var d1: BlockVector<Element>
    /// The true residual.
    var r: BlockVector<Element>

    /// A_k and B_{k+1}.
    private(set) var a: DenseMatrix<Element>
    private(set) var b: DenseMatrix<Element>
    /// B_kᴴ.
    private var above: DenseMatrix<Element>
    private var correction: DenseMatrix<Element>
    private var gram: DenseMatrix<Element>
    private var inverse: DenseMatrix<Element>
    private var product: DenseMatrix<Element>
    /// The coefficients of D_{k−2}, D_{k−1}, Z_k, one below the other, and of the new D in X.
    private var coefficients: DenseMatrix<Element>
    private var g: DenseMatrix<Element>

    var trueNorms: [Double]
    var columnScales: [Element.Magnitude]
    /// 2-norm over the norm that is minimised, for each column when both were last known.
    private var ratios: [Double]
    private var norms: [Double]
    /// `norms` some steps before.
    private var previous: [Double]
    private var steps = 0
    /// Columns that are solved for certain: later steps, which may divide by rounding for the sake of others, leave their X alone.
    private(set) var isFrozen: [Bool]
    private var noise: [Double]
    private var lengths: [Double]
    /// A lower bound of ‖A‖.
    private var size = 0.0

    init(rows: Int, columns: Int, preconditioned: Bool) {
      self.rows = rows
      self.columns = columns
      self.preconditioned = preconditioned
      space = BlockSpace(p: 3 * columns, q: columns, rows: rows)
      tridiagonal = BlockTridiagonal(width: columns)
      orthonormalizer = Orthonormalizer(columns: columns, space: space)
      let block = { BlockVector<Element>(rows: rows, columns: columns) }
      (old, v, w, d2, d1, r) = (block(), block(), block(), block(), block(), block())
      if preconditioned { (z, next) = (block(), block()) }
      let square = DenseMatrix<Element>(rows: columns, columns: columns)
      (a, b, above, correction, gram, inverse, product, g) = (square, square, square, square, square, square, square, square)
      coefficients = DenseMatrix(rows: 3 * columns, columns: columns)
      trueNorms = [Double](repeating: 0, count: columns)
      (ratios, norms, previous) = (trueNorms, trueNorms, trueNorms)
      (noise, lengths) = (trueNorms, trueNorms)
      columnScales = [Element.Magnitude](repeating: 1, count: columns)
      isFrozen = [Bool](repeating: false, count: columns)
    }

    /// The directions in V_k.
    var rank: Int { v.columns }

    var byteCount: Int { r.byteCount * (preconditioned ? 8 : 6) + space.byteCount }

    /// Blocks that a deflation has narrowed become wide again.
    func restoreWidth(_ width: Int) {
      let block = { BlockVector<Element>(rows: self.rows, columns: width) }
      if old.columns != width { old = block() }
      if v.columns != width { v = block() }
      if w.columns != width { w = block() }
      if d1.columns != width { d1 = block() }
      if d2.columns != width { d2 = block() }
      if preconditioned, z?.columns != width { z = block() }
      if preconditioned, next?.columns != width { next = block() }
    }

    func applyPreconditioner(_ m: any Preconditioner<Element>) throws {
      guard var target = next.take() else { return }
      defer { next = target }
      if target.columns != w.columns { target = target[columns: 0..<w.columns] }
      try m.apply(to: w, into: &target)
    }

    /// The first block is in W: it becomes V₁, and Λ = B·diag(‖r_j‖).
    func begin() {
      product.copy(from: b)
      for j in 0..<product.columns { for i in 0..<product.rows { product[i, j] *= Element(double: trueNorms[j]) } }
      tridiagonal.begin(product)
      product.columnNorms(into: &norms)
      for j in 0..<columns { ratios[j] = norms[j] > 0 ? trueNorms[j] / norms[j] : 1 }
      steps = 0
      for j in 0..<columns { (previous[j], isFrozen[j]) = (norms[j], false) }
      b.reset(rows: 0, columns: 0)
      old.setZero()
      d1.setZero()
      d2.setZero()
      shift()
    }

    /// A may have changed.
    func forgetSize() { size = 0 }

    /// X of a column stays as it is.
    func freeze(column j: Int) { isFrozen[j] = true }

    /// The estimate of ‖r_j‖₂.
    func estimate(_ j: Int) -> Double { norms[j] * ratios[j] }

    /// Takes the ratio of the norms from a true residual; false where the norm that is minimised is zero.
    func calibrate(column j: Int, residual: Double) -> Bool {
      guard norms[j] > 0 else { return false }
      ratios[j] = residual / norms[j]
      return true
    }

    /// W = A·Z_k and A_k = Z_kᴴW.
    func applyOperator(_ problem: BlockProblem<Element>) throws {
      if w.columns != v.columns { w = w[columns: 0..<v.columns] }
      try problem.apply(z ?? v, into: &w)
      space.inner(z ?? v, w, into: &a)
    }

    /// W −= V_k·A_k + V_{k−1}·B_kᴴ, then what is left of V_k in it, which belongs to A_k.
    func subtractLastTwo() {
      let p = v.columns
      a.columnNorms(into: &lengths)
      above.columnNorms(into: &noise)
      for j in 0..<p { lengths[j] = (lengths[j] * lengths[j] + (above.rows > 0 ? noise[j] * noise[j] : 0)).squareRoot() }
      for j in 0..<p { size = max(size, lengths[j]) }
      coefficients.reshape(rows: p + above.rows, columns: p)
      coefficients.place(a, at: 0)
      coefficients.place(above, at: p)
      space.update(&w, minus: v, old, times: coefficients, thenInner: z ?? v, into: &correction)
      space.subtract(v, times: correction, from: &w)
      a.add(correction)
      a.makeHermitian()
    }

    /// W = V_{k+1}·B_{k+1}.
    func orthonormalize(first: Bool) -> ColumnStatus? {
      let p = w.columns
      // What is left of a column below the rounding of what was subtracted from it is noise.
      var most = 0.0
      for j in 0..<p {
        noise[j] = first ? 0 : 4 * Element.unitRoundoff * lengths[j]
        most = max(most, noise[j])
      }
      space.inner(w, next ?? w, into: &gram)
      if orthonormalizer.factor(gram: gram, squares: nil, noise: most) {
        space.recur(&w, plus: nil, times: orthonormalizer.transformation)
        space.recurOptional(&next, times: orthonormalizer.transformation)
      } else {
        switch orthonormalizer.orthonormalize(&w, &next, noise: noise) {
        case .rank: break
        case .indefinite: return .indefinitePreconditioner
        case .nonFinite: return preconditioned ? .nonFinite(.preconditioner) : .nonFinite(.operator)
        }
      }
      b.copy(from: orthonormalizer.s)
      return nil
    }

    /// The coefficients of D_k = (Z_k − D_{k−1}·R_{k−1,k} − D_{k−2}·R_{k−2,k})·R_kk⁻¹ and of X, padded to the width of D_{k−2}, which
    /// D_k overwrites.
    func prepareDirections() -> Bool {
      guard tridiagonal.invertDiagonal(into: &inverse), inverse.isFinite, tridiagonal.g.isFinite else { return false }
      let (p, width) = (v.columns, d2.columns)
      coefficients.reset(rows: width + d1.columns + p, columns: width)
      func place(_ block: DenseMatrix<Element>, at row: Int, sign: Double) {
        for j in 0..<p { for i in 0..<block.rows { coefficients[row + i, j] = Element(double: sign) * block[i, j] } }
      }
      product.multiply(tridiagonal.second, inverse)
      place(product, at: 0, sign: -1)
      product.multiply(tridiagonal.first, inverse)
      place(product, at: width, sign: -1)
      place(inverse, at: width + d1.columns, sign: 1)
      g.reset(rows: width, columns: columns)
      for j in 0..<columns where !isFrozen[j] { for i in 0..<p { g[i, j] = tridiagonal.g[i, j] } }
      tridiagonal.tail.columnNorms(into: &norms)
      return true
    }

    /// D_k, X += D_k·G_k, and everything becomes one step older.
    func advance(_ x: inout BlockVector<Element>) {
      space.recur(&d2, plus: d1, z ?? v, times: coefficients, thenUpdate: &x, times: g)
      if d2.columns != v.columns { d2 = d2[columns: 0..<v.columns] }
      swap(&d1, &d2)
      shift()
    }

    private func shift() {
      swap(&old, &v)
      swap(&v, &w)
      swap(&z, &next)
      above.reshape(rows: b.columns, columns: b.rows)
      for j in 0..<b.rows { for i in 0..<b.columns { above[i, j] = b[j, i].conjugate } }
    }

    /// Tells the problem the estimates, and freezes the columns that are a digit below their bounds.
    func noteEstimates(_ problem: BlockProblem<Element>) {
      for j in 0..<columns where !isFrozen[j] {
        problem.note(column: j, estimate: estimate(j))
        isFrozen[j] = estimate(j) <= 0.1 * problem.target(column: j)
      }
    }

    /// Whether A·r of a column that is not done has vanished, before the step that is being made. The square root of rounding is as
    /// far as it comes: the residual is then the smallest to working precision.
    func isStationary(_ j: Int, _ problem: BlockProblem<Element>) -> Bool {
      let bound = Element.unitRoundoff.squareRoot() * size
      return !isFrozen[j] && estimate(j) > problem.target(column: j) && tridiagonal.gradients[j] <= bound * norms[j]
    }

    /// Whether no column that is not done has gained 0.1 % over twice as many steps as exact arithmetic takes for everything.
    func isOnPlateau(_ problem: BlockProblem<Element>) -> Bool {
      steps += 1
      guard steps % (2 * rows / columns + 100) == 0 else { return false }
      let idle = (0..<columns).allSatisfy { estimate($0) <= problem.target(column: $0) || norms[$0] > 0.999 * previous[$0] }
      for j in 0..<columns { previous[j] = norms[j] }
      return idle
    }

    /// Why a column without progress has none: A·r is small where A is singular and b not in its range.
    func reasonOfPlateau(_ j: Int) -> ColumnStatus {
      tridiagonal.gradients[j] <= 1e-4 * size * norms[j] ? .singular(reciprocalCondition: nil) : .stagnated(.noProgress)
    }
  }
}

extension DenseMatrix {
  /// self += other.
  mutating func add(_ other: DenseMatrix) {
    for j in 0..<columns { for i in 0..<rows { self[i, j] += other[i, j] } }
  }
}
