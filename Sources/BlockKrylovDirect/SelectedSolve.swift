internal import BlockKrylov
internal import CDirectKernels

/// Solves that need only a part of the factors: sparse right-hand sides, some rows of X, the diagonal of the inverse.
///
/// The ascending sweep begins at the first row that is not zero, the descending one ends at the first row that is wanted; of diagonal blocks
/// only those between them are solved.
extension TriangularSolve {
  /// The columns of a panel; more would spoil what sparse columns have in common.
  private static var panelColumns: Int { 16 }

  /// The rows `rows` of A⁻¹·B.
  func solve<Element: Scalar>(_ b: CSCMatrix<Element>, rows: [Int], into x: inout BlockVector<Element>) {
    let (n, m, parts) = (forward.order, b.columns, forward.isComplex ? 2 : 1)
    guard n > 0, m > 0, !rows.isEmpty else { return }
    let (loadPlace, storePlace) = (Self.inverse(loadOrder), Self.inverse(storeOrder))
    let wanted = Span(rows.lazy.map { storePlace[$0] })
    let values = Parts.doubles(b.values)
    let panels = (m + Self.panelColumns - 1) / Self.panelColumns
    unsafe x.withUnsafeMutableElements { target, ldx in
      unsafe inPanels(panels, columns: Self.panelColumns) { k, panel, width in
        let low = k * Self.panelColumns
        let high = min(m, low + Self.panelColumns)
        var reached = Span()
        for j in low..<high {
          for e in b.columnStart[j]..<b.columnStart[j + 1] {
            let row = Int(b.rowIndex[e])
            let (place, scale) = (loadPlace[row], loadScale?[row] ?? 1)
            reached.insert(place)
            for p in 0..<parts { unsafe panel[place * width + (j - low) * parts + p] = scale * values[e * parts + p] }
          }
        }
        unsafe sweep(panel, width: width, reached: reached, wanted: wanted)
        for (i, row) in rows.enumerated() {
          let scale = storeScale?[row] ?? 1
          for j in low..<high {
            unsafe target[i * ldx + j] = Self.number(panel + (storePlace[row] * width + (j - low) * parts), scale)
          }
        }
      }
    }
  }

  /// The diagonal of A⁻¹. Unit vectors that stand together in the factors share a panel.
  func inverseDiagonal<Element: Scalar>(_ type: Element.Type) -> [Element] {
    let (n, parts, step) = (forward.order, forward.isComplex ? 2 : 1, Self.panelColumns)
    let storePlace = Self.inverse(storeOrder)
    var result = [Element](repeating: 0, count: n)
    unsafe result.withUnsafeMutableBufferPointer { result in
      guard let result = result.baseAddress else { return }
      unsafe inPanels((n + step - 1) / step, columns: step) { k, panel, width in
        let (low, high) = (k * step, min(n, (k + 1) * step))
        var wanted = Span()
        for place in low..<high {
          let row = Int(loadOrder[place])
          wanted.insert(storePlace[row])
          unsafe panel[place * width + (place - low) * parts] = loadScale?[row] ?? 1
        }
        unsafe sweep(panel, width: width, reached: Span(low..<high), wanted: wanted)
        for place in low..<high {
          let row = Int(loadOrder[place])
          unsafe result[row] = Self.number(panel + (storePlace[row] * width + (place - low) * parts), storeScale?[row] ?? 1)
        }
      }
    }
    return result
  }

  /// Runs `body` on zeroed panels, spread over threads.
  private func inPanels(_ panels: Int, columns: Int, _ body: (_ k: Int, UnsafeMutablePointer<Double>, _ width: Int) -> Void) {
    let (n, width) = (forward.order, columns * (forward.isComplex ? 2 : 1))
    let workers = min(Threads.count, panels)
    Parallel.parts(workers, bytes: (forward.storedBytes + backward.storedBytes) * panels) { worker in
      unsafe forward.panels.with(n * width) { panel in
        for k in (panels * worker / workers)..<(panels * (worker + 1) / workers) {
          unsafe panel.initialize(repeating: 0, count: n * width)
          unsafe body(k, panel, width)
        }
      }
    }
  }

  /// The sweeps that matter for a panel that is zero outside the rows `reached`, of which the rows `wanted` are wanted.
  private func sweep(_ panel: UnsafeMutablePointer<Double>, width: Int, reached: Span, wanted: Span) {
    guard !reached.isEmpty, !wanted.isEmpty else { return }
    guard let blocks else {
      unsafe forward.forward(
        panel, width: width, conjugate: conjugatesForward,
        nodes: forward.supernodes.index(of: reached.low)..<forward.supernodes.count)
      if let middleScale { unsafe bkd_scale(Int64(forward.order), middleScale, panel, Int64(width)) }
      return unsafe backward.backward(
        panel, width: width, conjugate: conjugatesBackward,
        nodes: backward.supernodes.index(of: wanted.low)..<backward.supernodes.count)
    }
    let (first, last) =
      blocks.couplesEarlier
      ? (blocks.index(of: wanted.low), blocks.index(of: reached.high))
      : (blocks.index(of: reached.low), blocks.index(of: wanted.high))
    guard first <= last else { return }
    unsafe sweep(blocks, first..<(last + 1), panel, width: width)
  }

  private static func inverse(_ order: [Int32]) -> [Int] {
    var result = [Int](repeating: 0, count: order.count)
    for (place, row) in order.enumerated() { result[Int(row)] = place }
    return result
  }

  private static func number<Element: Scalar>(_ parts: UnsafePointer<Double>, _ scale: Double) -> Element {
    unsafe Element.isComplex ? Element(real: parts[0] * scale, imaginary: parts[1] * scale) : Element(double: parts[0] * scale)
  }
}

/// The least and the greatest of some rows.
private struct Span {
  private(set) var low = Int.max
  private(set) var high = -1

  init(_ rows: some Sequence<Int> = []) { for row in rows { insert(row) } }

  var isEmpty: Bool { high < low }

  mutating func insert(_ row: Int) { (low, high) = (min(low, row), max(high, row)) }
}

extension Supernodes {
  /// The supernode that a column belongs to.
  func index(of column: Int) -> Int { lastIndex(below: count) { Int(first[$0]) <= column } }
}

extension DiagonalBlocks {
  /// The block that a row belongs to.
  func index(of row: Int) -> Int { lastIndex(below: count) { start[$0] <= row } }
}

/// The last of 0 ..< count for which a condition holds that holds for 0 and, from some place on, no more.
private func lastIndex(below count: Int, where holds: (Int) -> Bool) -> Int {
  var (low, high) = (0, count)
  while low + 1 < high {
    let middle = (low + high) / 2
    if holds(middle) { low = middle } else { high = middle }
  }
  return low
}
