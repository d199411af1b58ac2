/* Products with a basis of real blocks whose rows are half a vector and follow each other: two rows to a vector. */
#define HALF (LANES_AT(0) / 2)
#define PAIR AT(vector, 0)
#define LOAD_PAIR(pointer) (*(const AT(stored, 0) *)(pointer))
#define PAIRS (REGISTERS / 4)

/* Number j of the one row in all its places, and number j of the other. */
#if LANES_AT(0) == 16
#define SPREAD(a, j) \
    __builtin_shufflevector(a, a, j, j, j, j, j, j, j, j, 8 + j, 8 + j, 8 + j, 8 + j, 8 + j, 8 + j, 8 + j, 8 + j)
#define TWICE(a) __builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7)
#define EACH(step) step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7)
#else
#define SPREAD(a, j) __builtin_shufflevector(a, a, j, j, j, j, 4 + j, 4 + j, 4 + j, 4 + j)
#define TWICE(a) __builtin_shufflevector(a, a, 0, 1, 2, 3, 0, 1, 2, 3)
#define EACH(step) step(0) step(1) step(2) step(3)
#endif

/* Row by row the arithmetic of basis_update. */
static void NAME(basis_update_pairs)(const struct operands *all) {
    const struct operands local = *all, *o = &local;
    int64_t i = o->begin;
    for (; i + 2 * PAIRS <= o->end; i += 2 * PAIRS) {
        const REAL *c = o->c;
        PAIR sum[PAIRS] = {0};
        for (int64_t k = 0; k < o->count; k++, c += HALF * HALF) {
            const REAL *x = (const REAL *)o->blocks[k] + i * HALF;
            PAIR a[PAIRS];
            UNROLL for (int r = 0; r < PAIRS; r++) {
                __builtin_prefetch(x + (PAIRS * 4 + 2 * r) * HALF);
                a[r] = LOAD_PAIR(x + 2 * r * HALF);
            }
#define STEP(j)                                                                     \
    {                                                                               \
        const AT(vector, 1) half = *(const AT(stored, 1) *)(c + j * HALF);          \
        const PAIR row = TWICE(half);                                               \
        UNROLL for (int r = 0; r < PAIRS; r++) sum[r] += SPREAD(a[r], j) * row;     \
    }
            EACH(STEP)
#undef STEP
        }
        REAL *y = (REAL *)o->y + i * HALF;
        UNROLL for (int r = 0; r < PAIRS; r++)
            *(AT(stored, 0) *)(y + 2 * r * HALF) = sum[r] + LOAD_PAIR(y + 2 * r * HALF);
    }
    AT(basis_update, 1)(1, o, i, o->end, 0, HALF);
}

/* G = Y^H X for one block Y. */
static void NAME(inner_pairs)(const struct operands *all) {
    const struct operands local = *all, *o = &local;
    const REAL *y = o->b, *x = o->x;
    PAIR sum[HALF] = {0};
    int64_t i = 0;
    for (; i + 2 <= o->end; i += 2) {
        const PAIR a = LOAD_PAIR(y + i * HALF), b = LOAD_PAIR(x + i * HALF);
        __builtin_prefetch(y + (i + 128) * HALF);
#define STEP(j) sum[j] += SPREAD(a, j) * b;
        EACH(STEP)
#undef STEP
    }
    REAL *g = o->g;
    for (int64_t j = 0; j < HALF; j++) {
        REAL both[2 * HALF];
        memcpy(both, &sum[j], sizeof both);
        for (int64_t l = 0; l < HALF; l++) {
            g[j * HALF + l] = both[l] + both[l + HALF];
            if (i < o->end) g[j * HALF + l] += y[i * HALF + j] * x[i * HALF + l];
        }
    }
}

#undef HALF
#undef PAIR
#undef LOAD_PAIR
#undef PAIRS
#undef SPREAD
#undef TWICE
#undef EACH
