internal import ComplexModule
internal import RealModule

/// Algebraic multigrid by smoothed aggregation: a V-cycle on all columns at once, for hermitian positive definite matrices of elliptic problems.
///
/// Groups of strongly coupled unknowns become the unknowns of the next coarser matrix Pᴴ·A·P, where near-null vectors of A — constant
/// ones by default — are represented exactly in each group and then smoothed by a step of Jacobi. Iterations of CG hardly grow with the number of
/// unknowns then, and every operation of a cycle is a sparse product with a block, in one pass. (P. Vaněk, J. Mandel and M. Brezina,
/// Computing 56, 1996, 179–196.)
///
/// The smoother is the Chebyshev iteration of the fourth kind, before and after the coarse correction, so that M is hermitian positive definite.
/// For elasticity pass the number of unknowns in a node, or better the rigid-body motions as near-null vectors.
///
/// - Complexity: setting up takes about as long as fifty products with one column; an application 2·`degree` products with A and
///   the same again on the coarser levels, a third of it or so. Memory: the coarser matrices and the prolongations, about as much as A.
public struct SmoothedAggregation<Element: Scalar>: Preconditioner {
  /// Steps of the smoother before and after the coarse correction.
  public let degree: Int
  /// The unknowns of a node of the finest matrix, which are numbered one after the other.
  public let unknownsPerNode: Int
  /// θ of the finest level; it halves from level to level.
  public let strength: Double
  /// The rows of the matrix of each level, the finest first.
  public var levelSizes: [Int] { hierarchy.levels.map(\.matrix.rows) + [hierarchy.coarsest.rows] }
  /// The entries of the matrices of all levels over those of A.
  public var operatorComplexity: Double {
    let all = hierarchy.levels.reduce(hierarchy.coarsest.nonzeros) { $0 + $1.matrix.nonzeros }
    return Double(all) / Double(max(hierarchy.finest.nonzeros, 1))
  }
  /// What was found singular, or could not be made coarser.
  public var events: [SolveEvent] { hierarchy.events }
  private let nearNullSpace: BlockVector<Element>?
  private let hierarchy: MultigridHierarchy<Element>

  /// The preconditioner of a hermitian matrix with a positive diagonal.
  ///
  /// - Parameters:
  ///   - nearNullSpace: vectors that A maps to little, in the columns of a block: the constant one of a scalar problem, the rigid-body motions of
  ///     elasticity. By default a constant vector for each unknown of a node.
  ///   - unknownsPerNode: how many unknowns belong together, numbered one after the other; 1 by default.
  ///   - degree: of the smoother; 2 by default, which takes the least time on second-order problems in two and three dimensions.
  ///   - strength: couplings below θ times the geometric mean of the diagonal entries are weak; 0.08 by default, as in the paper.
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` when a diagonal entry is not real and positive or A proves indefinite;
  ///   ``BlockKrylovError/shape(_:)`` for a matrix that is not square, a number of rows that is no multiple of `unknownsPerNode`, or near-null vectors of
  ///   other length; ``BlockKrylovError/invalidOption(_:)`` for a degree not in 1 … 100, a θ not in 0 ..< 1, more near-null vectors than 64, or one that
  ///   is not finite.
  public init(
    _ matrix: CSRMatrix<Element>, nearNullSpace: BlockVector<Element>? = nil, unknownsPerNode: Int = 1, degree: Int = 2,
    strength: Double = 0.08
  ) throws {
    try matrix.checkSquare(for: "amg")
    guard (1...100).contains(degree), strength >= 0, strength < 1 else {
      throw BlockKrylovError.invalidOption(
        "amg with a smoother of degree \(degree) and strength \(strength); the first must be in 1 … 100, the second at least 0 and below 1"
      )
    }
    guard unknownsPerNode > 0, matrix.rows % unknownsPerNode == 0 else {
      throw BlockKrylovError.shape(
        "amg with \(unknownsPerNode) unknowns in a node, but the matrix has \(matrix.rows) rows; these must be a multiple of those"
      )
    }
    if let nearNullSpace { try Self.check(nearNullSpace, rows: matrix.rows) }
    (self.degree, self.unknownsPerNode, self.strength) = (degree, unknownsPerNode, strength)
    self.nearNullSpace = nearNullSpace
    hierarchy = try SerialBLAS.run {
      try MultigridHierarchy(
        matrix, candidates: nearNullSpace ?? Self.translations(rows: matrix.rows, unknownsPerNode),
        unknownsPerNode: unknownsPerNode,
        strength: strength)
    }
  }

  private static func check(_ vectors: BlockVector<Element>, rows: Int) throws {
    guard vectors.rows == rows else {
      throw BlockKrylovError.shape(
        "amg: near-null vectors of \(vectors.rows) rows for a matrix of \(rows); they must have as many")
    }
    guard (1...64).contains(vectors.columns), vectors.columnMaxima().allSatisfy({ $0.isFinite }) else {
      throw BlockKrylovError.invalidOption(
        "amg: \(vectors.columns) near-null vectors\(vectors.columns > 64 ? "" : ", not all of them finite"); there must be 1 … 64, of finite numbers"
      )
    }
  }

  /// The constant vector of each unknown of a node.
  private static func translations(rows: Int, _ unknowns: Int) -> BlockVector<Element> {
    BlockVector(rows: rows, columns: unknowns) { $0 % unknowns == $1 ? 1 : 0 }
  }

  /// `amg`, with the degree and the unknowns of a node behind colons unless they are the defaults.
  public var name: String { PreconditionerChoice.smoothedAggregation(degree: degree, unknownsPerNode: unknownsPerNode).name }
  /// The number of rows.
  public var rows: Int { hierarchy.finest.rows }
  /// Always.
  public var isPositiveDefinite: Bool { true }
  /// The coarser matrices, the prolongations and the blocks of the last application, in bytes.
  public var storedBytes: Int { hierarchy.storedBytes + (nearNullSpace?.storage.byteCount ?? 0) }
  /// The same when it has been applied to so many columns.
  public func bytesPlanned(columns: Int) -> Int {
    hierarchy.bytesPlanned(columns: columns) + (nearNullSpace?.storage.byteCount ?? 0)
  }

  /// Z = M⁻¹·R: one V-cycle from Z = 0.
  public func apply(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    try hierarchy.cycle(r, into: &z, level: 0, degree: degree)
  }

  /// The same as `apply`: M is hermitian.
  public func applyAdjoint(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws { try apply(to: r, into: &z) }

  /// The preconditioner of the new matrix, made anew: couplings may have become strong or weak.
  public func updated(for matrix: CSRMatrix<Element>) throws -> SmoothedAggregation {
    try checkUpdate(matrix)
    return try SmoothedAggregation(
      matrix, nearNullSpace: nearNullSpace, unknownsPerNode: unknownsPerNode, degree: degree, strength: strength)
  }
}
