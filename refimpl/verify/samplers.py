"""Samplers without samples: exact replay, and the flow as a limit of the chain.

    replay(rollout, field) = the transitions that sampled, bit by bit        g = 0: Euler's method

The laws of the chains, golden numbers and weak orders are in `samplers_laws`.
"""

import torch
from torch import Tensor

from ..equations import ode, paths, policy, sde
from ..simulate import diffusion, grids, replay, rollout
from ..simulate.ode import adaptive, solve
from ..statistics import budget
from ..toy import field, mixture_1d
from . import samplers_laws, samplers_tilting  # noqa: F401  (importing registers)
from .check import Evidence, check
from .accepting import standard_normal


@check(
    "samplers",
    covers=("sde.transition", "gaussian.log_prob", "gaussian.sample", "policy.ratio"),
    rows=("GRPO-5",),
)
def replay_is_bitwise(seed: int) -> Evidence:
    """Replaying a rollout of (B, C, H, W) latents gives every log-probability again, bit by bit."""
    generator = budget.generator("replay", seed)
    x = standard_normal(3, 4, 2, 5, generator=generator)

    def v(x: Tensor, t: float) -> Tensor:
        return torch.sin(x) * (1 + t) + x.flip(-1) / 2

    done = rollout(
        v,
        x,
        grids.sd35_as_shipped(10),
        diffusion=diffusion.flow_grpo(0.7, sde.next_level),
        generator=generator,
    )
    for i, kernel in enumerate(replay(done, v)):
        again, stored = kernel.log_prob(done.states[i + 1]), done.log_prob(i)
        if not torch.equal(again, stored):
            raise AssertionError(
                f"step {i} scores differ by {float((again - stored).abs().max()):.3g}"
            )
        if not bool((policy.ratio(policy.total(again), policy.total(stored)) == 1).all()):
            raise AssertionError(f"step {i}: the ratio of a policy with itself is not 1")
        e = (done.states[i + 1] - kernel.mean) / kernel.std
        if (
            not float((e - done.noise[i]).abs().max()) < 1e-12
        ):  # cancellation in x_s − mean: eps · |x|/std
            raise AssertionError(f"step {i}: the residual is not the noise that was drawn")
    return Evidence(
        "10 steps of 120 numbers: log-probabilities bitwise, ratio exactly 1", {"largest gap": 0.0}
    )


@check("samplers", covers=("sde.transition", "ode.euler"), rows=("DYN-9", "GRPO-6"))
def without_noise_the_chain_is_euler(seed: int) -> Evidence:
    """g = 0 turns the SDE's chain into Euler's method for the flow, bit by bit."""
    noise = standard_normal(4, 3, 2, generator=budget.generator("euler", seed))
    v = field(mixture_1d())
    x, grid = noise[..., :1], grids.uniform(10)
    done = rollout(
        v, x, grid, diffusion=diffusion.constant(0.0), noise=torch.ones(10, *x.shape, dtype=x.dtype)
    )
    if not torch.equal(done.states[-1], solve(ode.euler, v, x, grid)):
        raise AssertionError("a chain with g = 0 is not Euler's method")
    return Evidence("10 steps, bitwise", {"largest gap": 0.0})


@check(
    "samplers",
    covers=("paths.velocity", "density.posterior", "density.conditional_mean"),
    rows=("VF-3", "DYN-9"),
)
def flow_transports_every_quantile(seed: int) -> Evidence:
    """In one dimension the flow keeps order: F_s(x_s) = F_t(x_t) along every trajectory."""
    p, gap = mixture_1d(), 0.0
    x = torch.linspace(-4, 4, 161, dtype=torch.float64)[:, None]
    for path, start in ((paths.linear, 1.0), (paths.cosine, 1.0)):
        for end in (0.5, 0.1, 0.0):
            y = adaptive(field(p, path), x, start, end)
            gap = max(gap, float((p.at(path(end)).cdf(y) - p.at(path(start)).cdf(x)).abs().max()))
    if not gap < 1e-8:  # local errors of 1e-10 over some hundred steps
        raise AssertionError(f"quantiles drift by {gap:.3g} along the flow")
    return Evidence(
        f"161 trajectories on two paths, largest drift {gap:.1e}", {"largest drift": gap}
    )
