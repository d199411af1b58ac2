/* What remains of the kernels for one entry type: the products and reductions around their passes, and the loops that
 * only move entries. */

/* Sums over panels of rows that stay in the cache while all tiles of G visit them. */
static void NAME(inner)(const struct operands *o) {
    if (o->p <= 0 || o->q <= 0) return;
    memset(o->g, 0, (size_t)(o->p * o->q) * sizeof(REAL) * PARTS);
    const int64_t fitting = (64 << 10) / ((o->p + o->q) * (int64_t)sizeof(REAL) * PARTS);
    run_pass(AT(inner, pass), o, fitting < 32 ? 32 : least(fitting, 256), o->q * PARTS, LANES_AT(0),
             DENSE_VECTORS * LANES_AT(0));
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
    for (int64_t j = 0; j < o->m * PARTS; j++) ((REAL *)o->g)[j] = 0;
    run_pass(AT(dots, pass), o, 256, o->m * PARTS, LANES_AT(0), DENSE_VECTORS * LANES_AT(0));
}

static void NAME(maxima)(const struct operands *o) {
    for (int64_t j = 0; j < o->m; j++) ((REAL *)o->g)[j] = 0;
    run_pass(AT(maxima, pass), o, 256, o->m * PARTS, LANES_AT(0), DENSE_VECTORS * LANES_AT(0));
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

static void NAME(gather_columns)(const struct operands *o) {
    for (int64_t i = 0; i < o->end; i++)
        for (int64_t k = 0; k < o->m; k++) ROW(y, i)[k] = ROW(x, i)[o->list[k]];
}

static void NAME(scatter_columns)(const struct operands *o) {
    for (int64_t i = 0; i < o->end; i++)
        for (int64_t k = 0; k < o->m; k++) ROW(y, i)[o->list[k]] = ROW(x, i)[k];
}

static void NAME(gather_rows)(const struct operands *o) {
    for (int64_t i = 0; i < o->end; i++)
        for (int64_t j = 0; j < o->m; j++) ROW(y, i)[j] = ROW(x, o->list[i])[j];
}

static void NAME(scatter_rows)(const struct operands *o) {
    for (int64_t i = 0; i < o->end; i++)
        for (int64_t j = 0; j < o->m; j++) ROW(y, o->list[i])[j] = ROW(x, i)[j];
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
#undef ROW
