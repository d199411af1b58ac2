/// Comma-separated values as RFC 4180 has them.
enum CSV {
  /// One record, without its line end.
  static func line(_ fields: [String]) -> String { fields.map(field).joined(separator: ",") }

  /// A number with all its digits; nothing for one that is unknown or not finite.
  static func number(_ value: Double?) -> String { value.map { $0.isFinite ? "\($0)" : "" } ?? "" }

  private static func field(_ text: String) -> String {
    // Looked at by unicode scalar: "\r\n" is one character.
    guard text.unicodeScalars.contains(where: { $0 == "," || $0 == "\"" || $0 == "\n" || $0 == "\r" }) else { return text }
    return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }
}
