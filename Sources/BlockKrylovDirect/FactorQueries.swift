public import BlockKrylov

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// log |det A| and det A / |det A|.
public struct LogDeterminant<Element: Scalar>: Sendable, Equatable {
  /// The natural logarithm of |det A|; −∞ for a singular matrix.
  public let logModulus: Double
  /// A number of modulus 1: the sign of a real determinant; 0 for a singular matrix.
  public let phase: Element
}

extension LUFactorization {
  /// The determinant of A, which itself would overflow; 1 for order 0.
  public var logDeterminant: LogDeterminant<Element> {
    guard let factors else { return LogDeterminant(logModulus: 0, phase: 1) }
    var logarithm = 0.0
    var (re, im) = (1.0, 0.0)
    let moduli = factors.pivotModuli
    for k in 0..<order {
      guard moduli[k] > 0 else { return LogDeterminant(logModulus: -.infinity, phase: 0) }
      logarithm += factors.logarithm(ofPivot: k)
      let parts = factors.isComplex ? 2 : 1
      let (a, b) = (factors.pivots[k * parts] / moduli[k], parts == 2 ? factors.pivots[2 * k + 1] / moduli[k] : 0)
      (re, im) = (re * a - im * b, re * b + im * a)
    }
    if isOdd(factors.rowOrder) != isOdd(factors.columnOrder) { (re, im) = (-re, -im) }
    let size = (re * re + im * im).squareRoot()
    return LogDeterminant(logModulus: logarithm, phase: Element(real: re / size, imaginary: im / size))
  }

  /// Some rows of the solution of A·X = B with sparse columns B: what does not depend on them is not computed.
  ///
  /// - Parameters:
  ///   - b: n × m in compressed columns.
  ///   - rows: the rows of X that are wanted, in any order; all by default.
  /// - Returns: rows.count × m numbers.
  /// - Throws: `BlockKrylovError.shape` when B does not have n rows or a row is not in 0 ..< n, `BlockKrylovError.factorization` when a pivot
  ///   is zero.
  /// - Complexity: at most that of ``solve(_:_:)``. The sweeps begin at the first pivot that B reaches and end at the first that is wanted:
  ///   columns that belong together should stand together.
  public func solve(_ b: CSCMatrix<Element>, rows: [Int]? = nil) throws -> BlockVector<Element> {
    try solveSelected(b, rows: rows)
  }

  /// The diagonal of A⁻¹, by solves with unit vectors in panels.
  ///
  /// - Throws: `BlockKrylovError.factorization` when a pivot is zero.
  /// - Complexity: at most n/32 times that of ``solve(_:_:)`` with 32 columns; sweeps run over the part of the factors that matters.
  public func inverseDiagonal() throws -> [Element] { try selectedInverse() }

  /// Pulls the gradient ∂ℓ/∂X of a real function ℓ of the solution X of A·X = B back to B and to the entries of A, with the factors
  /// that are there.
  ///
  /// - Throws: `BlockKrylovError.shape` when shapes do not fit, `BlockKrylovError.factorization` when a pivot is zero.
  /// - Complexity: one solve with Aᴴ and 2·nnz(A)·m flops.
  public func pullback(of x: BlockVector<Element>, gradient: BlockVector<Element>) throws -> SolvePullback<Element> {
    try pulledBack(x, gradient)
  }
}

extension CholeskyFactorization {
  /// The determinant of A, which itself would overflow; 1 for order 0. It is real.
  public var logDeterminant: LogDeterminant<Element> {
    guard let factors else { return LogDeterminant(logModulus: 0, phase: 1) }
    guard factors.zeroPivots == 0 else { return LogDeterminant(logModulus: -.infinity, phase: 0) }
    var logarithm = 0.0
    for pivot in factors.pivots { logarithm += log(pivot) }
    return LogDeterminant(logModulus: logarithm, phase: factors.negativePivots % 2 == 0 ? 1 : -1)
  }

  /// Some rows of the solution of A·X = B with sparse columns B; see ``LUFactorization/solve(_:rows:)``.
  ///
  /// - Throws: `BlockKrylovError.shape` when B does not have n rows or a row is not in 0 ..< n, `BlockKrylovError.factorization` when a pivot
  ///   is zero.
  public func solve(_ b: CSCMatrix<Element>, rows: [Int]? = nil) throws -> BlockVector<Element> {
    try solveSelected(b, rows: rows)
  }

  /// The diagonal of A⁻¹; see ``LUFactorization/inverseDiagonal()``.
  ///
  /// - Throws: `BlockKrylovError.factorization` when a pivot is zero.
  public func inverseDiagonal() throws -> [Element] { try selectedInverse() }

  /// Pulls a gradient back through a solve; see ``LUFactorization/pullback(of:gradient:)``.
  ///
  /// - Throws: `BlockKrylovError.shape` when shapes do not fit, `BlockKrylovError.factorization` when a pivot is zero.
  public func pullback(of x: BlockVector<Element>, gradient: BlockVector<Element>) throws -> SolvePullback<Element> {
    try pulledBack(x, gradient)
  }
}

extension KLUFactorization {
  /// Some rows of the solution of A·X = B with sparse columns B; of diagonal blocks only those that
  /// depend on B and that the rows depend on are solved. See ``LUFactorization/solve(_:rows:)``.
  ///
  /// - Throws: `BlockKrylovError.shape` when B does not have n rows or a row is not in 0 ..< n, `BlockKrylovError.factorization` when a pivot
  ///   is zero.
  public func solve(_ b: CSCMatrix<Element>, rows: [Int]? = nil) throws -> BlockVector<Element> {
    try solveSelected(b, rows: rows)
  }

  /// The diagonal of A⁻¹; see ``LUFactorization/inverseDiagonal()``.
  ///
  /// - Throws: `BlockKrylovError.factorization` when a pivot is zero.
  public func inverseDiagonal() throws -> [Element] { try selectedInverse() }

  /// Pulls a gradient back through a solve; see ``LUFactorization/pullback(of:gradient:)``.
  ///
  /// - Throws: `BlockKrylovError.shape` when shapes do not fit, `BlockKrylovError.factorization` when a pivot is zero.
  public func pullback(of x: BlockVector<Element>, gradient: BlockVector<Element>) throws -> SolvePullback<Element> {
    try pulledBack(x, gradient)
  }
}

extension UMFPACK.Factors {
  /// log |u_kk / r_k|, with the scale of the row that became row k.
  fileprivate func logarithm(ofPivot k: Int) -> Double {
    let modulus = isComplex ? log(pivotModulus(k)) : log(abs(pivots[k]))
    return modulus - log(rowScale[Int(rowOrder[k])])
  }

  private func pivotModulus(_ k: Int) -> Double {
    (pivots[2 * k] * pivots[2 * k] + pivots[2 * k + 1] * pivots[2 * k + 1]).squareRoot()
  }
}

/// Whether a permutation is odd.
private func isOdd(_ order: [Int32]) -> Bool {
  var seen = [Bool](repeating: false, count: order.count)
  var odd = false
  for start in order.indices where !seen[start] {
    var (k, length) = (start, 0)
    while !seen[k] {
      seen[k] = true
      length += 1
      k = Int(order[k])
    }
    if length % 2 == 0 { odd.toggle() }
  }
  return odd
}
