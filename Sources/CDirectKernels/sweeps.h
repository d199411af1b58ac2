/* All sweeps over factors stored as STORED for one instruction set: STORED, VARIANT, which ends their names, FULL (the doubles in a vector)
 * and REGISTERS are defined by the includer.
 *
 * A chunk is what a panel's columns are worked on at a time: up to CHUNK full vectors, so that a tile's sums fit the registers;
 * panels narrower than a full vector take shorter ones. */
#define SWEEP(name, parts, lanes, vectors) PASTE5(name, parts, lanes, vectors, VARIANT)

#define PARTS 1
#define VECTORS 1
#define LANES 1
#include "supernode.h"
#undef LANES
#define LANES 2
#include "supernode.h"
#undef LANES
#if FULL >= 4
#define LANES 4
#include "supernode.h"
#undef LANES
#endif
#if FULL >= 8
#define LANES 8
#include "supernode.h"
#undef LANES
#endif
#undef VECTORS
#define LANES FULL_LANES
#define VECTORS 2
#include "supernode.h"
#undef VECTORS
#if REGISTERS == 32
#define VECTORS 3
#include "supernode.h"
#undef VECTORS
#define VECTORS 4
#include "supernode.h"
#undef VECTORS
#endif
#undef LANES
#undef PARTS

#define PARTS 2
#define VECTORS 1
#define LANES 2
#include "supernode.h"
#undef LANES
#if FULL >= 4
#define LANES 4
#include "supernode.h"
#undef LANES
#endif
#if FULL >= 8
#define LANES 8
#include "supernode.h"
#undef LANES
#endif
#undef VECTORS
#if REGISTERS == 32
#define LANES FULL_LANES
#define VECTORS 2
#include "supernode.h"
#undef VECTORS
#undef LANES
#endif
#undef PARTS

#if REGISTERS == 32
#define CHOICES_32(name)                                                                  \
    if (parts == 1 && left >= 4 * FULL) return taken(4 * FULL, SWEEP(name, 1, FULL_LANES, 4)); \
    if (parts == 1 && left >= 3 * FULL) return taken(3 * FULL, SWEEP(name, 1, FULL_LANES, 3)); \
    if (parts == 2 && left >= 2 * FULL) return taken(2 * FULL, SWEEP(name, 2, FULL_LANES, 2));
#else
#define CHOICES_32(name)
#endif
#if FULL >= 8
#define CHOICES_8(name) \
    if (left >= 8) return taken(8, parts == 1 ? SWEEP(name, 1, 8, 1) : SWEEP(name, 2, 8, 1));
#else
#define CHOICES_8(name)
#endif
#if FULL >= 4
#define CHOICES_4(name) \
    if (left >= 4) return taken(4, parts == 1 ? SWEEP(name, 1, 4, 1) : SWEEP(name, 2, 4, 1));
#else
#define CHOICES_4(name)
#endif

/* The sweep for the widest chunk that `left` doubles hold. */
#define CHOICE(name)                                                                                                 \
    static struct choice PASTE3(name, chosen, VARIANT)(int parts, int64_t left) {                                       \
        CHOICES_32(name)                                                                                            \
        if (parts == 1 && left >= 2 * FULL) return taken(2 * FULL, SWEEP(name, 1, FULL_LANES, 2));                  \
        CHOICES_8(name)                                                                                             \
        CHOICES_4(name)                                                                                             \
        if (left >= 2) return taken(2, parts == 1 ? SWEEP(name, 1, 2, 1) : SWEEP(name, 2, 2, 1));                   \
        return taken(1, SWEEP(name, 1, 1, 1));                                                                      \
    }
CHOICE(forward)
CHOICE(backward)

#undef SWEEP
#undef CHOICES_32
#undef CHOICES_8
#undef CHOICES_4
#undef CHOICE
#undef VARIANT
#undef STORED
