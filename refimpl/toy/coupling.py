"""Minibatch optimal transport: which noise of a batch meets which datum.

    independent    noise as drawn: paths cross, the network learns the mean of what passes
    minibatch      the permutation of the batch's noise with the least Σ ‖noise − data‖²

Both couplings have the same two ends, hence flows to the same law. With the second one the paths
are straighter, the regression target varies less, and few Euler steps go further. The assignment is
SciPy's (a shortest augmenting path method, exact): a linear programme needs no further library.
"""

import time
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..equations import coupling
from ..equations.ode import Field, euler
from ..simulate.grids import uniform
from ..simulate.ode import solve, trajectory
from .batches import Batch, from_law
from .examples import mixture_2d
from .losses import Coupling, flow_matching, independent
from .measures import energy_distance
from .networks import MLP, as_field, build
from .training import Plan, train


def minibatch(data: Float[Tensor, "B ..."], noise: Float[Tensor, "B ..."]) -> Tensor:
    """The noise, its rows permuted so that the summed squared distance to the data is least.

    Raises:
        ValueError: two batches of different shapes.
    """
    if data.shape != noise.shape:
        raise ValueError(
            f"data and noise must have one shape, got {tuple(data.shape)}, {tuple(noise.shape)}"
        )
    price = torch.cdist(data.flatten(1).double(), noise.flatten(1).double()) ** 2
    _, column = linear_sum_assignment(price.numpy())
    return noise[torch.from_numpy(column)]


COUPLINGS: dict[str, Coupling] = {"independent": independent, "minibatch OT": minibatch}


@dataclass(frozen=True)
class Config:
    """Two trainings that differ in the coupling alone.

    Attributes:
        batch: the larger, the closer to the optimal coupling of the laws themselves.
        euler_steps: how few steps are tried.
        width: of the networks.
        n: samples for the measurements.
    """

    batch: int = 256
    width: int = 128
    train: Plan = field(default_factory=lambda: Plan(3000))
    euler_steps: tuple[int, ...] = (1, 2, 4, 8, 64)
    n: int = 2000


@dataclass(frozen=True)
class Row:
    """One coupling, measured.

    Attributes:
        cost: E‖noise − data‖² of the pairs that were trained on.
        target_variance: E‖(noise − data) − v_θ(x_t, t)‖² on fresh pairs: what no network explains,
            plus this network's error.
        straightness: mean over the flow's trajectories, 0 for straight lines.
        distance: energy distance to the data after that many Euler steps.
        seconds: of training.
    """

    cost: float
    target_variance: float
    straightness: float
    distance: dict[int, float]
    seconds: float


@dataclass(frozen=True)
class Result:
    """A row per coupling, and the energy distance that chance alone makes between two data sets."""

    rows: dict[str, Row]
    floor: float


def run(config: Config, *, generator: torch.Generator) -> Result:
    """Train with each coupling from the same first weights, batches and noise; measure both."""
    law = mixture_2d()
    seed = int(torch.randint(2**31, (), generator=generator))
    fresh, again = (law.sample(config.n, generator) for _ in range(2))
    rows = {name: _row(config, c, seed, fresh) for name, c in COUPLINGS.items()}
    return Result(rows, energy_distance(fresh, again))


def _row(config: Config, pair: Coupling, seed: int, fresh: Tensor) -> Row:
    generator = torch.Generator().manual_seed(seed)
    network = build(lambda: MLP(2, width=config.width), generator)
    draw = from_law(mixture_2d(), config.batch)
    loss, start = flow_matching(coupling=pair), time.perf_counter()
    train(network, loss, draw, config.train, generator=generator)
    seconds = time.perf_counter() - start
    field = as_field(network)
    with torch.no_grad():
        held_out = [draw(generator) for _ in range(20)]
        unexplained = [float(loss(network, batch, generator)) for batch in held_out]
    noise = torch.randn(config.n, 2, generator=generator, dtype=torch.float64)
    distance = {
        T: energy_distance(solve(euler, field, noise, uniform(T)), fresh)
        for T in config.euler_steps
    }
    return Row(
        cost=_cost(pair, held_out, generator),
        target_variance=sum(unexplained) / len(unexplained),
        straightness=straightness(field, noise),
        distance=distance,
        seconds=seconds,
    )


def _cost(pair: Coupling, batches: list[Batch], generator: torch.Generator) -> float:
    total = 0.0
    for batch in batches:
        noise = torch.randn(batch.data.shape, generator=generator)
        total += float(coupling.cost(batch.data, pair(batch.data, noise)).sum(dim=1).mean())
    return total / len(batches)


@torch.no_grad()
def straightness(field: Field, noise: Float[Tensor, "n d"], T: int = 64) -> float:
    """E Σ_t ‖noise − data − v_t‖²/T along the flow's own trajectories, T Euler steps."""
    grid = uniform(T)
    states = trajectory(euler, field, noise, grid)
    velocities = torch.stack([field(x, t) for x, t in zip(states, grid.levels[:-1], strict=False)])
    each = coupling.straightness(states[0] - states[-1], velocities)
    return float(each.sum(dim=1).mean())
