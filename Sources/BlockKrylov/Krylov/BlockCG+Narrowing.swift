extension BlockCGEngine {
  /// Whether the columns that are not done had better go on without the others.
  ///
  /// The directions of columns that are done still serve the others, and to leave them costs a product and the superlinear convergence
  /// so far: on model problems in two and three dimensions the columns that go on needed then 1.5 to 3.5 times as many iterations as were
  /// left, whether half or an eighth of the block remained (A. A. Nikishin and A. Yu. Yeremin, “Variable block CG algorithms”, SIAM J.
  /// Matrix Anal. Appl. 16, 1995, keep what the directions know; that saved no more products). So the block is narrowed where at
  /// most a quarter of it remains, that is far from its bounds, and its iteration costs less than a third of the wide one.
  func isWorthNarrowing(_ problem: BlockProblem<Element>, residuals: [Double], targets: [Double]) -> Bool {
    var left = 0
    var isFar = false
    for j in 0..<problem.width where !problem.isDone(column: j, estimate: residuals[j], target: targets[j]) {
      left += 1
      if problem.tests[j].norm == .energy || residuals[j] > 100 * targets[j] { isFar = true }
    }
    guard isFar, left > 0, 4 * left <= problem.width else { return false }
    return 3 * iterationCost(problem.a, columns: left) < iterationCost(problem.a, columns: problem.width)
  }

  /// The time of an iteration in units of a byte moved per row: A and M⁻¹ are read once, blocks about 11 times (15 with M⁻¹), and 10·m²
  /// multiplications and additions take the time of as many bytes by the balance of usual machines.
  private func iterationCost(_ a: any LinearOperator<Element>, columns m: Int) -> Double {
    let (rows, size) = (Double(max(a.rows, 1)), Double(MemoryLayout<Element>.stride))
    let matrices = Double(a.storedBytes + (core.m?.storedBytes ?? 0)) / rows
    let blocks = (core.m == nil ? 11.0 : 15.0) * size * Double(BlockVector<Element>.paddedWidth(m))
    let flopsPerByte = 6.0
    return matrices + blocks + (Element.isComplex ? 40 : 10) * Double(m * m) / flopsPerByte
  }
}
