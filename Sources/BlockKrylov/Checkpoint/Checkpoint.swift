/// Where a long solve leaves what it has, and how often.
///
/// ```swift
/// let result = try prepared.solve(B, checkpoint: Checkpoint(path: "run.ckp", every: .seconds(60)))
/// // … and after the machine went down:
/// let result = try prepared.solve(B, resuming: SavedSolve(path: "run.ckp"), checkpoint: …)
/// ```
/// The file holds X as it would be if the solve ended there, the counts and the histories of all columns, and the directions that
/// ``BlockGCRODR`` keeps. It is written beside its place, forced to the disk and put there by a rename, so that there is a whole file at any
/// time; the last one is written when the solve ends, however it does. A file that cannot be written later on is an event in the
/// report, and does not end the solve.
public struct Checkpoint: Sendable, Equatable {
  /// The file.
  public var path: String
  /// The time between two files; it is looked at after each iteration, and a file costs a pass over X.
  public var interval: Duration

  /// A checkpoint every minute by default, which costs far less than a restart from the beginning.
  public init(path: String, every interval: Duration = .seconds(60)) {
    self.path = path
    self.interval = interval
  }
}

/// A solve as a ``Checkpoint`` left it, to be looked at or to go on from (``PreparedSolver/solve(_:resuming:checkpoint:observer:)``).
public struct SavedSolve<Element: Scalar>: Sendable {
  /// What is known of one column.
  public struct Column: Sendable, Equatable {
    /// The block iterations that were made for it.
    public let iterations: Int
    /// The estimate of ‖r‖/‖b‖; NaN for a column that has not taken part yet.
    public let relativeResidual: Double
    /// The estimates so far, where they were recorded.
    public let history: [Double]
  }

  /// The method and the preconditioner that were at work.
  public let method: String
  /// The preconditioner.
  public let preconditioner: String
  /// X so far, n × m.
  public let solution: BlockVector<Element>
  /// One for each column of B.
  public let columns: [Column]
  /// Block iterations of all stages.
  public let iterations: Int
  /// Products A·(block).
  public let operatorApplications: Int
  /// Columns that A was applied to, added over the products.
  public let columnsApplied: Int
  /// Applications of the preconditioner to a block.
  public let preconditionerApplications: Int
  /// Seconds of solving.
  public let seconds: Double
  /// Whether the solve had ended by itself.
  public let isFinished: Bool
  /// The directions that the method keeps, if it does.
  public let recycledSpace: BlockVector<Element>?
  /// Where it was read from.
  public let path: String
  let fingerprint: SystemFingerprint

  init(
    method: String, preconditioner: String, solution: BlockVector<Element>, columns: [Column],
    counts: (iterations: Int, products: Int, columns: Int, preconditioner: Int), seconds: Double, isFinished: Bool,
    recycledSpace: BlockVector<Element>?, fingerprint: SystemFingerprint, path: String
  ) {
    (self.method, self.preconditioner) = (method, preconditioner)
    (self.solution, self.columns) = (solution, columns)
    (iterations, operatorApplications, columnsApplied, preconditionerApplications) = counts
    (self.seconds, self.isFinished) = (seconds, isFinished)
    (self.recycledSpace, self.fingerprint, self.path) = (recycledSpace, fingerprint, path)
  }

  /// Reads a checkpoint and verifies its checksum.
  ///
  /// - Throws: ``BlockKrylovError/file(path:line:_:)`` when it cannot be read, ``BlockKrylovError/checkpoint(path:_:)`` when it is no
  ///   checkpoint, of another version, damaged, or of another scalar type.
  public init(path: String) throws {
    var reader = try BinaryReader(path: path, kind: .solve)
    try reader.require(Element.self)
    let names = (try reader.text(), try reader.text())
    let counts = (try reader.count(), try reader.count(), try reader.count(), try reader.count())
    let (seconds, isFinished) = (try reader.double(), try reader.number() != 0)
    let fingerprint = try SystemFingerprint(&reader)
    let columns = try (0..<reader.count(of: 24)).map { _ in
      Column(iterations: try reader.count(), relativeResidual: try reader.double(), history: try reader.doubles())
    }
    let solution = try reader.block(Element.self)
    let space = try reader.number() != 0 ? reader.block(Element.self) : nil
    try reader.finish()
    guard columns.count == solution.columns else {
      throw BinaryReader.fault(path, .damaged("it has \(columns.count) columns and X has \(solution.columns)"))
    }
    self.init(
      method: names.0, preconditioner: names.1, solution: solution, columns: columns, counts: counts, seconds: seconds,
      isFinished: isFinished, recycledSpace: space, fingerprint: fingerprint, path: path)
  }

  /// Writes the file, whole or not at all.
  func write() throws {
    let writer = try BinaryWriter(path: path, kind: .solve, scalars: Element.scalarKind)
    try writer.write(method)
    try writer.write(preconditioner)
    for count in [iterations, operatorApplications, columnsApplied, preconditionerApplications] { try writer.write(count) }
    try writer.write(seconds)
    try writer.write(isFinished ? 1 : 0)
    try fingerprint.write(to: writer)
    try writer.write(columns.count)
    for column in columns {
      try writer.write(column.iterations)
      try writer.write(column.relativeResidual)
      try writer.write(column.history)
    }
    try writer.write(solution)
    try writer.write(recycledSpace == nil ? 0 : 1)
    if let recycledSpace { try writer.write(recycledSpace) }
    try writer.finish()
  }
}

/// Directions in a file of their own.
enum SavedDirections {
  static func write<Element: Scalar>(_ block: BlockVector<Element>, to path: String) throws {
    let writer = try BinaryWriter(path: path, kind: .directions, scalars: Element.scalarKind)
    try writer.write(block)
    try writer.finish()
  }

  static func read<Element: Scalar>(_ type: Element.Type, from path: String) throws -> BlockVector<Element> {
    var reader = try BinaryReader(path: path, kind: .directions)
    try reader.require(Element.self)
    let block = try reader.block(Element.self)
    try reader.finish()
    return block
  }
}
