import ArgumentParser
import BlockKrylov

/// How Matrix Market files are read.
struct FileOptions: ParsableArguments {
  @Flag(help: "Accept Matrix Market files with deviations that have one obvious meaning, with a warning for each.")
  var lenient = false
}

/// Where numbers go and what they look like.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
  case text, json, csv
}

/// What goes to stdout, and whether anything is said besides.
struct OutputOptions: ParsableArguments {
  @Option(help: "The form of the result on stdout.")
  var format = OutputFormat.text

  @Flag(name: .shortAndLong, help: "No progress, warnings or notes on stderr.")
  var quiet = false
}
