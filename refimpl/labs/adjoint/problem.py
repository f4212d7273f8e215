"""What both trainers are asked: data N(1.5, 0.25), the reward −(x − 2.5)²/2, β = ½, ten steps.

Policies hold the optimum: v + b_i + c_i x. So what one earns and costs is computed, not sampled.
"""

import torch

from ...equations import Gaussian
from ...methods import Method
from ...simulate.grids import Grid
from ...toy.grpo import exact
from ...toy.grpo.exact import Affine, Chain, Quadratic

DATA, REWARD, BETA = Gaussian(1.5, 0.5), Quadratic(2.5), 0.5
T, GROUP, GROUPS = 10, 16, 16


def chain_of(policy: Affine, method: Method, grid: Grid) -> Chain:
    """The policy's exact chain."""
    with torch.no_grad():
        return exact.chain(policy, method, grid)


def objective_of(chain: Chain, reference: Chain) -> float:
    """E r − β KL."""
    with torch.no_grad():
        return float(chain.objective(reference, REWARD, BETA))
