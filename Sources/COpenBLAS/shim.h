/* The few BLAS and LAPACK routines that small dense algebra needs, one C function each for all four scalar types.
 *
 * OpenBLAS's packages bring no LAPACKE header, so the Fortran symbols are declared here. `type` counts as in CKernels: 0 float,
 * 1 double, 2 complex float, 3 complex double. Matrices are column-major. A Fortran character argument has a hidden length behind
 * the visible arguments; passing it is right for every compiler that has ever built LAPACK.
 */
#ifndef COPENBLAS_SHIM_H
#define COPENBLAS_SHIM_H
#include <stddef.h>

#define BK_DECLARE4(s, d, c, z, ...) \
    extern void s(__VA_ARGS__);      \
    extern void d(__VA_ARGS__);      \
    extern void c(__VA_ARGS__);      \
    extern void z(__VA_ARGS__);
#define BK_CALL4(type, s, d, c, z, ...) \
    switch (type) {                     \
    case 0: s(__VA_ARGS__); break;      \
    case 1: d(__VA_ARGS__); break;      \
    case 2: c(__VA_ARGS__); break;      \
    default: z(__VA_ARGS__); break;     \
    }

BK_DECLARE4(sgemm_, dgemm_, cgemm_, zgemm_, const char *, const char *, const int *, const int *, const int *, const void *,
            const void *, const int *, const void *, const int *, const void *, void *, const int *, size_t, size_t)
BK_DECLARE4(strsm_, dtrsm_, ctrsm_, ztrsm_, const char *, const char *, const char *, const char *, const int *, const int *,
            const void *, const void *, const int *, void *, const int *, size_t, size_t, size_t, size_t)
BK_DECLARE4(strmm_, dtrmm_, ctrmm_, ztrmm_, const char *, const char *, const char *, const char *, const int *, const int *,
            const void *, const void *, const int *, void *, const int *, size_t, size_t, size_t, size_t)
BK_DECLARE4(spotrf_, dpotrf_, cpotrf_, zpotrf_, const char *, const int *, void *, const int *, int *, size_t)
BK_DECLARE4(sgeqrf_, dgeqrf_, cgeqrf_, zgeqrf_, const int *, const int *, void *, const int *, void *, void *, const int *, int *)
BK_DECLARE4(sormqr_, dormqr_, cunmqr_, zunmqr_, const char *, const char *, const int *, const int *, const int *, const void *,
            const int *, const void *, void *, const int *, void *, const int *, int *, size_t, size_t)
BK_DECLARE4(sorgqr_, dorgqr_, cungqr_, zungqr_, const int *, const int *, const int *, void *, const int *, const void *, void *,
            const int *, int *)
BK_DECLARE4(sgetrf_, dgetrf_, cgetrf_, zgetrf_, const int *, const int *, void *, const int *, int *, int *)
BK_DECLARE4(sgetrs_, dgetrs_, cgetrs_, zgetrs_, const char *, const int *, const int *, const void *, const int *, const int *,
            void *, const int *, int *, size_t)
BK_DECLARE4(sgecon_, dgecon_, cgecon_, zgecon_, const char *, const int *, const void *, const int *, const void *, void *, void *,
            void *, int *, size_t)
extern void ssyev_(const char *, const char *, const int *, void *, const int *, void *, void *, const int *, int *, size_t, size_t);
extern void dsyev_(const char *, const char *, const int *, void *, const int *, void *, void *, const int *, int *, size_t, size_t);
extern void cheev_(const char *, const char *, const int *, void *, const int *, void *, void *, const int *, void *, int *, size_t,
                   size_t);
extern void zheev_(const char *, const char *, const int *, void *, const int *, void *, void *, const int *, void *, int *, size_t,
                   size_t);
extern void sgesvd_(const char *, const char *, const int *, const int *, void *, const int *, void *, void *, const int *, void *,
                    const int *, void *, const int *, int *, size_t, size_t);
extern void dgesvd_(const char *, const char *, const int *, const int *, void *, const int *, void *, void *, const int *, void *,
                    const int *, void *, const int *, int *, size_t, size_t);
extern void cgesvd_(const char *, const char *, const int *, const int *, void *, const int *, void *, void *, const int *, void *,
                    const int *, void *, const int *, void *, int *, size_t, size_t);
extern void zgesvd_(const char *, const char *, const int *, const int *, void *, const int *, void *, void *, const int *, void *,
                    const int *, void *, const int *, void *, int *, size_t, size_t);
/* Schur form; its selection function is never called here (sort 'N'). Real routines give eigenvalues as two arrays. */
#define BK_DECLARE_SCHUR(real, reorder, complex, reorderComplex)                                                                  \
    extern void real(const char *, const char *, void *, const int *, void *, const int *, int *, void *, void *, void *,         \
                     const int *, void *, const int *, int *, int *, size_t, size_t);                                             \
    extern void reorder(const char *, const char *, const int *, const int *, void *, const int *, void *, const int *, void *,   \
                        void *, int *, void *, void *, void *, const int *, int *, const int *, int *, size_t, size_t);           \
    extern void complex(const char *, const char *, void *, const int *, void *, const int *, int *, void *, void *, const int *, \
                        void *, const int *, void *, int *, int *, size_t, size_t);                                               \
    extern void reorderComplex(const char *, const char *, const int *, const int *, void *, const int *, void *, const int *,    \
                               void *, int *, void *, void *, void *, const int *, int *, size_t, size_t);
BK_DECLARE_SCHUR(sgees_, strsen_, cgees_, ctrsen_)
BK_DECLARE_SCHUR(dgees_, dtrsen_, zgees_, ztrsen_)

extern void openblas_set_num_threads(int);
extern int openblas_get_num_threads(void);

/* C = alpha op(A) op(B) + beta C; op: 'N', 'T', 'C'. */
static inline void bk_gemm(int type, char opa, char opb, int m, int n, int k, const void *alpha, const void *a, int lda,
                           const void *b, int ldb, const void *beta, void *c, int ldc) {
    BK_CALL4(type, sgemm_, dgemm_, cgemm_, zgemm_, &opa, &opb, &m, &n, &k, alpha, a, &lda, b, &ldb, beta, c, &ldc, 1, 1)
}
/* B = alpha op(A)^-1 B (side 'L') or alpha B op(A)^-1 (side 'R'). */
static inline void bk_trsm(int type, char side, char uplo, char op, char diag, int m, int n, const void *alpha, const void *a,
                           int lda, void *b, int ldb) {
    BK_CALL4(type, strsm_, dtrsm_, ctrsm_, ztrsm_, &side, &uplo, &op, &diag, &m, &n, alpha, a, &lda, b, &ldb, 1, 1, 1, 1)
}
/* B = alpha op(A) B (side 'L') or alpha B op(A) (side 'R'), A triangular. */
static inline void bk_trmm(int type, char side, char uplo, char op, char diag, int m, int n, const void *alpha, const void *a,
                           int lda, void *b, int ldb) {
    BK_CALL4(type, strmm_, dtrmm_, ctrmm_, ztrmm_, &side, &uplo, &op, &diag, &m, &n, alpha, a, &lda, b, &ldb, 1, 1, 1, 1)
}
/* Cholesky of the triangle `uplo`; the result is 0, or the order of the first leading minor that is not positive. */
static inline int bk_potrf(int type, char uplo, int n, void *a, int lda) {
    int info = 0;
    BK_CALL4(type, spotrf_, dpotrf_, cpotrf_, zpotrf_, &uplo, &n, a, &lda, &info, 1)
    return info;
}
static inline int bk_geqrf(int type, int m, int n, void *a, int lda, void *tau, void *work, int lwork) {
    int info = 0;
    BK_CALL4(type, sgeqrf_, dgeqrf_, cgeqrf_, zgeqrf_, &m, &n, a, &lda, tau, work, &lwork, &info)
    return info;
}
/* C = op(Q) C, Q the product of k reflectors stored in a; `adjoint` != 0 applies Q^H. */
static inline int bk_apply_q(int type, int adjoint, int m, int n, int k, const void *a, int lda, const void *tau, void *c, int ldc,
                             void *work, int lwork) {
    char side = 'L', op = adjoint ? (type < 2 ? 'T' : 'C') : 'N';
    int info = 0;
    BK_CALL4(type, sormqr_, dormqr_, cunmqr_, zunmqr_, &side, &op, &m, &n, &k, a, &lda, tau, c, &ldc, work, &lwork, &info, 1, 1)
    return info;
}
/* a (m x n, n <= m) becomes the first n columns of the product of k reflectors. */
static inline int bk_generate_q(int type, int m, int n, int k, void *a, int lda, const void *tau, void *work, int lwork) {
    int info = 0;
    BK_CALL4(type, sorgqr_, dorgqr_, cungqr_, zungqr_, &m, &n, &k, a, &lda, tau, work, &lwork, &info)
    return info;
}
static inline int bk_getrf(int type, int m, int n, void *a, int lda, int *pivot) {
    int info = 0;
    BK_CALL4(type, sgetrf_, dgetrf_, cgetrf_, zgetrf_, &m, &n, a, &lda, pivot, &info)
    return info;
}
static inline int bk_getrs(int type, char op, int n, int nrhs, const void *a, int lda, const int *pivot, void *b, int ldb) {
    int info = 0;
    BK_CALL4(type, sgetrs_, dgetrs_, cgetrs_, zgetrs_, &op, &n, &nrhs, a, &lda, pivot, b, &ldb, &info, 1)
    return info;
}
/* Reciprocal 1-norm condition of an LU factor; anorm and rcond of the real type. work: 4n entries; integers: 2n reals or n ints. */
static inline int bk_gecon(int type, int n, const void *a, int lda, const void *anorm, void *rcond, void *work, void *integers) {
    char norm = '1';
    int info = 0;
    BK_CALL4(type, sgecon_, dgecon_, cgecon_, zgecon_, &norm, &n, a, &lda, anorm, rcond, work, integers, &info, 1)
    return info;
}
/* Eigenvalues w (ascending, real type) and vectors (in a) of a Hermitian matrix, upper triangle; rwork: 3n reals. */
static inline int bk_heev(int type, int n, void *a, int lda, void *w, void *work, int lwork, void *rwork) {
    char job = 'V', uplo = 'U';
    int info = 0;
    switch (type) {
    case 0: ssyev_(&job, &uplo, &n, a, &lda, w, work, &lwork, &info, 1, 1); break;
    case 1: dsyev_(&job, &uplo, &n, a, &lda, w, work, &lwork, &info, 1, 1); break;
    case 2: cheev_(&job, &uplo, &n, a, &lda, w, work, &lwork, rwork, &info, 1, 1); break;
    default: zheev_(&job, &uplo, &n, a, &lda, w, work, &lwork, rwork, &info, 1, 1); break;
    }
    return info;
}
/* Thin SVD: u m x min(m,n), s of the real type, vt min(m,n) x n; a is destroyed; rwork: 5 min(m,n) reals. */
static inline int bk_gesvd(int type, int m, int n, void *a, int lda, void *s, void *u, int ldu, void *vt, int ldvt, void *work,
                           int lwork, void *rwork) {
    char job = 'S';
    int info = 0;
    switch (type) {
    case 0: sgesvd_(&job, &job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, &info, 1, 1); break;
    case 1: dgesvd_(&job, &job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, &info, 1, 1); break;
    case 2: cgesvd_(&job, &job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, rwork, &info, 1, 1); break;
    default: zgesvd_(&job, &job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, rwork, &info, 1, 1); break;
    }
    return info;
}
/* Schur form in place with its vectors vs (n x n). w: 2n entries, the eigenvalues as two real arrays (real types) or n complex numbers.
 * work: at least 3n entries; rwork: n reals. */
static inline int bk_schur(int type, int n, void *a, int lda, void *w, void *vs, int ldvs, void *work, int lwork, void *rwork) {
    char job = 'V', sort = 'N';
    int info = 0, selected = 0;
    switch (type) {
    case 0: sgees_(&job, &sort, 0, &n, a, &lda, &selected, w, (float *)w + n, vs, &ldvs, work, &lwork, 0, &info, 1, 1); break;
    case 1: dgees_(&job, &sort, 0, &n, a, &lda, &selected, w, (double *)w + n, vs, &ldvs, work, &lwork, 0, &info, 1, 1); break;
    case 2: cgees_(&job, &sort, 0, &n, a, &lda, &selected, w, vs, &ldvs, work, &lwork, rwork, 0, &info, 1, 1); break;
    default: zgees_(&job, &sort, 0, &n, a, &lda, &selected, w, vs, &ldvs, work, &lwork, rwork, 0, &info, 1, 1); break;
    }
    return info;
}
/* Brings the eigenvalues with select[i] != 0 to the front of a Schur form and updates its vectors; w and work as above. */
static inline int bk_reorder_schur(int type, int n, const int *select, void *t, int ldt, void *vs, int ldvs, void *w, void *work,
                                   int lwork) {
    char job = 'N', compute = 'V';
    int info = 0, count = 0, integers[1] = {0}, one = 1;
    double s[1], sep[1];
    switch (type) {
    case 0:
        strsen_(&job, &compute, select, &n, t, &ldt, vs, &ldvs, w, (float *)w + n, &count, s, sep, work, &lwork, integers, &one, &info,
                1, 1);
        break;
    case 1:
        dtrsen_(&job, &compute, select, &n, t, &ldt, vs, &ldvs, w, (double *)w + n, &count, s, sep, work, &lwork, integers, &one, &info,
                1, 1);
        break;
    case 2: ctrsen_(&job, &compute, select, &n, t, &ldt, vs, &ldvs, w, &count, s, sep, work, &lwork, &info, 1, 1); break;
    default: ztrsen_(&job, &compute, select, &n, t, &ldt, vs, &ldvs, w, &count, s, sep, work, &lwork, &info, 1, 1); break;
    }
    return info;
}
#endif
