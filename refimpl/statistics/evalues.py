"""Evidence that adds up over runs: what no single run shows, many show together.

    e = 1 + s (1/(2√p) − 1),  E[e] ≤ 1 under the null       wealth W = Π e,  P(sup W ≥ 1/α) ≤ α

∫₀¹ dp/(2√p) = 1, and p-values that are larger than uniform only make e smaller. So the wealth of an
assertion is a supermartingale from 1, over runs with fresh seeds, whenever one looks and however
often: that is Ville's inequality. The mean over assertions is one too, without independence.
"""

from collections.abc import Iterable, Mapping
from math import sqrt

from ..typed import held

STAKE = 0.25
"""s: the share of the wealth that is put at risk in a run."""

ALPHA = 1e-9
"""How often right code may ever be accused, over all runs to come."""

LEAST_P = 1e-12
"""Smaller p-values count as this one: such a run fails by itself."""


@held
def e_value(p: float) -> float:
    """1 + s (1/(2√p) − 1): at most 1 in the mean when p is uniform or larger.

    Raises:
        ValueError: p outside [0, 1], or NaN.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"a p-value lies in [0, 1], got {p!r}")
    return 1 + STAKE * (1 / (2 * sqrt(max(p, LEAST_P))) - 1)


def wealth(runs: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Each assertion's wealth after runs of p-values by name; what is absent stakes nothing."""
    found: dict[str, float] = {}
    for run in runs:
        for name, p in run.items():
            found[name] = found.get(name, 1.0) * e_value(p)
    return found


def together(each: Mapping[str, float]) -> float:
    """The mean of the wealths, 1 where there is none: right code ever exceeds 1/α with chance α."""
    return sum(each.values()) / len(each) if each else 1.0
