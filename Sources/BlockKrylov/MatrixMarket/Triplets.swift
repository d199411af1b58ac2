internal import ComplexModule

/// The entries of a coordinate file in its order, with the lines they came from.
struct Triplets<Element: Scalar> {
  let rows: Int
  let columns: Int
  private var rowIndex: [Int32] = []
  private var columnIndex: [Int32] = []
  private var values: [Element] = []
  private var lineMap = LineMap()
  /// Whether so far each entry comes after the one before, row by row or column by column: then nothing has to be sorted.
  private var ascendsByRow = true
  private var ascendsByColumn = true
  private var last: (row: Int, column: Int) = (-1, -1)

  init(rows: Int, columns: Int, capacity: Int) {
    (self.rows, self.columns) = (rows, columns)
    rowIndex.reserveCapacity(capacity)
    columnIndex.reserveCapacity(capacity)
    values.reserveCapacity(capacity)
  }

  @inline(__always) mutating func append(_ value: Element, row: Int, column: Int, line: Int) {
    lineMap.note(line, ordinal: values.count)
    ascendsByRow = ascendsByRow && (row > last.row || (row == last.row && column > last.column))
    ascendsByColumn = ascendsByColumn && (column > last.column || (column == last.column && row > last.row))
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
  /// - Complexity: O(entries + rows + columns) by at most two counting sorts.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  mutating func compress() -> (matrix: CSRMatrix<Element>, duplicates: Duplicates) {
    let count = values.count
    var rowStart = [Int](repeating: 0, count: rows + 1)
    for row in rowIndex { rowStart[Int(row) + 1] += 1 }
    for i in 0..<rows { rowStart[i + 1] += rowStart[i] }
    defer { (rowIndex, columnIndex, values) = ([], [], []) }
    if ascendsByRow {
      return (
        CSRMatrix(uncheckedRows: rows, columns: columns, rowStart: rowStart, columnIndex: columnIndex, values: values),
        Duplicates()
      )
    }
    // Stable by column, then by row: entries of one place stay in the order of the file.
    let byColumn = ascendsByColumn ? [] : columnOrder()
    var next = rowStart
    var index = [Int32](repeating: 0, count: count)
    var value = [Element](repeating: 0, count: count)
    var duplicates = Duplicates()
    for position in 0..<count {
      let k = ascendsByColumn ? position : byColumn[position]
      let (row, column) = (Int(rowIndex[k]), columnIndex[k])
      let target = next[row]
      if target > rowStart[row], index[target - 1] == column {
        duplicates.count += 1
        duplicates.line = min(duplicates.line, lineMap.line(of: k))
        value[target - 1] += values[k]
      } else {
        index[target] = column
        value[target] = values[k]
        next[row] = target + 1
      }
    }
    if duplicates.count > 0 { Self.close(&rowStart, rowEnd: next, &index, &value) }
    return (
      CSRMatrix(uncheckedRows: rows, columns: columns, rowStart: rowStart, columnIndex: index, values: value), duplicates
    )
  }

  /// The positions of the entries ordered by column, those of one column in the order of the file.
  @inline(__always) private func columnOrder() -> [Int] {
    var start = [Int](repeating: 0, count: columns + 1)
    for column in columnIndex { start[Int(column) + 1] += 1 }
    for j in 0..<columns { start[j + 1] += start[j] }
    var order = [Int](repeating: 0, count: columnIndex.count)
    for k in columnIndex.indices {
      let column = Int(columnIndex[k])
      order[start[column]] = k
      start[column] += 1
    }
    return order
  }

  /// Closes the gaps that added duplicates left at the ends of rows.
  private static func close(_ rowStart: inout [Int], rowEnd: [Int], _ index: inout [Int32], _ value: inout [Element]) {
    var (target, begin) = (0, 0)
    for i in 0..<(rowStart.count - 1) {
      for k in begin..<rowEnd[i] {
        index[target] = index[k]
        value[target] = value[k]
        target += 1
      }
      begin = rowStart[i + 1]
      rowStart[i + 1] = target
    }
    index.removeLast(index.count - target)
    value.removeLast(value.count - target)
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
