/// A preconditioner of single precision in a method of double precision: half the bytes of factors and hierarchies.
///
/// An approximation of A⁻¹ need not be known to more digits than it is good for; the residuals are those of double precision, so X
/// reaches every tolerance that it reaches otherwise, after hardly more iterations. Columns outside the range of single precision
/// are scaled by powers of two around the application. Block GMRES with it on the right is flexible: it keeps M⁻¹·V, since M⁻¹ of single
/// precision is linear to its own digits only.
///
/// - Complexity: an application is that of the inner one in single precision, and three passes over a block.
public struct SinglePrecisionPreconditioner<Element: Scalar>: Preconditioner {
  /// The preconditioner of single precision.
  public let inner: any Preconditioner<Element.SinglePrecision>
  private let narrow = ScratchBlocks<Element.SinglePrecision>()
  private let wide = ScratchBlocks<Element>()

  /// Columns whose largest entries are outside of this are scaled; there is room for what M⁻¹ makes of them.
  private static var range: ClosedRange<Double> { 1e-15...1e15 }

  /// The preconditioner of single precision for a method of double precision.
  public init(_ inner: any Preconditioner<Element.SinglePrecision>) { self.inner = inner }

  /// `single-` and the name of the inner one.
  public var name: String { "single-\(inner.name)" }
  /// The number of rows.
  public var rows: Int { inner.rows }
  /// Whether the inner one is, up to rounding.
  public var isPositiveDefinite: Bool { inner.isPositiveDefinite }
  /// Whether the inner one is.
  public var isVariable: Bool { inner.isVariable }
  /// That of single precision.
  public var unitRoundoff: Double { inner.unitRoundoff }
  /// Those of the inner one.
  public var events: [SolveEvent] { inner.events }
  /// The inner one's, and the blocks of the last application, in bytes.
  public var storedBytes: Int { inner.storedBytes + narrow.byteCount + wide.byteCount }
  /// The same when it has been applied to so many columns.
  public func bytesPlanned(columns: Int) -> Int {
    inner.bytesPlanned(columns: columns) + narrow.bytesPlanned(rows: rows, columns: columns, blocks: 2) + wide.byteCount
  }

  /// Z = M⁻¹·R, R rounded and Z widened.
  public func apply(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    try inRange(r, into: &z) { r, z in try inner.apply(to: r, into: &z) }
  }

  /// Z = M⁻ᴴ·R likewise.
  public func applyAdjoint(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try checkShapes(r, z)
    try inRange(r, into: &z) { r, z in try inner.applyAdjoint(to: r, into: &z) }
  }

  private typealias Narrow = BlockVector<Element.SinglePrecision>

  private func inRange(
    _ r: BlockVector<Element>, into z: inout BlockVector<Element>, _ body: (Narrow, inout Narrow) throws -> Void
  ) throws {
    let sizes = r.columnMaxima()
    func isOutside(_ size: Double) -> Bool { size.isFinite && size > 0 && !Self.range.contains(size) }
    guard sizes.contains(where: isOutside) else { return try rounded(r, into: &z, body) }
    // Powers of two, so that nothing is rounded but by single precision; within the range of their own inverses.
    let scales = sizes.map { size -> Element.Magnitude in
      isOutside(size)
        ? Element.Magnitude(Double(sign: .plus, exponent: max(-1000, min(1000, -size.exponent)), significand: 1)) : 1
    }
    try wide.withBlock(rows: rows, columns: r.columns) { scaled in
      scaled.scaleColumns(of: r, by: scales)
      try rounded(scaled, into: &z, body)
    }
    z.scaleColumns(by: scales.map { 1 / $0 })
  }

  private func rounded(
    _ r: BlockVector<Element>, into z: inout BlockVector<Element>, _ body: (Narrow, inout Narrow) throws -> Void
  ) throws {
    try narrow.withBlock(rows: rows, columns: r.columns) { narrowR in
      narrowR.copy(rounding: r)
      try narrow.withBlock(rows: rows, columns: r.columns) { narrowZ in
        try body(narrowR, &narrowZ)
        z.copy(rounding: narrowZ)
      }
    }
  }

  /// The same around the inner preconditioner of the new matrix.
  ///
  /// - Throws: ``BlockKrylovError/unsupported(_:)`` for entries outside the range of single precision; what the inner one throws.
  public func updated(for matrix: CSRMatrix<Element>) throws -> SinglePrecisionPreconditioner {
    SinglePrecisionPreconditioner(try inner.following(try matrix.inSinglePrecision()))
  }
}

extension Preconditioner {
  fileprivate func following(_ matrix: CSRMatrix<Element>) throws -> any Preconditioner<Element> { try updated(for: matrix) }
}

extension CSRMatrix {
  /// The matrix in single precision, for a preconditioner.
  func inSinglePrecision() throws -> CSRMatrix<Element.SinglePrecision> {
    let rounded = converted(to: Element.SinglePrecision.self)
    guard rounded.largestPart.isFinite else {
      throw BlockKrylovError.unsupported(
        "a preconditioner in single precision needs entries below 3.4e38, and this matrix has larger ones; scale A or take double precision"
      )
    }
    return rounded
  }
}
