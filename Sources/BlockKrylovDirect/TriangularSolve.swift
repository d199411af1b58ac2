internal import BlockKrylov
internal import CDirectKernels

/// The solution of one system by triangular factors, for whole blocks: rows are loaded into a panel in one order, swept by two
/// triangles, and stored in another order.
///
/// Panels of columns are spread over threads. Columns do not meet and their arithmetic does not depend on the panel's width, so that
/// the result has the same bits for any number of threads, and each column has the bits that it has alone.
struct TriangularSolve {
  /// The row of B that is row i of the panel, and what each row of B is multiplied by.
  var loadOrder: [Int32]
  var loadScale: [Double]?
  /// The factor T of the ascending sweep T⁻¹.
  var forward: SupernodalTriangle
  var conjugatesForward = false
  /// What the rows of the panel are multiplied by between the sweeps.
  var middleScale: [Double]?
  /// The factor T of the descending sweep T⁻ᵀ.
  var backward: SupernodalTriangle
  var conjugatesBackward = false
  /// The row of X that is row i of the panel, and what each row of X is multiplied by.
  var storeOrder: [Int32]
  var storeScale: [Double]?

  /// A coupling of diagonal blocks, for a matrix in block triangular form; `nil` for a single block.
  var blocks: DiagonalBlocks?

  /// The widest panel, in doubles: 4 vectors of 8.
  static var widestPanel: Int { 32 }
  /// The fewest columns, in doubles, that are worth a thread of their own: each thread reads the whole factor.
  private static var leastShared: Int { 8 }

  /// X = op(A)⁻¹·B, or X = base + op(A)⁻¹·B; the shapes fit.
  ///
  /// - Returns: the largest modulus of a real or imaginary part in each column of X; NaN where a number is not finite.
  @discardableResult
  func solve<Element: Scalar>(
    _ b: BlockVector<Element>, plus base: BlockVector<Element>? = nil, into x: inout BlockVector<Element>
  ) -> [Double] {
    let (n, m, parts) = (forward.order, b.columns, forward.isComplex ? 2 : 1)
    guard n > 0, m > 0 else { return [Double](repeating: 0, count: m) }
    let type = bkd_scalar(rawValue: UInt32(Element.scalarKind.rawValue))
    let doubles = m * parts
    let panels = max((doubles + Self.widestPanel - 1) / Self.widestPanel, min(Threads.count, doubles / Self.leastShared))
    let columns = Self.columns((m + panels - 1) / panels, parts)
    let count = (m + columns - 1) / columns
    let width = Self.width(min(columns, m), parts)
    let workers = min(Threads.count, count)
    var maxima = [Double](repeating: 0, count: doubles)
    unsafe maxima.withUnsafeMutableBufferPointer { maxima in
      unsafe b.withUnsafeElements { source, ldb in
        unsafe (base ?? b).withUnsafeElements { old, ldbase in
          unsafe x.withUnsafeMutableElements { target, ldx in
            guard let source = source.baseAddress, let target = target.baseAddress, let maxima = maxima.baseAddress else { return }
            let old = base == nil ? nil : old.baseAddress
            Parallel.parts(workers, bytes: (forward.storedBytes + backward.storedBytes) * m) { worker in
              unsafe Self.withPanel(n * width) { panel in
                for k in (count * worker / workers)..<(count * (worker + 1) / workers) {
                  let (low, high) = (k * columns, min(m, (k + 1) * columns))
                  let width = Self.width(high - low, parts)
                  unsafe bkd_load(
                    type, Int64(n), loadOrder, loadScale, Int64(high - low), source + low, Int64(ldb), panel, Int64(width))
                  unsafe sweep(panel, width: width)
                  unsafe bkd_store(
                    type, Int64(n), storeOrder, storeScale, Int64(high - low), panel, Int64(width), old.map { unsafe $0 + low },
                    Int64(ldbase), target + low, Int64(ldx), maxima + low * parts)
                }
              }
            }
          }
        }
      }
    }
    if parts == 1 { return maxima }
    return (0..<m).map { j in
      let (re, im): (Double, Double) = (maxima[2 * j], maxima[2 * j + 1])
      return re.isFinite && im.isFinite ? max(re, im) : .nan
    }
  }

  /// Calls `body` with memory for so many doubles.
  static func withPanel(_ doubles: Int, _ body: (UnsafeMutablePointer<Double>) -> Void) {
    if doubles < 1 << 18 {
      unsafe withUnsafeTemporaryAllocation(byteCount: doubles * 8, alignment: 64) { memory in
        if let panel = unsafe memory.bindMemory(to: Double.self).baseAddress { unsafe body(panel) }
      }
    } else {
      let memory = ZeroedMemory(byteCount: doubles * 8)
      unsafe body(memory.base.bindMemory(to: Double.self, capacity: doubles))
      memory.free()
    }
  }

  private func sweep(_ panel: UnsafeMutablePointer<Double>, width: Int) {
    guard let blocks else {
      unsafe forward.forward(panel, width: width, conjugate: conjugatesForward)
      if let middleScale { unsafe bkd_scale(Int64(forward.order), middleScale, panel, Int64(width)) }
      unsafe backward.backward(panel, width: width, conjugate: conjugatesBackward)
      return
    }
    let last = blocks.count - 1
    for k in 0...last {
      if blocks.couplesEarlier {
        // The rows of a block are free of what the later blocks contribute once these are solved.
        let block = last - k
        unsafe blocks.coupling.backward(panel, width: width, conjugate: false, nodes: blocks.rows(block))
        unsafe forward.forward(panel, width: width, conjugate: false, nodes: blocks.forward(block))
        unsafe backward.backward(panel, width: width, conjugate: false, nodes: blocks.backward(block))
      } else {
        unsafe forward.forward(panel, width: width, conjugate: conjugatesForward, nodes: blocks.forward(k))
        unsafe backward.backward(panel, width: width, conjugate: conjugatesBackward, nodes: blocks.backward(k))
        unsafe blocks.coupling.forward(panel, width: width, conjugate: conjugatesForward, nodes: blocks.rows(k))
      }
    }
  }

  /// The doubles in a row of a panel of so many columns: what the kernels allow.
  private static func width(_ columns: Int, _ parts: Int) -> Int {
    let doubles = columns * parts
    if doubles > 8 { return (doubles + 7) / 8 * 8 }
    var width = parts
    while width < doubles { width *= 2 }
    return width
  }

  /// So many columns or a few more: whole cache lines, as far as there are.
  private static func columns(_ columns: Int, _ parts: Int) -> Int {
    columns * parts > 8 ? width(columns, parts) / parts : columns
  }
}

/// The diagonal blocks of a block triangular matrix D + F, and the triangle I + Fᵀ that couples them; its supernodes are single rows.
struct DiagonalBlocks {
  /// Where each block begins, and the order.
  var start: [Int]
  var coupling: SupernodalTriangle
  /// The first supernodes of each block in the triangles of the ascending and of the descending sweep, and the ends.
  var forwardStart: [Int]
  var backwardStart: [Int]
  /// Whether later blocks contribute to the rows of earlier ones; the other way round for transposed systems.
  var couplesEarlier: Bool

  var count: Int { start.count - 1 }
  func rows(_ k: Int) -> Range<Int> { start[k]..<start[k + 1] }
  func forward(_ k: Int) -> Range<Int> { forwardStart[k]..<forwardStart[k + 1] }
  func backward(_ k: Int) -> Range<Int> { backwardStart[k]..<backwardStart[k + 1] }
}

/// Scalars seen as the doubles that they consist of, one for a real number, two for a complex one.
enum Parts {
  /// The parts of some numbers in double precision.
  static func doubles<Element: Scalar>(_ values: [Element]) -> [Double] {
    if let values = values as? [Double] { return values }
    let count = values.count * (Element.isComplex ? 2 : 1)
    return unsafe values.withUnsafeBytes { bytes in
      unsafe Element.scalarKind.isSinglePrecision
        ? bytes.bindMemory(to: Float.self).prefix(count).map { Double($0) }
        : [Double](bytes.bindMemory(to: Double.self).prefix(count))
    }
  }

  /// Numbers from their parts, rounded to their precision.
  static func numbers<Element: Scalar>(_ parts: [Double]) -> [Element] {
    if let same = parts as? [Element] { return same }
    guard Element.isComplex else { return parts.map { Element(double: $0) } }
    return (0..<(parts.count / 2)).map { Element(real: parts[2 * $0], imaginary: parts[2 * $0 + 1]) }
  }
}
