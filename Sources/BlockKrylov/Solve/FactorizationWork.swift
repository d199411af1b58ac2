/// What a factorisation takes, as far as it can be told without making it.
public struct FactorizationWork: Sendable, Equatable {
  /// The name of the factorisation, as in `--method`.
  public var method: String
  /// Real operations of the numeric factorisation in real arithmetic; complex arithmetic takes four times as many.
  public var flops: Double
  /// The entries of all factors.
  public var entries: Double
  /// The most memory at once, in bytes.
  public var peakBytes: Double

  /// The work of a factorisation.
  public init(method: String, flops: Double, entries: Double, peakBytes: Double) {
    self.method = method
    self.flops = flops
    self.entries = entries
    self.peakBytes = peakBytes
  }
}

/// A direct method that can tell what it takes before it factors: ``AutomaticSolver`` then moves on to it when it is the quicker way,
/// and does not when it takes too much memory.
public protocol FactorizationEstimating: BlockMethod {
  /// What the factorisation of A takes, by its pattern; `nil` when it cannot be told.
  ///
  /// - Throws: what the method throws for a matrix that it cannot factor.
  /// - Complexity: that of a symbolic analysis.
  func estimatedWork<Element: Scalar>(for a: CSRMatrix<Element>) throws -> FactorizationWork?
}

extension DenseLU: FactorizationEstimating {
  /// 2n³/3 operations and n² entries.
  public func estimatedWork<Element: Scalar>(for a: CSRMatrix<Element>) throws -> FactorizationWork? {
    let n = Double(a.rows)
    return FactorizationWork(
      method: name, flops: 2 * n * n * n / 3, entries: n * n, peakBytes: 2.5 * n * n * Double(MemoryLayout<Element>.stride))
  }
}
