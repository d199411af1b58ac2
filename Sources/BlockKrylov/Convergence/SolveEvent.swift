/// Something that a solver did on its own account: nothing is switched, dropped, shifted or repaired silently.
public struct SolveEvent: Sendable, Equatable {
  /// What happened.
  public enum Kind: String, Sendable, CaseIterable {
    /// A dependent direction of the block was dropped, or a column left the block.
    case deflated
    /// Dependent columns gave room to random directions, which enrich the common space.
    case enriched
    /// A restart on the true residual because the estimate had drifted from it.
    case residualReplaced
    /// A restart because the basis was full.
    case restarted
    /// A diagonal was shifted to complete a factorisation.
    case shifted
    /// Pivots were replaced, or rows permuted, to complete a factorisation.
    case repaired
    /// Another preconditioner was taken because the chosen one could not be built.
    case fallback
    /// Another method was taken because the first one failed.
    case methodChanged
    /// An iterative refinement step of a direct solve.
    case refined
    /// A breakdown that was survived.
    case breakdown
    /// A column was set aside before the iteration: zero, solved, or not finite.
    case setAside
    /// Columns were solved in groups.
    case grouped
    /// A is singular with a known null space, which is projected out.
    case projected
    /// A right-hand side has a part outside the range of A, which no x can remove.
    case inconsistent
    /// Something to know that changes nothing.
    case note
  }

  /// The block iteration at which it happened; 0 in the set-up.
  public let iteration: Int
  /// What happened.
  public let kind: Kind
  /// The column that it concerns; `nil` for the whole block.
  public let column: Int?
  /// In words, with the numbers.
  public let detail: String

  /// An event.
  public init(iteration: Int = 0, kind: Kind, column: Int? = nil, detail: String) {
    self.iteration = iteration
    self.kind = kind
    self.column = column
    self.detail = detail
  }
}
