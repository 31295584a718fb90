#!/usr/bin/env python3
"""Random search under hard bounds with three ways of drawing architectures; see README.md."""

import shutil
import sys
import time
from math import log
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))
from munas_runs import Table, arguments, hypervolume, line_plot, trials

HERE = Path(__file__).resolve().parent
OBJECTIVES = ["peak_memory", "model_size", "macs"]
WAYS = {
    "uniform": ["search.sampling=uniform", "space.bounds={uniform}"],
    "log widths": ["search.sampling=uniform", "space.bounds={wide}"],
    "target first": ["search.sampling=target", "space.bounds={wide}"],
}
TASKS = {
    "mnist": dict(kind="cnn2d", uniform="munas-2020", wide="wide", bounds=[2500, 4500, 1_000_000], majority=0.888),
    "uci-har": dict(kind="cnn1d", uniform="munas-2020-1d", wide="wide-1d", bounds=[10800, 19300, 53100], majority=0.80),
}


def search(options, task, way, seed):
    """Runs a random search; returns its trials in the order of their results, and its seconds."""
    facts = TASKS[task]
    folder = Path(options.work) / f"{task}-{way.replace(' ', '-')}-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    settings = [setting.format(**facts) for setting in WAYS[way]] + [
        "search.algorithm=random", "search.folds=1", "search.workers=1", f"train.epochs={options.epochs}",
        f"data.subset={options.samples}", f"space.kind={facts['kind']}",
    ]
    command = ["--data", task, "--data-dir", options.data_dir, "--seed", str(seed)]
    command += ["--trials", str(options.trials), "--time", f"{options.minutes}m"]
    for flag, bound in zip(["--max-peak-memory", "--max-model-size", "--max-macs"], facts["bounds"]):
        command += [flag, str(bound)]
    for setting in settings:
        command += ["--set", setting]
    begin = time.monotonic()
    rows = [row for row in trials(options, command, folder) if row["state"] == "done"]
    return rows, time.monotonic() - begin


def coordinates(task, row):
    """Logarithms of error and resources as shares of their bounds, from 0 (a hundredth) to 1 (the bound)."""
    bounds = [TASKS[task]["majority"], *TASKS[task]["bounds"]]
    values = [max(float(row["validation_error"]), 0.01), *(float(row[name]) for name in OBJECTIVES)]
    return [1 + log(value / bound) / log(100) for value, bound in zip(values, bounds)]


def volume(task, rows):
    points = (coordinates(task, row) for row in rows)
    return hypervolume([[max(value, 0.0) for value in point] for point in points], [1.0] * 4)


def report(table):
    panels = []
    for task, facts in TASKS.items():
        series = {}
        print(f"| {task} | trials | within the bounds | better than the majority class | least error | hypervolume | refused draws per trial |")
        print("|---|---|---|---|---|---|---|")
        for way in WAYS:
            rows = table.select(task=task, way=way)
            if not rows:
                continue
            within = sum(all(int(row[name]) <= bound for name, bound in zip(OBJECTIVES, facts["bounds"])) for row in rows)
            errors = [float(row["validation_error"]) for row in rows]
            better = sum(error < facts["majority"] - 0.05 for error in errors)
            seeds = sorted({row["seed"] for row in rows})
            runs = [table.select(task=task, way=way, seed=seed) for seed in seeds]
            least = sum(min(float(row["validation_error"]) for row in run) for run in runs) / len(runs)
            volumes = sum(volume(task, run) for run in runs) / len(runs)
            refused = sum(int(row["refused"]) for row in rows) / len(rows)
            share = lambda count: f"{100 * count / len(rows):.0f} %"
            print(f"| {way} | {len(rows)} | {share(within)} | {share(better)} | {100 * least:.1f} % | {volumes:.3f} | {refused:.0f} |")
            steps = range(1, min(map(len, runs)) + 1)
            series[way] = [(step, round(sum(volume(task, run[:step]) for run in runs) / len(runs), 4)) for step in steps]
        panels.append((task, "trials", "hypervolume", series))
    line_plot(HERE / "plot.svg", panels)


def main():
    parser = arguments(__doc__)
    parser.add_argument("--work", default="/tmp/munas-sampling", help="a folder for the runs")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--minutes", type=float, default=3, help="of each search at most")
    options = parser.parse_args()
    table = Table(
        HERE / "results.csv", ["task", "way", "seed", "trial"],
        ["validation_error", "test_error", *OBJECTIVES, "refused", "seconds"],
    )
    for seed in range(options.seeds):
        for task in TASKS:
            for way in WAYS:
                if options.plot_only or table.select(task=task, way=way, seed=seed):
                    continue
                rows, seconds = search(options, task, way, seed)
                print(task, way, seed, len(rows), "trials", round(seconds), "s", flush=True)
                for row in rows:
                    refused = sum(row[f"refused_{why}"] for why in ("hard", "soft", "duplicates", "training"))
                    values = {name: row[name] for name in ["validation_error", "test_error", *OBJECTIVES]}
                    table.add(task=task, way=way, seed=seed, trial=row["id"], refused=refused, **values,
                              seconds=round(row["train_seconds"] or 0, 2))
    report(table)


if __name__ == "__main__":
    main()
