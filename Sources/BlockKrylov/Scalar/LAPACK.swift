internal import COpenBLAS
internal import Synchronization

/// Keeps OpenBLAS on the calling thread while a solver works: its own threads would share the cores with ours, gain nothing on p × p
/// matrices, and sum in an order that depends on their number.
package enum SerialBLAS {
  /// How many scopes are open, and the number of threads to return to.
  private static let state = Mutex((depth: 0, threads: 1))

  /// Whether BLAS takes one thread of itself for products and factorisations of this size (in OpenBLAS m·n·k ≤ 2¹⁸), so that there is
  /// nothing to set: to set and restore takes as long as a small solve.
  package static func isNeeded(order n: Int, columns m: Int) -> Bool { n > 64 || m > 64 }

  /// Runs `body` with one BLAS thread. Scopes may nest and overlap; the last one to end restores what was there.
  package static func run<Result>(_ body: () throws -> Result) rethrows -> Result {
    state.withLock {
      if $0.depth == 0 {
        $0.threads = Int(openblas_get_num_threads())
        if $0.threads != 1 { openblas_set_num_threads(1) }
      }
      $0.depth += 1
    }
    defer {
      state.withLock {
        $0.depth -= 1
        if $0.depth == 0, $0.threads != 1 { openblas_set_num_threads(Int32($0.threads)) }
      }
    }
    return try body()
  }
}

/// BLAS and LAPACK for the scalar type `S`, column-major, on raw pointers; sizes are those of small dense algebra.
enum LAPACK<S: Scalar> {
  typealias Pointer = UnsafePointer<S>
  typealias MutablePointer = UnsafeMutablePointer<S>

  /// Which triangle, and what is done to a matrix, in LAPACK's letters.
  enum Triangle: CChar { case upper = 85, lower = 76 }
  enum Operation: CChar { case none = 78, transpose = 84, adjoint = 67 }
  enum Side: CChar { case left = 76, right = 82 }

  private static var type: Int32 { S.scalarKind.rawValue }
  private static var nonUnit: CChar { 78 }

  /// The scalar workspace that every routine here is content with, for matrices up to m × n.
  static func workspaceCount(_ m: Int, _ n: Int) -> Int { 64 * max(m + n, 1) }
  /// The real workspace likewise.
  static func realWorkspaceCount(_ n: Int) -> Int { 5 * max(n, 1) }

  /// C = alpha op(A) op(B) + beta C, C m × n.
  static func gemm(
    _ opA: Operation, _ opB: Operation, _ m: Int, _ n: Int, _ k: Int, _ alpha: S, _ a: Pointer, _ lda: Int, _ b: Pointer,
    _ ldb: Int, _ beta: S, _ c: MutablePointer, _ ldc: Int
  ) {
    guard m > 0, n > 0 else { return }
    unsafe withUnsafePointer(to: alpha) { alpha in
      unsafe withUnsafePointer(to: beta) { beta in
        unsafe bk_gemm(
          type, opA.rawValue, opB.rawValue, Int32(m), Int32(n), Int32(k), alpha, a, Int32(max(lda, 1)), b,
          Int32(max(ldb, 1)), beta, c, Int32(max(ldc, 1)))
      }
    }
  }

  /// B = op(A)⁻¹ B or B op(A)⁻¹, A triangular, B m × n.
  static func solveTriangular(
    _ side: Side, _ triangle: Triangle, _ op: Operation, _ m: Int, _ n: Int, _ a: Pointer, _ lda: Int, _ b: MutablePointer,
    _ ldb: Int
  ) {
    guard m > 0, n > 0 else { return }
    unsafe withUnsafePointer(to: S(1 as S.Magnitude)) { one in
      unsafe bk_trsm(
        type, side.rawValue, triangle.rawValue, op.rawValue, nonUnit, Int32(m), Int32(n), one, a, Int32(max(lda, 1)), b,
        Int32(max(ldb, 1)))
    }
  }

  /// B = op(A) B or B op(A), A triangular, B m × n.
  static func multiplyTriangular(
    _ side: Side, _ triangle: Triangle, _ op: Operation, _ m: Int, _ n: Int, _ a: Pointer, _ lda: Int, _ b: MutablePointer,
    _ ldb: Int
  ) {
    guard m > 0, n > 0 else { return }
    unsafe withUnsafePointer(to: S(1 as S.Magnitude)) { one in
      unsafe bk_trmm(
        type, side.rawValue, triangle.rawValue, op.rawValue, nonUnit, Int32(m), Int32(n), one, a, Int32(max(lda, 1)), b,
        Int32(max(ldb, 1)))
    }
  }

  /// Cholesky; 0, or the order of the first leading minor that is not positive.
  static func cholesky(_ triangle: Triangle, _ n: Int, _ a: MutablePointer, _ lda: Int) -> Int {
    guard n > 0 else { return 0 }
    return unsafe Int(bk_potrf(type, triangle.rawValue, Int32(n), a, Int32(max(lda, 1))))
  }

  /// Householder QR, reflectors below the diagonal.
  static func qr(_ m: Int, _ n: Int, _ a: MutablePointer, _ lda: Int, _ tau: MutablePointer, work: MutablePointer, _ count: Int) {
    guard m > 0, n > 0 else { return }
    _ = unsafe bk_geqrf(type, Int32(m), Int32(n), a, Int32(max(lda, 1)), tau, work, Int32(count))
  }

  /// C = op(Q) C with the k reflectors of `qr`, C m × n.
  static func applyQ(
    adjoint: Bool, _ m: Int, _ n: Int, _ k: Int, _ a: Pointer, _ lda: Int, _ tau: Pointer, _ c: MutablePointer, _ ldc: Int,
    work: MutablePointer, _ count: Int
  ) {
    guard m > 0, n > 0, k > 0 else { return }
    _ = unsafe bk_apply_q(
      type, adjoint ? 1 : 0, Int32(m), Int32(n), Int32(k), a, Int32(max(lda, 1)), tau, c, Int32(max(ldc, 1)), work, Int32(count))
  }

  /// Eigenvalues (ascending) and vectors (in place) of a Hermitian matrix given by its upper triangle; 0 when it worked.
  static func eigen(
    _ n: Int, _ a: MutablePointer, _ lda: Int, _ w: UnsafeMutablePointer<S.Magnitude>, work: MutablePointer, _ count: Int,
    realWork: UnsafeMutablePointer<S.Magnitude>
  ) -> Int {
    guard n > 0 else { return 0 }
    return unsafe Int(bk_heev(type, Int32(n), a, Int32(max(lda, 1)), w, work, Int32(count), realWork))
  }

  /// Thin SVD; `a` is destroyed; 0 when it worked.
  static func svd(
    _ m: Int, _ n: Int, _ a: MutablePointer, _ lda: Int, _ s: UnsafeMutablePointer<S.Magnitude>, _ u: MutablePointer, _ ldu: Int,
    _ vt: MutablePointer, _ ldvt: Int, work: MutablePointer, _ count: Int, realWork: UnsafeMutablePointer<S.Magnitude>
  ) -> Int {
    guard m > 0, n > 0 else { return 0 }
    return unsafe Int(
      bk_gesvd(
        type, Int32(m), Int32(n), a, Int32(max(lda, 1)), s, u, Int32(max(ldu, 1)), vt, Int32(max(ldvt, 1)), work, Int32(count),
        realWork))
  }

  /// Schur form in place with vectors; `w` gets the eigenvalues: real parts then imaginary parts (real types), or complex numbers.
  /// 0 when it worked.
  static func schur(
    _ n: Int, _ a: MutablePointer, _ lda: Int, _ w: UnsafeMutablePointer<S.Magnitude>, _ vectors: MutablePointer, _ ldv: Int,
    work: MutablePointer, _ count: Int, realWork: UnsafeMutablePointer<S.Magnitude>
  ) -> Int {
    guard n > 0 else { return 0 }
    return unsafe Int(
      bk_schur(type, Int32(n), a, Int32(max(lda, 1)), w, vectors, Int32(max(ldv, 1)), work, Int32(count), realWork))
  }

  /// Brings the selected eigenvalues of a Schur form to the front; 0 when it worked.
  static func reorderSchur(
    _ n: Int, _ select: UnsafePointer<Int32>, _ t: MutablePointer, _ ldt: Int, _ vectors: MutablePointer, _ ldv: Int,
    _ w: UnsafeMutablePointer<S.Magnitude>, work: MutablePointer, _ count: Int
  ) -> Int {
    guard n > 0 else { return 0 }
    return unsafe Int(
      bk_reorder_schur(type, Int32(n), select, t, Int32(max(ldt, 1)), vectors, Int32(max(ldv, 1)), w, work, Int32(count)))
  }

  /// LU with partial pivoting; 0, or the 1-based order of the first zero pivot.
  static func lu(_ m: Int, _ n: Int, _ a: MutablePointer, _ lda: Int, _ pivots: UnsafeMutablePointer<Int32>) -> Int {
    guard m > 0, n > 0 else { return 0 }
    return unsafe Int(bk_getrf(type, Int32(m), Int32(n), a, Int32(max(lda, 1)), pivots))
  }

  /// op(A) X = B in place with the factors of `lu`.
  static func solveLU(
    _ op: Operation, _ n: Int, _ columns: Int, _ a: Pointer, _ lda: Int, _ pivots: UnsafePointer<Int32>, _ b: MutablePointer,
    _ ldb: Int
  ) {
    guard n > 0, columns > 0 else { return }
    _ = unsafe bk_getrs(
      type, op.rawValue, Int32(n), Int32(columns), a, Int32(max(lda, 1)), pivots, b, Int32(max(ldb, 1)))
  }

  /// Reciprocal 1-norm condition estimate from the factors of `lu` and ‖A‖₁.
  static func reciprocalCondition(_ n: Int, _ a: Pointer, _ lda: Int, norm: S.Magnitude) -> S.Magnitude {
    guard n > 0 else { return 1 }
    var rcond: S.Magnitude = 0
    unsafe withUnsafeTemporaryAllocation(of: S.self, capacity: 4 * n) { work in
      unsafe withUnsafeTemporaryAllocation(of: S.Magnitude.self, capacity: 2 * n) { integers in
        unsafe withUnsafePointer(to: norm) { norm in
          unsafe withUnsafeMutablePointer(to: &rcond) { rcond in
            _ = unsafe bk_gecon(
              type, Int32(n), a, Int32(max(lda, 1)), norm, rcond, work.baseAddress, integers.baseAddress)
          }
        }
      }
    }
    return rcond
  }
}
