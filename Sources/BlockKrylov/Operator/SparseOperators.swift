extension CSRMatrix: LinearOperator {
  /// Y = A·X.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when the blocks do not fit the matrix or each other, as do the other products.
  /// - Complexity: 2·nnz·m flops; reads the matrix once and a row of X per entry.
  public func apply(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try checkShapes(of: x, y)
    multiply(x, residualOf: nil, into: &y)
  }

  /// R = B − A·X in one pass.
  public func residual(of x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>) throws {
    try checkShapes(of: x, r)
    try checkShape(b.rows, equals: rows, "A has \(rows) rows, B has \(b.rows)")
    try checkShape(b.columns, equals: x.columns, "B has \(b.columns) columns, X has \(x.columns)")
    multiply(x, residualOf: b, into: &r)
  }

  /// Y = Aᴴ·X by scattering rows. Threads share the columns of the block, since rows of Y are hit from everywhere; with one column
  /// it runs on one thread. For many adjoint products take ``adjointMatrix()`` once.
  public func applyAdjoint(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try checkAdjointShapes(of: x, y)
    scatterProduct(
      major: rows, start: rowStart, index: columnIndex, value: values, conjugate: true, x, into: &y)
  }

  /// The matrix itself.
  public var sparseMatrix: CSRMatrix? { self }

  /// ‖A‖_∞.
  public var infinityNorm: Double? {
    var largest = 0.0
    for i in 0..<rows {
      var sum = 0.0
      for k in rowStart[i]..<rowStart[i + 1] { sum += Double(values[k].modulus) }
      largest = max(largest, sum)
    }
    return largest
  }
}

extension CSCMatrix: LinearOperator {
  /// Y = A·X by scattering columns; threads share the columns of the block.
  public func apply(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try checkShapes(of: x, y)
    scatterProduct(major: columns, start: columnStart, index: rowIndex, value: values, conjugate: false, x, into: &y)
  }

  /// Y = Aᴴ·X, gathered: compressed columns of A are the compressed rows of Aᵀ.
  public func applyAdjoint(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try checkAdjointShapes(of: x, y)
    let conjugated = Element.isComplex ? values.map { $0.conjugate } : values
    try CSRMatrix(
      uncheckedRows: columns, columns: rows, rowStart: columnStart, columnIndex: rowIndex, values: conjugated
    ).apply(to: x, into: &y)
  }

  /// The same matrix in compressed rows.
  public var sparseMatrix: CSRMatrix<Element>? { csr }
}
