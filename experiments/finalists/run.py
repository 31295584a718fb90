#!/usr/bin/env python3
"""How networks of a front are best trained anew: longer, from a teacher, with quantised last epochs; see README.md."""

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean

sys.path.append(str(Path(__file__).resolve().parent.parent))
from munas_runs import FIGURES, Table, arguments, complete, figures, line_plot, summary, train
from tasks import PLAIN, TASKS, keys_of

HERE = Path(__file__).resolve().parent

# Of a front under tight bounds no network is much larger than the finalists: "own" is a teacher of the network's own architecture,
# trained as in a search.
SETTINGS = {
    "x1": PLAIN,
    "x3": PLAIN | {"longer": 3},
    "x10": PLAIN | {"longer": 10},
    "x3, teacher 0.3": PLAIN | {"longer": 3, "distillation": (0.3, 1.0)},
    "x3, teacher 1, T 3": PLAIN | {"longer": 3, "distillation": (1.0, 3.0)},
    "x3, own kind 1, T 3": PLAIN | {"longer": 3, "distillation": (1.0, 3.0), "teacher": "own"},
    "x3, int8 0.1": PLAIN | {"longer": 3, "quantised": 0.1},
    "x3, int8 0.3": PLAIN | {"longer": 3, "quantised": 0.3},
}


def teacher_of(options, task, folder, which):
    """The file of the trained teacher of a task, the large one trained three times as long as in a search."""
    kind, data, student, architecture = TASKS[task]
    out = folder / (data if which == "large" else task.replace(" ", "-"))
    setting = SETTINGS["x3" if which == "large" else "x1"]
    architecture = architecture if which == "large" else student
    if not (out / "model.safetensors").exists():
        path = folder / "teacher.json"
        path.write_text(json.dumps(architecture))
        command = [options.munas, "train", "--space", kind, "--arch", str(path), "--data", data, "--json"]
        command += ["--data-dir", options.data_dir, "--seed", "99", "--out", str(out)]
        for key, value in keys_of(setting, data, None).items():
            command += ["--set", f"{key}={json.dumps(value)}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        result = json.loads(done.stdout)
        print(f"{which} teacher of {task}: {result['model_size']} B, test error {100 * result['test_error']:.2f} %")
    return out / "model.safetensors"


def compute(options, table, folder):
    """Adds what is missing."""
    start = time.monotonic()
    for seed in range(options.seeds):
        for task, (kind, data, architecture, _) in TASKS.items():
            for name, setting in SETTINGS.items():
                key = {"task": task, "setting": name, "seed": seed}
                if table.has(**key):
                    continue
                if time.monotonic() - start > options.time:
                    return
                teacher = teacher_of(options, task, folder, setting["teacher"]) if setting["distillation"] else None
                keys = keys_of(setting, data, teacher)
                result = train(options, kind, architecture, data, keys, seed)
                if result is None:
                    continue
                table.add(**key, **figures(result))


def report(table):
    """Prints the table of README.md and draws the plot."""
    for task in TASKS:
        sizes = {row["size"] for row in table.select(task=task)}
        print(f"\n{task} ({', '.join(sorted(sizes))} B)")
        for name in SETTINGS:
            rows = table.select(task=task, setting=name)
            of = lambda column: summary([row[column] for row in rows])
            print(f"  {name:20} test int8 {of('test_int8'):12} float {of('test'):12} val. int8 {of('validation_int8')}")
    print("\nrelative to x1, mean over the networks: test error in int8, seconds")
    for name in SETTINGS:
        ratios = {"test_int8": [], "seconds": []}
        for task in TASKS:
            for column, found in ratios.items():
                of = lambda setting: [float(row[column]) for row in table.select(task=task, setting=setting)]
                if of(name) and of("x1"):
                    found.append(mean(of(name)) / mean(of("x1")))
        if ratios["test_int8"]:
            print(f"  {name:20} {mean(ratios['test_int8']):.2f}   {mean(ratios['seconds']):.1f}")
    panels = []
    for data in dict.fromkeys(task[1] for task in TASKS.values()):
        lines = {}
        for task in (task for task in TASKS if TASKS[task][1] == data):
            point = lambda name: mean(100 * float(row["test_int8"]) for row in table.select(task=task, setting=name))
            lines[task] = [(name, point(name)) for name in SETTINGS if table.select(task=task, setting=name)]
        panels.append((data, "", "test error in int8, %", lines))
    line_plot(HERE / "plot.svg", panels, columns=1)


def main():
    options = arguments(__doc__).parse_args()
    table = Table(HERE / "results.csv", ["task", "setting", "seed"], FIGURES)
    complete(options, table, compute)
    report(table)


if __name__ == "__main__":
    main()
