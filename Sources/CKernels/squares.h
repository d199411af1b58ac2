/* Products of a real basis with a block whose rows are one vector, padding included: what belongs to a part of the basis stays in
 * registers while a strip of its rows passes, of two parts at a time where there are registers for them. Padding and the last row
 * as in pairs.h. */
#define ROW LANES_AT(0)
#define FULL AT(vector, 0)
#define LOAD_FULL(pointer) (*(const AT(stored, 0) *)(pointer))
#define TOGETHER (4 * ROW <= REGISTERS ? 2 : 1)
#define AHEAD (PREFETCH_BYTES / 2 / (int64_t)sizeof(REAL))

/* Y[:, 0 ..< q] += V C for columns of V from j on, p of each of `group` blocks, over rows i ..< end. */
INLINE void NAME(update_squares)(const int group, const int p, const struct operands *o, int64_t k, int64_t column, int64_t i,
                                 int64_t end) {
    const int64_t ldv = o->ldx, q = o->q;
    const REAL *v[2], *c = (const REAL *)o->c + (k * o->p + column) * q;
    REAL *y = o->y;
    FULL factor[2][ROW];
    AT(bits, 0) written;
    for (int64_t l = 0; l < ROW; l++) written[l] = l < q ? -1 : 0;
    UNROLL for (int b = 0; b < group; b++) {
        v[b] = (const REAL *)o->blocks[k + b] + column;
        UNROLL for (int j = 0; j < p; j++) {
            REAL row[ROW] = {0};
            for (int64_t l = 0; l < q; l++) row[l] = c[(b * o->p + j) * q + l];
            factor[b][j] = LOAD_FULL(row);
        }
    }
    for (; i < end; i += 4) {
        const int64_t left = least(4, end - i);
        FULL sum[4], old[4];
        for (int64_t r = 0; r < 4; r++) old[r] = sum[r] = LOAD_FULL(y + (i + least(r, left - 1)) * ROW);
        UNROLL for (int b = 0; b < group; b++)
            UNROLL for (int r = 0; r < 4; r++) {
                const REAL *x = v[b] + (i + least(r, left - 1)) * ldv;
                __builtin_prefetch(x + AHEAD);
                UNROLL for (int j = 0; j < p; j++) sum[r] += x[j] * factor[b][j];
            }
        for (int64_t r = 0; r < left; r++)
            *(AT(stored, 0) *)(y + (i + r) * ROW) =
                (FULL)(((AT(bits, 0))sum[r] & written) | ((AT(bits, 0))old[r] & ~written));
    }
}

/* Columns j and those after it of block k, a row's length at most. */
static void NAME(update_square)(const struct operands *o, int64_t k, int64_t j, int64_t i, int64_t end) {
    switch (least(o->p - j, ROW)) {
#define CASE(p) case p: NAME(update_squares)(1, p, o, k, j, i, end); break;
    CASE(1)
    CASE(2)
#if LANES_AT(0) >= 4
    CASE(3)
    CASE(4)
#endif
#if LANES_AT(0) >= 8
    CASE(5)
    CASE(6)
    CASE(7)
    CASE(8)
#endif
#undef CASE
    }
}

static void NAME(basis_update_squares)(const struct operands *all) {
    if (all->begin >= all->end) return;
    const struct operands local = *all, *o = &local;
    for (int64_t i = o->begin, next; i < o->end - 1; i = next) {
        next = least(i + BASIS_ROWS, o->end - 1);
        int64_t k = 0;
        if (o->p == ROW)
            for (; k + TOGETHER <= o->count; k += TOGETHER) NAME(update_squares)(TOGETHER, ROW, o, k, 0, i, next);
        for (; k < o->count; k++)
            for (int64_t j = 0; j < o->p; j += ROW) NAME(update_square)(o, k, j, i, next);
    }
    /* The last row in a copy, by the same arithmetic. */
    REAL y[ROW] = {0}, *to = (REAL *)o->y + (o->end - 1) * ROW;
    memcpy(y, to, (size_t)o->q * sizeof(REAL));
    struct operands last = *all;
    for (int64_t k = 0; k < o->count; k++) {
        const void *block = (const REAL *)o->blocks[k] + (o->end - 1) * o->ldx;
        last.blocks = &block;
        last.c = (const REAL *)o->c + k * o->p * o->q;
        last.y = y;
        for (int64_t j = 0; j < o->p; j += ROW) NAME(update_square)(&last, 0, j, 0, 1);
    }
    memcpy(to, y, (size_t)o->q * sizeof(REAL));
}

/* G += V^H X for the columns of V from `column` on, of which those from `first` on count, p with them at most, of `group` blocks. */
INLINE void NAME(inner_squares)(const int group, const struct operands *o, int64_t k, int64_t column, int64_t first, int64_t p,
                                int64_t i, int64_t end) {
    const int64_t ldv = o->ldb, q = o->q;
    const REAL *v[2], *x = o->x;
    FULL sum[2][ROW] = {0};
    UNROLL for (int b = 0; b < group; b++) v[b] = (const REAL *)o->blocks[k + b] + column;
    for (; i < end; i++) {
        FULL row[2];
        UNROLL for (int b = 0; b < group; b++) {
            __builtin_prefetch(v[b] + i * ldv + AHEAD);
            row[b] = LOAD_FULL(v[b] + i * ldv);
        }
        UNROLL for (int j = 0; j < ROW; j++)
            UNROLL for (int b = 0; b < group; b++) sum[b][j] += row[b] * x[i * ROW + j];
    }
    for (int b = 0; b < group; b++) {
        REAL *g = (REAL *)o->g + ((k + b) * o->p + column) * q;
        for (int64_t j = 0; j < q; j++) {
            REAL part[ROW];
            memcpy(part, &sum[b][j], sizeof part);
            for (int64_t l = first; l < p; l++) g[l * q + j] += part[l];
        }
    }
}

/* All rows but the last one of basis_inner, added to G. */
static void NAME(basis_inner_squares)(const struct operands *all) {
    const struct operands local = *all, *o = &local;
    for (int64_t i = o->begin, next; i < o->end; i = next) {
        next = least(i + BASIS_ROWS, o->end);
        int64_t k = 0;
        if (o->p <= ROW)
            for (; k + TOGETHER <= o->count; k += TOGETHER) NAME(inner_squares)(TOGETHER, o, k, 0, 0, o->p, i, next);
        for (; k < o->count; k++)
            for (int64_t j = 0; j < o->p; j += ROW) {
                const int64_t at = o->p < ROW ? 0 : least(j, o->p - ROW);
                NAME(inner_squares)(1, o, k, at, j - at, least(o->p, ROW), i, next);
            }
    }
}

#undef ROW
#undef FULL
#undef LOAD_FULL
#undef TOGETHER
#undef AHEAD
