/// The projected least-squares problem of block MINRES, min ‖E₁Λ − T̄Y‖ column by column, with T̄ block tridiagonal.
///
/// Each step applies the reflectors of the two steps before to its block column and makes QR of what is on and below the diagonal
/// block (M. H. Gutknecht and T. Schmelzer, “Updating the QR decomposition of block tridiagonal and block Hessenberg matrices”,
/// Appl. Numer. Math. 58, 2008). Nothing older is kept: the factor R has three block diagonals. Blocks may shrink from step to step.
final class BlockTridiagonal<Element: Scalar> {
  /// The last block column of R: the blocks two above the diagonal, one above it, and on it.
  private(set) var second: DenseMatrix<Element>
  private(set) var first: DenseMatrix<Element>
  private(set) var diagonal: DenseMatrix<Element>
  /// The new block row of the right-hand side, and what is left below it: its columns' lengths are the residual norms.
  private(set) var g: DenseMatrix<Element>
  private(set) var tail: DenseMatrix<Element>

  /// Householder QR of the rows of two blocks.
  private final class Reflectors {
    var a: DenseMatrix<Element>
    var tau: DenseMatrix<Element>
    /// The number of rows of the upper block, 0 before the first step.
    var top = 0
    var rows: Range<Int> { 0..<(top == 0 ? 0 : a.rows) }

    init(width: Int) {
      a = DenseMatrix(rows: 2 * width, columns: width)
      tau = DenseMatrix(rows: width, columns: 1)
    }
  }
  private var older: Reflectors
  private var newer: Reflectors
  /// ‖A·r‖ of each column before the last step, in the norm that is minimised.
  private(set) var gradients: [Double]
  private var column: DenseMatrix<Element>
  private var stack: DenseMatrix<Element>
  private var more: DenseMatrix<Element>
  private var product: DenseMatrix<Element>
  /// Bᴴ of the last step, above the next diagonal block.
  private var above: DenseMatrix<Element>
  private let dense: DenseWorkspace<Element>
  private var largest = 0.0
  private var smallest = Double.infinity

  init(width: Int) {
    let square = DenseMatrix<Element>(rows: width, columns: width)
    let tall = DenseMatrix<Element>(rows: 2 * width, columns: width)
    (second, first, diagonal, g, tail, above) = (square, square, square, square, square, square)
    (older, newer) = (Reflectors(width: width), Reflectors(width: width))
    gradients = [Double](repeating: .infinity, count: width)
    (more, product) = (square, square)
    column = DenseMatrix(rows: 4 * width, columns: width)
    stack = tall
    dense = DenseWorkspace(rows: 4 * width, columns: width)
  }

  /// Begins with the right-hand side E₁Λ.
  func begin(_ lambda: DenseMatrix<Element>) {
    tail.copy(from: lambda)
    older.top = 0
    newer.top = 0
    above.reset(rows: 0, columns: lambda.rows)
    (largest, smallest) = (0, .infinity)
    for j in gradients.indices { gradients[j] = .infinity }
  }

  /// Adds a block column: `a` on the diagonal and `b` below it.
  func append(_ a: DenseMatrix<Element>, below b: DenseMatrix<Element>) {
    let p = a.columns
    let (rows2, rows1) = (older.top, newer.top)
    let start = rows2 + rows1
    column.reset(rows: start + p + b.rows, columns: p)
    column.place(above, at: rows2)
    column.place(a, at: start)
    column.place(b, at: start + p)
    if rows2 > 0 { dense.applyQ(older.a, rows: older.rows, tau: older.tau, adjoint: true, to: &column) }
    if rows1 > 0 { dense.applyQ(newer.a, rows: newer.rows, tau: newer.tau, adjoint: true, to: &column, at: rows2) }
    second.copyRows(0..<rows2, of: column)
    first.copyRows(rows2..<start, of: column)
    measureGradients(start..<(start + p), b)

    swap(&older, &newer)
    newer.top = p
    newer.a.copyRows(start..<(start + p + b.rows), of: column)
    dense.qr(&newer.a, rows: newer.rows, tau: &newer.tau)
    diagonal.reset(rows: p, columns: p)
    for j in 0..<p { for i in 0...j { diagonal[i, j] = newer.a[i, j] } }
    stack.reset(rows: p + b.rows, columns: tail.columns)
    stack.place(tail, at: 0)
    dense.applyQ(newer.a, rows: newer.rows, tau: newer.tau, adjoint: true, to: &stack)
    g.copyRows(0..<p, of: stack)
    tail.copyRows(p..<(p + b.rows), of: stack)

    above.reshape(rows: p, columns: b.rows)
    for j in 0..<b.rows { for i in 0..<p { above[i, j] = b[j, i].conjugate } }
    for i in 0..<p {
      let pivot = Double(diagonal[i, i].modulus)
      largest = max(largest, pivot)
      smallest = min(smallest, pivot)
    }
  }

  /// A·r of the residual before this step has two blocks, Γᴴt and B·Q₂₂·t, with t the tail, Γ the diagonal block before its own
  /// reflectors and Q₂₂ the last block of the reflectors before (for one column S.-C. T. Choi, C. C. Paige and M. A. Saunders,
  /// “MINRES-QLP”, SIAM J. Sci. Comput. 33, 2011).
  private func measureGradients(_ rows: Range<Int>, _ b: DenseMatrix<Element>) {
    more.copyRows(rows, of: column)
    product.multiply(more, tail, .adjoint)
    product.columnNorms(into: &gradients)
    if newer.top > 0 {
      stack.reset(rows: newer.a.rows, columns: tail.columns)
      stack.place(tail, at: newer.top)
      dense.applyQ(newer.a, rows: newer.rows, tau: newer.tau, adjoint: false, to: &stack)
      more.copyRows(newer.top..<newer.a.rows, of: stack)
      product.multiply(b, more)
    } else {
      product.multiply(b, tail)
    }
    for j in 0..<tail.columns {
      var sum = gradients[j] * gradients[j]
      for i in 0..<product.rows {
        let value = Double(product[i, j].modulus)
        sum += value * value
      }
      gradients[j] = sum.squareRoot()
    }
  }

  /// Whether R is singular to working precision: the projected operator has a null vector.
  var isSingular: Bool { !(smallest > 10 * Double(max(diagonal.rows, 1)) * Element.unitRoundoff * largest) }

  /// R_kk⁻¹; where it is singular its pseudo-inverse, false when that cannot be formed.
  func invertDiagonal(into inverse: inout DenseMatrix<Element>) -> Bool {
    let p = diagonal.rows
    inverse.setIdentity(p)
    guard isSingular else {
      inverse.solveTriangular(.left, diagonal)
      return true
    }
    var (r, u, vt) = (diagonal, diagonal, diagonal)
    guard r.isFinite, dense.svd(&r, u: &u, vt: &vt) else { return false }
    let cutoff = 10 * Double(p) * Element.unitRoundoff * largest
    for i in 0..<p {
      let sigma = Double(dense.eigenvalues[i])
      let factor = Element(double: sigma > cutoff ? 1 / sigma : 0)
      for j in 0..<p { u[j, i] *= factor }
    }
    inverse.multiply(vt, u, .adjoint, .adjoint)
    return true
  }
}

extension DenseMatrix {
  /// self = some rows of `other`.
  mutating func copyRows(_ range: Range<Int>, of other: DenseMatrix) {
    reshape(rows: range.count, columns: other.columns)
    for j in 0..<columns { for i in range { self[i - range.lowerBound, j] = other[i, j] } }
  }
}
