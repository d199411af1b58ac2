/// Reads banner, comments and size line, and leaves the reader before the first entry.
struct HeaderReader {
  private let lines: LineReader
  private let isLenient: Bool
  private var header = MatrixMarketHeader(
    format: .coordinate, field: .real, symmetry: .general, rows: 0, columns: 0, storedEntries: 0)
  private var hasBanner = false
  private var symmetryIsAssumed = false
  private var commentBytes = 0
  private var warnings = WarningLog()

  /// What the head of a file says.
  struct Result {
    var header: MatrixMarketHeader
    /// Whether the file itself does not say that it is `general`.
    var symmetryIsAssumed: Bool
    var warnings: WarningLog
  }

  static func read(_ lines: LineReader, options: MatrixMarketOptions) throws -> Result {
    var reader = HeaderReader(lines: lines, isLenient: options.isLenient)
    try reader.read()
    return Result(header: reader.header, symmetryIsAssumed: reader.symmetryIsAssumed, warnings: reader.warnings)
  }

  private init(lines: LineReader, isLenient: Bool) {
    self.lines = lines
    self.isLenient = isLenient
  }

  private mutating func read() throws {
    if let text = ForeignFile.describe(try lines.prefix(4096)) { throw failure(text, line: nil) }
    var isFirst = true
    while var cursor = try lines.next() {
      if isFirst {
        if skipByteOrderMark(&cursor) { try accept("the file begins with a byte order mark", remedy: "remove it") }
        if !cursor.skipBlanks() {
          try accept("blank lines before the banner", remedy: "remove them")
          continue
        }
        isFirst = false
        if try readBanner(cursor) { continue }
      }
      guard cursor.skipBlanks() else { continue }
      if cursor.byte == 0x25 {
        keepComment(cursor)
      } else {
        try readSizes(cursor)
        return
      }
    }
    throw failure(
      hasBanner ? "the file ends before the size line" : "the file has neither banner nor size line", line: max(lines.line, 1))
  }

  private func skipByteOrderMark(_ cursor: inout LineCursor) -> Bool {
    var ahead = cursor
    for mark in [0xEF, 0xBB, 0xBF] as [UInt8] {
      guard ahead.byte == mark else { return false }
      ahead.advance()
    }
    cursor = ahead
    return true
  }

  private mutating func keepComment(_ cursor: LineCursor) {
    let text = String(cursor.rest().dropFirst())
    commentBytes += text.utf8.count + 1
    if commentBytes <= 1 << 16 { header.comments.append(text) }
  }

  private func failure(_ text: String, line: Int?) -> BlockKrylovError {
    .file(path: lines.path, line: line, text)
  }

  /// A deviation with one obvious meaning: a warning when lenient, an error when strict.
  private mutating func accept(_ text: String, remedy: String) throws {
    guard isLenient else { throw failure("\(text); \(remedy), or read the file leniently", line: lines.line) }
    warnings.add(text, line: lines.line)
  }
}

// MARK: - The banner

extension HeaderReader {
  private static let example = "%%MatrixMarket matrix coordinate real general"

  private static let vocabulary = Set(
    MatrixMarketHeader.Format.allCases.map(\.rawValue) + MatrixMarketHeader.Field.allCases.map(\.rawValue)
      + MatrixMarketHeader.Symmetry.allCases.map(\.rawValue))

  /// Reads `%%MatrixMarket matrix format field symmetry`; `false` when the line is something else and may have to be read again.
  private mutating func readBanner(_ cursor: LineCursor) throws -> Bool {
    var words = cursor.words().map { String(decoding: $0, as: UTF8.self).lowercased() }
    guard let first = words.first else { return false }
    if first != "%%matrixmarket" {
      // "%MatrixMarket matrix coordinate …", "%% MatrixMarket matrix array …": the two words that follow give it away.
      let formats = Set(MatrixMarketHeader.Format.allCases.map(\.rawValue))
      if let object = words.indices.dropLast().first(where: { words[$0] == "matrix" && formats.contains(words[$0 + 1]) }) {
        try accept("the banner does not begin with %%MatrixMarket", remedy: "correct it")
        words = [first] + words[object...]
      } else {
        guard isLenient else {
          throw failure(
            "the first line is not a banner such as '\(Self.example)' but \(quoted(cursor.wordBytes())); "
              + "add one, or read the file leniently", line: lines.line)
        }
        // A comment that speaks of these things may contradict what would be assumed.
        if words.contains(where: { Self.vocabulary.contains($0) }) {
          throw failure("the first line looks like a banner but is not one; it must read '\(Self.example)'", line: lines.line)
        }
        symmetryIsAssumed = true
        warnings.add("no banner; taken to be real and general", line: lines.line)
        return false
      }
    }
    hasBanner = true
    var rest = words.dropFirst()
    guard let object = rest.popFirst() else {
      throw failure("the banner ends early; it must read '\(Self.example)'", line: lines.line)
    }
    guard object == "matrix" else {
      throw failure("the banner speaks of a \(quoted(Array(object.utf8))); only 'matrix' can be read", line: lines.line)
    }
    header.format = try word(&rest, MatrixMarketHeader.Format.self, "format")
    let symmetries = Set(MatrixMarketHeader.Symmetry.allCases.map(\.rawValue))
    if rest.first.map({ symmetries.contains($0) }) ?? true {
      try accept("the banner has no field", remedy: "complete it (real, integer, complex or pattern)")
    } else {
      if rest.first == "double" { rest[rest.startIndex] = "real" }
      header.field = try word(&rest, MatrixMarketHeader.Field.self, "field")
    }
    if rest.isEmpty {
      try accept("the banner has no symmetry; taken to be general", remedy: "complete it (general, symmetric, …)")
      symmetryIsAssumed = true
    } else {
      header.symmetry = try word(&rest, MatrixMarketHeader.Symmetry.self, "symmetry")
    }
    if let extra = rest.first {
      throw failure(
        "the banner has a word too many, \(quoted(Array(extra.utf8))), whose meaning is not defined", line: lines.line)
    }
    try checkCombination()
    return true
  }

  private mutating func word<Kind: RawRepresentable & CaseIterable>(
    _ rest: inout ArraySlice<String>, _ type: Kind.Type, _ name: String
  ) throws -> Kind where Kind.RawValue == String {
    let choices = Kind.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
    guard let text = rest.popFirst() else {
      throw failure("the banner has no \(name); it must be one of \(choices)", line: lines.line)
    }
    guard let kind = Kind(rawValue: text) else {
      throw failure("the banner's \(name) is \(quoted(Array(text.utf8))); it must be one of \(choices)", line: lines.line)
    }
    return kind
  }

  /// Refuses the combinations that the format excludes.
  private mutating func checkCombination() throws {
    if header.field == .pattern && header.format == .array {
      throw failure("an array cannot have the field 'pattern': every entry of an array has a value", line: lines.line)
    }
    if header.field == .pattern && header.symmetry == .skewSymmetric {
      throw failure("a pattern cannot be skew-symmetric: an entry and its mirror image would differ in sign", line: lines.line)
    }
    if header.symmetry == .hermitian && header.field != .complex {
      try accept(
        "only complex entries can be hermitian, these are \(header.field.rawValue); taken to be symmetric",
        remedy: "say 'symmetric', or 'complex' when the entries are pairs")
      header.symmetry = .symmetric
    }
  }
}

// MARK: - The size line

extension HeaderReader {
  private mutating func readSizes(_ cursor: LineCursor) throws {
    let line = lines.line
    var (rest, sizes) = (cursor, [Int]())
    while rest.skipBlanks() {
      guard sizes.count < 8, let size = rest.integer() else {
        let digits = rest.wordBytes().allSatisfy { $0 &- 0x30 < 10 }
        throw failure(
          "the size line has \(rest.quotedWord()) where " + (digits ? "a number that fits into 63 bits" : "a whole number")
            + " is needed"
            + (hasBanner ? "" : " (the file has no banner either)"), line: line)
      }
      sizes.append(size)
    }
    if let negative = sizes.first(where: { $0 < 0 }) {
      throw failure("the size line has the negative number \(negative)", line: line)
    }
    try interpret(sizes)
    for size in [header.rows, header.columns] where size > Int(Int32.max) {
      throw failure("a size of \(size) is beyond \(Int32.max), the most rows or columns a matrix can have", line: line)
    }
    if header.symmetry != .general && header.rows != header.columns {
      throw failure(
        "a \(header.symmetry.rawValue) matrix must be square, this one has \(header.rows) × \(header.columns)", line: line)
    }
    if header.format == .array {
      header.storedEntries = header.places
    } else if header.storedEntries > header.places && (!isLenient || header.places == 0) {
      throw failure(
        "\(header.storedEntries) entries are announced for a \(header.rows) × \(header.columns) \(header.symmetry.rawValue) matrix, "
          + "which has only \(header.places) places", line: line)
    }
  }

  /// Tells rows, columns and the number of entries from the numbers on the line.
  private mutating func interpret(_ sizes: [Int]) throws {
    let needed = header.format == .array ? "'rows columns'" : "'rows columns entries'"
    switch (header.format, sizes.count) {
    case (.array, 2), (.coordinate, 3): break
    case (.coordinate, 2) where header.field != .pattern:
      try accept("the size line has two numbers; taken to be that of an array", remedy: "write \(needed)")
      header.format = .array
    case (.array, 1):
      try accept("the size line of an array has one number; taken to be one column", remedy: "write \(needed)")
    case (.array, 3) where sizes[2] == header.places(rows: sizes[0], columns: sizes[1]):
      try accept("the size line of an array has the number of entries as a third number", remedy: "write \(needed)")
    default:
      throw failure(
        "the size line has \(sizes.count) number\(sizes.count == 1 ? "" : "s"); the \(header.format.rawValue) format needs \(needed)",
        line: lines.line)
    }
    header.rows = sizes[0]
    header.columns = sizes.count == 1 ? 1 : sizes[1]
    header.storedEntries = sizes.count == 3 ? sizes[2] : 0
  }
}

extension MatrixMarketHeader {
  /// The places of a matrix of another size with the same symmetry; `nil` when they are beyond counting.
  fileprivate func places(rows: Int, columns: Int) -> Int? {
    guard rows <= Int(Int32.max), columns <= Int(Int32.max), rows >= 0, columns >= 0 else { return nil }
    var other = self
    (other.rows, other.columns) = (rows, columns)
    return other.places
  }
}
