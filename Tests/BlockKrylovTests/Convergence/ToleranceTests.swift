import ComplexModule
import Testing

@testable import BlockKrylov

struct ToleranceTests {
  @Test func boundsByDefinition() {
    #expect(Tolerance.default.threshold(column: 3, norm: 2, for: Double.self) == 2e-8)
    #expect(Tolerance.default.threshold(column: 3, norm: 2, for: Complex<Float>.self) == 2e-5)
    #expect(Tolerance.relative(1e-3).threshold(column: 0, norm: 5, for: Float.self) == 5e-3)
    #expect(Tolerance.absolute(0.25).threshold(column: 9, norm: 1e9, for: Double.self) == 0.25)
    let either = Tolerance.either(relative: 1e-2, absolute: 1)
    #expect(either.threshold(column: 0, norm: 10, for: Double.self) == 1)
    #expect(either.threshold(column: 0, norm: 1000, for: Double.self) == 10)
    let each = Tolerance.perColumn(relative: [1e-1, 1e-2], absolute: [0, 5])
    #expect(each.threshold(column: 0, norm: 1, for: Double.self) == 0.1)
    #expect(each.threshold(column: 1, norm: 1, for: Double.self) == 5)
    // A norm that overflows leaves a bound that is a number.
    #expect(Tolerance.absolute(3).threshold(column: 0, norm: .infinity, for: Double.self) == 3)
    #expect(Tolerance.relative(0).threshold(column: 0, norm: .infinity, for: Double.self) == 0)
  }

  @Test func boundsWithoutAMeaningAreRefused() throws {
    func refuse(_ tolerance: Tolerance, columns: Int? = nil, _ text: String) {
      #expect(throws: BlockKrylovError.invalidOption(text)) { try tolerance.validate(columns: columns) }
    }
    refuse(.relative(-1), "the relative tolerance -1.0 is not a number ≥ 0")
    refuse(.relative(.nan), "the relative tolerance nan is not a number ≥ 0")
    refuse(.absolute(-0.5), "the absolute tolerance -0.5 is not a number ≥ 0")
    refuse(
      .perColumn(relative: [1, 2]), columns: 3,
      "2 relative tolerances for 3 right-hand sides; give one for all or one per column")
    refuse(
      .perColumn(relative: [1], absolute: [1, 1]), columns: 3,
      "2 absolute tolerances for 3 right-hand sides; give one for all or one per column")
    refuse(.perColumn(relative: []), "a list of tolerances is empty; give one for all columns or one per column")
    refuse(.perColumn(relative: [1], absolute: []), "a list of tolerances is empty; give one for all columns or one per column")
    try Tolerance.perColumn(relative: [1, 2, 3]).validate(columns: 3)
    try Tolerance.either(relative: 0, absolute: 0).validate(columns: 7)
  }

  private static let numbers: [(Double, String)] = [
    (0, "0.0"), (1, "1"), (12.5, "12.5"), (0.0417, "0.0417"), (-3.14159, "-3.14"), (999.6, "1000"), (123456, "123000"),
    (2.144e-13, "2.14e-13"), (1e-4, "1.00e-04"), (1e6, "1.00e+06"), (9.996e9, "1.00e+10"), (-6.02e23, "-6.02e+23"),
    (1.7976931348623157e308, "1.80e+308"), (2.2250738585072014e-308, "2.23e-308"), (.leastNonzeroMagnitude, "4.94e-324"),
    (.leastNormalMagnitude / 3, "7.42e-309"), (.infinity, "inf"), (-.infinity, "-inf"), (.nan, "nan"),
  ]

  @Test func numbersInTextsAreBrief() {
    for (value, text) in Self.numbers { #expect(value.brief == text) }
  }
}
