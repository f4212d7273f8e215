"""Tables and pictures of the studies, read from what `refimpl study` wrote."""

import json
from pathlib import Path
from typing import Any

import charts
from labs_block import number

ENDS = {
    "noise": "noise", "reach": "explored share", "point": "point: std left",
    "narrow": "narrow: std", "wide": "wide: std", "modes": "modes: $W_1$",
}  # fmt: skip
ROW = {
    "point": "noise left on a point", "wide": "wide: std", "reach": "explored share",
    "trained": "trained share", "aim": "alignment", "uneven": "uneven", "signal": "signal",
    "calls": "calls", "price": "calls/signal", "gain": "gain",
}  # fmt: skip


ORDERS = {"C": "C", "T = 40": "T = 40: T (V − s²)", "T = 640": "T = 640: T (V − s²)"}
GRIDS = {
    "a": "a", "KL": "mean KL", "std, s = 0.1": "s = 0.1: std", "std, s = 0.5": "s = 0.5: std",
    "std, s = 1.0": "s = 1: std", "W2, s = 0.1": "s = 0.1: W₂", "W2, s = 0.5": "s = 0.5: W₂",
    "W2, s = 1.0": "s = 1: W₂", "modes": "modes: W₁",
}  # fmt: skip
TRAINERS = {
    "cost": "calls a step", "signal": "signal", "start": "noise at the reference",
    "best": "noise at the best", "rate": "learning rate", "short": "short",
    "calls": "calls to 95 %", "equal": "at equal KL", "calls_equal": "calls to it",
}  # fmt: skip
REST = {
    "after, mean": "after: mean", "after, std": "std", "after, gain": "gain",
    "before, mean": "before: mean", "before, std": "std", "before, gain": "gain",
}  # fmt: skip
FLOWS = {
    "kappa": "κ", "memory": "correlation with the end at t = 0.9",
    "mean": "flow: mean, less p*'s", "std": "std, less p*'s",
}  # fmt: skip


def study_block(folder: Path, name: str) -> str:
    """What is called `samplers-once-10`, `picture-modes`, `methods`, `steps`, `kl`, `trust`,
    `adjoint`, `rest`, `flows`, `group`, `chance`, `move`, `grids` or `orders`."""
    kind, *rest = name.split("-")
    if kind == "picture":
        return charts.figure(folder / f"{rest[0]}.svg")
    if kind == "samplers":
        found = json.loads((folder / "samplers.json").read_text("utf-8"))
        return _table("sampler", ENDS, found["ends"][", ".join(rest)], ("narrow", "wide"))
    if kind in ("adjoint", "rest", "flows"):
        return _adjoint(json.loads((folder / "adjoint.json").read_text("utf-8")), kind)
    if kind in ("group", "chance", "move"):
        rows = json.loads((folder / "bias.json").read_text("utf-8"))[kind]
        columns = {key: key for key in next(iter(rows.values()))}
        return _table("n" if kind == "group" else "", columns, rows, ())
    if kind in ("grids", "orders"):
        return _grids(json.loads((folder / "grids.json").read_text("utf-8")), kind)
    found = json.loads((folder / "methods.json").read_text("utf-8"))
    if kind == "methods":
        return _table("method", ROW, found["methods"], ("wide",))
    if kind == "steps":
        rows = {str(i + 1): step for i, step in enumerate(found["steps"])}
    else:
        rows = found[kind]
    columns = {key: key for key in next(iter(rows.values()))}
    return _table("", columns, rows, ())


def _grids(found: dict[str, Any], kind: str) -> str:
    """Tables of the study of grids."""
    if kind == "orders":
        rows = {f"a = {row['a']:.3g}, s = {row['s']:g}": row for row in found["orders"]}
        return _table("", ORDERS, rows, ())
    return _table("grid", GRIDS, found["grids"], tuple(key for key in GRIDS if "std" in key))


def _adjoint(found: dict[str, Any], kind: str) -> str:
    """Tables of the study of Adjoint Matching."""
    if kind == "adjoint":
        return _table("trainer", TRAINERS, found["trainers"], ())
    if kind == "rest":
        return _table("T", REST, {str(row["T"]): row for row in found["laws"]}, ())
    return _table("a", FLOWS, {f"{row['a']:.3g}": row for row in found["flows"]}, ())


def _table(
    first: str, columns: dict[str, str], rows: dict[str, dict[str, float]], shares: tuple[str, ...]
) -> str:
    head = f"| {first} | " + " | ".join(columns.values()) + " |"
    out = [head, "| --- |" + " ---: |" * len(columns)]
    for name, row in rows.items():
        cells = [_cell(row and row[key], key in shares) for key in columns]
        out.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(out)


def _cell(value: float | None, share: bool) -> str:
    """Three digits; a relative error in per cent; rounding errors are 0."""
    if value is None:
        return "–"
    if abs(value) < 1e-9:
        return "0"
    return f"{100 * value:+.1f} %".replace("-", "−") if share else number(value)
