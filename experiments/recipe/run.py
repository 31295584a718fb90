#!/usr/bin/env python3
"""One change of the recipe at a time, for small networks on images, series and tables; see README.md."""

import gzip
import json
import random
import struct
import sys
import time
from pathlib import Path
from statistics import mean

sys.path.append(str(Path(__file__).resolve().parent.parent))
from munas_runs import Table, arguments, line_plot, summary, train
from networks import separable

HERE = Path(__file__).resolve().parent
VALIDATION = 0.1

# Kind of space, dataset, samples of it before the validation part is taken, and the network.
CLOTHES = "clothes"
TASKS = {
    "digits 0.5 KB": ("cnn2d", "optdigits", 3823, separable(6, [10, 16], stride=1, pools=[1])),
    "clothes 1 KB": ("cnn2d", CLOTHES, 6000, separable(6, [12, 16, 20], pools=[1])),
    "clothes 8 KB": ("cnn2d", CLOTHES, 6000, separable(16, [32, 48, 64], pools=[1])),
    "series 1 KB": ("cnn1d", "uci-har", 7352, separable(8, [12, 20], kernel=5, pools=[1])),
    "series 2 KB": ("cnn1d", "uci-har", 7352, separable(16, [20, 28], kernel=5, pools=[1])),
    "table 0.5 KB": ("mlp", "optdigits", 3823, {"dense": [7]}),
    "table 2 KB": ("mlp", "optdigits", 3823, {"dense": [24, 16]}),
}
# Takes ten times as long as the others: only where size may matter.
LARGE = "clothes 8 KB"
FACTORS_OF_LARGE = ["statistics", "augmentation", "learning rate"]

BASE = {
    "steps": 3000,
    "batch": 32,
    "learning_rate": 0.01,
    "weight_decay": 1e-4,
    "schedule": "one-cycle",
    "warm_up": 0.0,
    "augment": "off",
    "label_smoothing": 0.0,
    "class_weights": False,
    "norm_statistics": "re-estimated",
}
AUGMENT = {
    "digits": ["rotate:0.2:0.3", "shift:1"],
    "clothes": ["rotate:0.2:0.3", "shift:2"],
    "series": ["noise:0.02", "scale:0.1", "timeshift:8"],
}

# What is changed, and to what.
CHANGES = {
    "statistics": [{"norm_statistics": "re-estimated"}, {"norm_statistics": "moving"}],
    "statistics, constant rate": [
        {"schedule": "constant", "norm_statistics": "re-estimated"},
        {"schedule": "constant", "norm_statistics": "moving"},
    ],
    "steps": [{"steps": steps} for steps in (500, 1000, 3000, 10000)],
    "learning rate": [{"learning_rate": rate} for rate in (0.001, 0.003, 0.01, 0.03, 0.1)],
    "weight decay": [{"weight_decay": decay} for decay in (0.0, 1e-5, 1e-4, 1e-3)],
    "schedule": [
        {"schedule": "one-cycle"},
        {"schedule": "cosine"},
        {"schedule": "cosine", "warm_up": 0.05},
        {"schedule": "constant"},
        {"schedule": "cool-down"},
        {"schedule": "cool-down", "warm_up": 0.05},
    ],
    "augmentation": [{"augment": "off"}, {"augment": "on"}, {"augment": "until 0.85"}, {"augment": "until 0.6"}],
    "label smoothing": [{"label_smoothing": share} for share in (0.0, 0.05, 0.1)],
}
# Batches at the same number of samples seen, which is what a training costs.
SEEN = 96_000
SMALL_SAMPLES = [300, 1000, 6000]
BATCHES = [16, 32, 64, 128]


def settings_of(task, recipe, samples):
    """The keys of an experiment for a recipe, on so many samples."""
    epochs = max(1, round(recipe["steps"] / -(-round(samples * (1 - VALIDATION)) // recipe["batch"])))
    settings = {f"train.{key}": recipe[key] for key in ("batch", "learning_rate", "weight_decay")}
    settings |= {"train.optimizer": "adamw", "train.epochs": epochs, "data.validation": VALIDATION}
    settings |= {f"train.{key}": recipe[key] for key in ("label_smoothing", "class_weights", "norm_statistics")}
    schedule, rate = recipe["schedule"], recipe["learning_rate"]
    if schedule == "cool-down":
        last = max(1, epochs // 5)
        schedule = [[epochs - last + step, rate * (1 - (step + 1) / (last + 1))] for step in range(last)]
    settings["train.schedule"] = schedule
    settings["train.warm_up"] = recipe["warm_up"] * epochs
    if recipe["augment"] != "off":
        settings["train.augment"] = AUGMENT[task.split()[0]]
        settings["train.augment_until"] = 1.0 if recipe["augment"] == "on" else float(recipe["augment"].split()[1])
    return settings


def clothes(source, folder, counts):
    """Fashion-MNIST with so many training samples of each class, and the first 4,000 of its test part."""
    folder.mkdir(parents=True, exist_ok=True)
    read = lambda name: gzip.decompress((source / f"{name}.gz").read_bytes())
    images, labels = read("train-images-idx3-ubyte")[16:], read("train-labels-idx1-ubyte")[8:]
    left, order, chosen = dict(enumerate(counts)), list(range(len(labels))), []
    random.Random(0).shuffle(order)
    for index in order:
        if left[labels[index]] > 0:
            left[labels[index]] -= 1
            chosen.append(index)
    pixels = b"".join(images[784 * index : 784 * (index + 1)] for index in chosen)
    classes = bytes(labels[index] for index in chosen)
    write_idx(folder, "train", pixels, classes)
    test = 4000
    images, labels = read("t10k-images-idx3-ubyte")[16:], read("t10k-labels-idx1-ubyte")[8:]
    write_idx(folder, "t10k", images[: 784 * test], labels[:test])
    return f"idx:{folder}"


def write_idx(folder, part, pixels, classes):
    header = struct.pack(">IIII", 0x803, len(classes), 28, 28)
    (folder / f"{part}-images-idx3-ubyte").write_bytes(header + pixels)
    (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, len(classes)) + classes)


IMBALANCED = [round(900 * (30 / 900) ** (label / 9)) for label in range(10)]


def plan(seeds):
    """All trainings: factor, value, task, samples, whether classes are out of balance, recipe, seed."""
    for seed in range(seeds):
        for factor, values in CHANGES.items():
            for task, (kind, _, samples, _) in TASKS.items():
                if kind == "mlp" and (factor == "augmentation" or "statistics" in factor):
                    continue
                if task == LARGE and factor not in FACTORS_OF_LARGE:
                    continue
                for change in values:
                    value = " ".join(str(value) for value in change.values())
                    yield factor, value, task, samples, False, BASE | change, seed
        for samples in SMALL_SAMPLES:
            for task in ("clothes 1 KB", "series 1 KB", "table 2 KB"):
                for batch in BATCHES:
                    change = {"batch": batch, "steps": SEEN // batch}
                    few = min(samples, TASKS[task][2])
                    yield f"batch, {samples} samples", str(batch), task, few, False, BASE | change, seed
        for task in ("clothes 1 KB", "series 1 KB", "table 2 KB"):
            for steps in (500, 1000, 3000, 10000):
                change = {"steps": steps, "batch": 16}
                yield "steps, 300 samples", str(steps), task, 300, False, BASE | change, seed
        for task in ("digits 0.5 KB", "clothes 1 KB", "series 1 KB"):
            for change in CHANGES["augmentation"]:
                few = BASE | change | {"batch": 16}
                yield "augmentation, 300 samples", change["augment"], task, 300, False, few, seed
                long = BASE | change | {"steps": 10000}
                yield "augmentation, 10000 steps", change["augment"], task, TASKS[task][2], False, long, seed
        for weighs in (False, True):
            change = {"class_weights": weighs}
            yield "class weights", str(weighs), "clothes 1 KB", sum(IMBALANCED), True, BASE | change, seed


COLUMNS = ["factor", "value", "task", "seed"]
FIGURES = ["epochs", "batch", "validation_error", "test_error", "last_test_error", "int8_test_error", "best_epoch"]
FIGURES += ["seconds"]
# The weights of the last epoch: those of the best one also depend on how large the validation part is.
JUDGED = "last_test_error"


def run(options, table):
    start, source = time.monotonic(), Path(options.data_dir) / "fashion-mnist"
    own = {
        False: clothes(source, Path(options.work) / "balanced", [600] * 10),
        True: clothes(source, Path(options.work) / "imbalanced", IMBALANCED),
    }
    # Trainings that several factors have in common are done once.
    known = {}
    for factor, value, task, samples, is_imbalanced, recipe, seed in plan(options.seeds):
        if options.only and options.only not in factor:
            continue
        kind, data, all_samples, network = TASKS[task]
        settings = settings_of(task, recipe, samples)
        if samples < all_samples and not is_imbalanced:
            settings["data.subset"] = samples
        key = dict(zip(COLUMNS, (factor, value, task, seed)))
        same = json.dumps([task, settings, is_imbalanced, seed])
        found = table.select(**key)
        if found:
            known[same] = {name: found[0][name] for name in FIGURES}
            continue
        if same not in known:
            if time.monotonic() - start > options.time:
                print("out of time")
                return
            data = own[is_imbalanced] if data == CLOTHES else data
            result = train(options, kind, network, data, settings, seed)
            if result is None:
                continue
            known[same] = {"epochs": result["epochs"], "batch": recipe["batch"], "best_epoch": result["best_epoch"]}
            known[same]["validation_error"] = round(result["val_error"], 5)
            known[same] |= {name: round(result[name], 5) for name in FIGURES[3:6]}
            known[same]["seconds"] = round(result["seconds"], 2)
        table.add(**key, **known[same])


def report(table):
    """Prints a table per factor, of the test error after the last epoch, and draws the plot."""
    panels = []
    for factor in dict.fromkeys(row["factor"] for row in table.rows):
        rows = table.select(factor=factor)
        values = list(dict.fromkeys(row["value"] for row in rows))
        print(f"\n| {factor} | " + " | ".join(values) + " |")
        print("|---" * (len(values) + 1) + "|")
        series, shares = {}, {value: [] for value in values}
        for task in dict.fromkeys(row["task"] for row in rows):
            of_task = {value: table.select(factor=factor, task=task, value=value) for value in values}
            errors = {value: [float(row[JUDGED]) for row in found] for value, found in of_task.items() if found}
            print(f"| {task} | " + " | ".join(summary(errors.get(value, [])) for value in values) + " |")
            means = {value: mean(found) for value, found in errors.items()}
            # Tasks differ by tens of percent: what a change brings is its share of the mean of the row.
            series[task] = [(value, round(error / mean(means.values()), 3)) for value, error in means.items()]
            for value, share in series[task]:
                shares[value].append(share)
        print("| *relative* | " + " | ".join(f"{mean(shares[value]):.2f}" for value in values) + " |")
        panels.append((factor, "", "test error / mean of the task", series))
    line_plot(HERE / "plot.svg", panels, columns=3)


def main():
    parser = arguments(__doc__)
    parser.add_argument("--work", default="/tmp/munas-recipe", help="a folder for data that are made")
    parser.add_argument("--only", default="", help="only factors with this in their name")
    options = parser.parse_args()
    table = Table(HERE / "results.csv", COLUMNS, FIGURES)
    if not options.plot_only:
        run(options, table)
    report(table)


if __name__ == "__main__":
    main()
