"""Runs ours and theirs in turns and stores what they print."""

import json
import os
import subprocess
import sys
import time

DROPPED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class Store:
    """The records of all sessions, in one file, a JSON object a line; the newest session of a command counts."""

    def __init__(self, path):
        self.path, self.entries = path, []
        if os.path.exists(path):
            with open(path) as file:
                self.entries = [json.loads(line) for line in file if line.strip()]

    def add(self, entry):
        self.entries.append(entry)
        with open(self.path, "a") as file:
            file.write(json.dumps(entry) + "\n")

    def newest(self):
        """{row: {(side, command): [entry, …]}} with the entries of the newest session of each command that gave any record"""
        out = {}
        for entry in self.entries:
            row = out.setdefault(entry["row"], {})
            key = (entry["side"], entry["command"])
            if key in row and row[key][0]["session"] == entry["session"]:
                row[key].append(entry)
            else:
                row[key] = [entry]
        return out


def full_argv(command, row, side, options):
    argv = list(command.argv)
    if side == "machine":
        return argv
    if side == "ours":
        argv += [] if "--repeat" in argv else ["--repeat", str(options.repeats)]
        return argv + ([] if "--budget" in argv else ["--budget", str(options.budget / 2)])
    if row.group == "dense":
        return argv
    argv += [
        "--matrix",
        row.problem,
        "--m",
        str(row.m),
        "--threads",
        str(1 if command.single else row.threads),
        "--repeats",
        str(options.repeats),
        "--budget",
        str(options.budget),
        "--maxit",
        "100000",
    ]
    if row.restart or row.group in ("gmres", "any"):
        argv += ["--restart", str(row.restart or 50)]
    if command.ranks > 1:
        argv = ["mpiexec", "--oversubscribe", "-n", str(command.ranks)] + argv
    return argv


def environment(command):
    env = {k: v for k, v in os.environ.items() if k not in DROPPED}
    if command["ranks"] > 1:
        env.update(
            PEERS_ENV="1",
            OMPI_ALLOW_RUN_AS_ROOT="1",
            OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
            OMP_NUM_THREADS="1",
            OPENBLAS_NUM_THREADS="1",
        )
    return env


def run_piece(path):
    """The inner end of a measurement: runs the commands of a file in turn and puts their output beside them, within the file's seconds."""
    with open(path) as file:
        piece = json.load(file)
    end = time.time() + piece["seconds"]
    for command in piece["commands"]:
        began = time.time()
        if began > end:
            break
        limit = min(command["limit"], max(1, end - began))
        try:
            done = subprocess.run(
                command["argv"], env=environment(command), capture_output=True, text=True, timeout=limit, stdin=subprocess.DEVNULL
            )
            command["output"], command["errors"], command["status"] = done.stdout, done.stderr[-2000:], done.returncode
        except subprocess.TimeoutExpired as error:
            command["output"] = (error.stdout or b"").decode() if isinstance(error.stdout, bytes) else error.stdout or ""
            command["errors"], command["status"] = f"more than {limit:.0f} s", -1
        except OSError as error:
            command["output"], command["errors"], command["status"] = "", str(error), -1
        command["seconds"] = time.time() - began
    with open(path, "w") as file:
        json.dump(piece, file)


def measure(rows, store, options, session):
    """All rows: for each, ours, some rivals, ours, more rivals, ours; rows share a piece while it lasts about options.piece seconds."""
    known, load, piece = store.newest(), 0.0, []
    for row in rows:
        rivals = [] if options.rivals == "none" else [r for r in row.rivals if wanted(r, row, known, options)]
        if options.rivals != "none" and not rivals and (options.rivals == "missing" or options.columns):
            measured = any(side == "ours" for side, _ in known.get(row.id, {}))
            if measured:
                continue
        for job in jobs(row, rivals, known, options):
            cost = sum(expected(known, row, side, c) for _, side, c in job)
            if piece and load + cost > options.piece:
                run_through(piece, store, options, session)
                known, load, piece = store.newest(), 0.0, []
                if options.until and time.strftime("%H:%M") >= options.until:
                    print(f"# it is {options.until}: the rows from {row.id} on are left", file=sys.stderr)
                    return
            piece += job
            load += cost
    if piece:
        run_through(piece, store, options, session)


def jobs(row, rivals, known, options):
    """The row's commands in turns, cut where one piece would be too long."""
    ours = [(row, "ours", c) for c in row.ours]
    if not rivals:
        return [ours + ours]
    out, job, load = [], list(ours), sum(expected(known, row, "ours", c) for c in row.ours)
    for k, rival in enumerate(rivals):
        cost = expected(known, row, "rivals", rival)
        if len(job) > len(ours) and load + cost > options.piece:
            out.append(job + ours)
            job, load = list(ours), 0.0
        elif k and k % 3 == 0:
            job = job + ours
        job.append((row, "rivals", rival))
        load += cost
    return out + [job + ours]


def run_through(jobs, store, options, session):
    """One piece: the commands run in a process of their own, through the command that the user gave."""
    path = os.path.join(options.out, f"piece-{os.getpid()}.json")
    commands = [
        dict(row=row.id, side=side, name=c.name, argv=full_argv(c, row, side, options), ranks=c.ranks, limit=options.limit)
        for row, side, c in jobs
    ]
    with open(path, "w") as file:
        json.dump(dict(seconds=options.piece * 1.05, commands=commands), file)
    subprocess.run(
        options.through + [sys.executable, os.path.dirname(os.path.abspath(__file__)), "piece", path],
        check=False,
        stdin=subprocess.DEVNULL,
    )
    with open(path) as file:
        done = json.load(file)["commands"]
    os.remove(path)
    for command in done:
        if "output" not in command:
            print(f"# {command['row']}: {command['name']} was left for another time", file=sys.stderr)
            continue
        records = [json.loads(line) for line in command["output"].splitlines() if line.startswith("{")]
        store.add(
            dict(
                row=command["row"],
                side=command["side"],
                command=command["name"],
                session=session,
                when=time.strftime("%Y-%m-%d %H:%M"),
                commit=options.commit if command["side"] == "ours" else None,
                seconds=round(command["seconds"], 2),
                records=records,
            )
        )
        best = min((r["solve_seconds_median"] for r in records if "solve_seconds_median" in r), default=None)
        note = "" if command["status"] == 0 and records else f"   status {command['status']}: {command['errors'].strip()[-300:]}"
        print(
            f"{command['row']:45s} {command['side']:7s} {command['name']:40s} {'-' if best is None else format(best, '.4g')} s ({command['seconds']:.1f} s){note}",
            flush=True,
        )


def expected(known, row, side, command):
    """Seconds, about, that the command will take."""
    entries = known.get(row.id, {}).get((side, command.name))
    if entries:
        return entries[-1]["seconds"] + 0.2
    if side == "ours":
        return {"product": 0.4, "dense": 6, "direct": 4}.get(row.group, 2)
    if row.group in ("product", "dense"):
        return {"product": 1.5, "dense": 20}[row.group]
    return 30 if "jax" in command.name else 2 + 4 * max(1, row.m / 8)


def wanted(rival, row, known, options):
    """Not measured twice, not what one thread has told, and not what the narrower row has shown to be slow."""
    measured = known.get(row.id, {}).get(("rivals", rival.name))
    if options.rivals == "missing" and measured:
        return False
    if rival.single and row.threads > 1:
        return False
    if options.rivals == "fastest" or row.base:
        reference = known.get(row.id if options.rivals == "fastest" else row.base, {})
        times = {
            name: min((r["solve_seconds_median"] for e in entries for r in e["records"]), default=None)
            for (side, name), entries in reference.items()
            if side == "rivals"
        }
        valid = [t for t in times.values() if t]
        mine = times.get(rival.name)
        if (
            valid
            and not (rival.named and options.rivals != "fastest")
            and (mine is None or mine > (1.5 if options.rivals == "fastest" else 2) * min(valid))
        ):
            return False
    return True
