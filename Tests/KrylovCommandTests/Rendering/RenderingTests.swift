import Testing

@testable import BlockKrylov
@testable import krylov

@Suite struct TableTests {
  private var table: Table {
    Table(
      columns: [.init(title: "n", isRight: true), .init(title: "status", isFlexible: true), .init(title: "x", isRight: true)],
      rows: [["7", "a status of many words", "1.50"], ["1234", .init("ok", .good), "–"]])
  }

  @Test func columnsAlign() {
    #expect(
      table.lines(limit: nil, style: .plain) == [
        "   n  status                     x",
        "──────────────────────────────────",
        "   7  a status of many words  1.50",
        "1234  ok                         –",
      ])
  }

  @Test func flexibleColumnsGiveWay() {
    #expect(
      table.lines(limit: 26, style: .plain) == [
        "   n  status             x",
        "──────────────────────────",
        "   7  a status of m…  1.50",
        "1234  ok                 –",
      ])
    // Never below the least width, however narrow the terminal is.
    #expect(table.lines(limit: 5, style: .plain)[2] == "   7  a status of…  1.50")
  }

  @Test func coloursDoNotCountAsWidth() {
    let lines = table.lines(limit: nil, style: Style(isColoured: true))
    #expect(lines[3] == "1234  \u{1B}[32mok                    \u{1B}[0m     –")
  }

  @Test func rowsThatArePrintedOneByOne() {
    let table = Table(columns: [.init(title: "a", width: 3), .init(title: "why")])
    #expect(table.heading(limit: nil, style: .plain) == ["a    why", "────────"])
    #expect(table.line(["1", "a long reason to the end"], limit: nil, style: .plain) == "1    a long reason to the end")
    #expect(table.line(["1", "a long reason to the end"], limit: 20, style: .plain) == "1    a long reason …")
  }
}

@Suite struct JSONTests {
  @Test func valuesOnOneLine() {
    let value = JSON.members([
      "b": .integer(-3), "a": .array([.bool(true), .null, .number(1e-8), .number(2)]), "empty": .array([]),
    ])
    #expect(value.line == #"{"b": -3, "a": [true, null, 1e-08, 2], "empty": []}"#)
  }

  @Test func stringsAreEscaped() {
    #expect(JSON.string("a\"b\\c\n\r\t\u{01}é→").line == #""a\"b\\c\n\r\t\u0001é→""#)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func numbersThatAreNotFiniteAreNull(value: Double) {
    #expect(JSON.number(value).line == "null")
    #expect(JSON.number(optional: nil).line == "null")
  }

  @Test func indentation() {
    let value = JSON.members([
      "n": .integer(1), "flat": .members(["x": .integer(1), "y": .integer(2)]),
      "list": .array([.members(["x": .integer(1)]), .members(["x": .integer(2)])]),
    ])
    #expect(
      value.indented == """
        {
          "n": 1,
          "flat": {"x": 1, "y": 2},
          "list": [
            {"x": 1},
            {"x": 2}
          ]
        }
        """)
  }
}

@Suite struct CSVTests {
  @Test func fieldsAreQuotedWhereTheyMust() {
    #expect(CSV.line(["a", "b,c", "d\"e", "f\r\ng", ""]) == "a,\"b,c\",\"d\"\"e\",\"f\r\ng\",")
    #expect(CSV.number(1e-9) == "1e-09")
    #expect(CSV.number(.nan).isEmpty && CSV.number(nil).isEmpty)
  }
}

@Suite struct FormatTests {
  @Test func numbers() {
    #expect(Format.scientific(9.2e-9) == "9.20e-09")
    #expect(Format.scientific(0) == "0")
    #expect(Format.scientific(.nan) == "–" && Format.scientific(nil) == "–")
    #expect(Format.scientific(.infinity) == "∞")
    #expect(Format.short(1e-8) == "1e-08" && Format.short(3) == "3")
    #expect(Format.grouped(1234) == "1234" && Format.grouped(12345) == "12,345" && Format.grouped(1_234_567) == "1,234,567")
    #expect(Format.count(1, "column") == "1 column" && Format.count(0, "entry", plural: "entries") == "0 entries")
  }

  @Test(arguments: [
    (0.0, "0 µs"), (0.00085, "850 µs"), (0.001, "1.00 ms"), (0.0123, "12.3 ms"), (0.456, "456 ms"), (0.9999, "1.00 s"),
    (9.999, "10.0 s"), (45.67, "45.7 s"), (300.4, "300 s"), (750, "12 min 30 s"),
  ])
  func seconds(value: Double, text: String) {
    #expect(Format.seconds(value) == text)
  }

  @Test(arguments: [(999, "999 B"), (1000, "1.00 kB"), (999_600, "1.00 MB"), (12_345_678, "12.3 MB"), (3_000_000_000, "3.00 GB")])
  func bytes(value: Int, text: String) {
    #expect(Format.bytes(value) == text)
  }

  @Test func rangesOfNumbers() {
    #expect(Format.ranges([0, 3, 4, 5, 6, 9, 10]) == "0, 3–6, 9, 10")
    #expect(Format.ranges([1, 3, 5, 7], limit: 2) == "1, 3, …")
    #expect(Format.ranges([]).isEmpty)
  }

  @Test func wrapping() {
    #expect(Format.wrap("one two three four", width: 9) == ["one two", "three", "four"])
    #expect(Format.wrap("averylongword no", width: 5) == ["averylongword", "no"])
    #expect(Format.wrap("", width: 5) == [""])
    #expect(Format.wrap("one two three four five six", first: "- ", width: 24) == ["- one two three four", "  five six"])
  }

  @Test func truncation() {
    #expect(Format.truncated("abc", to: 3) == "abc" && Format.truncated("abcd", to: 3) == "ab…")
  }
}

@Suite struct ProgressTests {
  @Test func theLineSaysHowFarTheSolveIs() {
    let progress = SolveProgress(
      method: "gmres", iteration: 120, seconds: 1.234, relativeResiduals: [1e-9, 3.2e-5, .nan], columnsDone: 1)
    #expect(ProgressLine.text(progress) == "gmres · iteration 120 · worst residual 3.2e-05 · 1 of 3 columns · 1.23 s")
  }
}
