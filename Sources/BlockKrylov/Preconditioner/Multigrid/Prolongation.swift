internal import ComplexModule
internal import RealModule

/// The tentative prolongation of smoothed aggregation: near-null vectors cut at the borders of the groups and made orthonormal in each.
///
/// P₀·C₁ = C₀ holds for the near-null vectors C₀ of this level and C₁ of the next, in rows that belong to a group. A vector that
/// depends on the others in a group is dropped there.
struct TentativeProlongation<S: Scalar> {
  /// P₀.
  let matrix: CSRMatrix<S>
  /// C₁.
  let candidates: BlockVector<S>
  /// The first unknown of each node of the next level, and the number of unknowns; `nil` when each node has one.
  let nodeStart: [Int]?

  /// - Parameters:
  ///   - candidates: C₀.
  ///   - nodeStart: as of a `StrengthGraph`.
  /// - Complexity: 4·n·k² flops for k vectors.
  @specialized(where S == Double)
  @specialized(where S == Float)
  @specialized(where S == Complex<Double>)
  @specialized(where S == Complex<Float>)
  init(_ groups: Aggregates, candidates c0: BlockVector<S>, nodeStart: [Int]?) {
    let (rows, k) = (c0.rows, c0.columns)
    let members = Self.members(of: groups, nodeStart, rows)
    var q = c0.entriesByRow
    var coarse: [S] = []
    coarse.reserveCapacity(groups.count * k)
    var starts = [0]
    starts.reserveCapacity(groups.count + 1)
    // The group's vectors that are left, and the first unknown that they become.
    var (kept, firstOf) = ([[Int]](), [Int32](repeating: 0, count: groups.count))
    let everyVector = Array(0..<k)
    for group in 0..<groups.count {
      let list = members.list[members.start[group]..<members.start[group + 1]]
      var r = [S](repeating: 0, count: k * k)
      var vectors: [Int] = []
      for c in 0..<k {
        let before = Self.norm(q, list, k, c)
        // Twice, since once is not enough for nearly dependent vectors.
        for _ in 0..<(vectors.isEmpty ? 0 : 2) {
          for v in vectors {
            var product: S = 0
            for i in list { product += q[i * k + v].conjugate * q[i * k + c] }
            for i in list { q[i * k + c] -= product * q[i * k + v] }
            r[v * k + c] += product
          }
        }
        let left = Self.norm(q, list, k, c)
        guard left > 0, left > Self.dependence * before else { continue }
        let inverse = S(1 / left)
        for i in list { q[i * k + c] *= inverse }
        r[c * k + c] = S(left)
        vectors.append(c)
      }
      firstOf[group] = Int32(truncatingIfNeeded: starts[group])
      for v in vectors { coarse += r[(v * k)..<((v + 1) * k)] }
      starts.append(starts[group] + vectors.count)
      kept.append(vectors.count == k ? everyVector : vectors)
    }
    var rowsOfP = CompressedRows<S>(rows: rows, capacity: rows * k)
    var node = 0
    for i in 0..<rows {
      if let nodeStart { while i >= nodeStart[node + 1] { node += 1 } } else { node = i }
      let group = Int(groups.groupOf[node])
      if group >= 0 {
        for (offset, v) in kept[group].enumerated() {
          rowsOfP.append(q[i * k + v], column: firstOf[group] + Int32(truncatingIfNeeded: offset))
        }
      }
      rowsOfP.endRow()
    }
    matrix = CSRMatrix(
      uncheckedRows: rows, columns: starts[groups.count], rowStart: rowsOfP.start, columnIndex: rowsOfP.index,
      values: rowsOfP.value)
    candidates = BlockVector(rows: starts[groups.count], columns: k) { coarse[$0 * k + $1] }
    self.nodeStart = k == 1 && starts[groups.count] == groups.count ? nil : starts
  }

  /// A vector of which less than this is left counts as dependent.
  private static var dependence: S.Magnitude { S.Magnitude(S.unitRoundoff.squareRoot()) }

  @inline(__always)
  private static func norm(_ q: [S], _ list: ArraySlice<Int>, _ k: Int, _ c: Int) -> S.Magnitude {
    var sum: S.Magnitude = 0
    for i in list {
      let (re, im) = (q[i * k + c].realPart, q[i * k + c].imaginaryPart)
      sum += re * re + im * im
    }
    return sum.squareRoot()
  }

  /// The unknowns of each group, ascending.
  private static func members(of groups: Aggregates, _ nodeStart: [Int]?, _ rows: Int) -> (start: [Int], list: [Int]) {
    var start = [Int](repeating: 0, count: groups.count + 1)
    func unknowns(_ node: Int) -> Range<Int> { nodeStart.map { $0[node]..<$0[node + 1] } ?? node..<(node + 1) }
    for node in groups.groupOf.indices where groups.groupOf[node] >= 0 {
      start[Int(groups.groupOf[node]) + 1] += unknowns(node).count
    }
    for group in 0..<groups.count { start[group + 1] += start[group] }
    var (next, list) = (start, [Int](repeating: 0, count: start[groups.count]))
    for node in groups.groupOf.indices where groups.groupOf[node] >= 0 {
      let group = Int(groups.groupOf[node])
      for i in unknowns(node) {
        list[next[group]] = i
        next[group] += 1
      }
    }
    return (start, list)
  }
}

extension BlockVector {
  /// The entries row by row, without padding.
  fileprivate var entriesByRow: [Element] {
    var result = [Element](repeating: 0, count: rows * columns)
    for i in 0..<rows { for j in 0..<columns { result[i * columns + j] = self[i, j] } }
    return result
  }
}

extension CSRMatrix {
  /// I − ω·D⁻¹·A_F: a step of damped Jacobi for the matrix without its weak couplings, which smooths a tentative prolongation.
  ///
  /// A_F leaves out what couples nodes weakly, and makes up for it on its diagonal, so that it does to the near-null vector that is largest in
  /// a row what A does. Where the diagonal would not stay positive the row keeps its own.
  ///
  /// - Parameters:
  ///   - near: the near-null vectors of this level.
  ///   - damping: ω.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  func prolongationSmoother(
    _ graph: StrengthGraph, nodeStart: [Int]?, near: BlockVector<Element>, damping: Double
  ) -> CSRMatrix {
    let (vectors, k) = (near.entriesByRow, near.columns)
    var result = CompressedRows<Element>(rows: rows, capacity: nonzeros)
    var nodeOf: [Int32]?
    if let nodeStart {
      var list = [Int32](repeating: 0, count: rows)
      for node in 0..<(nodeStart.count - 1) {
        for i in nodeStart[node]..<nodeStart[node + 1] { list[i] = Int32(truncatingIfNeeded: node) }
      }
      nodeOf = list
    }
    for i in 0..<rows {
      let node = Int(nodeOf?[i] ?? Int32(truncatingIfNeeded: i))
      let range = rowStart[i]..<rowStart[i + 1]
      func isStrong(_ other: Int32, _ next: inout Int) -> Bool {
        if other == node { return true }
        while next < graph.start[node + 1], graph.neighbour[next] < other { next += 1 }
        return next < graph.start[node + 1] && graph.neighbour[next] == other
      }
      var main = 0
      for c in 1..<max(k, 1) where vectors[i * k + c].modulus > vectors[i * k + main].modulus { main = c }
      let scale: Element = vectors[i * k + main] == 0 ? 0 : 1 / vectors[i * k + main]
      var next = graph.start[node]
      var (own, dropped): (Element, Element) = (0, 0)
      for l in range {
        let j = columnIndex[l]
        if j == i {
          own = values[l]
        } else if !isStrong(nodeOf?[Int(j)] ?? j, &next) {
          dropped += values[l] * vectors[Int(j) * k + main]
        }
      }
      var diagonal = own + dropped * scale
      if !(diagonal.realPart > Element.Magnitude(0.1) * own.realPart) { diagonal = own }
      let factor = Element(double: -damping) / diagonal
      next = graph.start[node]
      for l in range {
        let j = columnIndex[l]
        if j == i {
          result.append(1 + factor * diagonal, column: j)
        } else if isStrong(nodeOf?[Int(j)] ?? j, &next) {
          result.append(factor * values[l], column: j)
        }
      }
      result.endRow()
    }
    return CSRMatrix(
      uncheckedRows: rows, columns: columns, rowStart: result.start, columnIndex: result.index, values: result.value)
  }
}
