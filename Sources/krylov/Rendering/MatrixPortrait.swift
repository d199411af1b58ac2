import BlockKrylov
import Foundation

/// What `info` shows of a matrix.
struct MatrixPortrait {
  var summary: MatrixSummary
  var probe: StructureProbe
  /// What the file says of itself; `nil` for the gallery.
  var header: MatrixMarketHeader?
  /// The gallery's problem; `nil` for a file.
  var problem: Gallery.Problem?
  var storedBytes: Int
  /// What `--method auto` would try, and why.
  var automaticChoice: [String]

  /// Comments of a file that are shown.
  private static let shownComments = 6

  func lines(style: Style, width: Int?) -> [String] {
    let width = min(width ?? Terminal.usualWidth, 120)
    var lines = [style(summary.name, .strong)]
    func line(_ name: String, _ text: String, _ tone: Style.Tone = .plain) {
      lines += Format.wrap(text, first: "  " + Format.padded(name, to: 13), width: width).map { style($0, tone) }
    }
    if let header {
      line(
        "file",
        "\(header.format.rawValue), \(header.field.rawValue), \(header.symmetry.rawValue); "
          + "\(Format.count(header.storedEntries, "stored value"))")
      let comments = header.comments.filter { !$0.allSatisfy(\.isWhitespace) }
      for (k, comment) in comments.prefix(Self.shownComments).enumerated() { line(k == 0 ? "comments" : "", comment, .faint) }
      if comments.count > Self.shownComments { line("", "… and \(comments.count - Self.shownComments) more", .faint) }
    }
    if let problem { line("gallery", "\(problem.family.form): \(problem.family.summary)") }
    line(
      "shape",
      "\(Format.grouped(probe.rows)) × \(Format.grouped(probe.columns)), \(Format.count(probe.nonzeros, "entry", plural: "entries"))"
        + (probe.rows > 0
          ? String(format: " (%.1f a row, at most %d)", Double(probe.nonzeros) / Double(probe.rows), probe.longestRow) : "")
        + ", \(Format.bytes(storedBytes))")
    if probe.isSquare {
      line("symmetry", symmetry)
      line("diagonal", diagonal)
      line(
        "dominance",
        probe.isDiagonallyDominant
          ? "every row is diagonally dominant"
          : "\(Format.grouped(probe.dominantRows)) of \(Format.grouped(probe.rows)) rows are diagonally dominant")
    }
    line("bandwidth", "\(Format.grouped(probe.lowerBandwidth)) below the diagonal, \(Format.grouped(probe.upperBandwidth)) above")
    line("moduli", "from \(Format.scientific(probe.smallestEntry)) to \(Format.scientific(probe.largestEntry))")
    if probe.storedZeros > 0 { line("zeros", "\(Format.grouped(probe.storedZeros)) of the entries are zero") }
    for (name, count, first) in [
      ("zero rows", probe.zeroRowCount, probe.zeroRows), ("zero columns", probe.zeroColumnCount, probe.zeroColumns),
    ]
    where count > 0 {
      line(
        name, "\(Format.grouped(count)), so the matrix is singular: \(Format.ranges(first))\(count > first.count ? ", …" : "")",
        .warning)
    }
    for (k, reason) in automaticChoice.enumerated() { line(k == 0 ? "auto" : "", reason) }
    return lines
  }

  private var symmetry: String {
    let kind =
      probe.skewSymmetric
      ? "skew-symmetric"
      : summary.field == "complex" && probe.hermitian
        ? "hermitian" : probe.symmetric ? "\(summary.field) symmetric" : "none"
    if probe.symmetric || probe.hermitian || probe.skewSymmetric { return kind }
    let mirror = summary.field == "complex" ? "conj a_ji" : "a_ji"
    return "none, the pattern is \(probe.patternSymmetric ? "" : "not ")symmetric; max |a_ij − \(mirror)| is "
      + "\(Format.scientific(probe.asymmetry)) of the largest entry"
  }

  private var diagonal: String {
    let others = min(probe.rows, probe.columns) - probe.positiveDiagonal - probe.negativeDiagonal - probe.zeroDiagonal
    let parts = [
      (probe.positiveDiagonal, "positive"), (probe.negativeDiagonal, "negative"), (probe.zeroDiagonal, "zero or missing"),
      (others, "complex"),
    ].filter { $0.0 > 0 }.map { "\(Format.grouped($0.0)) \($0.1)" }
    let judgement =
      probe.looksPositiveDefinite
      ? "; the matrix may be positive definite" : probe.looksNegativeDefinite ? "; the matrix may be negative definite" : ""
    return parts.joined(separator: ", ") + judgement
  }

  var json: JSON {
    var members = [
      JSON.Member(key: "schema", value: .integer(JSON.schema)),
      JSON.Member(key: "version", value: .string(Krylov.version)),
      JSON.Member(key: "matrix", value: summary.json),
    ]
    if let header {
      let value = JSON.members([
        "format": .string(header.format.rawValue), "field": .string(header.field.rawValue),
        "symmetry": .string(header.symmetry.rawValue), "stored_values": .integer(header.storedEntries),
        "comments": .array(header.comments.map { .string($0) }),
      ])
      members.append(JSON.Member(key: "header", value: value))
    }
    if let problem {
      let value = JSON.members(["form": .string(problem.family.form), "summary": .string(problem.family.summary)])
      members.append(JSON.Member(key: "gallery", value: value))
    }
    members.append(JSON.Member(key: "stored_bytes", value: .integer(storedBytes)))
    members.append(JSON.Member(key: "probe", value: probe.json))
    members.append(JSON.Member(key: "automatic", value: .array(automaticChoice.map { .string($0) })))
    return .object(members)
  }
}

extension StructureProbe {
  fileprivate var json: JSON {
    .members([
      "pattern_symmetric": .bool(patternSymmetric), "symmetric": .bool(symmetric), "hermitian": .bool(hermitian),
      "skew_symmetric": .bool(skewSymmetric), "asymmetry": .number(asymmetry),
      "positive_diagonal": .integer(positiveDiagonal), "negative_diagonal": .integer(negativeDiagonal),
      "zero_diagonal": .integer(zeroDiagonal), "zero_rows": .integer(zeroRowCount), "zero_columns": .integer(zeroColumnCount),
      "lower_bandwidth": .integer(lowerBandwidth), "upper_bandwidth": .integer(upperBandwidth),
      "dominant_rows": .integer(dominantRows), "smallest_entry": .number(smallestEntry), "largest_entry": .number(largestEntry),
      "longest_row": .integer(longestRow), "stored_zeros": .integer(storedZeros),
      "looks_positive_definite": .bool(looksPositiveDefinite), "looks_negative_definite": .bool(looksNegativeDefinite),
    ])
  }
}
