/// M⁻¹ between the projections along the null spaces of a singular A and its adjoint: what M⁻¹ makes large there would only cancel.
/// Both, so that it is hermitian where A and M are, also for vectors that rounding has moved out of the range.
struct ProjectedPreconditioner<Element: Scalar>: Preconditioner {
  let base: any Preconditioner<Element>
  let projection: NullSpaceProjection<Element>
  private let scratch = ScratchBlocks<Element>()

  init(base: any Preconditioner<Element>, projection: NullSpaceProjection<Element>) {
    (self.base, self.projection) = (base, projection)
  }

  var name: String { base.name }
  var rows: Int { base.rows }
  var isPositiveDefinite: Bool { base.isPositiveDefinite }
  var isVariable: Bool { base.isVariable }
  var unitRoundoff: Double { base.unitRoundoff }
  var events: [SolveEvent] { base.events }
  var storedBytes: Int { base.storedBytes + scratch.byteCount }
  func bytesPlanned(columns: Int) -> Int {
    base.bytesPlanned(columns: columns) + scratch.bytesPlanned(rows: rows, columns: columns)
  }

  func apply(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try scratch.withBlock(rows: r.rows, columns: r.columns) { part in
      part.copy(from: r)
      projection.removeLeft(from: &part)
      try base.apply(to: part, into: &z)
    }
    projection.removeRight(from: &z)
  }

  func applyAdjoint(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try scratch.withBlock(rows: r.rows, columns: r.columns) { part in
      part.copy(from: r)
      projection.removeRight(from: &part)
      try base.applyAdjoint(to: part, into: &z)
    }
    projection.removeLeft(from: &z)
  }

  func updated(for matrix: CSRMatrix<Element>) throws -> ProjectedPreconditioner {
    ProjectedPreconditioner(base: try base.updated(for: matrix), projection: projection)
  }
}

extension Preconditioner {
  /// The preconditioner for an A whose null space may be known.
  func projected(for a: any LinearOperator<Element>) -> any Preconditioner<Element> {
    guard let projection = nullSpace(of: a) else { return self }
    return ProjectedPreconditioner(base: self, projection: projection)
  }
}
