/* Products of blocks with small matrices, one chunk of columns. */

/* sum[r][v] = sum_k s[r across + k along] a[k lda], the register tile of both products: `rows` times n vectors over
 * `count` terms. A small tile has too few sums to hide the additions' latency; `strands` of them take turns then.
 *
 * Full tiles, which are those of wide blocks, fetch ahead, as the hardware does not follow their strides: the terms
 * `ahead` of these, or for ahead == 0 the scalars of the tile after the next, one cache line of one row at a time.
 * Tiles of one vector fetch rows a few thousand bytes ahead: bases of many blocks are read in strips too short for the
 * hardware to find its pace. Fetching past the end of a block is harmless. */
#define FULL (rows == TILE && n == DENSE_VECTORS)
#define AHEAD 64
INLINE void LN(tile)(const int rows, const int n, const int strands, int64_t width, int64_t count, const REAL *s,
                     int64_t across, int64_t along, const REAL *a, int64_t lda, int64_t ahead, const REAL sign,
                     VECTOR sum[TILE][DENSE_VECTORS]) {
    VECTOR part[4][PARTS][TILE][DENSE_VECTORS] = {0};
    int64_t k = 0;
    for (; k + strands <= count; k += strands) {
        if (FULL && ahead == 0) {
            __builtin_prefetch(s + (2 * TILE + k % TILE) * across + k / TILE * TILE * along);
        } else if (FULL) {
            __builtin_prefetch(s + (k + ahead) * along, 0, 2);
            UNROLL for (int v = 0; v < n; v++) __builtin_prefetch(a + (k + ahead) * lda + OFFSET(v), 0, 2);
        } else if (rows == TILE && n == 1 && PARTS == 1) {
            if (ahead == 0) __builtin_prefetch(s + (AHEAD / TILE * TILE + k % TILE) * across + k / TILE * TILE * along);
            else __builtin_prefetch(s + (k + AHEAD) * along);
        }
        UNROLL for (int h = 0; h < strands; h++) {
            VECTOR row[DENSE_VECTORS];
            UNROLL for (int v = 0; v < n; v++) row[v] = LOAD(a + (k + h) * lda + OFFSET(v));
            UNROLL for (int r = 0; r < rows; r++)
                UNROLL for (int c = 0; c < PARTS; c++)
                    UNROLL for (int v = 0; v < n; v++)
                        part[h][c][r][v] += s[r * across + (k + h) * along + c] * row[v];
        }
    }
    for (; k < count; k++) {
        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int c = 0; c < PARTS; c++)
                UNROLL for (int v = 0; v < n; v++)
                    part[0][c][r][v] += s[r * across + k * along + c] * LOAD(a + k * lda + OFFSET(v));
    }
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < n; v++) {
            UNROLL for (int h = 1; h < strands; h++)
                UNROLL for (int c = 0; c < PARTS; c++) part[0][c][r][v] += part[h][c][r][v];
            sum[r][v] = part[0][0][r][v];
            if (PARTS == 2) sum[r][v] += sign * TIMES_I(part[0][PARTS - 1][r][v]);
        }
    }
}

/* `rows` rows of a product X C: each term of a row of X times a row of C. A tile holds all its sums before it stores the
 * first, so Y may be X as long as a chunk has all columns. It asks for the rows of the tile after the next. */
#define UPDATE_ROWS(n) ((n) <= 2 ? TILE : 2 * TILE / (n))
INLINE void LN(update_rows)(const int rows, const int n, const struct operands *o, int64_t i, int64_t column,
                            int64_t width) {
    const int64_t ldx = o->ldx * PARTS, ldy = o->ldy * PARTS, ldz = o->ldb * PARTS, ldc = o->q * PARTS;
    const REAL *x = (const REAL *)o->x + i * ldx, *c = (const REAL *)o->c + column;
    const REAL *z = o->b ? (const REAL *)o->b + i * ldz + column : NULL;
    REAL *y = (REAL *)o->y + i * ldy + column;
    VECTOR part[PARTS][TILE][UPDATE_VECTORS] = {0};
    if (rows > 1) {
        UNROLL for (int r = 0; r < rows; r++) {
            UNROLL for (int v = 0; v < n; v++) {
                __builtin_prefetch(y + (r + 2 * rows) * ldy + OFFSET(v), 1);
                if (z) __builtin_prefetch(z + (r + 2 * rows) * ldz + OFFSET(v));
            }
        }
    }
    for (int64_t k = 0; k < o->p; k++) {
        VECTOR row[UPDATE_VECTORS];
        if (rows > 1) __builtin_prefetch(x + (2 * rows + k % rows) * ldx + k / rows * (64 / REAL_BYTES));
        UNROLL for (int v = 0; v < n; v++) row[v] = LOAD(c + k * ldc + OFFSET(v));
        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int h = 0; h < PARTS; h++)
                UNROLL for (int v = 0; v < n; v++) part[h][r][v] += x[r * ldx + k * PARTS + h] * row[v];
    }
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < n; v++) {
            if (PARTS == 2) part[0][r][v] += TIMES_I(part[PARTS - 1][r][v]);
            if (z) part[0][r][v] += LOAD(z + r * ldz + OFFSET(v));
        }
        UNROLL for (int v = 0; v < n; v++) AS_STORED(y + r * ldy + OFFSET(v)) = part[0][r][v];
    }
}

/* The same where C is square and as wide as one vector: it stays in the registers. */
#define SQUARE (LANES / PARTS)
INLINE void LN(update_square)(const int rows, const struct operands *o, const VECTOR *c, int64_t i) {
    const int64_t ldx = o->ldx * PARTS, ldy = o->ldy * PARTS, ldz = o->ldb * PARTS;
    const REAL *x = (const REAL *)o->x + i * ldx, *z = o->b ? (const REAL *)o->b + i * ldz : NULL;
    REAL *y = (REAL *)o->y + i * ldy;
    VECTOR part[PARTS][TILE] = {0};
    UNROLL for (int k = 0; k < SQUARE; k++)
        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int h = 0; h < PARTS; h++) part[h][r] += x[r * ldx + k * PARTS + h] * c[k];
    UNROLL for (int r = 0; r < rows; r++) {
        if (PARTS == 2) part[0][r] += TIMES_I(part[PARTS - 1][r]);
        if (z) part[0][r] += LOAD(z + r * ldz);
    }
    UNROLL for (int r = 0; r < rows; r++) AS_STORED(y + r * ldy) = part[0][r];
}

INLINE void LN(update)(PASS_ARGUMENTS) {
    int64_t i = begin;
    if (n == 1 && width == LANES && o->q == SQUARE && o->p == SQUARE && 2 * SQUARE <= REGISTERS) {
        VECTOR c[SQUARE];
        UNROLL for (int k = 0; k < SQUARE; k++) c[k] = LOAD((const REAL *)o->c + k * LANES);
        for (; i + TILE <= end; i += TILE) LN(update_square)(TILE, o, c, i);
        for (; i < end; i++) LN(update_square)(1, o, c, i);
        return;
    }
    for (; i + UPDATE_ROWS(n) <= end; i += UPDATE_ROWS(n)) LN(update_rows)(UPDATE_ROWS(n), n, o, i, column, width);
    for (; i < end; i++) LN(update_rows)(1, n, o, i, column, width);
}
#undef SQUARE

/* Adds rows a ..< a + rows of Y^H X. */
INLINE void LN(inner_rows)(const int rows, const int n, const struct operands *o, int64_t begin, int64_t end, int64_t a,
                           int64_t column, int64_t width) {
    const int64_t ldx = o->ldx * PARTS, ldy = o->ldb * PARTS;
    const REAL *x = (const REAL *)o->x + begin * ldx + column, *y = (const REAL *)o->b + begin * ldy + a * PARTS;
    REAL *g = (REAL *)o->g + a * o->q * PARTS + column;
    VECTOR sum[TILE][DENSE_VECTORS];
    const int strands = rows * n >= 4 ? 1 : rows * n >= 2 ? 2 : 4;
    LN(tile)(rows, n, strands, width, end - begin, y, PARTS, ldy, x, ldx, end - begin, -1, sum);
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < n; v++) sum[r][v] += LOAD(g + r * o->q * PARTS + OFFSET(v));
        UNROLL for (int v = 0; v < n; v++) AS_STORED(g + r * o->q * PARTS + OFFSET(v)) = sum[r][v];
    }
}

/* Of a hermitian product, tiles below the diagonal are left out: those of rows that begin behind the chunk, and the first
 * vector of those that begin behind it. */
INLINE void LN(inner_tile)(const int rows, const int n, const struct operands *o, int64_t begin, int64_t end, int64_t a,
                           int64_t column, int64_t width) {
    if (n == 2 && o->hermitian && a * PARTS >= column + width - LANES)
        LN(inner_rows)(rows, 1, o, begin, end, a, column + width - LANES, LANES);
    else
        LN(inner_rows)(rows, n, o, begin, end, a, column, width);
}

INLINE void LN(inner)(PASS_ARGUMENTS) {
    const int64_t p = o->hermitian ? least(o->p, (column + width) / PARTS) : o->p;
    int64_t a = 0;
    for (; a + TILE <= p; a += TILE) LN(inner_tile)(TILE, n, o, begin, end, a, column, width);
    if (TILE > 4 && a + 4 <= p) LN(inner_tile)(4, n, o, begin, end, a, column, width), a += 4;
    if (TILE > 2 && a + 2 <= p) LN(inner_tile)(2, n, o, begin, end, a, column, width), a += 2;
    if (a < p) LN(inner_tile)(1, n, o, begin, end, a, column, width);
}
/* Rows i ..< i + rows of a triangular solve in place: what `count` rows from row `from` on, which are done, contribute, then the
 * triangle on the diagonal in registers. Entry (i, k) of the triangle is value[i + k ldc]. */
INLINE void LN(triangle_rows)(const int rows, const int descending, const int n, const struct operands *o, int64_t i,
                              int64_t from, int64_t count, int64_t column, int64_t width) {
    const REAL *t = (const REAL *)o->value + i * PARTS, *d = o->d ? (const REAL *)o->d + i * PARTS : NULL;
    const int64_t ldt = o->ldc * PARTS, ldy = o->ldy * PARTS;
    REAL *y = (REAL *)o->y + column;
    VECTOR x[TILE][DENSE_VECTORS];
    LN(tile)(rows, n, 1, width, count, t + from * ldt, PARTS, ldt, y + from * ldy, ldy, count, 1, x);
    t += i * ldt;
    y += i * ldy;
    UNROLL for (int k = 0; k < rows; k++) {
        const int r = descending ? rows - 1 - k : k;
        UNROLL for (int v = 0; v < n; v++) x[r][v] = LOAD(y + r * ldy + OFFSET(v)) - x[r][v];
        UNROLL for (int l = 0; l < k; l++) {
            const int q = descending ? rows - 1 - l : l;
            UNROLL for (int v = 0; v < n; v++) x[r][v] -= TIMES(t + r * PARTS + q * ldt, x[q][v]);
        }
        if (d) UNROLL for (int v = 0; v < n; v++) x[r][v] = TIMES(d + r * PARTS, x[r][v]);
        UNROLL for (int v = 0; v < n; v++) AS_STORED(y + r * ldy + OFFSET(v)) = x[r][v];
    }
}

INLINE void LN(triangle)(PASS_ARGUMENTS) {
    const int64_t tiles = end / TILE * TILE;
    (void)begin;
    if (o->descending) {
        int64_t i = end;
        for (; i >= TILE; i -= TILE) LN(triangle_rows)(TILE, 1, n, o, i - TILE, i, end - i, column, width);
        if (TILE > 4 && i >= 4) i -= 4, LN(triangle_rows)(4, 1, n, o, i, i + 4, end - i - 4, column, width);
        if (TILE > 2 && i >= 2) i -= 2, LN(triangle_rows)(2, 1, n, o, i, i + 2, end - i - 2, column, width);
        if (TILE > 1 && i >= 1) LN(triangle_rows)(1, 1, n, o, 0, 1, end - 1, column, width);
    } else {
        int64_t i = 0;
        for (; i < tiles; i += TILE) LN(triangle_rows)(TILE, 0, n, o, i, 0, i, column, width);
        if (TILE > 4 && i + 4 <= end) LN(triangle_rows)(4, 0, n, o, i, 0, i, column, width), i += 4;
        if (TILE > 2 && i + 2 <= end) LN(triangle_rows)(2, 0, n, o, i, 0, i, column, width), i += 2;
        if (TILE > 1 && i < end) LN(triangle_rows)(1, 0, n, o, i, 0, i, column, width);
    }
}

#undef FULL
#undef AHEAD
