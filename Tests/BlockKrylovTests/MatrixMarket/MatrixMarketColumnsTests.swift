import ComplexModule
import Foundation
import Testing

@testable import BlockKrylov

/// Array files read and written some columns at a time.
struct MatrixMarketColumnsTests {
  private func roundTrip<S: Scalar>(_ type: S.Type, name: String) throws {
    var random = SplitMix(851)
    let files = try TemporaryFiles()
    let block = random.block(7, 11, S.self)
    let (whole, parts) = (files.path("whole-\(name)"), files.path("parts-\(name)"))
    try block.write(matrixMarket: whole, comments: ["eleven columns"])
    let writer = try MatrixMarketColumnWriter<S>(parts, rows: 7, columns: 11, comments: ["eleven columns"])
    for range in [0..<4, 4..<4, 4..<5, 5..<11] { try writer.append(block[columns: range]) }
    try writer.finish()
    for path in [whole, parts] {
      #expect(try BlockVector<S>(matrixMarket: path) == block)
      let columns = try MatrixMarketFile(path).columns(of: S.self)
      #expect(columns.rows == 7 && columns.columns == 11)
      var start = 0
      for width in [3, 1, 20] {
        let part = try #require(try columns.next(width))
        #expect(part == block[columns: start..<(start + part.columns)])
        start += part.columns
        #expect(columns.position == start)
      }
      #expect(start == 11)
      #expect(try columns.next(4) == nil)
      #expect(columns.warnings.isEmpty)
    }
  }

  @Test func whatIsWrittenIsRead() throws {
    try roundTrip(Double.self, name: "real.mtx")
    try roundTrip(Complex<Float>.self, name: "complex.mtx.gz")
  }

  @Test func otherFilesAreReadAsAWhole() throws {
    let files = try TemporaryFiles()
    let coordinate = try files.write("%%MatrixMarket matrix coordinate real general\n3 4 2\n1 1 5\n3 4 -2\n", to: "c.mtx")
    let columns = try MatrixMarketFile(coordinate).columns(of: Double.self)
    #expect(try columns.next(3)?.columnArrays == [[5, 0, 0], [0, 0, 0], [0, 0, 0]])
    #expect(try columns.next(3)?.columnArrays == [[0, 0, -2]])
    #expect(try columns.next(3) == nil)
  }

  @Test func errorsComeWhenTheyAreReached() throws {
    let files = try TemporaryFiles()
    let banner = "%%MatrixMarket matrix array real general\n2 3\n"
    let short = try MatrixMarketFile(try files.write(banner + "1\n2\n3\n", to: "short.mtx")).columns(of: Double.self)
    #expect(try short.next(1)?.columnArrays == [[1, 2]])
    #expect(throws: BlockKrylovError.self) { try short.next(1) }
    let long = try MatrixMarketFile(try files.write(banner + "1\n2\n3\n4\n5\n6\n7\n", to: "long.mtx")).columns(of: Double.self)
    #expect(try long.next(2)?.columns == 2)
    #expect(throws: BlockKrylovError.self) { try long.next(1) }
    let bad = try MatrixMarketFile(try files.write(banner + "1\n2\n3\nx\n5\n6\n", to: "bad.mtx")).columns(of: Double.self)
    #expect(try bad.next(1)?.columns == 1)
    #expect(throws: BlockKrylovError.self) { try bad.next(2) }
    let writer = try MatrixMarketColumnWriter<Double>(files.path("x.mtx"), rows: 2, columns: 2)
    #expect(throws: BlockKrylovError.self) { try writer.append(BlockVector(rows: 3, columns: 1)) }
    #expect(throws: BlockKrylovError.self) { try writer.append(BlockVector(rows: 2, columns: 3)) }
    #expect(throws: BlockKrylovError.self) { try writer.append(BlockVector(rows: 2, columns: 1) { _, _ in .nan }) }
    #expect(throws: BlockKrylovError.self) { try writer.finish() }
    #expect(throws: BlockKrylovError.self) { try BlockVector<Double>(matrixMarket: files.path("x.mtx")) }
  }

  @Test func generatedColumnsAreThoseOfTheWhole() throws {
    let whole = try Gallery.rightHandSides(rows: 9, columns: 10, seed: 5, Complex<Double>.self)
    for range in [0..<3, 3..<3, 3..<10] {
      #expect(
        try Gallery.rightHandSides(rows: 9, columns: 10, only: range, seed: 5, Complex<Double>.self) == whole[columns: range])
    }
    #expect(throws: BlockKrylovError.self) { try Gallery.rightHandSides(rows: 9, columns: 10, only: 8..<11, Double.self) }
  }
}

/// A folder that goes when the test is over.
private final class TemporaryFiles {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("columns-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    return path(name)
  }
}
