import BlockKrylov

/// Three systems of a sequence, GCRO-DR(40, 20) without preconditioner to 1e-10.
func recycling(folder: String?) throws -> Publication {
  let published = ["438", "497", "231", "206"]
  var remarks: [String] = []
  let systems: [(a: CSRMatrix<Double>, b: BlockVector<Double>)]
  let isOriginal: Bool
  if let folder,
    let read = try? (400..<403).map({ k in
      (
        a: try CSRMatrix<Double>(matrixMarket: "\(folder)/A_\(k).mtx"),
        b: try BlockVector<Double>(matrixMarket: "\(folder)/rhs_\(k).mtx")
      )
    })
  {
    (systems, isOriginal) = (read, true)
  } else {
    remarks.append(
      "A_400 … A_402 are not to be had here (give a folder with A_400.mtx, rhs_400.mtx, …); stand-in: a diffusion problem "
        + "with jumps, n = 3969, in which couplings of every 97th point weaken by a tenth from system to system; random right-hand sides"
    )
    systems = try (0..<3).map { try weakened(step: $0) }
    isOriginal = false
  }
  let restarted = { (method: any BlockMethod) in
    method.with { ($0.tolerance, $0.restart, $0.deflation, $0.maximumIterations) = (.relative(1e-10), 40, 20, 2000) }
  }
  let full = try BlockGMRES(tolerance: .relative(1e-10), restart: 1000).solve(systems[0].a, systems[0].b).report
  let solver = try restarted(BlockGCRODR()).prepare(systems[0].a)
  var counts: [Int] = []
  var solved = full.allConverged
  for (k, system) in systems.enumerated() {
    if k > 0 { try solver.update(system.a) }
    let report = try solver.solve(system.b).report
    solved = solved && report.allConverged
    counts.append(report.iterations)
  }
  let numbers = [full.iterations] + counts
  let names = ["unrestarted GMRES, system 1", "GCRO-DR(40, 20), system 1", "system 2", "system 3"]
  var rows = numbers.indices.map { k in
    Comparison(
      what: names[k], published: published[k], obtained: "\(numbers[k])",
      agrees: !isOriginal || abs(Double(numbers[k]) / (Double(published[k]) ?? 1) - 1) <= 0.1)
  }
  func ratio(_ a: Int, _ b: Int) -> Double { Double(a) / Double(b) }
  rows.append(
    Comparison(
      what: "system 1 restarted / unrestarted", published: ratio(497, 438).brief, obtained: ratio(numbers[1], numbers[0]).brief,
      agrees: solved && ratio(numbers[1], numbers[0]) < 1.5))
  rows.append(
    Comparison(
      what: "system 3 / system 1", published: ratio(206, 497).brief, obtained: ratio(numbers[3], numbers[1]).brief,
      agrees: solved && ratio(numbers[3], numbers[1]) < 0.7))
  return Publication(
    title: "Recycling: iterations for a sequence of systems",
    citation: "M. L. Parks, E. de Sturler, G. Mackey, D. D. Johnson and S. Maiti, SIAM J. Sci. Comput. 28 (2006) 1651–1674, "
      + "as reproduced by PETSc's test ksp/tutorials/ex75",
    remarks: remarks, comparisons: rows)
}

/// A diffusion problem whose couplings weaken here and there, and one right-hand side.
private func weakened(step: Int) throws -> (CSRMatrix<Double>, BlockVector<Double>) {
  let base = try Gallery.Problem(.varcoef2d, size: 63, parameter: 2).matrix(Double.self)
  var builder = try TripletBuilder<Double>(rows: base.rows, columns: base.columns)
  for i in 0..<base.rows {
    for k in base.rowStart[i]..<base.rowStart[i + 1] {
      let j = Int(base.columnIndex[k])
      try builder.add(base.values[k], row: i, column: j)
      if j > i, i % 97 == 0 {
        let loss = -base.values[k] * 0.1 * Double(step)
        try builder.add(loss, row: i, column: j)
        try builder.add(loss, row: j, column: i)
        try builder.add(-loss, row: i, column: i)
        try builder.add(-loss, row: j, column: j)
      }
    }
  }
  return (try builder.csr(), try Gallery.rightHandSides(rows: base.rows, columns: 1, seed: UInt64(step + 1), Double.self))
}
