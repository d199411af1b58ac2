import ComplexModule
import Testing

@testable import BlockKrylov

/// Compressed rows and columns: conversions, parts, products, and what they refuse.
struct CompressedMatrixTests {
  private static let shapes = [(0, 0), (0, 3), (3, 0), (1, 1), (6, 9), (23, 14)]

  private func transposed<S: Scalar>(_ a: DenseMatrix<S>) -> DenseMatrix<S> {
    DenseMatrix(rows: a.columns, columns: a.rows) { a[$1, $0] }
  }

  @Test(arguments: ScalarTypes.all)
  func formsHoldTheSameMatrix(type: any Scalar.Type) throws { try checkForms(type) }

  private func checkForms<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(411)
    for (rows, columns) in Self.shapes {
      let a = try random.sparse(rows, columns, perRow: 3, emptyRows: true, S.self).tagged(.positiveDefinite)
      let (dense, csc) = (a.dense, CSCMatrix(a))
      #expect(CSRMatrix(dense: dense).dense == dense)
      #expect(csc.csr.dense == dense && csc.csr.rowStart == a.rowStart && csc.csr.columnIndex == a.columnIndex)
      #expect(csc.csr.values == a.values && csc.structure == .positiveDefinite && csc.csr.structure == .positiveDefinite)
      for j in 0..<columns {
        let range = csc.columnStart[j]..<csc.columnStart[j + 1]
        for k in range {
          #expect(csc.values[k] == dense[Int(csc.rowIndex[k]), j])
          if k > range.lowerBound { #expect(csc.rowIndex[k - 1] < csc.rowIndex[k]) }
        }
      }
      #expect(a.transposed().dense == transposed(dense) && a.transposed().transposed().values == a.values)
      #expect(a.adjointMatrix().dense == dense.adjoint)
      #expect(csc.transposed().csr.dense == transposed(dense))
      #expect(a.diagonal == (0..<min(rows, columns)).map { dense[$0, $0] })
      let wide = a.converted(to: Complex<Double>.self)
      for i in 0..<rows {
        for j in 0..<columns {
          #expect(wide.dense[i, j] == Complex(Double(dense[i, j].realPart), Double(dense[i, j].imaginaryPart)))
          #expect((a.position(row: i, column: j) != nil) == (dense[i, j] != 0))
        }
      }

      // Products with blocks of some and of no columns.
      for m in [0, 1, 5] {
        let (x, y) = (random.block(columns, m, S.self), random.block(rows, m, S.self))
        let bound = 50 * S.unitRoundoff
        #expect(Reference.distance(try a.applied(to: x), Reference.product(a, x)) <= bound)
        #expect(Reference.distance(try csc.applied(to: x), Reference.product(a, x)) <= bound)
        let adjoint = a.adjointMatrix()
        #expect(Reference.distance(try a.adjointApplied(to: y), Reference.product(adjoint, y)) <= bound)
        #expect(Reference.distance(try csc.adjointApplied(to: y), Reference.product(adjoint, y)) <= bound)
        let product = Reference.product(a, x)
        let residual = BlockVector<S>(rows: rows, columns: m) { y[$0, $1] - product[$0, $1] }
        #expect(Reference.distance(try a.residual(y, of: x), residual) <= bound)
        #expect(Reference.distance(try csc.residual(y, of: x), residual) <= bound)
      }
    }
  }

  @Test func permutationsSumsAndScalings() throws {
    var random = SplitMix(412)
    for (rows, columns) in Self.shapes {
      let a = try random.sparse(rows, columns, perRow: 3, emptyRows: true, Complex<Double>.self)
      let b = try random.sparse(rows, columns, perRow: 2, Complex<Double>.self)
      let (da, db) = (a.dense, b.dense)
      let sum = a.adding(b)
      #expect(sum.dense == DenseMatrix(rows: rows, columns: columns) { da[$0, $1] + db[$0, $1] })
      let checked = try CSRMatrix(
        rows: rows, columns: columns, rowStart: sum.rowStart, columnIndex: sum.columnIndex, values: sum.values)
      #expect(checked.dense == sum.dense)
      let (p, q) = ((0..<rows).shuffled(using: &random), (0..<columns).shuffled(using: &random))
      let permuted = a.permuted(rowOrder: p, columnOrder: q)
      #expect(permuted.dense == DenseMatrix(rows: rows, columns: columns) { da[p[$0], q[$1]] })
      let (r, c) = ((0..<rows).map { Double($0 + 1) }, (0..<columns).map { 1 / Double(1 << ($0 % 8)) })
      let scaled = a.scaled(rows: r, columns: c)
      #expect(scaled.dense == DenseMatrix(rows: rows, columns: columns) { da[$0, $1] * Complex(r[$0]) * Complex(c[$1]) })
      #expect(a.hasSamePattern(as: scaled) && a.hasSamePattern(as: a))
      #expect(a.mapValues { -$0 }.dense == DenseMatrix(rows: rows, columns: columns) { -da[$0, $1] })
      if a.nonzeros > 0, a.nonzeros != b.nonzeros { #expect(!a.hasSamePattern(as: b)) }
    }
    #expect(CSRMatrix<Double>(diagonal: [1, 2]).dense == DenseMatrix(rows: 2, columns: 2) { $0 == $1 ? Double($0 + 1) : 0 })
    #expect(CSRMatrix<Double>(diagonal: []).rows == 0)
  }

  @Test func unsortedRowsAreSorted() throws {
    let a = try CSRMatrix<Double>(
      rows: 2, columns: 4, rowStart: [0, 3, 5], columnIndex: [3, 0, 2, 1, 0], values: [3, 0.5, 2, 11, 10])
    #expect(a.columnIndex == [0, 2, 3, 0, 1] && a.values == [0.5, 2, 3, 10, 11])
    let c = try CSCMatrix<Double>(
      rows: 4, columns: 2, columnStart: [0, 3, 5], rowIndex: [3, 0, 2, 1, 0], values: [3, 0.5, 2, 11, 10])
    #expect(c.csr.dense == DenseMatrix(rows: 4, columns: 2) { a.dense[$1, $0] })
    // A stored zero is an entry.
    #expect(try CSRMatrix<Double>(rows: 1, columns: 1, rowStart: [0, 1], columnIndex: [0], values: [0]).nonzeros == 1)
  }

  @Test func newValuesKeepThePattern() throws {
    var a = try CSRMatrix<Double>(rows: 2, columns: 2, rowStart: [0, 2, 3], columnIndex: [1, 0, 1], values: [2, 1, 4])
    let old = a
    try a.updateValues([5, 6, 7])
    #expect(a.values == [5, 6, 7] && a.hasSamePattern(as: old) && old.values == [1, 2, 4])
    let length = "2 values for a pattern of 3 entries; a value update keeps the pattern"
    #expect(throws: BlockKrylovError.invalidMatrix(length)) { try a.updateValues([1, 2]) }
    #expect(
      throws: BlockKrylovError.invalidMatrix(
        "entry (1, 1) is nan; all entries of a matrix must be finite (indices count from 0)")
    ) { try a.updateValues([1, 2, .nan]) }
    #expect(a.values == [5, 6, 7])
    var c = CSCMatrix(a)
    try c.updateValues([1, 2, 3])
    #expect(c.values == [1, 2, 3])
    #expect(throws: BlockKrylovError.invalidMatrix(length)) { try c.updateValues([1, 2]) }
    #expect(throws: BlockKrylovError.self) { try c.updateValues([1, 2, .infinity]) }
    #expect(c.values == [1, 2, 3])
  }

  private struct Malformed: CustomTestStringConvertible {
    let start: [Int]
    let index: [Int32]
    let values: [Double]
    let text: String
    var testDescription: String { text }
  }

  /// Every way in which the arrays can be wrong, with the sentence for it.
  private static let malformed = [
    Malformed(start: [0, 1], index: [0], values: [1], text: "2 row starts for 2 rows; there must be one more than rows"),
    Malformed(
      start: [1, 1, 1], index: [0], values: [1],
      text: "row starts run from 1 to 1 for 1 indices and 1 values; they must run from 0 to the number of entries"),
    Malformed(
      start: [0, 1, 3], index: [0, 1], values: [1, 2],
      text: "row starts run from 0 to 3 for 2 indices and 2 values; they must run from 0 to the number of entries"),
    Malformed(
      start: [0, 1, 2], index: [0, 1], values: [1],
      text: "row starts run from 0 to 2 for 2 indices and 1 values; they must run from 0 to the number of entries"),
    Malformed(
      start: [0, 3, 2], index: [0, 1], values: [1, 2], text: "row 1 ends before it begins; row starts must not descend"),
    Malformed(
      start: [0, 1, 2], index: [0, 3], values: [1, 2],
      text: "column index 3 in row 1 is not in 0 ..< 3; indices count from 0"),
    Malformed(
      start: [0, 1, 2], index: [-1, 2], values: [1, 2],
      text: "column index -1 in row 0 is not in 0 ..< 3; indices count from 0"),
    Malformed(
      start: [0, 0, 3], index: [1, 0, 1], values: [1, 2, 3],
      text: "row 1 has two entries in column 1; use TripletBuilder to add such entries up"),
    Malformed(
      start: [0, 1, 3], index: [2, 2, 0], values: [1, -.infinity, 2],
      text: "entry (1, 2) is -inf; all entries of a matrix must be finite (indices count from 0)"),
  ]

  @Test(arguments: malformed)
  private func malformedArraysAreNamed(_ arrays: Malformed) {
    #expect(throws: BlockKrylovError.invalidMatrix(arrays.text)) {
      try CSRMatrix(rows: 2, columns: 3, rowStart: arrays.start, columnIndex: arrays.index, values: arrays.values)
    }
    // The same in columns.
    let text = arrays.text.replacing("column", with: "COLUMN").replacing("row", with: "column")
      .replacing("COLUMN", with: "row").replacing("entry (1, 2)", with: "entry (2, 1)")
    #expect(throws: BlockKrylovError.invalidMatrix(text)) {
      try CSCMatrix(rows: 3, columns: 2, columnStart: arrays.start, rowIndex: arrays.index, values: arrays.values)
    }
  }

  @Test func sizesBeyondTheIndexAreNamed() {
    let text = "a matrix of 2147483648 × 1 cannot be stored; sizes run from 0 to 2147483647 (column indices are 32 bits wide)"
    #expect(throws: BlockKrylovError.shape(text)) {
      try CSRMatrix<Double>(rows: 1 << 31, columns: 1, rowStart: [], columnIndex: [], values: [])
    }
    #expect(throws: BlockKrylovError.shape(text)) {
      try CSCMatrix<Double>(rows: 1 << 31, columns: 1, columnStart: [], rowIndex: [], values: [])
    }
  }

  @Test func infinityNormIsTheLargestRow() throws {
    let a = try CSRMatrix<Complex<Double>>(
      rows: 3, columns: 2, rowStart: [0, 2, 2, 3], columnIndex: [0, 1, 1],
      values: [Complex(3, -4), Complex(1, 0), Complex(0, 5.5)])
    #expect(a.infinityNorm == 6)
    #expect(CSRMatrix<Float>(diagonal: []).infinityNorm == 0)
  }
}
