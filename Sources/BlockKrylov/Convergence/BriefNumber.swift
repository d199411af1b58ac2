internal import RealModule

extension Double {
  /// Three significant digits, as texts for people give numbers: `2.14e-13`, `0.0417`, `12.5`.
  package var brief: String {
    guard isFinite, self != 0 else { return "\(self)" }
    // Powers of ten among the subnormal numbers would have too few digits themselves.
    let (scaled, shift) = magnitude < 1e-290 ? (magnitude * 1e30, 30) : (magnitude, 0)
    var exponent = Int(Double.log10(scaled).rounded(.down))
    var digits = (scaled / Double.exp10(Double(exponent)) * 100).rounded()
    exponent -= shift
    if digits >= 1000 {
      digits = 100
      exponent += 1
    }
    let sign = self < 0 ? "-" : ""
    if exponent >= -3, exponent < 6 {
      let value = digits * Double.exp10(Double(exponent - 2))
      let text = "\((value * 1e6).rounded() / 1e6)"
      return sign + (text.hasSuffix(".0") ? String(text.dropLast(2)) : text)
    }
    let (whole, rest) = (Int(digits) / 100, Int(digits) % 100)
    let padded = rest < 10 ? "0\(rest)" : "\(rest)"
    return "\(sign)\(whole).\(padded)e\(exponent < 0 ? "-" : "+")\(Swift.abs(exponent) < 10 ? "0" : "")\(Swift.abs(exponent))"
  }
}
