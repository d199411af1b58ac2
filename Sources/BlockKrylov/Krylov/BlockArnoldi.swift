/// An orthonormal basis of the block Krylov space, grown block by block: A·[V₁ … V_k] = [V₁ … V_k P W]·H̄_k.
///
/// Each new block is projected against the basis and orthonormalised, and once more where that left too much of the basis in it
/// (block classical Gram–Schmidt with selective re-orthogonalisation, `OrthogonalityLoss`; J. L. Barlow and A. Smoktunowicz,
/// “Reorthogonalized block classical Gram–Schmidt”, Numer. Math. 123, 2013): the loss of orthogonality stays at rounding level.
/// Directions that vanish in it are dropped, so blocks may get narrower.
///
/// A is applied to a part of the newest directions only where the caller says so (`advance`): the others are held back in P, stay in
/// the basis, and may be taken later. A block that the caller puts in front (`head`) takes part in every projection.
///
/// - Complexity of step k with blocks of p columns: 4·n·k·p² flops and two passes over the basis, 6·n·k·p² in steps that are looked at,
///   8·n·k·p² and a third pass in those that are projected again.
final class BlockArnoldi<Element: Scalar> {
  enum Outcome: Equatable {
    /// The new block has this many columns; 0 when A times the direction lies in the basis.
    case grown(Int)
    /// NaN or infinity in the block.
    case nonFinite
  }

  /// The head, V₁, V₂, …, P, W; those up to `count` are in use.
  private(set) var basis: [BlockVector<Element>] = []
  private(set) var count = 0
  /// 1 with a block in front, else 0.
  private(set) var heads = 0
  /// How many blocks V there are.
  private(set) var directions = 0
  /// The coefficients over the basis, and of the new block, of the last step.
  private(set) var h: DenseMatrix<Element>
  private(set) var below: DenseMatrix<Element>

  private let rows: Int
  private let width: Int
  let space: BlockSpace<Element>
  private let orthonormalizer: Orthonormalizer<Element>
  private var correction: DenseMatrix<Element>
  private var gram: DenseMatrix<Element>
  private var loss: OrthogonalityLoss
  private var product: DenseMatrix<Element>
  private var part: DenseMatrix<Element>
  private var lengths: [Double]
  private var noise: [Double]
  private var none: BlockVector<Element>?
  /// Stands in the basis for a block that is taken out.
  private let placeholder = BlockVector<Element>(rows: 0, columns: 0)
  /// Memory of blocks that were replaced in `advance`.
  private var spares: [BlockVector<Element>] = []

  init(rows: Int, width: Int, steps: Int) {
    self.rows = rows
    self.width = width
    space = BlockSpace(p: width, q: width, rows: rows)
    orthonormalizer = Orthonormalizer(columns: width, space: space, goodPivot: 0.3)
    let square = DenseMatrix<Element>(rows: width, columns: width)
    (below, gram, part) = (square, square, square)
    h = DenseMatrix(rows: (steps + 1) * width, columns: width)
    (correction, product) = (h, h)
    loss = OrthogonalityLoss(unitRoundoff: Element.unitRoundoff)
    lengths = [Double](repeating: 0, count: width)
    noise = lengths
    basis.reserveCapacity(steps + 2)
  }

  var byteCount: Int { BlockVector.byteCount(of: basis) + BlockVector.byteCount(of: spares) + space.byteCount }

  /// The columns of the directions that A has not been applied to.
  var candidates: Int {
    var sum = 0
    for k in (heads + directions)..<count { sum += basis[k].columns }
    return sum
  }

  /// Whether blocks were replaced, so that memory beside the basis is held.
  var hasSpares: Bool { !spares.isEmpty }

  /// The block that A is applied to next, V_k.
  var direction: BlockVector<Element> { basis[heads + directions - 1] }

  /// The newest block.
  var newest: BlockVector<Element> { basis[count - 1] }

  /// A block of the basis's memory for the next direction, so that the caller writes A·V into it.
  func makeNext(columns: Int) {
    basis.prepareSlot(count, rows: rows, columns: columns)
  }

  /// Writes the next block.
  func writeNext(_ body: (inout BlockVector<Element>) throws -> Void) rethrows { try body(&basis[count]) }

  /// The block that `writeNext` wrote.
  var next: BlockVector<Element> { basis[count] }

  /// Begins the basis with the block written by `writeNext`, orthogonal to the head: R = W·Λ, Λ in `below`.
  func begin() -> Outcome {
    let p = basis[count].columns
    for j in 0..<p { noise[j] = 0 }
    guard case .rank(let rank) = orthonormalizer.orthonormalize(&basis[count], &none, noise: noise) else { return .nonFinite }
    below.copy(from: orthonormalizer.s)
    count += 1
    return .grown(rank)
  }

  /// Forgets the basis, keeping its memory.
  func reset() {
    removeHead()
    (count, directions) = (0, 0)
    loss = OrthogonalityLoss(unitRoundoff: Element.unitRoundoff)
  }

  /// Puts orthonormal columns in front of a new basis whose first block is written and orthogonal to them.
  func placeHead(_ head: BlockVector<Element>?) {
    guard let head, heads == 0, count == 0 else { return }
    basis.insert(head, at: 0)
    (count, heads) = (1, 1)
  }

  /// Takes the head away, so that V₁ is the first block.
  func removeHead() {
    guard heads == 1 else { return }
    basis.remove(at: 0)
    (count, heads) = (max(count - 1, 0), 0)
  }

  /// Makes a direction of the first `taken` columns of [P W]·`rotation`, and holds the others back.
  ///
  /// - Parameter rotation: unitary; the identity without it.
  func advance(taking taken: Int, _ rotation: DenseMatrix<Element>? = nil) {
    let first = heads + directions
    let all = candidates
    if rotation == nil, taken == all {
      for block in first..<count where basis[block].columns == all {
        if block != first { basis.swapAt(block, first) }
        (count, directions) = (first + 1, directions + 1)
        return
      }
    }
    var fresh = takeSpare(columns: taken)
    combine(from: first, rotation, 0..<taken, into: &fresh)
    var rest: BlockVector<Element>?
    if taken < all {
      var block = takeSpare(columns: all - taken)
      combine(from: first, rotation, taken..<all, into: &block)
      rest = block
    }
    spares.append(contentsOf: basis[first..<count].filter { $0.columns > 0 })
    if spares.count > 2 { spares.removeFirst(spares.count - 2) }
    basis.replaceSubrange(first..<count, with: [fresh] + (rest.map { [$0] } ?? []))
    (count, directions) = (first + (rest == nil ? 1 : 2), directions + 1)
  }

  private func takeSpare(columns: Int) -> BlockVector<Element> {
    guard let k = spares.firstIndex(where: { $0.columns == columns }) else { return BlockVector(rows: rows, columns: columns) }
    return spares.remove(at: k)
  }

  /// Some columns of [P W]·rotation.
  private func combine(
    from first: Int, _ rotation: DenseMatrix<Element>?, _ range: Range<Int>, into block: inout BlockVector<Element>
  ) {
    var (row, isFirst) = (0, true)
    for k in first..<count where basis[k].columns > 0 {
      let p = basis[k].columns
      part.reset(rows: p, columns: range.count)
      if let rotation {
        part.place(rotation, rows: row..<(row + p), columns: range, at: 0, 0)
      } else {
        for i in 0..<p where range.contains(row + i) { part[i, row + i - range.lowerBound] = 1 }
      }
      if isFirst { space.multiply(basis[k], part, into: &block) } else { space.update(&block, plus: basis[k], times: part) }
      (row, isFirst) = (row + p, false)
    }
  }

  /// Orthonormalises the block written by `writeNext` against the basis and in itself.
  func grow() -> Outcome {
    let p = basis[count].columns
    space.inner(basis: basis, count: count, basis[count], into: &h, lengths: &lengths)
    guard h.isFinite else { return .nonFinite }
    // Where the basis would have more columns than rows some columns are rounding and nothing else, which only shows when what is left of
    // them is projected again: no step is spared.
    let isFull = columnsInUse + p > rows
    // What is left of a column below the rounding of the projection is noise.
    for j in 0..<p { noise[j] = (isFull ? 64 : 4) * Element.unitRoundoff * lengths[j] }
    var isKnown = loss.isDue && !isFull
    project(h, looks: isKnown)
    if isFull {
      // Twice before the rank is told, so that what the basis lacks in orthogonality is not taken for directions.
      guard measureLoss() else { return .nonFinite }
      project(correction, looks: false)
      product.setIdentity(p)
      h.add(correction, times: product)
    }
    guard let (rank, growth) = normalize(carefully: isFull) else { return .nonFinite }
    below.copy(from: orthonormalizer.s)
    var left = rank
    if let growth {
      if isKnown {
        product.multiply(correction, orthonormalizer.transformation)
        swap(&product, &correction)
      } else if loss.permits(growth: growth) {
        left = 0
      }
    } else {
      isKnown = false
    }
    // Twice is enough, unless a column loses most of its length again.
    for round in 0..<4 where left > 0 {
      if round > 0 || !isKnown, !measureLoss() { return .nonFinite }
      guard correction.isFinite else { return .nonFinite }
      correction.columnNorms(into: &lengths)
      var most = 0.0
      for j in 0..<left { most = max(most, lengths[j]) }
      if !isFull, loss.permits(measured: most) { break }
      for j in 0..<left { noise[j] = 1e3 * Element.unitRoundoff }
      project(correction, looks: false)
      h.add(correction, times: below)
      guard let (rest, _) = normalize(carefully: isFull) else { return .nonFinite }
      product.copy(from: below)
      below.multiply(orthonormalizer.s, product)
      left = rest
      loss.repaired()
      if most <= 0.5 { break }
    }
    count += 1
    return .grown(below.rows)
  }

  /// What the next block still has of the basis; false for NaN or infinity.
  private func measureLoss() -> Bool {
    space.inner(basis: basis, count: count, basis[count], into: &correction)
    return correction.isFinite
  }

  /// The columns of the blocks that are in use.
  private var columnsInUse: Int {
    var sum = 0
    for k in 0..<count { sum += basis[k].columns }
    return sum
  }

  /// The next block −= 𝒱·C, its Gram matrix, and what is left in `correction` if it `looks`.
  private func project(_ c: DenseMatrix<Element>, looks: Bool) {
    // Taken out of the array while it is written, since the array is read.
    var next = placeholder
    swap(&next, &basis[count])
    space.project(&next, from: basis, count: count, times: c, gram: &gram, remainder: &correction, looks: looks)
    swap(&next, &basis[count])
  }

  /// Makes the next block orthonormal, whose Gram matrix is there. The result is its rank, and by how much the columns that it was
  /// projected from are longer than what became of them, if that is known; `nil` for NaN or infinity.
  ///
  /// - Parameter carefully: whether the rank is told from the block itself, and not from its Gram matrix.
  private func normalize(carefully: Bool) -> (rank: Int, growth: Double?)? {
    let p = basis[count].columns
    var floor = 0.0
    for j in 0..<p { floor = max(floor, noise[j]) }
    guard !carefully, gram.isFinite, orthonormalizer.factor(gram: gram, squares: nil, noise: floor) else {
      guard case .rank(let rank) = orthonormalizer.orthonormalize(&basis[count], &none, noise: noise) else { return nil }
      return (rank, nil)
    }
    let t = orthonormalizer.transformation
    space.recur(&basis[count], plus: nil, times: t)
    var growth = 0.0
    for j in 0..<p {
      var sum = 0.0
      for i in 0...j { sum += (lengths[i] * lengths[i] + Double(gram[i, i].realPart)).squareRoot() * Double(t[i, j].modulus) }
      growth = max(growth, sum)
    }
    return (p, growth)
  }
}

extension Array {
  /// A block of so many columns at position k, which is the end or before it. Where another one makes room for a wider one, blocks at the
  /// end go, so that the memory does not grow.
  mutating func prepareSlot<S: Scalar>(_ k: Int, rows: Int, columns: Int) where Element == BlockVector<S> {
    if k == count { return append(BlockVector(rows: rows, columns: columns)) }
    guard self[k].columns != columns else { return }
    var missing = BlockVector<S>.paddedWidth(columns) - self[k].stride
    while missing > 0, count > k + 1 { missing -= removeLast().stride }
    self[k] = BlockVector(rows: 0, columns: 0)
    self[k] = BlockVector(rows: rows, columns: columns)
  }
}

extension DenseMatrix {
  /// self += A·B.
  mutating func add(_ a: DenseMatrix, times b: DenseMatrix) { multiply(a, b, beta: 1) }
}
