internal import ComplexModule
internal import RealModule

/// Least squares by Golub–Kahan bidiagonalisation, minimising ‖b − A·x‖² + damping²·‖x‖² for each column; A may be rectangular.
///
/// LSQR (C. C. Paige and M. A. Saunders, ACM Trans. Math. Softw. 8, 1982): the residual never grows. The recurrences of the columns
/// are independent of each other and share the products with A and Aᴴ; columns that are done leave the block. A must know its adjoint;
/// for a sparse matrix `prepare` stores Aᴴ as well, so that both products gather.
///
/// A column is solved in one of two ways. Where A·x = b has a solution, and nothing is damped, ‖b − A·x‖ meets the tolerance:
/// ``ColumnStatus/converged``. Where it has none the residual r that remains cannot vanish, and the column is solved when
/// ‖Aᴴr − damping²·x‖ ≤ tolerance·‖A‖·‖r̄‖ with the same relative tolerance, but at most 1e-7 (2e-3 in single precision), so that an
/// ill-conditioned system is not taken for an inconsistent one, r̄ = (r, damping·x), and a lower bound of ‖A‖:
/// ``ColumnStatus/leastSquares``, with the quotient in ``ColumnReport/normalResidual``. Both are recomputed before they are said.
/// Among many least-squares solutions it is the one nearest to the initial guess (in the scaled unknowns).
///
/// The only preconditioner is the scaling of A's columns to length 1 (``PreconditionerChoice/jacobi`` or
/// ``PreconditionerChoice/automatic``), which is worth taking wherever unknowns differ in scale.
///
/// - Complexity per iteration with p columns: a product with A and one with Aᴴ, about 8·(rows + columns)·p flops.
///   Memory: 2 blocks of rows × p and 7 of columns × p besides B and X (with damping 8), and Aᴴ.
public struct LSQR: BlockMethod {
  /// `lsqr`.
  public var name: String { "lsqr" }
  /// The options; `side`, `restart` and `dependentColumns` have no meaning here.
  public var options = SolverOptions()
  /// The weight of ‖x‖; 0 by default.
  public var damping: Double

  /// LSQR with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  public init(
    tolerance: Tolerance = .default, damping: Double = 0, maximumIterations: Int? = nil, timeLimit: Duration? = nil,
    threads: Int? = nil
  ) {
    self.damping = damping
    options = SolverOptions(
      tolerance: tolerance, maximumIterations: maximumIterations, timeLimit: timeLimit, threads: threads)
  }

  /// Checks A, scales its columns when asked to, and estimates its norm.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for an operator without adjoint or another preconditioner,
  ///   ``BlockKrylovError/invalidOption(_:)`` for a damping that is negative or not finite.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    try makeLeastSquaresEngine(.lsqr, a, preconditioner, damping: damping)
  }
}

/// Least squares as ``LSQR`` does it, by MINRES on the normal equations: ‖Aᴴr‖ never grows, and may be stopped earlier.
///
/// LSMR (D. C.-L. Fong and M. A. Saunders, SIAM J. Sci. Comput. 33, 2011). Where the system is consistent LSQR needs slightly fewer
/// iterations, where it is not LSMR. All that is said of ``LSQR`` holds.
///
/// - Complexity per iteration as ``LSQR``, with a block of columns × p more.
public struct LSMR: BlockMethod {
  /// `lsmr`.
  public var name: String { "lsmr" }
  /// The options; `side`, `restart` and `dependentColumns` have no meaning here.
  public var options = SolverOptions()
  /// The weight of ‖x‖; 0 by default.
  public var damping: Double

  /// LSMR with the options that are asked for most; the others are reached by ``BlockMethod/with(_:)``.
  public init(
    tolerance: Tolerance = .default, damping: Double = 0, maximumIterations: Int? = nil, timeLimit: Duration? = nil,
    threads: Int? = nil
  ) {
    self.damping = damping
    options = SolverOptions(
      tolerance: tolerance, maximumIterations: maximumIterations, timeLimit: timeLimit, threads: threads)
  }

  /// Checks A, scales its columns when asked to, and estimates its norm; throws as ``LSQR``.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    try makeLeastSquaresEngine(.lsmr, a, preconditioner, damping: damping)
  }
}

extension BlockMethod {
  fileprivate func makeLeastSquaresEngine<Element: Scalar>(
    _ recurrence: LeastSquaresEngine<Element>.Recurrence, _ a: any LinearOperator<Element>,
    _ preconditioner: (any Preconditioner<Element>)?, damping: Double
  ) throws -> any SolveEngine<Element> {
    guard damping >= 0, damping.isFinite else {
      throw BlockKrylovError.invalidOption("the damping is \(damping); it must be a finite number that is not negative")
    }
    guard preconditioner == nil, [.none, .automatic, .jacobi].contains(options.preconditioner) else {
      throw BlockKrylovError.unsupported(
        "\(name) scales the columns of A (preconditioner jacobi or auto) or does nothing (none); "
          + "\(preconditioner?.name ?? options.preconditioner.name) has no place in it")
    }
    return try LeastSquaresEngine(
      a, options: options, recurrence: recurrence, damping: damping, scalesColumns: options.preconditioner != .none)
  }
}

/// LSQR or LSMR bound to one A.
final class LeastSquaresEngine<Element: Scalar>: KrylovEngine {
  enum Recurrence: String { case lsqr, lsmr }

  let core: EngineCore<Element>
  private let recurrence: Recurrence
  private let damping: Double
  private let scalesColumns: Bool
  private let columns: Int
  private var a: LeastSquaresOperator<Element>

  init(
    _ a: any LinearOperator<Element>, options: SolverOptions, recurrence: Recurrence, damping: Double, scalesColumns: Bool
  ) throws {
    core = EngineCore(recurrence.rawValue, options, nil, rows: a.rows)
    self.recurrence = recurrence
    self.damping = damping
    self.scalesColumns = scalesColumns
    columns = a.columns
    self.a = try LeastSquaresOperator(a, damping: damping, scalesColumns: scalesColumns)
  }

  var preconditionerName: String { a.scales == nil ? "none" : "jacobi" }
  var recurrenceBytesUsed: Int { core.peakBytes + a.storedBytes }

  var copiesSolution: Bool { false }

  func recurrenceBytes(columns m: Int) -> Int {
    let width = BlockVector<Element>.paddedWidth(m) * MemoryLayout<Element>.stride
    let blocks = (recurrence == .lsqr ? 5 : 6) + (damping > 0 ? 1 : 0)
    return width * (2 * rows + blocks * columns) + a.storedBytes
      + BlockSpace<Element>.bytes(p: m, q: 1, rows: rows) + BlockSpace<Element>.bytes(p: m, q: 1, rows: columns)
  }

  func update(_ newA: any LinearOperator<Element>) throws {
    a = try LeastSquaresOperator(newA, damping: damping, scalesColumns: scalesColumns)
  }

  func solve(_ whole: BlockProblem<Element>) throws {
    var drift = DriftControl(columns: whole.width)
    var tightening = [Double](repeating: 1, count: whole.width)
    while true {
      let list = whole.open
      if list.isEmpty { return }
      let part = whole.openPart(takesX: true)
      let (stop, excess) = try iterate(part, tightening: list.map { tightening[$0] })
      whole.absorb(part, at: list)
      for (k, j) in list.enumerated() where whole.status[j] == nil {
        tightening[j] /= 4
        if let stop {
          whole.finish(column: j, stop)
        } else if drift.isStuck(column: j, residual: excess[k]) {
          whole.finish(column: j, excess[k].isFinite ? .stagnated(.attainableAccuracy) : .nonFinite(.operator))
        }
      }
      if !whole.open.isEmpty {
        whole.monitor.record(
          .residualReplaced, "restart on the true residual: the recurrence had drifted from it in \(whole.open.count) columns")
      }
    }
  }

  /// Iterates until every column's estimates meet their bounds or it failed, and verifies. For the columns without a status says
  /// which limit ended the iteration, if any, and how far they are from their bounds.
  private func iterate(_ problem: BlockProblem<Element>, tightening: [Double]) throws -> (ColumnStatus?, [Double]) {
    let state = State(problem, a, recurrence, tightening: tightening)
    core.note(bytes: state.byteCount)
    try state.begin()
    let stopped = try state.iterate(nil)
    return (stopped, try verify(problem, problem.residualBlock(in: state.releaseScratch())))
  }

  /// The largest tolerance for the normal equations: with a larger one a consistent system that is somewhat ill-conditioned would
  /// look inconsistent long before its residual vanishes.
  static var normalTolerance: Double { 10 * Element.unitRoundoff.squareRoot() }

  /// Recomputes B − A·X and the residual of the normal equations, and gives the columns that are solved their status. Returns for
  /// each column how many times larger than its bound the better of the two is.
  private func verify(_ problem: BlockProblem<Element>, _ scratch: consuming BlockVector<Element>) throws -> [Double] {
    let p = problem.width
    var r = scratch
    var gradient = BlockVector<Element>(rows: columns, columns: p)
    try problem.residual(of: problem.x, problem.b, into: &r)
    try a.applyAdjoint(to: r, into: &gradient, problem)
    let residuals = r.columnNorms()
    if damping > 0 { gradient.combine(Element(double: -damping * damping), problem.x, 1) }
    let (gradients, lengths) = (gradient.columnNorms(), problem.x.columnNorms())
    var excess = [Double](repeating: .infinity, count: p)
    for j in 0..<p {
      problem.trueResiduals[j] = residuals[j]
      let whole = (residuals[j] * residuals[j] + damping * damping * lengths[j] * lengths[j]).squareRoot()
      let quotient = whole > 0 ? gradients[j] / (a.norm * whole) : 0
      problem.normalResiduals[j] = quotient
      let tolerance = problem.thresholds[j] / problem.norms[j]
      guard residuals[j].isFinite, quotient.isFinite else { continue }
      excess[j] = tolerance > 0 ? quotient / tolerance : quotient
      if damping == 0 {
        excess[j] = min(excess[j], problem.thresholds[j] > 0 ? residuals[j] / problem.thresholds[j] : residuals[j])
      }
      if residuals[j] <= problem.thresholds[j], damping == 0 {
        problem.finish(column: j, .converged)
      } else if quotient <= min(tolerance, Self.normalTolerance), tolerance > 0 {
        problem.finish(column: j, .leastSquares)
      }
    }
    problem.finishLimited()
    return excess
  }
}

/// A with what least squares need of it: its adjoint, the scales of its columns, the damping, and a lower bound of its norm.
struct LeastSquaresOperator<Element: Scalar> {
  let a: any LinearOperator<Element>
  /// Aᴴ in compressed rows, where A is a matrix.
  private let adjoint: CSRMatrix<Element>?
  /// What the columns of A are multiplied by.
  let scales: [Element]?
  let damping: Double
  /// At most the norm of (A, damping·I).
  let norm: Double

  init(_ a: any LinearOperator<Element>, damping: Double, scalesColumns: Bool) throws {
    self.a = a
    self.damping = damping
    adjoint = a.sparseMatrix?.adjointMatrix()
    scales = scalesColumns ? adjoint.map { Self.inverseLengths($0, damping) } : nil
    // A few steps of the power method on AᴴA come close enough, from below.
    var (x, y) = (BlockVector<Element>(rows: a.columns, columns: 1), BlockVector<Element>(rows: a.rows, columns: 1))
    x.fillRandom(seed: 0x1509)
    var size = 0.0
    for _ in 0..<8 where a.columns > 0 {
      let length = x.columnNorms()[0]
      guard length > 0, length.isFinite else { break }
      x.scale(by: Element(double: 1 / length))
      try a.apply(to: x, into: &y)
      let image = y.columnNorms()[0]
      if image.isFinite { size = max(size, image) }
      if let adjoint { try adjoint.apply(to: y, into: &x) } else { try a.applyAdjoint(to: y, into: &x) }
    }
    norm = max((size * size + damping * damping).squareRoot(), .leastNormalMagnitude)
  }

  var storedBytes: Int { (adjoint?.storedBytes ?? 0) + (scales?.count ?? 0) * MemoryLayout<Element>.stride }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private static func inverseLengths(_ adjoint: CSRMatrix<Element>, _ damping: Double) -> [Element] {
    (0..<adjoint.rows).map { i in
      var sum = damping * damping
      for k in adjoint.rowStart[i]..<adjoint.rowStart[i + 1] {
        let size = Double(adjoint.values[k].modulus)
        sum += size * size
      }
      return sum > 0 && sum.isFinite ? Element(double: 1 / sum.squareRoot()) : 1
    }
  }

  /// Y = Aᴴ·X, counted.
  func applyAdjoint(
    to x: BlockVector<Element>, into y: inout BlockVector<Element>, _ problem: BlockProblem<Element>
  ) throws {
    problem.monitor.countOperator(columns: x.columns)
    if let adjoint { try adjoint.apply(to: x, into: &y) } else { try a.applyAdjoint(to: x, into: &y) }
  }
}
