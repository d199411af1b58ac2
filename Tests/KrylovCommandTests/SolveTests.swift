import Foundation
import Testing

@Suite struct SolveTests {
  @Test func tableOfSolvedColumns() throws {
    let outcome = try run("solve", "poisson2d:12", "--columns", "3", "--method", "cg", "--preconditioner", "none")
    #expect(outcome.status == 0)
    #expect(outcome.errors.isEmpty)
    #expect(outcome.lines[0] == "poisson2d:12  144 × 144, 672 nonzeros, real symmetric, 3 right-hand sides")
    #expect(outcome.lines[2] == "column  status     iterations  estimated  true residual")
    for column in 0..<3 { #expect(outcome.lines[4 + column].hasPrefix("     \(column)  converged ")) }
    #expect(outcome.output.contains("\ncg: all 3 columns solved in "))
    #expect(outcome.output.contains("‖b − Ax‖ ≤ 1e-08·‖b‖"))
  }

  /// `--explain` says before the table what will be done, what it costs and takes; in JSON it is a key of its own.
  @Test func explanationComesFirst() throws {
    let text = try run("solve", "poisson2d:40", "--columns", "24", "--explain")
    #expect(text.status == 0)
    #expect(text.lines[0].hasPrefix("poisson2d:40  1600 × 1600") && text.lines[2] == "plan: cg with ic0")
    let table = try #require(text.lines.firstIndex { $0.hasPrefix("column  status") })
    for (name, detail) in [
      ("why", "positive diagonal"), ("costs", "ms an iteration with"), ("columns", "24"), ("memory", "besides A, B and X"),
    ] {
      let line = try #require(text.lines.firstIndex { $0.hasPrefix("  " + name) && $0.contains(detail) }, "\(name)")
      #expect(line < table)
    }
    let json = try run("solve", "poisson2d:40", "--columns", "24", "--explain", "--method", "gmres", "--format", "json").json
    let plan = try #require(json["plan"] as? [String: Any])
    #expect(plan["method"] as? String == "gmres" && plan["block_width"] as? Int == 24 && plan["groups"] as? Int == 1)
    #expect(try #require(plan["bytes_planned"] as? Int) > 1600 * 24 * 8)
  }

  @Test func jsonHasTheKeysOfItsSchemaInOrder() throws {
    let outcome = try run(
      "solve", "poisson2d:10", "--columns", "2", "--method", "cg", "--preconditioner", "none", "--format", "json")
    #expect(outcome.status == 0)
    let keys = [
      "schema", "version", "matrix", "method", "preconditioner", "threads", "block_width", "rtol", "atol", "converged",
      "iterations",
      "operator_applications", "columns_applied", "read_seconds", "setup_seconds", "solve_seconds", "solve_seconds_median",
      "repeats",
      "peak_memory_bytes", "events", "columns",
    ]
    let json = try outcome.json
    #expect(Set(json.keys) == Set(keys))
    let places = keys.compactMap { outcome.output.range(of: "\n  \"\($0)\": ")?.lowerBound }
    #expect(places.count == keys.count && places == places.sorted())

    #expect(json["schema"] as? Int == 1)
    #expect(json["method"] as? String == "cg")
    #expect(json["preconditioner"] as? String == "none")
    #expect(json["block_width"] as? Int == 2)
    #expect(json["rtol"] as? Double == 1e-8)
    #expect(json["converged"] as? Bool == true)
    #expect(try #require(json["peak_memory_bytes"] as? Int) > 1_000_000)
    let matrix = try #require(json["matrix"] as? [String: Any])
    #expect(matrix["name"] as? String == "poisson2d:10")
    #expect(matrix["rows"] as? Int == 100 && matrix["columns"] as? Int == 100 && matrix["nonzeros"] as? Int == 460)
    #expect(matrix["field"] as? String == "real" && matrix["symmetric"] as? Bool == true && matrix.count == 6)
    let columns = try #require(json["columns"] as? [[String: Any]])
    #expect(columns.count == 2)
    for (index, column) in columns.enumerated() {
      let expected: Set = [
        "index", "status", "iterations", "estimated_relative_residual", "true_relative_residual", "remedy",
      ]
      #expect(Set(column.keys) == expected)
      #expect(column["index"] as? Int == index)
      #expect(column["status"] as? String == "converged")
      #expect(try #require(column["true_relative_residual"] as? Double) <= 1e-8)
      #expect(column["remedy"] is NSNull)
    }
  }

  @Test(arguments: ["auto", "cg", "gmres", "gcrodr", "direct", "lu", "cholesky", "klu", "dense"])
  func everyMethod(method: String) throws {
    let outcome = try run("solve", "poisson2d:9", "--columns", "2", "--method", method, "--format", "json", "--exact-solution")
    #expect(outcome.status == 0)
    let columns = try #require(try outcome.json["columns"] as? [[String: Any]])
    for column in columns { #expect(try #require(column["relative_error"] as? Double) < 1e-5) }
  }

  @Test func errorBoundsAreShownWhenAskedFor() throws {
    let arguments = ["solve", "poisson2d:9", "--method", "cholesky", "--exact-solution", "--format", "json"]
    let plain = try #require(try run(arguments).json["columns"] as? [[String: Any]])
    #expect(plain.allSatisfy { $0["forward_error_bound"] == nil })
    for column in try #require(try run(arguments + ["--error-bounds"]).json["columns"] as? [[String: Any]]) {
      let (error, bound) = (
        try #require(column["relative_error"] as? Double), try #require(column["forward_error_bound"] as? Double)
      )
      #expect(error <= 10 * bound && bound < 1e-12)
    }
  }

  @Test func factorsBeyondTheMemoryLimitAreRefused() throws {
    let outcome = try run("solve", "poisson2d:40", "--method", "lu", "--memory-limit", "50000")
    #expect(outcome.status != 0 && outcome.errors.contains("limit"))
    #expect(try run("solve", "poisson2d:40", "--method", "lu", "--memory-limit", "500M").status == 0)
  }

  @Test(arguments: ["auto", "none", "jacobi", "ssor:1.2", "ilu0", "ilutp:5:0.01", "ic0"])
  func everyPreconditioner(preconditioner: String) throws {
    let outcome = try run("solve", "poisson2d:9", "--method", "gmres", "--preconditioner", preconditioner, "--format", "json")
    #expect(outcome.status == 0)
    let name = preconditioner == "auto" ? "ic0" : preconditioner
    #expect(try outcome.json["preconditioner"] as? String == name)
  }

  @Test(arguments: ["double", "single"], ["convdiff2d:8", "helmholtz2d:8"])
  func everyScalarType(precision: String, matrix: String) throws {
    let outcome = try run(
      "solve", matrix, "--columns", "2", "--method", "gmres", "--precision", precision, "--side", "left", "--restart", "30",
      "--format", "json")
    #expect(outcome.status == 0)
    let json = try outcome.json
    #expect(json["rtol"] as? Double == (precision == "double" ? 1e-8 : 1e-5))
    #expect((json["matrix"] as? [String: Any])?["field"] as? String == (matrix.hasPrefix("helmholtz") ? "complex" : "real"))
  }

  @Test func memoryLimitIsKeptOrRefused() throws {
    let arguments = [
      "solve", "convdiff2d:40", "--columns", "4", "--method", "gmres", "-p", "ilu0", "--format", "json", "--quiet",
    ]
    let capped = try run(arguments + ["--memory-limit", "1.5M"])
    #expect(capped.status == 0)
    let events = try #require(try capped.json["events"] as? [[String: Any]])
    #expect(events.contains { ($0["detail"] as? String)?.contains("memory limit") == true })
    let refused = try run(arguments + ["--memory-limit", "1k"])
    #expect(refused.status != 0 && refused.errors.contains("memory limit is 1024 bytes"))
    #expect(try run(arguments + ["--memory-limit", "much"]).errors.contains("much"))
  }

  @Test func automaticChoiceIsExplained() throws {
    let text = try run("solve", "poisson2d:30")
    #expect(text.status == 0)
    #expect(text.output.contains("\n  why       A is hermitian with a positive diagonal"))
    let json = try run("solve", "poisson2d:30", "--format", "json").json
    #expect(try #require(json["explanation"] as? [String]).isEmpty == false)
  }

  @Test func columnsThatDoNotConverge() throws {
    let arguments = ["solve", "poisson2d:20", "-c", "3", "-m", "cg", "-p", "none", "--max-iterations", "2"]
    let text = try run(arguments)
    #expect(text.status == 2)
    #expect(
      text.output.contains("\n3 columns are not solved\n  columns 0–2: iteration limit reached\n    → raise --max-iterations"))
    #expect(text.output.contains("\ncg: 0 of 3 columns solved in 2 iterations\n"))
    let json = try run(arguments + ["--format", "json"])
    #expect(json.status == 2)
    #expect(try json.json["converged"] as? Bool == false)
    let columns = try #require(try json.json["columns"] as? [[String: Any]])
    for column in columns {
      #expect(column["status"] as? String == "maximumIterations")
      #expect(column["remedy"] is String)
    }
  }

  @Test func aTimeLimitEndsTheSolve() throws {
    let outcome = try run("solve", "poisson2d:60", "--method", "cg", "--time-limit", "0", "--format", "json")
    #expect(outcome.status == 2)
    let columns = try #require(try outcome.json["columns"] as? [[String: Any]])
    #expect(columns[0]["status"] as? String == "timeLimit")
  }

  @Test func manyColumnsAreAbridged() throws {
    let arguments = ["solve", "poisson2d:6", "--columns", "50", "--method", "lu"]
    let short = try run(arguments)
    #expect(short.output.contains("34 more; all with --all-columns"))
    #expect(short.output.contains("\n    50  converged\n"))
    #expect(short.lines.count(where: { $0.contains("  converged") }) == 17)
    let long = try run(arguments + ["--all-columns"])
    #expect(long.lines.count(where: { $0.contains("  converged") }) == 50)
  }

  @Test func csvHasALineForEachColumn() throws {
    let outcome = try run("solve", "poisson2d:8", "-c", "2", "--format", "csv", "--method", "lu")
    #expect(outcome.status == 0)
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0].hasPrefix("matrix,rows,nonzeros,method,preconditioner,column,status,iterations,"))
    #expect(lines[2].hasPrefix("poisson2d:8,64,288,lu,none,1,converged,"))
    #expect(lines.allSatisfy { $0.split(separator: ",", omittingEmptySubsequences: false).count == 14 })
  }

  @Test func solutionAndHistoryAreWritten() throws {
    let folder = try TemporaryFolder()
    let (x, history) = (folder.path("x.mtx"), folder.path("h.csv"))
    let first = try run(
      "solve", "convdiff2d:9", "-c", "2", "--method", "gmres", "--output", x, "--history", history, "--format", "json")
    #expect(first.status == 0)
    let lines = try folder.read("h.csv").split(separator: "\n")
    #expect(lines[0] == "column,iteration,relative_residual")
    #expect(lines[1] == "0,0,1.0")
    #expect(lines.contains { $0.hasPrefix("1,1,") })
    // X as the initial guess solves the same system at once.
    let second = try run("solve", "convdiff2d:9", "-c", "2", "--method", "gmres", "--initial-guess", x, "--format", "json")
    #expect(second.status == 0)
    let columns = try #require(try second.json["columns"] as? [[String: Any]])
    for column in columns { #expect(column["status"] as? String == "convergedAtStart") }
  }

  @Test func repeatsAreTimedApart() throws {
    let json = try run("solve", "poisson2d:9", "--repeat", "4", "--format", "json").json
    #expect(json["repeats"] as? Int == 4)
    #expect(try #require(json["solve_seconds"] as? Double) <= #require(json["solve_seconds_median"] as? Double))
    #expect(try run("solve", "poisson2d:9", "--format", "json").json["repeats"] as? Int == 1)
  }

  @Test func aZeroColumnIsSolvedAndNaNIsSaid() throws {
    let folder = try TemporaryFolder()
    try folder.write("%%MatrixMarket matrix array real general\n4 2\n0\n0\n0\n0\n1\n2\n3\n4\n", to: "b.mtx")
    let json = try run("solve", "poisson2d:2", "--rhs", folder.path("b.mtx"), "--format", "json").json
    let columns = try #require(json["columns"] as? [[String: Any]])
    #expect(columns.map { $0["status"] as? String } == ["zeroRightHandSide", "converged"])
    #expect(columns[0]["true_relative_residual"] as? Double == 0)
  }

  @Test func aComplexRightHandSideMakesARealMatrixComplex() throws {
    let folder = try TemporaryFolder()
    try folder.write("%%MatrixMarket matrix array complex general\n4 1\n0 1\n0 2\n3 0\n4 4\n", to: "b.mtx")
    let outcome = try run("solve", "poisson2d:2", "--rhs", folder.path("b.mtx"), "--format", "json")
    #expect(outcome.status == 0)
    #expect((try outcome.json["matrix"] as? [String: Any])?["field"] as? String == "complex")
  }

  @Test func aMatrixFromStandardInput() throws {
    let matrix = "%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 2\n2 2 4\n1 2 1\n"
    let outcome = try run("solve", "/dev/stdin", "--rhs", "ones", input: matrix)
    #expect(outcome.status == 0)
    #expect(outcome.output.hasPrefix("stdin  2 × 2, 3 nonzeros, real nonsymmetric, 1 right-hand side\n"))
  }

  @Test func theResultDoesNotDependOnThreads() throws {
    let folder = try TemporaryFolder()
    for threads in ["1", "2"] {
      let outcome = try run("solve", "poisson2d:70", "-c", "4", "--threads", threads, "--output", folder.path(threads + ".mtx"))
      #expect(outcome.status == 0)
      #expect(outcome.output.contains(threads == "1" ? ", 1 thread\n" : ", 2 threads\n"))
    }
    #expect(try folder.read("1.mtx") == folder.read("2.mtx"))
  }
}
