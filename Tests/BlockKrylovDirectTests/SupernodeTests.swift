import BlockKrylov
import CDirectKernels
import Testing

@testable import BlockKrylovDirect

extension LowerRows {
  /// A matrix from arrays.
  fileprivate convenience init(order: Int, isComplex: Bool, start: [Int], column: [Int], value: [Double]) {
    unsafe self.init(order: order, isComplex: isComplex, count: column.count) { starts, columns, values in
      starts = start
      for (k, j) in column.enumerated() { unsafe columns[k] = j }
      for (k, number) in value.enumerated() { unsafe values[k] = number }
    }
  }
}

/// A lower triangular matrix with entries at random places and a dominant diagonal, dense and by columns.
private struct RandomTriangle {
  let order: Int
  var dense: [[Complex64]]
  var columns: LowerColumns
  let rows: LowerRows

  struct Complex64 { var re = 0.0, im = 0.0 }

  init(order: Int, isComplex: Bool, density: Double, band: Int, seed: UInt64) {
    var places = SplitMix(seed &+ 1000)
    self.init(order: order, isComplex: isComplex, seed: seed) { i, j in
      i - j <= band || Double.random(in: 0...1, using: &places) < density
    }
  }

  init(order: Int, isComplex: Bool, seed: UInt64, where isStored: (_ i: Int, _ j: Int) -> Bool) {
    var random = SplitMix(seed)
    self.order = order
    dense = (0..<order).map { i in
      (0..<order).map { j in
        if i == j { return Complex64(re: 2 + Double.random(in: 0...1, using: &random), im: isComplex ? 0.5 : 0) }
        guard i > j, isStored(i, j) else { return Complex64() }
        return Complex64(
          re: Double.random(in: -1...1, using: &random) / 8, im: isComplex ? Double.random(in: -1...1, using: &random) / 8 : 0)
      }
    }
    var (start, column, value) = ([0], [Int](), [Double]())
    for i in 0..<order {
      for j in 0...i where dense[i][j].re != 0 {
        column.append(j)
        value.append(dense[i][j].re)
        if isComplex { value.append(dense[i][j].im) }
      }
      start.append(column.count)
    }
    rows = LowerRows(order: order, isComplex: isComplex, start: start, column: column, value: value)
    columns = LowerColumns(order: order, isComplex: isComplex, rowStart: start, column: column, value: value)
  }

  /// T·y, Tᵀ·y, or the same with conj(T), entry by entry; y holds `width` doubles in a row.
  func product(_ y: [Double], width: Int, transposed: Bool, conjugate: Bool, unit: Bool) -> [Double] {
    let parts = columns.parts
    var result = [Double](repeating: 0, count: y.count)
    for i in 0..<order {
      for j in 0..<order {
        var t = transposed ? dense[j][i] : dense[i][j]
        if unit, i == j { t = Complex64(re: 1) }
        if conjugate { t.im = -t.im }
        for c in stride(from: 0, to: width, by: parts) {
          let (re, im) = (y[j * width + c], parts == 2 ? y[j * width + c + 1] : 0)
          result[i * width + c] += t.re * re - t.im * im
          if parts == 2 { result[i * width + c + 1] += t.re * im + t.im * re }
        }
      }
    }
    return result
  }
}

extension SupernodalTriangle {
  /// The panel after a sweep.
  fileprivate func swept(_ panel: [Double], width: Int, transposed: Bool, conjugate: Bool) -> [Double] {
    var result = panel
    unsafe result.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      if transposed {
        unsafe backward(base, width: width, conjugate: conjugate)
      } else {
        unsafe forward(base, width: width, conjugate: conjugate)
      }
    }
    return result
  }
}

@Suite struct SupernodeTests {
  @Test func aDenseTriangleIsCutIntoSupernodesOfTheLargestWidth() {
    let n = 150
    let start = (0...n).map { j in j * (n - 1) - j * (j - 1) / 2 }
    let rows = (0..<n).flatMap { j in (j + 1..<n).map { Int32($0) } }
    let nodes = Supernodes(order: n, start: start, row: rows)
    #expect(nodes.first == [0, 64, 128, 150])
    #expect(nodes.storedNumbers == 64 * 150 + 64 * 86 + 22 * 22)
    #expect(Array(nodes.list[nodes.listStart[1]..<nodes.listStart[2]]) == (128..<150).map { Int32($0) })
  }

  @Test func unrelatedColumnsStayApart() {
    // Columns 0 and 1 are both children of 2.
    let nodes = Supernodes(order: 3, start: [0, 1, 2, 2], row: [2, 2])
    #expect(nodes.first.count >= 3 && nodes.first[1] == 1)
    let diagonal = Supernodes(order: 4, start: [0, 0, 0, 0, 0], row: [])
    #expect(diagonal.first == [0, 1, 2, 3, 4] && diagonal.storedNumbers == 4)
    #expect(Supernodes(order: 0, start: [0], row: []).count == 0)
  }

  @Test func everyEntryHasAPlaceAndZerosAreFew() {
    for seed in 1...6 {
      let triangle = RandomTriangle(
        order: 120, isComplex: false, density: 0.02 * Double(seed), band: seed % 3, seed: UInt64(seed))
      let (nodes, columns) = (Supernodes(triangle.columns), triangle.columns)
      for s in 0..<nodes.count {
        let (low, high) = (Int(nodes.first[s]), Int(nodes.first[s + 1]))
        let list = Array(nodes.list[nodes.listStart[s]..<nodes.listStart[s + 1]])
        var used = Set<Int32>()
        var nonzeros = high - low
        for j in low..<high {
          let rows = columns.row[columns.start[j]..<columns.start[j + 1]]
          nonzeros += rows.count
          used.formUnion(rows.filter { Int($0) >= high })
        }
        #expect(list == used.sorted())
        #expect(high - low <= Supernodes.mostColumns)
        let (width, stored) = (high - low, list.count * (high - low) + (high - low) * (high - low + 1) / 2)
        #expect(width <= Supernodes.fewColumns || Double(stored - nonzeros) <= Supernodes.mostZeros * Double(stored))
      }
    }
  }

  /// Some columns of a panel as a panel.
  private static func columns(of panel: [Double], _ range: Range<Int>, width: Int = 32) -> [Double] {
    stride(from: 0, to: panel.count, by: width).flatMap { row in range.map { panel[row + $0] } }
  }

  /// Sweeps of T⁻¹ and T⁻ᵀ undo products for every width of a panel, alone and beside others with the same bits.
  @Test(arguments: [false, true]) func sweepsInvertProducts(isComplex: Bool) {
    for (order, band, density) in [(1, 0, 0.0), (7, 7, 1.0), (90, 1, 0.05), (200, 70, 0.3)] {
      let triangle = RandomTriangle(order: order, isComplex: isComplex, density: density, band: band, seed: UInt64(order))
      for unit in [false, true] {
        let factor = SupernodalTriangle(triangle.columns, diagonal: unit ? .unit : .stored)
        var random = SplitMix(3)
        let widest = (0..<order * 32).map { _ in Double.random(in: -1...1, using: &random) }
        for (transposed, conjugate) in [(false, false), (true, false), (false, true), (true, true)] where isComplex || !conjugate
        {
          let image = triangle.product(widest, width: 32, transposed: transposed, conjugate: conjugate, unit: unit)
          var columns: [[Double]] = []
          for width in [32, 24, 16, 8, 4, 2, 1] where width >= factor.parts {
            let panel = factor.swept(
              Self.columns(of: image, 0..<width), width: width, transposed: transposed, conjugate: conjugate)
            let wanted = Self.columns(of: widest, 0..<width)
            let error = zip(panel, wanted).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(error < 1e-11, "order \(order), width \(width)")
            columns.append(Self.columns(of: panel, 0..<factor.parts, width: width))
          }
          #expect(Set(columns).count == 1, "the first column has other bits in another panel")
        }
      }
    }
  }

  /// A factor from rows has the numbers of one from columns, also with the supernodes of another factor that has places for them; where
  /// an entry has none there is no factor.
  @Test(arguments: [false, true]) func rowsMakeTheSameFactor(isComplex: Bool) throws {
    for (order, band, density) in [(1, 0, 0.0), (7, 7, 1.0), (90, 1, 0.05), (200, 70, 0.3)] {
      let triangle = RandomTriangle(order: order, isComplex: isComplex, density: density, band: band, seed: UInt64(order))
      for diagonal in [SupernodalTriangle.Diagonal.unit, .stored] {
        let factor = SupernodalTriangle(triangle.columns, diagonal: diagonal)
        let fromRows = SupernodalTriangle(triangle.rows, diagonal: diagonal)
        let again = try #require(SupernodalTriangle(triangle.rows, diagonal: diagonal, like: fromRows))
        let count = factor.supernodes.storedNumbers * factor.parts
        #expect(fromRows.supernodes == factor.supernodes && again.supernodes == factor.supernodes)
        let numbers = [factor, fromRows, again].map { triangle in
          unsafe triangle.withValues { unsafe Array(UnsafeBufferPointer(start: $0, count: count)) }
        }
        #expect(numbers[0] == numbers[1] && numbers[0] == numbers[2])
      }
      #expect(triangle.rows.diagonal == triangle.columns.diagonal)
      let sparse = LowerRows(
        order: order, isComplex: isComplex, start: Array(0...order), column: Array(0..<order),
        value: triangle.columns.diagonal)
      let narrow = SupernodalTriangle(sparse, diagonal: .stored)
      let fits = SupernodalTriangle(triangle.rows, diagonal: .stored, like: narrow) != nil
      #expect(fits == triangle.columns.row.isEmpty)
      // Fewer entries find their places among more.
      #expect(SupernodalTriangle(sparse, diagonal: .stored, like: SupernodalTriangle(triangle.rows, diagonal: .stored)) != nil)
    }
  }

  @Test func offsetsPass31Bits() {
    var offsets = Supernodes.Offsets()
    for _ in 0..<2000 { offsets.append(width: 64, rows: 60_000) }
    #expect(offsets.value == 2000 * 64 * 60_064 && offsets.value > 3 * (1 << 31))
    #expect(offsets.list == 120_000_000)
  }

  /// The kernels find numbers and rows that begin 2³³ places behind the base of their arrays.
  @Test func sweepsReachBeyond31Bits() {
    let shift = 1 << 33
    let triangle = RandomTriangle(order: 40, isComplex: false, density: 0.2, band: 2, seed: 9)
    let nodes = Supernodes(triangle.columns)
    let factor = SupernodalTriangle(triangle.columns, diagonal: .stored)
    let right = (0..<40 * 8).map { Double($0 % 17) }
    let once = factor.swept(right, width: 8, transposed: false, conjugate: false)
    let near = factor.swept(once, width: 8, transposed: true, conjugate: false)
    var far = right
    let listStart = nodes.listStart.map { Int64($0 + shift) }
    let valueStart = nodes.valueStart.map { Int64($0 + shift) }
    unsafe factor.withValues { values in
      unsafe nodes.list.withUnsafeBufferPointer { list in
        unsafe far.withUnsafeMutableBufferPointer { buffer in
          guard let list = list.baseAddress, let panel = buffer.baseAddress else { return }
          unsafe nodes.first.withUnsafeBufferPointer { first in
            unsafe listStart.withUnsafeBufferPointer { listStart in
              unsafe valueStart.withUnsafeBufferPointer { valueStart in
                var t = unsafe bkd_triangle(
                  first: first.baseAddress, list_start: listStart.baseAddress, value_start: valueStart.baseAddress,
                  list: list - shift, value: values - shift, single: 0)
                unsafe bkd_forward(0, &t, nil, 0, Int64(nodes.count), 0, panel, 8, 8)
                unsafe bkd_backward(0, &t, nil, 0, Int64(nodes.count), 0, panel, 8, 8)
              }
            }
          }
        }
      }
    }
    #expect(near == far)
  }

  /// The kernels find rows of a panel 2³⁴ bytes and more behind its base, and numbers in single precision.
  @Test(arguments: [false, true]) func panelsReachBeyond31Bits(single: Bool) throws {
    let (shift, width) = (1 << 30, 8)
    let triangle = RandomTriangle(order: 40, isComplex: false, density: 0.2, band: 2, seed: 9)
    let nodes = Supernodes(triangle.columns)
    let double = SupernodalTriangle(triangle.columns, diagonal: .stored)
    let factor = single ? try #require(SupernodalTriangle(rounding: double)) : double
    let right = (0..<40 * width).map { Double($0 % 17) }
    let once = factor.swept(right, width: width, transposed: false, conjugate: false)
    let near = factor.swept(once, width: width, transposed: true, conjugate: false)
    var far = right
    let (first, list) = (nodes.first.map { $0 + Int32(shift) }, nodes.list.map { $0 + Int32(shift) })
    let (listStart, valueStart) = (nodes.listStart.map { Int64($0) }, nodes.valueStart.map { Int64($0) })
    unsafe factor.withStored { values in
      unsafe far.withUnsafeMutableBufferPointer { buffer in
        guard let panel = buffer.baseAddress else { return }
        unsafe first.withUnsafeBufferPointer { first in
          unsafe list.withUnsafeBufferPointer { list in
            unsafe listStart.withUnsafeBufferPointer { listStart in
              unsafe valueStart.withUnsafeBufferPointer { valueStart in
                var t = unsafe bkd_triangle(
                  first: first.baseAddress, list_start: listStart.baseAddress, value_start: valueStart.baseAddress,
                  list: list.baseAddress, value: values, single: single ? 1 : 0)
                unsafe bkd_forward(0, &t, nil, 0, Int64(nodes.count), 0, panel - shift * width, Int64(width), Int64(width))
                unsafe bkd_backward(0, &t, nil, 0, Int64(nodes.count), 0, panel - shift * width, Int64(width), Int64(width))
              }
            }
          }
        }
      }
    }
    #expect(near == far)
  }

  /// A triangle whose elimination tree is binary: separators of a chain of 2^levels − 1 rows, ordered by nested dissection.
  private static func dissected(_ levels: Int, isComplex: Bool) -> RandomTriangle {
    RandomTriangle(order: (1 << levels) - 1, isComplex: isComplex, seed: 12) { i, j in
      // In postorder the subtree of row i has the rows up to i from i − size + 1; a row reaches all its ancestors.
      var (low, high) = (0, (1 << levels) - 2)
      while high > low {
        if i == high { return low <= j }
        let middle = (low + high) / 2 - 1
        if i <= middle { high = middle } else { (low, high) = (middle + 1, high - 1) }
      }
      return i == j
    }
  }

  @Test(arguments: [false, true]) func binsOfSubtreesGiveTheWholeSweep(isComplex: Bool) throws {
    let triangle = Self.dissected(7, isComplex: isComplex)
    let factor = SupernodalTriangle(triangle.columns, diagonal: .stored, leastWork: 0)
    let (nodes, subtrees) = (factor.supernodes, try #require(factor.subtrees))
    #expect(subtrees.count > 1 && subtrees.order.sorted() == (0..<nodes.count).map { Int32($0) })
    // No row that a bin reaches belongs to another bin.
    var home = [Int](repeating: -1, count: factor.order)
    for bin in 0..<subtrees.count {
      for s in subtrees.order[subtrees.bin(bin)] {
        for row in nodes.first[Int(s)]..<nodes.first[Int(s) + 1] { home[Int(row)] = bin }
      }
    }
    for bin in 0..<subtrees.count {
      for s in subtrees.order[subtrees.bin(bin)] {
        for k in nodes.listStart[Int(s)]..<nodes.listStart[Int(s) + 1] { #expect([bin, -1].contains(home[Int(nodes.list[k])])) }
      }
    }
    var random = SplitMix(4)
    for width in [32, 8, 2] {
      let panel = (0..<factor.order * width).map { _ in Double.random(in: -1...1, using: &random) }
      for conjugate in [false, true] where isComplex || !conjugate {
        let wanted = factor.swept(
          factor.swept(panel, width: width, transposed: false, conjugate: conjugate), width: width, transposed: true,
          conjugate: conjugate)
        var shared = panel + [Double](repeating: .nan, count: (factor.panelRows - factor.order) * width)
        unsafe shared.withUnsafeMutableBufferPointer { buffer in
          guard let base = buffer.baseAddress else { return }
          let halves = width > 8 ? [0..<8, 8..<width] : [0..<width]
          // In any order of the bins.
          for bin in (0..<factor.bins).reversed() { unsafe factor.forward(bin: bin, base, width: width, conjugate: conjugate) }
          for half in halves { unsafe factor.forwardAbove(base, width: width, columns: half, conjugate: conjugate) }
          for half in halves { unsafe factor.backwardAbove(base, width: width, columns: half, conjugate: conjugate) }
          for bin in 0..<factor.bins { unsafe factor.backward(bin: bin, base, width: width, conjugate: conjugate) }
        }
        for (a, b) in zip(shared, wanted) { #expect(abs(a - b) < 1e-12) }
      }
    }
  }

  @Test func aChainAndADiagonalHaveNoSubtreesToShare() {
    let chain = Supernodes(order: 400, start: (0...400).map { min($0, 399) }, row: (1..<400).map { Int32($0) })
    #expect(Subtrees(chain, leastWork: 0) == nil)
    #expect(Subtrees(Supernodes(order: 0, start: [0], row: []), leastWork: 0) == nil)
    // An arrow: what is above is a single row, which every bin reaches.
    let arrow = Supernodes(order: 400, start: (0...400).map { min($0, 399) }, row: [Int32](repeating: 399, count: 399))
    let subtrees = Subtrees(arrow, leastWork: 0)
    #expect(subtrees?.count == 8 && subtrees?.spill.allSatisfy { $0 == 399 } == true)
  }
}
