import BlockKrylov
import ComplexModule
import Testing

@Suite struct GalleryProblem {
  @Test(arguments: Gallery.Family.allCases) func writesWhatItReads(_ family: Gallery.Family) throws {
    let problem = try Gallery.Problem(family, size: 5)
    #expect(problem.specification == "\(family.rawValue):5")
    #expect(try Gallery.Problem(specification: problem.specification) == problem)
    #expect(!family.summary.isEmpty && family.form.hasPrefix("\(family.rawValue):N"))
    if let parameter = problem.parameter {
      #expect(try Gallery.Problem(specification: "\(family.rawValue):5:\(parameter)") == problem)
      #expect(family.form.hasSuffix("]"))
    }
  }

  @Test func parameterIsWrittenWhereItDiffers() throws {
    #expect(try Gallery.Problem(specification: "convdiff3d:4:100").description == "convdiff3d:4:100")
    #expect(try Gallery.Problem(specification: "convdiff3d:4:50").description == "convdiff3d:4")
    #expect(try Gallery.Problem(specification: "varcoef2d:4:0.5").parameter == 0.5)
  }

  @Test(arguments: [
    ("laplace:10", "'laplace' is not in the gallery"), ("", "'' is not in the gallery"),
    ("poisson2d", "not of the form poisson2d:N"),
    ("poisson2d:", "no whole number"), ("poisson2d:ten", "no whole number"), ("poisson2d:3.5", "no whole number"),
    ("poisson2d:0", "needs N ≥ 1"), ("poisson2d:-4", "needs N ≥ 1"), ("poisson2d:5:1", "takes no parameter"),
    ("convdiff3d:5:1:2", "not of the form convdiff3d:N[:V]"), ("convdiff3d:5:fast", "'fast'"),
    ("convdiff3d:5:-1", "needs V from 0 to"),
    ("varcoef2d:5:nan", "needs C from -30 to 30"), ("varcoef2d:5:inf", "needs C"),
    ("elasticity2d:5:0.6", "needs nu from 0 to 0.5"),
    ("poisson2d:46341", "more than 2147483647 rows"), ("poisson3d:1291", "more than 2147483647 rows"),
    ("poisson3d:9223372036854775807", "more than 2147483647 rows"), ("poisson2d:9223372036854775808", "no whole number"),
    ("bidiagonal:2147483648", "more than 2147483647 rows"), ("elasticity2d:32768", "more than 2147483647 rows"),
  ])
  func refuses(_ specification: String, _ message: String) throws {
    let error = #expect(throws: BlockKrylovError.self) { try Gallery.Problem(specification: specification) }
    guard case .invalidOption(let text)? = error else {
      Issue.record("\(String(describing: error)) is not an invalid option")
      return
    }
    #expect(text.contains(message))
    #expect(!text.contains("\n"))
  }

  @Test func unknownNameListsTheKnownOnes() {
    let error = #expect(throws: BlockKrylovError.self) { try Gallery.Problem(specification: "posson2d:3") }
    for family in Gallery.Family.allCases { #expect(error?.description.contains(family.form) == true) }
  }

  @Test func largestSizesAreAccepted() throws {
    #expect(try Gallery.Problem(specification: "poisson2d:46340").rows == 46340 * 46340)
    #expect(try Gallery.Problem(specification: "poisson3d:1290").rows == 1290 * 1290 * 1290)
    #expect(try Gallery.Problem(specification: "elasticity2d:32767").rows == 2 * 32767 * 32768)
  }

  /// Shape, arrays in order, tags that are true, entries that are those of `Double`, rounded: for each family in each type.
  @Test(arguments: Gallery.Family.allCases, [1, 2, 6]) func matrixIsSound(_ family: Gallery.Family, _ size: Int) throws {
    let problem = try Gallery.Problem(family, size: size)
    func check<S: Scalar>(_ type: S.Type) throws {
      let a = try problem.matrix(S.self)
      #expect(a.rows == problem.rows && a.columns == problem.rows)
      // The public initialiser checks starts, order, ranges and finiteness.
      let again = try CSRMatrix(
        rows: a.rows, columns: a.columns, rowStart: a.rowStart, columnIndex: a.columnIndex, values: a.values)
      #expect(again.columnIndex == a.columnIndex)
      let probe = a.probe()
      if a.structure.contains(.symmetric) { #expect(probe.symmetric) }
      if a.structure.contains(.hermitian) { #expect(probe.hermitian) }
      if a.structure.contains(.positiveDefinite) { #expect(probe.looksPositiveDefinite) }
      if a.structure.contains(.upperTriangular) { #expect(probe.lowerBandwidth == 0) }
      if a.structure.contains(.lowerTriangular) { #expect(probe.upperBandwidth == 0) }
      #expect(a.structure == problem.structure(S.self))
      let reference = try problem.matrix(Complex<Double>.self).values
      #expect(a.values == reference.map { S(real: $0.realPart, imaginary: $0.imaginaryPart) })
    }
    if problem.isComplex {
      #expect(throws: BlockKrylovError.self) { try problem.matrix(Double.self) }
      #expect(throws: BlockKrylovError.self) { try problem.matrix(Float.self) }
    } else {
      try check(Double.self)
      try check(Float.self)
    }
    try check(Complex<Double>.self)
    try check(Complex<Float>.self)
  }

  @Test func roundingCanTakeThePromiseAway() throws {
    let jumps = try Gallery.Problem(specification: "varcoef2d:100")
    #expect(jumps.structure(Double.self).contains(.positiveDefinite))
    #expect(!jumps.structure(Float.self).contains(.positiveDefinite))
    #expect(!(try Gallery.Problem(specification: "varcoef2d:100:20")).structure(Double.self).contains(.positiveDefinite))
    #expect(try Gallery.Problem(specification: "poisson2d:1000").structure(Float.self).contains(.positiveDefinite))
  }
}
