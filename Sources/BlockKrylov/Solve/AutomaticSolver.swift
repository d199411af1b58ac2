/// Chooses method and preconditioner by the structure of A, and moves on when the choice proves wrong.
///
/// | A | tried in this order |
/// |---|---|
/// | rectangular | LSMR |
/// | dense, or sparse of at most ``smallSize`` rows | direct |
/// | hermitian with a positive diagonal | block CG with IC(0), block MINRES with IC(0) if A is indefinite, block GMRES with ILU(0), direct |
/// | hermitian with a negative diagonal | the same for −A |
/// | hermitian with another diagonal | block MINRES with the moduli of the diagonal, block GMRES with ILU(0), direct |
/// | any other matrix | block GMRES with ILU(0), direct |
/// | matrix-free | block CG where A is tagged hermitian positive definite, block MINRES where it is tagged hermitian, block GMRES |
///
/// A column moves on to the next method when it met an indefinite operator or preconditioner, broke down, stagnated, or needed more
/// iterations than the method is worth; every move is an event in the report, and the choice is explained in
/// ``SolveReport/explanation``. Direct solves are dense LU by LAPACK for up to ``denseLimit`` rows; give a sparse one as `direct`
/// (`SparseDirect` of the product `BlockKrylovDirect`).
public struct AutomaticSolver: BlockMethod {
  /// `auto`.
  public var name: String { "auto" }
  /// The options. A preconditioner other than ``PreconditionerChoice/automatic`` is used in place of IC(0) and ILU(0).
  public var options = SolverOptions()
  /// The direct method that takes over; dense LU where there is none.
  public var direct: (any BlockMethod)?

  /// Up to this many rows a direct solve is faster than the choice of anything else.
  public static let smallSize = 500
  /// The most rows for which a dense factorisation takes the place of a sparse one.
  public static let denseLimit = 2000
  /// The most rows for which a sparse factorisation is tried without being asked for: fill may exceed any memory beyond.
  public static let sparseLimit = 200_000

  /// The automatic choice with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  public init(
    tolerance: Tolerance = .default, direct: (any BlockMethod)? = nil, maximumIterations: Int? = nil, timeLimit: Duration? = nil,
    threads: Int? = nil
  ) {
    self.direct = direct
    options.preconditioner = .automatic
    options.tolerance = tolerance
    options.maximumIterations = maximumIterations
    options.timeLimit = timeLimit
    options.threads = threads
  }

  /// Looks at A and prepares the first method.
  ///
  /// - Throws: ``BlockKrylovError/invalidMatrix(_:)`` for a square matrix with a row or column of zeros: no method can solve with it.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    return try AutomaticEngine(
      plan: plan(for: a, preconditioner: preconditioner), a: a, preconditioner: preconditioner,
      limitIsCallers: options.maximumIterations != nil)
  }

  /// What would be tried for A and why, without preparing any of it.
  ///
  /// - Throws: ``BlockKrylovError/invalidMatrix(_:)`` for a square matrix with a row or column of zeros.
  public func explanation<Element: Scalar>(for a: some LinearOperator<Element>) throws -> [String] {
    return try plan(for: a, preconditioner: nil).reasons
  }

  /// One method to try.
  struct Stage {
    let method: any BlockMethod
    let negated: Bool
    /// Whether the caller's preconditioner is for this method.
    let takesPreconditioner: Bool
  }

  /// The methods to try, and why.
  struct Plan {
    var stages: [Stage] = []
    var reasons: [String] = []
  }

  func plan<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> Plan {
    var plan = Plan()
    if a.rows != a.columns {
      plan.reasons.append("A is \(a.rows) × \(a.columns): least squares by LSMR with the columns of A scaled")
      plan.stages.append(Stage(method: configured(LSMR()), negated: false, takesPreconditioner: true))
      return plan
    }
    if a.denseMatrix != nil {
      plan.reasons.append("A is a dense matrix: direct solution by dense LU")
      plan.stages.append(Stage(method: configured(DenseLU()), negated: false, takesPreconditioner: false))
      return plan
    }
    guard let matrix = a.sparseMatrix else {
      planMatrixFree(a, preconditioner: preconditioner, &plan)
      return plan
    }
    let probe = matrix.probe()
    try refuseZeroRows(probe)
    if probe.looksPositiveDefinite || probe.looksNegativeDefinite {
      planDefinite(probe, preconditioner: preconditioner, &plan)
    } else {
      planGeneral(probe, preconditioner: preconditioner, &plan)
    }
    addDirect(rows: matrix.rows, &plan)
    limitIterations(&plan)
    return plan
  }

  private func planMatrixFree<Element: Scalar>(
    _ a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?, _ plan: inout Plan
  ) {
    let definite = a.structure.contains(.positiveDefinite)
    if a.isHermitian, preconditioner?.isPositiveDefinite ?? true, preconditioner?.isVariable != true {
      plan.reasons.append(
        "A is matrix-free and tagged hermitian\(definite ? " positive definite: block CG" : ": block MINRES")")
      let method: any BlockMethod = definite ? configured(BlockCG()) : configured(BlockMINRES())
      plan.stages.append(Stage(method: method, negated: false, takesPreconditioner: true))
      plan.reasons.append("block GMRES(\(options.restart)) if it does not converge")
    } else {
      plan.reasons.append("A is matrix-free and not tagged hermitian: block GMRES(\(options.restart))")
    }
    plan.stages.append(Stage(method: configured(BlockGMRES()), negated: false, takesPreconditioner: true))
  }

  private func planDefinite<Element: Scalar>(
    _ probe: StructureProbe, preconditioner: (any Preconditioner<Element>)?, _ plan: inout Plan
  ) {
    let negated = probe.looksNegativeDefinite
    let choice = options.preconditioner == .automatic ? "ic0" : options.preconditioner.name
    let usable = preconditioner.map { $0.isPositiveDefinite && !$0.isVariable && !negated } ?? true
    if usable, options.preconditioner != .ilu0, !isThresholdLU {
      plan.reasons.append(
        "A is hermitian with a \(negated ? "negative" : "positive") diagonal: block CG"
          + (negated ? " on −A·X = −B" : "") + " with \(preconditioner?.name ?? choice)")
      plan.stages.append(Stage(method: configured(BlockCG()), negated: negated, takesPreconditioner: true))
      plan.reasons.append("block MINRES with \(preconditioner?.name ?? choice) if A proves indefinite")
      plan.stages.append(Stage(method: configured(BlockMINRES()), negated: negated, takesPreconditioner: true))
    }
    plan.reasons.append("block GMRES(\(options.restart)) with \(gmresPreconditioner.name) if these do not converge")
    plan.stages.append(Stage(method: gmres, negated: false, takesPreconditioner: !usable))
  }

  private func planGeneral<Element: Scalar>(
    _ probe: StructureProbe, preconditioner: (any Preconditioner<Element>)?, _ plan: inout Plan
  ) {
    let gmresName = "block GMRES(\(options.restart)) with \(preconditioner?.name ?? gmresPreconditioner.name)"
    let usable =
      preconditioner.map { $0.isPositiveDefinite && !$0.isVariable }
      ?? [.automatic, .none, .jacobi].contains(options.preconditioner)
    if probe.hermitian, usable {
      let name = preconditioner?.name ?? (options.preconditioner == .automatic ? "jacobi" : options.preconditioner.name)
      plan.reasons.append("A is hermitian with a diagonal of both signs or zeros: block MINRES with \(name)")
      plan.stages.append(Stage(method: configured(BlockMINRES()), negated: false, takesPreconditioner: true))
      plan.reasons.append("\(gmresName) if it does not converge")
    } else {
      let kind = probe.hermitian ? "hermitian with a diagonal of both signs or zeros" : "not hermitian"
      plan.reasons.append("A is \(kind): \(gmresName)")
    }
    plan.stages.append(Stage(method: gmres, negated: false, takesPreconditioner: true))
  }

  /// A direct solve: first for small matrices, last for others, not at all for very large ones.
  private func addDirect(rows: Int, _ plan: inout Plan) {
    let limit = direct == nil ? Self.denseLimit : Self.sparseLimit
    guard rows <= limit else {
      plan.reasons.append("no direct solve is tried unasked beyond \(limit) rows")
      return
    }
    let method = direct ?? DenseLU()
    let stage = Stage(method: configured(method), negated: false, takesPreconditioner: false)
    if rows <= Self.smallSize, options.preconditioner == .automatic {
      plan.reasons.insert("A has only \(rows) rows: direct solution by \(method.name)", at: 0)
      plan.stages.insert(stage, at: 0)
    } else {
      plan.reasons.append("direct solution by \(method.name) if iterations do not converge")
      plan.stages.append(stage)
    }
  }

  private func refuseZeroRows(_ probe: StructureProbe) throws {
    func refuse(_ what: String, _ count: Int, _ first: [Int]) throws {
      guard count > 0 else { return }
      let list = first.map(String.init).joined(separator: ", ") + (count > first.count ? ", …" : "")
      throw BlockKrylovError.invalidMatrix(
        "A has \(count) \(what) without a nonzero entry (\(list), counted from 0), so it is singular; "
          + "remove these \(what) or add boundary conditions")
    }
    try refuse("rows", probe.zeroRowCount, probe.zeroRows)
    try refuse("columns", probe.zeroColumnCount, probe.zeroColumns)
  }

  private var isThresholdLU: Bool { if case .ilutp = options.preconditioner { true } else { false } }

  /// IC(0) is for CG; GMRES takes ILU(0) in its place.
  private var gmresPreconditioner: PreconditionerChoice {
    options.preconditioner == .automatic || options.preconditioner == .ic0 ? .ilu0 : options.preconditioner
  }

  private var gmres: any BlockMethod { configured(BlockGMRES()).with { $0.preconditioner = gmresPreconditioner } }

  /// The method with the options given here.
  private func configured<Method: BlockMethod>(_ method: Method) -> Method { method.with { $0 = options } }

  /// Where another method waits, and the caller gives no limit, a stage gets as many iterations as are cheaper than the next method:
  /// a step of GMRES costs some ten times one of CG or MINRES, and a factorisation of a matrix for which it is tried at all less than hundreds.
  private func limitIterations(_ plan: inout Plan) {
    guard options.maximumIterations == nil, plan.stages.count > 1 else { return }
    for k in 0..<(plan.stages.count - 1) {
      let stage = plan.stages[k]
      let isShort = stage.method is BlockCG || stage.method is BlockMINRES
      guard isShort || stage.method is BlockGMRES else { continue }
      let limit = isShort ? 1000 : 4 * options.restart
      plan.stages[k] = Stage(
        method: stage.method.with { $0.maximumIterations = limit }, negated: stage.negated,
        takesPreconditioner: stage.takesPreconditioner)
    }
  }
}

/// Runs the stages of a plan, each on the columns that are still unsolved.
final class AutomaticEngine<Element: Scalar>: SolveEngine {
  private let plan: AutomaticSolver.Plan
  private var a: any LinearOperator<Element>
  private let preconditioner: (any Preconditioner<Element>)?
  /// The iteration limit is the caller's word, not a stage's own: when it is reached the solve is over.
  private let limitIsCallers: Bool
  private var engines: [(any SolveEngine<Element>)?]
  /// The stage that solved last: where reports take their names from.
  private var current = 0
  private var prologue: [SolveEvent] = []

  init(
    plan: AutomaticSolver.Plan, a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?,
    limitIsCallers: Bool
  ) throws {
    self.plan = plan
    self.limitIsCallers = limitIsCallers
    self.a = a
    self.preconditioner = preconditioner
    engines = plan.stages.map { _ in nil }
    try prepareFirst()
  }

  var methodName: String { engines[current]?.methodName ?? "auto" }
  var preconditionerName: String { engines[current]?.preconditionerName ?? "none" }
  var explanation: [String] { plan.reasons + (engines[current]?.explanation ?? []) }
  var sharesSpace: Bool { engines[current]?.sharesSpace ?? true }
  var setupEvents: [SolveEvent] { prologue + (engines[current]?.setupEvents ?? []) }
  var bytesUsed: Int { engines.reduce(0) { $0 + ($1?.bytesUsed ?? 0) } }
  func bytesPlanned(columns: Int) -> Int { engines[current]?.bytesPlanned(columns: columns) ?? 0 }

  func update(_ newA: any LinearOperator<Element>) throws {
    a = newA
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
    // What the best stage so far reached for each column.
    var best = [Double](repeating: .infinity, count: whole.width)
    var bestX = whole.x
    var k = current
    while true {
      let list = whole.open
      let part = whole.openPart(negated: plan.stages[k].negated)
      try engines[k]?.solve(SolveProblem(part))
      if part.trueResiduals.contains(where: { $0.isNaN }) { try recompute(part) }
      whole.absorb(part, at: list)
      current = k
      for j in list where whole.trueResiduals[j] <= best[j] {
        best[j] = whole.trueResiduals[j]
        bestX[columns: j..<(j + 1)] = whole.x[columns: j..<(j + 1)]
      }
      guard let next = try nextStage(after: k, whole, list) else { break }
      k = next
    }
    // A column that no stage solved keeps the best X of all stages.
    for j in 0..<whole.width where whole.status[j]?.isConverged != true && best[j].isFinite && best[j] < whole.trueResiduals[j] {
      whole.x[columns: j..<(j + 1)] = bestX[columns: j..<(j + 1)]
      whole.trueResiduals[j] = best[j]
    }
  }

  /// Prepares the next stage that can be, if there are columns that may gain from it; says so as an event, and opens those columns.
  private func nextStage(after k: Int, _ whole: BlockProblem<Element>, _ list: [Int]) throws -> Int? {
    let failed = list.filter { whole.status[$0]?.mayGainFromAnotherMethod == true }
    guard !failed.isEmpty, !whole.monitor.isOver, k + 1 < plan.stages.count else { return nil }
    let failedMethod = plan.stages[k].method
    if limitIsCallers, failed.allSatisfy({ whole.status[$0] == .maximumIterations }) { return nil }
    let indefinite = failed.contains { whole.status[$0] == .indefiniteOperator }
    for next in (k + 1)..<plan.stages.count {
      // Where CG converges too slowly, MINRES does so too.
      if failedMethod is BlockCG, plan.stages[next].method is BlockMINRES, !indefinite { continue }
      do {
        try prepare(next)
      } catch let error as BlockKrylovError {
        whole.monitor.record(.methodChanged, "\(plan.stages[next].method.name) could not be prepared: \(error.description)")
        continue
      }
      guard let engine = engines[next] else { continue }
      let why = whole.status[failed[0]]?.summary ?? "not converged"
      let name =
        engine.preconditionerName == "none" ? engine.methodName : "\(engine.methodName) with \(engine.preconditionerName)"
      whole.monitor.record(
        .methodChanged, "\(failedMethod.name) left \(failed.count) columns unsolved (\(why)); \(name) takes over")
      whole.monitor.record(engine.setupEvents)
      for j in failed {
        whole.status[j] = nil
        // A guess that is worse than none would only cost iterations.
        if !(whole.trueResiduals[j] < whole.norms[j]) {
          whole.x[columns: j..<(j + 1)] = BlockVector(rows: whole.x.rows, columns: 1)
        }
        whole.trueResiduals[j] = .nan
      }
      return next
    }
    return nil
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

/// Solves A·X = B by the method and preconditioner that A's structure suggests: ``AutomaticSolver`` in one call.
///
/// - Throws: ``BlockKrylovError`` for sizes that do not fit and for a matrix with a row or column of zeros. Columns that do not
///   converge are a result, see ``SolveResult/solution(requiring:)``.
public func solve<Element: Scalar>(
  _ a: some LinearOperator<Element>, _ b: BlockVector<Element>, tolerance: Tolerance = .default
) throws -> SolveResult<Element> {
  try AutomaticSolver(tolerance: tolerance).solve(a, b)
}
