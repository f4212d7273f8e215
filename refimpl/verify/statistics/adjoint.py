"""Adjoint Matching at its optimum: the sampler ends in the tilted law, nothing is left to fit."""

import math
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from ...equations import Gaussian, adjoint, paths, sde, tilting, weights
from ...equations.sde import Step
from ...simulate import laws
from ...simulate import sde as chains
from ...simulate.sde import Kernel
from ...statistics import budget, residuals
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...statistics.outcome import Outcome
from ...toy import gaussian as gaussian_problem
from .. import independent
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check

DATA, GOAL, BETA, A, T = Gaussian(1.5, 0.5), 2.5, 0.5, math.sqrt(2), 20
LEVELS = tuple(1 - i / T for i in range(T + 1))
STEPS_DOWN = tuple(Step(t, s) for t, s in pairwise(LEVELS))
ONE = torch.ones(1, dtype=torch.float64)
PROBLEM = gaussian_problem([DATA.mean], [DATA.std])


def _kernel(step: Step, tuned: bool) -> Kernel:
    """The memoryless step on Gaussian data, its velocity the reference's or the optimal one."""
    c, g = paths.linear(step.t), sde.flow_grpo_g(step.t, A, sde.next_level(step))

    def kernel(x: Tensor) -> Gaussian:
        v = PROBLEM.velocity(c, x)
        if tuned and step.t < 1:
            waiting = adjoint.quadratic(c, x, DATA, GOAL, BETA)
            v = adjoint.target(v, waiting, 2 * step.h, g * step.h**0.5)
        elif tuned:  # α = 0: nothing of the datum is in x, and v* = −E p*
            v = v + DATA.mean - tilting.quadratic(DATA, GOAL, BETA).mean
        return sde.transition(c, x, v, g, step)

    return kernel


@check(
    "statistics",
    covers=("adjoint.quadratic", "adjoint.target", "adjoint.lean", "adjoint.end", "adjoint.loss",
            "adjoint.control"),
    rows=("RFT-2",),
)  # fmt: skip
def adjoint_matching_rests_at_the_tilted_law(seed: int) -> Evidence:
    """The optimal velocity samples p*, and along its chain the mean lean adjoint asks for nothing.

    The law of the first chain is that of the tilted Gaussian's own, by the independent kernels.
    """
    generator = budget.generator("adjoint", seed)
    start = standard_normal(N, 1, generator=generator)
    tuned = [_kernel(step, True) for step in STEPS_DOWN]
    ends = chains.run(tuned, start, generator=generator).states[-1]
    star = tilting.quadratic(DATA, GOAL, BETA)
    tilted = gaussian_problem([float(star.mean)], [float(star.std)])
    noise_of = independent.odds(A, independent.next_level)
    known = laws.gaussian_law(independent.denoising(tilted, LEVELS, noise_of), 0 * ONE, ONE)
    mean, std = known.mean[-1], float(known.std[-1])

    def ends_in(mean: Tensor) -> Outcome:
        return exact.mean(ends, mean, std**2 * ONE[:, None], claim("adjoint.mean"), detects=0.035)

    must_reject("the reference's law", partial(ends_in, DATA.mean * ONE))
    outcomes = [
        ends_in(mean),
        exact.variance(ends, float(mean), std, claim("adjoint.variance"), detects=0.025),
        *_nothing_left(seed),
    ]
    evidence = evidence_of(outcomes)
    evidence.figures.update({
        "mean of p*": float(star.mean), "mean of the chain": float(mean),
        "std of p*": float(star.std), "std of the chain": std,
    })  # fmt: skip
    return evidence


def _nothing_left(seed: int) -> list[Outcome]:
    """The loss has slope zero in u, given x_t, in the middle of the best discrete chain.

    The slope is linear in the end, which given x_t is Gaussian: its variance is exact.
    """
    plain = [_kernel(step, False) for step in STEPS_DOWN]
    at_0, at_1 = ([kernel(x * ONE[:, None]) for kernel in plain] for x in (0.0, 1.0))
    A = [float(one.mean - zero.mean) for zero, one in zip(at_0, at_1, strict=True)]
    B, std = [float(zero.mean) for zero in at_0], [float(zero.std) for zero in at_0]
    best, k, generator = _best(A, B, std), T // 2, budget.generator("adjoint.optimum", seed)
    x, at_k, spread = standard_normal(N, generator=generator), None, 0.0
    for i, (a, b) in enumerate(best):
        at_k = x if i == k else at_k
        x = a * x + b + std[i] * standard_normal(N, generator=generator)
        spread = a**2 * spread + std[i] ** 2 if i >= k else 0.0  # Var(x | x_k)
    found = adjoint.end(GOAL - x, BETA)
    for i in reversed(range(k + 1, T)):
        found = adjoint.lean(found, (1 - A[i]) / STEPS_DOWN[i].h * found, STEPS_DOWN[i].h)
    assert at_k is not None
    step, moved = STEPS_DOWN[k], (best[k][0] - A[k]) * at_k + best[k][1] - B[k]
    lever = float(weights.lever(std[k] / step.h**0.5, step.t, step.h))
    u = adjoint.control(-moved / lever, 0 * moved, lever, std[k]).requires_grad_(True)
    carried = math.prod(A[k + 1 :])
    proxy = torch.full_like(x, (std[k] * carried / BETA) ** 2 * spread)

    def rests(arrived: Tensor) -> Outcome:
        (slope,) = torch.autograd.grad(adjoint.loss(u, arrived, std[k]).sum(), u)
        functions = {"1": torch.ones_like(x), "x": at_k}
        return residuals.zero_mean(slope, proxy, functions, claim("adjoint.optimum"), detects=0.035)

    early = adjoint.lean(found, (1 - A[k]) / step.h * found, step.h)
    must_reject("the adjoint at the level before the step", partial(rests, early))
    return [rests(found)]


def _best(A: list[float], B: list[float], std: list[float]) -> list[tuple[float, float]]:
    """Slopes and offsets of the best policy, backwards: the cost to go is (x − goal)²/(2 width)."""
    goal, width, rows = GOAL, BETA, []
    for a, b, s in reversed(list(zip(A, B, std, strict=True))):
        share = s**2 / (width + s**2)
        rows.append((a * (1 - share), b * (1 - share) + share * goal))
        goal, width = (goal - b) / a, (width + s**2) / a**2
    return rows[::-1]
