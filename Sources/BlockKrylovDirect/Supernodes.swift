internal import BlockKrylov

/// A lower triangular matrix by columns: the strict triangle with rows ascending, and the diagonal. Complex numbers are pairs.
struct LowerColumns {
  let order: Int
  let isComplex: Bool
  /// Where each column begins, order + 1 numbers.
  var start: [Int]
  /// The row of each entry.
  var row: [Int32]
  /// The entries, `parts` doubles each.
  var value: [Double]
  /// The diagonal, `parts` doubles each; 0 where none is stored.
  var diagonal: [Double]

  var parts: Int { isComplex ? 2 : 1 }

  /// No entries yet, for columns that are appended.
  init(order: Int, isComplex: Bool) {
    (self.order, self.isComplex) = (order, isComplex)
    start = [Int](repeating: 0, count: order + 1)
    (row, value) = ([], [])
    diagonal = [Double](repeating: 0, count: order * (isComplex ? 2 : 1))
  }

  /// The same from columns, of which no order is asked.
  init(transposing start: [Int], _ row: [Int], _ value: [Double], isComplex: Bool) {
    let (n, parts) = (start.count - 1, isComplex ? 2 : 1)
    // By rows first: what comes out of turning those has rows ascending.
    var rowStart = [Int](repeating: 0, count: n + 1)
    for i in row.prefix(start[n]) { rowStart[i + 1] += 1 }
    for i in 0..<n { rowStart[i + 1] += rowStart[i] }
    var next = rowStart
    var column = [Int](repeating: 0, count: start[n])
    var turned = [Double](repeating: 0, count: start[n] * parts)
    for j in 0..<n {
      for k in start[j]..<start[j + 1] {
        let target = next[row[k]]
        next[row[k]] = target + 1
        column[target] = j
        for p in 0..<parts { turned[target * parts + p] = value[k * parts + p] }
      }
    }
    self.init(order: n, isComplex: isComplex, rowStart: rowStart, column: column, value: turned)
  }

  /// The same from rows: row i has the entries `rowStart[i] ..< rowStart[i + 1]`, columns in any order.
  init(order: Int, isComplex: Bool, rowStart: [Int], column: [Int], value: [Double]) {
    let parts = isComplex ? 2 : 1
    self.order = order
    self.isComplex = isComplex
    start = [Int](repeating: 0, count: order + 1)
    for i in 0..<order { for k in rowStart[i]..<rowStart[i + 1] where column[k] != i { start[column[k] + 1] += 1 } }
    for j in 0..<order { start[j + 1] += start[j] }
    row = [Int32](repeating: 0, count: start[order])
    self.value = [Double](repeating: 0, count: start[order] * parts)
    diagonal = [Double](repeating: 0, count: order * parts)
    var next = start
    for i in 0..<order {
      for k in rowStart[i]..<rowStart[i + 1] {
        let j = column[k]
        if i == j {
          for p in 0..<parts { diagonal[i * parts + p] = value[k * parts + p] }
          continue
        }
        let target = next[j]
        next[j] = target + 1
        row[target] = Int32(truncatingIfNeeded: i)
        for p in 0..<parts { self.value[target * parts + p] = value[k * parts + p] }
      }
    }
  }
}

/// A lower triangular matrix by rows, with its diagonal where there is one: row i has the entries `start[i] ..< start[i + 1]`, columns
/// in any order. Complex numbers are pairs.
@safe final class LowerRows: Sendable {
  let order: Int
  let isComplex: Bool
  let start: [Int]
  // The columns of the entries and, behind them, the entries: the largest arrays of a factorisation, and gone right after it.
  private let memory: ZeroedMemory
  private let count: Int

  /// So many entries, which `body` fills in.
  init<Failure: Error>(
    order: Int, isComplex: Bool, count: Int,
    _ body: (_ start: inout [Int], _ column: UnsafeMutablePointer<Int>, _ value: UnsafeMutablePointer<Double>) throws(Failure) ->
      Void
  ) throws(Failure) {
    (self.order, self.isComplex, self.count) = (order, isComplex, count)
    memory = ZeroedMemory(byteCount: count * (isComplex ? 24 : 16))
    var start = [Int](repeating: 0, count: order + 1)
    do {
      unsafe try body(
        &start, memory.base.bindMemory(to: Int.self, capacity: count),
        (memory.base + 8 * count).bindMemory(to: Double.self, capacity: count * (isComplex ? 2 : 1)))
    } catch {
      memory.free()
      throw error
    }
    self.start = start
  }

  deinit { memory.free() }

  var parts: Int { isComplex ? 2 : 1 }

  /// The columns of the entries.
  var column: UnsafePointer<Int> { unsafe UnsafePointer(memory.base.assumingMemoryBound(to: Int.self)) }
  /// The entries, `parts` doubles each.
  var value: UnsafePointer<Double> { unsafe UnsafePointer((memory.base + 8 * count).assumingMemoryBound(to: Double.self)) }

  /// The diagonal, `parts` doubles each; 0 where none is stored.
  var diagonal: [Double] {
    var result = [Double](repeating: 0, count: order * parts)
    for i in 0..<order {
      // As a rule it is the last entry.
      guard let k = (start[i]..<start[i + 1]).last(where: { unsafe column[$0] == i }) else { continue }
      for p in 0..<parts { result[i * parts + p] = unsafe value[k * parts + p] }
    }
    return result
  }

  /// Where the entries below the diagonal are, by columns with rows ascending.
  var columns: (start: [Int], row: [Int32]) {
    let column = unsafe column
    var begin = [Int](repeating: 0, count: order + 1)
    for i in 0..<order { for k in start[i]..<start[i + 1] where unsafe column[k] != i { unsafe begin[column[k] + 1] += 1 } }
    for j in 0..<order { begin[j + 1] += begin[j] }
    var next = begin
    var row = [Int32](repeating: 0, count: begin[order])
    for i in 0..<order {
      for k in start[i]..<start[i + 1] where unsafe column[k] != i {
        let j = unsafe column[k]
        row[next[j]] = Int32(truncatingIfNeeded: i)
        next[j] += 1
      }
    }
    return (begin, row)
  }
}

/// Which neighbouring columns of a lower triangular matrix are stored together as dense ones, and where.
///
/// Columns of equal structure cost nothing to join: one list of rows serves them all and each row of a panel is read once for all.
/// Columns of nearly equal structure are joined where the zeros that this stores are outweighed by the rows that are then visited once.
struct Supernodes: Equatable {
  /// The first column of each supernode, and the order behind.
  private(set) var first: [Int32] = []
  /// Where each supernode's list of rows begins, and its end.
  private(set) var listStart: [Int] = []
  /// Where each supernode's numbers begin, and their end: beyond 2³¹ long before memory is full.
  private(set) var valueStart: [Int] = []
  /// The rows below each supernode's triangle, ascending.
  private(set) var list: [Int32] = []

  /// 64 columns of a panel of 32 doubles are 16 KB, a part of the first-level cache that leaves room for the rows they meet.
  static let mostColumns = 64
  /// The largest share of stored numbers that may be zeros of no use, for supernodes of more than `fewColumns`.
  static let mostZeros = 0.2
  static let fewColumns = 4
  /// The time of visiting a row of a panel, and of beginning a supernode, in units of one product with such a row (measured).
  private static let rowCost = 4.0
  private static let nodeCost = 8.0

  var count: Int { first.count - 1 }
  /// The numbers stored, zeros included.
  var storedNumbers: Int { valueStart.last ?? 0 }

  /// A supernode in the making: its columns, the number of rows in its list, and of its entries that are not padding.
  private struct Node {
    var first: Int
    var width: Int
    var rows: Int
    var nonzeros: Int

    var stored: Int { rows * width + width * (width + 1) / 2 }
    var cost: Double { Supernodes.work(width: width, rows: rows) }
  }

  /// The time of a sweep over a supernode.
  static func work(width: Int, rows: Int) -> Double {
    nodeCost + Double(rows) * rowCost + Double(rows * width + width * (width + 1) / 2)
  }

  /// Joins the columns of a matrix. A column joins the one before it if it is the first row of that column's list (its parent in the
  /// elimination tree), as only then the zeros stay few.
  init(_ matrix: LowerColumns, joins: Bool = true) {
    self.init(order: matrix.order, start: matrix.start, row: matrix.row, joins: joins)
  }

  init(order: Int, start: [Int], row: [Int32], joins: Bool = true) {
    var stack: [Node] = []
    list.reserveCapacity(row.count / 2)
    var union: [Int32] = []
    for j in 0..<order {
      // The lists of the nodes on the stack follow each other, so that joining the last two only touches the end.
      list.append(contentsOf: row[start[j]..<start[j + 1]])
      var node = Node(first: j, width: 1, rows: start[j + 1] - start[j], nonzeros: start[j + 1] - start[j] + 1)
      while joins, let last = stack.last, last.width + node.width <= Self.mostColumns {
        let ownStart = list.count - node.rows
        let lastStart = ownStart - last.rows
        guard last.rows > 0, Int(list[lastStart]) == node.first else { break }
        // Rows of the last node that are columns of this one leave its list.
        var a = lastStart
        let end = Int32(truncatingIfNeeded: node.first + node.width)
        while a < ownStart, list[a] < end { a += 1 }
        union.removeAll(keepingCapacity: true)
        var b = ownStart
        while a < ownStart || b < list.count {
          let (rowA, rowB) = (a < ownStart ? list[a] : .max, b < list.count ? list[b] : .max)
          union.append(min(rowA, rowB))
          if rowA <= rowB { a += 1 }
          if rowB <= rowA { b += 1 }
        }
        let joined = Node(
          first: last.first, width: last.width + node.width, rows: union.count, nonzeros: last.nonzeros + node.nonzeros)
        guard Self.pays(joined, last, node) else { break }
        list.replaceSubrange(lastStart..., with: union)
        stack.removeLast()
        node = joined
      }
      stack.append(node)
    }
    place(stack.map { ($0.first, $0.width, $0.rows) }, order: order)
  }

  private static func pays(_ joined: Node, _ a: Node, _ b: Node) -> Bool {
    let zeros = joined.stored - joined.nonzeros
    if zeros == 0 { return true }
    if joined.width > fewColumns, Double(zeros) > mostZeros * Double(joined.stored) { return false }
    return joined.cost <= a.cost + b.cost
  }

  /// Supernodes of given sizes whose lists are there already.
  private mutating func place(_ nodes: [(first: Int, width: Int, rows: Int)], order: Int) {
    var offsets = Offsets()
    for node in nodes {
      first.append(Int32(truncatingIfNeeded: node.first))
      listStart.append(offsets.list)
      valueStart.append(offsets.value)
      offsets.append(width: node.width, rows: node.rows)
    }
    first.append(Int32(truncatingIfNeeded: order))
    listStart.append(offsets.list)
    valueStart.append(offsets.value)
  }

  /// Where the next supernode's list and numbers go.
  struct Offsets {
    private(set) var list = 0
    private(set) var value = 0

    mutating func append(width: Int, rows: Int) {
      list += rows
      value += (width + rows) * width
    }
  }

  /// Supernodes that another library has found: each one's first column, and its rows below the triangle.
  init(order: Int, first: [Int], lists: (Int) -> UnsafeBufferPointer<Int>) {
    var nodes: [(first: Int, width: Int, rows: Int)] = []
    for s in first.indices {
      let rows = unsafe lists(s)
      for k in 0..<rows.count { unsafe list.append(Int32(truncatingIfNeeded: rows[k])) }
      nodes.append((first[s], (s + 1 < first.count ? first[s + 1] : order) - first[s], rows.count))
    }
    place(nodes, order: order)
  }
}
