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
extern void __libc_free(void *);
extern size_t malloc_usable_size(void *);

/* In the executable's own thread block: reading them never allocates. */
static _Thread_local int64_t count __attribute__((tls_model("initial-exec")));
static _Thread_local int64_t bytes __attribute__((tls_model("initial-exec")));

static _Thread_local int64_t live __attribute__((tls_model("initial-exec")));
static _Thread_local int64_t peak __attribute__((tls_model("initial-exec")));

static void note(size_t size) {
    count++;
    bytes += (int64_t)size;
}

static void *taken(void *block) {
    live += (int64_t)malloc_usable_size(block);
    if (live > peak) peak = live;
    return block;
}

void *malloc(size_t size) {
    note(size);
    return taken(__libc_malloc(size));
}

void *calloc(size_t number, size_t size) {
    note(number * size);
    return taken(__libc_calloc(number, size));
}

void *realloc(void *old, size_t size) {
    note(size);
    size_t before = malloc_usable_size(old);
    void *block = __libc_realloc(old, size);
    if (block || size == 0) live -= (int64_t)before;
    return taken(block);
}

void *memalign(size_t alignment, size_t size) {
    note(size);
    return taken(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size) {
    note(size);
    return taken(__libc_memalign(alignment, size));
}

void free(void *block) {
    live -= (int64_t)malloc_usable_size(block);
    __libc_free(block);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
    note(size);
    void *block = __libc_memalign(alignment, size);
    if (!block) return ENOMEM;
    *result = taken(block);
    return 0;
}

int allocation_counter_works(void) { return 1; }
int64_t allocation_count(void) { return count; }
int64_t allocated_bytes(void) { return bytes; }
int64_t allocated_live(void) { return live; }
int64_t allocated_peak(void) { return peak; }
void allocated_peak_reset(void) { peak = live; }
#else
int allocation_counter_works(void) { return 0; }
int64_t allocation_count(void) { return 0; }
int64_t allocated_bytes(void) { return 0; }
int64_t allocated_live(void) { return 0; }
int64_t allocated_peak(void) { return 0; }
void allocated_peak_reset(void) {}
#endif
