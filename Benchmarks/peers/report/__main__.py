#!/usr/bin/env python3
"""Measures this package beside other libraries and writes RESULTS.md and a self-contained report.html.

  python3 Benchmarks/peers/report measure [--group cg,gmres] [--rivals missing|all|fastest|none] [--columns 8,16] [--threads 1,2]
  python3 Benchmarks/peers/report write
  python3 Benchmarks/peers/report                       both

Records are added to records.jsonl in --out; the newest of each command counts, so that pieces may be measured at different
times. --through CMD runs every piece through a command of yours, such as a batch queue or a lock.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import measuring
import work

ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))


def parse():
    p = argparse.ArgumentParser(prog="report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("action", nargs="?", default="both", choices=["measure", "write", "both", "piece"])
    p.add_argument("file", nargs="?", help=argparse.SUPPRESS)
    p.add_argument("--group", default="", help="only these: product, cg, gmres, any, dense, direct, size, machine")
    p.add_argument("--problem", default="", help="only these problems")
    p.add_argument("--kind", default="", help="only these: none, best")
    p.add_argument("--columns", default="", help="only these numbers of right-hand sides")
    p.add_argument("--threads", default="", help="only these numbers of threads")
    p.add_argument(
        "--rivals",
        default="missing",
        choices=["missing", "all", "fastest", "none"],
        help="which rivals to measure: those without a record, all, those within 1.5 of the fastest, none (default missing)",
    )
    p.add_argument("--repeats", type=int, default=3)
    p.add_argument("--budget", type=float, default=2, help="seconds after which a program makes no more repetitions (default 2)")
    p.add_argument("--limit", type=float, default=75, help="the most seconds for one program (default 75)")
    p.add_argument("--piece", type=float, default=80, help="the most seconds, about, for one piece: some rows (default 80)")
    p.add_argument("--until", default="", help="begin no row after this time, as 13:45")
    p.add_argument("--through", type=shlex.split, default=[], help="a command that every piece runs through")
    p.add_argument("--commit", default="", help="what --solvers was built from, where it is not this folder's HEAD")
    p.add_argument("--solvers", default=f"{ROOT}/.build/solvers/release/solvers", help="this package's runner")
    p.add_argument(
        "--peers", default=os.environ.get("PEERS_HOME", os.path.expanduser("~/.peers")), help="where `make peers` installed"
    )
    p.add_argument("--python", default="/usr/bin/python3", help="the Python that has petsc4py")
    p.add_argument("--out", default=f"{ROOT}/.build/report", help="the folder for records and the report")
    p.add_argument(
        "--remarks",
        default=os.path.normpath(os.path.join(HERE, "..", "remarks.md")),
        help="Markdown that RESULTS.md takes in: what limits us where a goal is not met",
    )
    p.add_argument("--results", default=f"{ROOT}/Benchmarks/RESULTS.md", help="the Markdown file")
    return p.parse_args()


def chosen(rows, options):
    def has(text, value):
        return not text or str(value) in text.split(",")

    return [
        r
        for r in rows
        if has(options.group, r.group)
        and has(options.problem, r.problem)
        and has(options.columns, r.m)
        and has(options.threads, r.threads)
        and has(options.kind, r.kind)
    ]


def main():
    options = parse()
    if options.action == "piece":
        return measuring.run_piece(options.file)
    os.makedirs(options.out, exist_ok=True)
    options.commit = (
        options.commit
        or subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    )
    store = measuring.Store(os.path.join(options.out, "records.jsonl"))
    programs = work.Programs(
        os.path.abspath(options.solvers),
        os.path.abspath(options.peers),
        os.path.normpath(os.path.join(HERE, "..", "programs")),
        options.python,
    )
    rows = work.rows(programs)
    if options.action in ("measure", "both"):
        session = time.strftime("%Y-%m-%d %H:%M:%S")
        if not options.group or "machine" in options.group.split(","):
            machine = work.Row(
                "machine",
                "machine",
                0,
                0,
                ours=[
                    work.Command(f"stream {t}", (f"{programs.peers}/bin-peers/stream_probe", str(t), "256", "7")) for t in (1, 2)
                ]
                + [work.Command("dgemm", (f"{programs.peers}/bin-peers/dgemm_probe", "3"))],
            )
            measuring.run_through([(machine, "machine", c) for c in machine.ours], store, options, session)
        measuring.measure(chosen(rows, options), store, options, session)
    if options.action in ("write", "both"):
        import pages

        pages.write(rows, store, options)


if __name__ == "__main__":
    main()
