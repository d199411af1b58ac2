import ComplexModule
import Testing

@testable import BlockKrylov

struct ReverseCuthillMcKeeTests {
  private func shuffled(_ n: Int, seed: UInt64) -> [Int] {
    var random = SplitMix(seed)
    var order = Array(0..<n)
    for k in stride(from: n - 1, to: 0, by: -1) { order.swapAt(k, Int(random.next() % UInt64(k + 1))) }
    return order
  }

  @Test func aShuffledPathIsAPathAgain() throws {
    let n = 101
    var builder = try TripletBuilder<Double>(rows: n, columns: n)
    for i in 0..<n {
      try builder.add(2, row: i, column: i)
      if i > 0 { try builder.add(-1, row: i, column: i - 1) }
    }
    let a = try builder.csr().renumbered(by: shuffled(n, seed: 7))
    #expect(a.bandwidth > 50)
    #expect(try a.renumbered(by: a.reverseCuthillMcKee()).bandwidth == 1)
  }

  @Test(arguments: [1, 2, 9, 30])
  func shuffledGridsHaveTheBandwidthOfGrids(size: Int) throws {
    let grid = try Reference.poisson(size, Double.self)
    let order = shuffled(grid.rows, seed: 8)
    let a = try grid.renumbered(by: order)
    let found = try a.reverseCuthillMcKee()
    #expect(found.sorted() == Array(0..<a.rows))
    #expect(try a.renumbered(by: found).bandwidth <= size + 1)
    // Renumbering moves entries and changes none.
    for (i, old) in order.enumerated() {
      for (j, column) in order.enumerated().prefix(40) { #expect(a[i, j] == grid[old, column]) }
    }
  }

  /// Parts without a connection, isolated nodes, empty rows and patterns that are not symmetric.
  @Test func partsFollowEachOther() throws {
    var builder = try TripletBuilder<Complex<Double>>(rows: 9, columns: 9)
    for (i, j) in [(0, 8), (8, 4), (4, 0), (1, 7), (3, 3)] { try builder.add(1, row: i, column: j) }
    let order = try builder.csr().reverseCuthillMcKee()
    #expect(order.sorted() == Array(0..<9))
    func places(_ nodes: [Int]) -> [Int] { nodes.compactMap { order.firstIndex(of: $0) }.sorted() }
    for part in [[0, 4, 8], [1, 7]] {
      let places = places(part)
      #expect(places.last.map { $0 - places[0] } == part.count - 1)
    }
    #expect(try CSRMatrix<Double>(diagonal: []).reverseCuthillMcKee() == [])
  }

  @Test func whatIsNoOrderIsRefused() throws {
    let a = try Reference.poisson(3, Double.self)
    for order in [[0, 1], [0, 0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7, 9]] {
      #expect(throws: BlockKrylovError.self) { _ = try a.renumbered(by: order) }
    }
    let wide = try TripletBuilder<Double>(rows: 2, columns: 3).csr()
    #expect(throws: BlockKrylovError.self) { _ = try wide.reverseCuthillMcKee() }
  }
}
