import Foundation
import RealModule
import Synchronization

@testable import BlockKrylov

/// Small matrices and blocks of columns with something wrong with each.
enum Torture {
  /// Every method, with those that cannot be meant for a matrix refusing it.
  static let methods: [(name: String, method: any BlockMethod)] = [
    ("cg", BlockCG()), ("gmres", BlockGMRES(restart: 10)), ("fgmres", BlockGMRES(restart: 10, side: .flexible)),
    ("gmres left", BlockGMRES(restart: 10, side: .left)), ("minres", BlockMINRES()), ("bicgstab", BlockBiCGStab()),
    ("pseudo-cg", PseudoBlockCG()), ("pseudo-gmres", PseudoBlockGMRES(restart: 10)), ("pseudo-bicgstab", PseudoBlockBiCGStab()),
    ("pseudo-gmres single basis", PseudoBlockGMRES(restart: 10).storingBasis(in: .single)),
    ("idr", PseudoBlockIDR()), ("ecg", EnlargedCG()), ("bf-cg", BreakdownFreeBlockCG()), ("lsqr", LSQR()), ("lsmr", LSMR()),
    ("dense", DenseLU()),
    ("auto", AutomaticSolver()), ("gcrodr", BlockGCRODR(restart: 10, kept: 4)), ("mixed-cg", MixedPrecision(BlockCG())),
    ("mixed-minres", MixedPrecision(BlockMINRES())), ("mixed-gmres", MixedPrecision(BlockGMRES(restart: 10))),
    ("mixed-bicgstab", MixedPrecision(BlockBiCGStab())), ("mixed-dense", MixedPrecision(DenseLU())),
    ("mixed-auto", MixedPrecision(AutomaticSolver())),
  ]
  static let preconditioners: [PreconditionerChoice] = [
    .none, .jacobi, .ssor(), .ilu0, .ilutp(), .ic0, .chebyshev(degree: 4), .polynomial(degree: 5),
    .smoothedAggregation(), .singlePrecision(.ilu0), .singlePrecision(.ic0),
  ]

  enum Matrix: String, CaseIterable {
    case definite, nonsymmetric, indefinite, zeroDiagonal, skew, singular, nearlySingular, defective, wronglyTagged, graded

    func matrix<S: Scalar>(_ type: S.Type = S.self) throws -> CSRMatrix<S> {
      let n = 25
      func tridiagonal(_ entry: (Int, Int) -> Double) -> CSRMatrix<S> {
        CSRMatrix(dense: DenseMatrix(rows: n, columns: n) { abs($0 - $1) > 1 ? 0 : S(double: entry($0, $1)) })
      }
      switch self {
      case .definite: return try Reference.poisson(5, S.self)
      case .nonsymmetric: return tridiagonal { i, j in i == j ? 3 : i < j ? -0.5 : -1.5 }
      case .indefinite: return tridiagonal { i, j in i == j ? (i % 3 == 0 ? -4 : 5) : 1 }
      case .zeroDiagonal: return tridiagonal { i, j in i == j ? (i == 0 ? 1 : 0) : 1 }
      case .skew: return tridiagonal { i, j in i == j ? 0 : i < j ? 1 + Double(i) : -1 - Double(j) }
      case .singular: return try Gallery.Problem(.neumann2d, size: 5).matrix(S.self)
      case .nearlySingular: return tridiagonal { i, j in i == j ? (i == 7 ? 1e-14 : 1 + Double(i)) : 0 }
      case .defective: return tridiagonal { i, j in i == j ? 2 : i < j ? 1 : 0 }
      case .wronglyTagged:
        return try Matrix.nonsymmetric.matrix(S.self).tagged([.symmetric, .hermitian, .positiveDefinite])
      case .graded: return tridiagonal { i, j in i == j ? Double.pow(10, Double(i) / 4) : 0 }
      }
    }
  }

  /// Columns of every kind, what each was multiplied by, and which of them are not finite. The last one's guess solves it.
  struct Columns<S: Scalar> {
    var b: BlockVector<S>
    var guess: BlockVector<S>
    var scales: [Double]
    var poisoned: Set<Int> = []
    var clean: [Int] { (0..<b.columns).filter { !poisoned.contains($0) } }

    init(_ a: CSRMatrix<S>, seed: UInt64 = 7) {
      var random = SplitMix(seed)
      let n = a.rows
      let big = S.scalarKind.isSinglePrecision ? 1e30 : 1e300
      var columns: [[S]] = (0..<3).map { _ in (0..<n).map { _ in random.scalar() } }
      var factors = [1.0, 1, 1]
      func add(_ column: [S], scale: Double = 1) {
        columns.append(column)
        factors.append(scale)
      }
      add([S](repeating: 0, count: n))
      add(columns[0])
      for distance in [1e-2, 1e-5, 1e-8, 1e-12, 1e-15] { add(zip(columns[1], columns[2]).map { $0 + S(double: distance) * $1 }) }
      add(zip(columns[0], columns[1]).map { $0 - 2 * $1 })
      // Eigenvectors: of the diagonal matrices, and of the Laplacian.
      add((0..<n).map { S(double: $0 == 0 ? 1 : 0) })
      let sines: [Double] = (1...5).map { Double.sin(.pi * Double($0) / 6) }
      add((0..<n).map { i in S(double: sines[i % 5] * sines[i / 5]) })
      add([S](repeating: 1, count: n))
      add((0..<n).map { _ in random.scalar() }, scale: big)
      add((0..<n).map { _ in random.scalar() }, scale: 1 / big)
      poisoned = [columns.count, columns.count + 1]
      add((0..<n).map { S(double: $0 == 3 ? .nan : 1) })
      add((0..<n).map { S(double: $0 == 4 ? .infinity : 1) })
      let exact = (0..<n).map { S(double: 1 + Double($0 % 3)) }
      add(Reference.product(a, exact))
      let count = columns.count
      b = BlockVector(rows: n, columns: count) { i, j in columns[j][i] * S(double: factors[j]) }
      scales = factors
      guess = BlockVector(rows: n, columns: count) { i, j in j == count - 1 ? exact[i] : 0 }
    }
  }

  /// ‖b − Ax‖/‖b‖ in units of the column's scale, and ‖Aᴴr‖/(‖A‖‖r‖).
  static func residuals<S: Scalar>(
    _ a: CSRMatrix<S>, _ x: BlockVector<S>, _ b: BlockVector<S>, column j: Int, scale: Double
  ) -> (relative: Double, normal: Double) {
    let factor = S(double: 1 / scale)
    let (xj, bj) = (x.column(j).map { $0 * factor }, b.column(j).map { $0 * factor })
    let r = zip(bj, Reference.product(a, xj)).map { $0 - $1 }
    let gradient = Reference.product(a.adjointMatrix(), r)
    let size =
      (0..<a.rows).map { i in (a.rowStart[i]..<a.rowStart[i + 1]).reduce(0) { $0 + Double(a.values[$1].modulus) } }.max() ?? 1
    let (below, length) = (Reference.norm(bj), Reference.norm(r))
    return (below == 0 ? length : length / below, length == 0 ? 0 : Reference.norm(gradient) / (size * length))
  }
}

/// How often each method ended in each way: a table on request, one row for each method.
enum TortureTable {
  private static let counts = Mutex<[String: [String: Int]]>([:])
  private static let names = [
    "converged", "convergedAtStart", "zeroRightHandSide", "leastSquares", "nonFinite", "stagnated", "maximumIterations",
    "breakdown",
    "indefiniteOperator", "indefinitePreconditioner", "singular", "refused",
  ]

  static func count(_ method: String, _ outcome: String, _ number: Int = 1) {
    counts.withLock { $0[method, default: [:]][outcome, default: 0] += number }
  }

  /// Prints the row of a method where the environment variable KRYLOV_TORTURE_TABLE is set.
  static func printRow(_ method: String) {
    guard ProcessInfo.processInfo.environment["KRYLOV_TORTURE_TABLE"] != nil else { return }
    let row = counts.withLock { $0[method] ?? [:] }
    let cells = (names + row.keys.filter { !names.contains($0) }.sorted()).compactMap { name in row[name].map { "\(name) \($0)" }
    }
    print("torture | \(method) | \(cells.joined(separator: " | "))")
  }
}
