import ComplexModule
import Testing

@testable import BlockKrylov

/// The books of a solve: what columns are set aside, how they are scaled, grouped and given back.
struct ColumnLedgerTests {
  private func monitor(_ columns: Int) -> SolveMonitor {
    SolveMonitor(columns: columns, timeLimit: nil, recordsHistory: false, observer: nil)
  }

  @Test func columnsThatNeedNoIterationAreSetAside() throws {
    let a = CSRMatrix<Double>(diagonal: [1, 2])
    let b = try BlockVector<Double>(rows: [[1, 0, .nan, 1, 1], [2, 0, 1, 1, .infinity]])
    var guess = BlockVector<Double>(rows: 2, columns: 5)
    guess[0, 3] = .nan
    let monitor = monitor(5)
    let ledger = try ColumnLedger(a: a, b: b, guess: guess, tolerance: .default, monitor: monitor)
    #expect(ledger.open == [0])
    #expect(
      ledger.reports(monitor).map(\.status) == [
        .maximumIterations, .zeroRightHandSide, .nonFinite(.rightHandSide), .nonFinite(.initialGuess), .nonFinite(.rightHandSide),
      ])
    #expect(monitor.events.map(\.column) == [1, 2, 3, 4] && monitor.events.allSatisfy { $0.kind == .setAside })
  }

  @Test(arguments: [(1, 4), (4, 4), (5, 4), (9, 4), (64, 64), (65, 64), (7, 1)])
  func groupsHaveNearlyEqualWidths(columns: Int, maximum: Int) throws {
    let b = BlockVector<Double>(rows: 1, columns: columns) { _, _ in 1 }
    let ledger = try ColumnLedger(
      a: CSRMatrix<Double>(diagonal: [1]), b: b, guess: nil, tolerance: .default, monitor: monitor(columns))
    let groups = ledger.groups(maximumWidth: maximum)
    #expect(groups.flatMap { $0 } == Array(0..<columns))
    let widths = groups.map(\.count)
    #expect(groups.count == (columns + maximum - 1) / maximum && (widths.max() ?? 0) - (widths.min() ?? 0) <= 1)
  }

  /// Columns at both ends of the number range are iterated on like any other, and what is said of X is true of the X returned.
  @Test(arguments: ["cg", "gmres"])
  func extremeColumnsAreSolved(method: String) throws {
    let solver: any BlockMethod = method == "cg" ? BlockCG() : BlockGMRES()
    var random = SplitMix(601)
    let a = try Reference.poisson(8, Double.self)
    let exact = random.block(64, 5, Double.self)
    let plain = Reference.product(a, exact)
    let scales = [1, 0x1p1000, 0x1p-1000, 0x1p-500, 0x1p700]
    var b = plain
    b.scaleColumns(by: scales)
    #expect(b.columnMaxima().allSatisfy { $0.isFinite })
    let result = try solver.solve(a, b)
    #expect(result.report.allConverged)
    for j in 0..<5 {
      let column = result.report.columns[j]
      #expect(abs(column.rightHandSideNorm - b.columnNorms()[j]) <= 1e-14 * column.rightHandSideNorm)
      #expect(column.trueResidual <= 1e-8 * column.rightHandSideNorm)
      for i in 0..<64 { #expect(abs(result.solution[i, j] / scales[j] - exact[i, j]) <= 1e-6) }
    }
  }

  /// The smallest number there is: X must be rounded to multiples of it, and a residual that this spoils is not called solved.
  @Test func solutionsAmongSubnormalNumbersAreJudgedAsReturned() throws {
    let least = Double.leastNonzeroMagnitude
    let a = CSRMatrix<Double>(diagonal: [3, 4, 1])
    // Column 0 has the solution (1/3, ¼, 1)·least, which cannot be stored; column 1 has (2, 3, 5)·least, which can.
    let b = try BlockVector<Double>(rows: [[least, 6 * least], [least, 12 * least], [least, 5 * least]])
    for method in [BlockCG(), BlockGMRES()] as [any BlockMethod] {
      let result = try method.solve(a, b)
      #expect(result.report.columns[1].status == .converged)
      #expect(result.solution.column(1) == [2 * least, 3 * least, 5 * least])
      let first = result.report.columns[0]
      #expect(!first.status.isConverged && first.trueRelativeResidual > 0.3, "\(first)")
      #expect(result.report.events.contains { $0.column == 0 })
    }
  }

  @Test func solutionsThatOverflowAreTold() throws {
    let a = CSRMatrix<Double>(diagonal: [0.25, 1])
    let largest = Double.greatestFiniteMagnitude
    let b = try BlockVector<Double>(rows: [[largest, 1], [1, largest / 2]])
    let result = try BlockCG().solve(a, b)
    #expect(result.report.columns[0].status == .nonFinite(.overflow))
    #expect(result.solution.column(0) == [0, 0])
    #expect(result.report.columns[1].status == .converged)
    #expect(abs(result.solution[1, 1] / largest - 0.5) <= 1e-8)
  }

  /// A part that is opened again after a restart is the same memory with the state of the whole.
  @Test func openPartsAreTakenAgain() throws {
    let a = CSRMatrix<Double>(diagonal: [1, 2, 4])
    let b = BlockVector<Double>(rows: 3, columns: 3) { Double($0 + 3 * $1) }
    let ones = [Double](repeating: 1, count: 3)
    let whole = BlockProblem<Double>(
      a: a, b: b, x: BlockVector(rows: 3, columns: 3), hasGuess: false, columns: [0, 1, 2], norms: ones, thresholds: ones,
      scales: ones, monitor: monitor(3))
    whole.finish(column: 1, .converged)
    let part = whole.openPart()
    #expect(part.columns == [0, 2] && part.b.column(1) == b.column(2) && !part.hasGuess)
    part.x[2, 1] = 7
    part.hasGuess = true
    part.trueResiduals = [0.5, 0.25]
    part.energyErrors = [nil, 3]
    part.finish(column: 0, .timeLimit)
    whole.absorb(part, at: [0, 2])
    #expect(whole.x[2, 2] == 7 && whole.trueResiduals[2] == 0.25 && whole.status[0] == .timeLimit && whole.energyErrors[2] == 3)
    let other = whole.openPart()
    #expect(other !== part && other.columns == [2])
    other.trueResiduals = [0.125]
    other.estimated = [0.5]
    whole.absorb(other, at: [2])
    let again = whole.openPart()
    #expect(again === other && again.hasGuess && again.x[2, 0] == 7 && again.b.column(0) == b.column(2))
    #expect(again.status == [nil] && again.trueResiduals[0].isNaN && again.estimated == [1] && again.energyErrors == [nil])
    let negated = whole.openPart(negated: true)
    #expect(negated !== other && negated.b.column(0) == b.column(2).map { -$0 })
    #expect(try negated.a.applied(to: b).column(0) == [0, -2, -8])
  }
}
