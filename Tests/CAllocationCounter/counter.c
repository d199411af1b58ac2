/* The executable's own malloc comes before that of the C library for everything that is linked dynamically, the Swift run-time
 * library and LAPACK included. glibc keeps its allocator reachable under other names; elsewhere there is nothing to count with,
 * and under a sanitizer the allocator is not ours to replace. */
#include "CAllocationCounter.h"

#include <stddef.h>
#if defined(__linux__)
#include <features.h>
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__GLIBC__) && !defined(SANITIZED)
#include <errno.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

/* In the executable's own thread block: reading them never allocates. */
static _Thread_local int64_t count __attribute__((tls_model("initial-exec")));
static _Thread_local int64_t bytes __attribute__((tls_model("initial-exec")));

static void note(size_t size) {
    count++;
    bytes += (int64_t)size;
}

void *malloc(size_t size) {
    note(size);
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    note(number * size);
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    note(size);
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    note(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note(size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
    note(size);
    void *block = __libc_memalign(alignment, size);
    if (!block) return ENOMEM;
    *result = block;
    return 0;
}

int allocation_counter_works(void) { return 1; }
int64_t allocation_count(void) { return count; }
int64_t allocated_bytes(void) { return bytes; }
#else
int allocation_counter_works(void) { return 0; }
int64_t allocation_count(void) { return 0; }
int64_t allocated_bytes(void) { return 0; }
#endif
