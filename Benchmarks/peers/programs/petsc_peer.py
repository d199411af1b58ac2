#!/usr/bin/python3
"""PETSc peer (petsc4py). P threads are P MPI ranks; PETSc's ILU and ICC are then block Jacobi of them, a block a rank.

methods: spmm          MatMatMult(A, B) into a reused result, B and C dense (column major in PETSc)
         cg, gmres, fgmres, bcgs     one KSPMatSolve of the block. In a build without HPDDM,
                       KSPMatSolve with these types solves column after column
         mumps, superlu, umfpack, cholmod, petsc-lu
                       KSPPREONLY + PCLU/PCCHOLESKY, KSPMatSolve (one rank)
         hpddm-bgmres, hpddm-bcg, hpddm-bfbcg, hpddm-bgcrodr   KSPHPDDM if this build has it
--prec none|jacobi|ilu0|ic0|gamg|boomeramg|sor (for the iterative ones)
setup_seconds is KSPSetUp. The norm is the true residual norm (right preconditioning for gmres,
unpreconditioned norm for cg), so that --tol means the same as elsewhere.
"""

import peers

args = peers.parse(__doc__, "spmm,cg,gmres,fgmres,bcgs,mumps,…,hpddm-*", mpi=True, methods="spmm,cg,gmres")
import ctypes
import sys
import petsc4py

petsc4py.init(sys.argv[:1])
from petsc4py import PETSc
import numpy as np

PCS = {"ilu0": "ilu", "ic0": "icc", "boomeramg": "hypre"}
comm, options = PETSc.COMM_WORLD, PETSc.Options()
rank, ranks = comm.getRank(), comm.getSize()
version = ".".join(map(str, PETSc.Sys.getVersion()))
# petsc4py 3.18 does not wrap KSPMatSolve; call it in the library that petsc4py has loaded.
library = next(line.split()[-1] for line in open("/proc/self/maps") if "libpetsc" in line)
libpetsc = ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
libpetsc.KSPMatSolve.argtypes = [ctypes.c_void_p] * 3


def ksp_mat_solve(ksp, B, X):
    error = libpetsc.KSPMatSolve(ksp.handle, B.handle, X.handle)
    if error:
        raise RuntimeError(f"KSPMatSolve: error {error}")


A0, name, sym = peers.load(args.matrix)
n, m = A0.shape[0], args.m
B0 = peers.rhs(n, m, args.seed)
layout = PETSc.Vec().createMPI(n, comm=comm)
lo, hi = layout.getOwnershipRange()
part = A0[lo:hi]
A = PETSc.Mat().createAIJ(
    size=((hi - lo, n), (hi - lo, n)), csr=(part.indptr.astype("i4"), part.indices.astype("i4"), part.data), comm=comm
)
A.assemble()
if sym:
    A.setOption(PETSc.Mat.Option.SYMMETRIC, True)
    A.setOption(PETSc.Mat.Option.SPD, True)


def dense(array=None):
    D = PETSc.Mat().createDense(
        size=((hi - lo, n), (PETSc.DECIDE, m)), array=None if array is None else np.asfortranarray(array[lo:hi]), comm=comm
    )
    D.setUp()
    D.assemble()
    return D


def gathered(D):
    """All rows, on rank 0."""
    own, out = np.array(D.getDenseArray()), np.zeros((n, m))
    v = layout.duplicate()
    scatter, whole = PETSc.Scatter.toZero(v)
    for j in range(m):
        v.array[:] = own[:, j]
        scatter.scatter(v, whole)
        if rank == 0:
            out[:, j] = whole.array
    return out


def timed(fn):
    """As peers.timed, with the ranks in step; rank 0 decides when it is enough."""
    import time

    flag = PETSc.Vec().createMPI(ranks, comm=comm)
    times, began = [], time.perf_counter()
    while True:
        comm.barrier()
        start = time.perf_counter()
        fn()
        comm.barrier()
        times.append(time.perf_counter() - start)
        enough = len(times) >= 2 and (len(times) > args.repeats or time.perf_counter() - began > args.budget)
        flag.array[:] = 1.0 if rank == 0 and enough else 0.0
        if flag.sum() > 0:
            return times[0], times[1:]


B, X = dense(B0), dense()
if peers.wants(args, "spmm"):
    peers.reset_peak()
    C = A.matMult(B)
    first, times = timed(lambda: A.matMult(B, C))
    Y = gathered(C)
    if rank == 0:
        peers.record_product("petsc", version, "spmm", A0, name, args, first, times, peers.spmm_error(A0, B0, Y), ranks=ranks)
    C.destroy()

direct = {"mumps": "mumps", "superlu": "superlu", "umfpack": "umfpack", "cholmod": "cholmod", "petsc-lu": "petsc"}
iterative = ["cg", "gmres", "fgmres", "bcgs"]
hpddm = ["hpddm-bgmres", "hpddm-bcg", "hpddm-bfbcg", "hpddm-bgcrodr"]

for method in [k for k in iterative + list(direct) + hpddm if peers.wants(args, k)]:
    if method in ("cg", "cholmod", "hpddm-bcg", "hpddm-bfbcg") and not sym:
        continue
    peers.reset_peak()
    try:
        ksp = PETSc.KSP().create(comm)
        ksp.setOperators(A)
        pc = ksp.getPC()
        if method in direct:
            ksp.setType("preonly")
            spd = sym and method in ("mumps", "cholmod", "petsc-lu")
            pc.setType("cholesky" if spd else "lu")
            pc.setFactorSolverType(direct[method])
        else:
            if method.startswith("hpddm"):
                ksp.setType("hpddm")
                options["ksp_hpddm_type"] = method.split("-")[1]
                options["ksp_hpddm_variant"] = "right"
                ksp.setFromOptions()
            else:
                ksp.setType(method)
            ksp.setTolerances(rtol=args.tol, atol=0, divtol=1e10, max_it=args.maxit)
            if method in ("gmres", "fgmres"):
                ksp.setGMRESRestart(args.restart)
            if method in ("gmres", "fgmres", "bcgs"):
                ksp.setPCSide(PETSc.PC.Side.RIGHT)
            if method == "cg":
                ksp.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
            kind = PCS.get(args.prec, args.prec)
            if ranks > 1 and kind in ("ilu", "icc", "sor"):
                pc.setType("bjacobi")
                options["sub_pc_type"] = kind
                pc.setFromOptions()
            else:
                pc.setType(kind)
            if kind == "hypre":
                pc.setHYPREType("boomeramg")
                options["pc_hypre_boomeramg_relax_type_all"] = "symmetric-SOR/Jacobi" if method == "cg" else "SOR/Jacobi"
                if "3d" in name:
                    options["pc_hypre_boomeramg_strong_threshold"] = 0.5
                pc.setFromOptions()

        def set_up():
            ksp.setUp()
            if ranks > 1 and method not in direct:
                ksp.setUpOnBlocks()

        setup, _ = peers.once(set_up)

        def solve():
            X.zeroEntries()
            ksp_mat_solve(ksp, B, X)

        first, times = timed(solve)
    except Exception as error:
        print(f"# petsc {method}: {str(error).strip().splitlines()[-1]}", file=sys.stderr)
        continue
    x = gathered(X)
    counts = None
    if method in hpddm:
        counts = ksp.getIterationNumber()
    elif method not in direct and max(times) < args.budget / 4:  # once more, untimed, column by column, to read the counts
        counts = []
        for j in range(m):
            b = layout.duplicate()
            b.array[:] = B0[lo:hi, j]
            ksp.solve(b, b.duplicate())
            counts.append(ksp.getIterationNumber())
    if rank == 0:
        peers.record(
            "petsc",
            version,
            "solve",
            method,
            None if method in direct else args.prec,
            A0,
            name,
            args,
            setup,
            first,
            times,
            counts,
            peers.residual(A0, B0, x),
            ranks=ranks,
        )
    ksp.destroy()
