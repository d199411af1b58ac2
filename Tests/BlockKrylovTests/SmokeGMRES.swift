import Testing

@testable import BlockKrylov

@Test func smokeGMRES() throws {
  let n = 1000
  var t = try TripletBuilder<Double>(rows: n, columns: n)
  for i in 0..<n {
    try t.add(i == 0 ? 0.1 : Double(i), row: i, column: i)
    if i + 1 < n { try t.add(1, row: i, column: i + 1) }
  }
  let a = try t.csr()
  for m in [1, 2, 4, 8] {
    var random = SplitMix(7)
    let b = random.block(n, m, Double.self)
    let result = try BlockGMRES(tolerance: .relative(1e-8), restart: 300).solve(a, b)
    print(m, result.report.description, result.report.columns[0], result.report.events)
  }
  let q = try poisson(20)
  var random = SplitMix(7)
  var b = random.block(400, 4, Double.self)
  b[columns: 1..<2] = b[columns: 0..<1]
  for side in PreconditionerSide.allCases {
  for k in [5, 30] {
    let result = try BlockGMRES(tolerance: .relative(1e-8), restart: k, side: side).prepare(q, preconditioner: Half()).solve(b)
    print(k, side, result.report.description, result.report.operatorApplications, result.report.columns.map { $0.trueRelativeResidual }, result.report.events.count)
  } }
}
struct Half: Preconditioner {
  typealias Element = Double
  var name: String { "half" }
  var rows: Int { 400 }
  func apply(to r: BlockVector<Double>, into z: inout BlockVector<Double>) throws { z.combine(0.5, r) }
}
