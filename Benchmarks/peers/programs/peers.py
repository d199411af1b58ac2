"""What the Python peer programs share; the Python twin of peers.h.

Matrices, right-hand sides, residuals and the JSON line are defined exactly as in
peers.h (read the comment at its top for the generators and the hash).

Import this module BEFORE numpy: `args = peers.parse(...)` re-executes the program
once with the thread variables set, so that every library sees them while loading.
"""

import argparse
import json
import os
import statistics
import sys
import time

SPEC_HELP = "file.mtx | poisson2d:N | poisson3d:N | convdiff3d:N[:V] | varcoef2d:N[:C] | varcoef3d:N[:C]"
MASK = (1 << 64) - 1


def parse(description, method_help, mpi=False, extra=None, **defaults):
    """The arguments. mpi: threads are ranks, started by mpiexec; extra: adds options of a program's own."""
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--matrix", default="poisson2d:100", help=SPEC_HELP)
    p.add_argument("--m", type=int, default=8, help="number of right-hand sides")
    p.add_argument("--tol", type=float, default=1e-8)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--repeats", type=int, default=5)
    p.add_argument("--methods", default="all", help="comma separated; here: " + method_help)
    p.add_argument("--restart", type=int, default=50)
    p.add_argument("--maxit", type=int, default=5000)
    p.add_argument("--seed", type=int, default=42)
    p.add_argument("--prec", default="none")
    p.add_argument("--budget", type=float, default=20, help="seconds after which no more repeats are made")
    if extra:
        extra(p)
    p.set_defaults(**defaults)
    args = p.parse_args()
    if not os.environ.get("PEERS_ENV"):
        env = dict(os.environ, PEERS_ENV="1")
        for v in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
            env[v] = str(args.threads)
        if not env.get("PEERS_KEEP_CORETYPE"):
            env.pop("OPENBLAS_CORETYPE", None)
            env.pop("OPENBLAS_L2_SIZE", None)
        command = [sys.executable] + sys.argv
        if mpi and args.threads > 1:
            env.update(
                OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1"
            )
            command = ["mpiexec", "--oversubscribe", "-n", str(args.threads)] + command
        os.execvpe(command[0], command, env)
    # affinity limits libraries that look at the cores instead of the variables (XLA)
    cpus = sorted(os.sched_getaffinity(0))
    if not mpi:
        os.sched_setaffinity(0, set(cpus[: max(1, args.threads)]))
    return args


def wants(args, method):
    return args.methods == "all" or method in args.methods.split(",")


def splitmix64(z):
    """numpy uint64 array in, uint64 array out."""
    import numpy as np

    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def unit(z):
    import numpy as np

    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def rhs(n, m, seed=42):
    """n x m, C order, B[i, j] = 2*unit(splitmix64(seed + i*m + j)) - 1."""
    import numpy as np

    k = np.arange(n * m, dtype=np.uint64) + np.uint64(seed & MASK)
    return (2 * unit(splitmix64(k)) - 1).reshape(n, m)


def load(spec):
    """(scipy CSR matrix with int32 indices, name, numerically symmetric?)"""
    import numpy as np
    import scipy.sparse as sp

    if ".mtx" in spec:
        import scipy.io

        A = sp.csr_matrix(scipy.io.mmread(spec), dtype=np.float64)
        A.sum_duplicates()
        A.sort_indices()
        return A, os.path.basename(spec), abs(A - A.T).max() == 0
    f = spec.split(":")
    kind, N = f[0], int(f[1])
    dim = 2 if "2d" in kind else 3
    if kind not in ("poisson2d", "poisson3d", "convdiff3d", "varcoef2d", "varcoef3d"):
        raise SystemExit(f"matrix '{spec}' is neither a .mtx file nor a known generator")
    cd = kind == "convdiff3d"
    par = float(f[2]) if len(f) > 2 else (50.0 if cd else 4.0)
    n = N**dim
    idx = np.arange(n, dtype=np.int64)
    h = 1.0 / (N + 1)
    c = [par * h, 0.5 * par * h, 0.25 * par * h]
    k = 10.0 ** (par * unit(splitmix64(np.uint64(7919) + idx.astype(np.uint64)))) if kind.startswith("varcoef") else None
    diag = np.zeros(n)
    rows, cols, vals = [], [], []
    for d in range(dim):
        step = N**d
        p = (idx // step) % N
        for up in (0, 1):
            inside = p < N - 1 if up else p > 0
            nb = np.where(inside, idx + (step if up else -step), idx)
            if k is not None:
                w = 2 * k * k[nb] / (k + k[nb])
            else:
                w = np.full(n, 1 + c[d] if cd and not up else 1.0)
            diag += w
            rows.append(idx[inside]), cols.append(nb[inside]), vals.append(-w[inside])
    rows.append(idx), cols.append(idx), vals.append(diag)
    A = sp.csr_matrix((np.concatenate(vals), (np.concatenate(rows), np.concatenate(cols))), shape=(n, n))
    A.sort_indices()
    A.indices, A.indptr = A.indices.astype(np.int32), A.indptr.astype(np.int32)
    return A, spec, not cd


def residual(A, B, X):
    """max over columns of ||b - A x||_2 / ||b||_2"""
    import numpy as np

    R = B - A @ X
    return float((np.linalg.norm(R, axis=0) / np.linalg.norm(B, axis=0)).max())


def reset_peak():
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError:
        pass


def peak_bytes():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024


def timed(fn, args):
    """(seconds of the first call, list of seconds of the measured calls, last result)

    Up to args.repeats measured calls, and at least one, while args.budget seconds last."""
    began = time.perf_counter()
    times, out = [], None
    while len(times) < 2 or (len(times) <= args.repeats and time.perf_counter() - began < args.budget):
        start = time.perf_counter()
        out = fn()
        times.append(time.perf_counter() - start)
    return times[0], times[1:], out


def once(fn):
    """(seconds, result) of a set-up"""
    start = time.perf_counter()
    out = fn()
    return time.perf_counter() - start, out


def sig(x):
    return None if x is None or x != x else float(f"{x:.6g}")


def record(
    library, version, work, method, preconditioner, A, name, args, setup, first, times, iterations=None, residual=None, **extra
):
    """Prints a record as ../../solvers/record.schema.json describes it."""
    row = dict(
        schema=1,
        library=library,
        version=version,
        work=work,
        problem=name,
        rows=A.shape[0],
        nonzeros=int(A.nnz),
        method=method,
        preconditioner=preconditioner,
        right_hand_sides=args.m,
        threads=args.threads,
    )
    if "gmres" in method or "gcrodr" in method:
        row["restart"] = args.restart
    if work == "solve":
        row["tolerance"] = args.tol if preconditioner is not None else None
    row.update(
        setup_seconds=sig(setup),
        first_solve_seconds=sig(first),
        solve_seconds=sig(min(times)),
        solve_seconds_median=sig(statistics.median(times)),
        solve_seconds_all=[sig(t) for t in times],
        repeats=len(times),
        iterations=iterations,
        true_relative_residual=sig(residual),
        peak_memory_bytes=peak_bytes(),
        **extra,
    )
    row["preconditioner"] = preconditioner or "none"
    print(json.dumps(row), flush=True)


def record_product(library, version, method, A, name, args, first, times, err, **extra):
    n, nnz, t = A.shape[0], A.nnz, min(times)
    record(
        library,
        version,
        "product",
        method,
        "none",
        A,
        name,
        args,
        0,
        first,
        times,
        gflops=sig(2e-9 * nnz * args.m / t),
        gbytes_per_second=sig((12.0 * nnz + 4.0 * n + 16.0 * n * args.m) * 1e-9 / t),
        product_error=sig(err),
        **extra,
    )


def spmm_error(A, X, Y):
    """max of |AX - Y| / (|A||X|) over every 97th row, in plain numpy"""
    import numpy as np

    worst = 0.0
    for i in range(0, A.shape[0], 97 * max(1, A.shape[0] // 200000)):
        s = slice(A.indptr[i], A.indptr[i + 1])
        T = A.data[s, None] * X[A.indices[s]]
        worst = max(worst, float((abs(T.sum(0) - Y[i]) / np.maximum(abs(T).sum(0), 1e-300)).max()))
    return worst
