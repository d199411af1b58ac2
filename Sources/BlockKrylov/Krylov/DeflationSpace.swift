/// The directions that block GMRES keeps from cycle to cycle, U with A·M⁻¹·U = C and CᴴC = I (M⁻¹·A·U = C on the left).
///
/// With the residual orthogonal to C and the Arnoldi process run on (I − CCᴴ)·A·M⁻¹, a cycle finds the least residual over span(U) and
/// the new Krylov space together: GCRO (E. de Sturler, 1996). U approximates an invariant subspace of the eigenvalues next to zero, the
/// ones that slow the convergence of restarted methods: it is spanned by harmonic Ritz vectors of the last cycle's whole space. For one
/// system this is GMRES with deflated restarting in another basis (R. B. Morgan, “Restarted block-GMRES with deflation of
/// eigenvalues”, Appl. Numer. Math. 54, 2005); with C explicit, any residual may follow, and U may serve other systems (M. L. Parks,
/// E. de Sturler, G. Mackey, D. D. Johnson and S. Maiti, “Recycling Krylov subspaces for sequences of linear systems”, SIAM J. Sci.
/// Comput. 28, 2006).
final class DeflationSpace<Element: Scalar> {
  /// U, n × d.
  private(set) var vectors: BlockVector<Element>?
  /// C, n × d.
  private(set) var images: BlockVector<Element>?
  /// M⁻¹·U, where M⁻¹ changes from step to step.
  private(set) var corrections: BlockVector<Element>?
  /// The most directions.
  let capacity: Int

  private let isFlexible: Bool
  /// Memory of the blocks that were replaced last.
  private var spares: [BlockVector<Element>] = []
  /// Cᴴ·A·M⁻¹·V of the steps of a cycle, d × columns.
  private var couplings: DenseMatrix<Element>
  private var coupled = 0
  /// The coefficients of U in the solution of a cycle.
  private var coefficients: DenseMatrix<Element>

  init(capacity: Int, isFlexible: Bool) {
    self.capacity = capacity
    self.isFlexible = isFlexible
    couplings = DenseMatrix(rows: 0, columns: 0)
    coefficients = couplings
  }

  /// How many directions there are.
  var columns: Int { images?.columns ?? 0 }

  /// The most memory so far.
  var byteCount: Int { max(peakBytes, heldBytes) }
  private var peakBytes = 0
  private var heldBytes: Int {
    // Blocks keep the memory for the most directions whatever their number.
    ([vectors, images, corrections].compactMap { $0 } + spares).reduce(0) {
      $0 + max($1.byteCount, $1.rows * BlockVector<Element>.paddedWidth(capacity) * MemoryLayout<Element>.stride)
    }
  }

  /// The memory for d directions, in bytes: U, C, M⁻¹U where it is needed, and a block to make the next of them in.
  static func bytes(columns d: Int, rows: Int, isFlexible: Bool) -> Int {
    rows * BlockVector<Element>.paddedWidth(d) * MemoryLayout<Element>.stride * (d == 0 ? 0 : isFlexible ? 4 : 3)
  }

  /// Forgets the directions, keeping their memory.
  func clear() {
    for block in [vectors, images, corrections] { retire(block, keeping: isFlexible ? 4 : 3) }
    (vectors, images, corrections) = (nil, nil, nil)
  }

  private func retire(_ block: BlockVector<Element>?, keeping limit: Int = 1) {
    guard let block else { return }
    spares.append(block)
    if spares.count > limit { spares.removeFirst() }
  }

  /// A block of so many columns, in memory that is there if it can be: each has room for the most directions.
  private func takeSpare(rows: Int, columns: Int) -> BlockVector<Element> {
    while let spare = spares.popLast() {
      if spare.rows == rows, let block = spare.recycled(columns: columns) { return block }
    }
    let block = BlockVector<Element>(rows: rows, columns: max(columns, capacity))
    peakBytes = max(peakBytes, heldBytes + block.byteCount)
    return block.recycled(columns: columns) ?? block
  }

  // MARK: A cycle

  /// R −= C·CᴴR at the beginning of a cycle.
  func begin(_ r: inout BlockVector<Element>, _ space: BlockSpace<Element>) {
    coupled = 0
    guard let images else { return }
    couplings.reset(rows: images.columns, columns: max(couplings.columns, images.columns))
    space.inner(images, r, into: &coefficients)
    space.update(&r, plus: [images], count: 1, times: coefficients, sign: -1)
  }

  /// The first rows of a step's coefficients belong to C.
  func couple(_ h: DenseMatrix<Element>) {
    let d = columns
    guard d > 0 else { return }
    if couplings.columns < coupled + h.columns {
      var larger = DenseMatrix<Element>(rows: d, columns: 2 * (coupled + h.columns))
      larger.place(couplings, rows: 0..<d, columns: 0..<coupled, at: 0, 0)
      couplings = larger
    }
    couplings.place(h, rows: 0..<d, columns: 0..<h.columns, at: 0, coupled)
    coupled += h.columns
  }

  /// The coefficients of U that go with the coefficients Y of the Krylov space: CᴴR − (CᴴAM⁻¹𝒱)·Y.
  func solve(with y: DenseMatrix<Element>) -> DenseMatrix<Element> {
    var result = coefficients
    if coupled > 0 { result.multiply(couplings.part(rows: 0..<columns, columns: 0..<coupled), y, alpha: -1, beta: 1) }
    return result
  }

  // MARK: Between cycles

  /// Takes the harmonic Ritz vectors of the eigenvalues nearest to zero of the whole space [U V₁ … V_k] in place of U.
  ///
  /// With A·M⁻¹·Z = 𝒬·F, F = Q·R and y = R·g, the harmonic Ritz problem is (𝒬Q)ᴴ·Z·R⁻¹·y = θ⁻¹·y: the operator's inverse, projected on
  /// the orthonormal image of the space. Its dominant invariant subspace Y, real where A is, gives C = 𝒬QY and U = ZR⁻¹Y at once.
  ///
  /// - Parameter directions: M⁻¹·V₁, M⁻¹·V₂, …, where M⁻¹ changes.
  /// - Returns: false when there is nothing to be taken: the projected operator is singular, or LAPACK did not converge.
  /// - Complexity: 25·k³ flops for the Schur form and 4·n·k·d for the blocks, with k columns in the space.
  func renew(
    from arnoldi: BlockArnoldi<Element>, _ hessenberg: BlockHessenberg<Element>, directions: [BlockVector<Element>]
  ) -> Bool {
    let (d, n, rows) = (columns, hessenberg.columnCount, hessenberg.rowCount)
    let size = d + n
    guard n > 0, capacity > 0, coupled == n || d == 0, !hessenberg.isSingular else { return false }
    let space = arnoldi.space
    let blocks = arnoldi.newest.columns == 0 ? arnoldi.count - 1 : arnoldi.count

    // 𝒬ᴴZ, its rows as in the factorisation, then Qᴴ of it.
    var lower = DenseMatrix<Element>(rows: rows, columns: size)
    var t = DenseMatrix<Element>(rows: size, columns: size)
    var r = t
    if let vectors, let images {
      var products = DenseMatrix<Element>(rows: rows, columns: d)
      space.inner(basis: arnoldi.basis, count: blocks, vectors, into: &products)
      lower.place(products, rows: 0..<rows, columns: 0..<d, at: 0, 0)
      space.inner(images, vectors, into: &products)
      t.place(products, rows: 0..<d, columns: 0..<d, at: 0, 0)
    }
    for i in 0..<n { lower[i, d + i] = 1 }
    let dense = DenseWorkspace<Element>(rows: size, columns: size)
    hessenberg.turnBack(&lower)
    hessenberg.applyAdjointQ(to: &lower, dense)
    t.place(lower, rows: 0..<n, columns: 0..<size, at: d, 0)

    // R of the whole space.
    for i in 0..<d { r[i, i] = 1 }
    if d > 0 { r.place(couplings, rows: 0..<d, columns: 0..<n, at: 0, d) }
    hessenberg.placeTriangle(in: &r, at: d)
    t.solveTriangular(.right, r)
    var y = t
    guard t.isFinite, let count = dense.dominantSubspace(&t, wanted: capacity, vectors: &y), count > 0 else { return false }

    var z = y.part(rows: 0..<size, columns: 0..<count)
    var image = DenseMatrix<Element>(rows: rows, columns: count)
    image.place(z, rows: d..<size, columns: 0..<count, at: 0, 0)
    hessenberg.applyQ(to: &image, dense)
    hessenberg.turn(&image)
    let ofImages = z.part(rows: 0..<d, columns: 0..<count)
    z.solveTriangular(.left, r)
    guard z.isFinite else { return false }
    let ofVectors = z.part(rows: 0..<d, columns: 0..<count)
    let ofBasis = z.part(rows: d..<size, columns: 0..<count)

    let height = arnoldi.basis[0].rows
    func combine(
      _ old: BlockVector<Element>?, _ c: DenseMatrix<Element>, _ basis: [BlockVector<Element>], _ count: Int,
      _ b: DenseMatrix<Element>
    ) -> BlockVector<Element> {
      var block = takeSpare(rows: height, columns: b.columns)
      if let old { space.multiply(old, c, into: &block) } else { block.setZero() }
      space.update(&block, plus: basis, count: count, times: b)
      retire(old)
      return block
    }
    images = combine(images, ofImages, arnoldi.basis, blocks, image)
    vectors = combine(vectors, ofVectors, arnoldi.basis, hessenberg.steps, ofBasis)
    if isFlexible { corrections = combine(corrections, ofVectors, directions, hessenberg.steps, ofBasis) }
    return orthonormalize(space, cutoff: 0.1)
  }

  /// C = A·M⁻¹·U anew, for another A or after drift.
  func refresh(
    _ space: BlockSpace<Element>, applying body: (BlockVector<Element>, inout BlockVector<Element>) throws -> Void
  ) rethrows {
    try applyToDirections(body)
    _ = orthonormalize(space, cutoff: 1e-10) && orthonormalize(space, cutoff: 0.1)
  }

  /// C = A·M⁻¹·U. In a function of its own: a block that somebody still holds is copied when its memory is written to again.
  private func applyToDirections(
    _ body: (BlockVector<Element>, inout BlockVector<Element>) throws -> Void
  ) rethrows {
    guard let source = isFlexible ? corrections : vectors, var c = images.take() else { return }
    if c.columns != source.columns { c = BlockVector(rows: source.rows, columns: source.columns) }
    try body(source, &c)
    images = c
  }

  /// CᴴC; in a function of its own for the same reason.
  private func gramOfImages(_ space: BlockSpace<Element>) -> DenseMatrix<Element> {
    var gram = DenseMatrix<Element>(rows: columns, columns: columns)
    if let images { space.inner(images, images, into: &gram) }
    return gram
  }

  /// Puts other directions in place of U; `refresh` must follow.
  func replace(vectors block: BlockVector<Element>) {
    clear()
    let d = min(block.columns, capacity)
    guard d > 0 else { return }
    var copy = BlockVector<Element>(rows: block.rows, columns: d)
    copy.copy(from: block[columns: 0..<d])
    vectors = copy
    images = BlockVector(rows: block.rows, columns: d)
    if isFlexible { corrections = copy }
  }

  /// C ← C·T with CᴴC = I, and U with it. Directions whose part of the Gram matrix is below `cutoff` of the largest are dropped.
  private func orthonormalize(_ space: BlockSpace<Element>, cutoff: Double) -> Bool {
    let d = columns
    guard d > 0 else { return false }
    var gram = gramOfImages(space)
    var lengths = [Double](repeating: 1, count: d)
    for j in 0..<d { lengths[j] = Double(gram[j, j].realPart).squareRoot() }
    let dense = DenseWorkspace<Element>(rows: d, columns: d)
    guard gram.isFinite, lengths.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      clear()
      return false
    }
    gram.scaleToUnitDiagonal(lengths)
    guard dense.eigen(&gram) else {
      clear()
      return false
    }
    let largest = Double(dense.eigenvalues[d - 1])
    let kept = (0..<d).filter { Double(dense.eigenvalues[$0]) > cutoff * largest }
    let t = DenseMatrix<Element>(rows: d, columns: kept.count) { i, j in
      gram[i, kept[j]] * Element(double: 1 / (Double(dense.eigenvalues[kept[j]]).squareRoot() * lengths[i]))
    }
    func transformed(_ old: BlockVector<Element>?) -> BlockVector<Element>? {
      guard let old else { return nil }
      var fresh = takeSpare(rows: old.rows, columns: kept.count)
      space.multiply(old, t, into: &fresh)
      retire(old)
      return fresh
    }
    images = transformed(images)
    vectors = transformed(vectors)
    corrections = transformed(corrections)
    return true
  }
}
