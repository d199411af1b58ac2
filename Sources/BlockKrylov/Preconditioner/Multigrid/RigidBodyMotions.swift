/// The near-null vectors of elasticity.
extension BlockVector {
  /// The rigid-body motions of nodes in two or three dimensions, for ``SmoothedAggregation``: 3 columns (two translations, a rotation) or 6 (three of each).
  ///
  /// Row d·k + c of the result is what component c of the displacement of node k is, d the number of dimensions: the unknowns of a node
  /// follow each other. Coordinates are taken from the middle of all nodes and scaled by their largest distance from it, so that columns are alike
  /// in size.
  ///
  /// - Parameter points: the coordinates, a row for each node.
  /// - Throws: ``BlockKrylovError/shape(_:)`` unless there are 2 or 3 columns, ``BlockKrylovError/invalidOption(_:)`` for coordinates that are not finite.
  public static func rigidBodyMotions(at points: BlockVector<Double>) throws -> BlockVector {
    let (nodes, d) = (points.rows, points.columns)
    guard d == 2 || d == 3 else {
      throw BlockKrylovError.shape("rigid-body motions of points with \(d) coordinates; they must have 2 or 3")
    }
    guard points.columnMaxima().allSatisfy({ $0.isFinite }) else {
      throw BlockKrylovError.invalidOption("rigid-body motions: all coordinates must be finite")
    }
    var middle = [Double](repeating: 0, count: d)
    for k in 0..<nodes { for c in 0..<d { middle[c] += points[k, c] / Double(nodes) } }
    var size = 0.0
    for k in 0..<nodes { for c in 0..<d { size = max(size, abs(points[k, c] - middle[c])) } }
    let scale = size > 0 ? 1 / size : 1
    // The planes of the rotations: (x, y), then (y, z) and (z, x).
    let planes = d == 2 ? [(0, 1)] : [(0, 1), (1, 2), (2, 0)]
    return BlockVector(rows: d * nodes, columns: d + planes.count) { row, column in
      let (k, c) = (row / d, row % d)
      if column < d { return c == column ? 1 : 0 }
      let (first, second) = planes[column - d]
      if c == first { return Element(double: -(points[k, second] - middle[second]) * scale) }
      if c == second { return Element(double: (points[k, first] - middle[first]) * scale) }
      return 0
    }
  }
}
