"""Keyword arguments as keys of an experiment: the same as the flags of the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ._errors import InputError

RESOURCES = ("peak_memory", "model_size", "macs", "latency", "energy", "flash")
"""What a device has; `max_…` is a bound that no network breaks."""

UNITS = {
    "error": {"%": 0.01},
    "latency": {"ms": 1.0, "s": 1000.0},
    "energy": {"mJ": 1.0, "uJ": 0.001, "µJ": 0.001, "J": 1000.0},
    "rate": {"/s": 1.0, "/min": 1 / 60, "/h": 1 / 3600},
}


def number(name: str, value: Any) -> Any:
    """A value with its unit as a number in the unit of experiment files; others as they are."""
    for unit, factor in UNITS.get(name, {}).items():
        if isinstance(value, str) and value.endswith(unit):
            try:
                return float(value.removesuffix(unit)) * factor
            except ValueError:
                continue
    if isinstance(value, str) and name in UNITS:
        try:
            return float(value)
        except ValueError:
            units = ", ".join(f"1{unit}" for unit in UNITS[name])
            raise InputError(f"{value!r} is no {name}, such as {units}") from None
    return value


def override(key: str, value: Any) -> str:
    """`KEY=VALUE` as experiment files write it. Of numpy's numbers, those of Python."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def bounds(limits: Mapping[str, Any], *, hard: bool = False) -> list[str]:
    """Overrides of bounds from `max_error`, `max_peak_memory` and so on; whether what a device has is never broken."""
    overrides = []
    for name, value in limits.items():
        objective = name.removeprefix("max_")
        if objective == name or objective not in ("error", *RESOURCES):
            known = ", ".join(f"max_{known}" for known in ("error", *RESOURCES))
            raise TypeError(f"there is no limit {name!r}; there are {known}")
        if value is None:
            continue
        if hard and objective in RESOURCES:
            overrides.append(f"bounds.hard+={objective}")
        overrides.append(override(f"bounds.{objective}", number(objective, value)))
    return overrides


def keys(settings: Mapping[str, Any]) -> list[str]:
    """Overrides of keys that have a value."""
    return [override(key, value) for key, value in settings.items() if value is not None]


def duration(time: str | float | None) -> str | None:
    """A duration as text: `15m`; of a number, so many seconds."""
    if time is None or isinstance(time, str):
        return time
    return f"{max(1, round(time))}s"
