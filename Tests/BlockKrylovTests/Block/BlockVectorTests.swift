import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

struct BlockVectorTests {
  private func shapeError(_ text: String, _ body: () throws -> Void) {
    #expect(throws: BlockKrylovError.shape(text), performing: body)
  }

  @Test(arguments: ScalarTypes.all)
  func conversionsKeepEveryEntry(type: any Scalar.Type) throws { try checkConversions(type) }

  private func checkConversions<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(301)
    for (n, m) in [(0, 0), (0, 3), (3, 0), (1, 1), (1, 9), (5, 3), (130, 7), (66, 33)] {
      let entries = (0..<n).map { _ in (0..<m).map { _ in random.scalar(S.self) } }
      let block = BlockVector<S>(rows: n, columns: m) { entries[$0][$1] }
      #expect(block.rows == n && block.columns == m && block.stride >= m)
      #expect(block.rowArrays == entries)
      #expect(block.columnArrays == (0..<m).map { j in entries.map { $0[j] } })
      let major = (0..<m).flatMap { j in entries.map { $0[j] } }
      #expect(block.columnMajor == major)
      #expect(try BlockVector(columnMajor: major, rows: n, columns: m) == block)
      #expect(try BlockVector(rowMajor: entries.flatMap { $0 }, rows: n, columns: m) == block)
      if n > 0 { #expect(try BlockVector(rows: entries) == block) }
      if m > 0 { #expect(try BlockVector(columns: block.columnArrays) == block) }
      for j in 0..<m { #expect(block.column(j) == entries.map { $0[j] }) }
      unsafe block.withUnsafeElements { elements, stride in
        #expect(elements.count == (n == 0 ? 0 : (n - 1) * stride + m))
        for i in 0..<n { for j in 0..<m { #expect(unsafe elements[i * stride + j] == entries[i][j]) } }
      }
    }
    #expect(BlockVector<S>(column: [1, 2]).rowArrays == [[1], [2]])
    #expect(BlockVector<S>.identity(rows: 3, columns: 2).rowArrays == [[1, 0], [0, 1], [0, 0]])
    #expect(BlockVector<S>.identity(rows: 2).columnMajor == [1, 0, 0, 1])
  }

  @Test func wrongLengthsAreNamed() {
    let advice = "pass exactly rows × columns of them"
    shapeError("5 numbers cannot fill a block of 2 rows and 3 columns; \(advice)") {
      _ = try BlockVector<Double>(columnMajor: [1, 2, 3, 4, 5], rows: 2, columns: 3)
    }
    shapeError("1 numbers cannot fill a block of -1 rows and -1 columns; \(advice)") {
      _ = try BlockVector<Double>(rowMajor: [1], rows: -1, columns: -1)
    }
    shapeError("column 1 has 1 entries, column 0 has 2; all columns of a block must have the same length") {
      _ = try BlockVector<Double>(columns: [[1, 2], [3]])
    }
    shapeError("row 2 has 0 entries, row 0 has 1; all rows of a block must have the same length") {
      _ = try BlockVector<Double>(rows: [[1], [2], []])
    }
  }

  @Test func copiesAndViewsAreValues() {
    let original = BlockVector<Double>(rows: 4, columns: 5) { Double(10 * $0 + $1) }
    var copy = original
    copy[2, 3] = -1
    #expect(original[2, 3] == 23 && copy[2, 3] == -1)

    // A view keeps its numbers when the whole changes, and the whole when the view does.
    var whole = original
    var view = whole[columns: 1..<4]
    #expect(view.rowArrays == original.rowArrays.map { Array($0[1..<4]) })
    whole[0, 1] = 99
    #expect(view[0, 0] == 1)
    view[3, 2] = -5
    #expect(whole[3, 3] == 33 && view[3, 2] == -5 && view[3, 1] == 32)
    let inner = view[columns: 1..<3]
    #expect(inner.column(0) == [2, 12, 22, 32] && inner.column(1) == [3, 13, 23, -5])
    view.setZero()
    #expect(inner.column(0) == [2, 12, 22, 32] && whole[1, 1] == 11)

    // Assigning columns, from a part of itself too.
    var shifted = original
    shifted[columns: 1..<4] = shifted[columns: 0..<3]
    #expect(shifted.rowArrays[2] == [20, 20, 21, 22, 24])
    shifted[columns: 2..<2] = BlockVector(rows: 4, columns: 0)
    #expect(shifted.rowArrays[2] == [20, 20, 21, 22, 24])

    // Writing through a pointer does not reach copies, and leaves what lies beside a view.
    let untouched = shifted
    unsafe shifted.withUnsafeMutableElements { elements, stride in unsafe elements[stride] = 7 }
    #expect(shifted[1, 0] == 7 && untouched[1, 0] == 10)
  }

  @Test(arguments: ScalarTypes.all)
  func operationsByDefinition(type: any Scalar.Type) { checkOperations(type) }

  private func checkOperations<S: Scalar>(_ type: S.Type) {
    var random = SplitMix(302)
    for (n, m) in [(0, 3), (3, 0), (6, 4), (37, 9)] {
      let (x, y) = (random.block(n, m, S.self), random.block(n, m, S.self))
      func expect(_ result: BlockVector<S>, _ what: String, _ entry: (Int, Int) -> S) {
        #expect(Reference.distance(result, BlockVector(rows: n, columns: m, entry)) <= 8 * S.unitRoundoff, "\(what)")
      }
      var result = y
      result.combine(2, x, -1)
      expect(result, "2X − Y") { 2 * x[$0, $1] - y[$0, $1] }
      result.copy(from: x)
      #expect(result == x)
      result.scale(by: 3)
      expect(result, "3X") { 3 * x[$0, $1] }
      let (s, d) = ((0..<m).map { S.Magnitude($0 + 1) / 8 }, (0..<n).map { _ in random.scalar(S.self) })
      result.scaleColumns(of: x, by: s)
      expect(result, "X·diag") { x[$0, $1] * S(s[$1]) }
      result = x
      result.scaleColumns(by: s)
      expect(result, "own columns") { x[$0, $1] * S(s[$1]) }
      result.scaleRows(of: x, by: d)
      expect(result, "diag·X") { d[$0] * x[$0, $1] }
      result = x
      result.scaleRows(by: d)
      expect(result, "own rows") { d[$0] * x[$0, $1] }
      result.setZero()
      #expect(result == BlockVector(rows: n, columns: m))

      let (columns, rows) = ((0..<m).shuffled(using: &random), (0..<n).shuffled(using: &random))
      let some = Array(columns.prefix(2))
      var gathered = BlockVector<S>(rows: n, columns: some.count)
      gathered.gatherColumns(some, of: x)
      for (k, j) in some.enumerated() { #expect(gathered.column(k) == x.column(j)) }
      result = y
      result.scatterColumns(some, from: gathered)
      for j in 0..<m { #expect(result.column(j) == (some.contains(j) ? x.column(j) : y.column(j))) }
      result.gatherRows(rows, of: x)
      #expect(result.rowArrays == rows.map { x.rowArrays[$0] })
      var back = y
      back.scatterRows(rows, from: result)
      #expect(back == x)

      let maxima = x.columnMaxima()
      for j in 0..<m {
        let expected = x.column(j).reduce(0.0) { max($0, Double(abs($1.realPart)), Double(abs($1.imaginaryPart))) }
        #expect(maxima[j] == expected)
      }
      let norms = x.columnNorms()
      for j in 0..<m {
        let expected = x.column(j).reduce(0.0) { $0 + Double($1.modulus) * Double($1.modulus) }.squareRoot()
        #expect(abs(norms[j] - expected) <= Double(n + 4) * S.unitRoundoff * expected)
      }
    }
  }

  @Test func precisionIsConverted() {
    let x = BlockVector<Complex<Double>>(rows: 2, columns: 2) { Complex(Double($0) + 1e-12, Double($1)) }
    let single = x.converted(to: Complex<Float>.self)
    #expect(single.rowArrays == [[Complex(1e-12, 0), Complex(1e-12, 1)], [Complex(1, 0), Complex(1, 1)]])
    #expect(single.converted(to: Double.self).rowArrays == [[Double(Float(1e-12)), Double(Float(1e-12))], [1, 1]])
    #expect(x.converted(to: Complex<Double>.self) == x)
  }

  /// Rounding once, in kernels, for every width and for views.
  @Test func roundingIsThatOfTheScalars() throws {
    var random = SplitMix(31)
    for m in [1, 3, 8, 17] {
      let x = random.block(23, m + 2, Double.self)[columns: 1..<(m + 1)]
      let single = x.converted(to: Float.self)
      #expect(single.rowArrays == x.rowArrays.map { $0.map { Float($0) } })
      #expect(single.converted(to: Double.self).rowArrays == single.rowArrays.map { $0.map { Double($0) } })
    }
    let a = try random.sparse(20, 30, Complex<Double>.self)
    let single = a.converted(to: Complex<Float>.self)
    #expect(single.values == a.values.map { Complex(Float($0.real), Float($0.imaginary)) } && single.columnIndex == a.columnIndex)
    #expect(CSRMatrix<Double>(diagonal: []).converted(to: Float.self).nonzeros == 0)
  }

  @Test func paddedWidthsWasteLittle() {
    for m in 1...200 {
      let width = BlockVector<Double>.paddedWidth(m)
      #expect(width >= m && width < max(2 * m, m + 4))
      if m >= 8 { #expect(width % 4 == 0) }
    }
    #expect(BlockVector<Float>(rows: 3, columns: 5).byteCount == 3 * 8 * 4)
  }

  // MARK: The ends of the number range

  @Test func normsNearTheEndsOfTheRange() {
    let extreme: [Double] = [
      .leastNonzeroMagnitude, .leastNormalMagnitude / 200, .leastNormalMagnitude, 1e-300, 1e300, .greatestFiniteMagnitude / 4,
    ]
    let x = BlockVector<Double>(rows: 4, columns: extreme.count) { _, j in extreme[j] }
    let (norms, scaling) = (x.columnNorms(), ColumnScaling(of: x))
    for (j, value) in extreme.enumerated() {
      #expect(abs(norms[j] - 2 * value) <= 1e-15 * value, "\(value)")
      #expect(scaling.factors[j].isNormal && scaling.inverses[j].isNormal && scaling.factors[j] * scaling.inverses[j] == 1)
      #expect(scaling.factors[j].significand == 1)
      let scaled = value * scaling.factors[j]
      #expect(scaled * scaled >= 1e-100 && scaled <= 16)
    }
    let float = BlockVector<Float>(rows: 1, columns: 2) { _, j in j == 0 ? .leastNonzeroMagnitude : .greatestFiniteMagnitude }
    let single = ColumnScaling(of: float)
    #expect(single.factors.allSatisfy(\.isNormal) && single.inverses.allSatisfy(\.isNormal))
    for (norm, value) in zip(float.columnNorms(), [Float.leastNonzeroMagnitude, .greatestFiniteMagnitude]) {
      #expect(abs(norm - Double(value)) <= 1e-7 * Double(value))
    }
  }

  @Test func columnsThatAreZeroOrNotFiniteAreNotScaled() {
    let x = BlockVector<Double>(rows: 2, columns: 4) { i, j in [0, .nan, -.infinity, 0.75][j] * (i == 0 && j == 3 ? 0 : 1) }
    let scaling = ColumnScaling(of: x)
    #expect(scaling.factors == [1, 1, 1, 1] && scaling.isTrivial)
    #expect(scaling.maxima[0] == 0 && scaling.maxima[1].isNaN && scaling.maxima[2] == .infinity && scaling.maxima[3] == 0.75)
    let norms = x.columnNorms()
    #expect(norms[0] == 0 && norms[1].isNaN && norms[2] == .infinity && norms[3] == 0.75)
  }

  /// What is written to columns in place is there afterwards, and nothing else; copies that were made before keep their numbers.
  @Test func columnsAreWrittenInPlace() {
    var random = SplitMix(12)
    var x = random.block(9, 11, Double.self)
    let copy = x
    let memory = x.withColumns(0..<11) { unsafe UInt(bitPattern: $0.mutableBase()) }
    #expect(unsafe memory != UInt(bitPattern: copy.base), "a block that is shared is copied first")
    x.withColumns(3..<6) { part in
      #expect(unsafe part.columns == 3 && UInt(bitPattern: part.mutableBase()) == memory + 3 * 8)
      for i in 0..<9 { for j in 0..<3 { part[i, j] = Double(i * 3 + j) } }
    }
    #expect(unsafe UInt(bitPattern: x.base) == memory)
    for i in 0..<9 {
      for j in 0..<11 { #expect(x[i, j] == ((3..<6).contains(j) ? Double(i * 3 + j - 3) : copy[i, j])) }
    }
  }

  /// Norms of long blocks are added in pieces; one number that is not finite anywhere spoils its column and no other.
  @Test func normsOfLongBlocks() {
    var random = SplitMix(13)
    for columns in [1, 3, 70] {
      var x = random.block(3001, columns, Double.self)
      for (k, bad) in [Double.nan, .infinity, -.infinity].enumerated() where 2 * k + 1 < columns {
        x[[0, 1500, 3000][k], 2 * k + 1] = bad
      }
      let (norms, maxima) = (x.columnNorms(), x.columnMaxima())
      for j in 0..<columns {
        let column = x.column(j)
        let square = column.reduce(0) { $0 + $1 * $1 }
        if square.isFinite {
          #expect(abs(norms[j] - square.squareRoot()) <= 1e-13 * norms[j])
          #expect(maxima[j] == column.reduce(0) { max($0, abs($1)) })
        } else {
          #expect(!norms[j].isFinite && !maxima[j].isFinite)
        }
      }
    }
  }

  /// Columns that are stored past the caches are those that are stored through them, aligned or not.
  @Test func columnsAreScatteredPastTheCaches() {
    var random = SplitMix(14)
    for (first, count) in [(8, 16), (5, 8), (8, 3), (0, 40)] {
      let (whole, part) = (random.block(37, 40, Double.self), random.block(37, count, Double.self))
      var (streamed, stored) = (whole, whole)
      streamed.scatterColumns(Array(first..<(first + count)), from: part, streaming: true)
      stored.scatterColumns(Array(first..<(first + count)), from: part)
      for i in 0..<37 {
        for j in 0..<40 {
          let expected = (first..<(first + count)).contains(j) ? part[i, j - first] : whole[i, j]
          #expect(streamed[i, j] == expected && stored[i, j] == expected)
        }
      }
    }
  }
}
