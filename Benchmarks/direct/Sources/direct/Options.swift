import BlockKrylovDirect

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

  init(_ arguments: some Sequence<String>) {
    var rest = Array(arguments)[...]
    func numbers(_ text: String?) -> [Int] { (text ?? "").split(separator: ",").compactMap { Int($0) } }
    func names<Value: RawRepresentable>(_ text: String?) -> [Value] where Value.RawValue == String {
      (text ?? "").split(separator: ",").compactMap { Value(rawValue: String($0)) }
    }
    while let argument = rest.popFirst() {
      switch argument {
      case "--columns": columns = numbers(rest.popFirst())
      case "--threads": threads = numbers(rest.popFirst())
      case "--repeat": repetitions = numbers(rest.popFirst()).first ?? repetitions
      case "--refactor": cycles = numbers(rest.popFirst()).first ?? 0
      case "--orderings": orderings = names(rest.popFirst())
      case "--precisions": precisions = names(rest.popFirst())
      case "--json": printsRecords = true
      default: matrices.append(argument)
      }
    }
    if matrices.isEmpty { matrices = ["poisson2d:300", "poisson3d:30"] }
  }
}
