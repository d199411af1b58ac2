public import BlockKrylov

extension SparseDirect: FactorizationEstimating {
  /// By symbolic analysis: that of Cholesky where A is hermitian with a positive diagonal, that of KLU where the choice would fall on
  /// it. For LU the bounds of UMFPACK hold for any pivoting and may be far above what is needed; where pivoting changes little, the
  /// analysis of A + Aᴴ is close, and the lower of the two is taken.
  public func estimatedWork<Element: Scalar>(for a: CSRMatrix<Element>) throws -> FactorizationWork? {
    if a.probe().looksPositiveDefinite { return work("cholesky", try CholeskyFactorization.estimate(for: a)) }
    if KLUFactorization.suits(a) != nil { return work("klu", try KLUFactorization.estimate(for: a)) }
    let bound = work("lu", try LUFactorization.estimate(for: a))
    let half = try CholeskyFactorization.estimate(for: a.symmetrizedPattern)
    let symmetric = FactorizationWork(
      method: "lu", flops: 2 * half.flops, entries: 2 * Double(half.lowerNonzeros), peakBytes: 2 * Double(half.peakBytes))
    return symmetric.flops < bound.flops ? symmetric : bound
  }

  private func work(_ method: String, _ statistics: FactorStatistics) -> FactorizationWork {
    FactorizationWork(
      method: method, flops: statistics.flops, entries: Double(statistics.lowerNonzeros + statistics.upperNonzeros),
      peakBytes: Double(statistics.peakBytes))
  }
}
