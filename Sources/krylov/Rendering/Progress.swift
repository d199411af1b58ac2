import BlockKrylov
import Foundation

/// One line on stderr that follows a solve, rewritten at most ten times a second and erased at the end.
///
/// Silent unless stderr is a terminal.
final class ProgressLine {
  private let isActive: Bool
  private let width: Int
  private let style: Style
  private var lastWritten: ContinuousClock.Instant?
  private var isShown = false
  /// What comes before the numbers, such as the matrix of a longer run.
  var prefix = ""

  init(quiet: Bool) {
    isActive = !quiet && Terminal.isTerminal(STDERR_FILENO)
    width = Terminal.width(STDERR_FILENO) ?? 80
    style = Style(descriptor: STDERR_FILENO)
  }

  /// What is being done while there are no iterations to count.
  func show(_ text: String) { write(text) }

  /// The state of an iteration.
  func update(_ progress: SolveProgress) {
    guard isActive else { return }
    let now = ContinuousClock.now
    if let lastWritten, now - lastWritten < .milliseconds(100) { return }
    lastWritten = now
    write(Self.text(progress))
  }

  /// Leaves the line as it was before.
  func erase() {
    guard isShown else { return }
    FileHandle.standardError.write(Data("\r\u{1B}[K".utf8))
    isShown = false
  }

  /// `gmres · iteration 120 · worst residual 3.2e-05 · 5 of 8 columns · 1.2 s`
  static func text(_ progress: SolveProgress) -> String {
    let worst = progress.relativeResiduals.filter { !$0.isNaN }.max()
    return [
      progress.method, "iteration \(progress.iteration)",
      "worst residual \(Format.scientific(worst, digits: 1))",
      "\(progress.columnsDone) of \(Format.count(progress.relativeResiduals.count, "column"))",
      Format.seconds(progress.seconds),
    ].joined(separator: " · ")
  }

  private func write(_ text: String) {
    guard isActive else { return }
    let line = Format.truncated(prefix + text, to: width - 1)
    FileHandle.standardError.write(Data(("\r\u{1B}[K" + style(line, .faint)).utf8))
    isShown = true
  }
}
