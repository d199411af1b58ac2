#!/usr/bin/env python3
"""One matrix file, one library: does any of its methods solve A X = B to the tolerance?

  ./folder_peer.py --matrix FILE --methods scipy|petsc|belos --m 1 --tol 1e-8 --seconds 20

Methods, each from a zero guess with what is left of --seconds: scipy: CG (symmetric with a positive diagonal), GMRES(50) and
BiCGStab with its ILU (spilu), then without where that fails; petsc: CG + ICC, GMRES(50) and BiCGStab with ILU, then Jacobi; belos: block CG,
block GMRES(50) and BiCGStab with ILU(0) (by belos_peer, which reads the file written here). One JSON line: the first that solves it, or the
smallest residual. Residuals are recomputed from X. Run the petsc form with the Python that has petsc4py.
"""

import peers

args = peers.parse(
    __doc__,
    "scipy, petsc or belos",
    extra=lambda p: (p.add_argument("--seconds", type=float, default=20), p.add_argument("--belos", default="belos_peer")),
    methods="scipy",
    m=1,
)
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import scipy.io
import scipy.sparse as sp
import scipy.sparse.linalg as sla

warnings.simplefilter("ignore")
np.seterr(all="ignore")
began, tried, best, solved = time.time(), [], float("inf"), None


def read(path):
    with gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb") as file:
        M = scipy.io.mmread(file)
    M = sp.csr_matrix(M)
    M.sum_duplicates()
    M.sort_indices()
    return M


A = read(args.matrix)
if A.shape[0] != A.shape[1] or np.iscomplexobj(A.data):
    raise SystemExit("not a square real matrix")
A = A.astype(np.float64)
A.indices, A.indptr = A.indices.astype("i4"), A.indptr.astype("i4")
n = A.shape[0]
B = peers.rhs(n, args.m, args.seed)
symmetric, diagonal = abs(A - A.T).max() == 0, A.diagonal()
definite = symmetric and bool((diagonal > 0).all())


class Late(Exception):
    pass


def late(*_):
    raise Late


def attempt(name, solve):
    """Whether it solves the system, within what is left of the time."""
    global best, solved
    left = args.seconds - (time.time() - began)
    if solved or left <= 0:
        return
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, left)
    start, outcome = time.time(), "failed"
    try:
        X = solve(left)
        signal.setitimer(signal.ITIMER_REAL, 0)
        residual = peers.residual(A, B, X) if np.isfinite(X).all() else float("inf")
        best, outcome = min(best, residual), f"{residual:.1e}"
        if residual <= args.tol:
            solved = name
    except Late:
        outcome = "out of time"
    except Exception as error:
        outcome = str(error).strip().splitlines()[-1][:80] if str(error).strip() else type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    tried.append([name, outcome, round(time.time() - start, 3)])


def by_scipy():
    def run(method, M):
        def solve(left):
            columns = []
            for j in range(args.m):
                # Half of the tolerance: what is tested is a recurrence, or a preconditioned residual.
                options = dict(rtol=args.tol / 2, atol=0.0, M=M)
                options.update(dict(restart=50, maxiter=200) if method is sla.gmres else dict(maxiter=10 * n + 100))
                x, _ = method(A, np.ascontiguousarray(B[:, j]), **options)
                # Where the preconditioned residual was small and the true one is not: on from there.
                for _ in range(5):
                    if np.linalg.norm(B[:, j] - A @ x) <= args.tol * np.linalg.norm(B[:, j]):
                        break
                    x, _ = method(A, np.ascontiguousarray(B[:, j]), x0=x, **dict(options, rtol=options["rtol"] * 1e-2))
                columns.append(x)
            return np.stack(columns, 1)

        return solve

    ilu = []

    def factor():
        if not ilu:
            ilu.append(sla.spilu(A.tocsc()))
        return sla.LinearOperator(A.shape, matvec=ilu[0].solve)

    if definite:
        d = 1 / diagonal
        attempt("CG + Jacobi", run(sla.cg, sla.LinearOperator(A.shape, matvec=lambda x: d * x)))
    attempt("GMRES(50) + ILU", lambda left: run(sla.gmres, factor())(left))
    attempt("BiCGStab + ILU", lambda left: run(sla.bicgstab, factor())(left))
    attempt("GMRES(50)", run(sla.gmres, None))
    attempt("BiCGStab", run(sla.bicgstab, None))


def by_petsc():
    import petsc4py

    petsc4py.init(sys.argv[:1])
    from petsc4py import PETSc

    M = PETSc.Mat().createAIJ(size=A.shape, csr=(A.indptr, A.indices, A.data), comm=PETSc.COMM_SELF)
    M.assemble()
    if symmetric:
        M.setOption(PETSc.Mat.Option.SYMMETRIC, True)

    def run(kind, pc):
        def solve(left):
            ksp = PETSc.KSP().create(PETSc.COMM_SELF)
            ksp.setOperators(M)
            ksp.setType(kind)
            ksp.getPC().setType(pc)
            ksp.setTolerances(rtol=args.tol, atol=0, divtol=1e10, max_it=10 * n + 100)
            if kind == "cg":
                ksp.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
            else:
                ksp.setPCSide(PETSc.PC.Side.RIGHT)
            if kind == "gmres":
                ksp.setGMRESRestart(50)
            end = time.time() + left

            def monitor(ksp, it, norm):
                if time.time() > end:
                    raise Late

            ksp.setMonitor(monitor)
            columns = []
            for j in range(args.m):
                b = PETSc.Vec().createWithArray(np.ascontiguousarray(B[:, j]), comm=PETSc.COMM_SELF)
                x = b.duplicate()
                ksp.solve(b, x)
                columns.append(x.array.copy())
            return np.stack(columns, 1)

        return solve

    if definite:
        attempt("CG + ICC", run("cg", "icc"))
    for pc in ("ilu", "jacobi"):
        attempt(f"GMRES(50) + {pc.upper() if pc == 'ilu' else 'Jacobi'}", run("gmres", pc))
        attempt(f"BiCGStab + {pc.upper() if pc == 'ilu' else 'Jacobi'}", run("bcgs", pc))


def by_belos():
    global best, solved
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.mtx")
        scipy.io.mmwrite(path, A, precision=17, symmetry="general")
        for method, name in ([("block-cg", "block CG + ILU(0)")] if definite else []) + [
            ("block-gmres", "block GMRES(50) + ILU(0)"),
            ("bicgstab", "BiCGStab + ILU(0)"),
        ]:
            left = args.seconds - (time.time() - began)
            if solved or left <= 0:
                return
            start, outcome = time.time(), "failed"
            try:
                done = subprocess.run(
                    [
                        args.belos,
                        "--matrix",
                        path,
                        "--m",
                        str(args.m),
                        "--tol",
                        str(args.tol),
                        "--methods",
                        method,
                        "--prec",
                        "ilu0",
                        "--restart",
                        "50",
                        "--maxit",
                        str(10 * n + 100),
                        "--repeats",
                        "1",
                        "--once",
                    ],
                    capture_output=True,
                    text=True,
                    timeout=left,
                    env={k: v for k, v in os.environ.items() if k != "PEERS_ENV"},
                )
                record = next((json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")), {})
                residual = record.get("true_relative_residual")
                if residual is not None:
                    best, outcome = min(best, residual), f"{residual:.1e}"
                    if residual <= args.tol:
                        solved = name
                elif done.stderr.strip():
                    outcome = done.stderr.strip().splitlines()[-1][:80]
            except subprocess.TimeoutExpired:
                outcome = "out of time"
            tried.append([name, outcome, round(time.time() - start, 3)])


{"scipy": by_scipy, "petsc": by_petsc, "belos": by_belos}[args.methods]()
print(
    json.dumps(
        dict(
            matrix=os.path.basename(args.matrix),
            library=args.methods,
            rows=n,
            nonzeros=int(A.nnz),
            solved=solved,
            residual=None if best == float("inf") else best,
            seconds=round(time.time() - began, 3),
            tried=tried,
        )
    )
)
