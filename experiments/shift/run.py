#!/usr/bin/env python3
"""What shifts of training pictures bring small networks where there are many pictures; see README.md.

    cargo build --release
    python3 experiments/shift/run.py --data-dir DIR
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))
from munas_runs import Table, arguments, line_plot, summary, train

HERE = Path(__file__).resolve().parent
# The networks are those that searches of ten minutes had found best, without shifts.
DATA = ["mnist", "fashion-mnist", "cifar10-binary"]
CHANGES = {"none": [], "4 %": ["shift:4%"], "10 %, turned": ["rotate:0.2:0.3", "shift:10%"]}
# Epochs of 235 steps: of a training in a search, and of a finalist's.
EPOCHS = [18, 54]
STEPS = 235


def main():
    options = arguments(__doc__.splitlines()[0]).parse_args()
    table = Table(HERE / "results.csv", ["data", "change", "epochs", "seed"], ["val_error", "test_error"])
    begin = time.monotonic()

    def one(plan):
        seed, epochs, data, change = plan
        key = {"data": data, "change": change, "epochs": epochs, "seed": seed}
        if options.plot_only or table.has(**key) or time.monotonic() - begin > options.time:
            return
        settings = {"epochs": epochs, "steps_per_epoch": STEPS, "augment": CHANGES[change], "weight_decay": 0.1 / (epochs * STEPS)}
        architecture = json.loads((HERE / f"{data}.json").read_text())
        found = train(options, "cnn2d", architecture, data, {f"train.{name}": value for name, value in settings.items()}, seed)
        if found:
            table.add(**key, val_error=found["val_error"], test_error=found["test_error"])

    plans = [(seed, epochs, data, change) for seed in range(options.seeds) for epochs in EPOCHS for data in DATA for change in CHANGES]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, plans))
    print("| | " + " | ".join(f"{data}, {epochs} epochs" for data in DATA for epochs in EPOCHS) + " |")
    print("|---" * 7 + "|")
    panels = []
    for change in CHANGES:
        errors = lambda data, epochs: [row["test_error"] for row in table.select(data=data, change=change, epochs=epochs)]
        print(f"| {change} | " + " | ".join(summary(errors(data, epochs)) for data in DATA for epochs in EPOCHS) + " |")
    for data in DATA:
        rows = lambda epochs, change: [float(row["test_error"]) for row in table.select(data=data, change=change, epochs=epochs)]
        lines = {f"{epochs} epochs": [(change, 100 * sum(rows(epochs, change)) / len(rows(epochs, change)))
                                      for change in CHANGES if rows(epochs, change)] for epochs in EPOCHS}
        panels.append((data, "", "test error, in %", lines))
    line_plot(HERE / "plot.svg", panels, columns=3)


if __name__ == "__main__":
    main()
