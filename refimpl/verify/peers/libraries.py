"""The peers layer: independent libraries, asked the same questions.

    diffusers        flow_matching        torchcfm        torchdiffeq

A peer that differs fails, unless it differs by design: then its numbers equal a declared variant,
and the summary says so with the size of the difference. A library that is absent raises
`NotInstalled`, which says how to get it.
"""

from collections.abc import Callable, Iterator

from ...conformance.kit import Report
from ...conformance.running import Result
from ...peers import NotInstalled, known
from ...peers.facts import facts
from ...peers.judging import judged
from ...peers.known import register_facts
from ..check import Evidence, check

__all__ = ["NotInstalled", "PeerDiffers", "evidence_of"]


class PeerDiffers(AssertionError):
    """A peer's numbers are neither the equation's nor those of a declared variant."""


def evidence_of(reports: tuple[Report, ...]) -> Evidence:
    """What the reports on one library say together.

    Raises:
        PeerDiffers: a difference that is not declared and verified.
    """
    bad = [f"{r.name}, {x.check}: {x.cause}" for r in reports for x in r.failures]
    if bad:
        raise PeerDiffers(f"{reports[0].name} {reports[0].version} differs: {'; '.join(bad)}")
    rows = [(r, x) for r in reports for x in r.results]
    good = [(r, x) for r, x in rows if x.verdict == "agrees"]
    known = [(r, x) for r, x in rows if x.verdict == "differs by design"]
    summary = f"{reports[0].version}: {len(good)} agree"
    summary += "".join(f"; by design ({_sizes(rows)}): {told}" for told, rows in _by_told(known))
    numbers = {f"{r.name}, {x.check}": x.gap for r, x in good + known}
    return Evidence(summary, numbers)


def _by_told(rows: list[tuple[Report, Result]]) -> Iterator[tuple[str, list[Result]]]:
    """Results with one reason, together."""
    told = dict.fromkeys(x.told for _, x in rows)
    return ((t, [x for _, x in rows if x.told == t]) for t in told)


def _sizes(rows: list[Result]) -> str:
    sizes = [x.gap for x in rows]
    if len(rows) == 1:
        return f"{sizes[0]:.2g}"
    return f"{len(rows)} claims, {min(sizes):.2g} to {max(sizes):.2g}"


def _peer(name: str, fact: str) -> Callable[[int], Evidence]:
    def ask(seed: int) -> Evidence:
        return evidence_of(tuple(judged(a) for a in known(name)))

    register_facts(name)  # no library is imported
    covers = tuple(dict.fromkeys(id for f in facts(name).values() for id in f.covers))
    ask.__name__, ask.__doc__ = name, fact
    return check("peers", covers=covers)(ask)


diffusers = _peer(
    "diffusers",
    "diffusers' grids, steps, network time and guidance agree; its shift is applied twice, and its "
    "stochastic mode is another sampler.",
)
flow_matching = _peer(
    "flow_matching",
    "flow_matching's schedules, paths, conversions and solver agree, once its clock is flipped.",
)
torchcfm = _peer(
    "torchcfm",
    "torchcfm's matchers move their own paths, and its couplings cost least.",
)
torchdiffeq = _peer(
    "torchdiffeq",
    "torchdiffeq's methods have the tables, orders, error estimates and steps that they claim.",
)
