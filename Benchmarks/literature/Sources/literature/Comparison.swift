/// One published number, or statement, beside what this package obtains.
struct Comparison {
  var what: String
  /// As published; `nil` where no number could be found.
  var published: String?
  var obtained: String
  /// Whether it agrees with what was published.
  var agrees: Bool
}

/// The comparisons with one publication.
struct Publication {
  var title: String
  var citation: String
  /// How the comparison differs from the publication: stand-ins, numbers that could not be found.
  var remarks: [String]
  var comparisons: [Comparison]

  func print() {
    Swift.print("\n\(title)\n  \(citation)")
    for remark in remarks { Swift.print("  note: \(remark)") }
    let width = comparisons.map(\.what.count).max() ?? 0
    let published = max(comparisons.map { ($0.published ?? "—").count }.max() ?? 0, 9)
    func line(_ a: String, _ b: String, _ c: String) {
      func pad(_ text: String, _ n: Int) -> String { text + String(repeating: " ", count: max(0, n - text.count)) }
      Swift.print("  \(pad(a, width))  \(pad(b, published))  \(c)")
    }
    line("", "published", "obtained")
    for row in comparisons { line(row.what, row.published ?? "—", row.obtained + (row.agrees ? "" : "   DIFFERS")) }
  }
}

extension Double {
  /// Three significant digits.
  var brief: String {
    guard isFinite, self != 0 else { return "\(self)" }
    var (value, exponent) = (magnitude, 0)
    while value >= 10 { (value, exponent) = (value / 10, exponent + 1) }
    while value < 1 { (value, exponent) = (value * 10, exponent - 1) }
    let rounded = (value * 100).rounded() / 100
    if (-2...4).contains(exponent) { return "\((self * 1000).rounded() / 1000)" }
    return "\(self < 0 ? "-" : "")\(rounded)e\(exponent)"
  }
}
