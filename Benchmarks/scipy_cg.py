#!/usr/bin/env python3
"""SciPy's cg looped over the columns of poisson2d:N, as a yardstick for block CG.

usage: scipy_cg.py N COLUMNS REPEATS
Prints one JSON object: the minimum and the median seconds for all columns, the iterations of each, and the largest
true relative residual. The right-hand sides are those of `krylov solve poisson2d:N --columns COLUMNS`.
"""
import json
import statistics
import sys
import time

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla

N, m, repeats = (int(v) for v in sys.argv[1:4])
n = N * N

line = sp.diags([-1.0, 2.0, -1.0], [-1, 0, 1], shape=(N, N))
A = (sp.kron(sp.identity(N), line) + sp.kron(line, sp.identity(N))).tocsr()

# B[i][j] = 2 unit(splitmix64(42 + i m + j)) - 1
with np.errstate(over="ignore"):
    z = np.arange(n * m, dtype=np.uint64) + np.uint64(42) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
B = (2 * ((z >> np.uint64(11)).astype(float) * 2.0**-53) - 1).reshape(n, m)
columns = [np.ascontiguousarray(B[:, j]) for j in range(m)]


def solve():
    solutions, counts = [], []
    for b in columns:
        steps = 0

        def count(_):
            nonlocal steps
            steps += 1

        x, _ = sla.cg(A, b, rtol=1e-8, atol=0.0, maxiter=10 * n, callback=count)
        solutions.append(x)
        counts.append(steps)
    return np.stack(solutions, 1), counts


times = []
for _ in range(repeats):
    start = time.perf_counter()
    X, counts = solve()
    times.append(time.perf_counter() - start)
residual = np.linalg.norm(B - A @ X, axis=0) / np.linalg.norm(B, axis=0)
print(json.dumps({"library": "scipy", "solve_seconds": min(times), "solve_seconds_median": statistics.median(times),
                  "iterations": counts, "true_relative_residual": float(residual.max())}))
