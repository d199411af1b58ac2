import BlockKrylov
import ComplexModule
import RealModule

/// Slow, obvious counterparts of what the library does fast, and reproducible test data.
enum Reference {
  /// A·X entry by entry.
  static func product<S: Scalar>(_ a: CSRMatrix<S>, _ x: BlockVector<S>) -> BlockVector<S> {
    BlockVector(rows: a.rows, columns: x.columns) { i, j in
      var sum: S = 0
      for k in a.rowStart[i]..<a.rowStart[i + 1] { sum += a.values[k] * x[Int(a.columnIndex[k]), j] }
      return sum
    }
  }

  /// YᴴX entry by entry.
  static func inner<S: Scalar>(_ y: BlockVector<S>, _ x: BlockVector<S>) -> DenseMatrix<S> {
    DenseMatrix(rows: y.columns, columns: x.columns) { a, b in
      var sum: S = 0
      for i in 0..<x.rows { sum += y[i, a].conjugate * x[i, b] }
      return sum
    }
  }

  /// ‖column j of B − A·X‖ / ‖column j of B‖, in Double.
  static func relativeResiduals<S: Scalar>(_ a: CSRMatrix<S>, _ x: BlockVector<S>, _ b: BlockVector<S>) -> [Double] {
    let y = product(a, x)
    return (0..<b.columns).map { j in
      var (above, below) = (0.0, 0.0)
      for i in 0..<b.rows {
        let (r, s) = (Double((b[i, j] - y[i, j]).modulus), Double(b[i, j].modulus))
        above += r * r
        below += s * s
      }
      return below == 0 ? above.squareRoot() : (above / below).squareRoot()
    }
  }

  /// The largest modulus of the difference of two blocks.
  static func distance<S: Scalar>(_ a: BlockVector<S>, _ b: BlockVector<S>) -> Double {
    precondition(a.rows == b.rows && a.columns == b.columns)
    var largest = 0.0
    for i in 0..<a.rows { for j in 0..<a.columns { largest = max(largest, Double((a[i, j] - b[i, j]).modulus)) } }
    return largest
  }
}

/// Reproducible pseudo-random numbers (splitmix64).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64 = 1) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A scalar with parts uniform in −1 … 1.
  mutating func scalar<S: Scalar>(_ type: S.Type = S.self) -> S {
    let re = Double.random(in: -1...1, using: &self)
    return S(real: re, imaginary: S.isComplex ? Double.random(in: -1...1, using: &self) : 0)
  }

  /// A block with such entries.
  mutating func block<S: Scalar>(_ rows: Int, _ columns: Int, _ type: S.Type = S.self) -> BlockVector<S> {
    BlockVector(rows: rows, columns: columns) { _, _ in scalar(type) }
  }

  /// A sparse matrix with about `perRow` entries in a row, some rows empty when asked; `diagonal` is added to the diagonal.
  mutating func sparse<S: Scalar>(
    _ rows: Int, _ columns: Int, perRow: Int = 4, diagonal: Double = 0, emptyRows: Bool = false, _ type: S.Type = S.self
  ) throws -> CSRMatrix<S> {
    var builder = try TripletBuilder<S>(rows: rows, columns: columns)
    for i in 0..<rows where columns > 0 && !(emptyRows && i % 5 == 3) {
      for _ in 0..<perRow { try builder.add(scalar(), row: i, column: Int.random(in: 0..<columns, using: &self)) }
      if diagonal != 0, i < columns { try builder.add(S(double: diagonal), row: i, column: i) }
    }
    return try builder.csr()
  }
}

extension SplitMix {
  /// A block of standard normal numbers (Box and Muller).
  mutating func normalBlock(_ rows: Int, _ columns: Int) -> BlockVector<Double> {
    BlockVector(rows: rows, columns: columns) { _, _ in
      let (u, v) = (Double.random(in: .leastNormalMagnitude...1, using: &self), Double.random(in: 0...1, using: &self))
      return (-2 * Double.log(u)).squareRoot() * Double.cos(2 * .pi * v)
    }
  }
}
