/// One set of options for all methods; a method ignores what does not concern it and says so in its own documentation.
public struct SolverOptions: Sendable, Equatable {
  /// When a column counts as solved; 1e-8 relative to ‖b_j‖ by default (1e-5 in single precision).
  public var tolerance: Tolerance = .default
  /// The most block iterations; 10·n + 100 by default, which rounding needs beyond the n of exact arithmetic.
  public var maximumIterations: Int?
  /// The most block iterations of each column, one number per column of B; none by default. A column that has made them keeps the X
  /// that it has and ends as ``ColumnStatus/maximumIterations``, while the others go on as if it were still there. Direct methods have
  /// no use for it.
  public var maximumIterationsPerColumn: [Int]?
  /// The most time for a solve; none by default. It is looked at after each iteration.
  public var timeLimit: Duration?
  /// The preconditioner that `prepare` builds; none by default.
  public var preconditioner: PreconditionerChoice = .none
  /// What is known of the null space of a singular A; ``AutomaticSolver`` looks for one by default, other methods do not.
  public var nullSpace: NullSpace = .automatic
  /// Where block GMRES applies the preconditioner; on the right by default, so that the residual tested is the true one.
  public var side: PreconditionerSide = .right
  /// Block steps of GMRES before it restarts; the basis takes (restart + 1)·n·m numbers. 50 by default.
  public var restart = 50
  /// Directions that block GMRES keeps at a restart: harmonic Ritz vectors of the eigenvalues next to zero, which restarts would
  /// otherwise forget. They take the place of as many columns of the basis, and d·n numbers three times (four when flexible). By
  /// default 20, but at most a quarter of the basis; 0 is the plain restart.
  public var deflation: Int?
  /// Whether block GMRES applies A only to the directions that some residual above its bound still needs; yes by default: fewer products
  /// and less orthogonalisation once columns are near their bounds.
  public var inexactBreakdowns = true
  /// Whether block CG begins again with the columns that are left, where at most a quarter of a block is and that costs less by its
  /// model; yes by default. Each time is a ``SolveEvent/Kind/deflated`` event.
  public var narrowsBlocks = true
  /// What becomes of directions of the first residual that depend on others; replaced by default.
  public var dependentColumns: DependentColumns = .replaced
  /// The most columns that share one Krylov space; more are solved in groups of nearly equal width. Work per iteration grows with
  /// the square of the width and the gain levels off, so 64 by default.
  public var maximumBlockWidth = 64
  /// The most memory for workspace, preconditioner and factors, in bytes, besides A, B and X; no limit by default. GMRES takes shorter
  /// cycles (down to 10 steps), then any method narrower groups of columns; a solve that does not fit even so throws and names the
  /// memory that it needs. Sparse factorisations are refused by their estimate, before they are made.
  public var memoryLimit: Int?
  /// The most threads; all cores by default. The result has the same bits for any number.
  public var threads: Int?
  /// Whether reports hold each column's estimated residual after every iteration; yes by default.
  public var recordsHistory = true
  /// Whether direct solves bound the forward error of each column: a few solves with A and Aᴴ more, so not by default.
  public var boundsForwardErrors = false

  /// The defaults, but for what is asked for most.
  public init(
    tolerance: Tolerance = .default, maximumIterations: Int? = nil, timeLimit: Duration? = nil, threads: Int? = nil
  ) {
    self.tolerance = tolerance
    self.maximumIterations = maximumIterations
    self.timeLimit = timeLimit
    self.threads = threads
  }

  /// Refuses lists that do not fit m columns.
  func validate(columns: Int) throws {
    try tolerance.validate(columns: columns)
    if let limits = maximumIterationsPerColumn, limits.count != columns {
      throw BlockKrylovError.invalidOption(
        "maximumIterationsPerColumn has \(limits.count) limits for \(columns) right-hand sides; give one per column")
    }
  }

  /// Refuses values without a meaning.
  func validate() throws {
    try tolerance.validate()
    if let maximumIterations, maximumIterations < 0 {
      throw BlockKrylovError.invalidOption("maximumIterations is \(maximumIterations); it must be at least 0")
    }
    if let bad = maximumIterationsPerColumn?.first(where: { $0 < 0 }) {
      throw BlockKrylovError.invalidOption("maximumIterationsPerColumn has \(bad); limits must be at least 0")
    }
    if let timeLimit, timeLimit < .zero {
      throw BlockKrylovError.invalidOption("the time limit is negative; it must be at least 0")
    }
    if restart < 1 { throw BlockKrylovError.invalidOption("restart is \(restart); it must be at least 1") }
    if maximumBlockWidth < 1 {
      throw BlockKrylovError.invalidOption("maximumBlockWidth is \(maximumBlockWidth); it must be at least 1")
    }
    if let memoryLimit, memoryLimit < 1 {
      throw BlockKrylovError.invalidOption("memoryLimit is \(memoryLimit) bytes; it must be at least 1")
    }
    if let deflation, deflation < 0 { throw BlockKrylovError.invalidOption("deflation is \(deflation); it must be at least 0") }
    if let threads, threads < 1 { throw BlockKrylovError.invalidOption("threads is \(threads); it must be at least 1") }
  }
}

/// Where GMRES applies the preconditioner.
public enum PreconditionerSide: String, Sendable, CaseIterable {
  /// A·M⁻¹·U = B, X = M⁻¹·U: the residual that is minimised and tested is the true one.
  case right
  /// M⁻¹·A·X = M⁻¹·B: minimises the preconditioned residual; convergence is still said on the true one only.
  case left
  /// As right, with M⁻¹·V kept for every step: the preconditioner may change from step to step, at twice the memory.
  case flexible
}

/// What becomes of a direction of the first residual block that depends on the others (duplicate columns, m > n).
public enum DependentColumns: String, Sendable, CaseIterable {
  /// Block CG replaces it by a random direction: the space stays as wide and usually needs fewer iterations. GMRES drops it.
  case replaced
  /// It is dropped: less work per iteration.
  case dropped
}
