#!/usr/bin/env python3
"""Small dense systems: A is N x N uniform random in [0, 1), B = I; in JAX, lineax and NumPy.

  ./dense_peer.py [--sizes 20,100,500] [--threads 1] [--repeats 1000]

Functions are jit compiled and take A and B as arguments, so that nothing can be folded into constants; each call is
timed to block_until_ready. setup_seconds is trace + compile + first call.

methods: jnp-solve      jnp.linalg.solve(A, B)
         lx-vmap        vmap over columns of lx.linear_solve(MatrixLinearOperator(A), b, throw=False), AutoLinearSolver (LU here)
         numpy-solve    np.linalg.solve
         numpy-inv      np.linalg.inv (B = I makes the task an inversion)
"""

import argparse
import os
import sys

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--sizes", default="20,100,500")
p.add_argument("--threads", type=int, default=1)
p.add_argument("--repeats", type=int, default=1000)
p.add_argument("--budget", type=float, default=3)
args = p.parse_args()
if not os.environ.get("PEERS_ENV"):
    env = dict(os.environ, PEERS_ENV="1", JAX_ENABLE_X64="1", JAX_PLATFORMS="cpu")
    for v in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        env[v] = str(args.threads)
    env.pop("OPENBLAS_CORETYPE", None), env.pop("OPENBLAS_L2_SIZE", None)
    os.execve(sys.executable, [sys.executable] + sys.argv, env)
os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: args.threads]))

import json
import statistics

import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import peers


def columns(A, B):
    one = lambda b: lx.linear_solve(lx.MatrixLinearOperator(A), b, solver=lx.AutoLinearSolver(well_posed=True), throw=False).value
    return jax.vmap(one, in_axes=1, out_axes=1)(B)


for N in map(int, args.sizes.split(",")):
    An, Bn = np.random.default_rng(0).uniform(size=(N, N)), np.eye(N)
    A, B = jnp.asarray(An), jnp.asarray(Bn)
    for library, version, name, f in [
        ("jax", jax.__version__, "jnp-solve", jax.jit(jnp.linalg.solve)),
        ("lineax", lx.__version__, "lx-vmap", jax.jit(columns)),
        ("numpy", np.__version__, "numpy-solve", None),
        ("numpy", np.__version__, "numpy-inv", None),
    ]:
        if f is not None:
            call = lambda f=f: f(A, B).block_until_ready()
        else:
            call = (lambda: np.linalg.solve(An, Bn)) if name == "numpy-solve" else (lambda: np.linalg.inv(An))
        setup, X = peers.once(call)
        first, times, _ = peers.timed(call, args)
        residual = float(np.linalg.norm(An @ np.asarray(X) - Bn, axis=0).max())
        print(
            json.dumps(
                dict(
                    schema=1,
                    library=library,
                    version=version,
                    work="dense",
                    problem=f"dense:{N}",
                    rows=N,
                    nonzeros=N * N,
                    method=name,
                    preconditioner="none",
                    right_hand_sides=N,
                    threads=args.threads,
                    setup_seconds=peers.sig(setup),
                    first_solve_seconds=peers.sig(first),
                    solve_seconds=peers.sig(min(times)),
                    solve_seconds_median=peers.sig(statistics.median(times)),
                    solve_seconds_all=[],
                    repeats=len(times),
                    iterations=None,
                    true_relative_residual=peers.sig(residual),
                    peak_memory_bytes=peers.peak_bytes(),
                )
            ),
            flush=True,
        )
