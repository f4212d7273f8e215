"""Tables and pictures of the miniature, read from what `refimpl train shapes` wrote."""

import json
from pathlib import Path

from refimpl.sd3.shapes import report


def shapes_block(folder: Path, name: str) -> str:
    """What is called `before`, `price`, `runs`, `steps`, `sums`, `made` or `picture-signal`."""
    kind, *rest = name.split("-")
    if kind == "picture":
        return f"<figure>{(folder / f'{rest[0]}.svg').read_text('utf-8')}</figure>"
    found = json.loads((folder / "metrics.json").read_text("utf-8"))
    if kind == "made":
        made = found["made by"]
        seconds = sum(arm["CPU seconds"] for arm in found["arms"].values())
        return (
            f"Made with torch {made['torch']}, {made['threads']} thread, {made['processor']}: "
            f"{seconds:,.0f} CPU seconds of training in all. One seed."
        )
    return report.tables(found)[TITLES[kind]]


TITLES = {
    "before": "Before and after",
    "price": "The price",
    "runs": "The runs",
    "steps": "Which steps teach",
    "sums": "The sum of the steps",
}
