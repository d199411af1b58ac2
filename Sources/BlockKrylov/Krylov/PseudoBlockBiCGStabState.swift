internal import ComplexModule
internal import RealModule

extension PseudoBlockBiCGStabEngine {
  /// The columns that iterate. Arrays and blocks have one column for each of `active`.
  final class State: IndependentColumns {
    let problem: BlockProblem<Element>
    let space: BlockSpace<Element>
    /// Which column of the problem each is.
    private(set) var active: [Int]
    private var x: BlockVector<Element>
    /// The residual, in the middle of an iteration s.
    private var r: BlockVector<Element>
    private var shadow: BlockVector<Element>
    private var p: BlockVector<Element>
    private var v: BlockVector<Element>
    private var t: BlockVector<Element>
    private var mp: BlockVector<Element>?
    private var ms: BlockVector<Element>?

    private var rho: [Element]
    private var alpha: [Element]
    private var omega: [Element]
    private var next: [Element]
    /// What the kernels scale columns by: for each kind as many numbers as there are columns.
    private let factors: AlignedStorage<Element>
    /// ‖r‖, and the smallest of it when a recurrence began again.
    private var sizes: [Double]
    private var best: [Double]
    /// The largest ‖r‖ since r was last computed from X.
    private var peaks: [Double]
    /// How often in a row a recurrence began again without having brought something.
    private var fruitless: [Int]
    /// Whether a column must begin again.
    private var broken: [Bool]
    private var done: [Bool]
    private var seed: UInt64 = 0xB1C6
    /// What an iteration leaves to do, for the pass over the rows that makes the next product.
    private var pending = (solution: false, directions: false)
    private let schedule: RowSchedule?

    /// The kinds of `factors`.
    private enum Factor: Int, CaseIterable { case alpha, omega, minusOmega, beta, minusBetaOmega, minusAlpha, one }

    init(_ problem: BlockProblem<Element>, preconditioned: Bool) {
      self.problem = problem
      let m = problem.width
      space = BlockSpace(p: m, q: 5, rows: problem.x.rows)
      schedule = problem.rowSchedule()
      active = Array(0..<m)
      let block = { BlockVector<Element>(rows: problem.x.rows, columns: m) }
      (x, r, shadow, p, v, t) = (problem.x, block(), block(), block(), block(), block())
      if preconditioned { (mp, ms) = (block(), block()) }
      rho = [Element](repeating: 0, count: m)
      (alpha, omega, next) = (rho, rho, rho)
      factors = AlignedStorage(count: m * Factor.allCases.count)
      sizes = problem.norms
      (best, peaks) = (sizes, sizes)
      fruitless = [Int](repeating: 0, count: m)
      done = [Bool](repeating: false, count: m)
      broken = done
      for k in 0..<m { set(.one, k, 1) }
    }

    var byteCount: Int { r.byteCount * (mp == nil ? 6 : 8) + space.byteCount }

    /// A block that is no longer needed when the iteration is over.
    func releaseScratch() -> BlockVector<Element> {
      let scratch = r
      r = BlockVector(rows: scratch.rows, columns: 0)
      return scratch
    }

    private func pointer(_ factor: Factor) -> UnsafePointer<Element> {
      unsafe UnsafePointer(factors.base + factor.rawValue * active.count)
    }

    private func set(_ factor: Factor, _ k: Int, _ value: Element) {
      unsafe factors.base[factor.rawValue * active.count + k] = value
    }

    /// R, R̂, P and ρ from the current X.
    func begin() throws {
      if problem.hasGuess {
        try problem.residual(of: x, problem.b, into: &r)
      } else {
        r.copy(from: problem.b)
      }
      space.columnDots(r, r, into: &rho)
      for k in active.indices {
        sizes[k] = Double(rho[k].realPart).squareRoot()
        if !sizes[k].isFinite { fail(k, .nonFinite(.operator)) }
      }
      (best, peaks) = (sizes, sizes)
      shadow.copy(from: r)
      p.copy(from: r)
    }

    private func fail(_ k: Int, _ status: ColumnStatus) {
      if !done[k] { problem.finish(column: active[k], status) }
      done[k] = true
    }

    /// One step of every active column. X changes only where everything that it needs is finite.
    func step(_ m: (any Preconditioner<Element>)?) throws {
      for k in active.indices { broken[k] = false }
      try formProduct(ofDirections: m)
      for k in active.indices {
        chooseStep(k)
        set(.alpha, k, alpha[k])
        set(.minusAlpha, k, -alpha[k])
      }
      try formProduct(ofResiduals: m)
      var isExact = true
      for k in active.indices {
        if !stabilize(k) { isExact = false }
        set(.omega, k, omega[k])
        set(.minusOmega, k, -omega[k])
      }
      pending.solution = true
      if isRenewalDue { try renew() } else if !isExact { measure() }
      var isBroken = false
      for k in active.indices {
        if !done[k] { judge(k) }
        let beta = chooseDirection(k)
        set(.beta, k, beta)
        set(.minusBetaOmega, k, -beta * omega[k])
        if broken[k], !done[k] { isBroken = true }
      }
      pending.directions = true
      if isBroken { beginAgain() }
    }

    // MARK: Scalars

    /// α = ρ/R̂ᴴv.
    private func chooseStep(_ k: Int) {
      let (shadowV, vv) = (space.sums[k], space.sums[active.count + k])
      alpha[k] = 0
      guard vv.isFinite, shadowV.isFinite else { return blame(k, mp) }
      if done[k] { return }
      alpha[k] = rho[k] / shadowV
      // An R̂ᴴv of rounding size says nothing.
      let scale = Double(vv.realPart).squareRoot() * sizes[k]
      if !alpha[k].isFinite || Double(shadowV.modulus) <= Element.unitRoundoff * scale || rho[k] == 0 {
        broken[k] = true
        alpha[k] = 0
      }
    }

    /// ω, and what follows of r = s − ω·t: ‖r‖ and R̂ᴴr. False where ‖r‖ would be lost in rounding.
    private func stabilize(_ k: Int) -> Bool {
      let m = active.count
      omega[k] = 0
      let (ts, tt, ss) = (space.sums[k], space.sums[m + k], space.sums[2 * m + k])
      guard tt.isFinite, ts.isFinite else {
        blame(k, ms)
        // X keeps what it had before this step.
        set(.alpha, k, 0)
        return true
      }
      if done[k] { return true }
      let (shadowT, shadowS) = (space.sums[3 * m + k], space.sums[4 * m + k])
      let (sizeT, sizeS) = (Double(tt.realPart).squareRoot(), Double(ss.realPart).squareRoot())
      (sizes[k], next[k]) = (sizeS, shadowS)
      if sizeS == 0 || broken[k] { return true }
      guard sizeT > 0 else {
        broken[k] = true
        return true
      }
      var factor = ts / tt
      let cosine = Double(ts.modulus) / (sizeT * sizeS)
      if cosine < 0.7 {
        let direction: Element = cosine > 0 ? ts / Element(ts.modulus) : 1
        factor = direction * Element(double: 0.7 * sizeS / sizeT)
      }
      guard factor.isFinite else {
        broken[k] = true
        return true
      }
      omega[k] = factor
      next[k] = shadowS - factor * shadowT
      let removed = Double((factor.conjugate * (ts + ts - factor * tt)).realPart)
      let square = Double(ss.realPart) - removed
      sizes[k] = max(square, 0).squareRoot()
      return square > 1e6 * Element.unitRoundoff * Double(ss.realPart)
    }

    private func judge(_ k: Int) {
      problem.note(column: active[k], estimate: sizes[k])
      if sizes[k] <= problem.target(column: active[k]) {
        done[k] = true
      } else if !(sizes[k] <= best[k] / Element.unitRoundoff.squareRoot()) {
        // It loses the digits that the tolerance asks for.
        fail(k, .breakdown("the residual grew beyond all bounds"))
      }
    }

    /// β and the next ρ.
    private func chooseDirection(_ k: Int) -> Element {
      if done[k] || broken[k] { return 0 }
      let beta = (next[k] / rho[k]) * (alpha[k] / omega[k])
      guard beta.isFinite, omega[k] != 0 else {
        broken[k] = true
        return 0
      }
      rho[k] = next[k]
      return beta
    }

    /// Columns that are broken take p = r and a random shadow vector.
    private func beginAgain() {
      finish()
      for k in active.indices where broken[k] && !done[k] { beginAgain(k) }
      space.columnDots(shadow, r, into: &next)
      for k in active.indices where broken[k] && !done[k] { rho[k] = next[k] }
    }

    private func beginAgain(_ k: Int) {
      if sizes[k] <= best[k] / 2 {
        best[k] = sizes[k]
        fruitless[k] = 0
      }
      fruitless[k] += 1
      if fruitless[k] > 5 { return fail(k, .breakdown("r̂ᴴAp or ω vanishes again and again")) }
      problem.monitor.record(
        .breakdown, column: problem.columns[active[k]],
        "r̂ᴴAp or ω vanished; the recurrence began again with a random shadow vector")
      seed &+= 1
      var column = BlockVector<Element>(rows: r.rows, columns: 1)
      column.fillRandom(seed: seed)
      column.scale(by: Element(double: sizes[k] / Double(max(r.rows, 1)).squareRoot()))
      shadow[columns: k..<(k + 1)] = column
    }

    // MARK: Residuals in double precision

    /// By how much ‖r‖ falls until r is computed in double precision again: what single precision loses of the residual stays small beside
    /// it, and products in double precision are few (of 2⁻⁵ … 2⁻¹⁶ the fastest, measured: columns fall at different times).
    private static var renewedReduction: Double { 0x1p-11 }

    /// Whether X is kept in double precision and a column's r has fallen far enough.
    private var isRenewalDue: Bool {
      guard problem.renewal != nil else { return false }
      var isDue = false
      for k in active.indices where !done[k] {
        peaks[k] = max(peaks[k], sizes[k])
        if sizes[k] > problem.target(column: active[k]), sizes[k] <= Self.renewedReduction * peaks[k] { isDue = true }
      }
      return isDue
    }

    /// Replaces r by the true residual, which double precision tells, in the middle of the recurrence: β and the next directions follow
    /// from it (G. L. G. Sleijpen and H. A. van der Vorst, “Reliable updated residuals in hybrid Bi-CG methods”, Computing 56, 1996).
    private func renew() throws {
      finish()
      try problem.renewal?(active, &x, &r)
      measure()
      peaks = sizes
    }

    // MARK: Passes over the rows

    /// V = A·M⁻¹P, with R̂ᴴv and vᴴv.
    private func formProduct(ofDirections m: (any Preconditioner<Element>)?) throws {
      let (count, bytesPerRow) = (active.count, 7 * r.stride * MemoryLayout<Element>.stride)
      let (shadows, ld) = unsafe (shadow.base, v.stride)
      func dots(_ v: UnsafePointer<Element>, _ rows: Range<Int>, _ sum: UnsafeMutablePointer<Element>) {
        let (i, height) = (rows.lowerBound, rows.count)
        unsafe Kernels<Element>.columnMoments(height, count, v + i * ld, shadows + i * ld, nil, ld, sum)
      }
      guard let m else {
        return try withAdvance { advance in
          try unsafe problem.apply(
            p, into: &v, space, schedule, sums: 2 * count, bytesPerRow: bytesPerRow, after: advance, dots)
        }
      }
      finish()
      guard var image = mp.take() else { return }
      defer { mp = image }
      problem.monitor.countPreconditioner()
      try m.apply(to: p, into: &image)
      try unsafe problem.apply(image, into: &v, space, schedule, sums: 2 * count, bytesPerRow: bytesPerRow, after: { _ in }, dots)
    }

    /// S = R − V·diag(α) in place of R and T = A·M⁻¹S, with tᴴs, tᴴt, sᴴs, R̂ᴴt and R̂ᴴs.
    private func formProduct(ofResiduals m: (any Preconditioner<Element>)?) throws {
      let (count, bytesPerRow) = (active.count, 5 * r.stride * MemoryLayout<Element>.stride)
      let shadows = unsafe shadow.base
      let (ps, ldr, pv) = unsafe (r.mutableBase(), r.stride, v.base)
      let (minusAlpha, ones) = unsafe (pointer(.minusAlpha), pointer(.one))
      func write(_ rows: Range<Int>) {
        let i = rows.lowerBound
        unsafe Kernels<Element>.combineColumns(rows.count, count, minusAlpha, pv + i * ldr, ldr, ones, ps + i * ldr, ldr)
      }
      func dots(_ t: UnsafePointer<Element>, _ rows: Range<Int>, _ sum: UnsafeMutablePointer<Element>) {
        let (i, height) = (rows.lowerBound, rows.count)
        unsafe Kernels<Element>.columnMoments(
          height, count, t + i * ldr, UnsafePointer(ps + i * ldr), shadows + i * ldr, ldr, sum)
      }
      guard let m, var image = ms.take() else {
        return try unsafe problem.apply(
          r, into: &t, space, schedule, sums: 5 * count, bytesPerRow: bytesPerRow, after: write, dots)
      }
      defer { ms = image }
      Parallel.rows(r.rows, bytesPerRow: bytesPerRow, write)
      problem.monitor.countPreconditioner()
      try m.apply(to: r, into: &image)
      try unsafe problem.apply(image, into: &t, space, schedule, sums: 5 * count, bytesPerRow: bytesPerRow, after: { _ in }, dots)
    }

    /// Calls `body` with a function that does to a range of rows what is pending: x += α·M⁻¹p + ω·M⁻¹s, r = s − ω·t,
    /// p = r + β·(p − ω·v).
    private func withAdvance(_ body: (_ advance: (Range<Int>) -> Void) throws -> Void) rethrows {
      let (m, todo) = (active.count, pending)
      pending = (false, false)
      let (px, ldx, pr, pp, ld) = unsafe (x.mutableBase(), x.stride, r.mutableBase(), p.mutableBase(), r.stride)
      let (pv, pt) = unsafe (v.base, t.base)
      let imageP = unsafe mp.map { unsafe $0.base } ?? UnsafePointer(pp)
      let imageS = unsafe ms.map { unsafe $0.base } ?? UnsafePointer(pr)
      let (alpha, omega, minusOmega) = unsafe (pointer(.alpha), pointer(.omega), pointer(.minusOmega))
      let (beta, minusBetaOmega, ones) = unsafe (pointer(.beta), pointer(.minusBetaOmega), pointer(.one))
      func advance(_ rows: Range<Int>) {
        let (i, n) = (rows.lowerBound, rows.count)
        let (rowX, rowR, rowP) = unsafe (px + i * ldx, pr + i * ld, pp + i * ld)
        let (rowV, rowT, rowMP, rowMS) = unsafe (pv + i * ld, pt + i * ld, imageP + i * ld, imageS + i * ld)
        if todo.solution, todo.directions {
          return unsafe Kernels<Element>.stabilizedStep(n, m, alpha, rowMP, rowMS, rowV, rowT, ld, rowX, ldx, rowR, rowP)
        }
        if todo.solution {
          unsafe Kernels<Element>.combineColumns(n, m, alpha, rowMP, ld, ones, rowX, ldx)
          unsafe Kernels<Element>.combineColumns(n, m, omega, rowMS, ld, ones, rowX, ldx)
          unsafe Kernels<Element>.combineColumns(n, m, minusOmega, rowT, ld, ones, rowR, ld)
        }
        if todo.directions {
          unsafe Kernels<Element>.combineColumns(n, m, minusBetaOmega, rowV, ld, beta, rowP, ld)
          unsafe Kernels<Element>.combine(n, m, 1, UnsafePointer(rowR), ld, 1, rowP, ld)
        }
      }
      try body(advance)
    }

    /// Does what is pending.
    private func finish() {
      guard pending.solution || pending.directions else { return }
      let bytesPerRow = 7 * r.stride * MemoryLayout<Element>.stride
      withAdvance { advance in Parallel.rows(r.rows, bytesPerRow: bytesPerRow, advance) }
    }

    /// ‖r‖ and R̂ᴴr from r itself.
    private func measure() {
      finish()
      let m = active.count
      unsafe space.sumPanels(rows: r.rows, count: 2 * m, bytesPerRow: 2 * m * MemoryLayout<Element>.stride) { range, sum in
        let (i, height) = (range.lowerBound, range.count)
        unsafe Kernels<Element>.columnMoments(height, m, r.base + i * r.stride, shadow.base + i * r.stride, nil, r.stride, sum)
      }
      for k in active.indices where !done[k] {
        (sizes[k], next[k]) = (Double(space.sums[m + k].realPart).squareRoot(), space.sums[k])
      }
    }

    /// Which of A and M⁻¹ gave NaN or infinity for a column, which takes no further part.
    private func blame(_ k: Int, _ image: BlockVector<Element>?) {
      let finite = image.map { $0[columns: k..<(k + 1)].columnMaxima()[0].isFinite } ?? true
      fail(k, finite ? .nonFinite(.operator) : .nonFinite(.preconditioner))
      // Zero times NaN would reach X.
      let zero = BlockVector<Element>(rows: r.rows, columns: 1)
      for block in [\State.p, \.r, \.v, \.t] { self[keyPath: block][columns: k..<(k + 1)] = zero }
      mp?[columns: k..<(k + 1)] = zero
      ms?[columns: k..<(k + 1)] = zero
    }

    // MARK: Columns

    /// Columns that are done or failed leave the block, when all are or when the others need fewer vectors of 64 bytes, or half as many
    /// columns.
    func retire() {
      for k in active.indices where !problem.mayGoOn(column: active[k]) { done[k] = true }
      var left = 0
      for k in active.indices where !done[k] { left += 1 }
      func vectors(_ columns: Int) -> Int { (columns * MemoryLayout<Element>.stride + 63) / 64 }
      guard left == 0 || 2 * left <= active.count || vectors(left) < vectors(active.count) else { return }
      let kept = active.indices.filter { !done[$0] }
      leaveSolution()
      active.keep(kept)
      for k in active.indices { set(.one, k, 1) }
      rho.keep(kept)
      sizes.keep(kept)
      best.keep(kept)
      peaks.keep(kept)
      fruitless.keep(kept)
      broken.keep(kept)
      done.keep(kept)
      x.keepColumns(kept)
      r.keepColumns(kept)
      shadow.keepColumns(kept)
      p.keepColumns(kept)
      let block = { BlockVector<Element>(rows: self.r.rows, columns: kept.count) }
      (v, t) = (block(), block())
      if mp != nil { (mp, ms) = (block(), block()) }
    }

    /// X of the active columns goes where it belongs among all columns.
    func leaveSolution(in all: inout BlockVector<Element>) {
      finish()
      all.scatterColumns(active, from: x)
    }
  }
}
