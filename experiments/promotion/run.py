"""Which resting network should go on? Successive halving over networks whose errors are known (experiments/rungs), by several rules.

    cargo build --release -p munas-search --example promotions
    python3 experiments/promotion/run.py --orders 20

See README.md. Nothing is trained; a file results.csv that is there is not computed again.
"""

import csv
import math
import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import munas_runs  # noqa: E402
from measured import filled, measured_networks, piped  # noqa: E402

FOLDER = Path(__file__).resolve().parent
KEYS = ["rule", "capped", "training", "order"]
VALUES = ["epochs", "cost", "trained", "four", "majority"]
# Epochs paid, at which rules are compared; all capped ones end at 286.
SHOWN = [150, 200, 250, 280]
GRID = list(range(60, 301, 10))


def compute(options, table):
    program = options.program or munas_runs.ROOT / "target/release/examples/promotions"
    lines = piped([program, options.orders], measured_networks())
    for row in csv.DictReader(lines, fieldnames=KEYS + VALUES):
        table.rows.append(row)
    with table.path.open("a", newline="") as file:
        csv.DictWriter(file, table.columns, lineterminator="\n").writerows(table.rows)


def replays(table):
    """Rows by rule and cap, then by training and order."""
    found = defaultdict(lambda: defaultdict(list))
    for row in table.rows:
        found[row["rule"], row["capped"]][row["training"], row["order"]].append(row)
    return found


def at(rows, budget, value, by="epochs"):
    """The value of the last row within a budget; 0 before the first."""
    within = [float(row[value]) for row in rows if float(row[by]) <= budget]
    return within[-1] if within else 0.0


def error(values):
    """The standard error of a mean."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def report(table):
    found = replays(table)
    for value in ["four", "majority"]:
        print(f"\n| rule | capped | " + " | ".join(f"{epochs} epochs" for epochs in SHOWN)
              + " | by 250 against ratio, capped | at the end | epochs at the end | trained in full | within a cost of 200 |")
        base = found["ratio", "yes"]
        for (rule, capped), runs in found.items():
            cells = [mean(at(rows, epochs, value) for rows in runs.values()) for epochs in SHOWN]
            gain = [at(rows, 250, value) - at(base[key], 250, value) for key, rows in runs.items()]
            ends = [rows[-1] for rows in runs.values()]
            cost = mean(at(rows, 200, value, "cost") for rows in runs.values())
            print(f"| {rule} | {capped} | " + " | ".join(f"{100 * cell:.0f} %" for cell in cells)
                  + f" | {100 * mean(gain):+.1f} ± {100 * error(gain):.1f}"
                  + f" | {100 * mean(float(row[value]) for row in ends):.0f} % | {mean(float(row['epochs']) for row in ends):.0f}"
                  + f" | {mean(float(row['trained']) for row in ends):.1f} | {100 * cost:.0f} % |")


def plot(table):
    panels = []
    for value, reference in [("four", "4 × the least error"), ("majority", "the majority's error")]:
        for capped in ["yes", "no"]:
            lines = {}
            for (rule, cap), runs in replays(table).items():
                if cap == capped:
                    lines[rule] = [(epochs, 100 * mean(at(rows, epochs, value) for rows in runs.values())) for epochs in GRID]
            title = ("a third goes on" if capped == "yes" else "no cap") + f"; up to {reference}"
            panels.append((title, "epochs paid", "hypervolume, % of all networks'", lines))
    munas_runs.line_plot(FOLDER / "plot.svg", panels)


def main():
    table = filled(__doc__, ("--orders", 20), munas_runs.Table(FOLDER / "results.csv", KEYS, VALUES), compute)
    report(table)
    plot(table)


if __name__ == "__main__":
    main()
