/// What an iteration of a method takes besides A and M⁻¹ themselves: what the cost model of the automatic choice compares.
public struct IterationWork: Sendable, Equatable {
  /// Products with A.
  public var products: Double
  /// Applications of M⁻¹.
  public var preconditionings: Double
  /// Real operations for each row of the block in real arithmetic; complex arithmetic takes four times as many.
  public var flops: Double
  /// Numbers read or written for each row of the block.
  public var words: Double

  /// The work of an iteration.
  public init(products: Double = 1, preconditionings: Double = 1, flops: Double, words: Double) {
    self.products = products
    self.preconditionings = preconditionings
    self.flops = flops
    self.words = words
  }
}

extension BlockMethod {
  /// None by default: not an iteration, or of unknown work.
  public func iterationWork(columns: Int) -> IterationWork? { nil }
}

extension BlockCG {
  /// Two inner products and three updates with p × p matrices, half of the former spared by symmetry.
  public func iterationWork(columns p: Int) -> IterationWork? {
    IterationWork(flops: 9 * Double(p * p), words: 13 * Double(p))
  }
}

extension PseudoBlockCG {
  /// Two dot products and three updates of each column.
  public func iterationWork(columns p: Int) -> IterationWork? {
    IterationWork(flops: 10 * Double(p), words: 13 * Double(p))
  }
}

extension BlockMINRES {
  /// The Lanczos step with its local re-orthogonalisation, and the recurrence of three direction blocks.
  public func iterationWork(columns p: Int) -> IterationWork? {
    IterationWork(flops: 18 * Double(p * p), words: 18 * Double(p))
  }
}

extension BlockGMRES {
  /// The average over a cycle: the basis is half full, projected against twice, and read three times.
  public func iterationWork(columns p: Int) -> IterationWork? {
    let half = Double(options.restart + 1) / 2
    return IterationWork(flops: 8 * half * Double(p * p), words: (3 * half + 6) * Double(p))
  }
}

extension PseudoBlockGMRES {
  /// As block GMRES, with each column projected against its own basis.
  public func iterationWork(columns p: Int) -> IterationWork? {
    let half = Double(options.restart + 1) / 2
    return IterationWork(flops: 8 * half * Double(p), words: (3 * half + 6) * Double(p))
  }
}

extension BlockBiCGStab {
  /// Two products, and about ten products of blocks with p × p matrices.
  public func iterationWork(columns p: Int) -> IterationWork? {
    IterationWork(products: 2, preconditionings: 2, flops: 20 * Double(p * p), words: 25 * Double(p))
  }
}

extension PseudoBlockBiCGStab {
  /// Two products, five dot products and six updates of each column.
  public func iterationWork(columns p: Int) -> IterationWork? {
    IterationWork(products: 2, preconditionings: 2, flops: 22 * Double(p), words: 25 * Double(p))
  }
}

extension PseudoBlockIDR {
  /// One product, and dot products and updates with half of the shadow space on average.
  public func iterationWork(columns p: Int) -> IterationWork? {
    IterationWork(flops: 24 * Double(p), words: 22 * Double(p))
  }
}
