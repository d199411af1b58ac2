import BlockKrylov

/// Block MINRES: one Krylov space for all columns of indefinite systems, and dependent columns are no trouble.
func indefiniteSystems() throws -> Publication {
  var rows: [Comparison] = []
  for name in ["indefinite2d:24", "indefinite2d:40"] {
    let a = try Gallery.Problem(specification: name).matrix(Double.self)
    var single = 0
    for m in [1, 2, 4, 8] {
      let b = try Gallery.rightHandSides(rows: a.rows, columns: m, Double.self)
      let report = try BlockMINRES(tolerance: .relative(1e-8)).solve(a, b).report
      let falls = report.columns.allSatisfy { column in
        zip(column.history, column.history.dropFirst()).allSatisfy { $1 <= $0 * (1 + 1e-8) }
      }
      if m == 1 { single = report.iterations }
      rows.append(
        Comparison(
          what: "\(name), m = \(m): block iterations", published: m == 1 ? nil : "fewer than for one column (\(single))",
          obtained: "\(report.iterations), residuals \(falls ? "never rise" : "rise")",
          agrees: report.allConverged && falls && (m == 1 || report.iterations < single)))
    }
    let random = try Gallery.rightHandSides(rows: a.rows, columns: 4, Double.self)
    let dependent = BlockVector<Double>(rows: a.rows, columns: 4) { i, j in
      j == 2 ? random[i, 0] : j == 3 ? random[i, 0] - 3 * random[i, 1] : random[i, j]
    }
    let nearly = BlockVector<Double>(rows: a.rows, columns: 4) { i, j in
      j == 2 ? random[i, 0] + 1e-10 * random[i, 2] : random[i, j]
    }
    for (what, b) in [("a duplicate and a dependent column", dependent), ("nearly duplicate, 1e-10", nearly)] {
      let report = try BlockMINRES(tolerance: .relative(1e-8)).solve(a, b).report
      rows.append(
        Comparison(
          what: "\(name), \(what)", published: "converges",
          obtained: report.allConverged ? "\(report.iterations) iterations" : "\(report.unconverged.count) columns unsolved",
          agrees: report.allConverged))
    }
  }
  return Publication(
    title: "Block MINRES on symmetric indefinite systems, 1e-8, no preconditioner",
    citation: "K. M. Soodhalter, A block MINRES algorithm based on the band Lanczos method, Numer. Algorithms 69 (2015) 473–494",
    remarks: [
      "the paper's counts could not be found; its statements are compared: a common space needs fewer iterations, residuals do not rise, "
        + "dependent Lanczos vectors are dealt with. Shifted Laplacians of the gallery",
      "vectors that depend on others are handled by a rank-revealing block orthonormalisation here, by the band Lanczos method there",
    ], comparisons: rows)
}
