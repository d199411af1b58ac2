extension BlockCGEngine {
  /// The blocks and small matrices of block CG, allocated once for a block width.
  final class Workspace {
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
    /// Σ⁻¹C.
    var y: DenseMatrix<Element>
    /// −Σ⁻¹.
    var minusInverse: DenseMatrix<Element>
    /// QᴴM⁻¹Q, and QᴴQ where M⁻¹ is not the identity.
    var gram: DenseMatrix<Element>
    private var squares: DenseMatrix<Element>
    private var small: DenseMatrix<Element>

    /// When rows of A·P can be formed; none where A is not a matrix in compressed rows.
    private var schedule: RowSchedule?
    private var hasLookedForSchedule = false
    /// What is left to do before the next product: X += P·Y; Q, Z ← Q·T, Z·T; P ← Z + P·Sᴴ.
    private var pending: (solution: Bool, scaling: Bool, directions: Bool) = (false, false, false)

    var residuals: [Double]
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
      (c, sigma, y, minusInverse, small) = (square, square, square, square, square)
      (gram, squares) = (square, square)
      residuals = [Double](repeating: 0, count: columns)
      trueNorms = residuals
      noiseLevels = [Double](repeating: 0, count: width)
      columnScales = [Element.Magnitude](repeating: 1, count: columns)
      energies = [Double](repeating: 0, count: columns * Self.energyDelay)
    }

    /// The directions in the block now.
    var rank: Int { q.columns }

    var byteCount: Int {
      q.rows * q.stride * MemoryLayout<Element>.stride * (preconditioned ? 4 : 3) + r.byteCount + space.byteCount
    }

    /// Blocks that a deflation has narrowed become wide again.
    func restoreWidth(_ width: Int) throws {
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

    func orthonormalize(noise: Double) -> ColumnStatus? {
      for j in noiseLevels.indices { noiseLevels[j] = noise }
      return switch orthonormalizer.orthonormalize(&q, &z, noise: noiseLevels) {
      case .rank: nil
      case .indefinite: .indefinitePreconditioner
      case .nonFinite: preconditioned ? .nonFinite(.preconditioner) : .nonFinite(.operator)
      }
    }

    /// S from the Gram matrix alone, where Q is well conditioned; Q is orthonormalised by `advanceDirections` then.
    func factorGram(noise: Double) -> Bool {
      guard let z else { return orthonormalizer.factor(gram: gram, squares: nil, noise: noise) }
      space.inner(q, z, into: &gram, squares: &squares)
      return orthonormalizer.factor(gram: gram, squares: squares, noise: noise)
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

    /// Y = Σ⁻¹C and −Σ⁻¹, from the Cholesky factor.
    func solveSigma() {
      y.copy(from: c)
      y.solveTriangular(.left, sigma, .upper, .adjoint)
      // Half way, y = R⁻ᴴC: its columns' squared lengths are the energies.
      let slot = energyCount % Self.energyDelay * columns
      for j in 0..<y.columns {
        var sum = 0.0
        for i in 0..<y.rows {
          let value = Double(y[i, j].modulus)
          sum += value * value
        }
        energies[slot + j] = sum
      }
      y.solveTriangular(.left, sigma)
      minusInverse.setIdentity(sigma.rows)
      for i in 0..<sigma.rows { minusInverse[i, i] = -1 }
      minusInverse.solveTriangular(.left, sigma, .upper, .adjoint)
      minusInverse.solveTriangular(.left, sigma)
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

    /// C = S·C.
    func multiplyC(by s: DenseMatrix<Element>) {
      small.copy(from: c)
      c.multiply(s, small)
    }

    /// ‖r_j‖ = √(c_jᴴ·QᴴQ·c_j).
    func estimateResiduals() {
      guard preconditioned else { return c.columnNorms(into: &residuals) }
      small.multiply(orthonormalizer.squares, c)
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
        return space.inner(p, w, into: &sigma)
      }
      let (rows, stride, todo) = (self.rows, p.stride, pending)
      pending = (false, false, false)
      unsafe space.withAdvance(
        &problem.x, plus: todo.solution ? y : nil, &q, &z, times: todo.scaling ? orthonormalizer.transformation : nil, &p,
        times: todo.directions ? small : nil
      ) { advance, base in
        if let schedule {
          unsafe problem.apply(base, stride, into: &w, inner: &sigma, space, schedule, after: advance)
        } else if todo.solution || todo.directions {
          Parallel.rows(rows, bytesPerRow: 6 * stride * MemoryLayout<Element>.stride, advance)
        }
      }
      if schedule == nil {
        try problem.apply(p, into: &w)
        space.inner(p, w, into: &sigma)
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
      if pending.directions { space.recur(&p, plus: z ?? q, times: small) }
      pending = (false, false, false)
    }

    /// P is to become Z + P·Sᴴ, and Q and Z are to be made orthonormal first unless they are. Where directions were dropped that is
    /// done at once, and P and W become as narrow as Q.
    func advanceDirections(_ problem: BlockProblem<Element>, orthonormal: Bool) {
      let s = orthonormalizer.s
      small.reshape(rows: s.columns, columns: s.rows)
      for i in 0..<s.rows { for j in 0..<s.columns { small[j, i] = s[i, j].conjugate } }
      if s.rows == s.columns {
        (pending.scaling, pending.directions) = (!orthonormal, true)
        return
      }
      finishSolution(problem)
      w = w[columns: 0..<s.rows]
      space.multiply(p, small, plus: z ?? q, into: &w)
      p = p[columns: 0..<s.rows]
      swap(&p, &w)
    }
  }
}
