internal import Synchronization

/// M⁻¹ = Q·U⁻¹·L⁻¹·P: two sparse triangular factors between two permutations, the form that all factored preconditioners share.
///
/// Scalings are folded into the factors when they are built, so that an apply is two sweeps and at most two moves of rows.
final class IncompleteFactors<S: Scalar>: Sendable {
  private typealias Pair = (lower: TriangularFactor<S>, upper: TriangularFactor<S>)

  /// L, ascending.
  let lower: TriangularFactor<S>
  /// U, descending.
  let upper: TriangularFactor<S>
  /// The row of R that comes at each place of P·R; `nil` leaves the order.
  let rowOrder: [Int]?
  /// The row of Z to which each place of U⁻¹·L⁻¹·P·R goes; `nil` leaves the order.
  let columnOrder: [Int]?
  private let scratch = ScratchBlocks<S>()
  /// Lᴴ and Uᴴ, made when they are first needed.
  private let adjoints = Mutex<Pair?>(nil)

  init(
    lower: TriangularFactor<S>, upper: TriangularFactor<S>, rowOrder: [Int]? = nil, columnOrder: [Int]? = nil
  ) {
    (self.lower, self.upper, self.rowOrder, self.columnOrder) = (lower, upper, rowOrder, columnOrder)
  }

  /// The inverse diagonal in the form of two factors: what the factorisations fall back to.
  convenience init(diagonal inverse: [S]) {
    let empty = CompressedRows<S>(emptyRows: inverse.count)
    self.init(
      lower: empty.factor(inverseDiagonal: nil, descending: false),
      upper: empty.factor(inverseDiagonal: inverse, descending: true))
  }

  var rows: Int { lower.rows }

  var isFinite: Bool { lower.isFinite && upper.isFinite }

  var storedBytes: Int { factorBytes + scratch.byteCount }

  /// The same when it has been applied to so many columns.
  func bytesPlanned(columns: Int) -> Int {
    factorBytes + (columnOrder == nil ? scratch.byteCount : scratch.bytesPlanned(rows: rows, columns: columns))
  }

  private var factorBytes: Int {
    let adjoint = adjoints.withLock { $0.map { $0.lower.storedBytes + $0.upper.storedBytes } ?? 0 }
    return lower.storedBytes + upper.storedBytes + adjoint + 8 * ((rowOrder?.count ?? 0) + (columnOrder?.count ?? 0))
  }

  /// Z = M⁻¹·R.
  func apply(to r: BlockVector<S>, into z: inout BlockVector<S>) {
    solve(r, into: &z, first: lower, second: upper, gather: rowOrder, scatter: columnOrder)
  }

  /// Z = M⁻ᴴ·R.
  func applyAdjoint(to r: BlockVector<S>, into z: inout BlockVector<S>) {
    let pair = adjoints.withLock { stored in
      let pair = stored ?? (lower: lower.adjoint, upper: upper.adjoint)
      stored = pair
      return pair
    }
    solve(r, into: &z, first: pair.upper, second: pair.lower, gather: columnOrder, scatter: rowOrder)
  }

  private func solve(
    _ r: BlockVector<S>, into z: inout BlockVector<S>, first: TriangularFactor<S>, second: TriangularFactor<S>, gather: [Int]?,
    scatter: [Int]?
  ) {
    func bothSweeps(_ y: inout BlockVector<S>) {
      if let gather {
        y.gatherRows(gather, of: r)
        first.solve(&y)
      } else {
        first.solve(r, into: &y)
      }
      second.solve(&y)
    }
    guard let scatter else { return bothSweeps(&z) }
    scratch.withBlock(rows: rows, columns: z.columns) { y in
      bothSweeps(&y)
      z.scatterRows(scatter, from: y)
    }
  }
}
