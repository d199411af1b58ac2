import BlockKrylov
import ComplexModule
import Testing

@Suite struct GalleryRightHandSides {
  /// Bits that a C program printed: seed, row, number of columns, column.
  @Test(
    arguments: [
      (42, 0, 8, 0, 0x3FDEEB991317F5B4),
      (42, 0, 8, 7, 0xBFE8ED5A16448F56),
      (42, 1, 8, 0, 0x3FDD8401620969A8),
      (42, 999999, 8, 3, 0xBFE9ADD0D418FFAC),
      (7, 5, 3, 2, 0x3FD564600000540C),
      (18446744073709551615, 0, 1, 0, 0x3FE9365C5DC6D94A),
      (18446744073709551615, 2, 4, 1, 0x3FCE5651B0EF9530),
    ] as [(UInt64, Int, Int, Int, UInt64)])
  func bits(_ seed: UInt64, _ row: Int, _ columns: Int, _ column: Int, _ bits: UInt64) throws {
    let b = try Gallery.rightHandSides(rows: row + 1, columns: columns, seed: seed, Double.self)
    #expect(b[row, column].bitPattern == bits)
  }

  @Test func defaultSeedIs42() throws {
    let b: BlockVector<Double> = try Gallery.rightHandSides(rows: 9, columns: 4)
    #expect(try b == Gallery.rightHandSides(rows: 9, columns: 4, seed: 42))
    #expect(try b != Gallery.rightHandSides(rows: 9, columns: 4, seed: 43))
  }

  @Test func otherTypesRoundAndContinue() throws {
    let (n, m) = (11, 3)
    let long = try Gallery.rightHandSides(rows: 2 * n, columns: m, Double.self)
    let float = try Gallery.rightHandSides(rows: n, columns: m, Float.self)
    let complex = try Gallery.rightHandSides(rows: n, columns: m, Complex<Double>.self)
    let single = try Gallery.rightHandSides(rows: n, columns: m, Complex<Float>.self)
    for i in 0..<n {
      for j in 0..<m {
        #expect(float[i, j] == Float(long[i, j]))
        #expect(complex[i, j] == Complex(long[i, j], long[n + i, j]))
        #expect(single[i, j] == Complex(Float(long[i, j]), Float(long[n + i, j])))
        #expect(abs(long[i, j]) <= 1)
      }
    }
  }

  @Test func sizesAreChecked() throws {
    #expect(throws: BlockKrylovError.self) { try Gallery.rightHandSides(rows: -1, columns: 2, Double.self) }
    #expect(throws: BlockKrylovError.self) { try Gallery.ones(rows: 2, columns: -1, Double.self) }
    #expect(try Gallery.rightHandSides(rows: 0, columns: 2, Double.self).rows == 0)
    #expect(try Gallery.rightHandSides(rows: 3, columns: 0, Double.self).columns == 0)
    #expect(try Gallery.ones(rows: 2, columns: 2, Double.self).rowArrays == [[1, 1], [1, 1]])
  }

  @Test func manufacturedSystem() throws {
    let a = try Gallery.Problem(specification: "helmholtz2d:6").matrix(Complex<Double>.self)
    let (x, b) = try Gallery.manufactured(a, columns: 3)
    #expect(try x == Gallery.rightHandSides(rows: 36, columns: 3))
    #expect(Reference.distance(b, Reference.product(a, x)) < 1e-14)
  }

  /// Checksums Σ bits·31^k of all values and of seven right-hand sides, from the same definitions written in C.
  @Test(
    arguments: [
      ("poisson2d:37", 11605776239733768192, 67018601525018690),
      ("poisson3d:11", 10031768169967779840, 10803964582892734508),
      ("convdiff3d:13", 3750187395946193592, 8052833948003669050),
      ("convdiff3d:12:137.3", 14974618131461530592, 14533104580145714320),
    ] as [(String, UInt64, UInt64)])
  func checksums(_ specification: String, _ values: UInt64, _ rightHandSides: UInt64) throws {
    func sum(_ numbers: some Sequence<Double>) -> UInt64 { numbers.reduce(0) { $0 &* 31 &+ $1.bitPattern } }
    let a = try Gallery.Problem(specification: specification).matrix(Double.self)
    #expect(sum(a.values) == values)
    #expect(sum(try Gallery.rightHandSides(rows: a.rows, columns: 7, Double.self).rowArrays.joined()) == rightHandSides)
  }
}
