"""What a run says about its own conventions: declared, or left to be guessed from the numbers.

    a = 0.7            boundary = "next_level"        log_prob = "mean"        kl = "kl.without_h"

What is declared is verified; what is not is guessed, and the report says so. A manifest is a TOML
file, or the `manifest` in a recorder's metadata; the file on the command line wins.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import inf, isfinite
from pathlib import Path
from typing import Any

from ...outside import MIB, bounded
from .fields import FIELDS

SCHEDULES = ("flow_grpo", "constant", "cps")
"""Of g; the last is of the std of CPS."""

CHOICES: dict[str, tuple[str, ...]] = {
    "time": ("noise", "data"),
    "layout": ("rows", "steps first", "batch first"),
    "std": ("step", "g"),
    "sampler": ("sde.transition", "kernels.preserving", "renoising"),
    "schedule": SCHEDULES,
    "boundary": ("none", "next_level", "clamp <number>"),
    "log_prob": ("sum", "mean"),
    "constants": ("kept", "dropped", "bare square"),
    "kl": (
        "kl.flow_grpo", "kl.without_h", "kl.velocity", "kl.k1", "kl.k2", "kl.k3", "mse of means",
    ),
    "kl_reduction": ("sum", "mean"),
    "advantage_mean": ("group", "others"),
    "advantage_std": ("group", "batch", "none"),
    "grid": ("uniform", "sd35_once_shifted", "sd35_as_shipped"),
}  # fmt: skip
"""Keys with a fixed choice."""


RANGES: dict[str, tuple[float, float, str]] = {
    "a": (0, inf, "0 or more: g = a √(t/(1 − t))"),
    "eps": (0, inf, "0 or more: (R − mean)/(std + eps)"),
    "advantage_limit": (0, inf, "0 or more: the bound put on |A|"),
    "clip": (0, inf, "0 or more: ratios are clipped to 1 ± clip"),
    "clip_high": (0, inf, "0 or more: the upper end is 1 + clip_high, the lower 1 − clip"),
    "beta": (0, inf, "0 or more: the weight of the KL"),
    "guidance": (-inf, inf, "finite: v_uncond + w (v_cond − v_uncond)"),
    "ddof": (0, 1, "0 or 1"),
    "group": (2, 2**31, "2 or more: the samples that share a baseline"),
}
"""Keys with a number: the least, the largest, and what to say; all are finite."""


@dataclass(frozen=True)
class Manifest:
    """Declared conventions; None is "guess it".

    Attributes:
        time: "noise" (t is the noise level) or "data" (t = 1 is data, velocities data − noise).
        time_scale: 1, or 1000 for network time.
        layout: of the leading dimensions: rows (N,), steps first (T, B), batch first (B, T).
        std: what the field std holds: the whole step's, or g.
        sampler: the kernel that draws x_s.
        schedule, a, boundary: of g: a √(t/(1 − t)) with a rule at t = 1, constant, or CPS, whose
            angle is `a`.
        log_prob, constants: how coordinates are reduced; "dropped" where log std and ½ log 2π are
            left out on purpose, "bare square" where the division by 2 std² is too, as Flow-CPS has
            it.
        kl, kl_reduction: which divergence, and how coordinates are reduced.
        advantage_mean: the baseline: the group's mean, or that of the others (leave-one-out).
        advantage_std, ddof, eps, advantage_limit, group: see `equations.grpo`; group is G.
        clip, beta: ε of the ratio and the weight of the KL.
        clip_high: ε of the upper end, where that is another than the lower end's.
        guidance: the scale w with v = v_uncond + w (v_cond − v_uncond).
        grid: of noise levels.
        on_policy: the record was made before the first update: every ratio is 1.
        names: our name → the dump's name.
    """

    time: str | None = None
    time_scale: float | None = None
    layout: str | None = None
    std: str | None = None
    sampler: str | None = None
    schedule: str | None = None
    a: float | None = None
    boundary: str | None = None
    log_prob: str | None = None
    constants: str | None = None
    kl: str | None = None
    kl_reduction: str | None = None
    advantage_mean: str | None = None
    advantage_std: str | None = None
    ddof: int | None = None
    eps: float | None = None
    advantage_limit: float | None = None
    group: int | None = None
    clip: float | None = None
    clip_high: float | None = None
    beta: float | None = None
    guidance: float | None = None
    grid: str | None = None
    on_policy: bool | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, choices in CHOICES.items():
            value = getattr(self, key)
            if value is not None and not _among(value, choices):
                raise ValueError(f"manifest: {key} must be one of {choices}, got {value!r}")
        for key, (least, most, wanted) in RANGES.items():
            value = getattr(self, key)
            if value is not None and not (_finite(value) and least <= value <= most):
                raise ValueError(f"manifest: {key} must be {wanted}; got {_short(value)}")
        if self.time_scale is not None and self.time_scale not in (1, 1000):
            raise ValueError(f"manifest: time_scale must be 1 or 1000, got {self.time_scale!r}")
        for ours in self.names:
            if ours not in FIELDS:
                known = ", ".join(FIELDS)
                raise ValueError(f"manifest: names has {ours!r}; the audit knows {known}")
            if not isinstance(self.names[ours], str):
                raise ValueError(
                    f"manifest: names.{ours} must be the name of a tensor, a string; got "
                    f"{_short(self.names[ours])}"
                )

    @property
    def declared(self) -> dict[str, Any]:
        """What was declared."""
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        return {key: value for key, value in told.items() if value not in (None, {})}


def _among(value: str, choices: tuple[str, ...]) -> bool:
    """Whether it is one of them, a number standing for <number>."""
    word, _, number = str(value).partition(" ")
    numbered = f"{word} <number>" in choices
    return bool(_BELOW_1.fullmatch(number)) if numbered else value in choices


_BELOW_1 = re.compile(r"0?\.\d*[1-9]\d*")
"""A level that a clamp may hold."""


def _finite(value: float) -> bool:
    """A number that float64 holds; TOML's integers have no bound."""
    try:
        return isfinite(value)
    except OverflowError:
        return False


def _short(value: object) -> str:
    """The value as written, cut where it is long."""
    if isinstance(value, int) and value.bit_length() > 256:
        return f"an integer of {value.bit_length()} bits"
    told = repr(value)
    return told if len(told) <= 60 else f"{told[:60]} ..."


def parse(table: Mapping[str, Any]) -> Manifest:
    """A manifest from plain values.

    Raises:
        ValueError: an unknown key, or a value of another type or out of its choices.
    """
    kinds: dict[str, tuple[type, ...]] = {"names": (Mapping,), "on_policy": (bool,)}
    for key in (
        "time_scale",
        "a",
        "eps",
        "advantage_limit",
        "clip",
        "clip_high",
        "beta",
        "guidance",
    ):
        kinds[key] = (int, float)
    for key in ("ddof", "group"):
        kinds[key] = (int,)
    known = [f.name for f in fields(Manifest)]
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise ValueError(f"manifest: unknown key {key!r}; {hint}")
        wanted = kinds.get(key, (str,))
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise ValueError(
                f"manifest: {key} must be {' or '.join(k.__name__ for k in wanted)}, "
                f"got {_short(value)}"
            )
    return Manifest(**table)


def load(path: Path) -> dict[str, Any]:
    """The table of a TOML file.

    Raises:
        FileNotFoundError, ValueError: no file, or no TOML.
    """
    try:
        return tomllib.loads(bounded(path, 4 * MIB).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is no TOML: {error}") from error
