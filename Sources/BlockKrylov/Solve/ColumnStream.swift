internal import Synchronization

/// What came of a stream of columns.
public struct StreamReport: Sendable, Equatable {
  /// How many columns were taken from the source.
  public internal(set) var columns = 0
  /// How many of them are solved.
  public internal(set) var solved = 0
  /// In how many blocks.
  public internal(set) var blocks = 0
  /// The columns that are not solved, by their place in the stream.
  public internal(set) var unsolved: [Int] = []
  /// How many columns ended with each status, by ``ColumnStatus/name``; `failed` for columns of a block that could not be solved.
  public internal(set) var statuses: [String: Int] = [:]
  /// Block iterations, products with A, and the columns that A was applied to, over all blocks.
  public internal(set) var iterations = 0
  /// Products A·(block).
  public internal(set) var operatorApplications = 0
  /// Columns that A was applied to.
  public internal(set) var columnsApplied = 0
  /// Seconds that the solves took, without what the source and the receiver took.
  public internal(set) var solveSeconds = 0.0
  /// Whether an observer stopped the stream.
  public internal(set) var isCancelled = false

  /// Whether every column is solved.
  public var allConverged: Bool { unsolved.isEmpty }

  mutating func add<Element: Scalar>(_ outcome: Result<SolveResult<Element>, any Error>, _ range: Range<Int>) {
    blocks += 1
    columns += range.count
    guard case .success(let result) = outcome else {
      statuses["failed", default: 0] += range.count
      return unsolved.append(contentsOf: range)
    }
    let report = result.report
    for column in report.columns {
      statuses[column.status.name, default: 0] += 1
      if column.status.isConverged { solved += 1 } else { unsolved.append(range.lowerBound + column.index) }
      if column.status == .cancelled { isCancelled = true }
    }
    iterations += report.iterations
    operatorApplications += report.operatorApplications
    columnsApplied += report.columnsApplied
    solveSeconds += report.solveSeconds
  }
}

extension StreamReport: CustomStringConvertible {
  /// One line.
  public var description: String {
    let bad = statuses.filter { name, _ in !["converged", "leastSquares", "convergedAtStart", "zeroRightHandSide"].contains(name)
    }
    let rest = bad.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    return "\(solved) of \(columns) columns converged in \(blocks) blocks and \(iterations) iterations"
      + (rest.isEmpty ? "" : "; \(rest)")
  }
}

/// Columns that wait to be solved. They may be added while a stream takes them, from any thread.
public final class ColumnQueue<Element: Scalar>: Sendable {
  private let waiting = Mutex<[BlockVector<Element>]>([])

  /// An empty queue.
  public init() {}

  /// Adds columns at the end.
  public func append(_ block: BlockVector<Element>) { waiting.withLock { $0.append(block) } }

  /// The number of columns that wait.
  public var count: Int { waiting.withLock { $0.reduce(0) { $0 + $1.columns } } }

  /// The next columns, at most so many; `nil` when none wait.
  public func next(_ most: Int) -> BlockVector<Element>? {
    waiting.withLock { waiting in
      while let first = waiting.first, first.columns == 0 { waiting.removeFirst() }
      guard let first = waiting.first, most > 0 else { return nil }
      if first.columns <= most { return waiting.removeFirst() }
      waiting[0] = first[columns: most..<first.columns]
      return first[columns: 0..<most]
    }
  }
}

extension PreparedSolver {
  /// Solves columns that come one block after the other: more than there is memory for, or such that become known on the way.
  ///
  /// The source is asked for columns until a block is full or it has none for now; the block is solved as by ``solve(_:from:observer:)``,
  /// delivered, and the source asked again. The stream ends when it has nothing to begin a block with. Memory is that of one block.
  /// ```swift
  /// let queue = ColumnQueue<Double>()
  /// queue.append(firstLoads)
  /// let report = try prepared.solve(stream: queue.next, width: 16) { columns, outcome in
  ///   if case .success(let result) = outcome { try store(result.solution, at: columns) }
  ///   if let more = further(columns) { queue.append(more) }
  /// }
  /// ```
  /// A block that cannot be solved (columns with the wrong number of rows, an operator that throws) is delivered as a failure and does not
  /// stop the stream. Limits of the options hold for each block.
  ///
  /// - Parameters:
  ///   - next: gives at most as many columns as it is asked for, or `nil` for none now. What it gives beyond that is solved in blocks
  ///     of the width all the same.
  ///   - width: the columns of a block; `maximumBlockWidth` of the options by default.
  ///   - observer: as for a single solve; where it stops a block the stream ends after it.
  ///   - deliver: gets the places of the columns in the stream, counted from 0, and their result.
  /// - Throws: ``BlockKrylovError/invalidOption(_:)`` for a width below 1 and for options with a list of bounds, norms or limits per
  ///   column, which a stream cannot have; and what `next` and `deliver` throw.
  public func solve(
    stream next: (_ most: Int) throws -> BlockVector<Element>?, width: Int? = nil, observer: SolveObserver? = nil,
    deliver: (_ columns: Range<Int>, _ outcome: Result<SolveResult<Element>, any Error>) throws -> Void
  ) throws -> StreamReport {
    let width = width ?? streamOptions.maximumBlockWidth
    guard width >= 1 else { throw BlockKrylovError.invalidOption("the width of a stream is \(width); it must be at least 1") }
    try streamOptions.requireOneForAllColumns()
    var report = StreamReport()
    func solveAndDeliver(_ b: BlockVector<Element>) throws {
      var first = 0
      while first < b.columns, !report.isCancelled {
        let part = first..<min(first + width, b.columns)
        let outcome = Result { try solve(b[columns: part], observer: observer) }
        let places = report.columns..<(report.columns + part.count)
        report.add(outcome, places)
        try deliver(places, outcome)
        first = part.upperBound
      }
    }
    while !report.isCancelled {
      var parts: [BlockVector<Element>] = []
      var count = 0
      while count < width, let more = try next(width - count), more.columns > 0 {
        parts.append(more)
        count += more.columns
        if more.rows != parts[0].rows { break }
      }
      guard let first = parts.first, let last = parts.last else { break }
      if last.rows == first.rows {
        try solveAndDeliver(BlockVector(joining: parts))
      } else {
        // Only the last one has another number of rows.
        try solveAndDeliver(BlockVector(joining: parts.dropLast()))
        try solveAndDeliver(last)
      }
    }
    return report
  }

  /// Solves a sequence of blocks of columns, of any widths, as ``solve(stream:width:observer:deliver:)`` does.
  public func solve(
    stream blocks: some Sequence<BlockVector<Element>>, width: Int? = nil, observer: SolveObserver? = nil,
    deliver: (_ columns: Range<Int>, _ outcome: Result<SolveResult<Element>, any Error>) throws -> Void
  ) throws -> StreamReport {
    var iterator = blocks.makeIterator()
    func next(_ most: Int) -> BlockVector<Element>? {
      while let block = iterator.next() { if block.columns > 0 { return block } }
      return nil
    }
    return try solve(stream: next, width: width, observer: observer, deliver: deliver)
  }
}

extension SolverOptions {
  func requireOneForAllColumns() throws {
    guard tolerance.isOneForAllColumns, maximumIterationsPerColumn == nil else {
      throw BlockKrylovError.invalidOption("a stream of columns takes one tolerance, one norm and one limit for all of them")
    }
  }
}

extension BlockVector {
  /// The columns of several blocks of as many rows, side by side.
  init(joining blocks: some Collection<BlockVector>) {
    if let only = blocks.first, blocks.count == 1 {
      self = only
      return
    }
    self.init(rows: blocks.first?.rows ?? 0, columns: blocks.reduce(0) { $0 + $1.columns })
    var start = 0
    for block in blocks {
      self[columns: start..<(start + block.columns)] = block
      start += block.columns
    }
  }
}
