import ComplexModule
import RealModule

@testable import BlockKrylov

/// Model matrices and dense counterparts for the tests of preconditioners.
enum Model {
  /// The 5-point Laplacian on N × N points, hermitian for complex entries too: couplings get the phases ±`phase`. `convection` in −1 … 1
  /// weakens one neighbour and strengthens the other.
  static func laplacian<S: Scalar>(
    _ n: Int, shift: Double = 0, convection: Double = 0, phase: Double = 0, _ type: S.Type = S.self
  )
    throws -> CSRMatrix<S>
  {
    var builder = try TripletBuilder<S>(rows: n * n, columns: n * n)
    let (forth, back) = (
      S(real: -Double.cos(phase), imaginary: -Double.sin(phase)), S(real: -Double.cos(phase), imaginary: Double.sin(phase))
    )
    let (strong, weak) = (S(double: 1 + convection), S(double: 1 - convection))
    for y in 0..<n {
      for x in 0..<n {
        let i = y * n + x
        try builder.add(S(double: 4 + shift), row: i, column: i)
        if x > 0 { try builder.add(back * strong, row: i, column: i - 1) }
        if x + 1 < n { try builder.add(forth * weak, row: i, column: i + 1) }
        if y > 0 { try builder.add(back, row: i, column: i - n) }
        if y + 1 < n { try builder.add(forth, row: i, column: i + n) }
      }
    }
    return try builder.csr()
  }

  /// A tridiagonal matrix from its three diagonals' values.
  static func tridiagonal<S: Scalar>(_ n: Int, _ below: S, _ diagonal: S, _ above: S) throws -> CSRMatrix<S> {
    var builder = try TripletBuilder<S>(rows: n, columns: n)
    for i in 0..<n {
      if i > 0 { try builder.add(below, row: i, column: i - 1) }
      try builder.add(diagonal, row: i, column: i)
      if i + 1 < n { try builder.add(above, row: i, column: i + 1) }
    }
    return try builder.csr()
  }

  /// A small matrix from its rows.
  static func matrix<S: Scalar>(_ rows: [[Double]], _ type: S.Type = S.self) -> CSRMatrix<S> {
    CSRMatrix(dense: DenseMatrix(rows: rows.count, columns: rows[0].count) { S(double: rows[$0][$1]) })
  }
}

extension TriangularFactor {
  /// The factor with its diagonal, as a dense matrix.
  var dense: DenseMatrix<S> {
    var result = DenseMatrix<S>(rows: rows, columns: rows)
    for i in 0..<rows {
      result[i, i] = inverseDiagonal.map { 1 / $0[i] } ?? 1
      for k in rowStart[i]..<rowStart[i + 1] { result[i, Int(columnIndex[k])] = values[k] }
    }
    return result
  }
}

extension IncompleteFactors {
  /// M = Pᵀ·L·U·Qᵀ, entry by entry.
  var dense: DenseMatrix<S> {
    let (n, l, u) = (rows, lower.dense, upper.dense)
    var result = DenseMatrix<S>(rows: n, columns: n)
    for i in 0..<n {
      for j in 0..<n {
        var sum: S = 0
        for k in 0..<n { sum += l[i, k] * u[k, j] }
        result[rowOrder?[i] ?? i, columnOrder?[j] ?? j] = sum
      }
    }
    return result
  }
}

extension Preconditioner {
  /// M⁻¹·R.
  func applied(to r: BlockVector<Element>) throws -> BlockVector<Element> {
    var z = BlockVector<Element>(rows: r.rows, columns: r.columns) { _, _ in S.notANumber }
    try apply(to: r, into: &z)
    return z
  }

  /// M⁻ᴴ·R.
  func appliedAdjoint(to r: BlockVector<Element>) throws -> BlockVector<Element> {
    var z = BlockVector<Element>(rows: r.rows, columns: r.columns) { _, _ in S.notANumber }
    try applyAdjoint(to: r, into: &z)
    return z
  }

  private typealias S = Element
}

extension Scalar {
  /// What a block holds that has not been written.
  static var notANumber: Self { Self(real: Double.nan, imaginary: Double.nan) }
  /// Room for rounding in results of size 1: some thousand units.
  static var slack: Double { 4000 * unitRoundoff }
}

/// |YᴴM⁻¹X − (M⁻ᴴY)ᴴX| relative to the sizes: 0 up to rounding when `applyAdjoint` is the adjoint of `apply`.
func adjointDefect<S: Scalar>(_ m: some Preconditioner<S>, columns: Int, seed: UInt64 = 3) throws -> Double {
  var random = SplitMix(seed)
  let (x, y) = (random.block(m.rows, columns, S.self), random.block(m.rows, columns, S.self))
  let (z, w) = (try m.applied(to: x), try m.appliedAdjoint(to: y))
  let (left, right) = (Reference.inner(y, z), Reference.inner(w, x))
  var (defect, scale) = (0.0, 1e-300)
  let (zNorms, yNorms) = (z.columnNorms(), y.columnNorms())
  for a in 0..<columns {
    for b in 0..<columns {
      defect = max(defect, Double((left[a, b] - right[a, b]).modulus))
      scale = max(scale, zNorms[b] * yNorms[a])
    }
  }
  return defect / scale
}
