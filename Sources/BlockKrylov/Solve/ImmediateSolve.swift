internal import ComplexModule

/// An engine that may find X and its quality in one step, where columns need nothing else: a direct solve with sound factors. A class,
/// since casts to classes are quick.
package class ImmediateEngine<Element: Scalar> {
  package init() {}
  /// Whether it is worth asking.
  var solvesAtOnce: Bool { false }
  /// X = A⁻¹·B and the quality of every column; `nil`, with any numbers in X, when a column needs a second look.
  func solveAtOnce(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws -> SolutionQuality? { nil }
}

extension PreparedSolver {
  /// The short way for small systems, where the books that a solve keeps would take longer than the solve: all columns are plain
  /// (neither zero nor so large or small that they need to be scaled, and measured in the 2-norm), there is no guess, and the engine's first X is final. X and the
  /// report are what the long way gives, bit for bit.
  ///
  /// - Returns: `nil`, with any numbers in X, when a column needs the long way.
  @specialized(where Element == Double)
  @specialized(where Element == Float)
  @specialized(where Element == Complex<Double>)
  @specialized(where Element == Complex<Float>)
  func solveAtOnce(_ b: BlockVector<Element>, into x: inout BlockVector<Element>) throws -> SolveReport? {
    guard let immediate, immediate.solvesAtOnce, options.memoryLimit == nil, options.tolerance.isInTwoNorm, b.columns > 0
    else { return nil }
    let began = ContinuousClock.now
    let m = b.columns
    return try unsafe withUnsafeTemporaryAllocation(of: Element.Magnitude.self, capacity: 2 * m) { sizes in
      guard let maxima = sizes.baseAddress else { return nil }
      let squares = unsafe maxima + m
      unsafe Kernels<Element>.columnMaxima(b.rows, m, b.base, b.stride, maxima)
      let (low, high) = Self.plainRange
      for j in 0..<m where unsafe !(maxima[j] >= low && maxima[j] <= high) { return nil }
      unsafe Kernels<Element>.columnSquares(b.rows, m, b.base, b.stride, squares)
      guard let quality = try immediate.solveAtOnce(b, into: &x) else { return nil }
      guard let columns = unsafe columnReports(m, squares, quality) else { return nil }
      return report(columns, since: began)
    }
  }

  /// Columns whose largest entry is in this range go through the same roundings scaled and not scaled: the squares of residuals at the
  /// level of rounding are still normal numbers, and those of B do not overflow.
  private static var plainRange: (low: Element.Magnitude, high: Element.Magnitude) {
    let exponent = Element.Magnitude.greatestFiniteMagnitude.exponent / 6
    return (
      Element.Magnitude(sign: .plus, exponent: -exponent, significand: 1),
      Element.Magnitude(sign: .plus, exponent: exponent, significand: 1)
    )
  }

  /// The reports of columns that are all solved; `nil` when one is not.
  private func columnReports(
    _ m: Int, _ squares: UnsafePointer<Element.Magnitude>, _ quality: SolutionQuality
  ) -> [ColumnReport]? {
    // Above this the rounding of subnormal entries is nothing against the largest one.
    let safe = Double(Element.Magnitude.leastNormalMagnitude) / Element.unitRoundoff
    let tolerance = options.tolerance
    var record: [Double] = []
    if options.recordsHistory {
      record = [Double](repeating: 1, count: 2 * m)
      for j in 0..<m { unsafe record[m + j] = quality.residuals[j] / Double(squares[j]).squareRoot() }
    }
    let reports = unsafe [ColumnReport](unsafeUninitializedCapacity: m) { target, count in
      for j in 0..<m {
        let (norm, residual) = unsafe (Double(squares[j]).squareRoot(), quality.residuals[j])
        let bound = tolerance.threshold(column: j, norm: norm, for: Element.self)
        guard residual <= bound, norm > bound, quality.maxima[j] >= safe else { return }
        unsafe target.initializeElement(
          at: j,
          to: ColumnReport(
            index: j, status: .converged, rightHandSideNorm: norm, threshold: bound, estimatedResidual: residual,
            trueResidual: residual, backwardError: quality.omega[j],
            residualHistory: ResidualHistory(record: record, width: m, column: j)))
        count = j + 1
      }
    }
    return reports.count == m ? reports : nil
  }

  private func report(_ columns: [ColumnReport], since began: ContinuousClock.Instant) -> SolveReport {
    var report = SolveReport(method: engine.methodName, preconditioner: engine.preconditionerName, columns: columns)
    report.events = engine.setupEvents
    report.operatorApplications = 1
    report.columnsApplied = columns.count
    report.setupSeconds = setupSeconds
    report.solveSeconds = SolveMonitor.seconds(since: began)
    report.bytesPlanned = bytes(width: columns.count, GroupCopies(x: false, b: false))
    report.bytesUsed = engine.bytesUsed + bytesOfColumns(width: columns.count, GroupCopies(x: false, b: false))
    report.threads = options.threads ?? Threads.count
    report.explanation = engine.explanation
    return report
  }
}
