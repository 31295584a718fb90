#!/usr/bin/env python3
"""Does a child with its parent's weights tell early what it comes to from scratch? See README.md.

    cargo build --release -p munas-run --example inheritance
    python3 experiments/inheritance/run.py --data-dir DIR --pairs 12
"""

import csv
import math
import random
import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path
from statistics import mean, median, stdev

sys.path.append(str(Path(__file__).resolve().parent.parent))
from munas_runs import ROOT, Table, arguments, kendall, line_plot

HERE = Path(__file__).resolve().parent
KEYS = ["kind", "network", "way", "epochs"]
VALUES = ["error", "inherited", "peak_memory", "model_size", "macs"]
KINDS = ["deeper", "shallower", "width", "setting"]
FULL, BRIEF = 27, [3, 9]
# With such an error a network has learnt nothing, and there is nothing to inherit or to tell early.
USELESS = 0.85
# Networks that differ less than so much in log resources compete for one place of the front.
NICHE = math.log(2)
RESAMPLES = 200


def measure(options, table):
    """Trains what is missing. Each parent has a child of one kind, so that no two children share a parent."""
    begin = time.monotonic()
    network = 0
    while any(len(pairs(table, kind)) < options.pairs for kind in KINDS) and network < 100 * options.pairs:
        network += 1
        kind = KINDS[network % len(KINDS)]
        if len(pairs(table, kind)) >= options.pairs or table.has(kind=kind, network=network, way="parent", epochs=FULL):
            continue
        if time.monotonic() - begin > options.time:
            return
        command = [options.program, options.data_dir, kind, str(network), str(network)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        for row in csv.reader(done.stdout.splitlines()):
            table.add(**dict(zip(KEYS + VALUES, row)))


def pairs(table, kind):
    """The errors, by (way, epochs), and the sizes of the children of one kind that learn something."""
    found, parents = {}, {}
    for row in table.select(kind=kind):
        if row["way"] == "parent":
            parents[row["network"]] = float(row["error"])
        else:
            pair = found.setdefault(row["network"], {"inherited": 0.0, ("parent", FULL): parents[row["network"]]})
            pair[row["way"], int(row["epochs"])] = float(row["error"])
            pair["size"] = tuple(math.log(float(row[name])) for name in ("peak_memory", "model_size", "macs"))
            pair["inherited"] = max(pair["inherited"], float(row["inherited"]))
    return [pair for pair in found.values() if max(pair["scratch", FULL], pair["again", FULL]) < USELESS]


def full(pair):
    """Log error of the full training from scratch: the mean of two seeds."""
    return (math.log(pair["scratch", FULL]) + math.log(pair["again", FULL])) / 2


def bias(found, way, epochs):
    return [math.log(pair[way, epochs]) - full(pair) for pair in found]


def report_ranks(found):
    """How brief trainings rank the children, and how sure it is that inherited weights rank them better."""
    def tau(sample, way, epochs, niche):
        return kendall([(pair["size"], pair[way, epochs], full(pair)) for pair in sample], niche)

    draw = random.Random(0)
    samples = [draw.choices(found, k=len(found)) for _ in range(RESAMPLES)]
    for name, niche in (("all", math.inf), ("within a niche", NICHE)):
        near = sum(max(abs(a - b) for a, b in zip(one["size"], other["size"])) <= niche for one, other in combinations(found, 2))
        print(f"\n| Kendall's tau to the full error from scratch, {name}: {near} pairs of children | "
              + " | ".join(f"{epochs} epochs" for epochs in BRIEF) + " |")
        print("|---|---|---|")
        for way in ("inherited", "scratch"):
            print(f"| {way} | " + " | ".join(f"{tau(found, way, epochs, niche):.2f}" for epochs in BRIEF) + " |")
        cells = []
        for epochs in BRIEF:
            gains = [tau(sample, "inherited", epochs, niche) - tau(sample, "scratch", epochs, niche) for sample in samples]
            cells.append(f"{mean(gains):+.2f} ± {stdev(gains):.2f}")
        print("| difference, with its standard error (bootstrap over the children) | " + " | ".join(cells) + " |")
        own = kendall([(pair["size"], pair["again", FULL], pair["scratch", FULL]) for pair in found], niche)
        of_parent = tau(found, "parent", FULL, niche)
        print(f"| the parent's error in full: {of_parent:.2f}; one seed of the child in full to the other: {own:.2f} | | |")


def report(table):
    every = {kind: pairs(table, kind) for kind in KINDS}
    every["all"] = [pair for found in every.values() for pair in found]
    print("| kind | pairs | weights inherited | spread of two seeds: median, largest "
          "| inherited, 3 epochs: mean, median | 9 epochs | from scratch, 3 epochs | 9 epochs |")
    print("|---|---|---|---|---|---|---|---|")
    panels = {(way, epochs): [] for way in ("inherited", "scratch") for epochs in BRIEF}
    spreads = []
    for kind, found in every.items():
        if len(found) < 2:
            continue
        spread = [abs(math.log(pair["scratch", FULL] / pair["again", FULL])) for pair in found]
        spreads.append((kind, median(spread)))
        cells = [kind, len(found), f"{100 * mean(pair['inherited'] for pair in found):.0f} %",
                 f"{median(spread):.3f}, {max(spread):.3f}"]
        for way, epochs in panels:
            values = bias(found, way, epochs)
            panels[way, epochs].append((kind, median(values)))
            cells.append(f"{mean(values):+.3f}, {median(values):+.3f} (± {stdev(values):.3f})")
        print("| " + " | ".join(map(str, cells)) + " |")
    report_ranks(every["all"])
    lines = {f"{way}, {epochs} epochs": points for (way, epochs), points in panels.items()}
    lines["two seeds in full"] = spreads
    sort = lambda values: list(enumerate(sorted(values), 1))
    spans = {f"{way}, {epochs} epochs": sort(bias(every["all"], way, epochs)) for way, epochs in panels}
    spans["two seeds in full"] = sort(
        math.log(pair["scratch", FULL] / pair["again", FULL]) for pair in every["all"])
    line_plot(HERE / "plot.svg", [
        ("bias by kind of morphism", "", "ln(brief / full), median", lines),
        ("each child, sorted (two seeds: their difference)", "children", "ln(brief / full)", spans),
    ])


def main():
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=12, help="parents and children of each kind")
    parser.add_argument("--program", default=str(ROOT / "target/release/examples/inheritance"), help="the example")
    options = parser.parse_args()
    table = Table(HERE / "results.csv", KEYS, VALUES)
    if not options.plot_only:
        measure(options, table)
    report(table)


if __name__ == "__main__":
    main()
