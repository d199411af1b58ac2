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

/* The columns of the blocks on their own: as many blocks at a time as keep the additions busy and no more than the hardware
 * follows, each read over the whole strip. */
#define GROUPS(step, n)                    \
    if ((n) == 1) {                        \
        for (; k + 8 <= o->count; k += 8) step(8); \
    }                                      \
    for (; k + 4 <= o->count; k += 4) step(4);     \
    for (; k + 2 <= o->count; k += 2) step(2);     \
    for (; k < o->count; k++) step(1);

/* Y[:,j] += s[0 q + j] v_0[:,j] + ... for `group` blocks from k on. */
INLINE void LN(basis_combine_group)(const int group, PASS_ARGUMENTS, int64_t k) {
    const int64_t ldx = o->ldx * PARTS, ldy = o->ldy * PARTS;
    const REAL *s = (const REAL *)o->s + k * o->q * PARTS + column, *x[8];
    REAL *y = (REAL *)o->y + column;
    VECTOR re[8][DENSE_VECTORS], im[8][DENSE_VECTORS];
    UNROLL for (int b = 0; b < group; b++) {
        x[b] = (const REAL *)o->blocks[k + b] + column;
        UNROLL for (int v = 0; v < n; v++) {
            const VECTOR factor = LOAD(s + b * o->q * PARTS + OFFSET(v));
            re[b][v] = REAL_PARTS(factor);
            im[b][v] = IMAGINARY_PARTS(factor);
        }
    }
    for (int64_t i = begin; i < end; i++) {
        VECTOR sum[DENSE_VECTORS];
        UNROLL for (int v = 0; v < n; v++) sum[v] = LOAD(y + i * ldy + OFFSET(v));
        UNROLL for (int b = 0; b < group; b++)
            UNROLL for (int v = 0; v < n; v++) {
                const VECTOR a = LOAD(x[b] + i * ldx + OFFSET(v));
                sum[v] += re[b][v] * a;
                if (PARTS == 2) sum[v] += im[b][v] * TIMES_I(a);
            }
        UNROLL for (int v = 0; v < n; v++) AS_STORED(y + i * ldy + OFFSET(v)) = sum[v];
    }
}

/* Y[:,j] += sum_k s[k q + j] v_k[:,j]. */
INLINE void LN(basis_combine)(PASS_ARGUMENTS) {
    int64_t k = 0;
#define STEP(group) LN(basis_combine_group)(group, n, o, begin, end, column, width, k)
    GROUPS(STEP, n)
#undef STEP
}

/* g[k q + j] += v_k[:,j]^H x[:,j] for `group` blocks from k on. */
INLINE void LN(basis_dots_group)(const int group, PASS_ARGUMENTS, int64_t k) {
    const int64_t ldv = o->ldb * PARTS, ldx = o->ldx * PARTS;
    const REAL *x = (const REAL *)o->x + column, *v[8];
    VECTOR sum[8][PARTS][DENSE_VECTORS] = {0};
    UNROLL for (int b = 0; b < group; b++) v[b] = (const REAL *)o->blocks[k + b] + column;
    for (int64_t i = begin; i < end; i++) {
        VECTOR a[DENSE_VECTORS];
        UNROLL for (int u = 0; u < n; u++) a[u] = LOAD(x + i * ldx + OFFSET(u));
        UNROLL for (int b = 0; b < group; b++)
            UNROLL for (int u = 0; u < n; u++) {
                const VECTOR c = LOAD(v[b] + i * ldv + OFFSET(u));
                sum[b][0][u] += c * a[u];
                if (PARTS == 2) sum[b][PARTS - 1][u] += c * EXCHANGED(a[u]);
            }
    }
    for (int b = 0; b < group; b++) {
        REAL *out = (REAL *)o->g + (k + b) * o->q * PARTS + column, total[DENSE_VECTORS][LANES], t[PARTS][LANES];
        UNROLL for (int u = 0; u < n; u++) {
            UNROLL for (int c = 0; c < PARTS; c++) memcpy(t[c], &sum[b][c][u], sizeof(VECTOR));
            for (int l = 0; l < LANES; l += PARTS) {
                total[u][l] = out[OFFSET(u) + l] + (PARTS == 2 ? t[0][l] + t[0][l + PARTS - 1] : t[0][l]);
                if (PARTS == 2)
                    total[u][l + PARTS - 1] = out[OFFSET(u) + l + PARTS - 1] + (t[PARTS - 1][l] - t[PARTS - 1][l + PARTS - 1]);
            }
        }
        UNROLL for (int u = 0; u < n; u++) memcpy(out + OFFSET(u), total[u], sizeof(VECTOR));
    }
}

INLINE void LN(basis_dots)(PASS_ARGUMENTS) {
    int64_t k = 0;
#define STEP(group) LN(basis_dots_group)(group, n, o, begin, end, column, width, k)
    GROUPS(STEP, n)
#undef STEP
}
#undef GROUPS
#undef AHEAD
#undef LINE
