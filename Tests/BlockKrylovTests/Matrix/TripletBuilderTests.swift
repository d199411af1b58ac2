import ComplexModule
import Testing

@testable import BlockKrylov

struct TripletBuilderTests {
  @Test(arguments: ScalarTypes.all)
  func entriesAreSortedAndAdded(type: any Scalar.Type) throws { try checkSums(type) }

  private func checkSums<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(401)
    for (rows, columns, count) in [(0, 0, 0), (0, 4, 0), (4, 0, 0), (1, 1, 5), (7, 5, 60), (40, 60, 300)] {
      var builder = try TripletBuilder<S>(rows: rows, columns: columns, capacity: count)
      var expected = DenseMatrix<S>(rows: rows, columns: columns)
      for _ in 0..<count {
        let (i, j) = (Int.random(in: 0..<rows, using: &random), Int.random(in: 0..<columns, using: &random))
        // Small integers: their sums are exact in any order.
        let value = S(real: Double(Int.random(in: -9...9, using: &random)), imaginary: Double(i - j))
        try builder.add(value, row: i, column: j)
        expected[i, j] += value
      }
      #expect(builder.count == count)
      let matrix = try builder.csr()
      #expect(matrix.dense == expected && matrix.rows == rows && matrix.columns == columns)
      #expect(matrix.rowStart.count == rows + 1 && matrix.rowStart[rows] == matrix.nonzeros)
      for i in 0..<rows {
        let range = matrix.rowStart[i]..<matrix.rowStart[i + 1]
        for k in range.dropFirst() { #expect(matrix.columnIndex[k - 1] < matrix.columnIndex[k]) }
      }
      #expect(try builder.csc().csr.dense == expected)
      // Building does not empty the builder.
      #expect(try builder.csr().values == matrix.values)
    }
  }

  @Test func duplicatesAreAddedInOrderOfInsertion() throws {
    var builder = try TripletBuilder<Double>(rows: 1, columns: 2)
    // 1 + 1e16 − 1e16 is 0 from the left and 1 from the right.
    for value in [1, 1e16, -1e16] { try builder.add(value, row: 0, column: 1) }
    for value in [1e16, -1e16, 1] { try builder.add(value, row: 0, column: 0) }
    #expect(try builder.csr().values == [1, 0])
    // A sum that is zero stays an entry: the pattern does not depend on values.
    #expect(try builder.csr().nonzeros == 2)
  }

  @Test func denseBlocks() throws {
    var builder = try TripletBuilder<Double>(rows: 4, columns: 4)
    try builder.add([[1, 2], [3, 4]], rows: [0, 3], columns: [3, 1])
    try builder.add([[10]], rows: [3], columns: [3])
    let dense = try builder.csr().dense
    #expect(dense[0, 3] == 1 && dense[0, 1] == 2 && dense[3, 3] == 13 && dense[3, 1] == 4)
    #expect(throws: BlockKrylovError.shape("the block to add does not have 2 rows of 1 numbers")) {
      try builder.add([[1, 2], [3, 4]], rows: [0, 1], columns: [0])
    }
  }

  @Test func misuseIsNamed() throws {
    var builder = try TripletBuilder<Double>(rows: 2, columns: 3)
    for (row, column) in [(2, 0), (-1, 0), (0, 3), (0, -1)] {
      #expect(
        throws: BlockKrylovError.invalidMatrix(
          "entry (\(row), \(column)) lies outside the 2 × 3 matrix; indices count from 0")
      ) { try builder.add(1, row: row, column: column) }
    }
    #expect(builder.count == 0)
    for (rows, columns) in [(-1, 2), (2, -3), (1 << 31, 1)] {
      #expect(
        throws: BlockKrylovError.shape(
          "a matrix of \(rows) × \(columns) cannot be stored; sizes run from 0 to 2147483647 (column indices are 32 bits wide)")
      ) { try TripletBuilder<Float>(rows: rows, columns: columns) }
    }
    try builder.add(.greatestFiniteMagnitude, row: 1, column: 2)
    try builder.add(.greatestFiniteMagnitude, row: 1, column: 2)
    #expect(
      throws: BlockKrylovError.invalidMatrix(
        "entry (1, 2) is inf; all entries of a matrix must be finite (indices count from 0)")
    ) { try builder.csr() }
    #expect(throws: BlockKrylovError.self) { try builder.csc() }
  }
}
