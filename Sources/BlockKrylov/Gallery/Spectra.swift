internal import RealModule

extension Gallery {
  /// 0.1, 1, 2, …, n−1 on the diagonal, ones above it.
  static func bidiagonal(_ n: Int) -> CSRMatrix<Double> {
    var (start, index, value) = ([0], [Int32](), [Double]())
    for i in 0..<n {
      index.append(Int32(truncatingIfNeeded: i))
      value.append(i == 0 ? 0.1 : Double(i))
      if i + 1 < n {
        index.append(Int32(truncatingIfNeeded: i + 1))
        value.append(1)
      }
      start.append(value.count)
    }
    return CSRMatrix(uncheckedRows: n, columns: n, rowStart: start, columnIndex: index, values: value)
  }

  /// The diagonal matrix with Strakoš's eigenvalues between 1 and `condition`, ρ = 0.8.
  static func strakos(_ n: Int, condition: Double) -> CSRMatrix<Double> {
    let last = Double(max(n - 1, 1))
    return CSRMatrix(
      diagonal: (0..<n).map { i in 1 + Double(i) / last * (condition - 1) * Double.pow(0.8, Double(n - 1 - i)) })
  }
}
