internal import BlockKrylov
internal import Synchronization

/// Memory for panels, kept from solve to solve: to take it from the system anew costs as much as a sweep over sparse factors.
final class PanelMemory: Sendable {
  private let idle = Mutex<[ZeroedMemory]>([])

  deinit { idle.withLock { for memory in $0 { memory.free() } } }

  /// The memory that waits for the next solve, in bytes.
  var idleBytes: Int { idle.withLock { $0.reduce(0) { $0 + $1.byteCount } } }

  /// Calls `body` with memory for so many doubles, whatever they are.
  func with(_ doubles: Int, _ body: (UnsafeMutablePointer<Double>) -> Void) {
    let memory = take(byteCount: doubles * MemoryLayout<Double>.stride)
    unsafe body(memory.base.bindMemory(to: Double.self, capacity: doubles))
    idle.withLock { $0.append(memory) }
  }

  /// What is too small makes room for what is needed, so that there are never more than were in use at once.
  private func take(byteCount: Int) -> ZeroedMemory {
    let found = idle.withLock { idle -> ZeroedMemory? in
      if let k = idle.firstIndex(where: { $0.byteCount >= byteCount }) { return idle.remove(at: k) }
      idle.popLast()?.free()
      return nil
    }
    return found ?? ZeroedMemory(byteCount: byteCount)
  }
}
