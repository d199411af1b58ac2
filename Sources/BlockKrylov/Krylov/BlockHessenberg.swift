/// The projected least-squares problem of block GMRES, min ‖E₁Λ − H̄Y‖ column by column, kept triangular step by step.
///
/// H̄ is block upper Hessenberg with blocks whose sizes change from step to step. Each step applies the reflectors of the steps
/// before to its block column, makes QR of the part on and below the diagonal block, and applies that to the right-hand side
/// (M. H. Gutknecht and T. Schmelzer, “Updating the QR decomposition of block tridiagonal and block Hessenberg matrices”, Appl.
/// Numer. Math. 58, 2008). The residual of each column is the length of its part below: no look at the n rows is needed.
///
/// Rows belong to the basis as it was computed, block after block. Where `narrow` has the basis rotate its newest directions, new block
/// columns come in the rotated basis and are turned back first, so that the reflectors keep their meaning.
final class BlockHessenberg<Element: Scalar> {
  /// Block columns: R above, reflectors on and below the diagonal block.
  private var blocks: [DenseMatrix<Element>] = []
  private var taus: [DenseMatrix<Element>] = []
  /// Where each step's columns, and its diagonal block, begin; one more than steps.
  private var offsets: [Int] = [0]
  /// Where each step's rows end.
  private var ends: [Int] = []
  /// All rows: the dimension of the basis.
  private(set) var rowCount = 0
  private var rotations: [(first: Int, matrix: DenseMatrix<Element>)] = []
  private var g: DenseMatrix<Element>
  private var dense: DenseWorkspace<Element>
  private(set) var steps = 0
  private let capacity: Int
  private let width: Int
  /// The smallest and largest modulus on R's diagonal.
  private var smallest = Double.infinity
  private var largest = 0.0
  // Scratch of `narrow`.
  private var scaled: DenseMatrix<Element>
  private var left: DenseMatrix<Element>
  private var right: DenseMatrix<Element>
  private var kept: DenseMatrix<Element>
  private var turned: DenseMatrix<Element>
  private var rotation: DenseMatrix<Element>
  private var tau: DenseMatrix<Element>

  /// Room for `steps` steps of blocks of at most `width` columns, or for as many columns in more and narrower steps.
  init(steps: Int, width: Int) {
    capacity = (steps + 1) * width
    self.width = width
    g = DenseMatrix(rows: capacity, columns: width)
    dense = DenseWorkspace(rows: 2 * width, columns: width)
    let square = DenseMatrix<Element>(rows: width, columns: width)
    (scaled, left, right, turned, rotation) = (square, square, square, square, square)
    kept = DenseMatrix(rows: 0, columns: 0)
    tau = DenseMatrix(rows: width, columns: 1)
    blocks.reserveCapacity(steps)
    taus.reserveCapacity(steps)
    offsets.reserveCapacity(steps + 2)
    ends.reserveCapacity(steps + 2)
  }

  /// The columns of all steps: the dimension of the space that is searched.
  var columnCount: Int { offsets[steps] }

  /// Whether a step whose new block has so many columns fits. It does as long as A is linear; the basis for an operator that is not may
  /// grow faster than its dimension allows.
  func hasRoom(for columns: Int) -> Bool { rowCount + columns <= capacity }

  var byteCount: Int {
    var count = capacity * width
    for k in blocks.indices { count += blocks[k].reserved }
    for k in rotations.indices { count += rotations[k].matrix.reserved }
    return count * MemoryLayout<Element>.stride
  }

  /// Begins with the right-hand side E₁Λ.
  func begin(_ lambda: DenseMatrix<Element>) {
    g.reset(rows: capacity, columns: lambda.columns)
    g.place(lambda, at: 0)
    offsets.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    rotations.removeAll(keepingCapacity: true)
    offsets.append(0)
    rowCount = lambda.rows
    steps = 0
    (smallest, largest) = (.infinity, 0)
  }

  /// Adds the block column of a step: `h` without its first `skipped` rows over the basis so far, and `below`, the coefficients of the
  /// new basis block.
  func append(_ h: DenseMatrix<Element>, skipping skipped: Int = 0, below: DenseMatrix<Element>) {
    let k = steps
    let (top, bottom, p) = (rowCount, below.rows, h.columns)
    if blocks.count == k {
      blocks.append(DenseMatrix(rows: top + width, columns: p))
      taus.append(DenseMatrix(rows: width, columns: 1))
    }
    blocks[k].reshape(rows: top + bottom, columns: p)
    blocks[k].place(h, from: skipped, at: 0)
    turnBack(&blocks[k])
    blocks[k].place(below, at: top)
    for j in 0..<k { dense.applyQ(blocks[j], rows: offsets[j]..<ends[j], tau: taus[j], adjoint: true, to: &blocks[k]) }
    let rows = offsets[k]..<(top + bottom)
    dense.qr(&blocks[k], rows: rows, tau: &taus[k])
    dense.applyQ(blocks[k], rows: rows, tau: taus[k], adjoint: true, to: &g)
    for i in 0..<p {
      let pivot = Double(blocks[k][offsets[k] + i, i].modulus)
      smallest = min(smallest, pivot)
      largest = max(largest, pivot)
    }
    offsets.append(offsets[k] + p)
    ends.append(top + bottom)
    rowCount = top + bottom
    steps = k + 1
  }

  /// The residual norm of each right-hand side.
  func residuals(into norms: inout [Double]) { g.columnNorms(rows: offsets[steps]..<rowCount, into: &norms) }

  /// Whether R is singular to working precision: the projected operator has a null vector.
  var isSingular: Bool {
    steps > 0 && !(smallest > 10 * Double(max(offsets[steps], 1)) * Element.unitRoundoff * largest)
  }

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
    placeTriangle(in: &r, at: 0)
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

  // MARK: Factors

  /// R at row and column `offset` of `r`.
  func placeTriangle(in r: inout DenseMatrix<Element>, at offset: Int) {
    for k in 0..<steps {
      for j in 0..<(offsets[k + 1] - offsets[k]) {
        r.place(blocks[k], rows: 0..<(offsets[k] + j + 1), columns: j..<(j + 1), at: offset, offset + offsets[k] + j)
      }
    }
  }

  /// X ← QᴴX, X with the rows of H̄ in the basis as it was computed.
  func applyAdjointQ(to x: inout DenseMatrix<Element>, _ dense: DenseWorkspace<Element>) {
    for j in 0..<steps { dense.applyQ(blocks[j], rows: offsets[j]..<ends[j], tau: taus[j], adjoint: true, to: &x) }
  }

  /// X ← QX.
  func applyQ(to x: inout DenseMatrix<Element>, _ dense: DenseWorkspace<Element>) {
    for j in stride(from: steps - 1, through: 0, by: -1) {
      dense.applyQ(blocks[j], rows: offsets[j]..<ends[j], tau: taus[j], adjoint: false, to: &x)
    }
  }

  /// Coefficients of the rotated basis as those of the basis as it was computed.
  func turnBack(_ x: inout DenseMatrix<Element>) {
    for rotation in rotations.reversed() { x.multiply(rowsFrom: rotation.first, by: rotation.matrix, .none, &turned) }
  }

  /// The opposite of `turnBack`.
  func turn(_ x: inout DenseMatrix<Element>) {
    for rotation in rotations { x.multiply(rowsFrom: rotation.first, by: rotation.matrix, .adjoint, &turned) }
  }

  // MARK: Inexact breakdown

  /// How many of the directions that A has not been applied to are needed: those of the residual's singular vectors whose singular
  /// value, each column measured by its weight, is at least 1 (M. Robbé and M. Sadkane, “Exact and inexact breakdowns in the block GMRES
  /// method”, Linear Algebra Appl. 419, 2006). Where that is not all of them, `narrowing` is unitary and its first columns span
  /// their part in these directions.
  ///
  /// - Parameter weights: 1 / the bound of each residual norm.
  /// - Complexity: one p × p singular value decomposition; where something is set aside, as much as the projection of a step.
  func needed(weights: [Double]) -> Int {
    let (n, p) = (offsets[steps], g.columns)
    let candidates = rowCount - n
    guard candidates > 1 else { return candidates }
    scaled.reshape(rows: candidates, columns: p)
    for j in 0..<p {
      let weight = Element(double: weights[j])
      for i in 0..<candidates { scaled[i, j] = g[n + i, j] * weight }
    }
    guard scaled.isFinite, dense.svd(&scaled, u: &left, vt: &right) else { return candidates }
    var count = 0
    while count < min(candidates, p), Double(dense.eigenvalues[count]) >= 1 { count += 1 }
    guard count > 0, count < candidates else { return candidates }
    kept.reset(rows: rowCount, columns: count)
    for j in 0..<count { for i in 0..<candidates { kept[n + i, j] = left[i, j] } }
    applyQ(to: &kept, dense)
    turn(&kept)
    dense.qr(&kept, rows: n..<rowCount, tau: &tau)
    rotation.setIdentity(candidates)
    // The reflectors stand in the rows from n on; Q of just these rows is wanted.
    dense.applyQ(kept, from: n, tau: tau, to: &rotation)
    return count
  }

  /// The unitary matrix of the last `needed`.
  var narrowing: DenseMatrix<Element> { rotation }

  /// The basis has taken its newest directions times `narrowing`.
  func rotated() { rotations.append((offsets[steps], rotation)) }
}

extension DenseMatrix {
  /// Copies the rows of `other` from row `start` on, as many as fit, below row `row`.
  mutating func place(_ other: DenseMatrix, from start: Int = 0, at row: Int) {
    let count = max(0, min(other.rows - start, rows - row))
    place(other, rows: start..<(start + count), columns: 0..<columns, at: row, 0)
  }

  /// Copies a part of `other` to row and column given, in a kernel: generic loops over entries are slow.
  mutating func place(_ other: DenseMatrix, rows part: Range<Int>, columns range: Range<Int>, at row: Int, _ column: Int) {
    guard !part.isEmpty, !range.isEmpty else { return }
    precondition(part.upperBound <= other.rows && range.upperBound <= other.columns)
    precondition(row + part.count <= rows && column + range.count <= columns)
    let ld = rows
    unsafe withMutablePointer { target in
      unsafe other.withPointer { source in
        // A column-major matrix is its transpose row-major.
        unsafe Kernels<Element>.combine(
          range.count, part.count, 1, source + part.lowerBound + range.lowerBound * other.rows, other.rows, nil,
          target + row + column * ld, ld)
      }
    }
  }

  /// A part of the matrix.
  func part(rows part: Range<Int>, columns range: Range<Int>) -> DenseMatrix {
    var result = DenseMatrix(rows: part.count, columns: range.count)
    result.place(self, rows: part, columns: range, at: 0, 0)
    return result
  }

  /// Some rows of self, from row `first` on, = op(Q)·(those rows), Q square.
  mutating func multiply(
    rowsFrom first: Int, by q: DenseMatrix, _ op: LAPACK<Element>.Operation, _ scratch: inout DenseMatrix
  ) {
    let (m, n, ld) = (q.rows, columns, rows)
    scratch.reshape(rows: m, columns: n)
    unsafe scratch.withMutablePointer { c in
      unsafe withMutablePointer { x in
        unsafe q.withPointer { q in unsafe LAPACK.gemm(op, .none, m, n, m, 1, q, m, x + first, ld, 0, c, m) }
      }
    }
    place(scratch, at: first)
  }
}
