import BlockKrylov
import Foundation

/// A result: one line of JSON, as record.schema.json describes it.
struct Record: Encodable {
  struct Machine: Encodable {
    var cpu = Environment.processor
    var cores = Threads.available
    var system = ProcessInfo.processInfo.operatingSystemVersionString
    var instructionSet = Threads.instructionSet
    var openBLASVersion = Environment.openBLASVersion
    var openBLASCore = Environment.openBLASCore

    enum CodingKeys: String, CodingKey {
      case cpu, cores, system
      case instructionSet = "instruction_set"
      case openBLASVersion = "openblas_version"
      case openBLASCore = "openblas_core"
    }
  }

  var schema = 1
  var library = "blockkrylov"
  var version = "0.1.0"
  var work: String
  var problem: String
  var rows: Int
  var nonzeros: Int
  var method: String
  var preconditioner: String
  /// What the automatic choice took.
  var chosen: String?
  var restart: Int?
  var rightHandSides: Int
  var threads: Int
  var tolerance: Double?
  var converged: Bool?
  var setupSeconds: Double?
  var firstSolveSeconds: Double
  var solveSeconds: Double
  var solveSecondsMedian: Double
  var solveSecondsAll: [Double]
  var repeats: Int
  var iterations: Int?
  var operatorApplications: Int?
  var columnsApplied: Int?
  var trueRelativeResidual: Double?
  var peakMemoryBytes: Int?
  var bytesPlanned: Int?
  var gigabytesPerSecond: Double?
  var machine = Machine()

  enum CodingKeys: String, CodingKey {
    case schema, library, version, work, problem, rows, nonzeros, method, preconditioner, chosen, restart, threads, tolerance,
      converged
    case repeats, iterations, machine
    case rightHandSides = "right_hand_sides"
    case setupSeconds = "setup_seconds"
    case firstSolveSeconds = "first_solve_seconds"
    case solveSeconds = "solve_seconds"
    case solveSecondsMedian = "solve_seconds_median"
    case solveSecondsAll = "solve_seconds_all"
    case operatorApplications = "operator_applications"
    case columnsApplied = "columns_applied"
    case trueRelativeResidual = "true_relative_residual"
    case peakMemoryBytes = "peak_memory_bytes"
    case bytesPlanned = "bytes_planned"
    case gigabytesPerSecond = "gbytes_per_second"
  }

  init(
    work: String, problem: String, rows: Int, nonzeros: Int, method: String, preconditioner: String, columns: Int, threads: Int,
    times: Times
  ) {
    (self.work, self.problem, self.rows, self.nonzeros) = (work, problem, rows, nonzeros)
    (self.method, self.preconditioner, rightHandSides, self.threads) = (method, preconditioner, columns, threads)
    (firstSolveSeconds, solveSeconds, solveSecondsMedian) = (times.first, times.least, times.median)
    (solveSecondsAll, repeats) = (times.measured, times.measured.count)
    peakMemoryBytes = Environment.peakBytes
  }

  func print() {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let data = try? encoder.encode(self) else { return }
    FileHandle.standardOutput.write(data + Data("\n".utf8))
  }
}

/// The seconds of a first call, which warms caches, and of those that count.
struct Times {
  var first: Double
  var measured: [Double]

  /// Calls `body` once, then up to `repeats` times and at least once while `budget` seconds last.
  init(repeats: Int, budget: Double, _ body: () throws -> Void) rethrows {
    let began = ContinuousClock.now
    func call() throws -> Double { try ContinuousClock().measure(body).inSeconds }
    first = try call()
    measured = [try call()]
    while measured.count < repeats, (ContinuousClock.now - began).inSeconds < budget { measured.append(try call()) }
  }

  var least: Double { measured.min() ?? .nan }
  var median: Double {
    let (sorted, middle) = (measured.sorted(), measured.count / 2)
    return measured.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
