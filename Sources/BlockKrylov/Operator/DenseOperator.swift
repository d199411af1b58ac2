/// A dense matrix as an operator: products by BLAS on all columns at once.
public struct DenseOperator<Element: Scalar>: LinearOperator {
  /// The entries.
  public let matrix: DenseMatrix<Element>
  /// What is promised of A.
  public let structure: Structure

  /// A dense matrix as an operator.
  public init(_ matrix: DenseMatrix<Element>, structure: Structure = []) {
    self.matrix = matrix
    self.structure = structure
  }

  /// A dense matrix from its rows.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when the rows have different lengths.
  public init(rows: [[Element]], structure: Structure = []) throws {
    let columns = rows.first?.count ?? 0
    if let bad = rows.firstIndex(where: { $0.count != columns }) {
      throw BlockKrylovError.shape(
        "row \(bad) has \(rows[bad].count) entries, row 0 has \(columns); rows must have the same length")
    }
    self.init(DenseMatrix(rows: rows.count, columns: columns) { rows[$0][$1] }, structure: structure)
  }

  /// The number of rows.
  public var rows: Int { matrix.rows }
  /// The number of columns.
  public var columns: Int { matrix.columns }
  /// The matrix.
  public var denseMatrix: DenseMatrix<Element>? { matrix }
  /// The entries that are not zero.
  public var sparseMatrix: CSRMatrix<Element>? { CSRMatrix(dense: matrix).tagged(structure) }
  /// The bytes of the entries.
  public var storedBytes: Int { rows * columns * MemoryLayout<Element>.stride }
  /// The largest sum of moduli of a row.
  public var infinityNorm: Double? {
    var sums = [Double](repeating: 0, count: rows)
    for j in 0..<columns { for i in 0..<rows { sums[i] += Double(matrix[i, j].modulus) } }
    return sums.max() ?? 0
  }

  /// Y = A·X by one gemm: a row-major block is the column-major transpose, so Yᵀ = Xᵀ·Aᵀ.
  public func apply(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try checkShapes(of: x, y)
    let (m, n, k) = (x.columns, rows, columns)
    let (target, ldy) = unsafe (y.mutableBase(), y.stride)
    unsafe matrix.withPointer { a in
      unsafe LAPACK.gemm(.none, .transpose, m, n, k, 1, x.base, x.stride, a, n, 0, target, ldy)
    }
  }

  /// Y = Aᴴ·X. For complex entries Yᵀ = Xᵀ·Ā needs a conjugate that gemm has not, so the conjugate is formed first.
  public func applyAdjoint(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try checkAdjointShapes(of: x, y)
    let (m, n, k) = (x.columns, columns, rows)
    let (target, ldy) = unsafe (y.mutableBase(), y.stride)
    let conjugate = Element.isComplex ? DenseMatrix(rows: rows, columns: columns) { matrix[$0, $1].conjugate } : matrix
    unsafe conjugate.withPointer { a in
      unsafe LAPACK.gemm(.none, .none, m, n, k, 1, x.base, x.stride, a, k, 0, target, ldy)
    }
  }
}
