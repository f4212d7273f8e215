"""Mistakes, planted: a check is run on code that is wrong in a known way, and must turn red.

    with plant(mistake): check(seed)      →      the tests that fail, or none

A check that cannot fail proves nothing. What is planted is a named mistake of an equation that the
check covers, or a probe (`evidence.probes`). `designated.toml` names, for each check of samples and
each equation that it covers, mistakes that must turn it red in every run.
"""

import inspect
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import cast

from ..evidence.mistake import Mistake
from ..evidence.mistakes import mistakes
from ..evidence.planting import plant
from ..evidence.probes import probes
from ..statistics.outcome import DesignError, gathered, raising
from .check import Check
from .layers import checks


class Survives(AssertionError):
    """A designated mistake that its check accepts: the check has lost its power."""


@dataclass(frozen=True)
class Trial:
    """One check, run with one mistake planted.

    Attributes:
        check: its name.
        title: the mistake's equation and name.
        red: what turned red: "residual" or "marginal" for a test of samples, "check" for any other
            error of a check; empty where the mistake passes.
        told: the first message.
    """

    check: str
    title: str
    red: tuple[str, ...]
    told: str


def trial(check: str, title: str, seed: int = 0, *, first: bool = False) -> Trial:
    """Run one check with one mistake planted.

    Args:
        first: stop at the first test that fails; otherwise all of them are asked.

    Raises:
        DesignError, TypeError, and whatever says that the trial itself is broken.
    """
    run, red, told = _asked(checks()[check], title.partition(": ")[0]), set[str](), ""
    with plant(mistake_of(title)), raising() if first else gathered() as found:
        try:
            run(seed)
        except DesignError:
            raise
        except (AssertionError, ArithmeticError, ValueError) as error:
            red, told = {getattr(error, "sees", "check")}, str(error)
    for failure in reversed(found.failures if found else []):
        red, told = red | {failure.sees}, str(failure)
    return Trial(check, title, tuple(sorted(red)), told.partition("\n")[0][:200])


def _asked(check: Check, equation_id: str) -> Callable[[int], object]:
    """The check, or where it can be taken apart what it asks of this equation."""
    if check.of_one is not None:
        return partial(check.of_one, equation_id)
    # Unwrapped: a formula that is written out need not call what the right one calls.
    return cast(Callable[[int], object], inspect.unwrap(check.run))


@cache
def designated() -> dict[str, dict[str, list[str]]]:
    """For each check of samples, equation by equation, the mistakes that must turn it red."""
    table: dict[str, dict[str, list[str]]] = tomllib.loads(
        Path(__file__).with_name("designated.toml").read_text(encoding="utf-8")
    )
    return table


def strike(check: Check, seed: int) -> int:
    """Plant the designated mistakes of a check, one at a time; how many there are.

    Raises:
        Survives: the check accepts one of them.
    """
    titles = [
        f"{id}: {name}"
        for id, names in designated().get(check.run.__name__, {}).items()
        for name in names
    ]
    for title in titles:
        if not trial(check.name, title, seed, first=True).red:
            raise Survives(f"{check.name} has lost its power: it accepts {title!r}")
    return len(titles)


def mistake_of(title: str) -> Mistake:
    """A named mistake or a probe by its title, `sde.drift: no score correction`.

    Raises:
        KeyError: none is called so.
    """
    id = title.partition(": ")[0]
    for known in candidates(id):
        if known.title == title:
            return known
    raise KeyError(f"no mistake and no probe is called {title!r}")


def candidates(equation_id: str) -> tuple[Mistake, ...]:
    """All that is planted for one equation: named mistakes, then probes."""
    return (*mistakes(equation_id), *probes(equation_id))


def looks_at(check: Check) -> frozenset[str]:
    """What the tests of a check look at, laws or residuals, seen in a run without a mistake."""
    with gathered() as found:
        check.run(0)
    return frozenset(found.asked)
