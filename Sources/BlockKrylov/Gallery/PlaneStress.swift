extension Gallery {
  /// Plane stress on the unit square with bilinear square elements, clamped at x = 0; defined at ``Family/elasticity2d``.
  struct PlaneStress {
    /// The number N of elements per side.
    var elements: Int
    /// ν.
    var poissonRatio: Double

    /// The number of unknowns.
    var rows: Int { 2 * elements * (elements + 1) }

    /// The first unknown of the free node (x, y), x = 1…N, y = 0…N.
    func unknown(_ x: Int, _ y: Int) -> Int { 2 * (y * elements + x - 1) }
  }
}

extension Gallery.PlaneStress {
  /// The element's stiffness, 8×8 row by row; unknown 2·(corner x + 2·corner y) + direction.
  ///
  /// Bilinear shapes are products of linear ones, so each integral is a product of two over the unit interval; the element's
  /// size cancels.
  func elementStiffness() -> [Double] {
    let mass = [[1.0 / 3, 1.0 / 6], [1.0 / 6, 1.0 / 3]]  // ∫ l_i l_j
    let stiffness = [[1.0, -1], [-1, 1]]  // ∫ l_i' l_j'
    let mixed = [[-0.5, -0.5], [0.5, 0.5]]  // ∫ l_i' l_j
    let axial = 1 / (1 - poissonRatio * poissonRatio)
    let shear = 1 / (2 * (1 + poissonRatio))
    var entries = [Double](repeating: 0, count: 64)
    for p in 0..<4 {
      for q in 0..<4 {
        let (px, py, qx, qy) = (p & 1, p >> 1, q & 1, q >> 1)
        let alongX = stiffness[px][qx] * mass[py][qy]
        let alongY = mass[px][qx] * stiffness[py][qy]
        let xy = mixed[px][qx] * mixed[qy][py]  // ∫ φ_p,x φ_q,y
        let yx = mixed[qx][px] * mixed[py][qy]  // ∫ φ_p,y φ_q,x
        entries[16 * p + 2 * q] = axial * alongX + shear * alongY
        entries[16 * p + 2 * q + 1] = poissonRatio * axial * xy + shear * yx
        entries[16 * p + 2 * q + 8] = poissonRatio * axial * yx + shear * xy
        entries[16 * p + 2 * q + 9] = axial * alongY + shear * alongX
      }
    }
    return entries
  }

  /// The assembled matrix, row by row: the sum over the elements that two neighbouring nodes share.
  func stiffness() -> CSRMatrix<Double> {
    let (n, element) = (elements, elementStiffness())
    /// The entry between component a of node (x, y) and component b of node (s, t), elements in a fixed order so that bits are
    /// symmetric.
    func entry(_ x: Int, _ y: Int, _ a: Int, _ s: Int, _ t: Int, _ b: Int) -> Double {
      var sum = 0.0
      for ey in max(y, t, 1) - 1...min(y, t, n - 1) {
        for ex in max(x, s) - 1...min(x, s, n - 1) {
          let (p, q) = (x - ex + 2 * (y - ey), s - ex + 2 * (t - ey))
          sum += element[8 * (2 * p + a) + 2 * q + b]
        }
      }
      return sum
    }
    var (start, index, value) = ([0], [Int32](), [Double]())
    start.reserveCapacity(rows + 1)
    index.reserveCapacity(18 * rows)
    value.reserveCapacity(18 * rows)
    for y in 0...n {
      for x in 1...n {
        for a in 0..<2 {
          for t in max(y - 1, 0)...min(y + 1, n) {
            for s in max(x - 1, 1)...min(x + 1, n) {
              for b in 0..<2 {
                index.append(Int32(truncatingIfNeeded: unknown(s, t) + b))
                value.append(entry(x, y, a, s, t, b))
              }
            }
          }
          start.append(value.count)
        }
      }
    }
    return CSRMatrix(uncheckedRows: rows, columns: rows, rowStart: start, columnIndex: index, values: value)
  }
}

// MARK: - Loads

extension Gallery.PlaneStress {
  /// The weights of the load cases at a free node, direction x and y of each case in turn; see ``Gallery/Problem/loadCases(_:)``.
  func loads(_ x: Int, _ y: Int) -> [SIMD2<Double>] {
    let (n, h) = (elements, 1 / Double(elements))
    let (right, bottom, top) = (x == n, y == 0, y == n)
    let halfWidth = right ? 0.5 : 1
    let halfHeight = bottom || top ? 0.5 : 1
    let onRight = right ? h * halfHeight : 0  // ∫ φ along the right edge
    let onTop = top ? h * halfWidth : 0
    let area = h * h * halfWidth * halfHeight  // ∫ φ
    // ∫ φ·(2y − 1) along the right edge; at its ends the hat is cut off.
    let ends = h * h / 3 - h / 2
    let bending = !right ? 0 : bottom ? ends : top ? -ends : h * (2 * Double(y) * h - 1)
    func corner(_ isHere: Bool) -> Double { right && isHere ? 1 : 0 }
    return [
      SIMD2(onRight, 0), SIMD2(0, onRight), SIMD2(0, -area), SIMD2(area, 0),
      SIMD2(0, -onTop), SIMD2(bending, 0), SIMD2(0, -corner(top)), SIMD2(-corner(bottom), 0),
    ]
  }
}
