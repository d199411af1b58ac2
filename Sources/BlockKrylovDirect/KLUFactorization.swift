internal import BlockKrylov

/// The factors of a matrix that permutations bring to block triangular form, as the common engine needs them; only the diagonal blocks
/// are factored.
struct KLUFactorization<Element: Scalar>: SparseFactorization {
  static var methodName: String { "klu" }
  private(set) var matrix: CSRMatrix<Element>
  // Nil for a matrix of order 0.
  private var symbolic: KLU.Symbolic?
  private var factors: KLU.Factors?
  private let memoryLimit: Int?

  init(_ a: some LinearOperator<Element>, memoryLimit: Int?) throws {
    try checkShape(a.rows, equals: a.columns, "A is \(a.rows) × \(a.columns); KLU needs a square matrix")
    guard let matrix = a.sparseMatrix else {
      throw BlockKrylovError.unsupported("KLU needs the entries of A and this operator has none; use block GMRES or block CG")
    }
    self.matrix = matrix
    self.memoryLimit = memoryLimit
    guard matrix.rows > 0 else { return }
    let columns = UMFPACK.Columns(matrix)
    let symbolic = try KLU.Symbolic(columns)
    try Self.estimate(symbolic, of: matrix).require(within: memoryLimit, name: "KLU")
    self.symbolic = symbolic
    factors = try KLU.Factors(columns, symbolic)
  }

  var failure: (detail: String, status: ColumnStatus)? { nil }

  func triangularSolve(_ system: LUFactorization<Element>.System) -> TriangularSolve? { factors?.solve(system) }

  mutating func refactor(_ a: CSRMatrix<Element>) throws -> Bool {
    guard let symbolic, a.hasSamePattern(as: matrix) else {
      self = try KLUFactorization(a, memoryLimit: memoryLimit)
      return false
    }
    factors = try KLU.Factors(UMFPACK.Columns(a), symbolic)
    matrix = a
    return true
  }

  /// What a factorisation would take, by the symbolic analysis alone.
  static func estimate(for matrix: CSRMatrix<Element>) throws -> FactorStatistics {
    estimate(try KLU.Symbolic(UMFPACK.Columns(matrix)), of: matrix)
  }

  private static func estimate(_ symbolic: KLU.Symbolic, of matrix: CSRMatrix<Element>) -> FactorStatistics {
    var result = FactorStatistics(order: matrix.rows, nonzeros: matrix.nonzeros)
    result.lowerNonzeros = Int(symbolic.lowerNonzeros)
    result.upperNonzeros = Int(symbolic.upperNonzeros)
    result.flops = symbolic.flops
    result.strategy = "\(symbolic.blocks) diagonal blocks, the largest of order \(symbolic.largestBlock)"
    result.ordering = "AMD"
    result.storedBytes = (result.lowerNonzeros + result.upperNonzeros + matrix.nonzeros) * (Element.isComplex ? 20 : 12)
    result.peakBytes = result.storedBytes + (result.lowerNonzeros + result.upperNonzeros) * (Element.isComplex ? 44 : 28)
    return result
  }

  var statistics: FactorStatistics {
    guard let symbolic, let factors else { return FactorStatistics(order: matrix.rows, nonzeros: matrix.nonzeros) }
    var result = Self.estimate(symbolic, of: matrix)
    result.lowerNonzeros = factors.lowerNonzeros
    result.upperNonzeros = factors.upperNonzeros
    result.flops = factors.flops
    result.storedBytes = factors.storedBytes
    result.peakBytes = max(factors.peakBytes, factors.storedBytes)
    let (smallest, largest) = (factors.pivotModuli.min() ?? 1, factors.pivotModuli.max() ?? 1)
    result.zeroPivots = factors.pivotModuli.count { $0 == 0 }
    result.pivotRatio = largest > 0 ? smallest / largest : 0
    result.note(pivots: factors.pivotModuli, rows: factors.rowOrder, columns: factors.columnOrder)
    return result
  }

  /// Whether the diagonal blocks are so much smaller than A, or so sparse, that this is the factorisation to choose: as in circuit
  /// simulation, where UMFPACK's dense kernels find nothing to do.
  static func suits(_ matrix: CSRMatrix<Element>) -> String? {
    guard matrix.rows >= 500, matrix.nonzeros < 10 * matrix.rows else { return nil }
    guard let symbolic = try? KLU.Symbolic(UMFPACK.Columns(matrix)), symbolic.largestBlock <= matrix.rows * 9 / 10 else {
      return nil
    }
    return
      "permutations bring A to block triangular form (\(symbolic.blocks) blocks, the largest of order \(symbolic.largestBlock)): KLU"
  }
}
