/// The null vectors of Aᴴ of a singular matrix of which those of A are known.
///
/// Aᴴ·Y = Aᴴ·Z has a solution for any Z, and Z − Y is a null vector of Aᴴ then. For random Z block GMRES with ILU(0) finds such a Y from
/// Y = 0, which has no reason to be Z itself. How far it may be trusted is measured: the result carries ‖Aᴴl‖.
enum LeftNullVectors {
  /// The projection with left null vectors, where they are known or can be computed to an accuracy that is worth something.
  ///
  /// - Complexity: nothing where they are known; else a solve of as many columns as A has null vectors.
  static func completed<Element: Scalar>(
    _ projection: NullSpaceProjection<Element>, for a: any LinearOperator<Element>
  ) throws -> NullSpaceProjection<Element> {
    guard projection.left == nil, let matrix = a.sparseMatrix else { return projection }
    let adjoint = matrix.adjointMatrix()
    var z = BlockVector<Element>(rows: matrix.rows, columns: projection.dimension)
    z.fillRandom(seed: 0x1EF7)
    var image = z
    try adjoint.apply(to: z, into: &image)
    let digits = 1e3 * Element.unitRoundoff
    let solver = BlockGMRES(tolerance: .relative(digits), maximumIterations: 500).preconditioned(by: .ilu0).with {
      $0.recordsHistory = false
    }
    guard let result = try? solver.solve(adjoint, image) else { return projection }
    var left = z
    left.combine(-1, result.solution, 1)
    // The directions of random vectors that Y has all of leave rounding, which is no null vector.
    guard zip(left.columnNorms(), z.columnNorms()).allSatisfy({ $0 > 1e-6 * $1 && $0.isFinite }),
      let found = try? NullSpaceProjection(right: projection.right, left: left), let vectors = found.left
    else { return projection }
    try adjoint.apply(to: vectors, into: &image)
    let defect = image.columnNorms().max() ?? 0
    guard defect <= Element.unitRoundoff.squareRoot() / 10 * (matrix.infinityNorm ?? 0) else { return projection }
    return try NullSpaceProjection(right: projection.right, left: left, leftDefect: max(defect, .leastNormalMagnitude))
  }
}
