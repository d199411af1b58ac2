import ComplexModule
import Foundation
import Testing

@testable import BlockKrylov

private let banner = "%%MatrixMarket matrix coordinate real general\n"

@Suite struct MatrixMarketFormatTests {
  @Test func coordinateReal() throws {
    let (rows, matrix, warnings) = try readMatrix(banner + "% a comment\n2 3 3\n2 1 -1.5\n1 3 2\n1 1 4e0\n")
    #expect(rows == [[4, 0, 2], [-1.5, 0, 0]])
    #expect(matrix.structure == [] && warnings.isEmpty)
  }

  @Test func freeLayout() throws {
    let text =
      "%%matrixMARKET\tMatrix  Coordinate DOUBLE General\r\n%\r\n\r\n %x\r\n\t2 2\t 2 \r\n% between\r\n\r\n  1\t1   +1.5e+00 \t\r\n %\r\n2 2 -.5"
    #expect(try readMatrix(text).rows == [[1.5, 0], [0, -0.5]])
  }

  @Test func headerOnly() throws {
    try withFile("%%MatrixMarket matrix array complex hermitian\n%first\n% second\r\n3 3\n") { path throws in
      let header = try MatrixMarketFile(path).header
      #expect(header.format == .array && header.field == .complex && header.symmetry == .hermitian)
      #expect(header.rows == 3 && header.columns == 3 && header.storedEntries == 6 && header.isComplex)
      #expect(header.comments == ["first", " second"])
      #expect(header.structure == .hermitian)
    }
  }

  @Test func patternIsOnes() throws {
    #expect(try readMatrix("%%MatrixMarket matrix coordinate pattern general\n2 2 2\n1 2\n2 1\n").rows == [[0, 1], [1, 0]])
    let (rows, matrix, _) = try readMatrix("%%MatrixMarket matrix coordinate pattern symmetric\n2 2 2\n1 1\n2 1\n")
    #expect(rows == [[1, 1], [1, 0]])
    #expect(matrix.structure == [.symmetric, .hermitian])
  }

  @Test func explicitZerosOfCoordinatesAreKept() throws {
    #expect(try readMatrix(banner + "2 2 2\n1 1 0\n2 2 1\n").matrix.nonzeros == 2)
    #expect(try readMatrix("%%MatrixMarket matrix array real general\n2 2\n0\n1\n0\n0\n").matrix.nonzeros == 1)
  }

  @Test func emptyShapes() throws {
    for (rows, columns) in [(0, 0), (0, 3), (3, 0), (3, 4)] {
      let (_, matrix, _) = try readMatrix(banner + "\(rows) \(columns) 0\n")
      #expect(matrix.rows == rows && matrix.columns == columns && matrix.nonzeros == 0)
    }
    try withFile("%%MatrixMarket matrix array real general\n4 0\n") { path throws in
      let block = try BlockVector<Double>(matrixMarket: path)
      #expect(block.rows == 4 && block.columns == 0)
    }
  }

  @Test func symmetricArrays() throws {
    let real = "%%MatrixMarket matrix array real "
    #expect(try readMatrix(real + "symmetric\n3 3\n1\n2\n3\n4\n5\n6\n").rows == [[1, 2, 3], [2, 4, 5], [3, 5, 6]])
    #expect(try readMatrix(real + "skew-symmetric\n3 3\n1\n2\n3\n").rows == [[0, -1, -2], [1, 0, -3], [2, 3, 0]])
    typealias C = Complex<Double>
    let hermitian = try readMatrix("%%MatrixMarket matrix array complex hermitian\n2 2\n1 0\n2 3\n4 -0\n", .strict, C.self)
    #expect(hermitian.rows == [[1, C(2, -3)], [C(2, 3), 4]])
    #expect(hermitian.matrix.structure == .hermitian)
    try withFile(real + "symmetric\n2 2\n1\n2\n3\n") { path throws in
      #expect(try BlockVector<Double>(matrixMarket: path).rowArrays == [[1, 2], [2, 3]])
    }
  }

  @Test func symmetricCoordinates() throws {
    let skew = try readMatrix("%%MatrixMarket matrix coordinate real skew-symmetric\n3 3 2\n3 1 5\n2 1 -4\n")
    #expect(skew.rows == [[0, 4, -5], [-4, 0, 0], [5, 0, 0]])
    #expect(skew.matrix.structure == .skewSymmetric)
    typealias C = Complex<Double>
    let skewComplex = try readMatrix("%%MatrixMarket matrix coordinate complex skew-symmetric\n2 2 1\n2 1 1 2\n", .strict, C.self)
    #expect(skewComplex.rows == [[0, C(-1, -2)], [C(1, 2), 0]])
    let symmetric = try readMatrix(
      "%%MatrixMarket matrix coordinate complex symmetric\n2 2 2\n2 1 1 2\n1 1 3 4\n", .strict, C.self)
    #expect(symmetric.rows == [[C(3, 4), C(1, 2)], [C(1, 2), 0]])
    #expect(symmetric.matrix.structure == .symmetric)
    let hermitian = try readMatrix(
      "%%MatrixMarket matrix coordinate complex hermitian\n2 2 2\n2 1 1 2\n1 1 3 0\n", .strict, C.self)
    #expect(hermitian.rows == [[3, C(1, -2)], [C(1, 2), 0]])
  }

  @Test func rightHandSides() throws {
    try withFile("%%MatrixMarket matrix array real general\n3 2\n1\n2\n3\n4\n5\n6\n") { path throws in
      #expect(try BlockVector<Float>(matrixMarket: path).columnArrays == [[1, 2, 3], [4, 5, 6]])
      #expect(try denseRows(CSRMatrix<Double>(matrixMarket: path)) == [[1, 4], [2, 5], [3, 6]])
    }
    try withFile(banner + "3 2 2\n3 2 7\n1 1 -1\n") { path throws in
      #expect(try BlockVector<Double>(matrixMarket: path).rowArrays == [[-1, 0], [0, 0], [0, 7]])
    }
  }

  @Test func realFilesReadAsComplexButNotTheOtherWay() throws {
    #expect(try readMatrix(banner + "1 1 1\n1 1 2.5\n", .strict, Complex<Float>.self).rows == [[Complex(2.5, 0)]])
    try withFile("%%MatrixMarket matrix coordinate complex general\n1 1 1\n1 1 2 0\n") { path throws in
      let error = #expect(throws: BlockKrylovError.self) { _ = try CSRMatrix<Double>(matrixMarket: path) }
      guard case .file(path, 1, let text) = error else { throw try #require(error) }
      #expect(text.contains("Complex<Double>"))
    }
  }

  @Test func integersBeyondDoubleAreRoundedWithAWarning() throws {
    let text = "%%MatrixMarket matrix coordinate integer general\n1 3 3\n1 1 9007199254740993\n1 2 -7\n1 3 18446744073709551615\n"
    let (rows, _, warnings) = try readMatrix(text)
    #expect(rows == [[9_007_199_254_740_992, -7, 0x1p64]])
    #expect(warnings.map(\.count) == [2] && warnings.first?.message.contains("2⁵³") == true)
  }

  @Test func extremeValues() throws {
    let text = banner + "1 4 4\n1 1 1.7976931348623157e308\n1 2 -5e-324\n1 3 1e-400\n1 4 2.2250738585072011e-308\n"
    let leastSubnormal = Double.leastNonzeroMagnitude
    #expect(try readMatrix(text).rows == [[.greatestFiniteMagnitude, -leastSubnormal, 0, .leastNormalMagnitude.nextDown]])
    #expect(try readingError(banner + "1 1 1\n1 1 1e309\n")?.line == 3)
    let error = #expect(throws: BlockKrylovError.self) { try readMatrix(banner + "1 1 1\n1 1 1e39\n", .strict, Float.self) }
    #expect(error?.description.contains("single precision") == true)
  }

  /// Longer than the reader's buffer, so that lines lie across its ends; sorted by rows, by columns, and not at all.
  @Test func manyChunks() throws {
    let n = 60_000
    func text(_ places: [(Int, Int)]) -> String {
      banner + "\(n) \(n) \(places.count)\n" + places.map { "\($0.0 + 1) \($0.1 + 1) \(value($0.0, $0.1))\n" }.joined()
    }
    func value(_ i: Int, _ j: Int) -> Double { Double(i * 31 + j) / 7 }
    let byRow = (0..<n).flatMap { i in Array(Set([i, i * 7 % n, i * 13 % n])).sorted().map { (i, $0) } }
    var shuffled = byRow
    var random = SplitMix(5)
    shuffled.shuffle(using: &random)
    func parse(_ text: String) throws -> CSRMatrix<Double> { try withFile(text) { try CSRMatrix(matrixMarket: $0) } }
    let expected = try parse(text(byRow))
    #expect(expected.nonzeros == byRow.count)
    for (k, (i, j)) in byRow.enumerated() where expected.values[k] != value(i, j) || Int(expected.columnIndex[k]) != j {
      Issue.record("entry \(k)")
    }
    for other in [byRow.sorted { ($0.1, $0.0) < ($1.1, $1.0) }, shuffled] {
      let matrix = try parse(text(other))
      #expect(matrix.rowStart == expected.rowStart)
      #expect(matrix.columnIndex == expected.columnIndex)
      #expect(matrix.values == expected.values)
    }
  }

  /// Header and entries come out of a pipe in one go, as from a shell's process substitution.
  @Test func pipe() throws {
    try withFolder { folder throws in
      let path = folder + "/pipe"
      try #require(unsafe mkfifo(path, 0o600) == 0)
      Thread.detachNewThread {
        try? FileHandle(forWritingAtPath: path)?.write(contentsOf: Data((banner + "2 2 1\n2 1 7\n").utf8))
      }
      let file = try MatrixMarketFile(path)
      #expect(file.header.storedEntries == 1)
      let matrix = try file.matrix(of: Double.self).matrix
      #expect(denseRows(matrix) == [[0, 0], [7, 0]])
    }
  }

  /// A row too long for sorting by insertion.
  @Test func longRowOutOfOrder() throws {
    let columns = (1...200).map { $0 * 73 % 211 }
    let text = banner + "1 211 200\n" + columns.map { "1 \($0) \($0)\n" }.joined()
    let row = try readMatrix(text).rows[0]
    for j in 0..<211 { #expect(row[j] == (columns.contains(j + 1) ? Double(j + 1) : 0)) }
  }
}
