#!/usr/bin/env python3
"""What changes to training samples bring small networks on series of sensors; see README.md. Needs numpy.

    cargo build --release
    python3 experiments/series/run.py --data-dir DIR --ucr DIR
"""

import gzip
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))
from munas_runs import Table, arguments, line_plot, train
from networks import separable

HERE = Path(__file__).resolve().parent
UCR = ["GunPoint", "ItalyPowerDemand", "ArrowHead", "OSULeaf", "BasicMotions"]
NETWORKS = {
    "1 KB": separable(8, [12, 20], kernel=5, pools=[1]),
    "2 KB": separable(16, [20, 28], kernel=5, pools=[1]),
    "8 KB": separable(32, [48, 64], kernel=5, pools=[1]),
}
CHANGES = {
    "none": [],
    "noise 0.1": ["noise:0.1"],
    "amplitude 0.1": ["amplitude:0.1"],
    "amplitude 0.3": ["amplitude:0.3"],
    "amplitude 0.6": ["amplitude:0.6"],
    "time 6 %": ["timeshift:6%"],
    "time 25 %": ["timeshift:25%"],
    "amplitude 0.3, time 6 %": ["amplitude:0.3", "timeshift:6%"],
    "mix-up 0.2": ["mixup:0.2"],
}
RECIPE = {"optimizer": "adamw", "schedule": "one-cycle", "learning_rate": 0.01, "norm_statistics": "re-estimated", "keep": "last"}
# Steps of a whole training in a search, and of a finalist's.
STEPS = [3000, 9000]


def settings_of(data, changes, steps):
    """The keys of an experiment."""
    settings = RECIPE | {"augment": changes, "weight_decay": 0.1 / steps}
    if data == "uci-har":
        settings |= {"batch": 32, "epochs": steps // 167, "steps_per_epoch": 167}
    else:
        settings |= {"batch": 16, "epochs": steps // 30}
    return {f"train.{key}": value for key, value in settings.items()} | {"data.normalise": "mean-std"}


def archive(folder, name, into):
    """A problem of the UCR and UEA archives as munas reads it."""
    arrays, classes = {}, None
    for part in ("TRAIN", "TEST"):
        with gzip.open(folder / f"{name}_{part}.ts.gz", "rt") as file:
            rows = [line.strip().split(":") for line in file if line.strip() and line[0] not in "#@"]
        classes = classes or sorted({row[-1] for row in rows})
        samples = [np.array([channel.split(",") for channel in row[:-1]], np.float32).T for row in rows]
        arrays[f"x_{part.lower()}"] = np.stack(samples)
        arrays[f"y_{part.lower()}"] = np.array([classes.index(row[-1]) for row in rows])
    np.savez(into / f"{name}.npz", **arrays)
    return f"npz:{into / name}.npz"


def measure(options, table):
    """Trains what is missing, two networks at a time."""
    work = Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    sources = {"uci-har": "uci-har"} | {name: archive(Path(options.ucr), name, work) for name in UCR}
    begin = time.monotonic()

    def one(plan):
        data, network, change, steps, seed = plan
        key = {"data": data, "network": network, "change": change, "steps": steps, "seed": seed}
        if table.has(**key) or time.monotonic() - begin > options.time:
            return
        found = train(options, "cnn1d", NETWORKS[network], sources[data], settings_of(data, CHANGES[change], steps), seed)
        if found:
            table.add(**key, test_error=found["test_error"])

    plans = [
        (data, network, change, steps, seed)
        for seed in range(options.seeds) for data in sources for network in NETWORKS
        for steps in (STEPS if data == "uci-har" else STEPS[:1]) for change in CHANGES
    ]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, plans))


def report(table):
    """The mean test error of each change, in percent."""
    columns = [("uci-har", steps) for steps in STEPS] + [(name, STEPS[0]) for name in UCR]
    print("| | " + " | ".join(f"{data}, {steps:,} steps" for data, steps in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for change in CHANGES:
        cells = []
        for data, steps in columns:
            rows = table.select(data=data, change=change, steps=steps)
            cells.append(f"{100 * mean(float(row['test_error']) for row in rows):.2f}" if rows else "–")
        print(f"| {change} | " + " | ".join(cells) + " |")
    panels = {"UCI-HAR": {}, "the archives": {}}
    for data, steps in columns:
        means = {change: [float(row["test_error"]) for row in table.select(data=data, change=change, steps=steps)]
                 for change in CHANGES}
        if all(means.values()) and any(means["none"]):
            line = [(short(change), mean(errors) / mean(means["none"])) for change, errors in means.items()]
            of_panel = ("UCI-HAR", f"{steps:,} steps") if data == "uci-har" else ("the archives", data)
            panels[of_panel[0]][of_panel[1]] = line
    line_plot(HERE / "plot.svg", [(name, "", "test error / without changes", lines) for name, lines in panels.items()])


def short(change):
    """A change as a mark on an axis: a for amplitude, t for time shift, n for noise, m for mix-up."""
    return "+".join(f"{part[0]}{part.split()[1]}" if " " in part else part for part in change.split(", "))


def main():
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--ucr", default="ucr-small", help="where the problems of the archives are, as NAME_TRAIN.ts.gz")
    parser.add_argument("--work", default="/tmp/munas-series", help="a folder for them as npz files")
    parser.set_defaults(seeds=4)
    options = parser.parse_args()
    table = Table(HERE / "results.csv", ["data", "network", "change", "steps", "seed"], ["test_error"])
    if not options.plot_only:
        measure(options, table)
    report(table)


if __name__ == "__main__":
    main()
