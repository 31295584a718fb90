"""Which model of the error should a search ask? Networks of Fashion-MNIST whose errors are known (experiments/rungs) are predicted.

    cargo build --release -p munas-search --example surrogates
    python3 experiments/surrogate/run.py --repetitions 20

See README.md. Nothing is trained; a file results.csv that is there is not computed again.
"""

import csv
import math
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import munas_runs  # noqa: E402
from measured import filled, measured_networks, piped, sizes  # noqa: E402

FOLDER = Path(__file__).resolve().parent
KEYS = ["part", "known", "rung", "repetition", "predictor"]
VALUES = ["tau", "tau_competing", "rmse", "tau_learning", "tau_competing_learning", "rmse_learning", "ratio"]
# Networks that differ less than so much in log resources compete for one place of the front.
NICHE = math.log(2)
# Above this error nothing was learned.
LEARNED = math.log(0.85)


def measures(rows, size):
    """Kendall's tau of predicted and measured errors, over all pairs and those that compete; root mean square of the logarithms'
    difference, and of its ratio to the deviation that was claimed."""
    result = {}
    for suffix, limit in [("", math.inf), ("_learning", LEARNED)]:
        kept = [row for row in rows if float(row["measured"]) < limit]
        triples = [(size[row["network"]], float(row["predicted"]), float(row["measured"])) for row in kept]
        result["tau" + suffix] = munas_runs.kendall(triples)
        result["tau_competing" + suffix] = munas_runs.kendall(triples, NICHE)
        result["rmse" + suffix] = math.sqrt(mean((a - b) ** 2 for _, a, b in triples))
    claimed = [((float(row["predicted"]) - float(row["measured"])) / float(row["deviation"])) ** 2 for row in rows if row["deviation"]]
    result["ratio"] = math.sqrt(mean(claimed)) if claimed else math.nan
    return {name: f"{value:.4f}" for name, value in result.items()}


def compute(options, table):
    program = options.program or munas_runs.ROOT / "target/release/examples/surrogates"
    names = KEYS + ["network", "predicted", "deviation", "measured"]
    groups = defaultdict(list)
    for row in csv.DictReader(piped([program, options.repetitions], measured_networks()), fieldnames=names):
        groups[tuple(row[key] for key in KEYS)].append(row)
    size = sizes()
    for key, rows in groups.items():
        table.add(**dict(zip(KEYS, key)), **measures(rows, size))


def summarised(table, **wanted):
    """Mean and standard error of each measure over the repetitions, by predictor."""
    by_predictor = defaultdict(list)
    for row in table.select(**wanted):
        by_predictor[row["predictor"]].append(row)
    return {name: {value: [float(row[value]) for row in rows] for value in VALUES} for name, rows in by_predictor.items()}


def report(table):
    for part, rungs in [("network", [""]), ("resting", ["1", "3", "9"])]:
        for known in sorted({int(row["known"]) for row in table.rows if row["part"] == part}):
            for rung in rungs:
                print(f"\n{part}, {known} known" + (f", rung {rung}" if rung else ""))
                found = summarised(table, part=part, known=known, rung=rung)
                base = next(iter(found))
                for name, values in found.items():
                    gain = [a - b for a, b in zip(values["tau"], found[base]["tau"])]
                    print(f"| {name} | " + " | ".join(f"{mean(values[value]):.2f}" for value in VALUES)
                          + f" | {mean(gain):+.3f} ± {stdev(gain) / math.sqrt(len(gain)):.3f} |")
    print("columns: " + ", ".join(VALUES) + f", gain in tau over the first of the table")


def plot(table):
    known = sorted({int(row["known"]) for row in table.rows if row["part"] == "network"})
    panels = []
    for value, title in [("tau", "all pairs"), ("tau_competing", "pairs that compete")]:
        lines = defaultdict(list)
        for count in known:
            for name, values in summarised(table, part="network", known=count).items():
                lines[name].append((str(count), mean(values[value])))
        panels.append((f"new networks: {title}", "networks known", "Kendall's tau", dict(lines)))
    for count in sorted({int(row["known"]) for row in table.rows if row["part"] == "resting"}):
        lines = defaultdict(list)
        for rung in ["1", "3", "9"]:
            for name, values in summarised(table, part="resting", known=count, rung=rung).items():
                lines[name].append((rung, mean(values["rmse"])))
        panels.append((f"resting ones, {count} others trained in full", "epochs at the end of the rung, of 27", "rms error of the log error", dict(lines)))
    munas_runs.line_plot(FOLDER / "plot.svg", panels)


def main():
    table = filled(__doc__, ("--repetitions", 20), munas_runs.Table(FOLDER / "results.csv", KEYS, VALUES), compute)
    report(table)
    plot(table)


if __name__ == "__main__":
    main()
