internal import ComplexModule

/// Incomplete LU without fill, ILU(0): A ≈ L·U on the pattern of A, for general matrices.
///
/// What is done so that the factors can be used, each step an event:
/// 1. Rows and columns are equilibrated. If a diagonal entry is zero or weak, rows are permuted by ``MaximumProductMatching`` (`.repaired`).
/// 2. A pivot below 10⁻⁴ of its row's 2-norm is replaced by ±10⁻⁴ of it (`.repaired`, one event with their number).
/// 3. Factors with ‖(LU)⁻¹e‖_∞ ≥ 10⁸ are refused, and A + α·diag(row norms) is factored, α = 10⁻³, 4·10⁻³, …, six times (`.shifted`).
/// 4. Then ``IncompleteLUThresholdPivoting`` is tried, then the inverse diagonal is taken (`.fallback`).
///
/// It is never claimed to be positive definite, also for hermitian A: take ``IncompleteCholesky`` there.
/// (Saad, Iterative Methods for Sparse Linear Systems, section 10.3; Chow and Saad, J. Comput. Appl. Math. 86 (1997) 387–414.)
public struct IncompleteLU<Element: Scalar>: Preconditioner {
  /// Permutations, repairs, shifts and fallbacks.
  public let events: [SolveEvent]
  let factors: IncompleteFactors<Element>

  /// The preconditioner of a matrix.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` for a matrix that is not square.
  /// - Complexity: O(Σᵢ Σ_{j ∈ row i} nnz(row j)) per attempt, and the matching if it is needed; stores as much as the matrix.
  public init(_ matrix: CSRMatrix<Element>) throws {
    try matrix.checkSquare(for: "ilu0")
    let equilibration = RowEquilibration(matrix, name: "ilu0")
    var events = equilibration.events
    let stable = IncompleteFactors.stable(equilibration, name: "ilu0", events: &events) { shift in
      Self.factor(matrix, equilibration, shift: shift)
    }
    if let stable {
      (factors, self.events) = (stable, events)
    } else {
      let detail = "ilu0: unstable with every shift; incomplete LU with threshold and pivoting (ilutp) is used instead"
      events.append(SolveEvent(kind: .fallback, detail: detail))
      let substitute = try IncompleteLUThresholdPivoting(matrix, equilibration)
      (factors, self.events) = (substitute.factors, events + substitute.events)
    }
  }

  /// Row after row of L and U of the equilibrated matrix, in the pattern of its rows; `shift` times the row's norm is added to the
  /// diagonal.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private static func factor(
    _ a: CSRMatrix<Element>, _ equilibration: RowEquilibration<Element>, shift: Element.Magnitude
  ) -> LUTriangles<Element> {
    let n = a.rows
    var lu = LUTriangles<Element>(rows: n, capacity: a.nonzeros / 2)
    let (order, r, c) = (equilibration.rowOrder, equilibration.rowScale, equilibration.columnScale)
    // The row in the making, scattered; an entry belongs to row i where `owner` is i.
    var row = [Element](repeating: 0, count: n)
    var owner = [Int32](repeating: -1, count: n)
    for i in 0..<n {
      let (source, place) = (order?[i] ?? i, Int32(truncatingIfNeeded: i))
      let range = a.rowStart[source]..<a.rowStart[source + 1]
      var squares: Element.Magnitude = 0
      owner[i] = place
      row[i] = 0
      for k in range {
        let j = Int(a.columnIndex[k])
        let entry = a.values[k] * Element(r[i] * c[j])
        squares += entry.realPart * entry.realPart + entry.imaginaryPart * entry.imaginaryPart
        row[j] = entry
        owner[j] = place
      }
      let norm = squares.squareRoot()
      if shift > 0 { row[i] = row[i].lengthened(by: shift * norm) }
      for k in range {
        let j = Int(a.columnIndex[k])
        if j < i {
          let multiplier = row[j] * lu.inverseDiagonal[j]
          lu.lower.append(multiplier, column: a.columnIndex[k])
          for t in lu.upper.start[j]..<lu.upper.start[j + 1] {
            let target = Int(lu.upper.index[t])
            if owner[target] == place { row[target] -= multiplier * lu.upper.value[t] }
          }
        } else if j > i {
          lu.upper.append(row[j], column: a.columnIndex[k])
        }
      }
      lu.setPivot(row[i], row: i, norm: norm, dropTolerance: 0)
      lu.lower.endRow()
      lu.upper.endRow()
    }
    return lu
  }

  /// `ilu0`.
  public var name: String { "ilu0" }
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

  /// The preconditioner of the new matrix. Its values decide anew on scaling, permutation and shift.
  public func updated(for matrix: CSRMatrix<Element>) throws -> IncompleteLU {
    try checkUpdate(matrix)
    return try IncompleteLU(matrix)
  }
}
