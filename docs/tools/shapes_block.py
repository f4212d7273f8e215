"""Tables and pictures of the miniature, read from what `refimpl train shapes` wrote."""

import json
from pathlib import Path

from refimpl.sd3.shapes import repeats, report


def shapes_block(folder: Path, name: str) -> str:
    """What is called `before`, `decisions`, `made`, …, or `picture-` and a name."""
    kind, *rest = name.split("-")
    if kind == "picture":
        return f"<figure>{(folder / f'{rest[0]}.svg').read_text('utf-8')}</figure>"
    if kind in REPEATED:
        return repeats.tables(json.loads((folder / "repeats.json").read_text("utf-8")))[
            REPEATED[kind]
        ]
    found = json.loads((folder / "metrics.json").read_text("utf-8"))
    if kind == "made":
        made = found["made by"]
        tuned = found["arms"]["levelled"]["CPU seconds"]
        pretrained = found["pretraining"]["cpu_seconds_of_this_session"]
        return (
            f"Made with torch {made['torch']}, {made['threads']} thread, {made['processor']}: "
            f"{pretrained:,.0f} CPU seconds of pre-training, {tuned:,.0f} of *levelled*."
        )
    return report.tables(found)[TITLES[kind]]


REPEATED = {
    "every": "Every repeat",
    "means": "What repeats agree on",
    "differences": "Differences",
}
TITLES = {
    "before": "Before and after",
    "price": "The price",
    "runs": "The runs",
    "apart": "Which differences are seen",
    "decisions": "Which steps decide",
    "steps": "Which steps teach",
    "sums": "The sum of the steps",
}
