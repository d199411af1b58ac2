import Foundation
import Testing

@Suite struct RunTests {
  /// Two systems, one of them with right-hand sides, a matrix that is not square, and a file that is none.
  private func folder(broken: Bool = false) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.write("%%MatrixMarket matrix coordinate real symmetric\n2 2 3\n1 1 4\n2 1 1\n2 2 3\n", to: "small.mtx")
    try folder.write("%%MatrixMarket matrix array real general\n2 3\n1\n2\n3\n4\n5\n6\n", to: "small_b.mtx")
    try folder.write("%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 4\n1 2 1\n2 2 3\n", to: "upper.mtx")
    try folder.write("%%MatrixMarket matrix coordinate real general\n2 3 1\n1 1 4\n", to: "wide.mtx")
    try folder.write("not a matrix\n", to: "notes.txt")
    if broken { try folder.write("%%MatrixMarket matrix coordinate real general\n2 2 1\n3 1 4\n", to: "broken.mtx") }
    return folder
  }

  @Test func tableOverAFolder() throws {
    let folder = try folder()
    let outcome = try run("run", folder.url.path, "poisson2d:4", "--method", "gmres,lu", "--rhs", "auto")
    #expect(outcome.status == 0)
    #expect(outcome.errors.isEmpty)
    let rows = outcome.lines.filter { $0.hasSuffix("converged") }.map { $0.split(separator: " ").prefix(6).map(String.init) }
    #expect(rows.map { $0[0] } == ["small", "small", "upper", "upper", "poisson2d:4", "poisson2d:4"])
    #expect(rows.map { $0[3] } == ["gmres", "lu", "gmres", "lu", "gmres", "lu"])
    #expect(rows.map { $0[5] } == ["3/3", "3/3", "1/1", "1/1", "1/1", "1/1"])
    #expect(outcome.output.contains("  skipped, a block that belongs to a matrix: small_b (2 × 3)\n"))
    #expect(outcome.output.contains("  skipped, not square: wide (2 × 3)\n"))
    #expect(outcome.output.hasSuffix("\n6 of 6 runs solved, 2 files skipped\n"))
    #expect(!outcome.output.contains("notes"))
  }

  /// A rectangular matrix is for the least-squares methods of the list, and alone for `solve` too.
  @Test func rectangularMatrices() throws {
    let folder = try folder()
    let outcome = try run("run", folder.url.path, "--method", "gmres,lsmr", "--preconditioner", "none")
    #expect(outcome.status == 0)
    let rows = outcome.lines.filter { $0.hasSuffix("converged") }.map { $0.split(separator: " ").prefix(4).map(String.init) }
    #expect(rows.map { $0[0] + " " + $0[3] } == ["small gmres", "small lsmr", "upper gmres", "upper lsmr"])
    #expect(outcome.lines.contains { $0.hasPrefix("wide ") && $0.contains("lsmr") && $0.hasSuffix("the residual remains") })
    let single = try run("solve", folder.url.path + "/wide.mtx", "--columns", "2", "--format", "json")
    #expect(single.status == 0)
    let columns = try #require(try single.json["columns"] as? [[String: Any]])
    #expect(columns.allSatisfy { $0["status"] as? String == "leastSquares" && $0["relative_normal_residual"] is Double })
    #expect(try run("solve", folder.url.path + "/wide.mtx", "--method", "gmres").status == 3)
  }

  @Test func jsonLinesAndABrokenFile() throws {
    let folder = try folder(broken: true)
    let outcome = try run(
      "run", folder.url.path, "nosuch:3", "--method", "gmres", "--preconditioner", "none,ilu0", "--format", "json")
    #expect(outcome.status == 3)
    let lines = try outcome.jsonLines
    let names = lines.map { ($0["matrix"] as? [String: Any])?["name"] as? String }
    #expect(names == ["broken", "small", "small", "small_b", "upper", "upper", "wide", "nosuch:3"])
    #expect(lines.map { $0["preconditioner"] as? String } == [nil, "none", "ilu0", nil, "none", "ilu0", nil, nil])
    #expect(try #require(lines[0]["error"] as? String).contains("broken.mtx:3: "))
    #expect(lines[3]["skipped"] is String && lines[6]["skipped"] is String)
    for line in lines where line["error"] == nil && line["skipped"] == nil {
      #expect(line["converged"] as? Bool == true)
      #expect(line["schema"] as? Int == 1)
    }
  }

  @Test func refusedAndUnsolvedRuns() throws {
    let outcome = try run(
      "run", "convdiff2d:6", "poisson2d:20", "--method", "cg,lu", "--preconditioner", "none", "--max-iterations", "3", "--format",
      "csv")
    #expect(outcome.status == 2)
    let rows = outcome.output.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    #expect(rows.count == 5)
    #expect(rows[1].prefix(5) == ["convdiff2d:6", "36", "156", "cg", "none"])
    #expect(rows[1][11] == "refused")
    #expect(rows[2][3] == "lu" && rows[2][11] == "converged")
    #expect(rows[3][11] == "maximumIterations")
    let text = try run("run", "convdiff2d:6", "--method", "cg", "--preconditioner", "none,ic0")
    #expect(text.status == 2)
    #expect(text.output.contains("\n  refused by 1 run, cg with none: CG needs"))
    #expect(text.output.hasSuffix("\n0 of 2 runs solved\n"))
  }

  @Test func directMethodsComeOnceForAllPreconditioners() throws {
    let lines = try run("run", "poisson2d:4", "--method", "lu,gmres", "--preconditioner", "none,ilu0,ic0", "--format", "json")
      .jsonLines
    #expect(lines.map { $0["method"] as? String } == ["lu", "gmres", "gmres", "gmres"])
  }

  @Test func aFolderWithoutMatrices() throws {
    let folder = try TemporaryFolder()
    let outcome = try run("run", folder.url.path)
    #expect(outcome.status == 3)
    #expect(outcome.errors.contains("no file ends in .mtx"))
  }
}
