/// A fixed number of scalars, 64-byte aligned and zero at first: the memory of blocks and of scratch space.
@safe final class AlignedStorage<Element: Scalar>: @unchecked Sendable {
  // Unchecked: writing is guarded by the value semantics of `BlockVector` or by the workspace that owns the storage.
  let base: UnsafeMutablePointer<Element>
  let count: Int
  private let memory: ZeroedMemory

  init(count: Int) {
    self.count = count
    // All-zero bytes are the number 0 in each of the four scalar types.
    memory = ZeroedMemory(byteCount: max(count, 1) * MemoryLayout<Element>.stride)
    unsafe base = memory.base.bindMemory(to: Element.self, capacity: max(count, 1))
  }

  deinit { memory.free() }

  var byteCount: Int { count * MemoryLayout<Element>.stride }
}
