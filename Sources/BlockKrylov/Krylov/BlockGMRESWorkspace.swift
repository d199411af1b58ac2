extension BlockGMRESEngine {
  /// The basis, the projected problem and the scratch blocks of block GMRES for a block width. Basis blocks are allocated when a cycle
  /// first reaches them and kept for later cycles and solves.
  final class Workspace: RecurrenceWorkspace {
    let columns: Int
    let restart: Int
    let arnoldi: BlockArnoldi<Element>
    let hessenberg: BlockHessenberg<Element>
    /// M⁻¹·V of every step, for flexible GMRES.
    private(set) var directions: [BlockVector<Element>] = []
    /// A block of the width of the problem.
    var scratch: BlockVector<Element>
    /// M⁻¹ of a block.
    private(set) var preconditioned: BlockVector<Element>
    /// The coefficients of the basis.
    var y: DenseMatrix<Element>
    var norms: [Double]
    /// The bounds that the estimates must meet.
    var targets: [Double]
    /// True residual over preconditioned residual at the start of the cycle (left), else 1.
    var estimateScales: [Double]
    var columnScales: [Element.Magnitude]
    /// Columns that have taken their X in this cycle already.
    var isSettled: [Bool]
    private var weights: [Double]
    private var lambda: DenseMatrix<Element>
    private let rows: Int

    init(rows: Int, columns: Int, restart: Int, side: PreconditionerSide, preconditioned: Bool) {
      self.rows = rows
      self.columns = columns
      self.restart = restart
      let steps = min(restart, rows + 1)
      arnoldi = BlockArnoldi(rows: rows, width: columns, steps: steps)
      hessenberg = BlockHessenberg(steps: steps, width: columns)
      scratch = BlockVector(rows: rows, columns: columns)
      self.preconditioned = BlockVector(rows: rows, columns: preconditioned ? columns : 0)
      y = DenseMatrix(rows: (steps + 1) * columns, columns: columns)
      norms = [Double](repeating: 0, count: columns)
      targets = norms
      estimateScales = norms
      weights = norms
      columnScales = [Element.Magnitude](repeating: 1, count: columns)
      isSettled = [Bool](repeating: false, count: columns)
      lambda = DenseMatrix(rows: columns, columns: columns)
      if side == .flexible { directions.reserveCapacity(steps) }
    }

    var space: BlockSpace<Element> { arnoldi.space }

    var byteCount: Int {
      arnoldi.byteCount + hessenberg.byteCount + scratch.byteCount + preconditioned.byteCount
        + BlockVector.byteCount(of: directions)
    }

    /// The memory of a full workspace and of `kept` directions, in bytes.
    static func bytes(
      rows: Int, columns p: Int, restart: Int, side: PreconditionerSide, preconditioned: Bool, kept: Int
    ) -> Int {
      guard p > 0 else { return 0 }
      let block = rows * BlockVector<Element>.paddedWidth(p) * MemoryLayout<Element>.stride
      let steps = min(restart, (rows + p - 1) / p)
      let blocks = steps + 1 + (side == .flexible ? steps : 0) + (preconditioned ? 2 : 1)
      let triangle = p * p * steps * (steps + 3) / 2 * MemoryLayout<Element>.stride
      return block * blocks + triangle + BlockSpace<Element>.bytes(p: max(p * (steps + 1), kept), q: max(p, kept), rows: rows)
        + DeflationSpace<Element>.bytes(columns: kept, rows: rows, isFlexible: side == .flexible)
    }

    /// Λ = S·diag(‖r_j‖), since the columns had unit length.
    func beginLeastSquares() {
      lambda.copy(from: arnoldi.below)
      for j in 0..<lambda.columns { for i in 0..<lambda.rows { lambda[i, j] *= Element(double: norms[j]) } }
      hessenberg.begin(lambda)
    }

    /// The next block of the basis = A·M⁻¹·V_k or M⁻¹·A·V_k.
    func applyOperator(
      _ problem: BlockProblem<Element>, _ m: (any Preconditioner<Element>)?, _ side: PreconditionerSide
    ) throws {
      let (v, k) = (arnoldi.direction, arnoldi.directions - 1)
      guard let m else { return try arnoldi.writeNext { try problem.apply(v, into: &$0) } }
      problem.monitor.countPreconditioner()
      switch side {
      case .left:
        matchWidth(of: v)
        try problem.apply(v, into: &preconditioned)
        try arnoldi.writeNext { try m.apply(to: preconditioned, into: &$0) }
      case .right:
        matchWidth(of: v)
        try m.apply(to: v, into: &preconditioned)
        try arnoldi.writeNext { try problem.apply(preconditioned, into: &$0) }
      case .flexible:
        directions.prepareSlot(k, rows: rows, columns: v.columns)
        try m.apply(to: v, into: &directions[k])
        try arnoldi.writeNext { try problem.apply(directions[k], into: &$0) }
      }
    }

    /// `preconditioned` = M⁻¹·scratch.
    func preconditionScratch(_ m: any Preconditioner<Element>) throws {
      matchWidth(of: scratch)
      try m.apply(to: scratch, into: &preconditioned)
    }

    private func matchWidth(of block: BlockVector<Element>) {
      if preconditioned.columns != block.columns { preconditioned = BlockVector(rows: rows, columns: block.columns) }
    }

    /// Tells the problem all columns' estimates; true when every one meets its bound.
    func noteEstimates(_ problem: BlockProblem<Element>) -> Bool {
      hessenberg.residuals(into: &norms)
      var done = true
      for j in 0..<columns {
        if isSettled[j] { continue }
        let estimate = norms[j] * estimateScales[j]
        problem.note(column: j, estimate: estimate)
        if !(estimate <= bound(problem, column: j)) { done = false }
      }
      return done
    }

    /// Whether every column's estimate meets its bound.
    func meetsBounds(_ problem: BlockProblem<Element>) -> Bool {
      (0..<columns).allSatisfy { isSettled[$0] || norms[$0] * estimateScales[$0] <= bound(problem, column: $0) }
    }

    /// What a column's estimate must meet: rounding allows no less than the second bound.
    private func bound(_ problem: BlockProblem<Element>, column j: Int) -> Double {
      max(targets[j], Element.unitRoundoff / 8 * problem.norms[j])
    }

    /// How many of the newest directions the columns need, measured by their bounds.
    func neededDirections(_ problem: BlockProblem<Element>) -> Int {
      for j in 0..<columns {
        weights[j] = isSettled[j] ? 0 : estimateScales[j] / max(bound(problem, column: j), .leastNormalMagnitude)
      }
      return hessenberg.needed(weights: weights)
    }

    /// Takes the next direction from those that A has not been applied to.
    func advance(taking taken: Int, of all: Int) {
      if taken == all { return arnoldi.advance(taking: taken) }
      arnoldi.advance(taking: taken, hessenberg.narrowing)
      hessenberg.rotated()
    }
  }
}

/// Tells whether restarts still reduce the residuals: three cycles in a row in which no open column gains 0.1 % are the end.
struct ProgressControl {
  private var last: [Double]
  private var idle = 0

  init(columns: Int) { last = [Double](repeating: .infinity, count: columns) }

  /// Whether it makes sense to go on.
  mutating func advanced(columns: [Int], residuals: [Double]) -> Bool {
    var gained = false
    for j in columns {
      if residuals[j] < 0.999 * last[j] {
        gained = true
        last[j] = residuals[j]
      }
    }
    idle = gained ? 0 : idle + 1
    return idle < 3
  }
}
