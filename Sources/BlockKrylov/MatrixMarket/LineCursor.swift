/// A place in a line of text. A line feed always stands at its end, so that scanning needs no other bound.
@safe struct LineCursor {
  private var position: UnsafePointer<UInt8>
  private let end: UnsafePointer<UInt8>

  /// - Parameter start: `count` bytes and a line feed.
  @unsafe init(start: UnsafePointer<UInt8>, count: Int) {
    unsafe position = start
    unsafe end = start + count
  }

  /// The byte at the cursor; the line feed at the end.
  @inline(__always) var byte: UInt8 { unsafe position.pointee }

  /// Goes to the next byte; only to be called when the present one is not the line feed.
  @inline(__always) mutating func advance() { unsafe position += 1 }

  /// Whether the byte separates words: blank, tab, or the carriage return of a CRLF line end.
  @inline(__always) static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }

  /// Whether a word ends before the byte.
  @inline(__always) static func endsWord(_ byte: UInt8) -> Bool { byte <= 0x20 && (isBlank(byte) || byte == 0x0A) }

  /// Goes to the next word and says whether there is one.
  @inline(__always) mutating func skipBlanks() -> Bool {
    while Self.isBlank(byte) { advance() }
    return unsafe position < end
  }

  /// Whether the line has nothing to read, or a comment.
  @inline(__always) mutating func isBlankOrComment() -> Bool { !skipBlanks() || byte == 0x25 }

  /// A whole number that ends with its word, or `nil`, the cursor then standing at the word.
  @inline(__always) mutating func integer() -> Int? {
    _ = skipBlanks()
    let word = self
    let negative = byte == 0x2D
    if negative || byte == 0x2B { advance() }
    var (value, digits) = (0, 0)
    while byte &- 0x30 < 10 {
      // Eighteen digits fit; the nineteenth may not.
      if digits >= 18 {
        let (tenfold, beyond) = value.multipliedReportingOverflow(by: 10)
        let (sum, over) = tenfold.addingReportingOverflow(Int(byte &- 0x30))
        if beyond || over {
          self = word
          return nil
        }
        value = sum
      } else {
        value = value &* 10 &+ Int(byte &- 0x30)
      }
      digits += 1
      advance()
    }
    guard digits > 0, Self.endsWord(byte) else {
      self = word
      return nil
    }
    return negative ? -value : value
  }

  /// The bytes of the word at the cursor.
  func wordBytes() -> [UInt8] {
    var (rest, bytes) = (self, [UInt8]())
    while !Self.endsWord(rest.byte) {
      bytes.append(rest.byte)
      rest.advance()
    }
    return bytes
  }

  /// The word at the cursor as it may appear in a message: at most 40 characters, nothing unprintable.
  func quotedWord() -> String { quoted(wordBytes()) }

  /// Goes past the word at the cursor.
  mutating func skipWord() { while !Self.endsWord(byte) { advance() } }

  /// The words from the cursor to the end of the line, at most `limit`.
  func words(limit: Int = 64) -> [[UInt8]] {
    var (rest, words) = (self, [[UInt8]]())
    while words.count < limit && rest.skipBlanks() {
      words.append(rest.wordBytes())
      rest.skipWord()
    }
    return words
  }

  /// What is left of the line, without the carriage return at its end.
  func rest() -> String {
    var bytes = unsafe Array(UnsafeBufferPointer(start: position, count: end - position))
    if bytes.last == 0x0D { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Bytes of a file in quotation marks, fit for a one-line message.
func quoted(_ bytes: [UInt8]) -> String {
  let shown = bytes.prefix(40).map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }
  return "'" + String(decoding: shown, as: UTF8.self) + (bytes.count > 40 ? "…'" : "'")
}
