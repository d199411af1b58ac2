internal import ComplexModule

/// Incomplete Cholesky without fill, IC(0): A ≈ L·Lᴴ on the pattern of A, for hermitian positive definite matrices.
///
/// D^{-½}AD^{-½} with D = diag(A) is factored. A pivot that is not safely positive restarts the factorisation of the same matrix with
/// α added to its diagonal, α = 10⁻³, 2·10⁻³, … (Manteuffel, Math. Comp. 34 (1980) 473–497; Lin and Moré, SIAM J. Sci. Comput. 21
/// (1999) 24–45). Each shift is a `.shifted` event. Should no shift help, the inverse diagonal is taken, a `.fallback` event.
public struct IncompleteCholesky<Element: Scalar>: Preconditioner {
  /// The α of the factors; 0 when no shift was needed, `nil` when Jacobi was taken.
  public let shift: Double?
  /// Shifts and the fallback.
  public let events: [SolveEvent]
  let factors: IncompleteFactors<Element>

  private static var firstShift: Double { 1e-3 }
  private static var mostShifts: Int { 20 }

  /// The preconditioner of a matrix, of which only the lower triangle is read.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a matrix that is not square, ``BlockKrylovError/unsupported(_:)`` when a diagonal
  ///   entry is not real and positive.
  /// - Complexity: O(Σᵢ Σ_{j ∈ row i} nnz(row j)) per attempt; stores as much as the matrix.
  public init(_ matrix: CSRMatrix<Element>) throws {
    try matrix.checkSquare(for: "ic0")
    let diagonal = matrix.diagonal
    guard matrix.hasPositiveDiagonal(diagonal) else {
      throw BlockKrylovError.unsupported("ic0 needs a positive real diagonal, and this matrix has other entries on it; take ilu0")
    }
    let roots = Self.squareRoots(diagonal)
    var events: [SolveEvent] = []
    var shift = 0.0
    while true {
      switch Self.factor(matrix, roots, shift: Element.Magnitude(shift)) {
      case .success(let lower):
        (self.shift, self.events) = (shift, events)
        factors = IncompleteFactors(lower: lower, upper: lower.adjoint)
        return
      case .failure(let breakdown):
        if events.count == Self.mostShifts {
          let detail =
            "ic0: no usable factors even with α = \(Double(shift).brief); the inverse diagonal (jacobi) is used instead"
          (self.shift, self.events) = (nil, events + [SolveEvent(kind: .fallback, detail: detail)])
          factors = IncompleteFactors(diagonal: try JacobiPreconditioner(matrix).inverseDiagonal)
          return
        }
        shift = max(2 * shift, Self.firstShift)
        let detail =
          "ic0: pivot \(breakdown.pivot.brief) in row \(breakdown.row); α = \(Double(shift).brief) times the diagonal was added to it"
        events.append(SolveEvent(kind: .shifted, detail: detail))
      }
    }
  }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private static func squareRoots(_ diagonal: [Element]) -> [Element.Magnitude] {
    var roots = [Element.Magnitude](repeating: 0, count: diagonal.count)
    for i in roots.indices { roots[i] = diagonal[i].realPart.squareRoot() }
    return roots
  }

  /// Where a factorisation stopped.
  private struct Breakdown: Error {
    let row: Int
    let pivot: Double
  }

  /// L of D^{-½}AD^{-½} + αI, multiplied by D^{½}; row after row, each entry a product of two sparse rows.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private static func factor(
    _ a: CSRMatrix<Element>, _ roots: [Element.Magnitude], shift: Element.Magnitude
  ) -> Result<TriangularFactor<Element>, Breakdown> {
    let n = a.rows
    // Below the square root of the roundoff a pivot, 1 at first, has lost half of its digits.
    let least = Element.Magnitude(Element.unitRoundoff.squareRoot())
    var lower = CompressedRows<Element>(rows: n, capacity: (a.nonzeros - n) / 2)
    var inverse = [Element.Magnitude](repeating: 0, count: n)
    // The row in the making, scattered; zero elsewhere.
    var row = [Element](repeating: 0, count: n)
    for i in 0..<n {
      let first = lower.index.count
      for k in a.rowStart[i]..<a.rowStart[i + 1] {
        let j = Int(a.columnIndex[k])
        if j >= i { break }
        var entry = a.values[k] * Element(1 / (roots[i] * roots[j]))
        for t in lower.start[j]..<lower.start[j + 1] { entry -= row[Int(lower.index[t])] * lower.value[t].conjugate }
        entry *= Element(inverse[j])
        row[j] = entry
        lower.append(entry, column: a.columnIndex[k])
      }
      var pivot = 1 + shift
      for t in first..<lower.index.count {
        let entry = lower.value[t]
        pivot -= entry.realPart * entry.realPart + entry.imaginaryPart * entry.imaginaryPart
        row[Int(lower.index[t])] = 0
      }
      guard pivot > least, pivot.isFinite else { return .failure(Breakdown(row: i, pivot: Double(pivot))) }
      inverse[i] = 1 / pivot.squareRoot()
      lower.endRow()
    }
    lower.scale { i, _ in roots[i] }
    var inverseDiagonal = row
    for i in 0..<n { inverseDiagonal[i] = Element(inverse[i] / roots[i]) }
    let factor = lower.factor(inverseDiagonal: inverseDiagonal, descending: false)
    return factor.isFinite ? .success(factor) : .failure(Breakdown(row: n - 1, pivot: .nan))
  }

  /// `ic0`.
  public var name: String { "ic0" }
  /// The number of rows.
  public var rows: Int { factors.rows }
  /// Always: L·Lᴴ is.
  public var isPositiveDefinite: Bool { true }
  /// L and Lᴴ, in bytes.
  public var storedBytes: Int { factors.storedBytes }
  /// The same when it has been applied to so many columns.
  public func bytesPlanned(columns: Int) -> Int { factors.bytesPlanned(columns: columns) }

  /// Z = L⁻ᴴ·L⁻¹·R.
  public func apply(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    factors.apply(to: r, into: &z)
  }

  /// The same as `apply`: M is hermitian.
  public func applyAdjoint(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try apply(to: r, into: &z)
  }

  /// The preconditioner of the new matrix.
  public func updated(for matrix: CSRMatrix<Element>) throws -> IncompleteCholesky {
    try checkUpdate(matrix)
    return try IncompleteCholesky(matrix)
  }
}
