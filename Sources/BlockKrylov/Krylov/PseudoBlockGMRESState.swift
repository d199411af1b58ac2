internal import ComplexModule
internal import RealModule

extension PseudoBlockGMRESEngine {
  /// The bases and the projected problems of the columns that iterate. Blocks have one column for each of `active`; their memory is
  /// kept from cycle to cycle.
  final class State: RecurrenceWorkspace {
    let columns: Int
    let space: BlockSpace<Element>
    private(set) var problem: BlockProblem<Element>
    /// Which column of the problem each is.
    private(set) var active: [Int]
    /// For each column of the problem, whether and how its space became invariant.
    private(set) var ends: [End?]
    private(set) var steps = 0
    /// V₁, V₂, …, the newest block, and behind it a block of scratch.
    private var basis: StoredBasis<Element>
    private var mv: BlockVector<Element>?
    private var projected: [ColumnHessenberg<Element>]
    /// The coefficients of a step, those of a second projection, and the factors of an update.
    private var h: [Element]
    private var correction: [Element]
    private var negative: [Element]
    private var lengths: [Double]
    private var squares: [Double]
    private var scales: [Element.Magnitude]
    private var loss: [OrthogonalityLoss]
    private var done: [Bool]
    private let rows: Int
    /// What basis vectors are orthonormal to.
    private let roundoff: Double
    private let placeholder = BlockVector<Element>(rows: 0, columns: 0)

    init(_ problem: BlockProblem<Element>, preconditioned: Bool, restart: Int, precision: BasisPrecision) {
      self.problem = problem
      columns = problem.width
      rows = problem.x.rows
      basis = StoredBasis(precision, capacity: restart + 2)
      roundoff = basis.isNarrow ? Element.SinglePrecision.unitRoundoff : Element.unitRoundoff
      let m = problem.width
      space = BlockSpace(p: m, q: 1, rows: rows)
      active = Array(0..<m)
      ends = [End?](repeating: nil, count: m)
      if preconditioned { mv = BlockVector(rows: rows, columns: m) }
      projected = (0..<m).map { _ in ColumnHessenberg(steps: restart) }
      h = [Element](repeating: 0, count: m * (restart + 1))
      (correction, negative) = (h, h)
      lengths = [Double](repeating: 0, count: m)
      squares = lengths
      scales = [Element.Magnitude](repeating: 0, count: m)
      loss = [OrthogonalityLoss](repeating: OrthogonalityLoss(unitRoundoff: roundoff), count: m)
      done = [Bool](repeating: false, count: m)
    }

    var byteCount: Int { basis.byteCount + (mv?.byteCount ?? 0) + space.byteCount }

    var isDone: Bool {
      for k in done.indices where !done[k] { return false }
      return true
    }

    /// The first basis vectors from the residuals of the current X.
    func begin(_ problem: BlockProblem<Element>) throws {
      self.problem = problem
      steps = 0
      restoreWidth()
      basis.prepare(0, rows: rows, columns: columns)
      if problem.hasGuess {
        try problem.residual(of: problem.x, problem.b, into: &basis.wide[basis.slot(0)])
      } else {
        basis.wide[basis.slot(0)].copy(from: problem.b)
      }
      space.columnNorms(basis[0], into: &lengths)
      for k in active.indices {
        ends[k] = nil
        done[k] = false
        loss[k] = OrthogonalityLoss(unitRoundoff: roundoff)
        if !lengths[k].isFinite { fail(k, .nonFinite(.operator)) }
        projected[k].begin(lengths[k])
      }
      normalize(0)
    }

    /// All columns iterate again.
    private func restoreWidth() {
      guard active.count < columns else { return }
      active = Array(0..<columns)
      if mv != nil { mv = BlockVector(rows: rows, columns: columns) }
      while projected.count < columns { projected.append(projected[0]) }
      lengths = [Double](repeating: 0, count: columns)
      squares = lengths
      scales = [Element.Magnitude](repeating: 0, count: columns)
      loss = [OrthogonalityLoss](repeating: OrthogonalityLoss(unitRoundoff: roundoff), count: columns)
      done = [Bool](repeating: false, count: columns)
    }

    private func fail(_ k: Int, _ status: ColumnStatus) {
      if !done[k] { problem.finish(column: active[k], status) }
      done[k] = true
    }

    /// Columns of a basis block get unit length; those that are done become zero.
    private func normalize(_ block: Int) {
      for k in active.indices { scales[k] = done[k] || lengths[k] == 0 ? 0 : Element.Magnitude(1 / lengths[k]) }
      basis.wide[basis.slot(block)].scaleColumns(by: scales)
      basis.settle(block)
    }

    /// One step of every active column.
    func step(_ m: (any Preconditioner<Element>)?) throws {
      basis.prepare(steps + 1, rows: rows, columns: active.count)
      try applyOperator(m)
      steps += 1
      let (p, count) = (active.count, steps)
      orthogonalize(count)
      for k in active.indices where !done[k] {
        var square = lengths[k] * lengths[k]
        for i in 0..<count {
          let value = Double(h[i * p + k].modulus)
          square += value * value
        }
        guard square.isFinite else {
          blame(k)
          continue
        }
        // What is left below the rounding of the projection is noise: the space is invariant.
        if lengths[k] <= 10 * Element.unitRoundoff * square.squareRoot() { lengths[k] = 0 }
        projected[k].append(h, first: k, stride: p, count: count, below: lengths[k])
        let estimate = projected[k].residual
        problem.note(column: active[k], estimate: estimate)
        if lengths[k] == 0 { ends[active[k]] = projected[k].isSingular ? .singular : .invariant }
        done[k] = lengths[k] == 0 || estimate <= problem.target(column: active[k])
      }
      normalize(count)
    }

    /// W −= 𝒱·h for the newest block W, with h = 𝒱ᴴW, and a second time where the first left too much of 𝒱 in it.
    private func orthogonalize(_ count: Int) {
      let p = active.count
      space.columnDots(basis: basis, count: count, basis[count], into: &h)
      var looks = false
      for k in 0..<p where !done[k] && loss[k].isDue { looks = true }
      subtract(h, count, looks: looks)
      if !looks, permitted(count) { return }
      if !looks { space.columnDots(basis: basis, count: count, basis[count], into: &correction) }
      var isSmall = true
      for k in 0..<p where !done[k] {
        var square = 0.0
        for i in 0..<count { square += Double(correction[i * p + k].modulus) * Double(correction[i * p + k].modulus) }
        // A column that is zero has nothing of the basis in it.
        if lengths[k] > 0, !loss[k].permits(measured: square.squareRoot() / lengths[k]) { isSmall = false }
      }
      if isSmall { return }
      subtract(correction, count, looks: false)
      for i in 0..<(count * p) { h[i] += correction[i] }
      for k in 0..<p { loss[k].repaired() }
    }

    /// Whether no column's loss of orthogonality is extrapolated beyond its limit.
    private func permitted(_ count: Int) -> Bool {
      let p = active.count
      var isPermitted = true
      for k in 0..<p where !done[k] {
        var square = lengths[k] * lengths[k]
        for i in 0..<count { square += Double(h[i * p + k].modulus) * Double(h[i * p + k].modulus) }
        if !loss[k].permits(growth: square.squareRoot() / lengths[k]) { isPermitted = false }
      }
      return isPermitted
    }

    /// The newest block −= 𝒱·diag(factors), and its lengths.
    private func subtract(_ factors: [Element], _ count: Int, looks: Bool) {
      for i in 0..<(count * active.count) { negative[i] = -factors[i] }
      // Taken out of the array while it is written, since the array is read.
      var next = placeholder
      swap(&next, &basis.wide[basis.slot(count)])
      space.projectColumns(
        &next, from: basis, count: count, times: negative, squares: &squares, remainder: &correction, looks: looks)
      swap(&next, &basis.wide[basis.slot(count)])
      for k in active.indices { lengths[k] = squares[k].squareRoot() }
    }

    /// The next block = A·M⁻¹·V.
    private func applyOperator(_ m: (any Preconditioner<Element>)?) throws {
      let v = basis[steps]
      guard let m, var image = mv.take() else { return try problem.apply(v, into: &basis.wide[basis.slot(steps + 1)]) }
      defer { mv = image }
      problem.monitor.countPreconditioner()
      try m.apply(to: v, into: &image)
      try problem.apply(image, into: &basis.wide[basis.slot(steps + 1)])
    }

    /// Which of A and M⁻¹ gave NaN or infinity for a column.
    private func blame(_ k: Int) {
      let finite = mv.map { $0[columns: k..<(k + 1)].columnMaxima()[0].isFinite } ?? true
      fail(k, finite ? .nonFinite(.operator) : .nonFinite(.preconditioner))
    }

    /// Columns that are done leave the block when at most half of it remains.
    func retire(_ m: (any Preconditioner<Element>)?) throws {
      for k in active.indices where !problem.mayGoOn(column: active[k]) { done[k] = true }
      var left = 0
      for k in active.indices where !done[k] { left += 1 }
      guard left > 0, 2 * left <= active.count else { return }
      let kept = active.indices.filter { !done[$0] }
      try updateSolution(&problem.x, active.indices.filter { done[$0] }, m)
      problem.hasGuess = true
      active.keep(kept)
      projected.keep(kept)
      lengths.keep(kept)
      scales.keep(kept)
      done.keep(kept)
      squares.keep(kept)
      loss.keep(kept)
      basis.keepColumns(kept, ofFirst: steps + 1)
      if mv != nil { mv = BlockVector(rows: rows, columns: kept.count) }
    }

    /// Recomputes B − A·X; columns that meet their bound are converged.
    func verify(_ norms: inout [Double]) throws {
      basis.prepare(0, rows: rows, columns: columns)
      try problem.verify(into: &basis.wide[basis.slot(0)], space, norms: &norms)
    }

    /// x += M⁻¹·V·y for the columns at these positions.
    func updateSolution(
      _ solution: inout BlockVector<Element>, _ positions: [Int], _ m: (any Preconditioner<Element>)?
    ) throws {
      let p = active.count
      guard steps > 0, p > 0 else { return }
      for i in 0..<(steps * p) { correction[i] = 0 }
      for k in positions {
        let y = projected[k].solve()
        if projected[k].isSingular {
          problem.monitor.record(
            .breakdown, column: problem.columns[active[k]],
            "the projected operator is singular; directions without an image were left out")
        }
        if y.allSatisfy({ $0.isFinite }) { for i in y.indices { correction[i * p + k] = y[i] } }
      }
      basis.prepare(steps + 1, rows: rows, columns: p)
      var w = placeholder
      swap(&w, &basis.wide[basis.slot(steps + 1)])
      defer { swap(&w, &basis.wide[basis.slot(steps + 1)]) }
      w.setZero()
      space.updateColumns(&w, plus: basis, count: steps, times: correction)
      if let m, var image = mv.take() {
        defer { mv = image }
        problem.monitor.countPreconditioner()
        try m.apply(to: w, into: &image)
        w.copy(from: image)
      }
      if positions.count == problem.width {
        solution.combine(1, w, 1)
        return
      }
      let columns = positions.map { active[$0] }
      var (x, update) = (
        BlockVector<Element>(rows: rows, columns: columns.count), BlockVector<Element>(rows: rows, columns: columns.count)
      )
      x.gatherColumns(columns, of: solution)
      update.gatherColumns(positions, of: w)
      x.combine(1, update, 1)
      solution.scatterColumns(columns, from: x)
    }
  }
}
