internal import ComplexModule
internal import RealModule

extension Gallery {
  /// A square or cubic grid whose points have neighbours along the axes.
  struct Grid {
    /// The number of points in each direction.
    var side: Int
    /// 2 or 3.
    var dimension: Int

    var points: Int { (0..<dimension).reduce(1) { product, _ in product * side } }
    /// The grid spacing on the unit square or cube, boundary points not counted.
    var spacing: Double { 1 / Double(side + 1) }
    /// The distance in rows between neighbours in each direction.
    var steps: SIMD3<Int> { SIMD3(1, side, side * side) }

    /// Whether a point has a neighbour at −e_d.
    func hasLower(_ place: SIMD3<Int>, _ d: Int) -> Bool { place[d] > 0 }
    /// Whether a point has a neighbour at +e_d.
    func hasUpper(_ place: SIMD3<Int>, _ d: Int) -> Bool { place[d] < side - 1 }

    /// How many of a point's 2·dimension neighbours are in the grid.
    func neighbours(_ place: SIMD3<Int>) -> Int {
      var count = 0
      for d in 0..<dimension { count += (hasLower(place, d) ? 1 : 0) + (hasUpper(place, d) ? 1 : 0) }
      return count
    }
  }

  /// A row of a difference scheme: the entries towards −e_d, at the point and towards +e_d.
  struct Star {
    var lower: SIMD3<Double>
    var diagonal: Double
    var upper: SIMD3<Double>
  }
}

extension Gallery.Grid {
  /// The matrix whose rows `star` gives; entries towards points outside the grid are dropped.
  func matrix(_ star: (_ row: Int, _ place: SIMD3<Int>) -> Gallery.Star) -> CSRMatrix<Double> {
    let (points, steps) = (points, steps)
    let capacity = points + 2 * dimension * (points / side) * (side - 1)
    var (start, index, value) = ([0], [Int32](), [Double]())
    start.reserveCapacity(points + 1)
    index.reserveCapacity(capacity)
    value.reserveCapacity(capacity)
    for row in 0..<points {
      let place = SIMD3(row % side, row / side % side, row / steps.z)
      let star = star(row, place)
      for d in (0..<dimension).reversed() where hasLower(place, d) {
        index.append(Int32(truncatingIfNeeded: row - steps[d]))
        value.append(star.lower[d])
      }
      index.append(Int32(truncatingIfNeeded: row))
      value.append(star.diagonal)
      for d in 0..<dimension where hasUpper(place, d) {
        index.append(Int32(truncatingIfNeeded: row + steps[d]))
        value.append(star.upper[d])
      }
      start.append(value.count)
    }
    return CSRMatrix(uncheckedRows: points, columns: points, rowStart: start, columnIndex: index, values: value)
  }

  /// The matrix of a scheme with the same entries in each row.
  private func matrix(_ lower: SIMD3<Double>, _ diagonal: Double, _ upper: SIMD3<Double>) -> CSRMatrix<Double> {
    let star = Gallery.Star(lower: lower, diagonal: diagonal, upper: upper)
    return matrix { _, _ in star }
  }

  private static var minusOne: SIMD3<Double> { SIMD3(repeating: -1) }

  /// −Δu − shift·u.
  func poisson(shift: Double = 0) -> CSRMatrix<Double> {
    matrix(Self.minusOne, Double(2 * dimension) - shift * (spacing * spacing), Self.minusOne)
  }

  /// −u_xx − ε·u_yy.
  func anisotropic(_ epsilon: Double) -> CSRMatrix<Double> {
    let coupling = SIMD3(-1, -epsilon, 0)
    return matrix(coupling, 2 + 2 * epsilon, coupling)
  }

  /// −Δu + V·u_x, centred.
  func centredConvection(_ velocity: Double) -> CSRMatrix<Double> {
    let c = velocity * spacing / 2
    return matrix(SIMD3(-1 - c, -1, -1), Double(2 * dimension), SIMD3(-1 + c, -1, -1))
  }

  /// −Δu + V·(1, ½, ¼)·∇u, upwind for V ≥ 0.
  func upwindConvection(_ velocity: Double) -> CSRMatrix<Double> {
    let upwind = 1 + SIMD3(velocity, 0.5 * velocity, 0.25 * velocity) * spacing
    // Summed direction by direction: the last bit depends on the order.
    var diagonal = 0.0
    for d in 0..<dimension { diagonal += upwind[d] + 1 }
    return matrix(-upwind, diagonal, Self.minusOne)
  }

  /// −∇·(k∇u), k hashed from the row number.
  func diffusion(decades: Double) -> CSRMatrix<Double> {
    let steps = steps
    let k = (0..<points).map { Double.pow(10, decades * Gallery.unit(Gallery.splitmix64(7919 + UInt64($0)))) }
    return matrix { row, place in
      let inside = k[row]
      var star = Gallery.Star(lower: .zero, diagonal: 0, upper: .zero)
      for d in 0..<dimension {
        let below = hasLower(place, d) ? k[row - steps[d]] : inside
        let above = hasUpper(place, d) ? k[row + steps[d]] : inside
        let (lower, upper) = (2 * inside * below / (inside + below), 2 * inside * above / (inside + above))
        star.lower[d] = -lower
        star.upper[d] = -upper
        star.diagonal += lower + upper
      }
      return star
    }
  }

  /// The Laplacian of the graph of neighbours.
  func neumann() -> CSRMatrix<Double> {
    matrix { _, place in Gallery.Star(lower: Self.minusOne, diagonal: Double(neighbours(place)), upper: Self.minusOne) }
  }

  /// −Δu − k²·u with absorbing conditions.
  func helmholtz(waveNumber: Double) -> CSRMatrix<Complex<Double>> {
    let kappa = waveNumber * spacing
    let weight = 1 / (1 + kappa * kappa)
    let (points, full) = (points, 2 * dimension)
    /// How much of 1/(1 − i·κ) the row's diagonal loses: once for each neighbour that is missing.
    func missing(_ row: Int) -> Double { Double(full - neighbours(SIMD3(row % side, row / side % side, row / steps.z))) }
    let real = matrix { row, _ in
      Gallery.Star(
        lower: Self.minusOne, diagonal: Double(full) - kappa * kappa - missing(row) * weight, upper: Self.minusOne)
    }
    var values = real.values.map { Complex($0) }
    for row in 0..<points {
      guard let k = real.position(row: row, column: row) else { continue }
      values[k] = Complex(real.values[k], -missing(row) * (kappa * weight))
    }
    return CSRMatrix(
      uncheckedRows: points, columns: points, rowStart: real.rowStart, columnIndex: real.columnIndex, values: values)
  }
}
