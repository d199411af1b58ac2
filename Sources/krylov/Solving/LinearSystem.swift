import BlockKrylov

/// A·X = B in memory.
struct LinearSystem<S: Scalar> {
  var matrix: MatrixSummary
  var a: CSRMatrix<S>
  var b: BlockVector<S>
  var guess: BlockVector<S>?
  /// The X that B was made from, where it is known.
  var exact: BlockVector<S>?
  /// Seconds for reading or generating all of it.
  var readSeconds: Double
}

/// What is said of a matrix in reports.
struct MatrixSummary: Equatable {
  var name: String
  var rows: Int
  var columns: Int
  var nonzeros: Int
  /// `real` or `complex`.
  var field: String
  /// A = Aᵀ.
  var isSymmetric: Bool
  /// A = Aᴴ.
  var isHermitian: Bool

  init<S: Scalar>(_ a: CSRMatrix<S>, name: String) {
    self.name = name
    (rows, columns, nonzeros) = (a.rows, a.columns, a.nonzeros)
    field = S.isComplex ? "complex" : "real"
    // Tags are proved or promised; where they say nothing, the entries decide.
    let tags = a.structure.isDisjoint(with: [.symmetric, .hermitian]) ? a.probe().structure : a.structure
    isSymmetric = tags.contains(.symmetric) || (!S.isComplex && tags.contains(.hermitian))
    isHermitian = tags.isHermitian(S.self)
  }

  /// `real symmetric`, `complex hermitian`, `real nonsymmetric` …
  var kind: String {
    "\(field) \(isSymmetric ? "symmetric" : isHermitian ? "hermitian" : rows == columns ? "nonsymmetric" : "rectangular")"
  }
}

/// Where right-hand sides come from.
enum RightHandSideSource {
  case generated(columns: Int, seed: UInt64)
  case ones(columns: Int)
  case exactSolution(columns: Int, seed: UInt64)
  case file(MatrixMarketInput)

  var isComplex: Bool { if case .file(let file) = self { file.header.isComplex } else { false } }

  /// B for A, and the X it was made from where that is known.
  func blocks<S: Scalar>(for a: CSRMatrix<S>) throws -> (b: BlockVector<S>, exact: BlockVector<S>?) {
    switch self {
    case .generated(let columns, let seed): return (try Gallery.rightHandSides(rows: a.rows, columns: columns, seed: seed), nil)
    case .ones(let columns): return (try Gallery.ones(rows: a.rows, columns: columns), nil)
    case .exactSolution(let columns, let seed):
      let (exact, b) = try Gallery.manufactured(a, columns: columns, seed: seed)
      return (b, exact)
    case .file(let file):
      guard file.header.rows == a.rows else {
        throw CommandFailure(.badInput, "\(file.path): has \(file.header.rows) rows and the matrix has \(a.rows)")
      }
      return (try file.block(of: S.self), nil)
    }
  }
}

extension RightHandSideOptions {
  /// Opens the file, if there is one.
  func source(lenient: Bool, quiet: Bool) throws -> RightHandSideSource {
    if let file { return .file(try MatrixMarketInput(file, lenient: lenient, quiet: quiet)) }
    if rhs != nil { return .ones(columns: generated.count) }
    return exactSolution
      ? .exactSolution(columns: generated.count, seed: generated.seedOrDefault)
      : .generated(columns: generated.count, seed: generated.seedOrDefault)
  }
}
