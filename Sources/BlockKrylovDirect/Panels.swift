internal import BlockKrylov

/// Solves whole blocks by the factors: columns in panels, panels spread over threads.
///
/// A panel is gathered from the row-major block into contiguous columns of double precision, solved, and scattered back. Columns do
/// not meet, so that the result has the same bits for any number of threads.
extension UMFPACK.Numeric {
  /// Eight doubles are a cache line: two threads then never write to the same one, and a row of a panel is read once.
  private static var widestPanel: Int { 8 }

  /// X = op(A)⁻¹·B; the shapes fit.
  func solve<Element: Scalar>(
    _ b: BlockVector<Element>, into x: inout BlockVector<Element>, _ system: UMFPACK.System
  ) {
    let (n, m, parts) = (order, b.columns, parts)
    guard n > 0, m > 0 else { return }
    let width = max(1, min(Self.widestPanel, (m + Threads.count - 1) / Threads.count))
    let panels = (m + width - 1) / width
    unsafe b.withUnsafeElements { source, ldb in
      unsafe x.withUnsafeMutableElements { target, ldx in
        guard let source = source.baseAddress, let target = target.baseAddress else { return }
        Parallel.parts(panels, bytes: storedBytes * m) { panel in
          let columns = panel * width..<min(m, (panel + 1) * width)
          let count = n * parts * columns.count
          unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * count) { scratch in
            guard let right = scratch.baseAddress else { return }
            let solution = unsafe right + count
            unsafe Parts.gather(rows: n, columns, source, ldb, into: right)
            unsafe solve(system, columns: columns.count, right, into: solution)
            unsafe Parts.scatter(rows: n, columns, solution, into: target, ldx)
          }
        }
      }
    }
  }
}

/// Scalars seen as the floats or doubles that they consist of, one for a real number, two for a complex one.
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

  /// Columns of a row-major block into contiguous columns.
  static func gather<Element: Scalar>(
    rows: Int, _ columns: Range<Int>, _ x: UnsafePointer<Element>, _ ldx: Int, into c: UnsafeMutablePointer<Double>
  ) {
    let raw = unsafe UnsafeRawPointer(x)
    let parts = Element.isComplex ? 2 : 1
    if Element.scalarKind.isSinglePrecision {
      unsafe gather(rows, parts, columns, raw.assumingMemoryBound(to: Float.self), ldx, into: c)
    } else {
      unsafe gather(rows, parts, columns, raw.assumingMemoryBound(to: Double.self), ldx, into: c)
    }
  }

  /// Contiguous columns into columns of a row-major block, rounded to its precision.
  static func scatter<Element: Scalar>(
    rows: Int, _ columns: Range<Int>, _ c: UnsafePointer<Double>, into x: UnsafeMutablePointer<Element>, _ ldx: Int
  ) {
    let raw = UnsafeMutableRawPointer(x)
    let parts = Element.isComplex ? 2 : 1
    if Element.scalarKind.isSinglePrecision {
      unsafe scatter(rows, parts, columns, c, into: raw.assumingMemoryBound(to: Float.self), ldx)
    } else {
      unsafe scatter(rows, parts, columns, c, into: raw.assumingMemoryBound(to: Double.self), ldx)
    }
  }

  @inline(__always)
  private static func gather<Part: BinaryFloatingPoint>(
    _ rows: Int, _ parts: Int, _ columns: Range<Int>, _ x: UnsafePointer<Part>, _ ldx: Int, into c: UnsafeMutablePointer<Double>
  ) {
    for i in 0..<rows {
      for j in columns {
        let target = ((j - columns.lowerBound) * rows + i) * parts
        for p in 0..<parts { unsafe c[target + p] = Double(x[(i * ldx + j) * parts + p]) }
      }
    }
  }

  @inline(__always)
  private static func scatter<Part: BinaryFloatingPoint>(
    _ rows: Int, _ parts: Int, _ columns: Range<Int>, _ c: UnsafePointer<Double>, into x: UnsafeMutablePointer<Part>, _ ldx: Int
  ) {
    for i in 0..<rows {
      for j in columns {
        let source = ((j - columns.lowerBound) * rows + i) * parts
        for p in 0..<parts { unsafe x[(i * ldx + j) * parts + p] = Part(c[source + p]) }
      }
    }
  }
}
