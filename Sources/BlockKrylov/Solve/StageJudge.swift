internal import RealModule

/// Why a stage of the automatic choice was given up though it could have gone on.
enum StageVerdict: Equatable {
  /// A direct solve takes less time than the iterations that are still to come.
  case directIsQuicker(String)
  /// It does not converge fast enough to be worth going on.
  case tooSlow(String)

  var words: String {
    switch self {
    case .directIsQuicker(let text), .tooSlow(let text): text
    }
  }
}

/// Watches the residuals of a stage and gives it up when something better waits: by the forecast of its convergence and the cost
/// model, never by the clock, so that the same problem is always solved in the same way.
final class StageJudge<Element: Scalar> {
  private let problem: BlockProblem<Element>
  private let secondsPerIteration: Double
  private let analysisSeconds: Double
  /// What earlier solves with this A took: as much is expected of later ones, which a factorisation would spare too.
  private let earlierSeconds: Double
  /// A trial that is forecast to need several times as many is given up.
  private let mostIterations: Int?
  /// Seconds of a direct solve of so many columns, and the name of its factorisation.
  private let directSeconds: ((_ columns: Int) -> (seconds: Double, method: String)?)?
  private var forecast = ConvergenceForecast()
  private(set) var verdict: StageVerdict?

  init(
    _ problem: BlockProblem<Element>, secondsPerIteration: Double, analysisSeconds: Double, earlierSeconds: Double,
    mostIterations: Int?,
    directSeconds: ((_ columns: Int) -> (seconds: Double, method: String)?)?
  ) {
    (self.problem, self.secondsPerIteration, self.analysisSeconds) = (problem, secondsPerIteration, analysisSeconds)
    self.earlierSeconds = earlierSeconds
    (self.mostIterations, self.directSeconds) = (mostIterations, directSeconds)
    forecast.note(distance)
  }

  /// What the iterations so far took.
  var spentSeconds: Double { Double(forecast.iterations) * secondsPerIteration }

  /// The largest log₁₀(‖r_j‖ / bound) of the columns.
  private var distance: Double {
    var largest = 0.0
    for j in 0..<problem.width {
      let residual = problem.monitor.relativeResiduals[problem.columns[j]] * problem.norms[j]
      let bound = problem.target(column: j)
      if !(residual <= bound) { largest = max(largest, Double.log10(residual / bound)) }
    }
    return largest
  }

  /// After each iteration: whether the stage is given up.
  func isOver() -> Bool {
    forecast.note(distance)
    guard verdict == nil, forecast.isDue() else { return verdict != nil }
    let remaining = forecast.remaining
    if remaining == 0 { return false }
    if let mostIterations, forecast.iterations >= 40, Double(forecast.iterations) + remaining > 3 * Double(mostIterations) {
      verdict = .tooSlow("after \(forecast.iterations) iterations \(Self.words(remaining)) more are forecast")
    } else {
      verdict = directIsQuicker(remaining)
    }
    return verdict != nil
  }

  private func directIsQuicker(_ remaining: Double) -> StageVerdict? {
    guard let directSeconds else { return nil }
    // Columns of groups that wait will take as long as these.
    let monitor = problem.monitor
    let own = problem.columns.reduce(0) { $0 + (monitor.isUnfinished(column: $1) ? 1 : 0) }
    let waiting = Double(monitor.unfinishedColumns - own) / Double(max(problem.width, 1))
    let rest = (remaining + waiting * (Double(forecast.iterations) + remaining)) * secondsPerIteration
    // To ask costs a symbolic analysis: as much is spent on iterations first, so that a wrong forecast of their beginning costs little.
    let spent = spentSeconds + earlierSeconds
    guard spent > analysisSeconds, rest + earlierSeconds > 2 * analysisSeconds,
      let direct = directSeconds(monitor.unfinishedColumns)
    else { return nil }
    // A convergence that has only begun may get faster: some of the time of the other way is spent first.
    guard rest + earlierSeconds > 1.2 * direct.seconds, spent > direct.seconds / 3 else { return nil }
    let earlier = earlierSeconds > 0 ? " after \(earlierSeconds.brief) s in earlier solves" : ""
    return .directIsQuicker(
      "\(Self.words(remaining)) more iterations are forecast, about \(rest.brief) s by the cost model\(earlier), and "
        + "\(direct.seconds.brief) s for \(direct.method)")
  }

  private static func words(_ iterations: Double) -> String {
    iterations < 1e6 ? "\(Int(iterations.rounded(.up)))" : "endlessly many"
  }
}
