/* What remains of the kernels for one entry type: the products and reductions around their passes, and the loops that
 * only move entries. */

/* A product with a matrix: a single column without gaps may have a loop of its own. */
#if CONSECUTIVE
#define OF_COLUMN(kernel)                                                                                     \
    (o->m == 1 && o->start && o->ldx == 1 && o->ldy == 1 && (o->b == NULL || o->ldb == 1) &&                  \
     (NAME(kernel##_of_column)(o), 1))
#else
#define OF_COLUMN(kernel) 0
#endif
static void NAME(sparse)(pass *run, const struct operands *o) {
    const int64_t width = o->m * PARTS, limit = SPARSE_VECTORS * LANES_AT(0);
    run_pass(run, o, width > limit ? 64 : INT64_MAX / 2, width, LANES_AT(0), limit);
}
static void NAME(spmm)(const struct operands *o) {
    if (!OF_COLUMN(spmm)) NAME(sparse)(AT(spmm, pass), o);
}
static void NAME(polynomial_step)(const struct operands *o) {
    if (!OF_COLUMN(polynomial_step)) NAME(sparse)(AT(polynomial_step, pass), o);
}
#undef OF_COLUMN

/* Sums over panels of rows that stay in the cache while all tiles of G visit them. */
static void NAME(inner)(const struct operands *o) {
    if (o->p <= 0 || o->q <= 0) return;
    memset(o->g, 0, (size_t)(o->p * o->q) * sizeof(REAL) * PARTS);
    const int64_t fitting = (64 << 10) / ((o->p + o->q) * (int64_t)sizeof(REAL) * PARTS);
    run_pass(AT(inner, pass), o, fitting < 32 ? 32 : least(fitting, 256), o->q * PARTS, LANES_AT(0),
             DENSE_VECTORS * LANES_AT(0));
}

/* Rows narrower than a vector that follow each other without gaps are as good as rows of one vector, whose entries belong to
 * the columns in turn. The entries of such a row, or 0 where the columns do not come out even. */
static int64_t NAME(flat_row)(int64_t m, int64_t ldx, int64_t ldy) {
    const int64_t entries = LANES_AT(0) / PARTS;
    return m < entries && entries % m == 0 && ldx == m && ldy == m ? entries : 0;
}

/* Adds the entries of each column in a row of `count` entries. */
static void NAME(fold)(const REAL *sum, int64_t count, int64_t m, REAL *g) {
    for (int64_t i = 0; i < count; i += m)
        for (int64_t j = 0; j < m * PARTS; j++) g[j] += sum[i * PARTS + j];
}

/* Blocks whose factors or sums are spread at a time. */
#define BASIS_GROUP 32

/* Y[:,j] += sum_k s[k m + j] v_k[:,j], m = q. */
static void NAME(basis_combine)(const struct operands *o) {
    const int64_t flat = NAME(flat_row)(o->q, o->ldx, o->ldy), limit = DENSE_VECTORS * LANES_AT(0);
    struct operands rest = *o;
    if (flat) {
        struct operands part = *o;
        REAL s[BASIS_GROUP * LANES_AT(0)];
        const int64_t each = flat / o->q, first = o->begin * o->q * PARTS;
        const void *blocks[BASIS_GROUP];
        part.begin = 0;
        part.end = (o->end - o->begin) / each;
        part.y = (REAL *)o->y + first;
        part.q = part.ldx = part.ldy = flat;
        part.s = s;
        part.blocks = blocks;
        for (int64_t k = 0; k < o->count; k += part.count) {
            part.count = least(BASIS_GROUP, o->count - k);
            for (int64_t b = 0; b < part.count; b++) {
                blocks[b] = (const REAL *)o->blocks[k + b] + first;
                for (int64_t j = 0; j < LANES_AT(0); j++)
                    s[b * LANES_AT(0) + j] = ((const REAL *)o->s)[(k + b) * o->q * PARTS + j % (o->q * PARTS)];
            }
            run_pass(AT(basis_combine, pass), &part, BASIS_ROWS, LANES_AT(0), LANES_AT(0), limit);
        }
        rest.begin += part.end * each;
    }
    run_pass(AT(basis_combine, pass), &rest, BASIS_ROWS, o->q * PARTS, LANES_AT(0), limit);
}

/* g[k m + j] = v_k[:,j]^H x[:,j], m = q. */
static void NAME(basis_dots)(const struct operands *o) {
    const int64_t flat = NAME(flat_row)(o->q, o->ldx, o->ldb), limit = DENSE_VECTORS * LANES_AT(0);
    struct operands rest = *o;
    for (int64_t j = 0; j < o->count * o->q * PARTS; j++) ((REAL *)o->g)[j] = 0;
    if (flat) {
        struct operands part = *o;
        REAL sums[BASIS_GROUP * LANES_AT(0)];
        const int64_t each = flat / o->q, first = o->begin * o->q * PARTS;
        const void *blocks[BASIS_GROUP];
        part.begin = 0;
        part.end = (o->end - o->begin) / each;
        part.x = (const REAL *)o->x + first;
        part.q = part.ldx = part.ldb = flat;
        part.g = sums;
        part.blocks = blocks;
        for (int64_t k = 0; k < o->count; k += part.count) {
            part.count = least(BASIS_GROUP, o->count - k);
            memset(sums, 0, sizeof sums);
            for (int64_t b = 0; b < part.count; b++) blocks[b] = (const REAL *)o->blocks[k + b] + first;
            run_pass(AT(basis_dots, pass), &part, BASIS_ROWS, LANES_AT(0), LANES_AT(0), limit);
            for (int64_t b = 0; b < part.count; b++)
                NAME(fold)(sums + b * LANES_AT(0), flat, o->q, (REAL *)o->g + (k + b) * o->q * PARTS);
        }
        rest.begin += part.end * each;
    }
    run_pass(AT(basis_dots, pass), &rest, BASIS_ROWS, o->q * PARTS, LANES_AT(0), limit);
}

static void NAME(basis_update)(const struct operands *o) {
    if (o->p == 1 && o->q == 1 && o->ldx == 1 && o->ldy == 1) {
        struct operands columns = *o;
        columns.s = o->c;
        NAME(basis_combine)(&columns);
        return;
    }
#if PAIRED
    const int64_t half = LANES_AT(1);
    if (o->q <= half && 2 * o->q > half && o->ldy == half && o->ldx >= half) {
        NAME(basis_update_pairs)(o);
        return;
    }
#endif
#if SQUARES
    const int64_t row = LANES_AT(0);
    if (o->q <= row && 2 * o->q > row && o->ldy == row) {
        NAME(basis_update_squares)(o);
        return;
    }
#endif
    run_pass(AT(basis_update, pass), o, 64, o->q * PARTS, LANES_AT(0), DENSE_VECTORS * LANES_AT(0));
}

#if PAIRED || SQUARES
/* What row i adds to G. */
static void NAME(basis_inner_row)(const struct operands *o, int64_t i) {
    const REAL *x = (const REAL *)o->x + i * o->ldx;
    REAL *g = o->g;
    for (int64_t k = 0; k < o->count; k++)
        for (int64_t j = 0; j < o->p; j++, g += o->q)
            for (int64_t l = 0; l < o->q; l++) g[l] += ((const REAL *)o->blocks[k])[i * o->ldb + j] * x[l];
}
#endif

/* G = [V_0 V_1 ...]^H X, block after block: the rows of X stay in the cache. */
static void NAME(basis_inner)(const struct operands *o) {
    if (o->p == 1 && o->q == 1 && o->ldx == 1 && o->ldb == 1) {
        NAME(basis_dots)(o);
        return;
    }
#if PAIRED || SQUARES
    struct operands rows = *o;
    rows.end = o->end - 1;
#endif
#if PAIRED
    const int64_t half = LANES_AT(1);
    if (o->q <= half && 2 * o->q > half && o->ldx == half && (o->ldb == half || o->p >= 2 * half) && o->begin < o->end) {
        memset(o->g, 0, (size_t)(o->count * o->p * o->q) * sizeof(REAL));
        NAME(basis_inner_pairs)(&rows);
        NAME(basis_inner_row)(o, o->end - 1);
        return;
    }
#endif
#if SQUARES
    const int64_t row = LANES_AT(0);
    if (o->q <= row && 2 * o->q > row && o->ldx == row && (o->ldb == row || o->p >= row) && o->begin < o->end) {
        memset(o->g, 0, (size_t)(o->count * o->p * o->q) * sizeof(REAL));
        NAME(basis_inner_squares)(&rows);
        NAME(basis_inner_row)(o, o->end - 1);
        return;
    }
#endif
    struct operands one = *o;
    one.begin = 0;
    one.end = o->end - o->begin;
    one.x = (const REAL *)o->x + o->begin * o->ldx * PARTS;
    for (int64_t k = 0; k < o->count; k++) {
        one.b = (const REAL *)o->blocks[k] + o->begin * o->ldb * PARTS;
        one.g = (REAL *)o->g + k * o->p * o->q * PARTS;
        NAME(inner)(&one);
    }
}

/* A tile's rows are stored when they are complete, so Y may be X as long as one chunk holds all columns. Else rows of X
 * are copied, a few at a time, before the first of their columns is overwritten. */
static void NAME(update)(const struct operands *o) {
    const int64_t width = o->q * PARTS, limit = UPDATE_VECTORS * LANES_AT(0), row = o->p * PARTS;
    if (o->x != o->y || width <= limit) {
        run_pass(AT(update, pass), o, 64, width, LANES_AT(0), limit);
        return;
    }
    REAL copy[(32 << 10) / sizeof(REAL)];
    const int64_t strip = (int64_t)(sizeof copy / sizeof(REAL)) / row;
    struct operands part = *o;
    part.x = copy;
    part.ldx = o->p;
    for (int64_t i = 0; i < o->end; i += strip) {
        part.end = least(strip, o->end - i);
        part.y = (REAL *)o->y + i * o->ldy * PARTS;
        if (o->b) part.b = (const REAL *)o->b + i * o->ldb * PARTS;
        for (int64_t r = 0; r < part.end; r++)
            memcpy(copy + r * row, (REAL *)part.y + r * o->ldx * PARTS, (size_t)row * sizeof(REAL));
        run_pass(AT(update, pass), &part, strip, width, LANES_AT(0), limit);
    }
}

/* Sums over panels again, for the sake of rounding. */
static void NAME(squares)(const struct operands *o) {
    for (int64_t j = 0; j < o->m; j++) ((REAL *)o->g)[j] = 0;
    run_pass(AT(squares, pass), o, 256, o->m * PARTS, LANES_AT(0), DENSE_VECTORS * LANES_AT(0));
}

static void NAME(dots)(const struct operands *o) {
    /* Of wider rows the sums are the same whatever columns stand beside a column. */
    const int64_t flat = o->m == 1 ? 2 * NAME(flat_row)(1, o->ldx, o->ldb) : 0, limit = DENSE_VECTORS * LANES_AT(0);
    struct operands rest = *o;
    for (int64_t j = 0; j < o->m * PARTS; j++) ((REAL *)o->g)[j] = 0;
    if (flat) {
        struct operands part = *o;
        REAL sum[2 * LANES_AT(0)] = {0};
        part.end = o->end * o->m / flat;
        part.m = part.ldx = part.ldb = flat;
        part.g = sum;
        run_pass(AT(dots, pass), &part, 256, flat * PARTS, LANES_AT(0), limit);
        NAME(fold)(sum, flat, o->m, o->g);
        rest.begin = part.end * flat / o->m;
    }
    run_pass(AT(dots, pass), &rest, 256, o->m * PARTS, LANES_AT(0), limit);
}

/* As dots, o->count products at once. */
static void NAME(moments)(const struct operands *o) {
    const int64_t flat = o->m == 1 ? NAME(flat_row)(1, o->ldx, o->ldx) : 0, count = o->count;
    const int64_t limit = DENSE_VECTORS * LANES_AT(0);
    struct operands rest = *o;
    for (int64_t j = 0; j < count * o->m * PARTS; j++) ((REAL *)o->g)[j] = 0;
    if (flat) {
        struct operands part = *o;
        REAL sum[5 * LANES_AT(0)] = {0};
        part.end = o->end / flat;
        part.m = part.ldx = flat;
        part.g = sum;
        run_pass(AT(moments, pass), &part, 256, flat * PARTS, LANES_AT(0), limit);
        for (int64_t k = 0; k < count; k++) NAME(fold)(sum + k * flat * PARTS, flat, 1, (REAL *)o->g + k * PARTS);
        rest.begin = part.end * flat;
    }
    run_pass(AT(moments, pass), &rest, 256, o->m * PARTS, LANES_AT(0), limit);
}

static void NAME(maxima)(const struct operands *o) {
    for (int64_t j = 0; j < o->m; j++) ((REAL *)o->g)[j] = 0;
    run_pass(AT(maxima, pass), o, 256, o->m * PARTS, LANES_AT(0), DENSE_VECTORS * LANES_AT(0));
}

static void NAME(triangle)(const struct operands *o) {
    run_pass(AT(triangle, pass), o, o->end > 0 ? o->end : 1, o->m * PARTS, LANES_AT(0), DENSE_VECTORS * LANES_AT(0));
}

/* Loops that the compiler turns into vectors by itself. */
static void NAME(moduli)(const struct operands *o) {
    const REAL *s = o->s;
    for (int64_t i = 0; i < o->end; i++) {
        const REAL *x = (const REAL *)o->x + i * o->ldx * PARTS;
        float *y = (float *)o->y + i * o->ldy;
        for (int64_t j = 0; j < o->m; j++) y[j] = (float)(NAME(absolute)(x + j * PARTS) * s[j]);
    }
}

/* Sums along a row in eight strands, which vectors can hold. */
static void NAME(sums)(const struct operands *o) {
    double *rows = o->y, *columns = o->g;
    for (int64_t j = 0; j < o->m; j++) columns[j] = 0;
    for (int64_t i = 0; i < o->end; i++) {
        const REAL *x = (const REAL *)o->x + i * o->ldx * PARTS;
        double part[8] = {0};
        int64_t j = 0;
        for (; j + 8 <= o->m; j += 8) {
            for (int l = 0; l < 8; l++) {
                const double a = NAME(absolute)(x + (j + l) * PARTS);
                part[l] += a;
                columns[j + l] += a;
            }
        }
        for (int l = 0; j + l < o->m; l++) {
            const double a = NAME(absolute)(x + (j + l) * PARTS);
            part[l] += a;
            columns[j + l] += a;
        }
        rows[i] = ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
    }
}

/* A residual of 0 is no error even where the divisor is 0. */
static void NAME(errors)(const struct operands *o) {
    const double *sums = o->d, *maxima = o->alpha, *scales = o->s, *row_scales = o->c, factor = *(const double *)o->beta;
    double *restrict squares = o->g, *restrict first = squares + o->m, *restrict second = first + o->m;
    for (int64_t j = 0; j < 3 * o->m; j++) squares[j] = 0;
    for (int64_t i = 0; i < o->end; i++) {
        const REAL *r = (const REAL *)o->x + i * o->ldx * PARTS, *b = (const REAL *)o->b + i * o->ldb * PARTS;
        const float *z = (const float *)o->z + i * o->ldz;
        const double sum = sums[i], scale = row_scales[i];
        for (int64_t j = 0; j < o->m; j++) {
            const double residual = NAME(absolute)(r + j * PARTS), right = NAME(absolute)(b + j * PARTS);
            const double product = z[j] * scale * scales[j], bound = sum * maxima[j];
            const int large = product + right > factor * (bound + right);
            const double error = residual / (residual > 0 ? product + (large ? right : bound) : 1);
            const double one = large ? error : 0, two = large ? 0 : error;
            squares[j] += residual * residual;
            first[j] = first[j] < one ? one : first[j];
            second[j] = second[j] < two ? two : second[j];
        }
    }
}

typedef struct { REAL part[PARTS]; } NAME(entry);
#define ENTRY NAME(entry)
#define ROW(name, i) ((ENTRY *)o->name + (i) * o->ld##name)

static void NAME(mirror)(const struct operands *o) {
    for (int64_t j = 0; j < o->m; j++) {
        for (int64_t i = 0; i < j; i++) {
            REAL *above = (REAL *)o->g + (i + j * o->m) * PARTS, *below = (REAL *)o->g + (j + i * o->m) * PARTS;
            below[0] = above[0];
            if (PARTS == 2) below[PARTS - 1] = -above[PARTS - 1];
        }
        if (PARTS == 2) ((REAL *)o->g)[j * (o->m + 1) * PARTS + PARTS - 1] = 0;
    }
}

/* Whether the listed columns stand side by side: rows are moved whole then. */
static int NAME(is_range)(const struct operands *o) {
    for (int64_t k = 1; k < o->m; k++)
        if (o->list[k] != o->list[0] + k) return 0;
    return o->m > 1;
}

static void NAME(gather_columns)(const struct operands *o) {
    if (NAME(is_range)(o)) {
        for (int64_t i = 0; i < o->end; i++) {
            const ENTRY *row = ROW(x, i) + o->list[0];
            __builtin_prefetch(row + PREFETCH_ROWS * o->ldx);
            move_row(ROW(y, i), row, o->m * (int64_t)sizeof(ENTRY));
        }
        return;
    }
    const int64_t m = o->m, *list = o->list;
    for (int64_t i = 0; i < o->end; i++) {
        const ENTRY *row = ROW(x, i);
        ENTRY *to = ROW(y, i);
        /* Few columns are far apart in memory. */
        for (int64_t k = 0; k < m && m <= FEW_COLUMNS; k++) __builtin_prefetch(row + PREFETCH_ROWS * o->ldx + list[k]);
        for (int64_t k = 0; k < m; k++) to[k] = row[list[k]];
    }
}

static void NAME(scatter_columns)(const struct operands *o) {
    if (NAME(is_range)(o)) {
        const int64_t bytes = o->m * (int64_t)sizeof(ENTRY), first = o->list[0];
        if (o->traffic & BK_STREAM) {
            for (int64_t i = 0; i < o->end; i++) stream_row(ROW(y, i) + first, ROW(x, i), bytes);
        } else {
            for (int64_t i = 0; i < o->end; i++) move_row(ROW(y, i) + first, ROW(x, i), bytes);
        }
        return;
    }
    for (int64_t i = 0; i < o->end; i++)
        for (int64_t k = 0; k < o->m; k++) ROW(y, i)[o->list[k]] = ROW(x, i)[k];
}

static void NAME(gather_rows)(const struct operands *o) {
    for (int64_t i = 0; i < o->end; i++)
        move_row(ROW(y, i), ROW(x, o->list[i]), o->m * (int64_t)sizeof(ENTRY));
}

static void NAME(scatter_rows)(const struct operands *o) {
    for (int64_t i = 0; i < o->end; i++)
        move_row(ROW(y, o->list[i]), ROW(x, i), o->m * (int64_t)sizeof(ENTRY));
}

/* 64 rows at a time stay in the cache while the columns pass. */
static void NAME(from_column_major)(const struct operands *o) {
    for (int64_t begin = 0; begin < o->end; begin += 64)
        for (int64_t j = 0; j < o->m; j++)
            for (int64_t i = begin; i < least(begin + 64, o->end); i++) ROW(y, i)[j] = ROW(c, j)[i];
}

static void NAME(to_column_major)(const struct operands *o) {
    for (int64_t begin = 0; begin < o->end; begin += 64)
        for (int64_t j = 0; j < o->m; j++)
            for (int64_t i = begin; i < least(begin + 64, o->end); i++) ROW(y, j)[i] = ROW(x, i)[j];
}

static void NAME(convert)(const struct operands *o) {
    for (int64_t i = 0; i < o->end; i++) {
        const REAL *x = (const REAL *)o->x + i * o->ldx * PARTS;
        OTHER *y = (OTHER *)o->y + i * o->ldy * PARTS;
        for (int64_t j = 0; j < o->m * PARTS; j++) y[j] = (OTHER)x[j];
    }
}

#undef ENTRY
#undef ROW_LENGTH
#undef ROW
