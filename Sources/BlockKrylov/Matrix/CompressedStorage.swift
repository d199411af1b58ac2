internal import ComplexModule

extension CSRMatrix {
  static func checkSize(rows: Int, columns: Int) throws {
    guard rows >= 0, columns >= 0, rows <= Int(Int32.max), columns <= Int(Int32.max) else {
      throw BlockKrylovError.shape(
        "a matrix of \(rows) × \(columns) cannot be stored; sizes run from 0 to \(Int32.max) (column indices are 32 bits wide)")
    }
  }

  static func checkCompressed(
    major: Int, minor: Int, start: [Int], index: [Int32], count: Int, names: (major: String, minor: String)
  ) throws {
    guard start.count == major + 1 else {
      throw BlockKrylovError.invalidMatrix(
        "\(start.count) \(names.major) starts for \(major) \(names.major)s; there must be one more than \(names.major)s")
    }
    guard start[0] == 0, start[major] == index.count, index.count == count else {
      throw BlockKrylovError.invalidMatrix(
        "\(names.major) starts run from \(start[0]) to \(start[major]) for \(index.count) indices and \(count) values; "
          + "they must run from 0 to the number of entries")
    }
    for i in 0..<major where start[i] > start[i + 1] {
      throw BlockKrylovError.invalidMatrix("\(names.major) \(i) ends before it begins; \(names.major) starts must not descend")
    }
    if let k = index.firstIndex(where: { $0 < 0 || Int($0) >= minor }) {
      let place = (start.firstIndex { $0 > k } ?? major) - 1
      throw BlockKrylovError.invalidMatrix(
        "\(names.minor) index \(index[k]) in \(names.major) \(place) is not in 0 ..< \(minor); indices count from 0")
    }
  }

  func checkFinite() throws {
    if let k = firstNonFinite(values) {
      let row = (rowStart.firstIndex { $0 > k } ?? rows) - 1
      throw BlockKrylovError.invalidMatrix(
        "entry (\(row), \(columnIndex[k])) is \(values[k]); all entries of a matrix must be finite (indices count from 0)")
    }
  }
}

/// The place of the first number that is NaN or infinite.
@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
func firstNonFinite<Element: Scalar>(_ values: [Element]) -> Int? {
  for k in values.indices where !values[k].isFinite { return k }
  return nil
}

/// Sorts the entries of each row (or column) by index, and refuses an entry that is there twice.
func sortCompressed<Element>(
  start: [Int], index: inout [Int32], value: inout [Element], names: (major: String, minor: String)
) throws {
  for i in 0..<(start.count - 1) {
    let range = start[i]..<start[i + 1]
    var sorted = true
    for k in range.dropFirst() where index[k] <= index[k - 1] { sorted = false }
    if sorted { continue }
    let order = range.sorted { index[$0] < index[$1] }
    let (newIndex, newValue) = (order.map { index[$0] }, order.map { value[$0] })
    for (offset, k) in range.enumerated() {
      index[k] = newIndex[offset]
      value[k] = newValue[offset]
      if offset > 0, newIndex[offset] == newIndex[offset - 1] {
        throw BlockKrylovError.invalidMatrix(
          "\(names.major) \(i) has two entries in \(names.minor) \(newIndex[offset]); use TripletBuilder to add such entries up")
      }
    }
  }
}

/// The same entries compressed along the other index: one counting sort.
@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
func transposeCompressed<Element: Scalar>(
  major: Int, minor: Int, start: [Int], index: [Int32], value: [Element]
) -> (start: [Int], index: [Int32], value: [Element]) {
  var newStart = [Int](repeating: 0, count: minor + 1)
  for j in index { newStart[Int(j) + 1] += 1 }
  for j in 0..<minor { newStart[j + 1] += newStart[j] }
  var next = newStart
  var newIndex = [Int32](repeating: 0, count: index.count)
  var newValue = [Element](repeating: 0, count: index.count)
  for i in 0..<major {
    for k in start[i]..<start[i + 1] {
      let target = next[Int(index[k])]
      next[Int(index[k])] = target + 1
      newIndex[target] = Int32(truncatingIfNeeded: i)
      newValue[target] = value[k]
    }
  }
  return (newStart, newIndex, newValue)
}
