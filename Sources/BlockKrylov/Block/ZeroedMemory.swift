internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// Memory that is zero at first and 64-byte aligned; its owner frees it.
///
/// On Linux what is large comes from the system in huge pages. malloc gives blocks of 32 MB and more back when they are freed, and each new
/// one is then touched 4 KB at a time: 20 ms for 46 MB, and 3 ms in huge pages (measured), which spare address translations as well. Such
/// pages are zero when they are first touched, by whichever thread does it, and cost nothing before.
@safe package struct ZeroedMemory {
  /// The first byte.
  package let base: UnsafeMutableRawPointer
  private let mapping: UnsafeMutableRawPointer?
  private let mappedBytes: Int

  private static var largeBytes: Int { 4 << 20 }
  private static var hugePage: Int { 2 << 20 }
  /// Large blocks begin at different places of their pages, so that equal rows of several do not fall into the same sets of a cache.
  private static var color: Int { 4608 }
  private static let colors = Atomic<Int>(0)

  /// Memory of so many bytes, at least one.
  package init(byteCount: Int) {
    #if os(Linux)
      if byteCount >= Self.largeBytes {
        let length = (byteCount + 7 * Self.color + 2 * Self.hugePage - 1) / Self.hugePage * Self.hugePage
        let start = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if let start = unsafe start, unsafe start != MAP_FAILED {
          unsafe _ = madvise(start, length, Int32(MADV_HUGEPAGE))
          let aligned = unsafe start.alignedUp(toMultipleOf: Self.hugePage)
          let color = Self.colors.wrappingAdd(1, ordering: .relaxed).oldValue & 7
          unsafe (base, mapping, mappedBytes) = (aligned + color * Self.color, start, length)
          return
        }
      }
    #endif
    unsafe base = .allocate(byteCount: max(byteCount, 1), alignment: 64)
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: max(byteCount, 1))
    unsafe (mapping, mappedBytes) = (nil, 0)
  }

  /// Gives the memory back.
  package func free() {
    #if os(Linux)
      if let mapping = unsafe mapping {
        unsafe _ = munmap(mapping, mappedBytes)
        return
      }
    #endif
    unsafe base.deallocate()
  }
}
