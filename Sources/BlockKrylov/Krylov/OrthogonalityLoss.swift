/// Tells when a basis that is projected once per step must be looked at, and projected again.
///
/// What one projection leaves of the basis in a new block is rounding, and the loss of orthogonality that the basis has already,
/// enlarged by what the projection takes off the block's length: by ‖W‖·‖R⁻¹‖ for a block that becomes W = 𝒱·H + V·R (L. Giraud, J. Langou,
/// M. Rozložník and J. van den Eshof, “Rounding error analysis of the classical Gram–Schmidt orthogonalization process”, Numer. Math.
/// 101, 2005). That extrapolates the loss from step to step without reading the basis. Where it passes the limit, 𝒱ᴴV is formed, which
/// shows the real loss, as a rule a much smaller one; only when that is too large as well the block is projected a second time.
struct OrthogonalityLoss {
  private let unit: Double
  /// The loss measured last, or extrapolated from it.
  private(set) var level: Double
  private var lastGrowth = 1.0

  init(unitRoundoff: Double) {
    unit = unitRoundoff
    level = 2 * unitRoundoff
  }

  /// The largest loss that a step may leave.
  var limit: Double { 256 * unit }

  /// Whether the next step will have to be looked at, if it is like the last one.
  var isDue: Bool { extrapolated(lastGrowth) > limit }

  private func extrapolated(_ growth: Double) -> Double { (level + 2 * unit) * growth }

  /// A step whose block was shortened by at most this factor; true when it need not be looked at.
  mutating func permits(growth: Double) -> Bool {
    lastGrowth = growth.isFinite ? growth : lastGrowth
    let next = extrapolated(growth)
    guard next <= limit else { return false }
    level = max(level, next)
    return true
  }

  /// The loss of a step was seen; true when it is small enough.
  mutating func permits(measured: Double) -> Bool {
    guard measured <= limit else { return false }
    level = max(measured, 2 * unit)
    return true
  }

  /// The newest block was projected again. Those before it still have what they had: the next step is looked at.
  mutating func repaired() { level = limit }
}
