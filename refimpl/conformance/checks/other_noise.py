"""Samplers that draw, and are not the declared one: what they do with their noise, and when.

    DDIM with η, EDM's churn, Langevin's corrections    noise of another step, or before the drift

A number of their own, such as η, is read off a chain's end.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from ...equations import conversions, paths
from ...simulate import solvers
from ..adapter.conventions import Conventions
from ..adapter.inputs import field_of, levels_of
from ..diagnosis.printing import number
from ..diagnosis.solving import solved
from ..formulas.operations import Slip
from ..formulas.program import parsed
from ..formulas.stages import stages
from ..formulas.values import Inputs, Parts
from .other_solvers import DECLARED, by_solver
from .rules import stepped
from .slopes import blur


def _of_step(k: Callable[[int, int], int], i: Inputs, c: Conventions) -> Parts:
    """The chain where step n of so many takes the noise of another."""
    many = len(i["noise"])
    noise = i["noise"][[k(n, many) for n in range(many)]]
    return stepped({**i, "noise": noise}, c, stages(i, c)[:1])


def _others_noise(name: str, what: str, k: Callable[[int, int], int]) -> Slip:
    return Slip(name, what, "indices that are off", "noise[k] at step k",
                lambda i, c: _of_step(k, i, c))  # fmt: skip


def _noise_first(i: Inputs, c: Conventions, *, asked_first: bool) -> Parts:
    """x_s = y − h drift(y), y = x + std ε, with v of x or of y."""
    rule = stages(i, c)[0]
    ask, wide, rest = (
        [row for row in rule.lines if row.name in names]
        for names in (("v",), ("inside", "g", "std"), ("noise_hat", "score", "drift", "mean"))
    )
    noisy, end = parsed("x", "x + std * noise"), parsed("x_s", "mean")
    front = [*ask, *wide, noisy] if asked_first else [*wide, noisy, *ask]
    return stepped(i, c, [replace(rule, lines=(*front, *rest, end))])


def _stale_score(i: Inputs, c: Conventions) -> Parts:
    """Each step after the first takes the score of the one before."""
    right = stages(i, c)[0]
    lines = [parsed("score", "before") if row.name == "score" else row for row in right.lines]
    stale, known = replace(right, lines=tuple(lines)), dict[str, Any](x=i["x"])
    for k, (t, s) in enumerate(pairwise(levels_of(i, c))):
        known |= {"t": np.float64(t), "s": np.float64(s), "h": np.float64(t - s)}
        known |= {"a": i.get("a", c["a"]), "noise": i["noise"][k], "field": field_of(i)}
        now = right.values(known)
        x_s = stale.values(known)["x_s"] if "before" in known else now["x_s"]
        known = {"x": x_s, "before": now["score"]}
    return {"x": known["x"]}


OTHER_SDES = (
    Slip("noise before the drift", "The noise is added to x, and the drift is that of the noisy "
         "state, with v as it was asked before.", "Langevin steps and churn",
         "the drift at x, then the noise", lambda i, c: _noise_first(i, c, asked_first=True)),
    Slip("noise before the network is asked", "The noise is added to x, and the whole step starts "
         "from the noisy state, at the level before the noise.", "Langevin steps and churn",
         "the drift at x, then the noise", lambda i, c: _noise_first(i, c, asked_first=False)),
    Slip("the previous step's score", "Each step after the first takes the score of the one "
         "before, with its own velocity.", "a score that is updated after x", DECLARED,
         _stale_score),
    _others_noise("the noise of the next step", "Each step takes the noise of the next one, and "
                  "the last step that of the first.", lambda n, many: (n + 1) % many),
    _others_noise("the noise of the previous step", "Each step takes the noise of the previous "
                  "one, and the first step that of the last.", lambda n, many: (n - 1) % many),
    _others_noise("one noise for 2 steps", "Two steps in turn get the same noise.",
                  lambda n, many: n // 2 * 2),
    _others_noise("one noise for 3 steps", "Three steps in turn get the same noise.",
                  lambda n, many: n // 3 * 3),
)  # fmt: skip


def drawn(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """Solvers that draw, with a number of their own, read off the first chain's end."""
    i, got = cases[0], told[0].get("x")
    if got is None or "noise" not in i:
        return
    for name, what, made, begin in _DRAWN:
        free = solved(lambda k, made=made: made(i, c, k)["x"], got, begin, blur(got, c))  # type: ignore[misc]
        if free is not None and all(k > 0 for k in free):
            yield Slip(name.format(*map(number, free)), what, "diffusers and EDM", DECLARED,
                       lambda i, c, made=made, free=free: made(i, c, free))  # type: ignore[misc]  # fmt: skip


def _ddim(i: Inputs, c: Conventions, free: Any) -> Parts:
    return by_solver(solvers.ddim(float(np.clip(free[0], 0, 1))), i, c)


def _edm(i: Inputs, c: Conventions, free: Any) -> Parts:
    return by_solver(solvers.churned(max(float(free[0]), 0.0)), i, c)


def by_churn(i: Inputs, c: Conventions, gamma: float, *, stale: bool = False) -> Parts:
    """Noise up to (1 + γ) t, at most 1; then down along the velocity there.

    With `stale`, along the velocity of the state before the noise, at its level.
    """
    x, field = i["x"], field_of(i)
    for k, (t, s) in enumerate(pairwise(levels_of(i, c))):
        up, before = min(t * (1 + gamma), 1.0), x
        x = x + np.sqrt(max(up**2 - t**2, 0.0)) * i["noise"][k]
        x = x - (up - s) * (field(before, t) if stale else field(x, up))
    return {"x": x}


def _corrected(i: Inputs, c: Conventions, free: Any) -> Parts:
    """Euler's step, and at its end x + ε/2 score + √ε' noise; none at noise level 0."""
    x, field = i["x"], field_of(i)
    for k, (t, s) in enumerate(pairwise(levels_of(i, c))):
        x = x - (t - s) * field(x, t)
        if s > 0:
            score = conversions.score_from_velocity(paths.linear(s), x, field(x, s))
            x = x + free[0] * score + free[1] * i["noise"][k]
    return {"x": x}


_DRAWN: tuple[tuple[str, str, Callable[[Inputs, Conventions, Any], Parts], list[float]], ...] = (
    ("DDIM with η = {}", "The share η of the posterior's noise is drawn.", _ddim, [0.5]),
    ("EDM's sampler with churn {}", "Noise first, in the odds, then Heun's step.", _edm, [0.5]),
    ("churn by {}, along the velocity from before the noise", "The network is asked at the state "
     "and the level to which no noise was added.",
     lambda i, c, free: by_churn(i, c, free[0], stale=True), [0.1]),
    ("Langevin's corrections of {} score + {} noise", "Euler's steps, and after each a step of "
     "Langevin's at the level it led to.", _corrected, [0.05, 0.3]),
)  # fmt: skip
