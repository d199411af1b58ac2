internal import ComplexModule
internal import RealModule

/// A dense matrix factored, as the engine of direct methods wants it.
struct DenseFactors<Element: Scalar>: DirectFactors {
  private var factorization: DenseFactorization<Element>
  private let refinesToRounding: Bool

  init(_ a: any LinearOperator<Element>, refinesToRounding: Bool) throws {
    self.refinesToRounding = refinesToRounding
    factorization = try DenseFactorization(a)
  }

  mutating func update(_ a: any LinearOperator<Element>) throws { factorization = try DenseFactorization(a) }

  var rows: Int { factorization.rows }
  var longestRow: Int { factorization.rows }
  var rowSums: [Double] { factorization.rowSums }
  var zeroPivots: Int { factorization.zeroPivots }
  func reciprocalCondition() -> Double { factorization.rcond }
  var events: [SolveEvent] {
    singularityEvent(rcond: factorization.rcond, measure: factorization.conditionMeasure).map { [$0] } ?? []
  }
  var storedBytes: Int {
    let entry = MemoryLayout<Element>.stride
    return rows * rows * (2 * entry + MemoryLayout<Float>.stride) + (28 + entry) * rows
  }

  /// Columns that are refined in any case do better without.
  var solvesAtOnce: Bool { !refinesToRounding }
  /// √n·u, 4u at least: what the sums of n products leave by rounding, for factors with partial pivoting. A refinement would cost as much
  /// as the solution and its residual.
  var soundBackwardError: Double {
    (refinesToRounding ? 2 : max(4, Double(rows).squareRoot())) * Element.unitRoundoff
  }

  func solve(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws { factorization.solve(b, into: &x) }
  func solveAdjoint(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws {
    factorization.solveAdjoint(b, into: &x)
  }
  func solveAndAssess(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws -> SolutionQuality? {
    factorization.solveAndAssess(b, into: &x)
  }
  func correct(
    _ r: inout BlockVector<Element>, of x: BlockVector<Element>?, _ b: BlockVector<Element>, into y: inout BlockVector<Element>
  ) throws -> SolutionQuality {
    factorization.correct(&r, of: x, b, into: &y)
  }
  func residualAndMagnitude(
    of x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>,
    _ z: inout BlockVector<Element.Magnitude>
  ) {
    factorization.residualAndMagnitude(of: x, b, into: &r, &z)
  }
}
