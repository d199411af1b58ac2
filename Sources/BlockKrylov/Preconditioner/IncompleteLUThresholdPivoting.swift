internal import ComplexModule

/// Incomplete LU with a dual threshold and column pivoting, ILUTP(p, τ): for general matrices on which ``IncompleteLU`` is too weak.
///
/// Entries of L and U arise wherever elimination makes them; those below τ times their row's norm are dropped, and of the others the
/// p largest are kept in each row of L and of U. When an entry of the remaining row is more than ten times the diagonal one, their
/// columns are exchanged. Equilibration, matching, small pivots and shifts are those of ``IncompleteLU``; when no shift helps, the
/// inverse diagonal is taken, a `.fallback` event.
/// (Saad, Numer. Linear Algebra Appl. 1 (1994) 387–402; Iterative Methods for Sparse Linear Systems, section 10.4.)
public struct IncompleteLUThresholdPivoting<Element: Scalar>: Preconditioner {
  /// p: the most entries kept in a row of L, and in a row of U besides the diagonal.
  public let fill: Int
  /// τ: entries below τ times the 2-norm of their row of A are dropped.
  public let dropTolerance: Double
  /// Permutations of rows, repairs and the fallback. Exchanges of columns belong to the method and are none.
  public let events: [SolveEvent]
  let factors: IncompleteFactors<Element>

  /// An entry is taken as the pivot when this part of it exceeds the diagonal entry: less would move columns for little, more
  /// would let multipliers grow.
  private static var pivotTolerance: Double { 0.1 }

  /// The preconditioner of a matrix.
  ///
  /// - Parameters:
  ///   - fill: p, at least 1; 20 by default, which bounds the memory by 40 entries for each row.
  ///   - dropTolerance: τ in 0 ≤ τ < 1; 10⁻³ by default. With τ = 0 and `fill` = n the factorisation is complete.
  /// - Throws: ``BlockKrylovError/invalidOption(_:)`` for values out of range, ``BlockKrylovError/shape(_:)`` for a matrix that is not square.
  /// - Complexity: about O(n·p²) time; at most n·(2p+1) stored entries.
  public init(_ matrix: CSRMatrix<Element>, fill: Int = 20, dropTolerance: Double = 1e-3) throws {
    guard fill >= 1, dropTolerance >= 0, dropTolerance < 1 else {
      throw BlockKrylovError.invalidOption(
        "ilutp with \(fill) entries in a row and drop tolerance \(dropTolerance); the first must be at least 1, the second in 0 ..< 1"
      )
    }
    try matrix.checkSquare(for: "ilutp")
    try self.init(
      matrix, RowEquilibration(matrix, name: "ilutp"), fill: fill, dropTolerance: dropTolerance, reportsEquilibration: true)
  }

  /// With an equilibration that is there already, and that has been reported already unless told.
  init(
    _ matrix: CSRMatrix<Element>, _ equilibration: RowEquilibration<Element>, fill: Int = 20, dropTolerance: Double = 1e-3,
    reportsEquilibration: Bool = false
  ) throws {
    (self.fill, self.dropTolerance) = (fill, dropTolerance)
    var events = reportsEquilibration ? equilibration.events : []
    let stable = IncompleteFactors.stable(equilibration, name: "ilutp", events: &events) { shift in
      Self.factor(matrix, equilibration, fill: fill, dropTolerance: Element.Magnitude(dropTolerance), shift: shift)
    }
    if let stable {
      factors = stable
    } else {
      let detail = "ilutp: unstable with every shift; the inverse diagonal (jacobi) is used instead"
      let jacobi = try JacobiPreconditioner(matrix)
      events += [SolveEvent(kind: .fallback, detail: detail)] + jacobi.events
      factors = IncompleteFactors(diagonal: jacobi.inverseDiagonal)
    }
    self.events = events
  }

  /// An entry that may be kept.
  private struct Candidate {
    let size: Element.Magnitude
    let index: Int32
    let value: Element
  }

  /// Row after row of L and U of the equilibrated matrix. L is indexed by place; U by column of A until the end, as places of columns
  /// change until then.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private static func factor(
    _ a: CSRMatrix<Element>, _ equilibration: RowEquilibration<Element>, fill: Int, dropTolerance: Element.Magnitude,
    shift: Element.Magnitude
  ) -> LUTriangles<Element> {
    let n = a.rows
    var lu = LUTriangles<Element>(rows: n, capacity: a.nonzeros)
    let (order, r, c) = (equilibration.rowOrder, equilibration.rowScale, equilibration.columnScale)
    let pivotTolerance = Element.Magnitude(pivotTolerance)
    var columnAt = (0..<n).map { Int32($0) }
    var placeOf = columnAt
    // The row in the making, scattered by column of A; an entry belongs to row i where `owner` is i.
    var row = [Element](repeating: 0, count: n)
    var owner = [Int32](repeating: -1, count: n)
    // Places left of the diagonal that are still to be eliminated, and columns from the diagonal on.
    var pending = BinaryHeap<Int32>()
    var right: [Int32] = []
    var kept: [Candidate] = []
    for i in 0..<n {
      let (source, place) = (order?[i] ?? i, Int32(truncatingIfNeeded: i))
      var squares: Element.Magnitude = 0
      right.removeAll(keepingCapacity: true)
      right.append(columnAt[i])
      owner[Int(columnAt[i])] = place
      row[Int(columnAt[i])] = 0
      for k in a.rowStart[source]..<a.rowStart[source + 1] {
        let j = Int(a.columnIndex[k])
        let entry = a.values[k] * Element(r[i] * c[j])
        squares += entry.realPart * entry.realPart + entry.imaginaryPart * entry.imaginaryPart
        row[j] = entry
        if owner[j] == place { continue }
        owner[j] = place
        if placeOf[j] < place { pending.insert(placeOf[j]) } else { right.append(a.columnIndex[k]) }
      }
      let norm = squares.squareRoot()
      let least = dropTolerance * norm
      if shift > 0 { row[Int(columnAt[i])] = row[Int(columnAt[i])].lengthened(by: shift * norm) }

      kept.removeAll(keepingCapacity: true)
      while let pivot = pending.removeFirst() {
        let multiplier = row[Int(columnAt[Int(pivot)])] * lu.inverseDiagonal[Int(pivot)]
        let size = multiplier.modulus
        // A size that is not a number is kept: the growth test shall see it.
        if size <= least { continue }
        kept.append(Candidate(size: size, index: pivot, value: multiplier))
        for t in lu.upper.start[Int(pivot)]..<lu.upper.start[Int(pivot) + 1] {
          let j = Int(lu.upper.index[t])
          let change = multiplier * lu.upper.value[t]
          if owner[j] == place {
            row[j] -= change
          } else {
            owner[j] = place
            row[j] = -change
            if placeOf[j] < place { pending.insert(placeOf[j]) } else { right.append(lu.upper.index[t]) }
          }
        }
      }
      if kept.count > fill {
        kept.sort { $0.size > $1.size }
        kept.removeLast(kept.count - fill)
        kept.sort { $0.index < $1.index }
      }
      for entry in kept { lu.lower.append(entry.value, column: entry.index) }
      lu.lower.endRow()

      kept.removeAll(keepingCapacity: true)
      var best = Candidate(size: 0, index: columnAt[i], value: 0)
      for column in right {
        let entry = Candidate(size: row[Int(column)].modulus, index: column, value: row[Int(column)])
        if entry.size > best.size { best = entry }
        if !(entry.size <= least) { kept.append(entry) }
      }
      let diagonal = columnAt[i]
      if best.size * pivotTolerance > row[Int(diagonal)].modulus {
        let other = placeOf[Int(best.index)]
        (columnAt[i], columnAt[Int(other)]) = (best.index, diagonal)
        (placeOf[Int(best.index)], placeOf[Int(diagonal)]) = (place, other)
      }
      kept.removeAll { $0.index == columnAt[i] }
      if kept.count > fill {
        kept.sort { $0.size > $1.size }
        kept.removeLast(kept.count - fill)
      }
      for entry in kept { lu.upper.append(entry.value, column: entry.index) }
      lu.upper.endRow()
      lu.setPivot(row[Int(columnAt[i])], row: i, norm: norm, dropTolerance: dropTolerance)
    }
    lu.upper.renumber(placeOf)
    if columnAt.indices.contains(where: { Int(columnAt[$0]) != $0 }) { lu.columnOrder = columnAt.map { Int($0) } }
    return lu
  }

  /// `ilutp`, with its options behind colons unless they are the defaults.
  public var name: String { PreconditionerChoice.ilutp(fill: fill, dropTolerance: dropTolerance).name }
  /// The number of rows.
  public var rows: Int { factors.rows }
  /// L and U, in bytes, with their adjoints once these were needed.
  public var storedBytes: Int { factors.storedBytes }
  /// The same when it has been applied to so many columns.
  public func bytesPlanned(columns: Int) -> Int { factors.bytesPlanned(columns: columns) }

  /// Z = M⁻¹·R by a forward and a backward sweep.
  public func apply(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    factors.apply(to: r, into: &z)
  }

  /// Z = M⁻ᴴ·R; the first call transposes the factors.
  public func applyAdjoint(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    factors.applyAdjoint(to: r, into: &z)
  }

  /// The preconditioner of the new matrix with the same p and τ. Its values decide anew on scaling and permutations.
  public func updated(for matrix: CSRMatrix<Element>) throws -> IncompleteLUThresholdPivoting {
    try checkUpdate(matrix)
    return try IncompleteLUThresholdPivoting(matrix, fill: fill, dropTolerance: dropTolerance)
  }
}
