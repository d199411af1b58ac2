internal import BlockKrylov

/// A sparse factorisation of a square matrix, whichever it is.
protocol SparseFactorization<Element>: Sendable {
  associatedtype Element: Scalar

  /// As in `--method`.
  static var methodName: String { get }
  /// A.
  var matrix: CSRMatrix<Element> { get }
  var statistics: FactorStatistics { get }
  /// Why there are no factors, in words and as a status; `nil` when there are.
  var failure: (detail: String, status: ColumnStatus)? { get }
  /// How systems with A, Aᵀ or Aᴴ are solved; `nil` for order 0 and where there are no factors.
  func triangularSolve(_ system: LUFactorization<Element>.System) -> TriangularSolve?
  /// Factors of another matrix; true when the symbolic analysis was kept.
  mutating func refactor(_ a: CSRMatrix<Element>) throws -> Bool
}

extension SparseFactorization {
  /// X = op(A)⁻¹·B, without checks: NaN and infinity come out where a pivot is zero.
  func solve(
    _ b: BlockVector<Element>, into x: inout BlockVector<Element>, _ system: LUFactorization<Element>.System = .plain
  ) {
    triangularSolve(system)?.solve(b, into: &x)
  }
}

extension LUFactorization: SparseFactorization {
  static var methodName: String { "lu" }
  var failure: (detail: String, status: ColumnStatus)? { nil }
}

extension CholeskyFactorization: SparseFactorization {
  static var methodName: String { "cholesky" }
  var failure: (detail: String, status: ColumnStatus)? {
    failedRow.map { row in
      ("A is not positive definite: a leading minor that ends with row \(row) is not positive", .indefiniteOperator)
    }
  }
}

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

  private let memoryLimit: Int?

  init(_ a: any LinearOperator<Element>, choice: SparseChoice, memoryLimit: Int?) throws {
    self.choice = choice
    self.memoryLimit = memoryLimit
    (factorization, explanation, events) = try choice.factor(a, memoryLimit: memoryLimit)
    statistics = factorization.statistics
    rowSums = BlockKrylov.rowSums(factorization.matrix)
    events += findings
  }

  private var findings: [SolveEvent] {
    if let failure { return [SolveEvent(kind: .note, detail: failure.detail)] }
    let measure = type(of: factorization).methodName == "lu" ? "min|u_ii|/max|u_ii|" : "smallest/largest pivot"
    return [singularityEvent(rcond: reciprocalCondition(), measure: measure)].compactMap { $0 }
  }

  var methodName: String? { type(of: factorization).methodName }
  var failure: (detail: String, status: ColumnStatus)? { factorization.failure }
  var suspects: String? { statistics.suspects }
  var rows: Int { statistics.order }
  var longestRow: Int {
    let start = factorization.matrix.rowStart
    return zip(start.dropFirst(), start).reduce(0) { max($0, $1.0 - $1.1) }
  }
  var storedBytes: Int { statistics.storedBytes + 8 * rows }
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
      self = try SparseFactors(matrix, choice: choice, memoryLimit: memoryLimit)
    } else {
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

/// Which factorisation a method makes.
enum SparseChoice: Sendable {
  case lu
  case klu
  case cholesky(quasiDefinite: Bool)
  case automatic

  var isAutomatic: Bool { if case .automatic = self { true } else { false } }

  typealias Result<Element: Scalar> = (
    factorization: any SparseFactorization<Element>, explanation: [String], events: [SolveEvent]
  )

  /// The factors, why these, and what was tried before.
  func factor<Element: Scalar>(_ a: any LinearOperator<Element>, memoryLimit: Int?) throws -> Result<Element> {
    switch self {
    case .lu:
      return (try LUFactorization(a, memoryLimit: memoryLimit), [], [])
    case .klu:
      return (try KLUFactorization(a, memoryLimit: memoryLimit), [], [])
    case .cholesky(let quasiDefinite):
      return (
        try CholeskyFactorization(
          whateverComesOf: a, form: quasiDefinite ? .quasiDefinite : .positiveDefinite, memoryLimit: memoryLimit), [], []
      )
    case .automatic:
      guard let matrix = a.sparseMatrix, matrix.probe().looksPositiveDefinite else {
        if let matrix = a.sparseMatrix, matrix.rows == matrix.columns, let reason = KLUFactorization.suits(matrix) {
          return (try KLUFactorization(matrix, memoryLimit: memoryLimit), [reason], [])
        }
        return (try LUFactorization(a, memoryLimit: memoryLimit), ["A is not hermitian with a positive diagonal: sparse LU"], [])
      }
      let cholesky = try CholeskyFactorization(whateverComesOf: matrix, form: .positiveDefinite, memoryLimit: memoryLimit)
      guard let failure = cholesky.failure else {
        return (cholesky, ["A is hermitian with a positive diagonal: sparse Cholesky, which proves it positive definite"], [])
      }
      let event = SolveEvent(kind: .methodChanged, detail: "cholesky: \(failure.detail); lu takes over")
      return (
        try LUFactorization(matrix, memoryLimit: memoryLimit), ["A is hermitian but not positive definite: sparse LU"], [event]
      )
    }
  }
}
