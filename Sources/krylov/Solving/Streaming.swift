import BlockKrylov
import Foundation

/// `krylov solve --columns-at-a-time`: right-hand sides read or generated, solved and written some columns at a time, so that only so many
/// are in memory.
struct Streaming {
  var method: any BlockMethod
  var width: Int
  var rtol: Double
  var atol: Double
  var format: OutputFormat
  var progress: ProgressLine

  /// Right-hand sides that need not all be in memory.
  private enum Columns<S: Scalar> {
    case generated(columns: Int, seed: UInt64)
    case ones(columns: Int)
    case file(MatrixMarketColumns<S>)

    init(_ source: RightHandSideSource, rows: Int) throws {
      switch source {
      case .generated(let columns, let seed): self = .generated(columns: columns, seed: seed)
      case .ones(let columns): self = .ones(columns: columns)
      case .file(let file):
        guard file.header.rows == rows else {
          throw CommandFailure(.badInput, "\(file.path): has \(file.header.rows) rows and the matrix has \(rows)")
        }
        self = .file(try file.columns(of: S.self))
      case .exactSolution: throw CommandFailure(.badInput, "--columns-at-a-time does not go with --exact-solution")
      }
    }

    var count: Int {
      switch self {
      case .generated(let columns, _), .ones(let columns): columns
      case .file(let file): file.columns
      }
    }

    /// Columns from `first` on, at most so many.
    func block(rows: Int, from first: Int, _ most: Int) throws -> BlockVector<S>? {
      let range = first..<min(first + most, count)
      if range.isEmpty { return nil }
      switch self {
      case .generated(let columns, let seed):
        return try Gallery.rightHandSides(rows: rows, columns: columns, only: range, seed: seed, S.self)
      case .ones: return try Gallery.ones(rows: rows, columns: range.count)
      case .file(let file): return try file.next(range.count)
      }
    }
  }

  /// Solves, writes X to the file if there is one, and says on stdout what came of each block.
  func run<S: Scalar>(
    _ matrix: MatrixSummary, _ a: CSRMatrix<S>, _ source: RightHandSideSource, output: String?, readSeconds: Double
  ) throws -> ExitStatus {
    defer { progress.erase() }
    let columns = try Columns<S>(source, rows: a.rows)
    progress.show("\(method.name): preparing for \(matrix.name)")
    let prepared = try method.prepare(a)
    let writer = try output.map {
      try MatrixMarketColumnWriter<S>(
        $0, rows: a.columns, columns: columns.count, comments: ["X of A X = B for \(matrix.name), by krylov \(Krylov.version)"])
    }
    if format == .csv { Destination.write([SolveRecord.csvHeading]) }
    var status = ExitStatus.solved
    var taken = 0
    // What the block under way was made of, to check its residuals.
    var b = BlockVector<S>(rows: a.rows, columns: 0)
    let report = try Interrupt.catching {
      try prepared.solve(
        stream: { most in
          guard let block = try columns.block(rows: a.rows, from: taken, most) else { return nil }
          taken += block.columns
          b = block
          return block
        }, width: width,
        observer: { state in
          progress.update(state)
          return Interrupt.wasRequested ? .stop : .continue
        },
        deliver: { range, outcome in
          progress.erase()
          switch outcome {
          case .success(let result):
            var record = SolveRecord(
              matrix: matrix, report: result.report, rtol: rtol, atol: atol, readSeconds: readSeconds,
              solveSeconds: result.report.solveSeconds, solveSecondsMedian: result.report.solveSeconds, repeats: 1,
              peakMemoryBytes: Memory.peakBytes)
            record.firstColumn = range.lowerBound
            record.unconfirmed = try Solving.unconfirmed(a, b, result)
            status = max(status, record.exitStatus)
            show(record)
            try writer?.append(result.solution)
          case .failure(let error): throw error
          }
        })
    }
    if report.isCancelled {
      Messages.write(
        "stopped after \(report.columns) of \(columns.count) columns" + (output.map { "; \($0) is not written" } ?? ""))
    } else {
      try writer?.finish()
    }
    if format == .text { Destination.write(["", "\(prepared.method): \(report)"]) }
    return status
  }

  private func show(_ record: SolveRecord) {
    switch format {
    case .json: Destination.write([record.json.line])
    case .csv: Destination.write(record.csvLines)
    case .text:
      let (report, last) = (record.report, record.firstColumn + record.columns.count - 1)
      let worst = record.columns.map(\.trueRelativeResidual).max() ?? 0
      var lines = [
        "columns \(record.firstColumn)–\(last): \(record.solvedCount) of \(record.columns.count) solved in "
          + "\(Format.count(report.iterations, "iteration")), worst residual \(Format.scientific(worst)), "
          + Format.seconds(report.solveSeconds)
      ]
      for column in record.columns where !record.isSolved(column) {
        lines.append("  column \(record.firstColumn + column.index): \(record.statusText(column))")
        if let remedy = column.remedy { lines.append("    → " + SolveText.withCommandOptions(remedy)) }
      }
      Destination.write(lines)
    }
  }
}
