import BlockKrylov
import BlockKrylovDirect

/// The methods by their names.
enum Method {
  private static let all: [(name: String, method: any BlockMethod)] = [
    ("auto", AutomaticSolver(direct: SparseDirect())), ("cg", BlockCG()), ("gmres", BlockGMRES()), ("gcrodr", BlockGCRODR()),
    ("minres", BlockMINRES()), ("bicgstab", BlockBiCGStab()), ("pseudo-cg", PseudoBlockCG()),
    ("pseudo-gmres", PseudoBlockGMRES()),
    ("pseudo-bicgstab", PseudoBlockBiCGStab()), ("idr", PseudoBlockIDR()), ("ecg", EnlargedCG()), ("direct", SparseDirect()),
    ("lu", SparseLU()), ("cholesky", SparseCholesky()), ("klu", SparseKLU()), ("mixed-cg", MixedPrecision(BlockCG())),
    ("mixed-gmres", MixedPrecision(BlockGMRES())), ("mixed-pseudo-gmres", MixedPrecision(PseudoBlockGMRES())),
    ("mixed-pseudo-bicgstab", MixedPrecision(PseudoBlockBiCGStab())),
  ]

  static var names: [String] { all.map(\.name) }
  static func named(_ name: String) -> (any BlockMethod)? { all.first { $0.name == name }?.method }
}
