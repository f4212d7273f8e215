"""The false-alarm rate of every test, measured on right samples."""

import torch
from torch import Tensor

from ...statistics import budget, calibration, distribution, gaussian, residuals
from ...statistics.budget import claim
from ...statistics.outcome import Claim
from ...toy import mixture_1d
from ..accepting import frequencies, standard_normal
from ..check import Evidence, check


@check("statistics", covers=("gaussian.sample",))
def tests_keep_their_false_alarm_rate(seed: int) -> Evidence:
    """On right samples, 200 times over, p-values are uniform (exact tests) or larger (bounds)."""
    n, law = 400, mixture_1d()
    small, zero, eye = (
        Claim("replicate", n),
        torch.zeros(2, dtype=torch.float64),
        torch.eye(2, dtype=torch.float64),
    )
    loose = 10.0  # nothing is promised of a single replicate

    def draw(generator: torch.Generator, *shape: int) -> Tensor:
        return standard_normal(*shape, generator=generator)

    tests = {
        "mean": (True, lambda r: gaussian.mean(draw(r, n, 2), zero, eye, small, detects=loose)),
        "hotelling": (
            True,
            lambda r: gaussian.hotelling(draw(r, n, 2), zero, small, detects=loose),
        ),
        "variance": (
            True,
            lambda r: gaussian.variance(draw(r, n, 2), zero, 1.0, small, detects=loose),
        ),
        "cdf": (
            False,
            lambda r: distribution.cdf(law.sample(n, r)[:, 0], law.cdf, small, detects=loose),
        ),
        "features": (
            False,
            lambda r: distribution.features(
                law.sample(n, r), frequencies(1, 2), law.characteristic, small, detects=loose
            ),
        ),
        "white": (
            False,  # the smallest of several p-values, times their number
            lambda r: residuals.white(
                draw(r, 3, n, 1), {}, small, detects_std=loose, detects_shift=loose
            ),
        ),
    }
    figures: dict[str, float] = {}
    for name, (exact, test) in tests.items():
        shares = calibration.calibrate(test, claim(f"calibration.{name}"), exact=exact, seed=seed)
        figures |= {f"{name}: share of p <= {q}": share for q, share in shares.items()}
    return Evidence(f"{len(tests)} tests, 200 replicates each; {budget.statement()}", figures)
