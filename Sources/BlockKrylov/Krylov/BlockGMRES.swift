/// Block GMRES for general A: all columns share one Krylov space, and the residual of every column is the smallest in it.
///
/// Restarted, preconditioned on the right by default so that the residual that is minimised is the true one; on the left, or flexible
/// (the preconditioner may change in every step) on request. See B. Vital (1990) and M. H. Gutknecht, “Block Krylov space methods for
/// linear systems with multiple right-hand sides” (2007); for flexible: H. Calandra, S. Gratton, J. Langou, X. Pinel and X. Vasseur,
/// “Flexible variants of block restarted GMRES”, SIAM J. Sci. Comput. 34, 2012.
///
/// A cycle of k steps from R = B − A·X:
/// ```
/// R = V₀Λ                                   rank-revealing: dependent columns cost nothing
/// A·M⁻¹·𝒱_k = 𝒱_{k+1}·H̄_k                   BlockArnoldi
/// Y = argmin ‖E₁Λ − H̄_k·Y‖ column by column  BlockHessenberg
/// X += M⁻¹·𝒱_k·Y
/// ```
/// - Complexity of step k with p columns: one product with A, one application of M⁻¹, 8·n·k·p² flops.
///   Memory: restart + 3 blocks of n·p (2·restart + 4 when flexible), allocated as the basis grows.
public struct BlockGMRES: BlockMethod {
  /// `gmres`.
  public var name: String { "gmres" }
  /// The options; `dependentColumns` has no meaning here, dependent directions are always dropped.
  public var options = SolverOptions()

  /// Block GMRES with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  public init(
    tolerance: Tolerance = .default, restart: Int = 50, side: PreconditionerSide = .right, maximumIterations: Int? = nil,
    timeLimit: Duration? = nil, threads: Int? = nil
  ) {
    options.tolerance = tolerance
    options.restart = restart
    options.side = side
    options.maximumIterations = maximumIterations
    options.timeLimit = timeLimit
    options.threads = threads
  }

  /// Checks A and builds the preconditioner. One that varies makes the method flexible.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for a varying preconditioner on the left.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    try requireSquare(a)
    let m = try preconditioner ?? buildPreconditioner(options.preconditioner, for: a)
    var options = options
    if let m, m.isVariable {
      if options.side == .left {
        throw BlockKrylovError.unsupported(
          "the preconditioner \(m.name) changes from call to call and cannot stand on the left; use side: flexible")
      }
      options.side = .flexible
    }
    var events: [SolveEvent] = []
    // One of the caller's may vary without saying so; the methods that assume it fixed would then stagnate far from the solution.
    if let preconditioner, options.side != .flexible,
      case .notLinear(let deviation) = try PreconditionerProbe.failure(of: preconditioner, requiringPositiveDefinite: false)
    {
      let finding = "the preconditioner \(preconditioner.name) is not linear (deviation \(deviation.brief) on random vectors)"
      guard options.side == .right else {
        throw BlockKrylovError.unsupported(finding + " and cannot stand on the left; use side: flexible")
      }
      options.side = .flexible
      events.append(SolveEvent(kind: .methodChanged, detail: finding + ": flexible GMRES takes the place of GMRES"))
    }
    if m == nil { options.side = .right }
    return BlockGMRESEngine(options: options, preconditioner: m, rows: a.rows, events: events)
  }
}

/// Block GMRES bound to one A.
final class BlockGMRESEngine<Element: Scalar>: SolveEngine {
  private let options: SolverOptions
  private let events: [SolveEvent]
  private var m: (any Preconditioner<Element>)?
  private let rows: Int
  private var workspace: Workspace?
  /// The memory of the largest workspace so far: one for fewer columns may have taken its place.
  private var peakBytes = 0

  init(options: SolverOptions, preconditioner: (any Preconditioner<Element>)?, rows: Int, events: [SolveEvent]) {
    self.options = options
    self.events = events
    self.rows = rows
    m = preconditioner
  }

  var methodName: String { options.side == .flexible ? "fgmres" : "gmres" }
  var preconditionerName: String { m?.name ?? "none" }
  var setupEvents: [SolveEvent] { events + (m?.events ?? []) }
  var bytesUsed: Int { max(peakBytes, workspace?.byteCount ?? 0) + (m?.storedBytes ?? 0) }

  func bytesPlanned(columns: Int) -> Int {
    guard columns > 0 else { return m?.storedBytes ?? 0 }
    let width = BlockVector<Element>.paddedWidth(columns) * MemoryLayout<Element>.stride
    let steps = min(options.restart, (rows + columns - 1) / columns)
    let blocks = (steps + 1) * (options.side == .flexible ? 2 : 1) + 2
    return rows * width * blocks + BlockSpace<Element>.bytes(p: columns * (steps + 1), q: columns, rows: rows)
      + (m?.storedBytes ?? 0)
  }

  func update(_ a: any LinearOperator<Element>) throws { m = try updatedPreconditioner(m, for: a) }

  func solve(_ problem: SolveProblem<Element>) throws {
    let whole = problem.block
    let monitor = whole.monitor
    monitor.begin(method: methodName, iterationLimit: options.maximumIterations ?? 10 * rows + 100)
    var drift = DriftControl(columns: whole.width)
    var progress = ProgressControl(columns: whole.width)
    // On the left the preconditioned residual is what falls; when that of a column was not enough it must fall further.
    var tightening = [Double](repeating: 1, count: whole.width)
    while true {
      let list = whole.open
      if list.isEmpty { return }
      let part = whole.openPart()
      let end = try cycle(part, tightening: list.map { tightening[$0] })
      whole.absorb(part, at: list)
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
        monitor.record(
          open.contains { whole.estimated[$0] <= whole.thresholds[$0] } ? .residualReplaced : .restarted,
          "restart on the true residual with \(whole.open.count) columns")
      }
    }
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
  private func cycle(_ problem: BlockProblem<Element>, tightening: [Double]) throws -> CycleEnd {
    let work = workspace(columns: problem.width)
    if let failure = try start(problem, work, tightening) {
      try verify(problem, work)
      return .failed(failure)
    }
    var end = CycleEnd.finished
    steps: while work.hessenberg.steps < options.restart {
      if let stop = problem.monitor.limitReached() {
        end = .stopped(stop)
        break
      }
      switch try step(problem, work) {
      case .nonFinite:
        end = .failed(try blame(problem, work))
        break steps
      case .grown(let rank):
        var done = true
        for j in 0..<problem.width where !(work.noteEstimate(problem, column: j)) { done = false }
        let stop = problem.monitor.finishIteration()
        if done { break steps }
        if rank == 0 {
          end = .spaceExhausted(singular: work.hessenberg.isSingular)
          break steps
        }
        if let stop {
          end = .stopped(stop)
          break steps
        }
      }
    }
    try updateSolution(problem, work)
    try verify(problem, work)
    return end
  }

  /// V₀ and Λ from the residual of the current X, by columns of unit length.
  private func start(_ problem: BlockProblem<Element>, _ work: Workspace, _ tightening: [Double]) throws -> ColumnStatus? {
    let p = problem.width
    work.arnoldi.reset()
    work.arnoldi.makeNext(columns: p)
    if problem.hasGuess {
      try problem.residual(of: problem.x, problem.b, into: &work.scratch)
    } else {
      work.scratch.copy(from: problem.b)
    }
    work.space.columnNorms(work.scratch, into: &work.norms)
    for j in 0..<p {
      guard work.norms[j].isFinite else { return .nonFinite(.operator) }
      work.targets[j] = problem.thresholds[j] * tightening[j]
      work.estimateScales[j] = 1
    }
    if let m, options.side == .left {
      let trueNorms = work.norms
      problem.monitor.countPreconditioner()
      try work.arnoldi.writeNext { try m.apply(to: work.scratch, into: &$0) }
      work.space.columnNorms(work.arnoldi.basis[0], into: &work.norms)
      for j in 0..<p {
        guard work.norms[j].isFinite else { return .nonFinite(.preconditioner) }
        // The estimate of the true residual is the preconditioned one times their ratio at the start of the cycle.
        work.estimateScales[j] = work.norms[j] > 0 ? trueNorms[j] / work.norms[j] : 0
      }
    } else {
      work.arnoldi.writeNext { $0.copy(from: work.scratch) }
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
    let k = work.arnoldi.count - 1
    let width = work.arnoldi.basis[k].columns
    work.arnoldi.makeNext(columns: width)
    try work.applyOperator(problem, m, options.side, block: k)
    let outcome = work.arnoldi.grow()
    if case .grown(let rank) = outcome {
      work.hessenberg.append(work.arnoldi.h, below: work.arnoldi.below)
      if rank < width, rank > 0 {
        problem.monitor.record(.deflated, "\(width - rank) directions of the Krylov space became dependent and were dropped")
      }
    }
    return outcome
  }

  /// X += M⁻¹·𝒱·Y.
  private func updateSolution(_ problem: BlockProblem<Element>, _ work: Workspace) throws {
    let steps = work.hessenberg.steps
    guard steps > 0 else { return }
    if work.hessenberg.isSingular {
      problem.monitor.record(
        .breakdown, "the projected operator is singular; its least-squares solution of least length was taken")
    }
    work.hessenberg.solve(into: &work.y)
    guard work.y.isFinite else { return }
    problem.hasGuess = true
    if options.side == .flexible {
      work.space.update(&problem.x, plus: work.directions, count: steps, times: work.y)
    } else if let m, options.side == .right {
      work.scratch.setZero()
      work.space.update(&work.scratch, plus: work.arnoldi.basis, count: steps, times: work.y)
      problem.monitor.countPreconditioner()
      try work.preconditionScratch(m)
      problem.x.combine(1, work.preconditioned, 1)
    } else {
      work.space.update(&problem.x, plus: work.arnoldi.basis, count: steps, times: work.y)
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
  }

  /// Which of A and M⁻¹ gave NaN or infinity for the last basis block.
  private func blame(_ problem: BlockProblem<Element>, _ work: Workspace) throws -> ColumnStatus {
    guard let m else { return .nonFinite(.operator) }
    let v = work.arnoldi.basis[work.arnoldi.count - 1]
    var image = v
    if options.side == .left {
      try problem.apply(v, into: &image)
      return image.columnMaxima().allSatisfy { $0.isFinite } ? .nonFinite(.preconditioner) : .nonFinite(.operator)
    }
    try m.apply(to: v, into: &image)
    return image.columnMaxima().allSatisfy { $0.isFinite } ? .nonFinite(.operator) : .nonFinite(.preconditioner)
  }

  private func workspace(columns: Int) -> Workspace {
    if let workspace, workspace.columns == columns { return workspace }
    let fresh = Workspace(
      rows: rows, columns: columns, restart: options.restart, side: options.side, preconditioned: m != nil)
    peakBytes = max(peakBytes, workspace?.byteCount ?? 0)
    workspace = fresh
    return fresh
  }
}
