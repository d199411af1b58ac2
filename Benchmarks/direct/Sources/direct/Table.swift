import BlockKrylov
import BlockKrylovDirect

/// This package beside UMFPACK and CHOLMOD, for reading.
func printTable(_ name: String, _ a: CSRMatrix<Double>, _ options: Options) throws {
  let looped = LoopedUMFPACK(a)
  let cholmod = BlockCHOLMOD(a)
  let factors = try LUFactorization(a)
  let definite = cholmod == nil ? nil : try CholeskyFactorization(a)
  print("\(name): n \(a.rows), nnz(L+U) \(factors.statistics.lowerNonzeros + factors.statistics.upperNonzeros)")
  for m in options.columns {
    let b = try Gallery.rightHandSides(rows: a.rows, columns: m, Double.self)
    let columnMajor = b.columnMajor
    // UMFPACK's columns do not know of each other.
    let sample = min(m, 16)
    func umfpack(refining: Bool) -> Double {
      least(of: options.repetitions) { looped.solve(columnMajor, columns: sample, refining: refining) } * Double(m)
        / Double(sample)
    }
    let refined = umfpack(refining: true)
    var line = "  m \(m)  umfpack \(format(refined))  umfpack-ir0 \(format(umfpack(refining: false)))"
    if let cholmod {
      let solve = cholmod.solver(columnMajor, columns: m)
      line += "  cholmod \(format(least(of: options.repetitions, solve)))"
    }
    print(line)
    for threads in options.threads {
      func ours(_ name: String, _ solve: () throws -> Void) throws -> String {
        let time = try Threads.$limit.withValue(threads) { try least(of: options.repetitions, solve) }
        return "  \(name) \(format(time)) (\(format(refined / time))×)"
      }
      let prepared = try SparseLU(threads: threads).prepare(a)
      var line = "    threads \(threads)"
      if let definite { line += try ours("cholesky") { _ = try definite.solve(b) } }
      line += try ours("lu") { _ = try factors.solve(b) }
      print(line + (try ours("lu-refined") { _ = try prepared.solve(b) }))
    }
  }
}

/// What new values on the same pattern cost, and whether memory grows.
func printRefactorisations(_ name: String, _ a: CSRMatrix<Double>, _ options: Options) throws {
  print(name)
  let anew = try least(of: options.repetitions) { _ = try LUFactorization(a) }
  let analysis = try least(of: options.repetitions) { _ = try LUFactorization.estimate(for: a) }
  let numeric = LoopedUMFPACK.numericTime(a, repetitions: options.repetitions)
  var factors = try LUFactorization(a)
  let kept = try least(of: options.repetitions) { try factors.update(a.values.map { 1.5 * $0 }) }
  let b = try Gallery.rightHandSides(rows: a.rows, columns: 4, Double.self)
  var peaks: [Int] = []
  for k in 0..<options.cycles {
    try factors.update(a.values.map { (1 + Double(k % 7)) * $0 })
    _ = try factors.solve(b)
    if k == options.cycles / 10 || k == options.cycles - 1 { peaks.append(peakMemory()) }
  }
  print(
    "  anew \(format(anew)), of which analysis \(format(analysis))  analysis kept \(format(kept))  "
      + "umfpack's numeric factorisation \(format(numeric))")
  print("  peak memory after a tenth and all of \(options.cycles) cycles \(peaks)")
}
