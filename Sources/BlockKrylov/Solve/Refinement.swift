extension DirectEngine {
  /// More of them seldom find what these did not.
  private static var mostIdleRefinements: Int { 3 }

  /// Iterates of some columns, and what they are worth.
  private struct Iterates {
    /// Their columns in the problem.
    var list: [Int]
    var b: BlockVector<Element>
    var x: BlockVector<Element>
    /// B − A·X.
    var r: BlockVector<Element>
    var quality: SolutionQuality
    /// Whether B is a block that was taken for this.
    var ownsB = false

    /// Room for more columns, behind those that there are.
    mutating func widen(to columns: Int, take: (Int) -> BlockVector<Element>, giveBack: ([BlockVector<Element>]) -> Void) {
      for part in [\Self.b, \.x, \.r] {
        var wide = take(columns)
        wide[columns: 0..<list.count] = self[keyPath: part][columns: 0..<list.count]
        giveBack([self[keyPath: part]])
        self[keyPath: part] = wide
      }
    }

    /// Without the room that is left.
    consuming func narrowed() -> Iterates {
      let columns = 0..<list.count
      (b, x, r) = (b[columns: columns], x[columns: columns], r[columns: columns])
      return self
    }
  }

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
    let width = panelWidth(columns: columns.count)
    var solved =
      width < columns.count && columns == Array(0..<problem.width)
      ? try solvePanels(problem, width: width, by: factors) : try solveTogether(problem, columns: columns, by: factors)
    return try improve(&solved, problem, by: factors)
  }

  private func needsRefinement(_ j: Int, _ omega: Double, _ problem: BlockProblem<Element>, by factors: Factors) -> Bool {
    let isSolved = problem.trueResiduals[j] <= problem.thresholds[j]
    return omega.isFinite && omega > (isSolved ? factors.soundBackwardError : 2 * Element.unitRoundoff)
  }

  private func solveTogether(_ problem: BlockProblem<Element>, columns: [Int], by factors: Factors) throws -> Iterates {
    let b = problem.b.picking(columns)
    var x: BlockVector<Element>
    if columns.count < problem.width {
      x = takeBlock(columns: columns.count)
    } else if problem.hasGuess {
      // The guess may have to be returned after all.
      x = BlockVector(rows: factors.rows, columns: columns.count)
    } else {
      x = problem.x
      problem.x = BlockVector(rows: 0, columns: 0)
    }
    var r = takeBlock(columns: columns.count)
    let quality = try factors.correct(&r, of: nil, b, into: &x).markingNonFinite()
    problem.monitor.countOperator(columns: x.columns)
    accept(Array(columns.indices), of: &x, columns, quality, into: problem, refinements: 0)
    return Iterates(list: columns, b: b, x: x, r: r, quality: quality)
  }

  /// Solves all columns in panels that stay in the cache; those that need refinement are put together while they are there. Where the first
  /// panel shows that most columns do, or a limit is reached, the others go on as one block, which would have to be copied as a whole otherwise.
  private func solvePanels(_ problem: BlockProblem<Element>, width: Int, by factors: Factors) throws -> Iterates {
    var solution = BlockVector<Element>(rows: factors.rows, columns: problem.width)
    let none = BlockVector<Element>(rows: factors.rows, columns: 0)
    var (x, r) = (none, none)
    var unsound = Iterates(list: [], b: none, x: none, r: none, quality: SolutionQuality(columns: 0), ownsB: true)
    for begin in stride(from: 0, to: problem.width, by: width) {
      let panel = begin..<min(begin + width, problem.width)
      let b = problem.b[columns: panel]
      if r.columns != panel.count { (x, r) = (takeBlock(columns: panel.count), takeBlock(columns: panel.count)) }
      let quality = try factors.correct(&r, of: nil, b, into: &x).markingNonFinite()
      solution.scatterColumns(Array(panel), from: x, streaming: solution.byteCount > CacheSize.lastLevel / 2)
      problem.monitor.countOperator(columns: panel.count)
      note(Array(0..<panel.count), Array(panel), quality, in: problem, refinements: 0)
      let chosen = (0..<panel.count).filter { needsRefinement(begin + $0, quality.omega[$0], problem, by: factors) }
      let isLate = problem.monitor.limitReached() != nil
      if panel.upperBound < problem.width, isLate || begin == 0 && 2 * chosen.count > panel.count {
        problem.x = solution
        giveBack([x, r])
        let rest = unsound.list + chosen.map { begin + $0 } + Array(panel.upperBound..<problem.width)
        return try solveTogether(problem, columns: rest, by: factors)
      }
      if chosen.isEmpty { continue }
      let range = unsound.list.count..<(unsound.list.count + chosen.count)
      if range.upperBound > unsound.x.columns {
        unsound.widen(to: max(Self.fewestUnsound, 2 * range.upperBound), take: takeBlock, giveBack: giveBack)
      }
      unsound.b.withColumns(range) { $0.gatherColumns(chosen, of: b) }
      unsound.x.withColumns(range) { $0.gatherColumns(chosen, of: x) }
      unsound.r.withColumns(range) { $0.gatherColumns(chosen, of: r) }
      unsound.list += chosen.map { begin + $0 }
      unsound.quality.append(quality.picking(chosen))
    }
    problem.x = solution
    giveBack([x, r])
    return unsound.narrowed()
  }
  private static var fewestUnsound: Int { 16 }

  private func improve(_ now: inout Iterates, _ problem: BlockProblem<Element>, by factors: Factors) throws -> [Int] {
    let monitor = problem.monitor
    let isPart = now.list.count < problem.width
    // What every step uses again: the residual and the new iterate.
    var next = BlockVector<Element>(rows: factors.rows, columns: 0)
    // The smallest ω of each column, and how many iterates next to rounding were no better.
    var (best, idle) = (now.quality.omega, [Int](repeating: 0, count: now.list.count))
    monitor.start()
    var active = now.list.indices.filter { needsRefinement(now.list[$0], best[$0], problem, by: factors) }
    var step = 0
    while !active.isEmpty, monitor.limitReached() == nil {
      // A few columns that need nothing more are carried along: that is cheaper than to copy the others.
      if active.count * 4 <= now.list.count * 3 {
        (now.list, now.quality) = (active.map { now.list[$0] }, now.quality.picking(active))
        (best, idle) = (active.map { best[$0] }, active.map { idle[$0] })
        (now.b, now.x, now.ownsB) = (now.b.picking(active), now.x.picking(active), false)
        let wide = now.r
        now.r = takeBlock(columns: active.count)
        now.r.gatherColumns(active, of: wide)
        giveBack([wide])
        active = Array(active.indices)
      }
      step += 1
      if next.columns != now.list.count { next = takeBlock(columns: now.list.count) }
      let refined = try factors.correct(&now.r, of: now.x, now.b, into: &next).markingNonFinite()
      monitor.countOperator(columns: active.count)
      let better = active.filter { refined.omega[$0] < best[$0] }
      let worst = (now.quality.picking(active).worst, refined.picking(active).worst)
      monitor.record(
        .refined,
        "refinement \(step) of \(active.count) columns: worst backward error \(worst.0.brief) → \(worst.1.brief), \(better.count) improved"
      )
      accept(better, of: &next, now.list, refined, into: problem, refinements: step)
      _ = monitor.finishIteration()
      for k in active {
        if refined.omega[k] < best[k] { best[k] = refined.omega[k] } else { idle[k] += 1 }
      }
      active = active.filter { k in
        guard needsRefinement(now.list[k], best[k], problem, by: factors) else { return false }
        if idle[k] == 0, refined.omega[k] <= now.quality.omega[k] / 2 { return true }
        // Next to rounding errors are no longer halved, and any iterate may be the one that is enough.
        let mostIdle = best[k] > factors.soundBackwardError ? Self.mostIdleRefinements : 0
        return refined.omega[k] <= 16 * Element.unitRoundoff && idle[k] <= mostIdle
      }
      swap(&now.x, &next)
      now.quality = refined
    }
    giveBack((isPart ? [now.x, now.r, next] : [now.r, next]) + (now.ownsB ? [now.b] : []))
    return active.map { now.list[$0] }
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
    note(chosen, list, quality, in: problem, refinements: refinements)
  }

  /// Notes what columns of an iterate are worth.
  private func note(
    _ chosen: [Int], _ list: [Int], _ quality: SolutionQuality, in problem: BlockProblem<Element>, refinements: Int
  ) {
    for k in chosen {
      let (j, residual) = (list[k], quality.residuals[k])
      problem.maxima?[j] = quality.maxima[k]
      problem.trueResiduals[j] = residual
      problem.estimated[j] = residual
      problem.iterations[j] = refinements
      problem.backwardErrors[j] = quality.omega[k].isFinite ? quality.omega[k] : nil
      problem.monitor.note(
        column: problem.columns[j], relativeResidual: residual / problem.norms[j], done: residual <= problem.thresholds[j])
    }
  }
}
