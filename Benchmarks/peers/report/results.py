"""From records to results: times pooled over the turns, the fastest rival of each row, goals."""

import statistics
from dataclasses import dataclass, field

BLOCK_CG = {("hpddm", "bcg"), ("hpddm", "bfbcg"), ("belos", "block-cg")}
BLOCK_GMRES = {("hpddm", "bgmres"), ("belos", "block-gmres")}
INCOMPLETE = {"none", "jacobi", "ic0", "ilu0", "ssor"}
DIRECT = {"pardiso", "cholmod", "superlu", "mumps", "splu", "umfpack", "umfpack-ir0", "lu", "cholesky", "klu", "direct"}


@dataclass
class Result:
    """One method of one library on one row of work."""

    side: str
    library: str
    version: str
    method: str
    preconditioner: str
    restart: int | None
    threads: int
    times: list = field(default_factory=list)
    median: float = 0
    least: float = 0
    setup: float = 0
    record: dict = field(default_factory=dict)

    @property
    def name(self):
        text = f"{self.library} {self.method}" if self.side == "rivals" else self.method
        if self.record.get("chosen"):
            text += f" ({self.record['chosen']})"
        elif self.preconditioner != "none":
            text += f" {self.preconditioner}"
        return text

    @property
    def total(self):
        """Set-up and one solve. The automatic choice may factorise A within its first solve, which therefore counts."""
        first = self.record.get("first_solve_seconds") or 0
        return (self.setup or 0) + (max(self.median, first) if self.method == "auto" else self.median)

    @property
    def residual(self):
        return self.record.get("true_relative_residual")

    @property
    def iterations(self):
        counts = self.record.get("iterations")
        if isinstance(counts, list):
            return f"{min(counts)}–{max(counts)}" if min(counts) != max(counts) else str(counts[0])
        return "" if counts is None else str(counts)

    @property
    def solved(self):
        """Whether the residual that was recomputed meets the tolerance (5 % over it is let pass); direct methods: 1e-6."""
        if self.record.get("work") != "solve":
            return True
        bound = 1.05 * self.record["tolerance"] if self.record.get("tolerance") else 1e-6
        return isinstance(self.residual, (int, float)) and self.residual <= bound and self.record.get("converged", True)


def pooled(entries):
    """The results of one command: the times of all its turns together."""
    found = {}
    for entry in entries:
        for r in entry["records"]:
            key = (
                r["library"],
                r["method"],
                r["preconditioner"],
                r.get("restart"),
                r.get("problem") if r["work"] == "dense" else None,
            )
            if key not in found:
                found[key] = Result(
                    entry["side"], r["library"], r["version"], r["method"], r["preconditioner"], r.get("restart"), r["threads"]
                )
            result = found[key]
            result.record = r
            result.times += r["solve_seconds_all"] or [r["solve_seconds_median"]]
            result.setup = r.get("setup_seconds") or 0
    for result in found.values():
        result.median, result.least = statistics.median(result.times), min(min(result.times), result.record["solve_seconds"])
    return list(found.values())


class Results:
    """All results by row."""

    def __init__(self, rows, store):
        self.rows = rows
        newest = store.newest()
        self.machine = [r for entries in newest.get("machine machine m=0 p=0 none", {}).values() for r in entries[-1]["records"]]
        self.by_row = {}
        for row in rows:
            found = [r for entries in newest.get(row.id, {}).values() for r in pooled(entries)]
            self.by_row[row.id] = found
        # What one thread has told of programs that use no more.
        for row in rows:
            if row.threads > 1:
                single = next(
                    (
                        r
                        for r in rows
                        if (r.group, r.problem, r.m, r.threads, r.kind, r.restart)
                        == (row.group, row.problem, row.m, 1, row.kind, row.restart)
                    ),
                    None,
                )
                names = {c.name for c in row.rivals if c.single}
                if single:
                    for (side, command), entries in newest.get(single.id, {}).items():
                        if side == "rivals" and command in names:
                            self.by_row[row.id] += pooled(entries)
        found = [e for row in newest.values() for entries in row.values() for e in entries]
        times = [e["when"] for e in found]
        self.commits = sorted({e["commit"] for e in found if e["side"] == "ours" and e.get("commit")})
        self.first, self.last = (min(times), max(times)) if times else ("", "")

    def of(self, row):
        """The row's own results and, for the group `any`, those of the other groups on the same work."""
        found = list(self.by_row[row.id])
        if row.group == "any":
            for other in self.rows:
                if other.group in ("cg", "gmres") and (other.problem, other.m, other.threads, other.kind) == (
                    row.problem,
                    row.m,
                    row.threads,
                    row.kind,
                ):
                    found += self.by_row[other.id]
        return found


@dataclass
class Comparison:
    """Ours beside the fastest rival, by one measure."""

    row: object
    what: str
    goal: float
    ours: Result
    rival: Result
    by_total: bool = False

    @property
    def ratio(self):
        return self.rival.total / self.ours.total if self.by_total else self.rival.median / self.ours.median

    @property
    def met(self):
        return self.ratio >= self.goal


def fastest(results, total=False):
    solved = [r for r in results if r.solved]
    return min(solved, key=lambda r: r.total if total else r.median, default=None)


def comparisons(results):
    """Every goal of the table on every row that was measured."""
    out = []

    def compare(row, what, goal, ours, rivals, total=False):
        a, b = fastest(ours, total), fastest(rivals, total)
        if a and b:
            out.append(Comparison(row, what, goal, a, b, total))

    for row in results.rows:
        found = results.of(row)
        ours, rivals = [r for r in found if r.side == "ours"], [r for r in found if r.side == "rivals"]
        if not ours or not rivals:
            continue
        if row.group == "product":
            compare(row, "SpMM", 1.3 if row.m >= 8 else 1.0, ours, rivals)
        elif row.group == "cg":
            simple = [r for r in rivals if r.preconditioner in INCOMPLETE]
            cg = [r for r in ours if r.method != "auto" or "cg" in str(r.record.get("chosen"))]
            compare(row, "CG of any kind" if row.m > 1 else "one column, CG", {1: 1, 8: 4}.get(row.m, 3), cg, simple)
            if row.m > 1:
                blocks = [r for r in rivals if (r.library, r.method) in BLOCK_CG]
                compare(row, "block CG of HPDDM and Belos", 5, cg, blocks)
        elif row.group == "gmres":
            compare(row, "GMRES of any kind" if row.m > 1 else "one column, GMRES", 1.5 if row.m > 1 else 1, ours, rivals)
            if row.m > 1:
                compare(
                    row, "block GMRES of HPDDM and Belos", 3, ours, [r for r in rivals if (r.library, r.method) in BLOCK_GMRES]
                )
        elif row.group == "any":
            # The choice is the package's own where it may take any preconditioner; without one, the best of its methods.
            automatic = [r for r in ours if r.method == "auto"]
            compare(
                row,
                "automatic choice, set-up included" if row.m > 1 else "one column, automatic choice",
                3 if row.m > 1 else 1,
                automatic,
                rivals,
                total=True,
            )
            compare(
                row,
                "any method, set-up included" if row.m > 1 else "one column, any method",
                3 if row.m > 1 else 1,
                ours,
                rivals,
                total=True,
            )
        elif row.group == "dense":
            for size in (20, 100, 500):
                a, b = (
                    [r for r in ours if r.record["rows"] == size],
                    [r for r in rivals if r.record["rows"] == size and r.library != "numpy"],
                )
                for name in ("dense-prepared", "dense-fresh"):
                    compare(
                        row,
                        f"dense {size} × {size}, B = I, {name[6:]}",
                        3 if size == 20 else 1,
                        [r for r in a if r.method == name],
                        b,
                    )
        elif row.group == "direct":
            looped = [r for r in rivals if r.method == "umfpack"]
            twin = [
                r
                for other in results.rows
                if (other.group, other.problem, other.m) == (row.group, row.problem, row.m)
                for r in results.by_row[other.id]
                if r.side == "rivals"
            ]
            block = [r for r in twin if r.method in ("cholmod", "mumps", "pardiso", "superlu")]
            if row.m > 1:
                compare(row, "direct, the fastest rival at its best thread count", 1, ours, block)
            if looped and row.m <= 16:
                compare(row, "direct, UMFPACK column by column with refinement", 20 if row.m > 1 else 1, ours, looped)
    return out
