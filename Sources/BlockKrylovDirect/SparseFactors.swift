internal import BlockKrylov

/// A sparse factorisation as the common engine of direct methods needs it.
struct SparseFactors<Element: Scalar>: DirectFactors {
  private(set) var factorization: any SparseFactorization<Element>
  private(set) var rowSums: [Double]
  private(set) var events: [SolveEvent]
  /// Why this factorisation, where the choice was automatic.
  private(set) var explanation: [String]
  /// The choice, for matrices that come later.
  private let choice: SparseChoice
  private var statistics: FactorStatistics

  private let options: FactorOptions

  init(_ a: any LinearOperator<Element>, choice: SparseChoice, _ options: FactorOptions) throws {
    self.choice = choice
    self.options = options
    (factorization, explanation, events) = try choice.factor(a, options)
    statistics = factorization.statistics
    rowSums = BlockKrylov.rowSums(factorization.matrix)
    events += findings
  }

  private var findings: [SolveEvent] {
    if let failure { return [SolveEvent(kind: .note, detail: failure.detail)] }
    let measure = factorization.methodName == "lu" ? "min|u_ii|/max|u_ii|" : "smallest/largest pivot"
    return [precisionEvent, singularityEvent(rcond: reciprocalCondition(), measure: measure)].compactMap { $0 }
  }

  private var isSingle: Bool { factorization.triangularSolve(.plain)?.forward.isSingle == true }

  private var precisionEvent: SolveEvent? {
    guard options.precision == .single, rows > 0 else { return nil }
    return SolveEvent(
      kind: .note,
      detail: isSingle
        ? "the factors are kept in single precision"
        : "the factors are kept in double precision: their numbers are beyond the range of single precision")
  }

  /// The factors in double precision, where they are kept in single precision.
  mutating func sharpen() throws -> String? {
    guard isSingle else { return nil }
    factorization.precision = .double
    _ = try factorization.refactor(factorization.matrix)
    statistics = factorization.statistics
    return "factors in single precision are too inaccurate for these columns: factored again, in double precision from now on"
  }

  var methodName: String? { factorization.methodName }
  var failure: (detail: String, status: ColumnStatus)? { factorization.failure }
  var suspects: String? { statistics.suspects }
  var rows: Int { statistics.order }
  var longestRow: Int {
    let start = factorization.matrix.rowStart
    return zip(start.dropFirst(), start).reduce(0) { max($0, $1.0 - $1.1) }
  }
  var storedBytes: Int { statistics.storedBytes + 8 * rows }
  var heldBytes: Int { storedBytes + (factorization.triangularSolve(.plain)?.forward.panels.idleBytes ?? 0) }
  var zeroPivots: Int { statistics.zeroPivots }
  func reciprocalCondition() -> Double { statistics.pivotRatio }

  func solve(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws { factorization.solve(b, into: &x) }

  func solveAdjoint(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws {
    factorization.solve(b, into: &x, .adjoint)
  }

  /// At 4u no solution is worth another solve: rounding of A and B alone may cause as much.
  var soundBackwardError: Double { 4 * Element.unitRoundoff }

  func correct(
    _ r: inout BlockVector<Element>, of x: BlockVector<Element>?, _ b: BlockVector<Element>, into y: inout BlockVector<Element>
  ) throws -> SolutionQuality {
    let maxima =
      factorization.triangularSolve(.plain)?.solve(x == nil ? b : r, plus: x, into: &y)
      ?? [Double](repeating: 0, count: b.columns)
    let (residuals, omega) = factorization.matrix.residualAndBackwardErrors(
      of: y, maxima: maxima, b, rowSums: rowSums, into: &r)
    return SolutionQuality(residuals: residuals, omega: omega, maxima: maxima)
  }

  /// A panel for each thread.
  func bytesPerSolve(columns: Int) -> Int {
    8 * rows * min(columns * (Element.isComplex ? 2 : 1), TriangularSolve.widestPanel * Threads.count)
  }

  func residualAndMagnitude(
    of x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>,
    _ z: inout BlockVector<Element.Magnitude>
  ) {
    factorization.matrix.residualAndMagnitude(of: x, b, into: &r, &z)
  }

  mutating func update(_ a: any LinearOperator<Element>) throws {
    guard let matrix = a.sparseMatrix else {
      throw BlockKrylovError.unsupported(
        "a sparse direct solve needs the entries of A and the new operator has none; prepare anew")
    }
    let kept = matrix.hasSamePattern(as: factorization.matrix)
    if choice.isAutomatic, !kept || !(factorization is LUFactorization<Element>) {
      // What was true of the old values need not be of the new ones.
      self = try SparseFactors(matrix, choice: choice, options)
    } else {
      factorization.precision = options.precision
      _ = try factorization.refactor(matrix)
      statistics = factorization.statistics
      rowSums = BlockKrylov.rowSums(matrix)
      events = findings
    }
    if !kept {
      events.append(SolveEvent(kind: .note, detail: "the pattern of A changed: the symbolic analysis was made anew"))
    }
  }
}
