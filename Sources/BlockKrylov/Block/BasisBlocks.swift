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
  private var addresses: UnsafeMutablePointer<UnsafeRawPointer?>
  private var capacity = 64

  init() { unsafe addresses = .allocate(capacity: capacity) }

  deinit { unsafe addresses.deallocate() }

  /// Takes the first `count` blocks of a basis, which must stay as they are while they are used.
  func take(_ basis: [BlockVector<Element>], count: Int) {
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
      unsafe Kernels<Element>.basisCombineColumns(
        rows, run.count, UnsafePointer(addresses + run.first), run.stride, run.columns, factors, y, ldy)
      unsafe factors += run.count * run.columns
    }
  }

  /// d_k·m+j = (column j of V_k)ᴴw_j over some rows.
  func columnDots(_ rows: Range<Int>, _ w: UnsafePointer<Element>, _ ldw: Int, into d: UnsafeMutablePointer<Element>) {
    var target = unsafe d
    for k in runs.indices {
      let run = runs[k]
      unsafe Kernels<Element>.basisColumnDots(
        rows, run.count, UnsafePointer(addresses + run.first), run.stride, run.columns, w, ldw, target)
      unsafe target += run.count * run.columns
    }
  }

  /// Coefficients that a first-level cache holds besides the rows that pass.
  private static var nearBytes: Int { 1 << 15 }
}
