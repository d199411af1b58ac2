#!/usr/bin/env python3
"""The kernels' times as a Markdown table, from what the benchmark printed on standard input, beside rivals' on the same work where they are.

usage: swift package … benchmark | table.py [PEERS_HOME]

Rivals are MKL's sparse product and OpenBLAS's dgemm (Benchmarks/peers), each run once for one and for two threads right after ours; the
least time counts for everybody.
"""
import json, os, re, subprocess, sys

UNITS = {"ns": 1e-6, "μs": 1e-3, "ms": 1, "s": 1e3}
SCALES = {"": 1, "K": 1e3, "M": 1e6}


def ours(text):
    """Per benchmark: least milliseconds, median milliseconds, and bytes per second over the triad's at the least time."""
    found, name = {}, None
    for line in text.splitlines():
        if re.fullmatch(r"\S.*, [12] threads?", line):
            name = line.strip()
            found[name] = {}
            continue
        cells = [cell.strip() for cell in line.split("│")]
        if name is None or len(cells) < 5:
            continue
        if clock := re.match(r"Time \(wall clock\) \((\w+)\)", cells[1]):
            unit = UNITS[clock[1]]
            found[name]["least"], found[name]["median"] = int(cells[2]) * unit, int(cells[4]) * unit
        elif cells[1].startswith("MFLOP/s"):
            scale = re.search(r"\((\w)\)", cells[1])
            found[name]["gflops"] = int(cells[2]) * SCALES[scale[1] if scale else ""] / 1e3
        elif cells[1].startswith("per mille"):
            found[name]["triad"] = int(cells[2]) / 1000
    return found


def records(command, threads):
    environment = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    environment |= {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "OPENBLAS", "MKL")}
    try:
        output = subprocess.run(command, env=environment, capture_output=True, text=True).stdout
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def theirs(home):
    """Per benchmark of ours: least milliseconds of the rival on the same work."""
    found = {}
    for threads in (1, 2):
        suffix = f", {threads} thread" + ("s" if threads > 1 else "")
        for m in (1, 2, 4, 8, 16, 24, 32):
            argv = [f"{home}/bin-peers/mkl_peer", "--matrix", "poisson3d:100", "--m", str(m), "--threads", str(threads), "--repeats", "15"]
            times = [r["solve_seconds_all"] for r in records(argv + ["--methods", "spmm"], threads) if "solve_seconds_all" in r]
            if times:
                found[f"SpMM poisson3d:100, m = {m}{suffix}"] = ("MKL", 1e3 * min(map(min, times)))
        for r in records([f"{home}/bin-peers/dgemm_probe"], threads):
            if r["method"] == "dgemm-gram":
                found[f"YᵀX, 10⁶ × {r['M']}{suffix}"] = ("OpenBLAS", 1e3 * r["min_s"])
            elif r["method"] == "dgemm-update":
                found[f"Y += XC, 10⁶ × {r['N']}{suffix}"] = ("OpenBLAS", 1e3 * r["min_s"])
    return found


def main():
    rows = ours(sys.stdin.read())
    rivals = theirs(sys.argv[1] if len(sys.argv) > 1 else os.path.expanduser("~/.peers"))
    print("| kernel | least, ms | median, ms | GFLOP/s | of triad | rival | least, ms | ratio |")
    print("|---|--:|--:|--:|--:|---|--:|--:|")
    order = lambda name: (name.split(",")[0].split(" ")[0], name[-1] == "s", int(re.search(r"(?:m = |× )(\d+)", name)[1]))
    for name in sorted(rows, key=order):
        r = rows[name]
        rival, time = rivals.get(name, ("–", None))
        tail = f"{time:.3g} | {time / r['least']:.2f}" if time else "– | –"
        print(f"| {name} | {r['least']:.3g} | {r['median']:.3g} | {r['gflops']:.3g} | {r['triad']:.2f} | {rival} | {tail} |")


main()
