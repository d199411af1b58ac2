/* Passes over a block alone, one chunk of columns. Every row is loaded before it is stored: Y may be X. */

/* Rows taken in turn, four sums to a column: with few columns the additions' latency would else be the limit. */
INLINE void LN(squares)(PASS_ARGUMENTS) {
    const int64_t ldx = o->ldx * PARTS;
    const REAL *x = (const REAL *)o->x + column;
    VECTOR sum[4][DENSE_VECTORS] = {0};
    int64_t i = begin;
    for (; i + 4 <= end; i += 4) {
        UNROLL for (int h = 0; h < 4; h++)
            UNROLL for (int v = 0; v < n; v++) {
                const VECTOR a = LOAD(x + (i + h) * ldx + OFFSET(v));
                sum[h][v] += a * a;
            }
    }
    for (; i < end; i++) {
        UNROLL for (int v = 0; v < n; v++) {
            const VECTOR a = LOAD(x + i * ldx + OFFSET(v));
            sum[0][v] += a * a;
        }
    }
    REAL *out = (REAL *)o->g + column / PARTS, total[DENSE_VECTORS][LANES];
    UNROLL for (int v = 0; v < n; v++) {
        const VECTOR all = (sum[0][v] + sum[1][v]) + (sum[2][v] + sum[3][v]);
        memcpy(total[v], &all, sizeof all);
        for (int l = 0; l < LANES / PARTS; l++) {
            const REAL *t = total[v] + l * PARTS;
            total[v][l] = out[OFFSET(v) / PARTS + l] + (PARTS == 2 ? t[0] + t[PARTS - 1] : t[0]);
        }
    }
    UNROLL for (int v = 0; v < n; v++) memcpy(out + OFFSET(v) / PARTS, total[v], sizeof(VECTOR) / PARTS);
}

/* Compares as integers what is left without the sign: the order of numbers is kept and NaNs lie above infinity. */
INLINE void LN(maxima)(PASS_ARGUMENTS) {
    const BITS mask = sizeof(REAL) == 8 ? (BITS)INT64_MAX : (BITS)INT32_MAX;
    const REAL *x = (const REAL *)o->x + column;
    BITVECTOR most[DENSE_VECTORS] = {0};
    for (int64_t i = begin; i < end; i++) {
        UNROLL for (int v = 0; v < n; v++) {
            BITVECTOR a;
            memcpy(&a, x + i * o->ldx * PARTS + OFFSET(v), sizeof a);
            most[v] = __builtin_elementwise_max(most[v], a & mask);
        }
    }
    BITS *out = (BITS *)o->g + column / PARTS;
    UNROLL for (int v = 0; v < n; v++) {
        BITS all[LANES], best;
        memcpy(all, &most[v], sizeof all);
        for (int l = 0; l < LANES; l++) {
            memcpy(&best, out + OFFSET(v) / PARTS + l / PARTS, sizeof best);
            if (all[l] > best) memcpy(out + OFFSET(v) / PARTS + l / PARTS, &all[l], sizeof best);
        }
    }
}

INLINE void LN(scale_columns)(PASS_ARGUMENTS) {
    const REAL *x = (const REAL *)o->x + column, *s = (const REAL *)o->s + column / PARTS;
    REAL *y = (REAL *)o->y + column;
    VECTOR scale[4], a[4];
    UNROLL for (int v = 0; v < n; v++)
        UNROLL for (int l = 0; l < LANES; l++) ((REAL *)&scale[v])[l] = s[OFFSET(v) / PARTS + l / PARTS];
    for (int64_t i = begin; i < end; i++) {
        UNROLL for (int v = 0; v < n; v++) a[v] = LOAD(x + i * o->ldx * PARTS + OFFSET(v)) * scale[v];
        UNROLL for (int v = 0; v < n; v++) AS_STORED(y + i * o->ldy * PARTS + OFFSET(v)) = a[v];
    }
}

INLINE void LN(scale_rows)(PASS_ARGUMENTS) {
    const REAL *x = (const REAL *)o->x + column, *d = o->d;
    REAL *y = (REAL *)o->y + column;
    for (int64_t i = begin; i < end; i++) {
        VECTOR a[4];
        UNROLL for (int v = 0; v < n; v++) {
            a[v] = LOAD(x + i * o->ldx * PARTS + OFFSET(v));
            a[v] = TIMES(d + i * PARTS, a[v]);
        }
        UNROLL for (int v = 0; v < n; v++) AS_STORED(y + i * o->ldy * PARTS + OFFSET(v)) = a[v];
    }
}

INLINE void LN(combine)(PASS_ARGUMENTS) {
    const REAL *x = (const REAL *)o->x + column, *alpha = o->alpha, *beta = o->beta;
    REAL *y = (REAL *)o->y + column;
    for (int64_t i = begin; i < end; i++) {
        VECTOR a[4], b[4];
        UNROLL for (int v = 0; v < n; v++) {
            a[v] = LOAD(x + i * o->ldx * PARTS + OFFSET(v));
            a[v] = TIMES(alpha, a[v]);
            if (beta) {
                b[v] = LOAD(y + i * o->ldy * PARTS + OFFSET(v));
                a[v] += TIMES(beta, b[v]);
            }
        }
        UNROLL for (int v = 0; v < n; v++) AS_STORED(y + i * o->ldy * PARTS + OFFSET(v)) = a[v];
    }
}
#undef PASS_ARGUMENTS
