"""The tables of the report: a heading and lines of text each."""

# numerics: time per column of a product falls by m·V(1)/V(m) for five entries a row.
PREDICTED = {8: 2.8, 16: 3.1, 32: 3.4}


def seconds(t):
    if t is None:
        return ""
    if t >= 1:
        return f"{t:.2f} s"
    if t >= 1e-3:
        return f"{t * 1e3:.3g} ms"
    return f"{t * 1e6:.3g} µs"


def residual(r):
    return f"{r.residual:.1e}" if isinstance(r.residual, (int, float)) else ""


def named(result):
    """The method, and its iterations in brackets."""
    return result.name + (f" [{result.iterations}]" if result.iterations else "")


def described(row):
    if row.group == "dense":
        return "dense", ""
    kind = {"none": "none", "best": "any"}[row.kind] if row.group in ("cg", "gmres", "any") else ""
    return f"{row.problem}" + (f", restart {row.restart}" if row.restart else ""), kind


def group_table(results, found, group):
    """(header, lines) of one group of rows."""
    header = [
        "problem",
        "m",
        "threads",
        "precond.",
        "compared with",
        "ours",
        "time",
        "residual",
        "fastest rival",
        "time",
        "residual",
        "ratio",
        "goal",
        "",
    ]
    lines = []
    for c in found:
        if c.row.group != group:
            continue
        problem, kind = described(c.row)
        a, b = c.ours, c.rival
        pair = (a.total, b.total) if c.by_total else (a.median, b.median)
        lines.append(
            [
                problem,
                str(c.row.m or ""),
                str(c.row.threads),
                kind,
                c.what,
                named(a),
                seconds(pair[0]),
                residual(a),
                named(b),
                seconds(pair[1]),
                residual(b),
                f"{c.ratio:.2f}",
                f"{c.goal:g}",
                "met" if c.met else "no",
            ]
        )
    return header, lines


def summary(found):
    header = ["goal", "rows", "met", "ratio: least", "median", "largest"]
    lines, order = [], []
    for c in found:
        key = c.what + f" ≥ {c.goal:g}×"
        if key not in order:
            order.append(key)
    for key in order:
        ratios = sorted(c.ratio for c in found if c.what + f" ≥ {c.goal:g}×" == key)
        met = sum(c.met for c in found if c.what + f" ≥ {c.goal:g}×" == key)
        lines.append(
            [key, str(len(ratios)), str(met), f"{ratios[0]:.2f}", f"{ratios[len(ratios) // 2]:.2f}", f"{ratios[-1]:.2f}"]
        )
    return header, lines


def own(results, group, problem, m, threads, kind, method, restart=None):
    for row in results.rows:
        if (row.group, row.problem, row.m, row.threads, row.kind, row.restart) == (group, problem, m, threads, kind, restart):
            return next((r for r in results.by_row[row.id] if r.side == "ours" and r.method == method and r.solved), None)
    return None


def growth(results):
    """Time per iteration and column as m grows; two threads over one."""
    header = ["problem", "threads", "m", "block CG per iteration and column", "against m = 1", "prediction", ""]
    lines = []
    for problem in ("poisson2d:300", "poisson3d:60"):
        for threads in (1, 2):
            first = own(results, "cg", problem, 1, threads, "none", "cg")
            for m in (1, 8, 16, 32):
                r = own(results, "cg", problem, m, threads, "none", "cg")
                if r and first:
                    cost = r.median / r.record["iterations"] / m
                    gain = first.median / first.record["iterations"] / cost
                    predicted = PREDICTED.get(m) if "2d" in problem else {8: 3.2, 16: 3.8, 32: 4.2}.get(m)
                    lines.append(
                        [
                            problem,
                            str(threads),
                            str(m),
                            seconds(cost),
                            f"{gain:.2f}×",
                            f"{predicted}×" if predicted else "",
                            "" if not predicted else "met" if gain >= predicted else "no",
                        ]
                    )
    return header, lines


def scaling(results):
    header = ["work", "m", "method", "one thread", "two threads", "ratio"]
    lines = []
    for row in results.rows:
        if row.threads != 1 or row.group not in ("product", "cg", "gmres", "direct", "size"):
            continue
        twin = next(
            (
                r
                for r in results.rows
                if (r.group, r.problem, r.m, r.threads, r.kind, r.restart)
                == (row.group, row.problem, row.m, 2, row.kind, row.restart)
            ),
            None,
        )
        if not twin:
            continue
        for a in results.by_row[row.id]:
            if a.side != "ours" or a.method in ("auto", "pseudo-cg", "pseudo-gmres"):
                continue
            b = next(
                (
                    r
                    for r in results.by_row[twin.id]
                    if r.side == "ours" and (r.method, r.preconditioner) == (a.method, a.preconditioner)
                ),
                None,
            )
            if b:
                lines.append(
                    [
                        row.problem,
                        str(row.m),
                        a.name + (f"({row.restart})" if row.restart else ""),
                        seconds(a.median),
                        seconds(b.median),
                        f"{a.median / b.median:.2f}",
                    ]
                )
    return header, lines


def bandwidth(results, threads, method="triad_nt"):
    return next(
        (r["gbytes_per_s_best"] for r in results.machine if r.get("method") == method and r.get("threads") == threads), None
    )


def peak(results):
    return max((r["gflops_best"] for r in results.machine if r.get("method") == "dgemm-square"), default=None)


def product_model(results):
    """SpMM against the time that its traffic takes at the measured bandwidth: A and X read once, Y written once past the caches."""
    header = ["m", "threads", "time", "model at triad bandwidth", "share"]
    lines = []
    for row in results.rows:
        if row.group != "product":
            continue
        r, speed = next((r for r in results.by_row[row.id] if r.side == "ours"), None), bandwidth(results, row.threads)
        if r and speed:
            model = (12 * r.record["nonzeros"] + 4 * r.record["rows"] + 16 * r.record["rows"] * row.m) / speed * 1e-9
            lines.append([str(row.m), str(row.threads), seconds(r.median), seconds(model), f"{model / r.median:.2f}"])
    return header, lines


def cg_model(results):
    """An iteration of block CG against its flops at the peak of dgemm and its traffic at the bandwidth of triad, whichever takes longer."""
    header = ["problem", "m", "threads", "iteration", "flops at peak", "traffic at bandwidth", "share of the longer"]
    lines = []
    for row in results.rows:
        if row.group != "cg" or row.kind != "none" or row.m == 1:
            continue
        r = next((r for r in results.by_row[row.id] if r.side == "ours" and r.method == "cg" and r.solved), None)
        speed, top = bandwidth(results, row.threads), peak(results)
        if r and speed and top:
            n, nnz, m = r.record["rows"], r.record["nonzeros"], row.m
            flops, traffic = (
                (2 * nnz * m + 10 * n * m * m) / (top * row.threads) * 1e-9,
                (12 * nnz + 4 * n + 13 * 8 * n * m) / speed * 1e-9,
            )
            step = r.median / r.record["iterations"]
            lines.append(
                [
                    row.problem,
                    str(m),
                    str(row.threads),
                    seconds(step),
                    seconds(flops),
                    seconds(traffic),
                    f"{max(flops, traffic) / step:.2f}",
                ]
            )
    return header, lines
