import Foundation
import Testing

@Suite struct InputErrorTests {
  /// Expects exit status 3 and exactly one line on stderr that contains `words`.
  private func expectBadInput(_ arguments: [String], _ words: [String], _ location: SourceLocation = #_sourceLocation) throws {
    let outcome = try run(arguments)
    #expect(outcome.status == 3, sourceLocation: location)
    #expect(outcome.output.isEmpty, sourceLocation: location)
    #expect(outcome.errors.hasPrefix("krylov: ") && outcome.errors.hasSuffix("\n"), sourceLocation: location)
    #expect(outcome.errors.count(where: \.isNewline) == 1, sourceLocation: location)
    for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)", sourceLocation: location) }
  }

  @Test(arguments: ["solve", "info"])
  func missingFile(command: String) throws {
    try expectBadInput([command, "nowhere/none.mtx"], ["nowhere/none.mtx: "])
    try expectBadInput([command, "none.mtx"], ["none.mtx: "])
  }

  @Test(arguments: ["solve", "info"])
  func malformedFileNamesItsLine(command: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 1.0\n2 x 1.0\n", to: "a.mtx")
    try expectBadInput([command, folder.path("a.mtx")], [folder.path("a.mtx") + ":4: "])
  }

  @Test func unknownProblems() throws {
    try expectBadInput(["solve", "poisson9d:3"], ["poisson9d:3: ", "generate --list"])
    try expectBadInput(["solve", "poisson2d:0"], ["poisson2d:0: "])
    try expectBadInput(["generate", "poisson2d:x"], ["poisson2d:x"])
  }

  @Test func rightHandSidesOfAnotherSize() throws {
    let folder = try TemporaryFolder()
    try folder.write("%%MatrixMarket matrix array real general\n3 1\n1\n2\n3\n", to: "b.mtx")
    try expectBadInput(["solve", "poisson2d:2", "--rhs", folder.path("b.mtx")], [folder.path("b.mtx"), "3 rows", "4"])
    try expectBadInput(
      ["solve", "poisson2d:2", "--initial-guess", folder.path("b.mtx")], [folder.path("b.mtx"), "3 × 1", "4 × 1"])
  }

  @Test func matricesThatAMethodCannotTake() throws {
    let folder = try TemporaryFolder()
    try folder.write("%%MatrixMarket matrix coordinate real general\n2 3 1\n1 1 1.0\n", to: "wide.mtx")
    try expectBadInput(["solve", folder.path("wide.mtx"), "--method", "gmres"], ["wide: ", "2 × 3", "lsmr"])
    try expectBadInput(["solve", "convdiff2d:5", "--method", "cg"], ["convdiff2d:5: ", "hermitian"])
  }

  @Test func filesThatCannotBeWritten() throws {
    try expectBadInput(["generate", "poisson2d:3", "--output", "/nowhere/at/all.mtx"], ["/nowhere/at/all.mtx"])
    let outcome = try run("solve", "poisson2d:3", "--history", "/nowhere/at/all.csv")
    #expect(outcome.status == 3)
    #expect(outcome.errors.contains("/nowhere/at/all.csv"))
  }

  @Test func lenientReadingWarnsUnlessQuiet() throws {
    let folder = try TemporaryFolder()
    try folder.write("%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 1.0\n1 1 2.0\n2 2 1.0\n", to: "twice.mtx")
    let path = folder.path("twice.mtx")
    try expectBadInput(["info", path], ["\(path):4: "])
    let lenient = try run("info", path, "--lenient")
    #expect(lenient.status == 0)
    #expect(lenient.errors.hasPrefix("krylov: warning: \(path): line 4: "))
    let quiet = try run("info", path, "--lenient", "--quiet")
    #expect(quiet.status == 0 && quiet.errors.isEmpty)
  }
}

@Suite struct UsageTests {
  @Test(arguments: [
    "nonsense", "solve", "solve poisson2d:3 --method best", "solve poisson2d:3 --preconditioner magic",
    "solve poisson2d:3 --rtol=-1", "solve poisson2d:3 --rtol nan", "solve poisson2d:3 --columns 0",
    "solve poisson2d:3 --repeat 0",
    "solve poisson2d:3 --threads 0", "solve poisson2d:3 --time-limit=-2", "solve poisson2d:3 --max-iterations=-1",
    "solve poisson2d:3 --restart 0", "solve poisson2d:3 --rhs ones --exact-solution", "solve poisson2d:3 --rhs b.mtx --columns 2",
    "solve poisson2d:3 --precision half", "solve poisson2d:3 --format xml", "solve poisson2d:3 --plot x.svg",
    "run", "run poisson2d:3 --method cg,best", "run poisson2d:3 --preconditioner none,", "generate",
    "generate poisson2d:3 --list",
    "generate poisson2d:3 --seed 2",
  ])
  func wrongUsage(line: String) throws {
    let outcome = try run(line.split(separator: " ").map(String.init))
    #expect(outcome.status == 64)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains("Usage: "))
  }

  @Test func versionAndHelp() throws {
    #expect(try run("--version").output == "0.1.0\n")
    let help = try run("--help")
    #expect(help.status == 0)
    for word in ["solve", "run", "info", "generate", "poisson2d:N", "EXIT STATUS"] { #expect(help.output.contains(word)) }
    for command in ["solve", "run", "info", "generate"] {
      let help = try run("help", command)
      #expect(help.status == 0 && help.output.contains("EXAMPLES:"))
    }
  }
}
