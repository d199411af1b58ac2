import Testing

@testable import BlockKrylov

@Test func productMatchesReference() throws {
  var random = SplitMix(7)
  for m in [1, 3, 8, 17] {
    let a = try random.sparse(301, 200, emptyRows: true, Double.self)
    let x = random.block(200, m, Double.self)
    #expect(Reference.distance(try a.applied(to: x), Reference.product(a, x)) < 1e-13)
  }
}
