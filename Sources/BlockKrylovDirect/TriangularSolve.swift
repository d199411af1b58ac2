internal import BlockKrylov
internal import CDirectKernels

/// The solution of one system by triangular factors, for whole blocks: rows are loaded into a panel in one order, swept by two
/// triangles, and stored in another order.
///
/// Many columns make panels, which are spread over threads; a single panel is shared by them along the elimination tree. Columns do not
/// meet, and their arithmetic depends neither on the panel's width nor on how the work is shared: the result has the same bits for any
/// number of threads, and each column has the bits that it has alone.
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
  /// The fewest columns, in doubles, that are worth a thread of their own where the tree cannot be shared: each reads the whole factor.
  private static var leastShared: Int { 8 }

  /// Whether the elimination tree of both triangles has subtrees to share.
  private var hasSubtrees: Bool { blocks == nil && forward.bins > 1 && backward.bins > 1 }

  /// X = op(A)⁻¹·B, or X = base + op(A)⁻¹·B; the shapes fit.
  ///
  /// - Returns: the largest modulus of a real or imaginary part in each column of X; NaN where a number is not finite.
  @discardableResult
  func solve<Element: Scalar>(
    _ b: BlockVector<Element>, plus base: BlockVector<Element>? = nil, into x: inout BlockVector<Element>
  ) -> [Double] {
    let (n, m, parts) = (forward.order, b.columns, forward.isComplex ? 2 : 1)
    guard n > 0, m > 0 else { return [Double](repeating: 0, count: m) }
    let (doubles, threads) = (m * parts, Threads.count)
    var panels = (doubles + Self.widestPanel - 1) / Self.widestPanel
    let sharesPanels = panels < threads && hasSubtrees
    if !sharesPanels { panels = max(panels, min(threads, doubles / Self.leastShared)) }
    let columns = Self.columns((m + panels - 1) / panels, parts)
    let count = (m + columns - 1) / columns
    let workers = sharesPanels ? 1 : min(threads, count)
    var maxima = [Double](repeating: 0, count: doubles)
    let bytes = forward.storedBytes + backward.storedBytes
    unsafe maxima.withUnsafeMutableBufferPointer { maxima in
      unsafe b.withUnsafeElements { source, ldb in
        unsafe (base ?? b).withUnsafeElements { old, ldbase in
          unsafe x.withUnsafeMutableElements { target, ldx in
            guard let source = source.baseAddress, let target = target.baseAddress, let maxima = maxima.baseAddress else {
              return
            }
            let old = base == nil ? nil : old.baseAddress
            Parallel.parts(workers, bytes: bytes * m) { worker in
              unsafe forward.panels.with(panelRows * Self.width(min(columns, m), parts)) { panel in
                for k in (count * worker / workers)..<(count * (worker + 1) / workers) {
                  let (low, high) = (k * columns, min(m, (k + 1) * columns))
                  let rows = unsafe PanelRows(
                    width: Self.width(high - low, parts), columns: high - low, source: source + low, ldb: ldb,
                    base: old.map { unsafe $0 + low }, ldbase: ldbase, target: target + low, ldx: ldx,
                    maxima: maxima + low * parts)
                  unsafe solve(rows, panel, threads: sharesPanels ? Parallel.threads(forBytes: bytes) : 1)
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

  /// The rows of a panel, and rows behind them for what bins of the tree contribute to others.
  var panelRows: Int { max(forward.panelRows, backward.order) }

  /// Where a panel's columns come from and go to.
  @safe private struct PanelRows<Element: Scalar> {
    /// The doubles in a row of the panel, and its columns.
    let width: Int
    let columns: Int
    let source: UnsafePointer<Element>
    let ldb: Int
    let base: UnsafePointer<Element>?
    let ldbase: Int
    let target: UnsafeMutablePointer<Element>
    let ldx: Int
    /// The largest modulus of each column and part.
    let maxima: UnsafeMutablePointer<Double>

    private var type: bkd_scalar { bkd_scalar(rawValue: UInt32(Element.scalarKind.rawValue)) }
    private var doubles: Int { columns * (Element.isComplex ? 2 : 1) }

    func load(_ rows: Range<Int>, _ order: [Int32], _ scale: [Double]?, into panel: UnsafeMutablePointer<Double>) {
      unsafe order.withUnsafeBufferPointer { order in
        guard let order = order.baseAddress else { return }
        unsafe bkd_load(
          type, Int64(rows.count), order + rows.lowerBound, scale, Int64(columns), source, Int64(ldb),
          panel + rows.lowerBound * width, Int64(width))
      }
    }

    func store(
      _ rows: Range<Int>, _ order: [Int32], _ scale: [Double]?, from panel: UnsafeMutablePointer<Double>,
      maxima: UnsafeMutablePointer<Double>
    ) {
      unsafe order.withUnsafeBufferPointer { order in
        guard let order = order.baseAddress else { return }
        unsafe bkd_store(
          type, Int64(rows.count), order + rows.lowerBound, scale, Int64(columns), panel + rows.lowerBound * width, Int64(width),
          base, Int64(ldbase), target, Int64(ldx), maxima)
      }
    }

    /// Takes over the maxima of a part of the rows.
    func note(_ part: ArraySlice<Double>) {
      for (j, value) in part.prefix(doubles).enumerated() {
        let most = unsafe maxima[j]
        if most.isNaN || value <= most { continue }
        unsafe maxima[j] = value
      }
    }
  }

  /// Solves for the columns of one panel.
  private func solve<Element: Scalar>(_ rows: PanelRows<Element>, _ panel: UnsafeMutablePointer<Double>, threads: Int) {
    let (n, width) = (forward.order, rows.width)
    func slice(_ part: Int) -> Range<Int> { (n * part / threads)..<(n * (part + 1) / threads) }
    Parallel.run(threads) { unsafe rows.load(slice($0), loadOrder, loadScale, into: panel) }
    unsafe sweep(panel, width: width, threads: threads)
    var maxima = [Double](repeating: 0, count: threads * Self.widestPanel)
    unsafe maxima.withUnsafeMutableBufferPointer { maxima in
      guard let maxima = maxima.baseAddress else { return }
      Parallel.run(threads) {
        unsafe rows.store(slice($0), storeOrder, storeScale, from: panel, maxima: maxima + $0 * Self.widestPanel)
      }
    }
    for part in 0..<threads { rows.note(maxima[(part * Self.widestPanel)...]) }
  }

  private func sweep(_ panel: UnsafeMutablePointer<Double>, width: Int, threads: Int) {
    guard let blocks else {
      // Below the cut of the tree threads have bins of subtrees, above it columns.
      let shares = width > 8 ? min(threads, width / 8) : 1
      func columns(_ part: Int) -> Range<Int> {
        shares == 1 ? 0..<width : (width / 8 * part / shares * 8)..<(width / 8 * (part + 1) / shares * 8)
      }
      Parallel.run(forward.bins, threads: threads) {
        unsafe forward.forward(bin: $0, panel, width: width, conjugate: conjugatesForward)
      }
      Parallel.run(shares) {
        unsafe forward.forwardAbove(panel, width: width, columns: columns($0), conjugate: conjugatesForward)
      }
      if let middleScale { unsafe bkd_scale(Int64(forward.order), middleScale, panel, Int64(width)) }
      Parallel.run(shares) {
        unsafe backward.backwardAbove(panel, width: width, columns: columns($0), conjugate: conjugatesBackward)
      }
      Parallel.run(backward.bins, threads: threads) {
        unsafe backward.backward(bin: $0, panel, width: width, conjugate: conjugatesBackward)
      }
      return
    }
    unsafe sweep(blocks, 0..<blocks.count, panel, width: width)
  }

  /// Solves for some diagonal blocks, the others contributing nothing.
  func sweep(_ blocks: DiagonalBlocks, _ range: Range<Int>, _ panel: UnsafeMutablePointer<Double>, width: Int) {
    guard blocks.couplesEarlier else {
      for k in range {
        unsafe forward.forward(panel, width: width, conjugate: conjugatesForward, nodes: blocks.forward(k))
        unsafe backward.backward(panel, width: width, conjugate: conjugatesBackward, nodes: blocks.backward(k))
        unsafe blocks.coupling.forward(panel, width: width, conjugate: conjugatesForward, nodes: blocks.rows(k))
      }
      return
    }
    for k in range.reversed() {
      // The rows of a block are free of what the later blocks contribute once these are solved.
      unsafe blocks.coupling.backward(panel, width: width, conjugate: false, nodes: blocks.rows(k))
      unsafe forward.forward(panel, width: width, conjugate: false, nodes: blocks.forward(k))
      unsafe backward.backward(panel, width: width, conjugate: false, nodes: blocks.backward(k))
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
    // A cast of the array would ask for the type of each element.
    if Element.self == Double.self { return unsafe unsafeBitCast(values, to: [Double].self) }
    let count = values.count * (Element.isComplex ? 2 : 1)
    return unsafe values.withUnsafeBytes { bytes in
      unsafe Element.scalarKind.isSinglePrecision
        ? bytes.bindMemory(to: Float.self).prefix(count).map { Double($0) }
        : [Double](bytes.bindMemory(to: Double.self).prefix(count))
    }
  }

  /// Numbers from their parts, rounded to their precision.
  static func numbers<Element: Scalar>(_ parts: [Double]) -> [Element] {
    if Element.self == Double.self { return unsafe unsafeBitCast(parts, to: [Element].self) }
    guard Element.isComplex else { return parts.map { Element(double: $0) } }
    return (0..<(parts.count / 2)).map { Element(real: parts[2 * $0], imaginary: parts[2 * $0 + 1]) }
  }
}
