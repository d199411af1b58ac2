/* The public functions and the choice of an instruction set. Sweeps are written once, in vector types (supernode.h), and compiled
 * per instruction set, which knows the size and number of its registers (instructions.h). */
#include "CDirectKernels.h"

#include <stddef.h>
#include <string.h>

/* Rows of a register tile, and rows of a list that are visited together: 64 rows of 32 doubles are 16 KB. */
#define TILE 4
#define STRIP 64

/* Rows are fetched some time before they are needed, as the hardware cannot follow a permutation. */
enum { AHEAD = 16 };

/* The widest panel. */
enum { WIDEST = 32 };

/* One supernode. */
struct node {
    const int32_t *list;
    const void *value;
    int64_t first, width, rows;
};

/* A sweep over one supernode, and how many doubles of each row it works on. */
typedef void sweep(const struct node *t, double sign, double *y, int64_t width);
struct choice {
    int64_t columns;
    sweep *run;
};
static inline struct choice taken(int64_t columns, sweep *run) { return (struct choice){columns, run}; }

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#define PASTE2_(a, b) a##_##b
#define PASTE2(a, b) PASTE2_(a, b)
#define PASTE3_(a, b, c) a##_##b##_##c
#define PASTE3(a, b, c) PASTE3_(a, b, c)
#define PASTE5_(a, b, c, d, e) a##_##b##_##c##_##d##_##e
#define PASTE5(a, b, c, d, e) PASTE5_(a, b, c, d, e)

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"), min_vector_width(512))), apply_to = function)
#define ISA v4
#define FULL 8
#define FULL_LANES 8
#define REGISTERS 32
#include "instructions.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define ISA v3
#define FULL 4
#define FULL_LANES 4
#define REGISTERS 16
#include "instructions.h"
#pragma clang attribute pop

#define ISA baseline
#define FULL 2
#define FULL_LANES 2
#define REGISTERS 16
#include "instructions.h"

/* Single features rather than the level's name, which older run-time libraries do not know. */
static int level(void) {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return 0;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") ? 1 : 2;
}
#define CHOOSE(name, stored, parts, left)                                        \
    (level() == 0   ? PASTE3(name, chosen, v4_##stored)(parts, left)             \
     : level() == 1 ? PASTE3(name, chosen, v3_##stored)(parts, left)             \
                    : PASTE3(name, chosen, baseline_##stored)(parts, left))

#else

#define ISA baseline
#define FULL 2
#define FULL_LANES 2
#define REGISTERS 32
#include "instructions.h"
#define CHOOSE(name, stored, parts, left) PASTE3(name, chosen, baseline_##stored)(parts, left)

#endif

static struct node node_of(const bkd_triangle *t, int parts, int64_t s) {
    const size_t size = t->single ? sizeof(float) : sizeof(double);
    return (struct node){.list = t->list + t->list_start[s], .value = (const char *)t->value + t->value_start[s] * parts * size, .first = t->first[s],
                         .width = t->first[s + 1] - t->first[s], .rows = t->list_start[s + 1] - t->list_start[s]};
}

/* The most chunks in a panel: the widest is 32 doubles and a chunk has at least 2 but for panels of 1. */
enum { MOST_CHUNKS = 16 };

void bkd_forward(int complex, const bkd_triangle *t, const int32_t *order, int64_t begin, int64_t end, int conjugate, double *panel,
                 int64_t width, int64_t columns) {
    const int parts = complex ? 2 : 1;
    struct choice chunk[MOST_CHUNKS];
    int64_t offset[MOST_CHUNKS], chunks = 0;
    for (int64_t column = 0; column < columns && chunks < MOST_CHUNKS; column += chunk[chunks++].columns) {
        chunk[chunks] = t->single ? CHOOSE(forward, float, parts, columns - column) : CHOOSE(forward, double, parts, columns - column);
        offset[chunks] = column;
    }
    for (int64_t k = begin; k < end; k++) {
        const struct node node = node_of(t, parts, order ? order[k] : k);
        for (int64_t c = 0; c < chunks; c++) chunk[c].run(&node, conjugate ? -1 : 1, panel + offset[c], width);
    }
}

void bkd_backward(int complex, const bkd_triangle *t, const int32_t *order, int64_t begin, int64_t end, int conjugate, double *panel,
                  int64_t width, int64_t columns) {
    const int parts = complex ? 2 : 1;
    struct choice chunk[MOST_CHUNKS];
    int64_t offset[MOST_CHUNKS], chunks = 0;
    for (int64_t column = 0; column < columns && chunks < MOST_CHUNKS; column += chunk[chunks++].columns) {
        chunk[chunks] = t->single ? CHOOSE(backward, float, parts, columns - column) : CHOOSE(backward, double, parts, columns - column);
        offset[chunks] = column;
    }
    for (int64_t k = end - 1; k >= begin; k--) {
        const struct node node = node_of(t, parts, order ? order[k] : k);
        for (int64_t c = 0; c < chunks; c++) chunk[c].run(&node, conjugate ? -1 : 1, panel + offset[c], width);
    }
}

#if defined(__x86_64__)
#define RUN(name, ...)                                            \
    switch (level()) {                                            \
    case 0: return PASTE2(name, v4)(__VA_ARGS__);                 \
    case 1: return PASTE2(name, v3)(__VA_ARGS__);                 \
    default: return PASTE2(name, baseline)(__VA_ARGS__);          \
    }
#else
#define RUN(name, ...) return PASTE2(name, baseline)(__VA_ARGS__);
#endif

void bkd_load(bkd_scalar type, int64_t rows, const int32_t *order, const double *scale, int64_t columns, const void *b,
              int64_t ldb, double *panel, int64_t width) {
    if (type == BKD_COMPLEX_FLOAT || type == BKD_COMPLEX_DOUBLE) columns *= 2, ldb *= 2;
    if (type == BKD_FLOAT || type == BKD_COMPLEX_FLOAT) {
        RUN(load_float, rows, order, scale, columns, b, ldb, panel, width)
    } else {
        RUN(load_double, rows, order, scale, columns, b, ldb, panel, width)
    }
}

void bkd_store(bkd_scalar type, int64_t rows, const int32_t *order, const double *scale, int64_t columns, const double *panel,
               int64_t width, const void *base, int64_t ldbase, void *x, int64_t ldx, double *maxima) {
    if (type == BKD_COMPLEX_FLOAT || type == BKD_COMPLEX_DOUBLE) columns *= 2, ldx *= 2, ldbase *= 2;
    if (type == BKD_FLOAT || type == BKD_COMPLEX_FLOAT) {
        RUN(store_float, rows, order, scale, columns, panel, width, base, ldbase, x, ldx, maxima)
    } else {
        RUN(store_double, rows, order, scale, columns, panel, width, base, ldbase, x, ldx, maxima)
    }
}

void bkd_join(int64_t count, const int32_t *rows, const double *spilled, double *panel, int64_t width, int64_t columns) {
    for (int64_t k = 0; k < count; k++) {
        const double *from = spilled + k * width;
        double *to = panel + rows[k] * width;
        for (int64_t j = 0; j < columns; j++) to[j] += from[j];
    }
}

void bkd_scale(int64_t rows, const double *scale, double *panel, int64_t width) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++) panel[i * width + j] *= scale[i];
}
