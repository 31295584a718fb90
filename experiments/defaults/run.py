#!/usr/bin/env python3
"""Searches with nothing but data and bounds given, and what a user gets from their front; see README.md."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))
from munas_runs import Table, arguments, line_plot

HERE = Path(__file__).resolve().parent

# Name: data, bounds as flags, and what was to be reached: accuracy, and bounds within which another accuracy is wanted.
ROWS = {
    "uci-har": ("uci-har", ["10.8KB", "19.3KB", "53.1k"], 94.5),
    "uci-har, 1 KB": ("uci-har", ["1KB", "1KB", "10k"], 93.4),
    "optdigits": ("optdigits", ["1KB", "2KB", None], 98.0),
    "photos": ("images:{photos}", ["16KB", "16KB", None], 85.0),
    "spoken digits": ("audio:{fsdd}", ["16KB", "16KB", None], 96.0),
    "fashion-mnist": ("fashion-mnist", ["8KB", "16KB", None], 91.0),
    "mnist, 1 KB": ("mnist", ["1KB", "1KB", "60k"], 98.5),
    "mnist, published bounds": ("mnist", ["488", "480", "28.6k"], 97.5),
    "cifar10-binary": ("cifar10-binary", ["909", "685", "41.2k"], 73.0),
}
FLAGS = ["--max-peak-memory", "--max-model-size", "--max-macs"]
OBJECTIVES = ["peak_memory", "model_size", "macs"]


def run(options, *arguments):
    # A check in TensorFlow Lite Micro of ten thousand samples is another experiment's.
    environment = {**os.environ, "MUNAS_PYTHON": "/nonexistent"}
    done = subprocess.run([options.munas, *arguments], capture_output=True, text=True, env=environment)
    if done.returncode not in (0, 1):
        print(done.stderr.strip()[-300:], *arguments)
    return done.stdout


def search(options, name, seed):
    """Runs a search; returns the row of the table."""
    data, bounds, _ = ROWS[name]
    source = data.format(photos=options.photos, fsdd=options.fsdd)
    folder = Path(options.work) / f"{name.replace(' ', '-').replace(',', '')}-{seed}"
    if not folder.exists():
        command = ["search", "--data", source, "--data-dir", options.data_dir, "--seed", str(seed)]
        command += ["--time", f"{options.minutes}m", "--out", str(folder)]
        for flag, bound in zip(FLAGS, bounds):
            command += [flag, bound] if bound else []
        run(options, *command)
    front = json.loads(run(options, "front", str(folder), "--json") or "[]")
    status = json.loads(run(options, "status", str(folder), "--json"))
    if not front:
        return None
    best = min(front, key=lambda trial: (trial["objective_error"], trial["model_size"]))
    checked = json.loads(run(options, "verify", str(folder), str(best["trial"]), "--samples", "1000000", "--json"))
    majority = majority_error(options, source, folder)
    beaten = sum(error < majority for error in errors_of(folder))
    return {
        "trials": status["done"],
        "failed": status["failed"],
        "in_bounds": status["in_bounds"],
        "beat_majority": beaten,
        "validation_error": best["val_error"],
        "validation_stderr": best["val_stderr"],
        "test_error": best["test_error"],
        "test_error_int8": checked["host_error"],
        **{objective: best[objective] for objective in OBJECTIVES},
        "lowest_test_error": min(trial["test_error"] for trial in front),
    }


def journal_rows(folder, query):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(folder / "journal.db")) as journal:
        return journal.execute(query).fetchall()


def errors_of(folder):
    return [row[0] for row in journal_rows(folder, "SELECT validation_error FROM trial WHERE state = 'done'")]


def majority_error(options, source, folder):
    """The error of always answering the class that the validation part has most of."""
    counts = journal_rows(folder, "SELECT counts FROM confusion WHERE part = 'validation' LIMIT 1")
    if not counts:
        return 1.0
    matrix = json.loads(counts[0][0])
    sizes = [sum(row) for row in matrix]
    return 1 - max(sizes) / max(1, sum(sizes))


def report(table, options):
    print("| data | bounds | trials, within, better than the majority class | chosen by validation: test error in int8 | size of it | goal |")
    print("|---|---|---|---|---|---|")
    for name, (_, bounds, goal) in ROWS.items():
        for row in table.select(row=name):
            percent = lambda key: f"{100 * float(row[key]):.1f} %"
            size = f"{row['peak_memory']} B / {row['model_size']} B / {row['macs']}"
            trials = f"{row['trials']}, {row['in_bounds']}, {row['beat_majority']}"
            limits = " / ".join(bound or "–" for bound in bounds)
            print(f"| {name} | {limits} | {trials} | {percent('test_error_int8')} | {size} | {100 - goal:.1f} % |")
    bars = {"goal": [], "reached": []}
    for name, (_, _, goal) in ROWS.items():
        for row in table.select(row=name)[:1]:
            bars["goal"].append((name, 100 - goal))
            bars["reached"].append((name, 100 * float(row["test_error_int8"])))
    line_plot(HERE / "plot.svg", [("only the bounds given", "", "test error in int8, in %", bars)], columns=1)


def main():
    parser = arguments(__doc__)
    parser.add_argument("--work", default="/tmp/munas-defaults", help="a folder for the runs")
    parser.add_argument("--minutes", type=float, default=10, help="of each search")
    parser.add_argument("--photos", default="photos", help="a folder of photographs of digits, a folder per class")
    parser.add_argument("--fsdd", default="fsdd", help="the folder of the Free Spoken Digit Dataset, a folder per class")
    parser.add_argument("--rows", nargs="*", default=list(ROWS), help="which rows")
    options = parser.parse_args()
    values = ["trials", "failed", "in_bounds", "beat_majority", "validation_error", "validation_stderr", "test_error"]
    values += ["test_error_int8", *OBJECTIVES, "lowest_test_error"]
    table = Table(HERE / "results.csv", ["row", "seed", "minutes"], values)
    for seed in range(options.seeds):
        for name in options.rows:
            if options.plot_only or table.has(row=name, seed=seed, minutes=options.minutes):
                continue
            if row := search(options, name, seed):
                table.add(row=name, seed=seed, minutes=options.minutes, **row)
    report(table, options)


if __name__ == "__main__":
    main()
