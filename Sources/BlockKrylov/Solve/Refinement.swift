internal import ComplexModule

extension DirectEngine {
  /// More of them seldom find what these did not.
  private static var mostIdleRefinements: Int { 3 }

  /// Solves columns by the factors, then refines each until its componentwise backward error ω is at most what the factors should attain
  /// (`soundBackwardError`; 2u where the residual is above its bound), or no longer halves (M. Arioli, J. W. Demmel and I. S. Duff,
  /// “Solving sparse linear systems with sparse backward error”, SIAM J. Matrix Anal. Appl. 10, 1989). Every pass works on all columns
  /// that are still active at once; a column keeps the iterate with the smallest ω. Where long rows make the residual's own rounding
  /// as large as what is to be attained, a few more iterates are tried: one of them has smaller rounding errors.
  ///
  /// Leaves X, residuals and backward errors in the problem.
  ///
  /// - Returns: the columns that a limit kept from being refined further.
  func refine(_ problem: BlockProblem<Element>, columns: [Int], by factors: Factors) throws -> [Int] {
    let (n, monitor) = (factors.rows, problem.monitor)
    var list = columns
    var b = problem.b.picking(list)
    // An iterate of all columns becomes the solution, which is the caller's.
    let isPart = list.count < problem.width
    var x = isPart ? takeBlock(columns: list.count) : BlockVector<Element>(rows: n, columns: list.count)
    // What every step uses again: the residual and the new iterate.
    var r = takeBlock(columns: list.count)
    var next = BlockVector<Element>(rows: n, columns: 0)
    var quality = try factors.correct(&r, of: nil, b, into: &x).markingNonFinite()
    monitor.countOperator(columns: x.columns)
    // The smallest ω of each column, and how many iterates next to rounding were no better.
    var (best, idle) = (quality.omega, [Int](repeating: 0, count: list.count))
    func needsRefinement(_ k: Int) -> Bool {
      let isSolved = problem.trueResiduals[list[k]] <= problem.thresholds[list[k]]
      return best[k].isFinite && best[k] > (isSolved ? factors.soundBackwardError : 2 * Element.unitRoundoff)
    }
    accept(list.indices.map { $0 }, of: &x, list, quality, into: problem, refinements: 0)
    monitor.start()
    var active = list.indices.filter(needsRefinement)
    var step = 0
    while !active.isEmpty, monitor.limitReached() == nil {
      // A few columns that need nothing more are carried along: that is cheaper than to copy the others.
      if active.count * 4 <= list.count * 3 {
        (list, quality) = (active.map { list[$0] }, quality.picking(active))
        (best, idle) = (active.map { best[$0] }, active.map { idle[$0] })
        (b, x) = (b.picking(active), x.picking(active))
        let wide = r
        r = takeBlock(columns: active.count)
        r.gatherColumns(active, of: wide)
        giveBack([wide])
        active = list.indices.map { $0 }
      }
      step += 1
      if next.columns != list.count { next = takeBlock(columns: list.count) }
      let refined = try factors.correct(&r, of: x, b, into: &next).markingNonFinite()
      monitor.countOperator(columns: active.count)
      let better = active.filter { refined.omega[$0] < best[$0] }
      let worst = (quality.picking(active).worst, refined.picking(active).worst)
      monitor.record(
        .refined,
        "refinement \(step) of \(active.count) columns: worst backward error \(worst.0.brief) → \(worst.1.brief), \(better.count) improved"
      )
      accept(better, of: &next, list, refined, into: problem, refinements: step)
      _ = monitor.finishIteration()
      for k in active {
        if refined.omega[k] < best[k] { best[k] = refined.omega[k] } else { idle[k] += 1 }
      }
      active = active.filter { k in
        guard needsRefinement(k) else { return false }
        if idle[k] == 0, refined.omega[k] <= quality.omega[k] / 2 { return true }
        // Next to rounding errors are no longer halved, and any iterate may be the one that is enough.
        let mostIdle = best[k] > factors.soundBackwardError ? Self.mostIdleRefinements : 0
        return refined.omega[k] <= 16 * Element.unitRoundoff && idle[k] <= mostIdle
      }
      swap(&x, &next)
      quality = refined
    }
    giveBack((isPart ? [x, r, next] : [r, next]).filter { $0.columns > 0 })
    return active.map { list[$0] }
  }

  /// Solves columns in panels that stay in the cache, and refines those that need it together in the end. Where the first panel shows
  /// that most columns do, they go on as one block: refinement would have to solve them again.
  ///
  /// - Returns: as `refine`; `nil`, and nothing was done, where one panel would hold all columns.
  func solvePanels(_ problem: BlockProblem<Element>, columns: [Int], by factors: Factors) throws -> [Int]? {
    let width = panelWidth(columns: columns.count)
    guard width < columns.count, columns == Array(0..<problem.width) else { return nil }
    let (n, monitor) = (factors.rows, problem.monitor)
    var (x, r) = (BlockVector<Element>(rows: n, columns: 0), BlockVector<Element>(rows: n, columns: 0))
    var postponed: [Int] = []
    for begin in stride(from: 0, to: columns.count, by: width) {
      let panel = begin..<min(begin + width, columns.count)
      if x.columns != panel.count {
        (x, r) = (takeBlock(columns: panel.count), takeBlock(columns: panel.count))
      }
      let quality = try factors.correct(&r, of: nil, problem.b[columns: panel], into: &x).markingNonFinite()
      monitor.countOperator(columns: panel.count)
      accept(Array(0..<panel.count), of: &x, Array(panel), quality, into: problem, refinements: 0)
      let unsound = panel.filter { j in
        let omega = quality.omega[j - begin]
        let isSolved = problem.trueResiduals[j] <= problem.thresholds[j]
        return omega.isFinite && omega > (isSolved ? factors.soundBackwardError : 2 * Element.unitRoundoff)
      }
      postponed += unsound
      if monitor.limitReached() != nil || begin == 0 && 2 * unsound.count > panel.count {
        postponed += panel.upperBound..<columns.count
        break
      }
    }
    giveBack([x, r])
    return postponed.isEmpty ? [] : try refine(problem, columns: postponed, by: factors)
  }

  /// Puts columns of an iterate into the problem; columns that are not finite only leave their residual.
  private func accept(
    _ chosen: [Int], of x: inout BlockVector<Element>, _ list: [Int], _ quality: SolutionQuality,
    into problem: BlockProblem<Element>, refinements: Int
  ) {
    if list.count == problem.width, 2 * chosen.count >= list.count {
      // The iterate becomes the solution, but for the columns that were better before.
      for k in Set(list.indices).subtracting(chosen).sorted() { x[columns: k..<(k + 1)] = problem.x[columns: k..<(k + 1)] }
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

/// ‖b_j − A·x_j‖₂, ω and max |x_j| of some columns.
package struct SolutionQuality {
  package var residuals: [Double]
  package var omega: [Double]
  package var maxima: [Double]

  package init(residuals: [Double], omega: [Double], maxima: [Double]) {
    (self.residuals, self.omega, self.maxima) = (residuals, omega, maxima)
  }

  init(columns: Int) {
    residuals = [Double](repeating: 0, count: columns)
    (omega, maxima) = (residuals, residuals)
  }

  var worst: Double { omega.max() ?? 0 }

  func picking(_ list: [Int]) -> SolutionQuality {
    SolutionQuality(residuals: list.map { residuals[$0] }, omega: list.map { omega[$0] }, maxima: list.map { maxima[$0] })
  }

  /// A column with a number that is not finite has no residual.
  func markingNonFinite() -> SolutionQuality {
    var result = self
    for j in maxima.indices where !(maxima[j].isFinite && residuals[j].isFinite && omega[j].isFinite) {
      (result.residuals[j], result.omega[j]) = (.nan, .infinity)
    }
    return result
  }

  /// The three lists, for threads that fill parts of them.
  @unsafe struct Pointers {
    var residuals: UnsafeMutablePointer<Double>
    var omega: UnsafeMutablePointer<Double>
    var maxima: UnsafeMutablePointer<Double>
  }

  mutating func withPointers(_ body: (Pointers) -> Void) {
    unsafe residuals.withUnsafeMutableBufferPointer { residuals in
      unsafe omega.withUnsafeMutableBufferPointer { omega in
        unsafe maxima.withUnsafeMutableBufferPointer { maxima in
          guard let residuals = residuals.baseAddress, let omega = omega.baseAddress, let maxima = maxima.baseAddress else {
            return
          }
          unsafe body(Pointers(residuals: residuals, omega: omega, maxima: maxima))
        }
      }
    }
  }
}

/// ‖r_j‖₂ and ω = ω₁ + ω₂ of each column. Equations where |A||x| + |b| is more than rounding, 1000·n·2u·(‖a_i‖₁‖x‖_∞ + |b_i|), are
/// judged by ω₁ = max |r_i| / (|A||x| + |b|)_i; for the others, where that divisor says nothing, ω₂ = max |r_i| / ((|A||x|)_i +
/// ‖a_i‖₁‖x‖_∞). Columns of B are scaled, so that a residual whose square overflows is as bad as an infinite one.
///
/// Strips of rows are cut by n alone and their sums are added in order: the result has the same bits for any number of threads.
func assess<Element: Scalar>(
  _ r: BlockVector<Element>, _ b: BlockVector<Element>, _ z: BlockVector<Element.Magnitude>, rowSums: [Double], maxima: [Double]
) -> SolutionQuality {
  let (rows, columns, strip) = (r.rows, r.columns, 2048)
  let strips = (rows + strip - 1) / strip
  // For each strip Σ|r|², ω₁ and ω₂ of every column.
  var partial = [Double](repeating: 0, count: strips * 3 * columns)
  unsafe partial.withUnsafeMutableBufferPointer { partial in
    guard let partial = partial.baseAddress else { return }
    Parallel.parts(strips, bytes: rows * columns * 3 * MemoryLayout<Element>.stride) { k in
      unsafe assess(
        k * strip..<min(rows, (k + 1) * strip), columns, factor: 1000 * Double(rows) * 2 * Element.unitRoundoff, r.base, r.stride,
        b.base, b.stride, z.base, z.stride, rowSums: rowSums, maxima: maxima, into: partial + k * 3 * columns)
    }
  }
  var quality = SolutionQuality(
    residuals: [Double](repeating: 0, count: columns), omega: [Double](repeating: 0, count: columns), maxima: maxima)
  for j in 0..<columns {
    var (square, first, second) = (0.0, 0.0, 0.0)
    for k in 0..<strips {
      square += partial[k * 3 * columns + j]
      first = max(first, partial[(k * 3 + 1) * columns + j])
      second = max(second, partial[(k * 3 + 2) * columns + j])
    }
    quality.residuals[j] = square.squareRoot()
    quality.omega[j] = first + second
  }
  return quality
}

@specialized(where Element == Double)
@specialized(where Element == Float)
@specialized(where Element == Complex<Double>)
@specialized(where Element == Complex<Float>)
private func assess<Element: Scalar>(
  _ rows: Range<Int>, _ columns: Int, factor: Double, _ r: UnsafePointer<Element>, _ ldr: Int, _ b: UnsafePointer<Element>,
  _ ldb: Int, _ z: UnsafePointer<Element.Magnitude>, _ ldz: Int, rowSums: [Double], maxima: [Double],
  into partial: UnsafeMutablePointer<Double>
) {
  let (squares, first, second) = unsafe (partial, partial + columns, partial + 2 * columns)
  for i in rows {
    let rowSum = rowSums[i]
    for j in 0..<columns {
      let residual = unsafe Double(r[i * ldr + j].modulus)
      unsafe squares[j] += residual * residual
      let (right, product) = unsafe (Double(b[i * ldb + j].modulus), Double(z[i * ldz + j]))
      let bound = rowSum * maxima[j]
      let isLarge = product + right > factor * (bound + right)
      // A residual of 0 is no error even where the divisor is 0; NaN is found by the norms.
      let error = residual > 0 ? residual / (product + (isLarge ? right : bound)) : 0
      unsafe first[j] = max(first[j], isLarge ? error : 0)
      unsafe second[j] = max(second[j], isLarge ? 0 : error)
    }
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
