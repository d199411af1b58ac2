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
  package let thresholds: [Double]
  /// The number that each column was multiplied by.
  package let scales: [Double]
  package let monitor: SolveMonitor
  /// The monitor's count when these columns began.
  private let firstIteration: Int
  /// The last `openPart`.
  private var lastPart: (part: BlockProblem, list: [Int], negated: Bool)?

  /// How each column ended; `nil` while it is unsolved.
  package var status: [ColumnStatus?]
  /// Block iterations (of all stages) after which each column met its tolerance.
  package var iterations: [Int]
  /// ‖r_j‖₂ by the recurrence.
  package var estimated: [Double]
  /// ‖b_j − A·x_j‖₂ for the current `x`; NaN while unknown.
  package var trueResiduals: [Double]
  /// ‖b_j − A·x_j‖₂ of the initial guess.
  package var startResiduals: [Double]
  package var energyErrors: [Double?]
  package var backwardErrors: [Double?]
  package var normalResiduals: [Double?]
  package var forwardErrors: [Double?]

  package init(
    a: any LinearOperator<Element>, b: BlockVector<Element>, x: BlockVector<Element>, hasGuess: Bool, columns: [Int],
    norms: [Double], thresholds: [Double], scales: [Double], monitor: SolveMonitor, firstIteration: Int? = nil
  ) {
    self.a = a
    matrix = a as? CSRMatrix<Element>
    self.b = b
    self.x = x
    self.hasGuess = hasGuess
    self.columns = columns
    self.norms = norms
    self.thresholds = thresholds
    self.scales = scales
    self.monitor = monitor
    self.firstIteration = firstIteration ?? monitor.iterations
    status = [ColumnStatus?](repeating: nil, count: columns.count)
    iterations = [Int](repeating: 0, count: columns.count)
    estimated = norms
    startResiduals = norms
    trueResiduals = [Double](repeating: .nan, count: columns.count)
    energyErrors = [Double?](repeating: nil, count: columns.count)
    backwardErrors = [Double?](repeating: nil, count: columns.count)
    normalResiduals = backwardErrors
    forwardErrors = [Double?](repeating: nil, count: columns.count)
  }

  package var width: Int { columns.count }

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

  /// A new estimate of a column's residual norm; true when it meets the bound.
  @discardableResult
  package func note(column j: Int, estimate: Double) -> Bool {
    let done = estimate <= thresholds[j]
    if done, estimated[j] > thresholds[j] || iterations[j] == 0 { iterations[j] = monitor.iterations + 1 - firstIteration }
    estimated[j] = estimate
    monitor.note(
      column: columns[j], relativeResidual: norms[j] > 0 ? estimate / norms[j] : (estimate == 0 ? 0 : .infinity), done: done)
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
  /// - Parameter negated: the part is −A·X = −B, for methods that need a positive definite operator.
  package func openPart(negated: Bool = false) -> BlockProblem {
    let list = open
    let part: BlockProblem
    if let last = lastPart, last.list == list, last.negated == negated {
      part = last.part
    } else {
      lastPart = nil
      part = BlockProblem(
        a: negated ? Self.negated(a) : a, b: BlockVector(rows: b.rows, columns: list.count),
        x: BlockVector(rows: x.rows, columns: list.count), hasGuess: hasGuess, columns: list.map { columns[$0] },
        norms: list.map { norms[$0] }, thresholds: list.map { thresholds[$0] }, scales: list.map { scales[$0] },
        monitor: monitor, firstIteration: firstIteration)
      lastPart = (part, list, negated)
    }
    part.b.gatherColumns(list, of: b)
    part.x.gatherColumns(list, of: x)
    if negated { part.b.scale(by: -1) }
    part.hasGuess = hasGuess
    for (k, j) in list.enumerated() {
      part.status[k] = nil
      part.iterations[k] = iterations[j]
      (part.estimated[k], part.startResiduals[k], part.trueResiduals[k]) = (norms[j], norms[j], .nan)
      (part.energyErrors[k], part.backwardErrors[k]) = (nil, nil)
    }
    return part
  }

  /// −A.
  package static func negated(_ a: some LinearOperator<Element>) -> any LinearOperator<Element> { a.scaled(by: -1) }

  /// Takes over the results of a part made of columns `list`.
  package func absorb(_ part: BlockProblem, at list: [Int]) {
    x.scatterColumns(list, from: part.x)
    hasGuess = hasGuess || part.hasGuess
    for (k, j) in list.enumerated() {
      status[j] = part.status[k]
      iterations[j] = part.iterations[k]
      estimated[j] = part.estimated[k]
      trueResiduals[j] = part.trueResiduals[k]
      energyErrors[j] = part.energyErrors[k]
      backwardErrors[j] = part.backwardErrors[k]
      normalResiduals[j] = part.normalResiduals[k]
      forwardErrors[j] = part.forwardErrors[k]
    }
  }
}
