internal import Synchronization

/// Blocks that are kept from one apply to the next, so that applies of the same width allocate once. Safe to share.
final class ScratchBlocks<S: Scalar>: Sendable {
  private let idle = Mutex<[BlockVector<S>]>([])
  /// Blocks beyond this number are given back: no more are in use at a time, but by several threads.
  private static var mostIdle: Int { 4 }

  /// The memory that is held, in bytes.
  var byteCount: Int { idle.withLock { $0.reduce(0) { $0 + $1.storage.byteCount } } }

  /// The memory held after `blocks` at a time of this shape, in bytes.
  func bytesPlanned(rows: Int, columns: Int, blocks: Int = 1) -> Int {
    max(byteCount, blocks * rows * BlockVector<S>.paddedWidth(columns) * MemoryLayout<S>.stride)
  }

  /// Calls `body` with a block of this shape; its numbers mean nothing. Narrower blocks take the memory of wider ones.
  func withBlock(rows: Int, columns: Int, _ body: (inout BlockVector<S>) throws -> Void) rethrows {
    var block = take(rows: rows, columns: columns) ?? BlockVector<S>(rows: rows, columns: columns)
    try body(&block)
    let returned = block
    idle.withLock { idle in
      if idle.count == Self.mostIdle { idle.removeFirst() }
      idle.append(returned)
    }
  }

  /// An idle block of this shape; one that is too small goes.
  private func take(rows: Int, columns: Int) -> BlockVector<S>? {
    idle.withLock { idle in
      if let k = idle.lastIndex(where: { $0.rows == rows && $0.columns == columns }) { return idle.remove(at: k) }
      guard let other = idle.popLast(), other.rows == rows else { return nil }
      return other.recycled(columns: columns)
    }
  }
}
