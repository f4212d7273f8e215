"""A mixture tilted by a linear reward is a mixture: components shift, weights follow their values.

    p*(x) ∝ Σ_k w_k N(x; m_k, s_k²) e^{r·x/β}  =  Σ_k w*_k N(m_k + r s_k²/β, s_k²)

Each component is tilted by `tilting.linear`; its new weight is tilted by what it earns, `tilting.
weights`. What it earns is read off the tilted law: reward − β log(p*/p) is the same at every x.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from ..equations import tilting
from ..equations.domain import fields
from ..equations.gaussian import Gaussian
from .mixture import Mixture


def tilted(problem: Mixture, slope: Float[Tensor, " d"], beta: float) -> Mixture:
    """p* ∝ p e^{slope·x/β}: where reward fine-tuning of `problem` leads.

    Args:
        slope: of the reward, one number per coordinate.

    Raises:
        ValueError: β ≤ 0, a slope of another dimension, NaN, or a component that is a point.
    """
    if slope.shape != (problem.d,):
        raise ValueError(f"slope must be ({problem.d},), got {tuple(slope.shape)}")
    fields(slope=slope)
    before = Gaussian(problem.means, problem.stds)
    after = tilting.linear(before, slope[None], beta)
    spent = after.log_prob(problem.means) - before.log_prob(problem.means)
    earned = (slope * problem.means - beta * spent).sum(dim=1)
    return Mixture(tilting.weights(problem.weights, earned, beta), after.mean, after.std)


def importance_weighted_mean(
    problem: Mixture, slope: Float[Tensor, " d"], beta: float, x: Float[Tensor, "n d"]
) -> Float[Tensor, " d"]:
    """Σ e^{r·x/β} x/Σ e^{r·x/β}: the tilted mean, estimated from samples of `problem`.

    Raises:
        ValueError: β ≤ 0, NaN, or shapes that do not agree.
    """
    reward = x @ slope
    share = tilting.weights(torch.ones_like(reward) / len(reward), reward, beta)
    return (share[:, None] * x).sum(dim=0)
