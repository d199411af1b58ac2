#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// The memory of this machine, in bytes: what a solver may plan with where the caller sets no limit.
package let installedMemory: Int = max(1, sysconf(Int32(_SC_PHYS_PAGES))) * max(1, sysconf(Int32(_SC_PAGESIZE)))

/// The bytes of the last cache before memory; 32 MiB where the system does not say.
package let lastLevelCache: Int = {
  #if canImport(Glibc)
    let size = max(sysconf(Int32(_SC_LEVEL3_CACHE_SIZE)), sysconf(Int32(_SC_LEVEL2_CACHE_SIZE)))
    if size > 0 { return size }
  #endif
  return 32 << 20
}()
