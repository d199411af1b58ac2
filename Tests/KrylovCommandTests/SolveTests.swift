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

  @Test(arguments: ["auto", "cg", "bf-cg", "gmres", "gcrodr", "direct", "lu", "cholesky", "klu", "dense"])
  func everyMethod(method: String) throws {
    let outcome = try run("solve", "poisson2d:9", "--columns", "2", "--method", method, "--format", "json", "--exact-solution")
    #expect(outcome.status == 0)
    let columns = try #require(try outcome.json["columns"] as? [[String: Any]])
    for column in columns { #expect(try #require(column["relative_error"] as? Double) < 1e-5) }
  }

  @Test func normsOfTolerances() throws {
    let arguments = ["solve", "poisson2d:14", "--columns", "2", "--exact-solution", "--method", "cg", "--preconditioner", "none"]
    let energy = try run(arguments + ["--energy-tolerance", "1e-4"])
    #expect(energy.status == 0 && energy.output.contains("A-norm error"))
    #expect(energy.output.contains("estimated ‖x* − x‖_A ≤ 0.0001·‖x*‖_A"))
    let json = try run(arguments + ["--norm", "maximum", "--rtol", "1e-6", "--format", "json"])
    #expect(json.status == 0)
    for column in try #require(try json.json["columns"] as? [[String: Any]]) {
      #expect(column["norm"] as? String == "maximum")
      let (measure, bound) = (try #require(column["measure"] as? Double), try #require(column["threshold"] as? Double))
      #expect(measure <= bound && measure > 0)
    }
    let refused = try run("solve", "poisson2d:14", "--method", "gmres", "--energy-tolerance", "1e-4")
    #expect(refused.status == 3 && refused.errors.contains("pseudo-cg"))
    #expect(try run("solve", "poisson2d:14", "--rtol", "1e-3", "--energy-tolerance", "1e-4").status == 64)
  }

  @Test func singularSystems() throws {
    let consistent = try run("solve", "neumann2d:30", "--columns", "2", "--exact-solution")
    #expect(consistent.status == 0 && consistent.output.contains("null space of dimension 1"))
    let random = try run("solve", "neumann2d:30", "--columns", "2", "--method", "cg", "--null-space", "detected")
    #expect(random.status == 2 && random.output.contains("least-squares solution") && random.output.contains("inconsistent"))
    let wrong = try run("solve", "poisson2d:9", "--method", "cg", "--null-space", "constant")
    #expect(wrong.status == 3 && wrong.errors.contains("null vector 0 is none of A"))
  }

  @Test func columnsAtATime() throws {
    let folder = try TemporaryFolder()
    let arguments = ["solve", "poisson2d:12", "--method", "cg", "--preconditioner", "ic0"]
    let (whole, parts, b) = (folder.path("whole.mtx"), folder.path("parts.mtx"), folder.path("b.mtx"))
    #expect(try run(arguments + ["--columns", "10", "--output", whole]).status == 0)
    let text = try run(arguments + ["--columns", "10", "--output", parts, "--columns-at-a-time", "4"])
    #expect(text.status == 0 && text.lines[0].hasPrefix("columns 0–3: 4 of 4 solved in "))
    #expect(text.lines[2].hasPrefix("columns 8–9: 2 of 2 solved in "))
    #expect(text.output.contains("cg: 10 of 10 columns converged in 3 blocks"))
    #expect(try folder.read("parts.mtx").split(separator: "\n").count == folder.read("whole.mtx").split(separator: "\n").count)
    // X of the first solve as B of a second one, read from the file.
    try folder.write(folder.read("whole.mtx"), to: "b.mtx")
    let lines = try run(arguments + ["--rhs", b, "--columns-at-a-time", "3", "--format", "json"]).jsonLines
    #expect(lines.count == 4)
    let indices = try lines.flatMap { try #require($0["columns"] as? [[String: Any]]).map { $0["index"] as? Int } }
    #expect(indices == Array(0..<10) && lines.allSatisfy { $0["converged"] as? Bool == true })
    let few = try run(
      arguments + ["--columns", "3", "--columns-at-a-time", "2", "--max-iterations", "1", "--preconditioner", "none"])
    #expect(few.status == 2 && few.output.contains("iteration limit reached"))
    #expect(try run(arguments + ["--columns-at-a-time", "2", "--exact-solution"]).status == 64)
    #expect(try run(arguments + ["--columns-at-a-time", "0"]).status == 64)
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

  @Test(arguments: ["direct", "lu", "cholesky", "ldl", "klu"]) func factorsAreMadeAndKeptAsAsked(method: String) throws {
    let arguments = ["solve", "poisson2d:12", "--columns", "2", "--method", method, "--format", "json", "--quiet"]
    for ordering in ["auto", "amd", "metis", "best"] { #expect(try run(arguments + ["--ordering", ordering]).status == 0) }
    let single = try run(arguments + ["--factor-precision", "single"])
    #expect(single.status == 0)
    let events = try #require(try single.json["events"] as? [[String: Any]])
    #expect(events.contains { ($0["detail"] as? String)?.contains("single precision") == true })
    #expect(try run(arguments + ["--ordering", "random"]).status == 64)
  }

  @Test(arguments: ["qr", "direct", "lsmr"]) func leastSquares(method: String) throws {
    let folder = try TemporaryFolder()
    let text = "%%MatrixMarket matrix coordinate real general\n3 2 4\n1 1 1\n2 2 2\n3 1 1\n3 2 1\n"
    let file = try folder.write(text, to: "tall.mtx").path
    let outcome = try run("solve", file, "--method", method, "--format", "json", "--quiet")
    #expect(outcome.status == 0)
    let columns = try #require(try outcome.json["columns"] as? [[String: Any]])
    #expect(columns.allSatisfy { $0["status"] as? String == "leastSquares" })
    #expect(try outcome.json["method"] as? String == (method == "direct" ? "qr" : method))
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

@Suite struct LongSolveTests {
  @Test func aSolveGoesOnFromItsCheckpoint() throws {
    let folder = try TemporaryFolder()
    let file = folder.path("state.ckp")
    let system = ["solve", "poisson2d:40", "-c", "3", "--method", "cg", "--preconditioner", "none", "--format", "json"]
    let first = try run(system + ["--checkpoint", file, "--checkpoint-interval", "0", "--max-iterations", "20"])
    #expect(first.status == 2)
    let second = try run(system + ["--checkpoint", file, "--resume"])
    #expect(second.status == 0)
    let iterations = try #require(second.json["iterations"] as? Int)
    #expect(iterations > 20)
    let columns = try #require(second.json["columns"] as? [[String: Any]])
    #expect(columns.allSatisfy { $0["status"] as? String == "converged" && ($0["iterations"] as? Int ?? 0) > 20 })
    let third = try run(system + ["--checkpoint", file, "--resume"])
    #expect(try third.status == 0 && third.json["iterations"] as? Int == iterations)
    // Another system, a damaged file, no file.
    for (arguments, reason) in [
      (["solve", "poisson2d:41", "-c", "3", "--checkpoint", file, "--resume"], "another system"),
      (["solve", "poisson2d:40", "-c", "3", "--seed", "7", "--checkpoint", file, "--resume"], "another system"),
      (system + ["--checkpoint", folder.path("none"), "--resume"], "cannot be read"),
    ] {
      let outcome = try run(arguments)
      #expect(outcome.status == 3 && outcome.errors.contains(reason), "\(outcome.errors)")
    }
    try folder.write("nonsense", to: "state.ckp")
    let damaged = try run(system + ["--checkpoint", file, "--resume"])
    #expect(damaged.status == 3 && damaged.errors.contains("state.ckp: is no checkpoint"))
    for usage in [["--resume"], ["--checkpoint-interval", "3"], ["--checkpoint", file, "--repeat", "2"]] {
      #expect(try run(system + usage).status == 64)
    }
  }

  @Test(arguments: ["cg", "gmres", "dense", "auto", "lu"])
  func mixedPrecision(method: String) throws {
    let outcome = try run(
      "solve", "poisson2d:30", "-c", "3", "--method", method, "--precision", "mixed", "--rtol", "1e-12", "--format", "json")
    #expect(outcome.status == 0)
    let name = try #require(try outcome.json["method"] as? String)
    #expect(name.hasPrefix("mixed-"))
    let columns = try #require(try outcome.json["columns"] as? [[String: Any]])
    #expect(columns.allSatisfy { ($0["true_relative_residual"] as? Double ?? 1) <= 1e-12 })
  }
}
