import BlockKrylov

extension JSON {
  /// The version of the layout; it grows when a key changes its meaning or goes.
  static let schema = 1
}

extension MatrixSummary {
  var json: JSON {
    .members([
      "name": .string(name), "rows": .integer(rows), "columns": .integer(columns), "nonzeros": .integer(nonzeros),
      "field": .string(field), "symmetric": .bool(isSymmetric),
    ])
  }
}

extension SolveRecord {
  /// The record as an object of schema 1. Keys that not every solve has (`explanation`, `plan`, `relative_error`, `backward_error`,
  /// `relative_normal_residual`, `forward_error_bound`) come last.
  var json: JSON {
    var members: [JSON.Member] = [
      JSON.Member(key: "schema", value: .integer(JSON.schema)),
      JSON.Member(key: "version", value: .string(Krylov.version)),
      JSON.Member(key: "matrix", value: matrix.json),
      JSON.Member(key: "method", value: .string(report.method)),
      JSON.Member(key: "preconditioner", value: .string(report.preconditioner)),
      JSON.Member(key: "threads", value: .integer(report.threads)),
      JSON.Member(key: "block_width", value: .integer(report.blockWidth)),
      JSON.Member(key: "rtol", value: .number(rtol)),
      JSON.Member(key: "atol", value: .number(atol)),
      JSON.Member(key: "converged", value: .bool(allSolved)),
      JSON.Member(key: "iterations", value: .integer(report.iterations)),
      JSON.Member(key: "operator_applications", value: .integer(report.operatorApplications)),
      JSON.Member(key: "columns_applied", value: .integer(report.columnsApplied)),
      JSON.Member(key: "read_seconds", value: .number(readSeconds)),
      JSON.Member(key: "setup_seconds", value: .number(report.setupSeconds)),
      JSON.Member(key: "solve_seconds", value: .number(solveSeconds)),
      JSON.Member(key: "solve_seconds_median", value: .number(solveSecondsMedian)),
      JSON.Member(key: "repeats", value: .integer(repeats)),
      JSON.Member(key: "peak_memory_bytes", value: peakMemoryBytes.map { .integer($0) } ?? .null),
      JSON.Member(key: "events", value: .array(report.events.map(\.json))),
      JSON.Member(key: "columns", value: .array(columns.map(json))),
    ]
    if !report.explanation.isEmpty {
      members.append(JSON.Member(key: "explanation", value: .array(report.explanation.map { .string($0) })))
    }
    if let plan { members.append(JSON.Member(key: "plan", value: plan.json)) }
    return .object(members)
  }

  private func json(_ column: ColumnReport) -> JSON {
    var members: [JSON.Member] = [
      JSON.Member(key: "index", value: .integer(column.index)),
      JSON.Member(key: "status", value: .string(statusName(column))),
      JSON.Member(key: "iterations", value: .integer(column.iterations)),
      JSON.Member(key: "estimated_relative_residual", value: .number(column.estimatedRelativeResidual)),
      JSON.Member(key: "true_relative_residual", value: .number(column.trueRelativeResidual)),
      JSON.Member(key: "remedy", value: .string(optional: column.remedy)),
    ]
    if let relativeErrors {
      members.append(JSON.Member(key: "relative_error", value: .number(relativeErrors[column.index])))
    }
    if let error = column.backwardError { members.append(JSON.Member(key: "backward_error", value: .number(error))) }
    if let residual = column.normalResidual {
      members.append(JSON.Member(key: "relative_normal_residual", value: .number(residual)))
    }
    if let bound = column.forwardErrorBound { members.append(JSON.Member(key: "forward_error_bound", value: .number(bound))) }
    return .object(members)
  }

  static let csvHeading = CSV.line([
    "matrix", "rows", "nonzeros", "method", "preconditioner", "column", "status", "iterations", "estimated_relative_residual",
    "true_relative_residual", "relative_error", "backward_error", "setup_seconds", "solve_seconds",
  ])

  /// A line for each column.
  var csvLines: [String] {
    columns.map { column in
      CSV.line([
        matrix.name, "\(matrix.rows)", "\(matrix.nonzeros)", report.method, report.preconditioner, "\(column.index)",
        statusName(column), "\(column.iterations)", CSV.number(column.estimatedRelativeResidual),
        CSV.number(column.trueRelativeResidual), CSV.number(relativeErrors?[column.index]), CSV.number(column.backwardError),
        CSV.number(report.setupSeconds), CSV.number(solveSeconds),
      ])
    }
  }

  /// The estimated residuals at the start and after each iteration, a line each.
  var historyLines: [String] {
    [CSV.line(["column", "iteration", "relative_residual"])]
      + columns.flatMap { column in
        column.history.enumerated().map { CSV.line(["\(column.index)", "\($0.offset)", CSV.number($0.element)]) }
      }
  }
}

extension SolveEvent {
  fileprivate var json: JSON {
    .members([
      "iteration": .integer(iteration), "kind": .string(kind.rawValue), "column": column.map { .integer($0) } ?? .null,
      "detail": .string(detail),
    ])
  }
}

extension SolvePlan {
  fileprivate var json: JSON {
    .members([
      "method": .string(method), "preconditioner": .string(preconditioner), "columns": .integer(columns),
      "block_width": .integer(blockWidth), "groups": .integer(groups), "bytes_planned": .integer(bytesPlanned),
      "reasons": .array(reasons.map { .string($0) }), "costs": .array(costs.map { .string($0) }),
    ])
  }
}
