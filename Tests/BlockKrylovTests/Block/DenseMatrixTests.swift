import ComplexModule
import RealModule
import Testing

@testable import BlockKrylov

struct DenseMatrixTests {
  private func random<S: Scalar>(_ m: Int, _ n: Int, _ type: S.Type, _ random: inout SplitMix) -> DenseMatrix<S> {
    DenseMatrix(rows: m, columns: n) { _, _ in random.scalar() }
  }

  @Test func shapesChangeWithinTheMemory() {
    var a = DenseMatrix<Double>(rows: 3, columns: 4) { Double(10 * $0 + $1) }
    a.reset(rows: 2, columns: 3)
    #expect(a == DenseMatrix(rows: 2, columns: 3))
    a.fill(rowMajor: [-1, 1, 2, 3, 4, 5, 6], from: 1)
    #expect(a == DenseMatrix(rows: 2, columns: 3) { Double(3 * $0 + $1 + 1) })
    // Equality sees the shape and the entries, not the memory behind them.
    #expect(a != DenseMatrix(rows: 3, columns: 2) { Double(3 * $0 + $1 + 1) })
    var b = DenseMatrix<Double>(rows: 0, columns: 0)
    b.copy(from: a)
    #expect(b == a && b.frobeniusNorm == 91.0.squareRoot())
    b.setIdentity(2)
    #expect(b == .identity(2))
    b.reset(rows: 0, columns: 5)
    #expect(b.isFinite && b.frobeniusNorm == 0 && b.adjoint == DenseMatrix(rows: 5, columns: 0))
    b.reset(rows: 1, columns: 2)
    b[0, 1] = .infinity
    #expect(!b.isFinite)
  }

  @Test(arguments: ScalarTypes.all)
  func products(type: any Scalar.Type) { checkProducts(type) }

  private func checkProducts<S: Scalar>(_ type: S.Type) {
    var numbers = SplitMix(311)
    let (a, b, c) = (random(5, 3, type, &numbers), random(3, 4, type, &numbers), random(5, 4, type, &numbers))
    func close(_ x: S, _ y: S) -> Bool { Double((x - y).modulus) <= 40 * S.unitRoundoff }
    let product = a * b
    var (sum, adjointProduct) = (c, DenseMatrix<S>(rows: 1, columns: 1))
    sum.add(a, times: b)
    adjointProduct.multiply(a, c, .adjoint)
    for i in 0..<5 {
      for j in 0..<4 {
        let entry = (0..<3).reduce(S.zero) { $0 + a[i, $1] * b[$1, j] }
        #expect(close(product[i, j], entry) && close(sum[i, j], c[i, j] + entry))
        if i < 3 { #expect(close(adjointProduct[i, j], (0..<5).reduce(S.zero) { $0 + a[$1, i].conjugate * c[$1, j] })) }
      }
    }
    // Without rows or columns.
    let empty = DenseMatrix<S>(rows: 5, columns: 0) * DenseMatrix<S>(rows: 0, columns: 4)
    #expect(empty == DenseMatrix(rows: 5, columns: 4))

    var placed = DenseMatrix<S>(rows: 4, columns: 3)
    placed.place(b, at: 2)
    #expect(placed[1, 2] == 0 && placed[2, 1] == b[0, 1] && placed[3, 2] == b[1, 2])

    var norms = [Double](repeating: -1, count: 3)
    a.columnNorms(rows: 1..<4, into: &norms)
    for j in 0..<3 {
      let expected = (1..<4).reduce(0.0) { $0 + Double(a[$1, j].modulus) * Double(a[$1, j].modulus) }.squareRoot()
      #expect(abs(norms[j] - expected) <= 10 * S.unitRoundoff * expected)
    }

    var hermitian = random(4, 4, type, &numbers)
    hermitian.makeHermitian()
    #expect(hermitian == hermitian.adjoint)
    hermitian.scaleToUnitDiagonal([1, 2, 3, 4])
    #expect((0..<4).allSatisfy { hermitian[$0, $0] == 1 } && hermitian == hermitian.adjoint)
  }

  /// Back substitution on a part of the rows, with a triangle inside a larger matrix.
  @Test(arguments: ScalarTypes.all)
  func partsOfTriangularSystems(type: any Scalar.Type) { checkParts(type) }

  private func checkParts<S: Scalar>(_ type: S.Type) {
    var numbers = SplitMix(312)
    var t = random(6, 2, type, &numbers)
    for j in 0..<2 { t[3 + j, j] += 3 }
    let y = random(5, 3, type, &numbers)
    var x = y
    // Rows 2 and 3 of X by the triangle at row 3 of T, then rows 0 and 1 by what stands above it.
    x.solveTriangular(rows: 2..<4, t, at: 3)
    x.subtract(firstRows: 2, of: t, timesOwnRows: 2..<4)
    for j in 0..<3 {
      let last: S = y[3, j] / t[4, 1]
      let first: S = (y[2, j] - t[3, 1] * last) / t[3, 0]
      let top: S = y[0, j] - t[0, 0] * first - t[0, 1] * last
      let next: S = y[1, j] - t[1, 0] * first - t[1, 1] * last
      for (row, value) in [top, next, first, last, y[4, j]].enumerated() {
        #expect(Double((x[row, j] - value).modulus) <= 30 * S.unitRoundoff, "row \(row)")
      }
    }
  }
}
