/* CDirectKernels: triangular solves with supernodal factors, on panels of columns.
 *
 * A panel is a row-major block of doubles: row i starts at panel + i*width, complex numbers are (real, imaginary) pairs.
 * `width` counts doubles: a power of two up to 8 or a multiple of 8, and even for complex factors. Columns that a panel has
 * beyond the block's are zero. Nothing here allocates, starts threads, keeps state or reports errors. A column's arithmetic depends
 * neither on its neighbours nor on the width of the panel.
 */
#ifndef CDIRECTKERNELS_H
#define CDIRECTKERNELS_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers of a factor or a block; they count as the scalar types of CKernels. */
typedef enum bkd_scalar {
    BKD_FLOAT = 0,
    BKD_DOUBLE = 1,
    BKD_COMPLEX_FLOAT = 2,
    BKD_COMPLEX_DOUBLE = 3
} bkd_scalar;

/* A lower triangular matrix T, some neighbouring columns of nearly equal structure together in a supernode.
 *
 * Supernode s has the columns first[s] ..< first[s+1], w of them, and below its triangle the rows list[list_start[s]] ..<
 * list[list_start[s+1]], r of them. Its numbers are the (w + r) x w row-major matrix at value_start[s] (in numbers, not doubles):
 * the triangle first, with the inverse of the diagonal in place of the diagonal; what is above it is not read. */
typedef struct bkd_triangle {
    const int32_t *first;
    const int64_t *list_start, *value_start;
    const int32_t *list;
    const void *value; /* float where `single` is not 0, double elsewhere */
    int single;
} bkd_triangle;

/* Y = T^-1 Y, of conj(T) when `conjugate` is not 0, over the supernodes order[begin ..< end], begin ..< end where `order` is NULL, from
 * the first to the last, for the first `columns` doubles of each row. */
void bkd_forward(int complex, const bkd_triangle *t, const int32_t *order, int64_t begin, int64_t end, int conjugate, double *panel,
                 int64_t width, int64_t columns);

/* Y = T^-T Y, of conj(T) when `conjugate` is not 0, over the same from the last to the first. */
void bkd_backward(int complex, const bkd_triangle *t, const int32_t *order, int64_t begin, int64_t end, int conjugate, double *panel,
                  int64_t width, int64_t columns);

/* panel[rows[k],:] += spilled[k,:], the first `columns` doubles. */
void bkd_join(int64_t count, const int32_t *rows, const double *spilled, double *panel, int64_t width, int64_t columns);

/* panel[i,:] = scale[order[i]] B[order[i], 0 ..< columns] for 0 <= i < rows, zeros behind; scale == NULL: ones. */
void bkd_load(bkd_scalar type, int64_t rows, const int32_t *order, const double *scale, int64_t columns, const void *b,
              int64_t ldb, double *panel, int64_t width);

/* X[order[i], 0 ..< columns] = scale[order[i]] panel[i,:], plus the same row of `base` unless that is NULL, rounded to the type of X.
 * Unless it is NULL, maxima[j] becomes the largest modulus of a real or imaginary part in column j of X, parts counted as columns;
 * NaN where one is not finite. A panel has at most 32 doubles in a row. */
void bkd_store(bkd_scalar type, int64_t rows, const int32_t *order, const double *scale, int64_t columns, const double *panel,
               int64_t width, const void *base, int64_t ldbase, void *x, int64_t ldx, double *maxima);

/* panel[i,:] *= scale[i]. */
void bkd_scale(int64_t rows, const double *scale, double *panel, int64_t width);

#ifdef __cplusplus
}
#endif
#endif
