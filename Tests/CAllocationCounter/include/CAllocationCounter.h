/* Counts what each thread allocates, so that tests can hold a loop to allocating nothing. For test executables only. */
#ifndef CALLOCATIONCOUNTER_H
#define CALLOCATIONCOUNTER_H
#include <stdint.h>

/* Whether this platform lets an executable stand in for malloc and its kin; the other functions return 0 if not. */
int allocation_counter_works(void);

/* How often the calling thread has called malloc, calloc, realloc, posix_memalign, aligned_alloc or memalign, and for how
 * many bytes in all. */
int64_t allocation_count(void);
int64_t allocated_bytes(void);

/* The bytes that the calling thread has allocated and not freed, less what it has freed for others, and the most of that since the last
 * reset. */
int64_t allocated_live(void);
int64_t allocated_peak(void);
void allocated_peak_reset(void);
#endif
