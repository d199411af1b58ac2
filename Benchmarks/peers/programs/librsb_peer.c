/* librsb_peer.c - librsb (recursive sparse blocks) sparse x dense, row-major operands.
 *
 * methods: spmm        rsb_spmm as built by rsb_mtx_alloc_from_csr_const (setup_seconds)
 *          spmm-tuned  after rsb_tune_spmm with at most 10 s of autotuning (in setup_secondseconds)
 */
#include "peers.h"
#include <rsb.h>

static void run(peers_csr *A, peers_args *a, int tune) {
    size_t N = (size_t)A->n * a->m;
    double *X = peers_rhs(A->n, a->m, a->seed, 1), *Y = calloc(N, 8), one = 1, zero = 0, T[1001];
    rsb_err_t e = RSB_ERR_NO_ERROR;
    double t0 = peers_now();
    struct rsb_mtx_t *S = rsb_mtx_alloc_from_csr_const(A->val, A->ptr, A->col, A->nnz, RSB_NUMERICAL_TYPE_DOUBLE,
                                                       A->n, A->n, 1, 1, RSB_FLAG_NOFLAGS, &e);
    if (!S) { rsb_perror(NULL, e); return; }
    if (tune) {
        rsb_int_t tn = a->threads;
        e = rsb_tune_spmm(&S, NULL, &tn, 0, 10.0, RSB_TRANSPOSITION_N, &one, NULL, a->m, RSB_FLAG_WANT_ROW_MAJOR_ORDER, X, a->m, &zero, Y, a->m);
        if (e) rsb_perror(NULL, e);
    }
    double setup = peers_now() - t0;
    for (int r = 0; r <= a->repeats; r++) {
        double s = peers_now();
        e = rsb_spmm(RSB_TRANSPOSITION_N, &one, S, a->m, RSB_FLAG_WANT_ROW_MAJOR_ORDER, X, a->m, &zero, Y, a->m);
        if (e) { rsb_perror(NULL, e); return; }
        T[r] = peers_now() - s;
    }
    peers_record_product("librsb", tune ? "spmm-tuned" : "spmm", A, a, setup, T, a->repeats, peers_spmm_error(A, X, Y, a->m));
    rsb_mtx_free(S);
    free(X); free(Y);
}

int main(int argc, char **argv) {
    peers_args a = peers_parse(argc, argv, "methods: spmm,spmm-tuned");
    peers_csr A;
    peers_version = RSB_LIBRSB_VER_STRING;
    peers_load(a.matrix, &A);
    if (rsb_lib_init(RSB_NULL_INIT_OPTIONS)) return 1;
    rsb_int_t nt = a.threads;
    rsb_lib_set_opt(RSB_IO_WANT_EXECUTING_THREADS, &nt);
    if (peers_has(&a, "spmm")) { peers_reset_peak(); run(&A, &a, 0); }
    if (peers_has(&a, "spmm-tuned")) { peers_reset_peak(); run(&A, &a, 1); }
    rsb_lib_exit(RSB_NULL_EXIT_OPTIONS);
    return 0;
}
