#!/usr/bin/env python3
"""SciPy (and scikit-umfpack) peer.

methods: spmm        CSR @ dense (n x m, C order)
         splu        scipy.sparse.linalg.splu (bundled SuperLU) on the block
         umfpack     scikits.umfpack.splu, solve looped over columns
         cg, gmres, bicgstab   looped over the columns; --prec none|jacobi|ilutp
                     ilutp = spilu (SuperLU's, drop_tol 1e-4, fill_factor 10)
SciPy stops on ||r|| <= tol*||b||. GMRES restarts every --restart iterations and is
left preconditioned (its residual estimate is then the preconditioned one).
"""

import peers

args = peers.parse(__doc__, "spmm,splu,umfpack,cg,gmres,bicgstab")
import importlib.metadata

import numpy as np
import scipy
import scipy.sparse.linalg as sla

A, name, sym = peers.load(args.matrix)
n, m = A.shape[0], args.m
B = peers.rhs(n, m, args.seed)
cols = [np.ascontiguousarray(B[:, j]) for j in range(m)]


def direct(library, version, method, factor, solve, nonzeros=None):
    peers.reset_peak()
    setup, lu = peers.once(factor)
    first, times, X = peers.timed(lambda: solve(lu), args)
    extra = {} if nonzeros is None else {"factor_nonzeros": nonzeros(lu)}
    peers.record(
        library, version, "solve", method, None, A, name, args, setup, first, times, residual=peers.residual(A, B, X), **extra
    )


if peers.wants(args, "spmm"):
    peers.reset_peak()
    first, times, Y = peers.timed(lambda: A @ B, args)
    peers.record_product("scipy", scipy.__version__, "spmm", A, name, args, first, times, peers.spmm_error(A, B, Y))
if peers.wants(args, "splu"):
    C = A.tocsc()
    options = dict(permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.001, options=dict(SymmetricMode=True)) if sym else {}
    direct(
        "scipy",
        scipy.__version__,
        "splu",
        lambda: sla.splu(C, **options),
        lambda lu: lu.solve(B),
        lambda lu: int(lu.L.nnz + lu.U.nnz),
    )
if peers.wants(args, "umfpack"):
    try:
        import scikits.umfpack as um
    except ImportError as error:
        print("# scikit-umfpack is missing:", error, file=__import__("sys").stderr)
    else:
        C = A.tocsc()
        direct(
            "scikit-umfpack",
            importlib.metadata.version("scikit-umfpack"),
            "umfpack",
            lambda: um.splu(C),
            lambda lu: np.stack([lu.solve(c) for c in cols], 1),
        )

M, setup = None, 0.0
krylov = [k for k in ("cg", "gmres", "bicgstab") if peers.wants(args, k)]
if krylov and args.prec == "jacobi":
    d = 1.0 / A.diagonal()
    M = sla.LinearOperator(A.shape, matvec=lambda x: d * x)
elif krylov and args.prec == "ilutp":
    setup, ilu = peers.once(lambda: sla.spilu(A.tocsc()))
    M = sla.LinearOperator(A.shape, matvec=ilu.solve)
elif args.prec != "none":
    raise SystemExit(f"no preconditioner '{args.prec}' here: none, jacobi or ilutp")
for k in krylov:
    if k == "cg" and not sym:
        continue
    peers.reset_peak()

    def solve():
        X, counts = [], []
        for c in cols:
            steps = [0]

            def count(_, steps=steps):
                steps[0] += 1

            options = dict(rtol=args.tol, atol=0.0, M=M, callback=count)
            if k == "gmres":
                options.update(restart=args.restart, maxiter=max(1, args.maxit // args.restart), callback_type="pr_norm")
            else:
                options.update(maxiter=args.maxit)
            X.append(getattr(sla, k)(A, c, **options)[0])
            counts.append(steps[0])
        return np.stack(X, 1), counts

    first, times, (X, counts) = peers.timed(solve, args)
    peers.record(
        "scipy", scipy.__version__, "solve", k, args.prec, A, name, args, setup, first, times, counts, peers.residual(A, B, X)
    )
