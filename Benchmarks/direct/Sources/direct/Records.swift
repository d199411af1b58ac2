import BlockKrylov
import BlockKrylovDirect
import Foundation

/// A line for each factorisation, order of elimination, precision and number of threads: bare triangular solves, and solves that are
/// refined, verified and reported. First comes what users get by default, as `direct`.
func printRecords(_ name: String, _ a: CSRMatrix<Double>, _ options: Options) throws {
  try Variant(problem: name, ordering: .automatic, precision: .double, options: options).measure("direct", SparseDirect(), a)
  let isDefinite = a.probe().looksPositiveDefinite
  for ordering in options.orderings {
    for precision in options.precisions {
      let variant = Variant(problem: name, ordering: ordering, precision: precision, options: options)
      try variant.measure("lu", SparseLU(), a) { try LUFactorization($0, ordering: ordering, precision: precision).solve }
      if isDefinite {
        try variant.measure("cholesky", SparseCholesky(), a) {
          try CholeskyFactorization($0, ordering: ordering, precision: precision).solve
        }
      } else if ordering == .automatic {
        try variant.measure("klu", SparseKLU(), a) { try KLUFactorization($0, precision: precision).solve }
      }
    }
  }
}

private struct Variant {
  let problem: String
  let ordering: FillOrdering
  let precision: FactorPrecision
  let options: Options

  func measure(
    _ method: String, _ factoring: some FactoringMethod, _ a: CSRMatrix<Double>,
    factor: ((CSRMatrix<Double>) throws -> (BlockVector<Double>, LUFactorization<Double>.System) throws -> BlockVector<Double>)? =
      nil
  ) throws {
    var refining = factoring
    (refining.ordering, refining.factorPrecision) = (ordering, precision)
    let start = ContinuousClock.now
    let prepared = try refining.prepare(a)
    let setup = ContinuousClock.now - start
    let solve = try factor?(a)
    for m in options.columns {
      let b = try Gallery.rightHandSides(rows: a.rows, columns: m, Double.self)
      for threads in options.threads {
        try Threads.$limit.withValue(threads) {
          if let solve {
            let bare = try least(of: options.repetitions) { _ = try solve(b, .plain) }
            record(method, m, threads, isRefined: false, bare, setup, omega: nil)
          }
          let omega = try prepared.solve(b).report.columns.compactMap(\.backwardError).max()
          let refined = try least(of: options.repetitions) { _ = try prepared.solve(b) }
          record(method, m, threads, isRefined: true, refined, setup, omega: omega)
        }
      }
    }
  }

  private func record(
    _ method: String, _ m: Int, _ threads: Int, isRefined: Bool, _ milliseconds: Double, _ setup: Duration, omega: Double?
  ) {
    let name = [method, ordering == .automatic ? "" : ordering.rawValue, precision == .double ? "" : precision.rawValue]
    let seconds = Double(setup.components.seconds) + Double(setup.components.attoseconds) * 1e-18
    print(
      "{\"problem\":\"\(problem)\",\"method\":\"\(name.filter { !$0.isEmpty }.joined(separator: " "))\",\"refined\":\(isRefined),"
        + "\"m\":\(m),\"threads\":\(threads),"
        + String(format: "\"setup_s\":%.4g,\"solve_s\":%.6g", seconds, milliseconds / 1e3)
        + (omega.map { String(format: ",\"backward_error\":%.2e", $0) } ?? "") + "}")
  }
}
