/// How the sweeps over a triangle's supernodes are shared among threads: disjoint subtrees of its elimination tree in a few bins, which do
/// not meet, and the supernodes above them all.
///
/// The tree is that of the pattern taken as a symmetric one (J. W. H. Liu, “The role of elimination trees in sparse factorization”,
/// SIAM J. Matrix Anal. Appl. 11, 1990), so that all rows that a supernode reaches lie in its ancestors, whatever made the triangle.
/// In an ascending sweep a bin adds what it contributes to rows above all subtrees to rows of its own behind the panel; they are joined in
/// the order of the bins. The cut depends on the triangle alone, and so do the bits of the result.
struct Subtrees: Equatable {
  /// The supernodes of each bin, ascending, then those above the subtrees.
  private(set) var order: [Int32] = []
  /// Where each bin begins in `order`, and where those above begin.
  private(set) var binStart: [Int] = [0]
  /// The rows above the subtrees that each bin reaches, ascending.
  private(set) var spill: [Int32] = []
  /// Where each bin's begin in `spill`, and the end.
  private(set) var spillStart: [Int] = [0]
  /// The lists of rows as an ascending sweep of the bins takes them: row k of `spill` is row n + k.
  private(set) var list: [Int32]

  /// More bins than most machines have cores; each costs some rows.
  private static let bins = 8
  /// A triangle of less work, in products with a row of a panel, is swept in no time.
  static let leastWork = 200_000.0

  var count: Int { binStart.count - 1 }
  func bin(_ b: Int) -> Range<Int> { binStart[b]..<binStart[b + 1] }
  var above: Range<Int> { binStart[count]..<order.count }
  func spilled(_ b: Int) -> Range<Int> { spillStart[b]..<spillStart[b + 1] }

  /// `nil` where the tree has no subtrees to speak of.
  init?(_ nodes: Supernodes, leastWork: Double = Subtrees.leastWork) {
    let tree = EliminationTree(nodes)
    guard let isAbove = tree.cut(bins: Self.bins, leastWork: leastWork) else { return nil }
    let home = tree.bins(Self.bins, isAbove: isAbove)
    list = nodes.list
    var members = [[Int32]](repeating: [], count: Self.bins + 1)
    for s in 0..<nodes.count { members[home[s] ?? Self.bins].append(Int32(truncatingIfNeeded: s)) }
    var place = [Int32](repeating: -1, count: tree.rows)
    for b in 0..<Self.bins where !members[b].isEmpty {
      order += members[b]
      binStart.append(order.count)
      var reached: [Int32] = []
      for s in members[b] {
        for k in nodes.listStart[Int(s)]..<nodes.listStart[Int(s) + 1] where isAbove[tree.node[Int(nodes.list[k])]] {
          let row = nodes.list[k]
          if place[Int(row)] < 0 { reached.append(row) }
          place[Int(row)] = 0
        }
      }
      reached.sort()
      for (k, row) in reached.enumerated() { place[Int(row)] = Int32(truncatingIfNeeded: tree.rows + spill.count + k) }
      for s in members[b] {
        for k in nodes.listStart[Int(s)]..<nodes.listStart[Int(s) + 1] where place[Int(nodes.list[k])] >= 0 {
          list[k] = place[Int(nodes.list[k])]
        }
      }
      for row in reached { place[Int(row)] = -1 }
      spill += reached
      spillStart.append(spill.count)
    }
    order += members[Self.bins]
    if tree.rows + spill.count > Int(Int32.max) { return nil }
  }

  var storedBytes: Int { 4 * (order.count + spill.count + list.count) }
}

/// The elimination tree of supernodes.
private struct EliminationTree {
  let rows: Int
  /// The supernode of each row.
  let node: [Int]
  /// The parent of each supernode, which comes later; −1 for a root.
  private let parent: [Int]
  /// The work of a sweep over each supernode, and over its subtree.
  private let work: [Double]
  private let subtree: [Double]

  init(_ nodes: Supernodes) {
    let count = nodes.count
    rows = count == 0 ? 0 : Int(nodes.first[count])
    var node = [Int](repeating: 0, count: rows)
    for s in 0..<count { for row in Int(nodes.first[s])..<Int(nodes.first[s + 1]) { node[row] = s } }
    // Which supernodes reach each one.
    var start = [Int](repeating: 0, count: count + 1)
    for row in nodes.list { start[node[Int(row)] + 1] += 1 }
    for t in 0..<count { start[t + 1] += start[t] }
    var from = [Int32](repeating: 0, count: nodes.list.count)
    var next = start
    for s in 0..<count {
      for k in nodes.listStart[s]..<nodes.listStart[s + 1] {
        let t = node[Int(nodes.list[k])]
        from[next[t]] = Int32(truncatingIfNeeded: s)
        next[t] += 1
      }
    }
    var parent = [Int](repeating: -1, count: count)
    var ancestor = parent
    for t in 0..<count {
      for k in start[t]..<start[t + 1] {
        var s = Int(from[k])
        while ancestor[s] >= 0, ancestor[s] != t {
          let above = ancestor[s]
          ancestor[s] = t
          s = above
        }
        if ancestor[s] < 0 {
          ancestor[s] = t
          parent[s] = t
        }
      }
    }
    work = (0..<count).map { s in
      let (width, rows) = (Int(nodes.first[s + 1] - nodes.first[s]), nodes.listStart[s + 1] - nodes.listStart[s])
      return Supernodes.work(width: width, rows: rows)
    }
    var subtree = work
    for s in 0..<count where parent[s] >= 0 { subtree[parent[s]] += subtree[s] }
    (self.node, self.parent, self.subtree) = (node, parent, subtree)
  }

  /// Which supernodes lie above the subtrees: the largest subtree is taken apart until there is one of moderate size for every bin.
  /// `nil` where too little would be left to share.
  func cut(bins: Int, leastWork: Double) -> [Bool]? {
    let total = parent.indices.reduce(0) { $0 + (parent[$1] < 0 ? subtree[$1] : 0) }
    guard total >= leastWork else { return nil }
    // Only the subtrees above this are taken apart, of which there are never more than a few at a time.
    let moderate = total / Double(2 * bins)
    let large = Dictionary(grouping: parent.indices.lazy.filter { subtree[$0] > moderate }, by: { parent[$0] })
    var isAbove = [Bool](repeating: false, count: parent.count)
    var above = 0.0
    var queue = large[-1] ?? []
    while let k = queue.indices.max(by: { (subtree[queue[$0]], $0) < (subtree[queue[$1]], $1) }),
      above + work[queue[k]] < 0.7 * total
    {
      let s = queue.remove(at: k)
      isAbove[s] = true
      above += work[s]
      queue += large[s] ?? []
    }
    let largest = queue.reduce(moderate) { max($0, subtree[$1]) }
    return above + largest < 0.8 * total ? isAbove : nil
  }

  /// The bin of each supernode below the cut: the largest subtree first, each to the bin that has the least work.
  func bins(_ count: Int, isAbove: [Bool]) -> [Int?] {
    var load = [Double](repeating: 0, count: count)
    var home = [Int?](repeating: nil, count: parent.count)
    let tops = parent.indices.filter { !isAbove[$0] && (parent[$0] < 0 || isAbove[parent[$0]]) }
    for s in tops.sorted(by: { (-subtree[$0], $0) < (-subtree[$1], $1) }) {
      var least = 0
      for b in 1..<count where load[b] < load[least] { least = b }
      home[s] = least
      load[least] += subtree[s]
    }
    for s in parent.indices.reversed() where !isAbove[s] && home[s] == nil { home[s] = home[parent[s]] }
    return home
  }
}
