#!/usr/bin/env python3
"""Searches with nothing but data, bounds and a time, against what is to be reached; see README.md.

    cargo build --release
    python3 experiments/goals/run.py --data-dir DIR --photos DIR --fsdd DIR --minutes 15 --seeds 3
"""

import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from statistics import mean, stdev

sys.path.append(str(Path(__file__).resolve().parent.parent))
from munas_runs import Table, arguments, line_plot

HERE = Path(__file__).resolve().parent
RESOURCES = ["peak_memory", "model_size", "macs"]
KEYS = ["row", "goal", "seed", "minutes", "runtime"]
VALUES = [
    "trials", "whole", "failed", "in_bounds", "trial", "finalist_seeds", "validation_error_int8", "test_error",
    "test_error_int8", "test_error_int8_mean", "test_error_int8_deviation", "peak_memory", "peak_memory_streamed",
    "model_size", "macs", "lowest_test_error",
]
# Data, bounds on peak memory, size and MACs, and goals: an accuracy in percent, and where the network has to lie for it
# (None: anywhere within the bounds). A row with several goals is searched once.
ROWS = {
    "uci-har": (["uci-har"], ["10.8KB", "19.3KB", "53.1k"], [(94.5, None), (93.4, ["1KB", "1KB", "10k"])]),
    "uci-har, 1 KB": (["uci-har"], ["1KB", "1KB", "10k"], [(93.4, None)]),
    "fashion-mnist": (["fashion-mnist"], ["8KB", "16KB", None], [(91.0, None)]),
    "mnist, 1 KB": (["mnist"], ["1KB", "1KB", "60k"], [(98.5, None)]),
    "mnist, published bounds": (["mnist"], ["488", "480", "28.6k"], [(97.5, None)]),
    "cifar10-binary": (["cifar10-binary"], ["909", "685", "41.2k"], [(73.0, None)]),
    "spoken digits": (["audio:{fsdd}", "--groups", "none"], ["16KB", "16KB", None], [(96.0, None)]),
    "spoken digits, speakers apart": (["audio:{fsdd}", "--groups", "name"], ["16KB", "16KB", None], [(85.0, None)]),
    "optdigits": (["optdigits"], ["1KB", "2KB", None], [(98.0, ["100", "1KB", None]), (98.0, None)]),
    "photos": (["images:{photos}"], ["16KB", "16KB", None], [(85.0, None)]),
}

INTERRUPTED = 130

# What the plot calls rows.
MARKS = {"uci-har": "har", "uci-har, 1 KB": "har 1K", "fashion-mnist": "clothes", "mnist, 1 KB": "digits",
         "mnist, published bounds": "d. small", "cifar10-binary": "cifar", "spoken digits": "speech",
         "spoken digits, speakers apart": "speakers", "optdigits": "8×8", "photos": "photos"}


def run(options, *words):
    """What a command of munas prints."""
    # A check in TensorFlow Lite Micro of ten thousand samples is another experiment's.
    environment = {**os.environ, "MUNAS_PYTHON": "/nonexistent"}
    done = subprocess.run([options.munas, *words], capture_output=True, text=True, env=environment)
    # Verify ends with 1 where it has nothing to compare with; a search that is interrupted, with 130.
    if done.returncode == INTERRUPTED:
        sys.exit("interrupted: the same command goes on")
    if done.returncode not in (0, 1):
        print("failed: munas", *words, done.stderr.strip()[-300:], flush=True)
    return done.stdout


def flags(limits):
    """Limits as flags of search and front."""
    names = [f"--max-{name.replace('_', '-')}" for name in RESOURCES]
    return [word for name, limit in zip(names, limits or []) if limit for word in (name, limit)]


def command(options, name, seed, folder):
    """The search of a row: data, bounds and a time. The seed repeats it. One that was interrupted goes on for the time that it
    has left."""
    (data, *grouping), bounds, _ = ROWS[name]
    seconds, end = searched(folder)
    if end == "interrupted":
        return ["resume", str(folder), "--time", f"{round(60 * options.minutes - seconds)}s", "--data-dir", options.data_dir]
    shutil.rmtree(folder, ignore_errors=True)
    source = data.format(photos=options.photos, fsdd=options.fsdd)
    words = ["search", "--data", source, *grouping, *flags(bounds), "--time", f"{round(60 * options.minutes)}s"]
    words += ["--runtime", options.runtime]
    # Where named data are, and whatever else is asked for on the command line of this script.
    return [*words, "--data-dir", options.data_dir, "--seed", str(seed), "--out", str(folder), *options.also]


def choose(front):
    """The network of a front that its user would take, by validation errors in int8 alone: the mean over the trainings of a
    finalist, where there are some, else that of the trial and its standard error, since it may be the luckiest of many."""
    def error(trial):
        refined = trial.get("refined") or {}
        if refined.get("seeds", 0) > 1 and refined["in_bounds"]:
            return refined["objective_error"]["mean"]
        measured = trial["objective_error"] if trial["int8_error"] is None else trial["int8_error"]
        return measured + (trial["val_stderr"] or 0)

    return min(front, key=lambda trial: (error(trial), trial["model_size"]), default=None)


def searched(folder):
    """The seconds for which the sessions of a run have searched, and why the last one ended; 0 and nothing if there is none."""
    if not (folder / "journal.db").exists():
        return 0, None
    with closing(sqlite3.connect(folder / "journal.db")) as journal:
        sessions = journal.execute("SELECT coalesce(ended_ms - started_ms, 0), end_reason FROM session ORDER BY id").fetchall()
    return sum(duration for duration, _ in sessions) / 1000, sessions[-1][1] if sessions else None


def result(options, folder, limits):
    """The row of the table for a goal; None where no network is within its limits."""
    front = [trial for trial in json.loads(run(options, "front", str(folder), *flags(limits), "--json") or "[]")
             if trial["in_bounds"]]
    chosen = choose(front)
    if chosen is None:
        return None
    # The network that is exported, on the whole test part, by the executor that firmware agrees with to the bit.
    checked = json.loads(run(options, "verify", str(folder), str(chosen["trial"]), "--samples", "1000000", "--json") or "{}")
    refined = chosen.get("refined") or {}
    over_seeds = refined.get("int8_test_error") or {}
    of_trial = {name: chosen[name] for name in ("trial", "test_error", "peak_memory", "peak_memory_streamed", *RESOURCES[1:])}
    # What pruning has left of a finalist is its own.
    of_trial |= {name: refined[name] for name in RESOURCES[1:] if refined.get(name) is not None}
    validation = refined.get("objective_error") or {"mean": chosen["int8_error"]}
    return counts(folder) | of_trial | {
        "finalist_seeds": refined.get("seeds", 0),
        "validation_error_int8": validation["mean"],
        "test_error_int8": checked.get("host_error", ""),
        "test_error_int8_mean": over_seeds.get("mean", ""),
        "test_error_int8_deviation": over_seeds.get("deviation", ""),
        "lowest_test_error": min(trial["test_error"] for trial in front),
        "in_bounds": json.loads(run(options, "status", str(folder), "--json"))["in_bounds"],
    }


def counts(folder):
    """Trials with a result, those of them that were trained in full, and those that failed."""
    with closing(sqlite3.connect(folder / "journal.db")) as journal:
        query = ("SELECT coalesce(sum(validation_error IS NOT NULL), 0), coalesce(sum(trained_epochs = epochs), 0), "
                 "coalesce(sum(state = 'failed'), 0) FROM trial")
        return dict(zip(("trials", "whole", "failed"), journal.execute(query).fetchone()))


def measure(options, table):
    """Runs what is missing: a search for each row and seed, whose results are read for each of its goals."""
    begin = time.monotonic()
    for seed in range(options.seeds):
        for name in options.only:
            goals = ROWS[name][2]
            of_all = {"row": name, "seed": seed, "minutes": options.minutes, "runtime": options.runtime}
            missing = [goal for goal in goals if not table.has(goal=label(goal), **of_all)]
            if not missing or time.monotonic() - begin > options.time:
                continue
            folder = Path(options.work) / f"{folder_name(name)}-{options.runtime}-{seed}-{options.minutes:g}"
            if searched(folder)[1] != "time":
                words = command(options, name, seed, folder)
                print("munas", *words, flush=True)
                run(options, *words)
            if not (folder / "journal.db").exists():
                continue
            for goal in missing:
                row = result(options, folder, goal[1]) or dict.fromkeys(VALUES, "") | counts(folder)
                table.add(goal=label(goal), **of_all, **row)


def folder_name(name):
    """What the folders of a row's runs begin with."""
    return re.sub("[^a-z0-9]+", "-", name)


def label(goal):
    """A goal in words: the error to reach, and the limits for it."""
    accuracy, limits = goal
    return f"{100 - accuracy:.1f} %" + (" within " + " / ".join(limit or "–" for limit in limits) if limits else "")


def with_deviation(values):
    values = [100 * float(value) for value in values]
    return f"{mean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "") + " %"


def report(table, options):
    print("| data | bounds | goal | seeds | trials, in full, within the bounds | error in int8, test | on average of a finalist's trainings "
          "| validation | peak memory, in rows / size / MACs | reached |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    bars = {"goal": [], "reached": []}
    for name, (_, bounds, goals) in ROWS.items():
        for goal in goals:
            rows = table.select(row=name, goal=label(goal), minutes=options.minutes, runtime=options.runtime)
            found = [row for row in rows if row["test_error_int8"]]
            if not rows:
                continue
            cells = [name, " / ".join(bound or "–" for bound in bounds), label(goal), len(rows),
                     ", ".join("/".join(row[key] or "–" for row in rows) for key in ("trials", "whole", "in_bounds"))]
            if not found:
                print("| " + " | ".join(map(str, [*cells, "none", "", "", "", "no"])) + " |")
                continue
            errors = [row["test_error_int8"] for row in found]
            over = [row["test_error_int8_mean"] for row in found if row["test_error_int8_mean"]]
            sizes = "; ".join(f"{row['peak_memory']} B, {row['peak_memory_streamed'] or '–'} B / {row['model_size']} B / {row['macs']}"
                              for row in found)
            error = mean(map(float, errors))
            reached = len(found) == len(rows) and 100 * error <= 100 - goal[0] + 1e-9
            cells += [with_deviation(errors), with_deviation(over) if over else "–",
                      with_deviation([row["validation_error_int8"] for row in found]), sizes, "yes" if reached else "no"]
            print("| " + " | ".join(map(str, cells)) + " |")
            place = MARKS[name] + ("*" if goal[1] else "")
            bars["goal"].append((place, 100 - goal[0]))
            bars["reached"].append((place, 100 * error))
    line_plot(HERE / "plot.svg", [(f"{options.minutes:g} minutes, only the bounds given, runtime {options.runtime}", "", "test error in int8, in %", bars)],
              columns=1)


def main():
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--work", default="/tmp/munas-goals", help="a folder for the runs")
    parser.add_argument("--minutes", type=float, default=15, help="of each search")
    parser.add_argument("--runtime", choices=["streamed", "layers"], default="streamed",
                        help="what the bound of peak memory counts: streamed is what munas's own firmware needs")
    parser.add_argument("--photos", default="photos", help="a folder of photographs of digits, a folder per class")
    parser.add_argument("--fsdd", default="fsdd", help="all recordings of the Free Spoken Digit Dataset, a folder per class")
    parser.add_argument("--only", nargs="*", choices=list(ROWS), default=list(ROWS), metavar="ROW", help="which rows")
    parser.add_argument("--also", type=shlex.split, default=[], help="further words for munas search: --also='--workers 2'")
    parser.set_defaults(seeds=1)
    options = parser.parse_args()
    table = Table(HERE / "results.csv", KEYS, VALUES)
    if not options.plot_only:
        Path(options.work).mkdir(parents=True, exist_ok=True)
        measure(options, table)
    report(table, options)


if __name__ == "__main__":
    main()
