internal import ComplexModule

/// The entries of a coordinate file in its order, with the lines they came from.
struct Triplets<Element: Scalar> {
  let rows: Int
  let columns: Int
  private var rowIndex: [Int32] = []
  private var columnIndex: [Int32] = []
  private var values: [Element] = []
  private var lineMap = LineMap()
  /// Whether so far each entry comes after the one before, row by row: then nothing has to be sorted.
  private var ascends = true
  private var last: (row: Int, column: Int) = (-1, -1)

  init(rows: Int, columns: Int, capacity: Int) {
    (self.rows, self.columns) = (rows, columns)
    rowIndex.reserveCapacity(capacity)
    columnIndex.reserveCapacity(capacity)
    values.reserveCapacity(capacity)
  }

  @inline(__always) mutating func append(_ value: Element, row: Int, column: Int, line: Int) {
    lineMap.note(line, ordinal: values.count)
    ascends = ascends && (row > last.row || (row == last.row && column > last.column))
    last = (row, column)
    rowIndex.append(Int32(truncatingIfNeeded: row))
    columnIndex.append(Int32(truncatingIfNeeded: column))
    values.append(value)
  }

  /// Whether all entries off the diagonal lie on one side of it, and there are such.
  var liesInOneTriangle: Bool {
    var (below, above) = (false, false)
    for (i, j) in zip(rowIndex, columnIndex) {
      below = below || i > j
      above = above || i < j
    }
    return below != above
  }

  /// Entries that name a place a second time.
  struct Duplicates {
    /// How many there are.
    var count = 0
    /// The line of the first of them in the file.
    var line = Int.max
  }

  /// The entries in compressed rows, duplicates added. The triplets are used up.
  ///
  /// - Complexity: O(entries + rows) by a counting sort when the entries are ordered by columns, as most files are; otherwise each
  ///   row is sorted besides.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  mutating func compress() -> (matrix: CSRMatrix<Element>, duplicates: Duplicates) {
    defer { (rowIndex, columnIndex, values) = ([], [], []) }
    var rowStart = startOfRows()
    var duplicates = Duplicates()
    if ascends {
      let matrix = CSRMatrix(
        uncheckedRows: rows, columns: columns, rowStart: rowStart, columnIndex: columnIndex, values: values)
      return (matrix, duplicates)
    }
    var next = rowStart
    var index = [Int32](repeating: 0, count: values.count)
    var value = [Element](repeating: 0, count: values.count)
    for k in values.indices {
      let row = Int(rowIndex[k])
      let target = next[row]
      next[row] = target + 1
      index[target] = columnIndex[k]
      value[target] = values[k]
    }
    if Self.sortRows(rowStart, &index, &value) { duplicates = addDuplicates(&rowStart, &index, &value) }
    return (
      CSRMatrix(uncheckedRows: rows, columns: columns, rowStart: rowStart, columnIndex: index, values: value), duplicates
    )
  }

  private func startOfRows() -> [Int] {
    var start = [Int](repeating: 0, count: rows + 1)
    for row in rowIndex { start[Int(row) + 1] += 1 }
    for i in 0..<rows { start[i + 1] += start[i] }
    return start
  }

  /// Orders each row by column, and says whether a column comes twice in one.
  @inline(__always)
  private static func sortRows(_ rowStart: [Int], _ index: inout [Int32], _ value: inout [Element]) -> Bool {
    var hasDuplicates = false
    for i in 0..<(rowStart.count - 1) {
      let row = rowStart[i]..<rowStart[i + 1]
      var isSorted = true
      for k in row.dropFirst() where index[k] <= index[k - 1] { isSorted = false }
      if isSorted { continue }
      if row.count <= 32 {
        // By insertion.
        for k in row.dropFirst() {
          let (column, entry) = (index[k], value[k])
          var place = k
          while place > row.lowerBound, index[place - 1] > column {
            index[place] = index[place - 1]
            value[place] = value[place - 1]
            place -= 1
          }
          index[place] = column
          value[place] = entry
        }
      } else {
        let order = row.sorted { index[$0] < index[$1] }
        let sorted = (order.map { index[$0] }, order.map { value[$0] })
        index.replaceSubrange(row, with: sorted.0)
        value.replaceSubrange(row, with: sorted.1)
      }
      for k in row.dropFirst() where index[k] == index[k - 1] { hasDuplicates = true }
    }
    return hasDuplicates
  }

  /// The rare case, done over from the entries, now with their lines: entries of one place are added in the order of the file.
  private func addDuplicates(_ rowStart: inout [Int], _ index: inout [Int32], _ value: inout [Element]) -> Duplicates {
    var (next, order) = (rowStart, [Int](repeating: 0, count: values.count))
    for (k, row) in rowIndex.enumerated() {
      order[next[Int(row)]] = k
      next[Int(row)] += 1
    }
    var (duplicates, target, begin) = (Duplicates(), 0, 0)
    for i in 0..<rows {
      let first = target
      for k in order[begin..<rowStart[i + 1]].sorted(by: { (columnIndex[$0], $0) < (columnIndex[$1], $1) }) {
        if target > first, index[target - 1] == columnIndex[k] {
          duplicates.count += 1
          duplicates.line = min(duplicates.line, lineMap.line(of: k))
          value[target - 1] += values[k]
        } else {
          index[target] = columnIndex[k]
          value[target] = values[k]
          target += 1
        }
      }
      begin = rowStart[i + 1]
      rowStart[i + 1] = target
    }
    index.removeLast(index.count - target)
    value.removeLast(value.count - target)
    return duplicates
  }
}

extension CSRMatrix {
  /// The whole of a matrix of which this is the lower triangle.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  func mirrored(_ symmetry: MatrixMarketHeader.Symmetry) -> CSRMatrix {
    var start = [Int](repeating: 0, count: rows + 1)
    for i in 0..<rows {
      for k in rowStart[i]..<rowStart[i + 1] {
        start[i + 1] += 1
        let j = Int(columnIndex[k])
        if j != i { start[j + 1] += 1 }
      }
    }
    for i in 0..<rows { start[i + 1] += start[i] }
    var next = start
    var index = [Int32](repeating: 0, count: start[rows])
    var value = [Element](repeating: 0, count: start[rows])
    // The mirror images in row i come from the rows below it, in ascending order and after its own entries: nothing to sort.
    for i in 0..<rows {
      for k in rowStart[i]..<rowStart[i + 1] {
        let j = Int(columnIndex[k])
        index[next[i]] = columnIndex[k]
        value[next[i]] = values[k]
        next[i] += 1
        if j == i { continue }
        index[next[j]] = Int32(truncatingIfNeeded: i)
        value[next[j]] = symmetry.mirrorImage(values[k])
        next[j] += 1
      }
    }
    return CSRMatrix(uncheckedRows: rows, columns: columns, rowStart: start, columnIndex: index, values: value)
  }
}

extension MatrixMarketHeader.Symmetry {
  /// The entry at (j, i) when that at (i, j) is `value`.
  @inline(__always) func mirrorImage<Element: Scalar>(_ value: Element) -> Element {
    switch self {
    case .general, .symmetric: value
    case .skewSymmetric: -value
    case .hermitian: value.conjugate
    }
  }
}

/// Which line each entry came from, kept as the entries before which lines are skipped.
struct LineMap {
  private var ordinals: [Int] = []
  private var lines: [Int] = []
  private var expected = 0

  @inline(__always) mutating func note(_ line: Int, ordinal: Int) {
    if line != expected { skip(to: line, ordinal: ordinal) }
    expected = line + 1
  }

  @inline(never) private mutating func skip(to line: Int, ordinal: Int) {
    ordinals.append(ordinal)
    lines.append(line)
  }

  /// The line of an entry, counted from 0 in the order of the file.
  func line(of ordinal: Int) -> Int {
    var (low, high) = (0, ordinals.count)
    while low < high {
      let middle = (low + high) / 2
      if ordinals[middle] <= ordinal { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? 0 : lines[low - 1] + ordinal - ordinals[low - 1]
  }
}
