/// M⁻¹ followed by the projection along the null space of a singular A: what M⁻¹ makes large there would only cancel.
struct ProjectedPreconditioner<Element: Scalar>: Preconditioner {
  let base: any Preconditioner<Element>
  let projection: NullSpaceProjection<Element>

  var name: String { base.name }
  var rows: Int { base.rows }
  var isPositiveDefinite: Bool { base.isPositiveDefinite }
  var isVariable: Bool { base.isVariable }
  var events: [SolveEvent] { base.events }
  var storedBytes: Int { base.storedBytes }

  func apply(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try base.apply(to: r, into: &z)
    projection.removeRight(from: &z)
  }

  func applyAdjoint(to r: BlockVector<Element>, into z: inout BlockVector<Element>) throws {
    try base.applyAdjoint(to: r, into: &z)
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
