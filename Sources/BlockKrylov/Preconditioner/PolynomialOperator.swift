internal import ComplexModule

/// What polynomial preconditioners see of A: steps Y = α·X + β·Y + γ·D⁻¹·(B − A·X) on whole blocks, D the diagonal or the identity.
///
/// With a matrix a step is one pass: it reads A, X, B and Y once. A matrix-free operator takes a pass for the product and one for the rest.
final class PolynomialOperator<S: Scalar>: Sendable {
  let base: any LinearOperator<S>
  private let matrix: CSRMatrix<S>?
  private let inverseDiagonal: [S]?
  private let conjugateInverse: [S]?
  private let products = ScratchBlocks<S>()

  /// - Parameter diagonal: D; the identity by default.
  init(_ a: any LinearOperator<S>, inverseDiagonal: [S]? = nil) {
    base = a
    matrix = a as? CSRMatrix<S>
    self.inverseDiagonal = inverseDiagonal
    conjugateInverse = S.isComplex ? inverseDiagonal?.map { $0.conjugate } : inverseDiagonal
  }

  var rows: Int { base.rows }
  /// The memory besides that of A itself.
  var storedBytes: Int { diagonalBytes + products.byteCount }
  /// The same when steps have been made with so many columns.
  func bytesPlanned(columns: Int) -> Int {
    diagonalBytes + (matrix == nil ? products.bytesPlanned(rows: rows, columns: columns) : products.byteCount)
  }

  private var diagonalBytes: Int {
    (inverseDiagonal?.count ?? 0) * MemoryLayout<S>.stride * (S.isComplex ? 2 : 1)
  }

  /// Y = γ·D⁻¹·B.
  func begin(_ gamma: S, _ b: BlockVector<S>, into y: inout BlockVector<S>, adjoint: Bool) {
    run(1, b.columns, adjoint: adjoint, &y) { step in
      step.gamma = gamma
      unsafe step.b = unsafe (b.base, b.stride)
    }
  }

  /// Y = α·X + β·Y + γ·D⁻¹·(B − A·X), or with D⁻ᴴ and Aᴴ. Without β the old Y is not read, without B it counts as zero.
  func step(
    _ alpha: S?, _ x: BlockVector<S>, beta: S? = nil, gamma: S, _ b: BlockVector<S>?, into y: inout BlockVector<S>, adjoint: Bool
  ) throws {
    func fill(_ step: inout Kernels<S>.PolynomialStep) {
      (step.alpha, step.beta, step.gamma) = (alpha, beta, gamma)
      unsafe step.x = unsafe (x.base, x.stride)
      if let b { unsafe step.b = unsafe (b.base, b.stride) }
    }
    if let matrix, !adjoint {
      matrix.polynomialStep(inverseDiagonal: inverseDiagonal, into: &y, fill)
      return
    }
    try products.withBlock(rows: rows, columns: x.columns) { w in
      try adjoint ? base.applyAdjoint(to: x, into: &w) : base.apply(to: x, into: &w)
      run(4, x.columns, adjoint: adjoint, &y) { step in
        fill(&step)
        unsafe step.product = unsafe (w.base, w.stride)
      }
    }
  }

  /// A step without a matrix, rows split over threads.
  private func run(
    _ reads: Int, _ m: Int, adjoint: Bool, _ y: inout BlockVector<S>, _ fill: (inout Kernels<S>.PolynomialStep) -> Void
  ) {
    let (target, ldy) = unsafe (y.mutableBase(), y.stride)
    var step = Kernels<S>.PolynomialStep()
    fill(&step)
    let filled = step
    func split(_ diagonal: UnsafePointer<S>?) {
      var step = filled
      unsafe step.inverseDiagonal = diagonal
      let complete = step
      Parallel.rows(y.rows, bytesPerRow: (reads + 1) * m * MemoryLayout<S>.stride) { range in
        unsafe Kernels<S>.polynomialStep(range, m, complete, target, ldy)
      }
    }
    guard let d = adjoint ? conjugateInverse : inverseDiagonal else { return split(nil) }
    unsafe d.withUnsafeBufferPointer { unsafe split($0.baseAddress) }
  }
}
