internal import BlockKrylov
internal import CSuiteSparse

/// UMFPACK's int64 interface, real and complex, behind types that free what they own: this file is the only caller of SuiteSparse.
///
/// int64 always: factors pass 2³¹ numbers long before memory is full, and the int32 interface then fails with “out of memory”.
enum UMFPACK {
  /// A in compressed columns as UMFPACK takes it: rows ascending, complex numbers as pairs.
  struct Columns {
    let order: Int
    let isComplex: Bool
    let start: [Int]
    let row: [Int]
    let values: [Double]

    init<Element: Scalar>(_ a: CSRMatrix<Element>) {
      let columns = CSCMatrix(a)
      order = a.rows
      isComplex = Element.isComplex
      start = columns.columnStart
      row = columns.rowIndex.map { Int($0) }
      values = Parts.doubles(columns.values)
    }
  }

  /// Which system is solved with the factors of A.
  enum System: Int {
    case a = 0
    case adjoint = 1
    case transpose = 2
  }

  /// The numbers that UMFPACK reports of its work.
  typealias Info = [Double]

  private static func emptyInfo() -> Info { Info(repeating: 0, count: Int(UMFPACK_INFO)) }

  /// The defaults of UMFPACK without its own refinement, which takes one right-hand side at a time.
  private static let control: [Double] = {
    var control = [Double](repeating: 0, count: Int(UMFPACK_CONTROL))
    unsafe control.withUnsafeMutableBufferPointer { unsafe umfpack_dl_defaults($0.baseAddress) }
    control[Int(UMFPACK_IRSTEP)] = 0
    return control
  }()

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

    /// Analyses the pattern. The values only help to choose between the symmetric and the unsymmetric strategy.
    init(_ a: Columns) throws {
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
    }

    deinit {
      var handle: UnsafeMutableRawPointer? = unsafe handle
      if isComplex { unsafe umfpack_zl_free_symbolic(&handle) } else { unsafe umfpack_dl_free_symbolic(&handle) }
    }

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
  /// P·(R\A)·Q = L·U with row scaling R.
  @safe final class Numeric: @unchecked Sendable {
    // Unchecked: nothing changes after `init`, and solves only read the factors and bring their own workspace.
    private let handle: UnsafeMutableRawPointer
    private let isComplex: Bool
    let order: Int
    let info: Info

    init(_ a: Columns, _ symbolic: Symbolic) throws {
      var handle: UnsafeMutableRawPointer?
      var info = emptyInfo()
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

    var lowerNonzeros: Int { Int(info[Int(UMFPACK_LNZ)]) }
    var upperNonzeros: Int { Int(info[Int(UMFPACK_UNZ)]) }
    var flops: Double { info[Int(UMFPACK_FLOPS)] }
    var storedBytes: Int { Int(info[Int(UMFPACK_NUMERIC_SIZE)] * info[Int(UMFPACK_SIZE_OF_UNIT)]) }
    var peakBytes: Int { Int(info[Int(UMFPACK_PEAK_MEMORY)] * info[Int(UMFPACK_SIZE_OF_UNIT)]) }
    var zeroPivots: Int { order - Int(info[Int(UMFPACK_UDIAG_NZ)]) }
    /// min |u_ii| / max |u_ii| of the factors of the matrix with scaled rows.
    var pivotRatio: Double { zeroPivots > 0 ? 0 : info[Int(UMFPACK_RCOND)] }

    /// The doubles that one number takes.
    var parts: Int { isComplex ? 2 : 1 }

    /// Solves for `columns` columns that follow each other in memory, `order`·`parts` doubles each.
    func solve(_ system: System, columns: Int, _ b: UnsafePointer<Double>, into x: UnsafeMutablePointer<Double>) {
      let length = order * parts
      unsafe withUnsafeTemporaryAllocation(of: Int.self, capacity: order) { integers in
        unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: isComplex ? 4 * order : order) { work in
          for j in 0..<columns {
            let (b, x) = unsafe (b + j * length, x + j * length)
            _ =
              unsafe isComplex
              ? umfpack_zl_wsolve(
                system.rawValue, nil, nil, nil, nil, x, nil, b, nil, handle, control, nil, integers.baseAddress, work.baseAddress)
              : umfpack_dl_wsolve(
                system.rawValue, nil, nil, nil, x, b, handle, control, nil, integers.baseAddress, work.baseAddress)
          }
        }
      }
    }
  }
}
