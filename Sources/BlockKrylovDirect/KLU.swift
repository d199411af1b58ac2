internal import BlockKrylov
internal import CSuiteSparse

/// KLU's int64 interface, real and complex, behind types that free what they own: this file is its only caller.
enum KLU {
  /// Row and column orders that bring A to block upper triangular form, and the fill-reducing orders of the blocks.
  @safe final class Symbolic: @unchecked Sendable {
    // Unchecked: nothing changes after `init`; factorisations bring parameters of their own and only read the object.
    fileprivate let handle: UnsafeMutablePointer<klu_l_symbolic>

    init(_ a: UMFPACK.Columns) throws {
      var common = unsafe KLU.parameters()
      var (start, row) = (a.start, a.row)
      guard let handle = unsafe klu_l_analyze(a.order, &start, &row, &common) else { throw unsafe KLU.failure(common, a) }
      unsafe self.handle = handle
    }

    deinit {
      var common = unsafe KLU.parameters()
      var handle: UnsafeMutablePointer<klu_l_symbolic>? = unsafe handle
      unsafe _ = klu_l_free_symbolic(&handle, &common)
    }

    var blocks: Int { unsafe handle.pointee.nblocks }
    var largestBlock: Int { unsafe handle.pointee.maxblock }
    /// Estimates of the entries of L and U with their diagonals.
    var lowerNonzeros: Double { unsafe max(handle.pointee.lnz, 0) }
    var upperNonzeros: Double { unsafe max(handle.pointee.unz, 0) }
    var flops: Double { unsafe max(handle.pointee.est_flops, 0) }
  }

  private static func parameters() -> klu_l_common {
    var common = unsafe klu_l_common()
    unsafe _ = klu_l_defaults(&common)
    // A zero pivot is a number as any other: the caller says what it means.
    unsafe common.halt_if_singular = 0
    return unsafe common
  }

  private static func failure(_ common: klu_l_common, _ a: UMFPACK.Columns) -> BlockKrylovError {
    let status = unsafe common.status
    return status == Int(KLU_OUT_OF_MEMORY) || status == Int(KLU_TOO_LARGE)
      ? .factorization(
        "KLU ran out of memory for a matrix of order \(a.order) with \(a.row.count) entries; use sparse LU, or more memory")
      : .factorization(
        "KLU refused a matrix of order \(a.order) with \(a.row.count) entries (status \(status)); please report the matrix")
  }

  /// P·R·A·Q = L·U + F with L and U in diagonal blocks and F above them, in the form that panels are solved with.
  struct Factors: Sendable {
    let lower: SupernodalTriangle
    let upperTransposed: SupernodalTriangle
    /// I + Fᵀ.
    let coupling: SupernodalTriangle
    let blockStart: [Int]
    private let lowerStart: [Int]
    private let upperStart: [Int]
    let rowOrder: [Int32]
    let columnOrder: [Int32]
    let rowScale: [Double]
    /// The moduli of the pivots.
    let pivotModuli: [Double]
    let lowerNonzeros: Int
    let upperNonzeros: Int
    let flops: Double
    let peakBytes: Int

    var zeroPivots: Int { pivotModuli.count { $0 == 0 } }
    var storedBytes: Int {
      lower.storedBytes + upperTransposed.storedBytes + coupling.storedBytes + rowOrder.count * 16 + blockStart.count * 24
    }

    init(_ a: UMFPACK.Columns, _ symbolic: Symbolic, _ precision: FactorPrecision) throws {
      var common = unsafe KLU.parameters()
      var (start, row, values) = (a.start, a.row, a.values)
      let made =
        unsafe a.isComplex
        ? klu_zl_factor(&start, &row, &values, symbolic.handle, &common)
        : klu_l_factor(&start, &row, &values, symbolic.handle, &common)
      guard let numeric = unsafe made else { throw unsafe KLU.failure(common, a) }
      defer {
        var given: UnsafeMutablePointer<klu_l_numeric>? = unsafe numeric
        unsafe _ = a.isComplex ? klu_zl_free_numeric(&given, &common) : klu_l_free_numeric(&given, &common)
      }
      let (n, parts) = (a.order, a.isComplex ? 2 : 1)
      let counts = unsafe (numeric.pointee.lnz, numeric.pointee.unz, numeric.pointee.nzoff)
      var (lower, upper, off) = (Arrays(n, counts.0), Arrays(n, counts.1), Arrays(n, counts.2))
      var (rows, columns, scale) = (
        [Int](repeating: 0, count: n), [Int](repeating: 0, count: n), [Double](repeating: 1, count: n)
      )
      var blockStart = [Int](repeating: 0, count: symbolic.blocks + 1)
      let done =
        unsafe a.isComplex
        ? klu_zl_extract(
          numeric, symbolic.handle, &lower.start, &lower.index, &lower.re, &lower.im, &upper.start, &upper.index, &upper.re,
          &upper.im,
          &off.start, &off.index, &off.re, &off.im, &rows, &columns, &scale, &blockStart, &common)
        : klu_l_extract(
          numeric, symbolic.handle, &lower.start, &lower.index, &lower.re, &upper.start, &upper.index, &upper.re, &off.start,
          &off.index, &off.re, &rows, &columns, &scale, &blockStart, &common)
      guard done != 0 else { throw unsafe KLU.failure(common, a) }
      // With a single block the elimination trees are those of the whole matrix, which threads can share.
      let isWhole = symbolic.blocks == 1
      // Columns of U and F are rows of their transposes, which are lower triangular; L's columns are rows of Lᵀ and turn once more.
      let upperColumns = LowerColumns(
        order: n, isComplex: a.isComplex, rowStart: upper.start, column: upper.index, value: upper.values(a.isComplex))
      (self.lower, upperTransposed) = SupernodalTriangle.kept(
        SupernodalTriangle(
          LowerColumns(transposing: lower.start, lower.index, lower.values(a.isComplex), isComplex: a.isComplex), diagonal: .unit,
          shares: isWhole),
        SupernodalTriangle(upperColumns, diagonal: .stored, shares: isWhole), in: precision)
      coupling = SupernodalTriangle(
        LowerColumns(order: n, isComplex: a.isComplex, rowStart: off.start, column: off.index, value: off.values(a.isComplex)),
        diagonal: .unit, joins: false, shares: false)
      lowerStart = self.lower.supernodes.indices(of: blockStart)
      upperStart = upperTransposed.supernodes.indices(of: blockStart)
      self.blockStart = blockStart
      rowOrder = rows.map { Int32(truncatingIfNeeded: $0) }
      columnOrder = columns.map { Int32(truncatingIfNeeded: $0) }
      // KLU divides the rows of A, and hands the divisors out in the order of the rows of L.
      var inverse = [Double](repeating: 1, count: n)
      for k in 0..<n { inverse[rows[k]] = 1 / scale[k] }
      rowScale = inverse
      pivotModuli = (0..<n).map { k in
        parts == 1
          ? abs(upperColumns.diagonal[k])
          : (upperColumns.diagonal[2 * k] * upperColumns.diagonal[2 * k]
            + upperColumns.diagonal[2 * k + 1] * upperColumns.diagonal[2 * k + 1]).squareRoot()
      }
      (lowerNonzeros, upperNonzeros) = (counts.0, counts.1)
      unsafe _ = a.isComplex ? klu_zl_flops(symbolic.handle, numeric, &common) : klu_l_flops(symbolic.handle, numeric, &common)
      flops = unsafe common.flops
      peakBytes = unsafe Int(common.mempeak)
    }

    /// Compressed columns as KLU hands them out.
    private struct Arrays {
      var start: [Int]
      var index: [Int]
      var re: [Double]
      var im: [Double]

      init(_ n: Int, _ count: Int) {
        start = [Int](repeating: 0, count: n + 1)
        index = [Int](repeating: 0, count: max(count, 1))
        re = [Double](repeating: 0, count: max(count, 1))
        im = re
      }

      func values(_ isComplex: Bool) -> [Double] { isComplex ? zip(re, im).flatMap { [$0, $1] } : re }
    }

    /// How a system is solved: block by block, from the last one for A·X = B, from the first one for transposed systems.
    func solve<Element: Scalar>(_ system: LUFactorization<Element>.System) -> TriangularSolve {
      func blocks(_ forward: [Int], _ backward: [Int]) -> DiagonalBlocks? {
        guard blockStart.count > 2 else { return nil }
        return DiagonalBlocks(
          start: blockStart, coupling: coupling, forwardStart: forward, backwardStart: backward, couplesEarlier: system == .plain)
      }
      switch system {
      case .plain:
        return TriangularSolve(
          loadOrder: rowOrder, loadScale: rowScale, forward: lower, backward: upperTransposed, storeOrder: columnOrder,
          blocks: blocks(lowerStart, upperStart))
      case .transpose, .adjoint:
        return TriangularSolve(
          loadOrder: columnOrder, forward: upperTransposed, conjugatesForward: system == .adjoint, backward: lower,
          conjugatesBackward: system == .adjoint, storeOrder: rowOrder, storeScale: rowScale,
          blocks: blocks(upperStart, lowerStart))
      }
    }
  }
}

extension Supernodes {
  /// The supernodes that begin at these columns, and the number of supernodes for the order: blocks do not share supernodes.
  func indices(of columns: [Int]) -> [Int] {
    var result: [Int] = []
    var s = 0
    for column in columns {
      while s < count, Int(first[s]) < column { s += 1 }
      result.append(s)
    }
    return result
  }
}
