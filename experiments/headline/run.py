#!/usr/bin/env python3
"""Which algorithm finds the better front in equally many trained epochs? See README.md.

    cargo build --release
    python3 experiments/headline/run.py --data-dir DIR --seeds 3 --minutes 4 --parallel 2
"""

import random
import shutil
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from itertools import product
from math import log
from pathlib import Path
from statistics import mean, stdev

sys.path.append(str(Path(__file__).resolve().parent.parent))
from munas_runs import Table, arguments, exclusive_hypervolume, hypervolume, line_plot, undominated

HERE = Path(__file__).resolve().parent
KEYS = ["task", "way", "seed", "minutes"]
VALUES = ["trial", "epochs", "seconds", "error", "peak_memory", "model_size", "macs", "hypervolume"]
# Of the row that a search ends with; the rows before it are the trials that the hypervolume grew by.
END = "end"
# Options of the way, and how many seeds it has beyond those that are asked for: the claim is about the last two.
WAYS = {
    "random": (["--algorithm", "random"], 0),
    "bayes": (["--algorithm", "bayes"], 0),
    "aging as published": (["--algorithm", "aging", "--set", "search.sampling=uniform"], 0),
    "aging": (["--algorithm", "aging"], 2),
    "niche": (["--algorithm", "niche"], 2),
}
CLAIMED = "niche"
# The bounds, and the error above which a network is of no use to anyone: some four times what is possible within the bounds.
TASKS = {
    "optdigits": ({"peak_memory": 1000, "model_size": 2000}, 0.10),
    "uci-har": ({"peak_memory": 10_800, "model_size": 19_300, "macs": 53_100}, 0.25),
}
# The reference for resources, as a multiple of the bounds: at the bounds, what takes nearly all that there is would count nothing.
BEYOND_BOUNDS = 10
# What all searches have in common. The largest training would otherwise be measured, on a machine that does other things too; finalists
# are trained after the search.
COMMON = ["--workers", "1", "--trials", "1000000", "--set", "search.max_training_cost=131072", "--set", "final.share=0", "--set", "search.folds=1"]
# An error below it counts as much as this one: a wrong sample of a thousand, where a validation part has some hundreds.
LEAST_ERROR = 0.001
STEPS = 60


def search(options, task, way, seed):
    """Runs a search; returns its folder, or None where it fails."""
    folder = Path(options.work) / f"{task}-{way.replace(' ', '-')}-{seed}-{options.minutes:g}"
    shutil.rmtree(folder, ignore_errors=True)
    command = [options.munas, "search", "--out", str(folder), "--data", task, "--data-dir", options.data_dir]
    command += ["--seed", str(seed), "--time", f"{round(60 * options.minutes)}s", *COMMON, *WAYS[way][0]]
    for objective, bound in TASKS[task][0].items():
        command += [f"--max-{objective.replace('_', '-')}", str(bound)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 or not (folder / "journal.db").exists():
        print("failed:", " ".join(command), done.stderr.strip()[-300:], sep="\n", flush=True)
        return None
    return folder


def whole_trainings(folder):
    """What a search has of whole trainings, in the order in which they ended: (trained epochs of all trials until then, row of the
    trial). Returns these, all trained epochs, and the seconds of the search."""
    with closing(sqlite3.connect(folder / "journal.db")) as journal:
        journal.row_factory = sqlite3.Row
        begin, end = journal.execute("SELECT min(started_ms), max(ended_ms) FROM session").fetchone()
        rows = {row["id"]: row for row in journal.execute("SELECT * FROM trial")}
        results = journal.execute("SELECT trial, epochs, error FROM result ORDER BY arrival").fetchall()
    total, trained, whole = 0, {}, []
    for trial, epochs, error in results:
        total += epochs - trained.get(trial, 0)
        trained[trial] = epochs
        row = dict(rows[trial])
        if row["state"] == "done" and epochs == row["trained_epochs"]:
            # The other folds are trained from scratch; the journal has the epochs of the first one.
            total += (max(1, row["folds"] or 1) - 1) * epochs
        # A trial that rests, or was promoted but not to the end, has no whole training.
        if row["state"] == "done" and epochs == row["epochs"] and error is not None:
            whole.append((total, row | {"error": error, "seconds": (row["finished_ms"] - begin) / 1000}))
    return whole, total, (end - begin) / 1000


def point_of(task, row):
    """Logarithms of error and bounded resources."""
    return (log(max(row["error"], LEAST_ERROR)), *(log(max(row[name], 1)) for name in TASKS[task][0]))


def reference_of(task):
    bounds, useless = TASKS[task]
    return (log(useless), *(log(BEYOND_BOUNDS * bound) for bound in bounds.values()))


def growth(task, folder):
    """The rows of the table for a search: a trial each that the hypervolume grew by, and the end."""
    whole, epochs, seconds = whole_trainings(folder)
    front, volume, rows = [], 0.0, []
    for total, row in whole:
        point = point_of(task, row)
        gain = exclusive_hypervolume(point, front, reference_of(task))
        if gain > 1e-9:
            volume += gain
            front = undominated([*front, point])
            rows.append({name: row[name] for name in ("error", "peak_memory", "model_size", "macs")} | {
                "trial": row["id"], "epochs": total, "seconds": round(row["seconds"], 2), "hypervolume": round(volume, 5),
            })
    rest = dict.fromkeys(("error", "peak_memory", "model_size", "macs"), "")
    return [*rows, rest | {"trial": END, "epochs": epochs, "seconds": round(seconds, 2), "hypervolume": round(volume, 5)}]


def measure(options, table):
    """Runs what is missing, in an order in which every way has its first seeds early."""
    seeds = options.seeds + max(more for _, more in WAYS.values())
    missing = [
        (task, way, seed)
        for seed in range(seeds)
        for task in TASKS
        for way, (_, more) in WAYS.items()
        if seed < options.seeds + more and chosen(options, task, way)
        and not table.has(task=task, way=way, seed=seed, minutes=options.minutes)
    ]
    begin = time.monotonic()

    def run(task, way, seed):
        if time.monotonic() - begin > options.time:
            return None
        folder = search(options, task, way, seed)
        return folder and growth(task, folder)

    with ThreadPoolExecutor(options.parallel) as pool:
        jobs = {pool.submit(run, *job): job for job in missing}
        for job in as_completed(jobs):
            task, way, seed = jobs[job]
            for row in job.result() or []:
                table.add(task=task, way=way, seed=seed, minutes=options.minutes, **row)
            if job.result():
                print(task, way, seed, *(f"{key} {job.result()[-1][key]}" for key in ("epochs", "hypervolume")), flush=True)


def chosen(options, task, way):
    return not options.only or any(name in (task, way) for name in options.only)


def curves(table, minutes, task, way):
    """The searches of a way: a list of (epochs, seconds, hypervolume) each, from nothing to the end."""
    found = {}
    for row in table.select(task=task, way=way, minutes=minutes):
        found.setdefault(row["seed"], [(0, 0.0, 0.0)]).append(
            (int(row["epochs"]), float(row["seconds"]), float(row["hypervolume"])))
    return list(found.values())


def at(curve, axis, x):
    """The hypervolume of a search after so many epochs (axis 0) or seconds (axis 1)."""
    return max(step[2] for step in curve if step[axis] <= x)


def band(searches, axis):
    """The line of the mean, and its spread: standard deviations over the seeds, as far as all searches go."""
    end = min(curve[-1][axis] for curve in searches)
    line, spread = [], []
    for step in range(STEPS + 1):
        x = round(end * step / STEPS)
        values = [at(curve, axis, x) for curve in searches]
        middle, deviation = mean(values), stdev(values) if len(values) > 1 else 0.0
        line.append((x, middle))
        spread.append((x, middle - deviation, middle + deviation))
    return line, spread


def with_deviation(values, form="{:.2f}"):
    text = form.format(mean(values))
    return text + (" ± " + form.format(stdev(values)) if len(values) > 1 else "")


def epochs_to(curve, volume):
    """Trained epochs after which a search has so much hypervolume; None if it never has."""
    return next((epochs for epochs, _, own in curve if own >= volume), None)


def report_task(table, minutes, task):
    """Prints the tables of a task."""
    claimed = curves(table, minutes, task, CLAIMED)
    print(f"\n| {task} | searches | trained epochs | hypervolume at the end "
          f"| trained epochs of {CLAIMED} for as much: mean, by seed | share |")
    print("|---|---|---|---|---|---|")
    for way in WAYS:
        searches = curves(table, minutes, task, way)
        if not searches:
            continue
        epochs = [curve[-1][0] for curve in searches]
        volumes = [curve[-1][2] for curve in searches]
        cells = [way, len(searches), with_deviation(epochs, "{:.0f}"), with_deviation(volumes), "", ""]
        if claimed and way != CLAIMED:
            needed = [epochs_to(curve, mean(volumes)) for curve in claimed]
            each = ", ".join("never" if value is None else str(value) for value in needed)
            # A search that never gets there counts with all its epochs, which is less than it would need.
            least = mean(curve[-1][0] if value is None else value for value, curve in zip(needed, claimed))
            cells[4:] = [f"{'at least ' if None in needed else ''}{least:.0f} ({each})", f"{least / mean(epochs):.2f}"]
        print("| " + " | ".join(map(str, cells)) + " |")


def report(table, minutes):
    panels = []
    for task in TASKS:
        report_task(table, minutes, task)
        for axis, label in enumerate(["trained epochs", "seconds"]):
            lines, spreads = {}, {}
            for way in WAYS:
                if searches := curves(table, minutes, task, way):
                    lines[way], spreads[way] = band(searches, axis)
            panels.append((task, label, "hypervolume", lines, spreads))
    line_plot(HERE / "plot.svg", panels)


def self_test():
    """Compares the exact hypervolume with a count of unit cells, for points with whole coordinates."""
    draw = random.Random(0)
    for case in range(300):
        dimensions, side = 1 + case % 4, 5
        points = [tuple(draw.randint(0, side) for _ in range(dimensions)) for _ in range(draw.randint(0, 9))]
        cells = product(range(side), repeat=dimensions)
        counted = sum(any(all(a <= b for a, b in zip(point, cell)) for point in points) for cell in cells)
        reference = (side,) * dimensions
        assert hypervolume(points, reference) == counted, (points, counted)
        grown, front = 0.0, []
        for point in points:
            grown += exclusive_hypervolume(point, front, reference)
            front = undominated([*front, point])
        assert grown == counted, (points, grown, counted)
    print("the hypervolume is that of a count of cells, 300 times")


def main():
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--work", default="/tmp/munas-headline", help="a folder for the runs")
    parser.add_argument("--minutes", type=float, default=4, help="of each search")
    parser.add_argument("--parallel", type=int, default=1, help="searches side by side, with one worker each")
    parser.add_argument("--only", nargs="*", help="tasks or ways; all of them without it")
    parser.add_argument("--self-test", action="store_true", help="check the hypervolume, and end")
    parser.set_defaults(seeds=3)
    if "--self-test" in sys.argv:
        return self_test()
    options = parser.parse_args()
    table = Table(HERE / "results.csv", KEYS, VALUES)
    if not options.plot_only:
        Path(options.work).mkdir(parents=True, exist_ok=True)
        measure(options, table)
    report(table, options.minutes)


if __name__ == "__main__":
    main()
