/// Operations on whole blocks, row by row, split over threads. Shapes are the caller's duty and are checked as preconditions.
extension BlockVector {
  private var rowBytes: Int { columns * MemoryLayout<Element>.stride }

  /// self = alpha·X + beta·self; without `beta` the old numbers are not read, so they may be NaN.
  package mutating func combine(_ alpha: Element, _ x: BlockVector, _ beta: Element? = nil) {
    precondition(x.rows == rows && x.columns == columns)
    let (target, source, ld, ldx, m) = unsafe (mutableBase(), x.base, stride, x.stride, columns)
    Parallel.rows(rows, bytesPerRow: 3 * rowBytes) { range in
      unsafe Kernels<Element>.combine(
        range.count, m, alpha, source + range.lowerBound * ldx, ldx, beta, target + range.lowerBound * ld, ld)
    }
  }

  /// self = alpha·self.
  mutating func scale(by alpha: Element) {
    let (target, ld, m) = unsafe (mutableBase(), stride, columns)
    Parallel.rows(rows, bytesPerRow: 2 * rowBytes) { range in
      let row = unsafe target + range.lowerBound * ld
      unsafe Kernels<Element>.combine(range.count, m, alpha, row, ld, nil, row, ld)
    }
  }

  /// self = X.
  mutating func copy(from x: BlockVector) { combine(1, x) }

  /// self = X, rounded where X has the wider parts. Both are real or both complex.
  package mutating func copy<Other: Scalar>(rounding x: BlockVector<Other>) {
    precondition(x.rows == rows && x.columns == columns && Other.isComplex == Element.isComplex)
    if let same = x as? BlockVector { return copy(from: same) }
    let (target, source, ld, ldx, m) = unsafe (mutableBase(), x.base, stride, x.stride, columns)
    Parallel.rows(rows, bytesPerRow: 2 * rowBytes) { range in
      unsafe Kernels<Other>.convertPrecision(
        range.count, m, source + range.lowerBound * ldx, ldx, target + range.lowerBound * ld, ld)
    }
  }

  /// self = 0.
  mutating func setZero() {
    let (target, ld, m) = unsafe (mutableBase(), stride, columns)
    for i in 0..<rows { unsafe (target + i * ld).update(repeating: 0, count: m) }
  }

  /// self = X·diag(s).
  mutating func scaleColumns(of x: BlockVector, by s: [Element.Magnitude]) {
    precondition(x.rows == rows && x.columns == columns && s.count >= columns)
    let (target, source, ld, ldx, m) = unsafe (mutableBase(), x.base, stride, x.stride, columns)
    unsafe s.withUnsafeBufferPointer { s in
      guard let s = s.baseAddress else { return }
      Parallel.rows(rows, bytesPerRow: 2 * rowBytes) { range in
        unsafe Kernels<Element>.scaleColumns(
          range.count, m, s, source + range.lowerBound * ldx, ldx, target + range.lowerBound * ld, ld)
      }
    }
  }

  /// self = self·diag(s).
  mutating func scaleColumns(by s: [Element.Magnitude]) {
    precondition(s.count >= columns)
    let (target, ld, m) = unsafe (mutableBase(), stride, columns)
    unsafe s.withUnsafeBufferPointer { s in
      guard let s = s.baseAddress else { return }
      Parallel.rows(rows, bytesPerRow: 2 * rowBytes) { range in
        let row = unsafe target + range.lowerBound * ld
        unsafe Kernels<Element>.scaleColumns(range.count, m, s, row, ld, row, ld)
      }
    }
  }

  /// self = diag(d)·X.
  mutating func scaleRows(of x: BlockVector, by d: [Element]) {
    precondition(x.rows == rows && x.columns == columns && d.count == rows)
    let (target, source, ld, ldx, m) = unsafe (mutableBase(), x.base, stride, x.stride, columns)
    unsafe d.withUnsafeBufferPointer { d in
      guard let d = d.baseAddress else { return }
      Parallel.rows(rows, bytesPerRow: 2 * rowBytes) { range in
        unsafe Kernels<Element>.scaleRows(
          range.count, m, d + range.lowerBound, source + range.lowerBound * ldx, ldx, target + range.lowerBound * ld, ld)
      }
    }
  }

  /// self = diag(d)·self.
  mutating func scaleRows(by d: [Element]) {
    precondition(d.count == rows)
    let (target, ld, m) = unsafe (mutableBase(), stride, columns)
    unsafe d.withUnsafeBufferPointer { d in
      guard let d = d.baseAddress else { return }
      Parallel.rows(rows, bytesPerRow: 2 * rowBytes) { range in
        let row = unsafe target + range.lowerBound * ld
        unsafe Kernels<Element>.scaleRows(range.count, m, d + range.lowerBound, row, ld, row, ld)
      }
    }
  }

  /// self[:, k] = X[:, list[k]].
  mutating func gatherColumns(_ list: [Int], of x: BlockVector) {
    precondition(x.rows == rows && columns == list.count)
    let (target, source, ld, ldx) = unsafe (mutableBase(), x.base, stride, x.stride)
    unsafe list.withUnsafeBufferPointer { list in
      Parallel.rows(rows, bytesPerRow: rowBytes + Swift.min(x.rowBytes, 64 * list.count)) { range in
        unsafe Kernels<Element>.gatherColumns(
          range.count, list, source + range.lowerBound * ldx, ldx, target + range.lowerBound * ld, ld)
      }
    }
  }

  /// Some columns as a block; without a copy when they are all of them.
  func picking(_ list: [Int]) -> BlockVector {
    if list.count == columns { return self }
    var part = BlockVector(rows: rows, columns: list.count)
    part.gatherColumns(list, of: self)
    return part
  }

  /// self[:, list[k]] = X[:, k].
  ///
  /// - Parameter streaming: whether what is written will not be wanted soon.
  mutating func scatterColumns(_ list: [Int], from x: BlockVector, streaming: Bool = false) {
    precondition(x.rows == rows && x.columns == list.count)
    let (target, source, ld, ldx) = unsafe (mutableBase(), x.base, stride, x.stride)
    unsafe list.withUnsafeBufferPointer { list in
      Parallel.rows(rows, bytesPerRow: 2 * rowBytes) { range in
        unsafe Kernels<Element>.scatterColumns(
          range.count, list, source + range.lowerBound * ldx, ldx, target + range.lowerBound * ld, ld, streaming: streaming)
      }
    }
  }

  /// self[i, :] = X[list[i], :].
  mutating func gatherRows(_ list: [Int], of x: BlockVector) {
    precondition(list.count == rows && x.columns == columns)
    let (target, source, ld, ldx, m) = unsafe (mutableBase(), x.base, stride, x.stride, columns)
    unsafe list.withUnsafeBufferPointer { list in
      guard let list = list.baseAddress else { return }
      Parallel.rows(rows, bytesPerRow: 2 * rowBytes) { range in
        unsafe Kernels<Element>.gatherRows(
          range.count, m, list + range.lowerBound, source, ldx, target + range.lowerBound * ld, ld)
      }
    }
  }

  /// self[list[i], :] = X[i, :]; `list` is a permutation.
  mutating func scatterRows(_ list: [Int], from x: BlockVector) {
    precondition(list.count == x.rows && x.columns == columns)
    let (target, source, ld, ldx, m) = unsafe (mutableBase(), x.base, stride, x.stride, columns)
    unsafe list.withUnsafeBufferPointer { list in
      guard let list = list.baseAddress else { return }
      Parallel.rows(x.rows, bytesPerRow: 2 * rowBytes) { range in
        unsafe Kernels<Element>.scatterRows(
          range.count, m, list + range.lowerBound, source + range.lowerBound * ldx, ldx, target, ld)
      }
    }
  }

  /// Runs `body` on ranges of columns, on threads where the block is large; the arithmetic of a column depends on no other.
  private func overColumns(_ body: (Range<Int>) -> Void) {
    let wholeLine = max(1, 64 / MemoryLayout<Element>.stride)
    let lines = (columns + wholeLine - 1) / wholeLine
    let parts = min(Parallel.threads(forBytes: rows * rowBytes), max(lines, 1))
    if parts == 1 { return body(0..<columns) }
    WorkerPool.shared.run(parts) { part in
      body(min(columns, lines * part / parts * wholeLine)..<min(columns, lines * (part + 1) / parts * wholeLine))
    }
  }

  /// max |entry| of each column, the larger of both parts for a complex one; NaN when the column holds a NaN.
  public func columnMaxima() -> [Double] {
    var result = [Double](repeating: 0, count: columns)
    columnMaxima(into: &result)
    return result
  }

  /// As `columnMaxima()`, into memory that is there.
  func columnMaxima(into result: inout [Double]) {
    precondition(result.count >= columns)
    let (source, ld, m) = unsafe (base, stride, columns)
    unsafe withUnsafeTemporaryAllocation(of: Element.Magnitude.self, capacity: max(m, 1)) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      overColumns { unsafe Kernels<Element>.columnMaxima(rows, $0.count, source + $0.lowerBound, ld, scratch + $0.lowerBound) }
      for j in 0..<m { unsafe result[j] = Double(scratch[j]) }
    }
  }

  /// `columnMaxima()` and ‖column‖₂ by plain sums of squares, which may overflow or underflow, in one pass over memory.
  fileprivate func columnMaximaAndNorms() -> (maxima: [Double], norms: [Double]) {
    let (source, ld, m) = unsafe (base, stride, columns)
    var (maxima, norms) = ([Double](repeating: 0, count: m), [Double](repeating: 0, count: m))
    unsafe maxima.withUnsafeMutableBufferPointer { maxima in
      unsafe norms.withUnsafeMutableBufferPointer { norms in
        overColumns { range in
          unsafe withUnsafeTemporaryAllocation(of: Element.Magnitude.self, capacity: 2 * max(range.count, 1)) { scratch in
            guard let most = scratch.baseAddress else { return }
            let squares = unsafe most + range.count
            // So many rows that the second kernel finds them in the cache.
            let rowsAtOnce = max(256, Self.bytesAtOnce / max(1, range.count * MemoryLayout<Element>.stride) / 256 * 256)
            for first in Swift.stride(from: 0, to: rows, by: rowsAtOnce) {
              let (count, rows) = unsafe (min(rowsAtOnce, rows - first), source + first * ld + range.lowerBound)
              unsafe Kernels<Element>.columnMaxima(count, range.count, rows, ld, most)
              unsafe Kernels<Element>.columnSquares(count, range.count, rows, ld, squares)
              for (k, j) in range.enumerated() {
                let value = unsafe Double(most[k])
                // NaN stays once it is there.
                if unsafe value > maxima[j] || value.isNaN { unsafe maxima[j] = value }
                unsafe norms[j] += Double(squares[k])
              }
            }
          }
          for j in range { unsafe norms[j] = norms[j].squareRoot() }
        }
      }
    }
    return (maxima, norms)
  }
  private static var bytesAtOnce: Int { 1 << 17 }

  /// ‖column‖₂ of each column, without undue overflow or underflow; NaN or infinity for a column that is not finite.
  public func columnNorms() -> [Double] {
    let scaling = ColumnScaling<Element>(of: self)
    if scaling.isTrivial { return scaling.plainNorms }
    let scaled = columnNorms(scaling)
    return (0..<columns).map { scaled[$0] * Double(scaling.inverses[$0]) }
  }

  /// ‖column‖₂ of each column after scaling.
  func columnNorms(_ scaling: ColumnScaling<Element>) -> [Double] {
    if scaling.isTrivial { return scaling.plainNorms }
    var scaled = self
    scaled.scaleColumns(by: scaling.factors)
    let (source, ld, m) = unsafe (scaled.base, scaled.stride, columns)
    var result = [Double](repeating: 0, count: columns)
    unsafe withUnsafeTemporaryAllocation(of: Element.Magnitude.self, capacity: max(m, 1)) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      overColumns { unsafe Kernels<Element>.columnSquares(rows, $0.count, source + $0.lowerBound, ld, scratch + $0.lowerBound) }
      for j in 0..<m { unsafe result[j] = Double(scratch[j]).squareRoot() }
    }
    return result
  }
}

extension BlockVector {
  /// Fills the block with reproducible random numbers of absolute value below 1.
  mutating func fillRandom(seed: UInt64) {
    var state = seed
    func next() -> Double {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return Double((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1
    }
    for i in 0..<rows {
      for j in 0..<columns {
        let re = next()
        self[i, j] = Element(real: re, imaginary: Element.isComplex ? next() : 0)
      }
    }
  }
}

/// Powers of two that bring the largest entry of each column into [½, 1), so that squares neither overflow nor underflow.
///
/// Powers of two make the scaling exact: a column times 10⁻¹² goes through the same roundings as the column itself.
struct ColumnScaling<Element: Scalar> {
  /// What to multiply column j by; 1 for a column that is zero or not finite.
  let factors: [Element.Magnitude]
  /// 1 / factors.
  let inverses: [Element.Magnitude]
  /// max |entry| of each column before scaling, NaN or infinite where the column is not finite.
  let maxima: [Double]
  /// ‖column‖₂ of each column as it is, of use where no column is scaled.
  fileprivate let plainNorms: [Double]

  /// Columns whose squares are far from overflow and underflow stay as they are, which spares the copies.
  ///
  /// - Parameter columnsMeet: whether products of columns are formed, so that less is moderate.
  init(of block: BlockVector<Element>, columnsMeet: Bool = true) {
    (maxima, plainNorms) = block.columnMaximaAndNorms()
    // Neither power may be subnormal or overflow.
    let largest = -Int(Element.Magnitude.leastNormalMagnitude.exponent)
    let moderate = columnsMeet ? largest / 16 : largest / 6
    let exponents = maxima.map { maximum in
      guard maximum > 0, maximum.isFinite else { return 0 }
      let exponent = Int(maximum.exponent) + 1
      return abs(exponent) <= moderate ? 0 : min(max(exponent, -largest), largest)
    }
    factors = exponents.map { Element.Magnitude(sign: .plus, exponent: Element.Magnitude.Exponent(-$0), significand: 1) }
    inverses = exponents.map { Element.Magnitude(sign: .plus, exponent: Element.Magnitude.Exponent($0), significand: 1) }
  }

  var isTrivial: Bool { factors.allSatisfy { $0 == 1 } }
}
