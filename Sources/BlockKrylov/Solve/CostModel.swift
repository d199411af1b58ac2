internal import RealModule

/// Seconds that work on one A takes by count of bytes and operations, for the comparison of methods.
///
/// The rates are nominal ones of a core with wide vector units, not measured, so that the same problem is always solved in the same
/// way. They need only be right in relation to each other; see `Benchmarks` for what machines do.
struct CostModel: Sendable, Equatable {
  let rows: Int
  let nonzeros: Int
  let scalarBytes: Int
  let isComplex: Bool

  /// Bytes per second, from memory or a cache that all cores share.
  private static let bandwidth = 4e10
  /// Operations per second of products of blocks with small matrices.
  private static let peak = 6e10
  /// Operations per second of a sparse factorisation, and of triangular solves of many columns with its factors.
  private static let (factorRate, solveRate) = (1.5e10, 5e9)
  /// Seconds of moving an entry of the factors about.
  private static let movePerEntry = 1.5e-8
  /// Seconds of a symbolic analysis for each entry of A, orders of elimination included: measured in three dimensions, where most is to be
  /// lost (a tenth of it in two).
  private static let (hermitianAnalysis, generalAnalysis) = (8e-7, 2.2e-6)
  /// p columns in one space need about p^−0.3 of the iterations of one: between the exponents that the distribution of the small
  /// eigenvalues of second-order differential operators gives in two dimensions (½) and in three (⅓), and what is measured.
  private static let gain = 0.3

  private let isHermitian: Bool

  init<Element: Scalar>(_ a: CSRMatrix<Element>, isHermitian: Bool) {
    self.isHermitian = isHermitian
    (rows, nonzeros, isComplex) = (a.rows, a.nonzeros, Element.isComplex)
    scalarBytes = MemoryLayout<Element>.stride
  }

  private var flopFactor: Double { isComplex ? 4 : 1 }

  /// A·X for p columns: the entries of A and their indices once, X once, Y with the line that a store fetches.
  func product(columns p: Int) -> Double {
    let matrix = Double(nonzeros * (scalarBytes + 4) + 8 * rows)
    return (matrix + Double(3 * rows * p * scalarBytes)) / Self.bandwidth
  }

  /// What an iteration takes for products with A, for M⁻¹, and for the operations on blocks.
  struct Parts: Equatable {
    var products, preconditioner, blocks: Double
    var sum: Double { products + preconditioner + blocks }
  }

  /// One iteration; `nil` for a method that does not iterate.
  ///
  /// - Parameter application: how many products with A an application of the preconditioner is worth; 0 without one.
  func parts(of method: any BlockMethod, columns p: Int, application: Double) -> Parts? {
    guard let work = method.iterationWork(columns: p) else { return nil }
    let product = product(columns: p)
    return Parts(
      products: work.products * product,
      preconditioner: work.preconditionings * application * product,
      blocks: max(work.words * Double(rows * scalarBytes) / Self.bandwidth, work.flops * Double(rows) * flopFactor / Self.peak))
  }

  /// The seconds of one iteration; `nil` for a method that does not iterate.
  func iteration(of method: any BlockMethod, columns p: Int, application: Double) -> Double? {
    parts(of: method, columns: p, application: application)?.sum
  }

  /// The seconds that a factorisation with its analysis and the refined solve of m columns take.
  func direct(_ work: FactorizationWork, columns m: Int) -> Double {
    analysis + work.entries * Self.movePerEntry + work.flops * flopFactor / Self.factorRate + directSolve(work, columns: m)
  }

  /// The seconds of a refined solve of m columns with factors that are there.
  func directSolve(_ work: FactorizationWork, columns m: Int) -> Double {
    4 * work.entries * Double(m) * flopFactor / Self.solveRate
  }

  /// The seconds that a symbolic analysis takes, as `FactorizationEstimating` makes one.
  var analysis: Double { Double(nonzeros) * (isHermitian ? Self.hermitianAnalysis : Self.generalAnalysis) }

  /// The work of a solve with groups of `width` of m columns in relation to that with other widths.
  private func relativeCost(of method: any BlockMethod, width: Int, columns m: Int, application: Double) -> Double? {
    guard let seconds = iteration(of: method, columns: width, application: application) else { return nil }
    let groups = (m + width - 1) / width
    return Double(groups) * seconds / Double.pow(Double(width), Self.gain)
  }

  /// How many of m columns should share a space, of at most `limit`: the work besides the products grows with the square of the
  /// width, and the number of iterations falls more slowly than the inverse of it. The widest one within 5 % of the least cost.
  func width(for method: any BlockMethod, columns m: Int, limit: Int, application: Double) -> Int {
    guard m > 1 else { return max(m, 1) }
    let fewest = (m + limit - 1) / limit
    var choices: [(width: Int, cost: Double)] = []
    for groups in fewest...m {
      let width = (m + groups - 1) / groups
      if choices.last?.width == width { continue }
      guard let cost = relativeCost(of: method, width: width, columns: m, application: application) else {
        return min(m, limit)
      }
      choices.append((width, cost))
    }
    let least = choices.map(\.cost).min() ?? 0
    return choices.first { $0.cost <= 1.05 * least }?.width ?? min(m, limit)
  }
}
