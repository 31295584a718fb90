#!/usr/bin/env python3
"""What do finalists come to whose trainings are on a fold each, instead of on all folds? See README.md.

    cargo build --release
    python3 experiments/goals/run.py --data-dir DIR --minutes 10 --work RUNS …
    python3 experiments/finalists/folds.py --data-dir DIR --runs RUNS --way "one fold each"

Trains the finalists of searches anew, in a fifth of the time of the search as it does itself, on copies of their runs.
"""

import importlib.util
import json
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from munas_runs import Table, arguments

KEYS = ["run", "goal", "way"]
FIGURES = ["trial", "finalist_seeds", "validation_error_int8", "test_error_int8", "test_error_int8_mean", "test_error_int8_deviation",
           "peak_memory", "peak_memory_streamed", "model_size", "macs"]
VALUES = ["networks", "longer", *FIGURES]
# The part of a search's time that its finalists have.
SHARE = 0.2


def goals_module():
    """The script that runs the searches, which reads their results too."""
    spec = importlib.util.spec_from_file_location("goals", HERE.parent / "goals/run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def forget_finalists(folder):
    """Leaves a run as it was before its finalists."""
    shutil.rmtree(folder / "finalists", ignore_errors=True)
    with closing(sqlite3.connect(folder / "journal.db")) as journal, journal:
        journal.execute("DELETE FROM finalist")
        journal.execute("DELETE FROM meta WHERE key = 'finalist_epochs'")


def trained(folder):
    """Networks whose trainings are complete, and how many times as long as in the search the longest ones were."""
    with closing(sqlite3.connect(folder / "journal.db")) as journal:
        longest = journal.execute("SELECT max(epochs) FROM finalist WHERE state = 'done'").fetchone()[0] or 0
        counts = "SELECT count(*) AS trainings FROM finalist WHERE state = 'done' AND epochs = ? GROUP BY trial HAVING trainings >= 5"
        networks = len(journal.execute(counts, (longest,)).fetchall())
        of_search = journal.execute("SELECT max(epochs) FROM trial").fetchone()[0]
    return {"networks": networks, "longer": round(longest / of_search, 2)}


def main():
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--runs", required=True, help="the folder of the runs of goals/run.py")
    parser.add_argument("--way", required=True, help="what this version of munas does, in words")
    parser.add_argument("--as-they-are", action="store_true", help="read the finalists that the searches have, and train none")
    parser.add_argument("--keep", help="a folder for the copies, with what was trained")
    options = parser.parse_args()
    goals = goals_module()
    table = Table(HERE / "folds.csv", KEYS, VALUES)
    rows = {goals.folder_name(name): name for name in goals.ROWS}
    with tempfile.TemporaryDirectory() as scratch:
        for run in sorted(Path(options.runs).iterdir()):
            name, _, _, minutes = run.name.rsplit("-", 3)
            of_row = goals.ROWS[rows[name]][2]
            of_all = {"run": run.name, "way": options.way}
            if all(table.has(goal=goals.label(goal), **of_all) for goal in of_row):
                continue
            folder = run
            if not options.as_they_are:
                folder = Path(options.keep or scratch) / run.name
                shutil.rmtree(folder, ignore_errors=True)
                shutil.copytree(run, folder)
                forget_finalists(folder)
                seconds = round(60 * float(minutes) * SHARE)
                goals.run(options, "refine", str(folder), "--time", f"{seconds}s", "--data-dir", options.data_dir)
            for goal in of_row:
                found = goals.result(options, folder, goal[1]) or {}
                row = trained(folder) | {key: found.get(key, "") for key in FIGURES}
                table.add(goal=goals.label(goal), **of_all, **row)
                print(run.name, goals.label(goal), json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
