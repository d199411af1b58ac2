"""What is measured: rows of work, each with our commands and the rivals'."""

from dataclasses import dataclass, field

# Where the rows of one group differ: the narrowest block on one thread shows which rivals are slow.
BASE_COLUMNS, BASE_THREADS, BASE_RESTART = 8, 1, 30


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
    """One problem with m right-hand sides on so many threads; kind: without preconditioner (none) or with (best)."""

    group: str
    problem: str
    m: int
    threads: int
    kind: str = "none"
    restart: int | None = None
    ours: list = field(default_factory=list)
    rivals: list = field(default_factory=list)

    @property
    def id(self):
        return row_id(self.group, self.problem, self.m, self.threads, self.kind, self.restart)

    @property
    def base(self):
        """The row by whose times slow rivals are left out of this one."""
        if self.group not in ("cg", "gmres", "any") or self.m == 1:
            return None
        base = row_id(self.group, self.problem, BASE_COLUMNS, BASE_THREADS, self.kind, self.restart and BASE_RESTART)
        return None if base == self.id else base


def row_id(group, problem, m, threads, kind, restart=None):
    return f"{group} {problem} m={m} p={threads} {kind}" + (f" restart={restart}" if restart else "")


@dataclass
class Programs:
    """Where the programs are."""

    solvers: str
    peers: str
    here: str
    system_python: str

    def ours(self, row, methods, preconditioners="none", **options):
        argv = [self.solvers, "--problem", row.problem, "--columns", str(row.m), "--threads", str(row.threads)]
        argv += ["--method", methods, "--preconditioner", preconditioners]
        for key, value in options.items():
            argv += [f"--{key}", str(value)]
        return Command(f"{methods} {preconditioners}", tuple(argv))

    def compiled(self, program, methods, prec="none", ranks=1, **keywords):
        argv = (f"{self.peers}/bin-peers/{program}_peer", "--methods", methods, "--prec", prec)
        return Command(f"{program} {methods} {prec}", argv, ranks=ranks, **keywords)

    def script(self, program, methods, prec="none", python=None, **keywords):
        argv = (python or f"{self.peers}/bin/python", f"{self.here}/{program}_peer.py", "--methods", methods, "--prec", prec)
        return Command(f"{program} {methods} {prec}", argv, **keywords)

    def scipy(self, methods, prec="none"):
        return self.script("scipy", methods, prec, single=True)

    def petsc(self, methods, prec="none"):
        return self.script("petsc", methods, prec, python=self.system_python)

    def belos(self, row, methods, prec="none", named=False):
        return self.compiled("belos", methods, prec, ranks=row.threads, named=named)


def rows(programs):
    """All rows, those that tell most first."""
    p = programs
    found = [*products(p), *definite(p), *general(p), *any_method(p), dense(p), *direct(p), *sizes(p)]
    return sorted(found, key=urgency)


def products(p):
    for m in (1, 2, 4, 8, 16, 32):
        for threads in (1, 2):
            row = Row("product", "poisson3d:100", m, threads)
            argv = (p.solvers, "--work", "product", "--problem", row.problem, "--columns", str(m), "--threads", str(threads))
            row.ours = [Command("product", argv)]
            row.rivals = [p.compiled("mkl", "spmm,mv"), p.compiled("eigen", "spmm"), p.compiled("librsb", "spmm")]
            row.rivals += [p.scipy("spmm"), p.petsc("spmm")]
            yield row


def definite(p):
    """Conjugate gradients, without a preconditioner and with Jacobi or an incomplete factorisation."""
    for problem in ("poisson2d:300", "poisson3d:60", "varcoef2d:300"):
        hard = problem.startswith("varcoef")
        for m in (1, 8, 16, 32):
            for threads in (1, 2):
                if hard and m == 32:
                    continue
                row = Row("cg", problem, m, threads, "best")
                row.ours = [p.ours(row, "cg", "jacobi,ic0,single-amg"), p.ours(row, "mixed-cg", "ic0"), p.ours(row, "auto", "auto")]
                row.rivals = [p.petsc("cg", "ic0"), p.petsc("cg", "jacobi"), p.compiled("eigen", "cg", "jacobi")]
                row.rivals += [p.compiled("eigen", "cg", "ic0")]
                if m > 1:
                    row.rivals += [
                        p.compiled("hpddm", "bcg,cg", "ilu0", named=True),
                        p.belos(row, "block-cg", "ilu0", named=m < 32),
                    ]
                yield row
                # Thousands of iterations without a preconditioner: once is enough.
                if hard and (m, threads) != (BASE_COLUMNS, BASE_THREADS):
                    continue
                row = Row("cg", problem, m, threads)
                row.ours = [p.ours(row, "cg,mixed-cg,auto")]
                row.rivals = [p.petsc("cg"), p.compiled("eigen", "cg"), p.scipy("cg")]
                if m > 1:
                    row.rivals += [p.compiled("hpddm", "bcg", named=True), p.belos(row, "block-cg", named=m < 32)]
                    row.rivals += [p.compiled("hpddm", "cg")]
                if m > 1 and not hard:
                    row.rivals += [p.compiled("hpddm", "bfbcg"), p.belos(row, "pseudo-block-cg")]
                if problem == "poisson2d:300" and m == BASE_COLUMNS:
                    row.rivals += [p.script("jax", "jax-cg-vmap,lx-cg-vmap", single=True)]
                yield row


def general(p):
    """Restarted GMRES, without a preconditioner and with ILU(0)."""
    for problem in ("convdiff3d:40", "convdiff3d:60"):
        for m in (1, 8, 16):
            for threads in (1, 2):
                for restart in (30, 50):
                    for kind, prec in (("none", "none"), ("best", "ilu0")):
                        row = Row("gmres", problem, m, threads, kind, restart)
                        row.ours = [p.ours(row, "gmres,pseudo-gmres,mixed-gmres,mixed-pseudo-gmres", prec, restart=restart)]
                        row.rivals = [p.petsc("gmres", prec)]
                        if m > 1:
                            row.rivals += [
                                p.compiled("hpddm", "bgmres", prec, named=True),
                                p.belos(row, "block-gmres", prec, named=True),
                            ]
                            row.rivals += [p.compiled("hpddm", "gmres", prec), p.belos(row, "pseudo-block-gmres", prec)]
                        if kind == "none":
                            row.rivals += [p.scipy("gmres")]
                        if (problem, m, restart, kind) == ("convdiff3d:40", BASE_COLUMNS, BASE_RESTART, "none"):
                            row.rivals += [p.script("jax", "lx-gmres-vmap,jax-gmres-block", single=True)]
                        yield row


def any_method(p):
    """Whatever solves it: the automatic choice against short recurrences, multigrid and direct methods too."""
    for problem in ("convdiff3d:40", "convdiff3d:60"):
        for m in (1, 8, 16):
            for threads in (1, 2):
                row = Row("any", problem, m, threads)
                row.ours = [p.ours(row, "auto,bicgstab,pseudo-bicgstab,mixed-pseudo-bicgstab,idr")]
                row.rivals = [p.petsc("bcgs"), p.compiled("eigen", "bicgstab"), p.belos(row, "bicgstab"), p.scipy("bicgstab")]
                yield row
                row = Row("any", problem, m, threads, "best")
                row.ours = [p.ours(row, "auto", "auto"), p.ours(row, "auto,bicgstab,idr", "ilu0"), p.ours(row, "gmres", "polynomial:40")]
                row.rivals = [p.petsc("bcgs", "ilu0"), p.petsc("bcgs", "jacobi"), p.petsc("bcgs,gmres", "boomeramg")]
                row.rivals += [p.compiled("eigen", "bicgstab", "ilut"), p.belos(row, "bicgstab", "ilu0")]
                row.rivals += [p.script("pyamg", "sa", single=True)]
                yield row
    for problem in ("poisson2d:300", "poisson3d:60", "varcoef2d:300"):
        for m in (1, 8, 16):
            for threads in (1, 2):
                row = Row("any", problem, m, threads, "best")
                row.ours = [p.ours(row, "auto", "auto"), p.ours(row, "direct")]
                row.rivals = [p.petsc("cg", "gamg"), p.petsc("cg", "boomeramg"), p.script("pyamg", "sa,rs", single=True)]
                row.rivals += [p.compiled("mkl", "pardiso"), p.compiled("direct", "cholmod")]
                yield row


def dense(p):
    argv = (p.solvers, "--work", "dense", "--problem", "20,100,500", "--repeat", "1000", "--budget", "2")
    rival = Command("dense", (f"{p.peers}/bin/python", f"{p.here}/dense_peer.py", "--budget", "2"))
    return Row("dense", "dense", 0, 1, ours=[Command("dense", argv)], rivals=[rival])


def direct(p):
    for problem in ("poisson2d:300", "poisson3d:30", "convdiff3d:30"):
        symmetric = not problem.startswith("convdiff")
        for m in (1, 16, 64, 256):
            for threads in (1, 2):
                row = Row("direct", problem, m, threads)
                row.ours = [p.ours(row, "lu,cholesky" if symmetric else "lu")]
                row.rivals = [
                    p.compiled("mkl", "pardiso"),
                    p.compiled("direct", ("cholmod," if symmetric else "") + "superlu,mumps"),
                ]
                if m <= 16:
                    row.rivals += [p.compiled("direct", "umfpack,umfpack-ir0", single=True)]
                yield row


def sizes(p):
    """Growth with n."""
    for size in (100, 200, 400, 600):
        for threads in (1, 2):
            row = Row("size", f"poisson2d:{size}", 8, threads)
            row.ours = [p.ours(row, "cg")]
            row.rivals = [p.petsc("cg"), p.compiled("hpddm", "bcg")] if size <= 400 else []
            yield row


def urgency(row):
    """What tells most comes first, so that a run that is cut short is of use."""
    problem = {"poisson3d:30": 1, "poisson3d:60": 2, "convdiff3d:60": 3, "varcoef2d:300": 3}.get(row.problem, 0)
    columns = {1: 1, 16: 1, 64: 1, 2: 2, 4: 2, 32: 2, 256: 2}.get(row.m, 0)
    group = {"direct": 1, "size": 4}.get(row.group, 0)
    return problem + columns + group + (row.threads - 1) + (row.restart == 50)
