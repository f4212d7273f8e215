"""Facts about sbi's flow matching: its score with a σ_min, and its sampler's law.

σ = t + σ_min is what its loss trains on, with v = noise − data
"""

from typing import Any

import torch

from ...conformance.checks.register import Finding
from ...equations import Coefficients, conversions
from ..facts import fact, near

NOISE_SCALE = 1e-3
"""σ_min at its default."""


@fact("sbi", "score.of_its_path", covers=("conversions.score_from_velocity",))
def score_of_its_path(library: Any) -> Finding:
    """With its default σ_min the score is that of the path on which the velocity was trained."""
    x, v = (
        torch.linspace(a, b, 12, dtype=torch.float64).reshape(3, 4) for a, b in ((-2, 1.5), (1, -3))
    )
    worst = 0.0
    for t in (0.125, 0.5, 0.875):
        level = torch.tensor(t, dtype=torch.float64)
        path = Coefficients(1 - level, level + NOISE_SCALE, -1 + 0 * level, 1 + 0 * level)
        got = library.score(x, v, level, NOISE_SCALE)
        left_out = {"1 + σ_min left out": -(x + (1 - level) * v) / (level + NOISE_SCALE)}
        right = conversions.score_from_velocity(path, x, v)
        worst = max(worst, near(f"the score at t = {t:g}", got, right, readings=left_out))
    return Finding(worst)
