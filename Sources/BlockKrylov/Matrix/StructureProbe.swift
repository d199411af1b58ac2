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
  /// - Complexity: O(nnz) time, a number for each row and each column.
  public func probe() -> StructureProbe { probeEntries() }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  private func probeEntries() -> StructureProbe {
    var probe = StructureProbe()
    (probe.rows, probe.columns, probe.nonzeros) = (rows, columns, nonzeros)
    var columnHit = [Bool](repeating: false, count: columns)
    var (smallest, largest) = (Double.infinity, 0.0)
    var (lower, upper) = (0, 0)
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
        largest = max(largest, size)
        (lower, upper) = (max(lower, i - j), max(upper, j - i))
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
    (probe.smallestEntry, probe.largestEntry) = (smallest.isFinite ? smallest : 0, largest)
    (probe.lowerBandwidth, probe.upperBandwidth) = (lower, upper)
    for j in 0..<columns where !columnHit[j] {
      probe.zeroColumnCount += 1
      if probe.zeroColumns.count < 8 { probe.zeroColumns.append(j) }
    }
    if rows == columns { compareWithTranspose(&probe) }
    return probe
  }

  /// Meets each entry above the diagonal where its mirror image below is, or would be: rows wait with the first entry that no row below has
  /// asked for.
  private func compareWithTranspose(_ probe: inout StructureProbe) {
    var (patternSymmetric, symmetric, hermitian, skewSymmetric, difference) = (true, true, true, nonzeros > 0, 0.0)
    func compare(_ x: Element, _ y: Element) {
      if x != y { symmetric = false }
      if x != y.conjugate { hermitian = false }
      if x != -y { skewSymmetric = false }
      difference = max(difference, Double((x - y.conjugate).modulus))
    }
    /// The entries of row j from its waiting one on, up to column i, have no mirror image.
    func pass(_ j: Int, before i: Int) {
      while waiting[j] < rowStart[j + 1], Int(columnIndex[waiting[j]]) < i {
        compare(values[waiting[j]], 0)
        patternSymmetric = false
        waiting[j] += 1
      }
    }
    var waiting = [Int](repeating: 0, count: rows)
    for i in 0..<rows {
      var k = rowStart[i]
      let end = rowStart[i + 1]
      while k < end {
        let j = Int(columnIndex[k])
        guard j < i else { break }
        pass(j, before: i)
        let place = waiting[j]
        if place < rowStart[j + 1], Int(columnIndex[place]) == i {
          compare(values[k], values[place])
          waiting[j] = place + 1
        } else {
          compare(values[k], 0)
          patternSymmetric = false
        }
        k += 1
      }
      if k < end, Int(columnIndex[k]) == i {
        compare(values[k], values[k])
        k += 1
      }
      waiting[i] = k
    }
    for j in 0..<rows { pass(j, before: columns) }
    (probe.patternSymmetric, probe.symmetric, probe.hermitian) = (patternSymmetric, symmetric, hermitian)
    probe.skewSymmetric = skewSymmetric
    probe.asymmetry = probe.largestEntry > 0 ? difference / probe.largestEntry : 0
  }
}
