internal import BlockKrylov

/// Which factorisation a method makes.
enum SparseChoice: Sendable {
  case lu
  case klu
  case cholesky(quasiDefinite: Bool)
  case automatic

  var isAutomatic: Bool { if case .automatic = self { true } else { false } }

  /// The factors, why these, and what was tried before.
  typealias Result<Element: Scalar> = (
    factorization: any SparseFactorization<Element>, explanation: [String], events: [SolveEvent]
  )

  func factor<Element: Scalar>(_ a: any LinearOperator<Element>, _ options: FactorOptions) throws -> Result<Element> {
    switch self {
    case .lu: return (try LUFactorization(a, options), [], [])
    case .klu: return (try KLUFactorization(a, options), [], [])
    case .cholesky(let quasiDefinite):
      let form: CholeskyFactorization<Element>.Form = quasiDefinite ? .quasiDefinite : .positiveDefinite
      return (try CholeskyFactorization(whateverComesOf: a, form: form, options), [], [])
    case .automatic:
      guard let matrix = a.sparseMatrix, matrix.rows == matrix.columns else { return (try LUFactorization(a, options), [], []) }
      let probe = matrix.probe()
      return probe.hermitian && matrix.rows > 0 ? try factorHermitian(matrix, probe, options) : try factorGeneral(matrix, options)
    }
  }

  private func factorHermitian<Element: Scalar>(
    _ a: CSRMatrix<Element>, _ probe: StructureProbe, _ options: FactorOptions
  ) throws -> Result<Element> {
    if probe.looksPositiveDefinite {
      let cholesky = try CholeskyFactorization(whateverComesOf: a, form: .positiveDefinite, options)
      guard let failure = cholesky.failure else {
        return (cholesky, ["A is hermitian with a positive diagonal: sparse Cholesky, which proves it positive definite"], [])
      }
      let event = SolveEvent(kind: .methodChanged, detail: "cholesky: \(failure.detail); lu takes over")
      return (try LUFactorization(a, options), ["A is hermitian but not positive definite: sparse LU"], [event])
    }
    if a.isQuasiDefinite(probe) {
      let negative = probe.negativeDiagonal
      let blocks =
        negative == a.rows
        ? "−A is positive definite"
        : "A is quasi-definite: its \(probe.positiveDiagonal) rows with a positive diagonal are positive definite, the other \(negative) negative definite"
      return (
        try CholeskyFactorization(whateverComesOf: a, form: .quasiDefinite, options),
        ["\(blocks), by Cholesky; sparse L·D·Lᴴ without pivoting"], []
      )
    }
    return (try LUFactorization(a, options), ["A is hermitian, neither definite nor quasi-definite: sparse LU"], [])
  }

  private func factorGeneral<Element: Scalar>(_ a: CSRMatrix<Element>, _ options: FactorOptions) throws -> Result<Element> {
    if let reason = KLUFactorization.suits(a) { return (try KLUFactorization(a, options), [reason], []) }
    return (try LUFactorization(a, options), ["A is not hermitian, and its factors are not those of a circuit: sparse LU"], [])
  }
}

extension CSRMatrix {
  /// Whether a hermitian matrix is [H Gᴴ; G −K] up to a permutation, with positive definite H and K: the signs on the diagonal say where,
  /// and Cholesky factors of both prove it, at less than the work of factoring A.
  fileprivate func isQuasiDefinite(_ probe: StructureProbe) -> Bool {
    guard probe.positiveDiagonal + probe.negativeDiagonal == rows, probe.negativeDiagonal > 0 else { return false }
    var isPositive = [Bool](repeating: false, count: rows)
    for i in 0..<rows { isPositive[i] = Double(self[i, i].realPart) > 0 }
    return [true, false].allSatisfy { sign in
      guard let block = try? principalBlock(isPositive.indices.filter { isPositive[$0] == sign }, negated: !sign) else {
        return false
      }
      let factored = try? CholeskyFactorization(whateverComesOf: block, form: .positiveDefinite, FactorOptions())
      return factored?.failure == nil && factored != nil
    }
  }

  /// The rows and columns `list` of the matrix, or of its negative.
  private func principalBlock(_ list: [Int], negated: Bool) throws -> CSRMatrix {
    var place = [Int](repeating: -1, count: columns)
    for (k, i) in list.enumerated() { place[i] = k }
    var builder = try TripletBuilder<Element>(rows: list.count, columns: list.count)
    for (k, i) in list.enumerated() {
      for e in rowStart[i]..<rowStart[i + 1] where place[Int(columnIndex[e])] >= 0 {
        try builder.add(negated ? -values[e] : values[e], row: k, column: place[Int(columnIndex[e])])
      }
    }
    return try builder.csr()
  }
}

extension KLUFactorization {
  /// Fewer operations than these for an entry of the factors leave dense kernels nothing to do. For KLU's authors KLU and UMFPACK break even at
  /// 40; circuits have 2 to 15, meshes of a thousand points 30 and more.
  private static var mostFlopsPerEntry: Double { 20 }

  /// Why this is the factorisation to choose, as in circuit simulation: `nil` where it is not.
  static func suits(_ matrix: CSRMatrix<Element>) -> String? {
    guard matrix.rows >= 500, matrix.nonzeros < 10 * matrix.rows else { return nil }
    guard let symbolic = try? KLU.Symbolic(UMFPACK.Columns(matrix)) else { return nil }
    if symbolic.largestBlock <= matrix.rows / 2 {
      return
        "permutations bring A to block triangular form (\(symbolic.blocks) blocks, the largest of order \(symbolic.largestBlock)): KLU"
    }
    let entries = symbolic.lowerNonzeros + symbolic.upperNonzeros
    guard symbolic.flops > 0, symbolic.flops < mostFlopsPerEntry * entries else { return nil }
    return
      "A is sparse as circuits are (\(Int(entries)) entries in the factors of \(matrix.nonzeros), \((symbolic.flops / entries).brief) operations for each): KLU"
  }
}
