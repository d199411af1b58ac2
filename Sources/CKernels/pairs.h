/* Products of a real basis with a block whose rows are half a vector, padding included: two rows to a vector, or a row of two
 * blocks. A strip of rows passes block after block, fetched ahead by more than the arithmetic on a line takes. What padding holds
 * means nothing, and behind the last row there may be none: of that row there is a copy, or it is left to the caller. */
#define HALF (LANES_AT(0) / 2)
#define PAIR AT(vector, 0)
#define HALF_PAIR AT(vector, 1)
#define LOAD_PAIR(pointer) (*(const AT(stored, 0) *)(pointer))
#define LOAD_HALF(pointer) (*(const AT(stored, 1) *)(pointer))
#define AHEAD (PREFETCH_BYTES / (int64_t)sizeof(REAL))

/* Factor `turn, j` meets number j of each row in its places. In vectors of 16 a number is spread within quarters, which is
 * cheaper, once of the row itself and once of the row with its quarters exchanged. */
#if LANES_AT(0) == 16
#define TWICE(a) __builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7)
#define BOTH(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define QUARTERS(a) __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11)
#define SPREAD(a, j) \
    __builtin_shufflevector(a, a, j, j, j, j, 4 + j, 4 + j, 4 + j, 4 + j, 8 + j, 8 + j, 8 + j, 8 + j, 12 + j, 12 + j, 12 + j, 12 + j)
#define EACH(step) step(0, 0) step(0, 1) step(0, 2) step(0, 3) step(1, 0) step(1, 1) step(1, 2) step(1, 3)
#define TURNS 2
#define PLACE(turn, j, l) ((j) + 4 * ((turn) ^ ((l) / 4)))
#else
#define TWICE(a) __builtin_shufflevector(a, a, 0, 1, 2, 3, 0, 1, 2, 3)
#define BOTH(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7)
#define QUARTERS(a) (a)
#define SPREAD(a, j) __builtin_shufflevector(a, a, j, j, j, j, 4 + j, 4 + j, 4 + j, 4 + j)
#define EACH(step) step(0, 0) step(0, 1) step(0, 2) step(0, 3)
#define TURNS 1
#define PLACE(turn, j, l) (j)
#endif
#define TURN (HALF / TURNS)

/* Y[:, 0 ..< q] += V C with `p` columns of V over some rows. */
static void NAME(update_pairs)(const REAL *v, int64_t ldv, int64_t p, const REAL *c, int64_t q, REAL *y, int64_t rows) {
    PAIR factor[HALF];
    AT(bits, 0) used, written;
    for (int64_t j = 0; j < HALF; j++) {
        REAL row[HALF];
        for (int64_t l = 0; l < HALF; l++) {
            const int64_t place = PLACE(j / TURN, j % TURN, l);
            row[l] = place < p && l < q ? c[place * q + l] : 0;
        }
        const HALF_PAIR half = LOAD_HALF(row);
        factor[j] = TWICE(half);
    }
    for (int64_t l = 0; l < 2 * HALF; l++) {
        used[l] = l % HALF < p ? -1 : 0;
        written[l] = l % HALF < q ? -1 : 0;
    }
    for (int64_t i = 0; i < rows; i += 8) {
        const int64_t left = least(4, (rows - i + 1) / 2);
        PAIR sum[4], old[4];
        for (int64_t r = 0; r < 4; r++) old[r] = sum[r] = LOAD_PAIR(y + (i + 2 * least(r, left - 1)) * HALF);
        UNROLL for (int r = 0; r < 4; r++) {
            const REAL *x = v + (i + 2 * least(r, left - 1)) * ldv;
            __builtin_prefetch(x + AHEAD);
            PAIR a[2];
            if (ldv == HALF) {
                a[0] = LOAD_PAIR(x);
            } else {
                const HALF_PAIR low = LOAD_HALF(x), high = LOAD_HALF(x + ldv);
                a[0] = BOTH(low, high);
            }
            a[0] = (PAIR)((AT(bits, 0))a[0] & used);
            a[1] = QUARTERS(a[0]);
#define STEP(turn, j) sum[r] += SPREAD(a[turn], j) * factor[turn * TURN + j];
            EACH(STEP)
#undef STEP
        }
        for (int64_t r = 0; r < left; r++)
            *(AT(stored, 0) *)(y + (i + 2 * r) * HALF) =
                (PAIR)(((AT(bits, 0))sum[r] & written) | ((AT(bits, 0))old[r] & ~written));
    }
}

/* The last one or two rows from copies of them, by the same arithmetic. */
static void NAME(update_last_pair)(const struct operands *o, int64_t begin) {
    const int64_t rows = o->end - begin;
    REAL x[2 * HALF] = {0}, y[2 * HALF] = {0}, *to = (REAL *)o->y + begin * HALF;
    const REAL *c = o->c;
    for (int64_t r = 0; r < rows; r++) memcpy(y + r * HALF, to + r * HALF, (size_t)o->q * sizeof(REAL));
    for (int64_t k = 0; k < o->count; k++)
        for (int64_t j = 0, taken; j < o->p; j += taken, c += taken * o->q) {
            taken = least(o->p - j, HALF);
            for (int64_t r = 0; r < rows; r++)
                memcpy(x + r * HALF, (const REAL *)o->blocks[k] + (begin + r) * o->ldx + j, (size_t)taken * sizeof(REAL));
            NAME(update_pairs)(x, HALF, taken, c, o->q, y, 2);
        }
    for (int64_t r = 0; r < rows; r++) memcpy(to + r * HALF, y + r * HALF, (size_t)o->q * sizeof(REAL));
}

static void NAME(basis_update_pairs)(const struct operands *o) {
    if (o->begin >= o->end) return;
    const int64_t end = o->begin + (o->end - 1 - o->begin) / 2 * 2;
    for (int64_t i = o->begin, next; i < end; i = next) {
        next = least(i + BASIS_ROWS, end);
        const REAL *c = o->c;
        for (int64_t k = 0; k < o->count; k++)
            for (int64_t j = 0, taken; j < o->p; j += taken, c += taken * o->q) {
                taken = least(o->p - j, HALF);
                NAME(update_pairs)((const REAL *)o->blocks[k] + i * o->ldx + j, o->ldx, taken, c, o->q,
                                   (REAL *)o->y + i * HALF, next - i);
            }
    }
    NAME(update_last_pair)(o, end);
}

/* G = [V W]^H X where rows of V and W are half a vector: rows 0 ..< p of G belong to V, the p after them to W. */
static void NAME(inner_pairs)(const REAL *v, const REAL *w, int64_t p, const REAL *x, int64_t q, REAL *g, int64_t rows) {
    PAIR sum[HALF] = {0};
    for (int64_t i = 0; i < rows; i++) {
        __builtin_prefetch(v + i * HALF + AHEAD);
        __builtin_prefetch(w + i * HALF + AHEAD);
        const HALF_PAIR a = LOAD_HALF(v + i * HALF), b = LOAD_HALF(w + i * HALF);
        const PAIR both = BOTH(a, b);
        UNROLL for (int j = 0; j < HALF; j++) sum[j] += both * x[i * HALF + j];
    }
    for (int64_t j = 0; j < q; j++) {
        REAL column[2 * HALF];
        memcpy(column, &sum[j], sizeof column);
        for (int64_t l = 0; l < p; l++) g[l * q + j] += column[l];
        if (v != w)
            for (int64_t l = 0; l < p; l++) g[(p + l) * q + j] += column[HALF + l];
    }
}

/* G = V^H X for a vector's number of columns of V, of which those from `first` on count. */
static void NAME(inner_wide)(const REAL *v, int64_t ldv, int64_t first, const REAL *x, int64_t q, REAL *g, int64_t rows) {
    PAIR sum[HALF] = {0};
    for (int64_t i = 0; i < rows; i++) {
        __builtin_prefetch(v + i * ldv + AHEAD);
        const PAIR a = LOAD_PAIR(v + i * ldv);
        UNROLL for (int j = 0; j < HALF; j++) sum[j] += a * x[i * HALF + j];
    }
    for (int64_t j = 0; j < q; j++) {
        REAL column[2 * HALF];
        memcpy(column, &sum[j], sizeof column);
        for (int64_t l = first; l < 2 * HALF; l++) g[l * q + j] += column[l];
    }
}

/* basis_inner for all rows but the last one, added to G. */
static void NAME(basis_inner_pairs)(const struct operands *o) {
    const int64_t block = o->p * o->q;
    for (int64_t i = o->begin, next; i < o->end; i = next) {
        next = least(i + BASIS_ROWS, o->end);
        const REAL *x = (const REAL *)o->x + i * HALF;
        REAL *g = o->g;
        for (int64_t k = 0, taken; k < o->count; k += taken, g += taken * block) {
            const REAL *v = (const REAL *)o->blocks[k] + i * o->ldb;
            taken = 1;
            if (o->ldb == HALF) {
                taken = least(2, o->count - k);
                NAME(inner_pairs)(v, (const REAL *)o->blocks[k + taken - 1] + i * HALF, o->p, x, o->q, g, next - i);
                continue;
            }
            for (int64_t j = 0; j < o->p; j += 2 * HALF) {
                const int64_t at = least(j, o->p - 2 * HALF);
                NAME(inner_wide)(v + at, o->ldb, j - at, x, o->q, g + at * o->q, next - i);
            }
        }
    }
}

#undef HALF
#undef PAIR
#undef HALF_PAIR
#undef LOAD_PAIR
#undef LOAD_HALF
#undef TWICE
#undef BOTH
#undef QUARTERS
#undef SPREAD
#undef EACH
#undef TURNS
#undef TURN
#undef PLACE
#undef AHEAD
