"""The adapter does what docs/worker.md says, over real clusters of Ray."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Nodes
from harness import Coordinator, alive, seconds_until

pytest.importorskip("ray", reason="ray is not installed")

Start = Callable[..., Coordinator]


def test_carries_bytes_both_ways_in_their_order(nodes: Nodes, adapter: Start, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(bytes(range(255)) * 300_000)  # travels in several pieces
    coordinator = adapter(nodes.address)
    first, second = coordinator.joined(2)
    assert coordinator.of("ready")[0]["engine"].startswith("ray 2.")
    assert coordinator.node(first) == "one"
    hello = coordinator.hello(first)
    assert hello and hello["data"] == hashlib.blake2b((tmp_path / "data").read_bytes()).hexdigest()

    coordinator.send(first, do="count", to=20_000)
    coordinator.wait(lambda: b'"number": 19999}\n' in coordinator.streams[first])
    lines = [json.loads(line) for line in bytes(coordinator.streams[first]).splitlines()]
    assert [line["number"] for line in lines if line["type"] == "number"] == list(range(20_000))

    large = os.urandom(100 << 20)
    for part in range(10):  # commands and bytes in turn: what is out of order is no command
        coordinator.send(second, bytes([part]) * 1000, do="echo", bytes=1000)
    coordinator.send(second, large, do="echo", bytes=len(large))
    coordinator.wait(lambda: large[-1000:] in coordinator.streams[second][-9000:], 60)
    answers = b"".join(echo(bytes([part]) * 1000) for part in range(10)) + echo(large)
    beats = b'{"type": "heartbeat"}\n'
    assert bytes(coordinator.streams[second]).replace(beats, b"").endswith(answers)  # they come when they come


def echo(data: bytes) -> bytes:
    """What a fake worker answers."""
    return json.dumps({"type": "echo", "bytes": len(data)}).encode() + b"\n" + data


@pytest.mark.parametrize(
    ("piece", "waits"),
    [
        (b'{"type":"heartbeat"}\n', True),
        (b'{"attempt":1,"entry":{"epoch":3},"type":"epoch"}\n{"type":"heartbeat"}\n', True),
        (b'{"type":"epoch"}\n{"type":"ended"}\n', False),
        (b'{"checkpoint":9,"type":"epoch"}\n9 bytes\n\xff', False),
        (b'{"type":"epo', False),
        (b"3\n", False),
        (b'{"type":["epoch"]}\n', False),
    ],
)
def test_only_whole_epochs_and_heartbeats_can_wait(piece: bytes, waits: bool) -> None:
    from munas.ray import can_wait

    assert can_wait(piece) == waits


def test_tells_how_a_worker_ended_and_starts_another_but_no_more(nodes: Nodes, adapter: Start) -> None:
    coordinator = adapter(nodes.address, most_workers=1)
    (worker,) = coordinator.joined(1)
    coordinator.send(worker, do="exit", status=3, why="out of patience")
    assert coordinator.left(worker)["reason"] == "one: ended with status 3: out of patience"
    assert coordinator.joined(1) == [worker + 1]
    time.sleep(3)
    assert coordinator.present() == [worker + 1]


def test_each_worker_reserves_its_cores(nodes: Nodes, adapter: Start) -> None:
    coordinator = adapter(nodes.address, cpus_per_worker=2)
    coordinator.joined(1)
    time.sleep(3)
    assert len(coordinator.present()) == 1


def test_says_why_it_waits_where_no_core_is_free(nodes: Nodes, adapter: Start) -> None:
    coordinator = adapter(nodes.address, cpus_per_worker=64)
    note = coordinator.wait(lambda: coordinator.of("note"), 20)[0]
    assert "no node of the Ray cluster has 64 free cores" in note["text"]


def test_uses_a_node_that_joins_late_and_its_own_munas(nodes: Nodes, adapter: Start, tmp_path: Path) -> None:
    coordinator = adapter(nodes.address)
    coordinator.joined(2)
    installed = tmp_path / "bin"
    installed.mkdir()
    (installed / "munas").write_text((tmp_path / "munas-fake").read_text())
    (installed / "munas").chmod(0o755)
    node = nodes.add("late", cores=1, PATH=f"{installed}:{os.environ['PATH']}")
    workers = coordinator.joined(3)
    assert coordinator.node(workers[-1]) == "late"
    programs = [hello["program"] for worker in workers if (hello := coordinator.hello(worker))]
    assert programs[-1] == str(installed / "munas")
    assert programs[0].startswith(str(nodes.folder / "cache-one" / "munas-9.9.9-"))
    coordinator.close()
    nodes.remove(node)


def test_a_cached_file_that_was_changed_is_sent_again(nodes: Nodes, adapter: Start, tmp_path: Path) -> None:
    content = os.urandom(1000)
    (tmp_path / "data").write_bytes(content)
    coordinator = adapter(nodes.address, most_workers=1, fingerprint="changed")
    coordinator.joined(1)
    coordinator.close()
    (cached,) = (nodes.folder / "cache-one").glob("data-changed-*[!k]")
    assert cached.read_bytes() == content
    cached.write_bytes(b"\0" * 1000)
    adapter(nodes.address, most_workers=1, fingerprint="changed").joined(1)
    assert cached.read_bytes() == content


@pytest.mark.parametrize(
    ("content", "version", "why"),
    [
        ("\x7fELF nothing that runs", "9.9.9", "it is no program for this machine"),
        (f"#!/no/such/loader\n{sys.executable}", "9.9.9", "its dynamic loader is missing here"),
        ("#!/bin/sh\necho GLIBC_9.99 not found >&2; exit 1\n", "9.9.9", "ended with status 1: GLIBC_9.99 not found"),
        ("#!/bin/sh\necho munas 1.2.3\n", "9.9.9", "has version 1.2.3, not 9.9.9"),
    ],
)
def test_says_why_the_binary_does_not_run_and_rests(
    nodes: Nodes, adapter: Start, tmp_path: Path, content: str, version: str, why: str
) -> None:
    binary = tmp_path / "other"
    binary.write_text(content)
    coordinator = adapter(nodes.address, binary=str(binary))

    def reasons() -> list[str]:  # nodes that were just removed may be tried too
        return [left["reason"] for left in coordinator.of("left") if left["reason"].startswith("one: ")]

    coordinator.wait(reasons)
    assert why in reasons()[0]
    time.sleep(3)
    assert len(reasons()) == 1
    assert not coordinator.of("joined")


def test_ends_within_five_seconds_with_all_workers(nodes: Nodes, adapter: Start) -> None:
    coordinator = adapter(nodes.address)
    for worker in coordinator.joined(2):
        coordinator.send(worker, do="hang")
    processes = coordinator.processes()
    assert coordinator.close() < 5
    assert coordinator.process.returncode == 0
    assert seconds_until(lambda: not any(map(alive, processes)), 5) < 5


def test_nothing_but_messages_is_on_standard_output(nodes: Nodes, adapter: Start) -> None:
    command = [sys.executable, "-m", "munas.ray"]
    coordinator = adapter(nodes.address, command=command)
    coordinator.joined(2)  # a line that is no JSON would have ended the reader
    coordinator.close()
    assert coordinator.ended is not None


def test_with_no_packed_data(nodes: Nodes, adapter: Start) -> None:
    coordinator = adapter(nodes.address, data="/no/such/file")
    failed = coordinator.wait(lambda: coordinator.of("failed"))[0]
    assert failed["problem"] == "cannot read /no/such/file: No such file or directory"
