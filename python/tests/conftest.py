"""Clusters of Ray for the tests, and the check that nothing of them is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Coordinator, adapter_command, fake_binary, ray_processes, seconds_until, stop_all

os.environ["RAY_AUTH_MODE"] = (
    "disabled"  # before Ray is imported; tests of tokens start nodes with environments of their own
)
os.environ.pop("RAY_ADDRESS", None)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No process of Ray outlives the tests."""
    before = ray_processes()
    yield
    seconds_until(lambda: not ray_processes() - before, 60)  # agents of a killed raylet take their time


class Nodes:
    """A cluster whose head has no cores: each further node has its own cache folder."""

    def __init__(self, folder: Path, **head: Any) -> None:
        from ray.cluster_utils import Cluster

        self.folder = folder
        head = {"num_cpus": 0, "include_dashboard": False, "node_name": "head", **head}
        self.cluster = Cluster(initialize_head=True, connect=False, head_node_args=head)
        self.address = self.cluster.address

    def add(self, name: str, cores: int = 2, node_ip_address: str | None = None, **environment: str) -> Any:
        """Adds a node."""
        environment = {"MUNAS_WORKER_CACHE": str(self.folder / f"cache-{name}"), **environment}
        place = {} if node_ip_address is None else {"node_ip_address": node_ip_address}
        return self.cluster.add_node(num_cpus=cores, node_name=name, env_vars=environment, **place)

    def remove(self, node: Any) -> None:
        """Kills a node."""
        self.cluster.remove_node(node, allow_graceful=False)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """A cluster with a node `one` of two cores."""
    pytest.importorskip("ray", reason="ray is not installed")
    nodes = Nodes(tmp_path_factory.mktemp("nodes"))
    nodes.add("one")
    yield nodes
    nodes.cluster.shutdown()


@pytest.fixture
def adapter(tmp_path: Path) -> Iterator[Callable[..., Coordinator]]:
    """Starts adapters, with fake workers; ends them after the test, and sees that no process of theirs is left."""
    started: list[Coordinator] = []

    def start(address: str | None, environment: dict[str, str] | None = None, **keys: Any) -> Coordinator:
        data = tmp_path / "data"
        if not data.exists():
            data.write_bytes(bytes(range(256)) * 10_000)
        begin = {"cpus_per_worker": 1, "most_workers": None, "binary": str(fake_binary(tmp_path)), "data": str(data)}
        command = keys.pop("command", None) or adapter_command()
        started.append(Coordinator(command, environment or {}, address=address, **{**begin, **keys}))
        return started[-1]

    yield start
    for coordinator in started:
        coordinator.close()
        processes = coordinator.processes()
        try:
            seconds_until(lambda: not any(map(alive_and_ours, processes)), 20)  # noqa: B023
        finally:
            stop_all(list(filter(alive_and_ours, processes)))


def alive_and_ours(process: int) -> bool:
    """Whether a process of a test is there: the number may be another's by now."""
    from harness import alive

    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False
    return alive(process) and (command.startswith(b"ray::") or b"munas" in command)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


class Cable:
    """A cable from this machine to a network namespace, which can be cut."""

    here, there = "10.231.77.1", "10.231.77.2"

    def __init__(self) -> None:
        self.space = f"munas-{os.getpid()}"
        self.end = f"munas{os.getpid() % 100_000}"
        far = f"{self.end}f"
        self.ip("netns", "add", self.space)
        self.ip("link", "add", self.end, "type", "veth", "peer", "name", far, "netns", self.space)
        self.ip("addr", "add", f"{self.here}/30", "dev", self.end)
        self.ip("link", "set", self.end, "up")
        for words in (
            ["addr", "add", f"{self.there}/30", "dev", far],
            ["link", "set", far, "up"],
            ["link", "set", "lo", "up"],
        ):
            self.ip("-n", self.space, *words)

    @staticmethod
    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def cut(self) -> None:
        """Nothing goes through it any more, and nobody is told."""
        self.ip("link", "set", self.end, "down")

    def run(self, *command: str) -> subprocess.Popen[bytes]:
        """Starts a program at its other end."""
        words = ["ip", "netns", "exec", self.space, *command]
        return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def remove(self) -> None:
        """Ends what runs at its other end, and takes it away."""
        found = subprocess.run(["ip", "netns", "pids", self.space], capture_output=True, text=True)
        for process in found.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", self.space], capture_output=True)
        subprocess.run(["ip", "link", "del", self.end], capture_output=True)


@pytest.fixture
def cable() -> Iterator[Cable]:
    """A cable; skipped in words where network namespaces cannot be made."""
    try:
        cable = Cable()
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"") or b""
        pytest.skip(f"network namespaces cannot be made: {error} {said.decode().strip()}")
    yield cable
    cable.remove()
