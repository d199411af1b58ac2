import ComplexModule
import Foundation
import Testing

@testable import BlockKrylov

@Suite struct MatrixMarketRoundTripTests {
  typealias Symmetry = MatrixMarketHeader.Symmetry

  /// A random matrix with the symmetry, as rows; numbers of all magnitudes, some of them whole.
  private func randomRows<S: Scalar>(_ n: Int, _ symmetry: Symmetry, _ random: inout SplitMix, _ type: S.Type) -> [[S]] {
    var rows = [[S]](repeating: [S](repeating: 0, count: n), count: n)
    for i in 0..<n {
      for j in 0..<(symmetry == .general ? n : i + 1) where Int.random(in: 0..<3, using: &random) == 0 {
        let scale: S = S(double: [1, 1e-12, 3e17, 1][Int.random(in: 0..<4, using: &random)])
        var value: S = random.scalar() * scale
        if Int.random(in: 0..<4, using: &random) == 0 { value = S(double: Double(Int.random(in: -9...9, using: &random))) }
        if i == j, symmetry == .skewSymmetric { value = 0 }
        if i == j, symmetry == .hermitian { value = S(value.realPart) }
        rows[i][j] = value
        switch symmetry {
        case .general: break
        case .symmetric: rows[j][i] = value
        case .skewSymmetric: rows[j][i] = -value
        case .hermitian: rows[j][i] = value.conjugate
        }
      }
    }
    return rows
  }

  private func number<S: Scalar>(_ value: S) -> String {
    S.isComplex ? "\(value.realPart) \(value.imaginaryPart)" : "\(value.realPart)"
  }

  /// The file as another program would write it, entries in any order.
  private func text<S: Scalar>(
    _ rows: [[S]], _ format: MatrixMarketHeader.Format, _ symmetry: Symmetry, end: String, _ random: inout SplitMix
  ) -> String {
    let n = rows.count
    var lines = ["%%MatrixMarket matrix \(format.rawValue) \(S.isComplex ? "complex" : "real") \(symmetry.rawValue)", "% text"]
    func isStored(_ i: Int, _ j: Int) -> Bool { symmetry == .general || i > j || (i == j && symmetry != .skewSymmetric) }
    switch format {
    case .array:
      lines.append("\(n) \(n)")
      for j in 0..<n { for i in 0..<n where isStored(i, j) { lines.append(number(rows[i][j])) } }
    case .coordinate:
      var entries: [String] = []
      for i in 0..<n {
        for j in 0..<n where isStored(i, j) && rows[i][j] != 0 { entries.append("\(i + 1)\t\(j + 1) \(number(rows[i][j]))") }
      }
      entries.shuffle(using: &random)
      lines.append(" \(n) \(n)  \(entries.count)")
      lines += entries
    }
    return lines.joined(separator: end)
  }

  private func check<S: Scalar>(_ type: S.Type) throws {
    var random = SplitMix(11)
    let symmetries: [Symmetry] = S.isComplex ? Symmetry.allCases : [.general, .symmetric, .skewSymmetric]
    for n in [1, 2, 17] {
      for symmetry in symmetries {
        let rows = randomRows(n, symmetry, &random, type)
        for format in MatrixMarketHeader.Format.allCases {
          for end in ["\n", "\r\n"] {
            try withFile(text(rows, format, symmetry, end: end, &random)) { path throws in
              let matrix = try CSRMatrix<S>(matrixMarket: path)
              #expect(denseRows(matrix) == rows)
              #expect(try BlockVector<S>(matrixMarket: path).rowArrays == rows)
              // Written in one triangle and in full, plain and compressed, and read back with the same entries.
              for (name, stored) in [("b.mtx", nil), ("b.mtx.gz", nil), ("c.mtx", Symmetry.general)] {
                let copy = path + name
                try matrix.write(matrixMarket: copy, symmetry: stored, comments: ["made by a test", "two\nlines"])
                let header = try MatrixMarketFile(copy).header
                #expect(header.symmetry == stored ?? symmetry && header.comments == ["made by a test", "two", "lines"])
                let again = try CSRMatrix<S>(matrixMarket: copy)
                #expect(again.rowStart == matrix.rowStart && again.columnIndex == matrix.columnIndex)
                #expect(again.values == matrix.values)
                if stored == nil { #expect(again.structure == matrix.structure) }
              }
            }
          }
        }
      }
      let block = random.block(n, 3, type)
      try withFolder { folder throws in
        for name in ["/b.mtx", "/b.mtx.gz"] {
          try block.write(matrixMarket: folder + name)
          #expect(try BlockVector<S>(matrixMarket: folder + name) == block)
        }
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: folder)) == ["b.mtx", "b.mtx.gz"])
        let gzip = try Data(contentsOf: URL(fileURLWithPath: folder + "/b.mtx.gz"))
        #expect(Array(gzip.prefix(2)) == [0x1F, 0x8B])
      }
    }
  }

  @Test func double() throws { try check(Double.self) }
  @Test func float() throws { try check(Float.self) }
  @Test func complexDouble() throws { try check(Complex<Double>.self) }
  @Test func complexFloat() throws { try check(Complex<Float>.self) }

  @Test func everyDoubleReadsBack() throws {
    var random = SplitMix(13)
    var column = (0..<2000).map { _ in Double(bitPattern: random.next()) }.filter(\.isFinite)
    column += [-0.0, .leastNonzeroMagnitude, -.greatestFiniteMagnitude, .leastNormalMagnitude, .pi]
    try withFolder { folder throws in
      try BlockVector(column: column).write(matrixMarket: folder + "/x.mtx")
      let again = try BlockVector<Double>(matrixMarket: folder + "/x.mtx").column(0)
      #expect(again.map(\.bitPattern) == column.map(\.bitPattern))
    }
  }

  @Test func storedEntriesOfSymmetricFiles() throws {
    let a = try CSRMatrix(rows: 2, columns: 2, rowStart: [0, 2, 3], columnIndex: [0, 1, 0], values: [1.0, 2, 2])
    try withFolder { folder throws in
      let path = folder + "/a.mtx"
      func written(_ matrix: CSRMatrix<Double>, _ symmetry: Symmetry? = nil) throws -> String {
        try matrix.write(matrixMarket: path, symmetry: symmetry)
        return try String(contentsOfFile: path, encoding: .utf8)
      }
      #expect(try written(a) == "%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 1.0\n1 2 2.0\n2 1 2.0\n")
      let triangle = "%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n1 1 1.0\n2 1 2.0\n"
      #expect(try written(a.tagged(.symmetric)) == triangle)
      #expect(try written(a.tagged([.hermitian, .positiveDefinite])) == triangle)
      #expect(try written(a, .symmetric) == triangle)
      #expect(try written(a, .hermitian) == triangle)
      // A promise that does not hold exactly loses nothing.
      var spoilt = a.tagged(.symmetric)
      try spoilt.updateValues([1, 2, 2.0.nextUp])
      #expect(try written(spoilt).contains("general\n2 2 3\n"))
      #expect(throws: BlockKrylovError.self) { try written(spoilt, .symmetric) }
      #expect(throws: BlockKrylovError.self) { try written(a, .skewSymmetric) }
    }
  }

  @Test func writingFails() throws {
    try withFolder { folder throws in
      let block = BlockVector<Double>(rows: 2, columns: 1)
      for path in [folder, folder + "/none/x.mtx", folder + "/none/x.mtx.gz"] {
        let error = #expect(throws: BlockKrylovError.self) { try block.write(matrixMarket: path) }
        guard case .file(path, nil, _) = error else { throw try #require(error) }
      }
      // What cannot be written leaves the old file as it was, and nothing beside it.
      try block.write(matrixMarket: folder + "/x.mtx")
      #expect(throws: BlockKrylovError.self) { try BlockVector(column: [1, Double.nan]).write(matrixMarket: folder + "/x.mtx") }
      #expect(try BlockVector<Double>(matrixMarket: folder + "/x.mtx") == block)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.mtx"])
    }
  }

  @Test func linksAndDevicesStay() throws {
    try withFolder { folder throws in
      let block = BlockVector(column: [1.0, 2])
      try BlockVector(column: [3.0]).write(matrixMarket: folder + "/x.mtx")
      try FileManager.default.createSymbolicLink(atPath: folder + "/link.mtx", withDestinationPath: folder + "/x.mtx")
      try block.write(matrixMarket: folder + "/link.mtx")
      #expect(try BlockVector<Double>(matrixMarket: folder + "/x.mtx") == block)
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link.mtx") == folder + "/x.mtx")
      try block.write(matrixMarket: "/dev/null")
      let type = try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type] as? FileAttributeType
      #expect(type == .typeCharacterSpecial)
    }
  }
}
