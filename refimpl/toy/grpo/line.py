"""The problem on a line whose every answer is a closed form: N(m, s²), reward k·x.

The policy adds a constant b_i to the exact velocity at each step, which contains the optimum: the
end's mean moves by k (1 − ρ²) Var/β, where ρ is how much of its start the chain remembers
(`tilting.fixed_start`). Centring a group of G on its own mean leaves (G − 1)/G of the gradient.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ... import methods
from ...equations import tilting
from ...equations.gaussian import Gaussian
from ...methods import Method
from ...simulate import laws
from ...simulate.grids import Grid, uniform
from ..mixture import Mixture
from .loop import Trainer
from .policies import ExactField, Shifted
from .problem import Problem, Reward
from .rollouts import as_field, kernels
from .settings import Settings
from .watching import Iteration


def problem(law: Mixture, reward: Reward, grid: Grid) -> Problem:
    """A Gaussian law, any reward of (x, label), and a policy with a shift a step."""
    reference = ExactField((law,))
    policy = Shifted(reference, grid)
    return Problem(law.d, torch.float64, 1, reference, policy, reward)


def train(
    law: Mixture,
    reward: Callable[[Tensor], Tensor],
    settings: Settings,
    on_iteration: Callable[[int, Iteration], None] = lambda i, measured: None,
) -> tuple[Shifted, list[Iteration], list[Tensor]]:
    """Fine-tune the exact flow of `law` towards `reward` of the ends, (B, d) → (B,).

    Returns:
        The policy, the iterations, and the T shifts after each.

    Raises:
        RewardError, ValueError: a reward that cannot be used.
    """
    trainer = Trainer(problem(law, lambda x, y: reward(x), settings.grid), settings)
    policy = trainer.policy
    assert isinstance(policy, Shifted)
    history, shifts = [], []
    for i in range(settings.iterations):
        history.append(trainer.iterate())
        shifts.append(policy.shift.detach().clone())
        on_iteration(i, history[-1])
    return policy, history, shifts


def averaged(shifts: Sequence[Tensor]) -> Tensor:
    """The mean of the second half of the iterates: their noise averages out, the optimum stays."""
    return torch.stack(list(shifts[len(shifts) // 2 :])).mean(0)


def end_law(network: nn.Module, method: Method, grid: Grid) -> Gaussian:
    """The exact law at t = 0 of the chain under a policy with an affine velocity."""
    law = chain_law(network, method, grid)
    return Gaussian(float(law.mean[-1, 0]), float(law.std[-1, 0]))


@torch.no_grad()
def chain_law(network: nn.Module, method: Method, grid: Grid) -> laws.GaussianLaw:
    """Mean, variance and memory of the discrete chain at every level, in one dimension."""
    every = method.but(window="all")
    field = as_field(network, torch.zeros(1, dtype=torch.int64))
    one = torch.ones(1, dtype=torch.float64)
    chain = kernels(every, methods.plan(every, grid), field, grid)
    return laws.gaussian_law(chain, 0 * one, one)


def predicted(law: Mixture, slope: float, settings: Settings) -> Gaussian:
    """Where the loop must lead for the reward slope·x: the fixed-start optimum, baseline included.

    Raises:
        ValueError: settings whose optimum is another: rewards divided by a standard deviation,
            which rescales β by an unknown; steps left out, or weighted; another KL or reduction.
    """
    method = settings.method
    exact = {
        "advantage_std": "none",
        "window": "all",
        "skip_last": False,
        "weight": "equal",
        "reduction": "total",
        "kl": "steps",
    }
    for name, value in exact.items():
        if getattr(method, name) != value:
            raise ValueError(
                f"a prediction needs {name}={value!r}, got {name}={getattr(method, name)!r}"
            )
    before = chain_law(ExactField((law,)), method, settings.grid)
    share = (settings.group - 1) / settings.group
    return tilting.fixed_start(
        Gaussian(float(before.mean[-1, 0]), float(before.std[-1, 0])),
        slope * share,
        method.beta,
        float(before.correlation_with_start[-1, 0]),
    )


def cost(network: nn.Module, method: Method, steps: Sequence[int]) -> dict[int, Gaussian]:
    """The exact end of one policy on grids of T steps: what sampling longer buys."""
    return {T: end_law(network, method, uniform(T)) for T in steps}
