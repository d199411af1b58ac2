internal import BlockKrylov
internal import CDirectKernels

/// Solves that need only a part of the factors: sparse right-hand sides, some rows of X, the diagonal of the inverse.
///
/// The ascending sweep begins at the first row that is not zero, the descending one ends at the first row that is wanted.
extension TriangularSolve {
  /// The columns of a panel; more would spoil what sparse columns have in common.
  private static var panelColumns: Int { 16 }

  /// The rows `rows` of A⁻¹·B.
  func solve<Element: Scalar>(_ b: CSCMatrix<Element>, rows: [Int], into x: inout BlockVector<Element>) {
    let (n, m, parts) = (forward.order, b.columns, forward.isComplex ? 2 : 1)
    guard n > 0, m > 0, !rows.isEmpty else { return }
    let (loadPlace, storePlace) = (Self.inverse(loadOrder), Self.inverse(storeOrder))
    let lowest = rows.reduce(n) { min($0, storePlace[$1]) }
    let values = Parts.doubles(b.values)
    let panels = (m + Self.panelColumns - 1) / Self.panelColumns
    unsafe x.withUnsafeMutableElements { target, ldx in
      unsafe inPanels(panels, columns: Self.panelColumns) { k, panel, width in
        let low = k * Self.panelColumns
        let high = min(m, low + Self.panelColumns)
        var first = n
        for j in low..<high {
          for e in b.columnStart[j]..<b.columnStart[j + 1] {
            let row = Int(b.rowIndex[e])
            let (place, scale) = (loadPlace[row], loadScale?[row] ?? 1)
            first = min(first, place)
            for p in 0..<parts { unsafe panel[place * width + (j - low) * parts + p] = scale * values[e * parts + p] }
          }
        }
        unsafe sweep(panel, width: width, from: first, downTo: lowest)
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
        var lowest = n
        for place in low..<high {
          let row = Int(loadOrder[place])
          lowest = min(lowest, storePlace[row])
          unsafe panel[place * width + (place - low) * parts] = loadScale?[row] ?? 1
        }
        unsafe sweep(panel, width: width, from: low, downTo: lowest)
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
      unsafe Self.withPanel(n * width) { panel in
        for k in (panels * worker / workers)..<(panels * (worker + 1) / workers) {
          unsafe panel.initialize(repeating: 0, count: n * width)
          unsafe body(k, panel, width)
        }
      }
    }
  }

  /// The sweeps over the supernodes that matter for a panel that is zero above `first`, of which rows from `lowest` on are wanted.
  private func sweep(_ panel: UnsafeMutablePointer<Double>, width: Int, from first: Int, downTo lowest: Int) {
    guard first < forward.order else { return }
    unsafe forward.forward(
      panel, width: width, conjugate: conjugatesForward,
      nodes: forward.supernodes.index(of: first)..<forward.supernodes.count)
    if let middleScale { unsafe bkd_scale(Int64(forward.order), middleScale, panel, Int64(width)) }
    unsafe backward.backward(
      panel, width: width, conjugate: conjugatesBackward,
      nodes: backward.supernodes.index(of: lowest)..<backward.supernodes.count)
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

extension Supernodes {
  /// The supernode that a column belongs to.
  func index(of column: Int) -> Int {
    var (low, high) = (0, count)
    while low + 1 < high {
      let middle = (low + high) / 2
      if Int(first[middle]) <= column { low = middle } else { high = middle }
    }
    return low
  }
}
