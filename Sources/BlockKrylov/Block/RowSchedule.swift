/// In which order pieces of A·P can be formed while P is being written piece by piece: a piece of the product as soon as all rows of
/// P that it reads are there, so that they still are in cache.
struct RowSchedule {
  let rows: Int
  /// Rows of a piece; the last may have fewer.
  let size: Int
  /// The first piece of P that each piece of the product reads.
  private let first: [Int32]
  /// The last piece of P that each piece of the product reads, or the piece itself if that comes later.
  private let last: [Int32]
  /// The pieces that become ready with piece k: `ready[start[k] ..< start[k + 1]]`.
  private let start: [Int32]
  private let ready: [Int32]

  /// - Parameter reach: the first and the last row of P that rows i ..< j of the product read.
  init(rows: Int, size: Int, reach: (Range<Int>) -> ClosedRange<Int>) {
    self.rows = rows
    self.size = size
    let count = max(1, (rows + size - 1) / size)
    var (first, last) = ([Int32](), [Int32]())
    var start = [Int32](repeating: 0, count: count + 1)
    for k in 0..<count {
      let reach = reach((k * size)..<min(rows, (k + 1) * size))
      first.append(Int32(reach.lowerBound / size))
      last.append(Int32(max(k, reach.upperBound / size)))
      start[Int(last[k]) + 1] += 1
    }
    for k in 0..<count { start[k + 1] += start[k] }
    var (next, ready) = (start, [Int32](repeating: 0, count: count))
    for k in 0..<count {
      ready[Int(next[Int(last[k])])] = Int32(k)
      next[Int(last[k])] += 1
    }
    (self.first, self.last, self.start, self.ready) = (first, last, start, ready)
  }

  var pieces: Int { first.count }

  private func range(_ piece: Int) -> Range<Int> { (piece * size)..<min(rows, (piece + 1) * size) }

  private func isFormed(_ piece: Int, within own: Range<Int>) -> Bool {
    first[piece] >= own.lowerBound && last[piece] < own.upperBound
  }

  /// Runs `write` on all pieces of P, and `form` on each piece of the product when what it reads is written. Every thread has a range
  /// of pieces; pieces of the product that read rows of another thread follow when all is written.
  func run(bytes: Int, write: (Range<Int>) -> Void, form: (_ piece: Int, _ rows: Range<Int>) -> Void) {
    let threads = min(Parallel.threads(forBytes: bytes), pieces)
    func own(_ thread: Int) -> Range<Int> { (pieces * thread / threads)..<(pieces * (thread + 1) / threads) }
    WorkerPool.shared.run(threads) { thread in
      let own = own(thread)
      for k in own {
        write(range(k))
        for r in start[k]..<start[k + 1] {
          let piece = Int(ready[Int(r)])
          if own.contains(piece), isFormed(piece, within: own) { form(piece, range(piece)) }
        }
      }
    }
    if threads == 1 { return }
    WorkerPool.shared.run(threads) { thread in
      var left = 0
      for other in 0..<threads {
        let own = own(other)
        for piece in own where !isFormed(piece, within: own) {
          if left % threads == thread { form(piece, range(piece)) }
          left += 1
        }
      }
    }
  }
}
