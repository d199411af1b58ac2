/* Where threads run: what Swift's view of the C library lacks. */
#if defined(__linux__)
#define _GNU_SOURCE
#include <sched.h>
#endif

#include "CKernels.h"

#if defined(__linux__)

int bk_processor(void) { return sched_getcpu(); }

void bk_move_thread(int processor, int offset) {
    cpu_set_t allowed, one;
    if (processor < 0 || processor >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    const int count = CPU_COUNT(&allowed);
    if (count < 2 || !CPU_ISSET(processor, &allowed)) return;
    int target = processor;
    for (int left = offset % count; left > 0; left--)
        do target = (target + 1) % CPU_SETSIZE; while (!CPU_ISSET(target, &allowed));
    CPU_ZERO(&one);
    CPU_SET(target, &one);
    if (sched_setaffinity(0, sizeof one, &one) == 0) sched_setaffinity(0, sizeof allowed, &allowed);
}

#else

int bk_processor(void) { return -1; }

void bk_move_thread(int processor, int offset) {
    (void)processor;
    (void)offset;
}

#endif
