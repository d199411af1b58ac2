extension BlockCGEngine {
  /// The blocks and small matrices of block CG, allocated once for a block width.
  final class Workspace: RecurrenceWorkspace {
    /// The columns of X, and those of the block that spans the directions: as many, or several for each in enlarged CG.
    let columns: Int
    let width: Int
    private let rows: Int
    private let preconditioned: Bool
    let space: BlockSpace<Element>
    let orthonormalizer: Orthonormalizer<Element>
    private let dense: DenseWorkspace<Element>

    var q: BlockVector<Element>
    var z: BlockVector<Element>?
    var p: BlockVector<Element>
    var w: BlockVector<Element>
    /// The true residual; also scratch.
    var r: BlockVector<Element>
    /// R = Q·C, rank × columns.
    var c: DenseMatrix<Element>
    /// PᴴAP, then its Cholesky factor.
    var sigma: DenseMatrix<Element>
    /// α = Σ⁻¹N: the residual takes Q − W·α for Q.
    var alpha: DenseMatrix<Element>
    /// α·C: X takes P·α·C.
    var y: DenseMatrix<Element>
    /// β = N⁻¹N₊, with N₊ of the new Q: P becomes Z + P·β.
    private var beta: DenseMatrix<Element>
    /// N₊, and QᴴQ where M⁻¹ is not the identity.
    var gram: DenseMatrix<Element>
    private var squares: DenseMatrix<Element>
    /// N = QᴴM⁻¹Q and its Cholesky factor, while Q is not orthonormal.
    private var metric: (value: DenseMatrix<Element>, factor: DenseMatrix<Element>)
    private var isOrthonormal = true
    /// √N_jj.
    private var lengths: [Double]
    private var small: DenseMatrix<Element>

    /// When rows of A·P can be formed; none where A is not a matrix in compressed rows.
    private var schedule: RowSchedule?
    private var hasLookedForSchedule = false
    /// What is left to do before the next product: X += P·Y; Q, Z ← Q·T, Z·T; P ← Z + P·β.
    private var pending: (solution: Bool, scaling: Bool, directions: Bool) = (false, false, false)

    var residuals: [Double]
    /// ‖r_j‖ when the residual was computed last.
    var renewed: [Double]
    var iterationsSinceRenewal = 0
    /// Whether the Q that was set aside is orthonormal.
    private var asideIsOrthonormal = true
    var trueNorms: [Double]
    var columnScales: [Element.Magnitude]
    private var noiseLevels: [Double]
    /// c_jᴴΣ⁻¹c_j of the last iterations, a ring of `energyDelay` rows.
    private var energies: [Double]
    private var energyCount = 0

    /// Over how many iterations energies are summed for the error estimate.
    static var energyDelay: Int { 5 }

    init(rows: Int, columns: Int, width: Int, preconditioned: Bool) {
      self.rows = rows
      self.columns = columns
      self.width = width
      self.preconditioned = preconditioned
      space = BlockSpace(p: width, q: width, rows: rows)
      orthonormalizer = Orthonormalizer(columns: width, space: space)
      dense = DenseWorkspace(rows: width, columns: width)
      let block = { BlockVector<Element>(rows: rows, columns: width) }
      (q, p, w) = (block(), block(), block())
      r = BlockVector(rows: rows, columns: columns)
      z = preconditioned ? block() : nil
      let square = DenseMatrix<Element>(rows: width, columns: width)
      (c, sigma, y, alpha, beta, small) = (square, square, square, square, square, square)
      (gram, squares, metric) = (square, square, (square, square))
      residuals = [Double](repeating: 0, count: columns)
      (trueNorms, renewed) = (residuals, residuals)
      noiseLevels = [Double](repeating: 0, count: width)
      lengths = [Double](repeating: 1, count: width)
      columnScales = [Element.Magnitude](repeating: 1, count: columns)
      energies = [Double](repeating: 0, count: columns * Self.energyDelay)
    }

    /// The directions in the block now.
    var rank: Int { q.columns }

    var byteCount: Int {
      q.rows * q.stride * MemoryLayout<Element>.stride * (preconditioned ? 4 : 3) + r.byteCount + space.byteCount
    }

    /// Blocks that a deflation has narrowed become wide again, to take new columns of length 1.
    func restoreWidth(_ width: Int) throws {
      setOrthonormal()
      if q.columns == width, w.columns == width, p.columns == width { return }
      let block = { BlockVector<Element>(rows: self.rows, columns: width) }
      (q, p, w) = (block(), block(), block())
      if preconditioned { z = block() }
    }

    func applyPreconditioner(_ m: any Preconditioner<Element>) throws {
      guard var target = z.take() else { return }
      defer { z = target }
      try m.apply(to: q, into: &target)
    }

    private func setOrthonormal() {
      isOrthonormal = true
      for j in lengths.indices { lengths[j] = 1 }
    }

    /// Makes Q orthonormal.
    ///
    /// - Parameter noise: columns that are shorter than this in proportion to their former length are rounding noise.
    func orthonormalize(noise: Double) -> ColumnStatus? {
      for j in noiseLevels.indices { noiseLevels[j] = noise * lengths[j] }
      let outcome = orthonormalizer.orthonormalize(&q, &z, noise: noiseLevels)
      setOrthonormal()
      squares.copy(from: orthonormalizer.squares)
      return switch outcome {
      case .rank: nil
      case .indefinite: .indefinitePreconditioner
      case .nonFinite: preconditioned ? .nonFinite(.preconditioner) : .nonFinite(.operator)
      }
    }

    /// Above this pivot (`Orthonormalizer.measure`), and with lengths of columns in this range, Q stays as it is. The bounds cost no
    /// digit, and few of a solve's iterations meet them.
    private static var keptPivot: Double { 0.5 }
    private static var keptLengths: ClosedRange<Double> { 0.03125...32 }

    /// Looks at N₊: Q stays as it is while its columns are well conditioned. Else it is made orthonormal, if that is easy by
    /// `advanceDirections`. C and β follow.
    func renewDirections(noise: Double) -> ColumnStatus? {
      if let z { space.inner(q, z, into: &gram, squares: &squares) }
      for j in 0..<rank { noiseLevels[j] = noise * lengths[j] }
      let pivot = orthonormalizer.measure(gram: gram, longerThan: noiseLevels)
      if pivot > Self.keptPivot, orthonormalizer.lengths[0..<rank].allSatisfy(Self.keptLengths.contains) {
        beta.copy(from: gram)
        if !isOrthonormal { Self.solve(metric.factor, &beta) }
        swap(&metric.value, &gram)
        metric.factor.copy(from: orthonormalizer.s)
        for j in 0..<rank { lengths[j] = orthonormalizer.lengths[j] }
        isOrthonormal = false
        return nil
      }
      let easy = orthonormalizer.isGood(pivot: pivot)
      let wasOrthonormal = isOrthonormal
      if easy {
        orthonormalizer.prepareTransformation(squares: preconditioned ? squares : nil)
        if preconditioned { squares.copy(from: orthonormalizer.squares) }
        pending.scaling = true
        setOrthonormal()
      } else if let failure = orthonormalize(noise: noise) {
        return failure
      }
      let s = orthonormalizer.s
      beta.copyAdjoint(of: s)
      if !wasOrthonormal { Self.solve(metric.factor, &beta) }
      small.copy(from: c)
      c.multiply(s, small)
      return nil
    }

    /// G = (RᴴR)⁻¹·G.
    private static func solve(_ factor: DenseMatrix<Element>, _ g: inout DenseMatrix<Element>) {
      g.solveTriangular(.left, factor, .upper, .adjoint)
      g.solveTriangular(.left, factor)
    }

    /// Σ = RᴴR in place of Σ. The diagonal is scaled to 1 first, so that the sizes of directions do not matter.
    func factorSigma() -> ColumnStatus? {
      let n = sigma.rows
      small.copy(from: sigma)
      if dense.cholesky(&sigma) { return nil }
      var lengths = [Double](repeating: 1, count: n)
      for j in 0..<n {
        let d = Double(small[j, j].realPart)
        if d <= 0 { return d < 0 ? .indefiniteOperator : Self.singular }
        lengths[j] = d.squareRoot()
      }
      small.scaleToUnitDiagonal(lengths)
      sigma.copy(from: small)
      guard dense.eigen(&small) else { return .nonFinite(.operator) }
      return Double(dense.eigenvalues[0]) < -100 * Double(n) * Element.unitRoundoff ? .indefiniteOperator : Self.singular
    }

    private static var singular: ColumnStatus {
      .breakdown("PᴴAP is singular to working precision: A is singular, or too ill-conditioned for CG in this precision")
    }

    /// α = Σ⁻¹N and Y = α·C, from the Cholesky factor of Σ.
    func solveSigma() {
      if isOrthonormal { y.copy(from: c) } else { y.multiply(metric.value, c) }
      y.solveTriangular(.left, sigma, .upper, .adjoint)
      // Half way, y = R⁻ᴴNC: its columns' squared lengths are the energies.
      let slot = energyCount % Self.energyDelay * columns
      y.columnNorms(into: &residuals)
      for j in 0..<y.columns { energies[slot + j] = residuals[j] * residuals[j] }
      y.solveTriangular(.left, sigma)
      if isOrthonormal { alpha.setIdentity(sigma.rows) } else { alpha.copy(from: metric.value) }
      Self.solve(sigma, &alpha)
    }

    /// c_jᴴΣ⁻¹c_j of the last iteration.
    func lastEnergy(column j: Int) -> Double { energies[(energyCount - 1) % Self.energyDelay * columns + j] }

    /// X of a column stays as it is.
    func freeze(column j: Int) { for i in 0..<y.rows { y[i, j] = 0 } }

    /// C = S·(I ⊗ 1): a column of the residual is the sum of the pieces that it was split into.
    func sumPieces(_ pieces: Int) {
      let s = orthonormalizer.s
      c.reset(rows: s.rows, columns: columns)
      for j in 0..<columns { for d in 0..<pieces { for i in 0..<s.rows { c[i, j] += s[i, j * pieces + d] } } }
    }

    /// Nothing is left to do: Q, Z and P are new.
    func begin() {
      energyCount = 0
      pending = (false, false, false)
    }

    /// By how much residuals fall, and how many iterations are made at the most, before they are computed in double precision again:
    /// often enough that the recurrence stays near them, and that a drift is seen early; seldom enough to cost little.
    private static var renewedReduction: Double { 1.0 / 32 }
    private static var renewedIterations: Int { 100 }

    func isRenewalDue(_ problem: BlockProblem<Element>, targets: [Double]) -> Bool {
      guard problem.renewal != nil else { return false }
      iterationsSinceRenewal += 1
      if iterationsSinceRenewal >= Self.renewedIterations { return true }
      return targets.indices.contains {
        problem.mayGoOn(column: $0) && residuals[$0] > targets[$0] && residuals[$0] <= Self.renewedReduction * renewed[$0]
      }
    }

    /// Sets Q aside in W, which is free between iterations; false where the next directions do not come from P any more.
    func setAside() -> Bool {
      guard pending.directions else { return false }
      if pending.scaling {
        space.recur(&q, plus: nil, times: orthonormalizer.transformation)
        space.recurOptional(&z, times: orthonormalizer.transformation)
        pending.scaling = false
      }
      w.copy(from: q)
      asideIsOrthonormal = isOrthonormal
      return true
    }

    /// R = Q·C in some columns, with the Q that was set aside.
    func keepResiduals(_ columns: [Int]) {
      var product = BlockVector<Element>(rows: rows, columns: self.columns)
      space.multiply(w, c, into: &product)
      r.scatterColumns(columns, from: product.picking(columns))
    }

    /// The next P is Ẑ + P·βN⁻¹QᴴẐ, with the Q that was set aside and its N.
    func resume() {
      space.inner(w, z ?? q, into: &small)
      if !asideIsOrthonormal { Self.solve(metric.factor, &small) }
      gram.copy(from: beta)
      beta.multiply(gram, small)
      pending = (false, false, true)
    }

    /// The pattern of A may have changed.
    func forgetSchedule() { (schedule, hasLookedForSchedule) = (nil, false) }

    func recordEnergies() { energyCount += 1 }

    /// √Σ of the last energies: what the last iterations took off, a lower bound of the A-norm of the error before them.
    func finishEnergies(into problem: BlockProblem<Element>) {
      let count = min(energyCount, Self.energyDelay)
      guard count > 0 else { return }
      for j in 0..<problem.width {
        var sum = 0.0
        for k in 0..<count { sum += energies[k * columns + j] }
        problem.energyErrors[j] = sum.squareRoot()
      }
    }

    /// ‖r_j‖ = √(c_jᴴ·QᴴQ·c_j).
    func estimateResiduals() {
      if !preconditioned {
        if isOrthonormal { return c.columnNorms(into: &residuals) }
        small.multiply(metric.factor, c)
        return small.columnNorms(into: &residuals)
      }
      small.multiply(squares, c)
      for j in 0..<c.columns {
        var sum = 0.0
        for i in 0..<c.rows { sum += Double((c[i, j].conjugate * small[i, j]).realPart) }
        residuals[j] = max(sum, 0).squareRoot()
      }
    }

    /// What the last iteration left to do, then W = A·P and Σ = PᴴW: one pass over the rows where A is a matrix whose rows reach not
    /// too far.
    func product(_ problem: BlockProblem<Element>) throws {
      if !hasLookedForSchedule { (schedule, hasLookedForSchedule) = (problem.rowSchedule(), true) }
      guard q.columns <= Kernels<Element>.largestInPlaceUpdate else {
        finishSeparately(problem)
        try problem.apply(p, into: &w)
        return space.hermitianInner(p, w, into: &sigma)
      }
      let (rows, stride, todo) = (self.rows, p.stride, pending)
      pending = (false, false, false)
      unsafe space.withAdvance(
        &problem.x, plus: todo.solution ? y : nil, &q, &z, times: todo.scaling ? orthonormalizer.transformation : nil, &p,
        times: todo.directions ? beta : nil
      ) { advance, base in
        if let schedule {
          unsafe problem.apply(base, stride, into: &w, inner: &sigma, space, schedule, after: advance)
        } else if todo.solution || todo.directions {
          Parallel.rows(rows, bytesPerRow: 6 * stride * MemoryLayout<Element>.stride, advance)
        }
      }
      if schedule == nil {
        try problem.apply(p, into: &w)
        space.hermitianInner(p, w, into: &sigma)
      }
    }

    /// X is to become X + P·Y.
    func deferSolution() { pending.solution = true }

    /// X = X + P·Y, if that is still to be done.
    func finishSolution(_ problem: BlockProblem<Element>) {
      if pending.solution { space.update(&problem.x, plus: p, times: y) }
      pending.solution = false
    }

    /// X + P·Y for a copy of X, which stays to be done.
    func finishSolution(_ x: inout BlockVector<Element>) {
      if pending.solution { space.update(&x, plus: p, times: y) }
    }

    private func finishSeparately(_ problem: BlockProblem<Element>) {
      finishSolution(problem)
      if pending.scaling {
        space.recur(&q, plus: nil, times: orthonormalizer.transformation)
        space.recurOptional(&z, times: orthonormalizer.transformation)
      }
      if pending.directions { space.recur(&p, plus: z ?? q, times: beta) }
      pending = (false, false, false)
    }

    /// P is to become Z + P·β. Where directions were dropped that is done at once, and P and W become as narrow as Q.
    func advanceDirections(_ problem: BlockProblem<Element>) {
      if beta.rows == beta.columns {
        pending.directions = true
        return
      }
      finishSolution(problem)
      w = w[columns: 0..<beta.columns]
      space.multiply(p, beta, plus: z ?? q, into: &w)
      p = p[columns: 0..<beta.columns]
      swap(&p, &w)
    }
  }
}
