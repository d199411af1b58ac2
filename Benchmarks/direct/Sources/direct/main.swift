// Solve phases of sparse direct methods on the same factors and right-hand sides, in one run: UMFPACK one column at a time with its
// own refinement (`umfpack`) and without (`umfpack-ir0`), CHOLMOD's block solve where A is symmetric positive definite (`cholmod`),
// and this package: triangular solves (`lu`, `cholesky`), and refined and verified with a report (`lu-refined`).
//
// usage: direct [--columns 1,16,64,256] [--threads 1,2] [--repeat 3] [--refactor N]
//               [--json [--orderings auto,amd,metis,best] [--precisions double,single]] MATRIX…
// MATRIX is a gallery problem or a file.
//
// Times are the least of the repetitions, in milliseconds; the ratio is that of UMFPACK with refinement. UMFPACK's time for more than
// 16 columns is measured on 16 and multiplied: its columns do not know of each other. --refactor factors new values on the same pattern and
// solves N times instead, and prints the time of a factorisation anew and of its analysis, of one with the analysis kept, and of UMFPACK's
// numeric part alone, and the peak of resident memory.
// --json measures this package alone and prints a record a line, for compare.py.

import Foundation

do {
  let options = try Options(CommandLine.arguments.dropFirst())
  for name in options.matrices {
    let a = try load(name)
    if options.cycles > 0 {
      try printRefactorisations(name, a, options)
    } else if options.printsRecords {
      try printRecords(name, a, options)
    } else {
      try printTable(name, a, options)
    }
  }
} catch {
  FileHandle.standardError.write(Data("direct: \(error)\n".utf8))
  exit(64)
}
