/// The methods that an automatic choice tries, in this order, and why.
struct AutomaticPlan {
  /// One method to try.
  struct Stage {
    var method: any BlockMethod
    /// Whether it solves −A·X = −B.
    var negated = false
    /// Whether the caller's preconditioner is for this method.
    var takesPreconditioner = true
    /// Whether a slow convergence is left for the next method rather than for the direct one.
    var isTrial = false
  }

  var stages: [Stage] = []
  var reasons: [String] = []
  /// What work on A takes; `nil` where its entries are not known.
  var costs: CostModel?
  /// What was proved of A by a look, so that nobody need look again.
  var proved: Structure = []
  /// Whether A is so large that iterations wait for memory, which single precision halves.
  var takesSinglePrecision = false

  /// The stage that solves directly, unless it is the first.
  var directStage: Int? {
    guard let last = stages.indices.last, last > 0, stages[last].method is any FactorizationEstimating else { return nil }
    return last
  }
}

/// The steps by which ``AutomaticSolver`` comes to its plan.
struct AutomaticPlanner<Element: Scalar> {
  private let options: SolverOptions
  private let direct: (any BlockMethod)?
  private let preconditioner: (any Preconditioner<Element>)?
  private var plan = AutomaticPlan()

  /// The plan for A.
  ///
  /// - Throws: ``BlockKrylovError/invalidMatrix(_:)`` for a square matrix with a row or column of zeros.
  static func plan(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?, _ solver: AutomaticSolver
  ) throws -> AutomaticPlan {
    var planner = AutomaticPlanner(options: solver.options, direct: solver.direct, preconditioner: preconditioner)
    try planner.look(at: a)
    return planner.plan
  }

  private init(options: SolverOptions, direct: (any BlockMethod)?, preconditioner: (any Preconditioner<Element>)?) {
    (self.options, self.direct, self.preconditioner) = (options, direct, preconditioner)
  }

  private mutating func look(at a: any LinearOperator<Element>) throws {
    if a.rows != a.columns {
      plan.reasons.append("A is \(a.rows) × \(a.columns): least squares by LSMR with the columns of A scaled")
      plan.stages.append(AutomaticPlan.Stage(method: configured(LSMR())))
      return
    }
    if a.denseMatrix != nil {
      plan.reasons.append("A is a dense matrix: direct solution by dense LU")
      plan.stages.append(AutomaticPlan.Stage(method: configured(DenseLU()), takesPreconditioner: false))
      return
    }
    guard let matrix = a.sparseMatrix else { return planMatrixFree(a) }
    let probe = matrix.probe()
    try refuseZeroRows(probe)
    plan.proved = probe.structure.intersection([.symmetric, .hermitian])
    plan.costs = CostModel(matrix, isHermitian: probe.hermitian)
    plan.takesSinglePrecision = nullSpace(of: a) == nil && isWorthRounding(matrix, probe)
    if probe.looksPositiveDefinite || probe.looksNegativeDefinite { planDefinite(matrix, probe) } else { planGeneral(probe) }
    if nullSpace(of: a) == nil {
      addDirect(rows: matrix.rows)
    } else {
      plan.reasons.insert("A is singular and its null space known, so that it is not factored", at: 0)
    }
    limitIterations()
  }

  private mutating func planMatrixFree(_ a: any LinearOperator<Element>) {
    let definite = a.structure.contains(.positiveDefinite)
    if a.isHermitian, preconditioner?.isPositiveDefinite ?? true, preconditioner?.isVariable != true {
      plan.reasons.append(
        "A is matrix-free and tagged hermitian\(definite ? " positive definite: block CG" : ": block MINRES")")
      let method: any BlockMethod = definite ? configured(BlockCG()) : configured(BlockMINRES())
      plan.stages.append(AutomaticPlan.Stage(method: method))
      plan.reasons.append("block GMRES(\(options.restart)) if it does not converge")
    } else {
      plan.reasons.append("A is matrix-free and not tagged hermitian: block GMRES(\(options.restart))")
    }
    plan.stages.append(AutomaticPlan.Stage(method: configured(BlockGMRES())))
  }

  private mutating func planDefinite(_ matrix: CSRMatrix<Element>, _ probe: StructureProbe) {
    let negated = probe.looksNegativeDefinite
    let isAutomatic = options.preconditioner == .automatic
    let takesMultigrid = isAutomatic && preconditioner == nil && !negated && MultigridProbe.isSuited(matrix)
    // The hierarchy takes most of the time, and single precision halves it without corrections of X.
    let isRoundedInside = takesMultigrid && plan.takesSinglePrecision
    let choice = takesMultigrid ? isRoundedInside ? "single-amg" : "amg" : isAutomatic ? "ic0" : options.preconditioner.name
    let usable = preconditioner.map { $0.isPositiveDefinite && !$0.isVariable && !negated } ?? true
    if usable, options.preconditioner.isPossiblyDefinite {
      if takesMultigrid {
        plan.reasons.append(
          "A is like that of a scalar elliptic equation on a grid of many points from end to end: algebraic multigrid (amg)")
      }
      plan.reasons.append(
        "A is hermitian with a \(negated ? "negative" : "positive") diagonal: block CG"
          + (negated ? " on −A·X = −B" : "") + " with \(preconditioner?.name ?? choice)\(isRoundedInside ? "" : inPrecision)")
      // Still `automatic`: a matrix for which multigrid cannot be set up gets IC(0).
      let method =
        isRoundedInside
        ? configured(BlockCG()).with { $0.preconditioner = .singlePrecision(.automatic) } : rounded(configured(BlockCG()))
      plan.stages.append(AutomaticPlan.Stage(method: method, negated: negated))
      let fallback: PreconditionerChoice = isAutomatic ? .ic0 : options.preconditioner
      plan.reasons.append("block MINRES with \(preconditioner?.name ?? fallback.name) if A proves indefinite")
      let minres = configured(BlockMINRES()).with { $0.preconditioner = fallback }
      plan.stages.append(AutomaticPlan.Stage(method: minres, negated: negated))
    }
    plan.reasons.append("block GMRES(\(options.restart)) with \(gmresPreconditioner.name) if these do not converge")
    plan.stages.append(AutomaticPlan.Stage(method: gmres, takesPreconditioner: !usable))
  }

  private mutating func planGeneral(_ probe: StructureProbe) {
    let name = preconditioner?.name ?? gmresPreconditioner.name
    let gmresName = "block GMRES(\(options.restart)) with \(name)"
    let usable =
      preconditioner.map { $0.isPositiveDefinite && !$0.isVariable }
      ?? [.automatic, .none, .jacobi].contains(options.preconditioner)
    if probe.hermitian, usable {
      let name = preconditioner?.name ?? (options.preconditioner == .automatic ? "jacobi" : options.preconditioner.name)
      plan.reasons.append("A is hermitian with a diagonal of both signs or zeros: block MINRES with \(name)")
      plan.stages.append(AutomaticPlan.Stage(method: configured(BlockMINRES())))
      plan.reasons.append("\(gmresName) if it does not converge")
    } else if !probe.hermitian, options.side == .right, preconditioner?.isVariable != true {
      plan.reasons.append(
        "A is not hermitian: BiCGStab with \(name), column by column on common products, while it converges\(inPrecision)")
      let trial = configured(PseudoBlockBiCGStab()).with { $0.preconditioner = gmresPreconditioner }
      plan.stages.append(AutomaticPlan.Stage(method: rounded(trial), isTrial: true))
      plan.reasons.append("\(gmresName) if it does not")
    } else {
      let kind = probe.hermitian ? "hermitian with a diagonal of both signs or zeros" : "not hermitian"
      plan.reasons.append("A is \(kind): \(gmresName)")
    }
    plan.stages.append(AutomaticPlan.Stage(method: gmres))
  }

  /// A direct solve: first for small matrices, last for others.
  private mutating func addDirect(rows: Int) {
    guard direct != nil || rows <= AutomaticSolver.denseLimit else {
      plan.reasons.append(
        "no direct solve: dense LU is for up to \(AutomaticSolver.denseLimit) rows, and no sparse one was given")
      return
    }
    let method = direct ?? DenseLU()
    let stage = AutomaticPlan.Stage(method: configured(method), takesPreconditioner: false)
    if rows <= AutomaticSolver.smallSize, options.preconditioner == .automatic {
      plan.reasons.insert("A has only \(rows) rows: a direct solve", at: 0)
      plan.stages.insert(stage, at: 0)
    } else {
      plan.reasons.append("a direct solve when that is the quicker way, or iterations do not converge")
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

  /// IC(0), multigrid and Chebyshev polynomials are for CG; GMRES takes ILU(0) in their place.
  private var gmresPreconditioner: PreconditionerChoice {
    switch options.preconditioner {
    case .automatic, .ic0, .chebyshev, .smoothedAggregation: .ilu0
    case .singlePrecision(let inner) where inner.isPossiblyDefinite: .singlePrecision(.ilu0)
    default: options.preconditioner
    }
  }

  private var gmres: any BlockMethod { configured(BlockGMRES()).with { $0.preconditioner = gmresPreconditioner } }

  /// Single precision is worth its corrections where the numbers of A, of its preconditioner and of a few columns do not fit a core's own
  /// cache.
  private func isWorthRounding(_ matrix: CSRMatrix<Element>, _ probe: StructureProbe) -> Bool {
    guard !Element.scalarKind.isSinglePrecision, preconditioner == nil, !probe.looksNegativeDefinite, options.memoryLimit == nil
    else {
      return false
    }
    // Who asks for single precision in the preconditioner has it there.
    if case .singlePrecision = options.preconditioner { return false }
    return matrix.nonzeros * (MemoryLayout<Element>.stride + 4) > Self.coreCache
  }

  /// A core's own cache, in bytes, as processors of today have one.
  private static var coreCache: Int { 1 << 21 }

  private func rounded(_ method: any BlockMethod) -> any BlockMethod {
    plan.takesSinglePrecision ? MixedPrecision(method) : method
  }

  private var inPrecision: String {
    plan.takesSinglePrecision
      ? "; in single precision with residuals and X in double, as iterations on so large an A wait for memory" : ""
  }

  /// The method with the options given here.
  private func configured<Method: BlockMethod>(_ method: Method) -> Method { method.with { $0 = options } }

  /// Where another method waits, and the caller gives no limit, a stage gets no more iterations than are worth trying: how soon a
  /// slow one is left for a direct solve is decided as it goes.
  private mutating func limitIterations() {
    guard options.maximumIterations == nil, plan.stages.count > 1 else { return }
    for k in 0..<(plan.stages.count - 1) {
      let method = plan.stages[k].method
      let limit: Int
      switch method.iteration {
      case is BlockCG, is BlockMINRES: limit = 5000
      case is PseudoBlockBiCGStab: limit = 4 * options.restart
      case is BlockGMRES: limit = 10 * options.restart
      default: continue
      }
      plan.stages[k].method = method.with { $0.maximumIterations = limit }
    }
  }
}

extension BlockMethod {
  /// The method itself, in whatever precision it works.
  var iteration: any BlockMethod { (self as? MixedPrecision)?.inner ?? self }
}

extension PreconditionerChoice {
  /// Whether it may be positive definite, so that CG can be tried with it.
  var isPossiblyDefinite: Bool {
    switch self {
    case .ilu0, .ilutp, .polynomial: false
    case .singlePrecision(let inner): inner.isPossiblyDefinite
    default: true
    }
  }
}
