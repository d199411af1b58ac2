/// Says what a file is that is not a Matrix Market file, as far as its first bytes show it.
enum ForeignFile {
  /// One line naming the kind of file and what to do with it; `nil` when nothing is recognised.
  static func describe(_ head: [UInt8]) -> String? {
    if head.isEmpty { return "the file is empty" }
    for (magic, text) in magics where head.starts(with: magic) { return text }
    let tarMark = 257
    if head.dropFirst(tarMark).starts(with: Array("ustar".utf8)) {
      return "is a tar archive; unpack it and name the .mtx file in it"
    }
    if head.contains(0) { return "is a binary file, not a Matrix Market file" }
    if isHarwellBoeing(head) {
      return "is a Harwell–Boeing or Rutherford–Boeing file (Fortran formats in its head); convert it to Matrix Market first"
    }
    return nil
  }

  private static let magics: [([UInt8], String)] = [
    (Array("version https://git-lfs".utf8), "is a git-lfs pointer, not the file itself; run `git lfs pull`"),
    (Array("MATLAB ".utf8), "is a MATLAB file; write the matrix as Matrix Market (mmwrite) first"),
    ([0x89] + Array("HDF".utf8), "is an HDF5 file, not a Matrix Market file"),
    ([0x50, 0x4B, 0x03, 0x04], "is a zip archive; unpack it and name the .mtx file in it"),
    (Array("BZh".utf8), "is compressed by bzip2; unpack it first (gzip is read directly)"),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "is compressed by xz; unpack it first (gzip is read directly)"),
    ([0x28, 0xB5, 0x2F, 0xFD], "is compressed by zstd; unpack it first (gzip is read directly)"),
    ([0x1F, 0x8B], "is compressed by gzip twice; unpack it once"),
    ([0xFF, 0xFE], "is UTF-16 text; save it as plain ASCII or UTF-8"),
    ([0xFE, 0xFF], "is UTF-16 text; save it as plain ASCII or UTF-8"),
    (Array("<!DOCTYPE".utf8), "is a web page, not a Matrix Market file; the download may have failed"),
    (Array("<!doctype".utf8), "is a web page, not a Matrix Market file; the download may have failed"),
    (Array("<html".utf8), "is a web page, not a Matrix Market file; the download may have failed"),
  ]

  /// Whether line 3, 4 or 5 holds Fortran formats such as `(10I8)`, the first line being a title of up to 80 characters.
  private static func isHarwellBoeing(_ head: [UInt8]) -> Bool {
    let lines = head.split(separator: 0x0A, maxSplits: 5, omittingEmptySubsequences: false)
    guard let title = lines.first, title.first != 0x25, lines.count > 3 else { return false }
    return lines[2..<min(5, lines.count)].contains { line in
      let text = line.drop { LineCursor.isBlank($0) }
      guard text.first == 0x28, let close = text.firstIndex(of: 0x29) else { return false }
      let format = text[text.startIndex..<close].dropFirst()
      // Repeat counts, scale factors, and the edit descriptors I, E, D, F and G.
      return format.contains { "IEDFG".utf8.contains($0 & 0xDF) }
        && format.allSatisfy { ($0 >= 0x2C && $0 <= 0x39) || $0 == 0x20 || "IEDFGP".utf8.contains($0 & 0xDF) }
    }
  }
}
