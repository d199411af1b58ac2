internal import ComplexModule
internal import RealModule

extension PseudoBlockGMRESEngine {
  /// A cycle: the bases and the projected problems of the columns that iterate. Blocks have one column for each of `active`.
  final class State {
    let problem: BlockProblem<Element>
    let space: BlockSpace<Element>
    /// Which column of the problem each is.
    private(set) var active: [Int]
    /// For each column of the problem, whether and how its space became invariant.
    private(set) var ends: [End?]
    private(set) var steps = 0
    private(set) var peakBytes = 0
    private var basis: [BlockVector<Element>] = []
    private var w: BlockVector<Element>
    private var mv: BlockVector<Element>?
    private var projected: [ColumnHessenberg<Element>]
    private var h: [Element]
    private var correction: [Element]
    private var negative: [Element]
    private var lengths: [Double]
    private var scales: [Element.Magnitude]
    private var done: [Bool]

    init(_ problem: BlockProblem<Element>, preconditioned: Bool, restart: Int) {
      self.problem = problem
      let m = problem.width
      space = BlockSpace(p: m, q: 1, rows: problem.x.rows)
      active = Array(0..<m)
      ends = [End?](repeating: nil, count: m)
      w = BlockVector(rows: problem.x.rows, columns: m)
      if preconditioned { mv = w }
      projected = (0..<m).map { _ in ColumnHessenberg(steps: restart) }
      h = [Element](repeating: 0, count: m * (restart + 1))
      (correction, negative) = (h, h)
      lengths = [Double](repeating: 0, count: m)
      scales = [Element.Magnitude](repeating: 0, count: m)
      done = [Bool](repeating: false, count: m)
      basis.reserveCapacity(restart + 1)
    }

    var isDone: Bool { done.allSatisfy { $0 } }

    /// The first basis vectors from the residuals of the current X.
    func begin() throws {
      if problem.hasGuess {
        try problem.residual(of: problem.x, problem.b, into: &w)
      } else {
        w.copy(from: problem.b)
      }
      space.columnNorms(w, into: &lengths)
      for k in active.indices {
        if !lengths[k].isFinite { fail(k, .nonFinite(.operator)) }
        projected[k].begin(lengths[k])
      }
      appendBasis()
    }

    private func fail(_ k: Int, _ status: ColumnStatus) {
      if !done[k] { problem.finish(column: active[k], status) }
      done[k] = true
    }

    /// W with columns of unit length becomes the next basis block; columns that are done become zero.
    private func appendBasis() {
      for k in active.indices { scales[k] = done[k] || lengths[k] == 0 ? 0 : Element.Magnitude(1 / lengths[k]) }
      var v = BlockVector<Element>(rows: w.rows, columns: active.count)
      v.scaleColumns(of: w, by: scales)
      basis.append(v)
      peakBytes = max(peakBytes, basis.reduce(0) { $0 + $1.byteCount } + w.byteCount * (mv == nil ? 1 : 2) + space.byteCount)
    }

    /// One step of every active column.
    func step(_ m: (any Preconditioner<Element>)?) throws {
      try applyOperator(m)
      steps += 1
      let (p, count) = (active.count, steps)
      space.columnDots(basis: basis, count: count, w, into: &h)
      subtract(h, count)
      space.columnDots(basis: basis, count: count, w, into: &correction)
      subtract(correction, count)
      for i in 0..<(count * p) { h[i] += correction[i] }
      space.columnNorms(w, into: &lengths)
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
        projected[k].append((0..<count).map { h[$0 * p + k] }, below: lengths[k])
        let estimate = projected[k].residual
        problem.note(column: active[k], estimate: estimate)
        if lengths[k] == 0 { ends[active[k]] = projected[k].isSingular ? .singular : .invariant }
        done[k] = lengths[k] == 0 || estimate <= problem.target(column: active[k])
      }
      appendBasis()
    }

    private func subtract(_ factors: [Element], _ count: Int) {
      for i in 0..<(count * active.count) { negative[i] = -factors[i] }
      space.updateColumns(&w, plus: basis, count: count, times: negative)
    }

    /// W = A·M⁻¹·V.
    private func applyOperator(_ m: (any Preconditioner<Element>)?) throws {
      let v = basis[steps]
      guard let m, var image = mv.take() else { return try problem.apply(v, into: &w) }
      defer { mv = image }
      problem.monitor.countPreconditioner()
      try m.apply(to: v, into: &image)
      try problem.apply(image, into: &w)
    }

    /// Which of A and M⁻¹ gave NaN or infinity for a column.
    private func blame(_ k: Int) {
      let finite = mv.map { $0[columns: k..<(k + 1)].columnMaxima()[0].isFinite } ?? true
      fail(k, finite ? .nonFinite(.operator) : .nonFinite(.preconditioner))
    }

    /// Columns that are done leave the block when at most half of it remains.
    func retire(_ m: (any Preconditioner<Element>)?) throws {
      let kept = active.indices.filter { !done[$0] }
      guard !kept.isEmpty, 2 * kept.count <= active.count else { return }
      try updateSolution(&problem.x, active.indices.filter { done[$0] }, m)
      problem.hasGuess = true
      active.keep(kept)
      projected.keep(kept)
      lengths.keep(kept)
      scales.keep(kept)
      done.keep(kept)
      for i in basis.indices { basis[i].keepColumns(kept) }
      w = BlockVector(rows: w.rows, columns: kept.count)
      if mv != nil { mv = w }
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
      w.setZero()
      space.updateColumns(&w, plus: basis, count: steps, times: correction)
      if let m, var image = mv.take() {
        defer { mv = image }
        problem.monitor.countPreconditioner()
        try m.apply(to: w, into: &image)
        w.copy(from: image)
      }
      let columns = positions.map { active[$0] }
      var (x, update) = (
        BlockVector<Element>(rows: w.rows, columns: columns.count), BlockVector<Element>(rows: w.rows, columns: columns.count)
      )
      x.gatherColumns(columns, of: solution)
      update.gatherColumns(positions, of: w)
      x.combine(1, update, 1)
      solution.scatterColumns(columns, from: x)
    }
  }
}

/// The projected least-squares problem of GMRES for one column, min ‖βe₁ − H̄y‖, kept triangular by Givens rotations.
struct ColumnHessenberg<Element: Scalar> {
  /// The columns of R, one after the other.
  private var r: [Element] = []
  private var starts: [Int] = []
  private var cosines: [Double] = []
  private var sines: [Element] = []
  private var g: [Element] = []
  private var (largest, smallest) = (0.0, Double.infinity)

  init(steps: Int) {
    r.reserveCapacity(steps * (steps + 1) / 2)
    starts.reserveCapacity(steps)
    cosines.reserveCapacity(steps)
    sines.reserveCapacity(steps)
    g.reserveCapacity(steps + 1)
  }

  /// Begins with the right-hand side βe₁.
  mutating func begin(_ beta: Double) { g = [Element(double: beta)] }

  /// Adds the column of a step, `below` the length of what is orthogonal to the basis.
  mutating func append(_ h: [Element], below: Double) {
    let k = starts.count
    starts.append(r.count)
    r.append(contentsOf: h)
    let base = starts[k]
    for i in 0..<k {
      let (c, s) = (Element(double: cosines[i]), sines[i])
      let (a, b) = (r[base + i], r[base + i + 1])
      r[base + i] = c * a + s * b
      r[base + i + 1] = c * b - s.conjugate * a
    }
    let a = r[base + k]
    let size = Double(a.modulus)
    let length = (size * size + below * below).squareRoot()
    let phase: Element = size > 0 ? a / Element(a.modulus) : 1
    cosines.append(length > 0 ? size / length : 1)
    sines.append(length > 0 ? phase * Element(double: below / length) : 0)
    r[base + k] = phase * Element(double: length)
    let last = g[k]
    g[k] = Element(double: cosines[k]) * last
    g.append(-(sines[k].conjugate * last))
    largest = max(largest, length)
    smallest = min(smallest, length)
  }

  /// The residual norm.
  var residual: Double { Double(g[starts.count].modulus) }

  /// Whether R is singular to working precision.
  var isSingular: Bool { !starts.isEmpty && !(smallest > 10 * Double(starts.count) * Element.unitRoundoff * largest) }

  /// The coefficients of the basis; directions whose pivot is rounding are left out.
  func solve() -> [Element] {
    let n = starts.count
    var y = Array(g.prefix(n))
    for k in stride(from: n - 1, through: 0, by: -1) {
      let pivot = r[starts[k] + k]
      let usable = Double(pivot.modulus) > 10 * Double(n) * Element.unitRoundoff * largest
      y[k] = usable ? y[k] / pivot : 0
      for i in 0..<k { y[i] -= y[k] * r[starts[k] + i] }
    }
    return y
  }
}
