"""Covariances that are positive definite, with and without correlation; both ends of the path."""

from collections.abc import Callable

from ..awkward import ENDS, Awkward
from ..calls import Inputs


def _definite(*laws: str) -> Callable[[Inputs], dict[str, object]]:
    """A covariance of half the smaller variance, with the sign that it had."""

    def tie(case: Inputs) -> dict[str, object]:
        tied: dict[str, object] = {}
        for law in laws:
            a, b, off = case[f"{law}xx"], case[f"{law}yy"], case[f"{law}xy"]
            smaller = a * (a <= b) + b * (b < a)
            tied[f"{law}xy"] = smaller / 2 * (1.0 * (off > 0) - 1.0 * (off < 0))
        return tied

    return tie


INPUTS: dict[str, Awkward] = {
    "correlated.velocity": Awkward(tie=_definite(""), edges=(*ENDS, {"xy": 0.0})),
    "correlated.kl": Awkward(
        tie=_definite("p_", "q_"), edges=({"gap_x": 0.0}, {"p_xy": 0.0}, {"q_xy": 0.0})
    ),
    "correlated.wasserstein": Awkward(
        tie=_definite("p_", "q_"), edges=({"gap_x": 0.0}, {"p_xy": 0.0}, {"q_xy": 0.0})
    ),
}
