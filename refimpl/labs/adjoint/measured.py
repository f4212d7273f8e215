"""What a trainer reaches and at what cost: noise of its gradient, calls, reward at equal KL."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...toy.grpo import exact
from ...toy.grpo.exact import Chain, best
from .problem import BETA, REWARD, T, objective_of
from .trainers import COST, Runner, runner, settle


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
    most = objective_of(top, reference) - objective_of(reference, reference)
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
