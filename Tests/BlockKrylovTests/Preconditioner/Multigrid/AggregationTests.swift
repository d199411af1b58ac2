import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

@Suite struct AggregationTests {
  @Test func strengthIsByDefinition() {
    let a = Model.matrix([[4, -1, 0, 0.1], [-1, 1, 0.2, 0], [0, 0.2, 9, -0.31], [0.1, 0, -0.31, 1]], Double.self)
    let graph = StrengthGraph(a, nodeStart: nil, threshold: 0.1)
    // |a_03| = 0.1 < 0.1·√(4·1); |a_12| = 0.2 < 0.1·√(1·9); |a_23| = 0.31 is just strong.
    #expect(graph.start == [0, 1, 2, 3, 4] && graph.neighbour == [1, 0, 3, 2])
    let nodes = StrengthGraph(a, nodeStart: [0, 2, 4], threshold: 0.01)
    #expect(nodes.start == [0, 1, 2] && nodes.neighbour == [1, 0])
    #expect(abs(Double(nodes.weight[0]) - (0.01 + 0.04).squareRoot()) < 1e-7)
    #expect(StrengthGraph(a, nodeStart: [0, 2, 4], threshold: 0.9).neighbour.isEmpty)
  }

  @Test func everyCoupledNodeIsInOneConnectedGroup() throws {
    var a = try Model.laplacian(30, Double.self)
    // A row of a Dirichlet condition: no couplings.
    a = CSRMatrix(
      dense: DenseMatrix(rows: 900, columns: 900) { i, j in i != j && (i == 455 || j == 455) ? 0 : a[i, j] })
    let graph = StrengthGraph(a, nodeStart: nil, threshold: 0.08)
    let groups = Aggregates(graph)
    #expect(groups.groupOf[455] == -1 && groups.groupOf.allSatisfy { $0 < groups.count })
    var sizes = [Int](repeating: 0, count: groups.count)
    for (i, group) in groups.groupOf.enumerated() where i != 455 {
      #expect(group >= 0)
      sizes[Int(group)] += 1
      let range = graph.start[i]..<graph.start[i + 1]
      #expect(range.contains { groups.groupOf[Int(graph.neighbour[$0])] == group }, "a node has a neighbour in its group")
    }
    #expect(sizes.allSatisfy { $0 > 1 } && groups.count < 300)
  }

  /// P₀ᴴP₀ = I and P₀·C₁ = C₀, also where a near-null vector depends on the others in every group.
  private func prolongationIsOrthonormal<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(3)
    let a = try Model.laplacian(12, phase: 0.2, S.self)
    let groups = Aggregates(StrengthGraph(a, nodeStart: nil, threshold: 0.08))
    let vectors = random.block(144, 2, S.self)
    let candidates = BlockVector<S>(rows: 144, columns: 3) { i, j in j < 2 ? vectors[i, j] : vectors[i, 0] - vectors[i, 1] }
    for near in [BlockVector<S>(rows: 144, columns: 1) { _, _ in 1 }, candidates] {
      let p = TentativeProlongation(groups, candidates: near, nodeStart: nil)
      let k = near.columns == 1 ? 1 : 2
      #expect(p.matrix.columns == k * groups.count && p.candidates.columns == near.columns)
      #expect(p.nodeStart == (k == 1 ? nil : Array(stride(from: 0, through: 2 * groups.count, by: 2))))
      let dense = p.matrix.dense
      let gram = dense.adjoint * dense
      for i in 0..<gram.rows { for j in 0..<gram.columns { #expect(Double((gram[i, j] - (i == j ? 1 : 0)).modulus) < S.slack) } }
      #expect(Reference.distance(Reference.product(p.matrix, p.candidates), near) < 10 * S.slack)
    }
  }

  @Test func tentativeProlongationsAreOrthonormalAndExact() throws {
    try prolongationIsOrthonormal(Double.self)
    try prolongationIsOrthonormal(Float.self)
    try prolongationIsOrthonormal(Complex<Double>.self)
    try prolongationIsOrthonormal(Complex<Float>.self)
  }

  /// A weak coupling is left out, and the near-null vector does not feel it.
  @Test func weakCouplingsAreMadeUpFor() {
    let a = Model.matrix([[4, -1, 0.001], [-1, 4, -1], [0.001, -1, 4]], Double.self)
    let graph = StrengthGraph(a, nodeStart: nil, threshold: 0.08)
    for c in [[1.0, 1, 1], [2, 1, 5]] {
      let near = BlockVector<Double>(rows: 3, columns: 2) { i, j in j == 0 ? c[i] : 0.1 }
      let s = a.prolongationSmoother(graph, nodeStart: nil, near: near, damping: 0.5)
      // I − ω·D⁻¹A_F, where A_F·c = A·c.
      let d = 4 + 0.001 * c[2] / c[0]
      #expect(s[0, 2] == 0 && s.nonzeros == 7)
      #expect(abs(s[0, 0] - 0.5) < 1e-15 && abs(s[0, 1] - 0.5 / d) < 1e-15 && abs(s[1, 0] - 0.125) < 1e-15)
    }
  }

  @Test func rigidBodyMotionsDoNotStrain() throws {
    let points = BlockVector<Double>(rows: 5, columns: 3) { i, c in Double((i * 7 + c * 3) % 5) + 10 }
    let motions = try BlockVector<Double>.rigidBodyMotions(at: points)
    #expect(motions.rows == 15 && motions.columns == 6)
    for column in 0..<6 {
      for i in 0..<5 {
        for k in 0..<5 {
          // (u_i − u_k)·(x_i − x_k) = 0: distances do not change to first order.
          let change = (0..<3).reduce(0.0) {
            $0 + (motions[3 * i + $1, column] - motions[3 * k + $1, column]) * (points[i, $1] - points[k, $1])
          }
          #expect(abs(change) < 1e-13)
        }
      }
    }
    #expect(try BlockVector<Double>.rigidBodyMotions(at: BlockVector(rows: 4, columns: 2) { Double($0 + $1) }).columns == 3)
    #expect(throws: BlockKrylovError.self) { try BlockVector<Double>.rigidBodyMotions(at: BlockVector(rows: 4, columns: 1)) }
    #expect(throws: BlockKrylovError.self) {
      try BlockVector<Double>.rigidBodyMotions(at: BlockVector(rows: 4, columns: 2) { _, _ in .nan })
    }
  }
}
