"""Tables and pictures of the studies, read from what `refimpl study` wrote."""

import json
from pathlib import Path

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


def study_block(folder: Path, name: str) -> str:
    """What is called `samplers-once-10`, `picture-modes`, `methods`, `steps`, `kl` or `trust`."""
    kind, *rest = name.split("-")
    if kind == "picture":
        return f"<figure>{(folder / f'{rest[0]}.svg').read_text('utf-8')}</figure>"
    if kind == "samplers":
        found = json.loads((folder / "samplers.json").read_text("utf-8"))
        return _table("sampler", ENDS, found["ends"][", ".join(rest)], ("narrow", "wide"))
    found = json.loads((folder / "methods.json").read_text("utf-8"))
    if kind == "methods":
        return _table("method", ROW, found["methods"], ("wide",))
    if kind == "steps":
        rows = {str(i + 1): step for i, step in enumerate(found["steps"])}
    else:
        rows = found[kind]
    columns = {key: key for key in next(iter(rows.values()))}
    return _table("", columns, rows, ())


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
