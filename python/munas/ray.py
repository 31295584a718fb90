"""Starts munas workers wherever a Ray cluster has free cores, and carries what they and their coordinator say.

`munas search --backend ray` starts this file as a child and speaks with it over standard input and output; the messages
are in docs/worker.md, "Through an adapter". The file needs ray and the standard library alone: the munas binary
contains it and runs it by `python -c`, so that `pip install ray` is all that a user needs; `python -m munas.ray` is the
same.

    coordinator ── Adapter (the driver of a Ray job) ── Worker (an actor, one for each free core) ── `munas worker`

Two rules keep any process from outliving its purpose, whatever dies:

- An actor that its adapter has not asked for news for `LEASE` seconds ends itself. Ray notices most deaths sooner, but
  not that of its own head node.
- A worker's process ends with its actor: its standard input closes, and Linux kills it even if it is stopped.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import logging
import os
import platform
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

LONGEST_POLL = 7.0
"""Seconds that an actor keeps a question for news."""
LEASE = 12.0
"""Seconds without a question after which an actor ends. All of a dead coordinator's workers are to end within 15 s."""
PATIENT = {"heartbeat", "epoch"}
"""Types of messages that can wait, which are most of what a worker says. Each answer costs the adapter a millisecond or two of
processor time."""
PATIENCE_PER_WORKER = 0.07
"""Seconds for which they wait, for each worker there is: with few, epochs are seen at once."""
POLL_GAP = 0.1
"""Seconds between two answers at least: a worker that says much is heard in batches, one that says little at once."""
PIECE = 4 << 20
"""Bytes of a worker's stream that travel in one call."""
PARCEL_PIECE = 32 << 20
"""Bytes of a file that travel as one object: an actor never holds a whole file in its memory."""
CLUSTER_POLL = 2.0
"""Seconds between two looks at the cluster's nodes."""
HEAD_SILENCE = 10.0
"""Seconds without an answer of the head node after which it counts as dead."""
ABSENCE = 5.0
"""Seconds without a look at the clock after which the adapter itself was stopped, and cannot say that others were silent."""
FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 600.0
"""Seconds for which a node on which no worker could begin is left alone; they double each time."""
KILL_PATIENCE, KILL_LIMIT = 2.0, 10.0
"""Seconds after which Ray is asked to end a killed worker's actor, and after which the worker counts as gone anyway."""
END_LIMIT = 4.0
"""Seconds that the adapter takes at most to end."""


# ---- on the nodes ---------------------------------------------------------------------------------------------------


class Parcel(NamedTuple):
    """A file in Ray's object store, which moves it once to each node that asks for it."""

    name: str
    size: int
    digest: str
    pieces: list[Any]


class Order(NamedTuple):
    """What an actor needs to start a worker."""

    version: str
    binary: Parcel
    data: Parcel
    verify: bool
    """Whether to read cached files through before they are used: the first worker of a node does."""


class CannotBegin(Exception):
    """Why no worker can begin on this node, in words for the user."""


def cache_folder() -> Path:
    """A folder of this user on this node, which nobody else can write to: programs are started from it."""
    chosen = os.environ.get("MUNAS_WORKER_CACHE")
    if not chosen and (caches := os.environ.get("XDG_CACHE_HOME")):
        chosen = os.path.join(caches, "munas-workers")
    folder = Path(chosen or os.path.join(tempfile.gettempdir(), f"munas-{os.geteuid()}"))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise CannotBegin(f"cannot make {folder}: {error.strerror}") from error
    if not chosen and (folder.is_symlink() or status.st_uid != os.geteuid() or status.st_mode & 0o022):
        raise CannotBegin(
            f"{folder} belongs to others or can be written to by others; set MUNAS_WORKER_CACHE to a folder"
        )
    return folder


def is_whole(path: Path, parcel: Parcel, verify: bool) -> bool:
    """Whether the cached file is there and has the size, and with `verify` the content, of the one that was sent."""
    try:
        if path.stat().st_size != parcel.size:
            return False
        if not verify:
            return True
        with path.open("rb") as file:
            return digest_of(iter(partial(file.read, PARCEL_PIECE), b"")) == parcel.digest
    except OSError:
        return False


def digest_of(pieces: Iterator[bytes]) -> str:
    """BLAKE2 of pieces of a file."""
    digest = hashlib.blake2b(digest_size=20)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def write_parcel(path: Path, parcel: Parcel, mode: int) -> None:
    """Writes the file under another name and renames it when it is whole and on the disk."""
    import ray

    digest = hashlib.blake2b(digest_size=20)
    descriptor, temporary = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for reference in parcel.pieces:
                piece = ray.get(reference)
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
        if digest.hexdigest() != parcel.digest:
            raise CannotBegin(f"{path} did not arrive as it was sent")
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def cached(parcel: Parcel, verify: bool, mode: int) -> Path:
    """The path of the file on this node. Of several actors that need it at once, one writes it and the others wait."""
    import fcntl

    path = cache_folder() / parcel.name
    try:
        with open(f"{path}.lock", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_whole(path, parcel, verify):
                write_parcel(path, parcel, mode)
    except OSError as error:
        raise CannotBegin(f"cannot write {path} ({parcel.size:,} bytes): {error.strerror or error}") from error
    return path


def version_of(program: str) -> str:
    """The version that a munas binary says it has; `CannotBegin` if it does not run here."""
    try:
        ran = subprocess.run([program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    except OSError as error:
        why = {
            errno.ENOEXEC: f"it is no program for this machine, which is {platform.system()} on {platform.machine()}",
            errno.ENOENT: "its dynamic loader is missing here",
            errno.EACCES: "programs may not be started from this folder; set MUNAS_WORKER_CACHE to another one",
        }.get(error.errno or 0, str(error.strerror))
        raise CannotBegin(f"cannot run {program}: {why}") from error
    except subprocess.TimeoutExpired as error:
        raise CannotBegin(f"{program} --version does not end") from error
    if ran.returncode != 0:
        said = ran.stderr.decode(errors="replace").strip()[-500:]
        raise CannotBegin(f"cannot run {program}: {ended_how(ran.returncode)}{': ' + said if said else ''}")
    return (ran.stdout.decode(errors="replace").split() or [""])[-1]


def program_for(order: Order) -> str:
    """The node's own munas if it is of the coordinator's version, else the coordinator's binary."""
    if own := shutil.which("munas"):
        with contextlib.suppress(CannotBegin):
            if version_of(own) == order.version:
                return own
    program = str(cached(order.binary, order.verify, 0o700))
    if (version := version_of(program)) != order.version:
        raise CannotBegin(f"{program} has version {version}, not {order.version}")
    return program


def ended_how(status: int) -> str:
    """The end of a process in words, from its return code."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


DIE_WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""
"""Becomes another program that Linux kills with the thread that started it (PR_SET_PDEATHSIG). A program of its own,
and no `preexec_fn`: code between fork and exec can hang in a process with as many threads as an actor has."""


def bound_to_this_process(command: list[str]) -> list[str]:
    """The command such that what it starts cannot outlive this process, where the system can promise that."""
    if sys.platform != "linux":
        return command
    return [sys.executable, "-I", "-S", "-c", DIE_WITH_PARENT, str(os.getpid()), *command]


def can_wait(piece: bytes) -> bool:
    """Whether this is whole messages for whose sake nobody need be woken."""
    try:
        return piece.endswith(b"\n") and all(json.loads(line)["type"] in PATIENT for line in piece.splitlines())
    except (ValueError, TypeError, KeyError):
        return False


class Worker:
    """The actor: one `munas worker` and the node's end of its pipes. Each method is called in a thread of its own."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.changed = threading.Condition()
        self.process: subprocess.Popen[bytes] | None = None
        self.written = bytearray()
        self.errors = bytearray()
        self.patient = 0
        self.reason: str | None = None
        self.killed = self.told_begun = False
        self.asked = self.answered = time.monotonic()
        threading.Thread(target=self.live, daemon=True).start()
        threading.Thread(target=self.end_with_lease, daemon=True).start()

    def live(self) -> None:
        """Starts the worker and reads what it writes, to the end: the process dies with the thread that started it."""
        try:
            process = self.start()
        except CannotBegin as error:
            return self.set_reason(str(error))
        except Exception as error:
            return self.set_reason(f"{type(error).__name__}: {error}")
        errors = threading.Thread(target=self.read_errors, args=(process,), daemon=True)
        errors.start()
        assert process.stdout
        while piece := os.read(process.stdout.fileno(), 1 << 20):
            with self.changed:
                self.changed.wait_for(lambda: len(self.written) < 4 * PIECE)
                if len(self.written) == self.patient and can_wait(piece):
                    self.patient += len(piece)
                self.written += piece
                self.changed.notify_all()
        status = process.wait()
        errors.join(timeout=1)
        tail = bytes(self.errors[-600:]).decode(errors="replace").strip()
        self.set_reason(ended_how(status) + (f": {tail}" if tail else ""))

    def start(self) -> subprocess.Popen[bytes]:
        """Starts the worker's process, with what it needs on this node."""
        program = program_for(self.order)
        data = cached(self.order.data, self.order.verify, 0o600)
        command = bound_to_this_process([program, "worker", "--data", str(data)])
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)
        with self.changed:
            self.process = process
            if self.killed:
                process.kill()
            self.changed.notify_all()
        return process

    def read_errors(self, process: subprocess.Popen[bytes]) -> None:
        """Copies the worker's standard error to the actor's log, and keeps its end."""
        assert process.stderr
        while piece := os.read(process.stderr.fileno(), 1 << 16):
            sys.stderr.write(piece.decode(errors="replace"))
            sys.stderr.flush()
            self.errors = self.errors[-600:] + piece

    def set_reason(self, reason: str) -> None:
        """The worker is no more."""
        with self.changed:
            self.reason = self.reason or reason
            self.changed.notify_all()

    def end_with_lease(self) -> None:
        """Ends all if nobody asks any more, because the adapter or the way to it is gone; or if the raylet is, which is
        the node's part of Ray and the parent of its actors."""
        raylet = os.getppid() if os.environ.get("RAY_RAYLET_PID") == str(os.getppid()) else None
        reason = "not asked for news"
        while time.monotonic() - self.asked < LEASE:
            time.sleep(0.5)
            if raylet is not None and os.getppid() != raylet:
                reason = "the raylet of its node has died"
                break
        self.set_reason(reason)
        self.end()
        time.sleep(1)  # in which the adapter may yet hear the reason
        os._exit(1)

    def receive(self, patience: float) -> tuple[bool, bytes, str | None]:
        """News: whether the process has begun, what it has written since, and once all that is told, why it ended. What can
        wait does so for `patience` seconds from the last answer on."""
        self.asked = time.monotonic()
        with self.changed:
            self.changed.wait_for(lambda: self.written or self.has_news(), LONGEST_POLL)
            self.changed.wait_for(self.has_news, max(0.0, self.answered + patience - time.monotonic()))
            soon = self.answered + POLL_GAP - time.monotonic()
            if soon > 0:
                self.changed.wait_for(lambda: len(self.written) >= PIECE or self.reason is not None, soon)
            data = bytes(self.written[:PIECE])
            del self.written[:PIECE]
            self.patient = 0
            self.changed.notify_all()
            self.answered = time.monotonic()
            self.told_begun = self.process is not None
            return self.told_begun, data, None if self.written else self.reason

    def has_news(self) -> bool:
        """Whether there is something to tell at once."""
        if self.reason is not None or (self.process is not None and not self.told_begun):
            return True
        return len(self.written) > self.patient or len(self.written) >= PIECE

    def send(self, data: bytes) -> None:
        """Writes to the worker's standard input; what an ended worker no longer reads is lost."""
        with self.changed:
            self.changed.wait_for(lambda: self.process is not None or self.reason is not None)
        rest = memoryview(data)
        with contextlib.suppress(OSError):
            while rest and self.process and self.process.stdin:
                rest = rest[os.write(self.process.stdin.fileno(), rest) :]

    def end(self) -> None:
        """Kills the worker, also one that is stopped."""
        with self.changed:
            self.killed = True
            if self.process and self.process.poll() is None:
                self.process.kill()

    def end_actor(self) -> None:
        """Ends the actor too, without Ray, whose head node may be dead."""
        self.end()
        os._exit(0)


# ---- beside the coordinator -----------------------------------------------------------------------------------------


class Failed(Exception):
    """Nothing can be done: a problem, and what its user can do about it."""

    def __init__(self, problem: str, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem, self.hint = problem, hint


class Coordinator:
    """The two streams to the coordinator. Nobody else in this process, or of its children, can write or read them."""

    def __init__(self) -> None:
        self.input: BinaryIO = os.fdopen(os.dup(0), "rb", buffering=1 << 20)
        self.output: BinaryIO = os.fdopen(os.dup(1), "wb", buffering=0)
        self.writing = threading.Lock()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)

    def say(self, kind: str, data: bytes | None = None, /, **keys: Any) -> None:
        """Sends one message, with the bytes that follow it."""
        if data is not None:
            keys["bytes"] = len(data)
        message = json.dumps({"type": kind, **keys}).encode() + b"\n" + (data or b"")
        with self.writing:
            rest = memoryview(message)
            while rest:
                try:
                    rest = rest[self.output.write(rest) :]
                except OSError:
                    os._exit(1)

    def messages(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        """What the coordinator says, to the end of its stream."""
        while line := self.input.readline():
            message = json.loads(line)
            yield message, self.input.read(message.get("bytes", 0))


@dataclasses.dataclass
class Placed:
    """A worker as the adapter knows it."""

    number: int
    node: str
    label: str
    actor: Any
    joined: bool = False
    spoke: bool = False
    killed_at: float | None = None
    sending: bool = False
    outbox: deque[bytes] = dataclasses.field(default_factory=deque)


@dataclasses.dataclass
class Node:
    """What the adapter has learnt of a node."""

    proven: bool = False
    """A worker has begun on it. Until then one at a time is tried."""
    backoff: float = 0.0
    rests_until: float = 0.0


Event = tuple[dict[str, Any], bytes] | Callable[[], None] | None
"""A message of the coordinator, something to do, or the coordinator's end."""


class Adapter:
    """Gives each free core of the cluster a worker. Methods run in the main thread but for those that say otherwise."""

    def __init__(
        self,
        ray: Any,
        raylet: str,
        coordinator: Coordinator,
        events: queue.SimpleQueue[Event],
        begin: dict[str, Any],
    ) -> None:
        self.ray, self.raylet, self.coordinator, self.events = ray, raylet, coordinator, events
        self.cpus = begin["cpus_per_worker"]
        self.most = begin["most_workers"]
        self.order = Order(
            begin["version"],
            parcel_of(ray, begin["binary"], f"munas-{begin['version']}-"),
            parcel_of(ray, begin["data"], f"data-{begin['fingerprint']}-"),
            verify=False,
        )
        self.actors = ray.remote(num_cpus=self.cpus, max_restarts=0, max_concurrency=4)(Worker)
        self.workers: dict[int, Placed] = {}
        self.nodes: dict[str, Node] = {}
        self.started = 0
        self.idle_since: float | None = time.monotonic()

    def run(self) -> None:
        """Does what there is to do until the coordinator ends."""
        threading.Thread(target=self.look, daemon=True).start()
        while (event := self.events.get()) is not None:
            if isinstance(event, tuple):
                self.obey(*event)
            else:
                event()

    def look(self) -> None:
        """Asks the head node for the nodes, again and again, in a thread of its own; another sees that it answers."""
        heard = [time.monotonic()]
        threading.Thread(target=self.watch, args=(heard,), daemon=True).start()
        while True:
            with contextlib.suppress(Exception):
                see_raylet(self.raylet)
                nodes = [node for node in self.ray.nodes() if node["Alive"]]
                free = free_cores(self.ray, nodes)
                heard[0] = time.monotonic()
                self.events.put(partial(self.see, nodes, free))
            time.sleep(CLUSTER_POLL)

    def watch(self, heard: list[float]) -> None:
        """Ends the adapter when the head node has been silent for too long. Ray itself would try on for minutes."""
        looked = time.monotonic()
        while time.monotonic() - heard[0] < HEAD_SILENCE:
            time.sleep(0.5)
            now = time.monotonic()
            if now - looked > ABSENCE:
                heard[0] = now
            looked = now
        for worker in list(self.workers.values()):
            worker.actor.end_actor.remote()
        time.sleep(0.5)
        self.coordinator.say(
            "failed",
            problem="the head node of the Ray cluster, or this machine's part of it, has not answered for "
            f"{HEAD_SILENCE:.0f} s",
            hint="`munas resume` goes on with the run once there is a cluster again, or without one",
        )
        os._exit(1)

    def see(self, nodes: list[dict[str, Any]], free: dict[str, float]) -> None:
        """Says that all is well with the adapter, and starts workers on the cores that are free."""
        self.coordinator.say("alive")
        self.see_to_killed()
        now = time.monotonic()
        for node in nodes:
            known = self.nodes.setdefault(node["NodeID"], Node())
            waiting = sum(not w.joined for w in self.workers.values() if w.node == node["NodeID"])
            slots = int(free.get(node["NodeID"], 0.0) / self.cpus) - waiting
            if not known.proven:
                slots = min(slots, 1 - waiting)
            if known.rests_until > now:
                slots = 0
            for _ in range(slots):
                if self.most is None or len(self.workers) < self.most:
                    self.start(node, verify=not known.proven)
        self.complain_of_no_core(nodes, free)

    def complain_of_no_core(self, nodes: list[dict[str, Any]], free: dict[str, float]) -> None:
        """Says once why nothing happens, where the cluster has no room for a worker."""
        if self.workers or any(node.backoff for node in self.nodes.values()):
            self.idle_since = None
        if self.idle_since is not None and time.monotonic() - self.idle_since > 10:
            self.idle_since = None
            cores = sum(node["Resources"].get("CPU", 0) for node in nodes)
            self.coordinator.say(
                "note",
                text=f"no node of the Ray cluster has {self.cpus} free cores: {len(nodes)} nodes with {cores:.0f} "
                f"cores, of which {sum(free.values()):.0f} are free. Workers begin as soon as there is room",
            )

    def start(self, node: dict[str, Any], verify: bool) -> None:
        """Asks Ray for an actor on the node."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self.started += 1
        place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        actor = self.actors.options(scheduling_strategy=place).remote(self.order._replace(verify=verify))
        worker = Placed(self.started, node["NodeID"], label_of(node), actor)
        self.workers[worker.number] = worker
        self.listen(worker)

    def ask(self, question: Any, then: Callable[[Placed, Any], None], worker: Placed, *arguments: Any) -> None:
        """Calls a method of a worker's actor, and `then` with its future when there is an answer."""
        future = question.remote(*arguments).future()
        future.add_done_callback(lambda done: self.events.put(partial(then, worker, done)))

    def listen(self, worker: Placed) -> None:
        """Asks a worker's actor for news. There is never more than one such question: so its bytes keep their order."""
        self.ask(worker.actor.receive, self.heard, worker, min(PATIENCE_PER_WORKER * len(self.workers), LONGEST_POLL))

    def heard(self, worker: Placed, answer: Any) -> None:
        """Passes on what a worker's actor had to tell."""
        if worker.number not in self.workers:
            return
        try:
            begun, data, reason = answer.result()
        except Exception as error:
            return self.left(worker, in_words(error))
        if begun and not worker.joined:
            worker.joined = True
            self.coordinator.say("joined", worker=worker.number, node=worker.label)
        if data:
            worker.spoke = True
            self.nodes[worker.node].proven = True
            self.nodes[worker.node].backoff = 0.0
            self.coordinator.say("from", data, worker=worker.number)
        if reason is None:
            self.listen(worker)
        else:
            self.left(worker, reason)

    def left(self, worker: Placed, reason: str) -> None:
        """Tells the end of a worker, and frees its core. A node on which it could not even speak rests for a while."""
        del self.workers[worker.number]
        with contextlib.suppress(Exception):
            self.ray.kill(worker.actor)
        if not worker.spoke and worker.killed_at is None:
            node = self.nodes[worker.node]
            node.proven = False
            node.backoff = min(max(2 * node.backoff, FIRST_BACKOFF), LONGEST_BACKOFF)
            node.rests_until = time.monotonic() + node.backoff
        self.coordinator.say("left", worker=worker.number, reason=f"{worker.label}: {reason}")

    def obey(self, message: dict[str, Any], data: bytes) -> None:
        """Does what the coordinator says. What it says of a worker that has left crossed with that news."""
        worker = self.workers.get(message.get("worker", 0))
        match message["type"]:
            case "send" if worker:
                worker.outbox.extend(data[at : at + PIECE] for at in range(0, len(data), PIECE))
                self.send(worker)
            case "kill" if worker and worker.killed_at is None:
                worker.killed_at = time.monotonic()
                worker.actor.end.remote()
            case "send" | "kill":
                pass
            case other:
                raise Failed(f"the coordinator said '{other}', which this adapter does not know")

    def send(self, worker: Placed) -> None:
        """Sends the next bytes to a worker, unless some are on their way: one call at a time keeps them in order."""
        if worker.outbox and not worker.sending:
            worker.sending = True
            self.ask(worker.actor.send, self.sent, worker, worker.outbox.popleft())

    def sent(self, worker: Placed, _answer: Any) -> None:
        """Goes on with the next bytes. An error is told by `heard` too, and there it is the worker's end."""
        worker.sending = False
        if worker.number in self.workers:
            self.send(worker)

    def see_to_killed(self) -> None:
        """Has Ray end the actors that did not kill their worker: frozen ones, and those that cannot be reached."""
        for worker in list(self.workers.values()):
            waited = time.monotonic() - worker.killed_at if worker.killed_at is not None else 0.0
            if waited > KILL_LIMIT:
                self.left(worker, "killed; its end was not confirmed")
            elif waited > KILL_PATIENCE:
                with contextlib.suppress(Exception):
                    self.ray.kill(worker.actor)

    def end(self) -> None:
        """Ends all actors, and what Ray started for this adapter alone."""
        for worker in self.workers.values():
            with contextlib.suppress(Exception):
                self.ray.kill(worker.actor)
        with contextlib.suppress(Exception):
            self.ray.shutdown()


def see_raylet(path: str) -> None:
    """Raises an error if this machine's raylet is gone: the head node would notice it only later, and then ends us."""
    if os.path.exists(path):
        with socket.socket(socket.AF_UNIX) as raylet:
            raylet.connect(path)


def parcel_of(ray: Any, path: str, name: str) -> Parcel:
    """Puts a file into Ray's object store."""
    pieces, size, digest = [], 0, hashlib.blake2b(digest_size=20)
    try:
        with open(path, "rb") as file:
            while piece := file.read(PARCEL_PIECE):
                size += len(piece)
                digest.update(piece)
                pieces.append(ray.put(piece))
    except OSError as error:
        raise Failed(f"cannot read {path}: {error.strerror}") from error
    return Parcel(name + digest.hexdigest()[:16], size, digest.hexdigest(), pieces)


def free_cores(ray: Any, nodes: list[dict[str, Any]]) -> dict[str, float]:
    """The free cores of each node. Ray has no public function for that; without the one it has, all count as free:
    Ray then lets actors wait."""
    try:
        from ray._private import state
    except ImportError:
        return {node["NodeID"]: node["Resources"].get("CPU", 0.0) for node in nodes}
    available: dict[str, dict[str, float]] = state.available_resources_per_node()  # type: ignore[no-untyped-call]
    return {node: resources.get("CPU", 0.0) for node, resources in available.items()}


def label_of(node: dict[str, Any]) -> str:
    """The node's name for people: the one that it was given, else that of its machine."""
    given = node.get("NodeName") or ""
    return given if given and given != node["NodeManagerAddress"] else node["NodeManagerHostname"]


def in_words(error: BaseException) -> str:
    """An error of Ray in one line, without the listing of identifiers that it comes with."""
    lines = [line.strip() for line in str(error).partition("Some common causes")[0].splitlines()]
    listing = ("class_name:", "actor_id:", "pid:", "name:", "namespace:", "ip:", "job_id:")
    return " ".join(line for line in lines if line and not line.startswith(listing))[:600] or type(error).__name__


def connect(begin: dict[str, Any], coordinator: Coordinator) -> tuple[Any, str]:
    """The module ray, connected, and the socket of this machine's raylet."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise Failed(f"{sys.executable} cannot import ray: {error}", "pip install ray") from error
    address = address_for(begin["address"])
    connecting = threading.Event()
    connecting.set()
    threading.Thread(target=read_ray_log, args=(coordinator, connecting), daemon=True).start()
    try:
        context: Any = ray.init(
            address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
        )
    except Exception as error:
        raise Failed(f"cannot connect to Ray: {in_words(error)}", hint_for(error, address)) from error
    connecting.clear()
    sys.stdout = sys.stderr = open(os.devnull, "w")
    return ray, context.address_info["raylet_socket_name"]


def read_ray_log(coordinator: Coordinator, connecting: threading.Event) -> None:
    """Takes what Ray writes to standard error, in a thread of its own. Each death of a process fills pages there, of
    which `left` has the gist; and only there is said that a token is refused, for long before `ray.init` gives up."""
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    os.close(writing)
    with open(reading, errors="replace") as lines:
        for line in lines:
            if connecting.is_set() and "Unauthenticated" in line:
                problem = "cannot connect to Ray: the cluster asks for a token, and there is none here or another one"
                coordinator.say("failed", problem=problem, hint=TOKEN_HINT)
                os._exit(1)


TOKEN_HINT = (
    "put the token of the cluster (`ray get-auth-token` on its head node) into ~/.ray/auth_token or RAY_AUTH_TOKEN "
    "here, and set RAY_AUTH_MODE=token"
)


def address_for(asked: str | None) -> str | None:
    """The address of the cluster. Fails at once if nothing listens there, where Ray would try for minutes; a cluster of
    this machine that Ray remembers and that is no more is replaced by a new one."""
    if address := asked or os.environ.get("RAY_ADDRESS"):
        if problem := why_deaf(address):
            hint = "`ray start --head` on a machine starts a cluster there, and says its address"
            raise Failed(f"cannot connect to Ray: nothing answers at {address}: {problem}", hint)
        return address
    with contextlib.suppress(Exception):
        from ray._private.utils import read_ray_address

        if (remembered := read_ray_address()) and why_deaf(remembered):
            return "local"
    return None


def why_deaf(address: str) -> str | None:
    """Why nothing answers at HOST:PORT; `None` if something does, or the address has another form."""
    host, colon, port = address.rpartition(":")
    if not colon or "/" in host or not port.isdigit():
        return None
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        return getattr(error, "strerror", None) or str(error)
    return None


def hint_for(error: Exception, address: str | None) -> str | None:
    """What a user can do about an error of `ray.init`."""
    text = str(error)
    if type(error).__name__ == "AuthenticationError":
        return TOKEN_HINT
    if "Version mismatch" in text or "version mismatch" in text:
        return (
            "start munas with the Python and Ray of the cluster; here is Python "
            f"{platform.python_version()} at {sys.executable}"
        )
    if address:
        return (
            f"is Ray running there and here? `ray start --address={address}` makes this machine part of the cluster, "
            "with `--num-cpus=0` one that trains nothing; no address starts Ray on this machine alone"
        )
    return None


def read_coordinator(coordinator: Coordinator, events: queue.SimpleQueue[Event]) -> None:
    """Reads in a thread of its own, from the very start: the coordinator's end is the adapter's, whatever Ray is at."""
    with contextlib.suppress(OSError, ValueError):
        for message in coordinator.messages():
            events.put(message)
    events.put(None)
    time.sleep(END_LIMIT)
    os._exit(0)


def serve(coordinator: Coordinator, events: queue.SimpleQueue[Event]) -> None:
    """Connects to Ray and works until the coordinator ends."""
    first = events.get()
    if not isinstance(first, tuple):
        return
    begin = first[0]
    if begin["type"] != "begin":
        raise Failed(f"the coordinator began with '{begin['type']}'")
    ray, raylet = connect(begin, coordinator)
    adapter = Adapter(ray, raylet, coordinator, events, begin)
    coordinator.say("ready", engine=f"ray {ray.__version__}")
    try:
        adapter.run()
    finally:
        adapter.end()


def main() -> int:
    """The adapter's process; its exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the coordinator too, and how to end is its decision
    sys.path[:] = [path for path in sys.path if path]  # a file ray.py where the user happens to be is not Ray
    coordinator = Coordinator()
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    threading.Thread(target=read_coordinator, args=(coordinator, events), daemon=True).start()
    try:
        serve(coordinator, events)
    except Failed as failed:
        coordinator.say("failed", problem=failed.problem, hint=failed.hint)
        return 1
    except Exception as error:
        coordinator.say("failed", problem=f"the adapter has a fault: {type(error).__name__}: {error}"[:2000], hint=None)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
