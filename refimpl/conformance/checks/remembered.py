"""Samplers that remember: velocities of earlier steps in this one's place, or mixed with it.

    x_s = x − h (3 v_k − v_{k−1})/2          x_s = x − h v_{k−1}          v̄ = m v̄ + (1 − m) v

One evaluation a step, Euler's rule for the ODE and the declared step for the SDE. A weight that
nobody can guess is read off a chain's end.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from ...equations import Step
from ..adapter.conventions import Conventions
from ..adapter.inputs import field_of, levels_of
from ..diagnosis.printing import number
from ..diagnosis.solving import solved
from ..formulas.operations import Slip
from ..formulas.steps import gaussian_step
from ..formulas.values import Formulas, Inputs, Parts
from .slopes import blur

Use: TypeAlias = Callable[[Sequence[Any], Sequence[float]], Any]
"""A step's velocity, from all that were asked so far and the lengths of their steps."""


def remembering(i: Inputs, c: Conventions, use: Use, *, late: int = 0) -> Parts:
    """The chain's end where each step takes `use` of what it remembers.

    With `late`, the network is told the level of so many steps before.
    """
    x, field = i["x"], field_of(i)
    grid = levels_of(i, c)
    asked, lengths = list[Any](), list[float]()
    for k, (t, s) in enumerate(pairwise(grid)):
        asked.append(field(x, grid[max(k - late, 0)]))
        lengths.append(t - s)
        v = use(asked, lengths)
        if "noise" in i:
            p = gaussian_step(Formulas(), {**i, "x": x}, c, v, Step(np.float64(t), np.float64(s)))
            x = p.mean + p.std * i["noise"][k]
        else:
            x = x - (t - s) * v
    return {"x": x}


_BASHFORTH = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12),
              (55 / 24, -59 / 24, 37 / 24, -9 / 24))  # fmt: skip
"""Weights of Adams and Bashforth's rules for steps of one length, the newest velocity first."""


def _adams(order: int) -> Use:
    def use(asked: Sequence[Any], lengths: Sequence[float]) -> Any:
        weights = _BASHFORTH[min(order, len(asked)) - 1]
        return sum(w * v for w, v in zip(weights, reversed(asked), strict=False))

    return use


def _adams_of_lengths(asked: Sequence[Any], lengths: Sequence[float]) -> Any:
    """(1 + r/2) v_k − r/2 v_{k−1},  r = h_k/h_{k−1}."""
    if len(asked) < 2:
        return asked[-1]
    r = lengths[-1] / lengths[-2]
    return (1 + r / 2) * asked[-1] - r / 2 * asked[-2]


def _weighted(w: float, *, empty: bool = False) -> Use:
    """(1 − w) v_k + w v_{k−1}; before the first step stands its own velocity, or 0."""

    def use(asked: Sequence[Any], lengths: Sequence[float]) -> Any:
        before = asked[-2] if len(asked) > 1 else (0 * asked[-1] if empty else asked[-1])
        return (1 - w) * asked[-1] + w * before

    return use


def _running(m: float, *, empty: bool = False) -> Use:
    """v̄ = m v̄ + (1 − m) v, from the first velocity on, or from 0."""

    def use(asked: Sequence[Any], lengths: Sequence[float]) -> Any:
        mean = 0 * asked[0] if empty else asked[0]
        for v in asked if empty else asked[1:]:
            mean = m * mean + (1 - m) * v
        return mean

    return use


def _heavy(m: float, *, empty: bool = False) -> Use:
    """p = m p + v, a momentum that starts from 0, or from the first velocity."""

    def use(asked: Sequence[Any], lengths: Sequence[float]) -> Any:
        momentum = asked[0] if empty else 0 * asked[0]
        for v in asked:
            momentum = m * momentum + v
        return momentum

    return use


def _every(n: int) -> Use:
    return lambda asked, lengths: asked[(len(asked) - 1) // n * n]


_ONE_STEP = "take each step's own velocity, by the declared rule"


def _slip(name: str, what: str, seen: str, use: Use, late: int = 0) -> Slip:
    return Slip(name, what, seen, _ONE_STEP, lambda i, c: remembering(i, c, use, late=late))


REMEMBERED = (
    _slip("the previous step's velocity", "Each step after the first takes v of the one before.",
          "a loop that updates v after x", _weighted(1.0)),
    _slip("the previous step's velocity, none at the first", "Each step takes v of the one before, "
          "and the first takes 0.", "a loop that updates v after x", _weighted(1.0, empty=True)),
    _slip("the previous level told to the network", "The state is this step's, the level that of "
          "the step before.", "a counter that is raised too late", _weighted(0.0), late=1),
    *(_slip(f"Adams–Bashforth's rule of order {n}, equal steps", "A multistep rule: velocities of "
            "earlier steps are weighed as for steps of one length.",
            "PNDM and PLMS samplers, latent-diffusion code", _adams(n)) for n in (2, 3, 4)),
    _slip("Adams–Bashforth's rule of order 2", "A multistep rule: the last velocity but one counts "
          "−h_k/(2 h_{k−1}).", "multistep samplers, DPM-Solver's relatives", _adams_of_lengths),
    *(_slip(f"one velocity for {n} steps", f"The network is heard at every {word} step; between, "
            "its last velocity is taken again.", "caches of the network's outputs", _every(n))
      for n, word in ((2, "second"), (3, "third"), (4, "fourth"))),
    _slip("the first velocity at every step", "The network's first answer serves the whole chain.",
          "a call outside the loop", lambda asked, lengths: asked[0]),
)  # fmt: skip


_FITTED: tuple[tuple[str, str, Callable[..., Use]], ...] = (
    ("{0} of the step's velocity and {1} of the previous one's",
     "Two steps' velocities are mixed.", _weighted),
    ("a running mean of velocities, {1} of it kept at each step",
     "The velocity is smoothed over steps.", _running),
    ("velocities added up, {1} of the sum kept at each step",
     "A heavy ball: the steps grow longer than the flow's.", _heavy),
)  # fmt: skip


def weighed(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """Two velocities mixed, or a running mean, with a weight read off the first chain's end."""
    i, got = cases[0], told[0].get("x")
    if got is None:
        return
    for name, what, made in _FITTED:
        for empty in (False, True):
            w = _weight(i, got, c, partial(made, empty=empty))
            if w is not None:
                use = made(w, empty=empty)
                also = ", 0 before the first" if empty else ""
                yield _slip(
                    name.format(number(1 - w), number(w)) + also, what, "smoothed samplers", use
                )


def _weight(
    i: Inputs, got: np.ndarray, c: Conventions, use: Callable[[float], Use]
) -> float | None:
    found = solved(lambda w: remembering(i, c, use(float(w[0])))["x"], got, [0.25], blur(got, c))
    return found[0] if found is not None and found[0] not in (0.0, 1.0) else None
