import BlockKrylov

/// Right-hand sides that depend on each other: where textbook block CG breaks down.
func rankDeficiency() throws -> Publication {
  let a = try Gallery.Problem(.poisson2d, size: 32).matrix(Double.self)
  let n = a.rows
  let random = try Gallery.rightHandSides(rows: n, columns: 8, Double.self)
  func block(_ entry: (Int, Int) -> Double) -> BlockVector<Double> { BlockVector(rows: n, columns: 8) { entry($0, $1) } }
  let cases: [(String, BlockVector<Double>)] = [
    ("independent", random),
    (
      "duplicate and dependent columns",
      block { i, j in
        switch j {
        case 1: random[i, 0]
        case 3: random[i, 0] + 2 * random[i, 2]
        default: random[i, j]
        }
      }
    ),
    ("nearly duplicate, 1e-9", block { i, j in j == 1 ? random[i, 0] + 1e-9 * random[i, 1] : random[i, j] }),
    ("all columns equal", block { i, _ in random[i, 0] }),
  ]
  var rows: [Comparison] = []
  for (name, b) in cases {
    let methods: [(String, any BlockMethod)] =
      DependentColumns.allCases.map { handling in ("cg, \(handling.rawValue)", BlockCG().with { $0.dependentColumns = handling })
      }
      + [("bf-cg", BreakdownFreeBlockCG())]
    for (label, method) in methods {
      let report = try method.with { $0.tolerance = .relative(1e-10) }.solve(a, b).report
      rows.append(
        Comparison(
          what: "\(name), \(label)", published: "BF-BCG converges",
          obtained: report.allConverged ? "\(report.iterations) iterations" : "\(report.unconverged.count) columns unsolved",
          agrees: report.allConverged))
    }
  }
  return Publication(
    title: "Rank deficiency: block CG, 5-point Laplacian on 32 × 32 points, 8 right-hand sides, 1e-10",
    citation: "H. Ji and Y. Li, A breakdown-free block conjugate gradient method, BIT Numer. Math. 57 (2017) 379–403",
    remarks: [
      "the paper's figures give no counts that could be quoted; its statement is compared: no breakdown, every column converges"
    ],
    comparisons: rows)
}

/// PETSc's own test requires that its block methods diverge here.
func identicalColumns(folder: String?) throws -> Publication {
  var remarks: [String] = []
  let a: CSRMatrix<Double>
  if let folder, let read = try? CSRMatrix<Double>(matrixMarket: "\(folder)/A_400.mtx") {
    a = read
  } else {
    remarks.append("A_400 is not to be had here; stand-in: the plate of the gallery, elasticity2d:24")
    a = try Gallery.Problem(specification: "elasticity2d:24").matrix(Double.self)
  }
  let b = try Gallery.ones(rows: a.rows, columns: 3, Double.self)
  let rows = try [("bcg", BlockCG() as any BlockMethod), ("bgmres", BlockGMRES()), ("bgcrodr", BlockGCRODR())].map {
    name, method in
    let report = try method.with { ($0.restart, $0.maximumIterations) = (40, 5000) }.solve(a, b).report
    return Comparison(
      what: name, published: "DIVERGED_BREAKDOWN",
      obtained: report.allConverged ? "converged in \(report.iterations) iterations" : "unsolved", agrees: report.allConverged)
  }
  return Publication(
    title: "Three identical right-hand sides of ones",
    citation: "PETSc, ksp/tutorials/ex77 -breakdown (expected output of its test)",
    remarks: remarks + ["here agreement is to converge where the published solver does not"], comparisons: rows)
}
