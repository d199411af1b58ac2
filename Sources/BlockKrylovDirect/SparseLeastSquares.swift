public import BlockKrylov

/// Least squares by sparse QR factors (SuiteSparseQR): min ‖b_j − A·x_j‖₂ for all columns; A may be rectangular or lack rank.
///
/// ```swift
/// let result = try SparseLeastSquares().solve(A, B)
/// ```
/// A column is solved in one of two ways, as by `LSMR`: where ‖b − A·x‖ meets the tolerance it is `converged`; where it cannot vanish, and
/// ‖Aᴴr‖ ≤ tolerance·‖A‖·‖r‖ (the tolerance being at most 1e-7, 2e-3 in single precision), it is `leastSquares`. Both are recomputed before they
/// are said. Where A lacks rank X is a basic solution, which a note of the report says together with the rank; ``SparseQR`` has the null space.
/// Of the options it uses `tolerance` and `threads`.
///
/// > Important: SuiteSparseQR is under the GNU General Public License, version 2 or later; see ``LUFactorization``.
public struct SparseLeastSquares: BlockMethod {
  /// `qr`.
  public var name: String { "qr" }
  /// The options.
  public var options = SolverOptions()
  /// As in ``SparseQR/init(_:rankTolerance:)``.
  public var rankTolerance: Double?

  /// Sparse QR with the options that are asked for most.
  public init(tolerance: Tolerance = .default, rankTolerance: Double? = nil, threads: Int? = nil) {
    self.rankTolerance = rankTolerance
    options.tolerance = tolerance
    options.threads = threads
  }

  /// Factors A; throws as ``SparseQR/init(_:rankTolerance:)``.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    try QREngine(a, rankTolerance: rankTolerance, explanation: [])
  }
}

/// Least squares by the factors of one A.
final class QREngine<Element: Scalar>: SolveEngine {
  let methodName = "qr"
  let preconditionerName = "none"
  let sharesSpace = false
  let copiesSolution = false
  let explanation: [String]
  private let rankTolerance: Double?
  private var factors: SparseQR<Element>
  /// The largest 2-norm of a column of A, at most ‖A‖.
  private var norm: Double

  init(_ a: some LinearOperator<Element>, rankTolerance: Double?, explanation: [String]) throws {
    self.rankTolerance = rankTolerance
    self.explanation = explanation
    factors = try SparseQR(a, rankTolerance: rankTolerance)
    norm = factors.matrix.largestColumnNorm
  }

  func update(_ a: any LinearOperator<Element>) throws {
    factors = try SparseQR(a, rankTolerance: rankTolerance)
    norm = factors.matrix.largestColumnNorm
  }

  var setupEvents: [SolveEvent] {
    let lacking = min(factors.rows, factors.columns) - factors.rank
    guard lacking > 0 else { return [] }
    return [
      SolveEvent(
        kind: .note,
        detail: "A has rank \(factors.rank), \(lacking) less than it could have: among many solutions a basic one is given")
    ]
  }

  var bytesUsed: Int { factors.storedBytes + factors.matrix.storedBytes }

  /// X, the residual and its image under Aᴴ, each twice for the refinement, and column-major copies.
  func bytesPlanned(columns m: Int) -> Int {
    bytesUsed + m * MemoryLayout<Element>.stride * (4 * factors.rows + 5 * factors.columns)
  }

  func solve(_ problem: SolveProblem<Element>) throws {
    let problem = problem.block
    let open = problem.open
    guard !open.isEmpty else { return }
    problem.monitor.begin(method: methodName, iterationLimit: 1)
    problem.monitor.start()
    var b = BlockVector<Element>(rows: factors.rows, columns: open.count)
    for (k, j) in open.enumerated() { b[columns: k..<(k + 1)] = problem.b[columns: j..<(j + 1)] }
    let fit = try factors.fit(b)
    problem.monitor.countOperator(columns: 4 * open.count)
    let (residuals, gradients, maxima) = (fit.residual.columnNorms(), fit.gradient.columnNorms(), fit.x.columnMaxima())
    for (k, j) in open.enumerated() {
      guard maxima[k].isFinite, residuals[k].isFinite else {
        problem.finish(column: j, .nonFinite(.overflow))
        continue
      }
      problem.x[columns: j..<(j + 1)] = fit.x[columns: k..<(k + 1)]
      (problem.trueResiduals[j], problem.estimated[j]) = (residuals[k], residuals[k])
      let quotient = residuals[k] > 0 ? gradients[k] / (norm * residuals[k]) : 0
      problem.normalResiduals[j] = quotient
      // With a larger tolerance an ill-conditioned consistent system would count as an inconsistent one.
      let tolerance = min(problem.thresholds[j] / problem.norms[j], 10 * Element.unitRoundoff.squareRoot())
      if residuals[k] <= problem.thresholds[j] {
        problem.finish(column: j, .converged)
      } else if quotient <= tolerance {
        problem.finish(column: j, .leastSquares)
      } else {
        problem.finish(column: j, .stagnated(.attainableAccuracy))
      }
    }
  }
}

extension CSRMatrix {
  fileprivate var largestColumnNorm: Double {
    var squares = [Double](repeating: 0, count: columns)
    for k in 0..<nonzeros {
      let size = Double(values[k].modulus)
      squares[Int(columnIndex[k])] += size * size
    }
    return (squares.max() ?? 0).squareRoot()
  }
}
