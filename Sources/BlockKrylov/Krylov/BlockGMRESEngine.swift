internal import ComplexModule

/// Block GMRES bound to one A; with `recycles` also block GCRO-DR, which keeps the deflated directions from solve to solve.
final class BlockGMRESEngine<Element: Scalar>: KrylovEngine {
  let core: EngineCore<Element>
  private let events: [SolveEvent]
  let recycles: Bool
  private var kept = KeptWorkspace<Workspace>()
  /// The directions kept from cycle to cycle.
  var deflation: DeflationSpace<Element>?
  /// X of the last solve, for a method that recycles.
  var lastSolution: BlockVector<Element>?
  /// C is that of another A or M.
  var isStale = false
  /// The residual norms that the last cycle of this solve ended with by its own account, by column.
  private var expected: [Double] = []
  /// Steps of a cycle in this solve.
  private var cycleLength = 1
  /// How often the directions were found to have drifted in this solve.
  private var drifts = 0
  /// Whether they cut a Krylov space short in this solve, which then goes on without.
  private var exhausted = false

  init(_ core: EngineCore<Element>, events: [SolveEvent], recycles: Bool = false) {
    self.core = core
    self.events = events
    self.recycles = recycles
  }

  var setupEvents: [SolveEvent] { events + (m?.events ?? []) }
  var recurrenceBytesUsed: Int { kept.byteCount + (deflation?.byteCount ?? 0) + (lastSolution?.byteCount ?? 0) }

  func recurrenceBytes(columns: Int) -> Int { bytes(columns: columns, restart: restart(columns: columns)) }

  private func bytes(columns: Int, restart: Int) -> Int {
    Workspace.bytes(
      rows: rows, columns: columns, restart: restart, side: options.side, preconditioned: m != nil,
      kept: keptDirections(columns: columns, restart: restart)) + (recycles ? blockBytes(2, columns: columns) : 0)
  }

  /// The steps of a cycle: those asked for, or as many as the memory limit allows. Below 10 a narrower block is the better use of the
  /// memory; a single column may go down to 1.
  func restart(columns: Int) -> Int {
    guard var limit = options.memoryLimit else { return options.restart }
    limit -= BlockProblem<Element>.bytes(
      rows: rows, columns: rows, width: columns, copiesX: true, copies: GroupCopies(x: true, b: true))
    limit -= m?.bytesPlanned(columns: columns) ?? 0
    guard bytes(columns: columns, restart: options.restart) > limit else { return options.restart }
    var (low, high) = (min(columns > 1 ? 10 : 1, options.restart), options.restart)
    while low + 1 < high {
      let middle = (low + high) / 2
      if bytes(columns: columns, restart: middle) <= limit { low = middle } else { high = middle }
    }
    return low
  }

  /// The most directions that are kept with blocks of p columns: 20 and at most a quarter of the basis, where the caller does not say.
  private func keptDirections(columns p: Int, restart: Int) -> Int {
    let basis = min(restart * p, rows)
    return min(options.deflation ?? min(20, basis / 4), basis / 2)
  }

  func update(_ a: any LinearOperator<Element>) throws {
    try updatePreconditioner(for: a)
    isStale = true
  }

  func solve(_ whole: BlockProblem<Element>) throws {
    let monitor = whole.monitor
    cycleLength = restart(columns: whole.width)
    if cycleLength < options.restart {
      monitor.record(.note, "restart \(cycleLength) in place of \(options.restart) to stay within the memory limit")
    }
    prepareDeflation(columns: whole.width)
    try guessFromLastSolution(whole)
    defer { if recycles { lastSolution = whole.x } }
    var drift = DriftControl(columns: whole.width)
    var progress = ProgressControl(columns: whole.width)
    // On the left the preconditioned residual is what falls; when that of a column was not enough it must fall further.
    var tightening = [Double](repeating: 1, count: whole.width)
    var best = whole.startResiduals
    while true {
      let list = whole.open
      if list.isEmpty { return }
      let part = whole.openPart()
      let end = try cycle(part, Cycle(list: list, tightening: list.map { tightening[$0] }, width: whole.width))
      // The least-squares solution of a singular projected operator may be none of A's. On the left another residual falls.
      if options.side != .left { whole.takeBack(part, list, best) }
      whole.absorb(part, at: list)
      for j in list where whole.trueResiduals[j] < best[j] { best[j] = whole.trueResiduals[j] }
      let open = whole.open
      if open.isEmpty { return }
      let moved = progress.advanced(columns: open, residuals: whole.trueResiduals)
      for j in open {
        // Below rounding an estimate claims all there is to claim, whatever the bound.
        let claimed = whole.estimated[j] <= max(whole.thresholds[j] * tightening[j], Element.unitRoundoff / 8 * whole.norms[j])
        switch end {
        case .failed(let status):
          whole.finish(column: j, status)
        case .stopped(let reason):
          whole.finish(column: j, reason.status)
        case .spaceExhausted(let singular) where drift.isStuck(column: j, residual: whole.trueResiduals[j]):
          whole.finish(column: j, singular ? .singular(reciprocalCondition: nil) : .stagnated(.attainableAccuracy))
        case .finished where claimed && options.side != .left && drift.isStuck(column: j, residual: whole.trueResiduals[j]):
          whole.finish(column: j, .stagnated(.attainableAccuracy))
        case .finished, .spaceExhausted:
          if options.side == .left, claimed { tightening[j] = max(tightening[j] / 8, 1e-12) }
          if !moved { whole.finish(column: j, claimed ? .stagnated(.attainableAccuracy) : .stagnated(.noProgress)) }
        }
      }
      if !whole.open.isEmpty {
        let kept = deflation?.columns ?? 0
        monitor.record(
          open.contains { whole.estimated[$0] <= whole.thresholds[$0] } ? .residualReplaced : .restarted,
          "restart on the true residual with \(whole.open.count) columns" + (kept > 0 ? ", \(kept) directions kept" : ""))
      }
    }
  }

  private func prepareDeflation(columns: Int) {
    expected = [Double](repeating: .nan, count: columns)
    drifts = 0
    exhausted = false
    let kept = keptDirections(columns: columns, restart: cycleLength)
    if recycles, deflation != nil { return }
    if deflation?.capacity != kept { deflation = DeflationSpace(capacity: kept, isFlexible: options.side == .flexible) }
    deflation?.clear()
  }

  /// What a cycle is told.
  private struct Cycle {
    /// The columns of the whole problem that it works on.
    var list: [Int]
    var tightening: [Double]
    /// The columns of the whole problem.
    var width: Int
  }

  /// How a cycle ended.
  private enum CycleEnd {
    /// The basis is full, or every column's estimate meets its bound.
    case finished
    /// The space became invariant; singular when the projected operator is.
    case spaceExhausted(singular: Bool)
    case stopped(SolveMonitor.StopReason)
    case failed(ColumnStatus)
  }

  /// One cycle from the true residual to the verified X.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private func cycle(_ problem: BlockProblem<Element>, _ cycle: Cycle) throws -> CycleEnd {
    let work = workspace(columns: problem.width)
    defer { work.arnoldi.removeHead() }
    if let failure = try start(problem, work, cycle) {
      try verify(problem, work)
      return .failed(failure)
    }
    var end = try iterate(problem, work, cycle)
    work.arnoldi.removeHead()
    if case .spaceExhausted = end, deflation?.columns ?? 0 > 0 {
      // The space of the projected operator ended, not that of A.
      exhausted = true
      end = .finished
    }
    work.hessenberg.residuals(into: &work.norms)
    for (k, j) in cycle.list.enumerated() { expected[j] = work.norms[k] }
    if work.hessenberg.steps > 0 || deflation?.columns ?? 0 > 0 {
      if work.hessenberg.isSingular {
        problem.monitor.record(
          .breakdown, "the projected operator is singular; its least-squares solution of least length was taken")
      }
      try addCorrection(to: &problem.x, problem, work, columns: unsettled(problem, work))
      problem.hasGuess = true
    }
    try verify(problem, work)
    if exhausted { deflation?.clear() }
    keepDirections(problem, work, end)
    return end
  }

  /// The steps of a cycle.
  private func iterate(_ problem: BlockProblem<Element>, _ work: Workspace, _ cycle: Cycle) throws -> CycleEnd {
    let (p, kept) = (problem.width, deflation?.columns ?? 0)
    // Memory is what limits a cycle, and rows are padded. The kept directions take their share of the basis.
    func padded(_ columns: Int) -> Int { columns == 0 ? 0 : BlockVector<Element>.paddedWidth(columns) }
    let full = cycleLength * padded(p)
    let limit = full - min(kept * padded(p) / cycle.width, full / 2)
    var (used, narrowed) = (0, work.arnoldi.hasSpares)
    if kept > 0, work.noteEstimates(problem) { return .finished }
    var width = work.arnoldi.candidates
    while true {
      let all = work.arnoldi.candidates
      let taken = options.inexactBreakdowns ? work.neededDirections(problem) : all
      // What is held back and what was replaced by it take memory too.
      narrowed = narrowed || taken < all
      let beside = narrowed ? padded(all - taken) + padded(all) : 0
      let isFull =
        used + padded(taken) + beside > limit || work.hessenberg.columnCount + taken > cycleLength * p
        || !work.hessenberg.hasRoom(for: taken)
      if isFull, work.hessenberg.steps > 0 { return .finished }
      used += padded(taken)
      if let stop = problem.monitor.limitReached() { return .stopped(stop) }
      if taken < all, taken != width {
        problem.monitor.record(
          .deflated, "the residuals need \(taken) of \(all) directions; the others are held back")
      } else if taken == all, width < all {
        problem.monitor.record(.enriched, "the residuals need all \(all) directions again")
      }
      width = taken
      work.advance(taking: taken, of: all)
      switch try step(problem, work) {
      case .nonFinite:
        return .failed(try blame(problem, work))
      case .grown(let rank):
        let ended = work.arnoldi.candidates == 0
        let singular = ended && work.hessenberg.isSingular
        // Nothing is left below a singular R, which says nothing of the residual.
        let done = !singular && work.noteEstimates(problem)
        let stop = problem.monitor.finishIteration()
        try problem.checkpoint { try addCorrection(to: &$0, problem, work, columns: unsettled(problem, work)) }
        if done { return .finished }
        if try settleLimited(problem, work) { return .finished }
        if ended { return .spaceExhausted(singular: singular) }
        if rank < taken { width = min(width, work.arnoldi.candidates) }
        if let stop { return .stopped(stop) }
      }
    }
  }

  /// V₁ and Λ from the residual of the current X, by columns of unit length.
  private func start(_ problem: BlockProblem<Element>, _ work: Workspace, _ cycle: Cycle) throws -> ColumnStatus? {
    let p = problem.width
    if problem.hasGuess {
      try problem.residual(of: problem.x, problem.b, into: &work.scratch)
    } else {
      work.scratch.copy(from: problem.b)
    }
    work.space.columnNorms(work.scratch, into: &work.norms)
    for j in 0..<p {
      guard work.norms[j].isFinite else { return .nonFinite(.operator) }
      work.targets[j] = problem.thresholds[j] * cycle.tightening[j]
      work.estimateScales[j] = 1
      work.isSettled[j] = false
    }
    let trueNorms = work.norms
    work.arnoldi.reset()
    work.arnoldi.makeNext(columns: p)
    if let m, options.side == .left {
      problem.monitor.countPreconditioner()
      try work.arnoldi.writeNext { try m.apply(to: work.scratch, into: &$0) }
      work.space.columnNorms(work.arnoldi.next, into: &work.norms)
      for j in 0..<p {
        guard work.norms[j].isFinite else { return .nonFinite(.preconditioner) }
        // The estimate of the true residual is the preconditioned one times their ratio at the start of the cycle.
        work.estimateScales[j] = work.norms[j] > 0 ? trueNorms[j] / work.norms[j] : 0
      }
    } else {
      work.arnoldi.writeNext { $0.copy(from: work.scratch) }
    }
    try refreshDirections(problem, work, cycle)
    if let deflation, deflation.columns > 0 {
      work.arnoldi.writeNext { deflation.begin(&$0, work.space) }
      work.space.columnNorms(work.arnoldi.next, into: &work.norms)
      work.arnoldi.placeHead(deflation.images)
    }
    for j in 0..<p { work.columnScales[j] = Element.Magnitude(1 / max(work.norms[j], .leastNormalMagnitude)) }
    work.arnoldi.writeNext { $0.scaleColumns(by: work.columnScales) }
    guard case .grown(let rank) = work.arnoldi.begin() else { return .nonFinite(.operator) }
    if rank < p {
      problem.monitor.record(.deflated, "\(p - rank) directions of the residual depend on the others and were dropped")
    }
    work.beginLeastSquares()
    return nil
  }

  /// W = A·M⁻¹·V_k (or M⁻¹·A·V_k), orthonormalised: one more block column of H̄.
  private func step(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> BlockArnoldi<Element>.Outcome {
    let width = work.arnoldi.direction.columns
    work.arnoldi.makeNext(columns: width)
    try work.applyOperator(problem, m, options.side)
    let outcome = work.arnoldi.grow()
    if case .grown(let rank) = outcome {
      let kept = work.arnoldi.heads == 1 ? deflation?.columns ?? 0 : 0
      if kept > 0 { deflation?.couple(work.arnoldi.h) }
      work.hessenberg.append(work.arnoldi.h, skipping: kept, below: work.arnoldi.below)
      if rank < width, rank > 0 {
        problem.monitor.record(.deflated, "\(width - rank) directions of the Krylov space became dependent and were dropped")
      }
    }
    return outcome
  }

  /// Columns that have made all iterations that they may take their X now; true when nothing is left to do for the others.
  private func settleLimited(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> Bool {
    let reached = unsettled(problem, work).filter { !problem.mayGoOn(column: $0) }
    if reached.isEmpty { return false }
    try addCorrection(to: &problem.x, problem, work, columns: reached)
    problem.hasGuess = true
    for j in reached { work.isSettled[j] = true }
    return work.meetsBounds(problem)
  }

  /// The columns whose X is not yet what the cycle makes of it.
  private func unsettled(_ problem: BlockProblem<Element>, _ work: Workspace) -> [Int] {
    (0..<problem.width).filter { !work.isSettled[$0] }
  }

  /// X += M⁻¹·(𝒱·Y + U·Y_U) in these columns.
  private func addCorrection(
    to x: inout BlockVector<Element>, _ problem: BlockProblem<Element>, _ work: Workspace, columns: [Int]
  ) throws {
    let (steps, kept) = (work.hessenberg.steps, deflation?.columns ?? 0)
    guard steps > 0 || kept > 0 else { return }
    work.hessenberg.solve(into: &work.y)
    let others = (0..<problem.width).filter { !columns.contains($0) }
    work.y.zeroColumns(others)
    guard work.y.isFinite else { return }
    let (flexible, right) = (options.side == .flexible, options.side == .right && m != nil)
    // In the middle of a cycle the images of the kept directions stand in front of the basis.
    let basis =
      flexible ? work.directions : work.arnoldi.heads == 0 ? work.arnoldi.basis : Array(work.arnoldi.basis.dropFirst())
    func add(to x: inout BlockVector<Element>) {
      if steps > 0 { work.space.update(&x, plus: basis, count: steps, times: work.y) }
      guard kept > 0, let deflation, let u = deflation.corrections ?? deflation.vectors else { return }
      var coefficients = deflation.solve(with: work.y)
      coefficients.zeroColumns(others)
      work.space.update(&x, plus: u, times: coefficients)
    }
    if let m, right {
      work.scratch.setZero()
      add(to: &work.scratch)
      problem.monitor.countPreconditioner()
      try work.preconditionScratch(m)
      x.combine(1, work.preconditioned, 1)
    } else {
      add(to: &x)
    }
  }

  /// Recomputes B − A·X; columns that meet their bound are converged.
  private func verify(_ problem: BlockProblem<Element>, _ work: Workspace) throws {
    try problem.residual(of: problem.x, problem.b, into: &work.scratch)
    work.space.columnNorms(work.scratch, into: &work.norms)
    for j in 0..<problem.width {
      problem.trueResiduals[j] = work.norms[j]
      if work.norms[j] <= problem.thresholds[j] { problem.finish(column: j, .converged) }
    }
    problem.finishLimited()
  }

  /// Which of A and M⁻¹ gave NaN or infinity for the last basis block.
  private func blame(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> ColumnStatus {
    guard let m else { return .nonFinite(.operator) }
    let v = work.arnoldi.direction
    var image = v
    if options.side == .left {
      try problem.apply(v, into: &image)
      return image.columnMaxima().allSatisfy { $0.isFinite } ? .nonFinite(.preconditioner) : .nonFinite(.operator)
    }
    try m.apply(to: v, into: &image)
    return image.columnMaxima().allSatisfy { $0.isFinite } ? .nonFinite(.operator) : .nonFinite(.preconditioner)
  }

  private func workspace(columns: Int) -> Workspace {
    kept.workspace(columns: columns, fits: { $0.restart == cycleLength }) {
      Workspace(rows: rows, columns: columns, restart: cycleLength, side: options.side, preconditioned: m != nil)
    }
  }

  // MARK: Kept directions

  /// At the end of a cycle, when another one follows or the directions outlive the solve.
  private func keepDirections(_ problem: BlockProblem<Element>, _ work: Workspace, _ end: CycleEnd) {
    guard let deflation, deflation.capacity > 0, drifts < 3, !exhausted else { return }
    switch end {
    case .finished: break
    case .stopped where recycles: break
    default: return
    }
    guard recycles || !problem.open.isEmpty else { return }
    let before = deflation.columns
    if !deflation.renew(from: work.arnoldi, work.hessenberg, directions: work.directions), work.hessenberg.steps > 0, before > 0,
      deflation.columns == 0
    {
      problem.monitor.record(.breakdown, "the kept directions became dependent and were dropped")
    }
  }

  /// C anew for another A, or where the residual that the last cycle ended with is not the true one.
  private func refreshDirections(_ problem: BlockProblem<Element>, _ work: Workspace, _ cycle: Cycle) throws {
    guard let deflation, deflation.columns > 0 else { return }
    let drifted = cycle.list.indices.contains { k in
      let last = expected[cycle.list[k]]
      return work.norms[k] > 2 * last && work.norms[k] * work.estimateScales[k] > problem.thresholds[k]
    }
    guard isStale || drifted else { return }
    if drifted {
      drifts += 1
      if drifts >= 3 {
        deflation.clear()
        return problem.monitor.record(.breakdown, "the kept directions drifted again and were dropped")
      }
    }
    let why = isStale ? "A changed" : "the residual drifted from its estimate"
    isStale = false
    let (before, m, side) = (deflation.columns, m, options.side)
    try deflation.refresh(work.space) { u, c in
      switch side {
      case .right where m != nil:
        var z = u
        problem.monitor.countPreconditioner()
        try m?.apply(to: u, into: &z)
        try problem.apply(z, into: &c)
      case .left where m != nil:
        var z = u
        try problem.apply(u, into: &z)
        problem.monitor.countPreconditioner()
        try m?.apply(to: z, into: &c)
      default:
        try problem.apply(u, into: &c)
      }
    }
    problem.monitor.record(
      .residualReplaced,
      "\(why): the images of \(before) kept directions were computed again, \(deflation.columns) are independent")
  }
}
