/// A JSON value whose objects keep the order of their keys.
enum JSON: Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  /// A number; one that is not finite is written as `null`, which is all that JSON has for it.
  case number(Double)
  case string(String)
  case array([JSON])
  case object([Member])

  /// A key and its value.
  struct Member: Equatable {
    var key: String
    var value: JSON
  }

  /// An object from pairs, in their order.
  static func members(_ pairs: KeyValuePairs<String, JSON>) -> JSON {
    .object(pairs.map { Member(key: $0.key, value: $0.value) })
  }

  /// A number, or `null` for none.
  static func number(optional value: Double?) -> JSON { value.map { .number($0) } ?? .null }

  /// A string, or `null` for none.
  static func string(optional value: String?) -> JSON { value.map { .string($0) } ?? .null }

  /// On one line.
  var line: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .integer(let value): "\(value)"
    case .number(let value): Self.text(value)
    case .string(let value): Self.quoted(value)
    case .array(let items): "[" + items.map(\.line).joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { Self.quoted($0.key) + ": " + $0.value.line }.joined(separator: ", ") + "}"
    }
  }

  /// Indented, a line for each member and item; objects and arrays without further ones inside stay on one line.
  var indented: String { indented(by: 0) }

  private func indented(by depth: Int) -> String {
    let (outer, inner) = (String(repeating: "  ", count: depth), String(repeating: "  ", count: depth + 1))
    switch self {
    case .array(let items) where items.contains(where: \.isContainer):
      return "[\n" + items.map { inner + $0.indented(by: depth + 1) }.joined(separator: ",\n") + "\n\(outer)]"
    case .object(let members) where members.contains(where: \.value.isContainer):
      let lines = members.map { inner + Self.quoted($0.key) + ": " + $0.value.indented(by: depth + 1) }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
    default: return line
    }
  }

  private var isContainer: Bool {
    switch self {
    case .array, .object: true
    default: false
    }
  }

  private static func text(_ value: Double) -> String {
    guard value.isFinite else { return "null" }
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case let control where control.value < 0x20:
        let digits = String(control.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
