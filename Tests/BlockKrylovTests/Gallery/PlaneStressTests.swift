import Testing

@testable import BlockKrylov

@Suite struct GalleryPlaneStress {
  /// Two-point Gauss quadrature of the strain energy, exact for these elements, in place of the products of integrals.
  func quadrature(_ nu: Double) -> [[Double]] {
    var k = [[Double]](repeating: [Double](repeating: 0, count: 8), count: 8)
    let points = [0.5 - 0.5 / 3.0.squareRoot(), 0.5 + 0.5 / 3.0.squareRoot()]
    let stress = [
      [1 / (1 - nu * nu), nu / (1 - nu * nu), 0], [nu / (1 - nu * nu), 1 / (1 - nu * nu), 0], [0, 0, 1 / (2 * (1 + nu))],
    ]
    for x in points {
      for y in points {
        let dx = [-(1 - y), 1 - y, -y, y]
        let dy = [-(1 - x), -x, 1 - x, x]
        let strain: [[Double]] = (0..<4).flatMap { corner -> [[Double]] in
          [[dx[corner], 0, dy[corner]], [0, dy[corner], dx[corner]]]
        }
        for p in 0..<8 {
          for q in 0..<8 {
            for a in 0..<3 { for b in 0..<3 { k[p][q] += strain[p][a] * stress[a][b] * strain[q][b] / 4 } }
          }
        }
      }
    }
    return k
  }

  @Test(arguments: [0, 0.3, 0.5], [1, 2, 4]) func assembly(_ nu: Double, _ n: Int) throws {
    let element = quadrature(nu)
    let problem = try Gallery.Problem(.elasticity2d, size: n, parameter: nu)
    // All nodes, the clamped ones too; then the free ones are taken out.
    let all = 2 * (n + 1) * (n + 1)
    var whole = DenseMatrix<Double>(rows: all, columns: all)
    for ey in 0..<n {
      for ex in 0..<n {
        let unknowns = (0..<8).map { p -> Int in
          let node = (ey + p / 4) * (n + 1) + ex + p / 2 % 2
          return 2 * node + p % 2
        }
        for p in 0..<8 { for q in 0..<8 { whole[unknowns[p], unknowns[q]] += element[p][q] } }
      }
    }
    let free = (0..<all).filter { $0 / 2 % (n + 1) != 0 }
    let a = try problem.matrix(Double.self).dense
    #expect(a.rows == free.count && a.rows == problem.rows)
    for i in 0..<a.rows { for j in 0..<a.rows { #expect(abs(a[i, j] - whole[free[i], free[j]]) < 1e-14) } }
  }

  /// Loads are consistent: forces, and moments about the origin, are those of the tractions.
  @Test(arguments: [1, 2, 5]) func loads(_ n: Int) throws {
    let problem = try Gallery.Problem(.elasticity2d, size: n)
    let b = try problem.loadCases(Double.self)
    #expect(b.rows == problem.rows && b.columns == problem.loadCaseNames.count)
    let h = 1 / Double(n)
    var totals = [[Double]](repeating: [0, 0, 0], count: b.columns)
    for node in 0..<(n * (n + 1)) {
      let (x, y) = (Double(node % n + 1) * h, Double(node / n) * h)
      for j in 0..<b.columns {
        let (fx, fy) = (b[2 * node, j], b[2 * node + 1, j])
        totals[j][0] += fx
        totals[j][1] += fy
        totals[j][2] += x * fy - y * fx
      }
    }
    // Loads on clamped nodes drop out: half a column of elements for body forces, half an element of the top edge.
    let body = 1 - h / 2
    let arm = 0.5  // of all forces: nodes on the clamped edge have x = 0
    let expected: [[Double]] = [
      [1, 0, -0.5], [0, 1, 1], [0, -body, -arm], [body, 0, -body / 2], [0, -body, -arm], [0, 0, -1.0 / 6], [0, -1, -1],
      [-1, 0, 0],
    ]
    for j in 0..<b.columns { for c in 0..<3 { #expect(abs(totals[j][c] - expected[j][c]) < 1e-14, "case \(j), \(c)") } }
  }

  @Test func uniformPullIsReproduced() throws {
    // With ν = 0 a pull on the right edge stretches uniformly, u = (x, 0), which the elements represent exactly.
    let problem = try Gallery.Problem(specification: "elasticity2d:6:0")
    let u = BlockVector<Double>(rows: problem.rows, columns: 1) { i, _ in i % 2 == 0 ? Double(i / 2 % 6 + 1) / 6 : 0 }
    let b = try problem.loadCases(Double.self)[columns: 0..<1]
    #expect(Reference.distance(try problem.matrix(Double.self).applied(to: u), b) < 1e-14)
  }

  @Test func otherProblemsHaveNoLoads() throws {
    let problem = try Gallery.Problem(specification: "poisson2d:4")
    #expect(problem.loadCaseNames.isEmpty)
    #expect(throws: BlockKrylovError.self) { try problem.loadCases(Double.self) }
  }
}
