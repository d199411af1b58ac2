/// One matrix of a multigrid hierarchy: its smoother, and the ways to the next coarser one.
struct MultigridLevel<S: Scalar>: Sendable {
  let matrix: CSRMatrix<S>
  /// P, whose columns are the unknowns of the next level.
  let prolongation: CSRMatrix<S>
  /// Pᴴ.
  let restriction: CSRMatrix<S>
  /// A bound of the eigenvalues of D⁻¹A from above.
  let largestEigenvalue: Double
  private let operation: PolynomialOperator<S>
  /// Blocks of this level.
  let scratch = ScratchBlocks<S>()

  /// A level; without a prolongation there is none below it.
  init(_ matrix: CSRMatrix<S>, inverseDiagonal: [S], largestEigenvalue: Double, prolongation: CSRMatrix<S>? = nil) {
    let prolongation = prolongation ?? CSRMatrix(emptyRows: matrix.rows)
    (self.matrix, self.prolongation, self.largestEigenvalue) = (matrix, prolongation, largestEigenvalue)
    restriction = prolongation.adjointMatrix()
    operation = PolynomialOperator(matrix, inverseDiagonal: inverseDiagonal)
  }

  /// What is held besides A and the scratch blocks, in bytes.
  var transferBytes: Int { prolongation.storedBytes + restriction.storedBytes + operation.storedBytes }

  /// `degree` steps of the Chebyshev iteration of the fourth kind for A·X = B, each one pass, in two blocks that take turns; the result is in `second`
  /// for an even degree and in `first` for an odd one.
  ///
  /// The step x_{k+1} = x_k + (2k−1)/(2k+3)·(x_k − x_{k−1}) + (8k+4)/(2k+3)/λ·D⁻¹·(b − A·x_k) reduces all eigenvalues up to λ; unlike
  /// the polynomials of the first kind it needs no lower end of an interval. (J. Lottes, Numer. Linear Algebra Appl. 30, 2023, e2518.)
  ///
  /// - Parameter fromZero: whether the iteration begins at 0 and not at what is in `second`.
  func smooth(
    _ b: BlockVector<S>, degree: Int, fromZero: Bool, _ first: inout BlockVector<S>, _ second: inout BlockVector<S>
  ) throws {
    for k in 0..<degree {
      if k % 2 == 0 {
        try step(k, b, from: second, fromZero: fromZero, into: &first)
      } else {
        try step(k, b, from: first, fromZero: fromZero, into: &second)
      }
    }
  }

  private func step(_ k: Int, _ b: BlockVector<S>, from x: BlockVector<S>, fromZero: Bool, into y: inout BlockVector<S>) throws {
    let gamma = S(double: Double(8 * k + 4) / Double(2 * k + 3) / largestEigenvalue)
    let momentum = Double(2 * k - 1) / Double(2 * k + 3)
    if k == 0 {
      if fromZero { return operation.begin(gamma, b, into: &y, adjoint: false) }
      return try operation.step(1, x, gamma: gamma, b, into: &y, adjoint: false)
    }
    // Before the first step from 0 there is nothing in Y.
    let beta: S? = fromZero && k == 1 ? nil : S(double: -momentum)
    try operation.step(S(double: 1 + momentum), x, beta: beta, gamma: gamma, b, into: &y, adjoint: false)
  }

  /// Smooths C as a solution of A·C = 0, so that near-null vectors come nearer to what A maps to little.
  func relax(_ c: inout BlockVector<S>, degree: Int) throws {
    var (zero, other) = (c, c)
    zero.setZero()
    try smooth(zero, degree: degree, fromZero: false, &other, &c)
    if degree % 2 == 1 { c = other }
  }
}

extension CSRMatrix {
  /// A matrix without columns.
  fileprivate init(emptyRows rows: Int) {
    self.init(
      uncheckedRows: rows, columns: 0, rowStart: [Int](repeating: 0, count: rows + 1), columnIndex: [], values: [])
  }
}
