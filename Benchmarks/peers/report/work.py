"""What is measured: rows of work, each with our commands and the rivals'."""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Command:
    """A program with its options; it prints records."""
    name: str
    argv: tuple
    # It uses one thread whatever it is told, so that one measurement stands for any number of threads.
    single: bool = False
    # A goal names it, so that it is measured also where it is known to be slow.
    named: bool = False
    ranks: int = 1


@dataclass
class Row:
    group: str
    problem: str
    m: int
    threads: int
    kind: str = "none"  # none, or best: with preconditioners
    restart: int | None = None
    ours: list = field(default_factory=list)
    rivals: list = field(default_factory=list)
    # The row by whose times slow rivals are left out of this one.
    base: str | None = None

    @property
    def id(self):
        return row_id(self.group, self.problem, self.m, self.threads, self.kind, self.restart)


def row_id(group, problem, m, threads, kind, restart=None):
    return f"{group} {problem} m={m} p={threads} {kind}" + (f" restart={restart}" if restart else "")


class Programs:
    """Where the programs are."""

    def __init__(self, solvers, peers, here, system_python):
        self.solvers, self.bin, self.python = solvers, f"{peers}/bin-peers", f"{peers}/bin/python"
        self.here, self.system_python = here, system_python

    def ours(self, row_options, methods, preconditioners, **options):
        argv = [self.solvers, *row_options, "--method", methods, "--preconditioner", preconditioners]
        for key, value in options.items():
            argv += [f"--{key}", str(value)]
        return Command(f"{methods} {preconditioners}", tuple(argv))

    def compiled(self, program, methods, prec="none", ranks=1, **keywords):
        return Command(f"{program} {methods} {prec}", (f"{self.bin}/{program}_peer", "--methods", methods, "--prec", prec), ranks=ranks, **keywords)

    def script(self, program, methods, prec="none", python=None, **keywords):
        argv = (python or self.python, f"{self.here}/{program}_peer.py", "--methods", methods, "--prec", prec)
        return Command(f"{program} {methods} {prec}", argv, **keywords)

    def petsc(self, methods, prec="none", **keywords):
        return self.script("petsc", methods, prec, python=self.system_python, **keywords)

    def belos(self, methods, prec, threads, **keywords):
        return self.compiled("belos", methods, prec, ranks=threads, **keywords)


def rows(programs):
    """All rows, those that tell most first."""
    p, out = programs, []

    def ours(problem, m, threads, methods, preconditioners, **options):
        return p.ours(["--problem", problem, "--columns", str(m), "--threads", str(threads)], methods, preconditioners, **options)

    # Products.
    for m in (1, 2, 4, 8, 16, 32):
        for threads in (1, 2):
            out.append(Row("product", "poisson3d:100", m, threads, ours=[
                Command("product", (p.solvers, "--work", "product", "--problem", "poisson3d:100", "--columns", str(m), "--threads", str(threads)))],
                rivals=[p.compiled("mkl", "spmm,mv"), p.compiled("eigen", "spmm"), p.compiled("librsb", "spmm"), p.script("scipy", "spmm", single=True),
                        p.petsc("spmm")]))

    # Conjugate gradients.
    for problem in ("poisson2d:300", "poisson3d:60", "varcoef2d:300"):
        for m in (8, 16, 32, 1):
            for threads in (1, 2):
                if problem.startswith("varcoef") and m == 32:
                    continue
                def base(kind):
                    return None if m == 1 or (m, threads) == (8, 1) else row_id("cg", problem, 8, 1, kind)
                hard = problem.startswith("varcoef")
                if not (hard and (m != 8 or threads != 1)):
                    rivals = [p.petsc("cg"), p.compiled("eigen", "cg"), p.script("scipy", "cg", single=True)]
                    if m > 1:
                        rivals += [p.compiled("hpddm", "bcg", named=True), p.belos("block-cg", "none", threads, named=m < 32), p.compiled("hpddm", "cg")]
                        if not hard:
                            rivals += [p.compiled("hpddm", "bfbcg"), p.belos("pseudo-block-cg", "none", threads)]
                    if problem == "poisson2d:300" and m == 8:
                        rivals.append(p.script("jax", "jax-cg-vmap,lx-cg-vmap", single=True))
                    out.append(Row("cg", problem, m, threads, "none", ours=[ours(problem, m, threads, "cg,pseudo-cg,auto", "none")], rivals=rivals, base=base("none")))
                rivals = [p.petsc("cg", "ic0"), p.petsc("cg", "jacobi"), p.compiled("eigen", "cg", "jacobi"), p.compiled("eigen", "cg", "ic0")]
                if m > 1:
                    rivals += [p.compiled("hpddm", "bcg,cg", "ilu0", named=True), p.belos("block-cg", "ilu0", threads, named=True)]
                out.append(Row("cg", problem, m, threads, "best", ours=[ours(problem, m, threads, "cg,pseudo-cg", "jacobi,ic0"), ours(problem, m, threads, "auto", "auto")],
                               rivals=rivals, base=base("best")))
    # GMRES.
    for problem in ("convdiff3d:40", "convdiff3d:60"):
        for m in (8, 16, 1):
            for threads in (1, 2):
                for restart in (30, 50):
                    for kind, prec in (("none", "none"), ("best", "ilu0")):
                        rivals = [p.petsc("gmres", prec)]
                        if m > 1:
                            rivals += [p.compiled("hpddm", "bgmres", prec, named=True), p.belos("block-gmres", prec, threads, named=True), p.compiled("hpddm", "gmres", prec),
                                       p.belos("pseudo-block-gmres", prec, threads)]
                        if kind == "none":
                            rivals.append(p.script("scipy", "gmres", single=True))
                        if m == 8 and problem == "convdiff3d:40" and restart == 30 and kind == "none":
                            rivals.append(p.script("jax", "lx-gmres-vmap,jax-gmres-block", single=True))
                        out.append(Row("gmres", problem, m, threads, kind, restart, ours=[ours(problem, m, threads, "gmres,pseudo-gmres", prec, restart=restart)], rivals=rivals,
                                       base=None if m == 1 or (m, threads, restart) == (8, 1, 30) else row_id("gmres", problem, 8, 1, kind, 30)))
                rivals = [p.petsc("bcgs"), p.compiled("eigen", "bicgstab"), p.belos("bicgstab", "none", threads), p.script("scipy", "bicgstab", single=True)]
                base = None if m == 1 or (m, threads) == (8, 1) else row_id("any", problem, 8, 1, "none")
                out.append(Row("any", problem, m, threads, "none", ours=[ours(problem, m, threads, "auto,bicgstab,pseudo-bicgstab,idr", "none")], rivals=rivals, base=base))
                rivals = [p.petsc("bcgs", "ilu0"), p.petsc("bcgs", "jacobi"), p.petsc("bcgs,gmres", "boomeramg"), p.compiled("eigen", "bicgstab", "ilut"), p.belos("bicgstab", "ilu0", threads),
                          p.script("pyamg", "sa", single=True)]
                base = None if m == 1 or (m, threads) == (8, 1) else row_id("any", problem, 8, 1, "best")
                out.append(Row("any", problem, m, threads, "best", ours=[ours(problem, m, threads, "auto", "auto"), ours(problem, m, threads, "auto,bicgstab,idr", "ilu0")], rivals=rivals, base=base))
    # Any method for the definite problems: multigrid and direct methods.
    for problem in ("poisson2d:300", "poisson3d:60", "varcoef2d:300"):
        for m in (8, 16, 1):
            for threads in (1, 2):
                rivals = [p.petsc("cg", "gamg"), p.petsc("cg", "boomeramg"), p.script("pyamg", "sa,rs", single=True), p.compiled("mkl", "pardiso"), p.compiled("direct", "cholmod")]
                out.append(Row("any", problem, m, threads, "best", ours=[ours(problem, m, threads, "auto", "auto"), ours(problem, m, threads, "direct", "none")], rivals=rivals,
                               base=None if m == 1 or (m, threads) == (8, 1) else row_id("any", problem, 8, 1, "best")))
    # Small dense systems.
    out.append(Row("dense", "dense", 0, 1, ours=[Command("dense", (p.solvers, "--work", "dense", "--problem", "20,100,500", "--repeat", "1000", "--budget", "2"))],
                   rivals=[Command("dense", (p.python, f"{p.here}/dense_peer.py", "--budget", "2"))]))
    # Direct solves.
    for problem in ("poisson2d:300", "poisson3d:30", "convdiff3d:30"):
        for m in (1, 16, 64, 256):
            for threads in (1, 2):
                symmetric = not problem.startswith("convdiff")
                rivals = [p.compiled("mkl", "pardiso"), p.compiled("direct", ("cholmod," if symmetric else "") + "superlu,mumps")]
                if m <= 16:
                    rivals.append(p.compiled("direct", "umfpack,umfpack-ir0", single=True))
                out.append(Row("direct", problem, m, threads, ours=[ours(problem, m, threads, "lu,cholesky" if symmetric else "lu", "none")], rivals=rivals))
    # Growth with n.
    for size in (100, 200, 400, 600):
        for threads in (1, 2):
            problem = f"poisson2d:{size}"
            out.append(Row("size", problem, 8, threads, ours=[ours(problem, 8, threads, "cg", "none")], rivals=[p.petsc("cg"), p.compiled("hpddm", "bcg")] if size <= 400 else []))
    return sorted(out, key=urgency)


def urgency(row):
    """What tells most comes first, so that a run that is cut short is of use."""
    first = {"poisson2d:300": 0, "convdiff3d:40": 0, "poisson3d:100": 0, "dense": 0, "poisson3d:30": 1, "poisson3d:60": 2, "convdiff3d:60": 3, "varcoef2d:300": 3}.get(row.problem, 4)
    columns = {8: 0, 0: 0, 16: 1, 64: 1, 1: 1, 32: 2, 256: 2}.get(row.m, 2)
    group = {"cg": 0, "gmres": 0, "any": 0, "product": 0, "dense": 0, "direct": 1, "size": 2}[row.group]
    return first + columns + group + (row.threads - 1) + (1 if row.restart == 50 else 0)
