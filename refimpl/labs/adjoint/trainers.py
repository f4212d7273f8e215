"""One trainer of each kind from one reference, and the gradient of every sample that it draws."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ... import methods
from ...methods import Method
from ...simulate.grids import Grid
from ...toy.grpo import adjoint as matching
from ...toy.grpo.adjoint import MEMORYLESS
from ...toy.grpo.exact import Affine, Chain
from ...toy.grpo.loop import Trainer, advantage
from ...toy.grpo.policies import ExactField
from ...toy.grpo.problem import Problem, judge
from ...toy.grpo.settings import Settings
from ..chains import WIDE
from .problem import BETA, GROUP, GROUPS, REWARD, T, chain_of

NAMES = ("Adjoint Matching", "Flow-GRPO, a = √2", "Flow-GRPO, a = 0.7")
COST = {"Adjoint Matching": 7, "Flow-GRPO, a = √2": 5, "Flow-GRPO, a = 0.7": 5}
"""Network calls per step and sample: one to roll out; three to train it, forward and backward; and
the reference, once for Flow-GRPO's KL, three times for a vector–Jacobian product."""


@dataclass(frozen=True)
class Runner:
    """A trainer in progress, and what is asked of it.

    Attributes:
        iterate: one iteration.
        gradients: of −(E r − β KL), one row a sample, from fresh rollouts of the policy.
        samples: of an iteration.
    """

    policy: Affine
    method: Method
    grid: Grid
    iterate: Callable[[], object]
    gradients: Callable[[int], Tensor]
    samples: int

    @property
    def chain(self) -> Chain:
        """The policy's exact chain."""
        return chain_of(self.policy, self.method, self.grid)


def runner(name: str, rate: float, seed: int) -> Runner:
    """A trainer by name, from the reference.

    Raises:
        KeyError: a name that is not in `NAMES`.
    """
    n = GROUP * GROUPS
    if name == "Adjoint Matching":
        settings = matching.Settings(batch=n, learning_rate=rate, beta=BETA, T=T, seed=seed)
        policy = Affine(WIDE, settings.grid)
        trainer = matching.Trainer(WIDE, policy, lambda x: REWARD(x[:, 0]), settings)

        def ours(n: int) -> Tensor:
            rollout = trainer.roll(n)
            return BETA * _rows(trainer.losses(rollout), rollout.states, policy)

        return Runner(policy, settings.method, settings.grid, trainer.iterate, ours, n)
    a = {"Flow-GRPO, a = √2": math.sqrt(2), "Flow-GRPO, a = 0.7": 0.7}[name]
    made = Settings(
        MEMORYLESS.but(noise=a, beta=BETA, trust="none"),
        groups=GROUPS, group=GROUP, learning_rate=rate, T=T, seed=seed,
    )  # fmt: skip
    shifted = Affine(WIDE, made.grid)
    problem = Problem(
        1, torch.float64, 1, ExactField((WIDE,)), shifted,
        lambda x, y: REWARD(x[:, 0]),
    )  # fmt: skip
    climber = Trainer(problem, made)

    def theirs(n: int) -> Tensor:
        rollout = climber.roll(torch.zeros(n, dtype=torch.int64))
        judged = judge(problem.reward, rollout.ends, rollout.labels, GROUP, "refuse")
        steps = rollout.steps()
        terms = climber.terms(steps, advantage(judged, made).flatten())[1]
        return -_rows(steps.by_step(terms.objective), rollout.states, shifted)

    return Runner(shifted, made.method, made.grid, climber.iterate, theirs, n)


def _rows(terms: Tensor, states: Tensor, policy: Affine) -> Tensor:
    """∂ Σ_k terms_kj/∂(b, c) for every sample j, shape (B, 2T): a step has its own b and c.

    The slope in b of step k is the slope of its term in v; that in c is x_k times it.
    """
    (by_b,) = torch.autograd.grad(terms.sum(), policy.b, retain_graph=True)
    total = []
    for k in range(len(policy.b)):
        total.append(_slopes(terms[k], policy, k))
    slopes = torch.stack(total, dim=1)
    if not torch.allclose(slopes.sum(dim=0), by_b, rtol=1e-6, atol=1e-9):
        raise AssertionError(f"per-sample slopes add up to {slopes.sum(dim=0)}, not to {by_b}")
    return torch.cat([slopes, slopes * states[:-1, :, 0].T], dim=1)


def _slopes(terms: Tensor, policy: Affine, k: int) -> Tensor:
    ones = torch.ones_like(terms, requires_grad=True)
    (double,) = torch.autograd.grad(terms, policy.b, ones, create_graph=True)
    (rows,) = torch.autograd.grad(double[k], ones)
    return rows


def settle(policy: Affine, old: Chain, new: Chain, method: Method, grid: Grid) -> None:
    """Give the policy the b and c of a chain: a step's mean moves by −L (b + c x)."""
    lever = torch.tensor(methods.levers(method, grid), dtype=torch.float64)
    policy.b.copy_((old.offset - new.offset) / lever)
    policy.c.copy_((old.slope - new.slope) / lever)
