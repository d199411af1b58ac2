/* Products with a basis, many blocks of one shape, that no cache holds: the sums of a tile of rows stay in registers while
 * all blocks pass, and rows some way ahead are fetched in each of them, as the hardware does not follow so many. */
#define AHEAD 16
#define LINE (64 / (int64_t)sizeof(REAL))

INLINE void LN(basis_update_rows)(const int rows, const int n, const struct operands *o, int64_t i, int64_t column,
                                  int64_t width) {
    const int64_t ldx = o->ldx * PARTS, p = o->p * PARTS, ldc = o->q * PARTS;
    const REAL *c = (const REAL *)o->c + column;
    VECTOR sum[PARTS][TILE][DENSE_VECTORS] = {0};
    for (int64_t k = 0; k < o->count; k++) {
        const REAL *x = (const REAL *)o->blocks[k] + i * ldx;
        for (int64_t line = 0; line < p; line += LINE)
            UNROLL for (int r = 0; r < rows; r++) __builtin_prefetch(x + (AHEAD + r) * ldx + line);
        for (int64_t j = 0; j < p; j += PARTS, c += ldc) {
            VECTOR row[DENSE_VECTORS];
            UNROLL for (int v = 0; v < n; v++) row[v] = LOAD(c + OFFSET(v));
            UNROLL for (int r = 0; r < rows; r++)
                UNROLL for (int part = 0; part < PARTS; part++)
                    UNROLL for (int v = 0; v < n; v++) sum[part][r][v] += x[r * ldx + j + part] * row[v];
        }
    }
    REAL *y = (REAL *)o->y + i * o->ldy * PARTS + column;
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < n; v++) {
            if (PARTS == 2) sum[0][r][v] += TIMES_I(sum[PARTS - 1][r][v]);
            sum[0][r][v] += LOAD(y + r * o->ldy * PARTS + OFFSET(v));
        }
        UNROLL for (int v = 0; v < n; v++) AS_STORED(y + r * o->ldy * PARTS + OFFSET(v)) = sum[0][r][v];
    }
}

INLINE void LN(basis_update)(PASS_ARGUMENTS) {
    int64_t i = begin;
    for (; i + TILE <= end; i += TILE) LN(basis_update_rows)(TILE, n, o, i, column, width);
    for (; i < end; i++) LN(basis_update_rows)(1, n, o, i, column, width);
}

/* Y[:,j] += sum_k s[k q + j] V_k[:,j]. */
INLINE void LN(basis_combine_rows)(const int rows, const int n, const struct operands *o, int64_t i, int64_t column,
                                   int64_t width) {
    const int64_t ldx = o->ldx * PARTS, ldy = o->ldy * PARTS;
    const REAL *s = (const REAL *)o->s + column;
    REAL *y = (REAL *)o->y + i * ldy + column;
    VECTOR sum[8][DENSE_VECTORS];
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < n; v++) sum[r][v] = LOAD(y + r * ldy + OFFSET(v));
    for (int64_t k = 0; k < o->count; k++, s += o->q * PARTS) {
        const REAL *x = (const REAL *)o->blocks[k] + i * ldx + column;
        VECTOR factor[DENSE_VECTORS];
        UNROLL for (int v = 0; v < n; v++) factor[v] = LOAD(s + OFFSET(v));
        UNROLL for (int r = 0; r < rows; r++) {
            UNROLL for (int v = 0; v < n; v++) __builtin_prefetch(x + (AHEAD + r) * ldx + OFFSET(v));
            UNROLL for (int v = 0; v < n; v++) {
                const VECTOR a = LOAD(x + r * ldx + OFFSET(v));
                sum[r][v] += REAL_PARTS(factor[v]) * a;
                if (PARTS == 2) sum[r][v] += IMAGINARY_PARTS(factor[v]) * TIMES_I(a);
            }
        }
    }
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < n; v++) AS_STORED(y + r * ldy + OFFSET(v)) = sum[r][v];
}

INLINE void LN(basis_combine)(PASS_ARGUMENTS) {
    int64_t i = begin;
    for (; i + 8 <= end; i += 8) LN(basis_combine_rows)(8, n, o, i, column, width);
    for (; i < end; i++) LN(basis_combine_rows)(1, n, o, i, column, width);
}
#undef AHEAD
#undef LINE
