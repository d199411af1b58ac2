/// What the tolerance of a column measures.
public enum ColumnNorm: String, Sendable, CaseIterable {
  /// ‖b − A·x‖₂, against ‖b‖₂.
  case two
  /// The largest modulus of an entry of b − A·x, against that of b; of complex entries the larger of both parts counts. No single
  /// equation is then far off, however many there are.
  case maximum
  /// ‖x* − x‖_A, the A-norm of the error, against ‖x*‖_A: the norm that conjugate gradients minimise and that a finite element
  /// discretisation measures its own error in. It is estimated (``ColumnReport/energyErrorEstimate``); for CG alone.
  case energy
}

/// What one column must meet, and how long it may take.
struct ColumnTest: Sendable {
  var norm = ColumnNorm.two
  var relative = 0.0
  /// For the scaled column.
  var absolute = 0.0
  /// The most iterations of this column.
  var limit = Int.max

  /// The bound for a right-hand side that measures so much.
  func bound(_ size: Double) -> Double { max(relative * size, absolute) }

  /// The bound on ‖r‖₂ that a method is given. Below √n/8 times its bound a residual without structure has no larger entry; a column
  /// whose residual has one gets a smaller bound then. In the energy norm no residual is small enough by itself.
  func residualBound(norm size: Double, maximum: Double, rows: Int) -> Double {
    switch norm {
    case .two: bound(size)
    case .maximum: max(1, Double(rows).squareRoot() / 8) * bound(maximum)
    case .energy: 0
    }
  }
}

extension BlockProblem {
  /// Whether a column may make another iteration.
  func mayGoOn(column j: Int) -> Bool { iterationsSoFar < tests[j].limit }

  /// Whether a column has nothing left to do: its estimate meets the target, its error is small enough, or its limit is reached.
  func isDone(column j: Int, estimate: Double, target: Double? = nil) -> Bool {
    estimate <= target ?? self.target(column: j) || energyIsMet(column: j) || !mayGoOn(column: j)
  }

  /// Columns that made all iterations that they may end with the X that they have.
  func finishLimited() {
    for j in open where !mayGoOn(column: j) {
      finish(column: j, .maximumIterations)
      iterations[j] = tests[j].limit
    }
  }

  // MARK: The energy norm

  func energyIsMet(column j: Int) -> Bool {
    guard let energy, tests[j].norm == .energy else { return false }
    return energy.error(column: j) <= energyBound(column: j, energy.solutionSquare(column: j))
  }

  private func energyBound(column j: Int, _ square: Double) -> Double {
    max(tests[j].relative * max(square, 0).squareRoot(), tests[j].absolute)
  }

  /// A recurrence of conjugate gradients begins from X, whose residual is R.
  func beginEnergies(_ r: BlockVector<Element>, _ space: BlockSpace<Element>) {
    guard let energy else { return }
    energy.begin(hasGuess ? innerSquares(r, space) : [Double](repeating: 0, count: width))
    space.columnNorms(r, into: &estimated)
  }

  /// Re xᴴ(b + r) = ‖x*‖_A² − ‖x* − x‖_A² of each column.
  private func innerSquares(_ r: BlockVector<Element>, _ space: BlockSpace<Element>) -> [Double] {
    var (ofB, ofR) = ([Element](repeating: 0, count: width), [Element](repeating: 0, count: width))
    space.columnDots(x, b, into: &ofB)
    space.columnDots(x, r, into: &ofR)
    return (0..<width).map { Double(ofB[$0].realPart) + Double(ofR[$0].realPart) }
  }

  /// What an iteration took off ‖x* − x‖_A² of each column; `nil` for one that took no part.
  func noteEnergies(_ decrease: (Int) -> Double?) { energy?.append(decrease) { estimated[$0] } }

  /// Which columns' errors meet their bounds, for the true residual R of X and its norms. The estimate follows from the recurrence,
  /// so it counts only where the true residual has come as far: to that of the iterate whose error is estimated.
  func confirmedEnergies(_ r: BlockVector<Element>, _ space: BlockSpace<Element>, norms: [Double]) -> [Bool] {
    guard let energy else { return [Bool](repeating: false, count: width) }
    let squares = innerSquares(r, space)
    return (0..<width).map { j in
      guard tests[j].norm == .energy else { return false }
      let bound = energyBound(column: j, squares[j])
      (bounds[j], measures[j]) = (bound, energy.error(column: j))
      return energy.error(column: j) <= bound && norms[j] <= 2 * energy.residual(column: j)
    }
  }
}

extension BlockProblem {
  /// The largest entry of b − A·x of the columns that are measured by it.
  func measureMaxima() throws {
    guard tests.contains(where: { $0.norm == .maximum }) else { return }
    var r = BlockVector<Element>(rows: b.rows, columns: width)
    try residual(of: x, b, into: &r)
    for (j, maximum) in r.columnMaxima().enumerated() where tests[j].norm == .maximum { measures[j] = maximum }
  }

  /// Judges the columns that are measured by their largest entry: what meets its bound is converged, and what was called converged for
  /// its 2-norm alone gets a smaller bound on that and is open again.
  ///
  /// - Returns: whether a column is open again.
  func judgeMaxima() throws -> Bool {
    try measureMaxima()
    var isOpen = false
    for j in 0..<width where tests[j].norm == .maximum {
      guard let maximum = measures[j], let bound = bounds[j], status[j] != .convergedAtStart else { continue }
      if maximum <= bound {
        if let status = status[j], !status.isConverged { finish(column: j, .converged) }
      } else if status[j]?.isConverged == true {
        monitor.record(
          .restarted, column: columns[j],
          "the largest entry of the residual is \((maximum / bound).brief) times its bound while the 2-norm met what it was given: "
            + "the column goes on")
        thresholds[j] = max(bound, thresholds[j] * 0.5 * bound / maximum)
        (status[j], trueResiduals[j]) = (nil, .nan)
        isOpen = true
      }
    }
    return isOpen
  }
}
