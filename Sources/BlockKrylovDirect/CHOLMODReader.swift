internal import CSuiteSparse

/// Reads L out of CHOLMOD's structure.
@safe struct CHOLMODReader {
  let factor: cholmod_factor
  let isComplex: Bool
  let order: Int
  var parts: Int { isComplex ? 2 : 1 }

  private func integers(_ pointer: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Int> {
    unsafe pointer.assumingMemoryBound(to: Int.self)
  }
  private var numbers: UnsafeMutablePointer<Double> { unsafe factor.x.assumingMemoryBound(to: Double.self) }

  /// d_i, or l_ii².
  func pivots() -> [Double] {
    var result = [Double](repeating: 0, count: order)
    let x = unsafe numbers
    if unsafe factor.is_super == 0 {
      let start = unsafe integers(factor.p)
      for j in 0..<order { unsafe result[j] = x[start[j] * parts] }
    } else {
      let (first, list, place) = unsafe (integers(factor.`super`), integers(factor.pi), integers(factor.px))
      for s in unsafe 0..<Int(factor.nsuper) {
        let rows = unsafe list[s + 1] - list[s]
        for j in unsafe first[s]..<first[s + 1] {
          unsafe result[j] = x[(place[s] + (j - first[s]) * (rows + 1)) * parts]
        }
      }
    }
    return unsafe factor.is_ll != 0 ? result.map { $0 * $0 } : result
  }

  /// Packed columns, the diagonal (or D) first.
  func simplicialTriangle(unit: Bool) -> SupernodalTriangle {
    let (start, count, row, x) = unsafe (integers(factor.p), integers(factor.nz), integers(factor.i), numbers)
    var columns = LowerColumns(order: order, isComplex: isComplex)
    for j in 0..<order {
      let (from, to) = unsafe (start[j], start[j] + count[j])
      unsafe columns.diagonal[j * parts] = x[from * parts]
      for k in (from + 1)..<max(to, from + 1) {
        // Stored zeros come from supernodes that CHOLMOD had relaxed.
        if unsafe x[k * parts] == 0 && (parts == 1 || x[k * parts + 1] == 0) { continue }
        unsafe columns.row.append(Int32(truncatingIfNeeded: row[k]))
        for p in 0..<parts { unsafe columns.value.append(x[k * parts + p]) }
      }
      columns.start[j + 1] = columns.row.count
    }
    return SupernodalTriangle(columns, diagonal: unit ? .unit : .stored)
  }

  /// CHOLMOD's supernodes are column-major; wide ones are cut into parts that fit a cache.
  func supernodalTriangle() -> SupernodalTriangle {
    let (superFirst, listStart) = unsafe (integers(factor.`super`), integers(factor.pi))
    let (place, list, x) = unsafe (integers(factor.px), integers(factor.s), numbers)
    var first: [Int] = []
    var home: [(supernode: Int, offset: Int)] = []
    for s in unsafe 0..<Int(factor.nsuper) {
      let width = unsafe superFirst[s + 1] - superFirst[s]
      for offset in stride(from: 0, to: width, by: Supernodes.mostColumns) {
        unsafe first.append(superFirst[s] + offset)
        home.append((s, offset))
      }
    }
    let supernodes = unsafe Supernodes(order: order, first: first) { node in
      let (s, offset) = home[node]
      let width = unsafe min(superFirst[s + 1] - superFirst[s] - offset, Supernodes.mostColumns)
      return unsafe UnsafeBufferPointer(
        start: list + (listStart[s] + offset + width), count: listStart[s + 1] - listStart[s] - offset - width)
    }
    return unsafe SupernodalTriangle(order: order, isComplex: isComplex, supernodes: supernodes) { node, width, rows, target in
      let (s, offset) = home[node]
      let height = unsafe listStart[s + 1] - listStart[s]
      for c in 0..<width {
        let source = unsafe x + (place[s] + (offset + c) * height + offset) * parts
        unsafe target[(c * width + c) * parts] = 1 / source[c * parts]
        for r in (c + 1)..<max(width + rows, c + 1) {
          for p in 0..<parts { unsafe target[(r * width + c) * parts + p] = source[r * parts + p] }
        }
      }
    }
  }
}
