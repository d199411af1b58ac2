import ComplexModule
import Testing

@testable import BlockKrylov

/// Matrices from elsewhere: missing diagonals, bad scaling, indefinite, structurally singular.
@Suite(
  .enabled(if: MatrixFolder.path != nil, "no folder of matrices: KRYLOV_MATRICES is not set and ../shared/matrices is not there"))
struct RealMatricesTests {
  /// Every preconditioner that can be built passes the probe, and what was repaired is reported.
  private func check<S: Scalar>(_ file: String, _ a: CSRMatrix<S>) throws {
    let (probe, diagonal) = (a.probe(), a.diagonal)
    let choices: [PreconditionerChoice] = [
      .jacobi, .ilu0, .ilutp(fill: 10, dropTolerance: 1e-2), .polynomial(degree: 8), .ssor(), .ic0, .chebyshev(),
      .smoothedAggregation(), .singlePrecision(.ilu0),
    ]
    for choice in choices {
      let needsPositive = [.ssor(), .ic0, .chebyshev(), .smoothedAggregation()].contains(choice)
      if needsPositive && !probe.looksPositiveDefinite {
        #expect(throws: BlockKrylovError.self, "\(choice.name) of \(file)") { try choice.build(for: a) }
        continue
      }
      let m = try #require(try choice.build(for: a))
      let failure = try PreconditionerProbe.failure(of: m, requiringPositiveDefinite: m.isPositiveDefinite)
      #expect(failure == nil, "\(choice.name) of \(file)")
      // A polynomial divides by no diagonal that has zeros.
      if choice == .polynomial(degree: 8) { continue }
      if diagonal.contains(0) { #expect(m.events.contains { $0.kind == .repaired }, "\(choice.name) of \(file)") }
    }
  }

  @Test func everyPreconditionerIsFiniteAndLinear() throws {
    let folder = try #require(MatrixFolder.path)
    let names = try MatrixFolder.files(in: folder).filter { $0.hasSuffix(".mtx") || $0.hasSuffix(".mtx.gz") }
    for name in names where !name.contains("_b.mtx") {
      let file = try MatrixMarketFile("\(folder)/\(name)", options: .lenient)
      guard file.header.rows == file.header.columns, file.header.rows <= 5000 else { continue }
      if file.header.isComplex {
        try check(name, file.matrix(of: Complex<Double>.self).matrix)
      } else {
        try check(name, file.matrix(of: Double.self).matrix)
      }
    }
  }
}
