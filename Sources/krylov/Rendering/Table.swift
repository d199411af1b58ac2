/// Aligned columns of text: a heading, a rule, rows.
struct Table {
  /// A column: its heading, the side it leans to, and how it shares the width.
  struct Column {
    var title: String
    var isRight = false
    /// A width that is known before the rows are, for tables that are printed row by row.
    var width = 0
    /// Whether its texts may be cut when the table is wider than the terminal.
    var isFlexible = false
  }

  /// A text with its meaning.
  struct Cell: ExpressibleByStringInterpolation {
    var text: String
    var tone = Style.Tone.plain

    init(_ text: String, _ tone: Style.Tone = .plain) { (self.text, self.tone) = (text, tone) }
    init(stringLiteral text: String) { self.init(text) }
  }

  private static let gap = "  "
  /// No flexible column becomes narrower than this.
  private static let least = 12

  var columns: [Column]
  var rows: [[Cell]] = []

  /// All lines, at most `limit` characters wide where flexible columns allow it.
  func lines(limit: Int?, style: Style) -> [String] {
    let widths = widths(limit: limit)
    return heading(widths, style) + rows.map { line($0, widths, style) }
  }

  /// The heading and the rule under it, for tables that are printed row by row.
  func heading(limit: Int?, style: Style) -> [String] { heading(widths(limit: limit), style) }

  /// One row of a table that is printed row by row; its last text takes what is left of the line.
  func line(_ row: [Cell], limit: Int?, style: Style) -> String {
    var widths = widths(limit: limit)
    let others = widths.dropLast().reduce(0) { $0 + $1 + Self.gap.count }
    if let last = columns.last, !last.isRight { widths[widths.count - 1] = limit.map { max(Self.least, $0 - others) } ?? .max }
    return line(row, widths, style)
  }

  private func widths(limit: Int?) -> [Int] {
    var widths = columns.map { max($0.width, $0.title.count) }
    for row in rows {
      for (k, cell) in row.enumerated() { widths[k] = max(widths[k], cell.text.count) }
    }
    guard let limit else { return widths }
    var excess = widths.reduce(Self.gap.count * (widths.count - 1), +) - limit
    for k in columns.indices where columns[k].isFlexible && excess > 0 {
      let cut = min(excess, max(0, widths[k] - max(Self.least, columns[k].title.count)))
      widths[k] -= cut
      excess -= cut
    }
    return widths
  }

  private func heading(_ widths: [Int], _ style: Style) -> [String] {
    let titles = line(columns.map { Cell($0.title, .strong) }, widths, style)
    let rule = String(repeating: "─", count: widths.reduce(Self.gap.count * (widths.count - 1), +))
    return [titles, style(rule, .faint)]
  }

  private func line(_ row: [Cell], _ widths: [Int], _ style: Style) -> String {
    let cells = zip(row, zip(columns, widths)).enumerated().map { k, item in
      let (cell, (column, width)) = item
      let text = Format.truncated(cell.text, to: width)
      // Nothing follows the last column, so it needs no blanks.
      let padded = k == row.count - 1 && !column.isRight ? text : Format.padded(text, to: width, right: column.isRight)
      return style(padded, cell.tone)
    }
    return cells.joined(separator: Self.gap)
  }
}
