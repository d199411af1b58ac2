import BlockKrylov
import Dispatch

/// What the machine moves at best: the yardstick of the kernels.
enum Triad {
  /// The bandwidth of one and of two threads, measured when it is asked for first: every benchmark runs in a process of its own.
  static let one = bandwidth(threads: 1)
  static let two = bandwidth(threads: 2)

  /// Bytes per second of aᵢ = bᵢ + s·cᵢ with arrays that no cache holds, 24 bytes for each element as STREAM counts them; the best of
  /// `rounds`, each thread on elements that it wrote first.
  static func bandwidth(threads: Int, elements: Int = 1 << 25, rounds: Int = 8) -> Double {
    let count = elements / threads
    nonisolated(unsafe) let arrays = (0..<(3 * threads)).map { _ in UnsafeMutablePointer<Double>.allocate(capacity: count) }
    defer { for array in arrays { array.deallocate() } }
    DispatchQueue.concurrentPerform(iterations: threads) { t in
      for k in 0..<3 { arrays[3 * t + k].initialize(repeating: Double(k), count: count) }
    }
    var best = Duration.seconds(3600)
    for round in 0..<rounds {
      let factor = Double(round)
      let clock = ContinuousClock()
      let time = clock.measure {
        DispatchQueue.concurrentPerform(iterations: threads) { t in
          let (a, b, c) = (arrays[3 * t], arrays[3 * t + 1], arrays[3 * t + 2])
          for i in 0..<count { a[i] = b[i] + factor * c[i] }
        }
      }
      best = min(best, time)
    }
    return Double(24 * threads * count) / (best / .seconds(1))
  }
}
