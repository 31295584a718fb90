#!/usr/bin/env python3
"""Searches under hard bounds with pruning as published, with pruning to fit, and without; see README.md."""

import shutil
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))
from munas_runs import Table, arguments, line_plot, trials

HERE = Path(__file__).resolve().parent
OBJECTIVES = ["peak_memory", "model_size", "macs"]

EXPERIMENT = """
seed = {seed}
[data]
source = "{data}"
{subset}
[space]
kind = "{kind}"
bounds = {{ blocks = [1, 3], layers = [1, 2], kernels = [3, 5], filters = [2, 24], dense = [0, 1], units = [8, 32] }}
[train]
epochs = {epochs}
batch = 32
optimizer = "adamw"
learning_rate = 0.01
weight_decay = 1e-4
schedule = "one-cycle"
{pruning}
[bounds]
peak_memory = {peak_memory}
model_size = {model_size}
macs = {macs}
hard = ["peak_memory", "model_size", "macs"]
[search]
algorithm = "aging"
trials = {trials}
population = 10
sample = 4
workers = 1
"""
PRUNING = """[train.pruning]
mode = "structured"
start = {start}
finish = {finish}
min_sparsity = 0.05
max_sparsity = 0.8
fit = "{fit}"
"""
WAYS = {"as published": "none", "to fit": "hard-bounds", "without": None}
TASKS = {
    "optdigits": dict(data="optdigits", kind="cnn2d", subset="", peak_memory=1500, model_size=1000, macs=50_000),
    "uci-har": dict(
        data="uci-har", kind="cnn1d", subset="subset = 2000", peak_memory=3000, model_size=1500, macs=60_000
    ),
}


def search(options, task, way, seed):
    """Runs a search; returns its trials in the order of their results."""
    fit = WAYS[way]
    epochs = options.epochs
    pruning = PRUNING.format(start=max(1, epochs // 10), finish=epochs * 6 // 10, fit=fit) if fit else ""
    text = EXPERIMENT.format(seed=seed, epochs=epochs, trials=options.trials, pruning=pruning, **TASKS[task])
    folder = Path(options.work) / f"{task}-{way.replace(' ', '-')}-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = folder.with_suffix(".toml")
    file.write_text(text)
    return trials(options, [str(file), "--data-dir", options.data_dir], folder)


def report(table):
    panels = []
    for task in TASKS:
        series = {}
        print(f"| {task} | results | of them within the bounds | best validation error | its test error | refused draws |")
        print("|---|---|---|---|---|---|")
        for way in WAYS:
            rows = table.select(task=task, way=way)
            if not rows:
                continue
            seeds = sorted({row["seed"] for row in rows})
            done = [row for row in rows if row["state"] == "done"]
            within = [row for row in done if row["within"] == "True"]
            best, curves = [], []
            for seed in seeds:
                found = [row for row in within if row["seed"] == seed]
                best += [min(found, key=lambda row: float(row["validation_error"]))] if found else []
                lowest, curve = 1.0, []
                for row in table.select(task=task, way=way, seed=seed):
                    if row["within"] == "True" and row["state"] == "done":
                        lowest = min(lowest, float(row["validation_error"]))
                    curve.append(lowest)
                curves.append(curve)
            mean = lambda name: sum(100 * float(row[name]) for row in best) / max(1, len(best))
            refused = sum(int(row["refused"]) for row in rows)
            share = f"{len(within)} ({100 * len(within) / max(1, len(done)):.0f} %)"
            errors = f"{mean('validation_error'):.1f} % | {mean('test_error'):.1f} %"
            print(f"| {way} | {len(done)} of {len(rows)} | {share} | {errors} | {refused} |")
            steps = range(min(map(len, curves)))
            means = [(step + 1, 100 * sum(curve[step] for curve in curves) / len(curves)) for step in steps]
            series[way] = [(trial, round(error, 2)) for trial, error in means if error < 60]
        panels.append((task, "trials", "lowest validation error within the bounds, in %", series))
    line_plot(HERE / "plot.svg", panels)


def main():
    parser = arguments(__doc__)
    parser.add_argument("--work", default="/tmp/munas-pruning", help="a folder for the runs")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--trials", type=int, default=16)
    options = parser.parse_args()
    columns = ["state", "within", "validation_error", "test_error", "sparsity", "target_sparsity", *OBJECTIVES]
    table = Table(HERE / "results.csv", ["task", "way", "seed", "trial"], [*columns, "refused", "seconds"])
    for seed in range(options.seeds):
        for task in TASKS:
            for way in WAYS:
                if options.plot_only or table.has(task=task, way=way, seed=seed, trial=1):
                    continue
                for trial in search(options, task, way, seed):
                    row = {name: "" if trial.get(name) is None else trial[name] for name in columns if name != "within"}
                    within = all(trial[name] <= TASKS[task][name] for name in OBJECTIVES)
                    refused = sum(trial[f"refused_{why}"] for why in ("hard", "soft", "duplicates", "training"))
                    seconds = round(trial["train_seconds"] or 0, 2)
                    key = {"task": task, "way": way, "seed": seed, "trial": trial["id"]}
                    table.add(**key, **row, within=within, refused=refused, seconds=seconds)
    report(table)


if __name__ == "__main__":
    main()
