/// How a prepared solver will go about so many columns, before it does: ``PreparedSolver/plan(columns:)``.
public struct SolvePlan: Sendable, Equatable {
  /// The method that begins, as in `--method`.
  public var method: String
  /// Its preconditioner, as in `--preconditioner`.
  public var preconditioner: String
  /// The columns to be solved.
  public var columns: Int
  /// How many of them share a space at the most.
  public var blockWidth: Int
  /// Why no more of them do; `nil` when all columns are in one group.
  public var widthReason: String?
  /// The memory of the solve besides A, B and X, in bytes; after the solve ``SolveReport/bytesUsed`` says what it was.
  public var bytesPlanned: Int
  /// Why this method and this preconditioner, and what is tried after them; empty when the caller chose.
  public var reasons: [String]
  /// What the methods of an automatic choice cost by its model, in words; empty when the caller chose.
  public var costs: [String]

  /// Into how many groups the columns are divided.
  public var groups: Int { blockWidth > 0 ? (columns + blockWidth - 1) / blockWidth : 0 }
}

extension PreparedSolver {
  /// What a solve of so many columns will do and take.
  ///
  /// - Throws: ``BlockKrylovError/invalidOption(_:)`` for a memory limit that a single column exceeds.
  /// - Complexity: none to speak of, but for an automatic choice with a sparse direct method a symbolic analysis of A.
  public func plan(columns: Int) throws -> SolvePlan {
    try plan(columns: columns) { GroupCopies(x: $0 < columns, b: $0 < columns) }
  }

  /// What a solve of these right-hand sides will do and take: the memory that their scaling needs is counted, and columns that are
  /// zero or not finite take none.
  ///
  /// - Throws: as ``plan(columns:)``.
  public func plan(for b: BlockVector<Element>) throws -> SolvePlan {
    let scaling = ColumnScaling(of: b, columnsMeet: engine.sharesSpace)
    let open = scaling.maxima.indices.filter { scaling.maxima[$0] > 0 && scaling.maxima[$0].isFinite }
    let isScaled = open.contains { scaling.factors[$0] != 1 }
    return try plan(columns: open.count) { GroupCopies(x: $0 < b.columns, b: isScaled || $0 < b.columns) }
  }

  private func plan(columns: Int, copies: (Int) -> GroupCopies) throws -> SolvePlan {
    try options.onItsThreads {
      let width = try width(columns: columns, copies: copies)
      return SolvePlan(
        method: method, preconditioner: preconditioner, columns: columns, blockWidth: min(width, columns),
        widthReason: width < columns ? reason(forWidth: width, columns: columns) : nil,
        bytesPlanned: bytes(width: min(width, columns), copies(min(width, columns))), reasons: engine.explanation,
        costs: engine.costs(columns: columns, width: min(width, columns)))
    }
  }
}
