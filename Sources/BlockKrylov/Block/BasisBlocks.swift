/// The blocks of a basis as the kernels take them: their addresses, and runs of blocks of one shape.
@safe final class BasisBlocks<Element: Scalar> {
  /// Blocks that follow each other and have the same shape.
  private struct Run {
    let first: Int
    var count = 1
    let columns: Int
    let stride: Int
  }

  private var runs: [Run] = []
  /// The blocks are of single precision, and what is read of them is widened in cache.
  private var isNarrow = false
  private var addresses: UnsafeMutablePointer<UnsafeRawPointer?>
  private var capacity = 64

  init() { unsafe addresses = .allocate(capacity: capacity) }

  deinit { unsafe addresses.deallocate() }

  /// Takes the first `count` blocks of a basis, which must stay as they are while they are used.
  func take(_ basis: [BlockVector<Element>], count: Int) {
    isNarrow = false
    takeAll(basis, count: count)
  }

  /// As `take`, with blocks in the precision in which they are kept.
  func take(_ basis: StoredBasis<Element>, count: Int) {
    guard basis.isNarrow else { return take(basis.wide, count: count) }
    isNarrow = true
    takeAll(basis.narrow, count: count)
  }

  private func takeAll<Stored: Scalar>(_ basis: [BlockVector<Stored>], count: Int) {
    if capacity < count {
      unsafe addresses.deallocate()
      capacity = 2 * count
      unsafe addresses = .allocate(capacity: capacity)
    }
    runs.removeAll(keepingCapacity: true)
    for k in 0..<count {
      unsafe (addresses + k).initialize(to: UnsafeRawPointer(basis[k].base))
      let (columns, stride) = (basis[k].columns, basis[k].stride)
      if let last = runs.indices.last, runs[last].columns == columns, runs[last].stride == stride {
        runs[last].count += 1
      } else {
        runs.append(Run(first: k, columns: columns, stride: stride))
      }
    }
  }

  /// G = 𝒱ᴴX over some rows.
  func inner(_ rows: Range<Int>, _ q: Int, _ x: UnsafePointer<Element>, _ ldx: Int, into g: UnsafeMutablePointer<Element>) {
    var target = unsafe g
    for k in runs.indices {
      let run = runs[k]
      unsafe Kernels<Element>.basisInner(
        rows, run.count, UnsafePointer(addresses + run.first), run.stride, run.columns, q, x, ldx, target)
      unsafe target += run.count * run.columns * q
    }
  }

  /// Some rows of Y += 𝒱·C.
  func update(_ rows: Range<Int>, _ q: Int, _ c: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ ldy: Int) {
    var coefficients = unsafe c
    for k in runs.indices {
      let run = runs[k]
      let block = run.columns * q
      if run.count * block * MemoryLayout<Element>.stride <= Self.nearBytes {
        unsafe Kernels<Element>.basisUpdate(
          rows, run.count, UnsafePointer(addresses + run.first), run.stride, run.columns, q, coefficients, y, ldy)
      } else {
        for b in 0..<run.count {
          unsafe Kernels<Element>.basisUpdate(
            rows, 1, UnsafePointer(addresses + run.first + b), run.stride, run.columns, q, coefficients + b * block, y, ldy)
        }
      }
      unsafe coefficients += run.count * block
    }
  }

  /// Some rows of Y += V₀·diag(s₀) + V₁·diag(s₁) + …
  func combineColumns(_ rows: Range<Int>, _ s: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ ldy: Int) {
    var factors = unsafe s
    for k in runs.indices {
      let run = runs[k]
      if isNarrow {
        unsafe widened(rows, run) { first, count, part, blocks in
          unsafe Kernels<Element>.basisCombineColumns(
            0..<part.count, count, blocks, run.columns, run.columns, factors + first * run.columns, y + part.lowerBound * ldy, ldy
          )
        }
      } else {
        unsafe Kernels<Element>.basisCombineColumns(
          rows, run.count, UnsafePointer(addresses + run.first), run.stride, run.columns, factors, y, ldy)
      }
      unsafe factors += run.count * run.columns
    }
  }

  /// d_k·m+j = (column j of V_k)ᴴw_j over some rows; at most `narrowRows` of them where the blocks are of single precision.
  func columnDots(_ rows: Range<Int>, _ w: UnsafePointer<Element>, _ ldw: Int, into d: UnsafeMutablePointer<Element>) {
    var target = unsafe d
    for k in runs.indices {
      let run = runs[k]
      if isNarrow {
        unsafe widened(rows, run) { first, count, part, blocks in
          unsafe Kernels<Element>.basisColumnDots(
            0..<part.count, count, blocks, run.columns, run.columns, w + part.lowerBound * ldw, ldw, target + first * run.columns)
        }
      } else {
        unsafe Kernels<Element>.basisColumnDots(
          rows, run.count, UnsafePointer(addresses + run.first), run.stride, run.columns, w, ldw, target)
      }
      unsafe target += run.count * run.columns
    }
  }

  /// Rows of a block of single precision that are widened at a time: as much as a first-level cache holds a part of.
  static func narrowRows(columns: Int) -> Int { max(32, (1 << 14) / max(columns * MemoryLayout<Element>.stride, 1) / 8 * 8) }
  /// Blocks that are widened before they are used.
  private static var narrowBlocks: Int { 4 }

  /// Calls `body` with parts of the rows of some blocks, in full precision: the number of the first block and how many, the part, and
  /// where its rows begin in each.
  private func widened(
    _ rows: Range<Int>, _ run: Run,
    _ body: (_ first: Int, _ count: Int, _ part: Range<Int>, _ blocks: UnsafePointer<UnsafeRawPointer?>) -> Void
  ) {
    typealias Stored = Element.SinglePrecision
    let height = min(Self.narrowRows(columns: run.columns), rows.count)
    unsafe withUnsafeTemporaryAllocation(of: Element.self, capacity: Self.narrowBlocks * height * run.columns) { scratch in
      unsafe withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: Self.narrowBlocks) { places in
        guard let base = scratch.baseAddress, let blocks = places.baseAddress else { return }
        for begin in stride(from: rows.lowerBound, to: rows.upperBound, by: max(height, 1)) {
          let part = begin..<min(begin + height, rows.upperBound)
          for first in stride(from: 0, to: run.count, by: Self.narrowBlocks) {
            let count = min(Self.narrowBlocks, run.count - first)
            for b in 0..<count {
              guard let source = unsafe addresses[run.first + first + b]?.assumingMemoryBound(to: Stored.self) else { continue }
              let target = unsafe base + b * height * run.columns
              let begun = unsafe source + part.lowerBound * run.stride
              // Rows without gaps are one long row, which takes full vectors.
              let (lines, width) = run.stride == run.columns ? (1, part.count * run.columns) : (part.count, run.columns)
              unsafe Kernels<Stored>.convertPrecision(lines, width, begun, max(run.stride, width), target, width)
              unsafe (blocks + b).initialize(to: UnsafeRawPointer(target))
            }
            unsafe body(first, count, part, UnsafePointer(blocks))
          }
        }
      }
    }
  }

  /// Coefficients that a first-level cache holds besides the rows that pass.
  private static var nearBytes: Int { 1 << 15 }
}
