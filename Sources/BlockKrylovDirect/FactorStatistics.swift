internal import BlockKrylov

/// What a sparse factorisation took and how it was made.
public struct FactorStatistics: Sendable, Equatable {
  /// The order n of A.
  public var order: Int
  /// The stored entries of A.
  public var nonzeros: Int
  /// The entries of L with its diagonal.
  public var lowerNonzeros = 0
  /// The entries of U; those of Lᴴ, which is not stored, for Cholesky.
  public var upperNonzeros = 0
  /// The floating-point operations of the numeric factorisation.
  public var flops = 0.0
  /// The memory of the factors as they are kept, in bytes: with the zeros that make dense supernodes of them.
  public var storedBytes = 0
  /// The most memory that the factorisation needed at once, in bytes.
  public var peakBytes = 0
  /// The pivots that are exactly zero; A is singular when there are any.
  public var zeroPivots = 0
  /// The pivots that are zero or below n·u times the largest one: an estimate of what the rank of A lacks.
  public var weakPivots = 0
  /// The first equations (rows of A, from 0) in which a weak pivot was found.
  public var weakRows: [Int] = []
  /// The unknowns (columns of A) of the same pivots.
  public var weakColumns: [Int] = []
  /// The smallest modulus of a pivot over the largest, for LU of A with its rows scaled to sum 1: cheap, and small for a singular matrix,
  /// but a small norm of the inverse is not proved by a large one. The condition estimates of the factorisations say more.
  public var pivotRatio = 1.0
  /// For LU `symmetric` (diagonal pivots preferred) or `unsymmetric`, for Cholesky `supernodal` or `simplicial`; empty for order 0.
  public var strategy = ""
  /// The fill-reducing ordering: `AMD`, `COLAMD`, `METIS`, …; empty for order 0.
  public var ordering = ""

  /// Of a matrix that has not been factored.
  init(order: Int, nonzeros: Int) {
    self.order = order
    self.nonzeros = nonzeros
  }

  /// Refuses what would take more memory than allowed.
  func require(within limit: Int?, name: String) throws {
    guard let limit, peakBytes > limit else { return }
    func megabytes(_ bytes: Int) -> String { "\((bytes + 999_999) / 1_000_000) MB" }
    throw BlockKrylovError.factorization(
      "\(name) of this matrix of order \(order) may need \(megabytes(peakBytes)) (\(lowerNonzeros + upperNonzeros) entries in the factors), "
        + "more than the limit of \(megabytes(limit)); raise the limit, or use a preconditioned Krylov method")
  }

  /// What is to be said of weak pivots.
  var suspects: String? {
    guard weakPivots > 0 else { return nil }
    func list(_ places: [Int]) -> String {
      places.map(String.init).joined(separator: ", ") + (weakPivots > places.count ? ", …" : "")
    }
    return
      "the rank lacks about \(weakPivots), found in equations \(list(weakRows)) and unknowns \(list(weakColumns)) (counted from 0)"
  }

  /// Takes note of pivots given by their moduli, their rows and their columns.
  mutating func note(pivots: [Double], rows: [Int32], columns: [Int32]) {
    let bound = (pivots.max() ?? 0) * Double(order) * 0x1p-53
    for k in pivots.indices where !(pivots[k] > bound) {
      weakPivots += 1
      if weakRows.count < 8 {
        weakRows.append(Int(rows[k]))
        weakColumns.append(Int(columns[k]))
      }
    }
  }

  /// Entries of both factors (the diagonal counted once) per entry of A.
  public var fill: Double { nonzeros == 0 ? 1 : Double(lowerNonzeros + upperNonzeros - order) / Double(nonzeros) }
}
