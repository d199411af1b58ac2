internal import ComplexModule
internal import RealModule

/// The null vectors that a look at a square matrix proves. Where every row sums to zero up to rounding, vectors that are constant on a
/// connected part of the graph of A are mapped to zero.
struct DetectedNullSpace<Element: Scalar> {
  /// One column for each connected part: 1 on its rows.
  let right: BlockVector<Element>
  /// Null vectors of Aᴴ, where they could be found.
  let left: BlockVector<Element>?

  /// More parts than this are no null space to be projected out.
  static var mostParts: Int { 32 }

  /// - Returns: `nil` where some row does not sum to zero, or there are more parts than `mostParts`.
  /// - Complexity: O(nnz); a transposed copy of a matrix that is not tagged hermitian.
  init?(_ a: CSRMatrix<Element>) {
    let weights = [Element](repeating: 1, count: a.rows)
    guard a.rows == a.columns, a.rows > 0, Self.rowsVanish(a, weights) else { return nil }
    let part = Self.parts(a)
    guard let last = part.max(), last < Self.mostParts else { return nil }
    func indicators(_ weights: [Element]) -> BlockVector<Element> {
      BlockVector(rows: a.rows, columns: last + 1) { i, j in part[i] == j ? weights[i] : 0 }
    }
    right = indicators(weights)
    if a.structure.isHermitian(Element.self) {
      left = right
      return
    }
    let transpose = a.transposed()
    if Self.rowsVanish(transpose, weights) {
      left = right
    } else if let scales = Self.symmetrizer(a, transpose, part), Self.rowsVanish(transpose, scales) {
      // (D·A)ᵀ = D·A maps ones to zero, so dᵀA = 0.
      left = indicators(scales.map(\.conjugate))
    } else {
      left = nil
    }
  }

  /// Whether A·w vanishes to rounding, row by row.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private static func rowsVanish(_ a: CSRMatrix<Element>, _ w: [Element]) -> Bool {
    for i in 0..<a.rows {
      var (sum, size): (Element, Element.Magnitude) = (0, 0)
      for k in a.rowStart[i]..<a.rowStart[i + 1] {
        let term = a.values[k] * w[Int(a.columnIndex[k])]
        sum += term
        size += term.modulus
      }
      let rounding = Element.Magnitude(64 * Element.unitRoundoff)
      guard size > 0, size.isFinite, sum.modulus <= rounding * size else { return false }
    }
    return true
  }

  /// The connected part of each row, numbered from 0 in the order of their first rows.
  private static func parts(_ a: CSRMatrix<Element>) -> [Int] {
    var parent = Array(0..<a.rows)
    func root(_ i: Int) -> Int {
      var i = i
      while parent[i] != i {
        parent[i] = parent[parent[i]]
        i = parent[i]
      }
      return i
    }
    for i in 0..<a.rows {
      for k in a.rowStart[i]..<a.rowStart[i + 1] where a.values[k] != 0 {
        let (x, y) = (root(i), root(Int(a.columnIndex[k])))
        if x != y { parent[max(x, y)] = min(x, y) }
      }
    }
    var number = [Int](repeating: 0, count: a.rows)
    var count = 0
    for i in 0..<a.rows {
      if root(i) == i {
        number[i] = count
        count += 1
      } else {
        number[i] = number[root(i)]
      }
    }
    return number
  }

  /// d with d_i·a_ij = d_j·a_ji along a tree in each part, and d = 1 at its root; `nil` where an entry has no counterpart. That the others
  /// agree is for the caller to check.
  private static func symmetrizer(_ a: CSRMatrix<Element>, _ transpose: CSRMatrix<Element>, _ part: [Int]) -> [Element]? {
    guard a.rowStart == transpose.rowStart, a.columnIndex == transpose.columnIndex else { return nil }
    var scales = [Element](repeating: 0, count: a.rows)
    var queue: [Int] = []
    for start in 0..<a.rows where scales[start] == 0 {
      scales[start] = 1
      queue.append(start)
      while let i = queue.popLast() {
        for k in a.rowStart[i]..<a.rowStart[i + 1] {
          let j = Int(a.columnIndex[k])
          guard scales[j] == 0, a.values[k] != 0, transpose.values[k] != 0 else { continue }
          scales[j] = scales[i] * a.values[k] / transpose.values[k]
          guard scales[j].isFinite, scales[j] != 0 else { return nil }
          queue.append(j)
        }
      }
    }
    return scales
  }
}
