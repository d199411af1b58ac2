import BlockKrylov
import Foundation

/// One problem, and all that is to be measured with it.
struct Case {
  var work: Options.Work
  var problem: String
  var methods: [String]
  var preconditioners: [String]
  var columns: [Int]
  var threads: [Int]
  var restarts: [Int]

  /// Prints a record for every combination, and a line on stderr for those that cannot be.
  func run(_ options: Options) {
    attempt(problem) {
      if work == .dense { return try measureDense(options) }
      let a = try matrix()
      for m in columns {
        let b = try Gallery.rightHandSides(rows: a.rows, columns: m, Double.self)
        for threads in threads {
          if work == .product {
            try measureProduct(a, b, threads: threads, options)
            continue
          }
          for method in methods {
            for preconditioner in method.isDirect ? ["none"] : preconditioners {
              for restart in method.usesRestart ? restarts.map(Optional.some) : [nil] {
                attempt("\(problem) \(method) \(preconditioner)") {
                  try measureSolve(
                    a, b, method: method, preconditioner: preconditioner, restart: restart, threads: threads, options)
                }
              }
            }
          }
        }
      }
    }
  }

  private func attempt(_ what: String, _ body: () throws -> Void) {
    do { try body() } catch { FileHandle.standardError.write(Data("# \(what): \(error)\n".utf8)) }
  }

  private func matrix() throws -> CSRMatrix<Double> {
    if FileManager.default.fileExists(atPath: problem) { return try CSRMatrix(matrixMarket: problem) }
    return try Gallery.Problem(specification: problem).matrix()
  }

  private func measureSolve(
    _ a: CSRMatrix<Double>, _ b: BlockVector<Double>, method name: String, preconditioner: String, restart: Int?, threads: Int,
    _ options: Options
  ) throws {
    guard let method = Method.named(name) else { return }
    let choice = try PreconditionerChoice(name: preconditioner)
    let solver = method.with {
      ($0.tolerance, $0.preconditioner, $0.threads) = (.relative(options.tolerance), choice, threads)
      $0.restart = restart ?? $0.restart
      $0.deflation = options.deflation
      $0.recordsHistory = false
      $0.timeLimit = .seconds(300)
    }
    Environment.resetPeak()
    let prepared = try solver.prepare(a)
    var result = SolveResult<Double>?.none
    let times = try Times(repeats: options.repeats, budget: options.budget) { result = try prepared.solve(b) }
    guard let result else { return }
    var record = Record(
      work: "solve", problem: problem, rows: a.rows, nonzeros: a.nonzeros, method: name, preconditioner: preconditioner,
      columns: b.columns, threads: threads, times: times)
    record.chosen = name == "auto" ? "\(result.report.method) with \(result.report.preconditioner)" : nil
    record.restart = restart
    record.tolerance = name.isDirect ? nil : options.tolerance
    record.converged = result.report.allConverged
    record.setupSeconds = prepared.setupSeconds
    record.iterations = result.report.iterations
    record.operatorApplications = result.report.operatorApplications
    record.columnsApplied = result.report.columnsApplied
    record.bytesPlanned = result.report.bytesPlanned
    let residuals = try a.residual(b, of: result.solution).columnNorms()
    record.trueRelativeResidual = zip(residuals, b.columnNorms()).map { $1 == 0 ? 0 : $0 / $1 }.max()
    record.print()
  }

  /// Y = A·X into a block that is there. Bandwidth counts 12 bytes a nonzero, 4 a row, X read once and Y written once.
  private func measureProduct(_ a: CSRMatrix<Double>, _ x: BlockVector<Double>, threads: Int, _ options: Options) throws {
    var y = BlockVector<Double>(rows: a.rows, columns: x.columns)
    Environment.resetPeak()
    let times = try Threads.$limit.withValue(threads) {
      try Times(repeats: options.repeats, budget: options.budget) { try a.apply(to: x, into: &y) }
    }
    var record = Record(
      work: "product", problem: problem, rows: a.rows, nonzeros: a.nonzeros, method: "product", preconditioner: "none",
      columns: x.columns, threads: threads, times: times)
    let bytes = Double(12 * a.nonzeros + 4 * a.rows + 16 * a.rows * x.columns)
    record.gigabytesPerSecond = bytes * 1e-9 / times.least
    record.print()
  }

  /// A of uniform random numbers, B = I, on an operator that is prepared and on a fresh one.
  private func measureDense(_ options: Options) throws {
    guard let n = Int(problem), n > 0 else { throw Options.Failure(text: "dense problems are sizes, as in --problem 20,100") }
    let entries = try Gallery.rightHandSides(rows: n, columns: n, Double.self)
    let a = try DenseOperator(rows: (0..<n).map { i in (0..<n).map { j in (entries[i, j] + 1) / 2 } })
    let b = BlockVector<Double>(rows: n, columns: n) { $0 == $1 ? 1 : 0 }
    for threads in threads {
      let solver = DenseLU().with { $0.threads = threads }
      let prepared = try solver.prepare(a)
      var result = try prepared.solve(b)
      for (name, body) in [
        ("dense-prepared", { result = try prepared.solve(b) }), ("dense-fresh", { result = try solver.prepare(a).solve(b) }),
      ] as [(String, () throws -> Void)] {
        let times = try Times(repeats: options.repeats, budget: options.budget, body)
        var record = Record(
          work: "dense", problem: "dense:\(n)", rows: n, nonzeros: n * n, method: name, preconditioner: "none", columns: n,
          threads: threads, times: times)
        record.setupSeconds = name == "dense-prepared" ? prepared.setupSeconds : nil
        record.trueRelativeResidual = result.report.columns.map(\.trueRelativeResidual).max()
        if record.repeats > 20 { record.solveSecondsAll = [] }
        record.print()
      }
    }
  }
}

extension String {
  /// Whether the method of this name factorises A, so that there is nothing to precondition.
  fileprivate var isDirect: Bool { ["direct", "lu", "cholesky", "klu"].contains(self) }
  fileprivate var usesRestart: Bool { hasSuffix("gmres") || self == "gcrodr" || self == "auto" }
}
