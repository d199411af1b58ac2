import BlockKrylov

/// What `solve --explain` says before the solve: the choice and its reasons, what the methods cost by the model, the division of the
/// columns, and the memory.
struct PlanText {
  var plan: SolvePlan
  var matrix: MatrixSummary
  var style: Style
  var terminalWidth: Int?

  var lines: [String] {
    let width = min(terminalWidth ?? Terminal.usualWidth, 120)
    var lines = [SolveText.title(of: matrix, columns: plan.columns, style), ""]
    lines.append(
      style("plan: \(plan.preconditioner == "none" ? plan.method : "\(plan.method) with \(plan.preconditioner)")", .strong))
    func section(_ name: String, _ texts: [String]) {
      for (k, text) in texts.enumerated() {
        lines += Format.wrap(text, first: "  " + Format.padded(k == 0 ? name : "", to: 10), width: width)
      }
    }
    section("why", plan.reasons.isEmpty ? ["method and preconditioner are those asked for"] : plan.reasons)
    section("costs", plan.costs)
    if let reason = plan.widthReason {
      section("columns", ["\(plan.columns) in \(plan.groups) groups of at most \(plan.blockWidth) (\(reason))"])
    } else {
      section("columns", [plan.columns == 1 ? "a single one" : "all \(plan.columns) in one block"])
    }
    section("memory", ["\(Format.bytes(plan.bytesPlanned)) besides A, B and X"])
    return lines
  }
}
