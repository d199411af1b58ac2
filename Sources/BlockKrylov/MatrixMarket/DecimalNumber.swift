/// A decimal number as it stands in a file: ±significand · 10^exponent.
struct DecimalNumber {
  var isNegative = false
  /// The first nineteen digits that matter.
  var significand: UInt64 = 0
  var exponent = 0
  /// Whether digits other than 0 follow those nineteen.
  var isTruncated = false
  /// Whether it is written without point and exponent.
  var isInteger = true
}

extension LineCursor {
  /// A decimal number that ends with its word, or `nil`, the cursor then standing at the word.
  @inline(__always) mutating func decimal() -> DecimalNumber? {
    _ = skipBlanks()
    let word = self
    var number = DecimalNumber()
    number.isNegative = byte == 0x2D
    if number.isNegative || byte == 0x2B { advance() }
    // Ten times less than this plus nine is still less than 2⁶⁴.
    let full: UInt64 = 1_000_000_000_000_000_000
    var hasDigits = false
    while byte &- 0x30 < 10 {
      if number.significand < full {
        number.significand = number.significand &* 10 &+ UInt64(byte &- 0x30)
      } else {
        number.isTruncated = number.isTruncated || byte != 0x30
        number.exponent &+= 1
      }
      hasDigits = true
      advance()
    }
    if byte == 0x2E {
      number.isInteger = false
      advance()
      while byte &- 0x30 < 10 {
        if number.significand < full {
          number.significand = number.significand &* 10 &+ UInt64(byte &- 0x30)
          number.exponent &-= 1
        } else {
          number.isTruncated = number.isTruncated || byte != 0x30
        }
        hasDigits = true
        advance()
      }
    }
    if byte | 0x20 == 0x65, hasDigits {
      number.isInteger = false
      advance()
      let negative = byte == 0x2D
      if negative || byte == 0x2B { advance() }
      hasDigits = false
      var exponent = 0
      while byte &- 0x30 < 10 {
        // Beyond this the value is 0 or too large, whatever the other digits are (a line has fewer than 2²⁰).
        if exponent < 100_000_000 { exponent = exponent &* 10 &+ Int(byte &- 0x30) }
        hasDigits = true
        advance()
      }
      number.exponent &+= negative ? -exponent : exponent
    }
    guard hasDigits, Self.endsWord(byte) else {
      self = word
      return nil
    }
    return number
  }

  /// A finite number, correctly rounded, with whether it is written as an integer; or `nil`, the cursor then standing at the word.
  ///
  /// - Parameter single: rounds to `Float` instead of `Double` (once, not by way of `Double`).
  @inline(__always) mutating func number(single: Bool) -> (value: Double, isInteger: Bool)? {
    var next = self
    guard let decimal = next.decimal() else { return nil }
    guard let value = decimal.rounded(toSingle: single) ?? roundedByLibrary(toSingle: single) else { return nil }
    self = next
    return (value, decimal.isInteger)
  }

  /// The rare case that needs arithmetic of arbitrary precision, a subnormal result, or overflow.
  @inline(never) private func roundedByLibrary(toSingle single: Bool) -> Double? {
    var word = self
    _ = word.skipBlanks()
    let text = String(decoding: word.wordBytes(), as: UTF8.self)
    let value = single ? Float(text).map(Double.init) : Double(text)
    return value.flatMap { $0.isFinite ? $0 : nil }
  }
}

extension DecimalNumber {
  /// The nearest `Double` (or `Float`), ties to even; `nil` when 128 bits do not settle the rounding or the result is not normal.
  @inline(__always) func rounded(toSingle single: Bool) -> Double? {
    // Both factors exact, one rounding: W. Clinger, "How to read floating point numbers accurately", PLDI 1990.
    if !single, significand <= 1 << 53, exponent >= -22, exponent <= 22, !isTruncated {
      let magnitude = Double(significand)
      let value = exponent < 0 ? magnitude / PowersOfTen.exact[-exponent] : magnitude * PowersOfTen.exact[exponent]
      return isNegative ? -value : value
    }
    return roundedByBounds(bits: single ? 24 : 53)
  }

  /// Multiplies by a power of five of 128 bits and keeps the result when the whole interval of error rounds to the same number.
  ///
  /// The idea is that of D. Lemire, "Number parsing at a gigabyte per second" (2021); the interval test replaces its special cases.
  @inline(never) private func roundedByBounds(bits: Int) -> Double? {
    if significand == 0 && !isTruncated { return isNegative ? -0.0 : 0.0 }
    guard significand != 0, let power = PowersOfTen.five(exponent) else { return nil }
    let shift = significand.leadingZeroBitCount
    let scaled = UInt128(significand << UInt64(shift))
    let (high, low) = (power.significand >> 64, power.significand & UInt128(UInt64.max))
    let product = scaled * high + (scaled * low) >> 64
    // The exact product is less than this above `product`.
    let uncertainty = PowersOfTen.uncertainty + (isTruncated ? UInt128(1) << UInt128(shift + 64) : 0)
    let dropped = 128 - product.leadingZeroBitCount - bits
    var mantissa = UInt64(truncatingIfNeeded: product >> UInt128(dropped))
    let remainder = product & ((UInt128(1) << UInt128(dropped)) - 1)
    let half = UInt128(1) << UInt128(dropped - 1)
    if remainder > half {
      mantissa += 1
    } else if remainder + uncertainty > half {
      return nil
    }
    let scale = dropped + 64 + power.exponent + exponent - shift
    let binaryExponent = scale + bits - 1
    guard bits == 53 ? (-1022...1022).contains(binaryExponent) : (-126...126).contains(binaryExponent) else { return nil }
    // A mantissa that was rounded up to a power of two carries into the exponent, as it should.
    let fraction = (mantissa << UInt64(53 - bits)) - (1 << 52)
    let pattern = UInt64(binaryExponent + 1023) << 52 + fraction
    return Double(bitPattern: isNegative ? pattern | 1 << 63 : pattern)
  }
}

/// Powers of ten and five for the conversion of decimal numbers.
enum PowersOfTen {
  /// 10^0 … 10^22, all of which are `Double`s.
  static let exact: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
    1e22,
  ]

  /// How far below the exact value a product with ``five(_:)`` may lie, in units of its last place: each of at most 350 steps to a
  /// power loses less than one unit, a normalisation may double what was lost, and one unit goes with the product's low half.
  static let uncertainty: UInt128 = 2048

  private static let range = -350...310

  /// 5^q, rounded down: significand · 2^exponent with 128 bits of which the highest is set.
  static func five(_ q: Int) -> (significand: UInt128, exponent: Int)? {
    range.contains(q) ? table[q - range.lowerBound] : nil
  }

  private static let table: [(significand: UInt128, exponent: Int)] = {
    var entries = [(significand: UInt128, exponent: Int)](repeating: (1 << 127, -127), count: range.count)
    let one = -range.lowerBound
    for k in (one + 1)..<entries.count {
      // Five times 128 bits are 130 or 131, of which the highest 128 stay.
      let below = entries[k - 1].significand
      let eighth = (below >> 3) * 5 + ((below & 7) * 5) >> 3
      let isWide = eighth.leadingZeroBitCount == 0
      entries[k] = (isWide ? eighth : (below >> 2) * 5 + ((below & 3) * 5) >> 2, entries[k - 1].exponent + (isWide ? 3 : 2))
    }
    for k in (0..<one).reversed() {
      // The two or three bits that the division takes away come from the remainder.
      let (quotient, remainder) = entries[k + 1].significand.quotientAndRemainder(dividingBy: 5)
      let zeros = quotient.leadingZeroBitCount
      let tail = (remainder << UInt128(zeros)) / 5
      entries[k] = (quotient << UInt128(zeros) + tail, entries[k + 1].exponent - zeros)
    }
    return entries
  }()
}
