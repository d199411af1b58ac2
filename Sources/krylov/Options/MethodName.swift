import ArgumentParser
import BlockKrylov
import BlockKrylovDirect

/// What `--method` takes.
enum MethodName: String, CaseIterable, ExpressibleByArgument {
  case cg, gmres, lu, dense

  static var names: [String] { allCases.map(\.rawValue) }

  /// Whether it factorises A, so that there is nothing to precondition.
  var isDirect: Bool { self == .lu || self == .dense }

  /// The method with these options and this preconditioner.
  func method(_ options: SolverOptions, preconditioner: PreconditionerName?) -> any BlockMethod {
    var options = options
    if case .choice(let choice) = preconditioner { options.preconditioner = choice }
    let method: any BlockMethod =
      switch self {
      case .cg: BlockCG()
      case .gmres: BlockGMRES()
      case .lu: SparseLU()
      case .dense: DenseLU()
      }
    return method.with { [options] in $0 = options }
  }
}

/// What `--preconditioner` takes: a name of the library, or `auto`.
enum PreconditionerName: Equatable {
  case automatic
  case choice(PreconditionerChoice)

  var name: String {
    switch self {
    case .automatic: "auto"
    case .choice(let choice): choice.name
    }
  }

  static let names = ["auto", "none", "jacobi", "ssor", "ilu0", "ilutp", "ic0"]

  /// For `transform:`, whose errors the argument parser shows with the option's name.
  static func parse(_ text: String) throws -> PreconditionerName {
    if text == "auto" { return .automatic }
    do {
      return .choice(try PreconditionerChoice(name: text))
    } catch {
      throw ValidationError("\(error)")
    }
  }
}

/// Values with commas between them.
struct CommaSeparated<Value> {
  var values: [Value]

  init(_ values: [Value]) { self.values = values }

  private static func split(_ text: String, _ value: (String) throws -> Value) throws -> CommaSeparated {
    CommaSeparated(try text.split(separator: ",", omittingEmptySubsequences: false).map { try value(String($0)) })
  }
}

extension CommaSeparated where Value == MethodName {
  static func methods(_ text: String) throws -> CommaSeparated {
    try split(text) { name in
      guard let method = MethodName(rawValue: name) else {
        throw ValidationError("there is no method '\(name)'; choose \(MethodName.names.joined(separator: ", "))")
      }
      return method
    }
  }
}

extension CommaSeparated where Value == PreconditionerName {
  static func preconditioners(_ text: String) throws -> CommaSeparated { try split(text, PreconditionerName.parse) }
}
