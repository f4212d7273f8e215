"""The false-alarm rate of every test, measured on right samples, and on wrong ones."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from ...statistics import budget, calibration, distribution, gaussian, residuals
from ...statistics.budget import claim
from ...statistics.outcome import Claim, Outcome
from ...toy import mixture_1d
from ..accepting import evidence_of, frequencies, must_reject, standard_normal
from ..check import Evidence, check

_N = 100
"""Samples of a replicate."""

_FEW = 200
"""Replicates with samples that are off, which is seen with few."""

_LOOSE = 10.0  # nothing is promised of a single replicate


@check("statistics", covers=("gaussian.sample",))
def tests_keep_their_false_alarm_rate(seed: int) -> Evidence:
    """On right samples, 1,000 times over, p-values are uniform (exact tests) or larger (bounds).

    On samples that are off (by a fifth of a standard deviation where tests are exact, by up to 1
    where they are bounds) they are not, and the same calibration must say so.
    """
    outcomes, figures = [], {}
    for name, (exact, test) in _tests().items():
        judged = partial(calibration.calibrate, exact=exact, seed=seed)
        asked = claim(f"calibration.{name}")
        outcomes.append(judged(partial(test, 0.0), asked, detects=0.35))
        few = Claim(f"{asked.name}, samples off", _FEW)  # fails by design: it costs no false alarm
        seen = must_reject(few.name, partial(judged, partial(test, 0.2), few, detects=1.0))
        figures[f"{name}, samples off: {seen.part}/bound"] = seen.statistic / seen.bound
    evidence = evidence_of(outcomes)
    told = f"{len(outcomes)} tests, {outcomes[0].claim.n:,} replicates each"
    summary = f"{told}; {budget.statement()}"
    return replace(evidence, summary=summary, figures=evidence.figures | figures)


def _tests() -> dict[str, tuple[bool, Callable[[float, torch.Generator], Outcome]]]:
    """For each test whether it is exact, and one replicate of it, its samples shifted by `off`.

    Those that call an equation come first, since a mistake in it is seen there.
    """
    one, law = Claim("replicate", _N), mixture_1d()
    zero, eye = torch.zeros(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    waves = frequencies(1, 2)

    def normal(off: float, r: torch.Generator, *shape: int) -> Tensor:
        return off + standard_normal(*shape, generator=r)

    def mixed(off: float, r: torch.Generator) -> Tensor:
        return law.sample(_N, r) + off

    return {
        "cdf": (False, lambda off, r: distribution.cdf(
            mixed(2 * off, r)[:, 0], law.cdf, one, detects=_LOOSE)),
        "features": (False, lambda off, r: distribution.features(
            mixed(5 * off, r), waves, law.characteristic, one, detects=_LOOSE)),
        "mean": (True, lambda off, r: gaussian.mean(
            normal(off, r, _N, 2), zero, eye, one, detects=_LOOSE)),
        "hotelling": (True, lambda off, r: gaussian.hotelling(
            normal(off, r, _N, 2), zero, one, detects=_LOOSE)),
        "variance": (True, lambda off, r: gaussian.variance(
            normal(0.0, r, _N, 2) * (1 + off / 2), zero, 1.0, one, detects=_LOOSE)),
        "white": (False, lambda off, r: residuals.white(
            normal(off, r, 3, _N, 1), {}, one, detects_std=_LOOSE, detects_shift=_LOOSE)),
    }  # fmt: skip
