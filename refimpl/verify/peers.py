"""The peers layer: independent libraries, asked the same questions.

    diffusers (SD3.5's scheduler and guidance)        flow_matching (paths, conversions, solver)

A peer that differs fails, unless it differs by design: then its numbers equal a declared variant
formula, and the summary says so with the size of the difference. A library that is absent raises
`NotInstalled`, which says how to get it.
"""

from collections.abc import Callable
from typing import Any

from ..conformance.adapters import NotInstalled
from ..conformance.adapters.diffusers import Diffusers
from ..conformance.adapters.flow_matching import FlowMatching
from ..conformance.checks import checks, run
from ..conformance.deviations import Result
from .evidence import Evidence, check

__all__ = ["NotInstalled", "PeerDiffers", "evidence_of"]


class PeerDiffers(AssertionError):
    """A peer's numbers are neither the equation's nor those of a declared variant."""


def evidence_of(adapter: Any) -> Evidence:
    """Run every check that the adapter can take.

    Raises:
        PeerDiffers: a difference that is not declared and verified.
    """
    return _evidence(adapter, run(adapter))


def _evidence(adapter: Any, results: list[Result]) -> Evidence:
    bad = [r for r in results if r.verdict == "differs"]
    if bad:
        lines = "; ".join(f"{r.check}: gap {r.gap:.3g}, {r.cause}" for r in bad)
        raise PeerDiffers(f"{adapter.name} {adapter.version} differs: {lines}")
    good = [r for r in results if r.verdict == "agrees"]
    known = [r for r in results if r.verdict == "differs by design"]
    summary = f"{adapter.version}: {len(good)} agree, largest gap {max(r.gap for r in good):.1e}"
    summary += "".join(f"; by design ({r.gap:.2g}): {r.cause}" for r in known)
    return Evidence(summary, {r.check: r.gap for r in good + known})


def _covers(adapter: type) -> tuple[str, ...]:
    ids = [i for c in checks().values() if hasattr(adapter, c.needs) for i in c.covers]
    return tuple(dict.fromkeys(ids))


def _peer(name: str, adapter: Callable[[], Any], fact: str) -> Callable[[int], Evidence]:
    def ask(seed: int) -> Evidence:
        return evidence_of(adapter())

    ask.__name__, ask.__doc__ = name, fact
    return check("peers", covers=_covers(adapter))(ask)  # type: ignore[arg-type]


diffusers = _peer(
    "diffusers",
    Diffusers,
    "diffusers' Euler, Heun, network time and guidance agree; its grid and stochastic mode do not.",
)
flow_matching = _peer(
    "flow_matching",
    FlowMatching,
    "flow_matching's schedules, points, conversions and solvers agree, once its clock is flipped.",
)
