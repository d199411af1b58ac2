"""The plots of the report."""

import svg
from tables import bandwidth, peak


def curves(results, pick, value):
    """{name: [(x, y)]} over rows"""
    out = {}
    for row in results.rows:
        x = pick(row)
        if x is None:
            continue
        for r in results.by_row[row.id]:
            if r.solved:
                name = ("ours: " if r.side == "ours" else "") + r.name.split(" (")[0]
                out.setdefault(name, []).append((x, value(row, r)))
    return out


def chosen_series(table, limit=7):
    """Ours, and the rivals that have most points, at most one line a library and method."""
    ours = [(n, p, "line") for n, p in table.items() if n.startswith("ours")]
    rivals = sorted(
        ((n, p, "line") for n, p in table.items() if not n.startswith("ours") and len(p) > 1), key=lambda s: -len(s[1])
    )
    return ours[:3] + rivals[: limit - min(len(ours), 3)]


def plots(results):
    out = []
    for problem in ("poisson2d:300", "poisson3d:60"):
        table = curves(
            results,
            lambda r: r.m if (r.group, r.problem, r.threads, r.kind) == ("cg", problem, 1, "none") else None,
            lambda row, r: r.median,
        )
        table = {n: p for n, p in table.items() if n not in ("ours: auto",)}
        out.append(
            svg.plot(
                f"{problem}, no preconditioner, one thread",
                "right-hand sides m",
                "seconds for all columns",
                chosen_series(table),
                x_ticks=[1, 8, 16, 32],
            )
        )
    table = curves(
        results,
        lambda r: (
            r.m if (r.group, r.problem, r.threads, r.kind, r.restart) == ("gmres", "convdiff3d:40", 1, "none", 30) else None
        ),
        lambda row, r: r.median,
    )
    out.append(
        svg.plot(
            "convdiff3d:40, GMRES(30), no preconditioner, one thread",
            "right-hand sides m",
            "seconds for all columns",
            chosen_series(table),
            x_ticks=[1, 8, 16],
        )
    )
    table = curves(
        results,
        lambda r: (
            int(r.problem.split(":")[1]) ** 2
            if r.threads == 1
            and r.m == 8
            and r.kind == "none"
            and r.problem.startswith("poisson2d")
            and r.group in ("size", "cg")
            else None
        ),
        lambda row, r: r.median,
    )
    table = {n: p for n, p in table.items() if n in ("ours: cg", "petsc cg", "hpddm bcg")}
    out.append(
        svg.plot(
            "poisson2d:N, m = 8, no preconditioner, one thread", "rows n = N²", "seconds for 8 columns", chosen_series(table)
        )
    )
    for threads in (1, 2):
        table = curves(
            results, lambda r: r.m if r.group == "product" and r.threads == threads else None, lambda row, r: r.median / row.m
        )
        out.append(
            svg.plot(
                f"Y = A·X, poisson3d:100, {threads} thread{'s' if threads > 1 else ''}",
                "columns m",
                "seconds per column",
                chosen_series(table),
                x_ticks=[1, 2, 4, 8, 16, 32],
            )
        )
    out.append(roofline(results))
    return [p for p in out if p]


def roofline(results):
    """Products and block CG on one thread under the measured bandwidth and peak."""
    speed, top = bandwidth(results, 1), peak(results)
    if not speed or not top:
        return ""
    points = []
    for row in results.rows:
        if row.threads != 1:
            continue
        for r in results.by_row[row.id]:
            rec = r.record
            if row.group == "product" and (r.side == "ours" or (r.library, r.method) == ("mkl", "spmm")):
                flops, traffic = 2 * rec["nonzeros"] * row.m, 12 * rec["nonzeros"] + 4 * rec["rows"] + 16 * rec["rows"] * row.m
                points.append(
                    (("ours: product" if r.side == "ours" else "MKL product"), flops / traffic, flops / r.median * 1e-9)
                )
            if (
                row.group == "cg"
                and row.kind == "none"
                and row.m > 1
                and r.side == "ours"
                and r.method == "cg"
                and not row.problem.startswith("varcoef")
            ):
                flops = 2 * rec["nonzeros"] * row.m + 10 * rec["rows"] * row.m**2
                traffic = 12 * rec["nonzeros"] + 13 * 8 * rec["rows"] * row.m
                points.append(("ours: block CG", flops / traffic, flops * rec["iterations"] / r.median * 1e-9))
    xs = [0.08, top / speed, 6]
    series = [("ours: product", [], "points"), ("MKL product", [], "points"), ("ours: block CG", [], "points")]
    for name, x, y in points:
        next(s for s in series if s[0] == name)[1].append((x, y))
    line = [(x, min(top, x * speed)) for x in sorted(set(xs + [0.2, 0.5, 1]))]
    return svg.plot(
        "Roofline, one thread: DRAM bandwidth (triad) and dgemm peak",
        "flops per byte of the traffic model",
        "GFLOP/s",
        series + [("roof", line, "dashed")],
    )
