"""RESULTS.md and report.html."""
import html
import os
import platform

import svg
from results import Results, comparisons, fastest

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
    header = ["problem", "m", "threads", "precond.", "compared with", "ours", "time", "residual", "fastest rival", "time", "residual", "ratio", "goal", ""]
    lines = []
    for c in found:
        if c.row.group != group:
            continue
        problem, kind = described(c.row)
        a, b = c.ours, c.rival
        pair = (a.total, b.total) if c.by_total else (a.median, b.median)
        lines.append([problem, str(c.row.m or ""), str(c.row.threads), kind, c.what, named(a), seconds(pair[0]), residual(a), named(b), seconds(pair[1]), residual(b), f"{c.ratio:.2f}",
                      f"{c.goal:g}", "met" if c.met else "no"])
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
        lines.append([key, str(len(ratios)), str(met), f"{ratios[0]:.2f}", f"{ratios[len(ratios) // 2]:.2f}", f"{ratios[-1]:.2f}"])
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
                    lines.append([problem, str(threads), str(m), seconds(cost), f"{gain:.2f}×", f"{predicted}×" if predicted else "", "" if not predicted else "met" if gain >= predicted else "no"])
    return header, lines


def scaling(results):
    header = ["work", "m", "method", "one thread", "two threads", "ratio"]
    lines = []
    for row in results.rows:
        if row.threads != 1 or row.group not in ("product", "cg", "gmres", "direct", "size"):
            continue
        twin = next((r for r in results.rows if (r.group, r.problem, r.m, r.threads, r.kind, r.restart) == (row.group, row.problem, row.m, 2, row.kind, row.restart)), None)
        if not twin:
            continue
        for a in results.by_row[row.id]:
            if a.side != "ours" or a.method in ("auto", "pseudo-cg", "pseudo-gmres"):
                continue
            b = next((r for r in results.by_row[twin.id] if r.side == "ours" and (r.method, r.preconditioner) == (a.method, a.preconditioner)), None)
            if b:
                lines.append([row.problem, str(row.m), a.name + (f"({row.restart})" if row.restart else ""), seconds(a.median), seconds(b.median), f"{a.median / b.median:.2f}"])
    return header, lines


def bandwidth(results, threads, method="triad_nt"):
    return next((r["gbytes_per_s_best"] for r in results.machine if r.get("method") == method and r.get("threads") == threads), None)


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
            flops, traffic = (2 * nnz * m + 10 * n * m * m) / (top * row.threads) * 1e-9, (12 * nnz + 4 * n + 13 * 8 * n * m) / speed * 1e-9
            step = r.median / r.record["iterations"]
            lines.append([row.problem, str(m), str(row.threads), seconds(step), seconds(flops), seconds(traffic), f"{max(flops, traffic) / step:.2f}"])
    return header, lines


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
    rivals = sorted(((n, p, "line") for n, p in table.items() if not n.startswith("ours") and len(p) > 1), key=lambda s: -len(s[1]))
    return ours[:3] + rivals[:limit - min(len(ours), 3)]


def plots(results):
    out = []
    for problem in ("poisson2d:300", "poisson3d:60"):
        table = curves(results, lambda r: r.m if (r.group, r.problem, r.threads, r.kind) == ("cg", problem, 1, "none") else None, lambda row, r: r.median)
        table = {n: p for n, p in table.items() if n not in ("ours: auto",)}
        out.append(svg.plot(f"{problem}, no preconditioner, one thread", "right-hand sides m", "seconds for all columns", chosen_series(table), x_ticks=[1, 8, 16, 32]))
    table = curves(results, lambda r: r.m if (r.group, r.problem, r.threads, r.kind, r.restart) == ("gmres", "convdiff3d:40", 1, "none", 30) else None, lambda row, r: r.median)
    out.append(svg.plot("convdiff3d:40, GMRES(30), no preconditioner, one thread", "right-hand sides m", "seconds for all columns", chosen_series(table), x_ticks=[1, 8, 16]))
    table = curves(results, lambda r: int(r.problem.split(":")[1]) ** 2 if r.threads == 1 and r.m == 8 and r.kind == "none" and r.problem.startswith("poisson2d") and r.group in ("size", "cg")
                   else None, lambda row, r: r.median)
    table = {n: p for n, p in table.items() if n in ("ours: cg", "petsc cg", "hpddm bcg")}
    out.append(svg.plot("poisson2d:N, m = 8, no preconditioner, one thread", "rows n = N²", "seconds for 8 columns", chosen_series(table)))
    for threads in (1, 2):
        table = curves(results, lambda r: r.m if r.group == "product" and r.threads == threads else None, lambda row, r: r.median / row.m)
        out.append(svg.plot(f"Y = A·X, poisson3d:100, {threads} thread{'s' if threads > 1 else ''}", "columns m", "seconds per column", chosen_series(table), x_ticks=[1, 2, 4, 8, 16, 32]))
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
                points.append((("ours: product" if r.side == "ours" else "MKL product"), flops / traffic, flops / r.median * 1e-9))
            if row.group == "cg" and row.kind == "none" and row.m > 1 and r.side == "ours" and r.method == "cg" and not row.problem.startswith("varcoef"):
                flops = 2 * rec["nonzeros"] * row.m + 10 * rec["rows"] * row.m ** 2
                traffic = 12 * rec["nonzeros"] + 13 * 8 * rec["rows"] * row.m
                points.append(("ours: block CG", flops / traffic, flops * rec["iterations"] / r.median * 1e-9))
    xs = [0.08, top / speed, 6]
    series = [("ours: product", [], "points"), ("MKL product", [], "points"), ("ours: block CG", [], "points")]
    for name, x, y in points:
        next(s for s in series if s[0] == name)[1].append((x, y))
    line = [(x, min(top, x * speed)) for x in sorted(set(xs + [0.2, 0.5, 1]))]
    return svg.plot("Roofline, one thread: DRAM bandwidth (triad) and dgemm peak", "flops per byte of the traffic model", "GFLOP/s", series + [("roof", line, "dashed")])


def versions(results):
    names = {}
    for found in results.by_row.values():
        for r in found:
            if r.side == "rivals":
                names[r.library] = r.version
    return ", ".join(f"{k} {v}" for k, v in sorted(names.items()))


def machine_lines(results):
    record = next((r.record["machine"] for found in results.by_row.values() for r in found if r.side == "ours" and "machine" in r.record), {})
    lines = [f"{record.get('cpu', platform.processor())}, {record.get('cores', os.cpu_count())} cores, {record.get('instruction_set', '')}; {record.get('system', platform.platform())}",
             f"OpenBLAS {record.get('openblas_version', '')} with {record.get('openblas_core', '')} kernels for ours and theirs (OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE dropped)"]
    if results.machine:
        for t in (1, 2):
            if bandwidth(results, t):
                lines.append(f"memory, {t} thread{'s' if t > 1 else ''}: triad {bandwidth(results, t, 'triad'):.0f}, with streaming stores {bandwidth(results, t):.0f}, read {bandwidth(results, t, 'sum3'):.0f} GB/s")
        if peak(results):
            lines.append(f"dgemm, one thread: {peak(results):.0f} GFLOP/s")
    lines += [f"commit {', '.join(results.commits)}; measured {results.first} to {results.last}", f"rivals: {versions(results)}"]
    return lines


GROUPS = [("cg", "Block CG"), ("gmres", "Block GMRES"), ("any", "Any method"), ("product", "Products Y = A·X (poisson3d:100)"), ("dense", "Small dense systems"), ("direct", "Direct solves: the solve phase")]
NOTE = """Times are medians over the turns of ours and theirs, from B in memory to X; ours include the recomputed residual of every column and the report. In brackets: block
iterations (for loops: of each column). The residual is the largest true ‖b − A·x‖/‖b‖, recomputed by each program; who misses the tolerance (1e-8, 5 % let pass) does not count as a
rival. Ratio: their time over ours. Precond. "any": the fastest of Jacobi, IC(0), ILU(0) and, under "Any method", of multigrid and direct methods too, with set-up and solve added.
Two threads are two MPI ranks for PETSc and Belos. What uses one thread only (SciPy, PyAMG, UMFPACK) stands with that time at two."""


def everything(results):
    found = comparisons(results)
    sections = [("Goals", *summary(found))]
    sections += [(title, *group_table(results, found, group)) for group, title in GROUPS]
    sections += [("Products against the memory model", *product_model(results)), ("Block CG against its roofline (goal 0.7)", *cg_model(results)), ("Block CG: time per iteration and column", *growth(results)), ("Two threads over one", *scaling(results))]
    return [s for s in sections if s[2]]


def markdown(sections, machine):
    out = ["# Results", "", "Written by `make report` (Benchmarks/peers). " + NOTE.replace("\n", " "), ""]
    out += [f"- {line}" for line in machine] + [""]
    for title, header, lines in sections:
        out += [f"## {title}", "", "| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
        out += ["| " + " | ".join(line) + " |" for line in lines] + [""]
    return "\n".join(out)


STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1280px;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;font-size:13px}
td,th{padding:.22rem .6rem;text-align:left;border-bottom:1px solid #e4e4e4;white-space:nowrap}th{color:#555;font-weight:600}
.met{color:#0b6e4f;font-weight:600}.no{color:#b3261e}.plots{display:flex;flex-wrap:wrap;gap:1rem}.wide{overflow-x:auto}p,li{max-width:75ch}"""


def page(sections, machine, figures):
    out = ["<!doctype html><html lang=en><meta charset=utf-8><title>BlockKrylov beside other libraries</title>", f"<style>{STYLE}</style>", "<h1>BlockKrylov beside other libraries</h1>",
           f"<p>{html.escape(NOTE)}</p><ul>"]
    out += [f"<li>{html.escape(line)}</li>" for line in machine] + ["</ul>"]
    for k, (title, header, lines) in enumerate(sections):
        out.append(f"<h2>{html.escape(title)}</h2><div class=wide><table><tr>" + "".join(f"<th>{html.escape(h)}</th>" for h in header) + "</tr>")
        for line in lines:
            out.append("<tr>" + "".join(f"<td class={c}>{c}</td>" if c in ("met", "no") else f"<td>{html.escape(c)}</td>" for c in line) + "</tr>")
        out.append("</table></div>")
        if k == 0:
            out.append("<h2>Plots</h2><div class=plots>" + "".join(figures) + "</div>")
    return "\n".join(out + ["</html>"])


def write(rows, store, options):
    results = Results(rows, store)
    sections, machine, figures = everything(results), machine_lines(results), plots(results)
    with open(options.results, "w") as file:
        file.write(markdown(sections, machine) + "\n")
    path = os.path.join(options.out, "report.html")
    with open(path, "w") as file:
        file.write(page(sections, machine, figures))
    for k, figure in enumerate(figures):
        with open(os.path.join(options.out, f"plot-{k + 1}.svg"), "w") as file:
            file.write(figure)
    print(f"{options.results}\n{path}")
