#!/usr/bin/env python3
"""What the live page costs a search: the same trials alone, and beside a page that listens and a farm of requests, in turn.

    cargo build --release
    python3 bench/dashboard.py --rounds 5
"""

import argparse
import http.client
import json
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
MUNAS = ROOT / "target/release/munas"


def search(folder, trials):
    """The seconds that a search of so many trials takes."""
    begun = time.monotonic()
    command = [MUNAS, "search", "--data", "glyphs", "--trials", str(trials), "--seed", "7", "--out", folder]
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - begun


class Page:
    """A server, a page that listens, and requests one after the other."""

    def __init__(self, runs, every):
        self.process = subprocess.Popen([MUNAS, "dashboard", runs, "--json"], stdout=subprocess.PIPE)
        text = b""
        while not text.endswith(b"}\n"):
            text += self.process.stdout.readline()
        document = json.loads(text)
        self.port, self.token = document["port"], document["address"].split("token=")[1]
        self.requests, self.every, self.ends = 0, every, threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.listen, self.farm)]
        for thread in self.threads:
            thread.start()

    def ask(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request("GET", path, headers={"Cookie": f"munas-{self.port}={self.token}"})
        return connection.getresponse()

    def listen(self):
        while not self.ends.is_set():
            answer = self.ask("/api/runs/0/events")
            while answer.status == 200 and not self.ends.is_set() and answer.readline():
                pass
            time.sleep(0.2)

    def farm(self):
        while not self.ends.wait(self.every):
            for path in ("/api/runs", "/api/runs/0", "/api/runs/0/trials/1"):
                self.ask(path).read()
                self.requests += 1

    def end(self):
        self.ends.set()
        self.process.terminate()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=120)
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two batches of three requests")
    options = parser.parse_args()
    ratios = []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            alone = search(Path(folder) / "alone", options.trials)
            (Path(folder) / "runs").mkdir()
            page = Page(Path(folder) / "runs", options.every)
            beside = search(Path(folder) / "runs" / "beside", options.trials)
            page.end()
        ratios.append(beside / alone)
        print(f"round {number + 1}: alone {alone:.2f} s, beside {page.requests} requests {beside:.2f} s, ratio {ratios[-1]:.3f}", flush=True)
    print(f"median ratio {median(ratios):.3f}")


if __name__ == "__main__":
    main()
