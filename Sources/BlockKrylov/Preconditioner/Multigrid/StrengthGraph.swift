internal import ComplexModule

/// Which nodes of a matrix are strongly coupled: ‖A_IJ‖ ≥ θ·√(‖A_II‖·‖A_JJ‖), in the Frobenius norm of the blocks of their unknowns.
///
/// (P. Vaněk, J. Mandel and M. Brezina, Computing 56, 1996, section 4.)
struct StrengthGraph {
  /// Where the strong neighbours of each node begin.
  private(set) var start: [Int] = [0]
  /// The strong neighbours of each node, ascending, the node itself not among them.
  private(set) var neighbour: [Int32] = []
  /// The squares of their norms, for a choice among them.
  private(set) var weight: [Float] = []

  var nodes: Int { start.count - 1 }

  /// - Parameters:
  ///   - nodeStart: the first unknown of each node and the number of unknowns; `nil` when each unknown is a node.
  ///   - threshold: θ.
  init<S: Scalar>(_ a: CSRMatrix<S>, nodeStart: [Int]?, threshold: Double) {
    if let nodeStart { build(a, nodeStart, threshold) } else { build(a, threshold) }
  }

  @specialized(where S == Double)
  @specialized(where S == Float)
  @specialized(where S == Complex<Double>)
  @specialized(where S == Complex<Float>)
  private mutating func build<S: Scalar>(_ a: CSRMatrix<S>, _ threshold: Double) {
    let sizes = a.diagonal.map { Double($0.modulus) }
    start.reserveCapacity(a.rows + 1)
    neighbour.reserveCapacity(a.nonzeros)
    weight.reserveCapacity(a.nonzeros)
    for i in 0..<a.rows {
      let least = threshold * threshold * sizes[i]
      for k in a.rowStart[i]..<a.rowStart[i + 1] {
        let j = Int(a.columnIndex[k])
        let size = Double(a.values[k].modulus)
        if j != i, size > 0, size * size >= least * sizes[j] {
          neighbour.append(a.columnIndex[k])
          weight.append(Float(size))
        }
      }
      start.append(neighbour.count)
    }
  }

  @specialized(where S == Double)
  @specialized(where S == Float)
  @specialized(where S == Complex<Double>)
  @specialized(where S == Complex<Float>)
  private mutating func build<S: Scalar>(_ a: CSRMatrix<S>, _ nodeStart: [Int], _ threshold: Double) {
    let count = nodeStart.count - 1
    var nodeOf = [Int32](repeating: 0, count: a.rows)
    for node in 0..<count { for i in nodeStart[node]..<nodeStart[node + 1] { nodeOf[i] = Int32(truncatingIfNeeded: node) } }
    // The sums of a row of blocks; `touched` lists those that have begun.
    var (sums, touched) = ([Double](repeating: 0, count: count), [Int32]())
    func sumRow(_ node: Int) {
      touched.removeAll(keepingCapacity: true)
      for i in nodeStart[node]..<nodeStart[node + 1] {
        for k in a.rowStart[i]..<a.rowStart[i + 1] {
          let other = nodeOf[Int(a.columnIndex[k])]
          let size = Double(a.values[k].modulus)
          if size == 0 { continue }
          if sums[Int(other)] == 0 { touched.append(other) }
          sums[Int(other)] += size * size
        }
      }
    }
    var sizes = [Double](repeating: 0, count: count)
    for node in 0..<count {
      sumRow(node)
      sizes[node] = sums[node].squareRoot()
      for other in touched { sums[Int(other)] = 0 }
    }
    for node in 0..<count {
      sumRow(node)
      touched.sort()
      for other in touched {
        let sum = sums[Int(other)]
        if other != node, sum >= threshold * threshold * sizes[node] * sizes[Int(other)] {
          neighbour.append(other)
          weight.append(Float(sum.squareRoot()))
        }
        sums[Int(other)] = 0
      }
      start.append(neighbour.count)
    }
  }
}

/// The nodes of a matrix in groups of strongly coupled ones, each of which is a node of the next coarser matrix.
struct Aggregates {
  /// The group of each node; −1 for a node without strong neighbours, which needs no coarse correction.
  private(set) var groupOf: [Int32]
  /// The number of groups.
  private(set) var count = 0

  /// Groups in three passes: nodes whose neighbourhood is free found one with it; others join the neighbour that they are coupled to
  /// most strongly; what is left groups itself. (Vaněk, Mandel and Brezina, algorithm 5.1.)
  init(_ graph: StrengthGraph) {
    let free: Int32 = -1
    var group = [Int32](repeating: free, count: graph.nodes)
    var founded: Int32 = 0
    for i in 0..<graph.nodes where group[i] == free {
      let neighbours = graph.start[i]..<graph.start[i + 1]
      if neighbours.isEmpty || neighbours.contains(where: { group[Int(graph.neighbour[$0])] != free }) { continue }
      group[i] = founded
      for k in neighbours { group[Int(graph.neighbour[k])] = founded }
      founded += 1
    }
    let founders = group
    for i in 0..<graph.nodes where group[i] == free {
      var (best, strongest): (Int32, Float) = (free, 0)
      for k in graph.start[i]..<graph.start[i + 1] {
        let other = founders[Int(graph.neighbour[k])]
        if other != free, graph.weight[k] > strongest { (best, strongest) = (other, graph.weight[k]) }
      }
      group[i] = best
    }
    for i in 0..<graph.nodes where group[i] == free && graph.start[i] < graph.start[i + 1] {
      group[i] = founded
      for k in graph.start[i]..<graph.start[i + 1] where group[Int(graph.neighbour[k])] == free {
        group[Int(graph.neighbour[k])] = founded
      }
      founded += 1
    }
    (groupOf, count) = (group, Int(founded))
  }
}
