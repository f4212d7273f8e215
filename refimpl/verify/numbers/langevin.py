"""Langevin dynamics between two modes."""

import torch
from scipy import stats

from ...toy import Mixture, ncsn
from ..check import Evidence, check


@check("numbers", covers=(), rows=("LD-2",))
def nothing_is_drawn_between_the_modes(seed: int) -> Evidence:
    """P(|x₁| < 1) between the modes, by the mixture's CDF and by Gaussian tails."""
    config = ncsn.Config()
    law = config.law
    first = Mixture(law.weights, law.means[:, :1], law.stds[:, :1])
    low, high = first.cdf(torch.tensor([-1.0, 1.0], dtype=torch.float64)).tolist()
    tails = stats.norm(4, config.std).cdf([-1, 1]), stats.norm(-4, config.std).sf([-1, 1])
    exact = config.weight * (tails[0][1] - tails[0][0])
    exact += (1 - config.weight) * (tails[1][0] - tails[1][1])
    if not abs((high - low) - exact) < 1e-12:  # 1 − 1e-16 is where a CDF ends
        raise AssertionError(f"mass between the modes: {high - low:.3g} and {exact:.3g}")
    if not exact < 1e-8:
        raise AssertionError("the toy should leave the middle empty")
    return Evidence(
        f"of a billion samples {1e9 * exact:.2g} lie between the modes: no loss sees them",
        {"mass between the modes": exact},
    )
