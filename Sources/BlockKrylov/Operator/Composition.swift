/// α·A.
public struct ScaledOperator<Base: LinearOperator>: LinearOperator {
  /// The scalar type of A.
  public typealias Element = Base.Element
  let base: Base
  let factor: Base.Element

  /// The rows of A.
  public var rows: Int { base.rows }
  /// The columns of A.
  public var columns: Int { base.columns }
  /// Symmetry is kept, hermitian and definiteness when α is real and its sign allows.
  public var structure: Structure {
    var tags = base.structure
    if factor.imaginaryPart != 0 {
      tags.subtract([.hermitian, .positiveDefinite, .negativeDefinite])
    } else if factor.realPart < 0 {
      let (positive, negative) = (tags.contains(.positiveDefinite), tags.contains(.negativeDefinite))
      tags.subtract([.positiveDefinite, .negativeDefinite])
      if positive { tags.insert(.negativeDefinite) }
      if negative { tags.insert(.positiveDefinite) }
    } else if factor.realPart == 0 {
      tags.subtract([.positiveDefinite, .negativeDefinite])
    }
    return tags
  }
  /// Y = α·(A·X).
  public func apply(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try base.apply(to: x, into: &y)
    y.scale(by: factor)
  }
  /// Y = ᾱ·(Aᴴ·X).
  public func applyAdjoint(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try base.applyAdjoint(to: x, into: &y)
    y.scale(by: factor.conjugate)
  }
  /// The matrix of A with its values times α, where A has one.
  public var sparseMatrix: CSRMatrix<Element>? {
    base.sparseMatrix.map { a in a.mapValues { $0 * factor }.tagged(structure) }
  }
  /// |α|·‖A‖_∞.
  public var infinityNorm: Double? { base.infinityNorm.map { $0 * Double(factor.modulus) } }
  /// The bytes of A.
  public var storedBytes: Int { base.storedBytes }
}

/// A + B.
public struct SumOperator<First: LinearOperator, Second: LinearOperator>: LinearOperator where First.Element == Second.Element {
  /// The scalar type.
  public typealias Element = First.Element
  let first: First
  let second: Second
  private let scratch = ScratchBlocks<First.Element>()

  init(first: First, second: Second) {
    self.first = first
    self.second = second
  }

  /// The rows of both.
  public var rows: Int { first.rows }
  /// The columns of both.
  public var columns: Int { first.columns }
  /// What both promise.
  public var structure: Structure { first.structure.intersection(second.structure) }
  /// Y = A·X + B·X; keeps one block for the next call.
  public func apply(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try checkShapes(of: x, y)
    try scratch.withBlock(rows: rows, columns: x.columns) { part in
      try second.apply(to: x, into: &part)
      try first.apply(to: x, into: &y)
      y.combine(1, part, 1)
    }
  }
  /// Y = Aᴴ·X + Bᴴ·X; keeps one block for the next call.
  public func applyAdjoint(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try checkAdjointShapes(of: x, y)
    try scratch.withBlock(rows: columns, columns: x.columns) { part in
      try second.applyAdjoint(to: x, into: &part)
      try first.applyAdjoint(to: x, into: &y)
      y.combine(1, part, 1)
    }
  }
  /// The sum of both matrices, where both are.
  public var sparseMatrix: CSRMatrix<Element>? {
    guard let a = first.sparseMatrix, let b = second.sparseMatrix else { return nil }
    return a.adding(b).tagged(structure)
  }
  /// The bytes of both.
  public var storedBytes: Int { first.storedBytes + second.storedBytes }
}

/// A·B.
public struct ProductOperator<First: LinearOperator, Second: LinearOperator>: LinearOperator
where First.Element == Second.Element {
  /// The scalar type.
  public typealias Element = First.Element
  let first: First
  let second: Second
  private let scratch = ScratchBlocks<First.Element>()

  init(first: First, second: Second) {
    self.first = first
    self.second = second
  }

  /// The rows of A.
  public var rows: Int { first.rows }
  /// The columns of B.
  public var columns: Int { second.columns }
  /// Triangles are kept.
  public var structure: Structure {
    first.structure.intersection(second.structure).intersection([.lowerTriangular, .upperTriangular])
  }
  /// Y = A·(B·X); keeps one block for the next call.
  public func apply(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try checkShapes(of: x, y)
    try scratch.withBlock(rows: second.rows, columns: x.columns) { part in
      try second.apply(to: x, into: &part)
      try first.apply(to: part, into: &y)
    }
  }
  /// Y = Bᴴ·(Aᴴ·X); keeps one block for the next call.
  public func applyAdjoint(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try checkAdjointShapes(of: x, y)
    try scratch.withBlock(rows: first.columns, columns: x.columns) { part in
      try first.applyAdjoint(to: x, into: &part)
      try second.applyAdjoint(to: part, into: &y)
    }
  }
  /// The bytes of both.
  public var storedBytes: Int { first.storedBytes + second.storedBytes }
}

/// Aᴴ.
public struct AdjointOperator<Base: LinearOperator>: LinearOperator {
  /// The scalar type of A.
  public typealias Element = Base.Element
  let base: Base

  /// The columns of A.
  public var rows: Int { base.columns }
  /// The rows of A.
  public var columns: Int { base.rows }
  /// Triangles change places.
  public var structure: Structure {
    var tags = base.structure.subtracting(.diagonal)
    if base.structure.contains(.lowerTriangular) { tags.insert(.upperTriangular) }
    if base.structure.contains(.upperTriangular) { tags.insert(.lowerTriangular) }
    return tags
  }
  /// Y = Aᴴ·X.
  public func apply(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try base.applyAdjoint(to: x, into: &y)
  }
  /// Y = A·X.
  public func applyAdjoint(to x: BlockVector<Element>, into y: inout BlockVector<Element>) throws {
    try base.apply(to: x, into: &y)
  }
  /// The conjugate transpose of A's matrix, where A has one.
  public var sparseMatrix: CSRMatrix<Element>? { base.sparseMatrix.map { $0.adjointMatrix().tagged(structure) } }
  /// The bytes of A.
  public var storedBytes: Int { base.storedBytes }
}

extension LinearOperator {
  /// α·A.
  public func scaled(by factor: Element) -> ScaledOperator<Self> { ScaledOperator(base: self, factor: factor) }

  /// Aᴴ.
  public var adjointOperator: AdjointOperator<Self> { AdjointOperator(base: self) }

  /// A + B.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when the shapes differ.
  public static func + <Other: LinearOperator<Element>>(a: Self, b: Other) throws -> SumOperator<Self, Other> {
    guard a.rows == b.rows, a.columns == b.columns else {
      throw BlockKrylovError.shape("cannot add operators of \(a.rows) × \(a.columns) and \(b.rows) × \(b.columns)")
    }
    return SumOperator(first: a, second: b)
  }

  /// A·B, first B and then A.
  ///
  /// - Throws: ``BlockKrylovError/shape(_:)`` when A does not have as many columns as B has rows.
  public static func * <Other: LinearOperator<Element>>(a: Self, b: Other) throws -> ProductOperator<Self, Other> {
    guard a.columns == b.rows else {
      throw BlockKrylovError.shape("cannot multiply operators of \(a.rows) × \(a.columns) and \(b.rows) × \(b.columns)")
    }
    return ProductOperator(first: a, second: b)
  }
}
