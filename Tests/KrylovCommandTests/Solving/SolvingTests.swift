import ComplexModule
import Foundation
import Testing

@testable import BlockKrylov
@testable import krylov

/// Says of every column that it has converged, with X = 0.
private struct Liar: BlockMethod {
  var name: String { "liar" }
  var options = SolverOptions()

  func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> { Engine<Element>() }

  private final class Engine<Element: Scalar>: SolveEngine {
    var methodName: String { "liar" }
    var preconditionerName: String { "none" }
    var setupEvents: [SolveEvent] { [] }
    var bytesUsed: Int { 0 }
    func bytesPlanned(columns: Int) -> Int { 0 }
    func update(_ a: any LinearOperator<Element>) throws {}
    func solve(_ problem: SolveProblem<Element>) throws {
      for j in problem.block.open {
        problem.block.trueResiduals[j] = 0
        problem.block.finish(column: j, .converged)
      }
    }
  }
}

@Suite struct SolvingTests {
  private func system<S: Scalar>(_ type: S.Type, columns: Int) throws -> LinearSystem<S> {
    let a = try Gallery.Problem(.poisson2d, size: 5).matrix(S.self)
    let (x, b) = try Gallery.manufactured(a, columns: columns)
    return LinearSystem(matrix: MatrixSummary(a, name: "p"), a: a, b: b, exact: x, readSeconds: 0)
  }

  private func solving(_ method: any BlockMethod) -> Solving {
    Solving(method: method, rtol: 1e-8, atol: 0, progress: ProgressLine(quiet: true))
  }

  @Test func falseClaimsAreFound() throws {
    let system = try system(Double.self, columns: 3)
    let (record, _) = try solving(Liar()).run(system)
    #expect(record.report.allConverged)
    #expect(record.unconfirmed.keys.sorted() == [0, 1, 2])
    #expect(record.exitStatus == .bug)
    for (j, norm) in system.b.columnNorms().enumerated() { #expect(record.unconfirmed[j] == norm) }
    #expect(record.relativeErrors == [1, 1, 1])
  }

  @Test func honestClaimsAreConfirmed() throws {
    func check<S: Scalar>(_ type: S.Type) throws {
      let (record, x) = try solving(BlockCG()).run(system(type, columns: 2))
      #expect(record.exitStatus == .solved)
      #expect(record.unconfirmed.isEmpty)
      #expect(x.columns == 2)
    }
    try check(Float.self)
    try check(Double.self)
    try check(Complex<Float>.self)
    try check(Complex<Double>.self)
  }

  @Test func ctrlCIsCaughtOnceAndGivenBack() throws {
    let before = signal(SIGINT, SIG_IGN)
    defer { signal(SIGINT, before) }
    let caught = Interrupt.catching {
      #expect(!Interrupt.wasRequested)
      raise(SIGINT)
      return Interrupt.wasRequested
    }
    #expect(caught)
    // Ignored again, or this would end the tests.
    raise(SIGINT)
    #expect(!Interrupt.catching { Interrupt.wasRequested })
  }

  @Test func statusesOfErrors() {
    #expect(CommandFailure(BlockKrylovError.shape("A is odd"), context: "m").description == "m: A is odd")
    #expect(CommandFailure(BlockKrylovError.file(path: "f.mtx", line: 3, "bad"), context: "m").description == "f.mtx:3: bad")
    #expect(CommandFailure(BlockKrylovError.file(path: "f.mtx", line: 3, "bad")).status == .badInput)
    #expect(CommandFailure(BlockKrylovError.notConverged("no")).status == .unconverged)
    #expect(CommandFailure(CocoaError(.fileNoSuchFile)).status == .bug)
    #expect(!CommandFailure(BlockKrylovError.shape("two\nlines")).description.contains("\n"))
    #expect([ExitStatus.unconverged, .bug, .solved, .badInput].max() == .bug)
    #expect([ExitStatus.unconverged, .solved, .badInput].max() == .badInput)
  }

  @Test func namesOfFiles() {
    #expect(
      MatrixFile.name("a/b/west0479.mtx") == "west0479" && MatrixFile.name("x.mtx.gz") == "x" && MatrixFile.name("y") == "y")
    #expect(MatrixFile.isMatrixMarket("a.mtx.gz") && !MatrixFile.isMatrixMarket("a.rua"))
  }
}
