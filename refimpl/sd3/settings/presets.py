"""Published recipes by name, and how a configuration is put together.

    resolve(presets, file, overrides)      later ones win: defaults, presets, file, command line

A preset is a partial configuration, so that recipes and memory settings combine:
`--preset flow_grpo --preset low_memory`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ... import methods
from . import overrides as settings
from .aliases import ALIASES, foreign, merge, require_units, sets, tail, translated
from .config import Config

__all__ = ["ABOUT", "ALIASES", "PRESETS", "resolve"]

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "flow_grpo": {
        "method": asdict(methods.preset("flow_grpo")),
        "model": {"dtype": "fp16"},
        "vae": {"dtype": "fp32"},
        "training": {"updates": 2},
    },
    "pickscore": {
        "method": asdict(methods.preset("flow_grpo").but(beta=0.01)),
        "model": {"dtype": "fp16"},
        "vae": {"dtype": "fp32"},
        "training": {"updates": 2},
        "rewards": {"weights": {"pickscore": 1.0}},
    },
    "levelled": {
        "method": asdict(methods.preset("levelled")),
        "sampling": {"guidance": 1.0},
    },
    "miniature": {
        "method": asdict(methods.preset("levelled").but(window="fixed", start=2)),
        "model": {"dtype": "fp32"},
        "vae": {"dtype": "fp32", "batch": 384},
        "text": {"cache": None},
        "rewards": {"weights": {"shapes": 1.0}},
        "sampling": {
            "resolution": 16,
            "grid": "uniform",
            "guidance": 1.0,
            "groups": 24,
            "group": 16,
            "batch": 128,
        },
        "training": {"iterations": 150, "rows": 128, "learning_rate": 1.5e-3},
        "ema": {"every": 1},
    },
    "low_memory": {
        "model": {"gradient_checkpointing": True},
        "text": {"precompute": True},
        "vae": {"tiled": True, "batch": 1},
        "sampling": {"batch": 4},
        "training": {"rows": 4},
    },
}
"""Partial configurations. "paper" is the defaults."""

ABOUT = {
    "paper": "the paper's settings: sums over coordinates, its KL, the group's own std",
    "flow_grpo": "the official code's settings at commit ac4c86e (July 2025), with its averages, "
    "clip and KL; later commits let the gradient through guidance's unconditional half",
    "pickscore": "the same with the official code's KL weight for PickScore, and that reward",
    "levelled": "noise in three steps, each counted by its signal, no guidance",
    "miniature": "the shapes of 16 pixels, as `refimpl train shapes` improves them",
    "low_memory": "for 24 GB: checkpointing, tiles, text computed first, small batches",
}
"""A line on each."""


def resolve(
    presets: Iterable[str] = (), file: Path | None = None, overrides: Iterable[str] = ()
) -> Config:
    """The configuration of a run.

    Args:
        presets: names, later ones win.
        file: YAML; a `preset` key in it names presets too, which come before the file's settings.
        overrides: `dotted.key=value`.

    Raises:
        ValueError: an unknown preset or setting (the nearest is named), a value refused, or
            a number from elsewhere whose unit this run does not have.
    """
    given = settings.load(file) if file is not None else {}
    named = given.pop("preset", [])
    layers: list[Mapping[str, Any]] = [{"method": asdict(Config().method)}]
    for name in [*([named] if isinstance(named, str) else named), *presets]:
        if name not in PRESETS:
            raise ValueError(f"no preset is called {name!r}; there are {', '.join(PRESETS)}")
        layers.append(PRESETS[name])
    layers.append(given)
    for text in overrides:
        dotted, value = settings.override(text)
        layer: dict[str, Any] = {}
        settings.put(layer, dotted, value)
        layers.append(layer)
    values: dict[str, Any] = {}
    used: dict[str, Any] = {}
    for one in layers:
        ours = translated(one)
        used = {
            name: x
            for name, x in used.items()
            if not any(sets(ours, dotted) for dotted, _ in ALIASES[tail(name)])
        }
        used |= foreign(one)
        merge(values, ours)
    config = settings.read(Config, values)
    require_units(config, used)
    return config
