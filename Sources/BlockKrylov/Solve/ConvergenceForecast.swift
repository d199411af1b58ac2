/// Says from the residuals so far how many iterations a solve still needs.
///
/// The distance of a block is the logarithm of the largest ‖r_j‖ over its bound. The forecast goes on with the average gain of the
/// later half of the iterations, which follows a convergence that gets faster, and is not misled by residuals that go up and down: what
/// counts is the least distance so far.
struct ConvergenceForecast {
  /// The least distance after 0, 1, 2, … iterations.
  private var distances: [Double] = []
  /// The iterations after which the next look is due.
  private var nextLook = 12

  /// A distance after one more iteration.
  mutating func note(_ distance: Double) {
    distances.append(min(distance.isNaN ? .infinity : distance, distances.last ?? .infinity))
  }

  var iterations: Int { max(distances.count - 1, 0) }

  /// Whether a look is due: after 12 iterations, then each time that a third has come on top.
  mutating func isDue() -> Bool {
    guard iterations >= nextLook else { return false }
    nextLook = iterations + max(iterations / 3, 4)
    return true
  }

  /// The iterations still to come; infinite without any gain.
  var remaining: Double {
    guard let last = distances.last, last > 0 else { return 0 }
    let begin = iterations / 2
    let gain = distances[begin] - last
    return gain > 0 ? last / gain * Double(iterations - begin) : .infinity
  }
}
