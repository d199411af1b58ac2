internal import ComplexModule
internal import RealModule

extension PseudoBlockIDREngine {
  /// The columns that iterate. Arrays and blocks have one column for each of `active`.
  final class State {
    /// The small numbers of one column.
    struct Scalars {
      /// PᴴG, lower triangular, by columns; and Pᴴr.
      var m: [Element]
      var f: [Element]
      var omega: Element = 1
    }

    let problem: BlockProblem<Element>
    let space: BlockSpace<Element>
    /// Which column of the problem each is.
    private(set) var active: [Int]
    /// Why columns must begin again, if some must.
    private(set) var breakdown: ColumnStatus?
    private let s: Int
    /// The shadow vectors P.
    private var shadow: BlockVector<Element>
    private var g: [BlockVector<Element>]
    private var u: [BlockVector<Element>]
    private var x: BlockVector<Element>
    private var r: BlockVector<Element>
    private var v: BlockVector<Element>
    private var t: BlockVector<Element>
    private var scalars: [Scalars]
    private var inner: DenseMatrix<Element>
    private var first: [Double]
    private var dots: [Element]
    private var squares: [Element]
    private var factors: [Element]
    private var done: [Bool]

    init(_ problem: BlockProblem<Element>, s: Int, seed: UInt64) {
      self.problem = problem
      self.s = s
      let (m, rows) = (problem.width, problem.x.rows)
      space = BlockSpace(p: max(m, s), q: s, rows: rows)
      active = Array(0..<m)
      shadow = BlockVector(rows: rows, columns: s)
      shadow.fillRandom(seed: seed)
      let block = { BlockVector<Element>(rows: rows, columns: m) }
      (x, r, v, t) = (problem.x, block(), block(), block())
      g = (0..<s).map { _ in block() }
      u = (0..<s).map { _ in block() }
      var identity = [Element](repeating: 0, count: s * s)
      for i in 0..<s { identity[i * s + i] = 1 }
      scalars = [Scalars](repeating: Scalars(m: identity, f: [Element](repeating: 0, count: s)), count: m)
      inner = DenseMatrix(rows: s, columns: m)
      first = problem.norms
      dots = [Element](repeating: 0, count: m)
      squares = dots
      factors = [Element](repeating: 0, count: m * max(s, 1))
      done = [Bool](repeating: false, count: m)
    }

    var isDone: Bool { done.allSatisfy { $0 } }

    var byteCount: Int { r.byteCount * (2 * s + 4) + shadow.byteCount + space.byteCount }

    /// A block that is no longer needed when the iteration is over.
    func releaseScratch() -> BlockVector<Element> {
      let scratch = r
      r = BlockVector(rows: scratch.rows, columns: 0)
      return scratch
    }

    /// R, the shadow vectors and PᴴR.
    func begin() throws {
      if problem.hasGuess {
        try problem.residual(of: x, problem.b, into: &r)
      } else {
        r.copy(from: problem.b)
      }
      space.columnDots(r, r, into: &dots)
      for k in active.indices {
        first[k] = Double(dots[k].realPart).squareRoot()
        if !first[k].isFinite { fail(k, .nonFinite(.operator)) }
      }
      let orthonormalizer = Orthonormalizer<Element>(columns: s, space: space)
      var none: BlockVector<Element>?
      _ = orthonormalizer.orthonormalize(&shadow, &none, noise: [Double](repeating: 0, count: s))
      takeShadows()
    }

    /// f = PᴴR.
    private func takeShadows() {
      space.inner(shadow, r, into: &inner)
      for k in active.indices { for i in 0..<s { scalars[k].f[i] = inner[i, k] } }
    }

    private func fail(_ k: Int, _ status: ColumnStatus) {
      if !done[k] { problem.finish(column: active[k], status) }
      done[k] = true
    }

    /// The column takes no further part and begins again in another round.
    private func breakDown(_ k: Int, _ why: String) {
      if !done[k] { breakdown = .breakdown(why) }
      done[k] = true
    }

    /// One more vector of the space: u_k and g_k = A·u_k with p_iᴴg_k = 0 for i < k, and a step along it.
    func extend(_ k: Int, _ preconditioner: (any Preconditioner<Element>)?) throws {
      let m = active.count
      // c with M_kk…·c = f_k…; v = r − Σ c_i·g_i.
      var c = [Element](repeating: 0, count: m * (s - k))
      for j in 0..<m where !done[j] {
        for i in k..<s {
          var sum = scalars[j].f[i]
          for l in k..<i { sum -= scalars[j].m[l * s + i] * c[(l - k) * m + j] }
          c[(i - k) * m + j] = sum / scalars[j].m[i * s + i]
          if !c[(i - k) * m + j].isFinite { breakDown(j, "PᴴG is singular") }
        }
        if done[j] { for i in k..<s { c[(i - k) * m + j] = 0 } }
      }
      v.copy(from: r)
      space.updateColumns(&v, plus: Array(g[k..<s]), count: s - k, times: c.map { -$0 })
      try precondition(preconditioner)
      // u_k = ω·v + Σ c_i·u_i.
      for j in 0..<m { factors[j] = done[j] ? 0 : scalars[j].omega }
      t.combineColumns(factors, v)
      space.updateColumns(&t, plus: Array(u[k..<s]), count: s - k, times: c)
      u[k].copy(from: t)
      try problem.apply(t, into: &g[k])
      space.inner(shadow, g[k], into: &inner)
      for j in 0..<m where !done[j] && !(0..<s).allSatisfy({ inner[$0, j].isFinite }) { blame(j) }
      biorthogonalize(k)
      advance(k)
    }

    /// G_k and U_k less what makes p_iᴴg_k vanish for i < k; the rest of Pᴴg_k is column k of M.
    private func biorthogonalize(_ k: Int) {
      let m = active.count
      var alpha = [Element](repeating: 0, count: m * max(k, 1))
      for j in 0..<m where !done[j] {
        for i in 0..<k {
          let factor = inner[i, j] / scalars[j].m[i * s + i]
          alpha[i * m + j] = -factor
          for l in i..<s { inner[l, j] -= factor * scalars[j].m[i * s + l] }
        }
        for i in 0..<s { scalars[j].m[k * s + i] = i < k ? 0 : inner[i, j] }
      }
      guard k > 0 else { return }
      var block = g[k]
      g[k] = v
      space.updateColumns(&block, plus: g, count: k, times: alpha)
      swap(&block, &g[k])
      block = u[k]
      u[k] = v
      space.updateColumns(&block, plus: u, count: k, times: alpha)
      swap(&block, &u[k])
    }

    /// r −= β·g_k and x += β·u_k, which makes p_kᴴr vanish.
    private func advance(_ k: Int) {
      let m = active.count
      for j in 0..<m {
        var beta: Element = 0
        if !done[j] {
          beta = scalars[j].f[k] / scalars[j].m[k * s + k]
          if !beta.isFinite {
            breakDown(j, "p_kᴴg_k vanishes")
            beta = 0
          }
          for i in (k + 1)..<max(s, k + 1) { scalars[j].f[i] -= beta * scalars[j].m[k * s + i] }
          scalars[j].f[k] = 0
        }
        (factors[j], dots[j]) = (beta, -beta)
      }
      let minus = Array(dots[0..<m])
      space.updateColumns(&x, plus: u[k], times: Array(factors[0..<m]), and: &r, plus: g[k], times: minus, squares: &dots)
      judge()
    }

    /// The step into the next smaller space: r −= ω·A·M⁻¹r.
    func reduce(_ preconditioner: (any Preconditioner<Element>)?) throws {
      let m = active.count
      v.copy(from: r)
      try precondition(preconditioner)
      try problem.apply(v, into: &t)
      space.columnDots(t, r, into: &dots)
      space.columnDots(t, t, into: &squares)
      var sizes = [Element](repeating: 0, count: m)
      space.columnDots(r, r, into: &sizes)
      for j in 0..<m {
        var omega: Element = 0
        if !done[j] {
          if !dots[j].isFinite || !squares[j].isFinite {
            blame(j)
          } else {
            let (sizeT, sizeR) = (Double(squares[j].realPart).squareRoot(), Double(sizes[j].realPart).squareRoot())
            let cosine = Double(dots[j].modulus) / (sizeT * sizeR)
            omega = dots[j] / squares[j]
            if cosine < 0.7 {
              let direction: Element = cosine > 0 ? dots[j] / Element(dots[j].modulus) : 1
              omega = direction * Element(double: 0.7 * sizeR / sizeT)
            }
            if !omega.isFinite || omega == 0 {
              breakDown(j, "A·M⁻¹r = 0")
              omega = 0
            }
          }
        }
        scalars[j].omega = omega
        (factors[j], squares[j]) = (omega, -omega)
      }
      let minus = Array(squares[0..<m])
      space.updateColumns(&x, plus: v, times: Array(factors[0..<m]), and: &r, plus: t, times: minus, squares: &dots)
      judge()
      takeShadows()
    }

    /// The estimates from the squares of the residuals in `dots`.
    private func judge() {
      for j in active.indices where !done[j] {
        let estimate = Double(dots[j].realPart).squareRoot()
        problem.note(column: active[j], estimate: estimate)
        if estimate <= problem.target(column: active[j]) {
          done[j] = true
        } else if !(estimate <= first[j] / Element.unitRoundoff.squareRoot()) {
          breakDown(j, "the residual grew beyond all bounds")
        }
      }
    }

    /// V ← M⁻¹V.
    private func precondition(_ preconditioner: (any Preconditioner<Element>)?) throws {
      guard let preconditioner else { return }
      problem.monitor.countPreconditioner()
      try preconditioner.apply(to: v, into: &t)
      swap(&v, &t)
      space.columnDots(v, v, into: &squares)
      for j in active.indices where !done[j] && !squares[j].isFinite { fail(j, .nonFinite(.preconditioner)) }
    }

    private func blame(_ j: Int) { fail(j, .nonFinite(.operator)) }

    /// Columns that are done or failed leave the block.
    func retire() {
      finishLimited()
      let kept = active.indices.filter { !done[$0] }
      guard kept.count < active.count else { return }
      leaveSolution()
      active.keep(kept)
      scalars.keep(kept)
      first.keep(kept)
      dots.keep(kept)
      squares.keep(kept)
      done.keep(kept)
      x.keepColumns(kept)
      r.keepColumns(kept)
      for i in 0..<s {
        g[i].keepColumns(kept)
        u[i].keepColumns(kept)
      }
      v = BlockVector(rows: v.rows, columns: kept.count)
      t = v
    }

    /// Columns that have made all iterations that they may take no further part.
    func finishLimited() { for j in active.indices where !problem.mayGoOn(column: active[j]) { done[j] = true } }

    /// X of the active columns goes to the problem.
    func leaveSolution() {
      leaveSolution(in: &problem.x)
      problem.hasGuess = true
    }

    /// X of the active columns goes where it belongs among all columns.
    func leaveSolution(in all: inout BlockVector<Element>) { all.scatterColumns(active, from: x) }
  }
}
