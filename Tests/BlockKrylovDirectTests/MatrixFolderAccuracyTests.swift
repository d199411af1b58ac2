import BlockKrylov
import ComplexModule
import Foundation
import Testing

@testable import BlockKrylovDirect

/// `KRYLOV_MATRICES`, or `../shared/matrices` beside the package; `nil` where there is none.
private let matrixFolder: String? = {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  let named = ProcessInfo.processInfo.environment["KRYLOV_MATRICES"].map { URL(fileURLWithPath: $0) }
  let folder = named ?? root.deletingLastPathComponent().appendingPathComponent("shared/matrices")
  return (try? FileManager.default.contentsOfDirectory(atPath: folder.path)).map { _ in folder.path }
}()

/// Accuracy on the matrices of a folder that is not part of this package: `KRYLOV_MATRICES`, or `../shared/matrices` beside the package.
@Suite(.enabled(if: matrixFolder != nil, "no folder of matrices"))
struct MatrixFolderAccuracyTests {
  /// What was found of one matrix: for each method the worst ω in units of u, and bounds over errors.
  private func judge<S: Scalar>(_ name: String, _ a: CSRMatrix<S>, ratios: inout [Double]) throws -> Bool {
    var random = SplitMix(UInt64(a.rows))
    // No condition is worse than this that is not singular to working precision.
    guard try LUFactorization(a).reciprocalConditionEstimate >= S.unitRoundoff else { return false }
    let truth = random.block(a.rows, 4, S.self)
    let b = Reference.product(a, truth)
    for method in [SparseLU(), SparseDirect()] as [any BlockMethod] {
      let result = try method.with { $0.boundsForwardErrors = true }.solve(a, b)
      for (j, column) in result.report.columns.enumerated() {
        let omega = column.backwardError ?? .infinity
        #expect(omega <= 4 * S.unitRoundoff, "\(name) by \(result.report.method): ω = \(omega / S.unitRoundoff) u")
        guard let bound = column.forwardErrorBound else { continue }
        let x = result.solution.column(j)
        let size = x.reduce(0) { max($0, Double($1.modulus)) }
        let error = zip(x, truth.column(j)).reduce(0) { max($0, Double(($1.0 - $1.1).modulus)) } / size
        #expect(error <= bound, "\(name) by \(result.report.method): error \(error), bound \(bound)")
        ratios.append(bound / max(error, S.unitRoundoff))
      }
    }
    return true
  }

  @Test func everyColumnOfEverySquareNonsingularMatrix() throws {
    let folder = try #require(matrixFolder)
    var (ratios, singular, count) = ([Double](), [String](), 0)
    for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
      guard name.hasSuffix(".mtx") || name.hasSuffix(".mtx.gz"), let file = try? MatrixMarketFile(folder + "/" + name),
        file.header.rows == file.header.columns
      else { continue }
      let isSound =
        try file.header.isComplex
        ? judge(name, file.matrix(of: Complex<Double>.self).matrix, ratios: &ratios)
        : judge(name, file.matrix(of: Double.self).matrix, ratios: &ratios)
      if isSound { count += 1 } else { singular.append(name) }
    }
    guard count > 0 else { return }
    #expect(ratios.sorted()[ratios.count / 2] <= 100)
    #expect(singular.count * 4 < count, "too many matrices are left out as singular: \(singular)")
  }
}
