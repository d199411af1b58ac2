internal import ComplexModule

/// A sparse matrix in compressed rows: the form in which products with blocks are fastest.
///
/// Row i holds the entries `rowStart[i] ..< rowStart[i+1]` of `columnIndex` and `values`, columns ascending, each at most once.
/// Column indices are 32 bits wide (half the index traffic), so that a matrix has at most 2³¹−1 rows and columns; the number of
/// entries is not limited so.
public struct CSRMatrix<Element: Scalar>: LinearOperator, Sendable {
  /// The number of rows.
  public let rows: Int
  /// The number of columns.
  public let columns: Int
  /// Where each row begins, rows + 1 numbers.
  public let rowStart: [Int]
  /// The column of each entry.
  public let columnIndex: [Int32]
  /// The value of each entry.
  public private(set) var values: [Element]
  /// What is promised of the matrix; ``probe()`` finds out, ``tagged(_:)`` promises.
  public private(set) var structure: Structure = []

  /// A matrix from its arrays, columns in any order within a row.
  ///
  /// - Throws: ``BlockKrylovError/invalidMatrix(_:)`` for lengths that do not fit, starts that descend, indices out of range,
  ///   an entry given twice, or a value that is not finite; ``BlockKrylovError/shape(_:)`` for sizes beyond 2³¹−1.
  public init(
    rows: Int, columns: Int, rowStart: [Int], columnIndex: [Int32], values: [Element], structure: Structure = []
  ) throws {
    try Self.checkSize(rows: rows, columns: columns)
    try Self.checkCompressed(
      major: rows, minor: columns, start: rowStart, index: columnIndex, count: values.count, names: ("row", "column"))
    var index = columnIndex
    var value = values
    try sortCompressed(start: rowStart, index: &index, value: &value, names: ("row", "column"))
    self.init(uncheckedRows: rows, columns: columns, rowStart: rowStart, columnIndex: index, values: value)
    self.structure = structure
    try checkFinite()
  }

  /// The entries of a dense matrix that are not zero.
  public init(dense: DenseMatrix<Element>) {
    var (start, index, value) = ([0], [Int32](), [Element]())
    for i in 0..<dense.rows {
      for j in 0..<dense.columns where dense[i, j] != 0 {
        index.append(Int32(j))
        value.append(dense[i, j])
      }
      start.append(value.count)
    }
    self.init(uncheckedRows: dense.rows, columns: dense.columns, rowStart: start, columnIndex: index, values: value)
  }

  /// The matrix with these numbers on its diagonal.
  public init(diagonal: [Element]) {
    self.init(
      uncheckedRows: diagonal.count, columns: diagonal.count, rowStart: Array(0...diagonal.count),
      columnIndex: diagonal.indices.map { Int32($0) }, values: diagonal)
  }

  /// Arrays that are known to be good.
  init(uncheckedRows rows: Int, columns: Int, rowStart: [Int], columnIndex: [Int32], values: [Element], structure: Structure = [])
  {
    self.rows = rows
    self.columns = columns
    self.rowStart = rowStart
    self.columnIndex = columnIndex
    self.values = values
    self.structure = structure
  }

  /// The number of stored entries.
  public var nonzeros: Int { values.count }
  /// The matrix itself.
  public var sparseMatrix: CSRMatrix? { self }
  /// Values, indices and starts, in bytes.
  public var storedBytes: Int { values.count * (MemoryLayout<Element>.stride + 4) + rowStart.count * 8 }
}

// MARK: - Products

extension CSRMatrix {
  /// Y = A·X.
  ///
  /// - Complexity: 2·nnz·m flops; reads the matrix once and a row of X per entry.
  public func apply(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    multiply(x, residualOf: nil, into: &y)
  }

  /// R = B − A·X in one pass.
  public func residual(of x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>) throws {
    multiply(x, residualOf: b, into: &r)
  }

  /// Y = Aᴴ·X by scattering rows. Threads share the columns of the block, since rows of Y are hit from everywhere; with one column
  /// it runs on one thread. For many adjoint products take ``adjointMatrix()`` once.
  public func applyAdjoint(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    scatterProduct(
      major: rows, start: rowStart, index: columnIndex, value: values, conjugate: true, x, into: &y)
  }

  private func multiply(_ x: BlockVector<Element>, residualOf b: BlockVector<Element>?, into y: inout BlockVector<Element>) {
    precondition(x.rows == columns && y.rows == rows && x.columns == y.columns)
    let (m, source, ldx, target, ldy) = unsafe (x.columns, x.base, x.stride, y.mutableBase(), y.stride)
    let (addend, ldb) = unsafe (b?.base, b?.stride ?? 0)
    let parts = Parallel.threads(forBytes: nonzeros * (m + 1) * MemoryLayout<Element>.stride)
    unsafe rowStart.withUnsafeBufferPointer { start in
      unsafe columnIndex.withUnsafeBufferPointer { index in
        unsafe values.withUnsafeBufferPointer { value in
          guard let start = start.baseAddress else { return }
          // A matrix without entries has arrays without addresses; the kernel then reads neither.
          let index = unsafe index.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
          let value = unsafe value.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
          WorkerPool.shared.run(parts) { part in
            let range = rowRange(part, of: parts)
            unsafe Kernels<Element>.spmm(range, start, index, value, m, source, ldx, residualOf: addend, ldb, target, ldy)
          }
        }
      }
    }
  }

  /// Calls `body` with a function that writes rows of A·X, for operations that use them while they are in cache.
  func withRowProducts(
    of x: BlockVector<Element>, into y: inout BlockVector<Element>,
    _ body: (_ y: UnsafePointer<Element>, _ write: (Range<Int>) -> Void) -> Void
  ) {
    precondition(x.rows == columns && y.rows == rows && x.columns == y.columns)
    let (m, source, ldx, target, ldy) = unsafe (x.columns, x.base, x.stride, y.mutableBase(), y.stride)
    unsafe rowStart.withUnsafeBufferPointer { start in
      unsafe columnIndex.withUnsafeBufferPointer { index in
        unsafe values.withUnsafeBufferPointer { value in
          guard let start = start.baseAddress else { return }
          let index = unsafe index.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
          let value = unsafe value.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
          unsafe body(UnsafePointer(target)) { range in
            unsafe Kernels<Element>.spmm(range, start, index, value, m, source, ldx, residualOf: nil, 0, target, ldy)
          }
        }
      }
    }
  }

  /// The part-th of `parts` ranges of rows with nearly equal numbers of entries (plus a bit for each row).
  func rowRange(_ part: Int, of parts: Int) -> Range<Int> {
    if parts == 1 { return 0..<rows }
    func boundary(_ k: Int) -> Int {
      let target = (nonzeros + 2 * rows) * k / parts
      var (low, high) = (0, rows)
      while low < high {
        let middle = (low + high) / 2
        if rowStart[middle] + 2 * middle < target { low = middle + 1 } else { high = middle }
      }
      return low
    }
    return boundary(part)..<(part == parts - 1 ? rows : boundary(part + 1))
  }

  /// R = B − A·X and Z = |A|·|X| in one pass, for componentwise backward errors.
  package func residualAndMagnitude(
    of x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>,
    _ z: inout BlockVector<Element.Magnitude>
  ) {
    let (m, source, ldx, target, ldr) = unsafe (x.columns, x.base, x.stride, r.mutableBase(), r.stride)
    let (pb, ldb, pz, ldz) = unsafe (b.base, b.stride, z.mutableBase(), z.stride)
    let parts = Parallel.threads(forBytes: nonzeros * (m + 1) * MemoryLayout<Element>.stride)
    unsafe rowStart.withUnsafeBufferPointer { start in
      unsafe columnIndex.withUnsafeBufferPointer { index in
        unsafe values.withUnsafeBufferPointer { value in
          guard let start = start.baseAddress else { return }
          let index = unsafe index.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
          let value = unsafe value.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped
          WorkerPool.shared.run(parts) { part in
            let range = rowRange(part, of: parts)
            unsafe Kernels<Element>.residualAndMagnitude(
              range, start, index, value, m, source, ldx, pb, ldb, target, ldr, pz, ldz)
          }
        }
      }
    }
  }
}

/// Y = op(A)ᵀ·X for a matrix whose major index runs over the rows of X; shared by CSR's adjoint and CSC's product.
func scatterProduct<Element: Scalar>(
  major: Int, start: [Int], index: [Int32], value: [Element], conjugate: Bool, _ x: BlockVector<Element>,
  into y: inout BlockVector<Element>
) {
  precondition(x.rows == major && x.columns == y.columns)
  y.setZero()
  let (m, source, ldx, target, ldy) = unsafe (x.columns, x.base, x.stride, y.mutableBase(), y.stride)
  let parts = min(Parallel.threads(forBytes: value.count * (m + 1) * MemoryLayout<Element>.stride), max(m, 1))
  unsafe start.withUnsafeBufferPointer { start in
    unsafe index.withUnsafeBufferPointer { index in
      unsafe value.withUnsafeBufferPointer { value in
        guard let start = start.baseAddress, let index = index.baseAddress, let value = value.baseAddress
        else { return }
        WorkerPool.shared.run(parts) { part in
          let columns = (m * part / parts)..<(m * (part + 1) / parts)
          unsafe Kernels<Element>.scatter(
            0..<major, start, index, value, conjugate: conjugate, columns.count, source + columns.lowerBound, ldx,
            target + columns.lowerBound, ldy)
        }
      }
    }
  }
}

// MARK: - Other forms and parts

extension CSRMatrix {
  /// The same matrix with these promises.
  public func tagged(_ structure: Structure) -> CSRMatrix {
    var copy = self
    copy.structure = structure
    return copy
  }

  /// The same pattern with new values, in the order of ``values``.
  ///
  /// - Throws: ``BlockKrylovError/invalidMatrix(_:)`` when their number differs or one is not finite.
  public mutating func updateValues(_ newValues: [Element]) throws {
    guard newValues.count == values.count else {
      throw BlockKrylovError.invalidMatrix(
        "\(newValues.count) values for a pattern of \(values.count) entries; a value update keeps the pattern")
    }
    let old = values
    values = newValues
    do { try checkFinite() } catch {
      values = old
      throw error
    }
  }

  /// The same pattern with each value changed.
  func mapValues(_ change: (Element) -> Element) -> CSRMatrix {
    CSRMatrix(
      uncheckedRows: rows, columns: columns, rowStart: rowStart, columnIndex: columnIndex, values: values.map(change))
  }

  /// diag(r)·A·diag(c), same pattern.
  func scaled(rows r: [Element.Magnitude]?, columns c: [Element.Magnitude]?) -> CSRMatrix {
    var scaled = values
    for i in 0..<rows {
      for k in rowStart[i]..<rowStart[i + 1] {
        if let r { scaled[k] *= Element(r[i]) }
        if let c { scaled[k] *= Element(c[Int(columnIndex[k])]) }
      }
    }
    return CSRMatrix(uncheckedRows: rows, columns: columns, rowStart: rowStart, columnIndex: columnIndex, values: scaled)
  }

  /// Whether both matrices have the same shape and entries at the same places.
  public func hasSamePattern(as other: CSRMatrix) -> Bool {
    rows == other.rows && columns == other.columns && rowStart == other.rowStart && columnIndex == other.columnIndex
  }

  /// Aᵀ.
  ///
  /// - Complexity: O(nnz + columns).
  public func transposed() -> CSRMatrix {
    let (start, index, value) = transposeCompressed(
      major: rows, minor: columns, start: rowStart, index: columnIndex, value: values)
    return CSRMatrix(uncheckedRows: columns, columns: rows, rowStart: start, columnIndex: index, values: value)
  }

  /// Aᴴ.
  public func adjointMatrix() -> CSRMatrix {
    let transpose = transposed()
    return Element.isComplex ? transpose.mapValues { $0.conjugate } : transpose
  }

  /// One entry, 0 where none is stored.
  public subscript(row: Int, column: Int) -> Element {
    position(row: row, column: column).map { values[$0] } ?? 0
  }

  /// Where the entry (row, column) is stored.
  func position(row: Int, column: Int) -> Int? {
    precondition(row >= 0 && row < rows && column >= 0 && column < columns, "index outside the matrix")
    var (low, high) = (rowStart[row], rowStart[row + 1])
    let wanted = Int32(truncatingIfNeeded: column)
    while low < high {
      let middle = (low + high) / 2
      if columnIndex[middle] < wanted { low = middle + 1 } else { high = middle }
    }
    return low < rowStart[row + 1] && columnIndex[low] == wanted ? low : nil
  }

  /// The diagonal, 0 where no entry is stored.
  public var diagonal: [Element] { diagonalEntries() }

  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  private func diagonalEntries() -> [Element] {
    var result = [Element](repeating: 0, count: min(rows, columns))
    for i in result.indices {
      if let k = position(row: i, column: i) { result[i] = values[k] }
    }
    return result
  }

  /// The matrix as a dense one.
  public var dense: DenseMatrix<Element> {
    var result = DenseMatrix<Element>(rows: rows, columns: columns)
    for i in 0..<rows { for k in rowStart[i]..<rowStart[i + 1] { result[i, Int(columnIndex[k])] = values[k] } }
    return result
  }

  /// A + B, entries wherever either has one.
  func adding(_ other: CSRMatrix) -> CSRMatrix {
    var (start, index, value) = ([0], [Int32](), [Element]())
    start.reserveCapacity(rows + 1)
    for i in 0..<rows {
      var (a, b) = (rowStart[i], other.rowStart[i])
      let (endA, endB) = (rowStart[i + 1], other.rowStart[i + 1])
      while a < endA || b < endB {
        let (columnA, columnB) = (a < endA ? columnIndex[a] : .max, b < endB ? other.columnIndex[b] : .max)
        index.append(min(columnA, columnB))
        var sum: Element = 0
        if columnA <= columnB {
          sum += values[a]
          a += 1
        }
        if columnB <= columnA {
          sum += other.values[b]
          b += 1
        }
        value.append(sum)
      }
      start.append(value.count)
    }
    return CSRMatrix(uncheckedRows: rows, columns: columns, rowStart: start, columnIndex: index, values: value)
  }

  /// P·A·Qᵀ: row i of the result is row `rowOrder[i]` of A, column j is column `columnOrder[j]`.
  func permuted(rowOrder: [Int], columnOrder: [Int]) -> CSRMatrix {
    var newColumn = [Int32](repeating: 0, count: columns)
    for (new, old) in columnOrder.enumerated() { newColumn[old] = Int32(truncatingIfNeeded: new) }
    var (start, index, value) = ([0], [Int32](), [Element]())
    start.reserveCapacity(rows + 1)
    index.reserveCapacity(nonzeros)
    value.reserveCapacity(nonzeros)
    for old in rowOrder {
      let entries = (rowStart[old]..<rowStart[old + 1]).sorted {
        newColumn[Int(columnIndex[$0])] < newColumn[Int(columnIndex[$1])]
      }
      for k in entries {
        index.append(newColumn[Int(columnIndex[k])])
        value.append(values[k])
      }
      start.append(value.count)
    }
    return CSRMatrix(uncheckedRows: rows, columns: columns, rowStart: start, columnIndex: index, values: value)
  }

  /// The same matrix with entries of another precision or with complex entries.
  public func converted<Other: Scalar>(to type: Other.Type) -> CSRMatrix<Other> {
    CSRMatrix<Other>(
      uncheckedRows: rows, columns: columns, rowStart: rowStart, columnIndex: columnIndex,
      values: values.map { Other(real: Double($0.realPart), imaginary: Double($0.imaginaryPart)) }, structure: structure)
  }

  /// ‖A‖_∞.
  public var infinityNorm: Double? {
    var largest = 0.0
    for i in 0..<rows {
      var sum = 0.0
      for k in rowStart[i]..<rowStart[i + 1] { sum += Double(values[k].modulus) }
      largest = max(largest, sum)
    }
    return largest
  }
}

// MARK: - Validation

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
    if let k = values.firstIndex(where: { !$0.isFinite }) {
      let row = (rowStart.firstIndex { $0 > k } ?? rows) - 1
      throw BlockKrylovError.invalidMatrix(
        "entry (\(row), \(columnIndex[k])) is \(values[k]); all entries of a matrix must be finite (indices count from 0)")
    }
  }
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
