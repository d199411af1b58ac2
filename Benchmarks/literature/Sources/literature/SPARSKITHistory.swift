import BlockKrylov
import Foundation

/// GMRES(10) with ILU(0) as SPARSKIT's own test program ran it: its residual of every step, to all digits printed.
func sparskitHistory() throws -> Publication {
  let published = [
    302.671, 137.897, 83.5589, 30.1412, 19.2711, 14.4907, 3.46401, 1.18671, 0.403400, 0.626913e-1, 0.130999e-1, 0.710890e-2,
    0.698835e-2,
    0.664723e-2, 0.229658e-2, 0.370657e-3, 0.125943e-3, 0.154580e-4,
  ]
  let a = try EllipticProblem(
    points: 10, dimensions: 2, d: { x, y, _ in 10 * exp(x * y) }, e: { x, y, _ in 10 * exp(-x * y) }, g: -60
  ).matrix()
  let exact = BlockVector<Double>(rows: a.rows, columns: 1) { i, _ in Double(i + 1) }
  let b = try a.applied(to: exact)
  // The program's own generator of random numbers.
  var state = 100_001
  let start = BlockVector<Double>(rows: a.rows, columns: 1) { _, _ in
    state = state * 125 % 2_796_203
    return Double(state) / 2_796_203
  }
  let first = try a.residual(b, of: start).columnNorms()[0]
  let solver = BlockGMRES(tolerance: .absolute(1e-7 * first), restart: 10).preconditioned(by: .ilu0).with { $0.deflation = 0 }
  let column = try solver.solve(a, b, from: start).report.columns[0]
  let obtained = column.history.map { $0 * column.rightHandSideNorm }
  var rows = [
    Comparison(
      what: "steps to ‖r‖ ≤ 1e-7·‖r₀‖", published: "\(published.count - 1)", obtained: "\(column.iterations)",
      agrees: column.iterations == published.count - 1)
  ]
  for step in [0, 1, 2, 5, 10, 11, 15, 17] where step < obtained.count {
    rows.append(
      Comparison(
        what: "‖r‖ after step \(step)", published: "\(published[step])", obtained: String(format: "%.6g", obtained[step]),
        agrees: abs(obtained[step] / published[step] - 1) < 1e-5))
  }
  let furthest = zip(obtained, published).map { abs($0 / $1 - 1) }.max() ?? .nan
  rows.append(
    Comparison(
      what: "largest relative difference of all \(published.count) residuals", published: "0 to 6 digits",
      obtained: furthest.brief, agrees: furthest < 1e-5))
  return Publication(
    title: "GMRES(10) with ILU(0), step by step: −Δu + 10·exp(xy)·u_x + 10·exp(−xy)·u_y − 60·u, 10 × 10 points",
    citation:
      "Y. Saad, SPARSKIT, test program of the preconditioners and of GMRES (number 13 in J. Burkardt's edition, output of 2008)",
    remarks: ["same matrix, right-hand side A·(1, 2, …, n), start vector, restart and stopping test"], comparisons: rows)
}
