/// The factors of A as a direct solve needs them: dense or sparse, LU or any other kind.
package protocol DirectFactors<Element>: Sendable {
  /// The scalar type of A.
  associatedtype Element: Scalar

  /// The order of A.
  var rows: Int { get }
  /// The memory of the factors and of what is kept of A, in bytes.
  var storedBytes: Int { get }
  /// The same with what is kept for the next solve.
  var heldBytes: Int { get }
  /// The number of pivots that are exactly zero.
  var zeroPivots: Int { get }
  /// ‖a_i‖₁ of each row of A.
  var rowSums: [Double] { get }

  /// The most entries in a row of A.
  var longestRow: Int { get }
  /// The memory that a solve of so many columns takes besides B and X, in bytes.
  func bytesPerSolve(columns: Int) -> Int

  /// X = A⁻¹·B by the factors alone; NaN and infinity come out where a pivot is zero.
  func solve(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws
  /// Whether `solveAndAssess` does anything: where X and its quality are found at once for less.
  var solvesAtOnce: Bool { get }
  /// The same with the quality of every column; `nil` without `solvesAtOnce`.
  func solveAndAssess(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws -> SolutionQuality?
  /// Y = A⁻¹·B, or Y = X + A⁻¹·R where an iterate X and its residual R are given; then R = B − A·Y and the quality of every column.
  func correct(
    _ r: inout BlockVector<Element>, of x: BlockVector<Element>?, _ b: BlockVector<Element>, into y: inout BlockVector<Element>
  ) throws -> SolutionQuality
  /// A column whose componentwise backward error is at most this is not refined further.
  var soundBackwardError: Double { get }
  /// More accurate factors take the place of these where there are any; says so in words.
  mutating func sharpen() throws -> String?
  /// X = A⁻ᴴ·B likewise.
  func solveAdjoint(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws
  /// R = B − A·X and Z = |A|·|X|.
  func residualAndMagnitude(
    of x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>,
    _ z: inout BlockVector<Element.Magnitude>)
  /// An estimate of the reciprocal condition; 0 when a pivot is zero.
  func reciprocalCondition() -> Double
  /// Why there are no factors, in words and as the status of the columns; `nil` when there are.
  var failure: (detail: String, status: ColumnStatus)? { get }
  /// Which equations and unknowns make A singular, in words; `nil` where there are none or they are not known.
  var suspects: String? { get }
  /// The name of the factorisation where a method chooses among several; `nil` for the method's own.
  var methodName: String? { get }
  /// Why this factorisation, where a method chose it.
  var explanation: [String] { get }
  /// What the factorisation has to say.
  var events: [SolveEvent] { get }
  /// The factors of another matrix, with the symbolic work of this one where the pattern allows it.
  mutating func update(_ a: any LinearOperator<Element>) throws
}

extension DirectFactors {
  /// No.
  package var solvesAtOnce: Bool { false }
  /// Not at once.
  package func solveAndAssess(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws -> SolutionQuality? { nil }
  /// Nothing is kept.
  package var heldBytes: Int { storedBytes }
  /// 2u: rounding of A and B alone gives as much.
  package var soundBackwardError: Double { 2 * Element.unitRoundoff }

  /// |A|·|X| and a copy of B.
  package func bytesPerSolve(columns: Int) -> Int {
    rows * columns * (MemoryLayout<Element>.stride + MemoryLayout<Element.Magnitude>.stride)
  }

  /// One step after the other.
  package func correct(
    _ r: inout BlockVector<Element>, of x: BlockVector<Element>?, _ b: BlockVector<Element>, into y: inout BlockVector<Element>
  ) throws -> SolutionQuality {
    try solve(x == nil ? b : r, into: &y)
    if let x { y.combine(1, x, 1) }
    var z = BlockVector<Element.Magnitude>(rows: r.rows, columns: r.columns)
    residualAndMagnitude(of: y, b, into: &r, &z)
    return assess(r, b, z, rowSums: rowSums, maxima: y.columnMaxima())
  }

  /// There are none.
  package mutating func sharpen() throws -> String? { nil }
  /// None.
  package var failure: (detail: String, status: ColumnStatus)? { nil }
  /// The method's own.
  package var methodName: String? { nil }
  /// Not known.
  package var suspects: String? { nil }
  /// Nothing was chosen.
  package var explanation: [String] { [] }

  /// Below this reciprocal condition A counts as singular to working precision: n·u.
  package var singularityBound: Double { Double(rows) * Element.unitRoundoff }

  /// A singular or nearly singular factor as an event; `nil` for a sound one.
  package func singularityEvent(rcond: Double, measure: String) -> SolveEvent? {
    guard rows > 0, zeroPivots > 0 || !(rcond >= singularityBound) else { return nil }
    return SolveEvent(
      kind: .note,
      detail: zeroPivots > 0
        ? "A is singular: \(zeroPivots) of \(rows) pivots are zero" + (suspects.map { "; " + $0 } ?? "")
        : "A is nearly singular: rcond \(rcond.brief) (\(measure)); columns count as solved only where the residual proves it"
          + (suspects.map { "; " + $0 } ?? ""))
  }
}

/// Solves by factors with iterative refinement, and says for each column what came of it: the engine of all direct methods.
package final class DirectEngine<Factors: DirectFactors>: ImmediateEngine<Factors.Element>, SolveEngine {
  package typealias Element = Factors.Element
  package let preconditionerName = "none"
  package let sharesSpace = false
  package let copiesSolution = false
  private let method: String
  private let maximumRefinements: Int
  private let boundsErrors: Bool
  private var factors: Factors
  /// Blocks that the last solve needed besides X, for the next one: large blocks cost time when they are taken from the system.
  private var spareBlocks: [BlockVector<Element>] = []

  /// An engine for factors; at most `maximumIterations` of the options are refinements, 10 when it is not set.
  package init(method: String, options: SolverOptions, factors: Factors) {
    self.method = method
    maximumRefinements = options.maximumIterations ?? 10
    boundsErrors = options.boundsForwardErrors
    self.factors = factors
  }

  package var methodName: String { factors.methodName ?? method }
  package var explanation: [String] { factors.explanation }
  package var setupEvents: [SolveEvent] { factors.events }
  package var bytesUsed: Int { factors.heldBytes + spareBlocks.reduce(0) { $0 + $1.byteCount } }

  /// The factors, and what refinement holds besides X: B and X of the active columns, the residual, the next iterate, and what a solve needs.
  package func bytesPlanned(columns: Int) -> Int {
    let width = BlockVector<Element>.paddedWidth(columns) * MemoryLayout<Element>.stride
    return factors.storedBytes + factors.rows * 4 * width + factors.bytesPerSolve(columns: columns)
  }

  /// So many columns that the factors, B, X and the residual stay in half of the last-level cache from one pass over them to the next,
  /// where rows of two cache lines do. All columns at once otherwise: the factors are what is read then.
  func panelWidth(columns: Int) -> Int {
    let row = 128 / MemoryLayout<Element>.stride
    let left = CacheSize.lastLevel / 2 - factors.storedBytes
    let width = left / max(1, 3 * factors.rows * MemoryLayout<Element>.stride) / row * row
    return width >= row && factors.rows >= Self.fewRows && columns >= 2 * width ? width : columns
  }
  /// Smaller systems are solved before it matters.
  private static var fewRows: Int { 4096 }

  package func update(_ a: any LinearOperator<Element>) throws { try factors.update(a) }

  override var solvesAtOnce: Bool {
    factors.solvesAtOnce && factors.failure == nil && factors.zeroPivots == 0 && !boundsErrors
  }

  override func solveAtOnce(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws -> SolutionQuality? {
    guard let quality = try factors.solveAndAssess(b, into: &x) else { return nil }
    let sound = factors.soundBackwardError
    for omega in quality.omega where !(omega <= sound) { return nil }
    return quality
  }

  /// A block whose numbers mean nothing.
  func takeBlock(columns: Int) -> BlockVector<Element> {
    let stride = BlockVector<Element>.paddedWidth(columns)
    guard let k = spareBlocks.firstIndex(where: { $0.stride == stride }) else {
      return BlockVector(rows: factors.rows, columns: columns)
    }
    var block = spareBlocks.remove(at: k)
    block.widen(to: columns)
    return block
  }

  /// Keeps blocks that are no longer needed, the last ones: of those that a solve takes at once there are no more.
  func giveBack(_ blocks: [BlockVector<Element>]) {
    spareBlocks = Array((spareBlocks + blocks).filter { $0.columns > 0 }.suffix(Self.mostSpareBlocks))
  }
  private static var mostSpareBlocks: Int { 6 }

  package func solve(_ problem: SolveProblem<Element>) throws {
    let problem = problem.block
    let open = problem.open
    guard !open.isEmpty else { return }
    let guess = problem.hasGuess ? problem.x : nil
    problem.monitor.begin(method: methodName, iterationLimit: maximumRefinements)
    if let failure = factors.failure {
      for j in open { problem.status[j] = failure.status }
      return try fallBack(problem, columns: open, to: guess)
    }
    // Where every column is solved here, all that is accepted is known.
    problem.maxima = open.count == problem.width ? [Double](repeating: 0, count: problem.width) : nil
    var limited = try refine(problem, columns: open, by: factors)
    let unsound = open.filter { !((problem.backwardErrors[$0] ?? .infinity) <= factors.soundBackwardError) }
    if !unsound.isEmpty, problem.monitor.stopped == nil, let detail = try factors.sharpen() {
      problem.monitor.record(.methodChanged, "\(unsound.count) columns: \(detail)")
      limited = try refine(problem, columns: unsound, by: factors)
    }
    var failed: [Int] = []
    for j in open {
      if problem.trueResiduals[j] <= problem.thresholds[j] {
        problem.status[j] = .converged
      } else {
        failed.append(j)
      }
    }
    if failed.isEmpty { return try boundErrors(problem, columns: open) }
    problem.maxima = nil
    let rcond = factors.zeroPivots > 0 ? 0 : factors.reciprocalCondition()
    for j in failed {
      if !(rcond >= factors.singularityBound) {
        problem.status[j] = .singular(reciprocalCondition: rcond)
      } else if !problem.trueResiduals[j].isFinite {
        problem.status[j] = .nonFinite(.overflow)
      } else if limited.contains(j), let reason = problem.monitor.limitReached() {
        problem.status[j] = reason.status
      } else {
        problem.status[j] = .stagnated(.attainableAccuracy)
      }
    }
    let hopeful = failed.filter {
      switch problem.status[$0] {
      case .stagnated: true
      // Wild pivots may come of the lack of pivoting as well as of A.
      case .singular: factors.zeroPivots == 0
      default: false
      }
    }
    let rescued = Set(try rescue(problem, columns: hopeful, by: factors))
    try fallBack(problem, columns: failed.filter { !rescued.contains($0) }, to: guess)
    try boundErrors(problem, columns: open.filter { problem.status[$0]?.isConverged == true })
  }

  /// Bounds of the forward errors where they are asked for.
  private func boundErrors(_ problem: BlockProblem<Element>, columns: [Int]) throws {
    guard boundsErrors, !columns.isEmpty else { return }
    let (x, b) = (problem.x.picking(columns), problem.b.picking(columns))
    var r = BlockVector<Element>(rows: x.rows, columns: x.columns)
    var z = BlockVector<Element.Magnitude>(rows: x.rows, columns: x.columns)
    factors.residualAndMagnitude(of: x, b, into: &r, &z)
    problem.monitor.countOperator(columns: x.columns)
    let norms = try ForwardErrorBound(factors, residual: r, magnitude: z, b: b).norms()
    for (k, maximum) in x.columnMaxima().enumerated() where norms[k].isFinite && maximum > 0 {
      problem.forwardErrors[columns[k]] = norms[k] / maximum
    }
  }

  /// A column that could not be solved keeps the guess unless what was computed is better: X is always finite.
  private func fallBack(_ problem: BlockProblem<Element>, columns: [Int], to guess: BlockVector<Element>?) throws {
    if columns.isEmpty { return }
    let x = guess?.picking(columns) ?? BlockVector(rows: factors.rows, columns: columns.count)
    var r = BlockVector<Element>(rows: x.rows, columns: columns.count)
    try problem.residual(of: x, problem.b.picking(columns), into: &r)
    let residuals = r.columnNorms()
    for (k, j) in columns.enumerated() where !(problem.trueResiduals[j] < residuals[k]) {
      problem.x[columns: j..<(j + 1)] = x[columns: k..<(k + 1)]
      problem.trueResiduals[j] = residuals[k]
      problem.estimated[j] = residuals[k]
      problem.backwardErrors[j] = nil
    }
  }
}
