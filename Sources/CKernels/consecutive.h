/* Sparse rows times one column, eight rows at a time where each has the columns of the row above it plus one, as rows of grids and bands
 * do: X is then read in vectors, and values are turned from rows to lanes. Sums run in the order of row_sum, bit for bit. */

typedef REAL NAME(eight) __attribute__((vector_size(8 * REAL_BYTES)));
typedef REAL NAME(stored_eight) __attribute__((vector_size(8 * REAL_BYTES), aligned(REAL_BYTES), may_alias));
typedef int64_t NAME(eight_starts) __attribute__((vector_size(64), aligned(8), may_alias));
typedef int32_t NAME(sixteen) __attribute__((vector_size(64), aligned(4), may_alias));
#define EIGHT(pointer) (*(const NAME(stored_eight) *)(pointer))

/* The fewest entries in a row: seven rows of them fill a vector of indices. */
#define FEWEST_ENTRIES 3

/* Whether rows i ..< i + 8 are consecutive in this sense, and their values lie so far from the end that they may be read in vectors. */
INLINE int NAME(are_consecutive)(const struct operands *o, int64_t i) {
    const int64_t *start = o->start + i, from = start[0], entries = start[1] - from;
    if (i + 8 > o->end || start[8] - from != 8 * entries || entries < FEWEST_ENTRIES) return 0;
    if (from + 7 * entries + ((entries + 7) & ~7) > o->start[o->end]) return 0;
    const NAME(eight_starts) lengths = *(const NAME(eight_starts) *)(start + 1) - *(const NAME(eight_starts) *)start;
    if (__builtin_reduce_or(lengths ^ entries)) return 0;
    const int32_t *index = o->index + from;
    const int64_t last = 7 * entries - 16;
    for (int64_t k = 0;; k = k + 16 < last ? k + 16 : last) {
        const NAME(sixteen) above = *(const NAME(sixteen) *)(index + k), below = *(const NAME(sixteen) *)(index + k + entries);
        if (__builtin_reduce_or((below - above) ^ 1)) return 0;
        if (k == last) return 1;
    }
}

/* The sums of eight such rows. Not returned: a vector that is wider than the registers has no agreed place there. */
INLINE void NAME(consecutive_sums)(const struct operands *o, int64_t i, const REAL *x, NAME(eight) *sums) {
    const int64_t from = o->start[i], entries = o->start[i + 1] - from;
    const int32_t *index = o->index + from;
    const REAL *value = (const REAL *)o->value + from;
    NAME(eight) part[2] = {0};
    for (int64_t k = 0; k < entries; k += 8) {
        NAME(eight) a[8], b[8], t[8];
        UNROLL for (int r = 0; r < 8; r += 2) {
            const NAME(eight) even = EIGHT(value + r * entries + k), odd = EIGHT(value + (r + 1) * entries + k);
            a[r] = __builtin_shufflevector(even, odd, 0, 8, 2, 10, 4, 12, 6, 14);
            a[r + 1] = __builtin_shufflevector(even, odd, 1, 9, 3, 11, 5, 13, 7, 15);
        }
        UNROLL for (int r = 0; r < 8; r += 4) UNROLL for (int h = 0; h < 2; h++) {
            b[r + h] = __builtin_shufflevector(a[r + h], a[r + h + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            b[r + h + 2] = __builtin_shufflevector(a[r + h], a[r + h + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
        UNROLL for (int h = 0; h < 4; h++) {
            t[h] = __builtin_shufflevector(b[h], b[h + 4], 0, 1, 2, 3, 8, 9, 10, 11);
            t[h + 4] = __builtin_shufflevector(b[h], b[h + 4], 4, 5, 6, 7, 12, 13, 14, 15);
        }
        UNROLL for (int h = 0; h < 8; h++)
            if (k + h < entries) part[h & 1] += t[h] * EIGHT(x + index[k + h]);
    }
    *sums = part[0] + part[1];
}

/* Asks for what later rows need, as LN(prefetch) does. */
INLINE void NAME(prefetch_eight)(const struct operands *o, int64_t i) {
    const char *value = (const char *)((const REAL *)o->value + o->start[i]), *index = (const char *)(o->index + o->start[i]);
    const int64_t entries = o->start[i + 8] - o->start[i];
    for (int64_t at = 0; at < entries * REAL_BYTES; at += LINE_BYTES) __builtin_prefetch(value + PREFETCH_BYTES + at);
    for (int64_t at = 0; at < entries * 4; at += LINE_BYTES) __builtin_prefetch(index + PREFETCH_BYTES / 2 + at);
}

/* Where no rows are consecutive for long, only some are looked at. */
#define PATIENCE 16
#define ROWS_UNSEEN 32

/* Y = A X or B - A X for one column, or a step of a polynomial as LN(rows_of_step). */
INLINE void NAME(rows_of_column)(const struct operands *all, const int is_step) {
    const struct operands local = *all, *o = &local; /* known not to alias the blocks */
    const REAL *x = o->x, *b = o->b, *d = o->d, *alpha = o->alpha, *beta = o->beta, *gamma = o->s;
    REAL *y = o->y;
    int misses = 0;
    for (int64_t i = o->begin, next; i < o->end; i = next) {
        if (!NAME(are_consecutive)(o, i)) {
            next = least(o->end, i + (++misses < PATIENCE ? 1 : ROWS_UNSEEN));
            if (is_step) AT(rows_of_step, SCALAR_LEVEL)(1, o, i, next, 0, 1, 1, 1, 1, 0);
            else AT(rows_of_product, SCALAR_LEVEL)(1, o, i, next, 0, 1, 1, 1, o->traffic != 0, 0);
            continue;
        }
        if (o->traffic) NAME(prefetch_eight)(o, i);
        NAME(eight) sums;
        NAME(consecutive_sums)(o, i, x, &sums);
        if (b) sums = EIGHT(b + i) - sums;
        else if (is_step) sums = -sums;
        if (is_step) {
            if (d) sums *= EIGHT(d + i);
            sums *= *gamma;
            if (alpha) sums += *alpha * EIGHT(x + i);
            if (beta) sums += *beta * EIGHT(y + i);
        }
        *(NAME(stored_eight) *)(y + i) = sums;
        next = i + 8;
        misses = 0;
    }
}
static void NAME(spmm_of_column)(const struct operands *o) { NAME(rows_of_column)(o, 0); }
static void NAME(polynomial_step_of_column)(const struct operands *o) { NAME(rows_of_column)(o, 1); }
#undef EIGHT
#undef FEWEST_ENTRIES
#undef PATIENCE
#undef ROWS_UNSEEN
