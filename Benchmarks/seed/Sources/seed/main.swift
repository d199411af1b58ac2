// The question that users of batched solvers ask: a small dense A, uniform random, and B = I. What does one solve take, on an operator
// that is prepared and on a fresh one? Prints one JSON line a size: the medians in microseconds and the largest true residual.
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

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// Microseconds of each of `count` calls, after a tenth as many to warm up.
func times(_ count: Int, _ body: () throws -> Void) rethrows -> [Double] {
  for _ in 0..<(count / 10 + 1) { try body() }
  return try (0..<count).map { _ in
    let (seconds, attoseconds) = try ContinuousClock().measure(body).components
    return Double(seconds) * 1e6 + Double(attoseconds) * 1e-12
  }
}

func run<S: Scalar>(_ type: S.Type, name: String, size n: Int, repeats: Int) throws {
  var uniform = Uniform(seed: 42)
  let entries = (0..<n).map { _ in (0..<n).map { _ in S(real: uniform.next(), imaginary: 0) } }
  let a = try DenseOperator(rows: entries)
  let b = BlockVector<S>(rows: n, columns: n) { $0 == $1 ? 1 : 0 }
  let solver = DenseLU()
  let prepared = try solver.prepare(a)
  let again = try times(repeats) { _ = try prepared.solve(b) }
  let fresh = try times(repeats) { _ = try solver.prepare(a).solve(b) }
  let residual = try prepared.solve(b).report.columns.map(\.trueRelativeResidual).max() ?? 0
  print(
    "{\"scalar\": \"\(name)\", \"n\": \(n), \"prepared_microseconds\": \(median(again)), \"fresh_microseconds\": \(median(fresh)), "
      + "\"true_relative_residual\": \(residual)}")
}

for (n, repeats) in [(20, 1000), (100, 200), (500, 10)] {
  try run(Double.self, name: "double", size: n, repeats: repeats)
  try run(Float.self, name: "float", size: n, repeats: repeats)
}
