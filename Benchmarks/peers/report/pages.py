"""RESULTS.md and report.html."""

import html
import os
import platform

from figures import plots
from results import Results, comparisons
from tables import group_table, summary, growth, scaling, bandwidth, peak, product_model, cg_model


def versions(results):
    names = {}
    for found in results.by_row.values():
        for r in found:
            if r.side == "rivals":
                names[r.library] = r.version
    return ", ".join(f"{k} {v}" for k, v in sorted(names.items()))


def machine_lines(results):
    record = next(
        (r.record["machine"] for found in results.by_row.values() for r in found if r.side == "ours" and "machine" in r.record),
        {},
    )
    lines = [
        f"{record.get('cpu', platform.processor())}, {record.get('cores', os.cpu_count())} cores, {record.get('instruction_set', '')}; {record.get('system', platform.platform())}",
        f"OpenBLAS {record.get('openblas_version', '')} with {record.get('openblas_core', '')} kernels for ours and theirs (OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE dropped)",
    ]
    if results.machine:
        for t in (1, 2):
            if bandwidth(results, t):
                lines.append(
                    f"memory, {t} thread{'s' if t > 1 else ''}: triad {bandwidth(results, t, 'triad'):.0f}, with streaming stores {bandwidth(results, t):.0f}, read {bandwidth(results, t, 'sum3'):.0f} GB/s"
                )
        if peak(results):
            lines.append(f"dgemm, one thread: {peak(results):.0f} GFLOP/s")
    lines += [f"commit {', '.join(results.commits)}; measured {results.first} to {results.last}", f"rivals: {versions(results)}"]
    return lines


GROUPS = [
    ("cg", "Block CG"),
    ("gmres", "Block GMRES"),
    ("any", "Any method"),
    ("product", "Products Y = A·X (poisson3d:100)"),
    ("dense", "Small dense systems"),
    ("direct", "Direct solves: the solve phase"),
]
NOTE = """Times are medians over the turns of ours and theirs, from B in memory to X; ours include the recomputed residual of every column and the report. In brackets: block
iterations (for loops: of each column). The residual is the largest true ‖b − A·x‖/‖b‖, recomputed by each program; who misses the tolerance (1e-8, 5 % let pass) does not count as a
rival. Ratio: their time over ours. Precond. "any": the fastest of Jacobi, IC(0), ILU(0) and, under "Any method", of multigrid and direct methods too, with set-up and solve added.
Two threads are two MPI ranks for PETSc and Belos. What uses one thread only (SciPy, PyAMG, UMFPACK) stands with that time at two."""


def everything(results):
    found = comparisons(results)
    sections = [("Goals", *summary(found))]
    sections += [(title, *group_table(results, found, group)) for group, title in GROUPS]
    sections += [
        ("Products against the memory model", *product_model(results)),
        ("Block CG against its roofline (goal 0.7)", *cg_model(results)),
        ("Block CG: time per iteration and column", *growth(results)),
        ("Two threads over one", *scaling(results)),
    ]
    return [s for s in sections if s[2]]


def markdown(sections, machine, remarks):
    out = ["# Results", "", "Written by `make report` (Benchmarks/peers). " + NOTE.replace("\n", " "), ""]
    out += [f"- {line}" for line in machine] + [""]
    out += [remarks, ""] if remarks else []
    for title, header, lines in sections:
        out += [f"## {title}", "", "| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
        out += ["| " + " | ".join(line) + " |" for line in lines] + [""]
    return "\n".join(out)


STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1280px;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;font-size:13px}
td,th{padding:.22rem .6rem;text-align:left;border-bottom:1px solid #e4e4e4;white-space:nowrap}th{color:#555;font-weight:600}
.met{color:#0b6e4f;font-weight:600}.no{color:#b3261e}.plots{display:flex;flex-wrap:wrap;gap:1rem}.wide{overflow-x:auto}p,li{max-width:75ch}"""


def page(sections, machine, figures):
    out = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>BlockKrylov beside other libraries</title>",
        f"<style>{STYLE}</style>",
        "<h1>BlockKrylov beside other libraries</h1>",
        f"<p>{html.escape(NOTE)}</p><ul>",
    ]
    out += [f"<li>{html.escape(line)}</li>" for line in machine] + ["</ul>"]
    for k, (title, header, lines) in enumerate(sections):
        out.append(
            f"<h2>{html.escape(title)}</h2><div class=wide><table><tr>"
            + "".join(f"<th>{html.escape(h)}</th>" for h in header)
            + "</tr>"
        )
        for line in lines:
            out.append(
                "<tr>"
                + "".join(f"<td class={c}>{c}</td>" if c in ("met", "no") else f"<td>{html.escape(c)}</td>" for c in line)
                + "</tr>"
            )
        out.append("</table></div>")
        if k == 0:
            out.append("<h2>Plots</h2><div class=plots>" + "".join(figures) + "</div>")
    return "\n".join(out + ["</html>"])


def write(rows, store, options):
    results = Results(rows, store)
    sections, machine, figures = everything(results), machine_lines(results), plots(results)
    remarks = ""
    if os.path.exists(options.remarks):
        with open(options.remarks) as file:
            remarks = file.read().strip()
    with open(options.results, "w") as file:
        file.write(markdown(sections, machine, remarks) + "\n")
    path = os.path.join(options.out, "report.html")
    with open(path, "w") as file:
        file.write(page(sections, machine, figures))
    for k, figure in enumerate(figures):
        with open(os.path.join(options.out, f"plot-{k + 1}.svg"), "w") as file:
            file.write(figure)
    print(f"{options.results}\n{path}")
