#!/usr/bin/env python3
"""What `seed` measures, on NumPy, JAX and lineax: a JSON line for each library that is installed.

A is n x n uniform random in [0, 1), B = I; functions are compiled by jit beforehand and timed until the result is there.
usage: peers.py THREADS
"""
import json
import os
import statistics
import sys
import time

threads = int(sys.argv[1])
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(threads)
os.environ.update(JAX_ENABLE_X64="1", JAX_PLATFORMS="cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:threads]))

import numpy as np

try:
    import jax
    import jax.numpy as jnp
except ImportError:
    jax = None
try:
    import lineax as lx
except ImportError:
    lx = None


def columnwise(solver):
    def solve(a, b):
        one = lambda column: lx.linear_solve(lx.MatrixLinearOperator(a), column, solver=solver, throw=False).value
        return jax.vmap(one, in_axes=1, out_axes=1)(b)
    return jax.jit(solve)


def microseconds(call, count):
    for _ in range(count // 10 + 1):
        call()
    out = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        out.append(1e6 * (time.perf_counter() - start))
    return out


for n, repeats in ((20, 1000), (100, 1000), (500, 100)):
    for dtype in ("float64", "float32"):
        a = np.random.default_rng(0).uniform(size=(n, n)).astype(dtype)
        b = np.eye(n, dtype=dtype)
        calls = {("NumPy", "linalg.solve"): lambda: np.linalg.solve(a, b), ("NumPy", "linalg.inv"): lambda: np.linalg.inv(a)}
        if jax:
            ja, jb = jnp.asarray(a), jnp.asarray(b)
            compiled = {("JAX", "linalg.solve"): jax.jit(jnp.linalg.solve)}
            if lx:
                compiled["lineax", "AutoLinearSolver"] = columnwise(lx.AutoLinearSolver(well_posed=True))
                compiled["lineax", "LU"] = columnwise(lx.LU())
            for key, function in compiled.items():
                calls[key] = lambda function=function: function(ja, jb).block_until_ready()
        for (peer, method), call in calls.items():
            x = np.asarray(call(), dtype="float64")
            residual = np.linalg.norm(a.astype("float64") @ x - np.eye(n), axis=0).max()
            taken = microseconds(call, repeats)
            print(json.dumps(dict(peer=peer, method=method, n=n, dtype=dtype, threads=threads, median_us=statistics.median(taken),
                                  min_us=min(taken), repeats=repeats, max_rel_res=float(residual))), flush=True)
