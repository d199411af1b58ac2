internal import ComplexModule

extension DirectEngine {
  /// Solves columns by the factors, then refines each until its componentwise backward error ω is below the unit roundoff's
  /// distance 2u, or no longer halves (M. Arioli, J. W. Demmel and I. S. Duff, “Solving sparse linear systems with sparse
  /// backward error”, SIAM J. Matrix Anal. Appl. 10, 1989). Every pass works on all columns that are still active at once; a
  /// column keeps the iterate with the smallest ω.
  ///
  /// Leaves X, residuals and backward errors in the problem.
  ///
  /// - Returns: the columns that a limit kept from being refined further.
  func refine(_ problem: BlockProblem<Element>, columns: [Int], by factors: Factors) throws -> [Int] {
    let (n, monitor, goal) = (factors.rows, problem.monitor, 2 * Element.unitRoundoff)
    var list = columns
    var b = problem.b.picking(list)
    var x = BlockVector<Element>(rows: n, columns: list.count)
    var r = x
    try factors.solve(b, into: &x)
    var quality = measure(x, b, into: &r, by: factors, monitor)
    accept(list.indices.map { $0 }, of: x, list, quality, into: problem, refinements: 0)
    monitor.start()
    var active = list.indices.filter { quality.omega[$0].isFinite && quality.omega[$0] >= goal }
    var step = 0
    while !active.isEmpty, monitor.limitReached() == nil {
      if active.count < list.count {
        (list, quality) = (active.map { list[$0] }, quality.picking(active))
        (b, x, r) = (b.picking(active), x.picking(active), r.picking(active))
      }
      step += 1
      var next = BlockVector<Element>(rows: n, columns: list.count)
      try factors.solve(r, into: &next)
      next.combine(1, x, 1)
      let refined = measure(next, b, into: &r, by: factors, monitor)
      let better = list.indices.filter { refined.omega[$0] < quality.omega[$0] }
      monitor.record(
        .refined,
        "refinement \(step) of \(list.count) columns: worst backward error \(quality.worst.brief) → \(refined.worst.brief), \(better.count) improved"
      )
      accept(better, of: next, list, refined, into: problem, refinements: step)
      _ = monitor.finishIteration()
      active = better.filter { refined.omega[$0] <= quality.omega[$0] / 2 && refined.omega[$0] >= goal }
      (x, quality) = (next, refined)
    }
    return active.map { list[$0] }
  }

  /// The residual of every column, its norm and its backward error.
  private func measure(
    _ x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>, by factors: Factors,
    _ monitor: SolveMonitor
  ) -> SolutionQuality {
    var z = BlockVector<Element.Magnitude>(rows: x.rows, columns: x.columns)
    factors.residualAndMagnitude(of: x, b, into: &r, &z)
    monitor.countOperator(columns: x.columns)
    let maxima = x.columnMaxima()
    let zeros = [Double](repeating: 0, count: x.columns)
    var quality = SolutionQuality(residuals: zeros, omega: zeros)
    unsafe assess(
      rows: x.rows, columns: x.columns, r.base, r.stride, b.base, b.stride, z.base, z.stride, rowSums: factors.rowSums,
      maxima: maxima, into: &quality)
    for j in maxima.indices where !(maxima[j].isFinite && quality.residuals[j].isFinite && quality.omega[j].isFinite) {
      (quality.residuals[j], quality.omega[j]) = (.nan, .infinity)
    }
    return quality
  }

  /// Puts columns of an iterate into the problem; columns that are not finite only leave their residual.
  private func accept(
    _ chosen: [Int], of x: BlockVector<Element>, _ list: [Int], _ quality: SolutionQuality, into problem: BlockProblem<Element>,
    refinements: Int
  ) {
    if chosen.count == problem.width {
      problem.x = x
    } else if !chosen.isEmpty {
      problem.x.scatterColumns(chosen.map { list[$0] }, from: x.picking(chosen))
    }
    for k in chosen {
      let (j, residual) = (list[k], quality.residuals[k])
      problem.trueResiduals[j] = residual
      problem.estimated[j] = residual
      problem.iterations[j] = refinements
      problem.backwardErrors[j] = quality.omega[k].isFinite ? quality.omega[k] : nil
      problem.monitor.note(
        column: problem.columns[j], relativeResidual: residual / problem.norms[j], done: residual <= problem.thresholds[j])
    }
  }
}

/// ‖b_j − A·x_j‖₂ and ω of some columns.
struct SolutionQuality {
  var residuals: [Double]
  var omega: [Double]

  var worst: Double { omega.max() ?? 0 }

  func picking(_ list: [Int]) -> SolutionQuality {
    SolutionQuality(residuals: list.map { residuals[$0] }, omega: list.map { omega[$0] })
  }
}

/// ‖r_j‖₂ and ω = ω₁ + ω₂ of each column. Equations where |A||x| + |b| is more than rounding, 1000·n·2u·(‖a_i‖₁‖x‖_∞ + |b_i|), are
/// judged by ω₁ = max |r_i| / (|A||x| + |b|)_i; for the others, where that divisor says nothing, ω₂ = max |r_i| / ((|A||x|)_i +
/// ‖a_i‖₁‖x‖_∞). Columns of B are scaled, so that a residual whose square overflows is as bad as an infinite one.
@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
private func assess<Element: Scalar>(
  rows: Int, columns: Int, _ r: UnsafePointer<Element>, _ ldr: Int, _ b: UnsafePointer<Element>, _ ldb: Int,
  _ z: UnsafePointer<Element.Magnitude>, _ ldz: Int, rowSums: [Double], maxima: [Double], into quality: inout SolutionQuality
) {
  let factor = 1000 * Double(rows) * 2 * Element.unitRoundoff
  var second = [Double](repeating: 0, count: columns)
  for i in 0..<rows {
    for j in 0..<columns {
      let residual = unsafe Double(r[i * ldr + j].modulus)
      if residual == 0 { continue }
      quality.residuals[j] += residual * residual
      let (right, product) = unsafe (Double(b[i * ldb + j].modulus), Double(z[i * ldz + j]))
      let bound = rowSums[i] * maxima[j]
      if product + right > factor * (bound + right) {
        quality.omega[j] = max(quality.omega[j], residual / (product + right))
      } else {
        second[j] = max(second[j], residual / (product + bound))
      }
    }
  }
  for j in 0..<columns {
    quality.residuals[j] = quality.residuals[j].squareRoot()
    quality.omega[j] += second[j]
  }
}

/// ‖a_i‖₁ of each row, added in double precision.
@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
package func rowSums<Element: Scalar>(_ a: CSRMatrix<Element>) -> [Double] {
  var sums = [Double](repeating: 0, count: a.rows)
  for i in 0..<a.rows {
    var sum = 0.0
    for k in a.rowStart[i]..<a.rowStart[i + 1] { sum += Double(a.values[k].modulus) }
    sums[i] = sum
  }
  return sums
}
