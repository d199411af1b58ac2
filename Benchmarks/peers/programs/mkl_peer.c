/* mkl_peer.c - Intel MKL (pip packages mkl, mkl-devel): sparse x dense and PARDISO.
 *
 * methods: spmm        mkl_sparse_d_mm, row-major X and Y (n x m), after
 *                      mkl_sparse_set_mm_hint + mkl_sparse_optimize (setup_seconds is their time)
 *          spmm-plain  the same without hint and optimize
 *          mv          mkl_sparse_d_mv with hint + optimize, looped over columns (X column major)
 *          pardiso     PARDISO, one solve of all m columns; mtype 2 (SPD) when symmetric, else 11;
 *                      METIS ordering; no forced refinement
 */
#include "peers.h"
#include <mkl.h>

static peers_args a;
static peers_csr A;
static double T[1001];

static void do_spmm(int hint) {
    size_t N = (size_t)A.n * a.m;
    double *X = peers_rhs(A.n, a.m, a.seed, 1), *Y = mkl_malloc(8 * N, 64), *Xa = mkl_malloc(8 * N, 64);
    memcpy(Xa, X, 8 * N); memset(Y, 0, 8 * N);
    sparse_matrix_t S;
    struct matrix_descr d = {.type = SPARSE_MATRIX_TYPE_GENERAL};
    mkl_sparse_d_create_csr(&S, SPARSE_INDEX_BASE_ZERO, A.n, A.n, A.ptr, A.ptr + 1, A.col, A.val);
    double t0 = peers_now();
    if (hint) {
        mkl_sparse_set_mm_hint(S, SPARSE_OPERATION_NON_TRANSPOSE, d, SPARSE_LAYOUT_ROW_MAJOR, a.m, 1000);
        mkl_sparse_optimize(S);
    }
    double setup = peers_now() - t0;
    for (int r = 0; r <= a.repeats; r++) {
        double s = peers_now();
        sparse_status_t st = mkl_sparse_d_mm(SPARSE_OPERATION_NON_TRANSPOSE, 1.0, S, d, SPARSE_LAYOUT_ROW_MAJOR, Xa, a.m, a.m, 0.0, Y, a.m);
        if (st) { fprintf(stderr, "mkl_sparse_d_mm: status %d\n", st); return; }
        T[r] = peers_now() - s;
    }
    peers_record_product("mkl", hint ? "spmm" : "spmm-plain", &A, &a, setup, T, a.repeats, peers_spmm_error(&A, X, Y, a.m));
    mkl_sparse_destroy(S);
    free(X); mkl_free(Y); mkl_free(Xa);
}

static void do_mv(void) {
    size_t N = (size_t)A.n * a.m;
    double *X = peers_rhs(A.n, a.m, a.seed, 0), *Y = mkl_calloc(N, 8, 64);
    sparse_matrix_t S;
    struct matrix_descr d = {.type = SPARSE_MATRIX_TYPE_GENERAL};
    mkl_sparse_d_create_csr(&S, SPARSE_INDEX_BASE_ZERO, A.n, A.n, A.ptr, A.ptr + 1, A.col, A.val);
    double t0 = peers_now();
    mkl_sparse_set_mv_hint(S, SPARSE_OPERATION_NON_TRANSPOSE, d, 1000);
    mkl_sparse_optimize(S);
    double setup = peers_now() - t0;
    for (int r = 0; r <= a.repeats; r++) {
        double s = peers_now();
        for (int j = 0; j < a.m; j++) mkl_sparse_d_mv(SPARSE_OPERATION_NON_TRANSPOSE, 1.0, S, d, X + (size_t)j * A.n, 0.0, Y + (size_t)j * A.n);
        T[r] = peers_now() - s;
    }
    double *Xr = peers_rhs(A.n, a.m, a.seed, 1), *Yr = malloc(8 * N);
    for (int i = 0; i < A.n; i++)
        for (int j = 0; j < a.m; j++) Yr[(size_t)i * a.m + j] = Y[(size_t)j * A.n + i];
    peers_record_product("mkl", "mv", &A, &a, setup, T, a.repeats, peers_spmm_error(&A, Xr, Yr, a.m));
    mkl_sparse_destroy(S);
    free(X); free(Xr); free(Yr); mkl_free(Y);
}

static void do_pardiso(void) {
    size_t N = (size_t)A.n * a.m;
    double *B = peers_rhs(A.n, a.m, a.seed, 0), *X = calloc(N, 8), *v;
    void *pt[64] = {0};
    MKL_INT ip[64] = {0}, mtype = A.symmetric ? 2 : 11, one = 1, n = A.n, m = a.m, ph, err = 0, zero = 0, *p, *q;
    p = malloc(sizeof(MKL_INT) * (A.n + 1)); q = malloc(sizeof(MKL_INT) * A.nnz); v = malloc(8 * (size_t)A.nnz);
    int z = 0;
    for (int i = 0; i < A.n; i++) {
        p[i] = z;
        for (int k = A.ptr[i]; k < A.ptr[i + 1]; k++)
            if (!A.symmetric || A.col[k] >= i) { q[z] = A.col[k]; v[z++] = A.val[k]; }
    }
    p[A.n] = z;
    ip[0] = 1; ip[1] = 2; ip[9] = 13; ip[10] = A.symmetric ? 0 : 1; ip[12] = A.symmetric ? 0 : 1;
    ip[17] = -1; ip[34] = 1; /* report factor nnz; zero-based */
    double t0 = peers_now();
    ph = 11; pardiso(pt, &one, &one, &mtype, &ph, &n, v, p, q, NULL, &m, ip, &zero, NULL, NULL, &err);
    double t1 = peers_now();
    if (!err) { ph = 22; pardiso(pt, &one, &one, &mtype, &ph, &n, v, p, q, NULL, &m, ip, &zero, NULL, NULL, &err); }
    double t2 = peers_now();
    if (err) { fprintf(stderr, "pardiso: error %d\n", (int)err); return; }
    int r = 0;
    for (double began = peers_now(); peers_more(r, a.repeats, a.budget, began); r++) {
        double s = peers_now();
        ph = 33; pardiso(pt, &one, &one, &mtype, &ph, &n, v, p, q, NULL, &m, ip, &zero, B, X, &err);
        T[r] = peers_now() - s;
    }
    char extra[256];
    snprintf(extra, sizeof extra, "\"analyse_seconds\":%.6g,\"factor_seconds\":%.6g,\"factor_nonzeros\":%d,\"refinements\":%d", t1 - t0, t2 - t1, (int)ip[17], (int)ip[6]);
    double tol = a.tol;
    a.tol = NAN;
    peers_record("mkl", "solve", "pardiso", "none", &A, &a, t2 - t0, T, r - 1, NULL, 0, peers_residual(&A, B, X, a.m, 0), extra);
    a.tol = tol;
    ph = -1; pardiso(pt, &one, &one, &mtype, &ph, &n, v, p, q, NULL, &m, ip, &zero, NULL, NULL, &err);
    free(B); free(X); free(p); free(q); free(v);
}

int main(int argc, char **argv) {
    a = peers_parse(argc, argv, "methods: spmm,spmm-plain,mv,pardiso");
    peers_load(a.matrix, &A);
    MKLVersion v;
    static char version[32];
    mkl_get_version(&v);
    snprintf(version, sizeof version, "%d.%d.%d", v.MajorVersion, v.MinorVersion, v.UpdateVersion);
    peers_version = version;
    if (peers_has(&a, "spmm")) { peers_reset_peak(); do_spmm(1); }
    if (peers_has(&a, "spmm-plain")) { peers_reset_peak(); do_spmm(0); }
    if (peers_has(&a, "mv")) { peers_reset_peak(); do_mv(); }
    if (peers_has(&a, "pardiso")) { peers_reset_peak(); do_pardiso(); }
    return 0;
}
