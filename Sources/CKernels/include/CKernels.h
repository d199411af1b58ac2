/* CKernels: the loops over n.
 *
 * Every function works on a range of rows of row-major blocks (row i of X starts at X + i*ldx, its m entries are
 * contiguous), or on rows begin ..< end of a sparse matrix in compressed rows. Nothing here allocates, starts threads,
 * keeps state (but for what tests restrict) or reports errors: the caller validates shapes and splits the rows over threads. A row's result depends
 * on that row's operands only, never on how the rows are split, so any split gives the same bits.
 *
 * `bk_scalar` names the entries' type; complex entries are interleaved (real, imaginary) pairs. Leading dimensions
 * and counts are in entries, not bytes. Blocks need only the natural alignment of their entries and columns ranges of
 * wider blocks are allowed everywhere: no function reads or writes outside columns 0 ..< m.
 */
#ifndef CKERNELS_H
#define CKERNELS_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum bk_scalar {
    BK_FLOAT = 0,
    BK_DOUBLE = 1,
    BK_COMPLEX_FLOAT = 2,
    BK_COMPLEX_DOUBLE = 3
} bk_scalar;

/* The instruction set that the kernels run on: "x86-64-v4", "x86-64-v3" or "baseline". */
const char *bk_instruction_set(void);

/* For tests: from now on the calling thread's kernels run on the instruction set of this name, NULL being the best one.
 * 0, and nothing changes, where there is none of that name or the machine lacks it. */
int bk_restrict_instruction_set(const char *name);

/* The processor that the calling thread runs on; -1 where that is not known. */
int bk_processor(void);

/* Moves the calling thread to the processor `offset` places after `processor` among those that it may use, and lets it go
 * wherever it may again. Nothing where that is not known. */
void bk_move_thread(int processor, int offset);

/* Tells the processor that the caller spins. */
static inline void bk_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ---- sparse times block -------------------------------------------------------------------------------------- */

/* b == NULL:  Y[i,:] = sum_k value[k] X[index[k],:]            for begin <= i < end, start[i] <= k < start[i+1]
 * b != NULL:  Y[i,:] = B[i,:] - sum_k value[k] X[index[k],:]   (y may be b)
 * `traffic` says where the operands are: 0 in cache, BK_PREFETCH in memory, so that they are asked for ahead of their use,
 * BK_STREAM besides that Y will not be wanted soon, so that where rows are aligned they are stored past the caches, without
 * being read first. The numbers are the same. */
#define BK_PREFETCH 1
#define BK_STREAM 2
void bk_spmm(bk_scalar type, int64_t begin, int64_t end, const int64_t *start, const int32_t *index, const void *value,
             int64_t m, const void *x, int64_t ldx, const void *b, int64_t ldb, void *y, int64_t ldy, int traffic);

/* Scatter form: Y[index[k],:] += op(value[k]) X[i,:], op the conjugate when `conjugate` is not 0. Rows i in ascending
 * order. Splitting over threads is by columns of X and Y. */
void bk_spmm_scatter(bk_scalar type, int64_t begin, int64_t end, const int64_t *start, const int32_t *index,
                     const void *value, int conjugate, int64_t m, const void *x, int64_t ldx, void *y, int64_t ldy);

/* R[i,:] = B[i,:] - sum_k value[k] X[index[k],:] and Z[i,:] = sum_k |value[k]| |X[index[k],:]|, Z of the real type:
 * what a componentwise backward error needs, in one sweep. |.| of a complex number is its modulus. r may be b. */
void bk_residual_and_magnitude(bk_scalar type, int64_t begin, int64_t end, const int64_t *start, const int32_t *index,
                               const void *value, int64_t m, const void *x, int64_t ldx, const void *b, int64_t ldb,
                               void *r, int64_t ldr, void *z, int64_t ldz);

/* R[i,:] = B[i,:] - sum_k value[k] X[index[k],:] and, without storing Z = |A||X|, what the columns' backward errors need of it:
 * for rows begin ..< end the sums of |R|^2 and the largest quotients
 *     |R| / (Z + |B|)                       where Z + |B| > factor (row_sum[i] maxima[j] + |B|),
 *     |R| / (Z + row_sum[i] maxima[j])      elsewhere,
 * which are added to and maximised into out[j], out[m + j] and out[2 m + j]; a residual of 0 counts as no error. maxima and out
 * have numbers of the real type, for complex entries two equal ones per column, so that 2 m stands for m above. r may be b. */
void bk_residual_and_error(bk_scalar type, int64_t begin, int64_t end, const int64_t *start, const int32_t *index,
                           const void *value, const double *row_sum, double factor, int64_t m, const void *x, int64_t ldx,
                           const void *maxima, const void *b, int64_t ldb, void *r, int64_t ldr, void *out);

/* Triangular sweep with a strictly triangular matrix T in compressed rows and the inverse diagonal d (NULL: ones):
 *     Y[i,:] = d[i] (B[i,:] - sum_k value[k] Y[index[k],:])
 * for rows begin ..< end, ascending (descending == 0) or descending (descending != 0). y may be b. */
void bk_sweep(bk_scalar type, int descending, int64_t begin, int64_t end, const int64_t *start, const int32_t *index,
              const void *value, const void *d, int64_t m, const void *b, int64_t ldb, void *y, int64_t ldy);

/* One step of a polynomial in A, in one pass:
 *
 *   Y[i,:] = alpha X[i,:] + beta Y[i,:] + gamma d[i] (B[i,:] - (A X)[i,:])
 *
 * (A X)[i,:] = sum_k value[k] X[index[k],:], or W[i,:] when start is NULL, or 0 when w is NULL too. alpha, beta and gamma
 * point to one scalar each. alpha == NULL, beta == NULL, b == NULL: without that term (Y may then hold NaN);
 * d == NULL: ones. y must not be x unless start is NULL. traffic as of bk_spmm, without BK_STREAM. */
void bk_polynomial_step(bk_scalar type, int64_t begin, int64_t end, const int64_t *start, const int32_t *index,
                        const void *value, const void *d, int64_t m, const void *alpha, const void *x, int64_t ldx,
                        const void *beta, const void *gamma, const void *b, int64_t ldb, const void *w, int64_t ldw,
                        void *y, int64_t ldy, int traffic);

/* ---- block times block --------------------------------------------------------------------------------------- */

/* G = Y^H X over `rows` rows: G is p x q, row-major, leading dimension q; overwritten.
 * G[a*q + b] = sum_i conj(Y[i,a]) X[i,b]. */
void bk_inner(bk_scalar type, int64_t rows, int64_t p, const void *y, int64_t ldy, int64_t q, const void *x,
              int64_t ldx, void *g);

/* As bk_inner with p == q, where G is hermitian (Y^H A Y, Y^H Y): nothing is said of the
 * entries below the diagonal. */
void bk_hermitian_inner(bk_scalar type, int64_t rows, int64_t p, const void *y, int64_t ldy, const void *x, int64_t ldx,
                        void *g);

/* Makes a column-major n x n matrix hermitian by its upper triangle. */
void bk_mirror(bk_scalar type, int64_t n, void *g);

/* z == NULL:  Y = X C;   z != NULL:  Y = Z + X C.    X rows x p, C p x q row-major with leading dimension q.
 * y may be z. y may be x when p == q (then with p <= BK_MAXIMUM_IN_PLACE). */
#define BK_MAXIMUM_IN_PLACE 1024
void bk_update(bk_scalar type, int64_t rows, int64_t p, const void *x, int64_t ldx, int64_t q, const void *c,
               const void *z, int64_t ldz, void *y, int64_t ldy);

/* ---- basis of many blocks ------------------------------------------------------------------------------------ */
/* v[0] ... v[count - 1] are blocks of p columns with leading dimension ldv; rows begin ..< end of all operands. */

/* G = [v[0] v[1] ...]^H X: G is (count p) x q, row-major, leading dimension q; overwritten. */
void bk_basis_inner(bk_scalar type, int64_t begin, int64_t end, int64_t count, const void *const *v, int64_t ldv, int64_t p,
                    int64_t q, const void *x, int64_t ldx, void *g);

/* Y += [v[0] v[1] ...] C with C (count p) x q, row-major, leading dimension q. Y is none of the blocks. */
void bk_basis_update(bk_scalar type, int64_t begin, int64_t end, int64_t count, const void *const *v, int64_t ldv, int64_t p,
                     int64_t q, const void *c, void *y, int64_t ldy);

/* Y[i,j] += sum_k s[k m + j] v[k][i,j], blocks of m columns. Y is none of the blocks. */
void bk_basis_combine_columns(bk_scalar type, int64_t begin, int64_t end, int64_t count, const void *const *v, int64_t ldv,
                              int64_t m, const void *s, void *y, int64_t ldy);

/* g[k m + j] = v[k][:,j]^H X[:,j], blocks of m columns; overwritten. */
void bk_basis_column_dots(bk_scalar type, int64_t begin, int64_t end, int64_t count, const void *const *v, int64_t ldv,
                          int64_t m, const void *x, int64_t ldx, void *g);

/* ---- dense triangles and the quality of a solution ------------------------------------------------------------- */

/* X = T^-1 X in place, X n x m row-major. T is n x n column-major with leading dimension ldt: the lower triangle for
 * descending == 0, the upper one else. d holds the inverse diagonal; NULL: ones. The other triangle is not read. */
void bk_triangle(bk_scalar type, int descending, int64_t n, const void *t, int64_t ldt, const void *d, int64_t m, void *x,
                 int64_t ldx);

/* Y[i,j] = |X[i,j]| s[j] in single precision, s of the real type. */
void bk_moduli(bk_scalar type, int64_t rows, int64_t m, const void *x, int64_t ldx, const void *s, float *y,
               int64_t ldy);

/* The sums of |X[i,j]| along each row and down each column, in double precision. */
void bk_absolute_sums(bk_scalar type, int64_t rows, int64_t m, const void *x, int64_t ldx, double *row_sums,
                      double *column_sums);

/* For every column of R = B - A X: sum_i |r_i|^2 in out[j], and the two backward errors of M. Arioli, J. W. Demmel and I. S. Duff
 * in out[m+j], out[2m+j]. With z_i = Z[i,j] row_scales[i] scales[j], that is (|A||X|)_ij, and s_i = row_sums[i] maxima[j], that
 * is the sum of |a_ik| times max |x_k|: out[m+j] is the largest |r_i| / (z_i + |b_i|) over the rows where z_i + |b_i| exceeds
 * factor (s_i + |b_i|), out[2m+j] the largest |r_i| / (z_i + s_i) over the others; a residual of 0 counts as no error. NaNs show in
 * out[j] alone. */
void bk_backward_errors(bk_scalar type, int64_t rows, int64_t m, const void *r, int64_t ldr, const void *b, int64_t ldb,
                        const float *z, int64_t ldz, const double *row_scales, const double *scales,
                        const double *row_sums, const double *maxima, double factor, double *out);

/* ---- columns and rows of one block --------------------------------------------------------------------------- */
/* "real" is float for the first and third, double for the second and fourth scalar type. */

/* out[j] = sum_i |X[i,j]|^2, out of the real type; overwritten. */
void bk_column_squares(bk_scalar type, int64_t rows, int64_t m, const void *x, int64_t ldx, void *out);

/* out[j] = sum_i conj(X[i,j]) Y[i,j], out of the scalar type; overwritten. y may be x. */
void bk_column_dots(bk_scalar type, int64_t rows, int64_t m, const void *x, int64_t ldx, const void *y, int64_t ldy,
                    void *out);

/* Inner products of several blocks of one leading dimension, in one pass over them; out[k m + j] of column j, as bk_column_dots:
 * y^H x and x^H x without Z; x^H y, x^H x, y^H y, z^H x and z^H y with it. */
void bk_column_moments(bk_scalar type, int64_t rows, int64_t m, const void *x, const void *y, const void *z, int64_t ld,
                       void *out);

/* The end of a step of BiCGStab, in one pass: X += MP alpha + MS omega, R -= T omega, and then P = R + P beta - V beta omega, with
 * s[k m + j] for k = 0 ... 4 being alpha, omega, -omega, beta and -beta omega of column j. MP may be P, MS may be R; X has
 * the leading dimension ldx, all others ld. */
void bk_stabilized_step(bk_scalar type, int64_t rows, int64_t m, const void *s, const void *mp, const void *ms, const void *v,
                        const void *t, int64_t ld, void *x, int64_t ldx, void *r, void *p);

/* out[j] = max_i max(|Re X[i,j]|, |Im X[i,j]|), NaN if any entry of the column is NaN; out of the real type; 0 for no rows. */
void bk_column_maxima(bk_scalar type, int64_t rows, int64_t m, const void *x, int64_t ldx, void *out);

/* Y[i,j] = X[i,j] s[j], s of the real type; y may be x. */
void bk_scale_columns(bk_scalar type, int64_t rows, int64_t m, const void *s, const void *x, int64_t ldx, void *y,
                      int64_t ldy);

/* Y[i,j] = d[i] X[i,j], d of the scalar type; y may be x. */
void bk_scale_rows(bk_scalar type, int64_t rows, int64_t m, const void *d, const void *x, int64_t ldx, void *y,
                   int64_t ldy);

/* Y[i,j] = alpha X[i,j] + beta Y[i,j] with alpha, beta pointing to one scalar each; beta == NULL: Y = alpha X (Y is not
 * read, so it may hold NaN). y may be x. */
void bk_combine(bk_scalar type, int64_t rows, int64_t m, const void *alpha, const void *x, int64_t ldx,
                const void *beta, void *y, int64_t ldy);

/* Y[i,j] = alpha[j] X[i,j] + beta[j] Y[i,j] with m scalars each; beta == NULL: Y is not read. y may be x. */
void bk_combine_columns(bk_scalar type, int64_t rows, int64_t m, const void *alpha, const void *x, int64_t ldx,
                        const void *beta, void *y, int64_t ldy);

/* Y[i,k] = X[i,column[k]] and Y[i,column[k]] = X[i,k], 0 <= k < m. With BK_STREAM in `traffic` columns that stand side by side are
 * stored past the caches where their rows are whole lines. */
void bk_gather_columns(bk_scalar type, int64_t rows, int64_t m, const int64_t *column, const void *x, int64_t ldx,
                       void *y, int64_t ldy);
void bk_scatter_columns(bk_scalar type, int64_t rows, int64_t m, const int64_t *column, const void *x, int64_t ldx,
                        void *y, int64_t ldy, int traffic);

/* Y[i,:] = X[row[i],:] and Y[row[i],:] = X[i,:], 0 <= i < rows. */
void bk_gather_rows(bk_scalar type, int64_t rows, int64_t m, const int64_t *row, const void *x, int64_t ldx, void *y,
                    int64_t ldy);
void bk_scatter_rows(bk_scalar type, int64_t rows, int64_t m, const int64_t *row, const void *x, int64_t ldx, void *y,
                     int64_t ldy);

/* Row-major rows x m from and to column-major arrays with leading dimension ldc. */
void bk_from_column_major(bk_scalar type, int64_t rows, int64_t m, const void *c, int64_t ldc, void *y, int64_t ldy);
void bk_to_column_major(bk_scalar type, int64_t rows, int64_t m, const void *x, int64_t ldx, void *c, int64_t ldc);

/* Float <-> double, real and complex alike: Y = X rounded. `type` is that of X; Y has the other precision. */
void bk_convert_precision(bk_scalar type, int64_t rows, int64_t m, const void *x, int64_t ldx, void *y, int64_t ldy);

#ifdef __cplusplus
}
#endif
#endif
