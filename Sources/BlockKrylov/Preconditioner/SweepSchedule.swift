/// How threads share a triangular sweep: the rows are cut into pieces, and a piece begins when the pieces that its rows read are done.
///
/// Pieces are taken level by level, a piece's level being one more than the highest of those that it reads; each thread has a contiguous
/// share of every level, so that few rows are read across threads. There are no barriers: a thread looks how far the others have come
/// (Park et al., “Sparsifying synchronization for high-performance shared-memory sparse triangular solver”, ISC 2014). A
/// row is computed as it would be alone, so the bits do not depend on the threads.
///
/// Single rows in level order are no gain here, though independent: the rows of a level lie far apart, and a sweep row after row in
/// registers runs nearly as fast as memory delivers.
final class SweepSchedule: Sendable {
  let threads: Int
  /// Where the pieces begin, and behind them the number of rows, in the order of the sweep.
  private let cuts: [Int32]
  /// The pieces of thread t are `pieces[first[t] ..< first[t + 1]]`, in its order.
  private let first: [Int]
  private let pieces: [Int32]
  /// `needs[k·threads + t]`: how many pieces of thread t must be done before piece k of `pieces` begins; 0 where an earlier piece
  /// of the same thread needed as many.
  private let needs: [Int32]
  private let descending: Bool
  private let progress: Progress
  /// Cuts into pieces of about this many rows are compared.
  private static var sizes: [Int] { [32, 64, 128] }
  /// What a level and a piece cost besides their rows, and a row of one cache line, in nanoseconds (measured).
  private static let (levelCost, pieceCost, rowCost) = (100.0, 25.0, 2.5)

  var byteCount: Int { 4 * (cuts.count + pieces.count + needs.count) }

  /// The schedule whose predicted time is least; `nil` where even that one gains less than a fifth.
  ///
  /// - Parameters: the strict triangle in compressed rows, its columns sorted.
  /// - Complexity: O(nnz).
  convenience init?(rowStart: [Int], columnIndex: [Int32], descending: Bool, threads: Int) {
    let rows = rowStart.count - 1
    guard threads > 1, rows > 0 else { return nil }
    let triangle = Triangle(rowStart: rowStart, columnIndex: columnIndex, descending: descending)
    var best: (cost: Double, cuts: [Int32], levels: [Int32])?
    for size in Self.sizes {
      let cuts = triangle.cuts(size: size)
      let levels = triangle.levels(cuts: cuts)
      let cost = Self.nanoseconds(cuts: cuts, levels: levels, threads: threads)
      if cost < best?.cost ?? .infinity { best = (cost, cuts, levels) }
    }
    guard let best, best.cost < 0.8 * Self.rowCost * Double(rows) else { return nil }
    self.init(triangle, cuts: best.cuts, levels: best.levels, threads: threads)
  }

  /// The schedule of pieces that are cut and have their levels.
  init(_ triangle: Triangle, cuts: [Int32], levels: [Int32], threads: Int) {
    (self.threads, self.cuts, descending) = (threads, cuts, triangle.descending)
    progress = Progress(threads: threads)

    // Owner and place of each piece, level by level.
    let count = levels.count
    var lists = [[Int32]](repeating: [], count: threads)
    var (owner, place) = ([Int32](repeating: 0, count: count), [Int32](repeating: 0, count: count))
    for level in Self.byLevel(levels) {
      for (thread, share) in Self.shares(level, cuts: cuts, threads: threads).enumerated() {
        for piece in level[share] {
          (owner[Int(piece)], place[Int(piece)]) = (Int32(thread), Int32(lists[thread].count))
          lists[thread].append(piece)
        }
      }
    }
    pieces = lists.flatMap { $0 }
    var first = [0]
    for list in lists { first.append(first[first.count - 1] + list.count) }
    self.first = first

    var needs = [Int32](repeating: 0, count: count * threads)
    let pieceOf = triangle.pieceOfRow(cuts: cuts)
    for thread in 0..<threads {
      var known = [Int32](repeating: 0, count: threads)
      for k in first[thread]..<first[thread + 1] {
        triangle.forEachRead(of: Int(pieces[k]), cuts: cuts) { row in
          let other = Int(pieceOf[row])
          let t = Int(owner[other])
          if t != thread, place[other] + 1 > known[t] {
            known[t] = place[other] + 1
            needs[k * threads + t] = known[t]
          }
        }
      }
    }
    self.needs = needs
  }

  /// The pieces of each level.
  private static func byLevel(_ levels: [Int32]) -> [[Int32]] {
    var result: [[Int32]] = []
    for (piece, level) in levels.enumerated() {
      while result.count <= Int(level) { result.append([]) }
      result[Int(level)].append(Int32(piece))
    }
    return result
  }

  /// The level cut into a range for each thread, of nearly equal numbers of rows.
  private static func shares(_ level: [Int32], cuts: [Int32], threads: Int) -> [Range<Int>] {
    let rows = level.reduce(0) { $0 + Int(cuts[Int($1) + 1] - cuts[Int($1)]) }
    var (result, begin, done) = ([Range<Int>](), 0, 0)
    for thread in 0..<threads {
      var end = begin
      let goal = rows * (thread + 1) / threads
      while end < level.count, thread == threads - 1 || done < goal {
        done += Int(cuts[Int(level[end]) + 1] - cuts[Int(level[end])])
        end += 1
      }
      result.append(begin..<end)
      begin = end
    }
    return result
  }

  /// What a sweep takes when each level takes as long as its slowest thread.
  private static func nanoseconds(cuts: [Int32], levels: [Int32], threads: Int) -> Double {
    var sum = 0.0
    for level in byLevel(levels) {
      let rows = shares(level, cuts: cuts, threads: threads).map { share in
        level[share].reduce(0) { $0 + Int(cuts[Int($1) + 1] - cuts[Int($1)]) }
      }
      let most = (level.count + threads - 1) / threads
      sum += Double(rows.max() ?? 0) * rowCost + levelCost + Double(most) * pieceCost
    }
    return sum
  }

  /// Calls `body` with all pieces' rows, each when those that it reads are done; false, and nothing is called, where there are not
  /// enough threads to wait for each other.
  func run(_ body: (Range<Int>) -> Void) -> Bool {
    let rows = Int(cuts[cuts.count - 1])
    return WorkerPool.shared.runTogether(threads, after: progress.reset) { thread in
      unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: threads) { seen in
        for t in 0..<threads { unsafe seen[t] = 0 }
        for k in first[thread]..<first[thread + 1] {
          for t in 0..<threads where unsafe needs[k * threads + t] > seen[t] {
            unsafe seen[t] = progress.wait(for: t, toReach: needs[k * threads + t])
          }
          let (begin, end) = (Int(cuts[Int(pieces[k])]), Int(cuts[Int(pieces[k]) + 1]))
          body(descending ? (rows - end)..<(rows - begin) : begin..<end)
          progress.advance(thread, to: Int32(k - first[thread] + 1))
        }
      }
    }
  }
}

extension SweepSchedule {
  /// A strict triangle as the schedule sees it: rows are numbered in the order of the sweep.
  struct Triangle {
    let rowStart: [Int]
    let columnIndex: [Int32]
    let descending: Bool

    var rows: Int { rowStart.count - 1 }

    /// Whether a row reads the one before it.
    private func readsRowBefore(_ i: Int) -> Bool {
      let row = descending ? rows - 1 - i : i
      let (from, to) = (rowStart[row], rowStart[row + 1])
      guard from < to else { return false }
      return descending ? Int(columnIndex[from]) == row + 1 : Int(columnIndex[to - 1]) == row - 1
    }

    /// Where pieces of about `size` rows begin, and the number of rows. Runs of rows that each read the one before, the lines of a grid,
    /// are joined if they are short, and cut into equal parts if they are long: cuts elsewhere would chain the lines together.
    func cuts(size: Int) -> [Int32] {
      var (result, begin) = ([Int32(0)], 0)
      func cut(to end: Int) {
        let parts = max(1, (end - begin) / size)
        for part in 1...parts { result.append(Int32(begin + (end - begin) * part / parts)) }
        begin = end
      }
      for i in 1..<max(rows, 1) where i - begin >= size && !readsRowBefore(i) { cut(to: i) }
      if begin < rows { cut(to: rows) }
      return result
    }

    func pieceOfRow(cuts: [Int32]) -> [Int32] {
      var result = [Int32](repeating: 0, count: rows)
      for piece in 0..<(cuts.count - 1) {
        for i in Int(cuts[piece])..<Int(cuts[piece + 1]) { result[i] = Int32(piece) }
      }
      return result
    }

    /// The rows before the piece that its rows read.
    @inline(__always)
    func forEachRead(of piece: Int, cuts: [Int32], _ body: (Int) -> Void) {
      let (begin, end) = (Int(cuts[piece]), Int(cuts[piece + 1]))
      for i in begin..<end {
        let row = descending ? rows - 1 - i : i
        for k in rowStart[row]..<rowStart[row + 1] {
          let read = descending ? rows - 1 - Int(columnIndex[k]) : Int(columnIndex[k])
          if read < begin { body(read) }
        }
      }
    }

    /// Each piece's level.
    func levels(cuts: [Int32]) -> [Int32] {
      let pieceOf = pieceOfRow(cuts: cuts)
      var levels = [Int32](repeating: 0, count: cuts.count - 1)
      for piece in levels.indices {
        var level: Int32 = 0
        forEachRead(of: piece, cuts: cuts) { level = max(level, levels[Int(pieceOf[$0])] + 1) }
        levels[piece] = level
      }
      return levels
    }
  }
}
