import BlockKrylov
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

/// A gallery problem or a file.
func load(_ name: String) throws -> CSRMatrix<Double> {
  if FileManager.default.fileExists(atPath: name) { return try CSRMatrix(matrixMarket: name) }
  return try Gallery.Problem(specification: name).matrix()
}

/// The peak of resident memory, in the unit of the system.
func peakMemory() -> Int {
  var usage = rusage()
  // RUSAGE_SELF, which has another type in each C library.
  _ = unsafe getrusage(0, &usage)
  return usage.ru_maxrss
}
