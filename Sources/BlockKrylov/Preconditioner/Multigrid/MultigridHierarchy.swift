internal import RealModule

/// The matrices of a multigrid method, from the finest to the coarsest, and the V-cycle through them.
struct MultigridHierarchy<S: Scalar>: Sendable {
  let finest: CSRMatrix<S>
  private(set) var levels: [MultigridLevel<S>] = []
  private(set) var coarsest: CSRMatrix<S>
  private(set) var events: [SolveEvent] = []
  private var coarseSolver: CoarsestSolver<S>?
  /// Where the coarsest matrix is too large for a dense inverse: sweeps of its smoother.
  private var coarseSmoother: MultigridLevel<S>?
  private let coarseScratch = ScratchBlocks<S>()

  /// More levels than any matrix needs.
  private static var mostLevels: Int { 25 }
  /// Levels that hardly get coarser are not worth it.
  private static var leastCoarsening: Double { 1.5 }
  /// Steps on a coarsest matrix without a dense inverse.
  private static var coarseDegree: Int { 30 }
  /// Steps that near-null vectors are smoothed by: near Dirichlet conditions they must fall off.
  private static var relaxations: Int { 4 }
  private static var lanczosSteps: Int { 10 }

  init(_ a: CSRMatrix<S>, candidates: BlockVector<S>, unknownsPerNode: Int, strength: Double) throws {
    (finest, coarsest) = (a, a)
    var (matrix, near, theta) = (a, candidates, strength)
    var nodeStart: [Int]? = unknownsPerNode == 1 ? nil : Array(stride(from: 0, through: a.rows, by: unknownsPerNode))
    while matrix.rows > CoarsestSolver<S>.mostRows, levels.count < Self.mostLevels {
      guard let next = try Self.coarsen(matrix, near, nodeStart, theta, isFinest: levels.isEmpty) else { break }
      levels.append(next.level)
      (matrix, near, nodeStart) = (next.coarse, next.near, next.nodeStart)
      theta /= 2
    }
    coarsest = matrix
    try prepareCoarsest()
  }

  /// A level and what the next one begins with; `nil` when the matrix does not get coarser.
  private static func coarsen(
    _ a: CSRMatrix<S>, _ candidates: BlockVector<S>, _ nodeStart: [Int]?, _ theta: Double, isFinest: Bool
  ) throws -> (level: MultigridLevel<S>, coarse: CSRMatrix<S>, near: BlockVector<S>, nodeStart: [Int]?)? {
    let (inverse, largest) = try smootherParts(a)
    let nodes = nodeStart.map { $0.count - 1 } ?? a.rows
    var graph = StrengthGraph(a, nodeStart: nodeStart, threshold: theta)
    var groups = Aggregates(graph)
    if Double(groups.count) * leastCoarsening > Double(nodes), theta > 0 {
      graph = StrengthGraph(a, nodeStart: nodeStart, threshold: 0)
      groups = Aggregates(graph)
    }
    guard groups.count > 0, Double(groups.count) * leastCoarsening <= Double(nodes) else { return nil }
    var near = candidates
    if isFinest {
      let smoother = MultigridLevel(a, inverseDiagonal: inverse, largestEigenvalue: largest)
      try smoother.relax(&near, degree: relaxations)
    }
    let tentative = TentativeProlongation(groups, candidates: near, nodeStart: nodeStart)
    let smoother = a.prolongationSmoother(graph, nodeStart: nodeStart, near: near, damping: 4 / 3 / largest)
    let level = MultigridLevel(
      a, inverseDiagonal: inverse, largestEigenvalue: largest, prolongation: smoother.multiplied(by: tentative.matrix))
    let coarse = level.restriction.multiplied(by: a.multiplied(by: level.prolongation))
    guard coarse.rows > 0, firstNonFinite(coarse.values) == nil else { return nil }
    return (level, coarse, tentative.candidates, tentative.nodeStart)
  }

  /// D⁻¹ and a bound of the eigenvalues of D⁻¹A.
  private static func smootherParts(_ a: CSRMatrix<S>) throws -> (inverse: [S], largest: Double) {
    let diagonal = a.diagonal
    guard a.hasPositiveDiagonal(diagonal) else {
      throw BlockKrylovError.unsupported(
        "amg needs a positive definite matrix, and this one, or a coarser one, has a diagonal entry that is not real and positive; take "
          + "ilu0")
    }
    let inverse = JacobiPreconditioner(diagonal: diagonal).inverseDiagonal
    let largest = try ChebyshevPreconditioner<S>.upperBound(
      a, inverse, bound: a.largestRowSum(scaledBy: inverse), steps: lanczosSteps, name: "amg")
    return (inverse, largest)
  }

  private mutating func prepareCoarsest() throws {
    if coarsest.rows <= 4 * CoarsestSolver<S>.mostRows {
      guard let solver = CoarsestSolver(coarsest) else {
        throw BlockKrylovError.unsupported(
          "amg needs a positive definite matrix, and its coarsest one (\(coarsest.rows) rows) has negative eigenvalues; take ilu0"
        )
      }
      coarseSolver = solver
      if solver.nullity > 0 {
        let detail = "amg: the coarsest matrix is singular; \(solver.nullity) directions are left to the smoother"
        events.append(SolveEvent(kind: .repaired, detail: detail))
      }
      return
    }
    let (inverse, largest) = try Self.smootherParts(coarsest)
    coarseSmoother = MultigridLevel(coarsest, inverseDiagonal: inverse, largestEigenvalue: largest)
    let detail =
      "amg: the matrix of \(coarsest.rows) rows on level \(levels.count) cannot be made coarser; \(Self.coarseDegree) steps of the smoother take "
      + "the place of its inverse"
    events.append(SolveEvent(kind: .fallback, detail: detail))
  }

  // MARK: The cycle

  /// Z = M⁻¹·B on a level and all coarser ones: smooth, correct by the coarser level, smooth again.
  func cycle(_ b: BlockVector<S>, into z: inout BlockVector<S>, level k: Int, degree: Int) throws {
    guard k < levels.count else { return try solveCoarsest(b, into: &z) }
    let level = levels[k]
    try level.scratch.withBlock(rows: b.rows, columns: b.columns) { other in
      try level.smooth(b, degree: degree, fromZero: true, &other, &z)
      // After an odd number of steps the result is in the other block.
      if degree % 2 == 1 {
        try correct(&other, b, residual: &z, level: k, degree: degree)
        try level.smooth(b, degree: degree, fromZero: false, &z, &other)
      } else {
        try correct(&z, b, residual: &other, level: k, degree: degree)
        try level.smooth(b, degree: degree, fromZero: false, &other, &z)
      }
    }
  }

  /// X += P·M₁⁻¹·Pᴴ·(B − A·X).
  private func correct(
    _ x: inout BlockVector<S>, _ b: BlockVector<S>, residual r: inout BlockVector<S>, level k: Int, degree: Int
  ) throws {
    let level = levels[k]
    let scratch = k + 1 < levels.count ? levels[k + 1].scratch : coarseScratch
    let rows = level.prolongation.columns
    level.matrix.multiply(x, residualOf: b, into: &r)
    try scratch.withBlock(rows: rows, columns: b.columns) { coarseB in
      level.restriction.multiply(r, residualOf: nil, into: &coarseB)
      try scratch.withBlock(rows: rows, columns: b.columns) { coarseX in
        try cycle(coarseB, into: &coarseX, level: k + 1, degree: degree)
        // 1·X − (0 − P·C).
        level.prolongation.polynomialStep(inverseDiagonal: nil, into: &x) { step in
          (step.beta, step.gamma) = (1, -1)
          unsafe step.x = unsafe (coarseX.base, coarseX.stride)
        }
      }
    }
  }

  private func solveCoarsest(_ b: BlockVector<S>, into z: inout BlockVector<S>) throws {
    if let coarseSolver { return try coarseSolver.apply(to: b, into: &z) }
    guard let coarseSmoother else { return z.setZero() }
    try coarseScratch.withBlock(rows: b.rows, columns: b.columns) { other in
      try coarseSmoother.smooth(b, degree: Self.coarseDegree, fromZero: true, &other, &z)
    }
  }

  // MARK: Memory

  private var fixedBytes: Int {
    let matrices = levels.dropFirst().reduce(0) { $0 + $1.matrix.storedBytes } + (levels.isEmpty ? 0 : coarsest.storedBytes)
    return levels.reduce(matrices) { $0 + $1.transferBytes } + (coarseSolver?.storedBytes ?? 0)
      + (coarseSmoother?.transferBytes ?? 0)
  }

  var storedBytes: Int { levels.reduce(fixedBytes + coarseScratch.byteCount) { $0 + $1.scratch.byteCount } }

  func bytesPlanned(columns: Int) -> Int {
    var bytes = fixedBytes
    for (k, level) in levels.enumerated() {
      bytes += level.scratch.bytesPlanned(rows: level.matrix.rows, columns: columns, blocks: k == 0 ? 1 : 3)
    }
    let own = levels.isEmpty ? 0 : 2
    return bytes
      + coarseScratch.bytesPlanned(rows: coarsest.rows, columns: columns, blocks: own + (coarseSmoother == nil ? 0 : 1))
  }
}
