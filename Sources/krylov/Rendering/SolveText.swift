import BlockKrylov

/// A solve as text for people: a table of the columns, what went wrong and what to do, what the solver did on its own account, and a
/// summary.
struct SolveText {
  /// Tables with more columns than this show the worst and the best only.
  static let manyColumns = 40
  private static let shownWorst = 12
  private static let shownBest = 4
  private static let shownEvents = 12

  var record: SolveRecord
  var style: Style
  /// The width of the terminal, if there is one.
  var terminalWidth: Int?
  var showsAllColumns = false
  /// Whether title and reasons were shown with the plan.
  var hasPlan = false

  private var report: SolveReport { record.report }
  private var width: Int { min(terminalWidth ?? Terminal.usualWidth, 120) }

  var lines: [String] {
    let blocks = [hasPlan ? [] : [title], table, problems, events, summary].filter { !$0.isEmpty }
    return Array(blocks.joined(separator: [""]))
  }

  private var title: String {
    Self.title(of: record.matrix, columns: record.columns.count, style)
  }

  static func title(of m: MatrixSummary, columns: Int, _ style: Style) -> String {
    style(m.name, .strong)
      + style(
        "  \(Format.grouped(m.rows)) × \(Format.grouped(m.columns)), \(Format.grouped(m.nonzeros)) nonzeros, \(m.kind), "
          + "\(Format.count(columns, "right-hand side"))", .faint)
  }

  // MARK: Columns

  private var table: [String] {
    guard !record.columns.isEmpty else { return [] }
    var table = Table(columns: [
      .init(title: "column", isRight: true), .init(title: "status", isFlexible: true), .init(title: "iterations", isRight: true),
      .init(title: "estimated", isRight: true), .init(title: "true residual", isRight: true),
    ])
    if record.relativeErrors != nil { table.columns.append(.init(title: "error", isRight: true)) }
    let hasBackwardErrors = record.columns.contains { $0.backwardError != nil }
    if hasBackwardErrors { table.columns.append(.init(title: "backward error", isRight: true)) }
    let hasBounds = record.columns.contains { $0.forwardErrorBound != nil }
    if hasBounds { table.columns.append(.init(title: "error bound", isRight: true)) }

    func row(_ column: ColumnReport) -> [Table.Cell] {
      var cells: [Table.Cell] = [
        .init("\(column.index)"), .init(record.statusText(column), tone(column)), .init(Format.grouped(column.iterations)),
        .init(Format.scientific(column.estimatedRelativeResidual), .faint),
        .init(Format.scientific(column.trueRelativeResidual)),
      ]
      if let errors = record.relativeErrors { cells.append(.init(Format.scientific(errors[column.index]))) }
      if hasBackwardErrors { cells.append(.init(Format.scientific(column.backwardError))) }
      if hasBounds { cells.append(.init(Format.scientific(column.forwardErrorBound))) }
      return cells
    }
    let abridged = record.columns.count > Self.manyColumns && !showsAllColumns
    guard abridged else {
      table.rows = record.columns.map(row)
      return table.lines(limit: terminalWidth, style: style)
    }
    let order = record.worstFirst
    let between = order.count - Self.shownWorst - Self.shownBest
    table.rows = order.prefix(Self.shownWorst).map(row) + order.suffix(Self.shownBest).map(row)
    var lines = table.lines(limit: terminalWidth, style: style)
    lines.insert(style("     …  \(between) more; all with --all-columns", .faint), at: lines.count - Self.shownBest)
    return lines + ["", "the worst \(Self.shownWorst) and the best \(Self.shownBest) of \(order.count) columns; all of them:"]
      + counts
  }

  /// How many columns there are of each status.
  private var counts: [String] {
    let groups = Dictionary(grouping: record.columns, by: record.statusText).values.sorted {
      ($1.count, $0[0].index) < ($0.count, $1[0].index)
    }
    return groups.map { style(Format.padded("\($0.count)", to: 6, right: true) + "  " + record.statusText($0[0]), tone($0[0])) }
  }

  private func tone(_ column: ColumnReport) -> Style.Tone {
    if record.isSolved(column) { return .good }
    return switch column.status {
    case .maximumIterations, .timeLimit, .cancelled: .warning
    default: .bad
    }
  }

  // MARK: What went wrong, and what was done about it

  private var problems: [String] {
    let failed = record.columns.filter { !record.isSolved($0) }
    guard !failed.isEmpty else { return [] }
    var lines = [style(failed.count == 1 ? "1 column is not solved" : "\(failed.count) columns are not solved", .strong)]
    var seen: Set<String> = []
    for column in failed {
      let text = record.statusText(column)
      guard seen.insert(text).inserted else { continue }
      let alike = failed.filter { record.statusText($0) == text }.map(\.index)
      let place = (alike.count == 1 ? "column " : "columns ") + Format.ranges(alike)
      lines += Format.wrap("\(place): \(text)", first: "  ", width: width).map { style($0, tone(column)) }
      let remedy =
        record.unconfirmed[column.index] != nil
        ? "this is a bug in the solver: please report it with the matrix and this command line"
        : column.remedy.map(Self.withCommandOptions)
      if let remedy { lines += Format.wrap(remedy, first: "    → ", width: width) }
    }
    return lines
  }

  /// The library's remedies name its own options; here they are called otherwise.
  static func withCommandOptions(_ remedy: String) -> String {
    [
      "`maximumIterations`": "--max-iterations", "`timeLimit`": "--time-limit", "`restart`": "--restart",
      "pass it as the initial guess to go on": "write it with --output and go on from it with --initial-guess",
    ].reduce(remedy) { $0.replacing($1.key, with: $1.value) }
  }

  private var events: [String] {
    guard !report.events.isEmpty else { return [] }
    var lines = [style("events", .strong)]
    for event in report.events.prefix(Self.shownEvents) {
      let place = event.iteration == 0 ? "at the start" : "iteration \(event.iteration)"
      let column = event.column.map { ", column \($0)" } ?? ""
      lines += Format.wrap("\(event.kind.words) (\(place)\(column)): \(event.detail)", first: "  ", width: width)
    }
    let rest = report.events.count - Self.shownEvents
    if rest > 0 { lines.append(style("  … and \(rest) more; all with --format json", .faint)) }
    return lines
  }

  // MARK: Summary

  private var summary: [String] {
    let method = report.preconditioner == "none" ? report.method : "\(report.method) with \(report.preconditioner)"
    let all = record.columns.count
    var first = "\(method): "
    switch (all, record.allSolved) {
    case (1, let isSolved): first += isSolved ? "solved" : "not solved"
    case (2..., true): first += "all \(all) columns solved"
    default: first += "\(record.solvedCount) of \(all) columns solved"
    }
    if report.iterations > 0 { first += " in \(Format.count(report.iterations, "iteration"))" }
    var lines = [style(first, record.allSolved ? .good : .warning)]
    func line(_ name: String, _ text: String) {
      let label = Format.padded(name, to: 10)
      lines += Format.wrap(text, first: "  " + label, width: width)
    }
    if !hasPlan { for (k, reason) in report.explanation.enumerated() { line(k == 0 ? "why" : "", reason) } }
    line("tolerance", "‖b − Ax‖ ≤ " + bound)
    line(
      "work",
      "\(Format.count(report.operatorApplications, "product")) with A on \(Format.count(report.columnsApplied, "column")), "
        + "block width \(report.blockWidth), \(Format.count(report.threads, "thread"))")
    var time = "read \(Format.seconds(record.readSeconds)), setup \(Format.seconds(report.setupSeconds)), "
    time += "solve \(Format.seconds(record.solveSeconds))"
    if record.repeats > 1 {
      time += " (least of \(record.repeats), median \(Format.seconds(record.solveSecondsMedian)))"
    }
    line("time", time)
    var memory = "solver \(Format.bytes(report.bytesUsed)) of \(Format.bytes(report.bytesPlanned)) planned"
    if let peak = record.peakMemoryBytes { memory += ", process \(Format.bytes(peak)) at its peak" }
    line("memory", memory)
    return lines
  }

  private var bound: String {
    let relative = "\(Format.short(record.rtol))·‖b‖"
    if record.atol == 0 { return relative }
    return record.rtol == 0 ? Format.short(record.atol) : "max(\(relative), \(Format.short(record.atol)))"
  }
}

extension SolveEvent.Kind {
  /// The name in words: `residualReplaced` is `residual replaced`.
  fileprivate var words: String {
    rawValue.reduce(into: "") { $0 += $1.isUppercase ? " \($1.lowercased())" : String($1) }
  }
}
