// eigen_peer.cpp - Eigen.
//
// methods: spmm            Y = A*X, row-major sparse and row-major dense
//          cg              ConjugateGradient, looped over the columns; --prec none|jacobi|ic0
//          bicgstab        BiCGSTAB, looped over the columns;          --prec none|jacobi|ilut
//          simplicial-ldlt SimplicialLDLT on the block (AMD)           [symmetric only]
//          sparselu        SparseLU on the block (COLAMD)
// Eigen's stopping rule is ||r|| <= tol*||b|| on the recursive residual.
#include "peers.h"
#include <Eigen/Dense>
#include <Eigen/Sparse>
#include <vector>
typedef Eigen::SparseMatrix<double, Eigen::RowMajor, int> SpR;
typedef Eigen::SparseMatrix<double, Eigen::ColMajor, int> SpC;
typedef Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> MatR;
typedef Eigen::MatrixXd MatC;

static peers_args a;
static peers_csr A;
static double T[1001];

template <class Solver, class Sp> static void krylov(const char *method, const char *prec, const Sp &S) {
    peers_reset_peak();
    MatC B(A.n, a.m), X(A.n, a.m);
    double *b = peers_rhs(A.n, a.m, a.seed, 0);
    memcpy(B.data(), b, 8 * (size_t)A.n * a.m);
    Solver s;
    s.setTolerance(a.tol);
    s.setMaxIterations(a.maxit);
    double t0 = peers_now();
    s.compute(S);
    double setup = peers_now() - t0;
    std::vector<int> it(a.m);
    int r = 0;
    for (double began = peers_now(); peers_more(r, a.repeats, a.budget, began); r++) {
        double q = peers_now();
        for (int j = 0; j < a.m; j++) { X.col(j) = s.solve(B.col(j)); it[j] = (int)s.iterations(); }
        T[r] = peers_now() - q;
    }
    peers_record("eigen", "solve", method, prec, &A, &a, setup, T, r - 1, it.data(), a.m, peers_residual(&A, b, X.data(), a.m, 0), NULL);
    free(b);
}
template <class Solver> static void direct(const char *method, const SpC &S) {
    peers_reset_peak();
    MatC B(A.n, a.m), X(A.n, a.m);
    double *b = peers_rhs(A.n, a.m, a.seed, 0);
    memcpy(B.data(), b, 8 * (size_t)A.n * a.m);
    Solver s;
    double t0 = peers_now();
    s.analyzePattern(S);
    s.factorize(S);
    double setup = peers_now() - t0;
    int r = 0;
    for (double began = peers_now(); peers_more(r, a.repeats, a.budget, began); r++) { double q = peers_now(); X = s.solve(B); T[r] = peers_now() - q; }
    peers_args z = a;
    z.tol = NAN;
    peers_record("eigen", "solve", method, "none", &A, &z, setup, T, r - 1, NULL, 0, peers_residual(&A, b, X.data(), a.m, 0), NULL);
    free(b);
}

int main(int argc, char **argv) {
    a = peers_parse(argc, argv, "methods: spmm,cg,bicgstab,simplicial-ldlt,sparselu   --prec none|jacobi|ic0|ilut");
    peers_load(a.matrix, &A);
    static char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION);
    peers_version = version;
    Eigen::setNbThreads(a.threads);
    SpR S = Eigen::Map<const SpR>(A.n, A.n, A.nnz, A.ptr, A.col, A.val);
    const char *p = a.prec;
    if (peers_has(&a, "spmm")) {
        peers_reset_peak();
        MatR X(A.n, a.m), Y = MatR::Zero(A.n, a.m);
        double *b = peers_rhs(A.n, a.m, a.seed, 1);
        memcpy(X.data(), b, 8 * (size_t)A.n * a.m);
        for (int r = 0; r <= a.repeats; r++) {
            double q = peers_now();
            Y.noalias() = S * X;
            T[r] = peers_now() - q;
        }
        peers_record_product("eigen", "spmm", &A, &a, 0, T, a.repeats, peers_spmm_error(&A, X.data(), Y.data(), a.m));
        free(b);
    }
    using namespace Eigen;
    if (peers_has(&a, "cg") && A.symmetric) {
        if (!strcmp(p, "none")) krylov<ConjugateGradient<SpR, Lower | Upper, IdentityPreconditioner>>("cg", p, S);
        if (!strcmp(p, "jacobi")) krylov<ConjugateGradient<SpR, Lower | Upper, DiagonalPreconditioner<double>>>("cg", p, S);
        if (!strcmp(p, "ic0")) krylov<ConjugateGradient<SpR, Lower | Upper, IncompleteCholesky<double>>>("cg", p, S);
    }
    if (peers_has(&a, "bicgstab")) {
        if (!strcmp(p, "none")) krylov<BiCGSTAB<SpR, IdentityPreconditioner>>("bicgstab", p, S);
        if (!strcmp(p, "jacobi")) krylov<BiCGSTAB<SpR, DiagonalPreconditioner<double>>>("bicgstab", p, S);
        if (!strcmp(p, "ilut")) krylov<BiCGSTAB<SpR, IncompleteLUT<double>>>("bicgstab", p, S);
    }
    if (strcmp(a.methods, "all")) { /* direct ones only on request: they are slow */
        SpC C = S;
        if (peers_has(&a, "simplicial-ldlt") && A.symmetric) direct<SimplicialLDLT<SpC>>("simplicial-ldlt", C);
        if (peers_has(&a, "sparselu")) direct<SparseLU<SpC, COLAMDOrdering<int>>>("sparselu", C);
    }
    return 0;
}
