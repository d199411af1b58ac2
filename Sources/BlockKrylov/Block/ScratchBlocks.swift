internal import Synchronization

/// Blocks that are kept from one apply to the next, so that applies of the same width allocate once. Safe to share.
final class ScratchBlocks<S: Scalar>: Sendable {
  private let idle = Mutex<[BlockVector<S>]>([])
  /// Blocks beyond this number are given back: more widths than this are not used in turn.
  private static var mostIdle: Int { 4 }

  var byteCount: Int { idle.withLock { $0.reduce(0) { $0 + $1.byteCount } } }

  /// Calls `body` with a block of this shape; its numbers mean nothing.
  func withBlock(rows: Int, columns: Int, _ body: (inout BlockVector<S>) throws -> Void) rethrows {
    let kept = idle.withLock { idle in
      idle.firstIndex { $0.rows == rows && $0.columns == columns }.map { idle.remove(at: $0) }
    }
    var block = kept ?? BlockVector<S>(rows: rows, columns: columns)
    try body(&block)
    let returned = block
    idle.withLock { idle in
      if idle.count == Self.mostIdle { idle.removeFirst() }
      idle.append(returned)
    }
  }
}
