internal import ComplexModule
internal import RealModule

extension PseudoBlockBiCGStabEngine {
  /// The columns that iterate. Arrays and blocks have one column for each of `active`.
  final class State {
    let problem: BlockProblem<Element>
    let space: BlockSpace<Element>
    /// Which column of the problem each is.
    private(set) var active: [Int]
    private var x: BlockVector<Element>
    /// The residual, in the middle of an iteration s.
    private var r: BlockVector<Element>
    private var shadow: BlockVector<Element>
    private var p: BlockVector<Element>
    private var v: BlockVector<Element>
    private var t: BlockVector<Element>
    private var mp: BlockVector<Element>?
    private var ms: BlockVector<Element>?

    private var rho: [Element]
    private var alpha: [Element]
    private var omega: [Element]
    private var factors: [Element]
    private var more: [Element]
    private var next: [Element]
    private var pair: [Element]
    /// ‖r‖, and the smallest of it when a recurrence began again.
    private var sizes: [Double]
    private var best: [Double]
    /// How often in a row a recurrence began again without having brought something.
    private var fruitless: [Int]
    /// Whether a column must begin again.
    private var broken: [Bool]
    private var done: [Bool]
    private var seed: UInt64 = 0xB1C6

    init(_ problem: BlockProblem<Element>, preconditioned: Bool) {
      self.problem = problem
      let m = problem.width
      space = BlockSpace(p: m, q: 1, rows: problem.x.rows)
      active = Array(0..<m)
      let block = { BlockVector<Element>(rows: problem.x.rows, columns: m) }
      (x, r, shadow, p, v, t) = (problem.x, block(), block(), block(), block(), block())
      if preconditioned { (mp, ms) = (block(), block()) }
      rho = [Element](repeating: 0, count: m)
      (alpha, omega, factors, more, next) = (rho, rho, rho, rho, rho)
      pair = [Element](repeating: 0, count: 2 * m)
      sizes = problem.norms
      best = sizes
      fruitless = [Int](repeating: 0, count: m)
      done = [Bool](repeating: false, count: m)
      broken = done
    }

    /// With the residual that is verified at the end.
    var byteCount: Int { r.byteCount * (mp == nil ? 7 : 9) + space.byteCount }

    /// R, R̂, P and ρ from the current X.
    func begin() throws {
      if problem.hasGuess {
        try problem.residual(of: x, problem.b, into: &r)
      } else {
        r.copy(from: problem.b)
      }
      space.columnDots(r, r, into: &rho)
      for k in active.indices {
        sizes[k] = Double(rho[k].realPart).squareRoot()
        if !sizes[k].isFinite { fail(k, .nonFinite(.operator)) }
      }
      best = sizes
      shadow.copy(from: r)
      p.copy(from: r)
    }

    private func fail(_ k: Int, _ status: ColumnStatus) {
      if !done[k] { problem.finish(column: active[k], status) }
      done[k] = true
    }

    /// One step of every active column. X changes only where everything that it needs is finite.
    func step(_ m: (any Preconditioner<Element>)?) throws {
      for k in active.indices { broken[k] = false }
      try applyOperator(m, directions: true)
      space.columnDots(shadow, v, into: &factors)
      space.columnDots(v, v, into: &more)
      for k in active.indices {
        alpha[k] = 0
        if !more[k].isFinite || !factors[k].isFinite {
          blame(k, mp)
        } else {
          alpha[k] = rho[k] / factors[k]
          // An R̂ᴴv of rounding size says nothing.
          let scale = Double(more[k].realPart).squareRoot() * sizes[k]
          if !alpha[k].isFinite || Double(factors[k].modulus) <= Element.unitRoundoff * scale || rho[k] == 0 {
            broken[k] = true
            alpha[k] = 0
          }
        }
        factors[k] = done[k] ? 0 : -alpha[k]
      }
      space.reserveOnes(active.count)
      r.combineColumns(factors, v, space.ones)

      try applyOperator(m, directions: false)
      space.columnDots(t, r, into: &factors)
      space.columnDots(t, t, into: &more)
      space.columnDots(r, r, into: &next)
      for k in active.indices where !done[k] {
        omega[k] = 0
        if !more[k].isFinite || !factors[k].isFinite {
          blame(k, ms)
          alpha[k] = 0
          continue
        }
        let (sizeT, sizeS) = (Double(more[k].realPart).squareRoot(), Double(next[k].realPart).squareRoot())
        if sizeS == 0 || broken[k] { continue }
        guard sizeT > 0 else {
          broken[k] = true
          continue
        }
        omega[k] = factors[k] / more[k]
        let cosine = Double(factors[k].modulus) / (sizeT * sizeS)
        if cosine < 0.7 {
          let direction: Element = cosine > 0 ? factors[k] / Element(factors[k].modulus) : 1
          omega[k] = direction * Element(double: 0.7 * sizeS / sizeT)
        }
        if !omega[k].isFinite {
          omega[k] = 0
          broken[k] = true
        }
      }
      finishStep()
    }

    /// x += α·M⁻¹p + ω·M⁻¹s, r = s − ω·t, and the next p.
    private func finishStep() {
      let m = active.count
      for k in 0..<m {
        if done[k] { (alpha[k], omega[k]) = (0, 0) }
        (pair[k], pair[m + k]) = (alpha[k], omega[k])
        factors[k] = -omega[k]
      }
      space.updateColumns(&x, plus: [mp ?? p, ms ?? r], count: 2, times: pair)
      space.updateColumns(&r, plus: t, times: factors, squares: &more, dotsWith: shadow, into: &next)
      for k in 0..<m where !done[k] {
        sizes[k] = Double(more[k].realPart).squareRoot()
        problem.note(column: active[k], estimate: sizes[k])
        if sizes[k] <= problem.target(column: active[k]) {
          done[k] = true
        } else if !(sizes[k] <= best[k] / Element.unitRoundoff.squareRoot()) {
          // It loses the digits that the tolerance asks for.
          fail(k, .breakdown("the residual grew beyond all bounds"))
        }
      }
      advanceDirections()
    }

    /// p = r + β·(p − ω·v); columns that are broken take p = r and a random shadow vector.
    private func advanceDirections() {
      for k in active.indices {
        var beta: Element = 0
        if !done[k], !broken[k] {
          beta = (next[k] / rho[k]) * (alpha[k] / omega[k])
          if !beta.isFinite || omega[k] == 0 {
            broken[k] = true
            beta = 0
          }
        }
        factors[k] = beta
        more[k] = -beta * omega[k]
      }
      p.combineColumns(space.ones, r, factors)
      p.combineColumns(more, v, space.ones)
      rho = next
      let columns = active.indices.filter { broken[$0] && !done[$0] }
      if columns.isEmpty { return }
      for k in columns { beginAgain(k) }
      space.columnDots(shadow, r, into: &next)
      for k in columns { rho[k] = next[k] }
    }

    private func beginAgain(_ k: Int) {
      if sizes[k] <= best[k] / 2 {
        best[k] = sizes[k]
        fruitless[k] = 0
      }
      fruitless[k] += 1
      if fruitless[k] > 5 { return fail(k, .breakdown("r̂ᴴAp or ω vanishes again and again")) }
      problem.monitor.record(
        .breakdown, column: problem.columns[active[k]],
        "r̂ᴴAp or ω vanished; the recurrence began again with a random shadow vector")
      seed &+= 1
      var column = BlockVector<Element>(rows: r.rows, columns: 1)
      column.fillRandom(seed: seed)
      column.scale(by: Element(double: sizes[k] / Double(max(r.rows, 1)).squareRoot()))
      shadow[columns: k..<(k + 1)] = column
    }

    /// V = A·M⁻¹P or T = A·M⁻¹R.
    private func applyOperator(_ m: (any Preconditioner<Element>)?, directions: Bool) throws {
      if let m, var image = directions ? mp.take() : ms.take() {
        defer { if directions { mp = image } else { ms = image } }
        problem.monitor.countPreconditioner()
        try m.apply(to: directions ? p : r, into: &image)
        try directions ? problem.apply(image, into: &v) : problem.apply(image, into: &t)
      } else {
        try directions ? problem.apply(p, into: &v) : problem.apply(r, into: &t)
      }
    }

    /// Which of A and M⁻¹ gave NaN or infinity for a column.
    private func blame(_ k: Int, _ image: BlockVector<Element>?) {
      let finite = image.map { $0[columns: k..<(k + 1)].columnMaxima()[0].isFinite } ?? true
      fail(k, finite ? .nonFinite(.operator) : .nonFinite(.preconditioner))
    }

    /// Columns that are done or failed leave the block.
    func retire() {
      let kept = active.indices.filter { !done[$0] }
      guard kept.count < active.count else { return }
      leaveSolution()
      active.keep(kept)
      rho.keep(kept)
      sizes.keep(kept)
      best.keep(kept)
      fruitless.keep(kept)
      broken.keep(kept)
      done.keep(kept)
      x.keepColumns(kept)
      r.keepColumns(kept)
      shadow.keepColumns(kept)
      p.keepColumns(kept)
      let block = { BlockVector<Element>(rows: self.r.rows, columns: kept.count) }
      (v, t) = (block(), block())
      if mp != nil { (mp, ms) = (block(), block()) }
    }

    /// X of the active columns goes to the problem.
    func leaveSolution() {
      leaveSolution(in: &problem.x)
      problem.hasGuess = true
    }

    /// X of the active columns goes where it belongs among all columns.
    func leaveSolution(in all: inout BlockVector<Element>) { all.scatterColumns(active, from: x) }
  }
}
