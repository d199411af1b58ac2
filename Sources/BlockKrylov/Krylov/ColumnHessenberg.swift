internal import ComplexModule
internal import RealModule

/// The projected least-squares problem of GMRES for one column, min ‖βe₁ − H̄y‖, kept triangular by Givens rotations.
struct ColumnHessenberg<Element: Scalar> {
  /// The columns of R, one after the other.
  private var r: [Element] = []
  private var starts: [Int] = []
  private var cosines: [Double] = []
  private var sines: [Element] = []
  private var g: [Element] = []
  private var (largest, smallest) = (0.0, Double.infinity)

  init(steps: Int) {
    r.reserveCapacity(steps * (steps + 1) / 2)
    starts.reserveCapacity(steps)
    cosines.reserveCapacity(steps)
    sines.reserveCapacity(steps)
    g.reserveCapacity(steps + 1)
  }

  /// Begins with the right-hand side βe₁.
  mutating func begin(_ beta: Double) {
    r.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
    cosines.removeAll(keepingCapacity: true)
    sines.removeAll(keepingCapacity: true)
    g.removeAll(keepingCapacity: true)
    g.append(Element(double: beta))
    (largest, smallest) = (0, .infinity)
  }

  /// Adds the column of a step, h[first], h[first + stride], …, and `below`, the length of what is orthogonal to the basis.
  mutating func append(_ h: [Element], first: Int, stride: Int, count: Int, below: Double) {
    let k = starts.count
    starts.append(r.count)
    for i in 0..<count { r.append(h[first + i * stride]) }
    let base = starts[k]
    for i in 0..<k {
      let (c, s) = (Element(double: cosines[i]), sines[i])
      let (a, b) = (r[base + i], r[base + i + 1])
      r[base + i] = c * a + s * b
      r[base + i + 1] = c * b - s.conjugate * a
    }
    let a = r[base + k]
    let size = Double(a.modulus)
    let length = (size * size + below * below).squareRoot()
    let phase: Element = size > 0 ? a / Element(a.modulus) : 1
    cosines.append(length > 0 ? size / length : 1)
    sines.append(length > 0 ? phase * Element(double: below / length) : 0)
    r[base + k] = phase * Element(double: length)
    let last = g[k]
    g[k] = Element(double: cosines[k]) * last
    g.append(-(sines[k].conjugate * last))
    largest = max(largest, length)
    smallest = min(smallest, length)
  }

  /// The residual norm.
  var residual: Double { Double(g[starts.count].modulus) }

  /// Whether R is singular to working precision.
  var isSingular: Bool { !starts.isEmpty && !(smallest > 10 * Double(starts.count) * Element.unitRoundoff * largest) }

  /// The coefficients of the basis; directions whose pivot is rounding are left out.
  func solve() -> [Element] {
    let n = starts.count
    var y = Array(g.prefix(n))
    for k in stride(from: n - 1, through: 0, by: -1) {
      let pivot = r[starts[k] + k]
      let usable = Double(pivot.modulus) > 10 * Double(n) * Element.unitRoundoff * largest
      y[k] = usable ? y[k] / pivot : 0
      for i in 0..<k { y[i] -= y[k] * r[starts[k] + i] }
    }
    return y
  }
}
