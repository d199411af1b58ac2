/* Passes over several blocks at once, one chunk of columns: what the recurrences of single columns do to the blocks that they read anyway.
 * All blocks but X have one leading dimension. */

/* g[k m + j] for several inner products k, strands as in dots where their sums are few. */
INLINE void LN(moments_of)(const int blocks, PASS_ARGUMENTS) {
    enum { MOST_MOMENTS = 5 };
    const int count = blocks == 2 ? 2 : MOST_MOMENTS, strands = blocks == 2 ? 4 / PARTS : n * PARTS == 1 ? 2 : 1;
    const int64_t ld = o->ldx * PARTS;
    const REAL *a = (const REAL *)o->x + column, *b = (const REAL *)o->b + column;
    const REAL *c = blocks == 3 ? (const REAL *)o->c + column : b;
    VECTOR sum[4][MOST_MOMENTS][PARTS][DENSE_VECTORS] = {0};
    int64_t i = begin;
#define ADD(k, left, right)                                                              \
    do {                                                                                 \
        sum[h][k][0][v] += left * right;                                                 \
        if (PARTS == 2) sum[h][k][PARTS - 1][v] += left * EXCHANGED(right);              \
    } while (0)
#define ROW(i)                                                                           \
    do {                                                                                 \
        const VECTOR p = LOAD(a + (i) * ld + OFFSET(v)), q = LOAD(b + (i) * ld + OFFSET(v)); \
        if (blocks == 2) {                                                               \
            ADD(0, q, p);                                                                \
            ADD(1, p, p);                                                                \
        } else {                                                                         \
            const VECTOR r = LOAD(c + (i) * ld + OFFSET(v));                             \
            ADD(0, p, q);                                                                \
            ADD(1, p, p);                                                                \
            ADD(2, q, q);                                                                \
            ADD(3, r, p);                                                                \
            ADD(4, r, q);                                                                \
        }                                                                                \
    } while (0)
    for (; i + strands <= end; i += strands)
        UNROLL for (int h = 0; h < strands; h++) UNROLL for (int v = 0; v < n; v++) ROW(i + h);
    for (; i < end; i++) {
        enum { h = 0 };
        UNROLL for (int v = 0; v < n; v++) ROW(i);
    }
#undef ADD
#undef ROW
    UNROLL for (int k = 0; k < count; k++) {
        REAL *out = (REAL *)o->g + k * o->m * PARTS + column, total[DENSE_VECTORS][LANES], t[PARTS][LANES];
        UNROLL for (int v = 0; v < n; v++) {
            UNROLL for (int c = 0; c < PARTS; c++) {
                VECTOR all = sum[0][k][c][v];
                UNROLL for (int h = 1; h < strands; h++) all += sum[h][k][c][v];
                memcpy(t[c], &all, sizeof all);
            }
            for (int l = 0; l < LANES; l += PARTS) {
                total[v][l] = out[OFFSET(v) + l] + (PARTS == 2 ? t[0][l] + t[0][l + PARTS - 1] : t[0][l]);
                if (PARTS == 2)
                    total[v][l + PARTS - 1] = out[OFFSET(v) + l + PARTS - 1] + (t[PARTS - 1][l] - t[PARTS - 1][l + PARTS - 1]);
            }
        }
        UNROLL for (int v = 0; v < n; v++) memcpy(out + OFFSET(v), total[v], sizeof(VECTOR));
    }
}

INLINE void LN(moments)(PASS_ARGUMENTS) {
    if (o->c) LN(moments_of)(3, n, o, begin, end, column, width);
    else LN(moments_of)(2, n, o, begin, end, column, width);
}

/* The scalars of the columns, spread over the lanes once per pass: s[k m + j] for alpha, omega, -omega, beta and -beta omega. */
INLINE void LN(stabilized)(PASS_ARGUMENTS) {
    enum { ALPHA, OMEGA, MINUS_OMEGA, BETA, MINUS_BETA_OMEGA, SCALARS };
    const int64_t ldx = o->ldy * PARTS, ld = o->ldx * PARTS;
    const REAL *v_ = (const REAL *)o->b + column, *t = (const REAL *)o->c + column;
    const REAL *image_p = (const REAL *)o->x + column, *image_s = (const REAL *)o->d + column;
    REAL *x = (REAL *)o->y + column, *r = (REAL *)o->z + column, *p = (REAL *)o->g + column;
    VECTOR re[SCALARS][DENSE_VECTORS], im[SCALARS][DENSE_VECTORS];
    UNROLL for (int k = 0; k < SCALARS; k++) {
        const REAL *s = (const REAL *)o->s + k * o->m * PARTS + column;
        UNROLL for (int v = 0; v < n; v++) UNROLL for (int l = 0; l < LANES; l++) {
            const int64_t at = OFFSET(v) + l / PARTS * PARTS;
            ((REAL *)&re[k][v])[l] = s[at];
            ((REAL *)&im[k][v])[l] = s[at + PARTS - 1];
        }
    }
#define SCALED(k, a) (PARTS == 1 ? re[k][v] * (a) : re[k][v] * (a) + im[k][v] * TIMES_I(a))
    for (int64_t i = begin; i < end; i++) {
        VECTOR new_x[DENSE_VECTORS], new_r[DENSE_VECTORS], new_p[DENSE_VECTORS];
        UNROLL for (int v = 0; v < n; v++) {
            const int64_t at = i * ld + OFFSET(v);
            const VECTOR old_p = LOAD(p + at), mp = LOAD(image_p + at), ms = LOAD(image_s + at), at_t = LOAD(t + at);
            const VECTOR at_v = LOAD(v_ + at), s = LOAD(r + at);
            new_x[v] = LOAD(x + i * ldx + OFFSET(v)) + SCALED(ALPHA, mp);
            new_x[v] += SCALED(OMEGA, ms);
            new_r[v] = s + SCALED(MINUS_OMEGA, at_t);
            new_p[v] = new_r[v] + SCALED(BETA, old_p);
            new_p[v] += SCALED(MINUS_BETA_OMEGA, at_v);
        }
        UNROLL for (int v = 0; v < n; v++) {
            AS_STORED(x + i * ldx + OFFSET(v)) = new_x[v];
            AS_STORED(r + i * ld + OFFSET(v)) = new_r[v];
            AS_STORED(p + i * ld + OFFSET(v)) = new_p[v];
        }
    }
#undef SCALED
}
