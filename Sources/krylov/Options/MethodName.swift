import ArgumentParser
import BlockKrylov
import BlockKrylovDirect

/// What `--method` takes.
enum MethodName: String, CaseIterable, ExpressibleByArgument {
  case auto, cg, gmres, gcrodr, minres, bicgstab
  case bfCG = "bf-cg"
  case pseudoCG = "pseudo-cg"
  case pseudoGMRES = "pseudo-gmres"
  case pseudoBiCGStab = "pseudo-bicgstab"
  case idr, ecg, lsqr, lsmr, direct, lu, cholesky, ldl, klu, qr, dense

  static var names: [String] { allCases.map(\.rawValue) }

  /// The automatic choice with everything that this package has.
  static let automatic = AutomaticSolver(direct: SparseDirect())

  /// Whether it factorises A, so that there is nothing to precondition.
  var isDirect: Bool {
    switch self {
    case .direct, .lu, .cholesky, .ldl, .klu, .qr, .dense: true
    default: false
    }
  }

  /// Whether it solves least-squares problems, so that A may be rectangular.
  var isLeastSquares: Bool { [.lsqr, .lsmr, .direct, .qr].contains(self) }

  /// The method with these options, which come of the arguments.
  func method(_ options: SolverOptions, _ arguments: SolverArguments) -> any BlockMethod {
    let method = bareMethod(arguments).with { $0 = options }
    let precise: any BlockMethod = arguments.precision == .mixed ? MixedPrecision(method) : method
    return arguments.renumber ? Renumbered(precise) : precise
  }

  private func bareMethod(_ arguments: SolverArguments) -> any BlockMethod {
    func factoring<Method: FactoringMethod>(_ method: Method) -> Method {
      var method = method
      (method.ordering, method.factorPrecision) = (arguments.ordering, arguments.factorPrecision)
      return method
    }
    return switch self {
    case .auto: AutomaticSolver(direct: factoring(SparseDirect()))
    case .cg: BlockCG()
    case .bfCG: BreakdownFreeBlockCG()
    case .gmres: BlockGMRES()
    case .gcrodr: BlockGCRODR()
    case .minres: BlockMINRES()
    case .bicgstab: BlockBiCGStab()
    case .pseudoCG: PseudoBlockCG()
    case .pseudoGMRES: PseudoBlockGMRES().storingBasis(in: arguments.basisPrecision)
    case .pseudoBiCGStab: PseudoBlockBiCGStab()
    case .idr: PseudoBlockIDR()
    case .ecg: EnlargedCG()
    case .lsqr: LSQR()
    case .lsmr: LSMR()
    case .direct: factoring(SparseDirect())
    case .lu: factoring(SparseLU())
    case .cholesky: factoring(SparseCholesky())
    case .ldl: factoring(SparseCholesky(isQuasiDefinite: true))
    case .klu: factoring(SparseKLU())
    case .qr: SparseLeastSquares()
    case .dense: DenseLU()
    }
  }
}

extension PreconditionerChoice {
  /// The names for completion.
  static let names = [
    "auto", "none", "jacobi", "ssor[:ω]", "ilu0", "ilutp[:fill[:drop]]", "ic0", "amg[:degree[:unknowns]]",
    "chebyshev[:degree]", "polynomial[:degree]",
  ]

  /// The names for help texts, and what may stand before them.
  static let namesInWords = names.joined(separator: ", ") + "; with single- before it one is kept in single precision"

  /// For `transform:`, whose errors the argument parser shows with the option's name.
  static func parse(_ text: String) throws -> PreconditionerChoice {
    do {
      return try PreconditionerChoice(name: text)
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

extension CommaSeparated where Value == PreconditionerChoice {
  static func preconditioners(_ text: String) throws -> CommaSeparated { try split(text, PreconditionerChoice.parse) }
}
