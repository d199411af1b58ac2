#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// The memory of this machine, in bytes: what a solver may plan with where the caller sets no limit.
package let installedMemory: Int = max(1, sysconf(Int32(_SC_PHYS_PAGES))) * max(1, sysconf(Int32(_SC_PAGESIZE)))

/// The bytes of cache that the work of a few threads may count on before it waits for memory. Systems tell the sum of all last-level
/// caches of a processor with several of them, of which one core has only its own: 32 MiB at the most.
package let lastLevelCache: Int = {
  #if canImport(Glibc)
    let size = max(sysconf(Int32(_SC_LEVEL3_CACHE_SIZE)), sysconf(Int32(_SC_LEVEL2_CACHE_SIZE)))
    if size > 0 { return min(size, 32 << 20) }
  #endif
  return 32 << 20
}()

/// The cache that work is cut to fit into, which tests make small.
package enum CacheSize {
  @TaskLocal package static var lastLevel = lastLevelCache
}
