import Foundation
import Testing

@testable import BlockKrylov
@testable import krylov

@Suite struct SolveTextTests {
  private func record(_ statuses: [ColumnStatus], events: [SolveEvent] = []) throws -> SolveRecord {
    let matrix = try CSRMatrix<Double>(rows: 2, columns: 2, rowStart: [0, 1, 2], columnIndex: [0, 1], values: [1, 2])
    var report = SolveReport(
      method: "cg", preconditioner: "ic0",
      columns: statuses.enumerated().map { k, status in
        ColumnReport(
          index: k, status: status, iterations: 10 + k, rightHandSideNorm: 2, threshold: 2e-8,
          estimatedResidual: status.isConverged ? 1e-8 : 1, trueResidual: status.isConverged ? 1.5e-8 : 1)
      })
    (report.iterations, report.operatorApplications, report.columnsApplied) = (12, 14, 28)
    (report.setupSeconds, report.bytesPlanned, report.bytesUsed, report.threads) = (0.01, 4000, 2000, 2)
    report.events = events
    return SolveRecord(
      matrix: MatrixSummary(matrix, name: "two"), report: report, rtol: 1e-8, atol: 0, readSeconds: 0.002, solveSeconds: 0.5,
      solveSecondsMedian: 0.6, repeats: 3, peakMemoryBytes: 10_000_000)
  }

  @Test func theWholeText() throws {
    let event = SolveEvent(iteration: 4, kind: .residualReplaced, column: 1, detail: "the estimate had drifted")
    let text = SolveText(record: try record([.converged, .timeLimit], events: [event]), style: .plain)
    #expect(
      text.lines.joined(separator: "\n") == """
        two  2 × 2, 2 nonzeros, real symmetric, 2 right-hand sides

        column  status              iterations  estimated  true residual
        ────────────────────────────────────────────────────────────────
             0  converged                   10   5.00e-09       7.50e-09
             1  time limit reached          11   5.00e-01       5.00e-01

        1 column is not solved
          column 1: time limit reached
            → raise --time-limit, or use a stronger preconditioner; X holds the last iterate

        events
          residual replaced (iteration 4, column 1): the estimate had drifted

        cg with ic0: 1 of 2 columns solved in 12 iterations
          tolerance ‖b − Ax‖ ≤ 1e-08·‖b‖
          work      14 products with A on 28 columns, block width 2, 2 threads
          time      read 2.00 ms, setup 10.0 ms, solve 500 ms (least of 3, median 600 ms)
          memory    solver 2.00 kB of 4.00 kB planned, process 10.0 MB at its peak
        """)
  }

  @Test func aClaimThatDoesNotHoldIsABug() throws {
    var record = try record([.converged, .converged])
    #expect(record.exitStatus == .solved)
    record.unconfirmed = [1: 0.25]
    #expect(record.exitStatus == .bug)
    #expect(record.solvedCount == 1)
    #expect(record.worstFirst.map(\.index) == [1, 0])
    let lines = SolveText(record: record, style: .plain).lines
    #expect(lines.contains { $0.hasPrefix("     1  unconfirmed: the residual is 2.50e-01") })
    #expect(record.json.line.contains(#""converged": false"#))
    #expect(record.json.line.contains(#""index": 1, "status": "unconfirmed""#))
  }

  @Test func numbersThatAreNotFiniteBecomeNull() throws {
    var record = try record([.nonFinite(.rightHandSide)])
    record.report.columns[0].trueResidual = .nan
    let json = try #require(try JSONSerialization.jsonObject(with: Data(record.json.line.utf8)) as? [String: Any])
    let column = try #require((json["columns"] as? [[String: Any]])?.first)
    #expect(column["true_relative_residual"] is NSNull)
    #expect(column["status"] as? String == "nonFinite")
    #expect(SolveText(record: record, style: .plain).lines.contains { $0.hasSuffix("5.00e-01              –") })
  }

  @Test func narrowTerminalsCutStatusTexts() throws {
    let record = try record([.breakdown("the projected matrix is singular and cannot be used any more")])
    let lines = SolveText(record: record, style: .plain, terminalWidth: 60).lines
    #expect(lines.prefix(5).allSatisfy { $0.count <= 62 })
    #expect(lines[4].contains("…"))
    // What the table cuts is said in full below it.
    #expect(lines.joined(separator: " ").contains("cannot"))
  }

  @Test func manyEventsAreCutShort() throws {
    let events = (1...30).map { SolveEvent(iteration: $0, kind: .restarted, detail: "full basis") }
    let lines = SolveText(record: try record([.converged], events: events), style: .plain).lines
    #expect(lines.count(where: { $0.contains("restarted") }) == 12)
    #expect(lines.contains("  … and 18 more; all with --format json"))
  }
}
