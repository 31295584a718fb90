"""What the tests of the adapter need: the coordinator's side of it, and clusters of several nodes on one machine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VERSION = "9.9.9"


def fake_binary(folder: Path) -> Path:
    """The fake worker as a program."""
    path = folder / "munas-fake"
    path.write_text(f"#!{sys.executable} -IS\n" + (HERE / "fake_worker.py").read_text())
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def adapter_command() -> list[str]:
    """The adapter as the munas binary starts it."""
    return [sys.executable, "-c", (HERE.parent / "munas" / "ray.py").read_text()]


def alive(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def seconds_until(condition: Callable[[], Any], limit: float) -> float:
    """How long it takes until something holds; an error if it takes longer than the limit."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < limit, f"not within {limit} s"
        time.sleep(0.05)
    return time.monotonic() - start


class Coordinator:
    """Starts an adapter and speaks with it."""

    def __init__(self, command: list[str], environment: dict[str, str], **begin: Any) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HERE.parent, env={**os.environ, **environment}
        )
        self.messages: list[dict[str, Any]] = []
        self.streams: dict[int, bytearray] = {}
        self.changed = threading.Condition()
        self.begun = time.monotonic()
        self.ended: float | None = None
        threading.Thread(target=self.read, daemon=True).start()
        if begin:
            self.say(**{"type": "begin", "version": VERSION, "fingerprint": "f00d", **begin})

    def say(self, payload: bytes = b"", /, **message: Any) -> None:
        """Sends a message."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(message).encode() + b"\n" + payload)
        self.process.stdin.flush()

    def send(self, worker: int, data: bytes = b"", **command: Any) -> None:
        """Sends a command to a fake worker."""
        text = json.dumps(command).encode() + b"\n" + data
        self.say(text, type="send", worker=worker, bytes=len(text))

    def read(self) -> None:
        """Reads all that the adapter says, in a thread."""
        assert self.process.stdout
        while line := self.process.stdout.readline():
            message = json.loads(line)
            data = self.process.stdout.read(message.get("bytes", 0))
            with self.changed:
                if message["type"] == "from":
                    self.streams.setdefault(message["worker"], bytearray()).extend(data)
                message["at"] = time.monotonic() - self.begun
                self.messages.append(message)
                self.changed.notify_all()
        with self.changed:
            self.ended = time.monotonic() - self.begun
            self.changed.notify_all()

    def wait(self, condition: Callable[[], Any], limit: float = 20.0) -> Any:
        """Waits until what was said fulfils a condition; its value."""
        with self.changed:
            assert self.changed.wait_for(condition, limit), f"not within {limit} s: {self.messages[-20:]}"
            return condition()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """All messages of a type."""
        return [message for message in self.messages if message["type"] == kind]

    def joined(self, number: int, limit: float = 30.0) -> list[int]:
        """The workers that have joined and said hello, once there are as many."""
        self.wait(lambda: len([w for w in self.present() if self.hello(w)]) >= number, limit)
        return self.present()

    def present(self) -> list[int]:
        """The workers that have joined and not left."""
        gone = {message["worker"] for message in self.of("left")}
        return [message["worker"] for message in self.of("joined") if message["worker"] not in gone]

    def node(self, worker: int) -> str:
        """Where a worker is."""
        return next(message["node"] for message in self.of("joined") if message["worker"] == worker)

    def hello(self, worker: int) -> dict[str, Any] | None:
        """The first line that a worker said."""
        line, feed, _ = bytes(self.streams.get(worker, b"")).partition(b"\n")
        return json.loads(line) if feed else None

    def left(self, worker: int, limit: float = 20.0) -> dict[str, Any]:
        """The message that a worker has left."""
        return self.wait(lambda: [m for m in self.of("left") if m["worker"] == worker], limit)[0]

    def processes(self) -> list[int]:
        """All worker and actor processes that there ever were."""
        hellos = [hello for worker in list(self.streams) if (hello := self.hello(worker))]
        return [process for hello in hellos for process in (hello["process"], hello["actor"])]

    def close(self) -> float:
        """Ends the adapter by the end of its input; how long it took."""
        assert self.process.stdin
        start = time.monotonic()
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.wait(timeout=10)
        return time.monotonic() - start


def stop_all(processes: list[int]) -> None:
    """Kills processes of a test, also stopped ones."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def ray_processes() -> set[int]:
    """The processes of Ray on this machine."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_bytes()
                if b"raylet" in command or b"gcs_server" in command or command.startswith(b"ray::"):
                    found.add(int(folder.name))
    return found


@contextlib.contextmanager
def started_head(environment: dict[str, str], port: int) -> Iterator[str]:
    """A head node of one core by `ray start`, in an environment of its own; its address."""
    command = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", "--head", "--block"]
    head = subprocess.Popen(
        [*command, f"--port={port}", "--num-cpus=1", "--include-dashboard=false"],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    try:
        assert head.stdout
        address = next(line.split()[-1].strip("'") for line in head.stdout if "ray start --address=" in line)
        threading.Thread(target=head.stdout.read, daemon=True).start()
        yield address.partition("=")[2].strip("'")
    finally:
        os.killpg(head.pid, signal.SIGKILL)
        head.wait(timeout=10)
