internal import ComplexModule

/// Reads the entries behind the size line, checking each against header and format.
struct EntryReader {
  let lines: LineReader
  let header: MatrixMarketHeader
  let options: MatrixMarketOptions
  /// Rounds values to `Float`.
  let single: Bool
  var warnings: WarningLog
  private var count = 0
  private var firstBelow: Int?
  private var firstAbove: Int?

  init(lines: LineReader, head: HeaderReader.Result, options: MatrixMarketOptions, single: Bool) {
    self.lines = lines
    header = head.header
    warnings = head.warnings
    self.options = options
    self.single = single
  }

  /// How many entries to reserve memory for: what is announced, unless the file can hardly hold so many.
  private var capacity: Int {
    let shortestLine = (header.format == .coordinate ? 4 : 2) + (header.isComplex ? 2 : 0)
    return min(header.storedEntries, lines.likelyTextBytes.map { $0 / shortestLine + 1 } ?? 1 << 16)
  }

  /// The next line with an entry; `nil` when all are there. Too few and too many are errors.
  @inline(__always) private mutating func nextEntry() throws -> LineCursor? {
    while var cursor = try lines.next() {
      if cursor.isBlankOrComment() { continue }
      if count == header.storedEntries { throw tooMany() }
      count += 1
      return cursor
    }
    if count < header.storedEntries { throw tooFew() }
    return nil
  }

  /// The entries of a coordinate file. Of a symmetric matrix only the lower triangle.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  mutating func triplets<Element: Scalar>(_ type: Element.Type) throws -> Triplets<Element> {
    var triplets = Triplets<Element>(rows: header.rows, columns: header.columns, capacity: capacity)
    while var cursor = try nextEntry() {
      let row = try index(&cursor, "row", limit: header.rows)
      let column = try index(&cursor, "column", limit: header.columns)
      let (real, imaginary) = try value(&cursor)
      if cursor.skipBlanks() { throw trailing(cursor) }
      if header.symmetry == .general {
        triplets.append(Element(real: real, imaginary: imaginary), row: row - 1, column: column - 1, line: lines.line)
      } else if let (sign, conjugation) = try fold(row: row, column: column, real: real, imaginary: imaginary) {
        triplets.append(
          Element(real: sign * real, imaginary: sign * conjugation * imaginary), row: max(row, column) - 1,
          column: min(row, column) - 1, line: lines.line)
      }
    }
    return triplets
  }

  /// The stored entries of an array file, column after column.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  mutating func array<Element: Scalar>(_ type: Element.Type) throws -> [Element] {
    var entries = [Element]()
    entries.reserveCapacity(capacity)
    // Where the next diagonal entry of a hermitian array comes, and how much later the one after it.
    var (diagonal, step) = (0, header.rows)
    while var cursor = try nextEntry() {
      let (real, imaginary) = try value(&cursor)
      if cursor.skipBlanks() { throw trailing(cursor) }
      if header.symmetry == .hermitian, entries.count == diagonal {
        if imaginary != 0 { throw hermitianDiagonal() }
        diagonal += step
        step -= 1
      }
      entries.append(Element(real: real, imaginary: imaginary))
    }
    return entries
  }

  /// The next columns of a general array file, at most so many; none when all have been read. After the last one the end of the file is
  /// checked.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  mutating func columns<Element: Scalar>(_ most: Int, _ type: Element.Type) throws -> [Element] {
    let left = header.storedEntries - count
    let wanted = min(left, most * header.rows)
    var entries = [Element]()
    entries.reserveCapacity(min(wanted, capacity))
    while entries.count < wanted, var cursor = try nextEntry() {
      let (real, imaginary) = try value(&cursor)
      if cursor.skipBlanks() { throw trailing(cursor) }
      entries.append(Element(real: real, imaginary: imaginary))
    }
    if wanted > 0, wanted == left { _ = try nextEntry() }
    return entries
  }

  /// A row or column index at the cursor, from 1.
  @inline(__always) private func index(_ cursor: inout LineCursor, _ name: StaticString, limit: Int) throws -> Int {
    guard let index = cursor.integer() else { throw notAnIndex(cursor, name) }
    guard index >= 1, index <= limit else { throw outOfRange(index, name, limit) }
    return index
  }

  /// The value at the cursor.
  @inline(__always) private mutating func value(_ cursor: inout LineCursor) throws -> (real: Double, imaginary: Double) {
    if header.field == .pattern { return (1, 0) }
    let real = try number(&cursor)
    return (real, header.field == .complex ? try number(&cursor) : 0)
  }

  @inline(__always) private mutating func number(_ cursor: inout LineCursor) throws -> Double {
    guard let (value, isInteger) = cursor.number(single: single) else { return try unusualNumber(&cursor) }
    if header.field == .integer { try checkInteger(value, isInteger) }
    return value
  }
}

// MARK: - Symmetry

extension EntryReader {
  /// What to multiply an entry of a symmetric matrix and its imaginary part by to have it in the lower triangle; `nil` for one to
  /// be left out. Row and column count from 1.
  private mutating func fold(
    row: Int, column: Int, real: Double, imaginary: Double
  ) throws -> (sign: Double, conjugation: Double)? {
    if row == column {
      if header.symmetry == .hermitian && imaginary != 0 { throw hermitianDiagonal() }
      guard header.symmetry == .skewSymmetric else { return (1, 1) }
      guard real == 0 && imaginary == 0 else {
        throw failure("a skew-symmetric matrix has a zero diagonal, entry (\(row), \(row)) is not zero")
      }
      try accept("a diagonal entry of a skew-symmetric matrix (zero, left out)", remedy: "remove it")
      return nil
    }
    if row > column { firstBelow = firstBelow ?? lines.line } else { firstAbove = firstAbove ?? lines.line }
    if let firstBelow, let firstAbove, options.isLenient {
      throw failure(
        "entry (\(row), \(column)) of a \(header.symmetry.rawValue) matrix lies \(row > column ? "below" : "above") the diagonal, the one "
          + "in line \(row > column ? firstAbove : firstBelow) does not; store one triangle only, or say 'general'")
    }
    if row > column { return (1, 1) }
    try accept(
      "an entry above the diagonal of a \(header.symmetry.rawValue) matrix, of which the lower triangle is stored",
      remedy: "transpose the entries, or say 'general' when both triangles are there")
    return (header.symmetry == .skewSymmetric ? -1 : 1, header.symmetry == .hermitian ? -1 : 1)
  }

  private func hermitianDiagonal() -> BlockKrylovError {
    failure("an entry on the diagonal of a hermitian matrix has an imaginary part; it must be real")
  }
}

// MARK: - Unusual numbers

extension EntryReader {
  /// What `LineCursor.number` does not read: Fortran's exponents when lenient, otherwise an error that says what is there instead.
  @inline(never) private mutating func unusualNumber(_ cursor: inout LineCursor) throws -> Double {
    guard cursor.skipBlanks() else {
      throw failure(
        header.isComplex ? "a value is missing; a complex entry has a real and an imaginary part" : "the value is missing")
    }
    let bytes = cursor.wordBytes()
    if let fortran = Self.fortranNumber(bytes, single: single) {
      try accept("a number with a Fortran exponent (such as 1.0D+05)", remedy: "write E")
      if header.field == .integer { try checkInteger(fortran, false) }
      cursor.skipWord()
      return fortran
    }
    var ahead = cursor
    if ahead.decimal() != nil {
      throw failure("\(cursor.quotedWord()) is too large for \(single ? "single" : "double") precision")
    }
    let text = String(decoding: bytes, as: UTF8.self).lowercased().drop { $0 == "+" || $0 == "-" }
    if ["inf", "nan", "1.#"].contains(where: { text.hasPrefix($0) }) {
      throw failure("\(cursor.quotedWord()) is not finite; all entries must be")
    }
    throw failure("\(cursor.quotedWord()) is not a number")
  }

  /// A finite number with the exponent letter D, or with none before the exponent's sign.
  private static func fortranNumber(_ bytes: [UInt8], single: Bool) -> Double? {
    var plain = [UInt8]()
    for (k, byte) in bytes.enumerated() {
      let isSign = byte == 0x2B || byte == 0x2D
      if isSign, k > 0, bytes[k - 1] &- 0x30 < 10 || bytes[k - 1] == 0x2E { plain.append(0x65) }
      plain.append(byte | 0x20 == 0x64 ? 0x65 : byte)
    }
    plain.append(0x0A)
    return unsafe plain.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return nil }
      var cursor = unsafe LineCursor(start: base, count: buffer.count - 1)
      return cursor.number(single: single)?.value
    }
  }

  @inline(__always) private mutating func checkInteger(_ value: Double, _ isInteger: Bool) throws {
    if !isInteger { try accept("a decimal number in a file of integers", remedy: "say 'real'") }
    if !single, value.magnitude >= 0x1p53 {
      warnings.add("an integer of 2⁵³ or more, which double precision may round", line: lines.line)
    }
  }
}

// MARK: - Errors

extension EntryReader {
  func failure(_ text: String, line: Int? = nil) -> BlockKrylovError {
    .file(path: lines.path, line: line ?? max(lines.line, 1), text)
  }

  /// A deviation with one obvious meaning: a warning when lenient, an error when strict.
  mutating func accept(_ text: String, remedy: String, line: Int? = nil) throws {
    guard options.isLenient else { throw failure("\(text); \(remedy), or read the file leniently", line: line) }
    warnings.add(text, line: line ?? lines.line)
  }

  @inline(never) private func tooMany() -> BlockKrylovError {
    failure("one entry more than the \(header.storedEntries) that the size line announces")
  }

  @inline(never) private func tooFew() -> BlockKrylovError {
    failure("the file ends after \(count) of the \(header.storedEntries) entries that the size line announces")
  }

  @inline(never) private func trailing(_ cursor: LineCursor) -> BlockKrylovError {
    let values = header.field == .pattern ? "no value" : header.isComplex ? "two values" : "one value"
    let expected = header.format == .array ? values : "row, column and \(values)"
    return failure("\(cursor.quotedWord()) follows the entry; a line of this \(header.field.rawValue) file has \(expected)")
  }

  @inline(never) private func notAnIndex(_ cursor: LineCursor, _ name: StaticString) -> BlockKrylovError {
    var word = cursor
    return failure(
      word.skipBlanks() ? "the \(name) index \(word.quotedWord()) is not a whole number" : "the \(name) index is missing")
  }

  @inline(never) private func outOfRange(_ index: Int, _ name: StaticString, _ limit: Int) -> BlockKrylovError {
    failure(index == 0 ? "the \(name) index is 0; indices count from 1" : "the \(name) index \(index) is not in 1 … \(limit)")
  }
}
