/// A method in single precision bound to one A, with refinement in double precision around it.
final class MixedPrecisionEngine<Element: Scalar>: SolveEngine {
  typealias Single = Element.SinglePrecision

  private let inner: any BlockMethod
  private let preconditioner: (any Preconditioner<Element>)?
  private var a: any LinearOperator<Element>
  /// A rounded to single precision, divided by `scale`.
  private var single: any LinearOperator<Single>
  private let hasTwin: Bool
  /// 1, or a power of two where the entries of A would leave the range of single precision.
  private var scale: Double
  /// The inner method on `single`; none where it could not be prepared.
  private var engine: (any SolveEngine<Single>)?
  /// The same method on A, made when it is needed first.
  private var wide: (any SolveEngine<Element>)?
  private var events: [SolveEvent] = []
  private var peakBytes = 0

  init(
    _ inner: any BlockMethod, a: any LinearOperator<Element>, twin: (any LinearOperator<Single>)?,
    preconditioner: (any Preconditioner<Element>)?
  ) throws {
    self.inner = inner
    self.a = a
    self.preconditioner = preconditioner
    hasTwin = twin != nil
    (single, scale) = twin.map { ($0, 1) } ?? Self.rounded(a)
    do {
      engine = try Self.innerMethod(inner, besides: single, hasTwin: hasTwin).makeEngine(
        for: single, preconditioner: preconditioner.map { RoundedPreconditioner<Element>($0) })
    } catch let error as BlockKrylovError {
      wide = try inner.makeEngine(for: a, preconditioner: preconditioner)
      events.append(
        SolveEvent(
          kind: .methodChanged,
          detail:
            "\(inner.name) could not be prepared in single precision (\(error.description)); all is done in double precision"))
    }
  }

  /// The method with what a memory limit leaves it besides the rounded matrix and the blocks around the method, of one column: wider blocks
  /// are narrowed where they do not fit.
  private static func innerMethod(
    _ inner: any BlockMethod, besides single: any LinearOperator<Single>, hasTwin: Bool
  ) -> any BlockMethod {
    guard let limit = inner.options.memoryLimit else { return inner }
    let around =
      matrixBytes(single, hasTwin) + blockBytes(rows: single.rows, columns: 1) + single.rows * MemoryLayout<Element>.stride
    return inner.with { $0.memoryLimit = max(1, limit - around) }
  }

  /// The rounded values; the indices are A's own.
  private static func matrixBytes(_ single: any LinearOperator<Single>, _ hasTwin: Bool) -> Int {
    hasTwin ? 0 : (single.sparseMatrix?.nonzeros ?? 0) * MemoryLayout<Single>.stride
  }

  /// The blocks of both precisions around the method, without its own.
  private static func blockBytes(rows: Int, columns: Int) -> Int {
    let width = BlockVector<Element>.paddedWidth(columns) * MemoryLayout<Element>.stride
    let singleWidth = BlockVector<Single>.paddedWidth(columns) * MemoryLayout<Single>.stride
    return rows * 2 * (width + singleWidth) + BlockSpace<Element>.bytes(p: columns, q: 1, rows: rows)
  }

  /// A in single precision, and the power of two that it was divided by.
  private static func rounded(_ a: any LinearOperator<Element>) -> (any LinearOperator<Single>, Double) {
    guard let matrix = a.sparseMatrix else { return (CSRMatrix<Single>(diagonal: []), 1) }
    let largest = matrix.largestPart
    // Products of entries of this size are far from the ends of the range of single precision.
    guard largest > 0x1p40 || (largest > 0 && largest < 0x1p-40), largest.isFinite else {
      return (matrix.converted(to: Single.self), 1)
    }
    let scale = Double(sign: .plus, exponent: largest.exponent, significand: 1)
    let inverse = Element(double: 1 / scale)
    return (matrix.mapValues { $0 * inverse }.tagged(matrix.structure).converted(to: Single.self), scale)
  }

  var methodName: String { engine.map { "mixed-\($0.methodName)" } ?? wide?.methodName ?? inner.name }
  var preconditionerName: String { engine?.preconditionerName ?? wide?.preconditionerName ?? "none" }
  var explanation: [String] { engine?.explanation ?? [] }
  var sharesSpace: Bool { engine?.sharesSpace ?? true }
  func preferredWidth(columns: Int, limit: Int) -> Int {
    engine?.preferredWidth(columns: columns, limit: limit) ?? min(columns, limit)
  }
  var setupEvents: [SolveEvent] { events + (engine?.setupEvents ?? wide?.setupEvents ?? []) }

  private var matrixBytes: Int { Self.matrixBytes(single, hasTwin) }

  var bytesUsed: Int { (engine?.bytesUsed ?? 0) + (wide?.bytesUsed ?? 0) + matrixBytes + peakBytes }

  func bytesPlanned(columns: Int) -> Int {
    guard let engine else { return wide?.bytesPlanned(columns: columns) ?? 0 }
    return engine.bytesPlanned(columns: columns) + matrixBytes + Self.blockBytes(rows: a.rows, columns: columns)
  }

  func update(_ newA: any LinearOperator<Element>) throws {
    if engine != nil {
      guard !hasTwin else {
        throw BlockKrylovError.unsupported(
          "the singlePrecisionOperator cannot follow new values of A; prepare again with a new one")
      }
      (single, scale) = Self.rounded(newA)
      try engine?.update(single)
    }
    try wide?.update(newA)
    a = newA
  }

  var recycledSpace: BlockVector<Element>? { engine?.recycledSpace?.converted(to: Element.self) ?? wide?.recycledSpace }

  func recycle(_ block: BlockVector<Element>) throws {
    if let engine { try engine.recycle(block.converted(to: Single.self)) } else { try wide?.recycle(block) }
  }

  func solve(_ problem: SolveProblem<Element>) throws {
    let whole = problem.block
    whole.monitor.begin(method: methodName, iterationLimit: inner.options.maximumIterations ?? 10 * a.rows + 100)
    if let engine {
      if let stop = try refine(whole, engine) {
        for j in whole.open { whole.finish(column: j, stop.status) }
      }
    }
    if !whole.open.isEmpty { try goOn(whole) }
  }

  // MARK: Refinement

  /// Corrections in single precision until every column is solved or gains too little. The result is the limit that ended it, if any.
  private func refine(
    _ whole: BlockProblem<Element>, _ engine: any SolveEngine<Single>
  ) throws -> SolveMonitor.StopReason? {
    var control = PrecisionControl(columns: whole.width)
    whole.finishLimited()
    var list = whole.open
    let (b, space) = (whole.b.picking(list), BlockSpace<Element>(p: whole.width, q: 1, rows: a.rows))
    let work = Blocks(b: b, x: whole.x.picking(list), r: b)
    if whole.hasGuess { try whole.residual(of: work.x, work.b, into: &work.r) }
    var residuals = list.map { whole.startResiduals[$0] }
    var norms = residuals
    for j in list { whole.trueResiduals[j] = whole.startResiduals[j] }
    var corrections = 0
    while !list.isEmpty {
      if let stop = whole.monitor.limitReached() { return stop }
      let asked = list.indices.map {
        control.reduction(
          column: list[$0], residual: residuals[$0], bound: whole.target(column: list[$0]), atOnce: engine.renewsResiduals)
      }
      let nested = try correct(whole, work, list, residuals, asked, engine)
      corrections += 1
      peakBytes = max(peakBytes, work.byteCount + nested.x.byteCount + nested.b.byteCount + space.byteCount)
      try whole.residual(of: work.x, work.b, into: &work.r)
      space.columnNorms(work.r, into: &norms)
      whole.hasGuess = true
      var kept: [Int] = []
      for (k, j) in list.enumerated() {
        let left = norms[k] / residuals[k]
        guard left < 1 else { continue }
        whole.x[columns: j..<(j + 1)] = work.x[columns: k..<(k + 1)]
        whole.trueResiduals[j] = norms[k]
        whole.note(column: j, estimate: norms[k])
        if norms[k] <= whole.thresholds[j] {
          whole.finish(column: j, .converged)
          if nested.iterations[k] > 0 { whole.iterations[j] = nested.iterations[k] }
        } else if whole.mayGoOn(column: j), nested.status[k]?.isFailure != true,
          control.judge(column: j, asked: asked[k], left: left)
        {
          kept.append(k)
        }
      }
      whole.finishLimited()
      whole.monitor.record(.refined, "correction \(corrections) in single precision: \(summary(whole, list))")
      try whole.checkpoint { _ in }
      residuals = kept.map { norms[$0] }
      if kept.count < list.count {
        list.keep(kept)
        work.keep(kept)
      }
    }
    return whole.monitor.limitReached()
  }

  /// The blocks of the columns that are being refined.
  private final class Blocks {
    var b: BlockVector<Element>
    var x: BlockVector<Element>
    var r: BlockVector<Element>

    init(b: BlockVector<Element>, x: BlockVector<Element>, r: BlockVector<Element>) { (self.b, self.x, self.r) = (b, x, r) }

    /// As long as no column has left, B is that of the problem.
    var byteCount: Int { x.byteCount + r.byteCount }

    func keep(_ positions: [Int]) {
      b.keepColumns(positions)
      x.keepColumns(positions)
      r.keepColumns(positions)
    }
  }

  /// X += D with A·D ≈ R in single precision; R is lost. A correction that is not finite makes its column of X so.
  private func correct(
    _ whole: BlockProblem<Element>, _ work: Blocks, _ list: [Int], _ residuals: [Double], _ asked: [Double],
    _ engine: any SolveEngine<Single>
  ) throws -> BlockProblem<Single> {
    // Powers of two bring every residual to a norm between 1 and 2.
    let sizes = residuals.map { Double(sign: .plus, exponent: $0.exponent, significand: 1) }
    work.r.scaleColumns(by: sizes.map { Element.Magnitude(1 / $0) })
    var rounded = BlockVector<Single>(rows: a.rows, columns: list.count)
    rounded.copy(rounding: work.r)
    let nested = whole.correction(
      by: single, list, r: rounded, norms: zip(residuals, sizes).map { $0 / $1 }, residuals: residuals, reductions: asked)
    if engine.renewsResiduals {
      nested.renewal = { [scale] columns, x, b in try Self.renew(whole, work, columns, sizes, scale, &x, &b) }
    }
    try whole.monitor.nest(columns: nested.columns) { try engine.solve(SolveProblem(nested)) }
    nested.renewal = nil
    work.r.copy(rounding: nested.x)
    work.r.scaleColumns(by: sizes.map { Element.Magnitude($0 / scale) })
    work.x.combine(1, work.r, 1)
    return nested
  }

  /// X += D for some of the columns, D becomes zero, and `b` the residual of X divided by `sizes`.
  private static func renew(
    _ whole: BlockProblem<Element>, _ work: Blocks, _ columns: [Int], _ sizes: [Double], _ scale: Double,
    _ d: inout BlockVector<Single>, _ b: inout BlockVector<Single>
  ) throws {
    let isWhole = columns.count == work.x.columns
    let part = isWhole ? work : Blocks(b: work.b.picking(columns), x: work.x.picking(columns), r: work.r.picking(columns))
    part.r.copy(rounding: d)
    part.r.scaleColumns(by: columns.map { Element.Magnitude(sizes[$0] / scale) })
    part.x.combine(1, part.r, 1)
    if !isWhole { work.x.scatterColumns(columns, from: part.x) }
    try whole.residual(of: part.x, part.b, into: &part.r)
    part.r.scaleColumns(by: columns.map { Element.Magnitude(1 / sizes[$0]) })
    b.copy(rounding: part.r)
    d.setZero()
  }

  private func summary(_ whole: BlockProblem<Element>, _ list: [Int]) -> String {
    let worst = list.map { whole.trueResiduals[$0] / whole.norms[$0] }.max() ?? 0
    return "\(list.count) columns, the largest relative residual is \(worst.brief)"
  }

  // MARK: Double precision

  /// The columns that single precision did not solve, by the same method in double precision from where they are.
  private func goOn(_ whole: BlockProblem<Element>) throws {
    let list = whole.open
    if engine != nil {
      whole.monitor.record(
        .methodChanged,
        "single precision brought \(list.count) columns no further (A is too ill-conditioned for it); \(inner.name) in double precision "
          + "takes over")
    }
    let engine = try wide ?? inner.makeEngine(for: a, preconditioner: preconditioner)
    if wide == nil { whole.monitor.record(engine.setupEvents) }
    wide = engine
    let before = list.map { whole.trueResiduals[$0] }
    let x = whole.x.picking(list)
    let part = whole.openPart()
    try whole.monitor.nest(columns: []) { try engine.solve(SolveProblem(part)) }
    whole.absorb(part, at: list)
    for (k, j) in list.enumerated() where whole.status[j]?.isConverged != true && before[k] < whole.trueResiduals[j] {
      whole.x[columns: j..<(j + 1)] = x[columns: k..<(k + 1)]
      whole.trueResiduals[j] = before[k]
    }
  }
}
