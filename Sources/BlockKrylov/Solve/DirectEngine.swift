/// The factors of A as a direct solve needs them: dense or sparse, LU or any other kind.
package protocol DirectFactors<Element> {
  /// The scalar type of A.
  associatedtype Element: Scalar

  /// The order of A.
  var rows: Int { get }
  /// The memory of the factors and of what is kept of A, in bytes.
  var storedBytes: Int { get }
  /// The number of pivots that are exactly zero.
  var zeroPivots: Int { get }
  /// ‖a_i‖₁ of each row of A.
  var rowSums: [Double] { get }

  /// X = A⁻¹·B by the factors alone; NaN and infinity come out where a pivot is zero.
  func solve(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws
  /// R = B − A·X and Z = |A|·|X|.
  func residualAndMagnitude(
    of x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>,
    _ z: inout BlockVector<Element.Magnitude>)
  /// An estimate of the reciprocal condition; 0 when a pivot is zero.
  func reciprocalCondition() -> Double
  /// What the factorisation has to say.
  var events: [SolveEvent] { get }
  /// The factors of another matrix, with the symbolic work of this one where the pattern allows it.
  mutating func update(_ a: any LinearOperator<Element>) throws
}

extension DirectFactors {
  /// Below this reciprocal condition A counts as singular to working precision: n·u.
  package var singularityBound: Double { Double(rows) * Element.unitRoundoff }

  /// A singular or nearly singular factor as an event; `nil` for a sound one.
  package func singularityEvent(rcond: Double, measure: String) -> SolveEvent? {
    guard rows > 0, zeroPivots > 0 || !(rcond >= singularityBound) else { return nil }
    return SolveEvent(
      kind: .note,
      detail: zeroPivots > 0
        ? "A is singular: \(zeroPivots) of \(rows) pivots are zero"
        : "A is nearly singular: rcond \(rcond.brief) (\(measure)); columns count as solved only where the residual proves it")
  }
}

/// Solves by factors with iterative refinement, and says for each column what came of it: the engine of all direct methods.
package final class DirectEngine<Factors: DirectFactors>: SolveEngine {
  package typealias Element = Factors.Element
  package let methodName: String
  package let preconditionerName = "none"
  package let sharesSpace = false
  private let maximumRefinements: Int
  private var factors: Factors

  /// An engine for factors; at most `maximumIterations` of the options are refinements, 10 when it is not set.
  package init(method: String, options: SolverOptions, factors: Factors) {
    methodName = method
    maximumRefinements = options.maximumIterations ?? 10
    self.factors = factors
  }

  package var setupEvents: [SolveEvent] { factors.events }
  package var bytesUsed: Int { factors.storedBytes }

  /// The factors, and what refinement holds besides X: B and X of the active columns, the residual, a correction, |A|·|X|.
  package func bytesPlanned(columns: Int) -> Int {
    let width = BlockVector<Element>.paddedWidth(columns) * MemoryLayout<Element>.stride
    let realWidth = BlockVector<Element.Magnitude>.paddedWidth(columns) * MemoryLayout<Element.Magnitude>.stride
    return factors.storedBytes + factors.rows * (4 * width + realWidth)
  }

  package func update(_ a: any LinearOperator<Element>) throws { try factors.update(a) }

  package func solve(_ problem: SolveProblem<Element>) throws {
    let problem = problem.block
    let open = problem.open
    guard !open.isEmpty else { return }
    let guess = problem.x
    problem.monitor.begin(method: methodName, iterationLimit: maximumRefinements)
    let limited = try refine(problem, columns: open, by: factors)
    var failed: [Int] = []
    for j in open {
      if problem.trueResiduals[j] <= problem.thresholds[j] {
        problem.status[j] = .converged
      } else {
        failed.append(j)
      }
    }
    if failed.isEmpty { return }
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
    try fallBack(problem, columns: failed, to: guess)
  }

  /// A column that could not be solved keeps the guess unless what was computed is better: X is always finite.
  private func fallBack(_ problem: BlockProblem<Element>, columns: [Int], to guess: BlockVector<Element>) throws {
    let x = guess.picking(columns)
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

extension BlockVector {
  /// Some columns as a block; without a copy when they are all of them.
  func picking(_ list: [Int]) -> BlockVector {
    if list.count == columns { return self }
    var part = BlockVector(rows: rows, columns: list.count)
    part.gatherColumns(list, of: self)
    return part
  }
}
