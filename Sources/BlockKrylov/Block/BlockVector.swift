/// A block of columns: n × m numbers, row-major, so that one row of all columns is contiguous.
///
/// Right-hand sides, solutions and basis blocks are `BlockVector`s. Row-major because one nonzero of a sparse matrix then meets one
/// contiguous row of m numbers; column-major data is converted at the boundary (``init(columnMajor:rows:columns:)``, ``columnMajor``).
///
/// A `BlockVector` is a value: copies share memory until one of them is written. `block[columns: 2..<5]` is a view that shares
/// memory with the whole in the same way. Rows are 64-byte aligned where the width allows it and padded to ``stride``.
public struct BlockVector<Element: Scalar>: Sendable {
  private(set) var storage: AlignedStorage<Element>
  private var offset: Int
  /// The number n of rows.
  public let rows: Int
  /// The number m of columns.
  public let columns: Int
  /// The distance in memory between the same column of two consecutive rows, in elements; at least `columns`.
  public let stride: Int

  /// A block of zeros.
  ///
  /// - Complexity: one allocation of about n·m numbers.
  public init(rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0, "a block cannot have a negative number of rows or columns")
    self.rows = rows
    self.columns = columns
    stride = Self.paddedWidth(columns)
    storage = AlignedStorage(count: columns == 0 ? 0 : rows * stride)
    offset = 0
  }

  private init(viewOf whole: BlockVector, columns range: Range<Int>) {
    storage = whole.storage
    offset = whole.offset + range.lowerBound
    rows = whole.rows
    columns = range.count
    stride = whole.stride
  }

  /// Calls `body` with some columns as a block that it may write to in place. It may not put another block there, nor keep a copy.
  mutating func withColumns<Result>(_ range: Range<Int>, _ body: (inout BlockVector) throws -> Result) rethrows -> Result {
    precondition(range.lowerBound >= 0 && range.upperBound <= columns, "column range outside the block")
    unsafe _ = mutableBase()
    let memory = ObjectIdentifier(storage)
    var part = BlockVector(viewOf: self, columns: range)
    // The part is then the only owner, and is written without a copy.
    storage = AlignedStorage(count: 0)
    defer {
      precondition(ObjectIdentifier(part.storage) == memory, "the columns were replaced by another block or kept")
      storage = part.storage
    }
    return try body(&part)
  }

  /// A block of which columns were cut off takes them back, or the block becomes narrower, in the same memory; the numbers of columns that
  /// come back mean nothing. Only for views of the first columns of a block.
  mutating func widen(to columns: Int) {
    if columns == self.columns { return }
    precondition(offset == 0 && columns <= stride, "the block was never so wide")
    self = BlockVector(viewOf: self, columns: 0..<columns)
  }

  /// A row's length in memory: powers of two up to 64 bytes, then multiples of 32 bytes, so that rows do not straddle more cache
  /// lines than they must and little is wasted.
  static func paddedWidth(_ columns: Int) -> Int {
    let size = MemoryLayout<Element>.stride
    if columns * size >= 64 {
      let quantum = 32 / size
      return (columns + quantum - 1) / quantum * quantum
    }
    var width = 1
    while width < columns { width *= 2 }
    return width
  }

  /// A block from a function of row and column.
  public init(rows: Int, columns: Int, _ entry: (_ row: Int, _ column: Int) throws -> Element) rethrows {
    self.init(rows: rows, columns: columns)
    let target = unsafe mutableBase()
    for i in 0..<rows {
      for j in 0..<columns { unsafe target[i * stride + j] = try entry(i, j) }
    }
  }

  /// A block from columns that follow each other, as Fortran, BLAS, MATLAB and Julia store them.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when the array does not hold rows·columns numbers.
  public init(columnMajor values: [Element], rows: Int, columns: Int) throws {
    guard rows >= 0, columns >= 0, values.count == rows * columns else {
      throw BlockKrylovError.shape(
        "\(values.count) numbers cannot fill a block of \(rows) rows and \(columns) columns; pass exactly rows × columns of them")
    }
    self.init(rows: rows, columns: columns)
    let (target, width) = unsafe (mutableBase(), stride)
    unsafe values.withUnsafeBufferPointer { source in
      guard let source = source.baseAddress else { return }
      unsafe Kernels<Element>.fromColumnMajor(rows, columns, source, rows, target, width)
    }
  }

  /// A block from numbers row by row.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when the array does not hold rows·columns numbers.
  public init(rowMajor values: [Element], rows: Int, columns: Int) throws {
    guard rows >= 0, columns >= 0, values.count == rows * columns else {
      throw BlockKrylovError.shape(
        "\(values.count) numbers cannot fill a block of \(rows) rows and \(columns) columns; pass exactly rows × columns of them")
    }
    self.init(rows: rows, columns: columns) { values[$0 * columns + $1] }
  }

  /// A block from its columns, each an array of the same length.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when their lengths differ.
  public init(columns: [[Element]]) throws {
    let rows = columns.first?.count ?? 0
    if let bad = columns.firstIndex(where: { $0.count != rows }) {
      throw BlockKrylovError.shape(
        "column \(bad) has \(columns[bad].count) entries, column 0 has \(rows); all columns of a block must have the same length")
    }
    self.init(rows: rows, columns: columns.count) { columns[$1][$0] }
  }

  /// A block from its rows, each an array of the same length.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when their lengths differ.
  public init(rows: [[Element]]) throws {
    let columns = rows.first?.count ?? 0
    if let bad = rows.firstIndex(where: { $0.count != columns }) {
      throw BlockKrylovError.shape(
        "row \(bad) has \(rows[bad].count) entries, row 0 has \(columns); all rows of a block must have the same length")
    }
    self.init(rows: rows.count, columns: columns) { rows[$0][$1] }
  }

  /// One column.
  public init(column: [Element]) {
    self.init(rows: column.count, columns: 1) { i, _ in column[i] }
  }

  /// The first `columns` columns of the identity with n rows.
  public static func identity(rows: Int, columns: Int? = nil) -> BlockVector {
    BlockVector(rows: rows, columns: columns ?? rows) { $0 == $1 ? 1 : 0 }
  }
}

// MARK: - Elements, views and conversions

extension BlockVector {
  /// One number; indices out of range are a programming error and stop the program, as in an `Array`.
  public subscript(row: Int, column: Int) -> Element {
    get {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "index out of range of the block")
      return unsafe base[row * stride + column]
    }
    set {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "index out of range of the block")
      unsafe mutableBase()[row * stride + column] = newValue
    }
  }

  /// Some columns as a block of their own. Reading gives a view without a copy; assigning copies the columns in.
  public subscript(columns range: Range<Int>) -> BlockVector {
    get {
      precondition(range.lowerBound >= 0 && range.upperBound <= columns, "column range outside the block")
      return BlockVector(viewOf: self, columns: range)
    }
    set {
      precondition(range.lowerBound >= 0 && range.upperBound <= columns, "column range outside the block")
      precondition(newValue.rows == rows && newValue.columns == range.count, "the block assigned has another shape")
      let target = unsafe mutableBase() + range.lowerBound
      let (source, width, height) = unsafe (newValue.base, newValue.stride, rows)
      unsafe Kernels<Element>.combine(height, range.count, 1, source, width, nil, target, stride)
    }
  }

  /// The entries of one column.
  public func column(_ column: Int) -> [Element] {
    precondition(column >= 0 && column < columns, "column outside the block")
    let base = unsafe base
    return (0..<rows).map { unsafe base[$0 * stride + column] }
  }

  /// All entries, column after column.
  public var columnMajor: [Element] {
    let (source, width) = unsafe (base, stride)
    return unsafe [Element](unsafeUninitializedCapacity: rows * columns) { target, count in
      if let target = target.baseAddress {
        unsafe Kernels<Element>.toColumnMajor(rows, columns, source, width, target, max(rows, 1))
      }
      count = rows * columns
    }
  }

  /// All entries as an array of rows.
  public var rowArrays: [[Element]] {
    let base = unsafe base
    return (0..<rows).map { i in (0..<columns).map { unsafe base[i * stride + $0] } }
  }

  /// All entries as an array of columns.
  public var columnArrays: [[Element]] { (0..<columns).map { column($0) } }

  /// Calls `body` with the row-major memory and the distance between rows: for matrix-free operators and fast loops of your own.
  public func withUnsafeElements<Result>(
    _ body: (_ elements: UnsafeBufferPointer<Element>, _ stride: Int) throws -> Result
  ) rethrows -> Result {
    let count = rows == 0 ? 0 : (rows - 1) * stride + columns
    return try withExtendedLifetime(storage) {
      try unsafe body(UnsafeBufferPointer(start: base, count: count), stride)
    }
  }

  /// Calls `body` with the row-major memory for writing. Entries between `columns` and `stride` of a row are not the block's own.
  public mutating func withUnsafeMutableElements<Result>(
    _ body: (_ elements: UnsafeMutableBufferPointer<Element>, _ stride: Int) throws -> Result
  ) rethrows -> Result {
    let count = rows == 0 ? 0 : (rows - 1) * stride + columns
    let base = unsafe mutableBase()
    return try withExtendedLifetime(storage) {
      try unsafe body(UnsafeMutableBufferPointer(start: base, count: count), stride)
    }
  }

  /// A block of the same numbers in another precision.
  public func converted<Other: Scalar>(to type: Other.Type) -> BlockVector<Other> {
    if let same = self as? BlockVector<Other> { return same }
    if Other.isComplex == Element.isComplex {
      var other = BlockVector<Other>(rows: rows, columns: columns)
      other.copy(rounding: self)
      return other
    }
    return BlockVector<Other>(rows: rows, columns: columns) { i, j in
      let value = self[i, j]
      return Other(real: Double(value.realPart), imaginary: Double(value.imaginaryPart))
    }
  }

  /// The memory that the block holds, in bytes, with padding.
  public var byteCount: Int { rows * stride * MemoryLayout<Element>.stride }

  /// The memory of several blocks. By index: an iterator would allocate for each of them where code is not specialised.
  static func byteCount(of blocks: [BlockVector]) -> Int {
    var sum = 0
    for k in blocks.indices { sum += blocks[k].byteCount }
    return sum
  }
}

extension BlockVector: Equatable {
  /// Whether shape and every number agree.
  public static func == (a: BlockVector, b: BlockVector) -> Bool {
    guard a.rows == b.rows, a.columns == b.columns else { return false }
    for i in 0..<a.rows {
      for j in 0..<a.columns where a[i, j] != b[i, j] { return false }
    }
    return true
  }
}

extension BlockVector: CustomStringConvertible {
  /// The shape; the numbers are reached by `rowArrays`.
  public var description: String { "BlockVector<\(Element.self)>(\(rows) × \(columns))" }
}

// MARK: - Memory

extension BlockVector {
  /// The first element, for reading while the block is alive.
  var base: UnsafePointer<Element> { unsafe UnsafePointer(storage.base + offset) }

  /// The first element, for writing; copies first when the memory is shared.
  mutating func mutableBase() -> UnsafeMutablePointer<Element> {
    if !isKnownUniquelyReferenced(&storage) { self = copied() }
    return unsafe storage.base + offset
  }

  /// A block of so many columns in the memory of this one, where there is enough of it; its numbers mean nothing.
  consuming func recycled(columns: Int) -> BlockVector? {
    storage.count >= rows * Self.paddedWidth(columns) ? BlockVector(rows: rows, columns: columns, storage: storage) : nil
  }

  private init(rows: Int, columns: Int, storage: AlignedStorage<Element>) {
    self.rows = rows
    self.columns = columns
    self.storage = storage
    stride = Self.paddedWidth(columns)
    offset = 0
  }

  /// A block of the same numbers with memory of its own. The copy keeps the stride, which `mutableBase` callers have read.
  private func copied() -> BlockVector {
    var copy = self
    copy.storage = AlignedStorage(count: rows * stride)
    copy.offset = 0
    unsafe Kernels<Element>.combine(rows, columns, 1, base, stride, nil, copy.storage.base, stride)
    return copy
  }
}
