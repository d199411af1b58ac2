import BlockKrylovDirect

/// What is wrong with a command line.
struct Refusal: Error, CustomStringConvertible {
  var description: String
}

/// The command line.
struct Options {
  var columns = [1, 16, 64, 256]
  var threads = [1, 2]
  var repetitions = 3
  /// Orders of elimination and precisions of the factors, for records.
  var orderings = [FillOrdering.automatic]
  var precisions = [FactorPrecision.double]
  /// Refactorisations and solves for `--refactor`; 0 for none.
  var cycles = 0
  /// Whether records of this package alone are printed, for compare.py.
  var printsRecords = false
  var matrices: [String] = []

  /// - Throws: for an option that there is not, or a value that it does not take.
  init(_ arguments: some Sequence<String>) throws {
    var rest = Array(arguments)[...]
    func values<Value>(_ option: String, _ value: (String) -> Value?) throws -> [Value] {
      let texts = (rest.popFirst() ?? "").split(separator: ",").map(String.init)
      let values = texts.compactMap(value)
      if values.isEmpty || values.count < texts.count { throw Refusal(description: "\(option) does not take this value") }
      return values
    }
    while let argument = rest.popFirst() {
      switch argument {
      case "--columns": columns = try values(argument) { Int($0) }
      case "--threads": threads = try values(argument) { Int($0) }
      case "--repeat": repetitions = try values(argument) { Int($0) }[0]
      case "--refactor": cycles = try values(argument) { Int($0) }[0]
      case "--orderings": orderings = try values(argument) { FillOrdering(rawValue: $0) }
      case "--precisions": precisions = try values(argument) { FactorPrecision(rawValue: $0) }
      case "--json": printsRecords = true
      case let option where option.hasPrefix("-"):
        throw Refusal(description: "there is no option \(option); the options are described at the top of main.swift")
      default: matrices.append(argument)
      }
    }
    if matrices.isEmpty { matrices = ["poisson2d:300", "poisson3d:30"] }
  }
}
