import ArgumentParser
import BlockKrylov
import BlockKrylovDirect

/// What `--method` takes.
enum MethodName: String, CaseIterable, ExpressibleByArgument {
  case cg, gmres, lu, dense

  /// Whether it factorises A, so that there is nothing to precondition.
  var isDirect: Bool { self == .lu || self == .dense }

  /// The method with these options.
  func method(_ options: SolverOptions) -> any BlockMethod {
    let method: any BlockMethod =
      switch self {
      case .cg: BlockCG()
      case .gmres: BlockGMRES()
      case .lu: SparseLU()
      case .dense: DenseLU()
      }
    return method.with { $0 = options }
  }
}

/// What `--preconditioner` takes: a name of the library, or `auto`.
enum PreconditionerName: Equatable {
  case automatic
  case choice(PreconditionerChoice)

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
