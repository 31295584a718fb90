"""Trainings with the munas binary, kept in a CSV file, and plots of them as SVG. Standard library only.

A row that is in the CSV file is not computed again: remove the file, or rows of it, to repeat an experiment.
"""

import argparse
import csv
import json
import math
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from itertools import combinations
from pathlib import Path
from statistics import mean, stdev

ROOT = Path(__file__).resolve().parent.parent


def arguments(description):
    """Arguments that all experiments have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--munas", default=str(ROOT / "target/release/munas"), help="the binary")
    parser.add_argument("--data-dir", required=True, help="where the datasets are")
    parser.add_argument("--seeds", type=int, default=2, help="trainings of each setting")
    parser.add_argument("--time", type=float, default=float("inf"), help="seconds after which no training starts")
    parser.add_argument("--plot-only", action="store_true", help="draw what is there")
    return parser


def complete(options, table, compute):
    """Has what is missing of a table computed, with a folder for what that leaves between trainings."""
    if not options.plot_only:
        with tempfile.TemporaryDirectory() as folder:
            compute(options, table, Path(folder))


def train(options, kind, architecture, data, settings, seed):
    """Trains one network; returns the document of `munas train --json`, or None where the training failed."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(architecture, file)
        file.flush()
        command = [options.munas, "train", "--space", kind, "--arch", file.name, "--data", data]
        command += ["--data-dir", options.data_dir, "--seed", str(seed), "--json"]
        for key, value in settings.items():
            command += ["--set", f"{key}={json.dumps(value)}"]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stderr.strip().splitlines()[-1:], " ".join(command))
        return None
    return json.loads(done.stdout)


# What is kept of a training.
FIGURES = ["size", "validation", "validation_int8", "test", "test_int8", "seconds"]


def figures(result):
    """What is kept of the document of a training: its errors in floats and in int8."""
    names = ["model_size", "val_error", "int8_error", "test_error", "int8_test_error"]
    return dict(zip(FIGURES, [*(result[name] for name in names), round(result["seconds"], 2)]))


def trials(options, arguments, folder):
    """Runs `munas search` into a folder; returns the trials with a result in the order of these."""
    done = subprocess.run([options.munas, "search", *arguments, "--out", str(folder)], capture_output=True, text=True)
    if not (folder / "journal.db").exists():
        print(done.stderr.strip()[-300:])
        return []
    with closing(sqlite3.connect(folder / "journal.db")) as journal:
        journal.row_factory = sqlite3.Row
        return [dict(row) for row in journal.execute("SELECT * FROM trial WHERE arrival IS NOT NULL ORDER BY arrival")]


class Table:
    """Rows of a CSV file, identified by some of its columns."""

    def __init__(self, path, keys, values):
        self.path, self.keys, self.columns = Path(path), keys, keys + values
        self.rows = []
        if self.path.exists():
            with self.path.open(newline="") as file:
                self.rows = list(csv.DictReader(file))
        else:
            with self.path.open("w", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow(self.columns)

    def has(self, **key):
        return any(all(row[name] == str(key[name]) for name in self.keys) for row in self.rows)

    def add(self, **row):
        row = {name: str(row[name]) for name in self.columns}
        self.rows.append(row)
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.columns, lineterminator="\n").writerow(row)

    def select(self, **wanted):
        return [row for row in self.rows if all(row[name] == str(value) for name, value in wanted.items())]


def summary(values):
    """Mean and standard deviation as text, in percent."""
    values = [100 * float(value) for value in values]
    if not values:
        return "–"
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


def kendall(networks, niche=math.inf):
    """Kendall's tau-b of the last two values of (log resources, value, other value), over the pairs that compete: no resource
    differs by more than `niche`."""
    concordant = discordant = ties_one = ties_other = 0
    for (one, first, second), (other, third, fourth) in combinations(networks, 2):
        if max(abs(a - b) for a, b in zip(one, other)) > niche:
            continue
        x, y = (first > third) - (first < third), (second > fourth) - (second < fourth)
        concordant += x * y > 0
        discordant += x * y < 0
        ties_one += x == 0 and y != 0
        ties_other += y == 0 and x != 0
    total = concordant + discordant
    scale = math.sqrt((total + ties_one) * (total + ties_other))
    return (concordant - discordant) / scale if scale else float("nan")


def undominated(points):
    """The points that no other one is at most as large as in every coordinate; equal ones once."""
    kept = []
    for point in sorted(set(map(tuple, points))):
        # In this order only an earlier point can dominate.
        if not any(all(a <= b for a, b in zip(other, point)) for other in kept):
            kept.append(point)
    return kept


def hypervolume(points, reference):
    """Volume between the points (less is better) and the reference that they dominate: exact, by cuts along the last coordinate."""
    points = undominated(point for point in points if all(a < b for a, b in zip(point, reference)))
    return _volume(points, tuple(reference))


def _volume(points, reference):
    if not points:
        return 0.0
    if len(reference) == 1:
        return reference[0] - min(point[0] for point in points)
    if len(reference) == 2:
        total, least = 0.0, reference[1]
        for x, y in sorted(points):
            if y < least:
                total += (reference[0] - x) * (least - y)
                least = y
        return total
    total, below = 0.0, []
    points = sorted(points, key=lambda point: point[-1])
    for index, point in enumerate(points):
        below = undominated([*below, point[:-1]])
        upper = points[index + 1][-1] if index + 1 < len(points) else reference[-1]
        if upper > point[-1]:
            total += (upper - point[-1]) * _volume(below, reference[:-1])
    return total


def exclusive_hypervolume(point, points, reference):
    """What a point adds to the hypervolume of the others."""
    if any(a >= b for a, b in zip(point, reference)):
        return 0.0
    own = math.prod(b - a for a, b in zip(point, reference))
    return own - hypervolume([[max(a, b) for a, b in zip(point, other)] for other in points], reference)


COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999", "#8c564b"]


def line_plot(path, panels, columns=2):
    """Draws panels (title, x label, y label, {name: [(x, y)]}) as one SVG file; a name has one colour in all of them. A panel may
    have a fifth part, the spread of its lines: {name: [(x, low, high)]}."""
    width, height, margin = 420, 260, 52
    rows = -(-len(panels) // columns)
    names = list(dict.fromkeys(name for panel in panels for name in panel[3]))
    colour = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}
    in_row = width * columns // 200
    total = (width * columns, height * rows + 24 * (1 + len(names) // in_row))
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total[0]} {total[1]}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{total[0]}" height="{total[1]}" fill="white"/>',
    ]
    for index, (title, x_label, y_label, series, *spread) in enumerate(panels):
        spread = spread[0] if spread else {}
        left, top = index % columns * width + margin, index // columns * height + 26
        right, bottom = left + width - margin - 20, top + height - 26 - 44
        points = [point for line in series.values() for point in line]
        if not points:
            continue
        xs = sorted({x for x, _ in points})
        texts = any(isinstance(x, str) for x in xs)
        ticks = list(dict.fromkeys(x for line in series.values() for x, _ in line)) if texts else xs
        place = {x: i for i, x in enumerate(ticks)} if texts else {x: x for x in xs}
        low, high = min(place.values()), max(place.values())
        ys = [y for _, y in points] + [y for band in spread.values() for _, *ends in band for y in ends]
        floor, ceiling = min(ys), max(ys)
        pad = 0.06 * (ceiling - floor) or 1
        floor, ceiling = floor - pad, ceiling + pad
        at_x = lambda x: left + (right - left) * ((place.get(x, x) - low) / (high - low) if high > low else 0.5)
        at_y = lambda y: bottom - (bottom - top) * (y - floor) / (ceiling - floor)
        out.append(f'<text x="{left}" y="{top - 10}" font-weight="bold">{title}</text>')
        out.append(f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#444"/>')
        out.append(f'<text x="{(left + right) / 2}" y="{bottom + 34}" text-anchor="middle">{x_label}</text>')
        middle = (top + bottom) / 2
        out.append(
            f'<text transform="translate({left - 38} {middle}) rotate(-90)" text-anchor="middle">{y_label}</text>'
        )
        if texts or len(ticks) <= 8:
            # Many words take turns on two lines.
            lines = 2 if len(ticks) > 8 else 1
            labels = [(x, x, at % lines) for at, x in enumerate(ticks)]
        else:
            labels = [(x, f"{x:.4g}", 0) for x in (low + (high - low) * step / 6 for step in range(7))]
        for x, label, line_of in labels:
            out.append(f'<text x="{at_x(x):.1f}" y="{bottom + 16 + 12 * line_of}" text-anchor="middle">{label}</text>')
        for step in range(5):
            y = floor + (ceiling - floor) * step / 4
            out.append(f'<text x="{left - 6}" y="{at_y(y) + 4:.1f}" text-anchor="end">{y:.3g}</text>')
        for name, band in spread.items():
            corners = [(x, low) for x, low, _ in band] + [(x, high) for x, _, high in reversed(band)]
            path_data = "M" + "L".join(f"{at_x(x):.1f} {at_y(y):.1f}" for x, y in corners) + "Z"
            out.append(f'<path d="{path_data}" fill="{colour[name]}" fill-opacity="0.15"/>')
        for name, line in series.items():
            path_data = "M" + "L".join(f"{at_x(x):.1f} {at_y(y):.1f}" for x, y in line)
            out.append(f'<path d="{path_data}" fill="none" stroke="{colour[name]}" stroke-width="1.6"/>')
            for x, y in line if len(line) <= 30 else []:
                out.append(f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="2.2" fill="{colour[name]}"/>')
    for index, name in enumerate(names):
        x, y = 20 + index % in_row * 200, height * rows + 14 + index // in_row * 20
        out.append(f'<rect x="{x}" y="{y - 8}" width="18" height="4" fill="{colour[name]}"/>')
        out.append(f'<text x="{x + 24}" y="{y - 2}">{name}</text>')
    out.append("</svg>")
    Path(path).write_text("\n".join(out) + "\n")
