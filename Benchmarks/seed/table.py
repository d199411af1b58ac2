#!/usr/bin/env python3
"""JSON lines of `seed` and peers.py on standard input to a Markdown table: medians in microseconds over all runs."""
import json
import statistics
import sys

cells, residuals = {}, {}
for line in sys.stdin:
    if line.startswith("{"):
        record = json.loads(line)
        row = (f'{record["peer"]} {record["method"]}', record["threads"])
        column = (record["dtype"], record["n"])
        cells.setdefault(row, {}).setdefault(column, []).append(record["median_us"])
        residuals[row, column] = record["max_rel_res"]
columns = [(dtype, n) for dtype in ("float64", "float32") for n in (20, 100, 500)]


def text(row, column):
    values = cells[row].get(column)
    return f"{statistics.median(values):.4g} ({residuals[row, column]:.0e})" if values else ""


print("| threads | | " + " | ".join(f"{dtype}, n = {n}" for dtype, n in columns) + " |")
print("|---|---|" + "---|" * len(columns))
for row in sorted(cells, key=lambda row: (row[1], not row[0].startswith("BlockKrylov"))):
    print(f"| {row[1]} | {row[0]} | " + " | ".join(text(row, column) for column in columns) + " |")
