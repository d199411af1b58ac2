/// Model problems with exact definitions: matrices, right-hand sides and load cases that anyone can generate again, bit for bit.
///
/// A ``Problem`` is written `name:N` or `name:N:V`, the same in Swift and on the command line; ``Family`` lists the names and
/// defines each matrix. Grid problems live on the unit square or cube with N points per side and h = 1/(N+1), unless they say
/// otherwise; x runs fastest, row = (z·N + y)·N + x, and the equation is multiplied by h².
///
/// ```swift
/// let problem = try Gallery.Problem(specification: "convdiff3d:50")
/// let a = try problem.matrix(Double.self)
/// let b: BlockVector<Double> = try Gallery.rightHandSides(rows: a.rows, columns: 8)
/// ```
///
/// Every entry is computed in `Double` (complex ones in `Complex<Double>`) and rounded once to the type asked for. Only
/// `varcoef2d`, `varcoef3d` and `strakos` call the C library's `pow`, whose last bit may differ between systems.
public enum Gallery {}

extension Gallery {
  /// A hash of 64 bits (Steele, Lea, Flood 2014): one step of the SplitMix generator from the state `z`.
  static func splitmix64(_ z: UInt64) -> UInt64 {
    var z = z &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// The upper 53 bits as a number in [0, 1).
  static func unit(_ z: UInt64) -> Double { Double(z >> 11) * 0x1p-53 }
}
