internal import BlockKrylov
internal import CSuiteSparse

/// UMFPACK's int64 interface, real and complex, behind types that free what they own: this file is the only caller of SuiteSparse.
///
/// int64 always: factors pass 2³¹ numbers long before memory is full, and the int32 interface then fails with “out of memory”.
enum UMFPACK {
  /// Where the entries of A are, in compressed columns as UMFPACK takes them: rows ascending.
  struct Pattern {
    let order: Int
    let start: [Int]
    let row: [Int]

    var byteCount: Int { 8 * (start.count + row.count) }
  }

  /// A in compressed columns, complex numbers as pairs.
  struct Columns {
    let pattern: Pattern
    let isComplex: Bool
    let values: [Double]

    var order: Int { pattern.order }
    var start: [Int] { pattern.start }
    var row: [Int] { pattern.row }

    init<Element: Scalar>(_ a: CSRMatrix<Element>) {
      let columns = CSCMatrix(a)
      pattern = Pattern(order: a.columns, start: columns.columnStart, row: columns.rowIndex.map { Int($0) })
      isComplex = Element.isComplex
      values = Parts.doubles(columns.values)
    }

    /// The values of a matrix whose pattern is known.
    init<Element: Scalar>(_ a: CSRMatrix<Element>, _ pattern: Pattern) {
      self.pattern = pattern
      isComplex = Element.isComplex
      let (parts, byRows) = (isComplex ? 2 : 1, Parts.doubles(a.values))
      values = unsafe [Double](unsafeUninitializedCapacity: byRows.count) { values, count in
        var next = pattern.start
        for (k, j) in a.columnIndex.enumerated() {
          let place = next[Int(j)]
          next[Int(j)] = place + 1
          for p in 0..<parts { unsafe values[place * parts + p] = byRows[k * parts + p] }
        }
        count = byRows.count
      }
    }
  }

  /// The numbers that UMFPACK reports of its work.
  typealias Info = [Double]

  private static func emptyInfo() -> Info { Info(repeating: 0, count: Int(UMFPACK_INFO)) }

  /// The defaults of UMFPACK without its own refinement, which takes one right-hand side at a time, and with CHOLMOD's choice between minimum
  /// degree and nested dissection in place of minimum degree alone: in three dimensions it saves a quarter of the fill and half of the work
  /// (measured).
  private static func control(_ ordering: FillOrdering) -> [Double] {
    var control = [Double](repeating: 0, count: Int(UMFPACK_CONTROL))
    unsafe control.withUnsafeMutableBufferPointer { unsafe umfpack_dl_defaults($0.baseAddress) }
    control[Int(UMFPACK_IRSTEP)] = 0
    let choice =
      switch ordering {
      case .automatic: UMFPACK_ORDERING_CHOLMOD
      case .minimumDegree: UMFPACK_ORDERING_AMD
      case .nestedDissection: UMFPACK_ORDERING_METIS
      case .best: UMFPACK_ORDERING_BEST
      }
    control[Int(UMFPACK_ORDERING)] = Double(choice)
    return control
  }

  private static func check(_ status: Int, _ info: Info, _ a: Columns) throws {
    switch Int32(truncatingIfNeeded: status) {
    case UMFPACK_OK, UMFPACK_WARNING_singular_matrix: return
    case UMFPACK_ERROR_out_of_memory:
      let unit = max(info[Int(UMFPACK_SIZE_OF_UNIT)], 1)
      let bytes = info[Int(UMFPACK_PEAK_MEMORY_ESTIMATE)] * unit
      let estimate = bytes > 0 ? "; it estimates a peak of \((bytes / 1e6).rounded(.up)) MB" : ""
      throw BlockKrylovError.factorization(
        "UMFPACK ran out of memory for a matrix of order \(a.order) with \(a.row.count) entries\(estimate); "
          + "use a preconditioned Krylov method or more memory")
    default:
      throw BlockKrylovError.factorization(
        "UMFPACK refused a matrix of order \(a.order) with \(a.row.count) entries (status \(status)); please report the matrix")
    }
  }
}

// MARK: - Symbolic analysis

extension UMFPACK {
  /// Column order and bounds of the fill for one pattern.
  @safe final class Symbolic: @unchecked Sendable {
    // Unchecked: nothing changes after `init`, and UMFPACK only reads the object.
    fileprivate let handle: UnsafeMutableRawPointer
    let isComplex: Bool
    let info: Info
    fileprivate let control: [Double]

    /// Analyses the pattern. The values only help to choose between the symmetric and the unsymmetric strategy.
    init(_ a: Columns, _ ordering: FillOrdering) throws {
      let control = UMFPACK.control(ordering)
      var handle: UnsafeMutableRawPointer?
      var info = emptyInfo()
      let status =
        unsafe a.isComplex
        ? umfpack_zl_symbolic(a.order, a.order, a.start, a.row, a.values, nil, &handle, control, &info)
        : umfpack_dl_symbolic(a.order, a.order, a.start, a.row, a.values, &handle, control, &info)
      try check(status, info, a)
      guard let handle = unsafe handle else { throw BlockKrylovError.factorization("UMFPACK returned no symbolic analysis") }
      unsafe self.handle = handle
      isComplex = a.isComplex
      self.info = info
      self.control = control
    }

    deinit {
      var handle: UnsafeMutableRawPointer? = unsafe handle
      if isComplex { unsafe umfpack_zl_free_symbolic(&handle) } else { unsafe umfpack_dl_free_symbolic(&handle) }
    }

    /// Upper bounds of what the factorisation takes: entries of L and of U, operations, bytes.
    var lowerNonzerosBound: Double { info[Int(UMFPACK_LNZ_ESTIMATE)] }
    var upperNonzerosBound: Double { info[Int(UMFPACK_UNZ_ESTIMATE)] }
    var flopsBound: Double { info[Int(UMFPACK_FLOPS_ESTIMATE)] }
    var peakBytesBound: Double { info[Int(UMFPACK_PEAK_MEMORY_ESTIMATE)] * info[Int(UMFPACK_SIZE_OF_UNIT)] }

    var strategy: Int32 { Int32(info[Int(UMFPACK_STRATEGY_USED)]) }
    var ordering: Int32 { Int32(info[Int(UMFPACK_ORDERING_USED)]) }

    var strategyName: String { strategy == UMFPACK_STRATEGY_SYMMETRIC ? "symmetric" : "unsymmetric" }

    var orderingName: String {
      switch ordering {
      case UMFPACK_ORDERING_AMD: strategy == UMFPACK_STRATEGY_SYMMETRIC ? "AMD" : "COLAMD"
      case UMFPACK_ORDERING_METIS: "METIS"
      case UMFPACK_ORDERING_CHOLMOD: "CHOLMOD"
      case UMFPACK_ORDERING_NONE: "natural"
      default: "given"
      }
    }
  }
}

// MARK: - Factors

extension UMFPACK {
  /// P·R·A·Q = L·U with row scaling R, in the form that panels are solved with. UMFPACK's own object is freed once they are taken
  /// from it: it solves one column at a time and takes as much memory again.
  struct Factors: Sendable {
    let isComplex: Bool
    let order: Int
    let info: Info
    /// L, with a unit diagonal.
    let lower: SupernodalTriangle
    /// Uᵀ.
    let upperTransposed: SupernodalTriangle
    /// Row i of L is row `rowOrder[i]` of A; column i of U is column `columnOrder[i]` of A.
    let rowOrder: [Int32]
    let columnOrder: [Int32]
    /// What the rows of A are multiplied by.
    let rowScale: [Double]
    /// The diagonal of U, one or two doubles each.
    let pivots: [Double]

    /// - Parameter earlier: factors of the same pattern, whose supernodes serve these where the pivots have not changed.
    init(_ a: Columns, _ symbolic: Symbolic, _ precision: FactorPrecision, earlier: Factors? = nil) throws {
      func rearranged(
        _ rows: LowerRows, _ diagonal: SupernodalTriangle.Diagonal, _ old: SupernodalTriangle?
      ) -> SupernodalTriangle {
        old.flatMap { SupernodalTriangle(rows, diagonal: diagonal, like: $0) } ?? SupernodalTriangle(rows, diagonal: diagonal)
      }
      let numeric = try Numeric(a, symbolic)
      isComplex = a.isComplex
      order = a.order
      info = numeric.info
      // UMFPACK's object is only read, so each factor may have a thread.
      var parts = [Result<(SupernodalTriangle, pivots: [Double]), any Error>?](repeating: nil, count: 2)
      unsafe parts.withUnsafeMutableBufferPointer { parts in
        Parallel.run(2) { k in
          unsafe parts[k] = Result {
            if k == 0 { return (rearranged(try numeric.rows(.lower), .unit, earlier?.lower), []) }
            let rows = try numeric.rows(.upper)
            return (rearranged(rows, .stored, earlier?.upperTransposed), rows.diagonal)
          }
        }
      }
      guard let first = try parts[0]?.get(), let second = try parts[1]?.get() else {
        throw BlockKrylovError.factorization("UMFPACK's factors were not taken over")
      }
      pivots = second.pivots
      (lower, upperTransposed) = SupernodalTriangle.kept(first.0, second.0, in: precision)
      (rowOrder, columnOrder, rowScale) = try numeric.ordersAndScale()
    }

    var lowerNonzeros: Int { Int(info[Int(UMFPACK_LNZ)]) }
    var upperNonzeros: Int { Int(info[Int(UMFPACK_UNZ)]) }
    var flops: Double { info[Int(UMFPACK_FLOPS)] }
    var storedBytes: Int { lower.storedBytes + upperTransposed.storedBytes + order * 16 }
    var peakBytes: Int { max(storedBytes, Int(info[Int(UMFPACK_PEAK_MEMORY)] * info[Int(UMFPACK_SIZE_OF_UNIT)])) }
    var zeroPivots: Int { order - Int(info[Int(UMFPACK_UDIAG_NZ)]) }
    /// min |u_ii| / max |u_ii| of the factors of the matrix with scaled rows.
    var pivotRatio: Double { zeroPivots > 0 ? 0 : info[Int(UMFPACK_RCOND)] }

    /// The moduli of the pivots.
    var pivotModuli: [Double] {
      guard isComplex else { return pivots.map { abs($0) } }
      return (0..<order).map { k in
        let (re, im) = (pivots[2 * k], pivots[2 * k + 1])
        return (re * re + im * im).squareRoot()
      }
    }

    /// How a system is solved: R·A = Pᵀ·L·U·Qᵀ, so that A·X = B is P·R·B = L·U·(Qᵀ·X), and Aᵀ·X = B is Qᵀ·B = Uᵀ·Lᵀ·(P·R⁻¹·X).
    func solve<Element: Scalar>(_ system: LUFactorization<Element>.System) -> TriangularSolve {
      switch system {
      case .plain:
        TriangularSolve(
          loadOrder: rowOrder, loadScale: rowScale, forward: lower, backward: upperTransposed, storeOrder: columnOrder)
      case .transpose, .adjoint:
        TriangularSolve(
          loadOrder: columnOrder, forward: upperTransposed, conjugatesForward: system == .adjoint, backward: lower,
          conjugatesBackward: system == .adjoint, storeOrder: rowOrder, storeScale: rowScale)
      }
    }
  }

  /// What UMFPACK makes of the values.
  @safe private final class Numeric {
    private let handle: UnsafeMutableRawPointer
    private let isComplex: Bool
    private let order: Int
    let info: Info

    enum Triangle { case lower, upper }

    init(_ a: Columns, _ symbolic: Symbolic) throws {
      var handle: UnsafeMutableRawPointer?
      var info = emptyInfo()
      let control = symbolic.control
      let status =
        unsafe a.isComplex
        ? umfpack_zl_numeric(a.start, a.row, a.values, nil, symbolic.handle, &handle, control, &info)
        : umfpack_dl_numeric(a.start, a.row, a.values, symbolic.handle, &handle, control, &info)
      try withExtendedLifetime(symbolic) { try check(status, info, a) }
      guard let handle = unsafe handle else { throw BlockKrylovError.factorization("UMFPACK returned no factors") }
      unsafe self.handle = handle
      isComplex = a.isComplex
      order = a.order
      self.info = info
    }

    deinit {
      var handle: UnsafeMutableRawPointer? = unsafe handle
      if isComplex { unsafe umfpack_zl_free_numeric(&handle) } else { unsafe umfpack_dl_free_numeric(&handle) }
    }

    /// L by rows, or U by columns, which is Uᵀ by rows: both are lower triangular.
    func rows(_ triangle: Triangle) throws -> LowerRows {
      unsafe try LowerRows(
        order: order, isComplex: isComplex, count: max(Int(info[Int(triangle == .lower ? UMFPACK_LNZ : UMFPACK_UNZ)]), 1)
      ) { start, column, value in
        unsafe try checkExtraction(extract(triangle, &start, column, value))
      }
    }

    private func extract(
      _ triangle: Triangle, _ start: inout [Int], _ column: UnsafeMutablePointer<Int>?, _ value: UnsafeMutablePointer<Double>?
    ) -> Int {
      switch (isComplex, triangle) {
      case (false, .lower):
        unsafe umfpack_dl_get_numeric(&start, column, value, nil, nil, nil, nil, nil, nil, nil, nil, handle)
      case (false, .upper):
        unsafe umfpack_dl_get_numeric(nil, nil, nil, &start, column, value, nil, nil, nil, nil, nil, handle)
      case (true, .lower):
        unsafe umfpack_zl_get_numeric(&start, column, value, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, handle)
      case (true, .upper):
        unsafe umfpack_zl_get_numeric(nil, nil, nil, nil, &start, column, value, nil, nil, nil, nil, nil, nil, nil, handle)
      }
    }

    /// P, Q and R.
    func ordersAndScale() throws -> (rows: [Int32], columns: [Int32], scale: [Double]) {
      var rows = [Int](repeating: 0, count: order)
      var columns = rows
      var scale = [Double](repeating: 1, count: order)
      var multiplies = 0
      let status =
        unsafe isComplex
        ? umfpack_zl_get_numeric(
          nil, nil, nil, nil, nil, nil, nil, nil, &rows, &columns, nil, nil, &multiplies, &scale, handle)
        : umfpack_dl_get_numeric(nil, nil, nil, nil, nil, nil, &rows, &columns, nil, &multiplies, &scale, handle)
      try checkExtraction(status)
      return (
        rows.map { Int32(truncatingIfNeeded: $0) }, columns.map { Int32(truncatingIfNeeded: $0) },
        multiplies != 0 ? scale : scale.map { 1 / $0 }
      )
    }

    private func checkExtraction(_ status: Int) throws {
      guard status == Int(UMFPACK_OK) else {
        throw BlockKrylovError.factorization("UMFPACK did not hand out its factors (status \(status)); use more memory")
      }
    }
  }
}
