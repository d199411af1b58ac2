/// An orthonormal basis of the block Krylov space, grown block by block: A·𝒱_k = 𝒱_{k+1}·H̄_k.
///
/// Each new block is projected against the basis and orthonormalised, twice (block classical Gram–Schmidt with re-orthogonalisation;
/// J. L. Barlow and A. Smoktunowicz, “Reorthogonalized block classical Gram–Schmidt”, Numer. Math. 123, 2013): the loss of
/// orthogonality stays at rounding level. Directions that vanish in it are dropped, so blocks may get narrower.
///
/// - Complexity of step k with blocks of p columns: 8·n·k·p² flops, four passes over the basis.
final class BlockArnoldi<Element: Scalar> {
  enum Outcome: Equatable {
    /// The new block has this many columns; 0 when the space is invariant.
    case grown(Int)
    /// NaN or infinity in the block.
    case nonFinite
  }

  /// V₀, V₁, …; those up to `count` are in use.
  private(set) var basis: [BlockVector<Element>] = []
  private(set) var count = 0
  /// The coefficients over the basis, and of the new block, of the last step.
  private(set) var h: DenseMatrix<Element>
  private(set) var below: DenseMatrix<Element>

  private let rows: Int
  private let width: Int
  let space: BlockSpace<Element>
  private let orthonormalizer: Orthonormalizer<Element>
  private var correction: DenseMatrix<Element>
  private var product: DenseMatrix<Element>
  private var lengths: [Double]
  private var noise: [Double]
  private var none: BlockVector<Element>?
  /// Stands in the basis for a block that is taken out.
  private let placeholder = BlockVector<Element>(rows: 0, columns: 0)

  init(rows: Int, width: Int, steps: Int) {
    self.rows = rows
    self.width = width
    space = BlockSpace(p: width, q: width, rows: rows)
    orthonormalizer = Orthonormalizer(columns: width, space: space, goodPivot: 0.3)
    let square = DenseMatrix<Element>(rows: width, columns: width)
    (below, product) = (square, square)
    h = DenseMatrix(rows: (steps + 1) * width, columns: width)
    correction = h
    lengths = [Double](repeating: 0, count: width)
    noise = lengths
    basis.reserveCapacity(steps + 1)
  }

  var byteCount: Int { BlockVector.byteCount(of: basis) + space.byteCount }

  /// A block of the basis's memory for the next direction, so that the caller writes A·V into it.
  func makeNext(columns: Int) {
    if basis.count == count { basis.append(BlockVector(rows: rows, columns: columns)) }
    if basis[count].columns != columns { basis[count] = BlockVector(rows: rows, columns: columns) }
  }

  /// Writes the next block.
  func writeNext(_ body: (inout BlockVector<Element>) throws -> Void) rethrows { try body(&basis[count]) }

  /// Begins the basis with the block written by `writeNext`: R = V₀·Λ, Λ in `below`.
  func begin() -> Outcome {
    let p = basis[0].columns
    for j in 0..<p { noise[j] = 0 }
    guard case .rank(let rank) = orthonormalizer.orthonormalize(&basis[0], &none, noise: noise) else { return .nonFinite }
    below.copy(from: orthonormalizer.s)
    count = 1
    return .grown(rank)
  }

  /// Forgets the basis, keeping its memory.
  func reset() { count = 0 }

  /// Orthonormalises the block written by `writeNext` against the basis and in itself.
  func grow() -> Outcome {
    let p = basis[count].columns
    space.inner(basis: basis, count: count, basis[count], into: &h)
    guard h.isFinite else { return .nonFinite }
    h.columnNorms(into: &lengths)
    project(h)
    // What is left of a column below the rounding of the projection is noise.
    for j in 0..<p { noise[j] = 4 * Element.unitRoundoff * lengths[j] }
    guard case .rank(var rank) = orthonormalizer.orthonormalize(&basis[count], &none, noise: noise) else { return .nonFinite }
    below.copy(from: orthonormalizer.s)
    // Twice is enough, unless a column loses most of its length again.
    for _ in 0..<3 where rank > 0 {
      space.inner(basis: basis, count: count, basis[count], into: &correction)
      guard correction.isFinite else { return .nonFinite }
      project(correction)
      h.add(correction, times: below)
      correction.columnNorms(into: &lengths)
      let lost = (0..<rank).contains { lengths[$0] > 0.5 }
      for j in 0..<rank { noise[j] = 1e3 * Element.unitRoundoff }
      guard case .rank(let left) = orthonormalizer.orthonormalize(&basis[count], &none, noise: noise) else { return .nonFinite }
      product.copy(from: below)
      below.multiply(orthonormalizer.s, product)
      rank = left
      if !lost { break }
    }
    count += 1
    return .grown(rank)
  }

  /// The next block −= 𝒱·C.
  private func project(_ c: DenseMatrix<Element>) {
    // Taken out of the array while it is written, since the array is read.
    var next = placeholder
    swap(&next, &basis[count])
    space.update(&next, plus: basis, count: count, times: c, sign: -1)
    swap(&next, &basis[count])
  }
}

extension DenseMatrix {
  /// self += A·B.
  mutating func add(_ a: DenseMatrix, times b: DenseMatrix) { multiply(a, b, beta: 1) }
}
