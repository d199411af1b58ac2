import BlockKrylov

/// Products of A with columns on the bidiagonal matrix 0.1, 1, 2, …, n − 1 with ones above the diagonal.
func deflatedRestarts() throws -> Publication {
  let n = 1000
  let a = try Gallery.Problem(.bidiagonal, size: n).matrix(Double.self)
  var rows: [Comparison] = []
  for m in [1, 2, 4] {
    let b = try Gallery.rightHandSides(rows: n, columns: m, Double.self)
    func products(restart: Int, kept: Int) throws -> (text: String, count: Int, solved: Bool) {
      let solver = BlockGMRES(tolerance: .relative(1e-8), restart: restart, maximumIterations: 4000 / m).with {
        $0.deflation = kept
        $0.inexactBreakdowns = false
      }
      let report = try solver.solve(a, b).report
      let unsolved = report.unconverged.count
      return (
        "\(report.columnsApplied)" + (unsolved == 0 ? "" : " (\(unsolved) of \(m) unsolved)"), report.columnsApplied,
        unsolved == 0
      )
    }
    let full = try products(restart: n / m, kept: 0)
    let deflated = try products(restart: 60 / m, kept: 20)
    let plain = try products(restart: 60 / m, kept: 0)
    rows.append(Comparison(what: "m = \(m): unrestarted BGMRES", published: nil, obtained: full.text, agrees: true))
    rows.append(
      Comparison(
        what: "m = \(m): BGMRES-DR(60, 20)", published: "next to unrestarted", obtained: deflated.text,
        agrees: deflated.solved && deflated.count < full.count * 3 / 2))
    rows.append(
      Comparison(
        what: "m = \(m): BGMRES(60)", published: "far more", obtained: plain.text,
        agrees: !plain.solved || plain.count > 2 * deflated.count))
  }
  return Publication(
    title: "Deflated restarting: products of A with columns, bidiagonal matrix, n = 1000, ‖r‖ ≤ 1e-8·‖b‖",
    citation: "R. B. Morgan, Restarted block-GMRES with deflation of eigenvalues, Appl. Numer. Math. 54 (2005) 222–236",
    remarks: [
      "the paper's counts could not be found; its finding is compared: with deflation, small spaces do as well as large ones",
      "uniform random right-hand sides of the gallery; the paper's are normally distributed",
    ], comparisons: rows)
}

/// IB-BGMRES-DR: both techniques together need the fewest products.
func inexactBreakdowns() throws -> Publication {
  let a = try Gallery.Problem(.bidiagonal, size: 1000).matrix(Double.self)
  let b = try Gallery.rightHandSides(rows: 1000, columns: 8, Double.self)
  func products(_ kept: Int, _ narrowing: Bool) throws -> Int {
    let solver = BlockGMRES(restart: 30).with {
      ($0.deflation, $0.inexactBreakdowns, $0.maximumIterations) = (kept, narrowing, 3000)
    }
    let report = try solver.solve(a, b).report
    return report.allConverged ? report.columnsApplied : .max
  }
  func text(_ count: Int) -> String { count == .max ? "unsolved after 3000 iterations" : "\(count)" }
  let (plain, ib, dr, both) = (
    try products(0, false), try products(0, true), try products(20, false), try products(20, true)
  )
  return Publication(
    title: "Inexact breakdowns and deflated restarting together: products with columns, bidiagonal matrix, 8 right-hand sides",
    citation: "E. Agullo, L. Giraud and Y.-F. Jing, Block GMRES method with inexact breakdowns and deflated restarting, "
      + "SIAM J. Matrix Anal. Appl. 35 (2014) 1625–1651",
    remarks: ["the paper's counts could not be found; its ranking is compared"],
    comparisons: [
      Comparison(what: "BGMRES(30)", published: "most", obtained: text(plain), agrees: plain >= ib && plain >= dr),
      Comparison(what: "IB-BGMRES(30)", published: "fewer", obtained: text(ib), agrees: ib <= plain),
      Comparison(what: "BGMRES-DR(30)", published: "fewer", obtained: text(dr), agrees: dr <= plain),
      Comparison(what: "IB-BGMRES-DR(30)", published: "fewest", obtained: text(both), agrees: both <= min(ib, dr)),
    ])
}
