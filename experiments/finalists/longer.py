#!/usr/bin/env python3
"""How long networks of a front are best trained anew, alone and from a teacher of their own size; see README.md."""

import sys
import threading
import time
from multiprocessing.pool import ThreadPool
from pathlib import Path
from statistics import mean

sys.path.append(str(Path(__file__).resolve().parent.parent))
from munas_runs import FIGURES, Table, arguments, complete, figures, line_plot, summary, train
from run import teacher_of
from tasks import MANY_SAMPLES, PLAIN, TASKS as FEW_SAMPLES, keys_of

HERE = Path(__file__).resolve().parent
TASKS = FEW_SAMPLES | MANY_SAMPLES
FACTORS = [1, 3, 10, 30]
# Those of a search at that time.
RANGES = {"int8.calibration": "min-max"}


def settings_of(task):
    """The settings that a task is trained with: each length alone, and from a teacher where there may be one."""
    alone = {f"x{factor}": PLAIN | {"longer": factor} for factor in FACTORS}
    taught = {f"x{factor}, taught": PLAIN | {"longer": factor, "distillation": (1.0, 3.0), "teacher": "own"}
              for factor in FACTORS if factor > 1}
    return alone | (taught if TASKS[task][3] else {})


def compute(options, table, folder):
    """Adds what is missing, the shortest first, some trainings at a time."""
    lock, start = threading.Lock(), time.monotonic()

    def add(job):
        factor, seed, task, name = job
        setting = settings_of(task)[name]
        if time.monotonic() - start > options.time:
            return
        kind, data, architecture, _ = TASKS[task]
        with lock:
            teacher = teacher_of(options, task, folder, "own") if setting["distillation"] else None
        result = train(options, kind, architecture, data, keys_of(setting, data, teacher) | RANGES, seed)
        if result is not None:
            with lock:
                table.add(task=task, setting=name, seed=seed, **figures(result))

    jobs = [(setting["longer"], seed, task, name) for task in TASKS for name, setting in settings_of(task).items()
            for seed in range(options.seeds) if not table.has(task=task, setting=name, seed=seed)]
    with ThreadPool(options.workers) as pool:
        pool.map(add, sorted(jobs), chunksize=1)


def report(table):
    """Prints the table of README.md and draws the plot."""
    panels = []
    for column, title in (("test", "test, in floats"), ("test_int8", "test, in int8")):
        lines = {}
        print(f"\n| {title} | " + " | ".join(f"× {factor}" for factor in FACTORS) + " |")
        print("|---" * (1 + len(FACTORS)) + "|")
        for task in TASKS:
            for kind in ("", ", taught"):
                rows = [table.select(task=task, setting=f"x{factor}{kind}") for factor in FACTORS]
                if not any(rows):
                    continue
                cells = [summary([row[column] for row in found]) for found in rows]
                print(f"| {task}{kind} | " + " | ".join(cells) + " |")
                lines[task + kind] = [(f"× {factor}", 100 * mean(float(row[column]) for row in found))
                                      for factor, found in zip(FACTORS, rows) if found]
        panels.append((title, "epochs, as a multiple of those of a search", "error, %", lines))
    print("\nrelative to x3 alone, mean over the networks of few samples: test in floats, in int8")
    for name in settings_of("digits 2 KB"):
        ratios = []
        for column in ("test", "test_int8"):
            of = lambda task, setting: mean(float(row[column]) for row in table.select(task=task, setting=setting))
            ratios.append(mean(of(task, name) / of(task, "x3") for task in FEW_SAMPLES))
        print(f"  {name:14} {ratios[0]:.2f}  {ratios[1]:.2f}")
    line_plot(HERE / "longer.svg", panels, columns=2)


def main():
    parser = arguments(__doc__)
    parser.add_argument("--workers", type=int, default=2, help="trainings at a time")
    options = parser.parse_args()
    table = Table(HERE / "longer.csv", ["task", "setting", "seed"], FIGURES)
    complete(options, table, compute)
    report(table)


if __name__ == "__main__":
    main()
