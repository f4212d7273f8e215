"""Going on with other settings: which may change, what was changed, and what is refused.

    changes(out, config)      {"training.rows": (8, 4)}, or a refusal that names key, old and new

What may change decides how fast, how long or how closely watched a run is, and not what it trains:
its numbers move by rounding at most. run.json keeps what the run was started with, sessions.jsonl
gets a line for every change, and config.yaml is what it runs with now.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ... import outside
from ...runs import folder as folders
from ...runs import metrics
from ..settings import overrides as settings
from ..settings.config import Config, plain

MAY_CHANGE = (
    "evaluation.*",
    "adapter.applied",
    "adapter.products",
    "model.attention",
    "model.compile",
    "model.gradient_checkpointing",
    "rewards.evaluation",
    "rewards.options.*.attempts",
    "rewards.options.*.batch",
    "rewards.options.*.device",
    "rewards.options.*.pause",
    "rewards.options.*.timeout",
    "rewards.options.*.url",
    "run.checkpoint_every",
    "run.checkpoint_minutes",
    "run.keep",
    "run.milestone",
    "run.record_every",
    "run.record_rows",
    "run.signal_every",
    "run.tensorboard",
    "run.tf32",
    "run.tracker*",
    "sampling.batch",
    "text.cache",
    "text.memory",
    "text.precompute",
    "training.iterations",
    "training.rows",
    "training.skip_silent",
    "vae.batch",
    "vae.tiled",
)
"""Patterns of dotted keys."""
SECTIONS = ("rewards.options",)
"""Mappings whose entries are settings; any other mapping changes as a whole."""
COMPARED = ("evaluation.prompts", "rewards.evaluation", "sampling.eval_steps")
"""Of what evaluation compares: after such a change nothing from before is "before"."""


def may_change(key: str) -> bool:
    """Whether a resumed run may have another value of this dotted key."""
    return any(fnmatch(key, pattern) for pattern in MAY_CHANGE)


def changes(out: Path, config: Config) -> dict[str, tuple[Any, Any]]:
    """What is different from how the run in `out` was left: (old, new) by dotted key.

    Raises:
        FileNotFoundError: not the folder of a run.
        ValueError: a setting that may not change, or fewer iterations than are done.
    """
    old, new = running(out), flat(metrics.plain(plain(config)))
    keys = sorted({*old, *new})
    found = {k: (old.get(k), new.get(k)) for k in keys if old.get(k) != new.get(k)}
    refused = {key: pair for key, pair in found.items() if not may_change(key)}
    if refused:
        told = "; ".join(f"{key}: {a!r} there, {b!r} here" for key, (a, b) in refused.items())
        raise ValueError(
            f"{out} was started with other settings that decide what is trained ({told}): resume "
            "with the same, or name another folder with --out; what may change is listed in "
            "docs/sd35.md"
        )
    return found


def running(out: Path) -> dict[str, Any]:
    """The settings of a run by dotted key, with every recorded change.

    A setting that is younger than the run had its default.
    """
    found = flat(metrics.plain(plain(settings.read(Config, folders.about(out)["config"]))))
    for row in history(out):
        for key, (_, value) in row.get("changes", {}).items():
            found[key] = value
    return {key: value for key, value in found.items() if value is not None}


def history(out: Path) -> Iterator[dict[str, Any]]:
    """The lines of sessions.jsonl; a torn one is passed over."""
    file = out / "sessions.jsonl"
    for line in outside.text(file, 64 * outside.MIB).splitlines() if file.exists() else ():
        try:
            row = outside.parsed(line, str(file))
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def flat(values: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """Nested settings by dotted key, without those that are null: a new one is null at first."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        dotted = f"{at}.{key}" if at else str(key)
        inside = not at or dotted in SECTIONS or at in SECTIONS
        if isinstance(value, Mapping) and inside:
            found |= flat(value, dotted)
        elif value is not None:
            found[dotted] = value
    return found
