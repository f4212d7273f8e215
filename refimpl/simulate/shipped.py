"""The grid that a scheduler's configuration makes, as diffusers makes it, level by level.

    made(config, steps=28, tokens=4096, handed="1/steps")  →  Schedule(levels, told, remarks)

Three things are told apart that are easily taken for one another: the even levels that the pipeline
hands over, the levels after shift, stretch and spacing, and the time that the network is told.
Arithmetic is float64, diffusers' is float32: they agree to a few 1e-7 (to 1e-5 where DDPM's betas
enter). A time that is whole may by their rounding be told as the whole number below.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..equations import schedules
from ..typed import held
from .config import Config, model, read

Levels: TypeAlias = np.ndarray

HANDED = ("own", "1/steps", "open")
"""How even levels begin: the scheduler's own, from 1 to 1/T, or from 1 towards 0 without it."""

ALMOST = 1e-6
"""What UniPC takes off a first level of 1, at which log α is infinite."""


@dataclass(frozen=True)
class Schedule:
    """A grid, and what the network is told at each of its steps.

    Attributes:
        levels: T + 1 noise levels from the noisiest down, the last one included.
        told: T times, 0 to 1000 or whatever the number of training timesteps is.
        shift: k of the shift that was applied, however it was declared.
        remarks: what is easily overlooked, a sentence each.
    """

    levels: tuple[float, ...]
    told: tuple[float, ...]
    shift: float
    remarks: tuple[str, ...]


@held
def shift_of(c: Config, tokens: float | None = None, mu: float | None = None) -> float:
    """k: the static shift, or the dynamic one of a number of tokens, or of μ itself.

    Raises:
        ValueError: a dynamic shift without tokens or μ, or both; a μ that makes no shift.
    """
    if tokens is not None and mu is not None:
        raise ValueError("tokens and mu contradict each other: μ follows from the tokens")
    if not c.dynamic:
        if mu is not None:
            raise ValueError(f"mu = {mu!r} is not used: use_dynamic_shifting is false")
        return c.shift
    if mu is None:
        if tokens is None or c.kind != "euler":
            asked = "tokens or mu" if c.kind == "euler" else "mu"
            raise ValueError(f"use_dynamic_shifting is true, so the shift needs {asked}")
        mu = float(schedules.mu(float(tokens), *c.tokens, *c.mu))
    if not c.exponential and not mu > 0:
        raise ValueError(f"time_shift_type linear takes μ itself for the shift, got μ = {mu!r}")
    return float(np.exp(mu)) if c.exponential else mu


@held
def made(
    c: Config, steps: int, *, tokens: float | None = None, mu: float | None = None,
    handed: str | Sequence[float] = "own", timesteps: Sequence[float] = (),
) -> Schedule:  # fmt: skip
    """The grid of a configuration.

    Args:
        c: see `config.read`.
        steps: how many.
        tokens: of the image or video, for a dynamic shift; or
        mu: the logarithm of the shift itself.
        handed: which even levels the pipeline hands over, a word of `HANDED`, or the levels.
        timesteps: network times in their place: the levels are shifted, the times are not.

    Raises:
        ValueError: no steps, levels that no scheduler takes or that meet, see also
            `shift_of`.
    """
    if steps < 1:
        raise ValueError(f"steps must be a whole number, 1 or more, got {steps!r}")
    k = shift_of(c, tokens, mu)
    even = _handed(c, k, steps, handed, timesteps)
    levels, remarks = _shaped(c, even, k)
    if not (np.diff(levels) < 0).all():
        raise ValueError(f"a grid must fall, and the levels of this one meet: shift = {k:g}")
    told = _told(c, levels, timesteps)
    remarks = [*_said(c, k, tokens, handed, timesteps), *remarks, *_about_time(c, levels, told)]
    if c.final == "sigma_min":
        remarks.append(_END[c.kind])
    return Schedule(tuple(map(float, [*levels, 0.0])), tuple(map(float, told)), k, tuple(remarks))


_END = {
    "unipc": "final_sigmas_type sigma_min repeats the last level: the last step has no length, and "
    "its noise stays. Shown is the grid that ends at 0.",
    "dpm++": "final_sigmas_type sigma_min ends at a σ of DDPM's betas, which is no level of this "
    "grid. Shown is the grid that ends at 0.",
}


def _handed(
    c: Config, k: float, steps: int, handed: str | Sequence[float], timesteps: Sequence[float]
) -> Levels:
    """The levels before any shift."""
    if len(timesteps):
        return _given([t / c.train for t in timesteps], steps, c, "timesteps")
    if not isinstance(handed, str):
        return _given(handed, steps, c, "levels")
    if handed not in HANDED:
        raise ValueError(f"handed is one of {', '.join(HANDED)}, got {handed!r}")
    if handed == "1/steps":
        return np.linspace(1, 1 / steps, steps)
    if handed == "open":
        return np.linspace(1, 0, steps + 1)[:-1]
    lowest = 1 / c.train
    if c.kind == "unipc":
        return np.linspace(1, lowest, steps + 1)[:-1]
    if c.kind == "dpm++":
        return 1 - np.linspace(lowest, 1, steps + 1)[:-1]
    if not c.dynamic:  # the thousand levels were shifted at birth
        lowest = float(schedules.shift(lowest, k))
    return np.linspace(1, lowest, steps)


def _given(levels: Sequence[float], steps: int, c: Config, what: str) -> Levels:
    even = np.array([float(t) for t in levels])
    if c.kind in ("heun", "dpm++"):
        raise ValueError(f"this scheduler ({c.kind}) makes its levels itself: give no {what}")
    if len(even) != steps:
        raise ValueError(f"{len(even)} {what} for {steps} steps")
    if not ((even > 0) & (even <= 1)).all() or not (np.diff(even) < 0).all():
        raise ValueError(f"{what} must fall within (0, 1] as levels, got {even.tolist()}")
    return even


def _shaped(c: Config, even: Levels, k: float) -> tuple[Levels, list[str]]:
    """Shifted, stretched and spaced, in this order."""
    if c.kind == "unipc" and c.spacing:
        sigma = spaced(c.spacing, len(even), *c.ends)
        return np.asarray(schedules.level_of_sigma(sigma)), [
            "Karras' σ run between the ends of DDPM's betas; no shift is applied."
        ]
    levels = np.asarray(schedules.shift(even, k))
    remarks = []
    if c.terminal:
        if len(levels) == 1 and levels[0] == 1:
            raise ValueError("shift_terminal needs two steps or more: one level of 1 has no end")
        levels = np.asarray(schedules.stretch(levels, levels[-1], c.terminal))
        remarks.append(f"The levels are stretched after the shift, to end at {c.terminal:g}.")
    if c.spacing:
        levels = spaced(c.spacing, len(levels), float(levels[-1]), float(levels[0]))
        remarks.append(
            f"The {c.spacing} spacing keeps the two ends of the shifted grid and nothing else."
        )
    if c.kind == "unipc" and abs(levels[0] - 1) < ALMOST:
        levels = np.array([1 - ALMOST, *levels[1:]])
        remarks.append(
            "UniPC starts at .999999, not at 1: a rule for t = 1 that looks for equality is missed."
        )
    if c.kind == "dpm++":
        remarks.append(f"DPM++ starts at {levels[0]:.6g}, below pure noise.")
    return levels, remarks


@held
def spaced(kind: str, n: int, low: float, high: float) -> Levels:
    """n levels from high to low: Karras' with ρ = 7, exponential, or quantiles of beta(.6, .6).

    Raises:
        ValueError: no such spacing.
    """
    u = np.linspace(0, 1, n)
    if kind == "karras":
        return np.asarray(schedules.karras(u, low, high, 7.0))
    if kind == "exponential":
        return np.asarray(schedules.exponential(u, low, high))
    if kind == "beta":
        from scipy.special import betaincinv

        return np.asarray(low + (high - low) * betaincinv(0.6, 0.6, 1 - u))
    raise ValueError(f"a spacing is karras, exponential or beta, got {kind!r}")


def _told(c: Config, levels: Levels, timesteps: Sequence[float]) -> Levels:
    """The time that the network is given at each step."""
    if len(timesteps):
        return np.array([float(t) for t in timesteps])
    if c.inverted:
        return c.train * (1 - levels)
    times = c.train * levels
    return np.floor(times + 1e-9) if c.kind in ("unipc", "dpm++") else times


def _said(
    c: Config, k: float, tokens: float | None, handed: str | Sequence[float],
    timesteps: Sequence[float],
) -> list[str]:  # fmt: skip
    """What the settings say about each other."""
    found = []
    if c.dynamic:
        how = "e^μ" if c.exponential else "μ itself"
        found.append(f"The shift is {how}, μ = {np.log(k) if c.exponential else k:.6g}.")
        if c.kind == "euler" and c.shift != 1:
            found.append(f"The static shift of {c.shift:g} in the file is not used.")
        if tokens is not None and tokens > c.tokens[1]:
            found.append(
                f"{tokens:g} tokens lie beyond max_image_seq_len {c.tokens[1]:g}: μ goes on along "
                "its line, above max_shift."
            )
    elif tokens is not None:
        found.append("The shift is static: the number of tokens makes no difference.")
    static = not c.dynamic and k != 1 and c.kind in ("euler", "heun")
    if static and handed == "own" and not len(timesteps):
        found.append(
            f"Shifted twice: the lowest level is shift(1/{c.train}), and the even levels that "
            "end there are shifted again."
        )
    if len(timesteps) and k != 1:
        found.append(
            "The levels of the given timesteps are shifted, the times told to the network are not."
        )
    return found


def _about_time(c: Config, levels: Levels, told: Levels) -> list[str]:
    """How far what the network is told lies from the level that the step uses."""
    if c.inverted:
        return [f"The network is told {c.train} (1 − t): the other clock."]
    off = float(np.abs(told / c.train - levels).max())
    if off < 1e-7:
        return []
    whole = " without its fraction" if c.kind in ("unipc", "dpm++") else ""
    return [f"The network is told a time{whole} that is off by up to {off:.2g} of the level."]


SHORT = "1/1000, shift"
"""The word for even levels from 1 to 1/1000, shifted once."""


@held
def of_name(grid: str, steps: int) -> Schedule:
    """The grid that a short name stands for: "wan2.1", "flux.1-dev 4096", "1/1000, shift 3".

    Raises:
        ValueError: no such name, no tokens where the shift is dynamic, a shift ≤ 0.
    """
    name, _, rest = grid.strip().partition(" ")
    if grid.strip().startswith(SHORT):
        k = _number(grid, grid.strip().removeprefix(SHORT))
        levels = schedules.shift(np.linspace(1, 1 / 1000, steps), k)
        return Schedule(tuple(map(float, [*levels, 0.0])), tuple(1000 * levels), k, ())
    entry = model(name)
    c = read(entry["config"])
    if c.dynamic and not rest:
        raise ValueError(f"{name}'s shift is dynamic: name the tokens, such as '{name} 4096'")
    tokens = _number(grid, rest) if rest else None
    return made(c, steps, tokens=tokens, handed=entry["handed"])


def _number(grid: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{grid!r} ends with no number") from None
