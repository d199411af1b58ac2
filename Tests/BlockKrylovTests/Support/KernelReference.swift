import BlockKrylov
import ComplexModule
import RealModule
import Testing

/// The four scalar types, for tests that run on each.
enum ScalarTypes {
  static let all: [any Scalar.Type] = [Float.self, Double.self, Complex<Float>.self, Complex<Double>.self]
}

/// Row-major numbers with a stride and a margin. What lies between and around the rows is not a kernel's to read or write: it is NaN
/// in operands and a number of its own in results.
struct Strided<S: Scalar> {
  let rows: Int
  let columns: Int
  let stride: Int
  private(set) var memory: [S]
  private let gap: S
  /// Odd, so that rows have no more than the natural alignment.
  static var margin: Int { 33 }

  /// An operand.
  init(_ rows: Int, _ columns: Int, stride: Int? = nil, _ random: inout SplitMix) {
    self.init(rows, columns, stride: stride, gap: S(real: Double.nan, imaginary: .nan))
    for i in 0..<rows { for j in 0..<columns { self[i, j] = random.scalar() } }
  }

  /// A result; its numbers are NaN until they are written.
  init(resultOf rows: Int, _ columns: Int, stride: Int? = nil) {
    self.init(rows, columns, stride: stride, gap: S(real: 12345.5, imaginary: -77.25))
    for i in 0..<rows { for j in 0..<columns { self[i, j] = S(real: Double.nan, imaginary: .nan) } }
  }

  /// A result that begins as a copy of an operand.
  init(overwriting operand: Strided) {
    self.init(resultOf: operand.rows, operand.columns, stride: operand.stride)
    for i in 0..<rows { for j in 0..<columns { self[i, j] = operand[i, j] } }
  }

  private init(_ rows: Int, _ columns: Int, stride: Int?, gap: S) {
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
    self.gap = gap
    memory = [S](repeating: gap, count: 2 * Self.margin + rows * self.stride)
  }

  subscript(i: Int, j: Int) -> S {
    get { memory[Self.margin + i * stride + j] }
    set { memory[Self.margin + i * stride + j] = newValue }
  }

  func read<R>(_ body: (UnsafePointer<S>) -> R) -> R {
    unsafe memory.withUnsafeBufferPointer { unsafe body($0.baseAddress.unsafelyUnwrapped + Self.margin) }
  }

  mutating func write<R>(_ body: (UnsafeMutablePointer<S>) -> R) -> R {
    unsafe memory.withUnsafeMutableBufferPointer { unsafe body($0.baseAddress.unsafelyUnwrapped + Self.margin) }
  }

  /// Whether nothing was written between and around the rows.
  var gapsAreUntouched: Bool {
    for k in memory.indices {
      let place = k - Self.margin
      let isEntry = place >= 0 && place < rows * stride && place % stride < columns
      if !isEntry, memory[k] != gap { return false }
    }
    return true
  }
}

/// Complex numbers in double precision, row-major: what the references compute with, fast because it is not generic.
struct Wide {
  let rows: Int
  let columns: Int
  var re: [Double]
  var im: [Double]

  init(_ rows: Int, _ columns: Int) {
    (self.rows, self.columns) = (rows, columns)
    re = [Double](repeating: 0, count: rows * columns)
    im = re
  }

  init<S: Scalar>(_ x: Strided<S>) {
    self.init(x.rows, x.columns)
    for i in 0..<rows {
      for j in 0..<columns {
        let value = x[i, j]
        re[i * columns + j] = Double(value.realPart)
        im[i * columns + j] = Double(value.imaginaryPart)
      }
    }
  }

  init<S: Scalar>(_ list: [S]) {
    self.init(list.count, 1)
    for (k, value) in list.enumerated() { (re[k], im[k]) = (Double(value.realPart), Double(value.imaginaryPart)) }
  }
}

/// Sums of products, each with the sum of the moduli of its terms, by which their rounding is bounded.
struct WideSums {
  var value: Wide
  var size: [Double]
  /// The terms of each sum.
  var terms: [Int]

  init(_ rows: Int, _ columns: Int) {
    value = Wide(rows, columns)
    size = [Double](repeating: 0, count: rows * columns)
    terms = [Int](repeating: 0, count: rows * columns)
  }

  /// self[i, j] += sign·x·y.
  @inline(__always)
  mutating func add(_ i: Int, _ j: Int, _ x: (Double, Double), _ y: (Double, Double), sign: Double = 1) {
    let k = i * value.columns + j
    let (re, im) = (x.0 * y.0 - x.1 * y.1, x.0 * y.1 + x.1 * y.0)
    value.re[k] += sign * re
    value.im[k] += sign * im
    size[k] += (re * re + im * im).squareRoot()
    terms[k] += 1
  }

  /// Compares with a kernel's result. A sum of k products in any order is off by at most (k + 2)·u·Σ|terms| in each part
  /// (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), and so is this one for double precision.
  func expect<S: Scalar>(_ result: Strided<S>, _ what: @autoclosure () -> String) {
    let factor = (S.isComplex ? 2.0.squareRoot() : 1) * (S.scalarKind.isSinglePrecision ? 1.01 : 2) * S.unitRoundoff
    for i in 0..<value.rows {
      for j in 0..<value.columns {
        let k = i * value.columns + j
        let (x, y) = (Double(result[i, j].realPart) - value.re[k], Double(result[i, j].imaginaryPart) - value.im[k])
        let error = (x * x + y * y).squareRoot()
        guard error <= factor * Double(terms[k] + 2) * size[k] else {
          Issue.record("\(what()): entry (\(i), \(j)) is \(result[i, j]), off by \(error); sum of moduli \(size[k])")
          return
        }
      }
    }
    if !result.gapsAreUntouched { Issue.record("\(what()): wrote outside of the rows") }
  }
}

/// A sparse matrix of random numbers in compressed rows, some rows empty, some long; strictly triangular on request.
struct RandomRows<S: Scalar> {
  let rows: Int
  let columns: Int
  var start = [0]
  var index: [Int32] = []
  var value: [S] = []

  enum Shape { case general, lower, upper }

  init(_ rows: Int, _ columns: Int, _ shape: Shape, _ random: inout SplitMix) {
    (self.rows, self.columns) = (rows, columns)
    for i in 0..<rows {
      let range = shape == .general ? 0..<columns : shape == .lower ? 0..<i : (i + 1)..<max(columns, i + 1)
      let wanted = i % 4 == 1 ? 0 : i % 4 == 2 ? 9 : 3
      var chosen = Set<Int>()
      if !range.isEmpty { for _ in 0..<wanted { chosen.insert(Int.random(in: range, using: &random)) } }
      for j in chosen.sorted() {
        index.append(Int32(j))
        value.append(random.scalar())
      }
      start.append(index.count)
    }
    // The kernels get addresses also where there is no entry.
    index.reserveCapacity(1)
    value.reserveCapacity(1)
  }

  /// A square matrix whose rows have the same diagonals as far as they reach, but for a few that have another entry in place of one.
  init(diagonals: [Int], rows: Int, odd: Int, _ random: inout SplitMix) {
    (self.rows, columns) = (rows, rows)
    let oddRows = Set((0..<odd).map { _ in Int.random(in: 0..<rows, using: &random) })
    for i in 0..<rows {
      var list = Set(diagonals.map { i + $0 }.filter { (0..<rows).contains($0) })
      if oddRows.contains(i), let gone = list.sorted().randomElement(using: &random) {
        list.remove(gone)
        list.insert(Int.random(in: 0..<rows, using: &random))
      }
      for j in list.sorted() {
        index.append(Int32(j))
        value.append(random.scalar())
      }
      start.append(index.count)
    }
  }

  var wideValues: Wide { Wide(value) }
}
