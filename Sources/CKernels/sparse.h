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
#define ENTRIES(count)                                                                      \
    UNROLL for (int h = 0; h < count; h++) {                                                \
        const REAL *s = value + (k + h) * PARTS, *row = x + index[k + h] * ldx;             \
        UNROLL for (int v = 0; v < n; v++) {                                                \
            const VECTOR a = LOAD(row + OFFSET(v));                                         \
            UNROLL for (int c = 0; c < PARTS; c++) part[h & 1][c][v] += s[c] * a;           \
        }                                                                                   \
    }
    if (n == 1) for (; k + 3 < to; k += 4) ENTRIES(4)
    for (; k + 1 < to; k += 2) ENTRIES(2)
    if (k < to) ENTRIES(1)
#undef ENTRIES
    UNROLL for (int v = 0; v < n; v++) {
        sum[v] = part[0][0][v] + part[1][0][v];
        if (PARTS == 2) {
            const VECTOR a = part[0][PARTS - 1][v] + part[1][PARTS - 1][v];
            sum[v] += TIMES_I(a);
        }
    }
}

/* Asks for what a later row needs: the entries PREFETCH_BYTES beyond this row's, of which processors follow only one stream
 * far enough by themselves, and the row of X that the row PREFETCH_ROWS below reads last, as a rule one that no row has read
 * before. Addresses beyond the arrays do no harm: a prefetch cannot fault. */
INLINE void LN(prefetch)(const int n, int64_t width, const struct operands *o, int64_t i, const REAL *x, int64_t ldx) {
    const char *value = (const char *)((const REAL *)o->value + o->start[i] * PARTS);
    const char *index = (const char *)(o->index + o->start[i]);
    const int64_t entries = o->start[i + 1] - o->start[i];
    for (int64_t at = 0; at < entries * PARTS * REAL_BYTES; at += LINE_BYTES) __builtin_prefetch(value + PREFETCH_BYTES + at);
    for (int64_t at = 0; at < entries * 4; at += LINE_BYTES) __builtin_prefetch(index + PREFETCH_BYTES / 2 + at);
    if (width * REAL_BYTES <= LINE_BYTES / 4 || i + PREFETCH_ROWS >= o->rows) return;
    const int64_t last = o->start[i + PREFETCH_ROWS + 1];
    if (last == o->start[i + PREFETCH_ROWS]) return;
    const REAL *row = x + o->index[last - 1] * ldx;
    UNROLL for (int v = 0; v < n; v++) __builtin_prefetch(row + v * LANES);
}

/* Stores past the caches where a vector is aligned and so never stored in part. */
INLINE void LN(store)(REAL *to, VECTOR a, int streaming) {
    if (streaming) __builtin_nontemporal_store(a, (VECTOR *)to);
    else AS_STORED(to) = a;
}

INLINE void LN(rows_of_product)(PASS_ARGUMENTS, const int64_t ldx, const int64_t ldy, const int prefetch,
                                const int streaming) {
    const REAL *x = (const REAL *)o->x + column, *b = o->b ? (const REAL *)o->b + column : NULL;
    REAL *y = (REAL *)o->y + column;
    const int64_t ldb = o->ldb * PARTS, *start = o->start;
    for (int64_t i = begin; i < end; i++) {
        VECTOR sum[SPARSE_VECTORS];
        if (prefetch) LN(prefetch)(n, width, o, i, x, ldx);
        LN(row_sum)(n, width, o, start[i], start[i + 1], x, ldx, sum);
        if (b) UNROLL for (int v = 0; v < n; v++) sum[v] = LOAD(b + i * ldb + OFFSET(v)) - sum[v];
        UNROLL for (int v = 0; v < n; v++) LN(store)(y + i * ldy + OFFSET(v), sum[v], streaming);
    }
}

/* Rows that follow each other without a gap have constant leading dimensions, so that an address takes no multiplication. */
INLINE void LN(spmm)(PASS_ARGUMENTS) {
    const int64_t ldx = o->ldx * PARTS, ldy = o->ldy * PARTS, full = n * LANES;
    const int compact = width == full && ldx == full && ldy == full;
    const uintptr_t misfit = ((uintptr_t)((REAL *)o->y + column) | (uintptr_t)(ldy * REAL_BYTES)) % (LANES * REAL_BYTES);
    const int streaming = o->traffic & BK_STREAM && LEVEL == 0 && LANES > 1 && width == full && misfit == 0;
#define ROWS(...) LN(rows_of_product)(n, o, begin, end, column, width, __VA_ARGS__)
    if (compact && streaming) ROWS(n * LANES, n * LANES, 1, 1);
    else if (compact && o->traffic) ROWS(n * LANES, n * LANES, 1, 0);
    else if (compact) ROWS(n * LANES, n * LANES, 0, 0);
    else if (streaming) ROWS(ldx, ldy, 1, 1);
    else if (o->traffic) ROWS(ldx, ldy, 1, 0);
    else ROWS(ldx, ldy, 0, 0);
#undef ROWS
}

/* Each row waits for the one before, as a rule through the entry nearest to the diagonal. That entry comes last, scaled
 * by d beforehand, and the row before is still in registers, so that the wait is for one multiplication and addition
 * only, not for a row to pass through memory. */
INLINE void LN(rows_of_sweep)(PASS_ARGUMENTS, const int64_t ldb, const int64_t ldy) {
    const REAL *b = (const REAL *)o->b + column, *d = o->d, *value = o->value;
    REAL *y = (REAL *)o->y + column;
    const int64_t *start = o->start;
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

INLINE void LN(sweep)(PASS_ARGUMENTS) {
    const int64_t ldb = o->ldb * PARTS, ldy = o->ldy * PARTS;
    if (LANES == PARTS && ldb == PARTS && ldy == PARTS) LN(rows_of_sweep)(n, o, begin, end, column, width, PARTS, PARTS);
    else LN(rows_of_sweep)(n, o, begin, end, column, width, ldb, ldy);
}

/* One step of a polynomial in a matrix: everything that it does to a row at once. */
INLINE void LN(rows_of_step)(PASS_ARGUMENTS, const int64_t ldx, const int64_t ldy, const int matrix, const int whole) {
    const REAL *x = o->x ? (const REAL *)o->x + column : NULL, *b = o->b ? (const REAL *)o->b + column : NULL;
    const REAL *w = o->c ? (const REAL *)o->c + column : NULL, *d = o->d;
    const REAL *alpha = o->alpha, *beta = o->beta, *gamma = o->s;
    REAL *y = (REAL *)o->y + column;
    const int64_t ldb = whole ? ldx : o->ldb * PARTS, ldw = o->ldc * PARTS, *start = o->start;
    const int prefetch = matrix && o->traffic;
    for (int64_t i = begin; i < end; i++) {
        VECTOR sum[SPARSE_VECTORS] = {0};
        if (prefetch) LN(prefetch)(n, width, o, i, x, ldx);
        if (matrix) LN(row_sum)(n, width, o, start[i], start[i + 1], x, ldx, sum);
        else if (w) UNROLL for (int v = 0; v < n; v++) sum[v] = LOAD(w + i * ldw + OFFSET(v));
        UNROLL for (int v = 0; v < n; v++) sum[v] = whole || b ? LOAD(b + i * ldb + OFFSET(v)) - sum[v] : -sum[v];
        if (whole || d) UNROLL for (int v = 0; v < n; v++) sum[v] = TIMES(d + i * PARTS, sum[v]);
        UNROLL for (int v = 0; v < n; v++) sum[v] = TIMES(gamma, sum[v]);
        if (whole || alpha) UNROLL for (int v = 0; v < n; v++) {
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

/* The step of a smoother, with a matrix, its diagonal, B and X, in blocks without gaps, is worth a loop of its own. */
INLINE void LN(polynomial_step)(PASS_ARGUMENTS) {
    const int64_t ldx = o->ldx * PARTS, ldy = o->ldy * PARTS, full = n * LANES;
    const int compact = width == full && ldx == full && ldy == full && o->ldb * PARTS == full;
#define ROWS(...) LN(rows_of_step)(n, o, begin, end, column, width, __VA_ARGS__)
    if (compact && o->start && o->b && o->d && o->alpha) ROWS(n * LANES, n * LANES, 1, 1);
    else if (o->start) ROWS(ldx, ldy, 1, 0);
    else ROWS(ldx, ldy, 0, 0);
#undef ROWS
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

/* As row_sum, and magnitude[v] = sum_k |value[k]| |x[index[k]]| in the same pass, in both parts of a complex number. */
INLINE void LN(row_sums)(const int n, int64_t width, const struct operands *o, int64_t from, int64_t to, const REAL *x,
                         int64_t ldx, VECTOR *sum, VECTOR *magnitude) {
    const int32_t *index = o->index;
    const REAL *value = o->value;
    VECTOR part[2][PARTS][DENSE_VECTORS] = {0}, size[2][DENSE_VECTORS] = {0};
    int64_t k = from;
    for (; k + 1 < to; k += 2) {
        UNROLL for (int h = 0; h < 2; h++) {
            const REAL *s = value + (k + h) * PARTS, *row = x + index[k + h] * ldx, t = NAME(absolute)(s);
            UNROLL for (int v = 0; v < n; v++) {
                VECTOR a = LOAD(row + OFFSET(v));
                UNROLL for (int c = 0; c < PARTS; c++) part[h][c][v] += s[c] * a;
                LN(modulus)(&a);
                size[h][v] += t * a;
            }
        }
    }
    if (k < to) {
        const REAL *s = value + k * PARTS, *row = x + index[k] * ldx, t = NAME(absolute)(s);
        UNROLL for (int v = 0; v < n; v++) {
            VECTOR a = LOAD(row + OFFSET(v));
            UNROLL for (int c = 0; c < PARTS; c++) part[0][c][v] += s[c] * a;
            LN(modulus)(&a);
            size[0][v] += t * a;
        }
    }
    UNROLL for (int v = 0; v < n; v++) {
        sum[v] = part[0][0][v] + part[1][0][v];
        if (PARTS == 2) {
            const VECTOR a = part[0][PARTS - 1][v] + part[1][PARTS - 1][v];
            sum[v] += TIMES_I(a);
        }
        magnitude[v] = size[0][v] + size[1][v];
    }
}

INLINE void LN(magnitude)(PASS_ARGUMENTS) {
    const REAL *x = (const REAL *)o->x + column, *b = (const REAL *)o->b + column;
    REAL *y = (REAL *)o->y + column, *z = (REAL *)o->z + column / PARTS;
    const int64_t ldx = o->ldx * PARTS, ldb = o->ldb * PARTS, ldy = o->ldy * PARTS, *start = o->start;
    for (int64_t i = begin; i < end; i++) {
        VECTOR sum[DENSE_VECTORS], size[DENSE_VECTORS];
        LN(row_sums)(n, width, o, start[i], start[i + 1], x, ldx, sum, size);
        UNROLL for (int v = 0; v < n; v++) sum[v] = LOAD(b + i * ldb + OFFSET(v)) - sum[v];
        UNROLL for (int v = 0; v < n; v++) {
            AS_STORED(y + i * ldy + OFFSET(v)) = sum[v];
            REAL out[LANES];
            memcpy(out, &size[v], sizeof out);
            for (int l = 0; l < LANES / PARTS; l++) z[i * o->ldz + OFFSET(v) / PARTS + l] = out[l * PARTS];
        }
    }
}

/* A comparison as ones in the lanes where it holds, and the choice by such a mask. */
#if LANES == 1
#define MASK(condition) (-(BITS)(condition))
#define ANY(mask) ((mask) != 0)
#else
#define MASK(condition) ((BITVECTOR)(condition))
#define ANY(mask) (__builtin_reduce_or(mask) != 0)
#endif
INLINE VECTOR LN(chosen)(BITVECTOR mask, VECTOR a, VECTOR b) {
    BITVECTOR p, q;
    memcpy(&p, &a, sizeof p);
    memcpy(&q, &b, sizeof q);
    p = (p & mask) | (q & ~mask);
    memcpy(&a, &p, sizeof a);
    return a;
}

/* The quotients of the backward error are formed only where one of them exceeds the largest so far, which a multiplication tells. */
INLINE void LN(error)(PASS_ARGUMENTS) {
    enum { ROW_PIECE = 32 };
    const REAL *x = (const REAL *)o->x + column, *b = (const REAL *)o->b + column, *maxima = (const REAL *)o->d + column;
    const double *row_sum = o->s;
    const REAL factor = *(const double *)o->alpha;
    REAL *y = (REAL *)o->y + column, *out = (REAL *)o->g + column;
    const int64_t ldx = o->ldx * PARTS, ldb = o->ldb * PARTS, ldy = o->ldy * PARTS, *start = o->start, m = o->m * PARTS;
    VECTOR squares[DENSE_VECTORS], first[DENSE_VECTORS], second[DENSE_VECTORS], most[DENSE_VECTORS];
    UNROLL for (int v = 0; v < n; v++) {
        squares[v] = LOAD(out + OFFSET(v));
        first[v] = LOAD(out + m + OFFSET(v));
        second[v] = LOAD(out + 2 * m + OFFSET(v));
        most[v] = LOAD(maxima + OFFSET(v));
    }
    for (int64_t i = begin; i < end; i++) {
        VECTOR sum[DENSE_VECTORS] = {0}, size[DENSE_VECTORS] = {0}, right[DENSE_VECTORS];
        /* Long rows in pieces: rounding errors of one long sum would be larger than what refinement can attain. */
        for (int64_t k = start[i]; k < start[i + 1]; k += ROW_PIECE) {
            const int64_t piece_end = start[i + 1] - k > ROW_PIECE ? k + ROW_PIECE : start[i + 1];
            VECTOR part[DENSE_VECTORS], part_size[DENSE_VECTORS];
            LN(row_sums)(n, width, o, k, piece_end, x, ldx, part, part_size);
            UNROLL for (int v = 0; v < n; v++) {
                sum[v] += part[v];
                size[v] += part_size[v];
            }
        }
        UNROLL for (int v = 0; v < n; v++) {
            right[v] = LOAD(b + i * ldb + OFFSET(v));
            sum[v] = right[v] - sum[v];
        }
        UNROLL for (int v = 0; v < n; v++) AS_STORED(y + i * ldy + OFFSET(v)) = sum[v];
        const REAL entries = (REAL)row_sum[i];
        UNROLL for (int v = 0; v < n; v++) {
            const VECTOR zero = {0};
            VECTOR residual = sum[v];
            LN(modulus)(&residual);
            LN(modulus)(&right[v]);
            squares[v] += residual * residual;
            const VECTOR bound = entries * most[v];
            const BITVECTOR large = MASK(size[v] + right[v] > factor * (bound + right[v]));
            const VECTOR divisor = size[v] + LN(chosen)(large, right[v], bound);
            const VECTOR least = divisor * LN(chosen)(large, first[v], second[v]);
            /* A residual of 0 is no error even where the divisor is 0. */
            const BITVECTOR worse = MASK(residual > least) & MASK(residual > zero);
            if (ANY(worse)) {
                const VECTOR quotient = LN(chosen)(worse, residual / divisor, zero);
                first[v] = __builtin_elementwise_max(first[v], LN(chosen)(large, quotient, zero));
                second[v] = __builtin_elementwise_max(second[v], LN(chosen)(large, zero, quotient));
            }
        }
    }
    UNROLL for (int v = 0; v < n; v++) {
        AS_STORED(out + OFFSET(v)) = squares[v];
        AS_STORED(out + m + OFFSET(v)) = first[v];
        AS_STORED(out + 2 * m + OFFSET(v)) = second[v];
    }
}
#undef MASK
#undef ANY
