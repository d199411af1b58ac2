import BlockKrylov
import Foundation

/// −Δu + d·u_x + e·u_y + g·u on the unit square or cube, 5 or 7 points, centred differences scaled by h², Dirichlet boundary, x fastest:
/// the discretisation of SPARSKIT's generator, which Saad's book uses.
struct EllipticProblem {
  /// Interior points a side.
  var points: Int
  var dimensions: Int
  var d: (Double, Double, Double) -> Double
  var e: (Double, Double, Double) -> Double
  var g = 0.0

  func matrix() throws -> CSRMatrix<Double> {
    let (n, h) = (points, 1 / Double(points + 1))
    let layers = dimensions == 3 ? n : 1
    let rows = n * n * layers
    var builder = try TripletBuilder<Double>(rows: rows, columns: rows)
    for l in 0..<layers {
      for j in 0..<n {
        for i in 0..<n {
          let row = (l * n + j) * n + i
          let (x, y, z) = (Double(i + 1) * h, Double(j + 1) * h, Double(l + 1) * h)
          let (cx, cy) = (d(x, y, z) * h / 2, e(x, y, z) * h / 2)
          try builder.add(Double(2 * dimensions) + g * h * h, row: row, column: row)
          if i > 0 { try builder.add(-1 - cx, row: row, column: row - 1) }
          if i < n - 1 { try builder.add(-1 + cx, row: row, column: row + 1) }
          if j > 0 { try builder.add(-1 - cy, row: row, column: row - n) }
          if j < n - 1 { try builder.add(-1 + cy, row: row, column: row + n) }
          if l > 0 { try builder.add(-1, row: row, column: row - n * n) }
          if l < layers - 1 { try builder.add(-1, row: row, column: row + n * n) }
        }
      }
    }
    return try builder.csr()
  }
}
