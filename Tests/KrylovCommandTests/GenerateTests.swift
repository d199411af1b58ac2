import Foundation
import Testing

@Suite struct GenerateTests {
  @Test func listNamesEveryProblem() throws {
    let outcome = try run("generate", "--list")
    #expect(outcome.status == 0)
    for name in ["poisson2d:N ", "convdiff3d:N[:V] ", "helmholtz2d:N[:k] "] {
      #expect(outcome.lines.contains { $0.hasPrefix(name) })
    }
  }

  @Test func standardOutputIsAMatrixMarketFile() throws {
    let outcome = try run("generate", "poisson2d:2")
    #expect(outcome.status == 0)
    #expect(outcome.errors.isEmpty)
    #expect(outcome.lines[0] == "%%MatrixMarket matrix coordinate real symmetric")
    #expect(outcome.lines[1].hasPrefix("%") && outcome.lines[1].contains("poisson2d:2"))
    #expect(outcome.lines.contains("4 4 8"))
  }

  @Test(arguments: ["convdiff2d:7:30", "helmholtz2d:5"], ["a.mtx", "a.mtx.gz"])
  func generatedFilesGiveTheSameSolve(problem: String, file: String) throws {
    let folder = try TemporaryFolder()
    let (matrix, b) = (folder.path(file), folder.path("b.mtx"))
    #expect(try run("generate", problem, "--output", matrix, "--rhs-output", b, "--columns", "3", "--seed", "7").status == 0)
    let fromFiles = try run(
      "solve", matrix, "--rhs", b, "--method", "gmres", "--preconditioner", "none", "--format", "json")
    let fromName = try run(
      "solve", problem, "--columns", "3", "--seed", "7", "--method", "gmres", "--preconditioner", "none", "--format", "json")
    #expect(fromFiles.status == 0 && fromName.status == 0)
    let (one, other) = (
      try #require(try fromFiles.json["columns"] as? NSArray), try #require(try fromName.json["columns"] as? NSArray)
    )
    #expect(one.count == 3)
    #expect(one == other)
  }
}
