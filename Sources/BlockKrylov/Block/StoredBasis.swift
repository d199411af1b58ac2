/// The blocks of a basis, kept in the precision of the arithmetic or in single precision.
///
/// In single precision two blocks are kept in full besides: the newest one, as A is applied to it, and the one in the making. A block that is
/// settled is rounded, and in full it is what it was rounded to, so that everybody sees the same numbers. (J. I. Aliaga, H. Anzt, T. Grützmacher,
/// E. S. Quintana-Ortí and A. E. Tomás, “Compressed basis GMRES on high-performance graphics processing units”, Int. J. High Perform. Comput. Appl. 37,
/// 2023.)
struct StoredBasis<Element: Scalar> {
  let isNarrow: Bool
  /// The blocks in full: all of them, or the last two in turns. Written in place, `wide[slot(k)]`: a subscript of ours would allocate.
  var wide: [BlockVector<Element>] = []
  /// The blocks in single precision.
  private(set) var narrow: [BlockVector<Element.SinglePrecision>] = []

  /// - Parameter precision: of the stored blocks; single precision is what blocks of single precision have anyway.
  init(_ precision: BasisPrecision, capacity: Int) {
    isNarrow = precision == .single && !Element.scalarKind.isSinglePrecision
    wide.reserveCapacity(isNarrow ? 2 : capacity)
    if isNarrow { narrow.reserveCapacity(capacity) }
  }

  /// Blocks that are there, in full.
  init(_ blocks: [BlockVector<Element>]) { (isNarrow, wide) = (false, blocks) }

  var byteCount: Int { BlockVector.byteCount(of: wide) + BlockVector.byteCount(of: narrow) }

  /// The memory of so many blocks, one of them in the making, in bytes.
  static func bytes(_ precision: BasisPrecision, blocks: Int, rows: Int, columns: Int) -> Int {
    let full = rows * BlockVector<Element>.paddedWidth(columns) * MemoryLayout<Element>.stride
    guard precision == .single, !Element.scalarKind.isSinglePrecision else { return blocks * full }
    typealias Narrow = Element.SinglePrecision
    return 2 * full + (blocks - 1) * rows * BlockVector<Narrow>.paddedWidth(columns) * MemoryLayout<Narrow>.stride
  }

  /// Where block k is in `wide`; with single precision the last two are there.
  func slot(_ k: Int) -> Int { isNarrow ? k % 2 : k }

  /// Block k in full.
  subscript(k: Int) -> BlockVector<Element> { wide[slot(k)] }

  /// Makes block k, the one after the newest or before, one of so many columns.
  mutating func prepare(_ k: Int, rows: Int, columns: Int) {
    guard isNarrow else { return wide.prepareSlot(k, rows: rows, columns: columns) }
    while wide.count <= slot(k) { wide.append(BlockVector(rows: rows, columns: columns)) }
    if wide[slot(k)].columns != columns {
      wide[slot(k)] = BlockVector(rows: 0, columns: 0)
      wide[slot(k)] = BlockVector(rows: rows, columns: columns)
    }
  }

  /// Block k is what it is to be.
  mutating func settle(_ k: Int) {
    guard isNarrow else { return }
    narrow.prepareSlot(k, rows: wide[slot(k)].rows, columns: wide[slot(k)].columns)
    narrow[k].copy(rounding: wide[slot(k)])
    wide[slot(k)].copy(rounding: narrow[k])
  }

  /// Some columns of the first `count` blocks, the rest of which go.
  mutating func keepColumns(_ list: [Int], ofFirst count: Int) {
    if isNarrow {
      narrow.removeLast(narrow.count - count)
      for k in narrow.indices { narrow[k].keepColumns(list) }
      // The newest one is the only one in full that is still read.
      wide[slot(count - 1)].keepColumns(list)
      return
    }
    wide.removeLast(wide.count - count)
    for k in wide.indices { wide[k].keepColumns(list) }
  }
}

/// How a basis is stored.
public enum BasisPrecision: String, Sendable, CaseIterable {
  /// In the precision of the arithmetic.
  case full
  /// In single precision: half the memory. What is read is widened in cache, which costs as much time as it saves in traffic, or up to a half
  /// more where the basis is in the last-level cache.
  case single
}
