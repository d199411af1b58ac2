import BlockKrylov

/// Dubrulle's variant reaches the attainable accuracy, and the sums of Meurant and Tichý bound the error from below.
func blockCGAccuracy() throws -> Publication {
  var rows: [Comparison] = []
  for (name, choice) in [("poisson2d:40", PreconditionerChoice.none), ("varcoef2d:40", .none), ("varcoef2d:40", .ic0)] {
    let a = try Gallery.Problem(specification: name).matrix(Double.self)
    let (x, b) = try Gallery.manufactured(a, columns: 4)
    let deep = try BlockCG(tolerance: .relative(1e-13)).preconditioned(by: choice).solve(a, b)
    let residual = deep.report.columns.map(\.trueRelativeResidual).max() ?? .nan
    rows.append(
      Comparison(
        what: "\(name), \(choice.name): residual that is reached", published: "full accuracy", obtained: residual.brief,
        agrees: residual <= 1e-11))
    let report = try BlockCG(tolerance: .relative(1e-6)).preconditioned(by: choice).solve(a, b)
    var error = x
    for i in 0..<x.rows { for j in 0..<x.columns { error[i, j] -= report.solution[i, j] } }
    let image = try a.applied(to: error)
    var ratios: [Double] = []
    for column in report.report.columns {
      let square = (0..<x.rows).reduce(0.0) { $0 + error[$1, column.index] * image[$1, column.index] }
      if let estimate = column.energyErrorEstimate, square > 0 { ratios.append(estimate / square.squareRoot()) }
    }
    // The estimate is that of some steps before the end, so that it may exceed the error of the last iterate.
    let (least, largest) = (ratios.min() ?? .nan, ratios.max() ?? .nan)
    rows.append(
      Comparison(
        what: "\(name), \(choice.name): estimate / A-norm of the last error", published: "close to the error d steps before",
        obtained: "\(least.brief) … \(largest.brief)", agrees: least > 0.5 && largest < 1000))
  }
  return Publication(
    title: "Block CG by Dubrulle's R variant: attainable accuracy and A-norm of the error",
    citation:
      "P. Tichý, G. Meurant and D. Šimonová, Block CG algorithms revisited, arXiv 2502.16998 (2025); G. Meurant and P. Tichý, "
      + "arXiv 2502.14979 (2025)",
    remarks: [
      "the papers show curves for matrices of the SuiteSparse collection and no numbers that could be quoted; gallery matrices"
    ],
    comparisons: rows)
}
