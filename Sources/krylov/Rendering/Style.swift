import Foundation

/// Colours for text that a person reads. Off when the output is not a terminal, `NO_COLOR` is set or the terminal is dumb.
struct Style: Sendable {
  /// What a piece of text means; the colour follows from it.
  enum Tone: Sendable {
    case plain, strong, faint, good, bad, warning

    fileprivate var code: String? {
      switch self {
      case .plain: nil
      case .strong: "1"
      case .faint: "2"
      case .good: "32"
      case .bad: "31"
      case .warning: "33"
      }
    }
  }

  let isColoured: Bool

  /// No colours.
  static let plain = Style(isColoured: false)

  /// Colours if `descriptor` is a terminal that shows them.
  init(descriptor: Int32) {
    let environment = ProcessInfo.processInfo.environment
    let refused = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
    isColoured = Terminal.isTerminal(descriptor) && !refused && environment["TERM"] != "dumb"
  }

  init(isColoured: Bool) { self.isColoured = isColoured }

  func callAsFunction(_ text: String, _ tone: Tone) -> String {
    guard isColoured, let code = tone.code, !text.isEmpty else { return text }
    return "\u{1B}[\(code)m\(text)\u{1B}[0m"
  }
}

/// What is known of the terminal.
enum Terminal {
  /// The width that text is wrapped at where there is no terminal.
  static let usualWidth = 100

  static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// The width of the terminal in characters; `nil` when the output goes elsewhere.
  static func width(_ descriptor: Int32) -> Int? {
    guard isTerminal(descriptor) else { return nil }
    var size = winsize()
    let known = unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return known ? max(40, Int(size.ws_col)) : 80
  }
}
