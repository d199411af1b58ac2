import BlockKrylov
import Foundation
import Testing

/// The example of the README, line by line: what is printed there compiles and works.
private func readmeExample(_ print: (Any...) -> Void) throws -> (
  A: CSRMatrix<Double>, B: BlockVector<Double>, X: BlockVector<Double>
) {
  // −u″ = f on (0, 1) for three loads, assembled as a finite element code would.
  let n = 1000
  var builder = try TripletBuilder<Double>(rows: n, columns: n)
  for i in 0..<n {
    try builder.add(2, row: i, column: i)
    if i > 0 { try builder.add(-1, row: i, column: i - 1) }
    if i + 1 < n { try builder.add(-1, row: i, column: i + 1) }
  }
  let A = try builder.csr()
  let B = BlockVector<Double>(rows: n, columns: 3) { i, j in j == 0 ? 1 : Double(i % (j + 1)) }

  // Once per matrix: preconditioner and workspace.
  let prepared = try BlockCG(tolerance: .relative(1e-8)).preconditioned(by: .ic0).prepare(A)

  // As often as there are right-hand sides. Columns that fail are a result, not an exception …
  let result = try prepared.solve(B) { progress in progress.seconds < 60 ? .continue : .stop }
  for column in result.report.columns {
    print(column.index, column.status, column.iterations, column.trueRelativeResidual)
  }
  // … unless you want one.
  let X = try result.solution(requiring: .allConverged)
  return (A, B, X)
}

struct ReadmeTests {
  @Test func exampleWorks() throws {
    var lines = 0
    let (a, b, x) = try readmeExample { (_: Any...) in lines += 1 }
    #expect(lines == 3)
    #expect(Reference.relativeResiduals(a, x, b).allSatisfy { $0 <= 1e-7 })
  }

  /// Every line of the README's first Swift block stands in this file.
  @Test func exampleIsTheOneInTheReadme() throws {
    let here = URL(filePath: #filePath)
    let readme = try String(
      contentsOf: here.appending(path: "../../../README.md").standardizedFileURL, encoding: .utf8)
    let source = try String(contentsOf: here, encoding: .utf8)
    let block = try #require(readme.components(separatedBy: "```swift\n").dropFirst().first?.components(separatedBy: "```").first)
    let own = Set(source.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) })
    let lines = block.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    #expect(lines.count > 15)
    for line in lines { #expect(own.contains(line), "the README has a line that this test does not compile: \(line)") }
  }
}
