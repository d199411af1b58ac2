/// Runs the stages of a plan, each on the columns that are still unsolved.
final class AutomaticEngine<Element: Scalar>: SolveEngine {
  private let plan: AutomaticPlan
  private let options: SolverOptions
  private var a: any LinearOperator<Element>
  private let preconditioner: (any Preconditioner<Element>)?
  private var engines: [(any SolveEngine<Element>)?]
  /// The stage that solved last: where reports take their names from.
  private var current = 0
  private var prologue: [SolveEvent] = []
  /// The first stage, where it may solve at once and no other stage took over.
  private(set) var immediate: ImmediateEngine<Element>?
  /// What iterations with this A took so far, by the cost model: who solves again and again is better off with a factorisation.
  private var spentSeconds = 0.0
  /// What the last of them took for a column.
  private var spentSecondsPerColumn = 0.0
  /// What the direct stage takes, once somebody asked; `.some(nil)` when it cannot be told or must not be made.
  private var directWork: FactorizationWork??

  init(
    plan: AutomaticPlan, options: SolverOptions, a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws {
    (self.plan, self.options, self.preconditioner) = (plan, options, preconditioner)
    self.a = (a as? CSRMatrix<Element>).map { $0.tagged($0.structure.union(plan.proved)) } ?? a
    engines = plan.stages.map { _ in nil }
    try prepareFirst()
  }

  var methodName: String { engines[current]?.methodName ?? "auto" }
  var preconditionerName: String { engines[current]?.preconditionerName ?? "none" }
  var explanation: [String] { plan.reasons + (engines[current]?.explanation ?? []) }
  var sharesSpace: Bool { engines[current]?.sharesSpace ?? true }
  var copiesSolution: Bool { engines[current]?.copiesSolution ?? true }
  var setupEvents: [SolveEvent] { prologue + (engines[current]?.setupEvents ?? []) }
  var bytesUsed: Int { engines.reduce(0) { $0 + ($1?.bytesUsed ?? 0) } }
  func bytesPlanned(columns: Int) -> Int { engines[current]?.bytesPlanned(columns: columns) ?? 0 }

  /// The width that costs least by the cost model.
  func preferredWidth(columns: Int, limit: Int) -> Int {
    guard let costs = plan.costs, let engine = engines[current], engine.sharesSpace else { return min(columns, limit) }
    return costs.width(
      for: plan.stages[current].method, columns: columns, limit: limit, application: application(of: engine))
  }

  /// The products with A that an application of an engine's preconditioner is worth; of a caller's own as much as of a factored one.
  private func application(of engine: any SolveEngine<Element>) -> Double {
    ((try? PreconditionerChoice(name: engine.preconditionerName)) ?? .automatic).productsPerApplication
  }

  /// A line for each method of the plan from the current one on.
  func costs(columns: Int, width: Int) -> [String] {
    guard let costs = plan.costs, columns > 0 else { return [] }
    return plan.stages.indices.dropFirst(current).compactMap { k in
      let stage = plan.stages[k]
      if k == plan.directStage {
        return workOfDirectStage().map { work in
          "\(work.method): \(costs.direct(work, columns: columns).brief) s in all, \((work.flops / 1e9).brief) GFlop and "
            + "\((work.entries / 1e6).brief) million entries in the factors, \((work.peakBytes / 1e6).brief) MB"
        } ?? "\(stage.method.name): not worth it, or more memory than there is"
      }
      let application = engines[k].map { self.application(of: $0) } ?? stage.method.options.preconditioner.productsPerApplication
      guard let parts = costs.parts(of: stage.method, columns: width, application: application) else { return nil }
      func milliseconds(_ seconds: Double) -> String { "\((1e3 * seconds).brief) ms" }
      return
        "\(stage.method.name): \(milliseconds(parts.sum)) an iteration with \(width == 1 ? "one column" : "\(width) columns") "
        + "(products \(milliseconds(parts.products)), preconditioner \(milliseconds(parts.preconditioner)), "
        + "blocks \(milliseconds(parts.blocks)))"
    }
  }

  func update(_ newA: any LinearOperator<Element>) throws {
    a = newA
    (directWork, spentSeconds, spentSecondsPerColumn) = (nil, 0, 0)
    for k in engines.indices {
      guard let engine = engines[k] else { continue }
      try engine.update(plan.stages[k].negated ? BlockProblem<Element>.negated(newA) : newA)
    }
  }

  /// The first method that can be prepared; a preconditioner or factorisation that cannot be built moves on.
  private func prepareFirst() throws {
    prologue = []
    current = 0
    while true {
      do {
        try prepare(current)
        immediate = plan.stages[current].negated ? nil : engines[current] as? ImmediateEngine<Element>
        return
      } catch let error as BlockKrylovError where current + 1 < plan.stages.count {
        prologue.append(
          SolveEvent(
            kind: .methodChanged, detail: "\(plan.stages[current].method.name) could not be prepared: \(error.description)"))
        current += 1
      }
    }
  }

  private func prepare(_ k: Int) throws {
    guard engines[k] == nil else { return }
    let stage = plan.stages[k]
    engines[k] = try stage.method.makeEngine(
      for: stage.negated ? BlockProblem<Element>.negated(a) : a, preconditioner: stage.takesPreconditioner ? preconditioner : nil)
  }

  func solve(_ problem: SolveProblem<Element>) throws {
    let whole = problem.block
    let monitor = whole.monitor
    var spent = 0.0
    defer {
      monitor.judge = nil
      spentSeconds += spent
      spentSecondsPerColumn = spent / Double(max(whole.width, 1))
    }
    // What the best stage so far reached for each column that is not solved.
    var best = [Double](repeating: .infinity, count: whole.width)
    var bestX: BlockVector<Element>?
    try takeOverDirectly(whole)
    var k = current
    while true {
      let list = whole.open
      let part = whole.openPart(negated: plan.stages[k].negated, takesX: true)
      let judge = judge(part, stage: k)
      monitor.judge = judge.map { judge in { judge.isOver() } }
      try engines[k]?.solve(SolveProblem(part))
      monitor.judge = nil
      spent += judge?.spentSeconds ?? 0
      if part.trueResiduals.contains(where: { $0.isNaN }) { try recompute(part) }
      whole.absorb(part, at: list)
      if k != current { immediate = nil }
      current = k
      let next = try nextStage(after: k, whole, list, judge?.verdict) {
        let unsolved = list.filter { whole.status[$0]?.isConverged != true && whole.trueResiduals[$0] <= best[$0] }
        guard !unsolved.isEmpty else { return }
        var x = bestX ?? BlockVector(rows: whole.x.rows, columns: whole.width)
        bestX = nil
        x.scatterColumns(unsolved, from: whole.x.picking(unsolved))
        bestX = x
        for j in unsolved { best[j] = whole.trueResiduals[j] }
      }
      guard let next else { break }
      k = next
    }
    // A column that no stage solved keeps the best X of all stages.
    guard let bestX else { return }
    for j in 0..<whole.width where whole.status[j]?.isConverged != true && best[j].isFinite && best[j] < whole.trueResiduals[j] {
      whole.x[columns: j..<(j + 1)] = bestX[columns: j..<(j + 1)]
      whole.trueResiduals[j] = best[j]
    }
  }

  // MARK: Moving on

  /// Where iterations with this A have taken as long as its factorisation with a solve, and go on to take longer than a solve, the direct
  /// stage takes over before another one begins. (Long iterations are judged as they go.)
  private func takeOverDirectly(_ whole: BlockProblem<Element>) throws {
    guard let direct = plan.directStage, direct > current, let costs = plan.costs, spentSeconds > costs.analysis,
      let work = workOfDirectStage(), spentSeconds > costs.direct(work, columns: whole.width),
      spentSecondsPerColumn > costs.directSolve(work, columns: 1)
    else { return }
    do {
      try requireMemoryForDirectStage()
      try prepare(direct)
    } catch is BlockKrylovError {
      directWork = .some(nil)
      return
    }
    whole.monitor.record(
      .methodChanged,
      "\(plan.stages[current].method.iteration.name) took about \(spentSeconds.brief) s by the cost model in earlier solves with this A; "
        + "\(work.method) takes over")
    if let engine = engines[direct] { whole.monitor.record(engine.setupEvents) }
    engines[current] = nil
    immediate = nil
    current = direct
  }

  /// What watches a stage after which another one waits.
  private func judge(_ part: BlockProblem<Element>, stage k: Int) -> StageJudge<Element>? {
    guard let costs = plan.costs, let engine = engines[k] else { return nil }
    let stage = plan.stages[k]
    let direct = plan.directStage.flatMap { $0 > k ? $0 : nil }
    let isTrial = stage.isTrial && k + 1 < plan.stages.count
    guard direct != nil || isTrial,
      let seconds = costs.iteration(of: stage.method, columns: part.width, application: application(of: engine))
    else { return nil }
    return StageJudge(
      part, secondsPerIteration: seconds, analysisSeconds: costs.analysis, earlierSeconds: spentSeconds,
      mostIterations: isTrial ? stage.method.options.maximumIterations : nil,
      directSeconds: direct == nil
        ? nil
        : { [unowned self] columns in workOfDirectStage().map { (costs.direct($0, columns: columns), $0.method) } })
  }

  /// What the direct stage takes; `nil` when that cannot be told, or is more memory than there is.
  private func workOfDirectStage() -> FactorizationWork? {
    if let directWork { return directWork }
    var work: FactorizationWork?
    if let k = plan.directStage, let method = plan.stages[k].method as? any FactorizationEstimating, let matrix = a.sparseMatrix {
      work = try? method.estimatedWork(for: matrix)
    }
    if let needed = work?.peakBytes, needed > Double(options.memoryLimit ?? installedMemory / 2) { work = nil }
    directWork = .some(work)
    return work
  }

  /// Prepares the next stage that can be, if there are columns that may gain from it; says so as an event, and opens those columns.
  private func nextStage(
    after k: Int, _ whole: BlockProblem<Element>, _ list: [Int], _ verdict: StageVerdict?, keep: () -> Void
  ) throws -> Int? {
    let failed = list.filter { whole.status[$0]?.mayGainFromAnotherMethod == true && whole.mayGoOn(column: $0) }
    guard !failed.isEmpty, !whole.monitor.isOver, k + 1 < plan.stages.count else { return nil }
    let failedMethod = plan.stages[k].method.iteration
    if verdict == nil, options.maximumIterations != nil, failed.allSatisfy({ whole.status[$0] == .maximumIterations }) {
      return nil
    }
    let indefinite = failed.contains { whole.status[$0] == .indefiniteOperator }
    for next in (k + 1)..<plan.stages.count {
      // Where CG converges too slowly, MINRES does so too.
      if failedMethod is BlockCG, plan.stages[next].method is BlockMINRES, !indefinite { continue }
      if case .directIsQuicker = verdict, next != plan.directStage { continue }
      do {
        if next == plan.directStage { try requireMemoryForDirectStage() }
        try prepare(next)
      } catch let error as BlockKrylovError {
        whole.monitor.record(.methodChanged, "\(plan.stages[next].method.name) could not be prepared: \(error.description)")
        continue
      }
      guard let engine = engines[next] else { continue }
      let why = verdict?.words ?? whole.status[failed[0]]?.summary ?? "not converged"
      let name =
        engine.preconditionerName == "none" ? engine.methodName : "\(engine.methodName) with \(engine.preconditionerName)"
      whole.monitor.record(
        .methodChanged, "\(failedMethod.name) left \(failed.count) columns unsolved (\(why)); \(name) takes over")
      whole.monitor.record(engine.setupEvents)
      keep()
      reopen(failed, whole)
      // Later solves begin where this one goes on, so that nobody needs the memory of what is left behind.
      engines[k] = nil
      return next
    }
    // What was given up for a method that could not be prepared goes on after all.
    guard case .directIsQuicker = verdict else { return nil }
    directWork = .some(nil)
    keep()
    reopen(failed, whole)
    return k
  }

  private func reopen(_ columns: [Int], _ whole: BlockProblem<Element>) {
    for j in columns {
      whole.status[j] = nil
      // A guess that is worse than none would only cost iterations.
      if !(whole.trueResiduals[j] < whole.norms[j]) {
        whole.x[columns: j..<(j + 1)] = BlockVector(rows: whole.x.rows, columns: 1)
      }
      whole.trueResiduals[j] = .nan
    }
  }

  /// Without a limit of the caller's the last resort may take all the memory that is there, but no more.
  private func requireMemoryForDirectStage() throws {
    guard options.memoryLimit == nil, let k = plan.directStage, engines[k] == nil, let matrix = a.sparseMatrix,
      let method = plan.stages[k].method as? any FactorizationEstimating, let work = try method.estimatedWork(for: matrix),
      work.peakBytes > Double(installedMemory)
    else { return }
    throw BlockKrylovError.factorization(
      "it may need \((work.peakBytes / 1e9).brief) GB and the machine has \((Double(installedMemory) / 1e9).brief) GB")
  }

  private func recompute(_ part: BlockProblem<Element>) throws {
    var r = part.b
    try part.residual(of: part.x, part.b, into: &r)
    let norms = r.columnNorms()
    for j in 0..<part.width where part.trueResiduals[j].isNaN { part.trueResiduals[j] = norms[j] }
  }
}

extension ColumnStatus {
  /// Whether another method may solve what this one could not.
  var mayGainFromAnotherMethod: Bool {
    switch self {
    case .stagnated, .maximumIterations, .breakdown, .indefiniteOperator, .indefinitePreconditioner, .singular,
      .nonFinite(.preconditioner):
      true
    default: false
    }
  }
}
