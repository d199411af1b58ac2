/// How the solve of one column ended. Each status says what to do (``remedy``).
public enum ColumnStatus: Sendable, Equatable {
  /// B − A·X was recomputed and this column meets its tolerance.
  case converged
  /// A·x = b has no solution that meets the tolerance, and x is the least-squares solution: ‖Aᴴr‖ was recomputed and vanishes to the
  /// tolerance (LSQR, LSMR). What remains of r is ``ColumnReport/trueResidual``.
  case leastSquares
  /// A·x = b has no solution: a part of b is outside the range of a singular A whose null space is known (``NullSpace``). x is the
  /// least-squares solution: what the residual has besides that part was recomputed and meets the tolerance.
  case inconsistent
  /// The initial guess already met the tolerance.
  case convergedAtStart
  /// b = 0: the solution is x = 0.
  case zeroRightHandSide
  /// No further progress: either the attainable accuracy of the arithmetic is reached, or restarts bring nothing.
  case stagnated(Stagnation)
  /// The iteration limit came first.
  case maximumIterations
  /// The time limit came first.
  case timeLimit
  /// The observer asked to stop.
  case cancelled
  /// The recurrence cannot go on, for the reason given.
  case breakdown(String)
  /// A direction with pᴴAp ≤ 0 was met by a method that needs a positive definite A.
  case indefiniteOperator
  /// A vector with rᴴM⁻¹r < 0 was met by a method that needs a positive definite preconditioner.
  case indefinitePreconditioner
  /// NaN or infinity came from the source named.
  case nonFinite(NonFiniteSource)
  /// A is singular to working precision; the reciprocal condition where one is known.
  case singular(reciprocalCondition: Double?)

  /// Why progress ended.
  public enum Stagnation: Sendable, Equatable {
    /// The recomputed residual no longer falls though the recurrence says it does: rounding limits it.
    case attainableAccuracy
    /// Restarted cycles no longer reduce the residual.
    case noProgress
  }

  /// Where a number that is not finite came from.
  public enum NonFiniteSource: String, Sendable, Equatable {
    /// The column of B.
    case rightHandSide
    /// The column of the initial guess.
    case initialGuess
    /// A product with A.
    case `operator`
    /// An application of the preconditioner.
    case preconditioner
    /// The right-hand side is so large that A·x or a norm overflows.
    case overflow
  }
}

extension ColumnStatus {
  /// Whether the column is solved to its tolerance: converged, the least-squares solution, converged at the start, or zero.
  public var isConverged: Bool {
    switch self {
    case .converged, .leastSquares, .convergedAtStart, .zeroRightHandSide: true
    default: false
    }
  }

  /// Whether the method could not go on, so that its last iterate may be far off; a limit or stagnation leaves a useful one.
  var isFailure: Bool {
    switch self {
    case .breakdown, .indefiniteOperator, .indefinitePreconditioner, .singular, .nonFinite: true
    default: false
    }
  }

  /// The name of the case, as in JSON.
  public var name: String {
    switch self {
    case .converged: "converged"
    case .leastSquares: "leastSquares"
    case .inconsistent: "inconsistent"
    case .convergedAtStart: "convergedAtStart"
    case .zeroRightHandSide: "zeroRightHandSide"
    case .stagnated: "stagnated"
    case .maximumIterations: "maximumIterations"
    case .timeLimit: "timeLimit"
    case .cancelled: "cancelled"
    case .breakdown: "breakdown"
    case .indefiniteOperator: "indefiniteOperator"
    case .indefinitePreconditioner: "indefinitePreconditioner"
    case .nonFinite: "nonFinite"
    case .singular: "singular"
    }
  }

  /// The status in words.
  public var summary: String {
    switch self {
    case .converged: "converged"
    case .leastSquares: "least-squares solution, the residual remains"
    case .inconsistent: "no solution: b is not in the range of the singular A"
    case .convergedAtStart: "initial guess already solves it"
    case .zeroRightHandSide: "zero right-hand side, x = 0"
    case .stagnated(.attainableAccuracy): "stagnated at attainable accuracy"
    case .stagnated(.noProgress): "stagnated, no progress over restarts"
    case .maximumIterations: "iteration limit reached"
    case .timeLimit: "time limit reached"
    case .cancelled: "cancelled"
    case .breakdown(let why): "breakdown: \(why)"
    case .indefiniteOperator: "A is not positive definite"
    case .indefinitePreconditioner: "the preconditioner is not positive definite"
    case .nonFinite(.rightHandSide): "NaN or infinity in the right-hand side"
    case .nonFinite(.initialGuess): "NaN or infinity in the initial guess"
    case .nonFinite(.operator): "NaN or infinity from A"
    case .nonFinite(.preconditioner): "NaN or infinity from the preconditioner"
    case .nonFinite(.overflow): "overflow"
    case .singular(let rcond):
      rcond.map { "A is singular to working precision (rcond \($0.brief))" } ?? "A is singular to working precision"
    }
  }

  /// What to do about it; `nil` for a solved column.
  public var remedy: String? {
    switch self {
    case .converged, .leastSquares, .convergedAtStart, .zeroRightHandSide: nil
    case .inconsistent:
      "make b consistent (the loads of a Neumann problem sum to zero), or take X for what it is: the least-squares solution"
    case .stagnated(.attainableAccuracy):
      "rounding allows no smaller residual for an A as ill-conditioned as this; loosen the tolerance, scale the equations, or take "
        + "double precision"
    case .stagnated(.noProgress): "raise `restart`, use a stronger preconditioner, or a direct solve"
    case .maximumIterations: "raise `maximumIterations`, or use a (stronger) preconditioner"
    case .timeLimit: "raise `timeLimit`, or use a stronger preconditioner; X holds the last iterate"
    case .cancelled: "X holds the last iterate; pass it as the initial guess to go on"
    case .breakdown: "use another method: block GMRES, or a direct solve"
    case .indefiniteOperator:
      "use block MINRES, block GMRES or a direct solve; CG needs a positive definite matrix (a singular one shows the same when B is "
        + "not in its range)"
    case .indefinitePreconditioner: "use another preconditioner for CG (IC(0), Jacobi with a positive diagonal), or block GMRES"
    case .nonFinite(.rightHandSide): "remove NaN and infinity from this column of B"
    case .nonFinite(.initialGuess): "remove NaN and infinity from this column of the initial guess"
    case .nonFinite(.operator): "check the operator: a product with finite numbers gave NaN or infinity"
    case .nonFinite(.preconditioner): "check the preconditioner: it gave NaN or infinity for finite numbers"
    case .nonFinite(.overflow): "scale A or B towards 1"
    case .singular:
      "check for zero rows, dependent equations or missing boundary conditions; fix the null space, or take LSMR for least squares"
    }
  }
}

extension ColumnStatus: CustomStringConvertible {
  /// The status in words.
  public var description: String { summary }
}
