import Foundation

/// Numbers as people read them.
enum Format {
  /// `9.20e-09`; `0` for zero, `–` for a number that is not known.
  static func scientific(_ value: Double?, digits: Int = 2) -> String {
    guard let value, !value.isNaN else { return "–" }
    if value == 0 { return "0" }
    if value.isInfinite { return value > 0 ? "∞" : "−∞" }
    return String(format: "%.\(digits)e", value)
  }

  /// A number as short as it can be said exactly: `1e-08`, `0.5`, `3`.
  static func short(_ value: Double) -> String {
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// `850 µs`, `12.3 ms`, `4.56 s`, `12 min 30 s`.
  static func seconds(_ value: Double) -> String {
    switch value {
    case ..<0.9995e-3: String(format: "%.0f µs", value * 1e6)
    case ..<0.9995: threeDigits(value * 1e3) + " ms"
    case ..<599.5: threeDigits(value) + " s"
    default: "\(Int(value) / 60) min \(Int(value) % 60) s"
    }
  }

  /// `512 B`, `12.3 MB`: powers of 1000.
  static func bytes(_ count: Int) -> String {
    var (value, unit) = (Double(count), 0)
    let units = ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return unit == 0 ? "\(count) B" : "\(threeDigits(value)) \(units[unit])"
  }

  /// `9.87`, `98.7`, `987`.
  private static func threeDigits(_ value: Double) -> String {
    String(format: value < 9.995 ? "%.2f" : value < 99.95 ? "%.1f" : "%.0f", value)
  }

  /// `1,234,567`; up to four digits stay together.
  static func grouped(_ count: Int) -> String {
    let digits = Array(String(count.magnitude))
    var text = count < 0 ? "−" : ""
    for (k, digit) in digits.enumerated() {
      if k > 0, digits.count > 4, (digits.count - k) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return text
  }

  /// `1 column`, `3 columns`.
  static func count(_ number: Int, _ noun: String, plural: String? = nil) -> String {
    "\(grouped(number)) \(number == 1 ? noun : plural ?? noun + "s")"
  }

  /// `0, 3–7, 12`: a list of numbers in increasing order, with runs and at most `limit` pieces.
  static func ranges(_ numbers: [Int], limit: Int = 8) -> String {
    var pieces: [(first: Int, last: Int)] = []
    for number in numbers {
      if let last = pieces.last, last.last + 1 == number {
        pieces[pieces.count - 1].last = number
      } else {
        pieces.append((number, number))
      }
    }
    var words = pieces.prefix(limit).map { piece in
      switch piece.last - piece.first {
      case 0: "\(piece.first)"
      case 1: "\(piece.first), \(piece.last)"
      default: "\(piece.first)–\(piece.last)"
      }
    }
    if pieces.count > limit { words.append("…") }
    return words.joined(separator: ", ")
  }

  /// Breaks text into lines of at most `width` characters at spaces; a longer word stays whole.
  static func wrap(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    return line.isEmpty && !lines.isEmpty ? lines : lines + [line]
  }

  /// Wrapped text with `first` before the first line and blanks of the same width before the others.
  static func wrap(_ text: String, first: String, width: Int) -> [String] {
    let indent = String(repeating: " ", count: first.count)
    return wrap(text, width: max(20, width - first.count)).enumerated().map { ($0 == 0 ? first : indent) + $1 }
  }

  /// At most `width` characters, with an ellipsis for what is cut off.
  static func truncated(_ text: String, to width: Int) -> String {
    text.count <= width ? text : text.prefix(max(0, width - 1)) + "…"
  }

  /// Blanks up to `width`.
  static func padded(_ text: String, to width: Int, right: Bool = false) -> String {
    let blanks = String(repeating: " ", count: max(0, width - text.count))
    return right ? blanks + text : text + blanks
  }
}
