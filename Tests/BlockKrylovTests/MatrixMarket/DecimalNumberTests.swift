import Testing

@testable import BlockKrylov

/// What the cursor makes of a word.
private func parse(_ text: String, single: Bool = false) -> Double? {
  let bytes = Array(text.utf8) + [0x0A]
  return unsafe bytes.withUnsafeBufferPointer { buffer -> Double? in
    guard let base = buffer.baseAddress else { return nil }
    var cursor = unsafe LineCursor(start: base, count: buffer.count - 1)
    return cursor.number(single: single)?.value
  }
}

@Suite struct DecimalNumberTests {
  @Test(arguments: [
    "0", "-0", "0.0", "-0.0e5", "1", "+1", "1.", ".5", "-.5", "00012.500", "1e0", "1E+2", "1e-2", "123456789012345678",
    "9007199254740991", "9007199254740992", "9007199254740993", "9007199254740995", "9007199254740993.0000000000000001",
    "18446744073709551615", "18446744073709551616", "99999999999999999999", "1e22", "1e23", "1e-22", "1e-23", "8.5e22",
    "1.7976931348623157e308", "1.7976931348623158e308", "2.2250738585072014e-308", "2.2250738585072011e-308", "5e-324",
    "4.9e-324",
    "2.5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "1e-400", "-1e-400", "0e999999999", "0.000e-999999999999",
    "6.6312368714699758277e-316", "3.237883913302901e-319", "7.2057594037927933e16", "6929495644600919.5",
    "3.7455744005952583e15",
    "8.988465674311581e307", "1.00000000000000011102230246251565404236316680908203125",
    "1.00000000000000011102230246251565404236316680908203124", "1.00000000000000011102230246251565404236316680908203126",
    "0.1000000000000000055511151231257827021181583404541015625", "-0.40588178432239746529", "1.0000000000000000199e+30",
    "0.00000000000000000000000000000000000000000000012345678901234567", "123456789012345678901234567890e-40",
  ])
  func matchesTheLibrary(_ text: String) throws {
    let expected = try #require(Double(text))
    let value = try #require(parse(text))
    #expect(value.bitPattern == expected.bitPattern)
    let single = try #require(Float(text))
    #expect(parse(text, single: true) == (single.isFinite ? Double(single) : nil))
  }

  /// Random digits and exponents, and the halfway points between neighbours of both precisions.
  @Test func randomNumbersAreRoundedCorrectly() throws {
    var random = SplitMix(3)
    for _ in 0..<20_000 {
      let digits = Int.random(in: 1...24, using: &random)
      var text = Bool.random(using: &random) ? "-" : ""
      let point = Int.random(in: 0...digits, using: &random)
      for k in 0..<digits {
        if k == point { text += "." }
        text += String(Int.random(in: 0...9, using: &random))
      }
      let range = Bool.random(using: &random) ? 30 : 345
      text += "e\(Int.random(in: -range...range, using: &random))"
      let expected = try #require(Double(text)), single = try #require(Float(text))
      #expect(parse(text)?.bitPattern == (expected.isFinite ? expected.bitPattern : nil), "\(text)")
      #expect(parse(text, single: true) == (single.isFinite ? Double(single) : nil), "\(text)")
    }
    for _ in 0..<5_000 {
      let value = Double(bitPattern: random.next() & 0x7FFF_FFFF_FFFF_FFFF)
      guard value.isFinite else { continue }
      #expect(parse("\(value)")?.bitPattern == value.bitPattern)
      let single = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()) & 0x7FFF_FFFF)
      guard single.isFinite else { continue }
      #expect(parse("\(single)", single: true) == Double(single))
      // Halfway between two neighbours of single precision, exactly and a trifle beside it.
      let half = Double(single) + Double(single.ulp) / 2
      for text in ["\(half)", "\(half.nextUp)", "\(half.nextDown)"] {
        let expected = try #require(Float(text))
        #expect(parse(text, single: true) == (expected.isFinite ? Double(expected) : nil), "\(text)")
      }
    }
  }

  @Test(arguments: [
    "", "+", "-", ".", "e5", ".e5", "1e", "1e+", "1.2.3", "1,5", "0x10", "nan", "inf", "1e5x", "--1", "1-", "1d5", "1e999",
    "-1.8e308", "½",
  ])
  func refusesWhatIsNotAFiniteNumber(_ text: String) {
    #expect(parse(text) == nil)
  }

  /// The table behind the fast conversion: exact as far as 128 bits reach, normalised everywhere.
  @Test func powersOfFive() throws {
    for q in 0...55 {
      let power = try #require(PowersOfTen.five(q))
      #expect(power.significand >> UInt128(-power.exponent) == (0..<q).reduce(UInt128(1)) { value, _ in value * 5 })
    }
    for q in -350...310 { #expect(PowersOfTen.five(q)?.significand.leadingZeroBitCount == 0) }
    #expect(PowersOfTen.five(311) == nil)
  }
}
