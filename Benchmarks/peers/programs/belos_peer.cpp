// belos_peer.cpp - Trilinos Belos on Tpetra. P threads are P MPI ranks (Debian's Kokkos is serial): start it by mpiexec -n P.
//
// methods: spmm                CrsMatrix::apply on an n x m MultiVector (Tpetra's layout)
//          block-cg            BlockCGSolMgr, block size m
//          pseudo-block-cg     PseudoBlockCGSolMgr (m single-vector CGs in lock step)
//          block-gmres         BlockGmresSolMgr, block size m, --restart = blocks per cycle
//          pseudo-block-gmres  PseudoBlockGmresSolMgr, --restart = iterations per cycle
//          bicgstab            BiCGStabSolMgr (m BiCGStabs in lock step)
// --prec none | jacobi | ilu0 (Ifpack2 RILUK level 0; on more ranks its default Schwarz form); right for GMRES and BiCGStab, left for CG
// iterations is the manager's getNumIters(): block iterations (the slowest column for pseudo-block).
// setup_seconds is the preconditioner; the manager is built anew for each repeat, inside solve_seconds.
#include "peers.h"
#include <BelosBiCGStabSolMgr.hpp>
#include <BelosBlockCGSolMgr.hpp>
#include <BelosBlockGmresSolMgr.hpp>
#include <BelosLinearProblem.hpp>
#include <BelosPseudoBlockCGSolMgr.hpp>
#include <BelosPseudoBlockGmresSolMgr.hpp>
#include <BelosTpetraAdapter.hpp>
#include <Ifpack2_Factory.hpp>
#include <Tpetra_Core.hpp>
#include <Tpetra_CrsMatrix.hpp>
#include <Tpetra_MultiVector.hpp>
#include <Trilinos_version.h>
#include <mpi.h>

using Teuchos::RCP;
using Teuchos::rcp;
typedef Tpetra::CrsMatrix<> Mat;
typedef Tpetra::MultiVector<> MV;
typedef Tpetra::Operator<> OP;
typedef Tpetra::Map<> Map;
typedef Map::global_ordinal_type GO;

static peers_args a;
static peers_csr A;
static double T[1001];
static int rank, ranks, first, owned; // rows first ..< first + owned are this rank's

static void fill(MV &X, const double *src) {
    for (int j = 0; j < a.m; j++) {
        auto v = X.getDataNonConst(j);
        for (int i = 0; i < owned; i++) v[i] = src[(size_t)j * A.n + first + i];
    }
}
// All rows, on rank 0.
static void fetch(const MV &X, double *dst) {
    std::vector<int> counts(ranks), starts(ranks);
    MPI_Gather(&owned, 1, MPI_INT, counts.data(), 1, MPI_INT, 0, MPI_COMM_WORLD);
    MPI_Gather(&first, 1, MPI_INT, starts.data(), 1, MPI_INT, 0, MPI_COMM_WORLD);
    for (int j = 0; j < a.m; j++) {
        auto v = X.getData(j);
        MPI_Gatherv(v.getRawPtr(), owned, MPI_DOUBLE, dst + (size_t)j * A.n, counts.data(), starts.data(), MPI_DOUBLE, 0, MPI_COMM_WORLD);
    }
}
static double now_together() {
    MPI_Barrier(MPI_COMM_WORLD);
    return peers_now();
}

template <class Mgr> static void solve(const char *method, bool cg, bool gmres, RCP<const Mat> S, RCP<const Map> map, RCP<OP> P, double setup) {
    peers_reset_peak();
    RCP<MV> B = rcp(new MV(map, a.m)), X = rcp(new MV(map, a.m));
    double *b = peers_rhs(A.n, a.m, a.seed, 0), *x = (double *)malloc(8 * (size_t)A.n * a.m);
    fill(*B, b);
    RCP<Teuchos::ParameterList> pl = Teuchos::parameterList();
    pl->set("Maximum Iterations", a.maxit);
    pl->set("Convergence Tolerance", a.tol);
    if (!strncmp(method, "block", 5)) pl->set("Block Size", a.m);
    if (gmres) {
        pl->set("Num Blocks", a.restart);
        pl->set("Maximum Restarts", a.maxit / a.restart + 1);
    }
    pl->set("Verbosity", (int)Belos::Errors);
    int it = 0, r = 0, more = 1;
    bool ok = true;
    double began = now_together();
    while (more) {
        X->putScalar(0.0);
        RCP<Belos::LinearProblem<double, MV, OP>> prob = rcp(new Belos::LinearProblem<double, MV, OP>(S, X, B));
        if (!P.is_null()) { if (cg) prob->setLeftPrec(P); else prob->setRightPrec(P); }
        if (cg) prob->setHermitian();
        prob->setProblem();
        double s = now_together();
        Mgr mgr(prob, pl);
        try { ok = mgr.solve() == Belos::Converged; }
        catch (std::exception &e) { if (rank == 0) fprintf(stderr, "# %s: %s\n", method, e.what()); ok = false; }
        T[r++] = now_together() - s;
        it = mgr.getNumIters();
        if (a.once) { T[1] = T[0]; r = 2; break; }
        more = peers_more(r, a.repeats, a.budget, began);
        MPI_Bcast(&more, 1, MPI_INT, 0, MPI_COMM_WORLD);
    }
    fetch(*X, x);
    if (rank == 0) {
        char extra[64];
        snprintf(extra, sizeof extra, "\"converged\":%s,\"ranks\":%d", ok ? "true" : "false", ranks);
        peers_record("belos", "solve", method, a.prec, &A, &a, setup, T, r - 1, &it, 1, peers_residual(&A, b, x, a.m, 0), extra);
    }
    free(b); free(x);
}

int main(int argc, char **argv) {
    a = peers_parse(argc, argv, "methods: spmm,block-cg,pseudo-block-cg,block-gmres,pseudo-block-gmres,bicgstab   --prec none|jacobi|ilu0");
    peers_version = TRILINOS_VERSION_STRING;
    int kc = 1; // Kokkos would read --threads and the like as its own options
    char *kv[] = {argv[0], NULL}, **kp = kv;
    Tpetra::ScopeGuard scope(&kc, &kp);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    peers_load(a.matrix, &A);
    RCP<const Teuchos::Comm<int>> comm = Tpetra::getDefaultComm();
    RCP<const Map> map = rcp(new Map(A.n, 0, comm));
    owned = (int)map->getNodeNumElements();
    first = owned ? (int)map->getGlobalElement(0) : 0;
    size_t widest = 0;
    for (int i = 0; i < A.n; i++) widest = std::max(widest, (size_t)(A.ptr[i + 1] - A.ptr[i]));
    RCP<Mat> S = rcp(new Mat(map, widest));
    std::vector<GO> c(widest);
    for (int i = first; i < first + owned; i++) {
        int k = A.ptr[i + 1] - A.ptr[i];
        for (int q = 0; q < k; q++) c[q] = A.col[A.ptr[i] + q];
        S->insertGlobalValues(i, k, A.val + A.ptr[i], c.data());
    }
    S->fillComplete();
    if (peers_has(&a, "spmm")) {
        size_t N = (size_t)A.n * a.m;
        double *x = peers_rhs(A.n, a.m, a.seed, 1), *xc = (double *)malloc(8 * N), *yr = (double *)malloc(8 * N);
        for (int i = 0; i < A.n; i++) for (int j = 0; j < a.m; j++) xc[(size_t)j * A.n + i] = x[(size_t)i * a.m + j];
        MV X(map, a.m), Y(map, a.m);
        fill(X, xc);
        for (int r = 0; r <= a.repeats; r++) {
            double s = now_together();
            S->apply(X, Y);
            T[r] = now_together() - s;
        }
        fetch(Y, xc);
        for (int i = 0; i < A.n; i++) for (int j = 0; j < a.m; j++) yr[(size_t)i * a.m + j] = xc[(size_t)j * A.n + i];
        if (rank == 0) peers_record_product("belos", "spmm", &A, &a, 0, T, a.repeats, peers_spmm_error(&A, x, yr, a.m));
        free(x); free(xc); free(yr);
    }
    RCP<Ifpack2::Preconditioner<>> P;
    double setup = 0;
    if (strcmp(a.prec, "none")) {
        bool ilu = !strcmp(a.prec, "ilu0");
        double s = now_together();
        RCP<const Tpetra::RowMatrix<>> R = S;
        Teuchos::ParameterList q;
        P = Ifpack2::Factory::create(ilu ? (ranks > 1 ? "SCHWARZ" : "RILUK") : "RELAXATION", R);
        if (ilu && ranks > 1) {
            q.set("schwarz: inner preconditioner name", "RILUK");
            Teuchos::ParameterList inner;
            inner.set("fact: iluk level-of-fill", 0);
            q.set("schwarz: inner preconditioner parameters", inner);
        } else if (ilu) q.set("fact: iluk level-of-fill", 0);
        else q.set("relaxation: type", "Jacobi");
        P->setParameters(q);
        P->initialize();
        P->compute();
        setup = now_together() - s;
    }
    using namespace Belos;
    if (A.symmetric) {
        if (peers_has(&a, "block-cg")) solve<BlockCGSolMgr<double, MV, OP>>("block-cg", true, false, S, map, P, setup);
        if (peers_has(&a, "pseudo-block-cg")) solve<PseudoBlockCGSolMgr<double, MV, OP>>("pseudo-block-cg", true, false, S, map, P, setup);
    }
    if (peers_has(&a, "block-gmres")) solve<BlockGmresSolMgr<double, MV, OP>>("block-gmres", false, true, S, map, P, setup);
    if (peers_has(&a, "pseudo-block-gmres")) solve<PseudoBlockGmresSolMgr<double, MV, OP>>("pseudo-block-gmres", false, true, S, map, P, setup);
    if (peers_has(&a, "bicgstab")) solve<BiCGStabSolMgr<double, MV, OP>>("bicgstab", false, false, S, map, P, setup);
    return 0;
}
