internal import ComplexModule

extension Gallery {
  /// The default seed of right-hand sides.
  public static var defaultSeed: UInt64 { 42 }

  /// Pseudo-random right-hand sides with entries uniform in [−1, 1), the same bits everywhere.
  ///
  /// B[i][j] = 2·unit(splitmix64(seed + i·m + j)) − 1 for row i, column j and m columns, modulo 2⁶⁴, unit(z) = (z ≫ 11)·2⁻⁵³.
  /// The imaginary part of a complex block continues the sequence: it is what row n + i would hold. Single precision rounds.
  /// Note that the entries of a column depend on m.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a negative size.
  /// - Complexity: O(n·m), a few nanoseconds a number.
  public static func rightHandSides<S: Scalar>(
    rows: Int, columns: Int, seed: UInt64 = defaultSeed, _ type: S.Type = S.self
  ) throws -> BlockVector<S> {
    try checkBlock(rows, columns)
    return try rightHandSides(rows: rows, columns: columns, only: 0..<columns, seed: seed, type)
  }

  /// Some columns of ``rightHandSides(rows:columns:seed:_:)``, for blocks that do not fit into memory.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a negative size and for columns that are not there.
  @specialized(where S == Float)
  @specialized(where S == Double)
  @specialized(where S == Complex<Float>)
  @specialized(where S == Complex<Double>)
  public static func rightHandSides<S: Scalar>(
    rows: Int, columns: Int, only range: Range<Int>, seed: UInt64 = defaultSeed, _ type: S.Type = S.self
  ) throws -> BlockVector<S> {
    try checkBlock(rows, columns)
    guard range.lowerBound >= 0, range.upperBound <= columns else {
      throw BlockKrylovError.shape("columns \(range) are not among the \(columns) right-hand sides")
    }
    var block = BlockVector<S>(rows: rows, columns: range.count)
    let imaginaryOffset = UInt64(rows) &* UInt64(columns)
    unsafe block.withUnsafeMutableElements { target, stride in
      for i in 0..<rows {
        for j in 0..<range.count {
          let state = seed &+ UInt64(i) &* UInt64(columns) &+ UInt64(range.lowerBound + j)
          unsafe target[i * stride + j] = S(
            real: 2 * unit(splitmix64(state)) - 1,
            imaginary: S.isComplex ? 2 * unit(splitmix64(state &+ imaginaryOffset)) - 1 : 0)
        }
      }
    }
    return block
  }

  /// Right-hand sides of which every entry is 1; all columns are equal.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a negative size.
  public static func ones<S: Scalar>(rows: Int, columns: Int, _ type: S.Type = S.self) throws -> BlockVector<S> {
    try checkBlock(rows, columns)
    return try BlockVector(columnMajor: [S](repeating: 1, count: rows * columns), rows: rows, columns: columns)
  }

  /// A system with a known solution: X by ``rightHandSides(rows:columns:seed:_:)``, B = A·X in the arithmetic of its type.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a negative number of columns, and what the operator throws.
  public static func manufactured<S: Scalar>(
    _ a: some LinearOperator<S>, columns: Int, seed: UInt64 = defaultSeed
  ) throws -> (solution: BlockVector<S>, rightHandSides: BlockVector<S>) {
    let x = try rightHandSides(rows: a.columns, columns: columns, seed: seed, S.self)
    return (x, try a.applied(to: x))
  }

  private static func checkBlock(_ rows: Int, _ columns: Int) throws {
    guard rows >= 0, columns >= 0 else {
      throw BlockKrylovError.shape("right-hand sides of \(rows) rows and \(columns) columns do not exist; sizes start at 0")
    }
  }
}

extension Gallery.Problem {
  /// What the columns of ``loadCases(_:)`` are; empty for problems without natural loads.
  public var loadCaseNames: [String] {
    guard family == .elasticity2d else { return [] }
    return [
      "pull on the right edge", "shear on the right edge", "weight downwards", "body force to the right",
      "pressure on the top edge",
      "bending traction on the right edge", "force downwards on the upper right corner",
      "force to the left on the lower right corner",
    ]
  }

  /// The natural right-hand sides of `elasticity2d`, eight load cases, consistent with the elements.
  ///
  /// Tractions have size 1 per unit length, body forces 1 per unit area, corner forces 1; the bending traction is 2y − 1 in
  /// direction x. Column j is described by ``loadCaseNames``.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for other problems.
  public func loadCases<S: Scalar>(_ type: S.Type = S.self) throws -> BlockVector<S> {
    guard family == .elasticity2d else {
      throw BlockKrylovError.unsupported("\(family.rawValue) has no load cases; use Gallery.rightHandSides, or elasticity2d")
    }
    let body = Gallery.PlaneStress(elements: size, poissonRatio: parameter ?? 0)
    var block = BlockVector<S>(rows: rows, columns: loadCaseNames.count)
    for y in 0...size {
      for x in 1...size {
        for (column, force) in body.loads(x, y).enumerated() {
          block[body.unknown(x, y), column] = S(double: force.x)
          block[body.unknown(x, y) + 1, column] = S(double: force.y)
        }
      }
    }
    return block
  }
}
