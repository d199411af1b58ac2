/// A method with its options, as a plain value: what `prepare` turns into a solver for one A.
public protocol BlockMethod: Sendable {
  /// The name for reports, as in `--method`.
  var name: String { get }
  /// The options.
  var options: SolverOptions { get set }
  /// Whether a tolerance may be measured in the energy norm (``ColumnNorm/energy``); false by default.
  var estimatesEnergyErrors: Bool { get }

  /// What an iteration with a block of so many columns takes; `nil` for a method that does not iterate or does not know.
  func iterationWork(columns: Int) -> IterationWork?

  /// Builds what many solves with one A share.
  ///
  /// - Parameter preconditioner: one of the caller's, which takes the place of `options.preconditioner`.
  func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element>
}

/// A method bound to one A: its factors and workspace. ``PreparedSolver`` prepares the columns for it and reports on them.
public protocol SolveEngine<Element>: AnyObject {
  /// The scalar type.
  associatedtype Element: Scalar
  /// The name of the method for the report.
  var methodName: String { get }
  /// The name of the preconditioner for the report.
  var preconditionerName: String { get }
  /// Why this method and preconditioner were chosen, where the choice was automatic.
  var explanation: [String] { get }
  /// Whether columns gain from a common space, so that very wide blocks are solved in groups; a direct solve takes them all at once.
  var sharesSpace: Bool { get }
  /// Whether a solve works on a copy of X, so that what made it worse can be taken back; it counts as memory.
  var copiesSolution: Bool { get }
  /// How many of so many columns should be solved together, at most `limit`.
  func preferredWidth(columns: Int, limit: Int) -> Int
  /// What the methods of an automatic choice cost for so many columns in groups of at most `width`, in words.
  func costs(columns: Int, width: Int) -> [String]
  /// What was shifted, repaired or replaced in the set-up.
  var setupEvents: [SolveEvent] { get }
  /// The memory planned for a solve of so many columns, in bytes.
  func bytesPlanned(columns: Int) -> Int
  /// The memory held now, in bytes.
  var bytesUsed: Int { get }

  /// Whether a solve in single precision takes in residuals that were computed in double precision without losing what it knows, so
  /// that one correction may bring all digits.
  var renewsResiduals: Bool { get }

  /// Solves the problem's columns and leaves X, status and residuals in it.
  func solve(_ problem: SolveProblem<Element>) throws

  /// A has new values on the same pattern.
  func update(_ a: any LinearOperator<Element>) throws

  /// The directions that the method keeps from solve to solve, if it does.
  var recycledSpace: BlockVector<Element>? { get }
  /// Puts other directions in their place.
  func recycle(_ block: BlockVector<Element>) throws
}

extension SolveEngine {
  /// True for Krylov methods.
  public var sharesSpace: Bool { true }
  /// True unless a method takes nothing back.
  public var copiesSolution: Bool { true }
  /// Only block CG and BiCGStab for each column do.
  public var renewsResiduals: Bool { false }
  /// As many as may be.
  public func preferredWidth(columns: Int, limit: Int) -> Int { min(columns, limit) }
  /// Empty unless the choice was automatic.
  public func costs(columns: Int, width: Int) -> [String] { [] }
  /// Empty unless the choice was automatic.
  public var explanation: [String] { [] }
  /// None by default.
  public var recycledSpace: BlockVector<Element>? { nil }
  /// Throws ``BlockKrylovError/unsupported(_:)``.
  public func recycle(_ block: BlockVector<Element>) throws {
    throw BlockKrylovError.unsupported("the method \(methodName) keeps no directions between solves; use BlockGCRODR")
  }
}

/// The problem as an engine sees it. Its contents are the package's own.
public struct SolveProblem<Element: Scalar> {
  package let block: BlockProblem<Element>
  package init(_ block: BlockProblem<Element>) { self.block = block }
}

extension BlockMethod {
  /// Only conjugate gradients do.
  public var estimatesEnergyErrors: Bool { false }

  /// The same method with this preconditioner.
  public func preconditioned(by choice: PreconditionerChoice) -> Self {
    var copy = self
    copy.options.preconditioner = choice
    return copy
  }

  /// The same method with other options.
  public func with(_ change: (inout SolverOptions) -> Void) -> Self {
    var copy = self
    change(&copy.options)
    return copy
  }
}
