/* The public functions and the choice of an instruction set.
 *
 * Every kernel is written once, in vector types, and compiled per entry type (types.h) and per instruction set
 * (below). Each compilation knows the size and number of its vector registers, which target_clones would hide: the
 * register tiles depend on them. */
#include "CKernels.h"

#include <stddef.h>
#include <string.h>

/* The arguments of a kernel: the names are those of the header, each kernel uses the ones it needs. */
struct operands {
    int64_t begin, end, m, p, q, count;
    const int64_t *start, *list;
    const int32_t *index;
    const void *value, *s, *d, *x, *b, *c, *alpha, *beta;
    const void *const *blocks;
    void *y, *z, *g;
    int64_t ldx, ldb, ldy, ldz, ldc;
    int64_t rows;
    int descending, conjugate, hermitian, traffic;
};

/* One pass over a strip of rows and a chunk of columns, a chunk being `width` real numbers from `column` on. */
typedef void pass(const struct operands *o, int64_t begin, int64_t end, int64_t column, int64_t width);

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Strips outside, chunks of at most `limit` columns inside, so that what the chunks of a strip share (a matrix's
 * entries, the other factor's rows) is still in the cache when the next chunk wants it. A last chunk narrower than a
 * full vector is avoided where the chunk before it can give up some columns. */
static void run_pass(pass *run, const struct operands *o, int64_t strip, int64_t width, int64_t lanes, int64_t limit) {
    const int64_t rows = o->end - o->begin;
    for (int64_t done = 0, next; done < rows; done = next) {
        next = least(done + strip, rows);
        const int64_t begin = o->descending ? o->end - next : o->begin + done;
        const int64_t end = o->descending ? o->end - done : o->begin + next;
        for (int64_t column = 0, taken; column < width; column += taken) {
            const int64_t left = width - column;
            taken = left <= limit ? left : left < limit + lanes ? limit - lanes : limit;
            run(o, begin, end, column, taken);
        }
    }
}

/* Copies a row, which is short as a rule: without a call. */
static inline void move_row(void *to, const void *from, int64_t bytes) {
    int64_t k = 0;
    for (; k + 32 <= bytes; k += 32) memcpy((char *)to + k, (const char *)from + k, 32);
    for (; k < bytes; k += 4) memcpy((char *)to + k, (const char *)from + k, 4);
}

/* The same past the caches, for whole lines of them. */
typedef float stream_lane __attribute__((vector_size(32)));
static inline void stream_row(void *to, const void *from, int64_t bytes) {
    if (((uintptr_t)to | (uintptr_t)bytes) % 64) return move_row(to, from, bytes);
    for (int64_t k = 0; k < bytes; k += 32) {
        stream_lane lane;
        memcpy(&lane, (const char *)from + k, 32);
        __builtin_nontemporal_store(lane, (stream_lane *)((char *)to + k));
    }
}

/* How far ahead of its use data is asked for, found by measurement; a line of the cache. */
#define PREFETCH_BYTES 8192
#define PREFETCH_ROWS 32
#define FEW_COLUMNS 4
#define LINE_BYTES 64

/* Rows that pass through all blocks of a basis before the next ones: short sums for the sake of rounding, and of one narrow block
 * what a first-level cache holds. */
#define BASIS_ROWS 512

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#define PASTE3_(a, b, c) a##_##b##_##c
#define PASTE3(a, b, c) PASTE3_(a, b, c)
#define PASTE4_(a, b, c, d) a##_##b##_##c##_##d
#define PASTE4(a, b, c, d) PASTE4_(a, b, c, d)

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"), min_vector_width(512))), apply_to = function)
#define ISA v4
#define VECTOR_BYTES 64
#define REGISTERS 32
#include "types.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define ISA v3
#define VECTOR_BYTES 32
#define REGISTERS 16
#include "types.h"
#pragma clang attribute pop

#define ISA baseline
#define VECTOR_BYTES 16
#define REGISTERS 16
#include "types.h"

/* Single features rather than the level's name, which older run-time libraries do not know; a processor with these
 * has the rest of the level. */
static int best_level(void) {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return 0;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") ? 1 : 2;
}
#define LEVELS(kernel) {TYPES(kernel, v4), TYPES(kernel, v3), TYPES(kernel, baseline)}

#else

#define ISA baseline
#define VECTOR_BYTES 16
#define REGISTERS 32
#include "types.h"

static int best_level(void) { return 0; }
#define LEVELS(kernel) {TYPES(kernel, baseline)}

#endif

/* Levels count from the best one down. */
#if defined(__x86_64__)
static const char *const level_names[] = {"x86-64-v4", "x86-64-v3", "baseline"};
#else
static const char *const level_names[] = {"baseline"};
#endif
static _Thread_local int least_level;

static int level(void) {
    const int best = best_level();
    return best < least_level ? least_level : best;
}

#define TYPES(kernel, isa) {kernel##_f_##isa, kernel##_d_##isa, kernel##_c_##isa, kernel##_z_##isa}

/* Calls the kernel for the entry type and this machine; the further arguments initialise its operands. */
#define RUN(kernel, type, ...)                                                              \
    do {                                                                                    \
        static void (*const table[][4])(const struct operands *) = LEVELS(kernel);          \
        table[level()][type](&(const struct operands){__VA_ARGS__});                        \
    } while (0)

static int64_t bytes_of(bk_scalar type) {
    return (type == BK_FLOAT || type == BK_COMPLEX_FLOAT ? 4 : 8) * (type >= BK_COMPLEX_FLOAT ? 2 : 1);
}

/* A pointer to the number 1. */
static const void *one_of(bk_scalar type) {
    static const float singles[2] = {1, 0};
    static const double doubles[2] = {1, 0};
    return type == BK_FLOAT || type == BK_COMPLEX_FLOAT ? (const void *)singles : doubles;
}

const char *bk_instruction_set(void) { return level_names[level()]; }

int bk_restrict_instruction_set(const char *name) {
    const int count = sizeof level_names / sizeof *level_names;
    int wanted = 0;
    while (name && wanted < count && strcmp(level_names[wanted], name) != 0) wanted++;
    if (wanted == count || (name && wanted < best_level())) return 0;
    least_level = wanted;
    return 1;
}

/* Streaming stores do not wait for the release that ends a parallel part. */
static void fence(int traffic) {
#if defined(__x86_64__)
    if (traffic & BK_STREAM) __builtin_ia32_sfence();
#endif
}

void bk_spmm(bk_scalar type, int64_t begin, int64_t end, const int64_t *start, const int32_t *index, const void *value,
             int64_t m, const void *x, int64_t ldx, const void *b, int64_t ldb, void *y, int64_t ldy, int traffic) {
    RUN(spmm, type, .begin = begin, .end = end, .start = start, .index = index, .value = value, .m = m, .x = x,
        .ldx = ldx, .b = b, .ldb = ldb, .y = y, .ldy = ldy, .rows = end, .traffic = traffic);
    fence(traffic);
}

void bk_spmm_scatter(bk_scalar type, int64_t begin, int64_t end, const int64_t *start, const int32_t *index,
                     const void *value, int conjugate, int64_t m, const void *x, int64_t ldx, void *y, int64_t ldy) {
    RUN(scatter, type, .begin = begin, .end = end, .start = start, .index = index, .value = value,
        .conjugate = conjugate, .m = m, .x = x, .ldx = ldx, .y = y, .ldy = ldy);
}

void bk_residual_and_magnitude(bk_scalar type, int64_t begin, int64_t end, const int64_t *start, const int32_t *index,
                               const void *value, int64_t m, const void *x, int64_t ldx, const void *b, int64_t ldb,
                               void *r, int64_t ldr, void *z, int64_t ldz) {
    RUN(magnitude, type, .begin = begin, .end = end, .start = start, .index = index, .value = value, .m = m, .x = x,
        .ldx = ldx, .b = b, .ldb = ldb, .y = r, .ldy = ldr, .z = z, .ldz = ldz);
}

void bk_residual_and_error(bk_scalar type, int64_t begin, int64_t end, const int64_t *start, const int32_t *index,
                           const void *value, const double *row_sum, double factor, int64_t m, const void *x, int64_t ldx,
                           const void *maxima, const void *b, int64_t ldb, void *r, int64_t ldr, void *out) {
    RUN(error, type, .begin = begin, .end = end, .start = start, .index = index, .value = value, .s = row_sum,
        .alpha = &factor, .m = m, .x = x, .ldx = ldx, .d = maxima, .b = b, .ldb = ldb, .y = r, .ldy = ldr, .g = out);
}

void bk_sweep(bk_scalar type, int descending, int64_t begin, int64_t end, const int64_t *start, const int32_t *index,
              const void *value, const void *d, int64_t m, const void *b, int64_t ldb, void *y, int64_t ldy) {
    RUN(sweep, type, .descending = descending, .begin = begin, .end = end, .start = start, .index = index,
        .value = value, .d = d, .m = m, .b = b, .ldb = ldb, .y = y, .ldy = ldy);
}

void bk_polynomial_step(bk_scalar type, int64_t begin, int64_t end, const int64_t *start, const int32_t *index,
                        const void *value, const void *d, int64_t m, const void *alpha, const void *x, int64_t ldx,
                        const void *beta, const void *gamma, const void *b, int64_t ldb, const void *w, int64_t ldw,
                        void *y, int64_t ldy, int traffic) {
    RUN(polynomial_step, type, .begin = begin, .end = end, .start = start, .index = index, .value = value, .d = d, .m = m,
        .alpha = alpha, .x = x, .ldx = ldx, .beta = beta, .s = gamma, .b = b, .ldb = ldb, .c = w, .ldc = ldw, .y = y,
        .ldy = ldy, .rows = end, .traffic = traffic);
}

void bk_inner(bk_scalar type, int64_t rows, int64_t p, const void *y, int64_t ldy, int64_t q, const void *x,
              int64_t ldx, void *g) {
    RUN(inner, type, .end = rows, .p = p, .b = y, .ldb = ldy, .q = q, .x = x, .ldx = ldx, .g = g);
}

void bk_hermitian_inner(bk_scalar type, int64_t rows, int64_t p, const void *y, int64_t ldy, const void *x, int64_t ldx,
                        void *g) {
    RUN(inner, type, .end = rows, .p = p, .b = y, .ldb = ldy, .q = p, .x = x, .ldx = ldx, .g = g, .hermitian = 1);
}

void bk_mirror(bk_scalar type, int64_t n, void *g) { RUN(mirror, type, .m = n, .g = g); }

/* Contiguous single columns are as good as rows of this length, which vectors can cover. */
#define ROW_OF_COLUMN 32

/* y = alpha x + beta y for single columns, as bk_combine. */
static void combine_column(bk_scalar type, int64_t count, const void *alpha, const void *x, const void *beta, void *y) {
    const int64_t rows = count / ROW_OF_COLUMN, done = rows * ROW_OF_COLUMN * bytes_of(type);
    bk_combine(type, rows, ROW_OF_COLUMN, alpha, x, ROW_OF_COLUMN, beta, y, ROW_OF_COLUMN);
    bk_combine(type, 1, count % ROW_OF_COLUMN, alpha, (const char *)x + done, ROW_OF_COLUMN, beta, (char *)y + done,
               ROW_OF_COLUMN);
}

void bk_update(bk_scalar type, int64_t rows, int64_t p, const void *x, int64_t ldx, int64_t q, const void *c,
               const void *z, int64_t ldz, void *y, int64_t ldy) {
    if (p == 1 && q == 1 && ldx == 1 && ldy == 1 && (z == NULL || ldz == 1)) {
        if (z == NULL || z == y) return combine_column(type, rows, c, x, z ? one_of(type) : NULL, y);
        if (x == y) return combine_column(type, rows, one_of(type), z, c, y);
    }
    RUN(update, type, .end = rows, .p = p, .x = x, .ldx = ldx, .q = q, .c = c, .b = z, .ldb = ldz, .y = y, .ldy = ldy);
}

void bk_basis_inner(bk_scalar type, int64_t begin, int64_t end, int64_t count, const void *const *v, int64_t ldv, int64_t p,
                    int64_t q, const void *x, int64_t ldx, void *g) {
    RUN(basis_inner, type, .begin = begin, .end = end, .count = count, .blocks = v, .ldb = ldv, .p = p, .q = q, .x = x,
        .ldx = ldx, .g = g);
}

void bk_basis_update(bk_scalar type, int64_t begin, int64_t end, int64_t count, const void *const *v, int64_t ldv, int64_t p,
                     int64_t q, const void *c, void *y, int64_t ldy) {
    RUN(basis_update, type, .begin = begin, .end = end, .count = count, .blocks = v, .ldx = ldv, .p = p, .q = q, .c = c,
        .y = y, .ldy = ldy);
}

void bk_basis_combine_columns(bk_scalar type, int64_t begin, int64_t end, int64_t count, const void *const *v, int64_t ldv,
                              int64_t m, const void *s, void *y, int64_t ldy) {
    RUN(basis_combine, type, .begin = begin, .end = end, .count = count, .blocks = v, .ldx = ldv, .q = m, .s = s, .y = y,
        .ldy = ldy);
}

void bk_basis_column_dots(bk_scalar type, int64_t begin, int64_t end, int64_t count, const void *const *v, int64_t ldv,
                          int64_t m, const void *x, int64_t ldx, void *g) {
    RUN(basis_dots, type, .begin = begin, .end = end, .count = count, .blocks = v, .ldb = ldv, .q = m, .x = x, .ldx = ldx,
        .g = g);
}

void bk_triangle(bk_scalar type, int descending, int64_t n, const void *t, int64_t ldt, const void *d, int64_t m, void *x,
                 int64_t ldx) {
    RUN(triangle, type, .descending = descending, .end = n, .value = t, .ldc = ldt, .d = d, .m = m, .y = x, .ldy = ldx);
}

void bk_moduli(bk_scalar type, int64_t rows, int64_t m, const void *x, int64_t ldx, const void *s, float *y,
               int64_t ldy) {
    RUN(moduli, type, .end = rows, .m = m, .x = x, .ldx = ldx, .s = s, .y = y, .ldy = ldy);
}

void bk_absolute_sums(bk_scalar type, int64_t rows, int64_t m, const void *x, int64_t ldx, double *row_sums,
                      double *column_sums) {
    RUN(sums, type, .end = rows, .m = m, .x = x, .ldx = ldx, .y = row_sums, .g = column_sums);
}

void bk_backward_errors(bk_scalar type, int64_t rows, int64_t m, const void *r, int64_t ldr, const void *b, int64_t ldb,
                        const float *z, int64_t ldz, const double *row_scales, const double *scales,
                        const double *row_sums, const double *maxima, double factor, double *out) {
    RUN(errors, type, .end = rows, .m = m, .x = r, .ldx = ldr, .b = b, .ldb = ldb, .z = (void *)z, .ldz = ldz,
        .c = row_scales, .s = scales, .d = row_sums, .alpha = maxima, .beta = &factor, .g = out);
}

void bk_column_squares(bk_scalar type, int64_t rows, int64_t m, const void *x, int64_t ldx, void *out) {
    RUN(squares, type, .end = rows, .m = m, .x = x, .ldx = ldx, .g = out);
}

void bk_column_dots(bk_scalar type, int64_t rows, int64_t m, const void *x, int64_t ldx, const void *y, int64_t ldy,
                    void *out) {
    RUN(dots, type, .end = rows, .m = m, .x = x, .ldx = ldx, .b = y, .ldb = ldy, .g = out);
}

void bk_column_moments(bk_scalar type, int64_t rows, int64_t m, const void *x, const void *y, const void *z, int64_t ld,
                       void *out) {
    RUN(moments, type, .end = rows, .m = m, .count = z ? 5 : 2, .x = x, .b = y, .c = z, .ldx = ld, .g = out);
}

/* Single columns without gaps are taken as rows of many columns, for which there are factors then. */
void bk_stabilized_step(bk_scalar type, int64_t rows, int64_t m, const void *s, const void *mp, const void *ms, const void *v,
                        const void *t, int64_t ld, void *x, int64_t ldx, void *r, void *p) {
    enum { SCALARS = 5 };
    if (m > 1 || ld > 1 || ldx > 1) {
        RUN(stabilized, type, .end = rows, .m = m, .s = s, .x = mp, .d = ms, .b = v, .c = t, .ldx = ld, .y = x, .ldy = ldx, .z = r,
            .g = p);
        return;
    }
    double spread[SCALARS * ROW_OF_COLUMN * 2];
    const int64_t bytes = bytes_of(type), done = rows / ROW_OF_COLUMN * ROW_OF_COLUMN;
    for (int64_t k = 0; k < SCALARS * ROW_OF_COLUMN; k++)
        memcpy((char *)spread + k * bytes, (const char *)s + k / ROW_OF_COLUMN * bytes, (size_t)bytes);
    RUN(stabilized, type, .end = rows / ROW_OF_COLUMN, .m = ROW_OF_COLUMN, .s = spread, .x = mp, .d = ms, .b = v, .c = t,
        .ldx = ROW_OF_COLUMN, .y = x, .ldy = ROW_OF_COLUMN, .z = r, .g = p);
#define REST(block) ((char *)(block) + done * bytes)
    RUN(stabilized, type, .end = rows - done, .m = 1, .s = s, .x = REST(mp), .d = REST(ms), .b = REST(v), .c = REST(t), .ldx = 1,
        .y = REST(x), .ldy = 1, .z = REST(r), .g = REST(p));
#undef REST
}

void bk_column_maxima(bk_scalar type, int64_t rows, int64_t m, const void *x, int64_t ldx, void *out) {
    RUN(maxima, type, .end = rows, .m = m, .x = x, .ldx = ldx, .g = out);
}

void bk_scale_columns(bk_scalar type, int64_t rows, int64_t m, const void *s, const void *x, int64_t ldx, void *y,
                      int64_t ldy) {
    RUN(scale_columns, type, .end = rows, .m = m, .s = s, .x = x, .ldx = ldx, .y = y, .ldy = ldy);
}

void bk_scale_rows(bk_scalar type, int64_t rows, int64_t m, const void *d, const void *x, int64_t ldx, void *y,
                   int64_t ldy) {
    RUN(scale_rows, type, .end = rows, .m = m, .d = d, .x = x, .ldx = ldx, .y = y, .ldy = ldy);
}

void bk_combine(bk_scalar type, int64_t rows, int64_t m, const void *alpha, const void *x, int64_t ldx,
                const void *beta, void *y, int64_t ldy) {
    RUN(combine, type, .end = rows, .m = m, .alpha = alpha, .x = x, .ldx = ldx, .beta = beta, .y = y, .ldy = ldy);
}

void bk_combine_columns(bk_scalar type, int64_t rows, int64_t m, const void *alpha, const void *x, int64_t ldx,
                        const void *beta, void *y, int64_t ldy) {
    if (m == 1 && ldx == 1 && ldy == 1) return combine_column(type, rows, alpha, x, beta, y);
    RUN(combine_columns, type, .end = rows, .m = m, .alpha = alpha, .x = x, .ldx = ldx, .beta = beta, .y = y, .ldy = ldy);
}

void bk_gather_columns(bk_scalar type, int64_t rows, int64_t m, const int64_t *column, const void *x, int64_t ldx,
                       void *y, int64_t ldy) {
    RUN(gather_columns, type, .end = rows, .m = m, .list = column, .x = x, .ldx = ldx, .y = y, .ldy = ldy);
}

void bk_scatter_columns(bk_scalar type, int64_t rows, int64_t m, const int64_t *column, const void *x, int64_t ldx,
                        void *y, int64_t ldy, int traffic) {
    RUN(scatter_columns, type, .end = rows, .m = m, .list = column, .x = x, .ldx = ldx, .y = y, .ldy = ldy, .traffic = traffic);
    fence(traffic);
}

void bk_gather_rows(bk_scalar type, int64_t rows, int64_t m, const int64_t *row, const void *x, int64_t ldx, void *y,
                    int64_t ldy) {
    RUN(gather_rows, type, .end = rows, .m = m, .list = row, .x = x, .ldx = ldx, .y = y, .ldy = ldy);
}

void bk_scatter_rows(bk_scalar type, int64_t rows, int64_t m, const int64_t *row, const void *x, int64_t ldx, void *y,
                     int64_t ldy) {
    RUN(scatter_rows, type, .end = rows, .m = m, .list = row, .x = x, .ldx = ldx, .y = y, .ldy = ldy);
}

void bk_from_column_major(bk_scalar type, int64_t rows, int64_t m, const void *c, int64_t ldc, void *y, int64_t ldy) {
    RUN(from_column_major, type, .end = rows, .m = m, .c = c, .ldc = ldc, .y = y, .ldy = ldy);
}

void bk_to_column_major(bk_scalar type, int64_t rows, int64_t m, const void *x, int64_t ldx, void *c, int64_t ldc) {
    RUN(to_column_major, type, .end = rows, .m = m, .x = x, .ldx = ldx, .y = c, .ldy = ldc);
}

void bk_convert_precision(bk_scalar type, int64_t rows, int64_t m, const void *x, int64_t ldx, void *y, int64_t ldy) {
    RUN(convert, type, .end = rows, .m = m, .x = x, .ldx = ldx, .y = y, .ldy = ldy);
}
