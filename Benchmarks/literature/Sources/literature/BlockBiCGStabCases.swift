import BlockKrylov

/// Block BiCGStab against BiCGStab for one column after the other: products of A with columns.
func blockBiCGStab(folder: String?) throws -> Publication {
  var systems = [
    ("convdiff2d:50", try Gallery.Problem(specification: "convdiff2d:50").matrix(Double.self)),
    ("convdiff3d:16", try Gallery.Problem(specification: "convdiff3d:16").matrix(Double.self)),
  ]
  var remarks = [
    "the paper's numbers (times relative to BiCGStab's) could not be found; its statement is compared: the block method needs fewer products "
      + "than BiCGStab for each column, with Bl-GMRES(10) beside it"
  ]
  let names = ["sherman4", "pde900", "pde2961"]
  let read = names.compactMap { name -> (String, CSRMatrix<Double>)? in
    guard let folder else { return nil }
    for end in [".mtx", ".mtx.gz"] {
      if let a = try? CSRMatrix<Double>(matrixMarket: "\(folder)/\(name)\(end)") { return (name, a) }
    }
    return nil
  }
  systems += read
  if read.count < names.count {
    remarks.append(
      "not to be had here (give a folder that holds them): \(names.filter { name in !read.contains { $0.0 == name } }.joined(separator: ", "))"
    )
  }
  var rows: [Comparison] = []
  for (name, a) in systems {
    for choice in [PreconditionerChoice.none, .ilu0] {
      let b = try Gallery.rightHandSides(rows: a.rows, columns: 8, Double.self)
      func products(_ method: any BlockMethod) throws -> Int? {
        let report = try method.with { ($0.preconditioner, $0.tolerance, $0.maximumIterations) = (choice, .relative(1e-7), 2000) }
          .solve(a, b).report
        return report.allConverged ? report.columnsApplied : nil
      }
      let (block, single) = (try products(BlockBiCGStab()), try products(PseudoBlockBiCGStab()))
      let gmres = try products(BlockGMRES(restart: 10).with { $0.deflation = 0 })
      func text(_ count: Int?) -> String { count.map { "\($0)" } ?? "unsolved" }
      rows.append(
        Comparison(
          what: "\(name), \(choice.name): Bl-BiCGStab", published: "fewer than BiCGStab by columns (\(text(single)))",
          obtained: "\(text(block)); Bl-GMRES(10) \(text(gmres))", agrees: block != nil && block ?? .max <= single ?? .max))
    }
  }
  return Publication(
    title: "Block BiCGStab, 8 random right-hand sides, 1e-7: products of A with columns",
    citation:
      "A. El Guennouni, K. Jbilou and H. Sadok, A block version of BiCGSTAB for linear systems with multiple right-hand sides, "
      + "Electron. Trans. Numer. Anal. 16 (2003) 129–142",
    remarks: remarks, comparisons: rows)
}
