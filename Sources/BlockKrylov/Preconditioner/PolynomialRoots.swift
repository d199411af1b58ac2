internal import ComplexModule
internal import RealModule

/// The roots θ of a residual polynomial π(z) = Π(1 − z/θ) in an order, and with repetitions, in which it can be applied stably.
///
/// (J. A. Loe and R. B. Morgan, “Toward efficient polynomial preconditioning for GMRES”, Numer. Linear Algebra Appl. 29, 2022; Z. Bai,
/// D. Hu and L. Reichel, “A Newton basis GMRES implementation”, IMA J. Numer. Anal. 14, 1994, for the order.)
struct PolynomialRoots {
  /// A root, or a pair of conjugate ones.
  struct Root: Equatable {
    /// θ; of a pair the one with positive imaginary part.
    let value: Complex<Double>
    let isPair: Bool
    /// 1/θ.
    var reciprocal: Complex<Double> { 1 / value }
    var count: Int { isPair ? 2 : 1 }
  }

  let roots: [Root]
  /// How many roots were repeated for stability.
  let repeated: Int

  /// The number of factors, pairs counted twice.
  var count: Int { roots.reduce(0) { $0 + $1.count } }

  /// - Parameters:
  ///   - reciprocals: 1/θ; with `inPairs` those with an imaginary part come in conjugate pairs. Zeros, factors 1, are left out.
  ///   - digits: of the arithmetic in which the polynomial is applied.
  init(reciprocals: [Complex<Double>], inPairs: Bool, digits: Int = 16) {
    let groups = reciprocals.compactMap { u -> Root? in
      let value = 1 / u
      guard u.length > 0, value.isFinite, !inPairs || value.imaginary >= 0 else { return nil }
      return Root(value: value, isPair: inPairs && value.imaginary > 0)
    }
    let ordered = Self.lejaOrder(groups)
    roots = Self.stabilised(ordered, digits: digits)
    repeated = roots.reduce(0) { $0 + $1.count } - ordered.reduce(0) { $0 + $1.count }
  }

  /// log|1 − z/θ| over a root or both of a pair.
  private static func logFactor(_ z: Complex<Double>, _ root: Root) -> Double {
    func log(_ theta: Complex<Double>) -> Double { Double.log((1 - z / theta).length) }
    return log(root.value) + (root.isPair ? log(root.value.conjugate) : 0)
  }

  /// Leja's order: first the largest modulus, then always the root whose product of distances to those before is largest, so that partial
  /// products neither overflow nor underflow. Pairs stay together.
  private static func lejaOrder(_ groups: [Root]) -> [Root] {
    var (rest, result) = (groups, [Root]())
    // The sum of log distances to the roots taken so far.
    var distance = groups.map { Double.log($0.value.length) }
    while let next = rest.indices.max(by: { distance[$0] < distance[$1] }) {
      let taken = rest[next]
      if result.isEmpty { distance = distance.map { _ in 0 } }
      rest.remove(at: next)
      distance.remove(at: next)
      result.append(taken)
      for k in rest.indices {
        distance[k] += Double.log((rest[k].value - taken.value).length)
        if taken.isPair { distance[k] += Double.log((rest[k].value - taken.value.conjugate).length) }
      }
    }
    return result
  }

  /// Copies of the outlying roots: where the other factors' product at a root is large, rounding errors of that size would be left in
  /// its direction, and each further factor takes away the digits of the arithmetic. The first copy comes last, others evenly before it.
  private static func stabilised(_ roots: [Root], digits: Int) -> [Root] {
    let tolerated = Double(digits) / 4
    var result = roots
    for (k, root) in roots.enumerated() {
      var log = 0.0
      for (i, other) in roots.enumerated() where i != k { log += logFactor(root.value, other) }
      if root.isPair { log += Double.log((1 - root.value / root.value.conjugate).length) }
      let excess = log / Double.log(10) - tolerated
      guard excess > 0, excess.isFinite else { continue }
      let copies = min(4, Int((excess / Double(digits - 2)).rounded(.up)))
      result.append(root)
      let begin = result.firstIndex(of: root) ?? k
      for copy in 1..<max(copies, 1) {
        result.insert(root, at: begin + (result.count - begin) * copy / copies)
      }
    }
    return result
  }
}
