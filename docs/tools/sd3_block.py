"""Tables of the SD3.5 page: settings, differences between presets, costs; all from the code."""

import json
import re
import typing
from collections.abc import Sequence
from typing import Any

from refimpl.equations import conventions
from refimpl.sd3.run import plan
from refimpl.sd3.settings import presets
from refimpl.sd3.settings.config import Config
from refimpl.sd3.settings.overrides import keys

RECIPES: dict[str, tuple[str, ...]] = {
    "guidance and KL, gradient through both halves": ("training.unconditional_gradient=true",),
    "guidance and KL (the article, flow_grpo)": (),
    "guidance, no KL": ("method.beta=0",),
    "no guidance, KL": ("sampling.guidance=1",),
    "no guidance, no KL": ("sampling.guidance=1", "method.beta=0"),
    "no guidance, no KL, window of 3": (
        "sampling.guidance=1", "method.beta=0", "method.window=first"),
    "the same, at random, one start a group": (
        "sampling.guidance=1", "method.beta=0", "method.window=random", "sampling.start=group",
        "sampling.batch=24"),
}  # fmt: skip
MEMORY: dict[str, tuple[str, ...]] = {
    "the defaults": (),
    "training.rows=2": ("training.rows=2",),
    "gradient checkpointing": ("model.gradient_checkpointing=true",),
    "text computed first": ("text.precompute=true",),
    "preset low_memory": (),
    "large": ("model.source=stabilityai/stable-diffusion-3.5-large",),
}
LATENT = 16 * 64 * 64
"""Coordinates of a latent at 512 pixels."""


def sd3_block(name: str) -> str:
    """What is called `settings`, `differences`, `costs`, `memory`, `aliases` or `presets`."""
    return {
        "settings": settings,
        "differences": differences,
        "costs": costs,
        "memory": memory,
        "aliases": aliases,
        "presets": lambda: table(("preset", "what it is"), list(presets.ABOUT.items())),
    }[name]()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def code(value: Any) -> str:
    """As it is written in YAML."""
    if isinstance(value, float):
        return f"<code>{value:g}</code>"
    return f"<code>{json.dumps(value)}</code>"


def at(config: Config, dotted: str) -> Any:
    """The value of a dotted key."""
    for part in dotted.split("."):
        config = getattr(config, part)
    return config


def settings() -> str:
    """Every setting: default, choices or kind, meaning."""
    hints, default, rows = typing.get_type_hints(Config), Config(), []
    for dotted in keys(Config):
        section, name = dotted.split(".")
        meaning = described(hints[section]).get(name, "")
        value = at(default, dotted)
        shown = "" if str(value).startswith("/") else code(value)
        rows.append((f"<code>{dotted}</code>", shown, meaning))
    return table(("setting", "default", "meaning"), rows)


def described(kind: type) -> dict[str, str]:
    """What a dataclass's docstring says of its attributes."""
    _, _, told = (kind.__doc__ or "").partition("Attributes:")
    told = told.partition("Raises:")[0]
    found = {}
    for entry in re.split(r"\n        (?=\w)", told):
        names, colon, text = entry.partition(":")
        if colon:
            words = " ".join(text.split()).replace("|", "\\|")
            found |= {name.strip(): words for name in names.split(",")}
    return found


def differences() -> str:
    """The article's settings beside the official code's, with what converts one to the other."""
    paper, theirs = presets.resolve(["paper"]), presets.resolve(["flow_grpo"])
    rows = [
        (f"<code>{key}</code>", code(at(paper, key)), code(at(theirs, key)), CONVERSIONS[key]())
        for key in keys(Config)
        if at(paper, key) != at(theirs, key)
    ]
    return table(("setting", "paper", "flow_grpo", "from one to the other"), rows)


def _clip() -> str:
    nats = 1e-4 * LATENT
    return (
        f"a clip of 1e-4 on the averaged ratio lets the log-ratio of a whole sample move by "
        f"1e-4 · D = {nats:.2f} nats at 512 pixels (D = {LATENT:,}); the article does not state ε, "
        "0.2 is PPO's"
    )


def _beta() -> str:
    steps = presets.resolve().grid.steps[:-1]
    weights = [conventions.beta_for_mean_without_h(0.04, step.h, LATENT) for step in steps]
    return (
        f"flow_grpo's 0.04 is β h/D = {min(weights):.1e} to {max(weights):.1e} on its sum, "
        "another at each step: no one weight reproduces it"
    )


CONVERSIONS = {
    "method.reduction": lambda: "log-probabilities and KL over coordinates: a sum or a mean",
    "method.limit": _clip,
    "method.kl": _beta,
    "method.beta": _beta,
    "method.advantage_std": lambda: "of the group, or of all rewards of an iteration",
    "method.eps": lambda: "added to that standard deviation",
    "method.advantage_bound": lambda: "flow_grpo bounds advantages; the article does not say so",
    "model.dtype": lambda: "the article does not say; bf16 needs no loss scaling",
    "vae.dtype": lambda: "flow_grpo decodes in float32",
    "training.updates": lambda: "flow_grpo's second update of an iteration is off policy",
}


def costs() -> str:
    """TFLOP and milliseconds for an image, by recipe."""
    rows = []
    for name, changes in RECIPES.items():
        found = plan.plan(presets.resolve([], None, changes))
        calls = found.rollout_calls + found.trained_calls + found.reference_calls
        full, part = (1000 * found.per_image / r for r in (790.0, 790.0 * 0.45))
        rows.append((name, f"{calls:.1f}", f"{found.per_image:.1f}", f"{full:.0f}", f"{part:.0f}"))
    head = ("recipe", "network calls", "TFLOP", "ms at 790 TFLOP/s", "ms at 45 % of it")
    return table(head, rows)


def memory() -> str:
    """Estimated GiB by part."""
    found = {
        name: plan.plan(
            presets.resolve(["low_memory"] if "low_memory" in name else [], None, c)
        ).gib
        for name, c in MEMORY.items()
    }
    parts = list(next(iter(found.values())))
    rows = [
        (name, *(f"{gib[part]:.2f}" for part in parts), f"**{sum(gib.values()):.1f}**")
        for name, gib in found.items()
    ]
    return table(("", *parts, "all"), rows)


def aliases() -> str:
    """The field's names for settings."""
    rows = [
        (f"<code>{name}</code>", ", ".join(f"<code>{key}</code>" for key, _ in ours))
        for name, ours in presets.ALIASES.items()
    ]
    return table(("name elsewhere", "setting"), rows)
