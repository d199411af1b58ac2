/// Any method on a matrix whose unknowns are numbered anew: by reverse Cuthill–McKee, or in an order of yours.
///
/// ```swift
/// let prepared = try Renumbered(BlockCG().preconditioned(by: .ic0)).prepare(A)
/// ```
/// B, X, residuals and reports keep the caller's numbering. It pays for matrices whose numbering scatters neighbours, as mesh generators and
/// adaptive refinement leave them: rows of X are then read from cache, and IC(0) and ILU(0) are better. A matrix that is numbered well gains
/// nothing, which is why no method does this by itself.
///
/// - Complexity: the order and a renumbered A in `prepare` and, the order apart, in `update`; two moves of B's and X's rows per solve.
///   Memory: a copy of A, and two blocks of n·p.
public struct Renumbered: BlockMethod {
  /// The method that works on the renumbered matrix.
  public var inner: any BlockMethod
  /// Unknown `order[k]` comes k-th; `nil` for reverse Cuthill–McKee (``CSRMatrix/reverseCuthillMcKee()``).
  public var order: [Int]?

  /// The inner method's.
  public var name: String { inner.name }
  /// As the inner method.
  public var estimatesEnergyErrors: Bool { inner.estimatesEnergyErrors }
  /// The options of the inner method.
  public var options: SolverOptions {
    get { inner.options }
    set { inner.options = newValue }
  }

  /// A method on renumbered unknowns.
  public init(_ inner: any BlockMethod, order: [Int]? = nil) { (self.inner, self.order) = (inner, order) }

  /// As the inner method.
  public func iterationWork(columns p: Int) -> IterationWork? { inner.iterationWork(columns: p) }

  /// Numbers the unknowns and prepares the inner method.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for an operator that is no sparse matrix and one with a known null space;
  ///   ``BlockKrylovError/shape(_:)`` for a matrix that is not square or an order that does not fit; what the inner method throws.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    try requireSquare(a)
    guard let matrix = a.sparseMatrix else {
      throw BlockKrylovError.unsupported(
        "only a sparse matrix can be renumbered, and this operator is none; use \(inner.name) on it as it is")
    }
    guard nullSpace(of: a) == nil else {
      throw BlockKrylovError.unsupported(
        "A has a known null space, which is not renumbered; renumber A yourself (renumbered(by:)), or say nullSpace: .none")
    }
    let order = try order ?? matrix.reverseCuthillMcKee()
    return try RenumberedEngine(inner, matrix, order, preconditioner: preconditioner)
  }
}

/// A method bound to a renumbered A.
final class RenumberedEngine<Element: Scalar>: SolveEngine {
  private let engine: any SolveEngine<Element>
  private let order: [Int]
  private var a: CSRMatrix<Element>
  private let change: String

  init(
    _ inner: any BlockMethod, _ matrix: CSRMatrix<Element>, _ order: [Int], preconditioner: (any Preconditioner<Element>)?
  ) throws {
    self.order = order
    a = try matrix.renumbered(by: order)
    change = "unknowns renumbered: the bandwidth of A is \(a.bandwidth) instead of \(matrix.bandwidth)"
    engine = try inner.makeEngine(for: a, preconditioner: preconditioner.map { RenumberedPreconditioner($0, order) })
  }

  var methodName: String { engine.methodName }
  var preconditionerName: String { engine.preconditionerName }
  var explanation: [String] { engine.explanation }
  var sharesSpace: Bool { engine.sharesSpace }
  var copiesSolution: Bool { engine.copiesSolution }
  var renewsResiduals: Bool { engine.renewsResiduals }
  var setupEvents: [SolveEvent] { [SolveEvent(kind: .note, detail: change)] + engine.setupEvents }
  func preferredWidth(columns: Int, limit: Int) -> Int { engine.preferredWidth(columns: columns, limit: limit) }
  func costs(columns: Int, width: Int) -> [String] { engine.costs(columns: columns, width: width) }

  var bytesUsed: Int { engine.bytesUsed + a.storedBytes + peakBytes }
  private var peakBytes = 0

  private func blockBytes(_ columns: Int) -> Int {
    2 * a.rows * BlockVector<Element>.paddedWidth(columns) * MemoryLayout<Element>.stride
  }

  func bytesPlanned(columns: Int) -> Int { engine.bytesPlanned(columns: columns) + a.storedBytes + blockBytes(columns) }

  func update(_ newA: any LinearOperator<Element>) throws {
    guard let matrix = newA.sparseMatrix else {
      throw BlockKrylovError.unsupported("only a sparse matrix can be renumbered, and the new operator is none")
    }
    a = try matrix.renumbered(by: order)
    try engine.update(a)
  }

  var recycledSpace: BlockVector<Element>? { engine.recycledSpace.map(restored) }

  func recycle(_ block: BlockVector<Element>) throws { try engine.recycle(renumbered(block)) }

  private func renumbered(_ block: BlockVector<Element>) -> BlockVector<Element> {
    var result = BlockVector<Element>(rows: block.rows, columns: block.columns)
    result.gatherRows(order, of: block)
    return result
  }

  private func restored(_ block: BlockVector<Element>) -> BlockVector<Element> {
    var result = BlockVector<Element>(rows: block.rows, columns: block.columns)
    result.scatterRows(order, from: block)
    return result
  }

  func solve(_ problem: SolveProblem<Element>) throws {
    let whole = problem.block
    let part = whole.renumbered(a, b: renumbered(whole.b), x: renumbered(whole.x)) { [self] in restored($0) }
    peakBytes = max(peakBytes, blockBytes(whole.width))
    try engine.solve(SolveProblem(part))
    part.x = restored(part.x)
    whole.absorb(part, at: Array(0..<whole.width))
  }
}

/// A caller's preconditioner for renumbered unknowns.
struct RenumberedPreconditioner<Element: Scalar>: Preconditioner {
  let base: any Preconditioner<Element>
  private let order: [Int]
  private let scratch = ScratchBlocks<Element>()

  init(_ base: any Preconditioner<Element>, _ order: [Int]) { (self.base, self.order) = (base, order) }

  var name: String { base.name }
  var rows: Int { base.rows }
  var isPositiveDefinite: Bool { base.isPositiveDefinite }
  var isVariable: Bool { base.isVariable }
  var unitRoundoff: Double { base.unitRoundoff }
  var events: [SolveEvent] { base.events }
  var storedBytes: Int { base.storedBytes + scratch.byteCount }

  func apply(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try scratch.withBlock(rows: rows, columns: r.columns) { plain in
      plain.scatterRows(order, from: r)
      try scratch.withBlock(rows: rows, columns: r.columns) { result in
        try base.apply(to: plain, into: &result)
        z.gatherRows(order, of: result)
      }
    }
  }
}
