// Published results beside those of this package.
//
// usage: literature [FOLDER]     (by `make literature`)
// FOLDER may hold matrices that the package cannot generate: orsirr_1.mtx, sherman4.mtx, pde900.mtx, pde2961.mtx, and A_400.mtx … A_402.mtx
// with rhs_400.mtx … .

import BlockKrylov

let folder = CommandLine.arguments.dropFirst().first
print("Published numbers and those obtained here. A dash: no number could be found.")
let publications = [
  try sparskitHistory(), try saadExamples(folder: folder), try deflatedRestarts(), try inexactBreakdowns(),
  try recycling(folder: folder), try identicalColumns(folder: folder), try rankDeficiency(), try blockCGAccuracy(),
  try indefiniteSystems(), try blockBiCGStab(folder: folder),
]
for publication in publications { publication.print() }
let differing = publications.flatMap(\.comparisons).filter { !$0.agrees }.count
print("\n\(publications.flatMap(\.comparisons).count) comparisons, \(differing) differ")
