"""The benchmark's results as Markdown: a table for each list of rows, a line for each number."""

from collections.abc import Mapping, Sequence
from typing import Any


def markdown(found: Mapping[str, Any]) -> str:
    """A page of all results, headed by the device that they were measured on."""
    device = found.get("machine", {}).get("gpu", "a CPU: nothing here says how fast a GPU is")
    lines = [f"# Measured on {device}", ""]
    for name, value in found.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            lines += [f"## {name}", "", *table(value), ""]
        elif isinstance(value, Mapping):
            lines += [f"## {name}", "", *(f"- {key}: {shown(x)}" for key, x in value.items()), ""]
        else:
            lines += [f"{name}: {shown(value)}", ""]
    return "\n".join(lines)


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows with the same keys."""
    names = [name for name in rows[0] if not isinstance(rows[0][name], list)]
    body = ["| " + " | ".join(shown(row.get(name)) for name in names) + " |" for row in rows]
    return [
        "| " + " | ".join(map(shown, names)) + " |",
        "| " + " | ".join("---" for _ in names) + " |",
        *body,
    ]


def shown(value: Any) -> str:
    """A number with four digits, anything else as it is; a bar would end a cell."""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|")
