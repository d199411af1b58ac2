/// Numberings of the unknowns by which neighbours in the graph of A are neighbours in memory.
extension CSRMatrix {
  /// The reverse Cuthill–McKee order of a square matrix: unknown `order[k]` comes k-th.
  ///
  /// Level by level from an end of the graph of A + Aᵀ, neighbours of few neighbours first, and all of it backwards (E. Cuthill and
  /// J. McKee, Proc. 24th Nat. Conf. ACM, 1969; J. A. George, Stanford report STAN-CS-71-208, 1971). The end is a pseudo-peripheral node
  /// (A. George and J. W. H. Liu, ACM Trans. Math. Softw. 5, 1979): from any node the farthest one of fewest neighbours, while that is
  /// farther from its own farthest one. Parts of the graph without a connection follow each other. Entries gather near the diagonal, so that
  /// products find rows of X in cache, and IC(0) and ILU(0) drop less.
  ///
  /// - Returns: each of 0 ..< rows once.
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a matrix that is not square.
  /// - Complexity: about ten passes over the pattern and a sort of each node's neighbours; memory for three copies of the pattern's indices.
  public func reverseCuthillMcKee() throws -> [Int] {
    guard rows == columns else {
      throw BlockKrylovError.shape("only the unknowns of a square matrix can be numbered anew; this one is \(rows) × \(columns)")
    }
    var graph = LevelStructure(self)
    var order: [Int] = []
    order.reserveCapacity(rows)
    for node in 0..<rows where !graph.isNumbered[node] { graph.number(from: graph.peripheralNode(near: node), into: &order) }
    return order.reversed()
  }

  /// Row i and column j of the result are row `order[i]` and column `order[j]` of A.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a matrix that is not square and for an order that is no permutation of its rows.
  /// - Complexity: a pass over A and a sort of each row.
  public func renumbered(by order: [Int]) throws -> CSRMatrix {
    var seen = [Bool](repeating: false, count: rows)
    var isOrder = rows == columns && order.count == rows
    if isOrder {
      for k in order {
        guard seen.indices.contains(k), !seen[k] else {
          isOrder = false
          break
        }
        seen[k] = true
      }
    }
    guard isOrder else {
      throw BlockKrylovError.shape(
        "an order of a matrix of \(rows) × \(columns) has each of 0 ..< \(rows) once, and A must be square")
    }
    return permuted(rowOrder: order, columnOrder: order).tagged(structure)
  }

  /// The largest distance of an entry from the diagonal.
  public var bandwidth: Int {
    var result = 0
    for i in 0..<rows where rowStart[i] < rowStart[i + 1] {
      result = max(result, i - Int(columnIndex[rowStart[i]]), Int(columnIndex[rowStart[i + 1] - 1]) - i)
    }
    return result
  }
}

/// The graph of A + Aᵀ without loops, and breadth-first searches in it.
private struct LevelStructure {
  private let start: [Int]
  private let neighbours: [Int32]
  private(set) var isNumbered: [Bool]
  /// The search that saw a node last, so that no search has to clear anything.
  private var seen: [Int32]
  private var search: Int32 = 0
  /// The nodes of the last search in order, and where its last level begins.
  private var queue: [Int32] = []
  private var lastLevel = 0

  init<Element: Scalar>(_ a: CSRMatrix<Element>) {
    let n = a.rows
    var count = [Int](repeating: 0, count: n + 1)
    // Entries (i, j) and (j, i): doubles of a symmetric pattern do no harm but cost, so they are dropped below.
    for i in 0..<n {
      for k in a.rowStart[i]..<a.rowStart[i + 1] where Int(a.columnIndex[k]) != i {
        count[i + 1] += 1
        count[Int(a.columnIndex[k]) + 1] += 1
      }
    }
    for i in 0..<n { count[i + 1] += count[i] }
    var (next, all) = (count, [Int32](repeating: 0, count: count[n]))
    for i in 0..<n {
      for k in a.rowStart[i]..<a.rowStart[i + 1] where Int(a.columnIndex[k]) != i {
        let j = Int(a.columnIndex[k])
        all[next[i]] = Int32(j)
        all[next[j]] = Int32(i)
        next[i] += 1
        next[j] += 1
      }
    }
    var (start, unique) = ([0], [Int32]())
    unique.reserveCapacity(all.count / 2)
    for i in 0..<n {
      var before: Int32 = -1
      for j in all[count[i]..<count[i + 1]].sorted() where j != before {
        unique.append(j)
        before = j
      }
      start.append(unique.count)
    }
    (self.start, neighbours) = (start, unique)
    isNumbered = [Bool](repeating: false, count: n)
    seen = [Int32](repeating: 0, count: n)
  }

  private func degree(_ node: Int32) -> Int { start[Int(node) + 1] - start[Int(node)] }

  /// A breadth-first search; the result is the number of levels.
  private mutating func levels(from root: Int32) -> Int {
    search += 1
    queue.removeAll(keepingCapacity: true)
    queue.append(root)
    seen[Int(root)] = search
    var (levels, level) = (0, 0)
    while level < queue.count {
      let end = queue.count
      (levels, lastLevel) = (levels + 1, level)
      for position in level..<end {
        let node = Int(queue[position])
        for k in start[node]..<start[node + 1] where seen[Int(neighbours[k])] != search {
          seen[Int(neighbours[k])] = search
          queue.append(neighbours[k])
        }
      }
      level = end
    }
    return levels
  }

  /// A node about as far as possible from another one, in the part of the graph where `node` is.
  mutating func peripheralNode(near node: Int) -> Int {
    var root = Int32(truncatingIfNeeded: node)
    var depth = levels(from: root)
    while let candidate = queue[lastLevel...].min(by: { degree($0) < degree($1) }) {
      let deeper = levels(from: candidate)
      if deeper <= depth { break }
      (root, depth) = (candidate, deeper)
    }
    return Int(root)
  }

  /// Numbers the part of the graph where `root` is: node after node their neighbours without a number, those of few neighbours first.
  mutating func number(from root: Int, into order: inout [Int]) {
    var position = order.count
    order.append(root)
    isNumbered[root] = true
    while position < order.count {
      let node = order[position]
      let fresh = neighbours[start[node]..<start[node + 1]].filter { !isNumbered[Int($0)] }
      for next in fresh.sorted(by: { (degree($0), $0) < (degree($1), $1) }) {
        isNumbered[Int(next)] = true
        order.append(Int(next))
      }
      position += 1
    }
  }
}
