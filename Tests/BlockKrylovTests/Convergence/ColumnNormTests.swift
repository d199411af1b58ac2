import ComplexModule
import Testing

@testable import BlockKrylov

/// The norm and the iteration limit of each column, for every method.
struct ColumnNormTests {
  static let methods: [(name: String, method: any BlockMethod)] = Torture.methods + [("gcrodr", BlockGCRODR())]
  static let names = methods.map(\.name)

  private func method(_ name: String) throws -> any BlockMethod { try #require(Self.methods.first { $0.name == name }).method }

  /// A load in one point leaves a residual with a peak, so that the 2-norm says little of the largest entry.
  @Test(arguments: names)
  func largestEntryMeetsTheTolerance(name: String) throws {
    var random = SplitMix(811)
    let a = try Reference.poisson(24, Double.self)
    var b = random.block(576, 4, Double.self)
    for i in 0..<576 { (b[i, 1], b[i, 2]) = (i == 300 ? 1e3 : 0, 1) }
    for bound in [1e-2, 1e-7] {
      let solver = try method(name).with { $0.tolerance = .relative(bound).measured(in: .maximum) }
      let result = try solver.prepare(a).solve(b)
      let (maxima, sizes) = (try a.residual(b, of: result.solution).columnMaxima(), b.columnMaxima())
      for column in result.report.columns {
        let j = column.index
        #expect(column.status == .converged, "\(name): \(column.status)")
        #expect(maxima[j] <= bound * sizes[j], "\(name), column \(j)")
        #expect(
          abs(column.measure - maxima[j]) <= 1e-12 * sizes[j] && abs(column.threshold - bound * sizes[j]) <= 1e-12 * sizes[j])
      }
    }
    let solved = try method(name).with { $0.tolerance = .absolute(1e-6).measured(in: .maximum) }.prepare(a).solve(b)
    #expect(try a.residual(b, of: solved.solution).columnMaxima().allSatisfy { $0 <= 1e-6 }, "\(name)")
    let again = try method(name).with { $0.tolerance = .absolute(1e-5).measured(in: .maximum) }.prepare(a)
      .solve(b, from: solved.solution)
    #expect(again.report.columns.allSatisfy { $0.status == .convergedAtStart }, "\(name)")
  }

  @Test func listsMustFit() throws {
    let a = try Reference.poisson(4, Double.self)
    let b = BlockVector<Double>(rows: 16, columns: 3) { i, j in Double(i + j) }
    let norms = Tolerance.relative(1e-8).measured(in: [.two, .maximum])
    #expect(throws: BlockKrylovError.self) { try BlockCG(tolerance: norms).solve(a, b) }
    #expect(throws: BlockKrylovError.self) { try BlockCG(tolerance: .relative(1e-8).measured(in: [])).prepare(a) }
    #expect(throws: BlockKrylovError.self) { try BlockCG().with { $0.maximumIterationsPerColumn = [1, 2] }.solve(a, b) }
    #expect(throws: BlockKrylovError.self) { try BlockCG().with { $0.maximumIterationsPerColumn = [1, -2, 3] }.prepare(a) }
  }

  /// A column that reaches its limit keeps the iterate that it has then; the others are solved as if nothing had happened.
  @Test(arguments: names.filter { $0 != "dense" && $0 != "auto" }, [PreconditionerChoice.none, .jacobi])
  func limitsOfColumns(name: String, choice: PreconditionerChoice) throws {
    var random = SplitMix(812)
    let a = try Reference.poisson(14, Double.self)
    let b = random.block(196, 4, Double.self)
    let solver = try method(name).preconditioned(by: choice)
    let limits = [.max, 6, 0, 17]
    let free = try solver.prepare(a).solve(b)
    let result = try solver.with { $0.maximumIterationsPerColumn = limits }.prepare(a).solve(b)
    #expect(result.report.columns[0].status == .converged, "\(name)")
    #expect(Reference.relativeResiduals(a, result.solution, b)[0] <= 1.0000001e-8)
    for j in [1, 2, 3] {
      let column = result.report.columns[j]
      if free.report.columns[j].iterations <= limits[j] {
        #expect(column.status == .converged, "\(name), column \(j): \(column.status)")
        continue
      }
      #expect(column.status == .maximumIterations && column.iterations == limits[j], "\(name), column \(j): \(column.status)")
      #expect(column.remedy != nil)
      let residual = Reference.relativeResiduals(a, result.solution, b)[j]
      #expect(abs(residual - column.trueRelativeResidual) <= 1e-10)
      if limits[j] == 0 { #expect(result.solution.column(j).allSatisfy { $0 == 0 }) }
    }
    // What a column has at its limit is what a solve with this limit for all gives.
    let short = try solver.with { ($0.maximumIterations, $0.tolerance) = (6, .relative(1e-8)) }.prepare(a).solve(
      BlockVector(rows: 196, columns: 3) { b[$0, [0, 1, 3][$1]] })
    let distance = Reference.distance(short.solution[columns: 1..<2], result.solution[columns: 1..<2])
    let isLimited = result.report.columns[1].status == .maximumIterations
    #expect(!isLimited || distance <= 1e-10 * (1 + short.solution.columnMaxima()[1]), "\(name): \(distance)")
    // GMRES applies A to what the columns that go on need: those that end early leave a narrower space, and no longer help the others.
    if !name.contains("gmres"), name != "gcrodr" {
      #expect(abs(result.report.iterations - free.report.iterations) <= free.report.iterations / 4 + 2, "\(name)")
    }
  }
}
