import ComplexModule
import Testing

@testable import BlockKrylov

@Suite struct MatrixMarketLenientTests {
  /// Texts, the matrix they obviously mean, and the number of kinds of warnings.
  static let samples: [(String, [[Double]], Int)] = [
    ("2 2 2\n1 2 5\n2 1 6\n", [[0, 5], [6, 0]], 1),
    ("% no banner but a comment\n2 2 2\n1 2 5\n2 1 6\n", [[0, 5], [6, 0]], 1),
    ("2 2\n1\n2\n3\n4\n", [[1, 3], [2, 4]], 2),
    ("\u{FEFF}%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 2\n", [[2]], 1),
    ("\n\n%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 2\n", [[2]], 1),
    ("%% MatrixMarket matrix coordinate integer symmetric\n2 2 1\n2 1 2\n", [[0, 2], [2, 0]], 1),
    ("%%MatrixMarket matrix coordinate symmetric\n2 2 1\n2 1 2\n", [[0, 2], [2, 0]], 1),
    ("%%MatrixMarket matrix coordinate\n2 2 2\n2 1 2\n1 2 3\n", [[0, 3], [2, 0]], 2),
    ("%%MatrixMarket matrix coordinate real hermitian\n2 2 1\n2 1 2\n", [[0, 2], [2, 0]], 1),
    ("%%MatrixMarket matrix array real general\n2\n1\n2\n", [[1], [2]], 1),
    ("%%MatrixMarket matrix array real general\n2 1 2\n1\n2\n", [[1], [2]], 1),
    ("%%MatrixMarket matrix coordinate real general\n2 1\n1\n2\n", [[1], [2]], 1),
    ("%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n1 2 3\n1 1 1\n", [[1, 3], [3, 0]], 1),
    ("%%MatrixMarket matrix coordinate real skew-symmetric\n2 2 2\n1 1 0\n1 2 3\n", [[0, 3], [-3, 0]], 2),
    ("%%MatrixMarket matrix coordinate real general\n2 2 4\n2 2 1\n1 2 2\n2 2 4\n2 2 8\n", [[0, 2], [0, 13]], 1),
    ("%%MatrixMarket matrix coordinate real symmetric\n2 2 3\n2 1 1\n2 2 2\n2 1 4\n", [[0, 5], [5, 2]], 1),
    ("%%MatrixMarket matrix coordinate real general\n1 3 3\n1 1 1.5D+02\n1 2 1d-1\n1 3 -2.5-101\n", [[150, 0.1, -2.5e-101]], 1),
    ("%%MatrixMarket matrix coordinate integer general\n1 2 2\n1 1 1.5\n1 2 1D1\n", [[1.5, 10]], 2),
  ]

  @Test(arguments: samples)
  func isReadAsMeant(_ text: String, _ expected: [[Double]], _ kinds: Int) throws {
    let (rows, _, warnings) = try readMatrix(text, .lenient)
    #expect(rows == expected)
    #expect(warnings.count == kinds, "\(warnings)")
  }

  @Test func warningsNameLineAndCount() throws {
    let text = "%%MatrixMarket matrix coordinate real general\n2 2 4\n2 2 1\n1 2 2\n2 2 4\n2 2 8\n"
    let (_, _, warnings) = try readMatrix(text, .lenient)
    #expect(warnings.count == 1)
    #expect(warnings.first?.line == 5 && warnings.first?.count == 2)
    #expect(warnings.first?.description == "line 5: an entry is given a second time; the values are added (2 times)")
  }

  @Test func upperTriangleOfHermitianIsConjugated() throws {
    typealias C = Complex<Double>
    let text = "%%MatrixMarket matrix coordinate complex hermitian\n2 2 2\n1 2 3 4\n2 2 1 0\n"
    #expect(try readMatrix(text, .lenient, C.self).rows == [[0, C(3, 4)], [C(3, -4), 1]])
  }

  @Test func sumsOfDuplicatesMustBeFinite() throws {
    let text = "%%MatrixMarket matrix coordinate real general\n1 1 2\n1 1 1.7e308\n1 1 1.7e308\n"
    #expect(throws: BlockKrylovError.self) { try readMatrix(text, .lenient) }
  }

  @Test func strictAndLenientAgreeOnGoodFiles() throws {
    let text = "%%MatrixMarket matrix coordinate real symmetric\n3 3 4\n1 1 1\n3 1 2\n2 2 3\n3 2 4\n"
    #expect(try readMatrix(text).rows == readMatrix(text, .lenient).rows)
    #expect(try readMatrix(text, .lenient).warnings.isEmpty)
  }
}
