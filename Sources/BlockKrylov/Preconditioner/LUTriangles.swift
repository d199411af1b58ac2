internal import ComplexModule
internal import RealModule

/// The triangles of an incomplete LU factorisation in the making: unit L and U of an equilibrated matrix.
struct LUTriangles<S: Scalar> {
  var lower: CompressedRows<S>
  var upper: CompressedRows<S>
  /// 1 / u_ii.
  var inverseDiagonal: [S]
  /// How many pivots were too small and were replaced.
  var repairedPivots = 0
  /// The column of A at each place after column pivoting; `nil` when columns were not moved.
  var columnOrder: [Int]?

  init(rows: Int, capacity: Int) {
    lower = CompressedRows(rows: rows, capacity: capacity)
    upper = CompressedRows(rows: rows, capacity: capacity)
    inverseDiagonal = [S](repeating: 0, count: rows)
  }

  /// Stores the pivot of a row whose 2-norm is given, or, if it is below 10⁻⁴ of the norm, sign·(10⁻⁴ + τ)·norm.
  @inline(__always)
  mutating func setPivot(_ pivot: S, row: Int, norm: S.Magnitude, dropTolerance: S.Magnitude) {
    let size = pivot.modulus
    let weak = S.Magnitude(RowEquilibration<S>.weakPivot)
    if size >= weak * norm, size > 0 {
      inverseDiagonal[row] = 1 / pivot
    } else {
      // A NaN passes: the growth test refuses the factors.
      repairedPivots += size.isNaN ? 0 : 1
      let sign = size > 0 ? pivot * S(1 / size) : size.isNaN ? pivot : 1
      inverseDiagonal[row] = 1 / (sign * S((weak + dropTolerance) * (norm > 0 ? norm : 1)))
    }
  }

  /// The largest modulus in (LU)⁻¹e with e all ones, an estimate of ‖(LU)⁻¹‖_∞ (Chow and Saad, J. Comput. Appl. Math. 86 (1997) 387–414);
  /// infinite when a number is not finite.
  @specialized(where S == Double)
  @specialized(where S == Float)
  @specialized(where S == Complex<Double>)
  @specialized(where S == Complex<Float>)
  func growth() -> Double {
    let n = inverseDiagonal.count
    var x = [S](repeating: 1, count: n)
    for i in 0..<n {
      var sum: S = x[i]
      for k in lower.start[i]..<lower.start[i + 1] { sum -= lower.value[k] * x[Int(lower.index[k])] }
      x[i] = sum
    }
    var largest = 0.0
    for i in stride(from: n - 1, through: 0, by: -1) {
      var sum: S = x[i]
      for k in upper.start[i]..<upper.start[i + 1] { sum -= upper.value[k] * x[Int(upper.index[k])] }
      x[i] = sum * inverseDiagonal[i]
      guard x[i].isFinite else { return .infinity }
      largest = max(largest, Double(x[i].modulus))
    }
    return largest
  }

  /// The factors of A itself: the scaling is taken out of the triangles, exactly since it is by powers of two.
  ///
  /// From R·P·A·C·Q = L·U follows P·A·Q = (R⁻¹LR)·(R⁻¹U·(QᵀCQ)⁻¹).
  @specialized(where S == Double)
  @specialized(where S == Float)
  @specialized(where S == Complex<Double>)
  @specialized(where S == Complex<Float>)
  consuming func factors(of equilibration: RowEquilibration<S>) -> IncompleteFactors<S> {
    let (r, c) = (
      equilibration.rowScale, columnOrder.map { $0.map { equilibration.columnScale[$0] } } ?? equilibration.columnScale
    )
    lower.scale { i, j in r[j] / r[i] }
    upper.scale { i, j in 1 / (r[i] * c[j]) }
    for i in inverseDiagonal.indices { inverseDiagonal[i] *= S(r[i] * c[i]) }
    return IncompleteFactors(
      lower: lower.factor(inverseDiagonal: nil, descending: false),
      upper: upper.factor(inverseDiagonal: inverseDiagonal, descending: true), rowOrder: equilibration.rowOrder,
      columnOrder: columnOrder)
  }
}

extension IncompleteFactors {
  /// Factors whose inverse is larger than this are refused: they would magnify whatever the residual has of rounding.
  private static var mostGrowth: Double { 1e8 }
  private static var firstShift: Double { 1e-3 }
  private static var shiftGrowth: Double { 4 }
  private static var mostShifts: Int { 6 }

  /// The first usable factors of A + α·diag(row norms) for α = 0, 10⁻³, 4·10⁻³, …, six shifts at most; `nil` when there are none.
  /// Shifts and replaced pivots become events.
  static func stable(
    _ equilibration: RowEquilibration<S>, name: String, events: inout [SolveEvent],
    _ factor: (_ shift: S.Magnitude) -> LUTriangles<S>
  ) -> IncompleteFactors? {
    var shift = 0.0
    for attempt in 0...mostShifts {
      if attempt > 0 {
        shift = attempt == 1 ? firstShift : shiftGrowth * shift
        let detail =
          "\(name): the factors were unstable; α = \(Double(shift).brief) times the row norms was added to the diagonal"
        events.append(SolveEvent(kind: .shifted, detail: detail))
      }
      let triangles = factor(S.Magnitude(shift))
      guard triangles.growth() < mostGrowth else { continue }
      let repaired = triangles.repairedPivots
      let factors = triangles.factors(of: equilibration)
      guard factors.isFinite else { continue }
      if repaired > 0 {
        let detail = "\(name): \(repaired) pivots below 1e-4 of their row's norm were raised to it"
        events.append(SolveEvent(kind: .repaired, detail: detail))
      }
      return factors
    }
    return nil
  }
}

extension Scalar {
  /// The number of the same direction (of direction 1, if it is 0) whose modulus is larger by `length`.
  @inline(__always)
  func lengthened(by length: Magnitude) -> Self {
    self == 0 ? Self(length) : self + self * Self(length / modulus)
  }
}
