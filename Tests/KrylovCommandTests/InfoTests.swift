import Foundation
import Testing

@Suite struct InfoTests {
  @Test func textOfAFile() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      "%%MatrixMarket matrix coordinate real general\n% a small one\n3 3 4\n1 1 2.0\n2 2 -1.0\n3 1 0.5\n1 2 0\n", to: "a.mtx")
    let outcome = try run("info", folder.path("a.mtx"))
    #expect(outcome.status == 0)
    #expect(outcome.lines[0] == "a")
    for line in [
      "  file         coordinate, real, general; 4 stored values", "  comments     a small one",
      "  diagonal     1 positive, 1 negative, 1 zero or missing", "  bandwidth    2 below the diagonal, 1 above",
      "  zeros        1 of the entries are zero", "  zero columns 1, so the matrix is singular: 2",
    ] {
      #expect(outcome.lines.contains { $0 == line }, "\(line)")
    }
    #expect(outcome.lines.contains { $0.hasPrefix("  auto         none: ") })
  }

  @Test func jsonOfAGalleryProblem() throws {
    let json = try run("info", "poisson2d:30", "--format", "json").json
    #expect((json["matrix"] as? [String: Any])?["rows"] as? Int == 900)
    #expect((json["gallery"] as? [String: Any])?["form"] as? String == "poisson2d:N")
    let probe = try #require(json["probe"] as? [String: Any])
    #expect(probe["symmetric"] as? Bool == true)
    #expect(probe["looks_positive_definite"] as? Bool == true)
    #expect(probe["lower_bandwidth"] as? Int == 30)
    #expect(try #require(json["automatic"] as? [String]).isEmpty == false)
  }

  @Test func complexMatricesKeepTheirKind() throws {
    let outcome = try run("info", "helmholtz2d:4")
    #expect(outcome.output.contains("  symmetry     complex symmetric\n"))
  }
}
