#!/usr/bin/env python3
"""PyAMG peer: multigrid-preconditioned Krylov, looped over the columns.

methods (at most 200 iterations):
         sa      smoothed aggregation, V-cycle, accelerated by CG (symmetric) or FGMRES
         rs      classical Ruge-Stuben, likewise
"""

import peers

args = peers.parse(__doc__, "sa,rs")
import numpy as np
import pyamg

A, name, sym = peers.load(args.matrix)
B = peers.rhs(A.shape[0], args.m, args.seed)
cols = [np.ascontiguousarray(B[:, j]) for j in range(args.m)]
accel = "cg" if sym else "fgmres"


def build(kind):
    if kind == "rs":
        return pyamg.ruge_stuben_solver(A)
    return pyamg.smoothed_aggregation_solver(A, symmetry="symmetric" if sym else "nonsymmetric")


for kind in ("sa", "rs"):
    if not peers.wants(args, kind):
        continue
    peers.reset_peak()
    setup, ml = peers.once(lambda: build(kind))

    def solve():
        X, counts = [], []
        for c in cols:
            history = []
            X.append(ml.solve(c, tol=args.tol, maxiter=min(args.maxit, 200), accel=accel, residuals=history))
            counts.append(len(history) - 1)
        return np.stack(X, 1), counts

    first, times, (X, counts) = peers.timed(solve, args)
    peers.record(
        "pyamg", pyamg.__version__, "solve", accel, kind, A, name, args, setup, first, times, counts, peers.residual(A, B, X)
    )
