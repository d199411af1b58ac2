/// A fixed number of scalars, 64-byte aligned and zero at first: the memory of blocks and of scratch space.
@safe final class AlignedStorage<Element: Scalar>: @unchecked Sendable {
  // Unchecked: writing is guarded by the value semantics of `BlockVector` or by the workspace that owns the storage.
  let base: UnsafeMutablePointer<Element>
  let count: Int

  init(count: Int) {
    self.count = count
    let bytes = max(count, 1) * MemoryLayout<Element>.stride
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    unsafe raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    // All-zero bytes are the number 0 in each of the four scalar types.
    unsafe base = raw.bindMemory(to: Element.self, capacity: max(count, 1))
  }

  deinit { unsafe UnsafeMutableRawPointer(base).deallocate() }

  var byteCount: Int { count * MemoryLayout<Element>.stride }
}
