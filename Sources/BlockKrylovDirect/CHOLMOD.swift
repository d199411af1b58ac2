internal import BlockKrylov
internal import CSuiteSparse

/// CHOLMOD's int64 interface, real and complex, behind types that free what they own: this file is the only caller of CHOLMOD.
enum CHOLMOD {
  /// The upper triangle of a hermitian matrix in compressed columns, which is its lower triangle in compressed rows, conjugated.
  struct Triangle {
    let order: Int
    let isComplex: Bool
    let start: [Int]
    let row: [Int]
    let values: [Double]

    init<Element: Scalar>(_ a: CSRMatrix<Element>) {
      let parts = Element.isComplex ? 2 : 1
      let all = Parts.doubles(a.values)
      var (start, row, values) = ([0], [Int](), [Double]())
      start.reserveCapacity(a.rows + 1)
      row.reserveCapacity(a.nonzeros / 2 + a.rows)
      values.reserveCapacity((a.nonzeros / 2 + a.rows) * parts)
      for i in 0..<a.rows {
        for k in a.rowStart[i]..<a.rowStart[i + 1] where Int(a.columnIndex[k]) <= i {
          row.append(Int(a.columnIndex[k]))
          values.append(all[k * parts])
          if parts == 2 { values.append(-all[k * parts + 1]) }
        }
        start.append(row.count)
      }
      (order, isComplex) = (a.rows, Element.isComplex)
      (self.start, self.row, self.values) = (start, row, values)
    }
  }

  /// What is factored.
  enum Form {
    /// L·Lᴴ of a positive definite matrix, supernodal where that is faster.
    case positiveDefinite
    /// L·D·Lᴴ with D diagonal, without pivoting, for a quasi-definite matrix.
    case quasiDefinite
  }

  /// CHOLMOD's parameters and its workspace.
  @safe fileprivate final class Workspace {
    let common: UnsafeMutablePointer<cholmod_common>

    init(_ form: Form, _ ordering: FillOrdering = .automatic) {
      unsafe common = .allocate(capacity: 1)
      unsafe common.initialize(to: cholmod_common())
      unsafe _ = cholmod_l_start(common)
      unsafe common.pointee.print = 0
      unsafe common.pointee.quick_return_if_not_posdef = 1
      unsafe common.pointee.final_pack = 1
      unsafe common.pointee.final_monotonic = 1
      unsafe common.pointee.final_ll = form == .positiveDefinite ? 1 : 0
      if form == .quasiDefinite { unsafe common.pointee.supernodal = Int32(CHOLMOD_SIMPLICIAL) }
      switch ordering {
      case .automatic: break
      case .minimumDegree: use(CHOLMOD_AMD)
      case .nestedDissection: use(CHOLMOD_METIS)
      // Minimum degree and both kinds of nested dissection; the first method is a given order, which there is none.
      case .best: unsafe common.pointee.nmethods = 4
      }
    }

    private func use(_ ordering: Int32) {
      unsafe common.pointee.nmethods = 1
      unsafe common.pointee.method.0.ordering = ordering
    }

    deinit {
      unsafe _ = cholmod_l_finish(common)
      unsafe common.deallocate()
    }

    var status: Int32 { unsafe common.pointee.status }

    func check(_ a: Triangle) throws {
      let status = status
      if status >= Int32(CHOLMOD_OK) { return }
      if status == Int32(CHOLMOD_OUT_OF_MEMORY) || status == Int32(CHOLMOD_TOO_LARGE) {
        throw BlockKrylovError.factorization(
          "CHOLMOD ran out of memory for a matrix of order \(a.order) with \(a.row.count) entries in its triangle; "
            + "use a preconditioned Krylov method or more memory")
      }
      throw BlockKrylovError.factorization(
        "CHOLMOD refused a matrix of order \(a.order) with \(a.row.count) entries in its triangle (status \(status)); "
          + "please report the matrix")
    }
  }

  /// Calls `body` with the matrix as CHOLMOD takes it; nothing is copied.
  private static func withSparse<Result>(
    _ a: Triangle, _ body: (UnsafeMutablePointer<cholmod_sparse>) throws -> Result
  ) rethrows -> Result {
    // CHOLMOD's structure has pointers to mutable memory, but neither analysis nor factorisation writes to the matrix.
    try unsafe a.start.withUnsafeBufferPointer { start in
      try unsafe a.row.withUnsafeBufferPointer { row in
        try unsafe a.values.withUnsafeBufferPointer { values in
          var sparse = unsafe cholmod_sparse()
          unsafe sparse.nrow = a.order
          unsafe sparse.ncol = a.order
          unsafe sparse.nzmax = a.row.count
          unsafe sparse.p = UnsafeMutableRawPointer(mutating: start.baseAddress)
          unsafe sparse.i = UnsafeMutableRawPointer(mutating: row.baseAddress)
          unsafe sparse.x = UnsafeMutableRawPointer(mutating: values.baseAddress)
          unsafe sparse.stype = 1
          unsafe sparse.itype = Int32(CHOLMOD_LONG)
          unsafe sparse.xtype = Int32(a.isComplex ? CHOLMOD_COMPLEX : CHOLMOD_REAL)
          unsafe sparse.dtype = Int32(CHOLMOD_DOUBLE)
          unsafe sparse.sorted = 1
          unsafe sparse.packed = 1
          return try unsafe withUnsafeMutablePointer(to: &sparse) { try unsafe body($0) }
        }
      }
    }
  }
}

// MARK: - Symbolic analysis

extension CHOLMOD {
  /// Ordering and structure of L for one pattern.
  @safe final class Symbolic: @unchecked Sendable {
    // Unchecked: nothing changes after `init`; factorisations work on copies.
    fileprivate let factor: UnsafeMutablePointer<cholmod_factor>
    private let workspace: Workspace
    let form: Form
    /// The floating-point operations of the factorisation, and the entries of L.
    let flops: Double
    let lowerNonzeros: Int

    init(_ a: Triangle, _ form: Form, _ ordering: FillOrdering) throws {
      let workspace = Workspace(form, ordering)
      let factor = unsafe CHOLMOD.withSparse(a) { unsafe cholmod_l_analyze($0, workspace.common) }
      try workspace.check(a)
      guard let factor = unsafe factor else { throw BlockKrylovError.factorization("CHOLMOD returned no symbolic analysis") }
      unsafe self.factor = factor
      self.workspace = workspace
      self.form = form
      let complexity = a.isComplex ? 4.0 : 1
      flops = unsafe workspace.common.pointee.fl * complexity
      lowerNonzeros = unsafe Int(workspace.common.pointee.lnz)
    }

    deinit {
      var factor: UnsafeMutablePointer<cholmod_factor>? = unsafe factor
      unsafe _ = cholmod_l_free_factor(&factor, workspace.common)
    }

    var orderingName: String {
      switch unsafe factor.pointee.ordering {
      case Int32(CHOLMOD_NATURAL): "natural"
      case Int32(CHOLMOD_AMD): "AMD"
      case Int32(CHOLMOD_METIS): "METIS"
      case Int32(CHOLMOD_NESDIS): "NESDIS"
      case Int32(CHOLMOD_COLAMD): "COLAMD"
      case Int32(CHOLMOD_POSTORDERED): "natural"
      default: "given"
      }
    }
    var isSupernodal: Bool { unsafe factor.pointee.is_super != 0 }
  }
}

// MARK: - Factors

extension CHOLMOD {
  /// P·A·Pᵀ = L·Lᴴ or L·D·Lᴴ in the form that panels are solved with; CHOLMOD's own object is freed once they are taken from it.
  struct Factors: Sendable {
    /// L.
    let lower: SupernodalTriangle
    /// Row i of L is row `order[i]` of A.
    let order: [Int32]
    /// 1 / D for L·D·Lᴴ.
    let inverseDiagonal: [Double]?
    /// The moduli of the pivots: l_ii² or |d_i|.
    let pivots: [Double]
    let zeroPivots: Int
    /// How many pivots are negative: the number of negative eigenvalues.
    let negativePivots: Int
    let peakBytes: Int

    var storedBytes: Int { lower.storedBytes + order.count * 4 + (inverseDiagonal?.count ?? 0) * 8 }

    /// How A·X = B is solved, or Aᵀ·X = conj(A)·X = B.
    func solve(transposed: Bool) -> TriangularSolve {
      TriangularSolve(
        loadOrder: order, forward: lower, conjugatesForward: transposed, middleScale: inverseDiagonal, backward: lower,
        conjugatesBackward: !transposed, storeOrder: order)
    }
  }

  /// What came of a factorisation.
  enum Outcome {
    case factored(Factors)
    /// The leading minor that ends with this row of A, in the order of the factorisation, is not positive.
    case notPositiveDefinite(row: Int)
  }

  /// The factors of new values.
  static func factor(_ a: Triangle, _ symbolic: Symbolic, _ precision: FactorPrecision) throws -> Outcome {
    let workspace = Workspace(symbolic.form)
    guard let factor = unsafe cholmod_l_copy_factor(symbolic.factor, workspace.common) else {
      try workspace.check(a)
      throw BlockKrylovError.factorization("CHOLMOD could not copy its symbolic analysis; use more memory")
    }
    defer {
      var given: UnsafeMutablePointer<cholmod_factor>? = unsafe factor
      unsafe _ = cholmod_l_free_factor(&given, workspace.common)
    }
    unsafe _ = withSparse(a) { unsafe cholmod_l_factorize($0, factor, workspace.common) }
    try workspace.check(a)
    let n = a.order
    let permutation = unsafe UnsafeBufferPointer(start: factor.pointee.Perm.assumingMemoryBound(to: Int.self), count: n)
    let order = unsafe permutation.map { Int32(truncatingIfNeeded: $0) }
    let minor = unsafe factor.pointee.minor
    if minor < n, symbolic.form == .positiveDefinite { return .notPositiveDefinite(row: Int(order[Int(minor)])) }
    let peak = unsafe Int(workspace.common.pointee.memory_usage)
    let reader = unsafe CHOLMODReader(factor: factor.pointee, isComplex: a.isComplex, order: n)
    let pivots = reader.pivots()
    let moduli = pivots.map { abs($0) }
    let isSupernodal = unsafe factor.pointee.is_super != 0
    let lower = isSupernodal ? reader.supernodalTriangle() : reader.simplicialTriangle(unit: symbolic.form == .quasiDefinite)
    return .factored(
      Factors(
        lower: SupernodalTriangle.kept(lower, lower, in: precision).0, order: order,
        inverseDiagonal: symbolic.form == .quasiDefinite ? pivots.map { 1 / $0 } : nil,
        pivots: moduli, zeroPivots: pivots.count { $0 == 0 },
        negativePivots: pivots.count { $0 < 0 }, peakBytes: peak))
  }
}
