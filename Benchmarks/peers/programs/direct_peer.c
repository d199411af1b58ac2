/* direct_peer.c - sparse direct solvers with many right-hand sides.
 *
 * methods: cholmod      cholmod_analyze/factorize (default orderings, LL', supernodal when it
 *                       pays), cholmod_solve2 on the whole n x m block   [symmetric only]
 *          umfpack      umfpack_di, one umfpack_di_solve per column, default controls
 *                       (up to 2 steps of iterative refinement)
 *          umfpack-ir0  the same without iterative refinement
 *          superlu      sequential SuperLU, dgstrf + one dgstrs on the block
 *                       (ordering MMD(A'+A) when symmetric, COLAMD otherwise)
 *          mumps        sequential MUMPS, one JOB=3 on the block (SYM=1 when symmetric);
 *                       ICNTL(27) (its right-hand-side block) = m
 * setup_seconds = analysis + numeric factorization (done once; split in analyse_seconds, factor_seconds).
 * Right-hand sides and solutions are column major, as these libraries want them.
 */
#include "peers.h"
#include <cholmod.h>
#include <umfpack.h>
#include <slu_ddefs.h>
#include <dmumps_c.h>

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)
#define SUITESPARSE_RELEASE TEXT(SUITESPARSE_MAIN_VERSION) "." TEXT(SUITESPARSE_SUB_VERSION) "." TEXT(SUITESPARSE_SUBSUB_VERSION)
#define SUPERLU_RELEASE TEXT(SUPERLU_MAJOR_VERSION) "." TEXT(SUPERLU_MINOR_VERSION) "." TEXT(SUPERLU_PATCH_VERSION)

static peers_args a;
static peers_csr A;
static double *B, *X, T[1001];
static char extra[512];

static void report(const char *library, const char *method, int repeats, double ta, double tf, double lnz) {
    snprintf(extra, sizeof extra, "\"analyse_seconds\":%.6g,\"factor_seconds\":%.6g,\"factor_nonzeros\":%.0f", ta, tf, lnz);
    peers_record(library, "solve", method, "none", &A, &a, ta + tf, T, repeats, NULL, 0, peers_residual(&A, B, X, a.m, 0), extra);
}
/* CSC arrays of A (= CSR arrays of A transposed) */
static void to_csc(int **P, int **I, double **V) {
    int n = A.n, *p = calloc(n + 2, sizeof(int)), *r = malloc(sizeof(int) * A.nnz);
    double *v = malloc(8 * (size_t)A.nnz);
    for (int k = 0; k < A.nnz; k++) p[A.col[k] + 2]++;
    for (int j = 0; j < n; j++) p[j + 2] += p[j + 1];
    for (int i = 0; i < n; i++)
        for (int k = A.ptr[i]; k < A.ptr[i + 1]; k++) { int q = p[A.col[k] + 1]++; r[q] = i; v[q] = A.val[k]; }
    *P = p; *I = r; *V = v;
}

static void do_cholmod(void) {
    peers_version = SUITESPARSE_RELEASE;
    cholmod_common c;
    cholmod_start(&c);
    cholmod_sparse *S = cholmod_allocate_sparse(A.n, A.n, A.nnz, 1, 1, 1, CHOLMOD_REAL, &c);
    int *p = S->p, *q = S->i, z = 0;
    double *v = S->x;
    for (int i = 0; i < A.n; i++) { /* row i of A = column i; keep the upper part: row index <= i */
        p[i] = z;
        for (int k = A.ptr[i]; k < A.ptr[i + 1]; k++)
            if (A.col[k] <= i) { q[z] = A.col[k]; v[z++] = A.val[k]; }
    }
    p[A.n] = z;
    double t0 = peers_now();
    cholmod_factor *L = cholmod_analyze(S, &c);
    double t1 = peers_now();
    cholmod_factorize(S, L, &c);
    double t2 = peers_now(), lnz = c.lnz;
    if (c.status != CHOLMOD_OK) { fprintf(stderr, "cholmod: status %d\n", c.status); cholmod_finish(&c); return; }
    cholmod_dense *b = cholmod_allocate_dense(A.n, a.m, A.n, CHOLMOD_REAL, &c), *x = NULL, *Y = NULL, *E = NULL;
    memcpy(b->x, B, 8 * (size_t)A.n * a.m);
    int r = 0;
    for (double began = peers_now(); peers_more(r, a.repeats, a.budget, began); r++) {
        double s = peers_now();
        cholmod_solve2(CHOLMOD_A, L, b, NULL, &x, NULL, &Y, &E, &c);
        T[r] = peers_now() - s;
    }
    memcpy(X, x->x, 8 * (size_t)A.n * a.m);
    const char *ord[] = {"natural", "given", "amd", "metis", "nesdis", "colamd", "postordered"};
    char note[64];
    snprintf(note, sizeof note, "%s,%s", L->is_super ? "supernodal" : "simplicial", L->ordering <= 6 ? ord[L->ordering] : "?");
    snprintf(extra, sizeof extra, "\"analyse_seconds\":%.6g,\"factor_seconds\":%.6g,\"factor_nonzeros\":%.0f,\"note\":\"%s\"", t1 - t0, t2 - t1, lnz, note);
    peers_record("suitesparse", "solve", "cholmod", "none", &A, &a, t2 - t0, T, r - 1, NULL, 0, peers_residual(&A, B, X, a.m, 0), extra);
    cholmod_free_dense(&b, &c); cholmod_free_dense(&x, &c); cholmod_free_dense(&Y, &c); cholmod_free_dense(&E, &c);
    cholmod_free_factor(&L, &c); cholmod_free_sparse(&S, &c);
    cholmod_finish(&c);
}

static void do_umfpack(int refine) {
    peers_version = SUITESPARSE_RELEASE;
    int *p, *q;
    double *v, ctl[UMFPACK_CONTROL], info[UMFPACK_INFO];
    void *sy = NULL, *nu = NULL;
    to_csc(&p, &q, &v);
    umfpack_di_defaults(ctl);
    if (!refine) ctl[UMFPACK_IRSTEP] = 0;
    double t0 = peers_now();
    umfpack_di_symbolic(A.n, A.n, p, q, v, &sy, ctl, info);
    double t1 = peers_now();
    int st = umfpack_di_numeric(p, q, v, sy, &nu, ctl, info);
    double t2 = peers_now();
    if (st < 0) fprintf(stderr, "umfpack: status %d\n", st);
    double lnz = info[UMFPACK_LNZ] + info[UMFPACK_UNZ];
    int *wi = malloc(sizeof(int) * A.n);
    double *w = malloc(8 * 5 * (size_t)A.n); /* umfpack_di_wsolve: no allocation per column */
    int r = 0;
    for (double began = peers_now(); nu && peers_more(r, a.repeats, a.budget, began); r++) {
        double s = peers_now();
        for (int j = 0; j < a.m; j++)
            umfpack_di_wsolve(UMFPACK_A, p, q, v, X + (size_t)j * A.n, B + (size_t)j * A.n, nu, ctl, info, wi, w);
        T[r] = peers_now() - s;
    }
    if (nu) report("suitesparse", refine ? "umfpack" : "umfpack-ir0", r - 1, t1 - t0, t2 - t1, lnz);
    umfpack_di_free_symbolic(&sy); umfpack_di_free_numeric(&nu);
    free(p); free(q); free(v); free(wi); free(w);
}

static void do_superlu(void) {
    peers_version = SUPERLU_RELEASE;
    int *p, *q, *pc = malloc(sizeof(int) * A.n), *pr = malloc(sizeof(int) * A.n), *et = malloc(sizeof(int) * A.n), info = 0;
    double *v;
    to_csc(&p, &q, &v);
    SuperMatrix S, AC, L, U, b;
    superlu_options_t o;
    SuperLUStat_t st;
    GlobalLU_t G;
    set_default_options(&o);
    o.ColPerm = A.symmetric ? MMD_AT_PLUS_A : COLAMD;
    if (A.symmetric) { o.SymmetricMode = YES; o.DiagPivotThresh = 0.001; }
    StatInit(&st);
    dCreate_CompCol_Matrix(&S, A.n, A.n, A.nnz, v, q, p, SLU_NC, SLU_D, SLU_GE);
    double t0 = peers_now();
    get_perm_c(o.ColPerm, &S, pc);
    sp_preorder(&o, &S, pc, et, &AC);
    double t1 = peers_now();
    dgstrf(&o, &AC, sp_ienv(2), sp_ienv(1), et, NULL, 0, pc, pr, &L, &U, &G, &st, &info);
    double t2 = peers_now();
    if (info) { fprintf(stderr, "superlu: info %d\n", info); return; }
    double lnz = (double)((SCformat *)L.Store)->nnz + (double)((NCformat *)U.Store)->nnz;
    dCreate_Dense_Matrix(&b, A.n, a.m, X, A.n, SLU_DN, SLU_D, SLU_GE);
    int r = 0;
    for (double began = peers_now(); peers_more(r, a.repeats, a.budget, began); r++) {
        memcpy(X, B, 8 * (size_t)A.n * a.m); /* dgstrs works in place */
        double s = peers_now();
        dgstrs(NOTRANS, &L, &U, pc, pr, &b, &st, &info);
        T[r] = peers_now() - s;
    }
    report("superlu", "superlu", r - 1, t1 - t0, t2 - t1, lnz);
    Destroy_SuperMatrix_Store(&b); Destroy_SuperMatrix_Store(&S);
    Destroy_SuperNode_Matrix(&L); Destroy_CompCol_Matrix(&U); Destroy_CompCol_Permuted(&AC);
    StatFree(&st);
    free(p); free(q); free(v); free(pc); free(pr); free(et);
}

static void do_mumps(void) {
    DMUMPS_STRUC_C id;
    memset(&id, 0, sizeof id);
    id.comm_fortran = -987654; id.par = 1; id.sym = A.symmetric ? 1 : 0; id.job = -1;
    dmumps_c(&id);
    peers_version = id.version_number;
    int *ri = malloc(sizeof(int) * A.nnz), *ci = malloc(sizeof(int) * A.nnz), z = 0;
    double *v = malloc(8 * (size_t)A.nnz);
    for (int i = 0; i < A.n; i++)
        for (int k = A.ptr[i]; k < A.ptr[i + 1]; k++)
            if (!A.symmetric || A.col[k] <= i) { ri[z] = i + 1; ci[z] = A.col[k] + 1; v[z++] = A.val[k]; }
    id.n = A.n; id.nnz = z; id.irn = ri; id.jcn = ci; id.a = v;
    id.icntl[0] = id.icntl[1] = id.icntl[2] = -1; id.icntl[3] = 0;
    id.icntl[15] = a.threads; /* ICNTL(16): OpenMP threads */
    id.icntl[26] = a.m;       /* ICNTL(27): right-hand-side block */
    double t0 = peers_now();
    id.job = 1; dmumps_c(&id);
    double t1 = peers_now();
    id.job = 2; dmumps_c(&id);
    double t2 = peers_now();
    if (id.infog[0] < 0) { fprintf(stderr, "mumps: infog(1) %d\n", id.infog[0]); return; }
    double lnz = id.infog[28] < 0 ? -1e6 * id.infog[28] : id.infog[28];
    id.nrhs = a.m; id.lrhs = A.n; id.rhs = X; id.job = 3;
    int r = 0;
    for (double began = peers_now(); peers_more(r, a.repeats, a.budget, began); r++) {
        memcpy(X, B, 8 * (size_t)A.n * a.m);
        double s = peers_now();
        dmumps_c(&id);
        T[r] = peers_now() - s;
    }
    report("mumps", "mumps", r - 1, t1 - t0, t2 - t1, lnz);
    id.job = -2; dmumps_c(&id);
    free(ri); free(ci); free(v);
}

int main(int argc, char **argv) {
    a = peers_parse(argc, argv, "methods: cholmod,umfpack,umfpack-ir0,superlu,mumps");
    peers_load(a.matrix, &A);
    B = peers_rhs(A.n, a.m, a.seed, 0);
    X = calloc((size_t)A.n * a.m, 8);
    a.tol = NAN; /* direct: no tolerance */
    if (peers_has(&a, "cholmod") && A.symmetric) { peers_reset_peak(); do_cholmod(); }
    if (peers_has(&a, "umfpack")) { peers_reset_peak(); do_umfpack(1); }
    if (peers_has(&a, "umfpack-ir0")) { peers_reset_peak(); do_umfpack(0); }
    if (peers_has(&a, "superlu")) { peers_reset_peak(); do_superlu(); }
    if (peers_has(&a, "mumps")) { peers_reset_peak(); do_mumps(); }
    return 0;
}
