"""Tables and pictures of the miniature, read from what `refimpl train shapes` wrote."""

import json
from pathlib import Path

import charts

from refimpl.sd3.shapes import repeats, report


def shapes_block(folder: Path, name: str) -> str:
    """What is called `before`, `decisions`, `made`, …, or `picture-` and a name."""
    kind, *rest = name.split("-")
    if kind == "picture":
        return charts.figure(folder / f"{rest[0]}.svg")
    if kind == "remade":
        return remade(folder)
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


def remade(folder: Path) -> str:
    """Where the repeats were made, and how much the same work cost beside the study."""
    study = json.loads((folder / "metrics.json").read_text("utf-8"))
    networks = json.loads((folder / "repeats.json").read_text("utf-8"))["networks"]
    before = study["pretraining"]["cpu_seconds_of_this_session"]
    now = networks["0"]["pretraining CPU seconds"]
    made = networks["0"]["made by"]
    return (
        f"Made with torch {made['torch']}, {made['threads']} thread, {made['processor']}, beside "
        f"other work. What that does to CPU seconds: the same pre-training of network 0 took "
        f"{before:,.0f} when the study below was made, and {now:,.0f} here."
    )


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
