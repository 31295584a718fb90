"""What dies is told, and nothing outlives its purpose. `-s` prints how long each took."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Nodes
from harness import Coordinator, alive, seconds_until

pytest.importorskip("ray", reason="ray is not installed")

Start = Callable[..., Coordinator]


def hello_of(coordinator: Coordinator, worker: int) -> dict[str, int]:
    """The processes that a worker said it has."""
    hello = coordinator.hello(worker)
    assert hello
    return hello


def measure(what: str, coordinator: Coordinator, worker: int, start: float, limit: float) -> None:
    """Reports the seconds until a worker was told to have left, and until no process of it was left."""
    told = coordinator.left(worker, limit)["at"] - (start - coordinator.begun)
    hello = hello_of(coordinator, worker)
    seconds_until(lambda: not alive(hello["process"]) and not alive(hello["actor"]), 15)
    print(f"\n{what}: left after {told:.1f} s, no process after {time.monotonic() - start:.1f} s")


def test_killed_and_frozen_workers_and_actors(nodes: Nodes, adapter: Start) -> None:
    coordinator = adapter(nodes.address)
    for how in (signal.SIGKILL, signal.SIGSTOP):
        for victim in ("process", "actor"):
            worker, other = coordinator.joined(2)
            start = time.monotonic()
            os.kill(hello_of(coordinator, worker)[victim], how)
            if how == signal.SIGSTOP:
                coordinator.send(worker, b"x" * 1_000_000, do="echo", bytes=1_000_000)  # more than a pipe holds
                coordinator.say(type="kill", worker=worker)
            measure(f"{how.name} {victim}", coordinator, worker, start, 12)
            coordinator.wait(lambda: max(coordinator.present(), default=0) > other, 20)  # noqa: B023


def test_a_killed_raylet(nodes: Nodes, adapter: Start) -> None:
    node = nodes.add("doomed", cores=1)
    coordinator = adapter(nodes.address)
    workers = coordinator.joined(3)
    worker = next(worker for worker in workers if coordinator.node(worker) == "doomed")
    start = time.monotonic()
    os.kill(node.all_processes["raylet"][0].process.pid, signal.SIGKILL)
    measure("SIGKILL raylet", coordinator, worker, start, 15)
    coordinator.close()
    nodes.remove(node)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_or_frozen_adapter(nodes: Nodes, adapter: Start, how: signal.Signals) -> None:
    coordinator = adapter(nodes.address)
    coordinator.joined(2)
    processes = coordinator.processes()
    os.kill(coordinator.process.pid, how)
    try:
        took = seconds_until(lambda: not any(map(alive, processes)), 15)
    finally:
        coordinator.process.kill()
    print(f"\n{how.name} adapter: no process after {took:.1f} s")


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[Nodes]:
    """A cluster that a test destroys."""
    nodes = Nodes(tmp_path)
    nodes.add("one", cores=1)
    yield nodes
    nodes.cluster.shutdown()


@pytest.mark.parametrize("victims", [("gcs_server", "raylet"), ("raylet",)])
def test_a_killed_head(doomed: Nodes, adapter: Start, victims: tuple[str, ...]) -> None:
    coordinator = adapter(doomed.address)
    coordinator.joined(1)
    processes = coordinator.processes()
    start = time.monotonic()
    for victim in victims:
        os.kill(doomed.cluster.head_node.all_processes[victim][0].process.pid, signal.SIGKILL)
    seconds_until(lambda: not any(map(alive, processes)), 15)
    gone = time.monotonic() - start
    coordinator.wait(lambda: coordinator.of("failed") or coordinator.of("left"), 15)
    told = coordinator.messages[-1]["at"] - (start - coordinator.begun)
    coordinator.wait(lambda: coordinator.ended is not None, 15)
    print(f"\nSIGKILL head's {' and '.join(victims)}: told after {told:.1f} s, no process after {gone:.1f} s")
    assert coordinator.messages[-1]["type"] in ("failed", "left")
    assert "head node" in coordinator.of("failed")[0]["problem"]


def test_a_full_disk(nodes: Nodes, adapter: Start, tiny_disk: Path) -> None:
    node = nodes.add("full", cores=2, MUNAS_WORKER_CACHE=str(tiny_disk))
    coordinator = adapter(nodes.address)
    first = coordinator.wait(lambda: coordinator.of("left"))[0]
    assert first["reason"].startswith(f"full: cannot write {tiny_disk}/data-"), first
    assert first["reason"].endswith("No space left on device")
    assert not list(tiny_disk.glob(".part-*"))
    coordinator.joined(2)  # the other node goes on
    coordinator.wait(lambda: len(coordinator.of("left")) == 2, 20)
    waited = coordinator.of("left")[1]["at"] - first["at"]
    print(f"\nfull disk: tried again after {waited:.1f} s")
    assert waited > 10
    coordinator.close()
    nodes.remove(node)
