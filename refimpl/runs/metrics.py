"""metrics.jsonl: one line of JSON a step, appended and synced; a torn tail is repaired on resume.

    {"step": 12, "reward": 0.31, "readings": {"ratio_gap": [0.0, 0.0, 1e-12]}, ...}

A line holds what the run decided and nothing that differs between two equal runs: no time, no
host. So the file of a run that was killed and resumed has the bytes of one that was not. JSON has
no NaN: values that are not finite are written as the strings "nan", "inf", "-inf".
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..outside import MIB, content
from . import atomic

LARGEST = 4096 * MIB
"""Bytes of the lines of a run: a million steps have less."""


def append(path: Path, step: int, values: Mapping[str, Any]) -> None:
    """Add the line of one step, durably.

    Raises:
        ValueError: a value that JSON cannot hold.
    """
    line = json.dumps({"step": step, **plain(values)}, allow_nan=False) + "\n"
    with open(path, "ab") as file:
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[dict[str, Any]]:
    """All whole lines; a torn one can only be the last, and is left out.

    Raises:
        FileNotFoundError: there is none.
        ValueError: a line in the middle that is no JSON, or steps that do not count 0, 1, 2, ...
    """
    *lines, _ = content(path, LARGEST).split(b"\n")
    rows = []
    for number, line in enumerate(lines):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}, line {number + 1}, is no JSON: {error}") from error
        if not isinstance(row, dict) or row.get("step") != number:
            raise ValueError(f"{path}, line {number + 1}, should be of step {number}: {line!r:.80}")
        rows.append(restored(row))
    return rows


def cut(path: Path, steps: int) -> int:
    """Keep the lines of the first `steps` steps, and nothing after them; the number removed.

    Raises:
        ValueError: fewer whole lines than that.
    """
    lines = content(path, LARGEST).split(b"\n")
    whole, torn = lines[:-1], lines[-1]
    if len(whole) < steps:
        raise ValueError(
            f"{path} has {len(whole)} whole lines, its checkpoint was written after {steps}: "
            "lines were removed; start a new run"
        )
    removed = len(whole) - steps + bool(torn)
    if removed:
        atomic.write(path, b"".join(line + b"\n" for line in whole[:steps]))
    return removed


def plain(value: Any) -> Any:
    """As JSON: tuples become lists, numbers that are not finite become strings."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def restored(value: Any) -> Any:
    """What `plain` made, with its numbers that are not finite put back."""
    if isinstance(value, dict):
        return {key: restored(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [restored(entry) for entry in value]
    return float(value) if value in ("nan", "inf", "-inf") else value
