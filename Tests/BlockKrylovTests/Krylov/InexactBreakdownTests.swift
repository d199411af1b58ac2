import ComplexModule
import Testing

@testable import BlockKrylov

struct InexactBreakdownTests {
  private func solve<S: Scalar>(
    _ a: CSRMatrix<S>, _ b: BlockVector<S>, _ tolerance: Tolerance, restart: Int = 300, narrowing: Bool
  ) throws -> SolveResult<S> {
    try BlockGMRES(tolerance: tolerance, restart: restart).with { $0.inexactBreakdowns = narrowing }.solve(a, b)
  }

  /// Columns that converge early cost no products any more; every column meets its own bound; the estimates are the true residuals.
  @Test(arguments: [300, 10])
  func earlyColumnsCostNothing(restart: Int) throws {
    var random = SplitMix(71)
    let a = try Reference.convection(20, 15)
    let b = random.block(400, 6, Double.self)
    let bounds = [1e-1, 1e-2, 1e-2, 1e-3, 1e-9, 1e-9]
    let narrow = try solve(a, b, .perColumn(relative: bounds), restart: restart, narrowing: true)
    let wide = try solve(a, b, .perColumn(relative: bounds), restart: restart, narrowing: false)
    #expect(narrow.report.allConverged && wide.report.allConverged)
    #expect(Double(narrow.report.columnsApplied) < 0.95 * Double(wide.report.columnsApplied))
    for (residual, bound) in zip(Reference.relativeResiduals(a, narrow.solution, b), bounds) {
      #expect(residual <= bound * 1.0000001)
    }
    for column in narrow.report.columns {
      #expect(abs(column.estimatedResidual - column.trueResidual) <= 1e-10 * column.rightHandSideNorm)
    }
    let changes = narrow.report.events.filter { $0.detail.contains("held back") }
    #expect(!changes.isEmpty && changes.count <= 12)
    #expect(!wide.report.events.contains { $0.detail.contains("held back") })
  }

  @Test func complexBlocksNarrowToo() throws {
    typealias C = Complex<Double>
    var random = SplitMix(72)
    let a = try random.sparse(150, 150, perRow: 4, diagonal: 3, C.self)
    let b = random.block(150, 5, C.self)
    let tolerance = Tolerance.perColumn(relative: [1e-1, 1e-2, 1e-3, 1e-10, 1e-10])
    let (narrow, wide) = (
      try solve(a, b, tolerance, restart: 8, narrowing: true), try solve(a, b, tolerance, restart: 8, narrowing: false)
    )
    #expect(narrow.report.allConverged && wide.report.allConverged)
    #expect(narrow.report.columnsApplied < wide.report.columnsApplied)
    for column in narrow.report.columns {
      #expect(abs(column.estimatedResidual - column.trueResidual) <= 1e-10 * column.rightHandSideNorm)
    }
  }

  /// Narrowed residuals still fall monotonically within a cycle, and dependent columns do no harm.
  @Test func residualsNeverGrow() throws {
    var random = SplitMix(73)
    let a = try Reference.convection(15, 20)
    var b = random.block(225, 6, Double.self)
    for i in 0..<225 { b[i, 4] = b[i, 0] + 1e-7 * b[i, 4] }
    b[columns: 5..<6] = b[columns: 1..<2]
    let result = try solve(a, b, .perColumn(relative: [1e-2, 1e-8, 1e-1, 1e-8, 1e-4, 1e-8]), narrowing: true)
    #expect(result.report.allConverged)
    for column in result.report.columns {
      for (x, y) in zip(column.history, column.history.dropFirst()) { #expect(y <= x * (1 + 1e-12)) }
    }
  }

  /// Rotating, holding back and taking again keep A·𝒱 = 𝒬·H̄ and the least residual: compared with dense least squares.
  @Test func heldBackDirectionsAreNeverLost() throws {
    var random = SplitMix(74)
    let a = try random.sparse(80, 80, perRow: 4, diagonal: 3, Double.self)
    let b = random.block(80, 4, Double.self)
    let arnoldi = BlockArnoldi<Double>(rows: 80, width: 4, steps: 10)
    let hessenberg = BlockHessenberg<Double>(steps: 10, width: 4)
    arnoldi.makeNext(columns: 4)
    arnoldi.writeNext { $0.copy(from: b) }
    guard case .grown(4) = arnoldi.begin() else { return #expect(Bool(false)) }
    hessenberg.begin(arnoldi.below)
    // Bounds that change: 4 directions, then fewer, then all again.
    for weight in [1e3, 0.2, 0.3, 1e3, 0.15, 1e3] {
      let all = arnoldi.candidates
      let taken = hessenberg.needed(weights: [weight, weight, 1e-3, 1e3])
      #expect((weight == 1e3) == (taken > 2))
      if taken == all {
        arnoldi.advance(taking: taken)
      } else {
        arnoldi.advance(taking: taken, hessenberg.narrowing)
        hessenberg.rotated()
      }
      let v = arnoldi.direction
      #expect(v.columns == taken)
      arnoldi.makeNext(columns: taken)
      try arnoldi.writeNext { try a.apply(to: v, into: &$0) }
      guard case .grown = arnoldi.grow() else { return #expect(Bool(false)) }
      hessenberg.append(arnoldi.h, below: arnoldi.below)
    }
    #expect(arnoldi.candidates == 4)
    let searched = try BlockVector(columns: arnoldi.basis.prefix(arnoldi.directions).flatMap(\.columnArrays))
    let images = Reference.product(a, searched)
    // The least residual over the searched space, by orthogonal projection.
    var norms = [Double](repeating: 0, count: 4)
    hessenberg.residuals(into: &norms)
    for j in 0..<4 {
      let alone = images.columnArrays.reduce(into: [[Double]]()) { basis, w in
        var q = w
        for _ in 0..<2 {
          for e in basis {
            let c = Reference.dot(e, q)
            for i in q.indices { q[i] -= c * e[i] }
          }
        }
        let length = Reference.norm(q)
        basis.append(q.map { $0 / length })
      }
      var r = b.column(j)
      for e in alone {
        let c = Reference.dot(e, r)
        for i in r.indices { r[i] -= c * e[i] }
      }
      #expect(abs(Reference.norm(r) - norms[j]) <= 1e-10)
    }
    let basis = try BlockVector(columns: arnoldi.basis.prefix(arnoldi.count).flatMap(\.columnArrays))
    let gram = Reference.inner(basis, basis)
    for i in 0..<gram.rows { for j in 0..<gram.columns { #expect(abs(gram[i, j] - (i == j ? 1 : 0)) <= 1e-12) } }
  }
}
