extension CSRMatrix {
  /// R = B − A·X, ‖r_j‖₂ and the componentwise backward error ω = ω₁ + ω₂ of each column, in one pass over A (M. Arioli, J. W. Demmel and
  /// I. S. Duff, SIAM J. Matrix Anal. Appl. 10, 1989).
  ///
  /// Equations where |A||x| + |b| is more than rounding, 1000·n·2u·(‖a_i‖₁‖x‖_∞ + |b_i|), are judged by ω₁ = max |r_i| / (|A||x| + |b|)_i;
  /// for the others, where that divisor says nothing, ω₂ = max |r_i| / ((|A||x|)_i + ‖a_i‖₁‖x‖_∞). A residual whose square overflows is as
  /// bad as an infinite one.
  ///
  /// Strips of rows are cut by n alone and their sums are added in order: the result has the same bits for any number of threads.
  ///
  /// - Parameters:
  ///   - rowSums: ‖a_i‖₁ of each row.
  ///   - maxima: ‖x_j‖_∞ of each column.
  package func residualAndBackwardErrors(
    of x: BlockVector<Element>, maxima: [Double], _ b: BlockVector<Element>, rowSums: [Double],
    into r: inout BlockVector<Element>
  ) -> (residuals: [Double], omega: [Double]) {
    let (m, source, ldx, target, ldr) = unsafe (x.columns, x.base, x.stride, r.mutableBase(), r.stride)
    let (right, ldb, strip, parts) = unsafe (b.base, b.stride, 2048, Element.isComplex ? 2 : 1)
    let (strips, width) = ((rows + strip - 1) / strip, m * parts)
    let factor = 1000 * Double(rows) * 2 * Element.unitRoundoff
    // The kernel counts the parts of complex numbers as columns.
    var most = [Element.Magnitude](repeating: 0, count: width)
    for k in 0..<width { most[k] = Element.Magnitude(maxima[k / parts]) }
    // For each strip Σ|r|², ω₁ and ω₂ of every column.
    var partial = [Element.Magnitude](repeating: 0, count: strips * 3 * width)
    unsafe partial.withUnsafeMutableBufferPointer { partial in
      unsafe withPointers { start, index, value in
        unsafe rowSums.withUnsafeBufferPointer { rowSums in
          unsafe most.withUnsafeBufferPointer { most in
            guard let partial = partial.baseAddress, let rowSums = rowSums.baseAddress, let most = most.baseAddress else {
              return
            }
            Parallel.parts(strips, bytes: (nonzeros + 2 * rows) * (m + 1) * MemoryLayout<Element>.stride) { k in
              unsafe Kernels<Element>.residualAndError(
                k * strip..<min(rows, (k + 1) * strip), start, index, value, rowSums: rowSums, factor: factor, m, source, ldx,
                maxima: most, right, ldb, target, ldr, partial + k * 3 * width)
            }
          }
        }
      }
    }
    var (residuals, omega) = ([Double](repeating: 0, count: m), [Double](repeating: 0, count: m))
    for j in 0..<m {
      var (square, first, second) = (0.0, 0.0, 0.0)
      for k in 0..<strips {
        let place = k * 3 * width + j * parts
        square += Double(partial[place])
        first = max(first, Double(partial[place + width]))
        second = max(second, Double(partial[place + 2 * width]))
      }
      (residuals[j], omega[j]) = (square.squareRoot(), first + second)
    }
    return (residuals, omega)
  }

  /// Calls `body` with the compressed rows; a matrix without entries has arrays without addresses, and the kernels then read neither.
  private func withPointers(_ body: (UnsafePointer<Int>, UnsafePointer<Int32>, UnsafePointer<Element>) -> Void) {
    unsafe rowStart.withUnsafeBufferPointer { start in
      unsafe columnIndex.withUnsafeBufferPointer { index in
        unsafe values.withUnsafeBufferPointer { value in
          guard let start = start.baseAddress else { return }
          unsafe body(
            start, index.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped,
            value.baseAddress ?? UnsafePointer(bitPattern: 64).unsafelyUnwrapped)
        }
      }
    }
  }
}
