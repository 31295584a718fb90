"""The networks of experiments/rungs with their errors, for experiments that train nothing. Standard library only."""

import argparse
import csv
import math
import subprocess
from pathlib import Path

RUNGS_FOLDER = Path(__file__).resolve().parent / "rungs"
RUNGS = ["1", "3", "9", "27"]
WAY = "annealed"
RESOURCES = ["peak_memory", "model_size", "macs"]


def _rows(name):
    with (RUNGS_FOLDER / name).open(newline="") as file:
        return list(csv.DictReader(file))


def measured_networks():
    """Lines for the examples of munas-search: number, errors by training and rung, architecture, apart by tabulators."""
    errors = {(row["network"], row["seed"], row["epochs"]): row["error"] for row in _rows("results.csv") if row["way"] == WAY}
    seeds = sorted({seed for _, seed, _ in errors})
    lines = []
    for row in _rows("networks.csv"):
        curve = [errors[row["network"], seed, epochs] for seed in seeds for epochs in RUNGS]
        lines.append("\t".join([row["network"], *curve, row["architecture"]]))
    return "\n".join(lines) + "\n"


def sizes():
    """Logarithms of the resources, by network."""
    return {row["network"]: tuple(math.log(float(row[key])) for key in RESOURCES) for row in _rows("networks.csv")}


def filled(description, count, table, compute):
    """The table, computed if it is empty; `count` is an option that says how often, with its default."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(count[0], type=int, default=count[1])
    parser.add_argument("--program", help="the example, if it is elsewhere")
    options = parser.parse_args()
    if not table.rows:
        compute(options, table)
    return table


def piped(command, text):
    """Lines that a program prints, given a text."""
    done = subprocess.run([str(part) for part in command], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return done.stdout.splitlines()
