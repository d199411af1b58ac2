// The question that users of batched solvers ask: a small dense A, uniform random in [0, 1), and B = I. What does one solve take on an
// operator that is prepared, on the same into a block that is there, and on a fresh one?
//
//   seed [THREADS]
//
// Prints a JSON line for each: median and least microseconds of the calls, how they ended and the largest true residual. The tolerance of
// 1e-2 in single precision is what an A of this condition allows.
import BlockKrylov

/// Uniform numbers in [0, 1), the same in every run.
struct Uniform {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 11) * 0x1p-53
  }
}

/// Sorted microseconds of each of `count` calls, after a tenth as many to warm up.
func times(_ count: Int, _ body: () throws -> Void) rethrows -> [Double] {
  for _ in 0..<(count / 10 + 1) { try body() }
  return try (0..<count).map { _ in
    let (seconds, attoseconds) = try ContinuousClock().measure(body).components
    return Double(seconds) * 1e6 + Double(attoseconds) * 1e-12
  }.sorted()
}

func run<S: Scalar>(_ type: S.Type, name: String, size n: Int, repeats: Int, threads: Int?) throws {
  var uniform = Uniform(seed: 42)
  let entries = (0..<n).map { _ in (0..<n).map { _ in S(real: uniform.next(), imaginary: 0) } }
  let a = try DenseOperator(rows: entries)
  let b = BlockVector<S>(rows: n, columns: n) { $0 == $1 ? 1 : 0 }
  let solver = DenseLU(tolerance: .relative(name == "float32" ? 1e-2 : 1e-8), threads: threads)
  let prepared = try solver.prepare(a)
  var x = BlockVector<S>(rows: n, columns: n)
  let report = try prepared.solve(b, into: &x)
  let residual = report.columns.map(\.trueRelativeResidual).max() ?? 0
  let error = report.columns.compactMap(\.backwardError).max() ?? 0
  func line(_ method: String, _ times: [Double]) {
    print(
      "{\"peer\": \"BlockKrylov\", \"method\": \"\(method)\", \"n\": \(n), \"dtype\": \"\(name)\", \"threads\": \(report.threads), "
        + "\"median_us\": \(times[times.count / 2]), \"min_us\": \(times[0]), \"repeats\": \(times.count), "
        + "\"converged\": \(report.allConverged), \"max_rel_res\": \(residual), \"backward_error\": \(error)}")
  }
  line("prepared", try times(repeats) { _ = try prepared.solve(b) })
  line("prepared, in place", try times(repeats) { _ = try prepared.solve(b, into: &x) })
  line("fresh", try times(repeats) { _ = try solver.prepare(a).solve(b) })
}

let threads = CommandLine.arguments.dropFirst().first.flatMap { Int($0) }
for (n, repeats) in [(20, 1000), (100, 1000), (500, 100)] {
  try run(Double.self, name: "float64", size: n, repeats: repeats, threads: threads)
  try run(Float.self, name: "float32", size: n, repeats: repeats, threads: threads)
}
