"""Adjoint Matching beside Flow-GRPO, where the best policy is known: what is reached, at what cost.

    run(folder)   →   adjoint.json        one command: refimpl study adjoint

Data N(1.5, 0.25), the reward −(x − 2.5)²/2, β = ½, ten uniform steps, and policies that hold the
optimum: v + b_i + c_i x. What a policy earns and costs is computed, not sampled; what a trainer
does is sampled, with its seed.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import methods
from ..equations import Coefficients, Gaussian, adjoint, paths, tilting
from ..methods import Method
from ..toy.grpo import adjoint as matching
from ..toy.grpo import exact
from ..toy.grpo.adjoint import MEMORYLESS
from ..toy.grpo.exact import Affine, Chain, Quadratic, best
from ..toy.grpo.loop import Trainer, advantage
from ..toy.grpo.policies import ExactField
from ..toy.grpo.problem import Problem, judge
from ..toy.grpo.settings import Settings
from .chains import WIDE
from .folder import Progress, write

DATA, REWARD, BETA = Gaussian(1.5, 0.5), Quadratic(2.5), 0.5
STEPS, T, GROUP, GROUPS = (5, 10, 20, 40), 10, 16, 16


@dataclass(frozen=True)
class Effort:
    """How much is run.

    Attributes:
        rates, seeds: learning rates that are tried, and the seeds of each.
        calls: network calls of a run.
        samples: for the noise of a gradient, a multiple of the group.
    """

    rates: tuple[float, ...] = (0.02, 0.05, 0.1)
    seeds: tuple[int, ...] = (0, 1)
    calls: int = 2_000_000
    samples: int = 16_384


FULL, QUICK = Effort(), Effort((0.1,), (0,), 200_000, 1024)

NAMES = ("Adjoint Matching", "Flow-GRPO, a = √2", "Flow-GRPO, a = 0.7")
COST = {"Adjoint Matching": 7, "Flow-GRPO, a = √2": 5, "Flow-GRPO, a = 0.7": 5}
"""Network calls per step and sample: one to roll out; three to train it, forward and backward; and
the reference, once for Flow-GRPO's KL, three times for a vector–Jacobian product."""


# ---------------------------------------------------------------- exact


def laws() -> list[dict[str, float]]:
    """By number of steps: the end of the loop's policy, ã read after a step or before it."""
    star = tilting.quadratic(DATA, REWARD.goal, BETA)
    rows = []
    for steps in STEPS:
        settings = matching.Settings(T=steps, beta=BETA)
        reference = _chain(Affine(WIDE, settings.grid), settings.method, settings)
        found: dict[str, float] = {"T": steps}
        for name in ("after", "before"):
            rested = matching.resting(reference, REWARD, BETA, taken=name)
            mean, variance = rested.moments()
            gain = _objective(rested, reference) - _objective(reference, reference)
            found |= {f"{name}, mean": float(mean[-1]) - star.mean}
            found |= {f"{name}, std": float(variance[-1]) ** 0.5 - star.std}
            found |= {f"{name}, gain": gain}
        rows.append(found)
    return rows


def flow_after(kappa: float, n: int = 20_000) -> Gaussian:
    """The end of the *flow* of the velocity that is optimal at κ times the memoryless noise.

    The tuned sampler itself ends in p* for every κ. Its velocity follows from the control,
    (1 + κ)(v* − v) = g² ∇J; the flow is a line in x at every t, and is solved by midpoints in the
    variable (1 − t)^κ, in which it is smooth.
    """
    mean, std = 0.0, 1.0
    for i in range(n):
        low, high, at = (((i + d) / n) ** (1 / kappa) for d in (0.0, 1.0, 0.5))
        h = high - low
        ends = [_tuned(kappa, at, x) for x in (0.0, 1.0)]
        slope, offset = ends[1] - ends[0], ends[0]
        shrink = math.exp(-h * slope)
        mean = mean * shrink - offset * -math.expm1(-h * slope) / slope if slope else mean
        std *= shrink
    return Gaussian(mean, std)


def _tuned(kappa: float, alpha: float, x: float) -> float:
    """v* at x, by Doob's transform of the sampler with κ times the memoryless noise."""
    c = Coefficients(alpha, 1 - alpha, -1.0, 1.0)
    variance = c.alpha**2 * DATA.std**2 + c.sigma**2
    rho = float(adjoint.memory(c, DATA.std, kappa))
    slope = rho * DATA.std / variance**0.5
    predicted = DATA.mean + slope * (x - c.alpha * DATA.mean)
    left = DATA.std**2 * (1 - rho**2)
    gradient = slope * (predicted - REWARD.goal) / (BETA + left)
    v = -DATA.mean + (c.sigma - alpha * DATA.std**2) / variance * (x - alpha * DATA.mean)
    return v + 2 * kappa * c.sigma / alpha * gradient / (1 + kappa)


def flows() -> list[dict[str, float]]:
    """For several noises: how much of its start the continuous sampler remembers at level 0.9, and
    where the flow of its tuned velocity ends, less where it should."""
    star = tilting.quadratic(DATA, REWARD.goal, BETA)
    rows = []
    for a in (0.7, 1.0, math.sqrt(2), 2.0):
        ended = flow_after(a**2 / 2)
        rows.append({
            "a": a,
            "kappa": a**2 / 2,
            "memory": float(adjoint.memory(paths.linear(0.9), DATA.std, a**2 / 2)),
            "mean": ended.mean - star.mean,
            "std": ended.std - star.std,
        })  # fmt: skip
    return rows


def _chain(policy: Affine, method: Method, settings: Any) -> Chain:
    with torch.no_grad():
        return exact.chain(policy, method, settings.grid)


def _objective(chain: Chain, reference: Chain) -> float:
    with torch.no_grad():
        return float(chain.objective(reference, REWARD, BETA))


# ---------------------------------------------------------------- one trainer each


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
    grid: Any
    iterate: Callable[[], object]
    gradients: Callable[[int], Tensor]
    samples: int

    @property
    def chain(self) -> Chain:
        """The policy's exact chain."""
        return _chain(self.policy, self.method, self)


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
        "gaussian", 1, torch.float64, 1, ExactField((WIDE,)), shifted,
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


# ---------------------------------------------------------------- measured


def noise(name: str, n: int) -> dict[str, float]:
    """The gradient of one sample, at the reference and at the best policy, in the same units.

    Returns:
        signal: squared mean over variance at the reference; start, best: the standard deviation at
        either; cosine: of the mean at the reference with the exact gradient.
    """
    made = runner(name, FULL.rates[0], seed=1)
    reference = made.chain
    at_start = made.gradients(n)
    truth = _gradient(made, reference)
    with torch.no_grad():
        settle(made.policy, reference, best(reference, REWARD, BETA), made.method, made.grid)
    at_best = made.gradients(n)
    mean = at_start.mean(dim=0)
    spread = float(at_start.var(dim=0).sum())
    return {
        "signal": (float(mean.square().sum()) - spread / n) / spread,
        "start": spread**0.5,
        "best": float(at_best.var(dim=0).sum()) ** 0.5,
        "cosine": float(mean @ truth / (mean.norm() * truth.norm())),
    }


def _gradient(made: Runner, reference: Chain) -> Tensor:
    """∇ of −(E r − β KL) in (b, c), by automatic differentiation of the exact chain."""
    value = exact.chain(made.policy, made.method, made.grid).objective(reference, REWARD, BETA)
    found = torch.autograd.grad(-value, [made.policy.b, made.policy.c])
    return torch.cat(found)


def settle(policy: Affine, old: Chain, new: Chain, method: Method, grid: Any) -> None:
    """Give the policy the b and c of a chain: a step's mean moves by −L (b + c x)."""
    lever = torch.tensor(methods.levers(method, grid), dtype=torch.float64)
    policy.b.copy_((old.offset - new.offset) / lever)
    policy.c.copy_((old.slope - new.slope) / lever)


def train(name: str, rate: float, seed: int, budget: int) -> Iterator[tuple[int, float, float]]:
    """(network calls so far, E r − E_ref r, KL) after every iteration, up to the budget."""
    made = runner(name, rate, seed)
    reference = made.chain
    base, calls = float(reference.expected(REWARD)), 0
    while calls < budget:
        made.iterate()
        calls += COST[name] * T * made.samples
        chain = made.chain
        yield calls, float(chain.expected(REWARD)) - base, float(chain.kl(reference))


def frontier(reference: Chain, kl: float) -> float:
    """The largest E r − E_ref r of any policy at this KL from the reference, by bisection in β."""
    low, high = 1e-3, 1e3
    for _ in range(100):
        middle = math.sqrt(low * high)
        spent = float(best(reference, REWARD, middle).kl(reference))
        low, high = (middle, high) if spent > kl else (low, middle)
    chosen = best(reference, REWARD, middle)
    return float(chosen.expected(REWARD)) - float(reference.expected(REWARD))


def reached(name: str, effort: Effort = FULL) -> dict[str, float]:
    """The best of the learning rates: what it reaches, how fast, and what it earns at half the KL.

    Returns:
        rate; short: the gap to the best objective over the last half of the run, as a share of the
        gain; calls: until 95 % of it were gained; equal: the reward gained when the KL first
        passes half of the optimum's, as a share of the most that this KL buys; calls_equal: until
        then.
    """
    reference = runner(name, FULL.rates[0], 0).chain
    top = best(reference, REWARD, BETA)
    most = _objective(top, reference) - _objective(reference, reference)
    half = float(top.kl(reference)) / 2
    tried = []
    for rate in effort.rates:
        runs = [list(train(name, rate, seed, effort.calls)) for seed in effort.seeds]
        rows = [_judged(run, reference, most, half) for run in runs]
        mean = {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}
        tried.append({"rate": rate, **mean})
    return min(tried, key=lambda row: row["short"])


def _judged(
    run: list[tuple[int, float, float]], reference: Chain, most: float, half: float
) -> dict[str, float]:
    gains = [(calls, (r - BETA * kl) / most) for calls, r, kl in run]
    late = [gain for _, gain in gains[len(gains) // 2 :]]
    calls, r, kl = next((row for row in run if row[2] >= half), run[-1])
    return {
        "short": 1 - sum(late) / len(late),
        "calls": next((calls for calls, gain in gains if gain >= 0.95), math.nan),
        "equal": r / frontier(reference, kl),
        "calls_equal": calls,
    }


def run(folder: Path, on_progress: Progress | None = None, effort: Effort = FULL) -> dict[str, Any]:
    """Compute all of it; write adjoint.json into the folder, made if absent."""
    folder.mkdir(parents=True, exist_ok=True)
    trainers = {}
    for i, name in enumerate(NAMES):
        if on_progress is not None:
            on_progress(i / len(NAMES), name)
        trainers[name] = {
            "cost": COST[name],
            **noise(name, effort.samples),
            **reached(name, effort),
        }
    record = {"laws": laws(), "flows": flows(), "trainers": trainers}
    write(folder / "adjoint.json", record)
    return record
