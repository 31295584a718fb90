"""How early is a network's final error known? Random networks of Fashion-MNIST, judged at the ends of rungs.

    cargo build --release -p munas-run --example rungs
    python3 experiments/rungs/run.py --data-dir DIR --networks 100 --seeds 2

See README.md. A network that is in results.csv is not trained again.
"""

import csv
import math
import subprocess
import sys
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import munas_runs  # noqa: E402

FOLDER = Path(__file__).resolve().parent
KEYS = ["network", "seed", "way", "epochs"]
RESOURCES = ["peak_memory", "model_size", "macs"]
WAYS = ["straight", "annealed", "averaged"]
RUNGS = [1, 3, 9, 27]
# Networks that differ less than so much in log resources compete for one place of the front.
NICHE = math.log(2)


def measure(options, table, networks):
    """Trains what is missing."""
    program = munas_runs.ROOT / "target/release/examples/rungs"
    for seed in range(1, options.seeds + 1):
        for network in range(1, options.networks + 1):
            ways = WAYS + (["annealed-moving"] if seed == 1 else [])
            ways = [way for way in ways if not table.has(network=network, seed=seed, way=way, epochs=RUNGS[-1])]
            if not ways:
                continue
            command = [options.program or str(program), options.data_dir, str(network), str(network), str(seed), *ways]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            for row in csv.reader(done.stdout.splitlines()):
                row = dict(zip([*KEYS, "error", *RESOURCES, "architecture"], row))
                table.add(**{name: row[name] for name in [*KEYS, "error"]})
                if not networks.has(network=network):
                    networks.add(**{name: row[name] for name in ["network", *RESOURCES, "architecture"]})


def errors(table, way, seed, epochs):
    """Errors by network."""
    return {row["network"]: float(row["error"]) for row in table.rows
            if row["way"] == way and row["seed"] == str(seed) and row["epochs"] == str(epochs)}


def report(table, networks):
    """Kendall's tau of the error at each rung of one seed to the final error of the other, which no noise is shared with."""
    size = {row["network"]: tuple(math.log(float(row[key])) for key in RESOURCES) for row in networks.rows}
    seeds = sorted({row["seed"] for row in table.rows})
    curves = {}
    for way in WAYS + ["annealed-moving"]:
        taus = []
        for epochs in RUNGS:
            found = []
            for one in seeds:
                for other in seeds:
                    final = errors(table, "annealed" if way == "annealed-moving" else way, other, RUNGS[-1])
                    early = errors(table, way, one, epochs)
                    both = [network for network in early if network in final and one != other]
                    # A network that learns nothing says nothing.
                    both = [network for network in both if final[network] < 0.85]
                    if len(both) > 5:
                        found.append(munas_runs.kendall([(size[n], early[n], final[n]) for n in both], NICHE))
            taus.append(mean(found) if found else float("nan"))
        finals = [error for seed in seeds for error in errors(table, way, seed, RUNGS[-1]).values() if error < 0.85]
        curves[way] = taus
        if finals:
            print(f"{way:16} tau at {RUNGS}: " + " ".join(f"{tau:.2f}" for tau in taus)
                  + f"; mean final error {100 * mean(finals):.2f} %, {len(finals)} trainings")
    return curves


def main():
    parser = munas_runs.arguments(__doc__)
    parser.add_argument("--networks", type=int, default=100)
    parser.add_argument("--program", help="the example, if it is elsewhere")
    options = parser.parse_args()
    table = munas_runs.Table(FOLDER / "results.csv", KEYS, ["error"])
    networks = munas_runs.Table(FOLDER / "networks.csv", ["network"], [*RESOURCES, "architecture"])
    if not options.plot_only:
        measure(options, table, networks)
    curves = report(table, networks)
    lines = {way: list(zip(map(str, RUNGS), taus)) for way, taus in curves.items()}
    panel = ("rank correlation with the final error of another seed", "epochs at the end of the rung, of 27", "Kendall's tau", lines)
    munas_runs.line_plot(FOLDER / "plot.svg", [panel], columns=1)


if __name__ == "__main__":
    main()
