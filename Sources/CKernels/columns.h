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

/* Strands as above; the parts of a complex product are summed apart. */
INLINE void LN(dots)(PASS_ARGUMENTS) {
    enum { STRANDS = 4 / PARTS };
    const int64_t ldx = o->ldx * PARTS, ldy = o->ldb * PARTS;
    const REAL *x = (const REAL *)o->x + column, *y = (const REAL *)o->b + column;
    VECTOR sum[STRANDS][PARTS][DENSE_VECTORS] = {0};
    int64_t i = begin;
    for (; i + STRANDS <= end; i += STRANDS) {
        UNROLL for (int h = 0; h < STRANDS; h++)
            UNROLL for (int v = 0; v < n; v++) {
                /* Basis blocks are read in strips too short for the hardware to find its pace. */
                __builtin_prefetch(x + (i + h + 64) * ldx + OFFSET(v));
                const VECTOR a = LOAD(x + (i + h) * ldx + OFFSET(v)), b = LOAD(y + (i + h) * ldy + OFFSET(v));
                sum[h][0][v] += a * b;
                if (PARTS == 2) sum[h][PARTS - 1][v] += a * EXCHANGED(b);
            }
    }
    for (; i < end; i++) {
        UNROLL for (int v = 0; v < n; v++) {
            const VECTOR a = LOAD(x + i * ldx + OFFSET(v)), b = LOAD(y + i * ldy + OFFSET(v));
            sum[0][0][v] += a * b;
            if (PARTS == 2) sum[0][PARTS - 1][v] += a * EXCHANGED(b);
        }
    }
    REAL *out = (REAL *)o->g + column, total[DENSE_VECTORS][LANES], t[PARTS][LANES];
    UNROLL for (int v = 0; v < n; v++) {
        UNROLL for (int h = 1; h < STRANDS; h++)
            UNROLL for (int c = 0; c < PARTS; c++) sum[0][c][v] += sum[h][c][v];
        UNROLL for (int c = 0; c < PARTS; c++) memcpy(t[c], &sum[0][c][v], sizeof(VECTOR));
        for (int l = 0; l < LANES; l += PARTS) {
            total[v][l] = out[OFFSET(v) + l] + (PARTS == 2 ? t[0][l] + t[0][l + PARTS - 1] : t[0][l]);
            if (PARTS == 2)
                total[v][l + PARTS - 1] = out[OFFSET(v) + l + PARTS - 1] + (t[PARTS - 1][l] - t[PARTS - 1][l + PARTS - 1]);
        }
    }
    UNROLL for (int v = 0; v < n; v++) memcpy(out + OFFSET(v), total[v], sizeof(VECTOR));
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

/* Scalars of their own for each column, spread over the lanes once per pass. */
INLINE void LN(combine_columns)(PASS_ARGUMENTS) {
    const REAL *x = (const REAL *)o->x + column, *alpha = (const REAL *)o->alpha + column;
    const REAL *beta = o->beta ? (const REAL *)o->beta + column : NULL;
    REAL *y = (REAL *)o->y + column;
    VECTOR re[2][4] = {0}, im[2][4] = {0};
    UNROLL for (int v = 0; v < n; v++) {
        UNROLL for (int l = 0; l < LANES; l++) {
            const int64_t at = OFFSET(v) + l / PARTS * PARTS;
            ((REAL *)&re[0][v])[l] = alpha[at];
            ((REAL *)&im[0][v])[l] = alpha[at + PARTS - 1];
            if (beta) {
                ((REAL *)&re[1][v])[l] = beta[at];
                ((REAL *)&im[1][v])[l] = beta[at + PARTS - 1];
            }
        }
    }
    for (int64_t i = begin; i < end; i++) {
        VECTOR sum[4];
        UNROLL for (int v = 0; v < n; v++) {
            const VECTOR a = LOAD(x + i * o->ldx * PARTS + OFFSET(v));
            sum[v] = re[0][v] * a;
            if (PARTS == 2) sum[v] += im[0][v] * TIMES_I(a);
            if (beta) {
                const VECTOR b = LOAD(y + i * o->ldy * PARTS + OFFSET(v));
                sum[v] += re[1][v] * b;
                if (PARTS == 2) sum[v] += im[1][v] * TIMES_I(b);
            }
        }
        UNROLL for (int v = 0; v < n; v++) AS_STORED(y + i * o->ldy * PARTS + OFFSET(v)) = sum[v];
    }
}
#undef PASS_ARGUMENTS
