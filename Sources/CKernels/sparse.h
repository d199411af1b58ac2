/* Sparse rows times blocks, one chunk of columns.
 *
 * Complex products keep two real sums, of Re(s) v and of Im(s) v over the interleaved vectors v, and join them once
 * at the end, so that the loops over a row's entries are without shuffles. */
#define PASS_ARGUMENTS \
    const int n, const struct operands *o, int64_t begin, int64_t end, int64_t column, int64_t width

/* sum[v] = sum_k value[k] x[index[k]]. Entries at even and odd positions are summed apart: with one vector to a row
 * the additions' latency would else be the limit. */
INLINE void LN(row_sum)(const int n, int64_t width, const struct operands *o, int64_t from, int64_t to, const REAL *x,
                        int64_t ldx, VECTOR *sum) {
    const int32_t *index = o->index;
    const REAL *value = o->value;
    VECTOR part[2][PARTS][SPARSE_VECTORS] = {0};
    int64_t k = from;
    for (; k + 1 < to; k += 2) {
        UNROLL for (int h = 0; h < 2; h++) {
            const REAL *s = value + (k + h) * PARTS, *row = x + index[k + h] * ldx;
            UNROLL for (int v = 0; v < n; v++) {
                const VECTOR a = LOAD(row + OFFSET(v));
                UNROLL for (int c = 0; c < PARTS; c++) part[h][c][v] += s[c] * a;
            }
        }
    }
    if (k < to) {
        const REAL *s = value + k * PARTS, *row = x + index[k] * ldx;
        UNROLL for (int v = 0; v < n; v++) {
            const VECTOR a = LOAD(row + OFFSET(v));
            UNROLL for (int c = 0; c < PARTS; c++) part[0][c][v] += s[c] * a;
        }
    }
    UNROLL for (int v = 0; v < n; v++) {
        sum[v] = part[0][0][v] + part[1][0][v];
        if (PARTS == 2) {
            const VECTOR a = part[0][PARTS - 1][v] + part[1][PARTS - 1][v];
            sum[v] += TIMES_I(a);
        }
    }
}

INLINE void LN(spmm)(PASS_ARGUMENTS) {
    const REAL *x = (const REAL *)o->x + column, *b = o->b ? (const REAL *)o->b + column : NULL;
    REAL *y = (REAL *)o->y + column;
    const int64_t ldx = o->ldx * PARTS, ldb = o->ldb * PARTS, ldy = o->ldy * PARTS, *start = o->start;
    for (int64_t i = begin; i < end; i++) {
        VECTOR sum[SPARSE_VECTORS];
        LN(row_sum)(n, width, o, start[i], start[i + 1], x, ldx, sum);
        if (b) UNROLL for (int v = 0; v < n; v++) sum[v] = LOAD(b + i * ldb + OFFSET(v)) - sum[v];
        UNROLL for (int v = 0; v < n; v++) AS_STORED(y + i * ldy + OFFSET(v)) = sum[v];
    }
}

/* Each row waits for the one before, as a rule through the entry nearest to the diagonal. That entry comes last, scaled
 * by d beforehand, and the row before is still in registers, so that the wait is for one multiplication and addition
 * only, not for a row to pass through memory. */
INLINE void LN(sweep)(PASS_ARGUMENTS) {
    const REAL *b = (const REAL *)o->b + column, *d = o->d, *value = o->value;
    REAL *y = (REAL *)o->y + column;
    const int64_t ldb = o->ldb * PARTS, ldy = o->ldy * PARTS, *start = o->start;
    const int down = o->descending != 0;
    VECTOR before[SPARSE_VECTORS] = {0};
    int64_t row_before = -1;
    for (int64_t done = 0; done < end - begin; done++) {
        const int64_t i = down ? end - 1 - done : begin + done;
        const int64_t from = start[i], to = start[i + 1], some = from < to;
        VECTOR sum[SPARSE_VECTORS];
        LN(row_sum)(n, width, o, from + (some & down), to - (some & !down), y, ldy, sum);
        UNROLL for (int v = 0; v < n; v++) sum[v] = LOAD(b + i * ldb + OFFSET(v)) - sum[v];
        if (d) UNROLL for (int v = 0; v < n; v++) sum[v] = TIMES(d + i * PARTS, sum[v]);
        if (some) {
            const int64_t nearest = down ? from : to - 1, row = o->index[nearest];
            const REAL *s = value + nearest * PARTS, *t = d + i * PARTS;
            REAL scaled[2] = {s[0], s[PARTS - 1]};
            if (d) {
                scaled[0] = PARTS == 1 ? s[0] * t[0] : s[0] * t[0] - s[PARTS - 1] * t[PARTS - 1];
                scaled[1] = s[0] * t[PARTS - 1] + s[PARTS - 1] * t[0];
            }
            if (row == row_before) {
                UNROLL for (int v = 0; v < n; v++) sum[v] -= TIMES(scaled, before[v]);
            } else {
                UNROLL for (int v = 0; v < n; v++) {
                    const VECTOR a = LOAD(y + row * ldy + OFFSET(v));
                    sum[v] -= TIMES(scaled, a);
                }
            }
        }
        UNROLL for (int v = 0; v < n; v++) AS_STORED(y + i * ldy + OFFSET(v)) = before[v] = sum[v];
        row_before = i;
    }
}

/* One step of a polynomial in a matrix: everything that it does to a row at once. */
INLINE void LN(polynomial_step)(PASS_ARGUMENTS) {
    const REAL *x = o->x ? (const REAL *)o->x + column : NULL, *b = o->b ? (const REAL *)o->b + column : NULL;
    const REAL *w = o->c ? (const REAL *)o->c + column : NULL, *d = o->d;
    const REAL *alpha = o->alpha, *beta = o->beta, *gamma = o->s;
    REAL *y = (REAL *)o->y + column;
    const int64_t ldx = o->ldx * PARTS, ldb = o->ldb * PARTS, ldw = o->ldc * PARTS, ldy = o->ldy * PARTS, *start = o->start;
    for (int64_t i = begin; i < end; i++) {
        VECTOR sum[SPARSE_VECTORS] = {0};
        if (start) LN(row_sum)(n, width, o, start[i], start[i + 1], x, ldx, sum);
        else if (w) UNROLL for (int v = 0; v < n; v++) sum[v] = LOAD(w + i * ldw + OFFSET(v));
        UNROLL for (int v = 0; v < n; v++) sum[v] = b ? LOAD(b + i * ldb + OFFSET(v)) - sum[v] : -sum[v];
        if (d) UNROLL for (int v = 0; v < n; v++) sum[v] = TIMES(d + i * PARTS, sum[v]);
        UNROLL for (int v = 0; v < n; v++) sum[v] = TIMES(gamma, sum[v]);
        if (alpha) UNROLL for (int v = 0; v < n; v++) {
            const VECTOR a = LOAD(x + i * ldx + OFFSET(v));
            sum[v] += TIMES(alpha, a);
        }
        if (beta) UNROLL for (int v = 0; v < n; v++) {
            const VECTOR a = LOAD(y + i * ldy + OFFSET(v));
            sum[v] += TIMES(beta, a);
        }
        UNROLL for (int v = 0; v < n; v++) AS_STORED(y + i * ldy + OFFSET(v)) = sum[v];
    }
}

INLINE void LN(scatter)(PASS_ARGUMENTS) {
    const REAL *x = (const REAL *)o->x + column, *value = o->value, sign = o->conjugate ? -1 : 1;
    REAL *y = (REAL *)o->y + column;
    const int64_t ldx = o->ldx * PARTS, ldy = o->ldy * PARTS, *start = o->start;
    for (int64_t i = begin; i < end; i++) {
        VECTOR a[PARTS][SPARSE_VECTORS], sum[SPARSE_VECTORS];
        UNROLL for (int v = 0; v < n; v++) {
            a[0][v] = LOAD(x + i * ldx + OFFSET(v));
            if (PARTS == 2) a[PARTS - 1][v] = sign * TIMES_I(a[0][v]);
        }
        for (int64_t k = start[i]; k < start[i + 1]; k++) {
            REAL *row = y + o->index[k] * ldy;
            UNROLL for (int v = 0; v < n; v++) {
                sum[v] = LOAD(row + OFFSET(v));
                UNROLL for (int c = 0; c < PARTS; c++) sum[v] += value[k * PARTS + c] * a[c][v];
            }
            UNROLL for (int v = 0; v < n; v++) AS_STORED(row + OFFSET(v)) = sum[v];
        }
    }
}

/* The modulus of each number, in both of its parts if complex. The larger part is factored out against overflow; the
 * divisor's bound keeps 0/0 away. */
INLINE void LN(modulus)(VECTOR *a) {
    const VECTOR absolute = __builtin_elementwise_abs(*a), exchanged = EXCHANGED(absolute);
    if (PARTS == 1) {
        *a = absolute;
    } else {
        const VECTOR large = __builtin_elementwise_max(absolute, exchanged), zero = {0}, one = zero + 1;
        const VECTOR divisor = __builtin_elementwise_max(large, zero + NAME(tiny));
        const VECTOR ratio = __builtin_elementwise_min(absolute, exchanged) / divisor;
        *a = large * __builtin_elementwise_sqrt(one + ratio * ratio);
    }
}

INLINE void LN(magnitude)(PASS_ARGUMENTS) {
    LN(spmm)(n, o, begin, end, column, width);
    const REAL *x = (const REAL *)o->x + column, *value = o->value;
    REAL *z = (REAL *)o->z + column / PARTS;
    const int64_t ldx = o->ldx * PARTS, *start = o->start;
    for (int64_t i = begin; i < end; i++) {
        VECTOR sum[SPARSE_VECTORS] = {0};
        for (int64_t k = start[i]; k < start[i + 1]; k++) {
            const REAL *row = x + o->index[k] * ldx, s = NAME(absolute)(value + k * PARTS);
            UNROLL for (int v = 0; v < n; v++) {
                VECTOR a = LOAD(row + OFFSET(v));
                LN(modulus)(&a);
                sum[v] += s * a;
            }
        }
        UNROLL for (int v = 0; v < n; v++) {
            REAL out[LANES];
            memcpy(out, &sum[v], sizeof out);
            for (int l = 0; l < LANES / PARTS; l++) z[i * o->ldz + OFFSET(v) / PARTS + l] = out[l * PARTS];
        }
    }
}
