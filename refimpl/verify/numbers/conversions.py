"""The marginal score as a posterior mean, on exact mixtures in 30 digits."""

from typing import Any

import mpmath as mp

from ...equations import conversions
from ..check import Evidence, check
from ..mixtures import DIGITS, Scene, close, compared, scenes


def _log_density(scene: Scene) -> Any:
    return lambda y: mp.log(scene.density(y))


@check(
    "numbers",
    covers=(
        "conversions.score_from_data", "conversions.score_from_velocity",
        "conversions.velocity_from_score", "density.conditional_mean",
    ),
    rows=("SC-2", "SC-7", "SC-8", "VF-4"),
)  # fmt: skip
def marginal_score_is_a_posterior_mean(seed: int) -> Evidence:
    """∇log p_t = E[conditional score | x], and the marginal velocity converts into it and back."""
    gaps: dict[str, float] = {}
    with mp.workdps(DIGITS):
        for scene in scenes():
            c, v, score = scene.mixture.path(scene.t), scene.velocity(scene.x), scene.score(scene.x)
            for i in scene.coordinates:
                true = scene.along(_log_density(scene), i)
                close(f"score, {scene.name}", score[i], true, gaps)
                from_v = conversions.score_from_velocity(c, scene.x[i], v[i])
                close(f"from velocity, {scene.name}", from_v, true, gaps)
                from_score = conversions.velocity_from_score(c, scene.x[i], true)
                close(f"to velocity, {scene.name}", from_score, v[i], gaps)
    return compared(gaps)
