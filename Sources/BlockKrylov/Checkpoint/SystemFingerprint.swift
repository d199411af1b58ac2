/// What tells one system A·X = B from another: the shape, every bit of B, and the image of one vector under A.
///
/// An operator need not be a matrix, so A is known by what it does; to rounding, since another machine may round otherwise.
struct SystemFingerprint: Sendable, Equatable {
  let rows: Int
  let columns: Int
  let rightHandSides: Int
  /// A checksum of B.
  let b: UInt64
  /// ‖A·w‖₂, max |A·w| and ⟨v, A·w⟩ (both parts) for random v and w.
  let image: [Double]

  /// - Complexity: one product with A for one column, and a pass over B.
  init<Element: Scalar>(_ a: any LinearOperator<Element>, _ b: BlockVector<Element>) throws {
    (rows, columns, rightHandSides) = (a.rows, a.columns, b.columns)
    var checksum = Checksum()
    // Row by row, since what pads them is not B's own.
    let length = b.columns * MemoryLayout<Element>.stride
    unsafe b.withUnsafeElements { elements, stride in
      let bytes = UnsafeRawBufferPointer(elements)
      for i in 0..<b.rows where length > 0 {
        let start = i * stride * MemoryLayout<Element>.stride
        unsafe checksum.add(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + length)]))
      }
    }
    self.b = checksum.value
    var w = BlockVector<Element>(rows: a.columns, columns: 1)
    w.fillRandom(seed: 0xF1)
    var v = BlockVector<Element>(rows: a.rows, columns: 1)
    var y = v
    v.fillRandom(seed: 0xF2)
    try a.apply(to: w, into: &y)
    var dot: [Element] = [0]
    BlockSpace<Element>(p: 1, q: 1, rows: a.rows).columnDots(v, y, into: &dot)
    image = [y.columnNorms()[0], y.columnMaxima()[0], Double(dot[0].realPart), Double(dot[0].imaginaryPart)]
  }

  init(_ reader: inout BinaryReader) throws {
    (rows, columns, rightHandSides) = (try reader.count(), try reader.count(), try reader.count())
    b = try reader.number()
    image = try reader.doubles()
  }

  func write(to writer: BinaryWriter) throws {
    try writer.write(rows)
    try writer.write(columns)
    try writer.write(rightHandSides)
    try writer.write(b)
    try writer.write(image)
  }

  /// How another shape differs, in words; `nil` when it is the same.
  func difference(fromRows otherRows: Int, columns otherColumns: Int, rightHandSides others: Int) -> String? {
    guard (rows, columns) == (otherRows, otherColumns) else {
      return "A was \(rows) × \(columns) and is \(otherRows) × \(otherColumns)"
    }
    return rightHandSides == others ? nil : "B had \(rightHandSides) columns and has \(others)"
  }

  /// How the other system differs, in words; `nil` when it is the same.
  ///
  /// - Parameter unitRoundoff: of the scalars.
  func difference(from other: SystemFingerprint, unitRoundoff: Double) -> String? {
    if let shape = difference(fromRows: other.rows, columns: other.columns, rightHandSides: other.rightHandSides) { return shape }
    guard b == other.b else { return "B has other numbers" }
    let slack = 1e4 * unitRoundoff * (image.first ?? 0)
    for (mine, its) in zip(image, other.image) where !(abs(mine - its) <= slack || mine == its || (mine.isNaN && its.isNaN)) {
      return "A has other entries"
    }
    return nil
  }
}
