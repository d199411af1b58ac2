import Testing

@testable import BlockKrylov

func poisson(_ n: Int) throws -> CSRMatrix<Double> {
  var t = try TripletBuilder<Double>(rows: n * n, columns: n * n)
  for y in 0..<n { for x in 0..<n {
    let i = y * n + x
    try t.add(4, row: i, column: i)
    if x > 0 { try t.add(-1, row: i, column: i - 1) }
    if x < n - 1 { try t.add(-1, row: i, column: i + 1) }
    if y > 0 { try t.add(-1, row: i, column: i - n) }
    if y < n - 1 { try t.add(-1, row: i, column: i + n) }
  } }
  return try t.csr()
}

@Test func smokeCG() throws {
  let a = try poisson(32)
  var random = SplitMix(7)
  for kind in 0..<4 {
    var b = random.block(1024, 8, Double.self)
    if kind == 1 { b[columns: 1..<2] = b[columns: 0..<1]; b[columns: 3..<4] = b[columns: 2..<3] }
    if kind == 2 { b[columns: 1..<2] = b[columns: 0..<1]; var c = b[columns: 1..<2]; c.combine(1e-9, b[columns: 5..<6], 1); b[columns: 1..<2] = c }
    if kind == 3 { for i in 0..<1024 { b[i, 4] = .nan; b[i, 5] = 0 } }
    let result = try BlockCG(tolerance: .relative(1e-10)).solve(a, b)
    print(kind, result.report.description, result.report.columns.map { "\($0.status) \($0.iterations) \($0.estimatedRelativeResidual) \($0.trueRelativeResidual) \($0.energyErrorEstimate ?? 0)" })
    print(result.report.events)
  }
}
