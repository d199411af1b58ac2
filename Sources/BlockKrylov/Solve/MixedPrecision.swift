internal import RealModule

/// Any method in single precision inside a refinement in double precision: the accuracy of the one at the memory traffic of the other.
///
/// ```swift
/// let prepared = try MixedPrecision(BlockCG(tolerance: .relative(1e-10)).preconditioned(by: .ic0)).prepare(A)
/// ```
/// A, the preconditioner and every block of the inner method are `Float` (`Complex<Float>`): half the bytes in an iteration that is bound
/// by memory. Around it, with all unsolved columns at once (J. Langou et al., “Exploiting the performance of 32 bit floating point
/// arithmetic in obtaining 64 bit accuracy”, SC 2006; for Krylov methods A. Buttari et al., ACM Trans. Math. Softw. 34, 2008):
///
/// ```
/// R = B − A·X                      double
/// A·D ≈ R, to a part of each ‖r_j‖  single, by the inner method
/// X += D                           double; columns that meet their tolerance leave
/// ```
/// ``BlockCG`` and ``PseudoBlockBiCGStab`` take in residuals of double precision on their way, so that one correction brings all digits. For other
/// methods every correction begins a new Krylov space, so there are as few as single precision allows: a correction is asked for at most five
/// digits, and the digits that a column lacks are dealt out evenly to the corrections that they need. How much a correction really
/// brings is seen from the residual recomputed in double precision. Where A is too ill-conditioned for single precision (from a
/// condition of about 1e6 on) it brings less than it was asked for: fewer digits are asked for then, and a column that gains less
/// than 1½ at a time goes on with the same method in double precision (``SolveEvent/Kind/methodChanged``).
///
/// - Complexity per iteration as the inner method, half the bytes; each correction one product with A in double precision.
///   Memory: the inner method's in single precision, the values of A in single precision, and 2 blocks of n·p and 2 in single precision besides B and X.
public struct MixedPrecision: BlockMethod {
  /// The method that is run in single precision.
  public var inner: any BlockMethod
  /// A in single precision, for an A that is not a matrix: an operator on blocks of `Float` or `Complex<Float>`.
  public var singlePrecisionOperator: (any LinearOperator)?

  /// `mixed-` and the name of the inner method.
  public var name: String { "mixed-\(inner.name)" }

  /// The options of the inner method, with the tolerance that X must meet in double precision.
  public var options: SolverOptions {
    get { inner.options }
    set { inner.options = newValue }
  }

  /// A method in mixed precision.
  ///
  /// - Parameters:
  ///   - inner: the method with its options.
  ///   - singlePrecisionOperator: the twin of an A that is not a sparse matrix; one of a matrix is made in `prepare`.
  public init(_ inner: any BlockMethod, singlePrecisionOperator: (any LinearOperator)? = nil) {
    self.inner = inner
    self.singlePrecisionOperator = singlePrecisionOperator
  }

  /// Rounds A, and prepares the inner method for it. Where that fails (a factorisation that does not exist in single precision) the method
  /// is prepared in double precision, with an event.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for an A of single precision and for one that is neither a matrix nor has a twin;
  ///   what the inner method throws.
  public func makeEngine<Element: Scalar>(
    for a: any LinearOperator<Element>, preconditioner: (any Preconditioner<Element>)?
  ) throws -> any SolveEngine<Element> {
    try requireSquare(a)
    guard !Element.scalarKind.isSinglePrecision else {
      throw BlockKrylovError.unsupported("\(name) is for double precision and A is of single precision; use \(inner.name)")
    }
    return try MixedPrecisionEngine(
      inner, a: a, twin: try twin(of: a), preconditioner: preconditioner)
  }

  /// Half of the inner method's numbers and operations; of A and the preconditioner the indices stay.
  public func iterationWork(columns p: Int) -> IterationWork? {
    inner.iterationWork(columns: p).map {
      IterationWork(
        products: 0.6 * $0.products, preconditionings: 0.6 * $0.preconditionings, flops: $0.flops / 2, words: $0.words / 2)
    }
  }

  /// The operator that the caller gave, if there is one; checked.
  private func twin<Element: Scalar>(
    of a: any LinearOperator<Element>
  ) throws -> (any LinearOperator<Element.SinglePrecision>)? {
    guard let given = singlePrecisionOperator else {
      guard a.sparseMatrix != nil else {
        throw BlockKrylovError.unsupported(
          "\(name) rounds a sparse matrix to single precision and this operator is none; pass singlePrecisionOperator, the same operator "
            + "on blocks of \(Element.SinglePrecision.self), or use \(inner.name)")
      }
      return nil
    }
    guard let twin = given as? any LinearOperator<Element.SinglePrecision> else {
      throw BlockKrylovError.unsupported(
        "singlePrecisionOperator must work on blocks of \(Element.SinglePrecision.self) where A works on blocks of \(Element.self)"
      )
    }
    try checkShape(twin.rows, equals: a.rows, "A has \(a.rows) rows, singlePrecisionOperator has \(twin.rows)")
    try checkShape(twin.columns, equals: a.columns, "A has \(a.columns) columns, singlePrecisionOperator has \(twin.columns)")
    return twin
  }
}

/// How much a correction in single precision is asked for, and which columns gain too little by it.
struct PrecisionControl {
  /// What a correction can leave of each column's residual, as far as is known.
  private var finest: [Double]

  /// At most five digits: single precision has seven, and what the conditioning of A takes of them shows in the first correction.
  static var finestReduction: Double { 1e-5 }
  /// A correction that leaves more is not worth a new Krylov space: iterations of half the bytes must not become twice as many.
  static var worstReduction: Double { 1.0 / 32 }

  init(columns: Int) { finest = [Double](repeating: Self.finestReduction, count: columns) }

  /// What the next correction of column j is to leave of its residual, the rest dealt out evenly.
  ///
  /// - Parameter atOnce: the method takes in true residuals on its way.
  func reduction(column j: Int, residual: Double, bound: Double, atOnce: Bool) -> Double {
    let needed = min(max(bound / residual, 1e-300), 0.9)
    if atOnce { return 0.9 * needed }
    let corrections = max(1, (Double.log(needed) / Double.log(finest[j])).rounded(.up))
    // Half of it, so that the rounding of the last correction does not make one more necessary.
    return max(finest[j], 0.5 * Double.pow(needed, 1 / corrections))
  }

  /// Takes in what a correction left of column j's residual; false when single precision has no more to give.
  mutating func judge(column j: Int, asked: Double, left: Double) -> Bool {
    guard left < 0.5, left <= max(Self.worstReduction, 2 * asked) else { return false }
    if left > 4 * asked { finest[j] = max(finest[j], left) }
    return true
  }
}

/// A caller's preconditioner of double precision for an inner method in single precision.
struct RoundedPreconditioner<Element: Scalar>: Preconditioner {
  typealias Wide = any Preconditioner<Element>
  let wide: Wide
  private let scratch = ScratchBlocks<Element>()

  init(_ wide: Wide) { self.wide = wide }

  var name: String { wide.name }
  var rows: Int { wide.rows }
  var isPositiveDefinite: Bool { wide.isPositiveDefinite }
  var isVariable: Bool { wide.isVariable }
  var events: [SolveEvent] { wide.events }
  var storedBytes: Int { wide.storedBytes + scratch.byteCount }
  func bytesPlanned(columns: Int) -> Int {
    wide.bytesPlanned(columns: columns) + scratch.bytesPlanned(rows: rows, columns: columns, blocks: 2)
  }

  func apply(to r: BlockVector<Element.SinglePrecision>, into z: inout BlockVector<Element.SinglePrecision>) throws {
    try scratch.withBlock(rows: rows, columns: r.columns) { wideR in
      wideR.copy(rounding: r)
      try scratch.withBlock(rows: rows, columns: r.columns) { wideZ in
        try wide.apply(to: wideR, into: &wideZ)
        z.copy(rounding: wideZ)
      }
    }
  }
}
