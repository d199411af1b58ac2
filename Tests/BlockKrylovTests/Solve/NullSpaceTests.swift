import ComplexModule
import Foundation
import RealModule
import Testing

@testable import BlockKrylov

/// Singular systems with a known null space: consistent ones are solved, others named, by every method that can.
struct NullSpaceTests {
  static let hermitian: [(String, any BlockMethod)] = [
    ("cg", BlockCG()), ("bf-cg", BreakdownFreeBlockCG()), ("pseudo-cg", PseudoBlockCG()), ("ecg", EnlargedCG()),
    ("minres", BlockMINRES()),
  ]
  static let general: [(String, any BlockMethod)] = [
    ("gmres", BlockGMRES()), ("gmres left", BlockGMRES(side: .left)), ("fgmres", BlockGMRES(side: .flexible)),
    ("gcrodr", BlockGCRODR()), ("pseudo-gmres", PseudoBlockGMRES()), ("bicgstab", BlockBiCGStab()),
    ("pseudo-bicgstab", PseudoBlockBiCGStab()), ("idr", PseudoBlockIDR()), ("lsmr", LSMR()), ("auto", AutomaticSolver()),
  ]

  /// Columns: A·x for known x, the same with a constant added, a constant alone, and zero.
  private func columns<S: Scalar>(_ a: CSRMatrix<S>, left: [S], _ random: inout SplitMix) -> (
    b: BlockVector<S>, exact: BlockVector<S>
  ) {
    let exact = random.block(a.rows, 4, S.self)
    let image = Reference.product(a, exact)
    let b = BlockVector<S>(rows: a.rows, columns: 4) { i, j in
      switch j {
      case 1: image[i, 1] + S(double: 0.5) * left[i]
      case 2: left[i]
      case 3: 0
      default: image[i, j]
      }
    }
    return (b, exact)
  }

  private func check<S: Scalar>(
    _ method: any BlockMethod, _ a: some LinearOperator<S>, _ matrix: CSRMatrix<S>, right: [S], left: [S], seed: UInt64 = 831,
    _ name: String
  ) throws {
    var random = SplitMix(seed)
    let (b, exact) = columns(matrix, left: left, &random)
    let tolerance = S.scalarKind.isSinglePrecision ? 1e-4 : 1e-8
    let prepared = try method.with { $0.tolerance = .relative(tolerance) }.prepare(a)
    let result = try prepared.solve(b)
    let statuses = result.report.columns.map(\.status)
    #expect(statuses == [.converged, .inconsistent, .inconsistent, .zeroRightHandSide], "\(name): \(statuses)")
    #expect(result.report.events.contains { $0.kind == .projected })
    #expect(result.report.events.filter { $0.kind == .inconsistent }.map(\.column) == [1, 2], "\(name)")
    // X is orthogonal to the null space, and a solution of the part that has one: what remains is the multiple of the left null vector.
    let size = Reference.norm(right)
    for j in 0..<3 {
      let x = result.solution.column(j)
      #expect(
        Double(Reference.dot(right, x).modulus) <= 1e3 * S.unitRoundoff * size * (1 + Reference.norm(x)), "\(name), column \(j)")
    }
    let share = Double(Reference.dot(right, exact.column(0)).modulus) / (size * size)
    #expect(share >= 0)
    let error = zip(result.solution.column(0), exact.column(0)).map { $0 - $1 }
    let along = Reference.dot(right, error) / S(double: size * size)
    let rest = Reference.norm(zip(error, right).map { $0 - along * $1 })
    #expect(rest <= 1e3 * tolerance * Reference.norm(exact.column(0)), "\(name): \(rest)")
    #expect(Reference.relativeResiduals(matrix, result.solution, b)[0] <= tolerance * 1.001)
    let remains = [0, 0.5 * Reference.norm(left), Reference.norm(left)]
    for j in 1..<3 {
      let column = result.report.columns[j]
      let residual = Reference.relativeResiduals(matrix, result.solution, b)[j] * Reference.norm(b.column(j))
      #expect(abs(column.trueResidual - residual) <= 10 * tolerance * residual, "\(name), column \(j)")
      #expect(abs(residual - remains[j]) <= 10 * tolerance * (remains[j] + Reference.norm(b.column(j))), "\(name), column \(j)")
    }
  }

  private func scalars<S: Scalar>(_ type: S.Type) throws {
    for (problem, label) in [(try Gallery.Problem(.neumann2d, size: 9), "2d"), (try Gallery.Problem(.neumann3d, size: 5), "3d")] {
      let a = try problem.matrix(S.self)
      let ones = [S](repeating: 1, count: a.rows)
      for (name, method) in Self.hermitian + Self.general {
        for choice in [PreconditionerChoice.none, .jacobi, .ic0] where name != "lsmr" || choice != .ic0 {
          let space: NullSpace = choice == .jacobi ? .constant : name == "auto" ? .automatic : .detected
          let solver = method.preconditioned(by: choice).with { $0.nullSpace = space }
          try check(solver, a, a, right: ones, left: ones, "\(name) \(choice.name) \(label) \(S.self)")
        }
      }
    }
  }

  @Test func neumannInDoublePrecision() throws { try scalars(Double.self) }
  @Test func neumannInSinglePrecision() throws { try scalars(Float.self) }
  @Test func neumannComplex() throws { try scalars(Complex<Double>.self) }

  @Test func matrixFree() throws {
    let a = try Gallery.Problem(.neumann2d, size: 9).matrix(Double.self)
    let ones = [Double](repeating: 1, count: a.rows)
    for (name, method) in Self.hermitian + Self.general where name != "lsmr" {
      let tags: Structure = name == "auto" ? [.symmetric] : [.symmetric, .positiveDefinite]
      let free = MatrixFreeOperator<Double>(size: a.rows, structure: tags) { x, y in try a.apply(to: x, into: &y) }
      try check(method.with { $0.nullSpace = .constant }, free, a, right: ones, left: ones, "\(name) matrix-free")
    }
  }

  /// A nonsymmetric A has different null vectors on both sides: here D⁻¹S, as finite differences write Neumann conditions.
  private func rowScaled<S: Scalar>(_ type: S.Type) throws -> (a: CSRMatrix<S>, weights: [S]) {
    let s = try Gallery.Problem(.neumann2d, size: 8).matrix(S.self)
    let weights = (0..<s.rows).map { S(real: 1 + Double($0 % 5), imaginary: S.isComplex ? Double($0 % 3) : 0) }
    var t = try TripletBuilder<S>(rows: s.rows, columns: s.rows)
    for i in 0..<s.rows {
      for k in s.rowStart[i]..<s.rowStart[i + 1] { try t.add(s.values[k] / weights[i], row: i, column: Int(s.columnIndex[k])) }
    }
    return (try t.csr(), weights)
  }

  private func nonsymmetric<S: Scalar>(_ type: S.Type) throws {
    let (a, weights) = try rowScaled(S.self)
    let ones = [S](repeating: 1, count: a.rows)
    let left = weights.map(\.conjugate)
    let block = BlockVector<S>(rows: a.rows, columns: 1) { i, _ in 3 * left[i] }
    let given = NullSpace.basis(BlockVector<S>(rows: a.rows, columns: 1) { _, _ in 2 }, left: block)
    for (name, method) in Self.general {
      for choice in [PreconditionerChoice.none, .ilu0] where name != "lsmr" || choice == .none {
        for space in [NullSpace.detected, .constant, given] {
          let solver = method.preconditioned(by: choice).with { $0.nullSpace = space }
          try check(solver, a, a, right: ones, left: left, "\(name) \(choice.name) nonsymmetric \(S.self)")
        }
      }
    }
  }

  @Test func leftAndRightNullVectors() throws {
    try nonsymmetric(Double.self)
    try nonsymmetric(Complex<Double>.self)
  }

  /// −Δu + w·∇u with Neumann conditions and w a rotation, by upwind differences: rows sum to zero, columns do not, and no diagonal matrix
  /// makes it symmetric.
  private func rotating(_ n: Int, strength: Double = 1) throws -> CSRMatrix<Double> {
    var t = try TripletBuilder<Double>(rows: n * n, columns: n * n)
    let middle = Double(n - 1) / 2
    for y in 0..<n {
      for x in 0..<n {
        let i = y * n + x
        let w = (strength * (middle - Double(y)) / Double(n), strength * (Double(x) - middle) / Double(n))
        func neighbour(_ dx: Int, _ dy: Int, _ flow: Double) throws {
          guard (0..<n).contains(x + dx), (0..<n).contains(y + dy) else { return }
          let weight = 1 + max(flow, 0)
          try t.add(-weight, row: i, column: i + dx + dy * n)
          try t.add(weight, row: i, column: i)
        }
        try neighbour(-1, 0, w.0)
        try neighbour(1, 0, -w.0)
        try neighbour(0, -1, w.1)
        try neighbour(0, 1, -w.1)
      }
    }
    return try t.csr()
  }

  /// Where nothing gives the left null vector it is computed, and inconsistent columns are named.
  @Test(arguments: [4, 9, 16])
  func leftNullVectorsAreComputed(n: Int) throws {
    let a = try rotating(n, strength: 3)
    let found = try #require(DetectedNullSpace(a))
    #expect(found.left == nil && found.right.columns == 1)
    // lᵀA = 0 with Σ l = 1: a dense solve with one equation replaced.
    var dense = a.dense.adjoint
    for j in 0..<a.rows { dense[0, j] = 1 }
    let left = Reference.solve(dense, BlockVector(rows: a.rows, columns: 1) { i, _ in i == 0 ? 1 : 0 }).column(0)
    let ones = [Double](repeating: 1, count: a.rows)
    for (name, method) in Self.general {
      for choice in [PreconditionerChoice.none, .ilu0] where name != "lsmr" || choice == .none {
        for space in [NullSpace.detected, .constant] {
          let solver = method.preconditioned(by: choice).with { $0.nullSpace = space }
          try check(solver, a, a, right: ones, left: left, "\(name) \(choice.name) rotating \(n)")
        }
      }
    }
  }

  /// Of an operator that is no matrix the left null vector is not known: columns that have a solution are solved, and of the others none
  /// is called converged.
  @Test func operatorsWithoutMatrixTellNothingOfTheirRange() throws {
    let a = try rotating(9, strength: 3)
    let free = MatrixFreeOperator<Double>(size: a.rows) { x, y in try a.apply(to: x, into: &y) }
    var random = SplitMix(836)
    let image = Reference.product(a, random.block(a.rows, 3, Double.self))
    let b = BlockVector<Double>(rows: a.rows, columns: 3) { i, j in image[i, j] + (j == 1 ? 0.5 : 0) }
    for (name, method) in Self.general where name != "lsmr" {
      let report = try method.with { ($0.nullSpace, $0.maximumIterations) = (.constant, 400) }.solve(free, b).report
      for j in [0, 2] { #expect(report.columns[j].status == .converged, "\(name), column \(j): \(report.columns[j].status)") }
      let status = report.columns[1].status
      #expect(!status.isConverged && status != .inconsistent && report.columns[1].remedy != nil, "\(name): \(status)")
      #expect(report.events.contains { $0.kind == .projected && $0.detail.contains("range of A is not known") }, "\(name)")
    }
  }

  /// Two grids that are not connected have two null vectors.
  @Test func partsOfTheGraph() throws {
    let one = try Gallery.Problem(.neumann2d, size: 5).matrix(Double.self)
    var t = try TripletBuilder<Double>(rows: 50, columns: 50)
    for i in 0..<25 {
      for k in one.rowStart[i]..<one.rowStart[i + 1] {
        try t.add(one.values[k], row: 2 * i, column: 2 * Int(one.columnIndex[k]))
        try t.add(3 * one.values[k], row: 2 * i + 1, column: 2 * Int(one.columnIndex[k]) + 1)
      }
    }
    let a = try t.csr()
    let found = try #require(DetectedNullSpace(a))
    #expect(found.right.columns == 2 && found.right == found.left)
    #expect((0..<50).allSatisfy { found.right[$0, 0] == ($0 % 2 == 0 ? 1 : 0) })
    var random = SplitMix(832)
    let b = Reference.product(a, random.block(50, 3, Double.self))
    for method in [BlockCG(), BlockMINRES(), BlockGMRES()] as [any BlockMethod] {
      let result = try method.with { $0.nullSpace = .detected }.prepare(a).solve(b)
      #expect(result.report.allConverged && Reference.relativeResiduals(a, result.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
      let uneven = BlockVector<Double>(rows: 50, columns: 1) { i, _ in i % 2 == 0 ? 1 : -1 }
      let bad = try method.with { $0.nullSpace = .detected }.prepare(a).solve(uneven)
      #expect(bad.report.columns[0].status == .inconsistent && bad.solution.columnMaxima()[0] <= 1e-12)
    }
  }

  @Test func whatIsNotSingularIsLeftAlone() throws {
    #expect(DetectedNullSpace(try Reference.poisson(8, Double.self)) == nil)
    #expect(DetectedNullSpace(try Reference.convection(8, 20)) == nil)
    let a = try Reference.poisson(8, Double.self)
    let b = BlockVector<Double>(rows: 64, columns: 2) { i, j in Double(i % (j + 3)) }
    let (plain, looked) = (try BlockCG().solve(a, b), try BlockCG().with { $0.nullSpace = .detected }.solve(a, b))
    #expect(plain.solution == looked.solution && plain.report.events == looked.report.events)
    #expect(try AutomaticSolver().solve(a, b).report.events.allSatisfy { $0.kind != .projected })
  }

  @Test func wrongNullSpacesAreRefused() throws {
    let regular = try Reference.poisson(8, Double.self)
    let neumann = try Gallery.Problem(.neumann2d, size: 8).matrix(Double.self)
    func refuses(_ method: any BlockMethod, _ a: CSRMatrix<Double>, _ space: NullSpace) {
      #expect(throws: BlockKrylovError.self) { try method.with { $0.nullSpace = space }.prepare(a) }
    }
    refuses(BlockCG(), regular, .constant)
    refuses(BlockCG(), neumann, .basis(BlockVector<Double>(rows: 64, columns: 2) { _, j in Double(j + 1) }))
    refuses(BlockCG(), neumann, .basis(BlockVector<Double>(rows: 63, columns: 1) { _, _ in 1 }))
    refuses(BlockCG(), neumann, .basis(BlockVector<Double>(rows: 64, columns: 0)))
    refuses(BlockCG(), neumann, .basis(BlockVector<Double>(rows: 64, columns: 1) { _, _ in .nan }))
    let ones = BlockVector<Double>(rows: 64, columns: 1) { _, _ in 1 }
    refuses(BlockGMRES(), neumann, .basis(ones, left: BlockVector(rows: 64, columns: 1) { i, _ in Double(i) }))
    refuses(DenseLU(), neumann, .constant)
    let wide = CSRMatrix(dense: DenseMatrix<Double>(rows: 2, columns: 3) { _, _ in 1 })
    refuses(LSMR(), wide, .constant)
  }

  @Test func newValuesGuessesAndTolerances() throws {
    var random = SplitMix(833)
    let a = try Gallery.Problem(.neumann2d, size: 10).matrix(Double.self)
    let exact = random.block(100, 3, Double.self)
    let b = Reference.product(a, exact)
    let prepared = try BlockCG().preconditioned(by: .ic0).with { $0.nullSpace = .detected }.prepare(a)
    let first = try prepared.solve(b)
    let again = try prepared.solve(b, from: exact)
    #expect(first.report.allConverged && again.report.allConverged)
    #expect(Reference.distance(first.solution, again.solution) <= 1e-5)
    try prepared.update(a.mapValues { 4 * $0 })
    let quarter = try prepared.solve(b)
    #expect(quarter.report.allConverged)
    #expect(Reference.relativeResiduals(a.mapValues { 4 * $0 }, quarter.solution, b).allSatisfy { $0 <= 1.0000001e-8 })
    #expect(throws: BlockKrylovError.self) {
      try prepared.update(a.adding(CSRMatrix(diagonal: [Double](repeating: 1, count: 100))))
    }
    for tolerance in [Tolerance.energyNorm(relative: 1e-6), .relative(1e-6).measured(in: .maximum), .absolute(1e-6)] {
      let result = try BlockCG(tolerance: tolerance).with { $0.nullSpace = .constant }.solve(a, b)
      #expect(result.report.allConverged, "\(result.report)")
    }
    // A part outside the range that the tolerance allows is no obstacle.
    let slightly = BlockVector<Double>(rows: 100, columns: 3) { b[$0, $1] + 1e-10 }
    let close = try BlockCG().with { $0.nullSpace = .constant }.solve(a, slightly)
    #expect(close.report.columns.allSatisfy { $0.status == .converged && $0.trueResidual >= 1e-10 * 9.9 })
    #expect(Reference.relativeResiduals(a, close.solution, slightly).allSatisfy { $0 <= 1.0000001e-8 })
  }

  /// Without a known null space inconsistent columns end for themselves, and the others as if they were alone.
  @Test func inconsistentColumnsDoNotHoldUpTheOthers() throws {
    var random = SplitMix(834)
    let eigenvalues = (0..<60).map { (i: Int) -> Double in i < 3 ? 0 : (i % 2 == 0 ? 1 : -1) * (1 + Double(i)) }
    let diagonal = CSRMatrix<Double>(diagonal: eigenvalues)
    let neumann = try Gallery.Problem(.neumann2d, size: 12).matrix(Double.self)
    for a in [diagonal, neumann] {
      let n = a.rows
      let image = Reference.product(a, random.block(n, 5, Double.self))
      let b = BlockVector<Double>(rows: n, columns: 5) { i, j in
        j == 1 ? random.scalar() : j == 3 ? image[i, 3] + (i < 3 ? 1e-3 : 0) : image[i, j]
      }
      for choice in [PreconditionerChoice.none, .jacobi] where choice == .none || a.rows == 144 {
        for method in [BlockMINRES(), PseudoBlockGMRES(), BlockGMRES()] as [any BlockMethod] {
          let report = try method.preconditioned(by: choice).solve(a, b).report
          for j in [0, 2, 4] {
            #expect(
              report.columns[j].status == .converged,
              "\(method.name) \(choice.name) \(n), column \(j): \(report.columns[j].status)")
          }
          for j in [1, 3] {
            let column = report.columns[j]
            #expect(
              !column.status.isConverged && column.remedy != nil && column.trueRelativeResidual <= 1,
              "\(method.name) \(choice.name) \(n), column \(j): \(column.status), \(column.trueRelativeResidual)")
          }
        }
      }
    }
  }

  /// Real singular matrices, where they are: a graph Laplacian, and a Neumann problem by complex finite differences.
  @Test(
    .enabled(if: MatrixFolder.path != nil, "no folder of matrices"),
    arguments: ["hammond.mtx.gz", "neumann.mtx"])
  func realMatrices(name: String) throws {
    let folder = try #require(MatrixFolder.path)
    guard FileManager.default.fileExists(atPath: "\(folder)/\(name)") else { return }
    let a = try CSRMatrix<Complex<Double>>(matrixMarket: "\(folder)/\(name)")
    let found = try #require(DetectedNullSpace(a))
    #expect(found.left != nil)
    var random = SplitMix(835)
    let consistent = Reference.product(a, random.block(a.rows, 2, Complex<Double>.self))
    let arbitrary = random.block(a.rows, 2, Complex<Double>.self)
    let solved = try AutomaticSolver().solve(a, consistent)
    #expect(solved.report.allConverged, "\(solved.report)")
    #expect(Reference.relativeResiduals(a, solved.solution, consistent).allSatisfy { $0 <= 1.0000001e-8 })
    let least = try AutomaticSolver().solve(a, arbitrary)
    #expect(least.report.columns.allSatisfy { $0.status == .inconsistent }, "\(least.report)")
  }
}
