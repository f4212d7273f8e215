"""The exact laws that samples of one-dimensional chains are held to.

    law of the chain  ≠  p_0,      sup |F − F_0| is computed on the nodes, and falls as T grows

Convenience over `simulate.laws`: nodes that resolve the chain's smallest kernel, the article's
chain by its T and a, and the distance of a discrete law to a continuous one.
"""

import math

from ..equations import sde
from ..simulate import diffusion, grids, laws
from ..simulate import sde as chains
from ..toy import Mixture, field
from ..toy import gaussian as gaussian_problem


def discrete_law(
    kernels: tuple[chains.Kernel, ...], start: Mixture, smallest_std: float
) -> laws.DensityLaw:
    """The exact law of a one-dimensional chain that starts from `start`."""
    nodes = laws.nodes_for(smallest_std, half_width=8.5, resolution=2.0)
    return laws.density_law(kernels, start.log_density(nodes[:, None]).exp(), nodes)


def distance(law: laws.DensityLaw, exact: Mixture) -> float:
    """sup |F − F_t|, computed on the nodes."""
    return float((law.cdf(law.nodes) - exact.cdf(law.nodes)).abs().max())


def chain_law(p: Mixture, T: int, a: float) -> laws.DensityLaw:
    """The exact law at t = 0 of Flow-GRPO's chain on a 1-D mixture, uniform grid, `next_level`."""
    g, grid = diffusion.flow_grpo(a, sde.next_level), grids.uniform(T)
    smallest = min(float(g(step)) * math.sqrt(step.h) for step in grid.steps)
    return discrete_law(
        chains.denoising(field(p), grid, diffusion=g), gaussian_problem([0.0], [1.0]), smallest
    )
