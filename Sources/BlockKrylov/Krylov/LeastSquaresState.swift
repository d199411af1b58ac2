extension LeastSquaresEngine {
  /// The columns that iterate, each with a Golub–Kahan bidiagonalisation of Ā = (A, damping·I)·D, D the scales of A's columns: u and
  /// v of unit length with β·u = Ā·v − α·u and α·v = Āᴴ·u − β·v. Arrays and blocks have one column for each of `active`.
  final class State: IndependentColumns {
    /// The scalars of one column, in the notation of the papers.
    struct Scalars {
      var (alpha, beta) = (0.0, 0.0)
      /// LSQR's φ̄ and ρ̄.
      var (phiBar, rhoBar) = (0.0, 0.0)
      /// LSMR's.
      var (alphaBar, zetaBar, zeta, rho, rhoBarOld, cBar, sBar) = (0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0)
      var (betaDD, betaD, rhoDOld, tauTildeOld, thetaTilde) = (0.0, 0.0, 1.0, 0.0, 0.0)
      /// ‖r̄‖ and ‖Āᴴr̄‖, and what the latter is multiplied by for the unscaled A.
      var (residual, gradient, gradientScale) = (0.0, 0.0, 1.0)
    }

    let problem: BlockProblem<Element>
    /// Which column of the problem each is.
    private(set) var active: [Int]
    private let a: LeastSquaresOperator<Element>
    private let recurrence: Recurrence
    private let tightening: [Double]
    private let (tall, wide): (BlockSpace<Element>, BlockSpace<Element>)
    private var u: BlockVector<Element>
    /// The rows of u that belong to the damping.
    private var lower: BlockVector<Element>?
    private var v: BlockVector<Element>
    /// A·v and Aᴴ·u.
    private var av: BlockVector<Element>
    private var au: BlockVector<Element>
    /// The direction of LSQR, or h of LSMR, and LSMR's h̄.
    private var w: BlockVector<Element>
    private var wBar: BlockVector<Element>?
    /// What x has gained since the round began, divided by the scales.
    private var y: BlockVector<Element>
    private var scalars: [Scalars]
    private var factors: [Element]
    /// What columns are divided by to have unit length, as its inverse.
    private var inverses: [Element.Magnitude]
    private var dots: [Element]
    private var done: [Bool]

    init(
      _ problem: BlockProblem<Element>, _ a: LeastSquaresOperator<Element>, _ recurrence: Recurrence, tightening: [Double]
    ) {
      self.problem = problem
      self.a = a
      self.recurrence = recurrence
      self.tightening = tightening
      let (m, rows, columns) = (problem.width, problem.b.rows, problem.x.rows)
      active = Array(0..<m)
      tall = BlockSpace(p: m, q: 1, rows: rows)
      wide = BlockSpace(p: m, q: 1, rows: columns)
      let block = { BlockVector<Element>(rows: columns, columns: m) }
      (u, av) = (problem.b, BlockVector(rows: rows, columns: m))
      (v, au, w, y) = (block(), block(), block(), block())
      if a.damping > 0 { lower = block() }
      if recurrence == .lsmr { wBar = block() }
      scalars = [Scalars](repeating: Scalars(), count: m)
      factors = [Element](repeating: 0, count: m)
      inverses = [Element.Magnitude](repeating: 0, count: m)
      dots = factors
      done = [Bool](repeating: false, count: m)
    }

    /// A block that is no longer needed when the iteration is over.
    func releaseScratch() -> BlockVector<Element> {
      let scratch = av
      av = BlockVector(rows: scratch.rows, columns: 0)
      return scratch
    }

    /// With the block that X is brought up to date with.
    var byteCount: Int {
      u.byteCount * 2 + v.byteCount * (5 + (lower == nil ? 0 : 1) + (wBar == nil ? 0 : 1)) + tall.byteCount + wide.byteCount
    }

    /// u, v and the scalars from the residual of the current X.
    func begin() throws {
      if problem.hasGuess {
        try problem.residual(of: problem.x, problem.b, into: &u)
        lower?.combine(Element(double: -a.damping), problem.x)
      }
      normalizeU()
      try multiplyAdjoint()
      let gradients = v.columnNorms()
      scaleUnknowns(&v)
      normalizeV()
      for k in active.indices {
        let (alpha, beta) = (scalars[k].alpha, scalars[k].beta)
        (scalars[k].phiBar, scalars[k].rhoBar) = (beta, alpha)
        (scalars[k].alphaBar, scalars[k].zetaBar, scalars[k].betaDD) = (alpha, alpha * beta, beta)
        (scalars[k].residual, scalars[k].gradient) = (beta, alpha * beta)
        scalars[k].gradientScale = alpha > 0 ? gradients[k] / alpha : 1
        judge(k, inStep: false)
      }
      w.copy(from: v)
    }

    private func fail(_ k: Int, _ status: ColumnStatus) {
      if !done[k] { problem.finish(column: active[k], status) }
      done[k] = true
    }

    /// One step of every active column.
    func step(_ m: (any Preconditioner<Element>)?) throws {
      wide.reserveOnes(active.count)
      for k in active.indices { factors[k] = Element(double: -scalars[k].alpha) }
      au.copy(from: v)
      scaleUnknowns(&au)
      try problem.apply(au, into: &av)
      u.combineColumns(wide.ones, av, factors)
      if var below = lower.take() {
        defer { lower = below }
        for k in active.indices { dots[k] = Element(double: a.damping) }
        below.combineColumns(dots, au, factors)
      }
      normalizeU()
      for k in active.indices { factors[k] = Element(double: -scalars[k].beta) }
      swap(&v, &au)
      try multiplyAdjoint()
      scaleUnknowns(&v)
      v.combineColumns(factors, au, wide.ones)
      normalizeV()
      for k in active.indices where !done[k] && !(scalars[k].alpha + scalars[k].beta).isFinite { fail(k, .nonFinite(.operator)) }
      switch recurrence {
      case .lsqr: advanceLSQR()
      case .lsmr: advanceLSMR()
      }
      for k in active.indices where !done[k] {
        problem.note(column: active[k], estimate: scalars[k].residual)
        judge(k, inStep: true)
      }
    }
  }
}

extension LeastSquaresEngine.State {
  /// U ← U·diag(1/β) with the lengths β.
  private func normalizeU() {
    tall.columnDots(u, u, into: &dots)
    for k in active.indices { scalars[k].beta = Double(dots[k].realPart) }
    if let lower {
      wide.columnDots(lower, lower, into: &dots)
      for k in active.indices { scalars[k].beta += Double(dots[k].realPart) }
    }
    for k in active.indices {
      scalars[k].beta = scalars[k].beta.squareRoot()
      inverses[k] = inverse(scalars[k].beta)
    }
    u.scaleColumns(by: inverses)
    if var below = lower.take() {
      below.scaleColumns(by: inverses)
      lower = below
    }
  }

  /// V = Aᴴ·U + damping·(lower rows of U); the old V stays in `au`.
  private func multiplyAdjoint() throws {
    try a.applyAdjoint(to: u, into: &v, problem)
    if let lower { v.combine(Element(double: a.damping), lower, 1) }
  }

  private func scaleUnknowns(_ block: inout BlockVector<Element>) {
    if let scales = a.scales { block.scaleRows(by: scales) }
  }

  /// V ← V·diag(1/α) with the lengths α.
  private func normalizeV() {
    wide.columnDots(v, v, into: &dots)
    for k in active.indices {
      scalars[k].alpha = Double(dots[k].realPart).squareRoot()
      inverses[k] = inverse(scalars[k].alpha)
    }
    v.scaleColumns(by: inverses)
  }

  private func inverse(_ length: Double) -> Element.Magnitude { Element.Magnitude(length > 0 ? 1 / length : 0) }

  private func advanceLSQR() {
    for k in active.indices {
      var s = scalars[k]
      let rho = (s.rhoBar * s.rhoBar + s.beta * s.beta).squareRoot()
      let (c, sine) = rho > 0 ? (s.rhoBar / rho, s.beta / rho) : (1, 0)
      let (theta, phi) = (sine * s.alpha, c * s.phiBar)
      s.rhoBar = -c * s.alpha
      s.phiBar *= sine
      s.residual = s.phiBar
      s.gradient = s.phiBar * s.alpha * abs(c)
      let usable = rho > 0 && !done[k]
      factors[k] = Element(double: usable ? phi / rho : 0)
      dots[k] = Element(double: usable ? -theta / rho : 0)
      scalars[k] = s
    }
    y.combineColumns(factors, w, wide.ones)
    w.combineColumns(wide.ones, v, dots)
  }

  private func advanceLSMR() {
    var stretch = [Element](repeating: 0, count: active.count)
    for k in active.indices {
      var s = scalars[k]
      let (rhoOld, rhoBarOld, zetaOld) = (s.rho, s.rhoBarOld, s.zeta)
      s.rho = (s.alphaBar * s.alphaBar + s.beta * s.beta).squareRoot()
      let (c, sine) = s.rho > 0 ? (s.alphaBar / s.rho, s.beta / s.rho) : (1, 0)
      let theta = sine * s.alpha
      s.alphaBar = c * s.alpha
      let (thetaBar, rhoTemporary) = (s.sBar * s.rho, s.cBar * s.rho)
      let rhoBar = (rhoTemporary * rhoTemporary + theta * theta).squareRoot()
      (s.cBar, s.sBar) = rhoBar > 0 ? (rhoTemporary / rhoBar, theta / rhoBar) : (1, 0)
      s.zeta = s.cBar * s.zetaBar
      s.zetaBar = -s.sBar * s.zetaBar

      // ‖r̄‖ by three more rotations.
      let betaHat = c * s.betaDD
      s.betaDD = -sine * s.betaDD
      let rhoTilde = (s.rhoDOld * s.rhoDOld + thetaBar * thetaBar).squareRoot()
      let (cTilde, sTilde) = rhoTilde > 0 ? (s.rhoDOld / rhoTilde, thetaBar / rhoTilde) : (1, 0)
      let thetaTildeOld = s.thetaTilde
      s.thetaTilde = sTilde * rhoBar
      s.rhoDOld = cTilde * rhoBar
      s.betaD = -sTilde * s.betaD + cTilde * betaHat
      s.tauTildeOld = rhoTilde > 0 ? (zetaOld - thetaTildeOld * s.tauTildeOld) / rhoTilde : 0
      let tau = s.rhoDOld != 0 ? (s.zeta - s.thetaTilde * s.tauTildeOld) / s.rhoDOld : 0
      s.residual = ((s.betaD - tau) * (s.betaD - tau) + s.betaDD * s.betaDD).squareRoot()
      s.gradient = abs(s.zetaBar)
      s.rhoBarOld = rhoBar

      let usable = s.rho > 0 && rhoBar > 0 && !done[k]
      stretch[k] = Element(double: usable ? -thetaBar * s.rho / (rhoOld * rhoBarOld) : 0)
      factors[k] = Element(double: usable ? s.zeta / (s.rho * rhoBar) : 0)
      dots[k] = Element(double: usable ? -theta / s.rho : 0)
      scalars[k] = s
    }
    if var bar = wBar.take() {
      bar.combineColumns(wide.ones, w, stretch)
      y.combineColumns(factors, bar, wide.ones)
      wBar = bar
    }
    w.combineColumns(wide.ones, v, dots)
  }

  /// Whether a column's estimates meet one of its bounds.
  private func judge(_ k: Int, inStep: Bool) {
    let (j, s) = (active[k], scalars[k])
    guard s.residual.isFinite, s.gradient.isFinite else { return fail(k, .nonFinite(.operator)) }
    let tolerance = min(problem.thresholds[j] / problem.norms[j], LeastSquaresEngine<Element>.normalTolerance)
    let relative = max(tolerance * tightening[j], Element.unitRoundoff)
    let solved =
      a.damping == 0 && s.residual <= max(problem.thresholds[j] * tightening[j], Element.unitRoundoff / 8 * problem.norms[j])
    if solved || s.gradient * s.gradientScale <= relative * a.norm * s.residual || s.alpha == 0 || s.beta == 0 {
      if !done[k] { problem.noteEnd(column: j, inStep: inStep) }
      done[k] = true
    }
  }

  /// Columns that are done or failed leave the block.
  func retire() {
    for k in active.indices where !problem.mayGoOn(column: active[k]) { done[k] = true }
    let kept = active.indices.filter { !done[$0] }
    guard kept.count < active.count else { return }
    leaveSolution()
    active.keep(kept)
    scalars.keep(kept)
    factors.keep(kept)
    inverses.keep(kept)
    dots.keep(kept)
    done.keep(kept)
    u.keepColumns(kept)
    v.keepColumns(kept)
    w.keepColumns(kept)
    y.keepColumns(kept)
    y.setZero()
    wBar?.keepColumns(kept)
    lower?.keepColumns(kept)
    av = BlockVector(rows: av.rows, columns: kept.count)
    au = BlockVector(rows: au.rows, columns: kept.count)
  }

  /// X += D·Y for the active columns, and Y = 0.
  func leaveSolution() {
    guard !active.isEmpty else { return }
    scaleUnknowns(&y)
    add(y, to: &problem.x)
    problem.hasGuess = true
    y.setZero()
  }

  /// X + D·Y for the active columns of a block of all columns.
  func leaveSolution(in all: inout BlockVector<Element>) {
    guard !active.isEmpty else { return }
    var gain = y
    scaleUnknowns(&gain)
    add(gain, to: &all)
  }

  private func add(_ gain: BlockVector<Element>, to all: inout BlockVector<Element>) {
    var x = BlockVector<Element>(rows: y.rows, columns: active.count)
    x.gatherColumns(active, of: all)
    x.combine(1, gain, 1)
    all.scatterColumns(active, from: x)
  }
}
