/* All kernels for one entry type and one instruction set.
 *
 * An entry is PARTS numbers of the type REAL, and columns are counted in REALs here. A chunk of columns is covered by
 * n vectors of equal length, the last one ending with the chunk and so possibly overlapping the one before: what
 * overlaps is computed twice, with the same bits, and a row's vectors are all loaded before any is stored. Chunks
 * of less than one full vector do the same with vectors of half the length, a quarter, and so on down to one entry:
 * these lengths are the levels. A column's arithmetic does not depend on the vector it falls in. */
#define NAME(name) PASTE3(name, TYPE, ISA)
#define AT(name, level) PASTE4(name, TYPE, ISA, level)
#define LANES_AT(level) (VECTOR_BYTES / REAL_BYTES >> level)

/* The most vectors in a chunk: a sparse row's sum has 2 PARTS accumulators for each, a tile of the dense products
 * TILE PARTS. */
#if PARTS == 2 && REGISTERS < 32
#define SPARSE_VECTORS 2
#else
#define SPARSE_VECTORS 4
#endif
#define DENSE_VECTORS 2
#define UPDATE_VECTORS 4
#define TILE (REGISTERS / 4 / PARTS)

/* The modulus of an entry, and the bound of its divisor. */
#if REAL_BYTES == 4
static const REAL NAME(tiny) = 0x1p-126f;
#else
static const REAL NAME(tiny) = 0x1p-1022;
#endif
INLINE REAL NAME(absolute)(const REAL *s) {
    if (PARTS == 1) return __builtin_elementwise_abs(s[0]);
    const REAL a = __builtin_elementwise_abs(s[0]), b = __builtin_elementwise_abs(s[PARTS - 1]);
    const REAL large = a < b ? b : a, ratio = (a < b ? a : b) / (large < NAME(tiny) ? NAME(tiny) : large);
    return large * __builtin_elementwise_sqrt(1 + ratio * ratio);
}

#define LEVEL 0
#include "level.h"
#undef LEVEL

#if LANES_AT(1) >= PARTS
#define LEVEL 1
#include "level.h"
#undef LEVEL
#define LEVEL_1(...) __VA_ARGS__
#else
#define LEVEL_1(...)
#endif

#if LANES_AT(2) >= PARTS
#define LEVEL 2
#include "level.h"
#undef LEVEL
#define LEVEL_2(...) __VA_ARGS__
#else
#define LEVEL_2(...)
#endif

#if LANES_AT(3) >= PARTS
#define LEVEL 3
#include "level.h"
#undef LEVEL
#define LEVEL_3(...) __VA_ARGS__
#else
#define LEVEL_3(...)
#endif

#if LANES_AT(4) >= PARTS
#define LEVEL 4
#include "level.h"
#undef LEVEL
#define LEVEL_4(...) __VA_ARGS__
#else
#define LEVEL_4(...)
#endif

/* The pass of a kernel: picks the vector length and count (a constant) that cover the chunk. */
#define COVER(kernel, level, n) AT(kernel, level)(n, o, begin, end, column, width)
#define COVER_2(kernel, level)                                       \
    else if (width > LANES_AT(level)) COVER(kernel, level, 2);       \
    else if (width == LANES_AT(level)) COVER(kernel, level, 1);
#define PASS(kernel, vectors)                                                                                   \
    static void AT(kernel, pass)(const struct operands *all, int64_t begin, int64_t end, int64_t column,        \
                                 int64_t width) {                                                               \
        const struct operands local = *all, *o = &local; /* known not to alias the blocks */                    \
        if (vectors > 2 && width > 3 * LANES_AT(0)) COVER(kernel, 0, 4);                                        \
        else if (vectors > 2 && width > 2 * LANES_AT(0)) COVER(kernel, 0, 3);                                   \
        COVER_2(kernel, 0)                                                                                      \
        LEVEL_1(COVER_2(kernel, 1))                                                                             \
        LEVEL_2(COVER_2(kernel, 2))                                                                             \
        LEVEL_3(COVER_2(kernel, 3))                                                                             \
        LEVEL_4(COVER_2(kernel, 4))                                                                             \
    }

/* A kernel that is no more than its passes over strips of rows and chunks of columns. A single chunk needs no strips. */
#define KERNEL(kernel, vectors, strip)                                                           \
    PASS(kernel, vectors)                                                                        \
    static void NAME(kernel)(const struct operands *o) {                                         \
        const int64_t width = o->m * PARTS, limit = vectors * LANES_AT(0);                       \
        run_pass(AT(kernel, pass), o, width > limit ? strip : INT64_MAX / 2, width, LANES_AT(0), limit); \
    }

PASS(spmm, SPARSE_VECTORS)
KERNEL(scatter, SPARSE_VECTORS, 64)
KERNEL(magnitude, DENSE_VECTORS, 64)
KERNEL(error, DENSE_VECTORS, 64)
KERNEL(sweep, SPARSE_VECTORS, 64)
PASS(polynomial_step, SPARSE_VECTORS)
KERNEL(scale_columns, 4, 64)
KERNEL(scale_rows, 4, 64)
KERNEL(combine, 4, 64)
KERNEL(combine_columns, 4, 64)
PASS(inner, DENSE_VECTORS)
PASS(update, UPDATE_VECTORS)
PASS(squares, DENSE_VECTORS)
PASS(maxima, DENSE_VECTORS)
PASS(dots, DENSE_VECTORS)
PASS(moments, DENSE_VECTORS)
KERNEL(stabilized, DENSE_VECTORS, 64)
PASS(basis_update, DENSE_VECTORS)
PASS(basis_combine, DENSE_VECTORS)
PASS(basis_dots, DENSE_VECTORS)
PASS(triangle, DENSE_VECTORS)

#if PARTS == 1 && (LANES_AT(0) == 8 || LANES_AT(0) == 16)
#define PAIRED 1
#include "pairs.h"
#else
#define PAIRED 0
#endif
#if PARTS == 1 && LANES_AT(0) <= 8 && 2 * LANES_AT(0) <= REGISTERS
#define SQUARES 1
#include "squares.h"
#else
#define SQUARES 0
#endif
#if PARTS == 1 && VECTOR_BYTES >= 32
#define CONSECUTIVE 1
#if LANES_AT(0) == 4
#define SCALAR_LEVEL 2
#elif LANES_AT(0) == 8
#define SCALAR_LEVEL 3
#else
#define SCALAR_LEVEL 4
#endif
#include "consecutive.h"
#undef SCALAR_LEVEL
#else
#define CONSECUTIVE 0
#endif
#include "block.h"
#undef PAIRED
#undef SQUARES
#undef CONSECUTIVE

#undef NAME
#undef AT
#undef LANES_AT
#undef SPARSE_VECTORS
#undef DENSE_VECTORS
#undef UPDATE_VECTORS
#undef TILE
#undef LEVEL_1
#undef LEVEL_2
#undef LEVEL_3
#undef LEVEL_4
#undef COVER
#undef COVER_2
#undef PASS
#undef KERNEL
