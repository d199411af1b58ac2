import Foundation
import Testing

@testable import BlockKrylov

/// A malformed text, the line that must be named, and a part of what must be said of it.
struct Malformed: CustomTestStringConvertible, Sendable {
  var text: String
  var line: Int?
  var says: String
  var testDescription: String { says + ": " + text.prefix(60).replacing("\n", with: "⏎") }

  init(_ text: String, _ line: Int?, _ says: String) { (self.text, self.line, self.says) = (text, line, says) }

  /// Entries behind a good banner and size line.
  static func real(_ size: String, _ entries: String..., line: Int, _ says: String) -> Malformed {
    Malformed("%%MatrixMarket matrix coordinate real general\n\(size)\n" + entries.map { $0 + "\n" }.joined(), line, says)
  }

  /// Entries behind a banner of the given kind.
  static func kind(_ kind: String, _ size: String, _ entries: String..., line: Int, _ says: String) -> Malformed {
    Malformed("%%MatrixMarket matrix \(kind)\n\(size)\n" + entries.map { $0 + "\n" }.joined(), line, says)
  }
}

@Suite struct MatrixMarketErrorTests {
  /// What is wrong however one looks at it.
  static let wrong: [Malformed] = [
    .init("", nil, "empty"),
    .init("%%MatrixMarket matrix coordinate real general", 1, "before the size line"),
    .init("%%MatrixMarket matrix coordinate real general\n% only\n\n", 3, "before the size line"),
    .init("\n\n", 1, "before the banner"),
    .init("%%MatrixMarket\n", 1, "ends early"),
    .init("%%MatrixMarket matrix\n", 1, "has no format"),
    .init("%%MatrixMarket vector array real general\n", 1, "only 'matrix'"),
    .kind("sparse real general", "1 1 0", line: 1, "format is 'sparse'"),
    .kind("coordinate quaternion general", "1 1 0", line: 1, "field is 'quaternion'"),
    .kind("coordinate real hermitean", "1 1 0", line: 1, "symmetry is 'hermitean'"),
    .kind("coordinate real general zero-based", "1 1 0", line: 1, "a word too many, 'zero-based'"),
    .kind("array pattern general", "1 1", line: 1, "array cannot"),
    .kind("coordinate pattern skew-symmetric", "1 1 0", line: 1, "pattern cannot"),
    .init("%%MatrixMarkt matrx coordinate real general\n1 1 0\n", 1, "not a banner"),
    .init("row,column,value\n1,1,2\n", 1, "not a banner"),
    .real("3", line: 2, "1 number"),
    .real("3 3 1 1", line: 2, "4 numbers"),
    .real("3 three 1", line: 2, "'three'"),
    .real("3 3 1.5", line: 2, "'1.5'"),
    .real("-3 3 1", line: 2, "negative number -3"),
    .real("3 3 -1", line: 2, "negative"),
    .real("2147483648 1 0", line: 2, "beyond 2147483647"),
    .real("1 99999999999999999999 0", line: 2, "63 bits"),
    .real("0 1 1", line: 2, "only 0 places"),
    .kind("coordinate real symmetric", "3 4 0", line: 2, "must be square"),
    .kind("array real symmetric", "3 4", line: 2, "must be square"),
    .real("2 2 2", "1 1 1", line: 3, "1 of the 2"),
    .real("2 2 2", "1 1 1", "", "% end", line: 5, "1 of the 2"),
    .real("2 2 1", "1 1 1", "2 2 1", line: 4, "one entry more than the 1"),
    .real("2000000000 2000000000 3999999999999999999", "1 1 1", line: 3, "1 of the 3999999999999999999"),
    .kind("array real general", "2000000000 2000000000", "1", line: 3, "1 of the 4000000000000000000"),
    .kind("array real general", "2 1", "1", line: 3, "1 of the 2"),
    .kind("array real general", "1 1", "1", "2", line: 4, "one entry more"),
    .kind("array real general", "2 1", "1 2", line: 3, "'2' follows"),
    .real("2 2 1", "0 1 1", line: 3, "row index is 0"),
    .real("2 2 1", "1 0 1", line: 3, "column index is 0"),
    .real("2 2 1", "3 1 1", line: 3, "row index 3 is not in 1 … 2"),
    .real("2 2 1", "1 3 1", line: 3, "column index 3"),
    .real("2 2 1", "-1 1 1", line: 3, "row index -1"),
    .real("2 2 1", "99999999999999999999 1 1", line: 3, "'99999999999999999999'"),
    .real("2 2 1", "1.0 1 1", line: 3, "'1.0' is not a whole number"),
    .real("2 2 1", "1,1,1", line: 3, "'1,1,1'"),
    .real("2 2 1", "1", line: 3, "column index is missing"),
    .real("2 2 1", "1 1", line: 3, "value is missing"),
    .real("2 2 1", "1 1 x", line: 3, "'x' is not a number"),
    .real("2 2 1", "1 1 0x1p3", line: 3, "'0x1p3' is not a number"),
    .real("2 2 1", "1 1 1 % note", line: 3, "'%' follows"),
    .real("2 2 1", "1 1 1 0", line: 3, "'0' follows"),
    .real("2 2 1", "1 1 nan", line: 3, "not finite"),
    .real("2 2 1", "1 1 -Inf", line: 3, "not finite"),
    .real("2 2 1", "1 1 +INFINITY", line: 3, "not finite"),
    .real("2 2 1", "1 1 NaN(0x1)", line: 3, "not finite"),
    .real("2 2 1", "1 1 -1.#IND", line: 3, "not finite"),
    .real("2 2 1", "1 1 1e400", line: 3, "too large"),
    .real("2 2 2", "1 1 1", "\u{1}", line: 4, "'?'"),
    .kind("coordinate pattern general", "2 2 1", "1 1 1", line: 3, "'1' follows"),
    .kind("coordinate complex general", "2 2 1", "1 1 1", line: 3, "real and an imaginary part"),
    .kind("coordinate complex hermitian", "2 2 1", "2 2 1 1e-30", line: 3, "must be real"),
    .kind("array complex hermitian", "3 3", "1 0", "1 1", "1 1", "1 0", "1 1", "1 1", line: 8, "must be real"),
    .kind("coordinate real skew-symmetric", "2 2 1", "2 2 1", line: 3, "zero diagonal"),
  ]

  @Test(arguments: wrong, [MatrixMarketOptions.strict, .lenient])
  func isRefused(_ sample: Malformed, _ options: MatrixMarketOptions) throws {
    let error = try #require(try readingError(sample.text, options))
    if options == .strict || !Self.differsWhenLenient.contains(sample.says) {
      #expect(error.line == sample.line, "\(error.message)")
      #expect(error.message.contains(sample.says), "\(error.message)")
    }
    #expect(!error.message.contains { $0.isNewline })
  }

  /// Refused in both modes, but for another reason once a first deviation has been accepted.
  static let differsWhenLenient: Set<String> = ["before the banner", "not a banner"]

  /// What the format excludes but has one obvious meaning.
  static let strictOnly: [Malformed] = [
    .init("1 1 1\n1 1 1\n", 1, "not a banner"),
    .init("\n%%MatrixMarket matrix coordinate real general\n1 1 0\n", 1, "blank lines before"),
    .init("\u{FEFF}%%MatrixMarket matrix coordinate real general\n1 1 0\n", 1, "byte order mark"),
    .init("%MatrixMarket matrix coordinate real general\n1 1 0\n", 1, "does not begin with"),
    .kind("coordinate real", "1 1 0", line: 1, "no symmetry"),
    .kind("coordinate", "1 1 0", line: 1, "no field"),
    .kind("coordinate general", "1 1 0", line: 1, "no field"),
    .kind("coordinate real hermitian", "1 1 0", line: 1, "only complex entries"),
    .kind("array real general", "1", "1", line: 2, "one number"),
    .kind("array real general", "1 1 1", "1", line: 2, "third number"),
    .kind("coordinate real general", "1 1", "1", line: 2, "two numbers"),
    .kind("coordinate real symmetric", "2 2 1", "1 2 1", line: 3, "above the diagonal"),
    .kind("coordinate real skew-symmetric", "2 2 1", "1 1 0", line: 3, "skew-symmetric"),
    .kind("coordinate integer general", "1 1 1", "1 1 1.5", line: 3, "decimal number"),
    .kind("coordinate integer general", "1 1 1", "1 1 1e2", line: 3, "decimal number"),
    .real("2 2 1", "1 1 1.0D+05", line: 3, "Fortran"),
    .real("2 2 3", "1 1 1", "% note", "2 2 5", "1 1 1", line: 6, "a second time"),
    .real("2 2 4", "2 2 1", "1 1 1", "2 2 5", "1 1 1", line: 5, "a second time"),
    .real("1 1 2", "1 1 1", "1 1 1", line: 2, "only 1 places"),
  ]

  @Test(arguments: strictOnly)
  func isRefusedUnlessLenient(_ sample: Malformed) throws {
    let error = try #require(try readingError(sample.text))
    #expect(error.line == sample.line, "\(error.message)")
    #expect(error.message.contains(sample.says), "\(error.message)")
    #expect(try readingError(sample.text, .lenient) == nil)
  }

  @Test func mixedTrianglesAreRefused() throws {
    for (entries, line) in [("1 2 1\n3 1 1\n", 4), ("2 1 1\n2 2 1\n1 3 1\n", 5)] {
      let count = entries.split(separator: "\n").count
      let text = "%%MatrixMarket matrix coordinate real symmetric\n3 3 \(count)\n\(entries)"
      let error = try #require(try readingError(text, .lenient))
      #expect(error.line == line && error.message.contains("one triangle only") && error.message.contains("line 3"))
    }
  }

  @Test func assumedSymmetryIsNotGuessed() throws {
    // One triangle under an incomplete banner may mean a symmetric matrix.
    let error = try #require(try readingError("3 3 2\n2 1 5\n3 3 1\n", .lenient))
    #expect(error.line == 1 && error.message.contains("symmetric"))
    #expect(try readingError("3 3 3\n2 1 5\n1 2 5\n3 3 1\n", .lenient) == nil)
    #expect(try readingError("%%MatrixMarket matrix coordinate real general\n3 3 2\n2 1 5\n3 3 1\n", .lenient) == nil)
  }

  @Test func hugeSizesAskForNoMemory() throws {
    // Good files, but the row starts alone would need 16 GB for each of three arrays.
    for text in ["%%MatrixMarket matrix coordinate real general\n2000000000 2000000000 1\n1 1 1\n"] {
      let error = try #require(try readingError(text))
      #expect(error.line == 2 && error.message.contains("more memory"))
      try withFile(text) { path throws in
        _ = #expect(throws: BlockKrylovError.self) { try BlockVector<Double>(matrixMarket: path) }
      }
    }
  }

  /// Other kinds of files: the bytes they begin with, and what must be said.
  static let foreign: [(String, String)] = [
    ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git-lfs pointer"),
    ("1A TITLE   KEY\n  9 1 2 4 0\nRUA   3 3 4 0\n  (10I8)    (10I8)   (5E16.8)   (5E16.8)\n 1 2 3\n", "Harwell–Boeing"),
    ("Two right-hand sides    EXAMPLE\nrhsrd FULL_R2  r   5   2  10\n(1P,5D10.1)\n 0.0\n", "Harwell–Boeing"),
    ("<!DOCTYPE html>\n<html>Not found</html>\n", "web page"),
    ("MATLAB 5.0 MAT-file, Platform: GLNXA64\n", "MATLAB"),
    ("PK\u{3}\u{4}rest", "zip archive"),
    ("BZh91AY", "bzip2"),
    ("abc\u{0}\u{1}\u{2}", "binary"),
    (String(repeating: "\u{0}", count: 257) + "ustar\u{0}", "tar archive"),
  ]

  @Test(arguments: foreign)
  func otherFilesAreNamed(_ text: String, _ says: String) throws {
    for options in [MatrixMarketOptions.strict, .lenient] {
      let error = try #require(try readingError(text, options))
      #expect(error.line == nil && error.message.contains(says), "\(error.message)")
    }
  }

  @Test func filesThatCannotBeOpened() throws {
    try withFolder { folder throws in
      let missing = #expect(throws: BlockKrylovError.self) { _ = try MatrixMarketFile(folder + "/none.mtx") }
      #expect(missing?.description == "\(folder)/none.mtx: cannot be opened: No such file or directory")
      let directory = #expect(throws: BlockKrylovError.self) { _ = try MatrixMarketFile(folder) }
      #expect(directory?.description.contains("is a directory") == true)
    }
  }

  @Test func overlongLine() throws {
    let error = try #require(
      try readingError("%%MatrixMarket matrix coordinate real general\n%" + String(repeating: "x", count: 1 << 20)))
    #expect(error.line == 2 && error.message.contains("1 MiB"))
  }

  @Test func damagedCompression() throws {
    try withFolder { folder throws in
      let path = folder + "/a.mtx.gz"
      var random = SplitMix(9)
      try random.sparse(2000, 2000, Double.self).write(matrixMarket: path)
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      for length in [5, 12, whole.count / 2, whole.count - 1] {
        try whole.prefix(length).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: BlockKrylovError.self) { try CSRMatrix<Double>(matrixMarket: path) }
        #expect(error?.description.contains("cut off") == true, "\(length): \(String(describing: error))")
      }
      var flipped = whole
      for k in stride(from: whole.count / 2, to: whole.count / 2 + 40, by: 1) { flipped[k] ^= 0x5A }
      try flipped.write(to: URL(fileURLWithPath: path))
      #expect(throws: BlockKrylovError.self) { try CSRMatrix<Double>(matrixMarket: path) }
    }
  }
}
