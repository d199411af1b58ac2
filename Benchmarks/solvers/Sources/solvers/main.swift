// Times this package's solvers and prints a JSON record a line, as record.schema.json describes it.
//
// usage: solvers [options]        (without options: the work that Benchmarks/RESULTS.md is about)
import BlockKrylov
import Foundation

do {
  let options = try Options(CommandLine.arguments.dropFirst())
  if options.wantsHelp {
    print(Options.help)
    exit(0)
  }
  try Environment.restartWithoutForcedKernels()
  for case let work in try options.cases() { work.run(options) }
} catch let error as Options.Failure {
  FileHandle.standardError.write(Data("solvers: \(error.text)\n\n\(Options.help)\n".utf8))
  exit(64)
}
