public import BlockKrylov

/// The order in which a sparse factorisation eliminates unknowns: it decides the fill.
public enum FillOrdering: String, Sendable, CaseIterable {
  /// Minimum degree, and nested dissection where the fill of minimum degree is large: what takes the least time for one factorisation
  /// and a few solves.
  case automatic = "auto"
  /// Minimum degree (AMD; COLAMD for patterns far from symmetric): the fastest to find.
  case minimumDegree = "amd"
  /// Nested dissection (METIS): less fill on meshes, for a longer analysis.
  case nestedDissection = "metis"
  /// The least fill of all that are known: minimum degree and both kinds of nested dissection are tried. For thousands of right-hand sides or
  /// many refactorisations with one pattern; for a plane mesh of 90 000 unknowns factors have 24 % fewer entries than by
  /// minimum degree, and the analysis takes 8 times as long (measured).
  case best
}

/// The precision in which the numbers of sparse factors are kept.
public enum FactorPrecision: String, Sendable, CaseIterable {
  /// Double precision: solves alone are as accurate as the factors.
  case double
  /// Single precision: about half the memory. The factorisation and the arithmetic of solves are in double precision; refinement, which
  /// needs a few steps more, brings solutions to the accuracy of double precision as long as the condition is below about 10⁶.
  case single
}

/// A direct method with a choice of how its factors are made and kept.
public protocol FactoringMethod: BlockMethod {
  /// The order in which unknowns are eliminated, automatic by default; it decides the fill. KLU has an order of its own (AMD in each block).
  var ordering: FillOrdering { get set }
  /// The precision in which the factors are kept, double by default. Single precision halves their memory for a few refinements more; for columns
  /// for which it is not enough the factors are made again in double precision, as an event.
  var factorPrecision: FactorPrecision { get set }
}

extension FactoringMethod {
  var factorOptions: FactorOptions {
    FactorOptions(memoryLimit: options.memoryLimit, ordering: ordering, precision: factorPrecision)
  }
}

/// How a sparse factorisation is made and kept.
struct FactorOptions: Sendable, Equatable {
  /// In bytes; none by default.
  var memoryLimit: Int?
  var ordering = FillOrdering.automatic
  var precision = FactorPrecision.double
}

extension SupernodalTriangle {
  /// The two triangles of a factorisation in a precision: as they are where it is double precision or a number is beyond the range of the
  /// other.
  static func kept(
    _ a: SupernodalTriangle, _ b: SupernodalTriangle, in precision: FactorPrecision
  ) -> (SupernodalTriangle, SupernodalTriangle) {
    guard precision == .single, let first = SupernodalTriangle(rounding: a) else { return (a, b) }
    guard a !== b else { return (first, first) }
    guard let second = SupernodalTriangle(rounding: b) else { return (a, b) }
    return (first, second)
  }
}
