/// What a look at all entries of a matrix says: symmetry by value, the diagonal, empty rows and columns, bandwidth, dominance.
public struct StructureProbe: Sendable, Equatable {
  /// The number of rows.
  public var rows = 0
  /// The number of columns.
  public var columns = 0
  /// The number of stored entries.
  public var nonzeros = 0
  /// Entries (i, j) and (j, i) are both stored or both not.
  public var patternSymmetric = false
  /// a_ij = a_ji for all entries.
  public var symmetric = false
  /// a_ij = conjugate of a_ji for all entries.
  public var hermitian = false
  /// a_ij = −a_ji for all entries.
  public var skewSymmetric = false
  /// max |a_ij − a_ji*| / max |a_ij|: 0 for a hermitian matrix, about 1e-16 for one spoilt by rounding.
  public var asymmetry = 0.0
  /// Diagonal entries with positive real part and no imaginary part.
  public var positiveDiagonal = 0
  /// Diagonal entries with negative real part and no imaginary part.
  public var negativeDiagonal = 0
  /// Diagonal entries that are zero or not stored.
  public var zeroDiagonal = 0
  /// Rows without a nonzero entry, the first few.
  public var zeroRows: [Int] = []
  /// How many rows have no nonzero entry.
  public var zeroRowCount = 0
  /// Columns without a nonzero entry, the first few.
  public var zeroColumns: [Int] = []
  /// How many columns have no nonzero entry.
  public var zeroColumnCount = 0
  /// The largest i − j of an entry.
  public var lowerBandwidth = 0
  /// The largest j − i of an entry.
  public var upperBandwidth = 0
  /// Rows with |a_ii| ≥ Σ|a_ij| over the others.
  public var dominantRows = 0
  /// The smallest modulus of a stored entry that is not zero.
  public var smallestEntry = 0.0
  /// The largest modulus of an entry.
  public var largestEntry = 0.0
  /// The most entries in a row.
  public var longestRow = 0
  /// Stored entries that are zero.
  public var storedZeros = 0

  /// Square.
  public var isSquare: Bool { rows == columns }
  /// Every row has |a_ii| ≥ Σ|a_ij|.
  public var isDiagonallyDominant: Bool { isSquare && dominantRows == rows }
  /// Hermitian with a positive diagonal: what a positive definite matrix must be. It may still be indefinite.
  public var looksPositiveDefinite: Bool { isSquare && rows > 0 && hermitian && positiveDiagonal == rows }
  /// Hermitian with a negative diagonal: −A looks positive definite.
  public var looksNegativeDefinite: Bool { isSquare && rows > 0 && hermitian && negativeDiagonal == rows }

  /// The tags that were proved; definiteness cannot be proved by a look.
  public var structure: Structure {
    var tags: Structure = []
    if symmetric { tags.insert(.symmetric) }
    if hermitian { tags.insert(.hermitian) }
    if skewSymmetric { tags.insert(.skewSymmetric) }
    if lowerBandwidth == 0 { tags.insert(.upperTriangular) }
    if upperBandwidth == 0 { tags.insert(.lowerTriangular) }
    return tags
  }
}

extension CSRMatrix {
  /// Looks at every entry once or twice.
  ///
  /// - Complexity: O(nnz) time, one transposed copy of the matrix.
  public func probe() -> StructureProbe { probeEntries() }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  private func probeEntries() -> StructureProbe {
    var probe = StructureProbe()
    (probe.rows, probe.columns, probe.nonzeros) = (rows, columns, nonzeros)
    var columnHit = [Bool](repeating: false, count: columns)
    var smallest = Double.infinity
    for i in 0..<rows {
      var (diagonal, others, hit): (Element, Double, Bool) = (0, 0, false)
      for k in rowStart[i]..<rowStart[i + 1] {
        let (j, value) = (Int(columnIndex[k]), values[k])
        let size = Double(value.modulus)
        if size == 0 {
          probe.storedZeros += 1
          continue
        }
        hit = true
        columnHit[j] = true
        smallest = min(smallest, size)
        probe.largestEntry = max(probe.largestEntry, size)
        probe.lowerBandwidth = max(probe.lowerBandwidth, i - j)
        probe.upperBandwidth = max(probe.upperBandwidth, j - i)
        if i == j { diagonal = value } else { others += size }
      }
      if !hit {
        probe.zeroRowCount += 1
        if probe.zeroRows.count < 8 { probe.zeroRows.append(i) }
      }
      if i < columns {
        if diagonal == 0 {
          probe.zeroDiagonal += 1
        } else if diagonal.imaginaryPart == 0 {
          if diagonal.realPart > 0 { probe.positiveDiagonal += 1 } else { probe.negativeDiagonal += 1 }
        }
      }
      if hit, Double(diagonal.modulus) >= others { probe.dominantRows += 1 }
      probe.longestRow = max(probe.longestRow, rowStart[i + 1] - rowStart[i])
    }
    probe.smallestEntry = smallest.isFinite ? smallest : 0
    for j in 0..<columns where !columnHit[j] {
      probe.zeroColumnCount += 1
      if probe.zeroColumns.count < 8 { probe.zeroColumns.append(j) }
    }
    if rows == columns { compareWithTranspose(&probe) }
    return probe
  }

  private func compareWithTranspose(_ probe: inout StructureProbe) {
    let other = transposed()
    probe.patternSymmetric = rowStart == other.rowStart && columnIndex == other.columnIndex
    (probe.symmetric, probe.hermitian, probe.skewSymmetric) = (true, true, true)
    var difference = 0.0
    for i in 0..<rows {
      var (a, b) = (rowStart[i], other.rowStart[i])
      let (endA, endB) = (rowStart[i + 1], other.rowStart[i + 1])
      while a < endA || b < endB {
        let (columnA, columnB) = (a < endA ? columnIndex[a] : .max, b < endB ? other.columnIndex[b] : .max)
        var (x, y): (Element, Element) = (0, 0)
        if columnA <= columnB {
          x = values[a]
          a += 1
        }
        if columnB <= columnA {
          y = other.values[b]
          b += 1
        }
        if x != y { probe.symmetric = false }
        if x != y.conjugate { probe.hermitian = false }
        if x != -y { probe.skewSymmetric = false }
        difference = max(difference, Double((x - y.conjugate).modulus))
      }
    }
    probe.asymmetry = probe.largestEntry > 0 ? difference / probe.largestEntry : 0
    if nonzeros == 0 { probe.skewSymmetric = false }
  }
}
