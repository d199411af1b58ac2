#!/usr/bin/env python3
"""Solve phases of this package and of other sparse direct solvers, in turns in one run, as a Markdown table.

usage: compare.py OURS PEERS [--columns 1,16,64,256] [--rounds 2] [--threads 1,2] [--output FILE] MATRIX...

OURS is the program of this folder, PEERS the folder of the built programs of Benchmarks/peers. MATRIX is a gallery problem that the peers
generate too (poisson2d:N, poisson3d:N, convdiff3d:N) or a Matrix Market file, compressed or not. Each round runs ours, then theirs; the
least time of all rounds and numbers of threads counts, for everybody. A rival whose residual is above 1e-6 does not count.
UMFPACK, whose columns do not know of each other, is measured on 16 of them at most, and its time multiplied.
"""

import argparse
import gzip
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile

UNIT_ROUNDOFF = 2.0**-53
# They force kernels that are not those of this machine.
DROPPED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
MOST_UMFPACK_COLUMNS = 16
LARGEST_RESIDUAL = 1e-6
HEADINGS = (
    "matrix",
    "m",
    "UMFPACK, refined",
    "ours, default",
    "ratio",
    "ours, refined",
    "ratio",
    "fastest rival",
    "ours, bare",
    "ratio",
    "largest ω/u",
)


def records(command, threads):
    """What a program prints, a JSON object a line; a program that fails or is missing has no records and says why."""
    environment = {key: value for key, value in os.environ.items() if key not in DROPPED}
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[name] = str(threads)
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    except OSError as error:
        print(error, file=sys.stderr)
        return []
    if done.returncode != 0:
        print(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}", file=sys.stderr)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


class Best:
    """The least time of each group of solvers, and who had it."""

    def __init__(self):
        self.times = {}
        self.largest_omega = 0.0

    def note(self, group, name, seconds):
        if seconds < self.times.get(group, (float("inf"), ""))[0]:
            self.times[group] = (seconds, name)

    def cell(self, group, named=True):
        if group not in self.times:
            return "–"
        seconds, name = self.times[group]
        milliseconds = f"{seconds * 1e3:#.3g}".rstrip(".")
        return f"{milliseconds} ({name})" if named else milliseconds

    def ratio(self, theirs, ours):
        if theirs not in self.times or ours not in self.times:
            return "–"
        return f"{self.times[theirs][0] / self.times[ours][0]:.2f}"

    def row(self, matrix, m):
        cells = [matrix, str(m), self.cell("umfpack", named=False)]
        cells += [self.cell("default"), self.ratio("umfpack", "default"), self.cell("refined"), self.ratio("umfpack", "refined")]
        cells += [self.cell("rival"), self.cell("bare"), self.ratio("rival", "bare")]
        return cells + [f"{self.largest_omega / UNIT_ROUNDOFF:.2f}"]


def measure_ours(best, program, matrix, m, threads):
    command = [program, "--json", "--threads", ",".join(map(str, threads)), "--columns", str(m), "--repeat", "5"]
    for record in records(command + ["--orderings", "auto,best", "--precisions", "double,single", matrix], max(threads)):
        group = "default" if record["method"] == "direct" else "refined" if record["refined"] else "bare"
        if group == "bare" and record["method"].endswith("single"):
            continue  # half the digits: no match for the rivals
        best.note(group, f"{record['method']}, {record['threads']}t", record["solve_s"])
        best.largest_omega = max(best.largest_omega, record.get("backward_error", 0))


def measure_umfpack(best, peers, matrix, m):
    few = min(m, MOST_UMFPACK_COLUMNS)
    command = [f"{peers}/direct_peer", "--matrix", matrix, "--m", str(few), "--repeats", "2", "--methods", "umfpack"]
    for record in records(command, 1):
        best.note("umfpack", "umfpack", record["solve_seconds"] * m / few)


def measure_rivals(best, peers, matrix, m, threads):
    for program, methods in (("direct_peer", "cholmod,superlu,mumps"), ("mkl_peer", "pardiso")):
        command = [f"{peers}/{program}", "--matrix", matrix, "--m", str(m), "--threads", str(threads)]
        for record in records(command + ["--repeats", "3", "--methods", methods], threads):
            residual = record.get("true_relative_residual")
            if residual is not None and residual <= LARGEST_RESIDUAL:
                best.note("rival", f"{record['method']}, {threads}t", record["solve_seconds"])


def measure(options, matrix, m):
    best = Best()
    for _ in range(options.rounds):
        measure_ours(best, options.ours, matrix, m, options.threads)
        measure_umfpack(best, options.peers, matrix, m)
        for threads in options.threads:
            measure_rivals(best, options.peers, matrix, m, threads)
    return best


def plain_file(matrix, folder):
    """The peers do not read compressed files."""
    if not matrix.endswith(".gz"):
        return matrix
    plain = os.path.join(folder, os.path.basename(matrix)[: -len(".gz")])
    with gzip.open(matrix) as source, open(plain, "wb") as target:
        shutil.copyfileobj(source, target)
    return plain


def heading():
    processor = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
        processor = names[0] if names else processor
    return (
        "# Direct solves\n\n"
        f"Milliseconds of the solve phase, from B in memory to X; written by `make bench-direct-peers`. {processor}, "
        f"{os.cpu_count()} cores, {platform.system()}.\n\n"
        "“UMFPACK, refined” is UMFPACK as its users call it: one column at a time, with its own refinement. “Ours, default” is "
        "`SparseDirect()` on the whole block, with refinement of each column, recomputed residuals, backward errors and a report; “ours, refined” the same "
        "with the factorisation, order of elimination (best: the least fill of all) and precision of the factors in parentheses. The rivals are CHOLMOD, MUMPS, PARDISO and "
        "SuperLU, which solve the block by triangular solves alone; “ours, bare” does the same. In parentheses what was fastest, and on how many "
        "threads; ratios are their time over ours. ω is the componentwise backward error after refinement, u = 2⁻⁵³.\n\n"
    )


def numbers(text):
    return [int(number) for number in text.split(",")]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ours")
    parser.add_argument("peers")
    parser.add_argument("matrices", nargs="+", metavar="MATRIX")
    parser.add_argument("--columns", type=numbers, default=[1, 16, 64, 256])
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--output", help="write the table here, with a heading; standard output gets it in any case")
    return parser.parse_args()


def main():
    options = parse()
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---|" + "--:|" * (len(HEADINGS) - 1)]
    print(*lines, sep="\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for matrix in options.matrices:
            path = plain_file(matrix, folder)
            for m in options.columns:
                cells = measure(options, path, m).row(os.path.basename(path), m)
                lines.append("| " + " | ".join(cells) + " |")
                print(lines[-1], flush=True)
    if options.output:
        with open(options.output, "w") as file:
            file.write(heading() + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
