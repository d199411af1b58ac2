/// The columns of A·X = B that a method works on, with what is known of each: what an engine gets and where it leaves its results.
///
/// Columns are scaled by powers of two (`ColumnScaling`), so that norms neither overflow nor underflow; norms and bounds here are
/// those of the scaled columns.
package final class BlockProblem<Element: Scalar> {
  /// A.
  package let a: any LinearOperator<Element>
  /// A, where it is a matrix in compressed rows.
  private let matrix: CSRMatrix<Element>?
  /// The right-hand sides, n × p.
  package var b: BlockVector<Element>
  /// The initial guess, then the solution, n × p.
  package var x: BlockVector<Element>
  /// Whether `x` holds anything but zeros.
  package var hasGuess: Bool
  /// Which column of the caller's B each is.
  package let columns: [Int]
  /// ‖b_j‖₂.
  package let norms: [Double]
  /// The bound that ‖r_j‖₂ must meet.
  package var thresholds: [Double]
  /// What each column must meet.
  let tests: [ColumnTest]
  /// The errors of conjugate gradients, where a column asks for them.
  let energy: EnergyErrors?
  /// The number that each column was multiplied by.
  package let scales: [Double]
  package let monitor: SolveMonitor
  /// Where the columns are residuals of another problem: how long each is, measured by the ‖b_j‖ that the caller sees.
  private var shares: [Double]?
  /// The monitor's count when these columns began.
  private let firstIteration: Int
  /// Takes the X of all columns, and the block iterations of each, for a checkpoint; `nil` where nobody asks for them.
  package var save: ((_ x: BlockVector<Element>, _ iterations: [Int]) throws -> Void)?
  /// For a problem in single precision whose X is kept in double: moves `x` of these columns there, so that it becomes zero, and makes `b`
  /// the residual that is left, computed in double precision.
  var renewal: ((_ columns: [Int], _ x: inout BlockVector<Element>, _ b: inout BlockVector<Element>) throws -> Void)?
  /// The last `openPart`.
  private var lastPart: (part: BlockProblem, list: [Int], negated: Bool)?

  /// How each column ended; `nil` while it is unsolved.
  package var status: [ColumnStatus?]
  /// Block iterations (of all stages) after which each column met its tolerance.
  package var iterations: [Int]
  /// ‖r_j‖₂ by the recurrence.
  package var estimated: [Double]
  /// A round ended because the columns that are left are better off in a block of their own.
  var isNarrowed = false
  /// ‖b_j − A·x_j‖₂ for the current `x`; NaN while unknown.
  package var trueResiduals: [Double]
  /// ‖b_j − A·x_j‖₂ of the initial guess.
  package var startResiduals: [Double]
  package var energyErrors: [Double?]
  /// The bound in the norm of the test, and what was measured against it, where that is not the 2-norm.
  var bounds: [Double?]
  var measures: [Double?]
  /// How much of each column of B was outside the range of a singular A, and whether that is too much for a solution.
  var lost: [Double]
  var isInconsistent: [Bool]
  package var backwardErrors: [Double?]
  package var normalResiduals: [Double?]
  package var forwardErrors: [Double?]
  /// max |entry| of each column of X, where the engine that left it there knows: X need not be read for them then.
  var maxima: [Double]?

  init(
    a: any LinearOperator<Element>, b: BlockVector<Element>, x: BlockVector<Element>, hasGuess: Bool, columns: [Int],
    norms: [Double], thresholds: [Double], tests: [ColumnTest]? = nil, scales: [Double], monitor: SolveMonitor,
    firstIteration: Int? = nil
  ) {
    self.a = a
    matrix = a as? CSRMatrix<Element> ?? (a as? SingularOperator<Element>)?.plainMatrix
    self.b = b
    self.x = x
    self.hasGuess = hasGuess
    self.columns = columns
    self.norms = norms
    self.thresholds = thresholds
    let tests = tests ?? [ColumnTest](repeating: ColumnTest(), count: columns.count)
    self.tests = tests
    energy = tests.contains { $0.norm == .energy } ? EnergyErrors(columns: columns.count) : nil
    self.scales = scales
    self.monitor = monitor
    self.firstIteration = firstIteration ?? monitor.iterations
    status = [ColumnStatus?](repeating: nil, count: columns.count)
    iterations = [Int](repeating: 0, count: columns.count)
    estimated = norms
    startResiduals = norms
    trueResiduals = [Double](repeating: .nan, count: columns.count)
    energyErrors = [Double?](repeating: nil, count: columns.count)
    backwardErrors = energyErrors
    (bounds, measures) = (energyErrors, energyErrors)
    lost = [Double](repeating: 0, count: columns.count)
    isInconsistent = [Bool](repeating: false, count: columns.count)
    normalResiduals = backwardErrors
    forwardErrors = [Double?](repeating: nil, count: columns.count)
  }

  package var width: Int { columns.count }

  /// Block iterations of all stages on these columns.
  var iterationsSoFar: Int { monitor.iterations - firstIteration }

  /// The columns that have no status yet.
  package var open: [Int] { status.indices.filter { status[$0] == nil } }

  /// Y = A·X, counted.
  package func apply(_ x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    monitor.countOperator(columns: x.columns)
    try a.apply(to: x, into: &y)
  }

  /// When rows of products with A can be formed, where A is a matrix in compressed rows.
  func rowSchedule() -> RowSchedule? { matrix?.rowSchedule(size: BlockSpace<Element>.pieces(b.rows).size) }

  /// W = A·P and G = PᴴW, counted, rows of W as soon as `write` has written the rows of P that they read. Only with a schedule of
  /// this problem.
  func apply(
    _ p: UnsafePointer<Element>, _ ldp: Int, into w: inout BlockVector<Element>, inner g: inout DenseMatrix<Element>,
    _ space: BlockSpace<Element>, _ schedule: RowSchedule, after write: (Range<Int>) -> Void
  ) {
    guard let matrix else { return }
    monitor.countOperator(columns: w.columns)
    let (columns, ldw, bytesPerRow) = (w.columns, w.stride, matrix.storedBytes / max(matrix.rows, 1))
    unsafe matrix.withRowProducts(of: p, ldp, into: &w) { rows, form in
      unsafe space.inner(
        p, ldp, rows, ldw, columns: columns, into: &g, extraBytesPerRow: bytesPerRow, schedule, forming: form, after: write)
    }
  }

  /// W = A·P, counted, and sums over its rows, which are left in `space.sums`: each piece of them as soon as `write` has written the rows
  /// of P that it reads. Without a schedule everything is written first.
  ///
  /// - Parameters:
  ///   - count: of the sums.
  ///   - bytesPerRow: of what `write` and `body` work on.
  ///   - body: leaves the sums over some rows where it is told.
  func apply(
    _ p: BlockVector<Element>, into w: inout BlockVector<Element>, _ space: BlockSpace<Element>, _ schedule: RowSchedule?,
    sums count: Int, bytesPerRow: Int, after write: (Range<Int>) -> Void,
    _ body: (_ w: UnsafePointer<Element>, Range<Int>, UnsafeMutablePointer<Element>) -> Void
  ) throws {
    guard let matrix, let schedule else {
      Parallel.rows(w.rows, bytesPerRow: bytesPerRow, write)
      try apply(p, into: &w)
      let rows = unsafe UnsafePointer(w.mutableBase())
      return unsafe space.sumPanels(rows: w.rows, count: count, bytesPerRow: bytesPerRow) { unsafe body(rows, $0, $1) }
    }
    monitor.countOperator(columns: w.columns)
    let bytes = bytesPerRow + matrix.storedBytes / max(matrix.rows, 1)
    unsafe matrix.withRowProducts(of: p.base, p.stride, into: &w) { rows, form in
      unsafe space.sumPanels(schedule, count: count, bytesPerRow: bytes, after: write) { range, sum in
        form(range)
        unsafe body(rows, range, sum)
      }
    }
  }

  /// R = B − A·X, counted.
  package func residual(of x: BlockVector<Element>, _ b: BlockVector<Element>, into r: inout BlockVector<Element>) throws {
    monitor.countOperator(columns: x.columns)
    try a.residual(of: x, b, into: &r)
  }

  /// Begins anew from the residual that double precision tells, if X is kept there.
  func renew() throws {
    guard let renewal else { return }
    try renewal(Array(0..<width), &x, &b)
    hasGuess = false
  }

  /// A new estimate of a column's residual norm; true when it meets the bound.
  @discardableResult
  package func note(column j: Int, estimate: Double) -> Bool {
    let done = estimate <= thresholds[j] || energyIsMet(column: j)
    let isNew = tests[j].norm != .energy && estimated[j] > thresholds[j]
    if done, isNew || iterations[j] == 0 { iterations[j] = monitor.iterations + 1 - firstIteration }
    estimated[j] = estimate
    let relative = norms[j] > 0 ? estimate / norms[j] : (estimate == 0 ? 0 : .infinity)
    monitor.note(column: columns[j], relativeResidual: relative * (shares?[j] ?? 1), done: done)
    return done
  }

  /// A column takes no further part, whatever its residual; `inStep` before the iteration under way is counted.
  package func noteEnd(column j: Int, inStep: Bool) { iterations[j] = monitor.iterations + (inStep ? 1 : 0) - firstIteration }

  /// A column is finished.
  package func finish(column j: Int, _ outcome: ColumnStatus) {
    status[j] = outcome
    if !outcome.isConverged { iterations[j] = monitor.iterations - firstIteration }
  }

  /// The unfinished columns as a problem of their own, for another stage; `absorb` brings the results back. A restart on the same
  /// columns gets the same memory again.
  ///
  /// - Parameters:
  ///   - negated: the part is −A·X = −B, for methods that need a positive definite operator.
  ///   - takesX: whether a part of all columns works on X itself, which is not here then until `absorb` brings it back.
  package func openPart(negated: Bool = false, takesX: Bool = false) -> BlockProblem {
    let list = open
    let takesX = takesX && list.count == width
    let part: BlockProblem
    if let last = lastPart, last.list == list, last.negated == negated {
      part = last.part
    } else {
      lastPart = nil
      part = BlockProblem(
        a: negated ? Self.negated(a) : a,
        b: list.count == width && !negated ? b : BlockVector(rows: b.rows, columns: list.count),
        x: BlockVector(rows: x.rows, columns: takesX ? 0 : list.count), hasGuess: hasGuess, columns: list.map { columns[$0] },
        norms: list.map { norms[$0] }, thresholds: list.map { thresholds[$0] }, tests: list.map { tests[$0] },
        scales: list.map { scales[$0] }, monitor: monitor, firstIteration: firstIteration)
      part.shares = shares.map { shares in list.map { shares[$0] } }
      lastPart = (part, list, negated)
    }
    if list.count == width, !negated { part.b = b } else { part.b.gatherColumns(list, of: b) }
    if takesX {
      part.x = x
      x = BlockVector(rows: part.x.rows, columns: 0)
    } else {
      if part.x.columns != list.count { part.x = BlockVector(rows: x.rows, columns: list.count) }
      part.x.gatherColumns(list, of: x)
    }
    if negated { part.b.scale(by: -1) }
    part.hasGuess = hasGuess
    part.maxima = nil
    // What is renewed is B − A·X, and not the residual of −A·X = −B.
    part.renewal =
      negated
      ? nil
      : renewal.map { renewal in
        { columns, x, b in try renewal(columns.map { list[$0] }, &x, &b) }
      }
    part.save = save.map { save in
      { [unowned self] x, counts in
        var (whole, all) = (self.x, self.counts)
        if list.count == all.count { whole = x } else { whole.scatterColumns(list, from: x) }
        for (k, j) in list.enumerated() { all[j] = counts[k] }
        try save(whole, all)
      }
    }
    for (k, j) in list.enumerated() {
      part.status[k] = nil
      part.thresholds[k] = thresholds[j]
      part.iterations[k] = iterations[j]
      (part.estimated[k], part.startResiduals[k], part.trueResiduals[k]) = (norms[j], norms[j], .nan)
      (part.energyErrors[k], part.backwardErrors[k], part.bounds[k], part.measures[k]) = (nil, nil, nil, nil)
    }
    return part
  }

  /// The same columns with the unknowns in another order; `absorb` takes the results back once X is in this order again.
  ///
  /// - Parameter restore: brings rows back into this order.
  func renumbered(
    _ a: any LinearOperator<Element>, b: BlockVector<Element>, x: BlockVector<Element>,
    restore: @escaping (BlockVector<Element>) -> BlockVector<Element>
  ) -> BlockProblem {
    let part = BlockProblem(
      a: a, b: b, x: x, hasGuess: hasGuess, columns: columns, norms: norms, thresholds: thresholds, tests: tests, scales: scales,
      monitor: monitor, firstIteration: firstIteration)
    (part.shares, part.status, part.iterations) = (shares, status, iterations)
    (part.startResiduals, part.trueResiduals) = (startResiduals, trueResiduals)
    (part.lost, part.isInconsistent) = (lost, isInconsistent)
    part.save = save.map { save in { x, counts in try save(restore(x), counts) } }
    return part
  }

  /// The block iterations of each column up to now.
  private var counts: [Int] {
    status.indices.map { j in
      let isDone = status[j] != nil || (iterations[j] > 0 && estimated[j] <= thresholds[j])
      return isDone ? iterations[j] : monitor.iterations - firstIteration
    }
  }

  /// The memory of a group's columns besides B and the solution, in bytes.
  ///
  /// - Parameter copiesX: whether the method works on a copy of X.
  package static func bytes(rows: Int, columns: Int, width: Int, copiesX: Bool, copies: GroupCopies) -> Int {
    BlockVector<Element>.paddedWidth(width) * (columns * ((copiesX ? 1 : 0) + (copies.x ? 1 : 0)) + (copies.b ? rows : 0))
      * MemoryLayout<Element>.stride
  }

  /// Leaves a checkpoint when one is due. Engines call this after each iteration; nothing is computed otherwise.
  ///
  /// - Parameter complete: makes of a copy of `x` what it would be if the iteration ended here, and changes nothing else.
  package func checkpoint(_ complete: (inout BlockVector<Element>) throws -> Void) throws {
    guard let save, monitor.checkpointIsDue else { return }
    var current = x
    try complete(&current)
    try save(current, counts)
  }

  /// −A.
  package static func negated(_ a: some LinearOperator<Element>) -> any LinearOperator<Element> { a.scaled(by: -1) }

  /// Takes over the results of a part made of columns `list`.
  package func absorb(_ part: BlockProblem, at list: [Int]) {
    maxima = nil
    if list.count == width {
      // The part keeps the memory for its next round.
      swap(&x, &part.x)
    } else {
      x.scatterColumns(list, from: part.x)
    }
    if renewal != nil { b.scatterColumns(list, from: part.b) }
    hasGuess = hasGuess || part.hasGuess
    for (k, j) in list.enumerated() {
      status[j] = part.status[k]
      iterations[j] = part.iterations[k]
      estimated[j] = part.estimated[k]
      trueResiduals[j] = part.trueResiduals[k]
      energyErrors[j] = part.energyErrors[k]
      (bounds[j], measures[j]) = (part.bounds[k], part.measures[k])
      backwardErrors[j] = part.backwardErrors[k]
      normalResiduals[j] = part.normalResiduals[k]
      forwardErrors[j] = part.forwardErrors[k]
    }
  }

  /// The problem A'·D = R of a correction D for some of the columns, in another precision.
  ///
  /// - Parameters:
  ///   - r: the residuals of the columns `list`, multiplied by what brings their norms to `norms`.
  ///   - residuals: their norms here.
  ///   - reductions: what the correction is to leave of each.
  package func correction<Other: Scalar>(
    by a: any LinearOperator<Other>, _ list: [Int], r: BlockVector<Other>, norms: [Double], residuals: [Double],
    reductions: [Double]
  ) -> BlockProblem<Other> {
    let problem = BlockProblem<Other>(
      a: a, b: r, x: BlockVector(rows: x.rows, columns: list.count), hasGuess: false, columns: list.map { columns[$0] },
      norms: norms, thresholds: zip(norms, reductions).map { $0 * $1 },
      tests: zip(list, reductions).map { ColumnTest(relative: $1, limit: tests[$0].limit) },
      scales: [Double](repeating: 1, count: list.count), monitor: monitor, firstIteration: firstIteration)
    problem.shares = zip(list, residuals).map { j, residual in residual / self.norms[j] * (shares?[j] ?? 1) }
    return problem
  }
}

/// What a group of columns holds of its own.
package struct GroupCopies {
  /// Its part of X: a group of all columns works on the solution itself.
  package var x: Bool
  /// Its part of B: columns have to be scaled or gathered; B itself is worked on otherwise.
  package var b: Bool

  package init(x: Bool, b: Bool) { (self.x, self.b) = (x, b) }
}
