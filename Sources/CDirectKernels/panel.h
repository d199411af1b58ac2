/* Rows of a block of REALs into a panel in another order, and back. */

static void PASTE3(load, REAL, ISA)(int64_t rows, const int32_t *order, const double *scale, int64_t columns,
                                    const REAL *restrict b, int64_t ldb, double *restrict panel, int64_t width) {
    for (int64_t i = 0; i < rows; i++) {
        if (i + AHEAD < rows) {
            const REAL *next = b + order[i + AHEAD] * ldb;
            for (int64_t j = 0; j < columns; j += 64 / sizeof(REAL)) __builtin_prefetch(next + j);
        }
        const REAL *restrict row = b + order[i] * ldb;
        const double factor = scale ? scale[order[i]] : 1;
        double *restrict out = panel + i * width;
        for (int64_t j = 0; j < columns; j++) out[j] = factor * (double)row[j];
        for (int64_t j = columns; j < width; j++) out[j] = 0;
    }
}

/* A sum of zero times each number is NaN once one of them is not finite. */
static void PASTE3(store, REAL, ISA)(int64_t rows, const int32_t *order, const double *scale, int64_t columns,
                                     const double *restrict panel, int64_t width, const REAL *restrict base, int64_t ldbase,
                                     REAL *restrict x, int64_t ldx, double *restrict maxima) {
    double most[WIDEST] = {0}, spoiled[WIDEST] = {0};
    if (columns > WIDEST) columns = WIDEST;
    for (int64_t i = 0; i < rows; i++) {
        if (i + AHEAD < rows) {
            const int64_t next = order[i + AHEAD];
            for (int64_t j = 0; j < columns; j += 64 / sizeof(REAL)) {
                __builtin_prefetch(x + next * ldx + j, 1);
                if (base) __builtin_prefetch(base + next * ldbase + j);
            }
        }
        REAL *restrict row = x + order[i] * ldx;
        const double factor = scale ? scale[order[i]] : 1, *restrict in = panel + i * width;
        if (base) {
            const REAL *restrict old = base + order[i] * ldbase;
            for (int64_t j = 0; j < columns; j++) row[j] = (REAL)((double)old[j] + factor * in[j]);
        } else {
            for (int64_t j = 0; j < columns; j++) row[j] = (REAL)(factor * in[j]);
        }
        if (!maxima) continue;
        for (int64_t j = 0; j < columns; j++) {
            const double value = row[j], size = __builtin_fabs(value);
            most[j] = size > most[j] ? size : most[j];
            spoiled[j] += value * 0;
        }
    }
    for (int64_t j = 0; maxima && j < columns; j++) maxima[j] = most[j] + spoiled[j];
}
