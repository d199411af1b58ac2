import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

struct ConvergenceForecastTests {
  private func forecast(_ iterations: Int, _ distance: (Int) -> Double) -> ConvergenceForecast {
    var forecast = ConvergenceForecast()
    for k in 0...iterations { forecast.note(distance(k)) }
    return forecast
  }

  @Test func steadyConvergenceIsForecastExactly() {
    #expect(abs(forecast(20) { 8 - 0.1 * Double($0) }.remaining - 60) < 1e-9)
  }

  @Test func solvedNeedsNothingMore() { #expect(forecast(10) { max(0, 1 - Double($0)) }.remaining == 0) }

  @Test func plateausNeverEnd() {
    #expect(forecast(30) { _ in 5 }.remaining == .infinity)
    #expect(forecast(30) { 5 + Double($0) }.remaining == .infinity)
  }

  /// Residuals that go up and down count by the least so far; NaN counts as no gain.
  @Test func peaksDoNotMislead() {
    let smooth = forecast(40) { 8 - 0.1 * Double($0) }
    let rough = forecast(40) { 8 - 0.1 * Double($0) + ($0 % 4 == 3 ? 3 : 0) }
    #expect(rough.remaining == smooth.remaining)
    #expect(forecast(40) { $0 % 2 == 1 ? .nan : 8 - 0.1 * Double($0) }.remaining == smooth.remaining)
  }

  @Test func looksGetRarer() {
    var forecast = ConvergenceForecast()
    var due: [Int] = []
    for k in 0...200 {
      forecast.note(5)
      if forecast.isDue() { due.append(k) }
    }
    #expect(due.first == 12 && due.count < 12)
    #expect(zip(due.dropFirst(), due).allSatisfy { $0.0 - $0.1 >= 4 })
  }
}

struct CostModelTests {
  private func model(_ family: Gallery.Family, _ size: Int) throws -> CostModel {
    CostModel(try Gallery.Problem(family, size: size).matrix(Double.self), isHermitian: true)
  }

  @Test func costsGrowWithColumnsButLessThanInProportion() throws {
    let costs = try model(.poisson2d, 50)
    for p in [1, 2, 4, 8, 16] {
      #expect(costs.product(columns: 2 * p) > costs.product(columns: p))
      #expect(costs.product(columns: 2 * p) < 2 * costs.product(columns: p))
    }
  }

  /// The width is one of those that groups of equal size have, no wider than allowed, and the best of them by the model.
  @Test(arguments: [1, 2, 7, 16, 33, 64, 200])
  func widthCostsLeast(columns: Int) throws {
    let costs = try model(.poisson3d, 12)
    for limit in [1, 8, 64] {
      let width = costs.width(for: BlockCG(), columns: columns, limit: limit, application: 2.5)
      #expect(width >= 1 && width <= min(columns, limit))
      let groups = (columns + width - 1) / width
      #expect((columns + groups - 1) / groups == width)
    }
    #expect(costs.width(for: PseudoBlockCG(), columns: columns, limit: 64, application: 0) >= min(columns, 32))
    #expect(costs.width(for: DenseLU(), columns: columns, limit: 64, application: 0) == min(columns, 64))
  }

  /// A factorisation costs more where there is more fill, complex arithmetic more than real.
  @Test func factorisationsCostByFlopsAndEntries() throws {
    let a = try Gallery.Problem(.poisson2d, size: 20).matrix(Double.self)
    let (real, complex) = (
      CostModel(a, isHermitian: true), CostModel(a.converted(to: Complex<Double>.self), isHermitian: true)
    )
    let work = FactorizationWork(method: "lu", flops: 1e9, entries: 1e6, peakBytes: 1e7)
    #expect(complex.direct(work, columns: 4) > real.direct(work, columns: 4))
    #expect(real.direct(work, columns: 40) > real.direct(work, columns: 4))
    #expect(real.direct(work, columns: 4) > real.analysis)
  }
}
