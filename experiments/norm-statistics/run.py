#!/usr/bin/env python3
"""Validation curves with moving and with re-estimated statistics of batch norms; see README.md."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))
from munas_runs import Table, arguments, line_plot, train
from networks import layer

HERE = Path(__file__).resolve().parent
CHANNELS = 7


def network():
    """A convolution and four separable blocks with two poolings: 654 parameters."""
    layers = [layer("conv", kernel=3, filters=CHANNELS, stride=1, padding="same")]
    for block in range(4):
        layers.append(layer("depthwise", kernel=3, stride=1, padding="same", pre_pool=block in (1, 2)))
        layers.append(layer("pointwise", filters=CHANNELS))
    return {"blocks": [{"branch": False, "layers": layers}], "pool": {"kind": "global_avg"}, "dense": []}


def main():
    parser = arguments(__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    table = Table(
        HERE / "results.csv",
        ["data", "statistics", "seed", "epoch"],
        ["train_loss", "validation_error", "test_error_of_best", "seconds_per_epoch"],
    )
    for data, subset in [("mnist", None), ("mnist", 300)]:
        name = data if subset is None else f"{data}, {subset} samples"
        epochs = options.epochs if subset is None else 20 * options.epochs
        for seed in range(options.seeds):
            for statistics in ["moving", "re-estimated"]:
                if options.plot_only or table.has(data=name, statistics=statistics, seed=seed, epoch=1):
                    continue
                settings = {
                    "train.epochs": epochs,
                    "train.batch": 128 if subset is None else 32,
                    "train.optimizer": "adamw",
                    "train.learning_rate": 0.01,
                    "train.norm_statistics": statistics,
                }
                if subset:
                    settings["data.subset"] = subset
                result = train(options, "cnn2d", network(), data, settings, seed)
                for point in result["curve"] if result else []:
                    table.add(
                        data=name,
                        statistics=statistics,
                        seed=seed,
                        epoch=point["epoch"],
                        train_loss=round(point["train_loss"], 5),
                        validation_error=round(point["val_error"], 5),
                        test_error_of_best=round(result["test_error"], 5),
                        seconds_per_epoch=round(result["seconds"] / epochs, 4),
                    )
    panels = []
    for name in dict.fromkeys(row["data"] for row in table.rows):
        series = {}
        for statistics in ["moving", "re-estimated"]:
            rows = table.select(data=name, statistics=statistics, seed=0)
            series[statistics] = [(int(row["epoch"]), 100 * float(row["validation_error"])) for row in rows]
        panels.append((name, "epoch", "validation error in %", series))
    line_plot(HERE / "plot.svg", panels)


if __name__ == "__main__":
    main()
