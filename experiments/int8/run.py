#!/usr/bin/env python3
"""With which ranges of activations networks of all kinds lose least in int8; see README.md."""

import sys
import threading
import time
from multiprocessing.pool import ThreadPool
from pathlib import Path
from statistics import mean

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from munas_runs import FIGURES, Table, arguments, figures, line_plot, summary, train
from networks import separable
from tasks import MANY_SAMPLES, PLAIN, TASKS as FEW_SAMPLES, keys_of

SOUNDS = separable(12, [24, 32], pools=[1])
PICTURES = separable(12, [24, 48], pools=[1])
FACTORS = (1, 3, 10)
# Kind of space, data, the network, and how many times as long as in a search it is trained.
TASKS = {
    f"{name}, × {factor}": (*task[:3], factor)
    for name, task in (FEW_SAMPLES | MANY_SAMPLES).items() for factor in FACTORS
} | {
    "words 2 KB": ("cnn2d", "npz:{data_dir}/arabic-mfcc.npz", SOUNDS, None),
    "clothes 3 KB": ("cnn2d", "fashion-mnist", PICTURES, None),
    "photos 3 KB": ("cnn2d", "images:{photos}", PICTURES, None),
}
SETTINGS = {
    "min-max": {"int8.calibration": "min-max"},
    "99.99 %": {"int8.calibration": "percentile:99.99"},
    "99.9 %": {"int8.calibration": "percentile:99.9"},
    "99.5 %": {"int8.calibration": "percentile:99.5"},
    "least squares": {"int8.calibration": "mse"},
    "99.9 %, biases": {"int8.calibration": "percentile:99.9", "int8.bias_correction": True},
    "quantised epochs": {"int8.calibration": "min-max"},
}
QUANTISED = 0.1


def compute(options, table):
    """Adds what is missing, some trainings at a time."""
    lock, start = threading.Lock(), time.monotonic()

    def add(job):
        seed, task, name = job
        kind, data, architecture, factor = TASKS[task]
        if time.monotonic() - start > options.time:
            return
        setting = PLAIN | {"longer": factor, "quantised": QUANTISED if name == "quantised epochs" else 0.0}
        keys = keys_of(setting, data, None) if factor else {}
        source = data.format(data_dir=options.data_dir, photos=options.photos)
        result = train(options, kind, architecture, source, keys | SETTINGS[name], seed)
        if result is not None:
            with lock:
                table.add(task=task, setting=name, seed=seed, **figures(result))

    # How long a training of the recipe of other data is to be quantised is not known here.
    jobs = [(seed, task, name) for seed in range(options.seeds) for task in TASKS for name in SETTINGS
            if (TASKS[task][3] or name != "quantised epochs") and not table.has(task=task, setting=name, seed=seed)]
    with ThreadPool(options.workers) as pool:
        pool.map(add, jobs, chunksize=1)


def report(table):
    """Prints the tables of README.md and draws the plot."""
    for column, title in (("test_int8", "test"), ("validation_int8", "validation")):
        print(f"\n| {title} | in floats | " + " | ".join(SETTINGS) + " |")
        print("|---" * (2 + len(SETTINGS)) + "|")
        excess = {name: [] for name in SETTINGS}
        for task in TASKS:
            of = {name: table.select(task=task, setting=name) for name in SETTINGS}
            floats = [float(row[column.removesuffix("_int8")]) for row in of["min-max"]]
            cells = [summary([row[column] for row in of[name]]) for name in SETTINGS]
            print(f"| {task} | {summary(floats)} | " + " | ".join(cells) + " |")
            for name in SETTINGS:
                if of[name]:
                    excess[name].append(mean(float(row[column]) for row in of[name]) / mean(floats))
        print("\nin int8, as a multiple of the error in floats, mean over the tasks:")
        for name, found in excess.items():
            print(f"  {name:18} {mean(found):.3f}   at worst {max(found):.2f}")
    panels = []
    for name in FEW_SAMPLES | MANY_SAMPLES:
        point = lambda setting, factor: 100 * mean(
            float(row["test_int8"]) for row in table.select(task=f"{name}, × {factor}", setting=setting))
        lines = {setting: [(f"× {factor}", point(setting, factor)) for factor in FACTORS] for setting in SETTINGS}
        panels.append((name, "epochs, as a multiple of those of a search", "test error in int8, %", lines))
    line_plot(HERE / "plot.svg", panels)


def main():
    parser = arguments(__doc__)
    parser.add_argument("--photos", default="photos", help="a folder of photographs of digits, a folder per class")
    parser.add_argument("--workers", type=int, default=2, help="trainings at a time")
    options = parser.parse_args()
    table = Table(HERE / "results.csv", ["task", "setting", "seed"], FIGURES)
    if not options.plot_only:
        compute(options, table)
    report(table)


if __name__ == "__main__":
    main()
