/// Products of tall blocks with each other and with small matrices: what deflation, coarse corrections and preconditioners of yours need.
extension BlockVector {
  /// G = Yᴴ·X with Y this block: G[a, b] = Σᵢ conj(y[i, a])·x[i, b].
  ///
  /// Rows are cut into pieces by n alone, and the pieces' sums added in order, so that the result has the same bits for any number of
  /// threads (``Threads``).
  ///
  /// - Parameter x: as many rows as this block.
  /// - Returns: a matrix of this block's columns × X's columns.
  /// - Throws: ``BlockKrylovError/shape(_:)`` when the rows differ.
  /// - Complexity: 2npq flops (8npq complex); one read of both blocks; 128·p·q numbers of scratch memory at the most.
  public func inner(_ x: BlockVector) throws -> DenseMatrix<Element> {
    guard x.rows == rows else {
      throw BlockKrylovError.shape("this block has \(rows) rows and the other \(x.rows); the inner product needs the same")
    }
    let space = BlockSpace<Element>(p: columns, q: x.columns, rows: rows)
    var result = DenseMatrix<Element>(rows: columns, columns: x.columns)
    space.inner(self, x, into: &result)
    return result
  }

  /// Y += X·C with Y this block.
  ///
  /// - Parameters:
  ///   - x: as many rows as this block.
  ///   - c: X's columns × this block's columns.
  /// - Throws: ``BlockKrylovError/shape(_:)`` when they do not fit; Y is unchanged then.
  /// - Complexity: 2npq flops (8npq complex); one read of X, one read and one write of Y.
  public mutating func add(_ x: BlockVector, times c: DenseMatrix<Element>) throws {
    guard x.rows == rows, c.rows == x.columns, c.columns == columns else {
      throw BlockKrylovError.shape(
        "a block of \(rows) × \(columns) cannot take the product of \(x.rows) × \(x.columns) and \(c.rows) × \(c.columns)")
    }
    BlockSpace<Element>(p: x.columns, q: columns, rows: rows).update(&self, plus: x, times: c)
  }
}
