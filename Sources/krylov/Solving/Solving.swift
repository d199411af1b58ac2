import BlockKrylov
import Foundation

/// Prepares a method for a system, solves it, and checks what it claims.
struct Solving {
  var method: any BlockMethod
  var rtol: Double
  var atol: Double
  /// How often to solve from scratch after a solve that is not timed; `nil` solves once.
  var repeats: Int?
  /// Where the state of the solve is kept, and whether to go on from what is there.
  var checkpoint: Checkpoint?
  var resumes = false
  var progress: ProgressLine
  /// Called with the plan before the solve, where it is asked for.
  var announce: ((SolvePlan) -> Void)?

  /// The record, and X.
  func run<S: Scalar>(_ system: LinearSystem<S>) throws -> (record: SolveRecord, solution: BlockVector<S>) {
    defer { progress.erase() }
    progress.show("\(method.name): preparing for \(system.matrix.name)")
    let prepared = try method.prepare(system.a)
    let plan = try announce.map { announce in
      let plan = try prepared.plan(for: system.b)
      progress.erase()
      announce(plan)
      return plan
    }
    var times: [Double] = []
    let result = try Interrupt.catching {
      var result = try solve(system, prepared)
      if let repeats {
        for _ in 0..<repeats where !Interrupt.wasRequested {
          result = try solve(system, prepared)
          times.append(result.report.solveSeconds)
        }
      }
      return result
    }
    if times.isEmpty { times = [result.report.solveSeconds] }
    times.sort()
    let middle = times.count / 2
    var record = SolveRecord(
      matrix: system.matrix, report: result.report, rtol: rtol, atol: atol, readSeconds: system.readSeconds,
      solveSeconds: times[0], solveSecondsMedian: times.count % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2,
      repeats: times.count, peakMemoryBytes: Memory.peakBytes)
    record.plan = plan
    record.unconfirmed = try Self.unconfirmed(system.a, system.b, result)
    record.relativeErrors = try system.exact.map { try Self.relativeErrors(of: result.solution, from: $0) }
    return (record, result.solution)
  }

  private func solve<S: Scalar>(_ system: LinearSystem<S>, _ prepared: PreparedSolver<S>) throws -> SolveResult<S> {
    let observer: SolveObserver = { state in
      progress.update(state)
      return Interrupt.wasRequested ? .stop : .continue
    }
    if resumes, let checkpoint {
      return try prepared.solve(
        system.b, resuming: SavedSolve(path: checkpoint.path), checkpoint: checkpoint, observer: observer)
    }
    return try prepared.solve(system.b, from: system.guess, checkpoint: checkpoint, observer: observer)
  }

  /// B − A·X again, from the blocks that the caller has: the residuals of columns that are called converged and exceed their bound.
  static func unconfirmed<S: Scalar>(
    _ a: CSRMatrix<S>, _ b: BlockVector<S>, _ result: SolveResult<S>
  ) throws -> [Int: Double] {
    let r = try a.residual(b, of: result.solution)
    let (residuals, maxima) = (r.columnNorms(), r.columnMaxima())
    // The solver measures scaled columns, so that the last bits may differ.
    let failed = result.report.columns.filter {
      // A least-squares solution leaves a residual, and a small error may, which must be the reported one.
      let leavesResidual = $0.status == .leastSquares || $0.norm == .energy
      if $0.norm == .maximum, !leavesResidual { return $0.status.isConverged && !(maxima[$0.index] <= $0.threshold * 1.01) }
      let bound = leavesResidual ? $0.trueResidual : $0.threshold
      return $0.status.isConverged && !(residuals[$0.index] <= bound * 1.01)
    }
    return Dictionary(uniqueKeysWithValues: failed.map { ($0.index, residuals[$0.index]) })
  }

  private static func relativeErrors<S: Scalar>(of x: BlockVector<S>, from exact: BlockVector<S>) throws -> [Double] {
    let identity = CSRMatrix(diagonal: [S](repeating: 1, count: x.rows))
    return zip(try identity.residual(exact, of: x).columnNorms(), exact.columnNorms()).map { $0 == 0 ? 0 : $0 / $1 }
  }
}

/// What the system knows of this process.
enum Memory {
  /// The most memory that the process has held so far, in bytes.
  static var peakBytes: Int? {
    #if canImport(Darwin)
      var usage = rusage()
      return unsafe getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : nil
    #else
      // getrusage would also count what the parent held at the fork; the kernel's own high-water mark does not.
      let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
      let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
      return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    #endif
  }
}
