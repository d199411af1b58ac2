internal import ComplexModule

/// R·P·A·C with entries of modulus about 1 at most, and a usable diagonal: what the incomplete LU factorisations work on.
///
/// The scaling factors are powers of two, so that scaling costs no digit. When a diagonal entry is missing, zero or very weak, the
/// rows are permuted by a maximum product matching, whose scaling is then used.
struct RowEquilibration<S: Scalar>: Sendable {
  /// The row of A that comes at each place; `nil` leaves the order.
  private(set) var rowOrder: [Int]?
  /// The factor of the row at each place.
  private(set) var rowScale: [S.Magnitude]
  /// The factor of each column.
  private(set) var columnScale: [S.Magnitude]
  /// The permutation, if there is one.
  private(set) var events: [SolveEvent] = []

  /// A pivot below this part of its row's 2-norm is too small: the row's result would be multiplied by more than its inverse.
  static var weakPivot: Double { 1e-4 }

  init(_ a: CSRMatrix<S>, name: String) {
    (rowScale, columnScale) = Self.largestToOne(a)
    let weak = Self.weakDiagonalEntries(a, rowScale, columnScale)
    guard weak > 0 else { return }
    let matching = MaximumProductMatching(squareMatrix: a)
    let order = matching.rowOrder
    rowScale = order.map { Self.powerOfTwo(matching.rowScaling[$0]) }
    columnScale = matching.columnScaling.map(Self.powerOfTwo)
    let moved = order.indices.count { order[$0] != $0 }
    // Weak entries may have been an effect of bad scaling, which the matching has cured: no event then.
    guard moved > 0 || matching.structuralRank < a.rows else { return }
    rowOrder = order
    var detail = "\(name): \(weak) diagonal entries are zero or weak; maximum product matching moved \(moved) of \(a.rows) rows"
    if matching.structuralRank < a.rows {
      detail +=
        "; the matrix is structurally singular, of rank \(matching.structuralRank) at most (row \(matching.unmatchedRows[0]) has no pivot)"
    }
    events = [SolveEvent(kind: .repaired, detail: detail)]
  }

  /// The next power of two below, kept where products of two factors stay finite.
  private static func powerOfTwo(_ value: Double) -> S.Magnitude {
    let limit = S.scalarKind.isSinglePrecision ? 60 : 500
    let exponent = value > 0 && value.isFinite ? min(limit, max(-limit, Int(value.exponent))) : 0
    return S.Magnitude(sign: .plus, exponent: S.Magnitude.Exponent(exponent), significand: 1)
  }

  /// Row factors that bring the largest entry of each row to 1, then column factors that do so for the columns.
  @specialized(where S == Double)
  @specialized(where S == Float)
  @specialized(where S == Complex<Double>)
  @specialized(where S == Complex<Float>)
  private static func largestToOne(_ a: CSRMatrix<S>) -> (rows: [S.Magnitude], columns: [S.Magnitude]) {
    var rows = [S.Magnitude](repeating: 1, count: a.rows)
    var largestInColumn = [S.Magnitude](repeating: 0, count: a.columns)
    for i in 0..<a.rows {
      var largest: S.Magnitude = 0
      for k in a.rowStart[i]..<a.rowStart[i + 1] { largest = max(largest, a.values[k].magnitude) }
      if largest > 0 { rows[i] = powerOfTwo(1 / Double(largest)) }
      for k in a.rowStart[i]..<a.rowStart[i + 1] {
        let j = Int(a.columnIndex[k])
        largestInColumn[j] = max(largestInColumn[j], a.values[k].magnitude * rows[i])
      }
    }
    return (rows, largestInColumn.map { $0 > 0 ? powerOfTwo(1 / Double($0)) : 1 })
  }

  /// The number of rows of diag(r)·A·diag(c) whose diagonal entry is below `weakPivot` times the row's norm.
  @specialized(where S == Double)
  @specialized(where S == Float)
  @specialized(where S == Complex<Double>)
  @specialized(where S == Complex<Float>)
  private static func weakDiagonalEntries(_ a: CSRMatrix<S>, _ r: [S.Magnitude], _ c: [S.Magnitude]) -> Int {
    var weak = 0
    for i in 0..<a.rows {
      var (diagonal, squares): (S.Magnitude, S.Magnitude) = (0, 0)
      for k in a.rowStart[i]..<a.rowStart[i + 1] {
        let j = Int(a.columnIndex[k])
        let entry = a.values[k] * S(r[i] * c[j])
        let square = entry.realPart * entry.realPart + entry.imaginaryPart * entry.imaginaryPart
        squares += square
        if i == j { diagonal = square.squareRoot() }
      }
      if !(diagonal > S.Magnitude(weakPivot) * squares.squareRoot()) { weak += 1 }
    }
    return weak
  }
}
