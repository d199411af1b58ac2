/// Estimates of the A-norm of the error of each column, from what iterations of conjugate gradients take off its square.
///
/// ‖e_l‖² − ‖e_k‖² = Δ_l + … + Δ_{k−1} is known when iteration k is reached, and close to ‖e_l‖² once ‖e_k‖² is small beside it. How many
/// iterations that takes follows from the convergence so far (G. Meurant, J. Papež and P. Tichý, “Accurate error estimation in CG”,
/// Numer. Algorithms 88, 2021; for blocks G. Meurant and P. Tichý, arXiv 2502.14979): where ‖e_i‖² was at most S·Δ_i over the
/// iterations in which it fell to 10⁻⁴, ‖e_{k−1}‖² ≤ S·Δ_{k−1} is expected, and the sum is taken when that is a quarter of it.
///
/// - Complexity: O(k) per iteration and column at most, of numbers and not of rows.
package final class EnergyErrors {
  /// The share of ‖e_l‖² that a sum may lack.
  private static var accuracy: Double { 0.25 }
  /// The part of the history that S is taken from.
  private static var window: Double { 1e-4 }

  private let columns: Int
  /// Δ of all columns, iteration after iteration.
  private var decreases: [Double] = []
  /// ‖r‖ before each iteration.
  private var residuals: [Double] = []
  private var count = 0
  /// The iterate whose error is to be estimated next, and the estimate of the one before it.
  private var next: [Int]
  private var squares: [Double]
  /// ‖x*‖² less ‖e‖² of the first and of the last iterate.
  private var start: [Double]
  private var sums: [Double]

  package init(columns: Int) {
    self.columns = columns
    next = [Int](repeating: 0, count: columns)
    squares = [Double](repeating: .infinity, count: columns)
    start = [Double](repeating: 0, count: columns)
    sums = start
    decreases.reserveCapacity(256 * columns)
    residuals.reserveCapacity(256 * columns)
  }

  /// A recurrence begins; `start` is ‖x*‖² − ‖x* − x‖² of its first X, 0 for X = 0.
  package func begin(_ start: [Double]) {
    decreases.removeAll(keepingCapacity: true)
    residuals.removeAll(keepingCapacity: true)
    count = 0
    self.start = start
    for j in 0..<columns { (next[j], squares[j], sums[j]) = (0, .infinity, 0) }
  }

  /// One iteration: Δ of each column, `nil` for one that takes no part in it, and ‖r‖ of the iterate that it began with.
  package func append(_ decrease: (Int) -> Double?, residual: (Int) -> Double) {
    count += 1
    for j in 0..<columns {
      let value = decrease(j)
      residuals.append(residual(j))
      decreases.append(max(value ?? 0, 0))
      sums[j] += max(value ?? 0, 0)
    }
    for j in 0..<columns where decrease(j) != nil { advance(j) }
  }

  private func delta(_ iteration: Int, _ j: Int) -> Double { decreases[iteration * columns + j] }

  private func advance(_ j: Int) {
    let last = delta(count - 1, j)
    var sum = 0.0
    for i in next[j]..<count { sum += delta(i, j) }
    while next[j] < count - 1, safety(j, sum) * last <= Self.accuracy * (sum - last) {
      squares[j] = sum
      sum -= delta(next[j], j)
      next[j] += 1
    }
  }

  /// The largest ‖e_i‖²/Δ_i since ‖e_i‖² was 10⁴ times the error to be estimated.
  private func safety(_ j: Int, _ sum: Double) -> Double {
    var (largest, tail) = (1.0, 0.0)
    for i in stride(from: count - 1, through: 0, by: -1) {
      let value = delta(i, j)
      tail += value
      if value > 0 { largest = max(largest, tail / value) }
      if i < next[j], sum <= Self.window * tail { break }
    }
    return largest
  }

  /// The estimate of ‖x* − x_l‖_A for the last iterate for which there is one, with what it may lack; infinite before. The iterates after
  /// that one are closer to x*.
  package func error(column j: Int) -> Double { (squares[j] / (1 - Self.accuracy)).squareRoot() }

  /// ‖r‖ of the iterate whose error is estimated.
  package func residual(column j: Int) -> Double { next[j] > 0 ? residuals[(next[j] - 1) * columns + j] : 0 }

  /// ‖x*‖_A², from below.
  package func solutionSquare(column j: Int) -> Double { start[j] + sums[j] }
}
