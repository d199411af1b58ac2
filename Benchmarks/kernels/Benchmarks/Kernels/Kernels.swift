import Benchmark
import BlockKrylov

/// A kernel's work: bytes that must pass between memory and the processor, and operations.
struct Work {
  var bytes: Int
  var flops: Int
}

let bandwidth = BenchmarkMetric.custom("MB/s", polarity: .prefersLarger, useScalingFactor: false)
let operations = BenchmarkMetric.custom("MFLOP/s", polarity: .prefersLarger, useScalingFactor: false)
let fraction = BenchmarkMetric.custom("per mille of triad", polarity: .prefersLarger, useScalingFactor: false)

/// The operands of one benchmark; made when they are used first, as every process makes all benchmarks and runs one.
final class Operands {
  private let rows: Int
  private let columns: Int
  private(set) lazy var matrix = Result { try Gallery.Problem(.poisson3d, size: 100).matrix(Double.self) }
  private(set) lazy var x = BlockVector<Double>(rows: rows, columns: columns) { Double(($0 + $1) % 7) - 3 }
  /// Not lazy, as it is written in place; its memory is touched when it is written first.
  var y: BlockVector<Double>
  private(set) lazy var c = DenseMatrix<Double>(rows: columns, columns: columns) { 1e-3 * Double($0 - $1) }

  init(rows: Int, columns: Int) {
    (self.rows, self.columns) = (rows, columns)
    y = BlockVector(rows: rows, columns: columns)
  }
}

/// Times `body` on one and on two threads, and tells its bytes and operations per second, and its bytes per second in relation to the
/// triad's.
@Sendable func measure(
  _ name: String, _ work: Work, rows: Int, columns: Int, _ body: @escaping @Sendable (Operands) throws -> Void
) {
  for threads in [1, 2] where threads <= Threads.available {
    let operands = Operands(rows: rows, columns: columns)
    Benchmark(
      "\(name), \(threads) \(threads == 1 ? "thread" : "threads")",
      configuration: .init(
        metrics: [.wallClock, bandwidth, operations, fraction], warmupIterations: 2, maxDuration: .seconds(2), maxIterations: 100)
    ) { benchmark in
      let clock = ContinuousClock()
      benchmark.startMeasurement()
      let seconds = try Threads.$limit.withValue(threads) { try clock.measure { try body(operands) } } / .seconds(1)
      benchmark.stopMeasurement()
      let rate = Double(work.bytes) / seconds
      benchmark.measurement(bandwidth, Int(rate / 1e6))
      benchmark.measurement(operations, Int(Double(work.flops) / seconds / 1e6))
      benchmark.measurement(fraction, Int(1000 * rate / (threads == 1 ? Triad.one : Triad.two)))
    }
  }
}

let benchmarks: @Sendable () -> Void = {
  let n = 1_000_000
  let nonzeros = 7 * n - 6 * 10_000
  for m in [1, 2, 4, 8, 16, 24, 32] {
    measure(
      "SpMM poisson3d:100, m = \(m)", Work(bytes: 12 * nonzeros + 8 * n + 16 * n * m, flops: 2 * nonzeros * m), rows: n,
      columns: m
    ) { try $0.matrix.get().apply(to: $0.x, into: &$0.y) }
  }
  for p in [1, 2, 4, 8, 16] {
    measure("YᵀX, 10⁶ × \(p)", Work(bytes: 16 * n * p, flops: 2 * n * p * p), rows: n, columns: p) {
      blackHole(try $0.y.inner($0.x))
    }
    measure("Y += XC, 10⁶ × \(p)", Work(bytes: 24 * n * p, flops: 2 * n * p * p), rows: n, columns: p) {
      try $0.y.add($0.x, times: $0.c)
    }
  }
}
