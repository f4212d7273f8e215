"""Curves as people have them: what a trainer logged, exported from wherever it was logged to.

curves.csv      a column a metric; wandb's "run - metric" with __MIN and __MAX; TensorBoard's
                Wall time, Step, Value
curves.jsonl    an object a line             curves.json   rows, columns, TensorBoard's triples,
                or a trainer's log_history
events.out.tfevents.…   scalars, by TensorBoard's own reader
"""

import csv
import io
import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ..outside import MIB, parsed, plain_file, text

Curves: TypeAlias = dict[str, list[tuple[float, float]]]
"""By metric: (step, value), in the order of the file."""

LARGEST = 256 * MIB
EVENTS = "tfevents"
"""What the names of TensorBoard's event files hold."""

_COLUMNS = 4096
_STEPS = ("step", "_step", "global_step", "steps", "iteration", "epoch", "train/global_step")


def read(path: Path) -> Curves:
    """The curves of an export.

    Raises:
        FileNotFoundError, ValueError: no plain file, too large, or nothing that is a curve.
    """
    if EVENTS in path.name:
        return _of_events(path)
    content = text(path, LARGEST)
    kind = path.suffix.lower()
    if kind in (".jsonl", ".ndjson"):
        curves = _of_rows(_lines(content, path))
    elif kind == ".json":
        curves = _of_json(parsed(content, str(path)), path.stem)
    elif kind in (".csv", ".tsv", ".txt"):
        curves = _of_table(content, path)
    else:
        raise ValueError(
            f"{path}: curves are read from .csv, .jsonl, .json and TensorBoard's event files"
        )
    found = {name: rows for name, rows in curves.items() if rows}
    if not found:
        raise ValueError(f"{path} holds no column of numbers")
    return found


def _of_events(path: Path) -> Curves:
    """The scalars of a TensorBoard event file, by TensorBoard's own reader.

    Raises:
        ValueError: no plain file, too large, not written by TensorBoard; or it is not installed.
    """
    plain_file(path, LARGEST)
    try:
        from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    except ModuleNotFoundError:
        raise ValueError(
            f"{path} is a TensorBoard event file, which takes TensorBoard to read: pip install "
            "'refimpl[tensorboard]'; or export its scalars as CSV or JSON"
        ) from None
    found: Curves = {}
    try:
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if (number := _scalar(value)) is not None:
                    found.setdefault(value.tag, []).append((float(event.step), number))
    except Exception as error:  # protobuf's and the reader's own errors share no class
        told = " ".join(str(error).split())[:200]
        raise ValueError(f"{path} is no event file, or is damaged: {told}") from None
    if not found:
        raise ValueError(f"{path} holds no scalar: give the event file of the run's curves")
    return found


def _scalar(value: Any) -> float | None:
    """The number of a summary, as the loader gives it: a tensor with one entry."""
    if value.WhichOneof("value") == "simple_value":
        return float(value.simple_value)
    held = value.tensor
    numbers = [*held.float_val, *held.double_val]
    if numbers:
        return float(numbers[0]) if len(numbers) == 1 else None
    sizes = {1: (4, "<f"), 2: (8, "<d")}  # TensorFlow's DT_FLOAT and DT_DOUBLE
    size, code = sizes.get(held.dtype, (0, ""))
    content = held.tensor_content
    return float(struct.unpack(code, content)[0]) if size and len(content) == size else None


def _lines(content: str, path: Path) -> list[Any]:
    rows = content.splitlines()
    whole = [(k, row) for k, row in enumerate(rows, 1) if row.strip()]
    return [parsed(row, f"{path}, line {k}") for k, row in whole]


def _of_json(content: Any, name: str) -> Curves:
    if isinstance(content, Mapping):
        history = content.get("log_history")
        if isinstance(history, list):
            return _of_rows(history)
        columns = {k: x for k, x in content.items() if isinstance(x, list)}
        return _of_rows([dict(zip(columns, row, strict=False))
                         for row in zip(*columns.values(), strict=False)])  # fmt: skip
    if isinstance(content, list) and content and isinstance(content[0], list):
        rows = [row for row in content if len(row) == 3]  # TensorBoard: wall time, step, value
        return {name: [(a, b) for row in rows if (a := _number(row[1])) is not None
                       and (b := _number(row[2])) is not None]}  # fmt: skip
    return _of_rows(content if isinstance(content, list) else [])


def _of_table(content: str, path: Path) -> Curves:
    lines = content.splitlines(keepends=True)
    separator = "\t" if lines and lines[0].count("\t") > lines[0].count(",") else ","
    try:
        rows = list(csv.DictReader(io.StringIO(content), delimiter=separator))
    except csv.Error as error:
        raise ValueError(f"{path} is no table: {error}") from error
    if rows and len(rows[0]) > _COLUMNS:
        raise ValueError(f"{path} has {len(rows[0])} columns: at most {_COLUMNS} are read")
    for k, row in enumerate(rows, 2):
        if None in row:
            raise ValueError(f"{path}, row {k}: more cells than the first row has names")
    if rows and set(rows[0]) == {"Wall time", "Step", "Value"}:
        rows = [{"step": row["Step"], path.stem: row["Value"]} for row in rows]
    return _of_rows(rows)


def _of_rows(rows: Sequence[Any]) -> Curves:
    found: Curves = {}
    for k, row in enumerate(rows):
        if not isinstance(row, Mapping):
            continue
        flat = _flat(row)
        steps = (x for n, x in flat.items() if n.lower() in _STEPS)
        step = next(steps, float(k))
        for name, x in flat.items():
            if name.lower() not in _STEPS and not name.endswith(("__MIN", "__MAX")):
                found.setdefault(name, []).append((step, x))
    return found


def _flat(row: Mapping[Any, Any], depth: int = 3) -> dict[str, float]:
    """Numbers of a row, those of nested objects under a/b; wandb's run names are left out."""
    found: dict[str, float] = {}
    for key, x in row.items():
        name = str(key).rpartition(" - ")[2].strip()
        if isinstance(x, Mapping) and depth:
            found |= {f"{name}/{k}": y for k, y in _flat(x, depth - 1).items()}
        elif (number := _number(x)) is not None:
            found[name] = number
    return found


def _number(x: Any) -> float | None:
    if isinstance(x, bool) or x is None:
        return None
    try:
        made = float(x)
    except (TypeError, ValueError, OverflowError):
        return None
    return made if not math.isinf(made) else None
