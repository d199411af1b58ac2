/* Sweeps over one supernode for VECTORS vectors of LANES doubles, the columns of a panel that are worked on together.
 *
 * Numbers of a factor are stored as STORED, double or float; all arithmetic is in double precision.
 * PARTS is 1 for real and 2 for complex factors. Complex products keep two real sums, of Re(a) y and of Im(a) y over the
 * interleaved vectors y, and join them once at the end. Sums run in an order that does not depend on LANES or VECTORS. */
#define LN(name) PASTE5(name, PARTS, LANES, VECTORS, VARIANT)
#define VECTOR LN(vector)
#if LANES == 1
typedef double VECTOR;
#else
typedef double VECTOR __attribute__((vector_size(LANES * 8), aligned(8), may_alias));
#endif
#define AT(pointer, v) (*(VECTOR *)((pointer) + (v) * LANES))
#define FROM(pointer, v) (*(const VECTOR *)((pointer) + (v) * LANES))

#if PARTS == 1
#define TIMES_I(a) (a)
#elif LANES == 2
#define TIMES_I(a) __builtin_shufflevector(a, -(a), 3, 0)
#elif LANES == 4
#define TIMES_I(a) __builtin_shufflevector(a, -(a), 5, 0, 7, 2)
#else
#define TIMES_I(a) __builtin_shufflevector(a, -(a), 9, 0, 11, 2, 13, 4, 15, 6)
#endif

/* sum[r] = sum_k a[r across + k along] y[row k], row k being list[k] or k itself. A tile of few rows has too few sums to hide the
 * additions' latency; `strands` of them take turns then. */
INLINE void LN(product)(const int rows, const int strands, const int listed, const STORED *a, int64_t across, int64_t along,
                        int64_t count, const int32_t *list, const double *y, int64_t width, double sign,
                        VECTOR sum[TILE][VECTORS]) {
    VECTOR part[TILE][PARTS][TILE][VECTORS] = {0};
    int64_t k = 0;
    for (; k + strands <= count; k += strands) {
        UNROLL for (int h = 0; h < strands; h++) {
            const double *row = y + (listed ? (int64_t)list[k + h] : k + h) * width;
            const STORED *factor = a + (k + h) * along * PARTS;
            UNROLL for (int v = 0; v < VECTORS; v++)
                UNROLL for (int r = 0; r < rows; r++)
                    UNROLL for (int c = 0; c < PARTS; c++) part[h][c][r][v] += (double)factor[r * across * PARTS + c] * FROM(row, v);
        }
    }
    for (; strands > 1 && k < count; k++) {
        const double *row = y + (listed ? (int64_t)list[k] : k) * width;
        const STORED *factor = a + k * along * PARTS;
        UNROLL for (int v = 0; v < VECTORS; v++)
            UNROLL for (int r = 0; r < rows; r++)
                UNROLL for (int c = 0; c < PARTS; c++) part[0][c][r][v] += (double)factor[r * across * PARTS + c] * FROM(row, v);
    }
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < VECTORS; v++) {
            UNROLL for (int h = 1; h < strands; h++)
                UNROLL for (int c = 0; c < PARTS; c++) part[0][c][r][v] += part[h][c][r][v];
            sum[r][v] = part[0][0][r][v];
            if (PARTS == 2) sum[r][v] += sign * TIMES_I(part[0][PARTS - 1][r][v]);
        }
}

/* a y for one number a. */
INLINE VECTOR LN(scaled)(const STORED *a, double sign, VECTOR y) {
    VECTOR result = (double)a[0] * y;
    if (PARTS == 2) result += sign * (double)a[PARTS - 1] * TIMES_I(y);
    return result;
}

/* Pivots c ..< c + rows of the supernode's triangle, the earlier ones being solved. */
INLINE void LN(forward_pivots)(const int rows, const struct node *t, int64_t c, double sign, double *own, int64_t width) {
    const STORED *a = (const STORED *)t->value + c * t->width * PARTS;
    VECTOR sum[TILE][VECTORS];
    LN(product)(rows, 1, 0, a, t->width, 1, c, NULL, own, width, sign, sum);
    double *y = own + c * width;
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < VECTORS; v++) {
            const STORED *row = a + (r * t->width + c) * PARTS;
            sum[r][v] = FROM(y + r * width, v) - sum[r][v];
            UNROLL for (int q = 0; q < r; q++) sum[r][v] -= LN(scaled)(row + q * PARTS, sign, sum[q][v]);
            sum[r][v] = LN(scaled)(row + r * PARTS, sign, sum[r][v]);
            AT(y + r * width, v) = sum[r][v];
        }
}

/* Subtracts from rows i ..< i + rows of the list what the supernode's pivots contribute. */
INLINE void LN(forward_rows)(const int rows, const struct node *t, int64_t i, double sign, const double *own, double *y,
                             int64_t width) {
    VECTOR sum[TILE][VECTORS];
    const STORED *a = (const STORED *)t->value + (t->width + i) * t->width * PARTS;
    LN(product)(rows, 1, 0, a, t->width, 1, t->width, NULL, own, width, sign, sum);
    UNROLL for (int r = 0; r < rows; r++) {
        double *row = y + (int64_t)t->list[i + r] * width;
        UNROLL for (int v = 0; v < VECTORS; v++) AT(row, v) = FROM(row, v) - sum[r][v];
    }
}

static void LN(forward)(const struct node *node, double sign, double *y, int64_t width) {
    const struct node local = *node, *t = &local;
    double *own = y + t->first * width;
    int64_t c = 0, i = 0;
    for (; c + TILE <= t->width; c += TILE) LN(forward_pivots)(TILE, t, c, sign, own, width);
    switch (t->width - c) {
    case 3: LN(forward_pivots)(3, t, c, sign, own, width); break;
    case 2: LN(forward_pivots)(2, t, c, sign, own, width); break;
    case 1: LN(forward_pivots)(1, t, c, sign, own, width); break;
    }
    for (; i + TILE <= t->rows; i += TILE) LN(forward_rows)(TILE, t, i, sign, own, y, width);
    switch (t->rows - i) {
    case 3: LN(forward_rows)(3, t, i, sign, own, y, width); break;
    case 2: LN(forward_rows)(2, t, i, sign, own, y, width); break;
    case 1: LN(forward_rows)(1, t, i, sign, own, y, width); break;
    }
}

/* Subtracts from pivots c ..< c + rows what rows begin ..< end of the list contribute. */
INLINE void LN(backward_rows)(const int rows, const struct node *t, int64_t c, int64_t begin, int64_t end, double sign,
                              double *own, const double *y, int64_t width) {
    VECTOR sum[TILE][VECTORS];
    const STORED *a = (const STORED *)t->value + ((t->width + begin) * t->width + c) * PARTS;
    LN(product)(rows, rows == 1 ? 4 : rows == 2 ? 2 : 1, 1, a, 1, t->width, end - begin, t->list + begin, y, width, sign, sum);
    UNROLL for (int r = 0; r < rows; r++) {
        double *row = own + (c + r) * width;
        UNROLL for (int v = 0; v < VECTORS; v++) AT(row, v) = FROM(row, v) - sum[r][v];
    }
}

/* Pivots c ..< c + rows of the supernode's triangle, the later ones being solved. */
INLINE void LN(backward_pivots)(const int rows, const struct node *t, int64_t c, double sign, double *own, int64_t width) {
    const STORED *a = (const STORED *)t->value + c * (t->width + 1) * PARTS;
    VECTOR sum[TILE][VECTORS];
    LN(product)(rows, 1, 0, a + rows * t->width * PARTS, 1, t->width, t->width - c - rows, NULL, own + (c + rows) * width, width,
                sign, sum);
    double *y = own + c * width;
    UNROLL for (int r = rows - 1; r >= 0; r--)
        UNROLL for (int v = 0; v < VECTORS; v++) {
            sum[r][v] = FROM(y + r * width, v) - sum[r][v];
            UNROLL for (int q = rows - 1; q > r; q--)
                sum[r][v] -= LN(scaled)(a + (q * t->width + r) * PARTS, sign, sum[q][v]);
            sum[r][v] = LN(scaled)(a + (r * t->width + r) * PARTS, sign, sum[r][v]);
            AT(y + r * width, v) = sum[r][v];
        }
}

static void LN(backward)(const struct node *node, double sign, double *y, int64_t width) {
    const struct node local = *node, *t = &local;
    double *own = y + t->first * width;
    const int64_t whole = t->width / TILE * TILE;
    /* Strips of the list whose rows stay in the first-level cache while all pivots visit them. */
    for (int64_t begin = 0, end; begin < t->rows; begin = end) {
        end = begin + STRIP < t->rows ? begin + STRIP : t->rows;
        for (int64_t c = 0; c < whole; c += TILE) LN(backward_rows)(TILE, t, c, begin, end, sign, own, y, width);
        switch (t->width - whole) {
        case 3: LN(backward_rows)(3, t, whole, begin, end, sign, own, y, width); break;
        case 2: LN(backward_rows)(2, t, whole, begin, end, sign, own, y, width); break;
        case 1: LN(backward_rows)(1, t, whole, begin, end, sign, own, y, width); break;
        }
    }
    switch (t->width - whole) {
    case 3: LN(backward_pivots)(3, t, whole, sign, own, width); break;
    case 2: LN(backward_pivots)(2, t, whole, sign, own, width); break;
    case 1: LN(backward_pivots)(1, t, whole, sign, own, width); break;
    }
    for (int64_t c = whole - TILE; c >= 0; c -= TILE) LN(backward_pivots)(TILE, t, c, sign, own, width);
}

#undef LN
#undef VECTOR
#undef AT
#undef FROM
#undef TIMES_I
