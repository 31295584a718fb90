"""A search over Ray comes to its end whatever dies: the whole program, real trainings, and clusters on this machine.

`MUNAS` names the binary, else it is the release build of this repository. `-s` prints how long each fault held a
trial up. With `MUNAS_LONG_TESTS` set, also what is noticed by a silence of 60 s is tried.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Cable, Nodes
from harness import HERE, alive, seconds_until, stop_all

pytest.importorskip("ray", reason="ray is not installed")

MUNAS = Path(os.environ.get("MUNAS") or HERE.parents[1] / "target" / "release" / "munas")
if not MUNAS.exists():
    pytest.skip(f"there is no munas at {MUNAS}; the variable MUNAS names another", allow_module_level=True)

TRIALS, EPOCHS = 40, 36
TINY = ["--max-macs", "40K", "--set", "search.rungs=1", "--set", f"train.epochs={EPOCHS}"]  # a second or a few
ENVIRONMENT = {**os.environ, "MUNAS_PYTHON": sys.executable, "NO_COLOR": "1"}
long = pytest.mark.skipif(not os.environ.get("MUNAS_LONG_TESTS"), reason="takes minutes; MUNAS_LONG_TESTS is not set")


class Search:
    """A run of `munas search` or `munas resume`, and its journal."""

    def __init__(self, run: Path, backend: str, *arguments: str, command: str = "search", **limits: int) -> None:
        self.run = run
        self.log = run.with_name(f"{run.name}-{command}-{time.monotonic_ns()}.log")
        if command == "search":
            limits = {"trials": TRIALS, "workers": 2, **limits}
            flags = [f"--{name}={value}" for name, value in limits.items()]
            arguments = ("--data", "glyphs", "--out", str(run), *flags, *TINY, *arguments)
        else:
            arguments = (str(run), *arguments)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [MUNAS, command, *arguments, "--backend", backend],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=ENVIRONMENT,
            )

    def said(self) -> str:
        """All that it has said."""
        return self.log.read_text()

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Rows of the journal; none while there is no journal yet."""
        return rows(self.run, query, *values)

    def until(self, condition: Callable[[], Any], limit: float = 60) -> None:
        """Waits for something that happens before the search ends."""

        def happened() -> Any:
            fact = condition()
            assert fact or self.process.poll() is None, self.said()
            return fact

        seconds_until(happened, limit)

    def until_results(self, count: int) -> None:
        """Waits for so many results."""
        self.until(lambda: len(self.rows("SELECT 1 FROM result")) >= count)

    def training(self, is_victim: Callable[[int], bool] = lambda _: True) -> sqlite3.Row:
        """An attempt whose worker is amid its epochs."""
        query = """SELECT attempt.* FROM attempt WHERE ended_ms IS NULL AND session = (SELECT max(id) FROM session)
                   AND (SELECT count(*) FROM epoch WHERE epoch.trial = attempt.trial) BETWEEN 1 AND 18"""
        found: list[sqlite3.Row] = []

        def look() -> bool:
            found[:] = [row for row in self.rows(query) if alive(row["process"]) and is_victim(row["process"])]
            return bool(found)

        self.until(look)
        return found[0]

    def lose(
        self, what: str, strike: Callable[[int], object], is_victim: Callable[[int], bool] = lambda _: True
    ) -> None:
        """Strikes a worker that trains, and sees its trial go on. If it ended its trial just then, which is no
        loss, another is struck."""
        for _ in range(5):
            victim, struck_ms = self.training(is_victim), time.time() * 1000
            strike(victim["process"])
            if self.goes_on(what, victim, struck_ms):
                return
        raise AssertionError("no attempt was given up")

    def goes_on(self, what: str, victim: sqlite3.Row, struck_ms: float, limit: float = 30) -> bool:
        """Whether the attempt was given up; then its trial is seen to be given to another worker."""
        key = (victim["session"], victim["number"])
        own = "SELECT * FROM attempt WHERE session = ? AND number = ? AND ended_ms IS NOT NULL"
        self.until(lambda: self.rows(own, *key), limit)
        (ended,) = self.rows(own, *key)
        if ended["given_up"] is None:
            return False
        later = "SELECT * FROM attempt WHERE trial = ? AND session = ? AND number > ? ORDER BY number"
        self.until(lambda: self.rows(later, victim["trial"], *key), limit)
        after = self.rows(later, victim["trial"], *key)[0]
        assert after["process"] != victim["process"]
        report(
            f"{what}: trial {victim['trial']} went on after {(after['began_ms'] - struck_ms) / 1000:.1f} s: "
            f"{ended['given_up']}"
        )
        return True

    def ends(self, status: int = 0, limit: float = 150) -> str:
        """Waits for its end; what it said."""
        assert self.process.wait(timeout=limit) == status, self.said()
        return self.said()


def report(text: str) -> None:
    """For whoever runs the tests with `-s`."""
    print(f"\n{text}", flush=True)


def rows(run: Path, query: str, *values: object) -> list[sqlite3.Row]:
    """Rows of a run's journal; none while there is no journal yet."""
    if not (run / "journal.db").exists():
        return []
    with contextlib.closing(sqlite3.connect(run / "journal.db", timeout=20)) as connection:
        connection.row_factory = sqlite3.Row
        try:
            return connection.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # the search has just made the file
                return []
            raise


def workers_of(run: Path) -> list[int]:
    """The workers of a run that are there, by the journal: numbers of processes are not given again so soon."""

    def is_worker(process: int) -> bool:
        with contextlib.suppress(OSError):
            return b"\0worker\0" in Path(f"/proc/{process}/cmdline").read_bytes() and alive(process)
        return False

    return [row["process"] for row in rows(run, "SELECT DISTINCT process FROM attempt") if is_worker(row["process"])]


def no_worker_is_left(run: Path) -> float:
    """Sees all workers of a run end; the seconds that took."""
    return seconds_until(lambda: not workers_of(run), 15)


def is_complete(run: Path, trials: int = TRIALS) -> None:
    """Each trial has one end and one result, each loss a reason, and the proposals can be derived again."""
    states = {row["state"] for row in rows(run, "SELECT state FROM trial")}
    assert states == {"done"}, [tuple(row) for row in rows(run, "SELECT id, state, reason FROM trial")]
    assert [row["id"] for row in rows(run, "SELECT id FROM trial ORDER BY id")] == list(range(1, trials + 1))
    assert [row["trial"] for row in rows(run, "SELECT trial FROM result ORDER BY trial")] == list(range(1, trials + 1))
    epochs = "SELECT trial, count(*) AS number, max(epoch) AS last FROM epoch GROUP BY trial"
    assert [(row["number"], row["last"]) for row in rows(run, epochs)] == [(EPOCHS, EPOCHS)] * trials
    twice = """SELECT trial, session FROM attempt WHERE given_up IS NULL AND ended_ms IS NOT NULL
               GROUP BY trial, session HAVING count(*) > 1"""
    assert not rows(run, twice)
    assert_replays(run)
    no_worker_is_left(run)


def assert_replays(run: Path) -> None:
    """All proposals of the run can be derived again from its records."""
    replayed = subprocess.run([MUNAS, "replay", run], capture_output=True, text=True, env=ENVIRONMENT)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr


def losses(run: Path) -> list[str]:
    """Why attempts were given up."""
    given_up = "SELECT given_up FROM attempt WHERE given_up IS NOT NULL ORDER BY session, number"
    return [row["given_up"] for row in rows(run, given_up)]


def parent(process: int) -> int:
    """The parent of a process: a worker's is its actor, an actor's its raylet; 0 if it is gone."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return 0


def raylet(node: Any) -> int:
    """The process of a node's raylet."""
    return int(node.all_processes["raylet"][0].process.pid)


def adapter_of(search: Search) -> int:
    """The adapter's process."""
    found: list[int] = []

    def look() -> bool:
        found[:] = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        found[:] = [process for process in found if parent(process) == search.process.pid]
        return bool(found)

    search.until(look)
    return found[0]


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Callable[..., Search]]:
    """Starts searches; what is left of them after the test is killed."""
    started: list[Search] = []

    def start(backend: str, *arguments: str, run: str = "run", **keys: Any) -> Search:
        started.append(Search(tmp_path / run, backend, *arguments, **keys))
        return started[-1]

    yield start
    for search in started:
        search.process.kill()
        search.process.wait()
        try:
            no_worker_is_left(search.run)
        finally:
            stop_all(workers_of(search.run))


Start = Callable[..., Search]


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)


def test_workers_actors_and_nodes_die_and_come(nodes: Nodes, search: Start) -> None:
    doomed = nodes.add("doomed", cores=1)
    # More trials than end while nodes start: the search is interrupted when all has been seen.
    running = search(f"ray:{nodes.address}", workers=3, trials=10_000)
    running.until_results(3)
    running.lose("SIGKILL worker", kill)
    running.until_results(8)
    running.lose("SIGKILL actor", lambda worker: kill(parent(worker)))
    running.until_results(12)
    there = raylet(doomed)
    running.lose("SIGKILL raylet", lambda _: kill(there), lambda worker: parent(parent(worker)) == there)
    late, begun = nodes.add("late", cores=1), time.monotonic()
    on_late = raylet(late)
    everyone = "SELECT process FROM attempt WHERE ended_ms IS NULL"
    running.until(lambda: any(parent(parent(row["process"])) == on_late for row in running.rows(everyone)))
    report(f"a node that joins late: the first trial began after {time.monotonic() - begun:.1f} s")
    running.process.send_signal(signal.SIGINT)
    said = running.ends(status=128 + signal.SIGINT)
    assert said.count("has joined") >= 6, said
    begun_trials = running.rows("SELECT max(id) AS last FROM trial")[0]["last"]
    search(f"ray:{nodes.address}", f"--trials={begun_trials}", command="resume").ends()
    is_complete(running.run, begun_trials)
    reasons = losses(running.run)
    assert len(reasons) == 3, reasons
    assert "SIGKILL" in reasons[0]
    nodes.remove(doomed)
    nodes.remove(late)


def test_a_killed_coordinator(nodes: Nodes, search: Start, tmp_path: Path) -> None:
    killed = search(f"ray:{nodes.address}")
    killed.until_results(6)
    workers = workers_of(killed.run)
    assert workers
    kill(killed.process.pid)
    report(f"SIGKILL coordinator: no worker after {no_worker_is_left(killed.run):.1f} s")
    shutil.copytree(killed.run, tmp_path / "other")
    for run, backend in (("run", f"ray:{nodes.address}"), ("other", "threads")):
        started_ms = time.time() * 1000
        resumed = search(backend, run=run, command="resume")
        resumed.ends()
        is_complete(resumed.run)
        assert len(resumed.rows("SELECT 1 FROM session")) == 2
        if first := resumed.rows("SELECT min(began_ms) AS at FROM attempt WHERE session = 2")[0]["at"]:
            report(f"resumed on ray: the first trial went on after {(first - started_ms) / 1000:.1f} s")


@pytest.mark.parametrize(("how", "limit"), [(signal.SIGKILL, 20), pytest.param(signal.SIGSTOP, 90, marks=long)])
def test_a_killed_or_frozen_adapter(nodes: Nodes, search: Start, how: signal.Signals, limit: float) -> None:
    killed = search(f"ray:{nodes.address}")
    killed.until_results(6)
    struck = time.monotonic()
    os.kill(adapter_of(killed), how)
    said = killed.ends(status=1, limit=limit)
    report(f"{how.name} adapter: the search ended after {time.monotonic() - struck:.1f} s: {last_words(said)}")
    assert "error" in said and "adapter" in said, said
    report(f"{how.name} adapter: no worker after another {no_worker_is_left(killed.run):.1f} s")
    search("processes", command="resume").ends()
    is_complete(killed.run)


def last_words(said: str) -> str:
    """What a search said at its end, from its error on."""
    return said[said.rfind("error: ") :].strip()


def test_a_killed_head(search: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    nodes: Any = Nodes(tmp_path_factory.mktemp("head"))
    try:
        nodes.add("one", cores=2)
        killed = search(f"ray:{nodes.address}")
        killed.until_results(6)
        struck = time.monotonic()
        for process in ("gcs_server", "raylet"):
            kill(nodes.cluster.head_node.all_processes[process][0].process.pid)
        said = killed.ends(status=1, limit=40)
        report(f"SIGKILL head: the search ended after {time.monotonic() - struck:.1f} s: {last_words(said)}")
        assert "head node" in said, said
        report(f"SIGKILL head: no worker after another {no_worker_is_left(killed.run):.1f} s")
    finally:
        nodes.cluster.shutdown()
    search("threads", command="resume").ends()
    is_complete(killed.run)


def test_a_full_disk_on_a_node(nodes: Nodes, search: Start, tiny_disk: Path) -> None:
    node = nodes.add("full", cores=1, MUNAS_WORKER_CACHE=str(tiny_disk))
    running = search(f"ray:{nodes.address}", workers=3)
    said = running.ends()
    assert "No space left on device" in said, said
    is_complete(running.run)
    report(f"full disk on a node: {next(line for line in said.splitlines() if 'No space left' in line)}")
    nodes.remove(node)


OLDER = """#!{python} -IS
import json, sys
if sys.argv[1:] == ["--version"]:
    print("munas {version}")
else:
    sys.stdin.readline()
    machine = dict(instruction_set="avx2", cores=1, memory=1 << 30, host="older", process=1)
    print(json.dumps(dict(type="hello", protocol=3, version="0.0.9", **machine)), flush=True)
    sys.stdin.read()
"""


def test_a_worker_of_another_version(nodes: Nodes, search: Start, tmp_path: Path) -> None:
    """The node's own munas says that it is of the coordinator's version, and its worker turns out not to be."""
    said = subprocess.run([MUNAS, "--version"], capture_output=True, text=True, check=True).stdout
    program = tmp_path / "bin" / "munas"
    program.parent.mkdir()
    program.write_text(OLDER.format(python=sys.executable, version=said.split()[-1]))
    program.chmod(0o755)
    node = nodes.add("older", cores=1, PATH=f"{program.parent}:{os.environ['PATH']}")
    running = search(f"ray:{nodes.address}", workers=3)
    said = running.ends()
    assert "0.0.9" in said, said
    is_complete(running.run)
    report(f"worker of another version: {next(line for line in said.splitlines() if '0.0.9' in line)}")
    nodes.remove(node)


def test_one_worker_comes_to_the_bits_of_one_thread(nodes: Nodes, search: Start) -> None:
    searches = [
        search(backend, run=run, workers=1, seed=7, trials=12)
        for run, backend in (("threads", "threads"), ("ray", f"ray:{nodes.address}"))
    ]
    for one in searches:
        one.ends()
    threads, ray = (contents(one) for one in searches)
    assert len(threads["trial"]) == 12
    assert threads == ray


def contents(search: Search) -> dict[str, list[dict[str, object]]]:
    """What a run came to, without the times of the clock."""
    clock = {"started_ms", "finished_ms", "train_seconds"}
    return {
        table: [
            {key: row[key] for key in row.keys() if key not in clock} for row in search.rows(f"SELECT * FROM {table}")
        ]
        for table in ("trial", "result", "epoch", "promotion", "confusion")
    }


def test_finalists_are_trained_on_the_cluster(nodes: Nodes, search: Start, tmp_path: Path) -> None:
    """They learn from the largest network of the front, whose file the nodes do not have."""
    few = ("--set", "final.networks=2", "--set", "final.seeds=2", "--set", "final.distillation=true")
    search("threads", *few, trials=12, seed=5).ends()
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    found = []
    for run, backend in (("run", "threads"), ("other", f"ray:{nodes.address}")):
        refined = search(backend, run=run, command="refine")
        said = refined.ends()
        columns = "trial, number, seed, teacher, validation_error, int8_error, test_error, int8_test_error"
        rows = refined.rows(f"SELECT {columns} FROM finalist ORDER BY trial, number")
        found.append([tuple(row) for row in rows])
    assert "has joined" in said, said
    assert any(row[3] is not None for row in found[0]), found[0]
    assert found[0] == found[1]


def test_a_trial_that_is_lost_three_times_fails(nodes: Nodes, search: Start) -> None:
    running = search(f"ray:{nodes.address}", trials=8)
    running.lose("SIGKILL worker", kill)
    ((trial,),) = running.rows("SELECT DISTINCT trial FROM attempt WHERE given_up IS NOT NULL")
    has_it = "SELECT process FROM attempt WHERE trial = ? AND ended_ms IS NULL"
    for number in (2, 3):
        running.until(lambda: running.rows(has_it, trial))
        kill(running.rows(has_it, trial)[0]["process"])
        running.until(lambda: len(losses(running.run)) == number)  # noqa: B023
    running.ends()
    failed = running.rows("SELECT id, reason FROM trial WHERE state <> 'done'")
    assert [row["id"] for row in failed] == [trial]
    assert failed[0]["reason"].startswith("its worker was lost 3 times"), failed[0]["reason"]
    assert [tuple(row) for row in running.rows("SELECT trial, error FROM result WHERE lost")] == [(trial, None)]
    assert len(running.rows("SELECT 1 FROM result")) == 8
    assert_replays(running.run)


@long
def test_goes_on_from_its_last_checkpoint_to_the_same_bits(nodes: Nodes, search: Start) -> None:
    """Checkpoints are 20 s apart: a worker that was stopped so long makes one as soon as it goes on."""
    many = ("--set", "train.epochs=2000")
    alone = search("threads", *many, run="threads", trials=1, seed=3)
    alone.ends()
    running = search(f"ray:{nodes.address}", *many, trials=1, seed=3)
    running.until(lambda: len(running.rows("SELECT 1 FROM epoch")) > 1000, 120)
    (attempt,) = running.rows("SELECT * FROM attempt")
    os.kill(attempt["process"], signal.SIGSTOP)
    time.sleep(21)
    os.kill(attempt["process"], signal.SIGCONT)
    running.until(lambda: list((running.run / "checkpoints").glob("*")), 20)
    struck_ms = time.time() * 1000
    kill(attempt["process"])
    assert running.goes_on("SIGKILL worker after a checkpoint", attempt, struck_ms)
    (second,) = running.rows("SELECT process FROM attempt WHERE number = 2")
    used = 0.0
    while running.process.poll() is None:
        used = max(used, processor_seconds(second["process"]))
        time.sleep(0.05)
    running.ends()
    assert contents(running) == contents(alone)
    counted = running.rows("SELECT train_seconds FROM trial")[0]["train_seconds"]
    report(f"the second worker used {used:.1f} s of its core; {counted:.1f} s count with those up to the checkpoint")
    assert counted > used + 1


def processor_seconds(process: int) -> float:
    """What a process has used of its cores; 0 if it is gone."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


@long
@pytest.mark.parametrize("victim", ["worker", "actor"])
def test_a_frozen_worker_or_actor(nodes: Nodes, search: Start, victim: str) -> None:
    running = search(f"ray:{nodes.address}")
    running.until_results(6)
    attempt, struck_ms = running.training(), time.time() * 1000
    frozen = attempt["process"] if victim == "worker" else parent(attempt["process"])
    os.kill(frozen, signal.SIGSTOP)
    try:
        assert running.goes_on(f"SIGSTOP {victim}", attempt, struck_ms, limit=100)
        running.ends()
        seconds_until(lambda: not alive(frozen), 15)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(frozen, signal.SIGKILL)
    is_complete(running.run)
    assert losses(running.run) == ["nothing was heard from it for 60 s"]


@long
def test_a_frozen_raylet(nodes: Nodes, search: Start) -> None:
    """Its workers may go on for a while: until Ray takes the node for dead, or their news no longer come through."""
    node = nodes.add("frozen", cores=1)
    there = raylet(node)
    running = search(f"ray:{nodes.address}", workers=3)
    running.until_results(3)
    running.training(lambda worker: parent(parent(worker)) == there)
    struck_ms = time.time() * 1000
    os.kill(there, signal.SIGSTOP)
    try:
        running.ends()
        is_complete(running.run)
    finally:
        kill(there)
        nodes.remove(node)
    for row in running.rows("SELECT ended_ms, given_up FROM attempt WHERE given_up IS NOT NULL"):
        report(f"SIGSTOP raylet: given up after {(row['ended_ms'] - struck_ms) / 1000:.1f} s: {row['given_up']}")


@long
def test_a_partition(search: Start, cable: Cable, tmp_path_factory: pytest.TempPathFactory) -> None:
    nodes: Any = Nodes(tmp_path_factory.mktemp("parted"), node_ip_address=cable.here)
    ray = str(Path(sys.executable).with_name("ray"))
    join = ["start", f"--address={nodes.address}", f"--node-ip-address={cable.there}", "--node-name=far"]
    far = cable.run(ray, *join, "--num-cpus=1", "--block", "--disable-usage-stats")
    try:
        nodes.add("one", cores=1, node_ip_address=cable.here)
        running = search(f"ray:{nodes.address}", workers=2)
        on_far = "SELECT * FROM attempt WHERE node = 'far' AND ended_ms IS NULL"
        running.until(lambda: running.rows(on_far), 60)
        running.until_results(4)
        running.until(lambda: running.rows(on_far))
        attempt, struck_ms = running.rows(on_far)[0], time.time() * 1000
        cable.cut()
        assert running.goes_on("partition", attempt, struck_ms, limit=150)
        running.ends()
        is_complete(running.run)
    finally:
        far.kill()
        cable.remove()
        nodes.cluster.shutdown()
