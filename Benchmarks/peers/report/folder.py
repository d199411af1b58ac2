#!/usr/bin/env python3
"""Who solves the square real matrices of a folder to 1e-8: `krylov run --method auto` beside SciPy, PETSc and Belos with their ILU.

  python3 Benchmarks/peers/report/folder.py FOLDER [--krylov PATH] [--peers DIR] [--columns 1] [--seconds 20] [--output FILE.json]

Each library has --seconds for each matrix. Prints a table, the counts, and what nobody solves, and what another solves and we do not.
"""

import argparse
import glob
import gzip
import json
import os
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.normpath(os.path.join(HERE, "..", "programs"))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))


def square_real(path):
    """Whether the header says so; blocks of right-hand sides are not square."""
    with gzip.open(path, "rt", errors="replace") if path.endswith(".gz") else open(path, errors="replace") as file:
        banner = file.readline().lower().split()
        if len(banner) < 5 or banner[2] != "coordinate" or banner[3] == "complex":
            return False
        for line in file:
            if line.strip() and not line.startswith("%"):
                rows, columns, _ = map(int, line.split()[:3])
                return rows == columns
    return False


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder")
    p.add_argument("--krylov", default=f"{ROOT}/.build/release/krylov")
    p.add_argument("--peers", default=os.environ.get("PEERS_HOME", os.path.expanduser("~/.peers")))
    p.add_argument("--python", default="/usr/bin/python3", help="the Python that has petsc4py and SciPy")
    p.add_argument("--columns", type=int, default=1)
    p.add_argument("--seconds", type=float, default=20)
    p.add_argument(
        "--stop-after",
        type=float,
        default=float("inf"),
        help="seconds after which no matrix is begun; go on later with the same --output",
    )
    p.add_argument("--libraries", default="ours,scipy,petsc,belos")
    p.add_argument("--output", help="a file for the results as JSON; what it holds already is not tried again")
    args = p.parse_args()
    paths = sorted(f for f in glob.glob(f"{args.folder}/*.mtx") + glob.glob(f"{args.folder}/*.mtx.gz") if square_real(f))
    libraries = args.libraries.split(",")
    env = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}

    def run(argv):
        try:
            return subprocess.run(argv, capture_output=True, text=True, env=env, timeout=args.seconds + 30)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(argv, -1, "", f"more than {args.seconds + 30:g} s")

    def ours(path):
        done = run(
            [
                args.krylov,
                "run",
                path,
                "--method",
                "auto",
                "--columns",
                str(args.columns),
                "--rtol",
                "1e-8",
                "--time-limit",
                str(args.seconds),
                "--threads",
                "1",
                "--format",
                "json",
                "--quiet",
            ]
        )
        record = next((json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")), {})
        if "columns" not in record:
            return dict(
                solved=None,
                residual=None,
                seconds=None,
                tried=[[str(record.get("error") or done.stderr.strip()[-120:] or done.returncode)]],
            )
        residuals = [c["true_relative_residual"] for c in record["columns"]]
        residual = max(residuals) if all(r is not None for r in residuals) else None
        solved = residual is not None and residual <= 1.000001e-8
        statuses = sorted({c["status"] for c in record["columns"]})
        return dict(
            solved=f"{record['method']} + {record['preconditioner']}" if solved else None,
            residual=residual,
            seconds=(record["setup_seconds"] or 0) + (record["solve_seconds"] or 0),
            tried=[statuses],
        )

    def theirs(path, library):
        python = args.python if library == "petsc" else f"{args.peers}/bin/python"
        done = run(
            [
                python,
                f"{PROGRAMS}/folder_peer.py",
                "--matrix",
                path,
                "--methods",
                library,
                "--m",
                str(args.columns),
                "--seconds",
                str(args.seconds),
                "--belos",
                f"{args.peers}/bin-peers/belos_peer",
            ]
        )
        record = next((json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")), None)
        return record or dict(
            solved=None, residual=None, seconds=None, tried=[[done.stderr.strip()[-120:] or f"status {done.returncode}"]]
        )

    began, results = time.time(), {}
    if args.output and os.path.exists(args.output):
        with open(args.output) as file:
            results = json.load(file)
    for path in paths:
        name = os.path.basename(path).removesuffix(".gz").removesuffix(".mtx")
        row = results.setdefault(name, {})
        for library in libraries:
            if library not in row and time.time() - began < args.stop_after:
                row[library] = ours(path) if library == "ours" else theirs(path, library)
        if args.output:
            # Whole or not at all, whenever it is stopped.
            with open(args.output + ".new", "w") as file:
                json.dump(results, file, indent=1)
            os.replace(args.output + ".new", args.output)

        def cell(r):
            return (
                ""
                if r is None
                else f"{r['solved']} ({r['seconds']:.2f} s)"
                if r["solved"]
                else "-"
                if r["residual"] is None
                else f"- {r['residual']:.0e}"
            )

        print(f"{name:24s} " + "".join(f"{cell(row.get(k)):36s}" for k in libraries), flush=True)
    done = {name: row for name, row in results.items() if all(k in row for k in libraries)}
    if len(done) < len(results):
        print(f"\n{len(results) - len(done)} of {len(results)} are left for another time")
    results = done
    print(
        f"\n{len(results)} square real matrices, {args.columns} right-hand side{'s' if args.columns > 1 else ''}, {args.seconds:g} s each"
    )
    for k in libraries:
        print(f"  {k:8s} solves {sum(bool(row[k]['solved']) for row in results.values())}")
    nobody = [name for name, row in results.items() if not any(row[k]["solved"] for k in libraries)]
    print(f"  nobody: {', '.join(nobody) or 'none'}")
    if "ours" in libraries:
        missed = [
            f"{name} ({', '.join(k for k in libraries if row[k]['solved'])})"
            for name, row in results.items()
            if not row["ours"]["solved"] and name not in nobody
        ]
        print(f"  solved by others and not by ours: {', '.join(missed) or 'none'}")
    if args.output:
        with open(args.output, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
