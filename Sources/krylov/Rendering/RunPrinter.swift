import BlockKrylov

/// Prints the entries of `krylov run` as they come.
struct RunPrinter {
  private let format: OutputFormat
  private let style: Style
  private let terminalWidth: Int?
  private let table: Table
  private var notes: [String] = []
  /// Why a method or preconditioner could not work, and with how many matrices.
  private var refusals: [(reason: String, count: Int)] = []
  private var counts: (solved: Int, unsolved: Int, unreadable: Int, skipped: Int) = (0, 0, 0, 0)
  /// The worst status so far.
  private(set) var status = ExitStatus.solved

  init(format: OutputFormat, names: [String], methods: [String], style: Style, terminalWidth: Int?) {
    self.format = format
    self.style = style
    self.terminalWidth = terminalWidth
    // Rows are printed when they are known, so that the widths must be known before.
    table = Table(columns: [
      .init(title: "matrix", width: names.map(\.count).max() ?? 0, isFlexible: true),
      .init(title: "n", isRight: true, width: 9), .init(title: "nonzeros", isRight: true, width: 11),
      .init(title: "method", width: methods.map(\.count).max() ?? 0), .init(title: "precond.", width: 8),
      .init(title: "solved", isRight: true, width: 7), .init(title: "iter.", isRight: true, width: 6),
      .init(title: "worst residual", isRight: true), .init(title: "setup", isRight: true, width: 7),
      .init(title: "solve", isRight: true, width: 7), .init(title: "status of the worst column"),
    ])
  }

  func begin() {
    switch format {
    case .text: emit(table.heading(limit: terminalWidth, style: style))
    case .csv: emit([RunEntry.csvHeading])
    case .json: break
    }
  }

  mutating func add(_ entry: RunEntry) {
    status = max(status, entry.status)
    switch entry.outcome {
    case .solved(let record): if record.allSolved { counts.solved += 1 } else { counts.unsolved += 1 }
    case .refused(_, let method, let preconditioner, let failure):
      counts.unsolved += 1
      let reason = "\(method) with \(preconditioner): \(failure)"
      if let known = refusals.firstIndex(where: { $0.reason == reason }) {
        refusals[known].count += 1
      } else {
        refusals.append((reason, 1))
      }
    case .unreadable: counts.unreadable += 1
    case .skipped(let reason):
      counts.skipped += 1
      notes.append("\(entry.name): skipped, \(reason)")
    }
    switch format {
    case .json: emit([entry.json.line])
    case .csv: emit([entry.csvLine])
    case .text: if case .skipped = entry.outcome {} else { emit([line(entry)]) }
    }
  }

  func end() {
    guard format == .text else { return }
    var lines = [""]
    let all = refusals.map { "refused by \(Format.count($0.count, "run")), \($0.reason)" } + notes
    let width = min(terminalWidth ?? Terminal.usualWidth, 120)
    if !all.isEmpty { lines += all.flatMap { Format.wrap($0, first: "  ", width: width) }.map { style($0, .faint) } + [""] }
    var parts = ["\(counts.solved) of \(Format.count(counts.solved + counts.unsolved, "run")) solved"]
    if counts.unreadable > 0 { parts.append("\(Format.count(counts.unreadable, "file")) unreadable") }
    if counts.skipped > 0 { parts.append("\(Format.count(counts.skipped, "file")) skipped") }
    lines.append(style(parts.joined(separator: ", "), status == .solved ? .good : .warning))
    emit(lines)
  }

  private func emit(_ lines: [String]) { Destination.write(lines) }

  private func line(_ entry: RunEntry) -> String {
    switch entry.outcome {
    case .solved(let record): return table.line(cells(record), limit: terminalWidth, style: style)
    case .refused(let matrix, let method, let preconditioner, let failure):
      let cells: [Table.Cell] =
        [
          .init(matrix.name), .init(Format.grouped(matrix.rows)), .init(Format.grouped(matrix.nonzeros)), .init(method),
          .init(preconditioner),
        ] + [Table.Cell](repeating: .init("–", .faint), count: 5) + [.init("refused: \(failure)", .warning)]
      return table.line(cells, limit: terminalWidth, style: style)
    case .unreadable(let failure): return style("\(failure)", .bad)
    case .skipped(let reason): return style("\(entry.name): skipped, \(reason)", .faint)
    }
  }

  private func cells(_ record: SolveRecord) -> [Table.Cell] {
    let worst = record.worstFirst.first
    return [
      .init(record.matrix.name), .init(Format.grouped(record.matrix.rows)), .init(Format.grouped(record.matrix.nonzeros)),
      .init(record.report.method), .init(record.report.preconditioner), .init("\(record.solvedCount)/\(record.columns.count)"),
      .init(Format.grouped(record.report.iterations)), .init(Format.scientific(record.worstResidual)),
      .init(Format.seconds(record.report.setupSeconds)), .init(Format.seconds(record.solveSeconds)),
      .init(
        worst.map(record.statusText) ?? "no columns", record.allSolved ? .good : record.unconfirmed.isEmpty ? .warning : .bad),
    ]
  }
}

extension SolveRecord {
  /// The largest true relative residual of a column; NaN when one is not a number.
  var worstResidual: Double? {
    let residuals = columns.map(\.trueRelativeResidual)
    return residuals.contains(where: \.isNaN) ? .nan : residuals.max()
  }
}

extension RunEntry {
  /// A line of the run's JSON: the object of `solve`, or one with `error` or `skipped` in its place.
  var json: JSON {
    var members = [
      JSON.Member(key: "schema", value: .integer(JSON.schema)), JSON.Member(key: "version", value: .string(Krylov.version)),
    ]
    switch outcome {
    case .solved(let record): return record.json
    case .refused(let matrix, let method, let preconditioner, let failure):
      members += [
        JSON.Member(key: "matrix", value: matrix.json), JSON.Member(key: "method", value: .string(method)),
        JSON.Member(key: "preconditioner", value: .string(preconditioner)), JSON.Member(key: "converged", value: .bool(false)),
        JSON.Member(key: "error", value: .string(failure.description)),
      ]
    case .unreadable(let failure):
      members += [
        JSON.Member(key: "matrix", value: .members(["name": .string(name)])), JSON.Member(key: "converged", value: .bool(false)),
        JSON.Member(key: "error", value: .string(failure.description)),
      ]
    case .skipped(let reason):
      members += [
        JSON.Member(key: "matrix", value: .members(["name": .string(name)])), JSON.Member(key: "skipped", value: .string(reason)),
      ]
    }
    return .object(members)
  }

  static let csvHeading = CSV.line([
    "matrix", "rows", "nonzeros", "method", "preconditioner", "columns", "solved_columns", "iterations",
    "worst_true_relative_residual", "setup_seconds", "solve_seconds", "status", "detail",
  ])

  /// A line of the run's CSV; `status` is that of the worst column, or `refused`, `unreadable` or `skipped`.
  var csvLine: String {
    func line(_ matrix: MatrixSummary?, _ method: String, _ preconditioner: String, _ numbers: [String], _ end: [String])
      -> String
    {
      CSV.line(
        [name, matrix.map { "\($0.rows)" } ?? "", matrix.map { "\($0.nonzeros)" } ?? "", method, preconditioner] + numbers + end)
    }
    let nothing = [String](repeating: "", count: 6)
    switch outcome {
    case .solved(let record):
      let worst = record.worstFirst.first
      return line(
        record.matrix, record.report.method, record.report.preconditioner,
        [
          "\(record.columns.count)", "\(record.solvedCount)", "\(record.report.iterations)", CSV.number(record.worstResidual),
          CSV.number(record.report.setupSeconds), CSV.number(record.solveSeconds),
        ], [worst.map(record.statusName) ?? "", worst.map(record.statusText) ?? ""])
    case .refused(let matrix, let method, let preconditioner, let failure):
      return line(matrix, method, preconditioner, nothing, ["refused", failure.description])
    case .unreadable(let failure): return line(nil, "", "", nothing, ["unreadable", failure.description])
    case .skipped(let reason): return line(nil, "", "", nothing, ["skipped", reason])
    }
  }
}
