internal import BlockKrylov
internal import CSuiteSparse
internal import Synchronization

/// SuiteSparseQR's int64 interface, real and complex, behind a type that frees what it owns: this file is its only caller.
@safe final class SPQR: @unchecked Sendable {
  // Unchecked: the factors do not change after `init`, and `common`, which every call writes to, is guarded by `lock`.
  let rows: Int
  let columns: Int
  let isComplex: Bool
  let rank: Int
  /// The norm up to which what is left of a column counted as nothing.
  let tolerance: Double
  let flops: Double
  let storedBytes: Int
  private let common: UnsafeMutablePointer<cholmod_common>
  private let factors: UnsafeMutablePointer<SuiteSparseQR_C_factorization>
  private let lock = Mutex(())

  /// Factors A, given by columns; columns whose remainder has a norm of at most `tolerance` count as dependent, negative for the default.
  init(_ a: UMFPACK.Columns, rows: Int, tolerance: Double?) throws {
    let common = UnsafeMutablePointer<cholmod_common>.allocate(capacity: 1)
    unsafe common.initialize(to: cholmod_common())
    unsafe _ = cholmod_l_start(common)
    unsafe common.pointee.print = 0
    let factors = unsafe a.start.withUnsafeBufferPointer { start in
      unsafe a.row.withUnsafeBufferPointer { row in
        unsafe a.values.withUnsafeBufferPointer { values in
          var sparse = unsafe cholmod_sparse()
          unsafe sparse.nrow = rows
          unsafe sparse.ncol = a.order
          unsafe sparse.nzmax = row.count
          unsafe sparse.p = UnsafeMutableRawPointer(mutating: start.baseAddress)
          unsafe sparse.i = UnsafeMutableRawPointer(mutating: row.baseAddress)
          unsafe sparse.x = UnsafeMutableRawPointer(mutating: values.baseAddress)
          unsafe sparse.itype = Int32(CHOLMOD_LONG)
          unsafe sparse.xtype = Int32(a.isComplex ? CHOLMOD_COMPLEX : CHOLMOD_REAL)
          unsafe sparse.dtype = Int32(CHOLMOD_DOUBLE)
          unsafe sparse.sorted = 1
          unsafe sparse.packed = 1
          return unsafe SuiteSparseQR_C_factorize(
            Int32(SPQR_ORDERING_DEFAULT), tolerance ?? Double(SPQR_DEFAULT_TOL), &sparse, common)
        }
      }
    }
    guard let factors = unsafe factors else {
      let memory = unsafe common.pointee.status == Int32(CHOLMOD_OUT_OF_MEMORY)
      unsafe _ = cholmod_l_finish(common)
      unsafe common.deallocate()
      throw BlockKrylovError.factorization(
        memory
          ? "SuiteSparseQR ran out of memory for a matrix of \(rows) × \(a.order) with \(a.row.count) entries; use more memory"
          : "SuiteSparseQR refused a matrix of \(rows) × \(a.order) with \(a.row.count) entries; please report the matrix")
    }
    unsafe (self.common, self.factors) = (common, factors)
    (self.rows, columns, isComplex) = (rows, a.order, a.isComplex)
    rank = unsafe Int(common.pointee.SPQR_istat.4)
    self.tolerance = unsafe common.pointee.SPQR_tol_used
    flops = unsafe common.pointee.SPQR_flopcount
    storedBytes = unsafe Int(common.pointee.memory_inuse)
  }

  deinit {
    var given: UnsafeMutablePointer<SuiteSparseQR_C_factorization>? = unsafe factors
    unsafe _ = SuiteSparseQR_C_free(&given, common)
    unsafe _ = cholmod_l_finish(common)
    unsafe common.deallocate()
  }

  /// A basic solution of min ‖B − A·X‖: dependent columns of A get zeros. B and X are column-major, of `parts` doubles a number.
  func leastSquares(_ b: [Double], columns m: Int) -> [Double]? {
    // X = E·(R \ (Qᴴ·B)).
    unsafe chain(b, rows: rows, columns: m, result: columns) { right, common, factors in
      var rotated = unsafe SuiteSparseQR_C_qmult(Int32(SPQR_QTX), factors, right, common)
      defer { unsafe _ = cholmod_l_free_dense(&rotated, common) }
      return unsafe rotated.flatMap { unsafe SuiteSparseQR_C_solve(Int32(SPQR_RETX_EQUALS_B), factors, $0, common) }
    }
  }

  /// Q·B of column-major B with as many rows as A.
  func rotated(_ b: [Double], columns m: Int) -> [Double]? {
    unsafe chain(b, rows: rows, columns: m, result: rows) { right, common, factors in
      unsafe SuiteSparseQR_C_qmult(Int32(SPQR_QX), factors, right, common)
    }
  }

  private typealias Dense = UnsafeMutablePointer<cholmod_dense>
  private typealias Step = (
    Dense, UnsafeMutablePointer<cholmod_common>, UnsafeMutablePointer<SuiteSparseQR_C_factorization>
  ) -> Dense?

  private func chain(_ b: [Double], rows n: Int, columns m: Int, result: Int, _ step: Step) -> [Double]? {
    let parts = isComplex ? 2 : 1
    return lock.withLock { _ in
      unsafe b.withUnsafeBufferPointer { b in
        var right = unsafe cholmod_dense()
        unsafe right.nrow = n
        unsafe right.ncol = m
        unsafe right.d = n
        unsafe right.nzmax = n * m
        unsafe right.x = UnsafeMutableRawPointer(mutating: b.baseAddress)
        unsafe right.xtype = Int32(isComplex ? CHOLMOD_COMPLEX : CHOLMOD_REAL)
        unsafe right.dtype = Int32(CHOLMOD_DOUBLE)
        var x = unsafe withUnsafeMutablePointer(to: &right) { unsafe step($0, common, factors) }
        guard let found = unsafe x else { return nil }
        defer { unsafe _ = cholmod_l_free_dense(&x, common) }
        let numbers = unsafe found.pointee.x.assumingMemoryBound(to: Double.self)
        return unsafe [Double](UnsafeBufferPointer(start: numbers, count: result * m * parts))
      }
    }
  }
}
