#!/usr/bin/env python3
"""JAX and lineax iterative solvers with many right-hand sides, float64, through a matvec.

methods: jax-gmres-vmap     jax.scipy.sparse.linalg.gmres(solve_method="batched"), vmapped over columns
         jax-gmres-block    the same called once on the n x m array: one GMRES on kron(I, A)
         jax-cg-vmap        jax.scipy.sparse.linalg.cg, vmapped            [symmetric only]
         lx-gmres-vmap      lx.linear_solve with lx.GMRES, vmapped, throw=False
         lx-cg-vmap         lx.CG, vmapped                                 [symmetric only]
         lx-bicgstab-vmap   lx.BiCGStab, vmapped
--prec stencil   (poisson only) apply the operator as shifted adds instead of BCOO A @ v
lineax's tolerances are chosen so that the true residual meets --tol, see lx_rtol below.
The matrix is passed to the compiled function as an argument. setup_seconds is trace + compile + the
first solve. A vmapped solve runs until the slowest column is done.
"""

import os

os.environ["JAX_ENABLE_X64"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"
import peers

args = peers.parse(__doc__, "jax-gmres-vmap,jax-gmres-block,jax-cg-vmap,lx-gmres-vmap,lx-cg-vmap,lx-bicgstab-vmap")
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
from jax.experimental import sparse as js
from jax.scipy.sparse import linalg as jsl

A, name, sym = peers.load(args.matrix)
n, m, tol = A.shape[0], args.m, args.tol
B = peers.rhs(n, m, args.seed)
stencil = args.prec == "stencil"
if stencil:
    if not name.startswith("poisson"):
        raise SystemExit("--prec stencil needs a poisson matrix")
    dim, N = int(name[7]), int(name.split(":")[1])

    def matvec(S, v):
        g = v.reshape((N,) * dim)
        out = 2.0 * dim * g
        for ax in range(dim):
            pad = [(1, 1) if k == ax else (0, 0) for k in range(dim)]
            h = jnp.pad(g, pad)
            out = out - jax.lax.slice_in_dim(h, 0, N, axis=ax) - jax.lax.slice_in_dim(h, 2, N + 2, axis=ax)
        return out.reshape(-1)

    S = jnp.zeros(())
else:
    S = js.BCOO.from_scipy_sparse(A)

    def matvec(S, v):
        return S @ v


cycles = max(1, args.maxit // args.restart)
spec = jax.ShapeDtypeStruct((n,), jnp.float64)


def lxsolve(solver, tags=()):
    def one(S, b):
        op = lx.FunctionLinearOperator(lambda v: matvec(S, v), spec, tags)
        s = lx.linear_solve(op, b, solver=solver, throw=False)
        return s.value, s.stats["num_steps"]

    return jax.jit(jax.vmap(one, in_axes=(None, 1), out_axes=(1, 0)))


def jaxsolve(fn, **kw):
    def one(S, b):
        x, _ = fn(lambda v: matvec(S, v), b, tol=tol, atol=0.0, **kw)
        return x, -1

    return jax.jit(jax.vmap(one, in_axes=(None, 1), out_axes=(1, None)))


def block(S, B):
    mv = jax.vmap(matvec, in_axes=(None, 1), out_axes=1)
    x, _ = jsl.gmres(lambda V: mv(S, V), B, tol=tol, atol=0.0, restart=args.restart, maxiter=cycles, solve_method="batched")
    return x, -1


# lineax scales the residual entry by entry: norm(r_i / (atol + rtol*|b_i|)) < 1, and asks the same of the
# update. With rtol alone a tiny b_i makes it oversolve by orders of magnitude (rtol=1e-8 reached 4e-13).
# These values, with the RMS norm, imply ||r|| <= tol*||b|| closely, so that tol means what it means elsewhere.
lx_rtol, lx_atol = 0.5 * tol, 0.5 * tol * float(np.sqrt((B**2).mean()))
g = dict(restart=args.restart, maxiter=cycles, solve_method="batched")
table = {
    "jax-gmres-vmap": lambda: jaxsolve(jsl.gmres, **g),
    "jax-gmres-block": lambda: jax.jit(block),
    "jax-cg-vmap": lambda: jaxsolve(jsl.cg, maxiter=args.maxit),
    "lx-gmres-vmap": lambda: lxsolve(
        lx.GMRES(rtol=lx_rtol, atol=lx_atol, restart=args.restart, max_steps=args.maxit, norm=lx.internal.rms_norm)
    ),
    "lx-cg-vmap": lambda: lxsolve(
        lx.CG(rtol=lx_rtol, atol=lx_atol, max_steps=args.maxit, norm=lx.internal.rms_norm), lx.positive_semidefinite_tag
    ),
    "lx-bicgstab-vmap": lambda: lxsolve(lx.BiCGStab(rtol=lx_rtol, atol=lx_atol, max_steps=args.maxit, norm=lx.internal.rms_norm)),
}
Bj = jnp.asarray(B)
for k, make in table.items():
    if not peers.wants(args, k) or ("-cg-" in k and not sym):
        continue
    peers.reset_peak()
    f = make()
    setup, _ = peers.once(lambda: jax.block_until_ready(f(S, Bj)))
    first, times, (x, it) = peers.timed(lambda: jax.block_until_ready(f(S, Bj)), args)
    it = None if k.startswith("jax") else [int(v) for v in np.atleast_1d(np.asarray(it))]
    library, version = ("lineax", lx.__version__) if k.startswith("lx") else ("jax", jax.__version__)
    peers.record(
        library,
        version,
        "solve",
        k + ("-stencil" if stencil else ""),
        "none",
        A,
        name,
        args,
        setup,
        first,
        times,
        it,
        peers.residual(A, B, np.asarray(x)),
    )
