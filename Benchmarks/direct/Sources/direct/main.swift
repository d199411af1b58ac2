// Solve phases of sparse direct methods on the same factors and right-hand sides, in one run: UMFPACK one column at a time with its
// own refinement (`umfpack`) and without (`umfpack-ir0`), CHOLMOD's block solve where A is symmetric positive definite (`cholmod`),
// and this package: triangular solves (`lu`, `cholesky`), and refined and verified with a report (`lu-refined`).
//
// usage: direct [--columns 1,16,64,256] [--threads 1,2] [--repeat 3] [--refactor N] [--json] MATRIX…   MATRIX: a gallery problem or a file
//
// Times are the least of the repetitions, in milliseconds; the ratio is that of UMFPACK with refinement. UMFPACK's time for more than
// 16 columns is measured on 16 and multiplied: its columns do not know of each other. --refactor factors new values on the same pattern and
// solves N times instead, and prints the time of a factorisation anew and with the analysis kept, and the peak of resident memory.
// --json measures this package alone and prints a record a line, for compare.py.
import BlockKrylov
import BlockKrylovDirect
import CRivals
import Foundation

/// The least time of some repetitions, in milliseconds.
func least(of repetitions: Int, _ body: () throws -> Void) rethrows -> Double {
  var best = Double.infinity
  for _ in 0..<repetitions {
    let start = ContinuousClock.now
    try body()
    let time = ContinuousClock.now - start
    best = min(best, Double(time.components.seconds) * 1e3 + Double(time.components.attoseconds) * 1e-15)
  }
  return best
}

func format(_ value: Double) -> String { String(format: value < 100 ? "%.2f" : "%.0f", value) }

func load(_ name: String) throws -> CSRMatrix<Double> {
  if FileManager.default.fileExists(atPath: name) { return try CSRMatrix(matrixMarket: name) }
  return try Gallery.Problem(specification: name).matrix()
}

/// UMFPACK as its users call it.
@safe final class Looped {
  private let n: Int
  private let start: [Int]
  private let row: [Int]
  private let value: [Double]
  private var control = [Double](repeating: 0, count: Int(UMFPACK_CONTROL))
  private var numeric: UnsafeMutableRawPointer?

  init(_ a: CSRMatrix<Double>) {
    let columns = CSCMatrix(a)
    (n, start, row, value) = (a.rows, columns.columnStart, columns.rowIndex.map { Int($0) }, columns.values)
    unsafe umfpack_dl_defaults(&control)
    var symbolic: UnsafeMutableRawPointer?
    unsafe _ = umfpack_dl_symbolic(n, n, start, row, value, &symbolic, control, nil)
    unsafe _ = umfpack_dl_numeric(start, row, value, symbolic, &numeric, control, nil)
    unsafe umfpack_dl_free_symbolic(&symbolic)
  }

  deinit { unsafe umfpack_dl_free_numeric(&numeric) }

  func solve(_ b: [Double], columns: Int, refining: Bool) {
    control[Int(UMFPACK_IRSTEP)] = refining ? 2 : 0
    var x = [Double](repeating: 0, count: n)
    for j in 0..<columns {
      unsafe b.withUnsafeBufferPointer { b in
        guard let b = b.baseAddress else { return }
        unsafe _ = umfpack_dl_solve(Int(UMFPACK_A), start, row, value, &x, b + j * n, numeric, control, nil)
      }
    }
  }
}

/// CHOLMOD as its users call it; `nil` where A is not positive definite.
@safe final class Cholmod {
  private var common = unsafe cholmod_common()
  private var factor: UnsafeMutablePointer<cholmod_factor>?
  private let n: Int

  init?(_ a: CSRMatrix<Double>) {
    n = a.rows
    guard a.probe().looksPositiveDefinite else { return nil }
    unsafe cholmod_l_start(&common)
    // Rows of a symmetric matrix are its columns: the entries up to the diagonal are the upper triangle.
    guard let upper = unsafe cholmod_l_allocate_sparse(n, n, a.nonzeros, 1, 1, 1, Int32(CHOLMOD_REAL), &common) else {
      return nil
    }
    let (start, row) = unsafe (
      upper.pointee.p.assumingMemoryBound(to: Int.self), upper.pointee.i.assumingMemoryBound(to: Int.self)
    )
    let value = unsafe upper.pointee.x.assumingMemoryBound(to: Double.self)
    var count = 0
    for j in 0..<n {
      unsafe start[j] = count
      for k in a.rowStart[j]..<a.rowStart[j + 1] where Int(a.columnIndex[k]) <= j {
        unsafe row[count] = Int(a.columnIndex[k])
        unsafe value[count] = a.values[k]
        count += 1
      }
    }
    unsafe start[n] = count
    unsafe factor = cholmod_l_analyze(upper, &common)
    unsafe _ = cholmod_l_factorize(upper, factor, &common)
    var given: UnsafeMutablePointer<cholmod_sparse>? = unsafe upper
    unsafe _ = cholmod_l_free_sparse(&given, &common)
    guard let minor = unsafe factor?.pointee.minor, minor == n else { return nil }
  }

  func solver(_ b: [Double], columns: Int) -> () -> Void {
    let right = unsafe cholmod_l_allocate_dense(n, columns, n, Int32(CHOLMOD_REAL), &common)
    if let target = unsafe right?.pointee.x.assumingMemoryBound(to: Double.self) {
      for k in 0..<(n * columns) { unsafe target[k] = b[k] }
    }
    var (x, y, e):
      (UnsafeMutablePointer<cholmod_dense>?, UnsafeMutablePointer<cholmod_dense>?, UnsafeMutablePointer<cholmod_dense>?)
    unsafe (x, y, e) = (nil, nil, nil)
    return { [self] in unsafe _ = cholmod_l_solve2(Int32(CHOLMOD_A), factor, right, nil, &x, nil, &y, &e, &common) }
  }
}

var (columnCounts, threadCounts, repetitions, cycles, matrices) = ([1, 16, 64, 256], [1, 2], 3, 0, [String]())
var printsRecords = false
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
  switch argument {
  case "--columns": columnCounts = (arguments.popFirst() ?? "").split(separator: ",").compactMap { Int($0) }
  case "--threads": threadCounts = (arguments.popFirst() ?? "").split(separator: ",").compactMap { Int($0) }
  case "--repeat": repetitions = Int(arguments.popFirst() ?? "") ?? 3
  case "--json": printsRecords = true
  case "--refactor": cycles = Int(arguments.popFirst() ?? "") ?? 0
  default: matrices.append(argument)
  }
}
/// The peak of resident memory, in the unit of the system.
func peakMemory() -> Int {
  var usage = rusage()
  // RUSAGE_SELF, which has another type in each C library.
  _ = unsafe getrusage(0, &usage)
  return usage.ru_maxrss
}

func refactor(_ a: CSRMatrix<Double>, cycles: Int) throws {
  let anew = try least(of: 3) { _ = try LUFactorization(a) }
  var factors = try LUFactorization(a)
  let kept = try least(of: 3) { try factors.update(a.values.map { 1.5 * $0 }) }
  let b = try Gallery.rightHandSides(rows: a.rows, columns: 4, Double.self)
  var peaks: [Int] = []
  for k in 0..<cycles {
    try factors.update(a.values.map { (1 + Double(k % 7)) * $0 })
    _ = try factors.solve(b)
    if k == cycles / 10 || k == cycles - 1 { peaks.append(peakMemory()) }
  }
  print("  anew \(format(anew))  analysis kept \(format(kept))  peak memory after a tenth and all of \(cycles) cycles \(peaks)")
}

/// A line for each method and number of threads: bare triangular solves, and solves that are refined, verified and reported.
func printRecords(_ name: String, _ a: CSRMatrix<Double>) throws {
  func line(_ method: String, _ m: Int, _ threads: Int, _ milliseconds: Double, omega: Double? = nil) {
    let omega = omega.map { String(format: ",\"backward_error\":%.2e", $0) } ?? ""
    print(
      "{\"problem\":\"\(name)\",\"method\":\"\(method)\",\"m\":\(m),\"threads\":\(threads),"
        + String(format: "\"solve_s\":%.6g", milliseconds / 1e3) + omega + "}")
  }
  let factors = try LUFactorization(a)
  let definite = a.probe().looksPositiveDefinite ? try? CholeskyFactorization(a) : nil
  for threads in threadCounts {
    let refined: [(String, PreparedSolver<Double>)] = [
      ("lu-refined", try SparseLU(threads: threads).prepare(a)), ("auto-refined", try SparseDirect(threads: threads).prepare(a)),
    ]
    for m in columnCounts {
      let b = try Gallery.rightHandSides(rows: a.rows, columns: m, Double.self)
      try Threads.$limit.withValue(threads) {
        line("lu", m, threads, try least(of: repetitions) { _ = try factors.solve(b) })
        if let definite { line("cholesky", m, threads, try least(of: repetitions) { _ = try definite.solve(b) }) }
      }
      for (method, prepared) in refined {
        let worst = try prepared.solve(b).report.columns.compactMap(\.backwardError).max()
        let name = method == "auto-refined" ? "\(prepared.method)-refined (auto)" : method
        line(name, m, threads, try least(of: repetitions) { _ = try prepared.solve(b) }, omega: worst)
      }
    }
  }
}

for name in matrices.isEmpty ? ["poisson2d:300", "poisson3d:30"] : matrices {
  let a = try load(name)
  if cycles > 0 {
    print(name)
    try refactor(a, cycles: cycles)
    continue
  }
  if printsRecords {
    try printRecords(name, a)
    continue
  }
  let looped = Looped(a)
  let cholmod = Cholmod(a)
  let factors = try LUFactorization(a)
  let definite = cholmod == nil ? nil : try CholeskyFactorization(a)
  print("\(name): n \(a.rows), nnz(L+U) \(factors.statistics.lowerNonzeros + factors.statistics.upperNonzeros)")
  for m in columnCounts {
    let b = try Gallery.rightHandSides(rows: a.rows, columns: m, Double.self)
    let columnMajor = b.columnMajor
    let sample = min(m, 16)
    let refined =
      least(of: repetitions) { looped.solve(columnMajor, columns: sample, refining: true) } * Double(m) / Double(sample)
    let bare = least(of: repetitions) { looped.solve(columnMajor, columns: sample, refining: false) } * Double(m) / Double(sample)
    var line = "  m \(m)  umfpack \(format(refined))  umfpack-ir0 \(format(bare))"
    if let cholmod {
      let solve = cholmod.solver(columnMajor, columns: m)
      line += "  cholmod \(format(least(of: repetitions, solve)))"
    }
    print(line)
    for threads in threadCounts {
      let prepared = try SparseLU(threads: threads).prepare(a)
      let plain = try Threads.$limit.withValue(threads) { try least(of: repetitions) { _ = try factors.solve(b) } }
      let verified = try least(of: repetitions) { _ = try prepared.solve(b) }
      var line = "    threads \(threads)"
      if let definite {
        let time = try Threads.$limit.withValue(threads) { try least(of: repetitions) { _ = try definite.solve(b) } }
        line += "  cholesky \(format(time)) (\(format(refined / time))×)"
      }
      print(
        line + "  lu \(format(plain)) (\(format(refined / plain))×)  "
          + "lu-refined \(format(verified)) (\(format(refined / verified))×)")
    }
  }
}
