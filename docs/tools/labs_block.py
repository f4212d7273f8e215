"""Tables of what the labs measured, read from the metrics beside their pictures."""

import json
from pathlib import Path


def labs_block(folder: Path, name: str) -> str:
    """A table of a lab's metrics: the numbers under one name of its JSON file.

    Args:
        folder: holds lab1_metrics.json and so on, each a copy of the lab's metrics.json.
        name: such as "lab1.euler": the file, then the keys that lead to the numbers.
    """
    file, *keys = name.split(".")
    path = folder / ("topics.json" if file == "topics" else f"{file}_metrics.json")
    found = json.loads(path.read_text("utf-8"))
    found = found.get("metrics", found)
    for key in keys:
        found = found[key]
    rows = ["| what was measured | value |", "| --- | ---: |"]
    rows += [f"| {key.replace('_', ' ')} | {value} |" for key, value in flat(found)]
    return "\n".join(rows)


def flat(tree: object, name: str = "") -> list[tuple[str, str]]:
    """The numbers of a nested dictionary, with their paths as names; a list is one entry."""
    if isinstance(tree, dict):
        return [p for k, v in tree.items() for p in flat(v, f"{name}, {k}" if name else str(k))]
    if isinstance(tree, list):
        return [(name, ", ".join(number(v) for v in tree))]
    return [(name, number(tree))]


def number(value: object) -> str:
    """Three significant digits, whole numbers whole, a true minus sign."""
    if isinstance(value, float):
        return f"{value:.3g}".replace("-", "−")
    return f"{value:,}" if isinstance(value, int) else str(value)
