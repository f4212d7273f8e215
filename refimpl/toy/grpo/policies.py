"""Policies that start as an exact field: a velocity that is known, plus what is learnt.

    v(x, t | y) exact for every row's own level and label        v + b_i        v + network(x, t, y)

At the start the learnt part is zero, so the policy *is* the reference, to the last bit.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ...equations import density, gaussian, paths
from ...simulate.grids import Grid
from ..mixture import Mixture


class ExactField(nn.Module):
    """v(x, t | y) of one mixture per label on the linear path, each row at its own level.

    The same numbers as `Mixture.velocity`, which takes one level at a time.

    Attributes:
        laws: p(data | y), all of one dimension.
    """

    weights: Tensor
    means: Tensor
    stds: Tensor

    def __init__(self, laws: tuple[Mixture, ...]) -> None:
        super().__init__()
        K = sum(len(law.weights) for law in laws)
        weights = torch.zeros(K, len(laws), dtype=torch.float64)
        first = 0
        for y, law in enumerate(laws):
            weights[first : first + len(law.weights), y] = law.weights
            first += len(law.weights)
        self.register_buffer("weights", weights)
        self.register_buffer("means", torch.cat([law.means for law in laws]))
        self.register_buffer("stds", torch.cat([law.stds for law in laws]))

    @torch.no_grad()
    def forward(
        self, x: Float[Tensor, "B d"], t: Float[Tensor, " B"], y: Int[Tensor, " B"]
    ) -> Float[Tensor, "B d"]:
        """The velocity, in float64; no gradient flows to x."""
        c = paths.linear(t[None, :])
        prior = self.weights[:, y]
        stds = [(c.alpha**2 * s[:, None] ** 2 + c.sigma**2).sqrt() for s in self.stds.T]
        means = [c.alpha * m[:, None] for m in self.means.T]
        columns = list(zip(x.T[:, None, :], means, stds, strict=True))
        log_likelihood = sum(gaussian.log_prob(column, m, s) for column, m, s in columns)
        top = log_likelihood.masked_fill(prior == 0, -torch.inf).amax(dim=0)
        weight = density.posterior(prior, (log_likelihood - top).clamp_max(0).exp())
        answer = []
        for (column, mean, std), m, s in zip(columns, self.means.T, self.stds.T, strict=True):
            pull = -gaussian.score(column, mean, std)
            data = m[:, None] + c.alpha * s[:, None] ** 2 * pull
            v = paths.velocity(c, data, c.sigma * pull)
            answer.append(density.conditional_mean(weight, v))
        return torch.stack(answer, dim=1)


class Shifted(nn.Module):
    """v(x, t) + b_i while t is in step i's interval: enough to be optimal for a linear reward.

    Between the levels of its grid it is constant, so that it can be sampled on a finer one.
    """

    levels: Tensor

    def __init__(self, reference: nn.Module, grid: Grid) -> None:
        super().__init__()
        self.reference = reference
        self.register_buffer("levels", -torch.tensor(grid.levels, dtype=torch.float64))
        self.shift = nn.Parameter(torch.zeros(grid.T, dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """The velocity; every coordinate is shifted alike."""
        i = torch.searchsorted(self.levels, -t, right=True) - 1
        velocity: Tensor = self.reference(x, t, y)
        return velocity + self.shift[i][:, None]


class Corrected(nn.Module):
    """v(x, t | y) + network(x, t, y), the network's last layer zero at the start."""

    def __init__(self, reference: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.reference, self.network = reference, network

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """The velocity."""
        velocity: Tensor = self.reference(x, t, y)
        return velocity + self.network(x, t, y)
