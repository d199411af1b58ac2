/// The projected least-squares problem of block GMRES, min ‖E₁Λ − H̄Y‖ column by column, kept triangular step by step.
///
/// H̄ is block upper Hessenberg with blocks whose sizes may shrink from step to step. Each step applies the reflectors of the steps
/// before to its block column, makes QR of the part on and below the diagonal block, and applies that to the right-hand side
/// (M. H. Gutknecht and T. Schmelzer, “Updating the QR decomposition of block tridiagonal and block Hessenberg matrices”, Appl.
/// Numer. Math. 58, 2008). The residual of each column is the length of its part below: no look at the n rows is needed.
final class BlockHessenberg<Element: Scalar> {
  /// Block columns: R above, reflectors on and below the diagonal block.
  private var blocks: [DenseMatrix<Element>] = []
  private var taus: [DenseMatrix<Element>] = []
  /// Where each step's rows begin; one more than steps.
  private var offsets: [Int] = [0]
  private var g: DenseMatrix<Element>
  private var dense: DenseWorkspace<Element>
  private(set) var steps = 0
  private let capacity: Int
  private let width: Int
  /// The smallest and largest modulus on R's diagonal.
  private var smallest = Double.infinity
  private var largest = 0.0

  /// Room for `steps` steps of blocks of at most `width` columns.
  init(steps: Int, width: Int) {
    capacity = (steps + 1) * width
    self.width = width
    g = DenseMatrix(rows: capacity, columns: width)
    dense = DenseWorkspace(rows: 2 * width, columns: width)
    blocks.reserveCapacity(steps)
    taus.reserveCapacity(steps)
    offsets.reserveCapacity(steps + 2)
  }

  var byteCount: Int {
    var count = capacity * width
    for k in blocks.indices { count += blocks[k].values.count }
    return count * MemoryLayout<Element>.stride
  }

  /// Begins with the right-hand side E₁Λ.
  func begin(_ lambda: DenseMatrix<Element>) {
    g.reset(rows: capacity, columns: lambda.columns)
    for j in 0..<lambda.columns { for i in 0..<lambda.rows { g[i, j] = lambda[i, j] } }
    offsets.removeAll(keepingCapacity: true)
    offsets.append(0)
    offsets.append(lambda.rows)
    steps = 0
    (smallest, largest) = (.infinity, 0)
  }

  /// Adds the block column of a step: `h` over the basis so far and `below`, the coefficients of the new basis block.
  func append(_ h: DenseMatrix<Element>, below: DenseMatrix<Element>) {
    let k = steps
    let (top, bottom, p) = (h.rows, below.rows, h.columns)
    if blocks.count == k {
      blocks.append(DenseMatrix(rows: top + width, columns: width))
      taus.append(DenseMatrix(rows: width, columns: 1))
    }
    blocks[k].reshape(rows: top + bottom, columns: p)
    blocks[k].place(h, at: 0)
    blocks[k].place(below, at: top)
    for j in 0..<k {
      let rows = offsets[j]..<offsets[j + 2]
      dense.applyQ(blocks[j], rows: rows, tau: taus[j], adjoint: true, to: &blocks[k])
    }
    let rows = offsets[k]..<(offsets[k + 1] + bottom)
    dense.qr(&blocks[k], rows: rows, tau: &taus[k])
    dense.applyQ(blocks[k], rows: rows, tau: taus[k], adjoint: true, to: &g)
    for i in 0..<p {
      let pivot = Double(blocks[k][offsets[k] + i, i].modulus)
      smallest = min(smallest, pivot)
      largest = max(largest, pivot)
    }
    offsets.append(offsets[k + 1] + bottom)
    steps = k + 1
  }

  /// The residual norm of each right-hand side.
  func residuals(into norms: inout [Double]) { g.columnNorms(rows: offsets[steps]..<offsets[steps + 1], into: &norms) }

  /// Whether R is singular to working precision: the projected operator has a null vector.
  var isSingular: Bool { !(smallest > 10 * Double(max(offsets[steps], 1)) * Element.unitRoundoff * largest) }

  /// The coefficients Y of the basis of the first `steps` blocks: by back substitution, or, where R is singular, those of least length
  /// by singular values.
  func solve(into y: inout DenseMatrix<Element>) {
    let n = offsets[steps]
    y.reshape(rows: n, columns: g.columns)
    if isSingular { return solveSingular(into: &y) }
    y.place(g, at: 0)
    for k in stride(from: steps - 1, through: 0, by: -1) {
      let rows = offsets[k]..<offsets[k + 1]
      y.solveTriangular(rows: rows, blocks[k], at: offsets[k])
      y.subtract(firstRows: offsets[k], of: blocks[k], timesOwnRows: rows)
    }
  }

  private func solveSingular(into y: inout DenseMatrix<Element>) {
    let n = offsets[steps]
    var r = DenseMatrix<Element>(rows: n, columns: n)
    for k in 0..<steps {
      for j in 0..<(offsets[k + 1] - offsets[k]) {
        for i in 0...(offsets[k] + j) { r[i, offsets[k] + j] = blocks[k][i, j] }
      }
    }
    let workspace = DenseWorkspace<Element>(rows: n, columns: n)
    var (u, vt) = (DenseMatrix<Element>(rows: n, columns: n), DenseMatrix<Element>(rows: n, columns: n))
    guard n > 0, workspace.svd(&r, u: &u, vt: &vt) else { return y.reset(rows: n, columns: g.columns) }
    let top = DenseMatrix<Element>(rows: n, columns: g.columns) { g[$0, $1] }
    var coefficients = u.adjoint * top
    let cutoff = 10 * Double(n) * Element.unitRoundoff * Double(workspace.eigenvalues[0])
    for i in 0..<n {
      let sigma = Double(workspace.eigenvalues[i])
      let factor = Element(double: sigma > cutoff ? 1 / sigma : 0)
      for j in 0..<g.columns { coefficients[i, j] *= factor }
    }
    y.multiply(vt, coefficients, .adjoint)
  }
}

extension DenseMatrix {
  /// Copies as many rows of `other` as fit below row `row`.
  mutating func place(_ other: DenseMatrix, at row: Int) {
    let count = min(other.rows, rows - row)
    for j in 0..<columns { for i in 0..<count { self[row + i, j] = other[i, j] } }
  }
}
