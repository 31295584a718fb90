"""Clusters of Ray for the tests, and the check that nothing of them is left."""

from __future__ import annotations

import os
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

    def __init__(self, folder: Path) -> None:
        from ray.cluster_utils import Cluster

        self.folder = folder
        head = {"num_cpus": 0, "include_dashboard": False, "node_name": "head"}
        self.cluster = Cluster(initialize_head=True, connect=False, head_node_args=head)
        self.address = self.cluster.address

    def add(self, name: str, cores: int = 2, **environment: str) -> Any:
        """Adds a node."""
        environment = {"MUNAS_WORKER_CACHE": str(self.folder / f"cache-{name}"), **environment}
        return self.cluster.add_node(num_cpus=cores, node_name=name, env_vars=environment)

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
