"""How the adapter comes to a cluster, and what it says where it does not."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import HERE, Coordinator, started_head

Start = Callable[..., Coordinator]


def failure(coordinator: Coordinator, limit: float = 40) -> dict[str, str]:
    """What the adapter failed with."""
    failed = coordinator.wait(lambda: coordinator.of("failed"), limit)[0]
    coordinator.wait(lambda: coordinator.ended is not None)
    assert coordinator.process.wait(timeout=10) == 1
    assert not coordinator.of("ready")
    return failed


def test_without_ray(adapter: Start) -> None:
    bare = [sys.executable, "-I", "-S", "-c", (HERE.parent / "munas" / "ray.py").read_text()]
    failed = failure(adapter(None, command=bare))
    assert "No module named 'ray'" in failed["problem"]
    assert failed["hint"] == "pip install ray"


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no-such-host.invalid:6379"])
def test_nothing_listens(adapter: Start, address: str) -> None:
    pytest.importorskip("ray", reason="ray is not installed")
    failed = failure(adapter(address), limit=15)
    assert f"nothing answers at {address}" in failed["problem"]
    assert "ray start" in failed["hint"]


def test_ends_with_the_coordinator_while_it_connects(adapter: Start) -> None:
    pytest.importorskip("ray", reason="ray is not installed")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        coordinator = adapter(f"127.0.0.1:{silent.getsockname()[1]}")
        time.sleep(3)
        assert coordinator.process.poll() is None
        assert coordinator.close() < 5


def test_starts_ray_on_this_machine(adapter: Start) -> None:
    pytest.importorskip("ray", reason="ray is not installed")
    with tempfile.TemporaryDirectory(prefix="r") as folder:
        stale = Path(folder) / "ray" / "ray_current_cluster"
        stale.parent.mkdir()
        stale.write_text("127.0.0.1:1")  # what a cluster that crashed leaves
        for mode in ({}, {"RAY_AUTH_MODE": "disabled"}):  # without a mode, Ray 2.59 and later make a token here
            environment = {"RAY_TMPDIR": folder, "HOME": folder, "MUNAS_WORKER_CACHE": f"{folder}/cache", **mode}
            removed = os.environ.pop("RAY_AUTH_MODE")
            try:
                coordinator = adapter(None, environment, most_workers=1)
            finally:
                os.environ["RAY_AUTH_MODE"] = removed
            coordinator.joined(1, limit=60)
            coordinator.close()


def home_with(folder: Path, token: str | None) -> dict[str, str]:
    """The environment of a user who has a token."""
    (folder / ".ray").mkdir(parents=True)
    if token:
        (folder / ".ray" / "auth_token").write_text(token)
    return {"HOME": str(folder), "RAY_AUTH_MODE": "token"}


def test_tokens(adapter: Start, tmp_path: Path) -> None:
    ray = pytest.importorskip("ray", reason="ray is not installed")
    if tuple(map(int, ray.__version__.split(".")[:2])) < (2, 52):
        pytest.skip(f"Ray {ray.__version__} has no tokens")
    with socket.create_server(("", 0)) as free:
        port = free.getsockname()[1]
    right = home_with(tmp_path / "right", secrets.token_hex(32))
    wrong = home_with(tmp_path / "wrong", secrets.token_hex(32))
    none = home_with(tmp_path / "none", None)
    cache = {"MUNAS_WORKER_CACHE": str(tmp_path / "cache")}
    with started_head({**right, **cache}, port) as address:
        adapter(address, right).joined(1, limit=30)
        for environment in (wrong, none, {**right, "RAY_AUTH_MODE": "disabled"}):
            start = time.monotonic()
            failed = failure(adapter(address, environment))
            print(f"\nrefused after {time.monotonic() - start:.1f} s: {failed['problem']}")
            assert "token" in failed["problem"] and "RAY_AUTH_MODE=token" in failed["hint"]


def test_errors_in_words() -> None:
    from munas.ray import hint_for, in_words

    error = RuntimeError(
        "Version mismatch: The cluster was started with:\n    Ray: 2.60.0\n    Python: 3.12.1\n"
        "This process on node 10.0.0.1 was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
    )
    assert "Python: 3.12.1 This process" in in_words(error)
    assert f"Python and Ray of the cluster; here is Python {sys.version.split()[0]}" in (hint_for(error, "a:1") or "")
    died = RuntimeError(
        "The actor died.\n\tclass_name: Worker\n\tactor_id: 1f\nIts node has died. Some common causes: …"
    )
    assert in_words(died).startswith("The actor died. Its node has died.")
