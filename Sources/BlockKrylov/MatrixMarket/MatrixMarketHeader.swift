/// What a Matrix Market file says of itself before its entries: the banner and the size line.
///
/// The format is described by R. Boisvert, R. Pozo and K. Remington, "The Matrix Market Exchange Formats: Initial Design",
/// NISTIR 5935 (1996).
public struct MatrixMarketHeader: Equatable, Sendable {
  /// How the entries are laid out.
  public enum Format: String, CaseIterable, Sendable {
    /// A line "row column value" for each entry that is not zero, in any order, indices from 1.
    case coordinate
    /// A line with the value of every entry, column after column.
    case array
  }

  /// What kind of numbers the entries are.
  public enum Field: String, CaseIterable, Sendable {
    /// Decimal numbers; the banner may also say `double`.
    case real
    /// Whole numbers.
    case integer
    /// Two decimal numbers an entry, real and imaginary part.
    case complex
    /// No values: the places of the entries only, each of which is read as 1.
    case pattern
  }

  /// Which entries are stored and what the others are.
  public enum Symmetry: String, CaseIterable, Sendable {
    /// All entries are stored.
    case general
    /// A = Aᵀ; the lower triangle with the diagonal is stored.
    case symmetric
    /// A = −Aᵀ; the lower triangle without the diagonal is stored.
    case skewSymmetric = "skew-symmetric"
    /// A = Aᴴ; the lower triangle with the (real) diagonal is stored.
    case hermitian
  }

  /// How the entries are laid out.
  public var format: Format
  /// What kind of numbers the entries are.
  public var field: Field
  /// Which entries are stored and what the others are.
  public var symmetry: Symmetry
  /// The number of rows.
  public var rows: Int
  /// The number of columns.
  public var columns: Int
  /// The number of entries in the file, before symmetry adds the other triangle.
  public var storedEntries: Int
  /// The comment lines before the size line without their `%`; only the first 64 KiB of them are kept.
  public var comments: [String] = []

  /// Whether the entries need a complex scalar type.
  public var isComplex: Bool { field == .complex }

  /// The structure that the symmetry promises of a matrix, real or complex.
  public var structure: Structure {
    switch symmetry {
    case .general: []
    // Entries without an imaginary part are their own conjugates, whatever type they are read as.
    case .symmetric: isComplex ? .symmetric : [.symmetric, .hermitian]
    case .skewSymmetric: .skewSymmetric
    case .hermitian: .hermitian
    }
  }

  /// The number of entries that a file of this size and symmetry has at most; an array file has exactly so many.
  var places: Int {
    switch symmetry {
    case .general: rows * columns
    case .symmetric, .hermitian: rows * (rows + 1) / 2
    case .skewSymmetric: rows == 0 ? 0 : rows * (rows - 1) / 2
    }
  }
}
